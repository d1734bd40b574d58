//! Many transfers, a bounded number at a time, until they are done or Ctrl-C is pressed. Invariant: all are tried; the
//! first failures are told, and all are counted.

use std::future::Future;

use anyhow::Result;
use futures::{StreamExt, stream};
use tokio::signal::unix::{SignalKind, signal};

use crate::exit::{self, Interrupted};
use crate::output::warn;

/// How many failures are printed; more are only counted.
const TOLD_MAX: usize = 20;

/// How transfers ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) failed: usize,
    total: usize,
    first: Option<anyhow::Error>,
}

impl Ended {
    /// The first failure is the error: its kind chooses the exit code.
    pub(crate) fn into_result(self) -> Result<()> {
        match self.first {
            None => Ok(()),
            Some(error) if self.total == 1 => Err(error),
            Some(error) => Err(error.context(format!("{} of {} transfers failed; the first", self.failed, self.total))),
        }
    }

    fn add(&mut self, error: anyhow::Error) {
        self.failed += 1;
        if self.first.is_none() {
            self.first = Some(error);
        } else if self.failed <= TOLD_MAX {
            warn(&exit::text(&error));
        }
    }
}

/// Runs `transfer` for each item, `jobs` at a time. `failures` are those of items that couldn't even be tried.
pub(crate) async fn all<T, F, Fut>(items: Vec<T>, failures: Vec<anyhow::Error>, jobs: usize, transfer: F) -> Ended
where
    F: Fn(T) -> Fut,
    Fut: Future<Output = Result<()>>,
{
    let mut ended = Ended { failed: 0, total: items.len() + failures.len(), first: None };
    for error in failures {
        ended.add(error);
    }
    let mut running = stream::iter(items).map(transfer).buffer_unordered(jobs);
    while let Some(done) = running.next().await {
        if let Err(error) = done {
            ended.add(error);
        }
    }
    ended
}

/// Does `work` until it ends or Ctrl-C is pressed; then it is dropped, and `so_far` says what it had done.
pub(crate) async fn until_interrupted<T>(
    work: impl Future<Output = Result<T>>,
    so_far: impl FnOnce() -> String,
) -> Result<T> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        biased;
        _ = interrupt.recv() => Err(Interrupted(so_far()).into()),
        done = work => done,
    }
}
