//! What is decided about a repository over REST: protected branches, how long garbage is kept, what is noted.

use std::collections::BTreeMap;

use auth::{Action, Resource, authorize};
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use model::{BranchName, BranchPattern, GetSettings, RepositoryName, Retention, Settings, SettingsChange};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Rest;
use super::authentication::Authenticated;
use super::extract::{Body, Path};
use super::failure::{ErrorBody, Failure};
use super::path_params::InRepository;
use crate::flows;

pub(super) fn router() -> OpenApiRouter<Rest> {
    OpenApiRouter::new()
        .routes(routes!(get_branch_protection_rules, set_branch_protection_rules))
        .routes(routes!(get_gc_rules, set_gc_rules, delete_gc_rules))
        .routes(routes!(get_repository_metadata, set_repository_metadata, delete_repository_metadata))
        .routes(routes!(may_set_branch_protection))
        .routes(routes!(may_set_gc_rules))
}

/// Branches that change by merges only.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct BranchProtectionRule {
    /// Of their names: `*` is any text, `?` any character.
    #[schema(value_type = String, min_length = 1)]
    pattern: BranchPattern,
}

/// How long objects that no head holds any more are kept.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct GarbageCollectionRules {
    #[schema(minimum = 0)]
    default_retention_days: u32,
    branches: Vec<GarbageCollectionRule>,
}

/// The same of one branch.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct GarbageCollectionRule {
    #[schema(value_type = String)]
    branch_id: BranchName,
    #[schema(minimum = 0)]
    retention_days: u32,
}

/// What to note of a repository.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct RepositoryMetadataSet {
    metadata: BTreeMap<String, String>,
}

/// What not to note any more.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct RepositoryMetadataKeys {
    keys: Vec<String>,
}

/// Get which branches are protected; the ETag names the answer for a conditional change
#[utoipa::path(get, path = "/repositories/{repository}/settings/branch_protection",
    operation_id = "getBranchProtectionRules", tag = "repositories", params(InRepository),
    responses((status = 200, body = Vec<BranchProtectionRule>), (status = "default", body = ErrorBody)))]
async fn get_branch_protection_rules(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(InRepository { repository }): Path<InRepository>,
) -> Result<Response, Failure> {
    authorize(&caller, Action::GetBranchProtectionRules, &Resource::Repository(repository.clone()))?;
    let patterns = rest.graveler.meta().repository(&repository).await?.protected;
    let e_tag = object_http::quoted(&e_tag(&patterns));
    let rules: Vec<_> = patterns.into_iter().map(|pattern| BranchProtectionRule { pattern }).collect();
    Ok(([(http::header::ETAG, e_tag)], Json(rules)).into_response())
}

/// Decide which branches are protected
#[utoipa::path(put, path = "/repositories/{repository}/settings/branch_protection",
    operation_id = "setBranchProtectionRules", tag = "repositories",
    params(InRepository, ("If-Match" = Option<String>, Header, description = "The ETag of the rules that are replaced")),
    request_body = Vec<BranchProtectionRule>,
    responses((status = 204), (status = "default", body = ErrorBody)))]
async fn set_branch_protection_rules(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(InRepository { repository }): Path<InRepository>,
    headers: HeaderMap,
    Body(rules): Body<Vec<BranchProtectionRule>>,
) -> Result<StatusCode, Failure> {
    let wanted = headers.get(http::header::IF_MATCH).map(|tag| tag.to_str().unwrap_or_default());
    let expected = match wanted.map(object_http::unquoted) {
        None | Some("*") => None,
        Some(tag) => Some(matching(&rest, &repository, tag).await?),
    };
    let patterns = rules.into_iter().map(|rule| rule.pattern).collect();
    let change = SettingsChange::Protect { patterns, expected };
    flows::change_settings(&rest.graveler, &caller, &repository, change).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Get how long garbage is kept
#[utoipa::path(get, path = "/repositories/{repository}/settings/gc_rules", operation_id = "getGCRules",
    tag = "repositories", params(InRepository),
    responses((status = 200, body = GarbageCollectionRules), (status = "default", body = ErrorBody)))]
async fn get_gc_rules(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(InRepository { repository }): Path<InRepository>,
) -> Result<Json<GarbageCollectionRules>, Failure> {
    authorize(&caller, Action::GetGarbageCollectionRules, &Resource::Repository(repository.clone()))?;
    match rest.settings(&repository).await?.retention {
        Some(retention) => Ok(Json(retention.into())),
        None => Err(Failure::not_found("nothing is decided about this repository's garbage")),
    }
}

/// Decide how long garbage is kept
#[utoipa::path(put, path = "/repositories/{repository}/settings/gc_rules", operation_id = "setGCRules",
    tag = "repositories", params(InRepository), request_body = GarbageCollectionRules,
    responses((status = 204), (status = "default", body = ErrorBody)))]
async fn set_gc_rules(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(InRepository { repository }): Path<InRepository>,
    Body(rules): Body<GarbageCollectionRules>,
) -> Result<StatusCode, Failure> {
    let change = SettingsChange::Retention(Some(rules.into()));
    flows::change_settings(&rest.graveler, &caller, &repository, change).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Take the decision about garbage back
#[utoipa::path(delete, path = "/repositories/{repository}/settings/gc_rules", operation_id = "deleteGCRules",
    tag = "repositories", params(InRepository),
    responses((status = 204), (status = "default", body = ErrorBody)))]
