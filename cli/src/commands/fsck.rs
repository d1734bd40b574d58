//! `lakebed fsck`: checks a repository's files and data objects, through a server or, given the bucket, without one.
//! Faults are results, and exit code 1 when there is any.

use std::process::ExitCode;
use std::str::FromStr;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use futures::TryStreamExt;
use graveler::{FsckEvent, FsckOptions, fsck_bucket};
use indicatif::ProgressBar;
use lakebed_sdk::{CheckEvent, CheckSummary, DataCheck, Fault};
use model::{CommitId, RepositoryName};
use serde_json::json;
use storage::{RepositoryStorage, StoreSettings, Stores};
use tokio::sync::mpsc;

use super::parse_pair;
use crate::connection::ConnectionArgs;
use crate::exit::usage;
use crate::output::{Output, count, shown, shown_line};
use crate::progress;
use crate::server::{check_import_place, check_store_options, store_settings};
use crate::uri::{InvalidUri, RefUri, RepositoryUri};

/// How many faults wait to be printed; then the check waits too.
const EVENTS_MAX: usize = 64;

#[derive(Args, Debug)]
pub(crate) struct Fsck {
    /// lakebed://repository, for all branches and tags, or lakebed://repository/ref; without a server for every commit
    /// in the bucket, or lakebed://repository/commit
    repository: FsckUri,
    /// Check the bucket itself, only reading and without a server: file:///folder, s3://bucket/prefix, …
    #[arg(long, value_name = "URL")]
    object_store: Option<String>,
    /// Setting of the object store, as for `lakebed run` (may be given several times)
    #[arg(long = "object-store-option", value_name = "NAME=VALUE", value_parser = parse_pair, requires = "object_store")]
    object_store_options: Vec<(String, String)>,
    /// Where the repository lies in the object store, if that isn't the default place
    #[arg(long, value_name = "NAMESPACE", requires = "object_store")]
    storage_namespace: Option<String>,
    /// Place outside the object store where imported objects are looked at, as for `lakebed run` (may be given several
    /// times); those elsewhere are only counted
    #[arg(long = "import-allow", value_name = "URL", value_delimiter = ',', requires = "object_store")]
    import_allow: Vec<String>,
    /// How far data objects are checked; hashes of commits and trees always are
    #[arg(long, default_value = "etag")]
    data: Depth,
}

/// `lakebed://repository` or `lakebed://repository/ref`
#[derive(Debug, Clone)]
struct FsckUri {
    repository: RepositoryName,
    reference: Option<String>,
}

impl FromStr for FsckUri {
    type Err = InvalidUri;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(uri) = text.parse::<RepositoryUri>() {
            return Ok(Self { repository: uri.repository, reference: None });
        }
        let uri: RefUri = text.parse()?;
        Ok(Self { repository: uri.repository, reference: Some(uri.reference) })
    }
}

#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
enum Depth {
    /// Not at all
    Skip,
    /// That they are there and have their sizes
    Size,
    /// Their ETags too, where the object store's tell of bytes, as those of S3
    Etag,
    /// Their bytes too, where the ETag is an MD5; others as with etag
    Bytes,
}

/// Who looks at the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Server,
    /// This command itself; it knows nothing of what is uncommitted.
    Bucket,
}

