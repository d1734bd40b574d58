//! What a failed request is answered. Leaves which error has which status and which words to `error_table`. Invariant:
//! every answer that is no success has a JSON body with a `message`, but for those to HEAD.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{CONTENT_RANGE, HeaderValue, WWW_AUTHENTICATE};
use proto::api::{InvalidField, Reason};
use serde::Serialize;
use utoipa::ToSchema;

use crate::Error;
use crate::error_table::{http_status, lakefs_words, tell};
use crate::request_limits::Unbearable;

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

    /// 404: something that isn't there; says what.
    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message).led_by("not found")
    }

    /// A failure of what would have made a commit: lakeFS words a protected branch's refusal by what was refused.
    pub(crate) fn of_commit(error: impl Into<Error>) -> Self {
        Self::told(&error.into(), |reason| match reason {
            Reason::ProtectedBranch => Some("cannot commit to protected branch"),
            reason => lakefs_words(reason),
        })
    }

    /// Says so in words that lakeFS's clients know, and then in ours.
    pub(crate) fn led_by(self, words: &str) -> Self {
        match self.message.contains(words) {
            true => self,
            false => Self { message: format!("{words}: {}", self.message), ..self },
        }
    }

    /// Says in lakeFS's words that a name is taken, if that is the failure.
    pub(crate) fn of_name(self, taken: &str) -> Self {
        if self.status == StatusCode::CONFLICT { self.led_by(taken) } else { self }
    }

    fn told(error: &Error, words: impl Fn(Reason) -> Option<&'static str>) -> Self {
        let content_range = match error {
            Error::RangeNotSatisfiable { size, .. } => Some(format!("bytes */{size}")),
            _ => None,
        };
        if matches!(error, Error::ForeignPage) {
            // No right is missing, so it isn't lakeFS's 401, by which its clients ask for a login.
            return Self::new(StatusCode::FORBIDDEN, error.to_string());
        }
        let told = tell(error);
        let failure = Self { status: http_status(told.reason), message: told.message, content_range };
        match words(told.reason) {
            Some(words) => failure.led_by(words),
            None => failure,
        }
    }

    /// Takes the failure apart, for answers that tell several.
    pub(crate) fn into_parts(self) -> (StatusCode, String) {
        (self.status, self.message)
    }
}

impl<E: Into<Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::told(&error.into(), lakefs_words)
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
