//! Requests that are carried out once, however often they are sent, and that outlive connections and servers.
//!
//! Owns which requests are under way in this process, and the bounds. Every commit and merge of an endpoint comes through
//! here: it runs in a task of its own, so that a dropped connection doesn't end it, and who asks again with its request
//! id waits for it or gets its answer. What takes longer than a moment, or is asked to go on by itself, becomes a record
//! of the metadata service with a lease; when the lease lapses, this or another server takes it up again (`resume`), as
//! of the caller that began it: the record says what they were, and what they may is judged by the policies as they are
//! when it is taken up.
//! `run` is the life of one; `work` says what each kind does. Leaves exactly-once to the metadata service: what
//! publishes a request's work remembers its answer in the same step.
//! Invariants: nothing before that step is visible, so whatever is cut off can be begun again; and that a server ends, or
//! failed, is never written down as the end of a request.

mod commit;
mod digest;
mod import;
pub(crate) mod merge;
mod refs;
mod resume;
mod run;
mod work;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use auth::{Action, Caller, Directory, Resource, authorize, is_allowed};
use graveler::Progress;
use model::{
    BeginJob, CancelJob, Command, GetJob, JOB_BYTES_MAX, Job, JobKind, JobProgress, JobSpec, JobState, ListJobs,
    Refusal, RepositoryName, RequestId, RunnerId,
};
use proto::api::InvalidField;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::Error;
use crate::commit_queue::CommitQueues;
use crate::error_table::state_to_result;

pub use work::Work;
pub(crate) use work::decode;

/// How long a server that ends takes to give leases back.
const ENDING_MAX: Duration = Duration::from_secs(5);

/// The bounds of jobs.
#[derive(Debug, Clone, Copy)]
pub struct JobOptions {
    /// How many requests may be under way in this process.
    pub running_max: usize,
    /// How many of these may be jobs that nobody waits for; others wait as records.
    pub detached_max: usize,
    /// After so long, a request under way becomes a record.
    pub recorded_after: Duration,
    /// For how long a runner that isn't heard of keeps its jobs.
    pub lease: Duration,
    /// How often a runner is heard of.
    pub heartbeat: Duration,
    /// How often it looks for jobs that nobody carries out.
    pub resume_interval: Duration,
}

impl Default for JobOptions {
    fn default() -> Self {
        Self {
            running_max: 4096,
            detached_max: 16,
            recorded_after: Duration::from_secs(1),
            lease: Duration::from_secs(10),
            heartbeat: Duration::from_secs(2),
            resume_interval: Duration::from_secs(2),
        }
    }
}

/// A request to be carried out once.
#[derive(Debug, Clone)]
pub struct NewJob {
    /// Its id; one is drawn if the caller gives none, and then nobody can ask again.
    pub id: Option<RequestId>,
    /// On what it works.
    pub repository: RepositoryName,
    /// What it does.
    pub kind: JobKind,
    /// The public API's message, encoded, without its request id.
    pub message: Vec<u8>,
}

/// The jobs of one API server. Cheap to clone; they go on until the last clone is gone.
#[derive(Clone)]
pub struct Jobs {
    inner: Arc<Inner>,
}

struct Inner {
    queues: CommitQueues,
    directory: Arc<Directory>,
    runner: RunnerId,
    options: JobOptions,
    under_way: Mutex<HashMap<RequestId, UnderWay>>,
    detached: Arc<Semaphore>,
    /// Cancelled when the server ends.
    ending: CancellationToken,
    tasks: TaskTracker,
}

/// A page of a repository's jobs.
pub struct JobsPage {
    /// Those that the caller may see.
    pub jobs: Vec<Job>,
    /// After which job the next page begins, if there is one.
    pub next_after: Option<RequestId>,
}

/// A request that this process carries out.
#[derive(Clone)]
struct UnderWay {
    request: Arc<Request>,
    cancel: Arc<Notify>,
    end: watch::Receiver<Option<JobState>>,
}

/// What it is.
struct Request {
    id: RequestId,
    repository: RepositoryName,
    kind: JobKind,
    caller: Caller,
    spec: JobSpec,
    progress: Progress,
}

impl Request {
    fn is(&self, new: &NewJob, spec: &JobSpec, caller: &Caller) -> bool {
        self.repository == new.repository
            && self.kind == new.kind
            && self.spec.asks_the_same(spec)
            && self.caller.user.id == caller.user.id
    }
}

