//! `lakebed fs rm`: deletes objects of a branch, in batches; so does `--delete` of an upload.

use anyhow::Result;
use futures::TryStreamExt;
use indicatif::ProgressBar;
use lakebed_sdk::{BranchName, Code, DELETE_MAX, DeleteFailure, Lakebed, Object, ObjectPath, Reason};
use serde_json::json;

use super::{Tree, subtree, would};
use crate::commands::refuse_unless_branch;
use crate::output::{Notes, Output, count, shown};
use crate::progress;
use crate::uri::PathUri;

pub(super) async fn remove(lakebed: &Lakebed, path: &PathUri, tree: Tree, output: Output) -> Result<()> {
    let branch = path.branch()?;
    if tree.dry_run {
        refuse_unless_branch(lakebed, &path.repository, &branch).await?;
    }
    let deleted = if tree.recursive {
        remove_tree(lakebed, path, &branch, tree, output).await?
    } else {
        // A path that names nothing is most likely a typing error: say so, where S3 would be silent.
        let object = lakebed.stat(&path.repository, &path.reference, &path.object()?).await?;
        remove_some(lakebed, path, &branch, vec![object.path], tree, output).await?
    };
    let value = json!({ "deleted": deleted, "dry_run": tree.dry_run });
    let did = if tree.dry_run { "Would delete" } else { "Deleted" };
    output.item(&value, || format!("{did} {}", count(deleted as u64, "object")))
}

async fn remove_tree(
    lakebed: &Lakebed,
    path: &PathUri,
    branch: &BranchName,
    tree: Tree,
    output: Output,
) -> Result<usize> {
    let bar = if tree.dry_run { ProgressBar::hidden() } else { progress::count("deleting") };
    let mut deleted = 0;
    let objects = Box::pin(subtree::objects(lakebed, path).await?);
    let mut batches = objects.map_ok(|object| object.path).try_chunks(DELETE_MAX);
    while let Some(paths) = batches.try_next().await.map_err(|error| error.1)? {
        let number = remove_some(lakebed, path, branch, paths, tree, output).await?;
        deleted += number;
        bar.inc(number as u64);
    }
    bar.finish_and_clear();
    if deleted == 0 {
        return Err(subtree::nothing("deleted", path));
    }
    Ok(deleted)
}

/// Deletes at most [`DELETE_MAX`] objects, or says that it would. → their number
async fn remove_some(
    lakebed: &Lakebed,
    path: &PathUri,
    branch: &BranchName,
    paths: Vec<ObjectPath>,
    tree: Tree,
    output: Output,
) -> Result<usize> {
    if tree.dry_run {
        paths.iter().try_for_each(|path| would::delete(output, path))?;
    } else {
        not_deleted(&lakebed.delete_objects(&path.repository, branch, &paths).await?)?;
    }
    Ok(paths.len())
}

/// Deletes at most [`DELETE_MAX`] objects that were listed, but for those that others wrote anew since: these are told.
/// → how many stay
pub(super) async fn delete_listed(
    lakebed: &Lakebed,
    path: &PathUri,
    branch: &BranchName,
    objects: &[Object],
    kept: &mut Notes,
) -> Result<usize> {
    let failures = lakebed.delete_listed(&path.repository, branch, objects).await?;
    let (changed, failures): (Vec<_>, Vec<_>) =
        failures.into_iter().partition(|failure| failure.reason == Reason::PreconditionFailed);
    for failure in &changed {
        kept.add(&format!("{} was kept: changed since it was listed", shown(&failure.path)));
    }
    not_deleted(&failures)?;
    Ok(changed.len())
}

/// Says of a server that doesn't know deletions of what was listed what can be done.
pub(super) fn explain_unknown(error: lakebed_sdk::Error) -> anyhow::Error {
    match error.code {
        Code::Unimplemented => anyhow::Error::new(error).context(
            "this server is older than --delete and can't keep what others write meanwhile: leave --delete out, or update \
             the server",
        ),
        _ => error.into(),
    }
}

/// The first failure is the error, of which is said what to do as of any call's; the others are told.
fn not_deleted(failures: &[DeleteFailure]) -> Result<()> {
    let Some((first, others)) = failures.split_first() else { return Ok(()) };
    let mut notes = Notes::default();
    for DeleteFailure { path, message, .. } in others {
        notes.add(&format!("{}: {}", shown(path), shown(message)));
    }
    notes.end();
    let (path, number) = (shown(&first.path), count(failures.len() as u64, "object"));
    let told = if others.is_empty() { "" } else { "; the first" };
    let DeleteFailure { reason, message, .. } = first.clone();
    let error = lakebed_sdk::Error { code: Code::Unknown, reason, message };
    Err(anyhow::Error::new(error).context(format!("{number} not deleted{told}: {path}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::call;
    use crate::exit;

    #[test]
    fn what_isn_t_deleted_says_why_as_any_call_does() {
        let failure = |path: &str| DeleteFailure {
            path: path.to_owned(),
            reason: Reason::AccessDenied,
            message: "user ann may not".to_owned(),
        };
        assert!(not_deleted(&[]).is_ok());
        let one = not_deleted(&[failure("a\nb")]).unwrap_err();
        assert_eq!(call(&one).unwrap().reason, Reason::AccessDenied, "so that it is explained");
        assert_eq!(exit::text(&one), "1 object not deleted: a\\nb: user ann may not");
        let two = not_deleted(&[failure("a"), failure("b")]).unwrap_err();
        assert_eq!(exit::text(&two), "2 objects not deleted; the first: a: user ann may not");
    }

    #[test]
    fn an_older_server_is_told_of() {
        let refused = |code| lakebed_sdk::Error { code, reason: Reason::Unknown, message: "no".to_owned() };
        assert!(exit::text(&explain_unknown(refused(Code::Unimplemented))).contains("leave --delete out"));
        assert_eq!(exit::text(&explain_unknown(refused(Code::PermissionDenied))), "no");
    }
}
