//! `lakebed branch …`: branches.

use anyhow::Result;
use clap::Subcommand;
use futures::TryStreamExt;
use lakebed_sdk::{BranchName, CommitId, HardReset, Lakebed, ObjectPath, UnstageScope};

use super::{agree, source};
use crate::output::Output;
use crate::uri::{RefUri, RepositoryUri};
use crate::view;

#[derive(Subcommand, Debug)]
pub(crate) enum Branch {
    /// Make a branch; copies nothing
    Create {
        /// lakebed://repository/branch
        branch: RefUri,
        /// The branch, tag or commit that it begins at
        #[arg(long, value_name = "REF")]
        source: String,
    },
    /// List branches
    List {
        /// lakebed://repository
        repository: RepositoryUri,
        /// Only those whose names begin so
        #[arg(long, default_value = "")]
        prefix: String,
    },
    /// Show a branch
    Show {
        /// lakebed://repository/branch
        branch: RefUri,
    },
    /// Delete a branch and its uncommitted changes
    Delete {
        /// lakebed://repository/branch
        branch: RefUri,
        /// Don't ask
        #[arg(long, short)]
        yes: bool,
    },
    /// Drop uncommitted changes, or move a branch to another commit with --hard
    Reset {
        /// lakebed://repository/branch
        branch: RefUri,
        /// Only beneath this prefix
        #[arg(long, conflicts_with = "path")]
        prefix: Option<String>,
        /// Only at this path
        #[arg(long)]
        path: Option<ObjectPath>,
        /// Move the branch to this branch, tag or commit; uncommitted changes stay
        #[arg(long, value_name = "REF", conflicts_with_all = ["prefix", "path"])]
        hard: Option<String>,
        /// Drop uncommitted changes in the same step
        #[arg(long, requires = "hard")]
        discard: bool,
        /// Only if the branch is at this commit (64 hex digits)
        #[arg(long, value_name = "COMMIT", requires = "hard")]
        expected: Option<CommitId>,
        /// Don't ask
        #[arg(long, short)]
        yes: bool,
    },
}

impl Branch {
    pub(crate) async fn run(&self, lakebed: &Lakebed, output: Output) -> Result<()> {
        match self {
            Self::Create { branch, source: from } => {
                let from = source(from, &branch.repository)?;
                let made = lakebed.create_branch(&branch.repository, &name(branch)?, &from).await?;
                output.item(&view::branch(&made), || {
                    format!("Created {branch} at {}", view::short(&made.commit.to_string()))
                })
            }
            Self::List { repository, prefix } => {
                let mut branches = lakebed.list_branches(&repository.repository, prefix);
                while let Some(branch) = branches.try_next().await? {
                    output.item(&view::branch(&branch), || {
                        format!("{}  {}", view::short(&branch.commit.to_string()), branch.name)
                    })?;
                }
                Ok(())
            }
            Self::Show { branch } => {
                let found = lakebed.get_branch(&branch.repository, &name(branch)?).await?;
                output.item(&view::branch(&found), || {
                    format!("name     {}\ncommit   {}\ncreated  {}", found.name, found.commit, found.created_at)
                })
            }
            Self::Delete { branch, yes } => {
                agree(*yes, &format!("Deleting {branch} with its uncommitted changes"))?;
                lakebed.delete_branch(&branch.repository, &name(branch)?).await?;
                output.item(&serde_json::json!({ "deleted": branch.to_string() }), || format!("Deleted {branch}"))
            }
            Self::Reset { branch, hard: Some(to), discard, expected, yes, .. } => {
                let uncommitted = if *discard { " and dropping its uncommitted changes" } else { "" };
                agree(*yes, &format!("Moving {branch} to {to}{uncommitted}"))?;
                let to = source(to, &branch.repository)?;
                let reset = HardReset { to, expected: *expected, discard_uncommitted: *discard };
                let reset = lakebed.hard_reset(&branch.repository, &name(branch)?, reset).await?;
                output.item(&view::branch(&reset), || {
                    format!("Moved {branch} to {}", view::short(&reset.commit.to_string()))
                })
            }
            Self::Reset { branch, prefix, path, yes, .. } => {
                let scope = match (prefix, path) {
                    (Some(prefix), _) => UnstageScope::Prefix(prefix.clone()),
                    (None, Some(path)) => UnstageScope::Path(path.clone()),
                    (None, None) => UnstageScope::All,
                };
                agree(*yes, &format!("Dropping uncommitted changes of {branch}"))?;
                let reset = lakebed.reset_branch(&branch.repository, &name(branch)?, scope).await?;
                output.item(&view::branch(&reset), || {
                    format!("Reset {branch} to {}", view::short(&reset.commit.to_string()))
                })
            }
        }
    }
}

fn name(branch: &RefUri) -> Result<BranchName> {
    Ok(branch.reference.parse()?)
}
