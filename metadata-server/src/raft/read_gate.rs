//! Linearizable reads by ReadIndex, many at once. Owns who shares a confirmation of leadership: all reads that came
//! before it began. Invariant: a read passes only after a confirmation that began after the read did.

use std::future::Future;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::MetaError;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

type Waiter = oneshot::Sender<Result<(), ReadEnd>>;

/// Why a read came to nothing.
#[derive(Debug, Clone)]
pub(crate) enum ReadEnd {
    /// The node's life has ended: another may answer.
    Ended,
    /// What to tell the caller.
    Failed(MetaError),
}

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
    /// Waits for the next confirmation. Who comes when none is under way confirms by itself, without a hop to another
    /// task. How many wait is bounded by the callers: each waits for its own read.
    pub(crate) async fn pass<C, F>(self: &Arc<Self>, confirm: C) -> Result<(), ReadEnd>
    where
        C: Fn() -> F + Send + 'static,
        F: Future<Output = Result<(), ReadEnd>> + Send + 'static,
    {
        let waiting = {
            let mut state = self.lock();
            mem::replace(&mut state.running, true).then(|| {
                let (waiter, passed) = oneshot::channel();
                state.waiting.push(waiter);
                passed
            })
        };
        match waiting {
            Some(passed) => passed.await.unwrap_or(Err(ReadEnd::Ended)),
            None => {
                let turn = Turn { gate: self, confirm: Some(confirm) };
                turn.take().await
            }
        }
    }

    /// Confirms for all who wait, again and again until nobody does.
    async fn run<F>(self: Arc<Self>, confirm: impl Fn() -> F)
    where
        F: Future<Output = Result<(), ReadEnd>>,
    {
        while let Some(waiters) = self.next() {
            let confirmed = confirm().await;
            for waiter in waiters {
                // A caller who gave up meanwhile doesn't listen any more.
                drop(waiter.send(confirmed.clone()));
            }
        }
    }

    fn next(&self) -> Option<Vec<Waiter>> {
        let mut state = self.lock();
        if state.waiting.is_empty() {
            state.running = false;
            return None;
        }
        Some(mem::take(&mut state.waiting))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A read's turn to confirm by itself. However it ends, dropped half-way too, who came meanwhile gets a confirmation.
struct Turn<'a, C, F>
where
    C: Fn() -> F + Send + 'static,
    F: Future<Output = Result<(), ReadEnd>> + Send + 'static,
{
    gate: &'a Arc<ReadGate>,
    confirm: Option<C>,
}

impl<C, F> Turn<'_, C, F>
where
    C: Fn() -> F + Send + 'static,
    F: Future<Output = Result<(), ReadEnd>> + Send + 'static,
{
    async fn take(self) -> Result<(), ReadEnd> {
        match &self.confirm {
            Some(confirm) => confirm().await,
            None => Err(ReadEnd::Ended),
        }
    }
}

impl<C, F> Drop for Turn<'_, C, F>
where
    C: Fn() -> F + Send + 'static,
    F: Future<Output = Result<(), ReadEnd>> + Send + 'static,
{
    fn drop(&mut self) {
        {
            let mut state = self.gate.lock();
            if state.waiting.is_empty() {
                state.running = false;
                return;
            }
        }
        if let (Some(confirm), Ok(runtime)) = (self.confirm.take(), Handle::try_current()) {
            runtime.spawn(self.gate.clone().run(confirm));
        }
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
        let read = || {
            tokio::spawn({
                let (gate, confirm) = (gate.clone(), confirm.clone());
                async move { gate.pass(confirm).await }
            })
        };
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

    #[tokio::test]
    async fn a_turn_that_is_given_up_is_passed_on() {
        let gate = Arc::new(ReadGate::default());
        let confirm = || std::future::pending::<Result<(), ReadEnd>>();
        let given_up = tokio::spawn({
            let gate = gate.clone();
            async move { gate.pass(confirm).await }
        });
        while !gate.lock().running {
            tokio::task::yield_now().await;
        }
        let (waiter, passed) = oneshot::channel();
        gate.lock().waiting.push(waiter);
        given_up.abort();
        assert!(given_up.await.unwrap_err().is_cancelled());
        // The one who waits is with the next confirmation, which this gate's never ends; it isn't forgotten.
        while !gate.lock().waiting.is_empty() {
            tokio::task::yield_now().await;
        }
        assert!(gate.lock().running);
        drop(passed);
    }
}
