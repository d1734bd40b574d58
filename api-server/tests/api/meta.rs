//! A `MetaStore` between server and memory that counts what passes, can lose answers, and can let others come first.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use async_trait::async_trait;
use model::{
    Answer, BranchName, Command, CommitId, EndRequest, MetaError, MetaStore, Note, Outcome, Publish, Query,
    RepositoryName, RequestId, RunnerId,
};
use tokio::sync::{RwLock, RwLockWriteGuard};

use crate::lake::until;

/// What becomes of the next publication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lose {
    /// It never arrives.
    Request,
    /// It is carried out, and nobody hears of it.
    Answer,
    /// It is carried out, and nobody hears of it before another has moved the branch on to this commit.
    AnswerBefore(CommitId),
    /// It never arrives, and another server answers the first of its requests.
    RequestAndFirst,
    /// It is carried out, and nobody hears of it, however often it is sent again.
    AllAnswers,
}

pub(crate) struct ObservedMeta {
    store: Arc<dyn MetaStore>,
    pub(crate) writes: AtomicU64,
    pub(crate) reads: AtomicU64,
    pub(crate) publications: AtomicU64,
    /// After how many more publications, and what.
    lose: Mutex<Option<(usize, Lose)>>,
    lose_staged: AtomicBool,
    first: Mutex<Vec<Command>>,
    /// So many publications of this request fail.
    poison: Mutex<Option<(RequestId, usize)>>,
    pub(crate) heartbeats: AtomicU64,
    /// Through which heartbeats go.
    beats: RwLock<()>,
    /// Through which publications go.
    gate: RwLock<()>,
}

/// While it lives, publications, or heartbeats, are counted and wait.
pub(crate) struct Held<'a>(#[expect(dead_code, reason = "it is held")] RwLockWriteGuard<'a, ()>);

impl ObservedMeta {
    pub(crate) fn new(store: Arc<dyn MetaStore>) -> Arc<Self> {
        let (writes, reads, publications) = Default::default();
        let (lose, lose_staged, first, poison, gate, heartbeats, beats) = Default::default();
        Arc::new(Self { store, writes, reads, publications, lose, lose_staged, first, poison, heartbeats, beats, gate })
    }

    /// The store itself: what another server would talk to.
    pub(crate) fn inner(&self) -> &dyn MetaStore {
        &*self.store
    }

    /// Holds publications up.
    pub(crate) async fn hold_publications(&self) -> Held<'_> {
        Held(self.gate.write().await)
    }

    /// Waits until so many publications have come, held up or not.
    pub(crate) async fn publications_come(&self, number: u64) {
        until("publications come", async || self.publications.load(Relaxed) >= number).await;
    }

    /// Carries out these commands right before the next publication or staging.
    pub(crate) fn let_others_come_first(&self, commands: Vec<Command>) {
        *self.first.lock().unwrap() = commands;
    }

    /// The next staging is carried out, and nobody hears of it.
    pub(crate) fn lose_next_staging_s_answer(&self) {
        self.lose_staged.store(true, Relaxed);
    }

    pub(crate) fn lose_next_publication(&self, lose: Lose) {
        self.lose_publication(0, lose);
    }

    /// Loses the publication that comes after so many others.
    pub(crate) fn lose_publication(&self, skip: usize, lose: Lose) {
        *self.lose.lock().unwrap() = Some((skip, lose));
    }

    /// Fails publications that carry out this request, as one fails that no log can take.
    pub(crate) fn fail_publications_of(&self, id: RequestId, times: usize) {
        *self.poison.lock().unwrap() = Some((id, times));
    }

    fn is_poisoned(&self, command: &Command) -> bool {
        let Command::Publish(Publish { ended, .. }) = command else { return false };
        match &mut *self.poison.lock().unwrap() {
            Some((id, left)) if *left > 0 && ended.iter().any(|ended| ended.id == *id) => {
                *left -= 1;
                true
            }
            _ => false,
        }
    }

    /// Holds up what tells that jobs are under way.
    pub(crate) async fn hold_heartbeats(&self) -> Held<'_> {
        Held(self.beats.write().await)
    }

    /// What becomes of this publication.
    fn lost(&self) -> Option<Lose> {
        let mut lose = self.lose.lock().unwrap();
        match &mut *lose {
            Some((0, Lose::AllAnswers)) => Some(Lose::AllAnswers),
            Some((0, _)) => lose.take().map(|(_, lose)| lose),
            Some((skip, _)) => {
                *skip -= 1;
                None
            }
            None => None,
        }
    }
}

impl ObservedMeta {
    /// Answers the first request of a publication, as another server would.
    async fn answer_first(&self, publication: Command) -> Result<(), MetaError> {
        let Command::Publish(Publish { repository, mut ended, .. }) = publication else { panic!("a publication") };
        let command = Command::EndRequest(EndRequest { repository, runner: RunnerId(99), ended: ended.swap_remove(0) });
        self.store.write(command).await?.job()?;
        Ok(())
    }
}

/// Another server's publication.
pub(crate) fn theirs(repository: RepositoryName, branch: BranchName, expected: CommitId, head: CommitId) -> Command {
    Command::Publish(Publish {
        request: None,
        repository,
        branch,
        expected,
        head,
        consumed: vec![],
        held_by: vec![],
        read_at: None,
        require_clean: false,
        ended: vec![],
        passed: vec![],
        note: Note::default(),
    })
}

#[async_trait]
impl MetaStore for ObservedMeta {
    async fn write(&self, command: Command) -> Result<Outcome, MetaError> {
        self.writes.fetch_add(1, Relaxed);
        if matches!(command, Command::Publish(_) | Command::Stage(_)) {
            let first = std::mem::take(&mut *self.first.lock().unwrap());
            for command in first {
                self.store.write(command).await?.done()?;
            }
        }
        let lost = match command {
            Command::BeginJob(_) | Command::ReportJob(_) => {
                self.heartbeats.fetch_add(1, Relaxed);
                drop(self.beats.read().await);
                None
            }
            Command::Publish(_) => {
                self.publications.fetch_add(1, Relaxed);
                drop(self.gate.read().await);
                self.lost()
            }
            _ => None,
        };
        if self.is_poisoned(&command) {
            return Err(MetaError::Internal("it can't be taken".into()));
        }
        if lost == Some(Lose::Request) {
            return Err(MetaError::OutcomeUnknown("lost on its way".into()));
        }
        if lost == Some(Lose::RequestAndFirst) {
            self.answer_first(command).await?;
            return Err(MetaError::OutcomeUnknown("lost on its way".into()));
        }
        let outcome = self.store.write(command.clone()).await?;
        if matches!(command, Command::Stage(_)) && self.lose_staged.swap(false, Relaxed) {
            return Err(MetaError::OutcomeUnknown("lost on its way back".into()));
        }
        if let Some(Lose::AnswerBefore(to)) = lost {
            let Command::Publish(Publish { repository, branch, head, .. }) = command else { panic!("a publication") };
            self.store.write(theirs(repository, branch, head, to)).await?.branch()?;
        }
        if lost.is_some() { Err(MetaError::OutcomeUnknown("lost on its way back".into())) } else { Ok(outcome) }
    }

    async fn read(&self, query: Query) -> Result<Answer, MetaError> {
        self.reads.fetch_add(1, Relaxed);
        self.store.read(query).await
    }
}
