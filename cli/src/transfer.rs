//! Many transfers, a bounded number at a time. Invariant: all are tried; the first failures are told, and counted.

use std::future::Future;

use anyhow::Result;
use futures::{StreamExt, stream};

use crate::exit;
use crate::output::warn;

/// How many failures are printed; more are only counted.
const TOLD_MAX: usize = 20;

/// Runs `transfer` for each item, `jobs` at a time. The first failure is the error: its kind chooses the exit code.
pub(crate) async fn all<T, F, Fut>(items: Vec<T>, jobs: usize, transfer: F) -> Result<()>
where
    F: Fn(T) -> Fut,
    Fut: Future<Output = Result<()>>,
{
    let total = items.len();
    let mut running = stream::iter(items).map(transfer).buffer_unordered(jobs);
    let (mut failed, mut first) = (0, None);
    while let Some(done) = running.next().await {
        let Err(error) = done else { continue };
        failed += 1;
        if first.is_none() {
            first = Some(error);
        } else if failed <= TOLD_MAX {
            warn(&exit::text(&error));
        }
    }
    match first {
        None => Ok(()),
        Some(error) if total == 1 => Err(error),
        Some(error) => Err(error.context(format!("{failed} of {total} transfers failed; the first"))),
    }
}
