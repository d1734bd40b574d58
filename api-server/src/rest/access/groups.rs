//! Groups over REST.

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use model::{GroupName, PolicyHolder, RequestId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::Rest;
use super::super::authentication::Authenticated;
use super::super::extract::{Body, Path, Query};
use super::super::failure::{ErrorBody, Failure};
use super::super::paging::{PageQuery, Pagination};
use super::path_params::{MemberOfGroup, OfGroup, PolicyOfGroup};
use super::policies::PolicyList;
use super::users::UserList;
use crate::access;

pub(super) fn router() -> OpenApiRouter<Rest> {
    OpenApiRouter::new()
        .routes(routes!(list_groups, create_group))
        .routes(routes!(get_group, delete_group))
        .routes(routes!(list_group_members))
        .routes(routes!(add_group_membership, delete_group_membership))
        .routes(routes!(list_group_policies))
        .routes(routes!(attach_policy_to_group, detach_policy_from_group))
        .routes(routes!(get_group_acl, set_group_acl))
}

/// A group of users.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Group {
    /// Its name.
    id: String,
    /// Its name.
    name: String,
    /// Seconds since 1970.
    creation_date: i64,
}

impl From<model::Group> for Group {
    fn from(group: model::Group) -> Self {
        let name = group.name.to_string();
        Self { id: name.clone(), name, creation_date: super::super::seconds(group.created_at) }
    }
}

/// A page of groups.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GroupList {
    pagination: Pagination,
    results: Vec<Group>,
}

impl From<model::Page<model::Group>> for GroupList {
    fn from(page: model::Page<model::Group>) -> Self {
        let pagination = Pagination::of(page.more, &page.items, |group| group.name.to_string());
        Self { pagination, results: page.items.into_iter().map(Into::into).collect() }
    }
}

/// Which group to make.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct GroupCreation {
    /// The group's name.
    #[schema(value_type = String)]
    id: GroupName,
}

const NO_LISTS: &str = "access control lists are for who has no policies: attach a policy";

fn no_acl() -> Failure {
    Failure::new(StatusCode::NOT_IMPLEMENTED, NO_LISTS)
}

/// List groups
#[utoipa::path(get, path = "/auth/groups", operation_id = "listGroups", tag = "auth", params(PageQuery), 
    responses((status = 200, body = GroupList), (status = "default", body = ErrorBody)))]
async fn list_groups(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Query(page): Query<PageQuery>,
) -> Result<Json<GroupList>, Failure> {
    Ok(Json(access::list_groups(rest.graveler.meta(), &caller, None, page.into()).await?.into()))
}

/// Make a group
#[utoipa::path(post, path = "/auth/groups", operation_id = "createGroup", tag = "auth", request_body = GroupCreation,
    responses((status = 201, body = Group), (status = "default", body = ErrorBody)))]
async fn create_group(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Body(GroupCreation { id }): Body<GroupCreation>,
) -> Result<(StatusCode, Json<Group>), Failure> {
    let made = access::create_group(rest.graveler.meta(), &caller, RequestId(rand::random()), &id).await?;
    Ok((StatusCode::CREATED, Json(made.into())))
}

/// Get a group
#[utoipa::path(get, path = "/auth/groups/{groupId}", operation_id = "getGroup", tag = "auth", params(OfGroup), 
    responses((status = 200, body = Group), (status = "default", body = ErrorBody)))]
async fn get_group(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(OfGroup { group_id }): Path<OfGroup>,
) -> Result<Json<Group>, Failure> {
    Ok(Json(access::get_group(rest.graveler.meta(), &caller, &group_id).await?.into()))
}

/// Delete a group
#[utoipa::path(delete, path = "/auth/groups/{groupId}", operation_id = "deleteGroup", tag = "auth", params(OfGroup), 
    responses((status = 204), (status = "default", body = ErrorBody)))]
async fn delete_group(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(OfGroup { group_id }): Path<OfGroup>,
) -> Result<StatusCode, Failure> {
    access::delete_group(rest.graveler.meta(), &caller, &group_id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// List a group's users
#[utoipa::path(get, path = "/auth/groups/{groupId}/members", operation_id = "listGroupMembers", tag = "auth", params(OfGroup, PageQuery), 
    responses((status = 200, body = UserList), (status = "default", body = ErrorBody)))]