impl Fsck {
    pub(crate) async fn run(&self, connection: &ConnectionArgs, output: Output) -> Result<ExitCode> {
        let bar = progress::count("checked");
        let summary = match &self.object_store {
            Some(url) => self.bucket(url, &bar, output).await?,
            None => self.through_server(connection, &bar, output).await?,
        };
        bar.finish_and_clear();
        output.item(&json!({ "summary": summary }), || summary_text(&summary, self.data, self.way()))?;
        // What the server can't read, none of its clients can.
        let unreadable = if self.way() == Way::Server { summary.objects_elsewhere } else { 0 };
        Ok(if summary.faults + unreadable == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    fn way(&self) -> Way {
        if self.object_store.is_some() { Way::Bucket } else { Way::Server }
    }

    async fn through_server(
        &self,
        connection: &ConnectionArgs,
        bar: &ProgressBar,
        output: Output,
    ) -> Result<CheckSummary> {
        let target = connection.target().await?;
        let data = match self.data {
            Depth::Skip => DataCheck::Skip,
            Depth::Size => DataCheck::Size,
            Depth::Etag => DataCheck::ETag,
            Depth::Bytes => DataCheck::Bytes,
        };
        let reference = self.repository.reference.as_deref();
        let checked = async {
            let mut events = target.connect()?.check(&self.repository.repository, reference, data).await?;
            let mut summary = CheckSummary::default();
            while let Some(event) = events.try_next().await? {
                match event {
                    CheckEvent::Fault(fault) => print_fault(&fault, bar, output)?,
                    CheckEvent::Progress(progress) => bar.set_position(files(&progress)),
                    CheckEvent::Summary(end) => summary = end,
                }
            }
            Ok(summary)
        };
        checked.await.map_err(|error| target.explain(error))
    }

    /// Checks without a server. Nothing is written, and no probe is made.
    async fn bucket(&self, url: &str, bar: &ProgressBar, output: Output) -> Result<CheckSummary> {
        check_store_options(url, &self.object_store_options)?;
        self.import_allow.iter().try_for_each(|place| check_import_place(place))?;
        let sources = self.import_allow.clone();
        let settings = StoreSettings { sources, ..store_settings(&self.object_store_options) };
        let stores = Stores::open_read_only(url, &settings).await.context("can't open the object store")?;
        let repository = &self.repository.repository;
        let named = stores.namespace(self.storage_namespace.as_deref().unwrap_or_default())?;
        let namespace = named.unwrap_or_else(|| stores.default_namespace(repository, None));
        let storage = stores.repository(&namespace)?;
        let from = self.commit(&storage).await?;
        let data = match self.data {
            Depth::Skip => graveler::DataCheck::Skip,
            Depth::Size => graveler::DataCheck::Size,
            Depth::Etag => graveler::DataCheck::ETag,
            Depth::Bytes => graveler::DataCheck::Bytes,
        };
        let options = FsckOptions { data, ..FsckOptions::default() };
        let (events, mut received) = mpsc::channel(EVENTS_MAX);
        let printed = async {
            while let Some(event) = received.recv().await {
                match event {
                    FsckEvent::Fault(fault) => print_fault(&of_graveler(fault), bar, output)?,
                    FsckEvent::Progress(progress) => bar.set_position(files(&progress)),
                }
            }
            anyhow::Ok(())
        };
        let checked = fsck_bucket(storage, from, options, events);
        let (checked, printed) = tokio::join!(checked, printed);
        printed?;
        Ok(checked?)
    }

    /// Finds the commit that is named; a bucket knows no other refs.
    async fn commit(&self, storage: &RepositoryStorage) -> Result<Option<CommitId>> {
        let Some(reference) = &self.repository.reference else { return Ok(None) };
        match storage.commits_with_prefix(reference, 2).await?[..] {
            [commit] => Ok(Some(commit)),
            [] => usage!("no commit in the bucket begins with {reference}; branches and tags need a server"),
            _ => usage!("several commits begin with {reference}: give more digits"),
        }
    }
}

fn print_fault(fault: &Fault, bar: &ProgressBar, output: Output) -> Result<()> {
    let value = json!({
        "fault": fault.kind,
        "file": fault.file,
        "path": fault.path,
        "needed_by": fault.needed_by,
        "why": fault.why,
    });
    bar.suspend(|| {
        output.item(&value, || {
            let path = fault.path.as_ref().map(|path| format!(" ({})", shown(path))).unwrap_or_default();
            let (file, needed_by, why) = (shown(&fault.file), shown(&fault.needed_by), shown_line(&fault.why));
            format!("{}: {file}{path}: {why}; needed by {needed_by}", fault.kind)
        })
    })
}

fn of_graveler(fault: graveler::Fault) -> Fault {
    let graveler::Fault { kind, file, path, needed_by, why } = fault;
    Fault { kind: kind.to_string(), file, path, needed_by, why }
}

fn files(summary: &CheckSummary) -> u64 {
    summary.commits + summary.metaranges + summary.ranges + summary.objects
}

fn summary_text(summary: &CheckSummary, data: Depth, way: Way) -> String {
    let found = if summary.faults == 0 { "No faults".to_owned() } else { count(summary.faults, "fault") };
    let uncommitted = match summary.objects_uncommitted {
        0 => String::new(),
        n => format!(" ({n} uncommitted)"),
    };
    let checked = format!(
        "{found} in {}, {}, {} and {}{uncommitted}",
        count(summary.commits, "commit"),
        count(summary.metaranges, "metarange"),
        count(summary.ranges, "range"),
        count(summary.objects, "data object"),
    );
    let mut lines = vec![checked, judged_text(summary, data)];
    lines.extend(elsewhere_text(summary, way));
    if way == Way::Bucket && data != Depth::Skip {
        lines.push("Uncommitted objects were not looked at: only a server knows of them".to_owned());
    }
    lines.join("\n")
}

/// What was not read at all.
fn elsewhere_text(summary: &CheckSummary, way: Way) -> Option<String> {
    if summary.objects_elsewhere == 0 {
        return None;
    }
    let objects = count(summary.objects_elsewhere, "imported object");
    Some(match way {
        Way::Bucket => {
            format!("{objects} not looked at, outside of this object store: --import-allow has them looked at")
        }
        Way::Server => format!("{objects} can't be read: start the server with --import-allow for the places"),
    })
}

/// By what data objects were found sound: without it, "no faults" would promise more than was looked at.
fn judged_text(summary: &CheckSummary, data: Depth) -> String {
    if data == Depth::Skip {
        return "Data objects were not looked at: --data etag or --data bytes does".to_owned();
    }
    if summary.objects == 0 {
        return "No data object was looked at".to_owned();
    }
    let judged = [
        (summary.objects_by_bytes, "by all bytes"),
        (summary.objects_by_e_tag, "by size and ETag"),
        (summary.objects_by_size, "by size alone"),
    ];
    let judged: Vec<_> = judged.into_iter().filter(|(sound, _)| *sound > 0).collect();
    if judged.is_empty() {
        return "No data object was found sound".to_owned();
    }
    let judged: Vec<_> = judged.into_iter().map(|(sound, by)| format!("{sound} {by}")).collect();
    let advice = match data {
        Depth::Bytes if summary.objects_by_size > 0 => "; no ETag of the others is an MD5",
        Depth::Bytes | Depth::Skip => "",
        Depth::Size | Depth::Etag if summary.objects_by_size > 0 => "; --data bytes reads them",
        Depth::Size | Depth::Etag => "",
    };
    format!("Data objects found sound: {}{advice}", judged.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_says_what_was_looked_at() {
        let all = CheckSummary {
            objects: 6,
            objects_by_bytes: 1,
            objects_by_e_tag: 2,
            objects_by_size: 3,
            ..Default::default()
        };
        let second =
            |summary: &CheckSummary, data| summary_text(summary, data, Way::Server).lines().nth(1).unwrap().to_owned();
        assert_eq!(
            second(&all, Depth::Etag),
            "Data objects found sound: 1 by all bytes, 2 by size and ETag, 3 by size alone; --data bytes reads them"
        );
        let read = CheckSummary { objects: 4, objects_by_bytes: 4, ..Default::default() };
        assert_eq!(second(&read, Depth::Bytes), "Data objects found sound: 4 by all bytes");
        assert!(second(&CheckSummary::default(), Depth::Skip).starts_with("Data objects were not looked at"));
        assert_eq!(second(&CheckSummary::default(), Depth::Etag), "No data object was looked at");
        let damaged = CheckSummary { objects: 1, faults: 1, ..Default::default() };
        assert_eq!(second(&damaged, Depth::Etag), "No data object was found sound");
    }

    #[test]
    fn the_summary_says_what_was_not_looked_at() {
        let summary = CheckSummary {
            objects: 2,
            objects_by_size: 2,
            objects_elsewhere: 3,
            objects_uncommitted: 1,
            ..Default::default()
        };
        let of_server = summary_text(&summary, Depth::Etag, Way::Server);
        assert!(
            of_server.starts_with("No faults in 0 commits, 0 metaranges, 0 ranges and 2 data objects (1 uncommitted)")
        );
        assert!(
            of_server
                .ends_with("3 imported objects can't be read: start the server with --import-allow for the places")
        );
        let of_bucket = summary_text(&summary, Depth::Etag, Way::Bucket);
        assert!(of_bucket.contains("3 imported objects not looked at"), "{of_bucket}");
        assert!(
            of_bucket.ends_with("Uncommitted objects were not looked at: only a server knows of them"),
            "{of_bucket}"
        );
    }
}
