//! `lakebed fs cp` and `lakebed fs mv`: objects at other paths of a repository, without copying a byte.

use anyhow::{Result, bail};
use futures::TryStreamExt;
use lakebed_sdk::{BranchName, CopyObjects, Lakebed, Moved, Object};
use serde_json::json;

use super::{Tree, subtree, would};
use crate::commands::refuse_unless_branch;
use crate::exit::usage;
use crate::output::{Output, count, shown, warn};
use crate::uri::PathUri;

pub(super) async fn copy(lakebed: &Lakebed, from: &PathUri, to: &PathUri, tree: Tree, output: Output) -> Result<()> {
    let branch = branch_for(from, to, tree.recursive)?;
    let copied = if tree.dry_run {
        would_transfer(lakebed, from, to, tree.recursive, "copy", output).await?
    } else {
        let mut copied = 0;
        for request in requests(lakebed, from, to, tree.recursive).await? {
            copied += lakebed.copy_objects(&to.repository, &from.reference, &branch, request).await?;
        }
        copied
    };
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
    let branch = branch_for(from, to, tree.recursive)?;
    let mut done = Moved { moved: 0, kept: 0 };
    if tree.dry_run {
        done.moved = would_transfer(lakebed, from, to, tree.recursive, "move", output).await?;
    } else {
        for request in requests(lakebed, from, to, tree.recursive).await? {
            let Moved { moved, kept } = lakebed.move_objects(&to.repository, &branch, request).await?;
            done.moved += moved;
            done.kept += kept;
        }
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

/// The branch that is written to. Refuses a copy that would find its own copies, or write over what it has yet to copy.
fn branch_for(from: &PathUri, to: &PathUri, recursive: bool) -> Result<BranchName> {
    if from.repository != to.repository {
        usage!("{from} and {to} are in different repositories: download and upload, or copy over S3");
    }
    let branch = to.branch()?;
    if from.reference != to.reference {
        return Ok(branch);
    }
    let (folder, into) = (subtree::folder(from).path, subtree::folder(to).path);
    if recursive && (folder.starts_with(&into) || into.starts_with(&folder)) {
        usage!("{from} and {to} hold one another: go by way of a third folder");
    }
    if !recursive && subtree::object_into(&from.path, &to.path) == from.path {
        usage!("{from} is there already: name another path");
    }
    Ok(branch)
}

/// What the server is asked to do: it takes an object, or a prefix.
async fn requests(lakebed: &Lakebed, from: &PathUri, to: &PathUri, recursive: bool) -> Result<Vec<CopyObjects>> {
    let single = || {
        let into = subtree::object_into(&from.path, &to.path);
        CopyObjects { from: from.path.clone(), to: into, recursive: false }
    };
    if !recursive {
        return Ok(vec![single()]);
    }
    let folder = CopyObjects { from: subtree::folder(from).path, to: subtree::folder(to).path, recursive: true };
    Ok(match named(lakebed, from, to).await? {
        Some(_) => vec![folder, single()],
        None => vec![folder],
    })
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

async fn would_transfer(
    lakebed: &Lakebed,
    from: &PathUri,
    to: &PathUri,
    recursive: bool,
    word: &str,
    output: Output,
) -> Result<u64> {
    refuse_unless_branch(lakebed, &to.repository, &to.branch()?).await?;
    if !recursive {
        let object = lakebed.stat(&from.repository, &from.reference, &from.object()?).await?;
        would::transfer(output, word, &object.path, &subtree::object_into(&from.path, &to.path))?;
        return Ok(1);
    }
    named(lakebed, from, to).await?;
    let mut objects = Box::pin(subtree::objects(lakebed, from).await?);
    let mut number = 0;
    while let Some(Object { path, .. }) = objects.try_next().await? {
        match subtree::destination(from, to, path.as_str()) {
            Some(goes) => would::transfer(output, word, &path, &goes)?,
            None => bail!("{} isn't under {from}, but was listed so", shown(path.as_str())),
        }
        number += 1;
    }
    Ok(number)
}
