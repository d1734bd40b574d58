//! `bench trees`: commits, diffs, merges, lookups and listings of trees of a million entries and more, with the library in
//! this process. Owns the order of the rows and the sizes; leaves each row to a file. Invariant: a row never depends on
//! another having run.

mod commit;
mod deltas;
mod diff;
mod import;
mod lake;
mod lakefs_rule;
mod line;
mod list;
mod lookup;
mod memory;
mod merge;
mod rocks;
mod synthetic;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, ValueEnum};

use crate::process;
use crate::ratios::{progress, temporary};
use line::Line;

pub(crate) use memory::{StepArgs, run as run_step};

/// A tree of this size needs about 12 GB of disk, the rows on it as much again, and an hour.
const LONG_ENTRIES: u64 = 100_000_000;

#[derive(Args)]
pub(crate) struct TreesArgs {
    /// Which rows; all by default.
    rows: Vec<RowKind>,
    /// Sizes of trees, in entries.
    #[arg(long, value_delimiter = ',', default_values_t = [1_000_000, 10_000_000])]
    entries: Vec<u64>,
    /// A tree of 100,000,000 entries too: it and its rows need about 25 GB of disk and an hour.
    #[arg(long)]
    long: bool,
    /// Commits of the rows on deltas. Their goal is for 1,000, which take some GB of disk more.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(2..))]
    commits: u64,
    /// Keeps trees here, and finds them again in the next run; by default in a temporary folder beside the binary.
    #[arg(long)]
    folder: Option<PathBuf>,
}

/// The kinds of rows, a file each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum RowKind {
    Commit,
    Diff,
    Merge,
    Lookup,
    List,
    Memory,
    Deltas,
    Import,
}

/// What every row gets.
pub(crate) struct TreesBench {
    /// Where trees lie. Rows that need a place of their own make a folder in it.
    pub(crate) folder: PathBuf,
    /// Sizes of trees, ascending.
    pub(crate) sizes: Vec<u64>,
    /// Commits of the rows on deltas.
    pub(crate) delta_commits: u64,
}

/// Measures, and prints the table.
pub(crate) async fn run(args: &TreesArgs) -> Result<ExitCode> {
    let mut temporary_folder = None;
    let folder = match &args.folder {
        Some(folder) => folder.clone(),
        None => temporary_folder.insert(temporary(None)?).path().to_owned(),
    };
    let mut sizes = args.entries.clone();
    sizes.extend(args.long.then_some(LONG_ENTRIES));
    sizes.sort_unstable();
    sizes.dedup();
    let bench = TreesBench { folder, sizes, delta_commits: args.commits };
    let mut lines: Vec<Line> = Vec::new();
    for kind in RowKind::value_variants() {
        if args.rows.is_empty() || args.rows.contains(kind) {
            let more = Box::pin(kind.measure(&bench)).await?;
            more.iter().for_each(|line| progress(&line.render()));
            lines.extend(more);
        }
    }
    writeln!(std::io::stdout(), "{}", line::table(&lines))?;
    Ok(ExitCode::from(u8::from(!lines.iter().all(Line::counters_hold))))
}

impl RowKind {
    async fn measure(self, bench: &TreesBench) -> Result<Vec<Line>> {
        match self {
            Self::Commit => commit::lines(bench).await,
            Self::Diff => diff::lines(bench).await,
            Self::Merge => merge::lines(bench).await,
            Self::Lookup => lookup::lines(bench).await,
            Self::List => list::lines(bench).await,
            Self::Memory => memory::lines(bench).await,
            Self::Deltas => Box::pin(deltas::lines(bench)).await,
            Self::Import => import::lines(bench).await,
        }
    }
}

/// Seconds of CPU of this process.
pub(crate) async fn cpu_of<T>(work: impl AsyncFnOnce() -> Result<T>) -> Result<f64> {
    let before = process::cpu_seconds(std::process::id())?;
    work().await?;
    Ok(process::cpu_seconds(std::process::id())? - before)
}
