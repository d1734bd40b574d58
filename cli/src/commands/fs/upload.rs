//! `lakebed fs upload`: files to a branch, several at a time.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result};
use indicatif::ProgressBar;
use lakebed_sdk::{BranchName, Lakebed, Object, ObjectPath};
use serde_json::json;
use tokio::io::AsyncRead;
use tokio_util::io::InspectReader;

use super::Upload;
use crate::exit::usage;
use crate::output::{Output, count, warn};
use crate::uri::PathUri;
use crate::{progress, transfer, view};

/// A file and where it goes.
struct Pair {
    from: PathBuf,
    to: ObjectPath,
    /// Known of files; of pipes, not before their end.
    size: Option<u64>,
}

impl Upload {
    pub(super) async fn run(&self, lakebed: &Lakebed, output: Output) -> Result<()> {
        if self.from.as_os_str() == "-" {
            if self.recursive {
                usage!("standard input is one object: leave --recursive out");
            }
            if self.to.path.ends_with('/') {
                usage!("standard input has no name: say how the object is called behind {}", self.to);
            }
            let to = self.to.object()?;
            return self.one(lakebed, tokio::io::stdin(), &to, None, output).await;
        }
        let pairs = if self.recursive { walk(&self.from, &self.to)? } else { vec![single(&self.from, &self.to)?] };
        let (files, expected) = (pairs.len() as u64, pairs.iter().filter_map(|pair| pair.size).sum());
        let bar = progress::bytes("uploading", expected);
        let branch: BranchName = self.to.reference.parse()?;
        let stored = AtomicU64::new(0);
        let send = |pair| async {
            stored.fetch_add(self.send(lakebed, &branch, pair, &bar).await?.size, Ordering::Relaxed);
            Ok(())
        };
        let done = transfer::all(pairs, self.parallel.jobs.into(), send).await;
        bar.finish_and_clear();
        done?;
        let bytes = stored.into_inner();
        let value = json!({ "uploaded": files, "bytes": bytes });
        output.item(&value, || format!("Uploaded {}, {}", count(files, "file"), count(bytes, "byte")))
    }

    async fn send(&self, lakebed: &Lakebed, branch: &BranchName, pair: Pair, bar: &ProgressBar) -> Result<Object> {
        let context = || format!("can't upload {}", pair.from.display());
        let file = tokio::fs::File::open(&pair.from).await.with_context(context)?;
        let options = self.options(pair.size);
        // Indicatif's own wrapper loses counts when several readers move one bar.
        let bar = bar.clone();
        let reader = InspectReader::new(file, move |read| bar.inc(read.len() as u64));
        lakebed.upload_reader(&self.to.repository, branch, &pair.to, reader, options).await.with_context(context)
    }

    async fn one(
        &self,
        lakebed: &Lakebed,
        reader: impl AsyncRead + Send + 'static,
        to: &ObjectPath,
        size: Option<u64>,
        output: Output,
    ) -> Result<()> {
        let branch = self.to.reference.parse()?;
        let object = lakebed.upload_reader(&self.to.repository, &branch, to, reader, self.options(size)).await?;
        output.item(&view::object(&object), || format!("Uploaded {}", count(object.size, "byte")))
    }

    fn options(&self, size: Option<u64>) -> lakebed_sdk::Upload {
        lakebed_sdk::Upload { content_type: self.content_type.clone(), size, ..Default::default() }
    }
}

/// One file: to the path, or into the folder if the path ends with a slash or is empty.
fn single(from: &Path, to: &PathUri) -> Result<Pair> {
    let metadata = std::fs::metadata(from).with_context(|| format!("can't read {}", from.display()))?;
    if metadata.is_dir() {
        usage!("{} is a folder: upload it with --recursive", from.display());
    }
    let to = if to.path.is_empty() || to.path.ends_with('/') {
        let name = from.file_name().and_then(|name| name.to_str());
        to.with_path(format!("{}{}", to.path, name.context("the file's name isn't UTF-8: name the object")?))
    } else {
        to.clone()
    };
    Ok(Pair { from: from.to_owned(), to: to.object()?, size: metadata.is_file().then_some(metadata.len()) })
}

/// Every file beneath a folder. Symbolic links to files are followed; those to folders, and what isn't a file, are left
/// out with a word.
fn walk(from: &Path, to: &PathUri) -> Result<Vec<Pair>> {
    if from.is_file() {
        usage!("{} is a file: leave --recursive out", from.display());
    }
    let prefix = if to.path.is_empty() || to.path.ends_with('/') { to.path.clone() } else { format!("{}/", to.path) };
    let mut pairs = Vec::new();
    let mut folders = vec![(from.to_owned(), prefix)];
    while let Some((folder, prefix)) = folders.pop() {
        let context = || format!("can't read {}", folder.display());
        for entry in std::fs::read_dir(&folder).with_context(context)? {
            let entry = entry.with_context(context)?;
            let path = entry.path();
            let name = entry.file_name();
            let name = name.to_str().with_context(|| format!("{} isn't UTF-8", path.display()))?;
            let metadata = std::fs::metadata(&path).with_context(|| format!("can't read {}", path.display()))?;
            if entry.file_type().with_context(context)?.is_dir() {
                folders.push((path, format!("{prefix}{name}/")));
            } else if metadata.is_file() {
                pairs.push(Pair { from: path, to: format!("{prefix}{name}").parse()?, size: Some(metadata.len()) });
            } else if metadata.is_dir() {
                warn(&format!("left out: {} links to a folder", path.display()));
            } else {
                warn(&format!("left out: {} isn't a file", path.display()));
            }
        }
    }
    pairs.sort_by(|a, b| a.to.cmp(&b.to));
    Ok(pairs)
}
