//! The `bench` command: `bench ratios` measures, and starts itself as `bench serve …` for the servers that it compares.
//!
//! Owns how speed is judged: interleaved slices against a direct server and raw baselines, counters first. Leaves the
//! goals' reasons to `docs/benchmarks.md`. Invariant: no child process outlives the command.

mod child;
mod client;
mod interleave;
mod load;
mod process;
mod ratios;
mod raw_log;
mod rows;
mod serve;
mod sign;
mod table;
mod trees;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

/// Measures Lakebed as ratios.
#[derive(Parser)]
#[command(name = "bench")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Prints a table: base, ours, ratio, CPU, counters, goal, verdict. Exits with 1 if a counter falls short.
    Ratios(RatiosArgs),
    /// Measures the library on large trees, and prints a table. Exits with 1 if a counter falls short.
    Trees(trees::TreesArgs),
    /// Does one step of a row in a process of its own.
    #[command(hide = true)]
    TreeStep(trees::StepArgs),
    /// Serves one side of a comparison until standard input ends.
    #[command(hide = true)]
    Serve {
        /// Which side.
        side: serve::Side,
        /// Where it keeps everything.
        #[arg(long)]
        folder: PathBuf,
    },
}

#[derive(Args)]
struct RatiosArgs {
    /// A smoke run of half a minute: its times mean nothing.
    #[arg(long)]
    quick: bool,
    /// Only the rows whose names contain this.
    #[arg(long)]
    only: Option<String>,
    /// Makes its temporary folders (up to 10 GiB) here; by default beside the binary. The disk matters: a folder in
    /// memory makes fsync free.
    #[arg(long)]
    folder: Option<PathBuf>,
}

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.expect("because a process that can't start threads can't measure anything");
    let done = match Cli::parse().command {
        Command::Ratios(args) => runtime.block_on(ratios::run(&args)),
        Command::Trees(args) => runtime.block_on(trees::run(&args)),
        Command::TreeStep(args) => runtime.block_on(trees::run_step(&args)).map(|()| ExitCode::SUCCESS),
        Command::Serve { side, folder } => runtime.block_on(serve::run(side, &folder)).map(|()| ExitCode::SUCCESS),
    };
    done.unwrap_or_else(|error| {
        ratios::progress(&format!("bench failed: {error:#}"));
        ExitCode::from(2)
    })
}
