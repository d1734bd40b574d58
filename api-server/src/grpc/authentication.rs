//! The layer that lets only known callers through. Invariant: a handler gets its caller from here and nowhere else; one
//! that is called around the layer refuses.

use std::sync::Arc;

use auth::Caller;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::header::AUTHORIZATION;
use proto::api::Reason;
use tonic::{Code, Status};

use crate::authenticator::Authenticator;
use crate::error_table::status;

/// The one call that answers anybody.
const OPEN: &str = "/lakebed.api.v1.Server/Health";

/// Verifies the credentials of a request and hands the caller on, or answers for it.
pub(super) async fn layer(
    State(authenticator): State<Arc<Authenticator>>,
    mut request: Request,
    next: Next,
) -> Response {
    if request.uri().path() == OPEN {
        return next.run(request).await;
    }
    match authenticator.authenticate(request.headers().get(AUTHORIZATION)).await {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(refusal) => Status::from(refusal).into_http::<Body>(),
    }
}

/// Takes the caller of a request.
pub(super) fn caller<T>(request: &tonic::Request<T>) -> Result<Caller, Status> {
    let missing = || status(Code::Unauthenticated, Reason::Unauthenticated, "no credentials");
    request.extensions().get::<Caller>().cloned().ok_or_else(missing)
}

/// Takes a request apart into its caller and its message.
pub(super) fn authenticated<T>(request: tonic::Request<T>) -> Result<(Caller, T), Status> {
    Ok((caller(&request)?, request.into_inner()))
}
