//! Changes taken back or made again over REST: revert and cherry-pick.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use graveler::RefExpr;
use http::StatusCode;
use model::PAGE_MAX;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Rest;
use super::authentication::Authenticated;
use super::commits::CommitBody;
use super::extract::{Body, Path};
use super::failure::{ErrorBody, Failure, invalid_field};
use super::merges::conflict;
use super::path_params::{OnBranch, text};
use crate::flows::{self, MergeOutcome};

pub(super) fn router() -> OpenApiRouter<Rest> {
    OpenApiRouter::new().routes(routes!(revert_branch)).routes(routes!(cherry_pick))
}

/// What the new commit says in place of what it would.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(crate) struct CommitOverrides {
    message: Option<String>,
    metadata: Option<BTreeMap<String, String>>,
}

/// Which change to take back.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct RevertCreation {
    /// The commit.
    #[serde(rename = "ref", deserialize_with = "text")]
    #[schema(value_type = String)]
    reference: RefExpr,
    /// Of a merge: compared with which of its parents, from 1. 0 is none.
    parent_number: i64,
    commit_overrides: Option<CommitOverrides>,
    #[serde(default)]
    allow_empty: bool,
    /// Whether to write even if the repository takes no writes.
    #[serde(default)]
    #[schema(nullable = false)]
    force: Option<bool>,
}

/// Which change to make again.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct CherryPickCreation {
    /// The commit.
    #[serde(rename = "ref", deserialize_with = "text")]
    #[schema(value_type = String)]
    reference: RefExpr,
    /// Of a merge: compared with which of its parents, from 1. 0 is none.
    #[serde(default)]
    parent_number: i64,
    commit_overrides: Option<CommitOverrides>,
    /// Whether to write even if the repository takes no writes.
    #[serde(default)]
    #[schema(nullable = false)]
    force: Option<bool>,
}

/// Take a commit's change back
#[utoipa::path(post, path = "/repositories/{repository}/branches/{branch}/revert", operation_id = "revertBranch",
    tag = "branches", params(OnBranch), request_body = RevertCreation,
    responses((status = 204), (status = "default", body = ErrorBody)))]
async fn revert_branch(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(place): Path<OnBranch>,
    Body(body): Body<RevertCreation>,
) -> Result<StatusCode, Failure> {
    let mut request = request(place, body.reference, body.parent_number, body.commit_overrides)?;
    request.allow_empty = body.allow_empty;
    done(flows::revert(&rest.by_force(body.force), &caller, &request).await.map_err(Failure::of_commit)?)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Make a commit's change again on a branch
#[utoipa::path(post, path = "/repositories/{repository}/branches/{branch}/cherry-pick", operation_id = "cherryPick",
    tag = "branches", params(OnBranch), request_body = CherryPickCreation,
    responses((status = 201, body = CommitBody), (status = "default", body = ErrorBody)))]
async fn cherry_pick(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(place): Path<OnBranch>,
    Body(body): Body<CherryPickCreation>,
) -> Result<(StatusCode, Json<CommitBody>), Failure> {
    let request = request(place, body.reference, body.parent_number, body.commit_overrides)?;
    let made =
        done(flows::cherry_pick(&rest.by_force(body.force), &caller, &request).await.map_err(Failure::of_commit)?)?;
    Ok((StatusCode::CREATED, Json(made)))
}

fn request(
    OnBranch { repository, branch }: OnBranch,
    commit: RefExpr,
    parent: i64,
    overrides: Option<CommitOverrides>,
) -> Result<flows::ReplayRequest, Failure> {
    let parent =
        u32::try_from(parent).map_err(|_| invalid_field("parent_number", "must be a parent's number, from 1"))?;
    let CommitOverrides { message, metadata } = overrides.unwrap_or_default();
    Ok(flows::ReplayRequest {
        repository,
        branch,
        commit,
        parent: Some(parent).filter(|parent| *parent > 0),
        message: message.unwrap_or_default(),
        metadata: metadata.unwrap_or_default(),
        allow_empty: false,
        strategy: None,
        dry_run: false,
        conflicts_after: String::new(),
        conflicts_amount: PAGE_MAX,
    })
}

fn done(outcome: MergeOutcome) -> Result<CommitBody, Failure> {
    match outcome {
        MergeOutcome::Merged { id, commit, .. } => Ok(CommitBody::new(&id, &commit)),
        MergeOutcome::Conflicts(conflicts) => Err(conflict(&conflicts)),
        MergeOutcome::UpToDate(_) | MergeOutcome::Preview(_) => Err(graveler::Error::NoChanges.into()),
    }
}
