//! The setup of an installation, as lakeFS's clients and tests ask for it. A Lakebed is set up when it first starts, unless
//! it was told to wait for somebody who asks here. Owns who may ask; leaves the first user to `bootstrap`. Invariant: one
//! caller gets keys here in an installation's life, and none where its operator didn't say so.

use std::net::IpAddr;

use auth::{NewCredentials, PeerAddress};
use axum::extract::State;
use axum::{Extension, Json};
use http::{HeaderMap, StatusCode};
use model::UserName;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Rest;
use super::access::CredentialsWithSecret;
use super::authentication::{SESSION_COOKIE, TrailOfStranger};
use super::extract::Body;
use super::failure::{ErrorBody, Failure, invalid_field};
use crate::bootstrap::{self, BootstrapError};
use crate::escapes::check_new_name;
use crate::{Error, Setup};

/// What a setup is called in the audit.
const SETUP: &str = "POST /api/v1/setup_lakefs";

/// What a proxy on this machine says of a caller who is somewhere else.
const FORWARDED: [&str; 4] = ["forwarded", "x-forwarded-for", "x-real-ip", "via"];

const IS_SET_UP: &str = "already initialized: this installation has its first administrator; who lost their keys starts it \
                         with LAKEBED_INSTALLATION_ACCESS_KEY_ID and LAKEBED_INSTALLATION_SECRET_ACCESS_KEY";

pub(super) fn router() -> OpenApiRouter<Rest> {
    OpenApiRouter::new().routes(routes!(get_setup_state, setup)).routes(routes!(setup_comm_prefs))
}

/// Whether the installation is set up, and how one logs in.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SetupState {
    /// `initialized` or `not_initialized`.
    state: &'static str,
    comm_prefs_missing: bool,
    login_config: LoginConfig,
}

/// How one logs in: with an access key.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LoginConfig {
    /// `internal`: users, groups and policies are this server's own.
    #[serde(rename = "RBAC")]
    rbac: &'static str,
    username_ui_placeholder: &'static str,
    password_ui_placeholder: &'static str,
    /// Empty: there is no page to log in at.
    login_url: &'static str,
    login_url_method: &'static str,
    login_cookie_names: [&'static str; 1],
    /// Empty: there is no page to log out at.
    logout_url: &'static str,
}

/// Who wants to be the administrator.
#[derive(Deserialize, ToSchema)]
#[schema(as = Setup)]
pub(crate) struct SetupBody {
    username: String,
    /// The key that they shall have; a random one if it is left out.
    #[schema(nullable = false)]
    key: Option<AccessKeyCredentials>,
}

/// An access key that somebody chose.
#[derive(Deserialize, ToSchema)]
pub(crate) struct AccessKeyCredentials {
    access_key_id: String,
    secret_access_key: String,
}

/// What lakeFS asks of the person who sets it up; it is thrown away.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "preferences are read and thrown away")]
pub(crate) struct CommPrefsInput {
    feature_updates: bool,
    security_updates: bool,
}

/// Get whether the installation is set up
#[utoipa::path(get, path = "/setup_lakefs", operation_id = "getSetupState", tag = "internal", security(()),
    responses((status = 200, body = SetupState), (status = "default", body = ErrorBody)))]
async fn get_setup_state(State(rest): State<Rest>) -> Result<Json<SetupState>, Failure> {
    let waits = rest.options.setup != Setup::Closed && !bootstrap::is_set_up(rest.graveler.meta()).await?;
    Ok(Json(SetupState {
        state: if waits { "not_initialized" } else { "initialized" },
        comm_prefs_missing: false,
        login_config: LoginConfig {
            rbac: "internal",
            username_ui_placeholder: "Access Key ID",
            password_ui_placeholder: "Secret Access Key",
            login_url: "",
            login_url_method: "none",
            login_cookie_names: [SESSION_COOKIE],
            logout_url: "",
        },
    }))
}

/// Set a new installation up: its first user, an administrator, and their key
#[utoipa::path(post, path = "/setup_lakefs", operation_id = "setup", tag = "internal", security(()),
    request_body = SetupBody,
    responses((status = 200, body = CredentialsWithSecret), (status = "default", body = ErrorBody)))]
