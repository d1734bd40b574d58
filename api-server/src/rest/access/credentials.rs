//! Access keys over REST.

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use secrecy::ExposeSecret;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::Rest;
use super::super::authentication::Authenticated;
use super::super::extract::{Path, Query};
use super::super::failure::{ErrorBody, Failure};
use super::super::paging::{PageQuery, Pagination};
use super::path_params::{OfKey, OfUser};
use crate::access;

pub(super) fn router() -> OpenApiRouter<Rest> {
    OpenApiRouter::new()
        .routes(routes!(list_user_credentials, create_credentials))
        .routes(routes!(get_credentials, delete_credentials))
}

/// An access key.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Credentials {
    access_key_id: String,
    /// Seconds since 1970.
    creation_date: i64,
}

impl From<model::Credential> for Credentials {
    fn from(key: model::Credential) -> Self {
        Self { access_key_id: key.access_key_id, creation_date: super::super::seconds(key.created_at) }
    }
}

/// An access key, told with its secret this once.
#[derive(Serialize, ToSchema)]
pub(crate) struct CredentialsWithSecret {
    pub(crate) access_key_id: String,
    pub(crate) secret_access_key: String,
    /// Seconds since 1970.
    pub(crate) creation_date: i64,
}

/// A page of access keys.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CredentialsList {
    pagination: Pagination,
    results: Vec<Credentials>,
}

/// List a user's access keys
#[utoipa::path(get, path = "/auth/users/{userId}/credentials", operation_id = "listUserCredentials", tag = "auth", params(OfUser, PageQuery), 
    responses((status = 200, body = CredentialsList), (status = "default", body = ErrorBody)))]
async fn list_user_credentials(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(OfUser { user_id }): Path<OfUser>,
    Query(page): Query<PageQuery>,
) -> Result<Json<CredentialsList>, Failure> {
    let page = access::list_credentials(rest.graveler.meta(), &caller, user_id, page.into()).await?;
    let pagination = Pagination::of(page.more, &page.items, |key| key.access_key_id.clone());
    Ok(Json(CredentialsList { pagination, results: page.items.into_iter().map(Into::into).collect() }))
}

/// Make an access key
#[utoipa::path(post, path = "/auth/users/{userId}/credentials", operation_id = "createCredentials", tag = "auth", params(OfUser), 
    responses((status = 201, body = CredentialsWithSecret), (status = "default", body = ErrorBody)))]
async fn create_credentials(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(OfUser { user_id }): Path<OfUser>,
) -> Result<(StatusCode, Json<CredentialsWithSecret>), Failure> {
    let (keys, made) = access::create_credential(rest.graveler.meta(), &rest.directory, &caller, &user_id).await?;
    let made = CredentialsWithSecret {
        access_key_id: made.access_key_id,
        secret_access_key: keys.secret_access_key.expose_secret().to_owned(),
        creation_date: super::super::seconds(made.created_at),
    };
    Ok((StatusCode::CREATED, Json(made)))
}

/// Get an access key, without its secret
#[utoipa::path(get, path = "/auth/users/{userId}/credentials/{accessKeyId}", operation_id = "getCredentials", tag = "auth", params(OfKey), 
    responses((status = 200, body = Credentials), (status = "default", body = ErrorBody)))]
async fn get_credentials(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(OfKey { user_id, access_key_id }): Path<OfKey>,
) -> Result<Json<Credentials>, Failure> {
    Ok(Json(access::get_credential(rest.graveler.meta(), &caller, &user_id, &access_key_id).await?.into()))
}

/// Delete an access key and the sessions that it began
#[utoipa::path(delete, path = "/auth/users/{userId}/credentials/{accessKeyId}", operation_id = "deleteCredentials", tag = "auth", params(OfKey), 
    responses((status = 204), (status = "default", body = ErrorBody)))]
async fn delete_credentials(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(OfKey { user_id, access_key_id }): Path<OfKey>,
) -> Result<StatusCode, Failure> {
    access::delete_credential(rest.graveler.meta(), &caller, &user_id, &access_key_id).await?;
    Ok(StatusCode::NO_CONTENT)
}
