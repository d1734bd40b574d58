//! Differences over gRPC.

use auth::{Action, HiddenPaths, Resource, authorize};
use graveler::{ChangeKind, DiffItem, DiffKind, DiffPage, DiffRequest};
use model::{BranchName, RepositoryName};
use proto::api::object_to_wire;
use proto::generated::api as wire;
use tonic::{Request, Response, Status};
use wire::diffs_server::Diffs;

use super::Grpc;
use super::authentication::authenticated;
use super::fields::{amount, delimiter, reference, text};
use crate::Error;

#[tonic::async_trait]
impl Diffs for Grpc {
    async fn refs(&self, request: Request<wire::DiffRefsRequest>) -> Result<Response<wire::DiffResponse>, Status> {
        let (caller, message) = authenticated(request)?;
        let repository: RepositoryName = text("repository", &message.repository)?;
        let (left, right) = (reference("left", &message.left)?, reference("right", &message.right)?);
        let kind = match message.kind() {
            wire::DiffKind::Unspecified | wire::DiffKind::TwoDot => DiffKind::TwoDot,
            wire::DiffKind::ThreeDot => DiffKind::ThreeDot,
        };
        for side in [&left, &right] {
            let listed = Resource::listing(&repository, side.base(), &message.prefix);
            authorize(&caller, Action::ListObjects, &listed).map_err(Error::from)?;
        }
        let request = DiffRequest {
            prefix: message.prefix,
            delimiter: delimiter(message.delimiter),
            after: message.after,
            amount: amount(message.amount),
        };
        let hidden = [&left, &right].map(|side| HiddenPaths::new(&caller, &repository, side.base()));
        let shows = move |path: &str| !hidden.iter().any(|hidden| hidden.has(path));
        let page = self.graveler.diff_shown(&repository, &left, &right, kind, &request, Box::new(shows)).await;
        Ok(Response::new(to_wire(page.map_err(Error::from)?)))
    }

    async fn uncommitted(
        &self,
        request: Request<wire::DiffUncommittedRequest>,
    ) -> Result<Response<wire::DiffResponse>, Status> {
        let (caller, message) = authenticated(request)?;
        let repository: RepositoryName = text("repository", &message.repository)?;
        let branch: BranchName = text("branch", &message.branch)?;
        let listed = Resource::listing(&repository, &branch, &message.prefix);
        authorize(&caller, Action::ListObjects, &listed).map_err(Error::from)?;
        let request = DiffRequest {
            prefix: message.prefix,
            delimiter: delimiter(message.delimiter),
            after: message.after,
            amount: amount(message.amount),
        };
        let hidden = HiddenPaths::new(&caller, &repository, &branch);
        let shows = move |path: &str| !hidden.has(path);
        let page = self.graveler.diff_uncommitted_shown(&repository, &branch, &request, Box::new(shows)).await;
        Ok(Response::new(to_wire(page.map_err(Error::from)?)))
    }
}

fn to_wire(page: DiffPage) -> wire::DiffResponse {
    wire::DiffResponse {
        more: page.next.is_some(),
        next_after: page.next.unwrap_or_default(),
        items: page.items.into_iter().map(item_to_wire).collect(),
    }
}

fn item_to_wire(item: DiffItem) -> wire::DiffItem {
    let change = match item.kind {
        ChangeKind::Added => wire::Change::Added,
        ChangeKind::Removed => wire::Change::Removed,
        ChangeKind::Changed => wire::Change::Changed,
        ChangeKind::Conflict => wire::Change::Conflict,
        ChangeKind::PrefixChanged => wire::Change::Prefix,
    };
    wire::DiffItem {
        left: item.left.map(|entry| object_to_wire(&item.path, entry)),
        right: item.right.map(|entry| object_to_wire(&item.path, entry)),
        path: item.path,
        change: change.into(),
    }
}
