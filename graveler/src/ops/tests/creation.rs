//! Creations of repositories that are cut off, in one installation and in two that share a store.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use async_trait::async_trait;
use futures::FutureExt;
use futures::future::{join_all, pending};
use metadata_server::MemoryMetaStore;
use model::{
    Answer, Command, DeleteRepository, MetaError, MetaStore, Outcome, Query, Refusal, Repository, RequestId,
    StorageNamespace,
};
use storage::testing::{Fault, Faults, Faulty, Verb};
use storage::{StorageError, StoreSettings, Stores};

use crate::testing::{TickingClock, branch, name, run, small_options};
use crate::{Error, Graveler};

const NEVER: usize = usize::MAX;

/// A metadata service that nobody hears of any more after so many steps; a call takes two, before and after its effect.
struct Cut {
    store: MemoryMetaStore,
    steps: AtomicUsize,
}

impl Cut {
    async fn step(&self) {
        match self.steps.load(Relaxed) {
            NEVER => {}
            0 => pending().await,
            left => self.steps.store(left - 1, Relaxed),
        }
    }
}

#[async_trait]
impl MetaStore for Cut {
    async fn write(&self, command: Command) -> Result<Outcome, MetaError> {
        self.step().await;
        let outcome = self.store.write(command).await;
        self.step().await;
        outcome
    }

    async fn read(&self, query: Query) -> Result<Answer, MetaError> {
        self.step().await;
        let answer = self.store.read(query).await;
        self.step().await;
        answer
    }
}

struct Installation {
    graveler: Graveler,
    meta: Arc<Cut>,
}

impl Installation {
    fn new(stores: &Arc<Stores>) -> Self {
        let clock = Arc::new(TickingClock::default());
        let store = MemoryMetaStore::new(clock.clone());
        let meta = Arc::new(Cut { store, steps: AtomicUsize::new(NEVER) });
        let graveler = Graveler::new(meta.clone(), Arc::clone(stores), clock, small_options());
        Self { graveler, meta }
    }

    async fn create(&self, request: u128, of: &str) -> Result<Repository, Error> {
        let (request, of, at) = (RequestId(request), name(of), namespace());
        self.graveler.create_repository(request, &of, Some(&at), &branch("main"), "ann").await
    }

    /// Creates a repository until that is cut off. → whether it was
    fn create_cut(&self, request: u128, steps: usize) -> bool {
        self.meta.steps.store(steps, Relaxed);
        let cut = self.create(request, "trips").now_or_never().is_none();
        self.meta.steps.store(NEVER, Relaxed);
        cut
    }

    async fn is_whole(&self) -> bool {
        let trips = self.graveler.meta().repository(&name("trips")).await.unwrap();
        let main = self.graveler.meta().branch(&trips.name, &branch("main")).await.unwrap();
        self.graveler.commit_object(&trips, &main.commit).await.is_ok()
    }
}

fn namespace() -> StorageNamespace {
    "mem://trips".parse().unwrap()
}

async fn stores() -> (Arc<Stores>, Faults) {
    let (memory, faults) = (Stores::open("memory:///", &StoreSettings::default()).await.unwrap(), Faults::default());
    let script = faults.clone();
    let stores = memory.decorated(move |store, multipart| {
        let faulty = Faulty::new(store, multipart, script);
        (faulty.clone(), faulty)
    });
    (stores, faults)
}

fn is_foreign(made: &Result<Repository, Error>) -> bool {
    matches!(made, Err(Error::Storage(StorageError::AlreadyExists { .. })))
}

#[test]
fn a_creation_that_was_cut_off_anywhere_is_gone_on_with_by_the_next() {
    run(async {
        for steps in 0.. {
            let here = Installation::new(&stores().await.0);
            let was_cut = here.create_cut(1, steps);
            let made = here.create(2, "trips").await;
            let is_made = matches!(&made, Err(Error::Meta(MetaError::Refused(Refusal::RepositoryExists(_)))));
            // Claim and record are two calls of two steps each: only after the record's effect is it there.
            assert_eq!((is_made, made.is_ok()), (steps >= 3, steps < 3), "{steps}: {made:?}");
            assert!(here.is_whole().await, "{steps}");
            if !was_cut {
                assert_eq!(steps, 4);
                return;
            }
        }
    });
}

#[test]
fn a_creation_that_was_cut_off_between_its_files_is_gone_on_with_by_the_next() {
    run(async {
        for skip in 0..2 {
            let (stores, faults) = stores().await;
            let (here, elsewhere) = (Installation::new(&stores), Installation::new(&stores));
            faults.once_after(Verb::Put, skip, Fault::Hang);
            assert!(here.create_cut(1, NEVER), "{skip}");
            faults.clear();
            if skip == 1 {
                assert!(is_foreign(&elsewhere.create(2, "trips").await), "its format file is another installation's");
                assert!(is_foreign(&elsewhere.create(3, "trips").await), "however often");
            }
            here.create(4, "trips").await.unwrap();
            assert!(here.is_whole().await);
        }
    });
}

#[test]
fn a_namespace_that_another_installation_lives_in_is_left_alone() {
    run(async {
        let (stores, _) = stores().await;
        let (here, elsewhere) = (Installation::new(&stores), Installation::new(&stores));
        here.create(1, "trips").await.unwrap();
        for request in 2..4 {
            assert!(is_foreign(&elsewhere.create(request, "trips").await));
        }
        assert!(here.is_whole().await);
        let delete = Command::DeleteRepository(DeleteRepository { name: name("trips") });
        here.meta.write(delete).await.unwrap().done().unwrap();
        assert!(is_foreign(&here.create(5, "trips").await), "nor is one taken that was deleted");
    });
}

#[test]
fn of_creations_at_the_same_time_in_one_place_one_is_made() {
    run(async {
        let here = Installation::new(&stores().await.0);
        let all =
            join_all((1..9).map(|request| here.create(request, if request % 2 == 0 { "trips" } else { "taxis" })));
        assert_eq!(all.await.into_iter().filter(Result::is_ok).count(), 1);
    });
}