impl Jobs {
    /// Begins to look for jobs that nobody carries out.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn new(queues: CommitQueues, directory: Arc<Directory>, options: JobOptions) -> Self {
        let inner = Arc::new(Inner {
            queues,
            directory,
            runner: RunnerId(rand::random()),
            options,
            under_way: Mutex::default(),
            detached: Arc::new(Semaphore::new(options.detached_max)),
            ending: CancellationToken::new(),
            tasks: TaskTracker::new(),
        });
        tokio::spawn(resume::keep_resuming(Arc::downgrade(&inner)));
        Self { inner }
    }

    /// Leaves all that is under way to other servers, and begins nothing more. Nothing is written down as its end, its
    /// leases lapse at once, and who waits is told to ask again.
    pub async fn end(&self) {
        self.inner.ending.cancel();
        self.inner.tasks.close();
        if tokio::time::timeout(ENDING_MAX, self.inner.tasks.wait()).await.is_err() {
            tracing::warn!("some jobs' leases couldn't be given back: others take them up when they lapse");
        }
    }

    /// Carries out a request and waits for its answer: the encoded response of the public API. It goes on if nobody
    /// waits any more.
    pub async fn run(&self, caller: &Caller, new: NewJob) -> Result<Vec<u8>, Error> {
        let spec = check(caller, &new)?;
        let (kind, message) = (new.kind, new.message.clone());
        let mut under_way = self.inner.join_or_start(caller, new, spec)?;
        let ended = under_way.end.wait_for(Option::is_some).await.map_err(|_| gone())?.clone();
        as_told_to(caller, kind, &message, state_to_result(ended.unwrap_or(JobState::Cancelled))?)
    }

    /// Begins a request that nobody waits for.
    pub async fn begin(&self, caller: &Caller, new: NewJob) -> Result<Job, Error> {
        let spec = check(caller, &new)?;
        self.inner.refuse_if_ending()?;
        let id = new.id.unwrap_or_else(|| RequestId(rand::random()));
        let slot = Arc::clone(&self.inner.detached).try_acquire_owned().ok();
        let command = Command::BeginJob(BeginJob {
            request: id,
            repository: new.repository,
            kind: new.kind,
            user: caller.user.id,
            caller: Some(caller.kept()),
            spec,
            runner: slot.as_ref().map(|_| (self.inner.runner, self.inner.lease_ms())),
        });
        let job = *self.inner.queues.graveler().meta().write(command).await?.job()?;
        if let Some(slot) = slot
            && !job.state.is_ended()
            && job.lease.is_some_and(|lease| lease.runner == self.inner.runner)
        {
            self.inner.start_claimed(caller.clone(), &job, slot);
        }
        Ok(job)
    }

    /// Finds a job of a repository.
    pub async fn get(&self, caller: &Caller, repository: &RepositoryName, id: RequestId) -> Result<Job, Error> {
        authorize(caller, Action::ReadRepository, &Resource::Repository(repository.clone()))?;
        let job = *self.inner.queues.graveler().meta().ask(GetJob { id }).await?;
        if job.repository != *repository || !may_see(caller, &job) {
            return Err(Refusal::JobNotFound(id).into());
        }
        seen_by(caller, self.inner.with_progress(job))
    }

    /// Lists a repository's jobs that the caller may see, newest first. Those that others see count for the page's length.
    pub async fn list(
        &self,
        caller: &Caller,
        repository: &RepositoryName,
        after: Option<RequestId>,
        amount: usize,
    ) -> Result<JobsPage, Error> {
        authorize(caller, Action::ReadRepository, &Resource::Repository(repository.clone()))?;
        let query = ListJobs { repository: repository.clone(), after, amount };
        let page = self.inner.queues.graveler().meta().ask(query).await?;
        let next_after = page.items.last().filter(|_| page.more).map(|job| job.id);
        let seen = page.items.into_iter().filter(|job| may_see(caller, job));
        let jobs = seen.map(|job| seen_by(caller, self.inner.with_progress(job))).collect::<Result<_, _>>()?;
        Ok(JobsPage { jobs, next_after })
    }

    /// Asks a job to end. One that published its work already is done, and stays so.
    pub async fn cancel(&self, caller: &Caller, repository: &RepositoryName, id: RequestId) -> Result<Job, Error> {
        let job = self.get(caller, repository, id).await?;
        if job.user != caller.user.id {
            let action = if job.kind == JobKind::Import { Action::ImportCancel } else { Action::CreateCommit };
            authorize(caller, action, &Resource::Repository(repository.clone()))?;
        }
        let job = *self.inner.queues.graveler().meta().write(Command::CancelJob(CancelJob { job: id })).await?.job()?;
        if let Some(under_way) = self.inner.find(id) {
            under_way.cancel.notify_one();
        }
        seen_by(caller, job)
    }

    /// Waits until a job of this process ends, or a while.
    pub(crate) async fn pause(&self, id: RequestId, most: Duration) {
        let Some(mut under_way) = self.inner.find(id) else { return tokio::time::sleep(most).await };
        let _ = tokio::time::timeout(most, under_way.end.wait_for(Option::is_some)).await;
    }
}

impl Inner {
    fn lease_ms(&self) -> u32 {
        u32::try_from(self.options.lease.as_millis()).unwrap_or(u32::MAX)
    }

    /// Joins the run of the same id, or starts one.
    fn join_or_start(self: &Arc<Self>, caller: &Caller, new: NewJob, spec: JobSpec) -> Result<UnderWay, Error> {
        self.refuse_if_ending()?;
        let mut all = self.lock();
        if let Some(id) = new.id
            && let Some(found) = all.get(&id)
        {
            return if found.request.is(&new, &spec, caller) {
                Ok(found.clone())
            } else {
                Err(Refusal::RequestReused(id).into())
            };
        }
        if all.len() >= self.options.running_max {
            return Err(Error::Overloaded);
        }
        let known = if new.id.is_some() { run::Known::Perhaps } else { run::Known::No };
        let request = Request {
            id: new.id.unwrap_or_else(|| RequestId(rand::random())),
            repository: new.repository,
            kind: new.kind,
            caller: caller.clone(),
            spec,
            progress: Progress::default(),
        };
        Ok(self.start(&mut all, request, known, None))
    }

