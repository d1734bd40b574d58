//! Jobs: requests that the service remembers by their id, under way or answered. Owns the nouns and their bounds;
//! `metadata-server` keeps them, the API server carries them out. Invariant: a job's id is the id of the request that
//! began it, and one id is carried out to its end at most once.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{GroupName, InvalidId, JobSpec, RepositoryName, RepositoryUid, RequestId, SessionId, Timestamp, UserId};

/// How many jobs may wait or run at a time, in all repositories together.
pub const OPEN_JOBS_MAX: u64 = 1000;
/// How many bytes a job's request may have.
pub const JOB_BYTES_MAX: usize = 64 << 10;
/// How many bytes its answer may have: it repeats the request's message and metadata, and says what came of them.
pub const ANSWER_BYTES_MAX: usize = JOB_BYTES_MAX + (4 << 10);
/// How many bytes a runner may leave for the next.
pub const CHECKPOINT_BYTES_MAX: usize = 16 << 10;

/// Names a process that carries out jobs; drawn when it starts, so that a restarted one isn't taken for the old one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunnerId(pub u128);

/// What a job does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum JobKind {
    /// Commits what is staged on a branch.
    Commit,
    /// Merges a ref into a branch.
    Merge,
    /// Takes objects of another store into a branch.
    Import,
    /// Writes a repository's refs and commits down.
    DumpRefs,
    /// Makes refs anew as they were written down.
    RestoreRefs,
}

impl JobKind {
    /// All kinds.
    pub const ALL: [Self; 5] = [Self::Commit, Self::Merge, Self::Import, Self::DumpRefs, Self::RestoreRefs];

    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Commit => "commit",
            Self::Merge => "merge",
            Self::Import => "import",
            Self::DumpRefs => "dump-refs",
            Self::RestoreRefs => "restore-refs",
        }
    }
}

impl fmt::Display for JobKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A request that the service remembers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// The id of the request that began it.
    pub id: RequestId,
    /// What it works on, as it was named then.
    pub repository: RepositoryName,
    /// The repository that had the name then.
    pub repository_uid: RepositoryUid,
    /// What it does.
    pub kind: JobKind,
    /// For whom.
    pub user: UserId,
    /// What else they were when they asked. None once it ended, and of jobs of earlier versions.
    pub caller: Option<JobCaller>,
    /// The request.
    pub spec: JobSpec,
    /// When it was begun.
    pub created_at: Timestamp,
    /// How it stands.
    pub state: JobState,
    /// Who carries it out; none if nobody does yet, or it ended.
    pub lease: Option<Lease>,
    /// How often it was taken up.
    pub attempts: u32,
    /// How far it is.
    pub progress: JobProgress,
    /// What a runner left for the one that takes it up after it; opaque here.
    pub checkpoint: Vec<u8>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

/// What the caller was who began a job, beside the user: all that policies ask about and that isn't kept elsewhere. So a
/// runner that takes the job up judges it as the one before did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobCaller {
    /// By which key they came: the one that signed, or that their session goes by.
    pub access_key_id: String,
    /// By which session, if not by a long-lived key.
    pub session: Option<SessionId>,
    /// The groups that the session was in besides the user's own.
    pub groups: Vec<GroupName>,
    /// The policy that narrowed the session.
    pub narrowed: Option<String>,
    /// From where.
    pub address: Option<IpAddr>,
    /// When.
    pub at: Timestamp,
}

/// How a job stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum JobState {
    /// Nobody has taken it up yet.
    Waiting,
    /// Somebody carries it out, or did when its lease was renewed last.
    Running,
    /// As running, but it was asked to end.
    Cancelling,
    /// It is done; this is the answer, as the API server encodes it.
    Done(Vec<u8>),
    /// It failed, and left everything as it was.
    Failed(JobFailure),
    /// It was ended before it was done, and left everything as it was.
    Cancelled,
}

