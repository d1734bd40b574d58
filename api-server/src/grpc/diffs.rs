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
use super::fields::{amount, delimiter, next_after, reference, text};
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
        let page = self.graveler.diff(&repository, &left, &right, kind, &request).await.map_err(Error::from)?;
        let hidden = [&left, &right].map(|side| HiddenPaths::new(&caller, &repository, side.base()));
        Ok(Response::new(to_wire(page, |path| hidden.iter().any(|hidden| hidden.has(path)))))
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
        let page = self.graveler.diff_uncommitted(&repository, &branch, &request).await.map_err(Error::from)?;
        let hidden = HiddenPaths::new(&caller, &repository, &branch);
        Ok(Response::new(to_wire(page, |path| hidden.has(path))))
    }
}

fn to_wire(page: DiffPage, is_hidden: impl Fn(&str) -> bool) -> wire::DiffResponse {
    wire::DiffResponse {
        more: page.more,
        next_after: next_after(page.more, &page.items, |item| item.path.clone()),
        items: page.items.into_iter().filter(|item| !is_hidden(&item.path)).map(item_to_wire).collect(),
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
