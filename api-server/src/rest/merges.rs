//! Merges over REST. Invariant: a merge that conflicts tells all conflicts that fit a page, not the first.

use std::collections::BTreeMap;

use auth::{Action, Resource, authorize};
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use graveler::Conflicts;
use http::StatusCode;
use model::{CommitId, JobKind};
use proto::generated::api as wire;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wire::merge_response::Outcome;

use super::Rest;
use super::authentication::Authenticated;
use super::extract::{OptionalBody, Path};
use super::failure::{ErrorBody, Failure, invalid_field};
use super::path_params::{IntoBranch, OfMergeTask};
use super::tasks::{AsyncTaskStatus, TaskCreation};
use crate::error_table::internal;

pub(super) fn router() -> OpenApiRouter<Rest> {
    OpenApiRouter::new()
        .routes(routes!(merge_into_branch, find_merge_base))
        .routes(routes!(merge_into_branch_async))
        .routes(routes!(merge_into_branch_async_status))
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
    /// As `allow_empty`; and to merge even if the repository takes no writes.
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
    /// The paths that both sides changed and the caller may list.
    conflicts: Vec<String>,
    /// How many there are at other paths.
    unnamed: u64,
    /// Whether there are more.
    has_more: bool,
}

/// How far a merge is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MergeAsyncStatus {
    #[serde(flatten)]
    status: AsyncTaskStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    result: Option<MergeResult>,
}

/// Where two histories parted.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FindMergeBaseResult {
    source_commit_id: String,
    destination_commit_id: String,
    /// The best common ancestor; of several the one of the largest generation. Empty when they have nothing in common.
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
    let request = merge_request(&place, body)?;
    let answer = rest.run(&caller, &place.repository, JobKind::Merge, &request).await?;
    Ok(match merged(answer)? {
        Ok(result) => Json(result).into_response(),
        Err(conflicts) => (StatusCode::CONFLICT, Json(conflicts)).into_response(),
    })
}

/// Begin to merge a ref into a branch
#[utoipa::path(post, path = "/repositories/{repository}/refs/{sourceRef}/merge/{destinationBranch}/async",
    operation_id = "mergeIntoBranchAsync", tag = "experimental", params(IntoBranch), request_body = Option<Merge>,
    responses((status = 202, body = TaskCreation), (status = "default", body = ErrorBody)))]
async fn merge_into_branch_async(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(place): Path<IntoBranch>,
    OptionalBody(body): OptionalBody<Merge>,
) -> Result<(StatusCode, Json<TaskCreation>), Failure> {
    rest.begin(&caller, &place.repository, JobKind::Merge, &merge_request(&place, body)?).await
}

/// Ask how far a merge is that was begun
#[utoipa::path(get,
    path = "/repositories/{repository}/refs/{sourceRef}/merge/{destinationBranch}/async/{id}/status",
    operation_id = "mergeIntoBranchAsyncStatus", tag = "experimental", params(OfMergeTask),
    responses((status = 200, body = MergeAsyncStatus), (status = "default", body = ErrorBody)))]
async fn merge_into_branch_async_status(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(OfMergeTask { repository, source, destination, id }): Path<OfMergeTask>,
) -> Result<Json<MergeAsyncStatus>, Failure> {
    authorize(&caller, Action::ReadBranch, &Resource::branch(&repository, &destination))?;
    let fits = |request: &wire::MergeRequest| {
        request.source == source.to_string() && request.destination == destination.as_str()
    };
    let job = rest.task(&caller, &repository, JobKind::Merge, &id, fits).await?;
    let (status, answer) = rest.status(&job)?;
    Ok(Json(match answer.map(merged).transpose()? {
        None => MergeAsyncStatus { status, result: None },
        Some(Ok(result)) => MergeAsyncStatus { status, result: Some(result) },
        Some(Err(conflicts)) => {
            MergeAsyncStatus { status: status.failed(StatusCode::CONFLICT, conflicts.message), result: None }
        }
    }))
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
    authorize(&caller, Action::ListCommits, &Resource::at_ref(&repository, source.base()))?;
    authorize(&caller, Action::ListCommits, &Resource::at_ref(&repository, &destination))?;
    let source = rest.graveler.resolve(&repository, &source).await?;
    let destination = rest.graveler.meta().branch(&repository, &destination).await?.commit;
    let bases = rest.graveler.merge_bases(&source.repository, &source.commit, &destination).await?;
    Ok(Json(FindMergeBaseResult {
        source_commit_id: source.commit.to_string(),
        destination_commit_id: destination.to_string(),
        base_commit_id: bases.first().map(CommitId::to_string).unwrap_or_default(),
    }))
}

