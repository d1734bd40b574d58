//! `lakebed fs download`: objects to files, several at a time. Invariant: nothing is written outside the target folder,
//! whatever objects are called, and a file is there whole or not at all.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result, bail};
use futures::TryStreamExt;
use indicatif::ProgressBar;
use lakebed_sdk::{Lakebed, ListItem, ListOptions, Object};
use serde_json::json;
use tokio::io::AsyncWriteExt;

use super::{Download, read};
use crate::exit::usage;
use crate::output::{Output, count, shown};
use crate::uri::PathUri;
use crate::{progress, transfer};

impl Download {
    pub(super) async fn run(&self, lakebed: &Lakebed, output: Output) -> Result<()> {
        if self.to.as_os_str() == "-" {
            if self.recursive {
                usage!("standard output takes one object: leave --recursive out, or name a folder");
            }
            return read::cat(lakebed, &self.from, output).await;
        }
        let pairs = if self.recursive { self.beneath(lakebed).await? } else { vec![self.single(lakebed).await?] };
        let (files, bytes) = (pairs.len() as u64, pairs.iter().map(|(object, _)| object.size).sum());
        let bar = progress::bytes("downloading", bytes);
        let fetched = |(object, to)| async { fetch(lakebed, &self.from, object, to?, &bar).await };
        let done = transfer::all(pairs, self.parallel.jobs.into(), fetched).await;
        bar.finish_and_clear();
        done?;
        let value = json!({ "downloaded": files, "bytes": bytes });
        output.item(&value, || format!("Downloaded {}, {}", count(files, "file"), count(bytes, "byte")))
    }

    async fn single(&self, lakebed: &Lakebed) -> Result<(Object, Result<PathBuf>)> {
        let object = lakebed.stat(&self.from.repository, &self.from.reference, &self.from.object()?).await?;
        let is_folder = self.to.is_dir() || self.to.as_os_str().as_encoded_bytes().ends_with(b"/");
        let to = if is_folder {
            let name = object.path.as_str().rsplit('/').next().unwrap_or_default();
            self.to.join(relative(name)?)
        } else {
            self.to.clone()
        };
        Ok((object, Ok(to)))
    }

    /// Every object beneath the prefix, and its file if it can have one: the part of its path behind the prefix's last
    /// slash.
    async fn beneath(&self, lakebed: &Lakebed) -> Result<Vec<(Object, Result<PathBuf>)>> {
        let folder = self.from.path.rfind('/').map_or(0, |slash| slash + 1);
        let options = ListOptions { prefix: self.from.path.clone(), ..ListOptions::default() };
        let mut items = lakebed.list_objects(&self.from.repository, &self.from.reference, options);
        let mut pairs = Vec::new();
        while let Some(item) = items.try_next().await? {
            let ListItem::Object(object) = item else { continue };
            let is_marker = object.path.as_str().ends_with('/') && object.size == 0;
            if !is_marker {
                let to = relative(&object.path.as_str()[folder..]).map(|file| self.to.join(file));
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
        bail!("no file can be called {path:?}: download that object by itself, to a file that you name");
    }
    Ok(file)
}

async fn fetch(lakebed: &Lakebed, from: &PathUri, object: Object, to: PathBuf, bar: &ProgressBar) -> Result<()> {
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let context = || format!("can't download {} to {}", shown(object.path.as_str()), to.display());
    tokio::fs::create_dir_all(folder).await.with_context(context)?;
    // Only tempfile's default is private; the umask takes from this what other new files don't have either.
    let mut temporary = tempfile::Builder::new();
    temporary.prefix(".lakebed-").permissions(Permissions::from_mode(0o666));
    let (file, temporary) = temporary.tempfile_in(folder).with_context(context)?.into_parts();
    let mut file = tokio::fs::File::from_std(file);
    let mut download =
        lakebed.download(&from.repository, &from.reference, &object.path, ..).await.with_context(context)?;
    while let Some(chunk) = download.body.try_next().await.with_context(context)? {
        file.write_all(&chunk).await.with_context(context)?;
        bar.inc(chunk.len() as u64);
    }
    file.flush().await.with_context(context)?;
    temporary.persist(&to).map_err(|error| error.error).with_context(context)?;
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
