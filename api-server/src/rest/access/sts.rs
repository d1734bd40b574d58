//! Short-lived, narrowed keys over REST; ours, beside the STS that AWS's clients speak.

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use model::RepositoryName;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::Rest;
use super::super::authentication::Authenticated;
use super::super::extract::{Body, Path};
use super::super::failure::{ErrorBody, Failure};
use super::path_params::OfUser;
use crate::access::{self, Narrowing};

pub(super) fn router() -> OpenApiRouter<Rest> {
    OpenApiRouter::new().routes(routes!(begin_session)).routes(routes!(end_sessions))
}

/// Which session to begin.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct SessionCreation {
    /// 900 to 43,200; an hour if left out.
    duration_seconds: Option<u64>,
    /// A policy document that says what the session may at most; or the four fields below.
    #[schema(value_type = Option<Object>)]
    policy: Option<serde_json::Value>,
    /// Only the objects of this repository.
    #[schema(value_type = Option<String>)]
    repository: Option<RepositoryName>,
    /// Only as this branch, tag or commit has them.
    #[serde(rename = "ref")]
    reference: Option<String>,
    /// Only those whose paths begin so.
    prefix: String,
    /// Only to read them.
    read_only: bool,
}

/// A session's keys, told this once.
#[derive(Serialize, ToSchema)]
pub(crate) struct SessionCredentials {
    access_key_id: String,
    secret_access_key: String,
    /// Goes with the key: `x-amz-security-token`.
    session_token: String,
    /// Is a proof by itself: `Authorization: Bearer`.
    token: String,
    /// When it ends, in seconds since 1970.
    expiration: i64,
}

/// Begin a session of one's own, narrowed if asked
#[utoipa::path(post, path = "/sts/session", operation_id = "beginSession", tag = "auth",
    request_body = SessionCreation,
    responses((status = 201, body = SessionCredentials), (status = "default", body = ErrorBody)))]
async fn begin_session(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Body(wanted): Body<SessionCreation>,
) -> Result<(StatusCode, Json<SessionCredentials>), Failure> {
    let seconds = wanted.duration_seconds;
    let begun = access::begin_session(&rest.directory, &caller, seconds, wanted.narrowing()?)?;
    let told = SessionCredentials {
        access_key_id: begun.access_key_id,
        secret_access_key: begun.secret_access_key.expose_secret().to_owned(),
        session_token: begun.session_token.expose_secret().to_owned(),
        token: begun.bearer_token.expose_secret().to_owned(),
        expiration: super::super::seconds(begun.expires_at),
    };
    Ok((StatusCode::CREATED, Json(told)))
}

/// End all sessions of a user
#[utoipa::path(delete, path = "/auth/users/{userId}/sessions", operation_id = "endSessions", tag = "auth",
    params(OfUser), responses((status = 204), (status = "default", body = ErrorBody)))]
async fn end_sessions(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(OfUser { user_id }): Path<OfUser>,
) -> Result<StatusCode, Failure> {
    access::end_sessions(rest.graveler.meta(), &caller, &user_id).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl SessionCreation {
    fn narrowing(self) -> Result<Option<Narrowing>, Failure> {
        let Self { policy, repository, reference, prefix, read_only, .. } = self;
        let is_narrowed = reference.is_some() || !prefix.is_empty() || read_only;
        match (policy, repository) {
            (Some(policy), None) if !is_narrowed => Ok(Some(Narrowing::Policy(policy.to_string()))),
            (None, Some(repository)) => Ok(Some(Narrowing::Objects { repository, reference, prefix, read_only })),
            (None, None) if !is_narrowed => Ok(None),
            _ => Err(Failure::invalid("say either policy, or repository with ref, prefix and read_only")),
        }
    }
}
