//! `lakebed fs rm`: deletes objects of a branch, in batches; so does `--delete` of an upload.

use anyhow::{Result, bail};
use futures::{TryStreamExt, future};
use lakebed_sdk::{BranchName, DELETE_MAX, Lakebed, ListItem, ListOptions, ObjectPath};
use serde_json::json;

use crate::exit::NotFound;
use crate::output::{Output, count, shown, warn};
use crate::progress;
use crate::uri::PathUri;

pub(super) async fn remove(lakebed: &Lakebed, path: &PathUri, recursive: bool, output: Output) -> Result<()> {
    let branch: BranchName = path.reference.parse()?;
    let deleted = if recursive {
        remove_prefix(lakebed, path, &branch).await?
    } else {
        // A path that names nothing is most likely a typing error: say so, where S3 would be silent.
        let object = lakebed.stat(&path.repository, &path.reference, &path.object()?).await?;
        delete(lakebed, path, &branch, &[object.path]).await?;
        1
    };
    output.item(&json!({ "deleted": deleted }), || format!("Deleted {}", count(deleted as u64, "object")))
}

async fn remove_prefix(lakebed: &Lakebed, path: &PathUri, branch: &BranchName) -> Result<usize> {
    let options = ListOptions { prefix: path.path.clone(), ..ListOptions::default() };
    let bar = progress::count("deleting");
    let mut deleted = 0;
    let paths = lakebed.list_objects(&path.repository, &path.reference, options).try_filter_map(|item| {
        future::ready(Ok(match item {
            ListItem::Object(object) => Some(object.path),
            ListItem::CommonPrefix(_) => None,
        }))
    });
    let mut batches = paths.try_chunks(DELETE_MAX);
    while let Some(paths) = batches.try_next().await.map_err(|error| error.1)? {
        delete(lakebed, path, branch, &paths).await?;
        deleted += paths.len();
        bar.inc(paths.len() as u64);
    }
    bar.finish_and_clear();
    if deleted == 0 {
        // Most likely a typing error, as above.
        return Err(NotFound(format!("nothing was deleted: no object's path begins with {path}")).into());
    }
    Ok(deleted)
}

/// Deletes at most [`DELETE_MAX`] objects, and tells which couldn't be.
pub(super) async fn delete(lakebed: &Lakebed, path: &PathUri, branch: &BranchName, paths: &[ObjectPath]) -> Result<()> {
    let failures = lakebed.delete_objects(&path.repository, branch, paths).await?;
    for failure in &failures {
        warn(&format!("{}: {}", shown(&failure.path), failure.message));
    }
    if !failures.is_empty() {
        bail!("{} not deleted", count(failures.len() as u64, "object"));
    }
    Ok(())
}