async fn list_group_members(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(OfGroup { group_id }): Path<OfGroup>,
    Query(page): Query<PageQuery>,
) -> Result<Json<UserList>, Failure> {
    Ok(Json(access::list_members(rest.graveler.meta(), &caller, group_id, page.into()).await?.into()))
}

/// Take a user into a group
#[utoipa::path(put, path = "/auth/groups/{groupId}/members/{userId}", operation_id = "addGroupMembership", tag = "auth", params(MemberOfGroup), 
    responses((status = 201), (status = "default", body = ErrorBody)))]
async fn add_group_membership(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(MemberOfGroup { group_id, user_id }): Path<MemberOfGroup>,
) -> Result<StatusCode, Failure> {
    access::add_member(rest.graveler.meta(), &caller, &group_id, &user_id).await?;
    Ok(StatusCode::CREATED)
}

/// Take a user out of a group
#[utoipa::path(delete, path = "/auth/groups/{groupId}/members/{userId}", operation_id = "deleteGroupMembership", tag = "auth", params(MemberOfGroup), 
    responses((status = 204), (status = "default", body = ErrorBody)))]
async fn delete_group_membership(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(MemberOfGroup { group_id, user_id }): Path<MemberOfGroup>,
) -> Result<StatusCode, Failure> {
    access::remove_member(rest.graveler.meta(), &caller, &group_id, &user_id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// List a group's policies
#[utoipa::path(get, path = "/auth/groups/{groupId}/policies", operation_id = "listGroupPolicies", tag = "auth", params(OfGroup, PageQuery), 
    responses((status = 200, body = PolicyList), (status = "default", body = ErrorBody)))]
async fn list_group_policies(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(OfGroup { group_id }): Path<OfGroup>,
    Query(page): Query<PageQuery>,
) -> Result<Json<PolicyList>, Failure> {
    let of = Some(PolicyHolder::Group(group_id));
    let page = access::list_policies(rest.graveler.meta(), &caller, of, false, page.into()).await?;
    Ok(Json(PolicyList::of(page)?))
}

/// Attach a policy to a group
#[utoipa::path(put, path = "/auth/groups/{groupId}/policies/{policyId}", operation_id = "attachPolicyToGroup", tag = "auth", params(PolicyOfGroup), 
    responses((status = 201), (status = "default", body = ErrorBody)))]
async fn attach_policy_to_group(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(PolicyOfGroup { group_id, policy_id }): Path<PolicyOfGroup>,
) -> Result<StatusCode, Failure> {
    access::attach_policy(rest.graveler.meta(), &caller, &policy_id, &PolicyHolder::Group(group_id)).await?;
    Ok(StatusCode::CREATED)
}

/// Detach a policy from a group
#[utoipa::path(delete, path = "/auth/groups/{groupId}/policies/{policyId}", operation_id = "detachPolicyFromGroup", tag = "auth", params(PolicyOfGroup), 
    responses((status = 204), (status = "default", body = ErrorBody)))]
async fn detach_policy_from_group(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(PolicyOfGroup { group_id, policy_id }): Path<PolicyOfGroup>,
) -> Result<StatusCode, Failure> {
    access::detach_policy(rest.graveler.meta(), &caller, &policy_id, &PolicyHolder::Group(group_id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Access control lists, which Lakebed hasn't
#[utoipa::path(get, path = "/auth/groups/{groupId}/acl", operation_id = "getGroupACL", tag = "auth", params(OfGroup), 
    responses((status = 501, body = ErrorBody, description = NO_LISTS), (status = "default", body = ErrorBody)))]
async fn get_group_acl(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(OfGroup { group_id }): Path<OfGroup>,
) -> Result<(), Failure> {
    access::get_group(rest.graveler.meta(), &caller, &group_id).await?;
    Err(no_acl())
}

/// Access control lists, which Lakebed hasn't
#[utoipa::path(post, path = "/auth/groups/{groupId}/acl", operation_id = "setGroupACL", tag = "auth", params(OfGroup), 
    responses((status = 501, body = ErrorBody, description = NO_LISTS), (status = "default", body = ErrorBody)))]
async fn set_group_acl(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(OfGroup { group_id }): Path<OfGroup>,
) -> Result<(), Failure> {
    access::get_group(rest.graveler.meta(), &caller, &group_id).await?;
    Err(no_acl())
}
