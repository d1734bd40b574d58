//! Logins over REST: an access key for a bearer token and a session's cookie. Invariant: a wrong key and an unknown one
//! are told apart by nobody, and who guesses is slowed down.

use auth::{Caller, Encrypted, PeerAddress};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use http::StatusCode;
use http::header::{HeaderMap, HeaderValue, ORIGIN, SET_COOKIE};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::Rest;
use super::super::authentication::{Authenticated, LOGIN, SESSION_COOKIE, TrailOfStranger};
use super::super::extract::Body;
use super::super::failure::{ErrorBody, Failure};
use crate::access;

pub(super) fn router() -> OpenApiRouter<Rest> {
    OpenApiRouter::new().routes(routes!(login)).routes(routes!(logout)).routes(routes!(get_auth_capabilities))
}

/// An access key.
#[derive(Deserialize, ToSchema)]
pub(crate) struct LoginInformation {
    access_key_id: String,
    secret_access_key: String,
}

/// A bearer token.
#[derive(Serialize, ToSchema)]
pub(crate) struct AuthenticationToken {
    /// For `Authorization: Bearer`.
    token: String,
    /// When it ends, in seconds since 1970.
    token_expiration: i64,
}

/// What this server can do about logins.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AuthCapabilities {
    invite_user: bool,
    forgot_password: bool,
}

/// Begin a session with an access key
#[utoipa::path(post, path = "/auth/login", operation_id = "login", tag = "auth", security(()),
    request_body = LoginInformation,
    responses((status = 200, body = AuthenticationToken), (status = "default", body = ErrorBody)))]
async fn login(
    State(rest): State<Rest>,
    peer: Option<Extension<PeerAddress>>,
    stranger: Option<Extension<TrailOfStranger>>,
    connection: Option<Extension<Encrypted>>,
    headers: HeaderMap,
    Body(LoginInformation { access_key_id, secret_access_key }): Body<LoginInformation>,
) -> Result<Response, Failure> {
    let address = peer.map(|Extension(peer)| peer.0);
    let secret = SecretString::from(secret_access_key);
    let trail = stranger.and_then(|Extension(TrailOfStranger(trail))| trail);
    let caller = match rest.authenticator.secret(&access_key_id, &secret, None, address).await {
        Ok(caller) => Caller { trail, ..caller },
        Err(refusal) => {
            rest.authenticator.note_refusal(trail.as_deref(), address, LOGIN, &refusal);
            return Err(refusal.into());
        }
    };
    let begun = access::begin_session(&rest.directory, &caller, None, None);
    if let Some(trail) = &caller.trail {
        trail.ended(&caller, LOGIN, if begun.is_ok() { "200" } else { "401" });
    }
    let begun = begun?;
    let token = begun.bearer_token.expose_secret();
    let seconds = auth::SESSION_SECONDS_DEFAULT;
    let mut answer = Json(AuthenticationToken {
        token: token.to_owned(),
        token_expiration: super::super::seconds(begun.expires_at),
    })
    .into_response();
    let mut cookie = format!("{SESSION_COOKIE}={token}; Max-Age={seconds}; Path=/; HttpOnly; SameSite=Strict");
    let is_encrypted = connection.is_some_and(|Extension(Encrypted(is_encrypted))| is_encrypted);
    if is_encrypted || is_of_encrypted_page(&headers) {
        cookie.push_str("; Secure");
    }
    set_cookie(&mut answer, &cookie);
    Ok(answer)
}

/// Returns whether a browser says that its page came encrypted, as it did if a proxy in front of this server speaks HTTPS.
fn is_of_encrypted_page(headers: &HeaderMap) -> bool {
    headers.get(ORIGIN).is_some_and(|origin| origin.as_bytes().starts_with(b"https://"))
}

/// End the session by which this request is sent
#[utoipa::path(post, path = "/auth/logout", operation_id = "logout", tag = "auth",
    responses((status = 204), (status = "default", body = ErrorBody)))]
async fn logout(State(rest): State<Rest>, Authenticated(caller): Authenticated) -> Result<Response, Failure> {
    access::end_session(rest.graveler.meta(), &caller).await?;
    let mut answer = StatusCode::NO_CONTENT.into_response();
    set_cookie(&mut answer, &format!("{SESSION_COOKIE}=; Max-Age=0; Path=/; HttpOnly; SameSite=Strict"));
    Ok(answer)
}

/// Get what this server can do about logins
#[utoipa::path(get, path = "/auth/capabilities", operation_id = "getAuthCapabilities", tag = "internal", security(()),
    responses((status = 200, body = AuthCapabilities)))]
async fn get_auth_capabilities() -> Json<AuthCapabilities> {
    Json(AuthCapabilities { invite_user: false, forgot_password: false })
}

fn set_cookie(answer: &mut Response, cookie: &str) {
    let mut value = HeaderValue::from_str(cookie).expect("because tokens are of base64url and dots");
    value.set_sensitive(true);
    answer.headers_mut().insert(SET_COOKIE, value);
}
