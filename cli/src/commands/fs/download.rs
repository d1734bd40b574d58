//! `lakebed fs download`: objects to files, several at a time. Invariant: nothing is written outside the target folder,
//! whatever objects are called, and a file is there whole or not at all.

use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result, bail};
use futures::TryStreamExt;
use indicatif::ProgressBar;
use lakebed_sdk::{Lakebed, ListItem, ListOptions, Object};
use serde_json::json;
use tokio::io::AsyncWriteExt;

use super::Download;
use crate::output::Output;
use crate::uri::PathUri;
use crate::{progress, transfer};

impl Download {
    pub(super) async fn run(&self, lakebed: &Lakebed, output: Output) -> Result<()> {
        let pairs = if self.recursive { self.beneath(lakebed).await? } else { vec![self.single(lakebed).await?] };
        let (files, bytes) = (pairs.len(), pairs.iter().map(|(object, _)| object.size).sum());
        let bar = progress::bytes("downloading", bytes);
        let fetched = |(object, to)| fetch(lakebed, &self.from, object, to, &bar);
        let done = transfer::all(pairs, self.parallel.jobs.into(), fetched).await;
        bar.finish_and_clear();
        done?;
        let value = json!({ "downloaded": files, "bytes": bytes });
        output.item(&value, || format!("Downloaded {files} files, {bytes} bytes"))
    }

    async fn single(&self, lakebed: &Lakebed) -> Result<(Object, PathBuf)> {
        let object = lakebed.stat(&self.from.repository, &self.from.reference, &self.from.object()?).await?;
        let to = if self.to.is_dir() {
            let name = object.path.as_str().rsplit('/').next().unwrap_or_default();
            self.to.join(relative(name)?)
        } else {
            self.to.clone()
        };
        Ok((object, to))
    }

    /// Every object beneath the prefix, and its file: the part of its path behind the prefix's last slash.
    async fn beneath(&self, lakebed: &Lakebed) -> Result<Vec<(Object, PathBuf)>> {
        let folder = self.from.path.rfind('/').map_or(0, |slash| slash + 1);
        let options = ListOptions { prefix: self.from.path.clone(), ..ListOptions::default() };
        let mut items = lakebed.list_objects(&self.from.repository, &self.from.reference, options);
        let mut pairs = Vec::new();
        while let Some(item) = items.try_next().await? {
            let ListItem::Object(object) = item else { continue };
            let is_marker = object.path.as_str().ends_with('/') && object.size == 0;
            if !is_marker {
                let to = self.to.join(relative(&object.path.as_str()[folder..])?);
                pairs.push((object, to));
            }
        }
        Ok(pairs)
    }
}

/// The relative path of a file for an object's path, which may hold what no file can be called.
fn relative(path: &str) -> Result<&Path> {
    let file = Path::new(path);
    let plain = file.components().all(|part| matches!(part, Component::Normal(_)));
    let same = !path.is_empty() && path.split('/').all(|part| !matches!(part, "" | "." | "..")) && !path.contains('\0');
    if !plain || !same {
        bail!("no file can be called {path:?}: download such objects one by one, each to a file that you name");
    }
    Ok(file)
}

async fn fetch(lakebed: &Lakebed, from: &PathUri, object: Object, to: PathBuf, bar: &ProgressBar) -> Result<()> {
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let context = || format!("can't download {} to {}", object.path, to.display());
    tokio::fs::create_dir_all(folder).await.with_context(context)?;
    let (file, temporary) =
        tempfile::Builder::new().prefix(".lakebed-").tempfile_in(folder).with_context(context)?.into_parts();
    let mut file = tokio::fs::File::from_std(file);
    let mut download =
        lakebed.download(&from.repository, &from.reference, &object.path, ..).await.with_context(context)?;
    while let Some(chunk) = download.body.try_next().await.with_context(context)? {
        file.write_all(&chunk).await.with_context(context)?;
        bar.inc(chunk.len() as u64);
    }
    file.flush().await.with_context(context)?;
    temporary.persist(&to).with_context(context)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leads_out_of_the_folder() {
        assert!(relative("a/b c/é+%.txt").is_ok());
        for bad in ["", "/etc/passwd", "../x", "a/../../x", "a//b", "a/./b", "a/", "a\0b"] {
            assert!(relative(bad).is_err(), "{bad:?}");
        }
    }
}