    /// Starts a job whose lease is this runner's.
    fn start_claimed(self: &Arc<Self>, caller: Caller, job: &Job, slot: OwnedSemaphorePermit) {
        let mut all = self.lock();
        if all.contains_key(&job.id) {
            return;
        }
        let request = Request {
            id: job.id,
            repository: job.repository.clone(),
            kind: job.kind,
            caller,
            spec: job.spec.clone(),
            progress: Progress::default(),
        };
        self.start(&mut all, request, run::Known::Claimed(job.checkpoint.clone()), Some(slot));
    }

    fn start(
        self: &Arc<Self>,
        all: &mut HashMap<RequestId, UnderWay>,
        request: Request,
        known: run::Known,
        slot: Option<OwnedSemaphorePermit>,
    ) -> UnderWay {
        let (ended, end) = watch::channel(None);
        let under_way = UnderWay { request: Arc::new(request), cancel: Arc::default(), end };
        all.insert(under_way.request.id, under_way.clone());
        let (this, task) = (Arc::clone(self), under_way.clone());
        self.tasks.spawn(async move {
            let _slot = slot;
            let id = task.request.id;
            let _gone = Gone { inner: Arc::clone(&this), id };
            // Left to another server, it has no end here.
            if let Some(state) = this.see_through(&task, known).await {
                let _ = ended.send(Some(state));
            }
        });
        under_way
    }

    fn refuse_if_ending(&self) -> Result<(), Error> {
        if self.ending.is_cancelled() { Err(Error::Ending) } else { Ok(()) }
    }

    fn find(&self, id: RequestId) -> Option<UnderWay> {
        self.lock().get(&id).cloned()
    }

    /// A job as it is now, if this process carries it out; its record is a little older.
    fn with_progress(&self, job: Job) -> Job {
        match self.find(job.id) {
            Some(under_way) if !job.state.is_ended() => Job { progress: under_way.progress(), ..job },
            _ => job,
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RequestId, UnderWay>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes a request off the list when its task ends, however it does.
struct Gone {
    inner: Arc<Inner>,
    id: RequestId,
}

impl Drop for Gone {
    fn drop(&mut self) {
        self.inner.lock().remove(&self.id);
    }
}

impl UnderWay {
    fn progress(&self) -> JobProgress {
        let progress = &self.request.progress;
        JobProgress { stage: progress.stage().to_owned(), objects: progress.objects(), bytes: progress.bytes() }
    }
}

/// A job as a caller is told of it.
fn seen_by(caller: &Caller, mut job: Job) -> Result<Job, Error> {
    if let JobState::Done(answer) = job.state {
        job.state = JobState::Done(as_told_to(caller, job.kind, &job.spec.message, answer)?);
    }
    Ok(job)
}

/// The answer to a request, as a caller is told it.
fn as_told_to(caller: &Caller, kind: JobKind, spec: &[u8], answer: Vec<u8>) -> Result<Vec<u8>, Error> {
    match kind {
        JobKind::Merge => merge::as_told_to(caller, spec, answer),
        JobKind::Commit | JobKind::Import | JobKind::DumpRefs | JobKind::RestoreRefs => Ok(answer),
    }
}

/// Returns whether a caller may see a job: their own, unless they are a narrowed session, which may have begun any of its
/// user's; one of a branch that they may read or commit to; and one of all refs if they may list the branches. An answer
/// holds messages and metadata of commits, as a branch's log does.
fn may_see(caller: &Caller, job: &Job) -> bool {
    let is_own = job.user == caller.user.id && caller.narrowed.is_none();
    let may = |action, resource: &Resource| is_allowed(caller, action, resource);
    is_own
        || match work::branch(job.kind, &job.spec.message) {
            Some(branch) => {
                let branch = Resource::branch(&job.repository, &branch);
                may(Action::ReadBranch, &branch) || may(Action::CreateCommit, &branch)
            }
            None => may(Action::ListBranches, &Resource::Repository(job.repository.clone())),
        }
}

/// What can be said of a request before anything is done. → what is kept of it
fn check(caller: &Caller, new: &NewJob) -> Result<JobSpec, Error> {
    if new.message.len() > JOB_BYTES_MAX {
        let why = format!("{} bytes of message and metadata; the most is {JOB_BYTES_MAX}", new.message.len());
        return Err(InvalidField::new("request", why).into());
    }
    work::check(caller, new.kind, &new.message)?;
    let digest = Some(work::digest(new.kind, &new.message)?);
    Ok(JobSpec { version: work::SPEC_VERSION, message: new.message.clone(), digest })
}

/// A task ends before its request only with its server, or by a bug.
fn gone() -> Error {
    Error::Ending
}
