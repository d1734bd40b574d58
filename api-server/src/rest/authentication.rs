//! The layer that lets only known callers through. Owns the order in which proofs are looked for: lakeFS's, a bearer
//! token, an access key, a session's cookie. Invariant: a handler gets its caller from here and nowhere else; one that is
//! called around the layer refuses.

use std::sync::Arc;

use auth::{Caller, Connection, PeerAddress, Trail};
use axum::extract::{FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{AUTHORIZATION, COOKIE};
use http::request::Parts;
use http::{HeaderMap, StatusCode};

use super::BASE;
use super::failure::Failure;
use super::same_origin::may_use_cookie;
use crate::Error;
use crate::authenticator::Authenticator;
use crate::request_limits::RequestId;

const NO_CREDENTIALS: Error = Error::Unauthenticated("no credentials: send an access key and its secret");

/// What a login is called in the audit.
pub(super) const LOGIN: &str = "POST /api/v1/auth/login";

/// Who sends a request, proved. A handler that takes no `Authenticated` answers anybody.
#[derive(Debug, Clone)]
pub(crate) struct Authenticated(pub(crate) Caller);

/// The trail of a request whose head doesn't say who sends it: a login's.
#[derive(Clone)]
pub(super) struct TrailOfStranger(pub(super) Option<Arc<Trail>>);

/// Finds out who calls, if the request says. Who says nothing, or something wrong, is refused by what takes an
/// [`Authenticated`], so that a path that isn't there is told to anybody.
pub(super) async fn layer(
    State(authenticator): State<Arc<Authenticator>>,
    mut request: Request,
    next: Next,
) -> Response {
    // Under the base, paths are without it.
    let operation = format!("{} {BASE}{}", request.method(), request.uri().path());
    let proved = if request.headers().contains_key(AUTHORIZATION) {
        Some(authenticator.authenticate(request.headers(), request.extensions()).await)
    } else if session_cookie(request.headers()).is_some() && !may_use_cookie(&request) {
        Some(Err(Error::ForeignPage))
    } else if let Some(token) = session_cookie(request.headers()) {
        let address = PeerAddress::address(request.extensions().get());
        Some(authenticator.bearer(token, address).await)
    } else {
        None
    };
    let trail = authenticator.trail("rest", RequestId::of(&request).as_str());
    match proved {
        None => {
            let address = PeerAddress::address(request.extensions().get());
            request.extensions_mut().insert(TrailOfStranger(trail.clone()));
            let answer = next.run(request).await;
            // A login has told more already.
            if answer.status() == StatusCode::UNAUTHORIZED && operation != LOGIN {
                authenticator.note_refusal(trail.as_deref(), address, &operation, &NO_CREDENTIALS);
            }
            answer
        }
        Some(Ok(caller)) => {
            Connection::is_of_a_caller(request.extensions().get());
            let caller = Caller { trail, ..caller };
            request.extensions_mut().insert(Authenticated(caller.clone()));
            let answer = next.run(request).await;
            if let Some(trail) = &caller.trail {
                trail.ended(&caller, &operation, answer.status().as_str());
            }
            answer
        }
        Some(Err(refusal)) => {
            let address = PeerAddress::address(request.extensions().get());
            authenticator.note_refusal(trail.as_deref(), address, &operation, &refusal);
            Failure::from(refusal).into_response()
        }
    }
}

/// The cookie that a login sets.
pub(super) const SESSION_COOKIE: &str = "internal_auth_session";

fn session_cookie(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(COOKIE).iter().filter_map(|cookies| cookies.to_str().ok());
    let mut pairs = cookies.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == SESSION_COOKIE).map(|(_, token)| token).filter(|token| !token.is_empty())
}

impl<S: Sync> FromRequestParts<S> for Authenticated {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| Failure::from(NO_CREDENTIALS))
    }
}
