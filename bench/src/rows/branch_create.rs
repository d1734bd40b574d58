//! Making a branch of a small and of a large repository, through the API's flow in this process. The base is the small
//! one: the cost must not depend on the size.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use anyhow::Result;
use api_server::flows;
use model::{BranchName, RepositoryName, RequestId};

use super::{Bench, Measurement, Row, per_operation};
use crate::interleave::{Slice, interleave};
use crate::process;
use crate::serve::{Lake, main_branch};

const FEW_OBJECTS: usize = 10;

/// One branch after the other.
pub(crate) async fn row(bench: &Bench) -> Result<Row> {
    let lake = Lake::start(&bench.folder.join("branches")).await?;
    let small = repository(&lake, "small", FEW_OBJECTS).await?;
    let large = repository(&lake, "large", bench.effort.many_objects).await?;
    let next = AtomicU64::new(0);
    let rounds = interleave(
        bench.effort.rounds,
        async || slice(&lake, &small, &next, bench.effort.branches).await,
        async || slice(&lake, &large, &next, bench.effort.branches).await,
    )
    .await?;
    let total = rounds.ours().and(&rounds.base());
    lake.end().await;
    Ok(Row {
        path: "branch create at 10,000 objects, 1 client",
        base: "at 10 objects",
        counters: vec![
            per_operation("log entries/branch", total.counts.log_entries, total.operations, 1.0),
            per_operation("store requests/branch", total.counts.store_requests(), total.operations, 0.0),
            per_operation("lookups/branch", total.counts.lookups, total.operations, 1.0),
        ],
        measurement: Measurement::Sides { rounds, bytes: None, rate_at_least: None, cpu_at_most: None },
        goal: "1 log entry, 0 store requests at any size",
    })
}

/// Makes a repository with a commit of so many objects.
async fn repository(lake: &Lake, name: &str, objects: usize) -> Result<RepositoryName> {
    let name: RepositoryName = name.parse()?;
    lake.create_repository(&name).await?;
    lake.stage_many(&name, objects).await?;
    lake.commit(&name).await?;
    Ok(name)
}

async fn slice(lake: &Lake, repository: &RepositoryName, next: &AtomicU64, operations: u64) -> Result<Slice> {
    let own = std::process::id();
    let (counts, cpu, begun) = (lake.counts(), process::cpu_seconds(own)?, Instant::now());
    for _ in 0..operations {
        let branch: BranchName = format!("b-{}", next.fetch_add(1, Ordering::Relaxed)).parse()?;
        let (request, repository, source) = (RequestId(rand::random()), repository.clone(), (&main_branch()).into());
        let request = flows::CreateBranchRequest { request, repository, branch, source, hidden: false };
        flows::create_branch(&lake.graveler, &lake.caller, request).await?;
    }
    let (seconds, cpu) = (begun.elapsed().as_secs_f64(), process::cpu_seconds(own)? - cpu);
    Ok(Slice { operations, seconds, cpu, client_cpu: 0.0, counts: lake.counts().since(&counts) })
}
