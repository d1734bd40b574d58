//! Staged writes without S3 and without bytes: through `MetaStore` in this process, against RocksDB group commit of the
//! same records alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use model::StageOutcome;
use tokio::task::JoinSet;

use super::{Bench, Measurement, Row, of_base, per_operation};
use crate::interleave::{Slice, interleave};
use crate::process;
use crate::raw_log::RawLog;
use crate::serve::{Counts, Lake, repository, stage_one, staged_record};

const TASKS: usize = 64;

/// One change a command, 64 tasks.
pub(crate) async fn row(bench: &Bench) -> Result<Row> {
    let folder = bench.folder.join("staged");
    let lake = Arc::new(Lake::start(&folder).await?);
    lake.create_repository(&repository()).await?;
    let raw = Arc::new(RawLog::open(&folder.join("raw"))?);
    let rounds = interleave(
        bench.effort.rounds,
        async || base(&raw, bench.effort.slice).await,
        async || ours(&lake, bench.effort.slice).await,
    )
    .await?;
    let total = rounds.ours();
    drop(raw);
    if let Some(lake) = Arc::into_inner(lake) {
        lake.end().await;
    }
    Ok(Row {
        path: "staged write, metadata only, 64 tasks",
        base: "raw RocksDB group commit",
        counters: vec![
            per_operation("log fsyncs/write", total.counts.log_fsyncs, total.operations, 0.125),
            of_base("log fsyncs/write", rounds.base().counts.log_fsyncs, rounds.base().operations),
            per_operation("log entries/write", total.counts.log_entries, total.operations, 1.0),
        ],
        measurement: Measurement::Sides { rounds, bytes: None, rate_at_least: Some(0.6), cpu_at_most: None },
        goal: "≥ 0.6 × base; ≥ 3 × etcd",
    })
}

async fn base(raw: &Arc<RawLog>, time: Duration) -> Result<Slice> {
    let ((records, fsyncs), writer, record) = (raw.counts(), raw.clone(), staged_record());
    let mut slice = slice(time, move |_| {
        let (raw, record) = (writer.clone(), record.clone());
        async move { raw.append(record).await }
    })
    .await?;
    let now = raw.counts();
    slice.counts = Counts { log_entries: now.0 - records, log_fsyncs: now.1 - fsyncs, ..Counts::default() };
    Ok(slice)
}

async fn ours(lake: &Arc<Lake>, time: Duration) -> Result<Slice> {
    let (before, writer) = (lake.counts(), lake.clone());
    let mut slice = slice(time, move |number| {
        let lake = writer.clone();
        async move {
            let staged = lake.graveler.meta().write(stage_one(repository(), number)).await?.staged()?;
            anyhow::ensure!(staged == [StageOutcome::Staged], "a write wasn't staged: {staged:?}");
            Ok(())
        }
    })
    .await?;
    slice.counts = lake.counts().since(&before);
    Ok(slice)
}

/// Runs `write` of 0, 1, 2, … in 64 tasks, and measures this process.
async fn slice<F>(time: Duration, write: impl Fn(u64) -> F + Clone + Send + 'static) -> Result<Slice>
where
    F: Future<Output = Result<()>> + Send + 'static,
{
    let (next, own) = (Arc::new(AtomicU64::new(0)), std::process::id());
    let (cpu, begun) = (process::cpu_seconds(own)?, Instant::now());
    let mut tasks = JoinSet::new();
    for _ in 0..TASKS {
        let (write, next) = (write.clone(), next.clone());
        tasks.spawn(async move {
            let mut done = 0;
            while begun.elapsed() < time {
                write(next.fetch_add(1, Ordering::Relaxed)).await?;
                done += 1;
            }
            anyhow::Ok(done)
        });
    }
    let mut operations = 0;
    while let Some(done) = tasks.join_next().await {
        operations += done??;
    }
    let (seconds, cpu) = (begun.elapsed().as_secs_f64(), process::cpu_seconds(own)? - cpu);
    Ok(Slice { operations, seconds, cpu, client_cpu: 0.0, counts: Counts::default() })
}
