//! Conversions of jobs.

use model::{
    CompletedRequest, Job, JobCaller, JobDigest, JobFailure, JobKind, JobProgress, JobSpec, JobState, Lease,
    RepositoryUid, RunnerId, Timestamp, UserId,
};

use super::{DecodeError, Wire, invalid, name, needed, optional, request, request_bytes, session, session_bytes};
use crate::generated::metadata::{self as pb, job_state};

pub(super) fn kind_number(kind: JobKind) -> i32 {
    let wire = match kind {
        JobKind::Commit => pb::JobKind::Commit,
        JobKind::Merge => pb::JobKind::Merge,
        JobKind::Import => pb::JobKind::Import,
        JobKind::DumpRefs => pb::JobKind::DumpRefs,
        JobKind::RestoreRefs => pb::JobKind::RestoreRefs,
    };
    wire.into()
}

pub(super) fn kind(number: i32) -> Result<JobKind, DecodeError> {
    match pb::JobKind::try_from(number) {
        Ok(pb::JobKind::Commit) => Ok(JobKind::Commit),
        Ok(pb::JobKind::Merge) => Ok(JobKind::Merge),
        Ok(pb::JobKind::Import) => Ok(JobKind::Import),
        Ok(pb::JobKind::DumpRefs) => Ok(JobKind::DumpRefs),
        Ok(pb::JobKind::RestoreRefs) => Ok(JobKind::RestoreRefs),
        Ok(pb::JobKind::Unspecified) | Err(_) => {
            Err(invalid("job.kind", format_args!("{number} is none that is known")))
        }
    }
}

pub(super) fn runner_bytes(id: RunnerId) -> Vec<u8> {
    id.0.to_be_bytes().to_vec()
}

pub(super) fn runner(bytes: &[u8]) -> Result<RunnerId, DecodeError> {
    let bytes = bytes.try_into().map_err(|_| invalid("runner", "expected 16 bytes"))?;
    Ok(RunnerId(u128::from_be_bytes(bytes)))
}

impl Wire for JobState {
    type Message = pb::JobState;

    fn to_message(&self) -> pb::JobState {
        let kind = match self {
            Self::Waiting => job_state::Kind::Waiting(pb::JobWaiting {}),
            Self::Running => job_state::Kind::Running(pb::JobRunning {}),
            Self::Cancelling => job_state::Kind::Cancelling(pb::JobCancelling {}),
            Self::Done(answer) => job_state::Kind::Done(answer.clone()),
            Self::Failed(JobFailure { code, reason, message }) => job_state::Kind::Failed(pb::JobFailure {
                code: *code,
                reason: reason.clone(),
                message: message.clone(),
            }),
            Self::Cancelled => job_state::Kind::Cancelled(pb::JobCancelled {}),
        };
        pb::JobState { kind: Some(kind) }
    }

    fn from_message(message: pb::JobState) -> Result<Self, DecodeError> {
        Ok(match message.kind.ok_or(DecodeError::Missing("job.state"))? {
            job_state::Kind::Waiting(pb::JobWaiting {}) => Self::Waiting,
            job_state::Kind::Running(pb::JobRunning {}) => Self::Running,
            job_state::Kind::Cancelling(pb::JobCancelling {}) => Self::Cancelling,
            job_state::Kind::Done(answer) => Self::Done(answer),
            job_state::Kind::Failed(pb::JobFailure { code, reason, message }) => {
                Self::Failed(JobFailure { code, reason, message })
            }
            job_state::Kind::Cancelled(pb::JobCancelled {}) => Self::Cancelled,
        })
    }
}

impl Wire for Lease {
    type Message = pb::Lease;

    fn to_message(&self) -> pb::Lease {
        pb::Lease { runner: runner_bytes(self.runner), until_ms: self.until.as_millis(), length_ms: self.length_ms }
    }

    fn from_message(message: pb::Lease) -> Result<Self, DecodeError> {
        let pb::Lease { runner: id, until_ms, length_ms } = message;
        Ok(Self { runner: runner(&id)?, until: Timestamp::from_millis(until_ms), length_ms })
    }
}

impl Wire for JobProgress {
    type Message = pb::JobProgress;

    fn to_message(&self) -> pb::JobProgress {
        pb::JobProgress { stage: self.stage.clone(), objects: self.objects, bytes: self.bytes }
    }

