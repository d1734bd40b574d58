//! The layer that lets only known callers through. Owns the order in which proofs are looked for: lakeFS's, a bearer
//! token, an access key, a session's cookie. Invariant: a handler gets its caller from here and nowhere else; one that is
//! called around the layer refuses.

use std::sync::Arc;

use auth::Caller;
use axum::extract::{FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::AUTHORIZATION;
use http::request::Parts;

use super::failure::Failure;
use crate::Error;
use crate::authenticator::Authenticator;

/// Who sends a request, proved. A handler that takes no `Authenticated` answers anybody.
#[derive(Debug, Clone)]
pub(crate) struct Authenticated(pub(crate) Caller);

/// Finds out who calls, if the request says. Who says nothing, or something wrong, is refused by what takes an
/// [`Authenticated`], so that a path that isn't there is told to anybody.
pub(super) async fn layer(
    State(authenticator): State<Arc<Authenticator>>,
    mut request: Request,
    next: Next,
) -> Response {
    if let Some(header) = request.headers().get(AUTHORIZATION) {
        match authenticator.authenticate(Some(header)).await {
            Ok(caller) => {
                request.extensions_mut().insert(Authenticated(caller));
            }
            Err(refusal) => return Failure::from(refusal).into_response(),
        }
    }
    next.run(request).await
}

impl<S: Sync> FromRequestParts<S> for Authenticated {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let missing = || Failure::from(Error::Unauthenticated("no credentials: send an access key and its secret"));
        parts.extensions.get::<Self>().cloned().ok_or_else(missing)
    }
}
