//! Jobs: requests that go on at the server, found by their ids.

use futures::stream::{BoxStream, StreamExt, TryStreamExt};
use model::{RepositoryName, RequestId, Timestamp};
use proto::api::{InvalidField, parse, time_from_wire};
use proto::generated::api as wire;

use crate::error::required;
use crate::paging::{PAGE_ITEMS, Page, pages};
use crate::{Code, Committed, Error, Imported, Lakebed, MergeOutcome, Reason, RefsDump, Restored};

/// Draws an id for a request that may have to be asked for again.
pub fn new_request() -> RequestId {
    RequestId(rand::random())
}

/// A request that the server remembers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// The id of the request that began it.
    pub id: RequestId,
    /// What it does.
    pub kind: JobKind,
    /// How it stands.
    pub state: JobState,
    /// When it was begun.
    pub created_at: Timestamp,
    /// When it ended, if it did.
    pub ended_at: Option<Timestamp>,
    /// How often a server took it up.
    pub attempts: u32,
    /// What it does now.
    pub stage: String,
    /// Objects looked at.
    pub objects: u64,
    /// Bytes written.
    pub bytes: u64,
}

/// What a job does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobKind {
    /// A commit.
    Commit,
    /// A merge.
    Merge,
    /// An import.
    Import,
    /// A dump of refs.
    DumpRefs,
    /// A restore of refs.
    RestoreRefs,
    /// Something that a newer server knows.
    Unknown,
}

impl JobKind {
    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Commit => "commit",
            Self::Merge => "merge",
            Self::Import => "import",
            Self::DumpRefs => "dump-refs",
            Self::RestoreRefs => "restore-refs",
            Self::Unknown => "unknown",
        }
    }
}

/// How a job stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobState {
    /// Nobody has taken it up yet.
    Waiting,
    /// It is carried out.
    Running,
    /// It was asked to end, and hasn't yet.
    Cancelling,
    /// It is done.
    Done(JobAnswer),
    /// It failed, and changed nothing.
    Failed(Error),
    /// It was cancelled, and changed nothing.
    Cancelled,
}

impl JobState {
    /// Whether it stays so.
    pub const fn is_ended(&self) -> bool {
        matches!(self, Self::Done(_) | Self::Failed(_) | Self::Cancelled)
    }

    /// Its word.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Cancelling => "cancelling",
            Self::Done(_) => "done",
            Self::Failed(_) => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// What a job came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobAnswer {
    /// A commit.
    Commit(Box<Committed>),
    /// A merge.
    Merge(Box<MergeOutcome>),
    /// An import.
    Import(Box<Imported>),
    /// A dump of refs.
    DumpRefs(RefsDump),
    /// A restore of refs.
    RestoreRefs(Restored),
    /// Something that a newer server knows.
    Unknown,
}

impl Lakebed {
    /// Finds a job.
    pub async fn job(&self, repository: &RepositoryName, id: RequestId) -> Result<Job, Error> {
        let request = wire::GetJobRequest { repository: repository.to_string(), id: id.to_string() };
        self.jobs_client().get(request).await?.into_inner().try_into()
    }

    /// Lists a repository's jobs, newest first: those under way, and for a day those that ended.
    pub fn jobs(&self, repository: &RepositoryName) -> BoxStream<'static, Result<Job, Error>> {
        let (lakebed, repository) = (self.clone(), repository.to_string());
        pages(String::new(), move |after| {
            let mut client = lakebed.jobs_client();
            let request = wire::ListJobsRequest { repository: repository.clone(), after, amount: PAGE_ITEMS };
            async move {
                let page = client.list(request).await?.into_inner();
                let items = page.jobs.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?;
                Ok(Page::new(items, page.more, page.next_after))
            }
        })
    }

    /// Asks a job to end. One that is done stays done.
    pub async fn cancel_job(&self, repository: &RepositoryName, id: RequestId) -> Result<Job, Error> {
        let request = wire::CancelJobRequest { repository: repository.to_string(), id: id.to_string() };
        self.jobs_client().cancel(request).await?.into_inner().try_into()
    }

    /// Streams a job as it is, whenever that changes, until it has ended.
    pub async fn wait_job(
        &self,
        repository: &RepositoryName,
        id: RequestId,
    ) -> Result<BoxStream<'static, Result<Job, Error>>, Error> {
        let request = wire::WaitJobRequest { repository: repository.to_string(), id: id.to_string() };
        let jobs = self.jobs_client().wait(request).await?.into_inner();
        Ok(jobs.map_err(Error::from).and_then(async |job| job.try_into()).boxed())
    }
}

impl TryFrom<wire::Job> for Job {
    type Error = Error;

    fn try_from(job: wire::Job) -> Result<Self, Error> {
        let kind = match job.kind() {
            wire::JobKind::Commit => JobKind::Commit,
            wire::JobKind::Merge => JobKind::Merge,
            wire::JobKind::Import => JobKind::Import,
            wire::JobKind::DumpRefs => JobKind::DumpRefs,
            wire::JobKind::RestoreRefs => JobKind::RestoreRefs,
            wire::JobKind::Unspecified => JobKind::Unknown,
        };
        Ok(Self {
            id: parse("id", &job.id)?,
            kind,
            created_at: time_from_wire(job.created_at),
            ended_at: job.ended_at.map(|time| time_from_wire(Some(time))),
            attempts: job.attempts,
            stage: job.stage.clone(),
            objects: job.objects,
            bytes: job.bytes,
            state: state(job)?,
        })
    }
}

fn state(job: wire::Job) -> Result<JobState, Error> {
    Ok(match job.state() {
        wire::JobState::Waiting => JobState::Waiting,
        wire::JobState::Running => JobState::Running,
        wire::JobState::Cancelling => JobState::Cancelling,
        wire::JobState::Cancelled => JobState::Cancelled,
        wire::JobState::Done => JobState::Done(match job.answer {
            Some(wire::job::Answer::Commit(answer)) => JobAnswer::Commit(Box::new(answer.try_into()?)),
            Some(wire::job::Answer::Merge(answer)) => JobAnswer::Merge(Box::new(answer.try_into()?)),
            Some(wire::job::Answer::Import(answer)) => JobAnswer::Import(Box::new(answer.try_into()?)),
            Some(wire::job::Answer::DumpRefs(answer)) => {
                JobAnswer::DumpRefs(required(answer.dump, "dump")?.try_into()?)
            }
            Some(wire::job::Answer::RestoreRefs(answer)) => JobAnswer::RestoreRefs(answer.into()),
            None => JobAnswer::Unknown,
        }),
        wire::JobState::Failed => {
            let wire::JobFailure { code, reason, message } = job.failure.unwrap_or_default();
            let Ok(reason) = reason.parse::<Reason>();
            JobState::Failed(Error { code: Code::from_i32(code.cast_signed()), reason, message })
        }
        wire::JobState::Unspecified => return Err(InvalidField::new("state", "none that is known").into()),
    })
}
