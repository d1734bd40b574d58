//! Clients that speak HTTP to a port of HTTPS, or the other way round. Owns what they are told, and what the operator is;
//! leaves sockets to `listen`. Invariant: no request over plain HTTP gets any other answer on a port of HTTPS.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::body::Body;
use http::{HeaderValue, Request, Response, header};
use s3_gateway::protocol::{AnswerContext, S3Error};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::io::InspectReader;
use tonic::Status;

use super::listen::Respond;

/// What begins a TLS handshake (RFC 8446, 5.1).
const HANDSHAKE: u8 = 0x16;

/// Whether a connection that begins so speaks HTTP: its methods, and HTTP/2's preface, are capital letters.
pub(super) fn is_http(first: u8) -> bool {
    first.is_ascii_uppercase()
}

/// What a client is told.
const USE_HTTPS: &str = "This port speaks HTTPS: begin the URL with https://";

/// Answers requests over plain HTTP on a port of HTTPS: gRPC's as gRPC, others as S3, which people can read too.
#[derive(Clone)]
pub(super) struct UseHttps;

impl Respond for UseHttps {
    async fn respond(&self, request: Request<Body>) -> Response<Body> {
        let kind = request.headers().get(header::CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
        if kind.starts_with(b"application/grpc") {
            return Status::unavailable(USE_HTTPS).into_http();
        }
        let context = AnswerContext { method: request.method(), resource: request.uri().path(), request_id: "" };
        S3Error::invalid_request(USE_HTTPS).to_response(context).map(Body::from)
    }
}

/// A connection to a port of plain HTTP, whose first byte is looked at. It goes on as it is: clients know an answer that isn't
/// TLS, and say so. `told` is for the whole port: whether the operator was told of one.
pub(super) fn looked_at<S: AsyncRead + AsyncWrite>(
    stream: S,
    peer: IpAddr,
    told: Arc<AtomicBool>,
) -> InspectReader<S, impl FnMut(&[u8])> {
    let mut told = Some(told);
    InspectReader::new(stream, move |read: &[u8]| {
        let Some(first) = read.first() else { return };
        if let Some(told) = told.take()
            && *first == HANDSHAKE
        {
            tell(peer, &told);
        }
    })
}

/// Tells the operator of the first client that speaks TLS; of all, strangers could fill the log with it.
fn tell(peer: IpAddr, told: &AtomicBool) {
    if told.swap(true, Ordering::Relaxed) {
        tracing::debug!(%peer, "a client speaks HTTPS to this port of HTTP");
        return;
    }
    tracing::warn!(
        %peer,
        "a client speaks HTTPS to this port, which speaks HTTP: let it use http://, or start the server with --tls-cert and \
         --tls-key; further ones aren't told of"
    );
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;

    use super::*;

    /// Whether the operator is told once these bytes were read, and that they come through whole.
    async fn told_of(bytes: &[u8]) -> bool {
        let told = Arc::new(AtomicBool::new(false));
        let (mut read, stream) = (Vec::new(), tokio::io::join(bytes, tokio::io::sink()));
        looked_at(stream, IpAddr::from([127, 0, 0, 1]), Arc::clone(&told)).read_to_end(&mut read).await.unwrap();
        assert_eq!(read, bytes);
        told.load(Ordering::Relaxed)
    }

    #[tokio::test]
    async fn only_a_handshake_is_told_of() {
        assert!(told_of(&[HANDSHAKE, 3, 1]).await);
        for other in [&b"GET / HTTP/1.1\r\n"[..], b"PRI * HTTP/2.0", &[b'G', HANDSHAKE], b""] {
            assert!(!told_of(other).await, "{other:?}");
        }
    }
}
