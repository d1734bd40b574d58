//! `lakebed branch reset`: drops uncommitted changes, or moves a branch to another commit. Invariant: what can't be undone is named
//! before it is agreed to.

use anyhow::Result;
use futures::TryStreamExt;
use lakebed_sdk::{DiffOptions, HardReset, Lakebed, UnstageScope};

use super::name;
use crate::commands::{agree, source};
use crate::output::{Output, count, shown};
use crate::uri::RefUri;
use crate::view;

/// How many changes that a reset would drop are counted, and how many of them are named.
const LOST_COUNTED_MAX: u64 = 1000;
const LOST_NAMED_MAX: usize = 3;

/// Moves a branch.
pub(super) async fn hard(
    lakebed: &Lakebed,
    output: Output,
    branch: &RefUri,
    reset: HardReset,
    yes: bool,
) -> Result<()> {
    let lost = if reset.discard_uncommitted && !yes { lost(lakebed, branch, &UnstageScope::All).await? } else { None };
    let cost = match lost {
        Some(lost) => format!("drops {lost}, which can't be undone"),
        None => "keeps what is uncommitted, and leaves the present head to the reflog".to_owned(),
    };
    agree(yes, &format!("Moving {branch} to {} {cost}", reset.to))?;
    let reset = HardReset { to: source(&reset.to, &branch.repository)?, ..reset };
    let reset = lakebed.hard_reset(&branch.repository, &name(branch)?, reset).await?;
    output.item(&view::branch(&reset), || format!("Moved {branch} to {}", view::short(&reset.commit.to_string())))
}

/// Drops uncommitted changes.
pub(super) async fn uncommitted(
    lakebed: &Lakebed,
    output: Output,
    branch: &RefUri,
    scope: UnstageScope,
    yes: bool,
) -> Result<()> {
    if !yes {
        let lost = lost(lakebed, branch, &scope).await?;
        let lost = lost.unwrap_or_else(|| "all uncommitted changes (there are none now)".to_owned());
        agree(false, &format!("Dropping {lost} of {branch} can't be undone"))?;
    }
    let reset = lakebed.reset_branch(&branch.repository, &name(branch)?, scope).await?;
    output.item(&view::branch(&reset), || format!("Reset {branch} to {}", view::short(&reset.commit.to_string())))
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
