//! `bench ratios`: the order of the rows, from the servers' start to their end. Leaves each row to `rows/`.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::RatiosArgs;
use crate::rows::{self, Bench, Effort, Row, Servers};
use crate::table;

/// Measures, and prints the table.
pub(crate) async fn run(args: &RatiosArgs) -> Result<ExitCode> {
    let folder = temporary(args.folder.as_deref())?;
    let effort = if args.quick { Effort::QUICK } else { Effort::FULL };
    let bench = Bench { effort, folder: folder.path().to_owned() };
    let mut plan = Plan { only: args.only.clone().unwrap_or_default(), rows: Vec::new() };
    over_s3(&bench, &mut plan).await?;
    over_rest(&bench, &mut plan).await?;
    if plan.wants("staged write") {
        plan.add(rows::staged_write::row(&bench).await?);
    }
    if plan.wants("branch create") {
        plan.add(rows::branch_create::row(&bench).await?);
    }
    if plan.wants("contended merges") {
        plan.add(rows::contended_merges::row(&bench).await?);
    }
    writeln!(std::io::stdout(), "{}", table::render(&plan.rows))?;
    let short = plan.rows.iter().flat_map(|row| &row.counters).any(|counter| !counter.holds);
    Ok(ExitCode::from(u8::from(short)))
}

/// The rows that need both servers.
async fn over_s3(bench: &Bench, plan: &mut Plan) -> Result<()> {
    let (small, large, memory) = (["GET 1 KiB by commit", "GET 1 KiB by branch"], "64 MiB", "memory");
    let wanted = small.iter().chain(&["PUT 1 KiB", large, memory]).any(|name| plan.wants(name));
    if !wanted {
        return Ok(());
    }
    progress("starting the servers");
    let servers = Servers::start(&bench.folder).await?;
    let commit = rows::small::prepare(bench, &servers).await?;
    if plan.wants(small[0]) {
        plan.add(rows::small::get_by_commit(bench, &servers, &commit).await?);
    }
    if plan.wants(small[1]) {
        plan.add(rows::small::get_by_branch(bench, &servers).await?);
    }
    if plan.wants("PUT 1 KiB") {
        plan.add(rows::small::put(bench, &servers).await?);
    }
    if plan.wants("GET 64 MiB") || plan.wants("PUT 64 MiB") || plan.wants(memory) {
        rows::large::prepare(&servers).await?;
    }
    if plan.wants(memory) {
        for row in rows::memory::rows(&servers).await? {
            plan.add(row);
        }
    }
    if plan.wants("GET 64 MiB") {
        plan.add(rows::large::get_row(bench, &servers).await?);
    }
    if plan.wants("PUT 64 MiB") {
        plan.add(rows::large::put_row(bench, &servers).await?);
    }
    servers.end().await
}

/// The rows of REST, with servers of their own.
async fn over_rest(bench: &Bench, plan: &mut Plan) -> Result<()> {
    let rows: Vec<_> = rows::rest::rows().into_iter().filter(|(path, ..)| plan.wants(path)).collect();
    if rows.is_empty() {
        return Ok(());
    }
    progress("starting the servers of REST");
    let sides = rows::rest::Sides::start(&bench.folder).await?;
    for (path, operation, clients) in rows {
        plan.add(rows::rest::row(bench, &sides, path, operation, clients).await?);
    }
    sides.end().await
}

/// What was asked for, and what has come out so far.
struct Plan {
    only: String,
    rows: Vec<Row>,
}

impl Plan {
    fn wants(&self, name: &str) -> bool {
        name.contains(&self.only) || self.only.contains(name)
    }

    fn add(&mut self, row: Row) {
        progress(&table::line(&row));
        self.rows.push(row);
    }
}

/// Makes a folder that goes with the run, by default beside the binary.
pub(crate) fn temporary(parent: Option<&Path>) -> Result<tempfile::TempDir> {
    let beside = || -> Result<PathBuf> {
        let binary = std::env::current_exe()?;
        Ok(binary.parent().context("the binary lies nowhere")?.to_owned())
    };
    let parent = parent.map(Path::to_owned).map_or_else(beside, Ok)?;
    std::fs::create_dir_all(&parent)?;
    tempfile::Builder::new()
        .prefix("lakebed-bench-")
        .tempdir_in(&parent)
        .with_context(|| format!("can't make a folder in {}", parent.display()))
}

/// Tells how far it is, on standard error.
pub(crate) fn progress(text: &str) {
    // Nobody to tell is no reason to end.
    writeln!(std::io::stderr(), "{text}").ok();
}
