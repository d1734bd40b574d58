//! What becomes of a request's body when its answer is there before its end, as a refusal is. Owns reading the rest, within
//! bounds; leaves the end of such a connection to `io_timeout`. HTTP/2 has a message of its own for this.
//! Invariant: a client that still sends comes to read its answer. A connection that is closed with unread bytes is reset,
//! and the client sees a broken pipe instead of the refusal.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{Request, Response, Version};
use http_body_util::BodyExt;
use hyper::body::{Frame, Incoming, SizeHint};

/// How much of a body is read on before its answer is sent, so that the connection can be used again.
const REST_BYTES_MAX: u64 = 1 << 20;
/// How long that may take.
const REST_TIME_MAX: Duration = Duration::from_secs(2);

/// Whether a connection's client may still be sending what nobody reads. Clones are of one connection.
#[derive(Debug, Clone, Default)]
pub(super) struct StillSending(Arc<AtomicBool>);

impl StillSending {
    pub(super) fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Has a request answered; if the answer came before the body's end, reads the rest, or has the connection end.
pub(super) async fn answer<F: Future<Output = Response<Body>>>(
    request: Request<Incoming>,
    still_sending: &StillSending,
    respond: impl FnOnce(Request<Body>) -> F,
) -> Response<Body> {
    if request.version() >= Version::HTTP_2 || request.body().is_end_stream() {
        return respond(request.map(Body::new)).await;
    }
    let waits_for_continue = request.headers().contains_key(header::EXPECT);
    let home = Home::default();
    let request = request.map(|body| Body::new(Lent { body: Some(body), is_read: false, home: Arc::clone(&home) }));
    let mut answer = respond(request).await;
    let left = home.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some(Left { rest, is_read }) = left else { return answer };
    // Reading would ask for what the client holds back.
    let is_held_back = waits_for_continue && !is_read;
    if is_held_back || !ends(rest).await {
        still_sending.set();
        answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    answer
}

/// Reads on within bounds; returns whether that was all.
async fn ends(mut rest: Incoming) -> bool {
    let mut read = 0;
    let all = async {
        while let Some(frame) = rest.frame().await {
            let Ok(frame) = frame else { return false };
            read += frame.data_ref().map_or(0, Bytes::len) as u64;
            if read > REST_BYTES_MAX {
                return false;
            }
        }
        true
    };
    tokio::time::timeout(REST_TIME_MAX, all).await.unwrap_or(false)
}

/// Where a body goes that isn't wanted any more.
type Home = Arc<Mutex<Option<Left>>>;

struct Left {
    rest: Incoming,
    /// Whether the client was asked for it.
    is_read: bool,
}

/// A body that goes home when it is dropped before its end.
struct Lent {
    body: Option<Incoming>,
    is_read: bool,
    home: Home,
}

impl HttpBody for Lent {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        self.is_read = true;
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let polled = Pin::new(body).poll_frame(cx);
        if let Poll::Ready(None | Some(Err(_))) = polled {
            self.body = None;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), HttpBody::size_hint)
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(rest) = self.body.take().filter(|body| !body.is_end_stream()) {
            let left = Left { rest, is_read: self.is_read };
            *self.home.lock().unwrap_or_else(PoisonError::into_inner) = Some(left);
        }
    }
}
