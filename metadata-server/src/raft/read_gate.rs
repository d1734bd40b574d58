//! Linearizable reads by ReadIndex, many at once. Owns who shares a confirmation of leadership: all reads that came
//! before it began. Invariant: a read passes only after a confirmation that began after the read did.

use std::future::Future;
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

use model::MetaError;
use tokio::sync::oneshot;

type Waiter = oneshot::Sender<Result<(), MetaError>>;

/// Gathers reads while a confirmation is under way.
#[derive(Default)]
pub(crate) struct ReadGate {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    running: bool,
    waiting: Vec<Waiter>,
}

impl ReadGate {
    /// Waits for the next confirmation, beginning one if none is under way. How many wait is bounded by the callers:
    /// each waits for its own read.
    pub(crate) async fn pass<F>(self: &Arc<Self>, confirm: impl Fn() -> F + Send + 'static) -> Result<(), MetaError>
    where
        F: Future<Output = Result<(), MetaError>> + Send + 'static,
    {
        let (waiter, passed) = oneshot::channel();
        let begin = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.waiting.push(waiter);
            !mem::replace(&mut state.running, true)
        };
        if begin {
            tokio::spawn(self.clone().run(confirm));
        }
        passed.await.unwrap_or_else(|_| Err(MetaError::Unavailable("the service is stopping".into())))
    }

    /// Confirms for all who wait, again and again until nobody does.
    async fn run<F>(self: Arc<Self>, confirm: impl Fn() -> F)
    where
        F: Future<Output = Result<(), MetaError>>,
    {
        while let Some(waiters) = self.next() {
            let confirmed = confirm().await;
            for waiter in waiters {
                // Whoever gave up meanwhile doesn't listen any more.
                drop(waiter.send(confirmed.clone()));
            }
        }
    }

    fn next(&self) -> Option<Vec<Waiter>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.waiting.is_empty() {
            state.running = false;
            return None;
        }
        Some(mem::take(&mut state.waiting))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Semaphore;

    use super::*;

    #[tokio::test]
    async fn reads_share_a_confirmation_that_began_after_them() {
        let (gate, begun) = (Arc::new(ReadGate::default()), Arc::new(AtomicUsize::new(0)));
        let go = Arc::new(Semaphore::new(0));
        let confirm = {
            let (begun, go) = (begun.clone(), go.clone());
            move || {
                let (begun, go) = (begun.clone(), go.clone());
                async move {
                    begun.fetch_add(1, Ordering::SeqCst);
                    go.acquire().await.unwrap().forget();
                    Ok(())
                }
            }
        };
        let read = || tokio::spawn({ let (gate, confirm) = (gate.clone(), confirm.clone()); async move { gate.pass(confirm).await } });
        let first = read();
        while begun.load(Ordering::SeqCst) < 1 {
            tokio::task::yield_now().await;
        }
        let others: Vec<_> = (0..50).map(|_| read()).collect();
        while gate.state.lock().unwrap().waiting.len() < 50 {
            tokio::task::yield_now().await;
        }
        go.add_permits(1);
        first.await.unwrap().unwrap();
        assert!(others.iter().all(|read| !read.is_finished()), "they came after the first confirmation began");
        go.add_permits(1);
        for read in others {
            read.await.unwrap().unwrap();
        }
        assert_eq!(begun.load(Ordering::SeqCst), 2);
    }
}
