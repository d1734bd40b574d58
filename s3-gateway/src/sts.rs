//! STS on the gateway's port: gives out sessions of the caller's. Leaves the form and its signature to `protocol::sts`, and
//! what a session is to `auth`. Invariant: nothing of the form is acted on before its signature was verified.

use auth::{CannotBegin, Directory, PeerAddress, PolicyDocument};
use axum::body::Body;
use chrono::{DateTime, Utc};
use futures::TryStreamExt;
use http::header::{self, HeaderValue};
use http::request::Parts;
use http::{Response, StatusCode};

use crate::credentials::RequestKeys;
use crate::protocol::sts::{self, FORM_BYTES_MAX, Keys};
use crate::protocol::{ErrorCode, S3Error};
use crate::request_body::RequestBody;

/// Answers a request of STS's.
pub(crate) async fn answer(
    directory: &Directory,
    now: DateTime<Utc>,
    parts: &Parts,
    body: &RequestBody,
    request_id: &str,
) -> Response<Body> {
    let (status, document) = match begin(directory, now, parts, body, request_id).await {
        Ok(document) => (StatusCode::OK, document),
        Err(error) => sts::refusal(&error, request_id),
    };
    let mut answer = Response::new(Body::from(document));
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/xml"));
    answer
}

async fn begin(
    directory: &Directory,
    now: DateTime<Utc>,
    parts: &Parts,
    body: &RequestBody,
    request_id: &str,
) -> Result<String, S3Error> {
    let form = read(body).await?;
    let keys = RequestKeys::new(directory);
    let call = sts::receive(parts, &form, &keys, now).await?;
    let caller = keys.caller(&call.access_key_id, PeerAddress::address(parts.extensions.get()))?;
    let policy = call.policy.as_deref().map(PolicyDocument::parse).transpose();
    let policy = policy.map_err(|why| S3Error::invalid_argument("Policy", "", why.to_string()))?;
    let begun = auth::begin_session(directory, &caller, call.seconds, policy.as_ref()).map_err(|why| match why {
        CannotBegin::Narrowed => S3Error::new(ErrorCode::AccessDenied, why.to_string()),
        CannotBegin::Length(_) => S3Error::invalid_argument("DurationSeconds", "", why.to_string()),
        CannotBegin::Policy(_) => S3Error::invalid_argument("Policy", "", why.to_string()),
    })?;
    let keys = Keys {
        access_key_id: &begun.access_key_id,
        secret_access_key: &begun.secret_access_key,
        session_token: &begun.session_token,
        expires: begun.expires_at.to_datetime(),
    };
    Ok(sts::answer(&call, &keys, caller.user.name.as_str(), request_id))
}

/// Reads the form; it is signed as a whole, so nothing of it is known before.
async fn read(body: &RequestBody) -> Result<Vec<u8>, S3Error> {
    let (mut form, mut body) = (Vec::new(), body.take());
    while let Some(piece) = body.try_next().await.map_err(|_| S3Error::from(ErrorCode::IncompleteBody))? {
        if form.len() + piece.len() > FORM_BYTES_MAX {
            return Err(ErrorCode::MaxMessageLengthExceeded.into());
        }
        form.extend_from_slice(&piece);
    }
    Ok(form)
}