impl JobState {
    /// Whether it stays so.
    pub const fn is_ended(&self) -> bool {
        matches!(self, Self::Done(_) | Self::Failed(_) | Self::Cancelled)
    }
}

impl Job {
    /// Whether the same request may be carried out again under its id: it changed nothing, and failed for a reason that may pass. Those
    /// that were kept before versions stay as they ended, as they did then.
    pub fn is_retryable(&self) -> bool {
        self.spec.version > 0 && matches!(&self.state, JobState::Failed(failure) if failure.may_pass())
    }
}

/// An error as a call would have answered it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobFailure {
    /// The gRPC status code.
    pub code: u32,
    /// The word for programs.
    pub reason: String,
    /// The text for people.
    pub message: String,
}

impl JobFailure {
    /// Whether the same call may do better later, by gRPC's codes: DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, ABORTED, INTERNAL, UNAVAILABLE.
    /// Not after UNKNOWN: then it may have been carried out.
    pub fn may_pass(&self) -> bool {
        matches!(self.code, 4 | 8 | 10 | 13 | 14)
    }
}

/// Whose turn a job is, and until when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// Who carries it out.
    pub runner: RunnerId,
    /// After this, by the leader's clock, others may take it up.
    pub until: Timestamp,
    /// How many milliseconds it was given for. 0 in records of earlier versions.
    pub length_ms: u32,
}

impl Lease {
    /// Gives a job to a runner.
    pub fn new(runner: RunnerId, now: Timestamp, length_ms: u32) -> Self {
        Self { runner, until: now.plus_millis(length_ms.into()), length_ms }
    }

    /// Returns whether it still lasts. One that would last longer than it was given for was given by a clock that ran
    /// ahead, and has lapsed: its runner would have renewed it.
    pub fn lasts(&self, now: Timestamp) -> bool {
        self.until > now && !self.until.is_too_far(now, self.length_ms.into())
    }
}

/// How far a job is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobProgress {
    /// What it does now.
    pub stage: String,
    /// Objects looked at.
    pub objects: u64,
    /// Bytes written.
    pub bytes: u64,
}

/// A request with its end, to be remembered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompletedRequest {
    /// Its id.
    pub id: RequestId,
    /// What it did.
    pub kind: JobKind,
    /// For whom.
    pub user: UserId,
    /// The request; two under one id must be the same.
    pub spec: JobSpec,
    /// The end.
    pub state: JobState,
}

impl CompletedRequest {
    /// How many bytes its request and its answer have.
    pub fn bytes(&self) -> usize {
        self.spec.message.len() + if let JobState::Done(answer) = &self.state { answer.len() } else { 0 }
    }
}

impl FromStr for RequestId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let digits = text.len() == 32 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        u128::from_str_radix(text, 16)
            .ok()
            .filter(|_| digits)
            .map(Self)
            .ok_or_else(|| InvalidId::new("request id", text, "32 lower-case hex digits"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_lasts_as_long_as_it_was_given_for() {
        let now = Timestamp::from_millis(1_790_000_000_000);
        let lease = Lease::new(RunnerId(1), now, 10_000);
        assert!(lease.lasts(now) && lease.lasts(now.plus_millis(9_999)) && !lease.lasts(now.plus_millis(10_000)));
        let earlier = |millis: i64| Timestamp::from_millis(now.as_millis() - millis);
        assert!(lease.lasts(earlier(60_000)), "clocks of two machines are a little apart");
        assert!(!lease.lasts(earlier(60_001)), "a clock ran ahead");
    }

    #[test]
    fn an_id_reads_back_from_its_text() {
        let id = RequestId(0x0123_4567_89ab_cdef_0000_0000_0000_0001);
        assert_eq!(id.to_string().parse(), Ok(id));
        for text in ["", "1", "0123456789ABCDEF0000000000000001", "+123456789abcdef0000000000000001"] {
            assert!(text.parse::<RequestId>().is_err(), "{text}");
        }
    }
}
