//! `lakebed refs …`: a repository's refs as files in its storage namespace, and back. Owns the JSON that stands for a dump,
//! which is lakeFS's.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Subcommand;
use lakebed_sdk::{DumpId, Lakebed, RefsDump};
use serde::Deserialize;

use crate::output::{Output, count};
use crate::uri::RepositoryUri;
use crate::view;

#[derive(Subcommand, Debug)]
pub(crate) enum Refs {
    /// Write branches, tags and commits down in the storage namespace, and print what `refs restore` reads
    ///
    /// Neither what is uncommitted is in a dump, nor the repository's protected branches, read-only flag and metadata.
    Dump {
        /// lakebed://repository
        repository: RepositoryUri,
    },
    /// Make the branches and tags of a dump in a repository that has none (`repo create --bare`)
    ///
    /// The repository must be at the storage namespace that was dumped (`repo show` shows it): commits and objects are read
    /// from there.
    Restore {
        /// lakebed://repository
        repository: RepositoryUri,
        /// The file with what `refs dump` printed; - is standard input
        #[arg(long, value_name = "FILE")]
        from: PathBuf,
    },
}

/// A dump as `view::refs_dump` writes it.
#[derive(Deserialize)]
struct Manifest {
    commits_meta_range_id: DumpId,
    tags_meta_range_id: DumpId,
    branches_meta_range_id: DumpId,
}

impl Refs {
    pub(crate) async fn run(&self, lakebed: &Lakebed, output: Output) -> Result<()> {
        match self {
            Self::Dump { repository } => {
                let manifest = view::refs_dump(&lakebed.dump_refs(&repository.repository).await?);
                output.item(&manifest, || format!("{manifest:#}"))
            }
            Self::Restore { repository, from } => {
                let manifest: Manifest = serde_json::from_str(&read(from)?)
                    .with_context(|| format!("{} isn't what refs dump prints", from.display()))?;
                let dump = RefsDump {
                    commits: manifest.commits_meta_range_id,
                    tags: manifest.tags_meta_range_id,
                    branches: manifest.branches_meta_range_id,
                };
                let done = lakebed.restore_refs(&repository.repository, &dump).await?;
                output.item(&view::restored(&done), || {
                    let (refs, commits) = (count(done.branches + done.tags, "ref"), count(done.commits, "commit"));
                    format!("Restored {repository}: {refs} over {commits}")
                })
            }
        }
    }
}

fn read(from: &Path) -> Result<String> {
    let mut text = String::new();
    if from == Path::new("-") {
        std::io::stdin().read_to_string(&mut text).context("can't read the standard input")?;
        return Ok(text);
    }
    fs::read_to_string(from).with_context(|| format!("can't read {}", from.display()))
}
