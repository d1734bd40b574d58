//! `lakebed fs cp` and `lakebed fs mv`: objects at other paths of a repository, without copying a byte.

use anyhow::{Result, bail};
use lakebed_sdk::{BranchName, CopyObjects, Lakebed};
use serde_json::json;

use crate::exit::usage;
use crate::output::{Output, count, warn};
use crate::uri::PathUri;

pub(super) async fn copy(
    lakebed: &Lakebed,
    from: &PathUri,
    to: &PathUri,
    recursive: bool,
    output: Output,
) -> Result<()> {
    let branch: BranchName = to.reference.parse()?;
    let request = request(from, to, recursive)?;
    let copied = lakebed.copy_objects(&to.repository, &from.reference, &branch, request).await?;
    output.item(&json!({ "copied": copied }), || format!("Copied {}", count(copied, "object")))
}

pub(super) async fn rename(
    lakebed: &Lakebed,
    from: &PathUri,
    to: &PathUri,
    recursive: bool,
    output: Output,
) -> Result<()> {
    if from.reference != to.reference {
        usage!("{from} and {to} are on different refs: objects move within a branch; copy them with fs cp");
    }
    let branch: BranchName = to.reference.parse()?;
    let done = lakebed.move_objects(&to.repository, &branch, request(from, to, recursive)?).await?;
    let value = json!({ "moved": done.moved, "kept": done.kept });
    output.item(&value, || format!("Moved {}", count(done.moved, "object")))?;
    if done.kept > 0 {
        warn("the others were written anew meanwhile: what was there before was copied, what is there now stayed");
        bail!("{} not moved", count(done.kept, "object"));
    }
    Ok(())
}

fn request(from: &PathUri, to: &PathUri, recursive: bool) -> Result<CopyObjects> {
    if from.repository != to.repository {
        usage!("{from} and {to} are in different repositories: download and upload, or copy over S3");
    }
    let mut into = to.path.clone();
    if !recursive && (into.is_empty() || into.ends_with('/')) {
        into.push_str(from.path.rsplit('/').next().unwrap_or_default());
    }
    Ok(CopyObjects { from: from.path.clone(), to: into, recursive })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_goes_into_a_folder_under_its_name() {
        let to = |to: &str, recursive| {
            let from = "lakebed://trips/main/a/b.txt".parse().unwrap();
            request(&from, &to.parse().unwrap(), recursive).unwrap().to
        };
        assert_eq!(to("lakebed://trips/main/c/", false), "c/b.txt");
        assert_eq!(to("lakebed://trips/main", false), "b.txt");
        assert_eq!(to("lakebed://trips/main/c", false), "c");
        assert_eq!(to("lakebed://trips/main/c/", true), "c/");
    }
}
