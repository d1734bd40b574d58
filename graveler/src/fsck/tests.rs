//! A repository in a folder, and what a check of it finds. `files` damages commits and trees, `objects` data objects,
//! `staged` those of what is uncommitted.

mod files;
mod objects;
mod staged;

use std::fs;
use std::path::PathBuf;

use futures::stream;
use model::{Entry, StagedValue};
use storage::testing::{Counters, Counting, Tagging, Tags};
use storage::{StoreSettings, Stores};
use tempfile::TempDir;
use tokio::sync::mpsc::channel;

use super::*;
use crate::testing::{TestLake, branch, entry, expr, path, run};
use crate::tree::tests::deltas::delta_options;
use crate::{Change, GravelerOptions};

/// A repository whose files lie in a folder.
struct OnDisk {
    lake: TestLake,
    folder: TempDir,
}

impl OnDisk {
    async fn new(options: GravelerOptions) -> Self {
        Self::with_tags(options, None).await
    }

    async fn with_tags(options: GravelerOptions, tags: Option<Tags>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let requests = Counters::default();
        let counters = requests.clone();
        let url = format!("file://{}", folder.path().display());
        let local = Stores::open(&url, &StoreSettings::default()).await.unwrap();
        let stores = local.decorated(|store, multipart| {
            let store = match tags {
                Some(tags) => Tagging::new(store, tags),
                None => store,
            };
            let counting = Counting::new(store, multipart, counters);
            (counting.clone(), counting)
        });
        Self { lake: TestLake::over(stores, requests, options).await, folder }
    }

    /// Three objects with bytes, and an older commit without one of them.
    async fn small() -> Self {
        let on_disk = Self::new(GravelerOptions::default()).await;
        on_disk.write("a/1", b"one").await;
        on_disk.write("a/2", b"two").await;
        on_disk.lake.commit("main").await.unwrap();
        on_disk.write("b", b"three").await;
        on_disk.lake.commit("main").await.unwrap();
        on_disk
    }

    /// Three objects with bytes, one of them in a delta, whose tombstone hides another.
    async fn with_a_delta() -> Self {
        let on_disk = Self::new(delta_options()).await;
        for (path, text) in [("a/1", &b"one"[..]), ("a/2", b"two"), ("b", b"three")] {
            on_disk.write(path, text).await;
        }
        on_disk.lake.commit("main").await.unwrap();
        on_disk.write("a/3", b"four").await;
        on_disk.lake.stage("main", &[("a/1", None)]).await;
        on_disk.lake.commit("main").await.unwrap();
        on_disk
    }

    async fn write(&self, at: &str, text: &'static [u8]) -> Entry {
        let body = Box::pin(stream::iter([Ok(text.into())]));
        let uploaded = self.lake.graveler.upload(&self.lake.repository, body, None).await.unwrap();
        let (size, e_tag) = (uploaded.size, hex::encode(uploaded.md5));
        let entry = Entry { address: uploaded.address, size, e_tag, ..entry(size) };
        self.stage_entry(at, entry.clone()).await;
        entry
    }

    async fn stage_entry(&self, at: &str, entry: Entry) {
        let change = Change { path: path(at), value: StagedValue::Entry(entry), require: None };
        self.lake.graveler.stage(self.lake.name(), &branch("main"), vec![change]).await.unwrap();
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("trips")
    }

    fn place(&self, file: &str) -> PathBuf {
        self.root().join(file)
    }

    /// The files of the tree, by their paths in the namespace.
    fn files(&self) -> Vec<String> {
        let mut found = Vec::new();
        for folder in ["commits", "metaranges", "ranges"] {
            for file in fs::read_dir(self.root().join("_lakebed").join(folder)).unwrap() {
                found.push(format!("_lakebed/{folder}/{}", file.unwrap().file_name().to_str().unwrap()));
            }
        }
        found.sort();
        found
    }

    async fn check(&self, data: DataCheck) -> (CheckSummary, Vec<Fault>) {
        let options = FsckOptions { data, ..FsckOptions::default() };
        let (sender, receiver) = channel(4);
        let check = self.lake.graveler.fsck(self.lake.name(), None, options, sender);
        let (summary, faults) = tokio::join!(check, faults(receiver));
        (summary.unwrap(), faults)
    }
}

async fn faults(mut receiver: tokio::sync::mpsc::Receiver<FsckEvent>) -> Vec<Fault> {
    let mut faults = Vec::new();
    while let Some(event) = receiver.recv().await {
        if let FsckEvent::Fault(fault) = event {
            faults.push(fault);
        }
    }
    faults
}

/// What is wrong, without the words.
fn kinds(faults: &[Fault]) -> Vec<(FaultKind, &str)> {
    let mut kinds: Vec<_> = faults.iter().map(|fault| (fault.kind, fault.file.as_str())).collect();
    kinds.sort();
    kinds
}
