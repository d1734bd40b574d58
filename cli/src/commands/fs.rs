//! `lakebed fs …`: objects. Owns the options; each verb's own file carries it out.
//!
//! Uploads and downloads send only what isn't there already:
//!
//! ```text
//! folder (folder.rs) ──┐
//!                      ├─► plan (plan.rs, by compare.rs) ─► transfers (upload.rs, download.rs) ─► deletions with --delete
//! objects (listing.rs)─┘        pure                          files to be hashed are hashed here     only if none failed
//! ```
//!
//! What others write meanwhile isn't deleted: a deletion is of what was listed. A transfer writes over what it finds, as the
//! last to write. What `--recursive` takes of a path is said once, in subtree.rs.
//!
//! A signal (signals.rs) leaves what was transferred whole, and nothing of what was under way; so does a crash or kill -9, but
//! for a download's temporary file (unfinished.rs). The same command again plans anew and so goes on, and removes that.

mod compare;
mod copy;
mod download;
mod e_tag;
mod folder;
mod listing;
mod plan;
mod read;
mod remove;
mod subtree;
mod tally;
mod unfinished;
mod upload;
mod would;

use anyhow::Result;
use clap::{Args, Subcommand};
use futures::TryStreamExt;
use lakebed_sdk::{Lakebed, Reason};
use std::path::PathBuf;

use self::compare::By;
use super::agree;
use crate::connection::call;
use crate::exit::NotFound;
use crate::output::{Output, shown};
use crate::uri::PathUri;

#[derive(Subcommand, Debug)]
pub(crate) enum Fs {
    /// List objects and folders
    ///
    /// Those whose paths begin as the prefix: `x` lists `x/` and `xy`, `x/` what is in the folder. It is an error if there are none.
    Ls {
        /// lakebed://repository/ref/prefix
        path: PathUri,
        /// List everything under the prefix, not one folder
        #[arg(long, short)]
        recursive: bool,
    },
    /// Write an object's bytes to standard output
    Cat {
        /// lakebed://repository/ref/path
        path: PathUri,
    },
    /// Show what is known of an object
    Stat {
        /// lakebed://repository/ref/path
        path: PathUri,
    },
    /// Upload a file, or a folder with --recursive; what is there already isn't sent
    ///
    /// What is in a folder goes right under the path: of `upload -r data lakebed://trips/main/x`, with or without a slash at its
    /// end, data/a becomes x/a, not x/data/a.
    ///
    /// A file is held to be there if the object has its size, and either the file's exact time is noted with the object or the
    /// object's ETag is that of the file's bytes (of an upload in parts, if these have a size that S3 clients use). The time is
    /// noted if the file wasn't changed within two seconds before the upload, as `::lakebed::client-mtime-ns`, and for lakectl as
    /// `::lakefs::client-mtime`. A second run after a failure or Ctrl-C so does the rest. Symbolic links to files are followed;
    /// links to folders, what isn't a file, and empty folders are left out.
    ///
    /// If others write to the same paths meanwhile, the last to write wins; but --delete keeps what was written since the listing.
    Upload(Upload),
    /// Download an object, or a folder with --recursive; what is there already isn't fetched
    ///
    /// What is under the path goes right into the folder: of `download -r lakebed://trips/main/x data`, with or without a slash
    /// after x, x/a becomes data/a, not data/x/a. An object x beside the folder x/ becomes data/x.
    ///
    /// A file is held to be the object if it has its size, and either the time that a download gives it or bytes that the
    /// object's ETag is of. The time is that of the file that was uploaded, if it is noted with the object, or else that of the
    /// upload; a file gets it once it is more than two seconds past. A second run after a failure or Ctrl-C so does the rest. A
    /// file is there whole or not at all, and none is written outside the folder that is named.
    ///
    /// A file that is changed meanwhile and differs from its object is replaced; but --delete keeps what was changed since it was
    /// listed.
    Download(Download),
    /// Copy an object within its repository, or a folder with --recursive; copies no bytes
    ///
    /// Copies are uncommitted changes of the destination's branch, up to 1,000 of them made in one step. If a larger copy
    /// fails midway its beginning stays, and the same command again does the rest.
    Cp {
        /// lakebed://repository/ref/path
        from: PathUri,
        /// lakebed://repository/branch/path; with a slash at its end, a folder to put an object into
        to: PathUri,
        #[command(flatten)]
        tree: Tree,
    },
    /// Move an object within its branch, or a folder with --recursive; copies no bytes
    ///
    /// Moves are uncommitted changes, up to 500 of them made in one step; no reader finds an object at neither path. If a
    /// larger move fails midway its beginning stays, and the same command again does the rest.
    Mv {
        /// lakebed://repository/branch/path
        from: PathUri,
        /// lakebed://repository/branch/path; with a slash at its end, a folder to put an object into
        to: PathUri,
        #[command(flatten)]
        tree: Tree,
    },
    /// Delete an object, or a folder with --recursive
    ///
    /// As with `rm` and `aws s3 rm`, what others write to the same paths meanwhile is deleted too, if they were listed before, up
    /// to 1,000 objects in one step; the branch's last commit has what was committed. (The --delete of uploads and downloads
    /// keeps what was changed since the listing.)
    Rm {
        /// lakebed://repository/branch/path
        path: PathUri,
        #[command(flatten)]
        tree: Tree,
    },
}

