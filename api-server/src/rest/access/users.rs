//! Users over REST.

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use model::{PolicyHolder, RequestId, UserName};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::Rest;
use super::super::authentication::Authenticated;
use super::super::extract::{Body, Path, Query};
use super::super::failure::{ErrorBody, Failure};
use super::super::paging::{PageQuery, Pagination};
use super::super::path_params::flag;
use super::super::users::UserBody;
use super::groups::GroupList;
use super::path_params::{OfUser, PolicyOfUser};
use super::policies::PolicyList;
use crate::access;

pub(super) fn router() -> OpenApiRouter<Rest> {
    OpenApiRouter::new()
        .routes(routes!(list_users, create_user))
        .routes(routes!(get_user, delete_user))
        .routes(routes!(list_user_groups))
        .routes(routes!(list_user_policies))
        .routes(routes!(attach_policy_to_user, detach_policy_from_user))
}

/// A page of users.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UserList {
    pagination: Pagination,
    results: Vec<UserBody>,
}

impl From<model::Page<model::User>> for UserList {
    fn from(page: model::Page<model::User>) -> Self {
        let pagination = Pagination::of(page.more, &page.items, |user| user.name.to_string());
        Self { pagination, results: page.items.into_iter().map(Into::into).collect() }
    }
}

/// Whom to make.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct UserCreation {
    /// The user's name.
    #[schema(value_type = String)]
    id: UserName,
    /// Lakebed sends no mail: it must be false.
    #[serde(default)]
    invite_user: bool,
}

/// Which of a user's policies.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct EffectiveQuery {
    /// Those of the user's groups too.
    #[serde(default, deserialize_with = "flag")]
    #[param(value_type = Option<bool>)]
    effective: bool,
}

/// List users
#[utoipa::path(get, path = "/auth/users", operation_id = "listUsers", tag = "auth", params(PageQuery), 
    responses((status = 200, body = UserList), (status = "default", body = ErrorBody)))]
async fn list_users(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Query(page): Query<PageQuery>,
) -> Result<Json<UserList>, Failure> {
    Ok(Json(access::list_users(rest.graveler.meta(), &caller, page.into()).await?.into()))
}

/// Make a user
#[utoipa::path(post, path = "/auth/users", operation_id = "createUser", tag = "auth", request_body = UserCreation,
    responses((status = 201, body = UserBody), (status = "default", body = ErrorBody)))]
async fn create_user(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Body(UserCreation { id, invite_user }): Body<UserCreation>,
) -> Result<(StatusCode, Json<UserBody>), Failure> {
    if invite_user {
        return Err(Failure::invalid(
            "Lakebed sends no invitations: make the user without, and an access key for them",
        ));
    }
    let made = access::create_user(rest.graveler.meta(), &caller, RequestId(rand::random()), &id).await?;
    Ok((StatusCode::CREATED, Json(made.into())))
}

/// Get a user
#[utoipa::path(get, path = "/auth/users/{userId}", operation_id = "getUser", tag = "auth", params(OfUser), 
    responses((status = 200, body = UserBody), (status = "default", body = ErrorBody)))]
async fn get_user(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(OfUser { user_id }): Path<OfUser>,
) -> Result<Json<UserBody>, Failure> {
    Ok(Json(access::get_user(rest.graveler.meta(), &caller, &user_id).await?.into()))
}

/// Delete a user with keys, memberships, attached policies and sessions
#[utoipa::path(delete, path = "/auth/users/{userId}", operation_id = "deleteUser", tag = "auth", params(OfUser), 
    responses((status = 204), (status = "default", body = ErrorBody)))]
async fn delete_user(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(OfUser { user_id }): Path<OfUser>,
) -> Result<StatusCode, Failure> {
    access::delete_user(rest.graveler.meta(), &caller, &user_id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// List a user's groups
#[utoipa::path(get, path = "/auth/users/{userId}/groups", operation_id = "listUserGroups", tag = "auth", params(OfUser, PageQuery), 
    responses((status = 200, body = GroupList), (status = "default", body = ErrorBody)))]
async fn list_user_groups(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(OfUser { user_id }): Path<OfUser>,
    Query(page): Query<PageQuery>,
) -> Result<Json<GroupList>, Failure> {
    Ok(Json(access::list_groups(rest.graveler.meta(), &caller, Some(user_id), page.into()).await?.into()))
}

/// List a user's policies
#[utoipa::path(get, path = "/auth/users/{userId}/policies", operation_id = "listUserPolicies", tag = "auth", params(OfUser, PageQuery, EffectiveQuery), 
    responses((status = 200, body = PolicyList), (status = "default", body = ErrorBody)))]
async fn list_user_policies(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(OfUser { user_id }): Path<OfUser>,
    Query(page): Query<PageQuery>,
    Query(EffectiveQuery { effective }): Query<EffectiveQuery>,
) -> Result<Json<PolicyList>, Failure> {
    let of = Some(PolicyHolder::User(user_id));
    let page = access::list_policies(rest.graveler.meta(), &caller, of, effective, page.into()).await?;
    Ok(Json(PolicyList::of(page)?))
}

/// Attach a policy to a user
#[utoipa::path(put, path = "/auth/users/{userId}/policies/{policyId}", operation_id = "attachPolicyToUser", tag = "auth", params(PolicyOfUser), 
    responses((status = 201), (status = "default", body = ErrorBody)))]
async fn attach_policy_to_user(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(PolicyOfUser { user_id, policy_id }): Path<PolicyOfUser>,
) -> Result<StatusCode, Failure> {
    access::attach_policy(rest.graveler.meta(), &caller, &policy_id, &PolicyHolder::User(user_id)).await?;
    Ok(StatusCode::CREATED)
}

/// Detach a policy from a user
#[utoipa::path(delete, path = "/auth/users/{userId}/policies/{policyId}", operation_id = "detachPolicyFromUser", tag = "auth", params(PolicyOfUser), 
    responses((status = 204), (status = "default", body = ErrorBody)))]
async fn detach_policy_from_user(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(PolicyOfUser { user_id, policy_id }): Path<PolicyOfUser>,
) -> Result<StatusCode, Failure> {
    access::detach_policy(rest.graveler.meta(), &caller, &policy_id, &PolicyHolder::User(user_id)).await?;
    Ok(StatusCode::NO_CONTENT)
}