async fn delete_gc_rules(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(InRepository { repository }): Path<InRepository>,
) -> Result<StatusCode, Failure> {
    flows::change_settings(&rest.graveler, &caller, &repository, SettingsChange::Retention(None)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Get what is noted of a repository
#[utoipa::path(get, path = "/repositories/{repository}/metadata", operation_id = "getRepositoryMetadata",
    tag = "repositories", params(InRepository),
    responses((status = 200, body = BTreeMap<String, String>), (status = "default", body = ErrorBody)))]
async fn get_repository_metadata(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(InRepository { repository }): Path<InRepository>,
) -> Result<Json<BTreeMap<String, String>>, Failure> {
    authorize(&caller, Action::ReadRepository, &Resource::Repository(repository.clone()))?;
    Ok(Json(rest.settings(&repository).await?.metadata))
}

/// Note something of a repository
#[utoipa::path(post, path = "/repositories/{repository}/metadata", operation_id = "setRepositoryMetadata",
    tag = "internal", params(InRepository), request_body = RepositoryMetadataSet,
    responses((status = 204), (status = "default", body = ErrorBody)))]
async fn set_repository_metadata(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(InRepository { repository }): Path<InRepository>,
    Body(RepositoryMetadataSet { metadata: set }): Body<RepositoryMetadataSet>,
) -> Result<StatusCode, Failure> {
    let change = SettingsChange::Metadata { set, remove: Vec::new() };
    flows::change_settings(&rest.graveler, &caller, &repository, change).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Forget what was noted of a repository
#[utoipa::path(delete, path = "/repositories/{repository}/metadata", operation_id = "deleteRepositoryMetadata",
    tag = "internal", params(InRepository), request_body = RepositoryMetadataKeys,
    responses((status = 204), (status = "default", body = ErrorBody)))]
async fn delete_repository_metadata(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(InRepository { repository }): Path<InRepository>,
    Body(RepositoryMetadataKeys { keys: remove }): Body<RepositoryMetadataKeys>,
) -> Result<StatusCode, Failure> {
    let change = SettingsChange::Metadata { set: BTreeMap::new(), remove };
    flows::change_settings(&rest.graveler, &caller, &repository, change).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ask whether one may protect branches
#[utoipa::path(get, path = "/repositories/{repository}/branch_protection/set_allowed",
    operation_id = "createBranchProtectionRulePreflight", tag = "internal", params(InRepository),
    responses((status = 204), (status = "default", body = ErrorBody)))]
async fn may_set_branch_protection(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(InRepository { repository }): Path<InRepository>,
) -> Result<StatusCode, Failure> {
    authorize(&caller, Action::SetBranchProtectionRules, &Resource::Repository(repository.clone()))?;
    rest.graveler.meta().repository(&repository).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ask whether one may decide about garbage
#[utoipa::path(get, path = "/repositories/{repository}/gc/rules/set_allowed",
    operation_id = "setGarbageCollectionRulesPreflight", tag = "internal", params(InRepository),
    responses((status = 204), (status = "default", body = ErrorBody)))]
async fn may_set_gc_rules(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(InRepository { repository }): Path<InRepository>,
) -> Result<StatusCode, Failure> {
    authorize(&caller, Action::SetGarbageCollectionRules, &Resource::Repository(repository.clone()))?;
    rest.graveler.meta().repository(&repository).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The rules as they are, if an ETag names them.
async fn matching(rest: &Rest, repository: &RepositoryName, tag: &str) -> Result<Vec<BranchPattern>, Failure> {
    let patterns = rest.graveler.meta().repository(repository).await?.protected;
    match e_tag(&patterns) == tag {
        true => Ok(patterns),
        false => Err(model::Refusal::SettingsChanged(repository.clone()).into()),
    }
}

/// Names some rules.
fn e_tag(patterns: &[BranchPattern]) -> String {
    let mut hasher = blake3::Hasher::new();
    for pattern in patterns {
        hasher.update(pattern.to_string().as_bytes()).update(b"\n");
    }
    hasher.finalize().to_hex()[..32].to_owned()
}

impl Rest {
    async fn settings(&self, repository: &RepositoryName) -> Result<Settings, Failure> {
        let question = GetSettings { repository: repository.clone() };
        Ok(self.graveler.meta().ask(question).await?.settings)
    }
}

impl From<Retention> for GarbageCollectionRules {
    fn from(retention: Retention) -> Self {
        let rule = |(branch_id, retention_days)| GarbageCollectionRule { branch_id, retention_days };
        Self {
            default_retention_days: retention.default_days,
            branches: retention.branches.into_iter().map(rule).collect(),
        }
    }
}

impl From<GarbageCollectionRules> for Retention {
    fn from(rules: GarbageCollectionRules) -> Self {
        let branches = rules.branches.into_iter().map(|rule| (rule.branch_id, rule.retention_days));
        Self { default_days: rules.default_retention_days, branches: branches.collect() }
    }
}
