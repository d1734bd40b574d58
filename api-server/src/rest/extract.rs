//! Takes requests apart: path, query and JSON body, each into a type. Invariant: what can't be read is a 400 that says
//! what is wrong, and no body is held that is larger than [`BODY_BYTES_MAX`].

use axum::RequestExt as _;
use axum::body::to_bytes;
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequest, FromRequestParts, RawPathParams, Request};
use http::header::CONTENT_TYPE;
use http::request::Parts;
use serde::de::DeserializeOwned;
use serde::de::value::{Error as ValueError, MapDeserializer};

use super::failure::Failure;
use crate::escapes::unescaped;
use crate::request_limits::Unbearable;

/// The largest JSON body: a thousand of the longest paths, and some.
pub(crate) const BODY_BYTES_MAX: usize = 4 << 20;

/// What a path has whose parts were escaped twice.
const ESCAPED_PERCENT: &str = "%25";

/// The path's parts.
#[derive(Debug)]
pub(crate) struct Path<T>(pub(crate) T);

/// The query's parameters; one that may be repeated is a list.
#[derive(Debug)]
pub(crate) struct Query<T>(pub(crate) T);

/// A JSON body.
#[derive(Debug)]
pub(crate) struct Body<T>(pub(crate) T);

/// A JSON body that may be left out.
#[derive(Debug)]
pub(crate) struct OptionalBody<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        if parts.uri.path().contains(ESCAPED_PERCENT) {
            return escaped_twice(parts, state).await.map(Self);
        }
        let path = axum::extract::Path::<T>::from_request_parts(parts, state).await;
        path.map(|path| Self(path.0)).map_err(|rejection: PathRejection| Failure::invalid(rejection.body_text()))
    }
}

/// Reads a path as lakeFS's clients in Go write it.
async fn escaped_twice<S: Send + Sync, T: DeserializeOwned>(parts: &mut Parts, state: &S) -> Result<T, Failure> {
    let path = RawPathParams::from_request_parts(parts, state).await;
    let path = path.map_err(|rejection| Failure::invalid(rejection.body_text()))?;
    let named = path.iter().map(|(name, text)| (name, unescaped(text)));
    let read = T::deserialize(MapDeserializer::<_, ValueError>::new(named));
    read.map_err(|why| Failure::invalid(format!("invalid path: {why}")))
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let query = parts.uri.query().unwrap_or_default();
        let query = serde_path_to_error::deserialize(serde_html_form::Deserializer::from_bytes(query.as_bytes()));
        query.map(Self).map_err(|error| Failure::invalid(format!("invalid query: {error}")))
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        match read(request).await? {
            Some(body) => Ok(Self(body)),
            None => Err(Failure::invalid("the request needs a JSON body")),
        }
    }
}

impl<S: Send + Sync, T: DeserializeOwned + Default> FromRequest<S> for OptionalBody<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        Ok(Self(read(request).await?.unwrap_or_default()))
    }
}

/// Reads a JSON body; `None` if there is none.
async fn read<T: DeserializeOwned>(request: Request) -> Result<Option<T>, Failure> {
    let is_json = is_json(&request);
    let body = request.with_limited_body().into_body();
    let bytes = to_bytes(body, BODY_BYTES_MAX).await.map_err(|error| match Unbearable::find(&error) {
        Some(silence) => silence.into(),
        None => Failure::invalid(format!("the body can't be read, or has more than {BODY_BYTES_MAX} bytes: {error}")),
    })?;
    if bytes.is_empty() {
        return Ok(None);
    }
    if !is_json {
        return Err(Failure::invalid("send the body as application/json"));
    }
    serde_json::from_slice(&bytes).map(Some).map_err(|error| Failure::invalid(format!("invalid body: {error}")))
}

/// A form that another site's page sends can't say so.
fn is_json(request: &Request) -> bool {
    let kind = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
}
