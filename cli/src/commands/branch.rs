//! `lakebed branch …`: branches. Its verbs are here, but for `protection` and `reset`.

mod protection;
mod reset;

use anyhow::Result;
use clap::Subcommand;
use futures::TryStreamExt;
use lakebed_sdk::{BranchName, CommitId, HardReset, Lakebed, ObjectPath, Uncommitted, UnstageScope};
use serde_json::json;

use super::short_ids::{hidden_commit, tell_of_hidden};
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
        /// The branch, tag or commit that the new branch begins at
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
        /// Those that are deleted and can be brought back
        #[arg(long)]
        deleted: bool,
        /// Hidden ones too, such as those of transactions that are under way
        #[arg(long, conflicts_with = "deleted")]
        hidden: bool,
    },
    /// Show a branch
    Show {
        /// lakebed://repository/branch
        branch: RefUri,
    },
    /// Delete a branch; `branch undelete` brings it back for a while
    Delete {
        /// lakebed://repository/branch
        branch: RefUri,
        /// Don't ask
        #[arg(long, short)]
        yes: bool,
    },
    /// Bring back the branch that was deleted last under a name
    ///
    /// Deleted branches are remembered for as long as the reflog is (30 days, unless the server is set otherwise);
    /// their uncommitted changes for 7 days, and until the name is used again.
    Undelete {
        /// lakebed://repository/branch
        branch: RefUri,
    },
    /// Have branches change by merges only: nothing is written to them or committed, and they aren't reset or deleted
    Protect {
        /// lakebed://repository/branch, or a pattern of branches: * is any text, ? any character
        branches: RefUri,
    },
    /// Let branches be written to again that `branch protect` protected by the same name or pattern
    Unprotect {
        /// lakebed://repository/branch, or a pattern as `repo show` shows them
        branches: RefUri,
    },
    /// Drop a branch's uncommitted changes, or move the branch to another commit with --hard
    Reset {
        /// lakebed://repository/branch
        branch: RefUri,
        /// Drop only the changes of paths that begin so
        #[arg(long, conflicts_with = "path")]
        prefix: Option<String>,
        /// Drop only the change at this path
        #[arg(long)]
        path: Option<ObjectPath>,
        /// Move the branch to this branch, tag or commit; uncommitted changes stay, unless --discard is given too
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
                let hidden = hidden_commit(lakebed, branch).await;
                let made = lakebed.create_branch(&branch.repository, &name(branch)?, &from).await?;
                tell_of_hidden(branch, &hidden);
                output.item(&view::branch(&made), || {
                    format!("Created {branch} at {}", view::short(&made.commit.to_string()))
                })
            }
            Self::List { repository, prefix, deleted: true, .. } => {
                let mut deletions = lakebed.list_deleted_branches(&repository.repository, prefix);
                while let Some(deletion) = deletions.try_next().await? {
                    output.item(&view::reflog_entry(&deletion), || {
                        let head = deletion.old.map(|id| id.to_string()).unwrap_or_default();
                        format!("{}  {}  deleted {}", view::short(&head), deletion.branch, deletion.at)
                    })?;
                }
                Ok(())
            }
            Self::List { repository, prefix, hidden, .. } => {
                let mut branches = lakebed.list_branches(&repository.repository, prefix, *hidden);
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
                agree(*yes, &format!("Deleting {branch} can be undone for a while only (`branch undelete`)"))?;
                lakebed.delete_branch(&branch.repository, &name(branch)?).await?;
                output.item(&json!({ "deleted": branch.to_string() }), || format!("Deleted {branch}"))
            }
            Self::Undelete { branch } => {
                let (back, uncommitted) = lakebed.undelete_branch(&branch.repository, &name(branch)?).await?;
                let value = json!({ "branch": view::branch(&back), "uncommitted": view::uncommitted(&uncommitted) });
                output.item(&value, || {
                    let changes = match uncommitted {
                        Uncommitted::Absent => "it had no uncommitted changes",
                        Uncommitted::Kept(_) => "its uncommitted changes are back too",
                        Uncommitted::Gone => "its uncommitted changes are gone: they weren't kept for so long",
                    };
                    format!("Brought {branch} back at {}; {changes}", view::short(&back.commit.to_string()))
                })
            }
            Self::Protect { branches } => protection::protect(lakebed, output, branches).await,
            Self::Unprotect { branches } => protection::unprotect(lakebed, output, branches).await,
            Self::Reset { branch, hard: Some(to), discard, expected, yes, .. } => {
                let reset = HardReset { to: to.clone(), expected: *expected, discard_uncommitted: *discard };
                reset::hard(lakebed, output, branch, reset, *yes).await
            }
            Self::Reset { branch, prefix, path, yes, .. } => {
                let scope = match (prefix, path) {
                    (Some(prefix), _) => UnstageScope::Prefix(prefix.clone()),
                    (None, Some(path)) => UnstageScope::Path(path.clone()),
                    (None, None) => UnstageScope::All,
                };
                reset::uncommitted(lakebed, output, branch, scope, *yes).await
            }
        }
    }
}

fn name(branch: &RefUri) -> Result<BranchName> {
    Ok(branch.branch()?)
}
