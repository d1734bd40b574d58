//! The layer that lets only known callers through. Invariant: a handler gets its caller from here and nowhere else; one
//! that is called around the layer refuses.

use std::sync::Arc;
use std::time::Duration;

use auth::{Caller, Connection, PeerAddress};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use proto::api::{REASON_KEY, Reason};
use tonic::{Code, Status};

use crate::authenticator::Authenticator;
use crate::error_table::status;
use crate::request_limits::{self, RequestId, Unbearable};

/// How long a client may send nothing in the middle of a call: longer than over REST, since an upload may come from a
/// program that works for its next bytes.
const SILENCE_MAX: Duration = Duration::from_secs(300);

/// The one call that answers anybody.
const OPEN: &str = "/lakebed.api.v1.Server/Health";

/// Verifies the credentials of a request and hands the caller on, or answers for it.
pub(super) async fn layer(State(authenticator): State<Arc<Authenticator>>, request: Request, next: Next) -> Response {
    let (id, mut answer) = match request_limits::seal(request, SILENCE_MAX) {
        Ok((id, request)) if request.uri().path() == OPEN => (id, next.run(request).await),
        Ok((id, request)) => {
            let answer = authenticated_call(&authenticator, &id, request, next).await;
            (id, answer)
        }
        Err((id, unbearable)) => {
            let code = match unbearable {
                Unbearable::Hosts(_) => Code::InvalidArgument,
                Unbearable::Head(_) | Unbearable::Silence(_) => Code::ResourceExhausted,
            };
            let refusal = status(code, Reason::InvalidArgument, unbearable.to_string());
            (id, refusal.into_http())
        }
    };
    request_limits::stamp(&mut answer, id);
    answer
}

async fn authenticated_call(
    authenticator: &Authenticator,
    id: &RequestId,
    mut request: Request,
    next: Next,
) -> Response {
    let (operation, trail) = (request.uri().path().to_owned(), authenticator.trail("grpc", id.as_str()));
    let proved = authenticator.authenticate_call(request.uri(), request.headers(), request.extensions()).await;
    match proved {
        Ok(caller) => {
            Connection::is_of_a_caller(request.extensions().get());
            let caller = Caller { trail, ..caller };
            request.extensions_mut().insert(caller.clone());
            let answer = next.run(request).await;
            if let Some(trail) = &caller.trail {
                trail.ended(&caller, &operation, outcome(&answer));
            }
            answer
        }
        Err(refusal) => {
            let address = PeerAddress::address(request.extensions().get());
            authenticator.note_refusal(trail.as_deref(), address, &operation, &refusal);
            Status::from(refusal).into_http::<Body>()
        }
    }
}

/// The status of an answer that has no message, as failures are; of another, that it was begun.
fn outcome(answer: &Response) -> &str {
    match answer.headers().get("grpc-status").and_then(|status| status.to_str().ok()) {
        None | Some("0") => "ok",
        Some(_) => answer.headers().get(REASON_KEY).and_then(|reason| reason.to_str().ok()).unwrap_or("failed"),
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
