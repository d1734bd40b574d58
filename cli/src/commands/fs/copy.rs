//! `lakebed fs cp` and `lakebed fs mv`: objects at other paths of a repository, without copying a byte. Owns which objects a
//! command means; leaves to the server whether they may be copied, which judges a dry run as it judges the deed.

use anyhow::{Result, bail};
use futures::TryStreamExt;
use futures::stream::BoxStream;
use lakebed_sdk::{BranchName, CopyObjects, Error, Lakebed, Moved, Object, Previewed};
use serde_json::json;

use super::{Tree, subtree, would};
use crate::exit::usage;
use crate::output::{Output, count, warn};
use crate::uri::PathUri;

pub(super) async fn copy(lakebed: &Lakebed, from: &PathUri, to: &PathUri, tree: Tree, output: Output) -> Result<()> {
    let branch = branch_for(from, to)?;
    let mut copied = 0;
    for request in requests(lakebed, from, to, tree.recursive).await? {
        copied += if tree.dry_run {
            let previewed = lakebed.preview_copy(&to.repository, &from.reference, &branch, request).await?;
            print_preview("copy", previewed, output).await?
        } else {
            lakebed.copy_objects(&to.repository, &from.reference, &branch, request).await?
        };
    }
    if copied == 0 {
        return Err(subtree::nothing("copied", from));
    }
    let did = if tree.dry_run { "Would copy" } else { "Copied" };
    let value = json!({ "copied": copied, "dry_run": tree.dry_run });
    output.item(&value, || format!("{did} {}", count(copied, "object")))
}

pub(super) async fn rename(lakebed: &Lakebed, from: &PathUri, to: &PathUri, tree: Tree, output: Output) -> Result<()> {
    if from.reference != to.reference {
        usage!("{from} and {to} are on different refs: objects move within a branch; copy them with fs cp");
    }
    let branch = branch_for(from, to)?;
    let mut done = Moved { moved: 0, kept: 0 };
    for request in requests(lakebed, from, to, tree.recursive).await? {
        let Moved { moved, kept } = if tree.dry_run {
            let previewed = lakebed.preview_move(&to.repository, &branch, request).await?;
            Moved { moved: print_preview("move", previewed, output).await?, kept: 0 }
        } else {
            lakebed.move_objects(&to.repository, &branch, request).await?
        };
        done.moved += moved;
        done.kept += kept;
    }
    if (done.moved, done.kept) == (0, 0) {
        return Err(subtree::nothing("moved", from));
    }
    let did = if tree.dry_run { "Would move" } else { "Moved" };
    let value = json!({ "moved": done.moved, "kept": done.kept, "dry_run": tree.dry_run });
    output.item(&value, || format!("{did} {}", count(done.moved, "object")))?;
    if done.kept > 0 {
        warn("the others were written anew meanwhile: what was there before was copied, what is there now stayed");
        bail!("{} not moved", count(done.kept, "object"));
    }
    Ok(())
}

/// The branch that is written to.
fn branch_for(from: &PathUri, to: &PathUri) -> Result<BranchName> {
    if from.repository != to.repository {
        usage!("{from} and {to} are in different repositories: download and upload, or copy over S3");
    }
    Ok(to.branch()?)
}

/// What the server is asked to do: it takes an object, or a prefix.
async fn requests(lakebed: &Lakebed, from: &PathUri, to: &PathUri, recursive: bool) -> Result<Vec<CopyObjects>> {
    if !recursive {
        return Ok(vec![subtree::copy_of_object(from, to)]);
    }
    // The folder first: it may be refused, and then nothing was done.
    let mut requests = vec![subtree::copy_of_folder(from, to)];
    requests.extend(named(lakebed, from, to).await?.map(|_| subtree::copy_of_object(from, to)));
    Ok(requests)
}

/// The object beside the folder of its name. It may not take the place of one that comes out of the folder.
async fn named(lakebed: &Lakebed, from: &PathUri, to: &PathUri) -> Result<Option<Object>> {
    let Some(object) = subtree::object(lakebed, from).await? else { return Ok(None) };
    let goes = subtree::object_into(&from.path, &to.path);
    if let Some(inner) = goes.strip_prefix(subtree::folder(to).path.as_str()) {
        let other = subtree::folder(from);
        let other = other.with_path(format!("{}{inner}", other.path));
        if subtree::object(lakebed, &other).await?.is_some() {
            usage!("{from} and {other} would both become {}: give one of them another path", to.with_path(goes));
        }
    }
    Ok(Some(object))
}

/// Prints what the server would copy or move; it refuses what it would refuse then. → how many
async fn print_preview(
    word: &str,
    mut previewed: BoxStream<'_, Result<Previewed, Error>>,
    output: Output,
) -> Result<u64> {
    let mut number = 0;
    while let Some(Previewed { from, to }) = previewed.try_next().await? {
        would::transfer(output, word, &from, &to)?;
        number += 1;
    }
    Ok(number)
}