fn merge_request(place: &IntoBranch, body: Merge) -> Result<wire::MergeRequest, Failure> {
    let strategy = match body.strategy.as_deref() {
        None | Some("") => wire::Strategy::Unspecified,
        Some("source-wins") => wire::Strategy::SourceWins,
        Some("dest-wins") => wire::Strategy::DestinationWins,
        Some(_) => return Err(invalid_field("strategy", "must be source-wins or dest-wins, or be left out")),
    };
    Ok(wire::MergeRequest {
        repository: place.repository.to_string(),
        source: place.source.to_string(),
        destination: place.destination.to_string(),
        message: body.message.unwrap_or_default(),
        metadata: body.metadata.unwrap_or_default(),
        strategy: strategy.into(),
        squash: body.squash_merge.unwrap_or_default(),
        conflicts_amount: u32::MAX,
        force: body.force.unwrap_or_default(),
        must_change: ![body.allow_empty, body.force].contains(&Some(true)),
        ..wire::MergeRequest::default()
    })
}

/// What a merge came to.
fn merged(answer: wire::MergeResponse) -> Result<Result<MergeResult, MergeConflicts>, Failure> {
    match answer.outcome {
        Some(Outcome::Merged(wire::Merged { commit: Some(commit), .. })) => {
            Ok(Ok(MergeResult { reference: commit.id }))
        }
        Some(Outcome::UpToDate(wire::UpToDate { commit_id })) => Ok(Ok(MergeResult { reference: commit_id })),
        Some(Outcome::Conflicts(conflicts)) => {
            let paths = conflicts.items.into_iter().map(|conflict| conflict.path);
            Ok(Err(MergeConflicts::new(paths.collect(), conflicts.unnamed, conflicts.more)))
        }
        _ => Err(internal("a merge's answer without an outcome").into()),
    }
}

/// 409 of an operation whose failures have only a message.
pub(super) fn conflict(conflicts: &Conflicts) -> Failure {
    let paths = conflicts.items.iter().map(|conflict| conflict.path.to_string());
    Failure::new(StatusCode::CONFLICT, describe(&paths.collect::<Vec<_>>(), conflicts.unnamed, conflicts.more))
}

impl MergeConflicts {
    fn new(conflicts: Vec<String>, unnamed: u64, has_more: bool) -> Self {
        let message = describe(&conflicts, unnamed, has_more);
        Self { reference: String::new(), message, conflicts, unnamed, has_more }
    }
}

fn describe(paths: &[String], unnamed: u64, more: bool) -> String {
    const SHOWN_MAX: usize = 10;
    let mut both: Vec<String> = paths.iter().take(SHOWN_MAX).cloned().collect();
    if unnamed > 0 {
        let more = if paths.is_empty() { "" } else { " more" };
        let (objects, paths) = if unnamed == 1 { ("object", "a path") } else { ("objects", "paths") };
        both.push(format!("{unnamed}{more} {objects} at {paths} that you may not list"));
    }
    let rest = if more || paths.len() > SHOWN_MAX { ", and more" } else { "" };
    format!(
        "conflict found: both sides changed {}{rest}; nothing was changed: resolve them on the source, or choose a strategy",
        both.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conflicts_that_may_not_be_named_are_counted() {
        let paths = |amount: usize| (0..amount).map(|n| format!("p{n}")).collect::<Vec<_>>();
        for (named, unnamed, more, expected) in [
            (2, 0, false, "p0, p1;"),
            (1, 3, false, "p0, 3 more objects at paths that you may not list;"),
            (0, 1, false, "1 object at a path that you may not list;"),
            (1, 1, true, "p0, 1 more object at a path that you may not list, and more;"),
            (11, 0, false, "p9, and more;"),
        ] {
            let told = describe(&paths(named), unnamed, more);
            assert!(told.contains(expected), "{told}");
        }
    }
}
