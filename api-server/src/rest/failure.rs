//! What a failed request is answered. Leaves which error has which status to `error_table`. Invariant: every answer that
//! is no success has a JSON body with a `message`, but for those to HEAD.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{CONTENT_RANGE, HeaderValue, WWW_AUTHENTICATE};
use proto::api::InvalidField;
use serde::Serialize;
use utoipa::ToSchema;

use crate::Error;
use crate::envelope::Unbearable;
use crate::error_table::{http_status, tell};

/// A failure as clients read it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Error)]
pub(crate) struct ErrorBody {
    /// What is wrong and what to do about it.
    pub(crate) message: String,
}

/// Why a request is answered with something else than what it asked for.
#[derive(Debug)]
pub(crate) struct Failure {
    status: StatusCode,
    message: String,
    /// What a 416 says of the object.
    content_range: Option<String>,
}

impl Failure {
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), content_range: None }
    }

    /// 400: a request that makes no sense; says why.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// Takes the failure apart, for answers that tell several.
    pub(crate) fn into_parts(self) -> (StatusCode, String) {
        (self.status, self.message)
    }
}

impl<E: Into<Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        let error = error.into();
        let content_range = match &error {
            Error::RangeNotSatisfiable { size, .. } => Some(format!("bytes */{size}")),
            _ => None,
        };
        let told = tell(&error);
        Self { status: http_status(told.reason), message: told.message, content_range }
    }
}

impl From<Unbearable> for Failure {
    fn from(unbearable: Unbearable) -> Self {
        let status = match unbearable {
            Unbearable::Head(_) => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Unbearable::Hosts(_) => StatusCode::BAD_REQUEST,
            Unbearable::Silence(_) => StatusCode::REQUEST_TIMEOUT,
        };
        Self::new(status, unbearable.to_string())
    }
}

impl Failure {
    /// 416.
    pub(crate) fn unsatisfiable(range: &object_http::Unsatisfiable) -> Self {
        Self {
            status: StatusCode::RANGE_NOT_SATISFIABLE,
            message: range.to_string(),
            content_range: Some(range.content_range()),
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut answer = (self.status, Json(ErrorBody { message: self.message })).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            answer.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"Lakebed\""));
        }
        if let Some(range) = self.content_range.and_then(|range| HeaderValue::from_str(&range).ok()) {
            answer.headers_mut().insert(CONTENT_RANGE, range);
        }
        answer
    }
}

/// A field that breaks its rule.
pub(crate) fn invalid_field(field: &'static str, why: impl std::fmt::Display) -> Failure {
    InvalidField::new(field, why).into()
}
