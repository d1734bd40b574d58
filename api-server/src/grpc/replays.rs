//! Reverts, cherry-picks and rebases over gRPC.

use proto::generated::api as wire;
use tonic::{Request, Response, Status};
use wire::rebase_response::Outcome;
use wire::replays_server::Replays;

use super::Grpc;
use super::authentication::authenticated;
use super::fields::{amount, reference, text};
use crate::flows::{self, MergeOutcome, RebaseOutcome};
use crate::jobs::merge::{conflicts_to_wire, strategy, to_wire};

#[tonic::async_trait]
impl Replays for Grpc {
    async fn revert(&self, request: Request<wire::ReplayRequest>) -> Result<Response<wire::MergeResponse>, Status> {
        let (caller, message) = authenticated(request)?;
        let outcome = flows::revert(&self.queues, &caller, &replay_request(message)?).await?;
        Ok(response(outcome))
    }

    async fn cherry_pick(
        &self,
        request: Request<wire::ReplayRequest>,
    ) -> Result<Response<wire::MergeResponse>, Status> {
        let (caller, message) = authenticated(request)?;
        let outcome = flows::cherry_pick(&self.queues, &caller, &replay_request(message)?).await?;
        Ok(response(outcome))
    }

    async fn rebase(&self, request: Request<wire::RebaseRequest>) -> Result<Response<wire::RebaseResponse>, Status> {
        let (caller, message) = authenticated(request)?;
        let request = flows::RebaseRequest {
            repository: text("repository", &message.repository)?,
            branch: text("branch", &message.branch)?,
            onto: reference("onto", &message.onto)?,
            strategy: strategy(message.strategy()),
            conflicts_after: message.conflicts_after,
            conflicts_amount: amount(message.conflicts_amount),
        };
        let outcome = flows::rebase(&self.queues, &caller, &request).await?;
        Ok(Response::new(wire::RebaseResponse { outcome: Some(rebased_to_wire(outcome)) }))
    }
}

fn replay_request(message: wire::ReplayRequest) -> Result<flows::ReplayRequest, Status> {
    Ok(flows::ReplayRequest {
        strategy: strategy(message.strategy()),
        repository: text("repository", &message.repository)?,
        branch: text("branch", &message.branch)?,
        commit: reference("commit", &message.commit)?,
        parent: Some(message.parent).filter(|parent| *parent > 0),
        message: message.message,
        metadata: message.metadata,
        allow_empty: message.allow_empty,
        dry_run: message.dry_run,
        conflicts_after: message.conflicts_after,
        conflicts_amount: amount(message.conflicts_amount),
    })
}

fn response(outcome: MergeOutcome) -> Response<wire::MergeResponse> {
    Response::new(wire::MergeResponse { outcome: Some(to_wire(outcome)), job_id: String::new() })
}

fn rebased_to_wire(outcome: RebaseOutcome) -> Outcome {
    match outcome {
        RebaseOutcome::Rebased { head, replayed, dropped } => {
            Outcome::Rebased(wire::Rebased { commit_id: head.to_string(), replayed, dropped })
        }
        RebaseOutcome::UpToDate(head) => Outcome::UpToDate(wire::UpToDate { commit_id: head.to_string() }),
        RebaseOutcome::Conflicts { commit, conflicts } => Outcome::Conflicts(wire::RebaseConflicts {
            commit_id: commit.to_string(),
            conflicts: Some(conflicts_to_wire(conflicts)),
        }),
    }
}