    fn from_message(message: pb::JobProgress) -> Result<Self, DecodeError> {
        Ok(Self { stage: message.stage, objects: message.objects, bytes: message.bytes })
    }
}

impl Wire for Job {
    type Message = pb::Job;

    fn to_message(&self) -> pb::Job {
        pb::Job {
            id: request_bytes(self.id),
            repository: self.repository.to_string(),
            repository_uid: self.repository_uid.0,
            kind: kind_number(self.kind),
            user: self.user.0,
            caller: self.caller.as_ref().map(Wire::to_message),
            spec: self.spec.message.clone(),
            spec_version: self.spec.version,
            spec_digest: spec_digest_bytes(&self.spec),
            created_at_ms: self.created_at.as_millis(),
            state: Some(self.state.to_message()),
            lease: self.lease.as_ref().map(Wire::to_message),
            attempts: self.attempts,
            progress: Some(self.progress.to_message()),
            checkpoint: self.checkpoint.clone(),
            ended_at_ms: self.ended_at.map(Timestamp::as_millis),
        }
    }

    fn from_message(message: pb::Job) -> Result<Self, DecodeError> {
        Ok(Self {
            id: request(&message.id)?,
            repository: name("job.repository", message.repository)?,
            repository_uid: RepositoryUid(message.repository_uid),
            kind: kind(message.kind)?,
            user: UserId(message.user),
            caller: optional(message.caller)?,
            spec: spec(message.spec_version, message.spec, &message.spec_digest)?,
            created_at: Timestamp::from_millis(message.created_at_ms),
            state: needed("job.state", message.state)?,
            lease: optional(message.lease)?,
            attempts: message.attempts,
            progress: needed("job.progress", message.progress)?,
            checkpoint: message.checkpoint,
            ended_at: message.ended_at_ms.map(Timestamp::from_millis),
        })
    }
}

pub(super) fn spec_digest_bytes(spec: &JobSpec) -> Vec<u8> {
    spec.digest.map_or_else(Vec::new, |digest| digest.as_bytes().to_vec())
}

pub(super) fn spec(version: u32, message: Vec<u8>, digest: &[u8]) -> Result<JobSpec, DecodeError> {
    let digest = match digest {
        [] => None,
        bytes => Some(JobDigest::from_slice(bytes).map_err(|error| invalid("spec.digest", error))?),
    };
    Ok(JobSpec { version, message, digest })
}

impl Wire for JobCaller {
    type Message = pb::JobCaller;

    fn to_message(&self) -> pb::JobCaller {
        pb::JobCaller {
            access_key_id: self.access_key_id.clone(),
            session: self.session.map(session_bytes).unwrap_or_default(),
            groups: self.groups.iter().map(ToString::to_string).collect(),
            narrowed: self.narrowed.clone(),
            address: self.address.map(|address| address.to_string()).unwrap_or_default(),
            at_ms: self.at.as_millis(),
        }
    }

    fn from_message(message: pb::JobCaller) -> Result<Self, DecodeError> {
        let address = Some(message.address).filter(|text| !text.is_empty()).map(|text| text.parse());
        Ok(Self {
            access_key_id: message.access_key_id,
            session: if message.session.is_empty() { None } else { Some(session(&message.session)?) },
            groups: message.groups.into_iter().map(|group| name("caller.groups", group)).collect::<Result<_, _>>()?,
            narrowed: message.narrowed,
            address: address.transpose().map_err(|error| invalid("caller.address", error))?,
            at: Timestamp::from_millis(message.at_ms),
        })
    }
}

impl Wire for CompletedRequest {
    type Message = pb::CompletedRequest;

    fn to_message(&self) -> pb::CompletedRequest {
        pb::CompletedRequest {
            id: request_bytes(self.id),
            kind: kind_number(self.kind),
            user: self.user.0,
            spec: self.spec.message.clone(),
            spec_version: self.spec.version,
            spec_digest: spec_digest_bytes(&self.spec),
            state: Some(self.state.to_message()),
        }
    }

    fn from_message(message: pb::CompletedRequest) -> Result<Self, DecodeError> {
        Ok(Self {
            id: request(&message.id)?,
            kind: kind(message.kind)?,
            user: UserId(message.user),
            spec: spec(message.spec_version, message.spec, &message.spec_digest)?,
            state: needed("ended.state", message.state)?,
        })
    }
}
