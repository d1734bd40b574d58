//! Many transfers, a bounded number at a time, until they are done or the process is asked to end. Invariant: all are tried, unless one
//! fails for a reason that all would fail for; the first failures are told, and all are counted.

use std::future::Future;

use anyhow::Result;
use futures::{StreamExt, stream};
use lakebed_sdk::Reason;

use crate::connection::call;
use crate::exit::{self, Interrupted};
use crate::output::{Notes, warn};
use crate::signals::Signals;

/// Failures of the server, the caller, or the place of all transfers, and so of each of them.
const EVERYONE_S: [Reason; 13] = [
    Reason::BranchNotFound,
    Reason::MetadataUnavailable,
    Reason::NotABranch,
    Reason::ProtectedBranch,
    Reason::ReadOnly,
    Reason::RefAmbiguous,
    Reason::RefNotFound,
    Reason::RepositoryNotFound,
    Reason::StorageDenied,
    Reason::StorageFull,
    Reason::TooManyAttempts,
    Reason::Unauthenticated,
    Reason::Unreachable,
];

/// How transfers ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) failed: usize,
    first: Option<anyhow::Error>,
    others: Notes,
    /// For what reason the rest wasn't tried.
    stopped: Option<anyhow::Error>,
}

impl Ended {
    /// What stopped the transfers is the error, else the first failure: its kind chooses the exit code.
    pub(crate) fn into_result(self) -> Result<()> {
        self.others.end();
        if let Some(stopped) = self.stopped {
            if let Some(first) = self.first {
                warn(&exit::text(&first));
            }
            return Err(stopped);
        }
        match self.first {
            None => Ok(()),
            Some(error) if self.failed == 1 => Err(error),
            Some(error) => Err(error.context(format!("{} transfers failed; the first", self.failed))),
        }
    }

    fn add(&mut self, error: anyhow::Error) {
        self.failed += 1;
        if self.first.is_none() {
            self.first = Some(error);
        } else {
            self.others.add(&exit::text(&error));
        }
    }

    /// Ends with an error that isn't about the one item that met it first, so that the item isn't named.
    fn stop(&mut self, error: anyhow::Error) {
        self.failed += 1;
        self.stopped = Some(match error.downcast::<lakebed_sdk::Error>() {
            Ok(call) => call.into(),
            Err(error) => error,
        });
    }
}

/// Runs `transfer` for each item, `jobs` at a time. `failures` are those of items that couldn't even be tried.
pub(crate) async fn all<T, F, Fut>(items: Vec<T>, failures: Vec<anyhow::Error>, jobs: usize, transfer: F) -> Ended
where
    F: Fn(T) -> Fut,
    Fut: Future<Output = Result<()>>,
{
    let mut ended = Ended { failed: 0, first: None, others: Notes::default(), stopped: None };
    for error in failures {
        ended.add(error);
    }
    let mut running = stream::iter(items).map(transfer).buffer_unordered(jobs);
    while let Some(done) = running.next().await {
        match done {
            Ok(()) => {}
            Err(error) if call(&error).is_some_and(|call| EVERYONE_S.contains(&call.reason)) => {
                ended.stop(error);
                break;
            }
            Err(error) => ended.add(error),
        }
    }
    ended
}

/// Does `work` until it ends or a signal comes; then it is dropped, and `so_far` says what it had done.
pub(crate) async fn until_interrupted<T>(
    work: impl Future<Output = Result<T>>,
    so_far: impl FnOnce() -> String,
) -> Result<T> {
    let mut signals = Signals::listen()?;
    tokio::select! {
        biased;
        signal = signals.any() => Err(Interrupted { signal, so_far: so_far() }.into()),
        done = work => done,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use anyhow::Context;
    use lakebed_sdk::Code;

    use super::*;

    /// Runs transfers that all fail so, two at a time. → how they ended, and how many were tried
    async fn failing(number: usize, reason: Reason) -> (Ended, usize) {
        let tried = AtomicUsize::new(0);
        let ended = all((0..number).collect(), Vec::new(), 2, async |item: usize| {
            tried.fetch_add(1, Ordering::Relaxed);
            let message = format!("it is {reason}");
            let failed = Err(lakebed_sdk::Error { code: Code::NotFound, reason, message });
            failed.with_context(|| format!("can't upload {item}"))
        });
        (ended.await, tried.load(Ordering::Relaxed))
    }

    #[tokio::test]
    async fn an_error_that_is_everyone_s_is_told_once_and_stops_the_transfers() {
        for reason in [Reason::RepositoryNotFound, Reason::BranchNotFound, Reason::Unauthenticated, Reason::Unreachable]
        {
            let (ended, tried) = failing(1501, reason).await;
            assert!((1..=3).contains(&tried), "{tried} of them were tried");
            assert_eq!(exit::text(&ended.into_result().unwrap_err()), format!("it is {reason}"));
        }
    }

    #[tokio::test]
    async fn an_error_of_one_leaves_the_others_alone() {
        let (ended, tried) = failing(50, Reason::ObjectNotFound).await;
        assert_eq!((ended.failed, tried), (50, 50));
        let told = exit::text(&ended.into_result().unwrap_err());
        assert_eq!(told, "50 transfers failed; the first: can't upload 0: it is OBJECT_NOT_FOUND");
    }
}