/// What of a path is taken, and whether anything is done.
#[derive(Args, Debug, Clone, Copy)]
pub(crate) struct Tree {
    /// Take the object of that very name and everything under it as a folder; with a slash at its end, what is under it only
    #[arg(long, short)]
    recursive: bool,
    /// Print what would be done, and change nothing
    #[arg(long, short = 'n')]
    dry_run: bool,
}

/// How transfers go.
#[derive(Args, Debug, Clone, Copy)]
pub(crate) struct Parallel {
    /// Transfers at one time
    #[arg(long, default_value_t = 8, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: u16,
}

/// What is sent, and what is deleted.
#[derive(Args, Debug, Clone, Copy)]
pub(crate) struct Sync {
    /// Compare contents even where sizes and times agree
    #[arg(long, short)]
    checksum: bool,
    /// Transfer everything, what is there already too
    #[arg(long, conflicts_with = "checksum")]
    force: bool,
    /// Delete at the destination what isn't at the source, once all else is done; nothing if any of it failed
    #[arg(long, requires = "recursive")]
    delete: bool,
    /// Print what would be done, and change nothing
    #[arg(long, short = 'n')]
    dry_run: bool,
    /// With --delete, don't ask if the source is there but empty, and so everything would be deleted; one that isn't there is
    /// an error in any case
    #[arg(long, requires = "delete")]
    yes: bool,
}

impl Sync {
    fn by(self) -> By {
        match (self.force, self.checksum) {
            (true, _) => By::Nothing,
            (_, true) => By::Hash,
            _ => By::Time,
        }
    }

    /// Lets a person agree to deletions from an empty source, which most likely isn't the one that was meant.
    async fn agree_to_delete_all(self, source: String, deletions: usize) -> Result<()> {
        let Self { yes, dry_run, .. } = self;
        if deletions == 0 || dry_run {
            return Ok(());
        }
        let all = format!("{source} is empty, so that --delete deletes all {deletions} at the destination");
        // Elsewhere, so that Ctrl-C is heard at the prompt.
        tokio::task::spawn_blocking(move || agree(yes, &all)).await?
    }
}

#[derive(Args, Debug)]
pub(crate) struct Upload {
    /// A local file or folder; - is standard input
    from: PathBuf,
    /// lakebed://repository/branch/path; with a slash at its end, a folder to put a file into
    to: PathUri,
    /// Upload a folder with all that is in it
    #[arg(long, short)]
    recursive: bool,
    /// The media type of what is uploaded
    #[arg(long, value_name = "TYPE")]
    content_type: Option<String>,
    #[command(flatten)]
    sync: Sync,
    #[command(flatten)]
    parallel: Parallel,
}

