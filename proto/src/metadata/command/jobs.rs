//! Conversions of the commands about jobs, and about requests that are carried out once.

use model::{BeginJob, CancelJob, ClaimJob, EndRequest, ReportJob};

use super::*;

impl Wire for BeginJob {
    type Message = pb::BeginJob;

    fn to_message(&self) -> pb::BeginJob {
        let Self { request, repository, kind, user, caller, spec, runner } = self;
        pb::BeginJob {
            request: request_bytes(*request),
            repository: repository.to_string(),
            kind: kind_number(*kind),
            user: user.0,
            caller: caller.as_ref().map(Wire::to_message),
            spec: spec.message.clone(),
            spec_version: spec.version,
            spec_digest: spec_digest_bytes(spec),
            runner: runner.map(|(runner, lease_ms)| pb::FirstLease { runner: runner_bytes(runner), lease_ms }),
        }
    }

    fn from_message(m: pb::BeginJob) -> Result<Self, DecodeError> {
        Ok(Self {
            request: request(&m.request)?,
            repository: name("repository", m.repository)?,
            kind: job_kind(m.kind)?,
            user: UserId(m.user),
            caller: optional(m.caller)?,
            spec: job_spec(m.spec_version, m.spec, &m.spec_digest)?,
            runner: m.runner.map(|first| Ok::<_, DecodeError>((runner(&first.runner)?, first.lease_ms))).transpose()?,
        })
    }
}

impl Wire for ClaimJob {
    type Message = pb::ClaimJob;

    fn to_message(&self) -> pb::ClaimJob {
        let Self { job, runner, lease_ms } = self;
        pb::ClaimJob { job: request_bytes(*job), runner: runner_bytes(*runner), lease_ms: *lease_ms }
    }

    fn from_message(m: pb::ClaimJob) -> Result<Self, DecodeError> {
        Ok(Self { job: request(&m.job)?, runner: runner(&m.runner)?, lease_ms: m.lease_ms })
    }
}

impl Wire for ReportJob {
    type Message = pb::ReportJob;

    fn to_message(&self) -> pb::ReportJob {
        let Self { job, runner, lease_ms, progress, checkpoint } = self;
        pb::ReportJob {
            job: request_bytes(*job),
            runner: runner_bytes(*runner),
            lease_ms: *lease_ms,
            progress: Some(progress.to_message()),
            checkpoint: checkpoint.clone(),
        }
    }

    fn from_message(m: pb::ReportJob) -> Result<Self, DecodeError> {
        Ok(Self {
            job: request(&m.job)?,
            runner: runner(&m.runner)?,
            lease_ms: m.lease_ms,
            progress: needed::<JobProgress>("progress", m.progress)?,
            checkpoint: m.checkpoint,
        })
    }
}

impl Wire for CancelJob {
    type Message = pb::CancelJob;

    fn to_message(&self) -> pb::CancelJob {
        let Self { job } = self;
        pb::CancelJob { job: request_bytes(*job) }
    }

    fn from_message(m: pb::CancelJob) -> Result<Self, DecodeError> {
        Ok(Self { job: request(&m.job)? })
    }
}

impl Wire for EndRequest {
    type Message = pb::EndRequest;

    fn to_message(&self) -> pb::EndRequest {
        let Self { repository, runner, ended } = self;
        pb::EndRequest {
            repository: repository.to_string(),
            runner: runner_bytes(*runner),
            ended: Some(ended.to_message()),
        }
    }

    fn from_message(m: pb::EndRequest) -> Result<Self, DecodeError> {
        Ok(Self {
            repository: name("repository", m.repository)?,
            runner: runner(&m.runner)?,
            ended: needed::<CompletedRequest>("ended", m.ended)?,
        })
    }
}
