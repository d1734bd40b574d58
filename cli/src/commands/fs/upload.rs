//! `lakebed fs upload`: files to a branch, several at a time. Invariant: an object is a file as it was at one moment; a file
//! that changes while it is read is an error, and nothing is stored.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Result};
use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use indicatif::ProgressBar;
use lakebed_sdk::{BranchName, DELETE_MAX, Lakebed, Object, ObjectPath};
use tokio::fs::File;
use tokio::io::AsyncReadExt;
use tokio_util::io::{InspectReader, ReaderStream};

use super::compare::{FileFacts, compare};
use super::e_tag::has_e_tag;
use super::folder::Folder;
use super::plan::{Plan, Sending, Verdict, plan};
use super::tally::{Tally, Way};
use super::{Upload, listing, remove, subtree, would};
use crate::commands::refuse_unless_branch;
use crate::exit::{NotFound, usage};
use crate::output::{Notes, Output, count, shown_path, warn};
use crate::uri::PathUri;
use crate::{progress, transfer, view};

/// How much of a file is read at a time.
const READ_BYTES: usize = 256 << 10;

/// A file, and where it goes.
struct Pair {
    from: PathBuf,
    to: ObjectPath,
    /// As it was when the folder was read, for the progress alone.
    size: u64,
    unless_e_tag: Option<String>,
}

/// One run of the command.
struct Run<'a> {
    upload: &'a Upload,
    lakebed: &'a Lakebed,
    branch: BranchName,
    tally: &'a Tally,
    bar: ProgressBar,
    output: Output,
}

impl Upload {
    pub(super) async fn run(&self, lakebed: &Lakebed, output: Output) -> Result<()> {
        if self.from.as_os_str() == "-" {
            return self.standard_input(lakebed, output).await;
        }
        let branch = self.to.branch()?;
        refuse_unless_branch(lakebed, &self.to.repository, &branch).await?;
        let tally = Tally::new(Way::Up, self.sync.dry_run);
        let bar = progress::bytes("uploading", 0);
        let run = Run { upload: self, lakebed, branch, tally: &tally, bar, output };
        let work = async { if self.recursive { run.folder().await } else { run.single().await } };
        transfer::until_interrupted(Box::pin(work), || tally.text()).await
    }

    async fn standard_input(&self, lakebed: &Lakebed, output: Output) -> Result<()> {
        if self.recursive {
            usage!("standard input is one object: leave --recursive out");
        }
        if self.sync.dry_run {
            usage!("standard input can be read only once: leave --dry-run out");
        }
        if self.to.path.ends_with('/') {
            usage!("standard input has no name: say how the object is called behind {}", self.to);
        }
        let (branch, to) = (self.to.branch()?, self.to.object()?);
        let options = lakebed_sdk::Upload { content_type: self.content_type.clone(), ..Default::default() };
        let object = lakebed.upload_reader(&self.to.repository, &branch, &to, tokio::io::stdin(), options).await?;
        output.item(&view::object(&object), || format!("Uploaded {}", count(object.size, "byte")))
    }

    fn compare(&self, file: &FileFacts, object: &Object) -> Verdict {
        match &self.content_type {
            Some(wanted) if *wanted != object.content_type => Verdict::Differs,
            _ => compare(file, object, self.sync.by()),
        }
    }
}

