//! Policies over REST. Invariant: a document goes in and out in lakeFS's form.

use auth::PolicyDocument;
use axum::Json;
use axum::extract::State;
use http::StatusCode;
use model::{PolicyName, RequestId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::Rest;
use super::super::authentication::Authenticated;
use super::super::extract::{Body, Path, Query};
use super::super::failure::{ErrorBody, Failure};
use super::super::paging::{PageQuery, Pagination};
use super::path_params::OfPolicy;
use crate::Error;
use crate::access;

pub(super) fn router() -> OpenApiRouter<Rest> {
    OpenApiRouter::new().routes(routes!(list_policies, create_policy)).routes(routes!(
        get_policy,
        update_policy,
        delete_policy
    ))
}

/// A policy.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct Policy {
    /// Its name.
    #[schema(value_type = String)]
    id: PolicyName,
    /// Seconds since 1970.
    #[serde(default)]
    #[schema(required = false)]
    creation_date: i64,
    /// Statements of effect, action, resource and condition.
    #[schema(value_type = Vec<Object>)]
    statement: Vec<serde_json::Value>,
}

impl Policy {
    fn of(policy: model::Policy) -> Result<Self, Error> {
        let document = PolicyDocument::parse(&policy.document);
        let document = document.map_err(|why| graveler::Error::Internal(format!("{}: {why}", policy.name)))?;
        let statements = document.statement.iter().map(|statement| json!(statement));
        Ok(Self {
            creation_date: super::super::seconds(policy.created_at),
            statement: statements.collect(),
            id: policy.name,
        })
    }

    fn document(&self) -> String {
        json!({ "statement": self.statement }).to_string()
    }
}

/// A page of policies.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PolicyList {
    pagination: Pagination,
    results: Vec<Policy>,
}

impl PolicyList {
    pub(super) fn of(page: model::Page<model::Policy>) -> Result<Self, Error> {
        let pagination = Pagination::of(page.more, &page.items, |policy| policy.name.to_string());
        Ok(Self { pagination, results: page.items.into_iter().map(Policy::of).collect::<Result<_, _>>()? })
    }
}

/// List policies
#[utoipa::path(get, path = "/auth/policies", operation_id = "listPolicies", tag = "auth", params(PageQuery), 
    responses((status = 200, body = PolicyList), (status = "default", body = ErrorBody)))]
async fn list_policies(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Query(page): Query<PageQuery>,
) -> Result<Json<PolicyList>, Failure> {
    let page = access::list_policies(rest.graveler.meta(), &caller, None, false, page.into()).await?;
    Ok(Json(PolicyList::of(page)?))
}

/// Make a policy
#[utoipa::path(post, path = "/auth/policies", operation_id = "createPolicy", tag = "auth", request_body = Policy,
    responses((status = 201, body = Policy), (status = "default", body = ErrorBody)))]
async fn create_policy(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Body(policy): Body<Policy>,
) -> Result<(StatusCode, Json<Policy>), Failure> {
    let (request, document) = (RequestId(rand::random()), policy.document());
    let made = access::create_policy(rest.graveler.meta(), &caller, request, &policy.id, &document).await?;
    Ok((StatusCode::CREATED, Json(Policy::of(made)?)))
}

/// Get a policy
#[utoipa::path(get, path = "/auth/policies/{policyId}", operation_id = "getPolicy", tag = "auth", params(OfPolicy), 
    responses((status = 200, body = Policy), (status = "default", body = ErrorBody)))]
async fn get_policy(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(OfPolicy { policy_id }): Path<OfPolicy>,
) -> Result<Json<Policy>, Failure> {
    Ok(Json(Policy::of(access::get_policy(rest.graveler.meta(), &caller, &policy_id).await?)?))
}

/// Give a policy another document
#[utoipa::path(put, path = "/auth/policies/{policyId}", operation_id = "updatePolicy", tag = "auth", params(OfPolicy), request_body = Policy,
    responses((status = 200, body = Policy), (status = "default", body = ErrorBody)))]
async fn update_policy(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(OfPolicy { policy_id }): Path<OfPolicy>,
    Body(policy): Body<Policy>,
) -> Result<Json<Policy>, Failure> {
    if policy.id != policy_id {
        return Err(Failure::invalid("the policy's id isn't that of the path: a policy keeps its name"));
    }
    let updated = access::update_policy(rest.graveler.meta(), &caller, &policy_id, &policy.document()).await?;
    Ok(Json(Policy::of(updated)?))
}

/// Delete a policy
#[utoipa::path(delete, path = "/auth/policies/{policyId}", operation_id = "deletePolicy", tag = "auth", params(OfPolicy), 
    responses((status = 204), (status = "default", body = ErrorBody)))]
async fn delete_policy(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(OfPolicy { policy_id }): Path<OfPolicy>,
) -> Result<StatusCode, Failure> {
    access::delete_policy(rest.graveler.meta(), &caller, &policy_id).await?;
    Ok(StatusCode::NO_CONTENT)
}
