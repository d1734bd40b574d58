//! A request's body as it comes from the connection. Owns the bound on a client's silence; leaves bytes that
//! nobody wants to the listener. Invariant: nothing is read before somebody asks, since the first read answers
//! `Expect: 100-continue`.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt};
use http_body_util::BodyDataStream;
use thiserror::Error;

use crate::protocol::body::BoxError;

/// The client sent nothing for too long.
#[derive(Debug, Error)]
#[error("the client sent nothing for {0:?} in the middle of the body")]
pub(crate) struct SlowClient(Duration);

type Raw = BoxStream<'static, Result<Bytes, BoxError>>;

/// A body that an operation may take, and that comes back when the operation drops it before its end.
pub(crate) struct RequestBody {
    home: Arc<Mutex<Option<Raw>>>,
    is_empty: bool,
}

impl RequestBody {
    /// Wraps a body, without reading.
    pub(crate) fn new<B>(body: B, silence_max: Duration) -> Self
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        if body.is_end_stream() {
            return Self { home: Arc::default(), is_empty: true };
        }
        let chunks = Box::pin(BodyDataStream::new(body).map(|chunk| chunk.map_err(Into::into)));
        let timed = stream::unfold(Some(chunks), move |chunks| async move {
            let mut chunks = chunks?;
            match tokio::time::timeout(silence_max, chunks.next()).await {
                Ok(None) => None,
                Ok(Some(Ok(bytes))) => Some((Ok(bytes), Some(chunks))),
                Ok(Some(Err(error))) => Some((Err(error), None)),
                Err(_) => Some((Err(SlowClient(silence_max).into()), None)),
            }
        });
        Self { home: Arc::new(Mutex::new(Some(timed.boxed()))), is_empty: false }
    }

    /// A body that is a part of another.
    pub(crate) fn of_stream(stream: Raw) -> Self {
        Self { home: Arc::new(Mutex::new(Some(stream))), is_empty: false }
    }

    /// Takes the bytes; none the second time.
    pub(crate) fn take(&self) -> Lent {
        let raw = self.home.lock().unwrap_or_else(PoisonError::into_inner).take();
        Lent { raw, home: Arc::clone(&self.home) }
    }

    /// Whether the client may still wait for `100 Continue`: nothing was read, or there is nothing to read.
    pub(crate) fn is_unread(&self) -> bool {
        self.is_empty || self.home.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }
}

/// The bytes, lent to an operation.
pub(crate) struct Lent {
    raw: Option<Raw>,
    home: Arc<Mutex<Option<Raw>>>,
}

impl Stream for Lent {
    type Item = Result<Bytes, BoxError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(raw) = &mut self.raw else { return Poll::Ready(None) };
        let polled = raw.poll_next_unpin(cx);
        if let Poll::Ready(None | Some(Err(_))) = polled {
            self.raw = None;
        }
        polled
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(raw) = self.raw.take() {
            *self.home.lock().unwrap_or_else(PoisonError::into_inner) = Some(raw);
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::{BodyExt, Full, StreamBody};

    use super::*;

    fn body(text: &'static str) -> RequestBody {
        let body = Full::new(Bytes::from_static(text.as_bytes())).map_err(|never| match never {});
        RequestBody::new(body.map_err(|e: std::io::Error| e), Duration::from_secs(5))
    }

    #[tokio::test]
    async fn what_an_operation_drops_unread_comes_back() {
        let body = body("bytes");
        assert!(body.is_unread());
        drop(body.take());
        assert!(body.is_unread());
        let mut again = body.take();
        assert_eq!(again.next().await.unwrap().unwrap(), "bytes");
        assert!(again.next().await.is_none());
        drop(again);
        assert!(body.take().next().await.is_none());
    }

    #[tokio::test]
    async fn a_silent_client_is_told_so() {
        let silent = StreamBody::new(stream::pending::<Result<http_body::Frame<Bytes>, std::io::Error>>());
        let body = RequestBody::new(silent, Duration::from_millis(1));
        let error = body.take().next().await.unwrap().unwrap_err();
        assert!(error.is::<SlowClient>(), "{error}");
    }
}