impl Run<'_> {
    /// One file: to the path, or into the folder if the path ends with a slash or is empty.
    async fn single(&self) -> Result<()> {
        let Upload { from, to, .. } = self.upload;
        let metadata = look(from)?;
        if metadata.is_dir() {
            usage!("{} is a folder: upload it with --recursive", shown_path(from));
        }
        let to = object_of(from, to)?;
        let object = to.object()?;
        let pair = |unless_e_tag| Pair { from: from.clone(), to: object.clone(), size: metadata.len(), unless_e_tag };
        // A pipe can be read only once, and has no size to compare.
        if !metadata.is_file() {
            return self.finish(vec![pair(None)], Vec::new(), Vec::new()).await;
        }
        let facts = FileFacts::of(&metadata)?;
        let name = String::new();
        let there = listing::named(self.lakebed, &to, [name.clone()].into(), 1).await?;
        let plan = plan([(name, facts)].into(), there, |file, object| self.upload.compare(file, object));
        self.tally.skipped(plan.unchanged);
        let pairs = plan.send.into_iter().map(|sending| pair(sending.unless_e_tag)).collect();
        self.finish(pairs, Vec::new(), Vec::new()).await
    }

    /// A folder with all that is in it.
    async fn folder(&self) -> Result<()> {
        let Upload { from, to, sync, .. } = self.upload;
        if look(from)?.is_file() {
            usage!("{} is a file: leave --recursive out", shown_path(from));
        }
        if sync.delete {
            // Asked before anything is sent: a server that is older would not know of it.
            let known = self.lakebed.delete_listed(&to.repository, &self.branch, &[]).await;
            known.map_err(remove::explain_unknown)?;
        }
        let folder = subtree::folder(to);
        let mut here = Folder::read(from).await?;
        let is_empty = here.files.is_empty();
        let there = self.there(&folder, &here.files).await?;
        let files = std::mem::take(&mut here.files);
        let Plan { send, unchanged, surplus } = plan(files, there, |file, object| self.upload.compare(file, object));
        let surplus = surplus.into_iter().filter(|(name, _)| !here.has_otherwise(name));
        let surplus: Vec<_> = surplus.map(|(_, object)| object).collect();
        let mut failed = std::mem::take(&mut here.failed);
        if sync.delete && is_empty && failed.is_empty() {
            sync.agree_to_delete_all(shown_path(from), surplus.len()).await?;
        }
        self.tally.skipped(unchanged);
        let mut pairs = Vec::with_capacity(send.len());
        for Sending { name, source: FileFacts { size, .. }, unless_e_tag } in send {
            let from = from.join(&name);
            match format!("{}{name}", folder.path).parse() {
                Ok(to) => pairs.push(Pair { from, to, size, unless_e_tag }),
                Err(error) => {
                    failed.push(anyhow::Error::new(error).context(format!("can't upload {}", shown_path(&from))));
                }
            }
        }
        let surplus = if sync.delete { surplus } else { Vec::new() };
        self.finish(pairs, failed, surplus).await
    }

    /// What is at the destination, as far as this run needs to know it.
    async fn there(&self, folder: &PathUri, files: &BTreeMap<String, FileFacts>) -> Result<BTreeMap<String, Object>> {
        if self.upload.sync.delete {
            return listing::objects(self.lakebed, folder).await;
        }
        let names = files.keys().cloned().collect();
        listing::named(self.lakebed, folder, names, self.upload.parallel.jobs.into()).await
    }

    /// Sends, then deletes if nothing failed, and tells what was done.
    async fn finish(&self, pairs: Vec<Pair>, failed: Vec<anyhow::Error>, surplus: Vec<Object>) -> Result<()> {
        let Upload { sync, parallel, recursive, .. } = self.upload;
        self.bar.set_length(pairs.iter().map(|pair| pair.size).sum());
        // What would be done is printed in order.
        let jobs = if sync.dry_run { 1 } else { parallel.jobs.into() };
        let ended = transfer::all(pairs, failed, jobs, |pair| self.send(pair)).await;
        self.bar.finish_and_clear();
        self.tally.failed(ended.failed);
        let deleted = match (ended.failed, surplus.len()) {
            (0, _) => self.delete(&surplus).await,
            (_, 0) => Ok(()),
            _ => {
                warn("nothing was deleted, since not everything was uploaded");
                Ok(())
            }
        };
        if *recursive || ended.failed == 0 {
            self.output.item(&self.tally.json(), || self.tally.text())?;
        }
        ended.into_result()?;
        deleted
    }

    async fn send(&self, pair: Pair) -> Result<()> {
        let Pair { from, to, size, unless_e_tag } = &pair;
        let context = || format!("can't upload {}", shown_path(from));
        if let Some(e_tag) = unless_e_tag
            && has_e_tag(from, e_tag).await.with_context(context)?
        {
            self.bar.inc(*size);
            self.tally.skipped(1);
            return Ok(());
        }
        if self.upload.sync.dry_run {
            return self.would_send(&pair);
        }
        // Taken before the file is looked at: what changes it from here on must be seen.
        let now = SystemTime::now();
        let file = File::open(from).await.with_context(context)?;
        let metadata = file.metadata().await.with_context(context)?;
        let mut options = lakebed_sdk::Upload { content_type: self.upload.content_type.clone(), ..Default::default() };
        let (repository, bar) = (&self.upload.to.repository, self.bar.clone());
        // Indicatif's own wrapper loses counts when several readers move one bar.
        let count = move |read: &[u8]| bar.inc(read.len() as u64);
        let uploaded = if metadata.is_file() {
            let facts = FileFacts::of(&metadata).with_context(context)?;
            options.size = Some(facts.size);
            options.metadata = facts.notes(now);
            let body = unchanged(file, facts, count).await.with_context(context)?;
            self.lakebed.upload(repository, &self.branch, to, body, options).await
        } else {
            let reader = InspectReader::new(file, count);
            self.lakebed.upload_reader(repository, &self.branch, to, reader, options).await
        };
        self.tally.sent(uploaded.with_context(context)?.size);
        Ok(())
    }

    fn would_send(&self, Pair { from, to, .. }: &Pair) -> Result<()> {
        let size = std::fs::metadata(from).with_context(|| format!("can't read {}", shown_path(from)))?.len();
        self.tally.sent(size);
        would::upload(self.output, from, to, size)
    }

    /// Deletes what was listed and isn't at the source; what others wrote there since stays.
    async fn delete(&self, surplus: &[Object]) -> Result<()> {
        if self.upload.sync.dry_run {
            surplus.iter().try_for_each(|object| would::delete(self.output, &object.path))?;
            self.tally.deleted(surplus.len());
            return Ok(());
        }
        let mut notes = Notes::default();
        for batch in surplus.chunks(DELETE_MAX) {
            let kept = remove::delete_listed(self.lakebed, &self.upload.to, &self.branch, batch, &mut notes).await?;
            self.tally.deleted(batch.len() - kept);
            self.tally.kept(kept);
        }
        notes.end();
        Ok(())
    }
}

