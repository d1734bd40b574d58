//! Serving the metadata service to other processes. Owns the listener's TLS. The service trusts its callers, so there
//! are two ways only: on loopback, or with mutual TLS; no shared token as a fallback.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use futures::stream::{self, Stream, StreamExt};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::transport::server::{Connected, TcpConnectInfo, TcpIncoming};
use tonic::transport::{Certificate, Identity, Server, ServerTlsConfig};

use super::MetadataServer;

/// How many calls one connection may have under way.
const STREAMS_PER_CONNECTION_MAX: u32 = 1024;
/// How often an idle connection must show a sign of life, and how long that may take.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// How many connections there may be: API servers and gateways have one or a few each.
const CONNECTIONS_MAX: usize = 256;
/// How long who connects may take to show a certificate.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Certificates in PEM: this node's own, and the authority that signs callers'.
#[derive(Clone)]
pub struct MutualTls {
    /// Signs the certificates of nodes and clients; no other caller gets in.
    pub authority: String,
    /// This side's certificate.
    pub certificate: String,
    /// Its private key.
    pub key: secrecy::SecretString,
}

/// Why the service can't be served.
#[derive(Debug, Error)]
pub enum ServeError {
    /// The address can be reached from other machines, and callers wouldn't have to prove who they are.
    #[error("{address} can be reached from other machines: the metadata port needs mutual TLS there, or loopback")]
    OpenToAll {
        /// Where it would have listened.
        address: std::net::SocketAddr,
    },
    /// The listener failed.
    #[error("the metadata port: {0}")]
    Listener(#[from] io::Error),
    /// The certificates can't be used, or the server failed.
    #[error("serving the metadata port: {0}")]
    Transport(#[from] tonic::transport::Error),
}

/// Serves a node's gRPC service until `stop` is ready, then finishes what is under way. The future holds a handle of
/// the node and not the node itself, so it may run as a task of its own.
///
/// # Errors
/// [`ServeError::OpenToAll`] without TLS off loopback; otherwise what listener or certificates make impossible.
pub fn serve(
    server: &MetadataServer,
    listener: TcpListener,
    tls: Option<MutualTls>,
    stop: BoxFuture<'static, ()>,
) -> BoxFuture<'static, Result<(), ServeError>> {
    let routes = server.grpc();
    async move {
        let address = listener.local_addr()?;
        if tls.is_none() && !address.ip().is_loopback() {
            return Err(ServeError::OpenToAll { address });
        }
        let mut builder = Server::builder()
            .max_concurrent_streams(STREAMS_PER_CONNECTION_MAX)
            .http2_keepalive_interval(Some(KEEP_ALIVE))
            .http2_keepalive_timeout(Some(KEEP_ALIVE));
        if let Some(tls) = tls {
            builder = builder.tls_config(tls.server_config())?;
        }
        let incoming = bounded(TcpIncoming::from(listener).with_nodelay(Some(true)));
        Ok(builder.add_routes(routes).serve_with_incoming_shutdown(incoming, stop).await?)
    }
    .boxed()
}

impl MutualTls {
    fn server_config(&self) -> ServerTlsConfig {
        use secrecy::ExposeSecret as _;
        ServerTlsConfig::new()
            .identity(Identity::from_pem(&self.certificate, self.key.expose_secret()))
            .client_ca_root(Certificate::from_pem(&self.authority))
            .client_auth_optional(false)
            .timeout(HANDSHAKE_TIMEOUT)
    }
}

/// Accepts a connection only when there is room for one; others wait in the kernel's backlog.
fn bounded(incoming: TcpIncoming) -> impl Stream<Item = io::Result<Bounded>> {
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    stream::unfold((incoming, room), |(mut incoming, room)| async move {
        let permit = Arc::clone(&room).acquire_owned().await.ok()?;
        let accepted = incoming.next().await?;
        Some((accepted.map(|stream| Bounded { stream, _permit: permit }), (incoming, room)))
    })
}

/// A connection, and the room that goes free with it.
struct Bounded {
    stream: TcpStream,
    _permit: OwnedSemaphorePermit,
}

impl Connected for Bounded {
    type ConnectInfo = TcpConnectInfo;

    fn connect_info(&self) -> TcpConnectInfo {
        self.stream.connect_info()
    }
}

impl AsyncRead for Bounded {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, into)
    }
}

impl AsyncWrite for Bounded {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