async fn setup(
    State(rest): State<Rest>,
    peer: Option<Extension<PeerAddress>>,
    stranger: Option<Extension<TrailOfStranger>>,
    headers: HeaderMap,
    Body(SetupBody { username, key }): Body<SetupBody>,
) -> Result<Json<CredentialsWithSecret>, Failure> {
    let address = peer.map(|Extension(peer)| peer.0);
    if rest.options.setup == Setup::Closed || bootstrap::is_set_up(rest.graveler.meta()).await? {
        return Err(Failure::new(StatusCode::CONFLICT, IS_SET_UP));
    }
    if rest.options.setup == Setup::FromLoopback && !is_here(address, &headers) {
        let refusal = Error::Unauthenticated("a new installation is set up from the machine that it runs on");
        let trail = stranger.and_then(|Extension(TrailOfStranger(trail))| trail);
        rest.authenticator.note_refusal(trail.as_deref(), address, SETUP, &refusal);
        return Err(refusal.into());
    }
    let name: UserName = username.parse().map_err(|why| invalid_field("username", why))?;
    check_new_name("username", name.as_str())?;
    let key = key.map(|key| (key.access_key_id, SecretString::from(key.secret_access_key)));
    let made = bootstrap::first_user(rest.graveler.meta(), rest.directory.secrets(), &name, key).await?;
    let Some(NewCredentials { access_key_id, secret_access_key }) = made else {
        return Err(Failure::new(StatusCode::CONFLICT, IS_SET_UP));
    };
    let address = address.map(tracing::field::display);
    tracing::info!(user = %name, access_key_id, address, "the installation was set up");
    Ok(Json(CredentialsWithSecret {
        access_key_id,
        secret_access_key: secret_access_key.expose_secret().to_owned(),
        creation_date: super::seconds(rest.graveler.clock().now()),
    }))
}

/// Whether a request comes from this machine, and not through something that listens here for others.
fn is_here(address: Option<IpAddr>, headers: &HeaderMap) -> bool {
    let names_us = |host: &str| {
        let host = host
            .rsplit_once(':')
            .filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()))
            .map_or(host, |(host, _)| host);
        let host = host.trim_start_matches('[').trim_end_matches(']');
        host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
    };
    // A page of another site whose name was made to lead here names that site.
    let host = headers.get(http::header::HOST).and_then(|host| host.to_str().ok());
    address.is_some_and(|address| address.to_canonical().is_loopback())
        && host.is_none_or(names_us)
        && !FORWARDED.iter().any(|name| headers.contains_key(*name))
}

/// Tell how one wants to hear of news; it is thrown away
#[utoipa::path(post, path = "/setup_comm_prefs", operation_id = "setupCommPrefs", tag = "internal", security(()),
    request_body = CommPrefsInput, responses((status = 200), (status = "default", body = ErrorBody)))]
async fn setup_comm_prefs(Body(_): Body<CommPrefsInput>) -> StatusCode {
    StatusCode::OK
}

impl From<BootstrapError> for Failure {
    fn from(error: BootstrapError) -> Self {
        match error {
            BootstrapError::Invalid(why) => invalid_field("key", why),
            BootstrapError::Taken(_) => Self::new(StatusCode::CONFLICT, error.to_string()),
            BootstrapError::Sealed(why) => Error::Sealed(why.to_string()).into(),
            BootstrapError::Meta(error) => Error::from(error).into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_is_here_and_speaks_to_us_is_here() {
        let is_here = |address: Option<&str>, headers: &[(&'static str, &str)]| {
            let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
            is_here(address.map(|address| address.parse().unwrap()), &headers.collect())
        };
        for address in ["127.0.0.1", "127.0.0.2", "::1", "::ffff:127.0.0.1"] {
            assert!(is_here(Some(address), &[]), "{address}");
        }
        for host in ["localhost", "LOCALHOST:8000", "127.0.0.1:8000", "[::1]:8000", "[::1]"] {
            assert!(is_here(Some("127.0.0.1"), &[("host", host)]), "{host}");
        }
        assert!(!is_here(None, &[]) && !is_here(Some("10.0.0.1"), &[("host", "localhost")]));
        for (name, value) in [("host", "evil.example:8000"), ("x-forwarded-for", "127.0.0.1"), ("via", "1.1 proxy")] {
            assert!(!is_here(Some("127.0.0.1"), &[(name, value)]), "{name}");
        }
    }
}