#[derive(Args, Debug)]
pub(crate) struct Download {
    /// lakebed://repository/ref/path
    from: PathUri,
    /// A local file, or a folder to put it into; - is standard output
    #[arg(default_value = ".")]
    to: PathBuf,
    /// Take the object of that very name and everything under it as a folder; with a slash at its end, what is under it only
    #[arg(long, short)]
    recursive: bool,
    #[command(flatten)]
    sync: Sync,
    #[command(flatten)]
    parallel: Parallel,
}

impl Fs {
    pub(crate) async fn run(&self, lakebed: &Lakebed, output: Output) -> Result<()> {
        let done = match self {
            Self::Ls { path, recursive } => read::list(lakebed, path, *recursive, output).await,
            Self::Cat { path } => read::cat(lakebed, path, output).await,
            Self::Stat { path } => read::stat(lakebed, path, output).await,
            Self::Upload(upload) => upload.run(lakebed, output).await,
            Self::Download(download) => download.run(lakebed, output).await,
            Self::Cp { from, to, tree } => copy::copy(lakebed, from, to, *tree, output).await,
            Self::Mv { from, to, tree } => copy::rename(lakebed, from, to, *tree, output).await,
            Self::Rm { path, tree } => remove::remove(lakebed, path, *tree, output).await,
        };
        match done {
            Err(error) => match self.folder_instead(lakebed, &error).await {
                Some(told) => Err(told),
                None => Err(self.explain(error)),
            },
            Ok(()) => Ok(()),
        }
    }

    /// Says of a path without an object that it is a folder, if so. Costs a request, on the way to an error only.
    async fn folder_instead(&self, lakebed: &Lakebed, error: &anyhow::Error) -> Option<anyhow::Error> {
        if call(error)?.reason != Reason::ObjectNotFound {
            return None;
        }
        let (uri, advice) = match self {
            Self::Cat { path } | Self::Stat { path } => (path, "list what is in it with `lakebed fs ls`"),
            Self::Download(Download { from, recursive: false, .. }) => (from, "download it with --recursive"),
            Self::Cp { from, tree: Tree { recursive: false, .. }, .. } => (from, "copy it with --recursive"),
            Self::Mv { from, tree: Tree { recursive: false, .. }, .. } => (from, "move it with --recursive"),
            Self::Rm { path, tree: Tree { recursive: false, .. } } => (path, "delete it with --recursive"),
            _ => return None,
        };
        // What fails now is no better news than the error that there is.
        let mut objects = Box::pin(listing::under(lakebed, &subtree::folder(uri)));
        objects.try_next().await.ok().flatten()?;
        Some(NotFound(format!("{uri} is a folder: {advice}")).into())
    }

    /// Says of a ref that isn't there how it was read: people who have branches like `feature/x` elsewhere wonder.
    fn explain(&self, error: anyhow::Error) -> anyhow::Error {
        let Some(call) = call(&error) else { return error };
        let is_source = match call.reason {
            Reason::RefNotFound => true,
            // Of a tag the server says what it is.
            Reason::BranchNotFound if !call.message.contains("is a tag") => false,
            _ => return error,
        };
        let uri = match self {
            Self::Ls { path, .. } | Self::Cat { path } | Self::Stat { path } | Self::Rm { path, .. } => path,
            Self::Upload(upload) => &upload.to,
            Self::Download(download) => &download.from,
            Self::Cp { from, to, .. } | Self::Mv { from, to, .. } => {
                if is_source {
                    from
                } else {
                    to
                }
            }
        };
        let PathUri { reference, path, .. } = uri;
        if path.is_empty() {
            return error;
        }
        let (reference, path) = (shown(reference), shown(path));
        error.context(format!("in {uri}, {reference} is the ref and {path} the path (no ref's name has a slash)"))
    }
}
