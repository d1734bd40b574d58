//! Merges as jobs: from the message of the public API to its answer. Owns how much of many conflicts an answer holds.

use auth::Caller;
use graveler::{Built, ChangeCounts, Conflict, Conflicts, Strategy};
use model::{JOB_BYTES_MAX, JobDigest, JobKind};
use prost::Message;
use proto::api::{commit_to_wire, object_to_wire, parse};
use proto::generated::api as wire;
use wire::merge_response::Outcome;

use super::decode;
use super::digest::Digest;
use super::work::{Answer, Work};
use crate::Error;
use crate::flows::{self, MergeOutcome, MergeRequest};
use crate::pages::{amount, next_after};

pub(super) fn check(caller: &Caller, spec: &[u8]) -> Result<(), Error> {
    flows::may_merge(caller, &request(decode(spec)?)?)
}

pub(super) async fn carry_out(work: &Work) -> Result<Answer, Error> {
    let message: wire::MergeRequest = work.request()?;
    let queues = work.queues.by_force(message.force);
    let request = request(message)?;
    let context = work.context(|built: &Built| {
        let commit = Some(commit_to_wire(&built.id, &built.commit));
        respond(Outcome::Merged(wire::Merged { commit, changes: built.changes })).encode_to_vec()
    });
    let outcome = flows::merge(&queues, &work.caller, &request, &context).await?;
    let is_remembered = matches!(outcome, MergeOutcome::Merged { .. });
    Ok(Answer { bytes: fitting(respond(to_wire(outcome))), is_remembered })
}

pub(super) fn digest(message: &[u8]) -> Result<JobDigest, Error> {
    let message: wire::MergeRequest = decode(message)?;
    let force = message.force;
    let MergeRequest {
        repository,
        source,
        destination,
        message,
        metadata,
        strategy,
        dry_run,
        squash,
        must_change,
        conflicts_after,
        conflicts_amount,
    } = request(message)?;
    let strategy = match strategy {
        None => "",
        Some(Strategy::SourceWins) => "source-wins",
        Some(Strategy::DestinationWins) => "destination-wins",
    };
    let mut digest = Digest::of(JobKind::Merge);
    digest.text("repository", repository.as_str()).text("source", &source.to_string());
    digest.text("destination", destination.as_str()).text("message", &message).texts("metadata", &metadata);
    digest.text("strategy", strategy).flag("dry_run", dry_run).flag("squash", squash).flag("must_change", must_change);
    digest.text("conflicts_after", &conflicts_after).text("conflicts_amount", &conflicts_amount.to_string());
    Ok(digest.flag("force", force).end())
}

/// Reads a merge's message.
pub(crate) fn request(message: wire::MergeRequest) -> Result<MergeRequest, Error> {
    let strategy = strategy(message.strategy());
    Ok(MergeRequest {
        repository: parse("repository", &message.repository)?,
        source: parse("source", &message.source)?,
        destination: parse("destination", &message.destination)?,
        message: message.message,
        metadata: message.metadata,
        strategy,
        dry_run: message.dry_run,
        squash: message.squash,
        must_change: message.must_change,
        conflicts_after: message.conflicts_after,
        conflicts_amount: amount(message.conflicts_amount),
    })
}

pub(crate) fn strategy(strategy: wire::Strategy) -> Option<Strategy> {
    match strategy {
        wire::Strategy::Unspecified => None,
        wire::Strategy::SourceWins => Some(Strategy::SourceWins),
        wire::Strategy::DestinationWins => Some(Strategy::DestinationWins),
    }
}

fn respond(outcome: Outcome) -> wire::MergeResponse {
    wire::MergeResponse { outcome: Some(outcome), job_id: String::new() }
}

/// Leaves out of a merge's answer the conflicts whose paths a caller isn't told: others may read a job's end than began
/// it, and who began it may be allowed less now.
pub(super) fn as_told_to(caller: &Caller, spec: &[u8], answer: Vec<u8>) -> Result<Vec<u8>, Error> {
    let mut response: wire::MergeResponse = decode(&answer)?;
    let Some(Outcome::Conflicts(conflicts)) = &mut response.outcome else { return Ok(answer) };
    let MergeRequest { repository, source, destination, .. } = request(decode(spec)?)?;
    let named = flows::paths_named_to(caller, &repository, source.base(), &destination);
    if conflicts.items.iter().all(|conflict| named.has(&conflict.path)) {
        return Ok(answer);
    }
    // Those after the last one that is told are found again by who asks for more.
    let last = conflicts.items.iter().rposition(|conflict| named.has(&conflict.path));
    if conflicts.more {
        conflicts.items.truncate(last.map_or(0, |last| last + 1));
        conflicts.next_after = conflicts.items.last().map(|last| last.path.clone()).unwrap_or_default();
    }
    let all = conflicts.items.len();
    conflicts.items.retain(|conflict| named.has(&conflict.path));
    conflicts.unnamed += (all - conflicts.items.len()) as u64;
    Ok(response.encode_to_vec())
}

/// Encodes an answer; of very many conflicts, as many as are remembered: the page tells that there are more.
fn fitting(mut answer: wire::MergeResponse) -> Vec<u8> {
    loop {
        let bytes = answer.encode_to_vec();
        match &mut answer.outcome {
            Some(Outcome::Conflicts(conflicts)) if bytes.len() > JOB_BYTES_MAX && conflicts.items.len() > 1 => {
                conflicts.items.truncate(conflicts.items.len() / 2);
                conflicts.more = true;
                conflicts.next_after = conflicts.items.last().map(|last| last.path.clone()).unwrap_or_default();
            }
            _ => return bytes,
        }
    }
}

pub(crate) fn to_wire(outcome: MergeOutcome) -> Outcome {
    match outcome {
        MergeOutcome::Merged { id, commit, changes } => {
            Outcome::Merged(wire::Merged { commit: Some(commit_to_wire(&id, &commit)), changes })
        }
        MergeOutcome::UpToDate(head) => Outcome::UpToDate(wire::UpToDate { commit_id: head.to_string() }),
        MergeOutcome::Conflicts(conflicts) => Outcome::Conflicts(conflicts_to_wire(conflicts)),
        MergeOutcome::Preview(ChangeCounts { added, removed, changed }) => {
            Outcome::Preview(wire::Preview { summary: Some(wire::Summary { added, removed, changed }) })
        }
    }
}

pub(crate) fn conflicts_to_wire(conflicts: Conflicts) -> wire::Conflicts {
    wire::Conflicts {
        unnamed: conflicts.unnamed,
        more: conflicts.more,
        next_after: next_after(conflicts.more, &conflicts.items, |conflict| conflict.path.to_string()),
        items: conflicts.items.into_iter().map(conflict_to_wire).collect(),
    }
}

fn conflict_to_wire(conflict: Conflict) -> wire::Conflict {
    let path = String::from(conflict.path);
    wire::Conflict {
        base: conflict.base.map(|entry| object_to_wire(&path, entry)),
        source: conflict.source.map(|entry| object_to_wire(&path, entry)),
        destination: conflict.destination.map(|entry| object_to_wire(&path, entry)),
        path,
    }
}
