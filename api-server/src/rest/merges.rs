//! Merges over REST. Invariant: a merge that conflicts tells all conflicts that fit a page, not the first.

use std::collections::BTreeMap;

use auth::{Action, Resource, authorize};
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use graveler::{Conflicts, Strategy};
use http::StatusCode;
use model::{CommitId, PAGE_MAX};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Rest;
use super::authentication::Authenticated;
use super::extract::{OptionalBody, Path};
use super::failure::{ErrorBody, Failure, invalid_field};
use super::places::IntoBranch;
use crate::flows::{self, MergeOutcome};
use crate::lines::Errand;

pub(super) fn router() -> OpenApiRouter<Rest> {
    OpenApiRouter::new().routes(routes!(merge_into_branch, find_merge_base))
}

/// How to merge.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(crate) struct Merge {
    #[schema(nullable = false)]
    message: Option<String>,
    #[schema(nullable = false)]
    metadata: Option<BTreeMap<String, String>>,
    /// `source-wins` or `dest-wins` decides conflicts; without one they are the answer.
    #[schema(nullable = false)]
    strategy: Option<String>,
    /// Whether a merge that brings nothing succeeds.
    #[schema(nullable = false)]
    allow_empty: Option<bool>,
    /// As `allow_empty`.
    #[schema(nullable = false)]
    force: Option<bool>,
    /// Makes a commit with one parent, the destination.
    #[schema(nullable = false)]
    squash_merge: Option<bool>,
}

/// What came of a merge.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MergeResult {
    /// The destination's head; empty when nothing was merged.
    pub(super) reference: String,
}

/// Why nothing was merged.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MergeConflicts {
    /// Empty: nothing was merged.
    reference: String,
    message: String,
    /// The paths that both sides changed.
    conflicts: Vec<String>,
    /// Whether there are more.
    has_more: bool,
}

/// Where two histories parted.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FindMergeBaseResult {
    source_commit_id: String,
    destination_commit_id: String,
    /// Empty when they have nothing in common.
    base_commit_id: String,
}

/// Merge a ref into a branch
#[utoipa::path(post, path = "/repositories/{repository}/refs/{sourceRef}/merge/{destinationBranch}",
    operation_id = "mergeIntoBranch", tag = "refs", params(IntoBranch), request_body = Option<Merge>,
    responses((status = 200, body = MergeResult), (status = 409, body = MergeConflicts), (status = "default", body = ErrorBody)))]
async fn merge_into_branch(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(place): Path<IntoBranch>,
    OptionalBody(body): OptionalBody<Merge>,
) -> Result<Response, Failure> {
    let may_be_empty = body.allow_empty.unwrap_or_default() || body.force.unwrap_or_default();
    let outcome = flows::merge(&rest.lines, &caller, &merge_request(place, body)?, &Errand::default()).await;
    match outcome {
        Ok(MergeOutcome::Conflicts(conflicts)) => {
            Ok((StatusCode::CONFLICT, Json(MergeConflicts::new(&conflicts))).into_response())
        }
        outcome => Ok(Json(merged(outcome?, may_be_empty)?).into_response()),
    }
}

/// Find where two refs parted
#[utoipa::path(get, path = "/repositories/{repository}/refs/{sourceRef}/merge/{destinationBranch}",
    operation_id = "findMergeBase", tag = "refs", params(IntoBranch),
    responses((status = 200, body = FindMergeBaseResult), (status = "default", body = ErrorBody)))]
async fn find_merge_base(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(IntoBranch { repository, source, destination }): Path<IntoBranch>,
) -> Result<Json<FindMergeBaseResult>, Failure> {
    authorize(&caller, Action::ListCommits, &Resource::Repository(repository.clone()))?;
    let source = rest.graveler.resolve(&repository, &source).await?;
    let destination = rest.graveler.meta().branch(&repository, &destination).await?.commit;
    let base = rest.graveler.merge_base(&source.repository, &source.commit, &destination).await?;
    Ok(Json(FindMergeBaseResult {
        source_commit_id: source.commit.to_string(),
        destination_commit_id: destination.to_string(),
        base_commit_id: base.as_ref().map(CommitId::to_string).unwrap_or_default(),
    }))
}

pub(super) fn merge_request(place: IntoBranch, body: Merge) -> Result<flows::MergeRequest, Failure> {
    let strategy = match body.strategy.as_deref() {
        None | Some("") => None,
        Some("source-wins") => Some(Strategy::SourceWins),
        Some("dest-wins") => Some(Strategy::DestinationWins),
        Some(_) => return Err(invalid_field("strategy", "must be source-wins or dest-wins, or be left out")),
    };
    Ok(flows::MergeRequest {
        repository: place.repository,
        source: place.source,
        destination: place.destination,
        message: body.message.unwrap_or_default(),
        metadata: body.metadata.unwrap_or_default(),
        strategy,
        dry_run: false,
        squash: body.squash_merge.unwrap_or_default(),
        conflicts_after: String::new(),
        conflicts_amount: PAGE_MAX,
    })
}

/// What a merge came to, as lakeFS tells it: one that brings nothing has failed, unless that may be.
pub(super) fn merged(outcome: MergeOutcome, may_be_empty: bool) -> Result<MergeResult, Failure> {
    match outcome {
        MergeOutcome::Merged { id, .. } => Ok(MergeResult { reference: id.to_string() }),
        MergeOutcome::UpToDate(head) if may_be_empty => Ok(MergeResult { reference: head.to_string() }),
        MergeOutcome::UpToDate(_) | MergeOutcome::Preview(_) => {
            Err(Failure::invalid("no changes: the destination has all of the source's history already"))
        }
        MergeOutcome::Conflicts(conflicts) => Err(conflict(&conflicts)),
    }
}

/// 409 of an operation whose failures have only a message.
pub(super) fn conflict(conflicts: &Conflicts) -> Failure {
    Failure::new(StatusCode::CONFLICT, describe(conflicts))
}

impl MergeConflicts {
    fn new(conflicts: &Conflicts) -> Self {
        Self {
            reference: String::new(),
            message: describe(conflicts),
            conflicts: conflicts.items.iter().map(|conflict| conflict.path.to_string()).collect(),
            has_more: conflicts.more,
        }
    }
}

fn describe(conflicts: &Conflicts) -> String {
    const SHOWN_MAX: usize = 10;
    let shown: Vec<_> = conflicts.items.iter().take(SHOWN_MAX).map(|conflict| conflict.path.as_str()).collect();
    let rest = if conflicts.more || conflicts.items.len() > SHOWN_MAX { ", and more" } else { "" };
    format!(
        "conflict found: both sides changed {}{rest}; nothing was changed: resolve them on the source, or choose a strategy",
        shown.join(", ")
    )
}
