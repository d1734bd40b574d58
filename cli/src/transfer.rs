//! Many transfers, a bounded number at a time. Invariant: all are tried; the first failures are told, and counted.

use std::future::Future;

use anyhow::{Result, bail};
use futures::{StreamExt, stream};

use crate::output::warn;

/// How many failures are printed; more are only counted.
const TOLD_MAX: usize = 20;

/// Runs `transfer` for each item, `jobs` at a time.
pub(crate) async fn all<T, F, Fut>(items: Vec<T>, jobs: usize, transfer: F) -> Result<()>
where
    F: Fn(T) -> Fut,
    Fut: Future<Output = Result<()>>,
{
    let total = items.len();
    let mut running = stream::iter(items).map(transfer).buffer_unordered(jobs);
    let mut failures = Vec::new();
    while let Some(done) = running.next().await {
        if let Err(error) = done {
            failures.push(error);
        }
    }
    let failed = failures.len();
    if failed == 1 && total == 1 {
        return Err(failures.remove(0));
    }
    for error in failures.iter().take(TOLD_MAX) {
        warn(&format!("{error:#}"));
    }
    if failed > 0 {
        bail!("{failed} of {total} transfers failed");
    }
    Ok(())
}