/// Looks at what is to be uploaded; that it isn't there is an error of its own kind.
fn look(from: &Path) -> Result<Metadata> {
    std::fs::metadata(from).map_err(|error| {
        let what = format!("can't read {}", shown_path(from));
        match error.kind() {
            io::ErrorKind::NotFound => NotFound(format!("{what}: {error}")).into(),
            _ => anyhow::Error::new(error).context(what),
        }
    })
}

/// Where a file goes.
fn object_of(from: &Path, to: &PathUri) -> Result<PathUri> {
    if !to.path.is_empty() && !to.path.ends_with('/') {
        return Ok(to.clone());
    }
    let name = from.file_name().and_then(|name| name.to_str());
    Ok(to.with_path(format!("{}{}", to.path, name.context("the file's name isn't UTF-8: name the object")?)))
}

/// A file's bytes, which end with an error if the file isn't at their end what it was at their beginning.
async fn unchanged(
    file: File,
    facts: FileFacts,
    count: impl FnMut(&[u8]) + Send + 'static,
) -> io::Result<impl Stream<Item = io::Result<Bytes>> + Send + 'static> {
    let same_file = file.try_clone().await?;
    let reader = InspectReader::new(file.take(facts.size), count);
    let end = stream::once(async move {
        match FileFacts::of(&same_file.metadata().await?)? == facts {
            true => Ok(Bytes::new()),
            false => Err(io::Error::other("the file was changed while it was read: upload it again")),
        }
    });
    Ok(ReaderStream::with_capacity(reader, READ_BYTES).chain(end))
}

#[cfg(test)]
mod tests {
    use futures::TryStreamExt;

    use super::*;

    /// Reads a file that is changed after its first bytes.
    async fn read(change: impl FnOnce(&Path)) -> io::Result<Vec<u8>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, vec![b'x'; 2 * READ_BYTES]).unwrap();
        let file = File::open(&path).await.unwrap();
        let facts = FileFacts::of(&file.metadata().await.unwrap()).unwrap();
        let mut body = Box::pin(unchanged(file, facts, |_| {}).await?);
        let mut bytes = body.try_next().await?.unwrap().to_vec();
        change(&path);
        while let Some(more) = body.try_next().await? {
            bytes.extend_from_slice(&more);
        }
        Ok(bytes)
    }

    #[tokio::test]
    async fn a_file_that_changes_while_it_is_read_is_an_error() {
        assert_eq!(read(|_| {}).await.unwrap(), vec![b'x'; 2 * READ_BYTES]);
        let cut = |path: &Path| std::fs::File::options().write(true).open(path).unwrap().set_len(9).unwrap();
        let grown = |path: &Path| std::fs::write(path, vec![b'x'; 3 * READ_BYTES]).unwrap();
        let rewritten = |path: &Path| {
            std::fs::write(path, vec![b'y'; 2 * READ_BYTES]).unwrap();
            let later = SystemTime::now() + std::time::Duration::from_secs(1);
            std::fs::File::options().write(true).open(path).unwrap().set_modified(later).unwrap();
        };
        for error in [read(cut).await, read(grown).await, read(rewritten).await] {
            assert!(error.unwrap_err().to_string().contains("changed while it was read"));
        }
    }
}
