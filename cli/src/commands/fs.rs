//! `lakebed fs …`: objects. Owns the options; each verb's own file carries it out.

mod copy;
mod download;
mod read;
mod remove;
mod upload;

use anyhow::Result;
use clap::{Args, Subcommand};
use lakebed_sdk::Lakebed;
use std::path::PathBuf;

use crate::output::Output;
use crate::uri::PathUri;

#[derive(Subcommand, Debug)]
pub(crate) enum Fs {
    /// List objects and folders
    Ls {
        /// lakebed://repository/ref/prefix
        path: PathUri,
        /// List everything beneath the prefix, not one folder
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
    /// Upload a file, or a folder with --recursive
    Upload(Upload),
    /// Download an object, or everything beneath a prefix with --recursive
    Download(Download),
    /// Copy an object within its repository, or everything beneath a prefix with --recursive; copies no bytes
    ///
    /// Copies are uncommitted changes of the destination's branch, up to 1,000 of them made in one step. If a larger copy
    /// fails midway its beginning stays, and the same command again does the rest.
    Cp {
        /// lakebed://repository/ref/path
        from: PathUri,
        /// lakebed://repository/branch/path; with a slash at its end, a folder to put an object into
        to: PathUri,
        /// Copy everything whose path begins so; the destination's path takes the place of that beginning
        #[arg(long, short)]
        recursive: bool,
    },
    /// Move an object within its branch, or everything beneath a prefix with --recursive; copies no bytes
    ///
    /// Moves are uncommitted changes, up to 500 of them made in one step; no reader finds an object at neither path. If a
    /// larger move fails midway its beginning stays, and the same command again does the rest.
    Mv {
        /// lakebed://repository/branch/path
        from: PathUri,
        /// lakebed://repository/branch/path; with a slash at its end, a folder to put an object into
        to: PathUri,
        /// Move everything whose path begins so; the destination's path takes the place of that beginning
        #[arg(long, short)]
        recursive: bool,
    },
    /// Delete an object, or everything beneath a prefix with --recursive
    Rm {
        /// lakebed://repository/branch/path
        path: PathUri,
        /// Delete everything whose path begins so
        #[arg(long, short)]
        recursive: bool,
    },
}

/// How transfers go.
#[derive(Args, Debug, Clone, Copy)]
pub(crate) struct Parallel {
    /// Transfers at one time
    #[arg(long, default_value_t = 8, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: u16,
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
    parallel: Parallel,
}

#[derive(Args, Debug)]
pub(crate) struct Download {
    /// lakebed://repository/ref/path
    from: PathUri,
    /// A local file, or a folder to put it into; - is standard output
    #[arg(default_value = ".")]
    to: PathBuf,
    /// Download everything whose path begins so
    #[arg(long, short)]
    recursive: bool,
    #[command(flatten)]
    parallel: Parallel,
}

impl Fs {
    pub(crate) async fn run(&self, lakebed: &Lakebed, output: Output) -> Result<()> {
        match self {
            Self::Ls { path, recursive } => read::list(lakebed, path, *recursive, output).await,
            Self::Cat { path } => read::cat(lakebed, path, output).await,
            Self::Stat { path } => read::stat(lakebed, path, output).await,
            Self::Upload(upload) => upload.run(lakebed, output).await,
            Self::Download(download) => download.run(lakebed, output).await,
            Self::Cp { from, to, recursive } => copy::copy(lakebed, from, to, *recursive, output).await,
            Self::Mv { from, to, recursive } => copy::rename(lakebed, from, to, *recursive, output).await,
            Self::Rm { path, recursive } => remove::remove(lakebed, path, *recursive, output).await,
        }
    }
}
