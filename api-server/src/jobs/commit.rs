//! Commits as jobs: from the message of the public API to its answer.

use auth::Caller;
use graveler::Built;
use model::{JobDigest, JobKind};
use prost::Message;
use proto::api::{commit_to_wire, parse, time_from_wire};
use proto::generated::api as wire;

use super::decode;
use super::digest::Digest;
use super::work::{Answer, Work};
use crate::Error;
use crate::flows::{self, CommitRequest};

pub(super) fn check(caller: &Caller, spec: &[u8]) -> Result<(), Error> {
    flows::may_commit(caller, &request(decode(spec)?)?)
}

pub(super) async fn carry_out(work: &Work) -> Result<Answer, Error> {
    let message: wire::CreateCommitRequest = work.request()?;
    let queues = work.queues.by_force(message.force);
    let request = request(message)?;
    let context = work.context(|built: &Built| {
        let commit = Some(commit_to_wire(&built.id, &built.commit));
        wire::CreateCommitResponse { commit, changes: Some(built.changes), job_id: String::new() }.encode_to_vec()
    });
    let committed = flows::commit(&queues, &work.caller, &request, &context).await?;
    let answer = wire::CreateCommitResponse {
        commit: Some(commit_to_wire(&committed.id, &committed.commit)),
        changes: committed.changes,
        job_id: String::new(),
    };
    Ok(Answer { bytes: answer.encode_to_vec(), is_remembered: committed.changes.is_some() })
}

pub(super) fn digest(message: &[u8]) -> Result<JobDigest, Error> {
    let message: wire::CreateCommitRequest = decode(message)?;
    let force = message.force;
    let CommitRequest { repository, branch, message, metadata, allow_empty, created_at } = request(message)?;
    let mut digest = Digest::of(JobKind::Commit);
    digest.text("repository", repository.as_str()).text("branch", branch.as_str()).text("message", &message);
    digest.texts("metadata", &metadata).flag("allow_empty", allow_empty).time("created_at", created_at);
    Ok(digest.flag("force", force).end())
}

fn request(message: wire::CreateCommitRequest) -> Result<CommitRequest, Error> {
    Ok(CommitRequest {
        repository: parse("repository", &message.repository)?,
        branch: parse("branch", &message.branch)?,
        message: message.message,
        metadata: message.metadata,
        allow_empty: message.allow_empty,
        created_at: message.created_at.map(|at| time_from_wire(Some(at))),
    })
}
