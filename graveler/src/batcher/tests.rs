//! Group commit of staged changes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use futures::future::join_all;
use model::{
    Answer, Command, MetaError, MetaStore, Outcome, Query, Refusal, Stage, StageOutcome, StagedChange, StagedValue,
};
use tokio::sync::Semaphore;

use super::*;
use crate::Error;
use crate::testing::{branch, name, path, run};

/// Answers a `Stage` when it is let; counts commands and the changes in them.
struct Gate {
    open: Semaphore,
    commands: AtomicUsize,
    largest: AtomicUsize,
    refuse: bool,
}

impl Gate {
    fn new(refuse: bool) -> Arc<Self> {
        Arc::new(Self { open: Semaphore::new(0), commands: AtomicUsize::new(0), largest: AtomicUsize::new(0), refuse })
    }
}

#[async_trait]
impl MetaStore for Gate {
    async fn write(&self, command: Command) -> Result<Outcome, MetaError> {
        let Command::Stage(Stage { branch, changes, .. }) = command else { panic!("only changes are staged") };
        self.commands.fetch_add(1, Ordering::SeqCst);
        self.largest.fetch_max(changes.len(), Ordering::SeqCst);
        self.open.acquire().await.unwrap().forget();
        if self.refuse {
            return Ok(Outcome::Refused(Refusal::BranchNotFound(branch)));
        }
        // What is said of each change tells whether its writer gets its own answer.
        let outcome = |change: &StagedChange| match change.value {
            StagedValue::Tombstone if change.path.as_str().ends_with('x') => StageOutcome::ConditionFailed,
            _ => StageOutcome::Staged,
        };
        Ok(Outcome::Staged(changes.iter().map(outcome).collect()))
    }

    async fn read(&self, _query: Query) -> Result<Answer, MetaError> {
        panic!("nothing is read")
    }
}

fn deletions(paths: &[String]) -> Vec<StagedChange> {
    let deletion =
        |at: &String| StagedChange { path: path(at), value: StagedValue::Tombstone, condition: None, once: None };
    paths.iter().map(deletion).collect()
}

/// Starts writers one after the other, then lets all commands through.
async fn write(gate: &Arc<Gate>, queue_max: usize, writers: Vec<Vec<String>>) -> Vec<Result<Vec<StageOutcome>, Error>> {
    let batcher = Batcher::new(gate.clone(), queue_max);
    let place = Place { repository: name("trips"), uid: None, branch: branch("main") };
    let tasks = writers.into_iter().map(|paths| {
        let (batcher, place) = (batcher.clone(), place.clone());
        async move { batcher.stage(&place, deletions(&paths)).await }
    });
    let opened = async {
        while gate.commands.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        gate.open.add_permits(10_000);
    };
    futures::future::join(join_all(tasks), opened).await.0
}

#[test]
fn writes_that_wait_travel_together_and_get_their_own_outcomes() {
    run(async {
        let gate = Gate::new(false);
        let writers = (0..100).map(|i| vec![format!("{i}"), format!("{i}x")]).collect();
        for outcomes in write(&gate, 1000, writers).await {
            assert_eq!(outcomes.unwrap(), [StageOutcome::Staged, StageOutcome::ConditionFailed]);
        }
        // The first writer's command, then one for all who came meanwhile.
        assert!(gate.commands.load(Ordering::SeqCst) <= 3);
    });
}

#[test]
fn a_batch_keeps_to_the_bound_of_a_command() {
    run(async {
        let gate = Gate::new(false);
        let writers = (0..9).map(|i| (0..400).map(|j| format!("{i}/{j}")).collect()).collect();
        for outcomes in write(&gate, 1000, writers).await {
            assert_eq!(outcomes.unwrap().len(), 400);
        }
        assert!(gate.largest.load(Ordering::SeqCst) <= Command::STAGED_CHANGES_MAX);
    });
}

#[test]
fn a_full_queue_refuses_and_a_refusal_reaches_all() {
    run(async {
        let gate = Gate::new(true);
        let writers = (0..20).map(|i| vec![format!("{i}")]).collect();
        let outcomes = write(&gate, 5, writers).await;
        let overloaded = outcomes.iter().filter(|outcome| matches!(outcome, Err(Error::Overloaded(_)))).count();
        let refused =
            outcomes.iter().filter(|outcome| matches!(outcome, Err(Error::Meta(MetaError::Refused(_))))).count();
        assert!(overloaded >= 14, "{overloaded}");
        assert_eq!(overloaded + refused, 20);
    });
}
