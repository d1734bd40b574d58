//! Merges into one branch by 64 clients at the same time, each of a small branch of its own, through the API's flows in
//! this process: queue, chain, one publication for many. There is no base: what it would take to build each merge over
//! the head that it finds is what others do. Invariant: a merge that fails fails the row.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use api_server::commit_queue::RequestContext;
use api_server::flows::{self, CommitRequest, MergeOutcome, MergeRequest};
use futures::future::try_join_all;
use graveler::Change;
use model::{BranchName, RepositoryName, RequestId, StagedValue};

use super::{Bench, Counter, Measurement, Row, per_operation};
use crate::process;
use crate::serve::{Lake, main_branch, short_entry};

const CLIENTS: usize = 64;
/// Objects in the repository before the first merge.
const OBJECTS: usize = 1000;
/// The least merges a second.
const GOAL: f64 = 500.0;

/// All at once, after their branches are made.
pub(crate) async fn row(bench: &Bench) -> Result<Row> {
    let lake = Arc::new(Lake::start(&bench.folder.join("merges")).await?);
    let repository: RepositoryName = "contended".parse()?;
    lake.create_repository(&repository).await?;
    lake.stage_many(&repository, OBJECTS).await?;
    lake.commit(&repository).await?;
    let each = bench.effort.merges_each;
    let clients = (0..CLIENTS).map(|client| prepare(&lake, &repository, client, each));
    try_join_all(clients).await?;

    let (before, cpu, begun) = (lake.counts(), process::cpu_seconds(std::process::id())?, Instant::now());
    let merged = Arc::new(AtomicU64::new(0));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let (lake, repository, merged) = (Arc::clone(&lake), repository.clone(), Arc::clone(&merged));
            tokio::spawn(async move {
                for number in 0..each {
                    merge(&lake, &repository, &name(client, number)?).await?;
                    merged.fetch_add(1, Ordering::Relaxed);
                }
                anyhow::Ok(())
            })
        })
        .collect();
    let mut errors = 0_u64;
    for client in try_join_all(clients).await? {
        if let Err(error) = client {
            crate::ratios::progress(&format!("a merge failed: {error:#}"));
            errors += 1;
        }
    }
    let (seconds, counts) = (begun.elapsed().as_secs_f64(), lake.counts().since(&before));
    let cpu = process::cpu_seconds(std::process::id())? - cpu;
    let merged = merged.load(Ordering::Relaxed);
    let rate = merged as f64 / seconds;
    if let Some(lake) = Arc::into_inner(lake) {
        lake.end().await;
    }
    Ok(Row {
        path: "contended merges into one branch, 64 clients",
        base: "–",
        counters: vec![
            Counter { text: format!("{rate:.0} merges/s"), holds: rate >= GOAL },
            Counter { text: format!("errors {errors}"), holds: errors == 0 },
            per_operation("log entries/merge", counts.log_entries, merged, 1.0),
            per_operation("log fsyncs/merge", counts.log_fsyncs, merged, 1.0),
            per_operation("store requests/merge", counts.store_requests(), merged, 8.0),
            Counter { text: format!("CPU/merge {:.0} µs", cpu / merged.max(1) as f64 * 1e6), holds: true },
        ],
        measurement: Measurement::Counted,
        goal: "≥ 500/s, 0 errors",
    })
}

fn name(client: usize, number: usize) -> Result<BranchName> {
    Ok(format!("fix-{client}-{number}").parse()?)
}

/// Makes a client's branches, each with a commit of one object of its own.
async fn prepare(lake: &Lake, repository: &RepositoryName, client: usize, each: usize) -> Result<()> {
    for number in 0..each {
        let branch = name(client, number)?;
        let make = flows::CreateBranchRequest {
            request: RequestId(rand::random()),
            repository: repository.clone(),
            branch: branch.clone(),
            source: (&main_branch()).into(),
            hidden: false,
        };
        flows::create_branch(&lake.graveler, &lake.caller, make).await?;
        let path = format!("table/part-{client:04}-{number:04}.parquet").parse()?;
        let value = StagedValue::Entry(short_entry((client * each + number) as u64));
        lake.graveler.stage(repository, &branch, vec![Change { path, value, require: None }]).await?;
        let commit = CommitRequest {
            repository: repository.clone(),
            branch: branch.clone(),
            message: format!("a fix of client {client}"),
            metadata: Default::default(),
            allow_empty: false,
            created_at: None,
        };
        flows::commit(&lake.queues, &lake.caller, &commit, &RequestContext::default()).await?;
    }
    Ok(())
}

async fn merge(lake: &Lake, repository: &RepositoryName, branch: &BranchName) -> Result<()> {
    let request = MergeRequest {
        repository: repository.clone(),
        source: branch.as_str().parse()?,
        destination: main_branch(),
        message: String::new(),
        metadata: Default::default(),
        strategy: None,
        dry_run: false,
        squash: false,
        must_change: false,
        conflicts_after: String::new(),
        conflicts_amount: 1,
    };
    let outcome = flows::merge(&lake.queues, &lake.caller, &request, &RequestContext::default()).await;
    match outcome.with_context(|| format!("merging {branch}"))? {
        MergeOutcome::Merged { .. } => Ok(()),
        other => bail!("merging {branch} came to {other:?}"),
    }
}
