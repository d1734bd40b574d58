//! `lakebed branch …`: branches.

use anyhow::{Result, bail};
use clap::Subcommand;
use futures::TryStreamExt;
use lakebed_sdk::{
    BranchName, BranchPattern, CommitId, HardReset, Lakebed, ObjectPath, Reason, Repository, Uncommitted, UnstageScope,
};
use serde_json::json;

use super::{agree, source};
use crate::output::Output;
use crate::uri::{RefUri, RepositoryUri};
use crate::view;

/// How often the protection of branches is decided anew while others change it.
const ATTEMPTS_MAX: u32 = 5;

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
    /// Have branches change by merges only: nothing is written to them, committed or reset
    Protect {
        /// lakebed://repository/branch, or a pattern of branches: * is any text, ? any character
        branches: RefUri,
    },
    /// Let branches be written to again that `branch protect` protected by the same name or pattern
    Unprotect {
        /// lakebed://repository/branch, or the pattern as `repo show` shows it
        branches: RefUri,
    },
    /// Drop uncommitted changes, or move a branch to another commit with --hard
    Reset {
        /// lakebed://repository/branch
        branch: RefUri,
        /// Only under this prefix
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
            Self::Protect { branches } => {
                let pattern: BranchPattern = branches.reference.parse()?;
                let changed = change_protection(lakebed, branches, |patterns| {
                    if !patterns.contains(&pattern) {
                        patterns.push(pattern.clone());
                    }
                    Ok(())
                });
                output.item(&view::repository(&changed.await?), || format!("{branches} changes by merges only"))
            }
            Self::Unprotect { branches } => {
                let pattern: BranchPattern = branches.reference.parse()?;
                let changed = change_protection(lakebed, branches, |patterns| {
                    let Some(at) = patterns.iter().position(|there| *there == pattern) else {
                        bail!("nothing protects {pattern} by this name or pattern: {}", listed(patterns));
                    };
                    patterns.remove(at);
                    Ok(())
                });
                let changed = changed.await?;
                output.item(&view::repository(&changed), || {
                    match pattern.to_string().parse().ok().and_then(|branch| still_protected_by(&changed, &branch)) {
                        Some(other) => format!("{branches} still changes by merges only, by the pattern {other}"),
                        None => format!("{branches} can be written to"),
                    }
                })
            }
            Self::Reset { branch, hard: Some(to), discard, expected, yes, .. } => {
                let cost = match discard {
                    true => " and dropping its uncommitted changes, which can't be undone",
                    false => " leaves its present head to the reflog",
                };
                agree(*yes, &format!("Moving {branch} to {to}{cost}"))?;
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
                agree(*yes, &format!("Dropping uncommitted changes of {branch} can't be undone"))?;
                let reset = lakebed.reset_branch(&branch.repository, &name(branch)?, scope).await?;
                output.item(&view::branch(&reset), || {
                    format!("Reset {branch} to {}", view::short(&reset.commit.to_string()))
                })
            }
        }
    }
}

/// Changes the patterns of protected branches. Decided anew when somebody else changed them meanwhile.
async fn change_protection(
    lakebed: &Lakebed,
    branches: &RefUri,
    decide: impl Fn(&mut Vec<BranchPattern>) -> Result<()>,
) -> Result<Repository> {
    let mut attempts = 0;
    loop {
        attempts += 1;
        let before = lakebed.get_repository(&branches.repository).await?.protected;
        let mut wanted = before.clone();
        decide(&mut wanted)?;
        match lakebed.protect_branches(&branches.repository, &wanted, Some(&before)).await {
            Err(error) if error.reason == Reason::SettingsChanged && attempts < ATTEMPTS_MAX => {}
            changed => return Ok(changed?),
        }
    }
}

fn listed(patterns: &[BranchPattern]) -> String {
    match patterns {
        [] => "no branch is protected".to_owned(),
        some => format!("there are {}", some.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")),
    }
}

fn still_protected_by<'a>(repository: &'a Repository, branch: &BranchName) -> Option<&'a BranchPattern> {
    repository.protected.iter().find(|pattern| pattern.matches(branch))
}

fn name(branch: &RefUri) -> Result<BranchName> {
    Ok(branch.reference.parse()?)
}
