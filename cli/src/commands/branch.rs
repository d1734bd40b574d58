//! `lakebed branch …`: branches.

use anyhow::Result;
use clap::Subcommand;
use futures::TryStreamExt;
use lakebed_sdk::{
    BranchName, BranchPattern, CommitId, DiffOptions, HardReset, Lakebed, ObjectPath, Reason, Repository, TagName,
    Uncommitted, UnstageScope,
};
use serde_json::json;

use super::short_ids::{hidden_commit, tell_of_hidden};
use super::{agree, source};
use crate::exit::NotFound;
use crate::output::{Output, count, shown, warn};
use crate::uri::{RefUri, RepositoryUri};
use crate::view;

/// How often the protection of branches is decided anew while others change it.
const ATTEMPTS_MAX: u32 = 5;

/// How many changes that a reset would drop are counted, and how many of them are named.
const LOST_COUNTED_MAX: u64 = 1000;
const LOST_NAMED_MAX: usize = 3;

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
    /// Have branches change by merges only: nothing is written to them, committed or reset
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
            Self::Protect { branches } => {
                let pattern: BranchPattern = branches.reference.parse()?;
                check_is_branch(lakebed, branches).await?;
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
                        let protected = listed(patterns);
                        let why = format!("nothing is protected by the name or pattern {pattern}: {protected}");
                        return Err(NotFound(why).into());
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
                let lost = if *discard && !yes { lost(lakebed, branch, &UnstageScope::All).await? } else { None };
                let cost = match lost {
                    Some(lost) => format!("drops {lost}, which can't be undone"),
                    None => "keeps what is uncommitted, and leaves the present head to the reflog".to_owned(),
                };
                agree(*yes, &format!("Moving {branch} to {to} {cost}"))?;
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
                if !yes {
                    let lost = lost(lakebed, branch, &scope).await?;
                    let lost = lost.unwrap_or_else(|| "all uncommitted changes (there are none now)".to_owned());
                    agree(false, &format!("Dropping {lost} of {branch} can't be undone"))?;
                }
                let reset = lakebed.reset_branch(&branch.repository, &name(branch)?, scope).await?;
                output.item(&view::branch(&reset), || {
                    format!("Reset {branch} to {}", view::short(&reset.commit.to_string()))
                })
            }
        }
    }
}

/// Says which uncommitted changes a reset would drop; `None` if there are none.
async fn lost(lakebed: &Lakebed, branch: &RefUri, scope: &UnstageScope) -> Result<Option<String>> {
    let prefix = match scope {
        UnstageScope::All => String::new(),
        UnstageScope::Prefix(prefix) => prefix.clone(),
        UnstageScope::Path(path) => path.to_string(),
    };
    let is_meant = |path: &str| !matches!(scope, UnstageScope::Path(only) if only.as_str() != path);
    let options = DiffOptions { prefix, ..DiffOptions::default() };
    let mut changes = lakebed.diff_uncommitted(&branch.repository, &name(branch)?, options);
    let (mut found, mut named) = (0, Vec::new());
    while found <= LOST_COUNTED_MAX
        && let Some(change) = changes.try_next().await?
    {
        // The path itself is the first that begins so.
        if !is_meant(&change.path) {
            break;
        }
        found += 1;
        if named.len() < LOST_NAMED_MAX {
            named.push(shown(&change.path).into_owned());
        }
    }
    let changes = match found {
        0 => return Ok(None),
        1..=LOST_COUNTED_MAX => count(found, "uncommitted change"),
        _ => format!("more than {LOST_COUNTED_MAX} uncommitted changes"),
    };
    let more = if found > named.len() as u64 { ", …" } else { "" };
    Ok(Some(format!("{changes} ({}{more})", named.join(", "))))
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

/// Refuses a tag, and says of a name that no branch has that it protects nothing yet; patterns are of branches to come too.
async fn check_is_branch(lakebed: &Lakebed, branches: &RefUri) -> Result<()> {
    let Ok(name) = branches.reference.parse::<BranchName>() else { return Ok(()) };
    match lakebed.get_branch(&branches.repository, &name).await {
        Err(error) if error.reason == Reason::BranchNotFound => {}
        _ => return Ok(()),
    }
    if let Ok(tag) = branches.reference.parse::<TagName>()
        && lakebed.get_tag(&branches.repository, &tag).await.is_ok()
    {
        return Err(
            NotFound(format!("{tag} is a tag, which doesn't move and needs no protection: name a branch")).into()
        );
    }
    warn(&format!("there is no branch {name} yet; one that is made will be protected"));
    Ok(())
}

fn listed(patterns: &[BranchPattern]) -> String {
    match patterns {
        [] => "no branch is protected".to_owned(),
        some => {
            let names: Vec<_> = some.iter().map(ToString::to_string).collect();
            format!("protected are {}", names.join(", "))
        }
    }
}

fn still_protected_by<'a>(repository: &'a Repository, branch: &BranchName) -> Option<&'a BranchPattern> {
    repository.protected.iter().find(|pattern| pattern.matches(branch))
}

fn name(branch: &RefUri) -> Result<BranchName> {
    Ok(branch.branch()?)
}
