//! How long a connection's other end may keep us waiting: with its first bytes, with taking what we send, and with coming to
//! its end after an answer that it didn't wait for. Owns these timeouts, for whatever protocol is spoken above; leaves the time
//! for headers to hyper, for bodies to the endpoints, and for strangers to `admission`.
//! Invariant: a connection that moves no byte in the direction that is waited for ends.

use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

use super::unread_body::StillSending;

/// How many bytes tell which protocol is spoken: HTTP/2's preface has as many.
const FIRST_BYTES: usize = 24;

/// The bounds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// For proving who they are, from the beginning of the connection.
    pub(super) strangers: Duration,
    /// For the first bytes (until they are there it isn't known what is spoken), and for the headers of each request.
    pub(super) first_bytes: Duration,
    /// For taking anything of what waits to be sent.
    pub(super) taking: Duration,
    /// For sending on what nobody reads, after the last answer.
    pub(super) lingering: Duration,
}

/// How many bytes are thrown away at a time.
const DISCARDED_BYTES: usize = 16 << 10;

/// A connection with bounds.
pub(super) struct WithTimeouts<S> {
    stream: S,
    taking: Duration,
    read: usize,
    /// When the first bytes are due, until they are there.
    first_due: Option<Pin<Box<Sleep>>>,
    /// When what waits to be sent is due to move, while nothing moves.
    stalled: Option<Pin<Box<Sleep>>>,
    still_sending: StillSending,
    lingering: Duration,
    /// When the connection ends, once we have said all.
    ends: Option<Pin<Box<Sleep>>>,
}

impl<S> WithTimeouts<S> {
    /// Gives a new connection its bounds. When it is shut down while the client is `still_sending`, it lingers.
    pub(super) fn new(stream: S, bounds: Bounds, still_sending: StillSending) -> Self {
        let Bounds { first_bytes, taking, lingering, .. } = bounds;
        let first_due = Some(Box::pin(sleep(first_bytes)));
        Self { stream, taking, read: 0, first_due, stalled: None, still_sending, lingering, ends: None }
    }

    /// Watches what a write came to: as long as it waits, time passes.
    fn watched<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let taking = self.taking;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(taking)));
        match stalled.as_mut().poll(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(()) => {
                stalled.as_mut().reset(Instant::now() + taking);
                Poll::Ready(Err(late("the client takes nothing of what it is sent")))
            }
        }
    }
}

impl<S: AsyncRead + Unpin> WithTimeouts<S> {
    /// Throws away what still comes, until the client hangs up or its time is over: closing before would reset the
    /// connection, and the answer that is under way would be lost.
    fn linger(&mut self, cx: &mut Context<'_>, ends: &mut Pin<Box<Sleep>>) -> Poll<()> {
        let mut thrown_away = [0; DISCARDED_BYTES];
        while ends.as_mut().poll(cx).is_pending() {
            let mut into = ReadBuf::new(&mut thrown_away);
            match Pin::new(&mut self.stream).poll_read(cx, &mut into) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(())) if !into.filled().is_empty() => {}
                Poll::Ready(_) => break,
            }
        }
        Poll::Ready(())
    }
}

fn late(what: &str) -> io::Error {
    io::Error::new(ErrorKind::TimedOut, what)
}

impl<S: AsyncRead + Unpin> AsyncRead for WithTimeouts<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, into);
        let Some(due) = &mut self.first_due else { return polled };
        if polled.is_ready() {
            let bytes = &into.filled()[before..];
            // Only HTTP/2 and methods like PUT begin with a P; the others' first byte tells enough.
            let is_clear = self.read == 0 && bytes.first().is_some_and(|first| *first != b'P');
            self.read += bytes.len();
            if is_clear || self.read >= FIRST_BYTES {
                self.first_due = None;
            }
            return polled;
        }
        match due.as_mut().poll(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(()) => Poll::Ready(Err(late("the client doesn't say what it wants"))),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for WithTimeouts<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.watched(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, pieces);
        self.watched(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.watched(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut ends = match self.ends.take() {
            Some(ends) => ends,
            None => {
                let closed = Pin::new(&mut self.stream).poll_shutdown(cx);
                ready!(self.watched(cx, closed))?;
                if !self.still_sending.get() {
                    return Poll::Ready(Ok(()));
                }
                Box::pin(sleep(self.lingering))
            }
        };
        let lingered = self.linger(cx, &mut ends);
        self.ends = Some(ends);
        lingered.map(Ok)
    }
}
