//! Merges over gRPC.

use auth::{Action, Resource, authorize};
use graveler::{ChangeCounts, Conflict, Conflicts, Strategy};
use model::{CommitId, RepositoryName};
use proto::api::{commit_to_wire, object_to_wire};
use proto::generated::api as wire;
use tonic::{Request, Response, Status};
use wire::merge_response::Outcome;
use wire::merges_server::Merges;

use super::Grpc;
use super::authentication::authenticated;
use super::fields::{amount, next_after, reference, text};
use crate::flows::MergeOutcome;
use crate::{Error, flows};

#[tonic::async_trait]
impl Merges for Grpc {
    async fn merge(&self, request: Request<wire::MergeRequest>) -> Result<Response<wire::MergeResponse>, Status> {
        let (caller, message) = authenticated(request)?;
        let strategy = strategy(message.strategy());
        let request = flows::MergeRequest {
            repository: text("repository", &message.repository)?,
            source: reference("source", &message.source)?,
            destination: text("destination", &message.destination)?,
            message: message.message,
            metadata: message.metadata,
            strategy,
            dry_run: message.dry_run,
            squash: message.squash,
            conflicts_after: message.conflicts_after,
            conflicts_amount: amount(message.conflicts_amount),
        };
        let outcome = flows::merge(&self.graveler, &caller, &request).await?;
        Ok(Response::new(wire::MergeResponse { outcome: Some(to_wire(outcome)) }))
    }

    async fn find_base(
        &self,
        request: Request<wire::FindBaseRequest>,
    ) -> Result<Response<wire::FindBaseResponse>, Status> {
        let (caller, message) = authenticated(request)?;
        let repository: RepositoryName = text("repository", &message.repository)?;
        authorize(&caller, Action::ListCommits, &Resource::Repository(repository.clone())).map_err(Error::from)?;
        let (left, right) = (reference("left", &message.left)?, reference("right", &message.right)?);
        let left = self.graveler.resolve(&repository, &left).await.map_err(Error::from)?;
        let right = self.graveler.resolve(&repository, &right).await.map_err(Error::from)?;
        let base = self.graveler.merge_base(&left.repository, &left.commit, &right.commit).await;
        Ok(Response::new(wire::FindBaseResponse {
            left_commit_id: left.commit.to_string(),
            right_commit_id: right.commit.to_string(),
            base_commit_id: base.map_err(Error::from)?.as_ref().map(CommitId::to_string).unwrap_or_default(),
        }))
    }
}

pub(super) fn strategy(strategy: wire::Strategy) -> Option<Strategy> {
    match strategy {
        wire::Strategy::Unspecified => None,
        wire::Strategy::SourceWins => Some(Strategy::SourceWins),
        wire::Strategy::DestinationWins => Some(Strategy::DestinationWins),
    }
}

pub(super) fn to_wire(outcome: MergeOutcome) -> Outcome {
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

pub(super) fn conflicts_to_wire(conflicts: Conflicts) -> wire::Conflicts {
    wire::Conflicts {
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
