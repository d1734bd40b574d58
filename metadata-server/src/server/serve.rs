//! Serving the metadata service to other processes. Owns the listener's TLS. The service trusts its callers, so there
//! are two ways only: on loopback, or with mutual TLS; no shared token as a fallback.

use std::future::Future;
use std::io;
use std::time::Duration;

use thiserror::Error;
use tokio::net::TcpListener;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Certificate, Identity, Server, ServerTlsConfig};

use super::MetadataServer;

/// How many calls one connection may have under way.
const STREAMS_PER_CONNECTION_MAX: u32 = 1024;
/// How often an idle connection must show a sign of life, and how long that may take.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

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
pub fn serve<Stop>(
    server: &MetadataServer,
    listener: TcpListener,
    tls: Option<MutualTls>,
    stop: Stop,
) -> impl Future<Output = Result<(), ServeError>> + Send + use<Stop>
where
    Stop: Future<Output = ()> + Send,
{
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
        let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
        Ok(builder.add_routes(routes).serve_with_incoming_shutdown(incoming, stop).await?)
    }
}

impl MutualTls {
    fn server_config(&self) -> ServerTlsConfig {
        use secrecy::ExposeSecret as _;
        ServerTlsConfig::new()
            .identity(Identity::from_pem(&self.certificate, self.key.expose_secret()))
            .client_ca_root(Certificate::from_pem(&self.authority))
            .client_auth_optional(false)
    }
}
