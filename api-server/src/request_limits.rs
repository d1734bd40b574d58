//! The limits of every request of REST and gRPC: the bound on its head, on the silence of its sender,
//! and its id, which its answer and its lines in the audit carry. Leaves who calls to the layers within. Invariant: the id
//! is ours; what a request says of itself is never taken for it.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use bytes::Bytes;
use http::header::{HeaderName, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use http_body::{Body as _, Frame, SizeHint};
use object_http::{HEAD_BYTES_MAX, SeveralHosts, head_bytes, request_host};
use thiserror::Error;
use tokio::time::{Instant, Sleep, sleep};

/// What carries a request's id.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The id of a request: an extension of it.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(HeaderValue);

impl RequestId {
    fn draw() -> Self {
        let text = format!("{:016x}", rand::random::<u64>());
        Self(HeaderValue::try_from(text).expect("because hex digits are ASCII"))
    }

    /// The id as text.
    pub(crate) fn as_str(&self) -> &str {
        self.0.to_str().expect("because hex digits are ASCII")
    }

    /// The id of a request.
    pub(crate) fn of(request: &Request) -> Self {
        request.extensions().get::<Self>().cloned().unwrap_or_else(Self::draw)
    }
}

/// A head that is too large or names several hosts, or a sender who says nothing more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum Unbearable {
    /// For the caller.
    #[error("the request's path and headers have {0} bytes together: the most is {HEAD_BYTES_MAX}")]
    Head(usize),
    /// For the caller.
    #[error(transparent)]
    Hosts(#[from] SeveralHosts),
    /// For the caller.
    #[error("the client sent nothing for {0:?} in the middle of the body: send it again")]
    Silence(Duration),
}

impl Unbearable {
    /// Finds it among an error's causes.
    pub(crate) fn find(error: &(dyn std::error::Error + 'static)) -> Option<Self> {
        let mut cause = Some(error);
        while let Some(error) = cause {
            if let Some(found) = error.downcast_ref::<Self>() {
                return Some(*found);
            }
            cause = error.source();
        }
        None
    }
}

/// Gives a request its id and its patience.
pub(crate) fn seal(request: Request, silence_max: Duration) -> Result<(RequestId, Request), (RequestId, Unbearable)> {
    let id = RequestId::draw();
    let bytes = head_bytes(request.uri(), request.headers());
    if bytes > HEAD_BYTES_MAX {
        return Err((id, Unbearable::Head(bytes)));
    }
    if let Err(several) = request_host(request.uri(), request.headers()) {
        return Err((id, several.into()));
    }
    let mut request = match request.body().is_end_stream() {
        true => request,
        false => request.map(|body| Body::new(Patient::new(body, silence_max))),
    };
    request.extensions_mut().insert(id.clone());
    Ok((id, request))
}

/// Puts on an answer what every answer has.
pub(crate) fn stamp(answer: &mut Response, id: RequestId) {
    answer.headers_mut().insert(REQUEST_ID, id.0);
    answer.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}

/// A body whose sender may be silent for a while, but not for ever.
struct Patient {
    body: Body,
    silence_max: Duration,
    /// Set while somebody waits for the next bytes: who works on the last ones isn't held to the sender's account.
    waiting: Option<Pin<Box<Sleep>>>,
}

impl Patient {
    fn new(body: Body, silence_max: Duration) -> Self {
        Self { body, silence_max, waiting: None }
    }
}

impl http_body::Body for Patient {
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = &mut *self;
        if let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(cx) {
            this.waiting = None;
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let silence_max = this.silence_max;
        let waiting = this.waiting.get_or_insert_with(|| Box::pin(sleep(silence_max)));
        ready!(waiting.as_mut().poll(cx));
        waiting.as_mut().reset(Instant::now() + silence_max);
        Poll::Ready(Some(Err(Unbearable::Silence(silence_max).into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use futures::stream;

    use super::*;

    fn request(body: Body) -> Request {
        Request::builder().uri("/x").header("x-request-id", "theirs").body(body).unwrap()
    }

    #[tokio::test]
    async fn a_silent_sender_is_found_among_the_causes() {
        let silent = Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
        let (_, request) = seal(request(silent), Duration::from_millis(1)).unwrap();
        let error = to_bytes(request.into_body(), 10).await.unwrap_err();
        assert_eq!(Unbearable::find(&error), Some(Unbearable::Silence(Duration::from_millis(1))));
        let (_, request) = seal(self::request(Body::from("all")), Duration::from_millis(1)).unwrap();
        assert_eq!(to_bytes(request.into_body(), 10).await.unwrap(), "all");
    }

    #[test]
    fn the_id_is_ours_and_the_head_is_bounded_and_names_one_host() {
        let (id, sealed) = seal(request(Body::empty()), Duration::from_secs(1)).unwrap();
        assert_eq!(RequestId::of(&sealed).as_str(), id.as_str());
        assert_ne!(id.as_str(), "theirs");
        let mut large = request(Body::empty());
        large.headers_mut().insert("x-large", "x".repeat(HEAD_BYTES_MAX).parse().unwrap());
        let (_, refused) = seal(large, Duration::from_secs(1)).unwrap_err();
        assert!(matches!(refused, Unbearable::Head(_)), "{refused}");
        let mut two = request(Body::empty());
        for host in ["one", "two"] {
            two.headers_mut().append("host", host.parse().unwrap());
        }
        let (_, refused) = seal(two, Duration::from_secs(1)).unwrap_err();
        assert!(matches!(refused, Unbearable::Hosts(_)), "{refused}");
    }
}
