//! Commands about jobs, and about requests that are carried out once. Owns their shapes and how they look in logs; `metadata-server/command/` has a file for what each does.
//! Invariant: none shows a secret or a user's data in a log.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{CompletedRequest, JobCaller, JobKind, JobProgress, JobSpec, RepositoryName, RequestId, RunnerId, UserId};

/// Begins a job, to be carried out by the runner, or else by any. One that began under the same id is the answer, in
/// whatever state it is, unless it is retryable. → [`super::Outcome::Job`]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BeginJob {
    /// The job's id.
    pub request: RequestId,
    /// On what it works.
    pub repository: RepositoryName,
    /// What it does.
    pub kind: JobKind,
    /// For whom.
    pub user: UserId,
    /// What else they are.
    pub caller: Option<JobCaller>,
    /// The request.
    pub spec: JobSpec,
    /// Who takes it up at once, and for how many milliseconds.
    pub runner: Option<(RunnerId, u32)>,
}

impl fmt::Display for BeginJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { request, repository, kind, .. } = self;

        write!(f, "begin {kind} job {request} on {repository}")
    }
}

/// Takes up a job that nobody carries out any more. → [`super::Outcome::Job`], which may have ended meanwhile
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimJob {
    /// Which.
    pub job: RequestId,
    /// Who.
    pub runner: RunnerId,
    /// For how many milliseconds.
    pub lease_ms: u32,
}

impl fmt::Display for ClaimJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { job, .. } = self;

        write!(f, "claim job {job}")
    }
}

/// Keeps a job's lease, and tells how far it is. → [`super::Outcome::Job`]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportJob {
    /// Which.
    pub job: RequestId,
    /// Who.
    pub runner: RunnerId,
    /// For how many milliseconds more.
    pub lease_ms: u32,
    /// How far it is.
    pub progress: JobProgress,
    /// What to leave for the next runner; what was left stays if `None`.
    pub checkpoint: Option<Vec<u8>>,
}

impl fmt::Display for ReportJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { job, .. } = self;

        write!(f, "report job {job}")
    }
}

/// Asks a job to end, or ends one that nobody carries out. → [`super::Outcome::Job`]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CancelJob {
    /// Which.
    pub job: RequestId,
}

impl fmt::Display for CancelJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { job } = self;

        write!(f, "cancel job {job}")
    }
}

/// Remembers a request's end, whether it was a job or not. An end that is remembered already is the answer.
/// → [`super::Outcome::Job`]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndRequest {
    /// On what it worked.
    pub repository: RepositoryName,
    /// Who carried it out.
    pub runner: RunnerId,
    /// The request and its end.
    pub ended: CompletedRequest,
}

impl fmt::Display for EndRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { repository, ended, .. } = self;

        write!(f, "end {} request {} on {repository}", ended.kind, ended.id)
    }
}
