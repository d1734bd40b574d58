//! Accepts connections and hands their requests to a service. Owns sockets, TLS, protocol limits and the graceful end;
//! leaves requests to `router.rs`. Invariant: every accepted socket has `TCP_NODELAY` (small streamed bodies wait 40 ms
//! for an acknowledgement without it), and no connection can hold more than its bounds.

use std::convert::Infallible;
use std::fs;
use std::io::BufReader;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use auth::{Encrypted, PeerAddress};
use axum::body::Body;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;

use super::config::TlsFiles;
use super::patience::{Bounds, Patient};

/// Connections at one time; more wait in the kernel's backlog.
const CONNECTIONS_MAX: usize = 4096;
/// A request's headers in all, over HTTP/2. Over HTTP/1 the gateway counts, within [`READ_BYTES_MAX`].
const HEADER_BYTES_MAX: u32 = 24 << 10;
/// What is read from a socket at a time, and kept.
const READ_BYTES_MAX: usize = 256 << 10;
/// Streams of one HTTP/2 connection.
const STREAMS_MAX: u32 = 256;
/// How long a client may take to send a request's headers, or to shake hands.
const HEADERS_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a client may take nothing of what it is sent.
const TAKING_TIMEOUT: Duration = Duration::from_secs(60);
/// How long requests under way may go on after the signal to end.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(30);

/// What answers requests: infallible, since an error is an answer too.
pub trait Respond: Clone + Send + Sync + 'static {
    /// Answers one request.
    fn respond(&self, request: Request<Incoming>) -> impl Future<Output = Response<Body>> + Send;
}

/// A bound port.
pub struct Listener {
    tcp: TcpListener,
    tls: Option<TlsAcceptor>,
    bounds: Bounds,
}

/// How long clients may keep a connection waiting.
const BOUNDS: Bounds = Bounds { first_bytes: HEADERS_TIMEOUT, taking: TAKING_TIMEOUT };

impl Listener {
    /// Binds a port and reads the certificate.
    pub async fn bind(address: SocketAddr, tls: Option<&TlsFiles>) -> Result<Self> {
        let tls = tls.map(acceptor).transpose()?;
        Ok(Self { tcp: bind(address).await?, tls, bounds: BOUNDS })
    }

    /// The URL under which clients on this machine reach the port.
    pub fn url(&self) -> Result<String> {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        Ok(format!("{scheme}://{}", self.tcp.local_addr()?))
    }

    /// Serves until `end` resolves, then lets requests under way finish, within bounds.
    pub async fn serve(self, service: impl Respond, end: impl Future<Output = ()>) -> Result<()> {
        let connections = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        let graceful = GracefulShutdown::new();
        let mut end = std::pin::pin!(end);
        loop {
            let permit = connections.clone().acquire_owned().await.expect("because nobody closes the semaphore");
            let (stream, peer) = tokio::select! {
                accepted = self.tcp.accept() => match accepted {
                    Ok((stream, peer)) => (stream, peer.ip()),
                    Err(error) => {
                        // Out of file descriptors, most likely: others' ends free some.
                        tracing::warn!(%error, "can't accept a connection");
                        tokio::time::sleep(Duration::from_millis(50)).await;
                        continue;
                    }
                },
                () = &mut end => break,
            };
            let (service, watcher, tls) = (service.clone(), graceful.watcher(), self.tls.clone());
            let bounds = self.bounds;
            tokio::spawn(async move {
                let _permit = permit;
                if let Err(error) = connection((stream, peer), tls, service, watcher, bounds).await {
                    tracing::debug!(%error, "a connection ended early");
                }
            });
        }
        drop(self.tcp);
        if tokio::time::timeout(SHUTDOWN_TIMEOUT, graceful.shutdown()).await.is_err() {
            tracing::warn!("requests were still under way after {SHUTDOWN_TIMEOUT:?}: ending without them");
        }
        Ok(())
    }
}

/// Binds a port.
pub(super) async fn bind(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!("can't listen on {address}: choose another with --listen, or end the process that has it")
    })
}

async fn connection(
    (stream, peer): (TcpStream, IpAddr),
    tls: Option<TlsAcceptor>,
    service: impl Respond,
    watcher: hyper_util::server::graceful::Watcher,
    bounds: Bounds,
) -> Result<()> {
    stream.set_nodelay(true)?;
    match tls {
        Some(tls) => {
            let stream = tokio::time::timeout(bounds.first_bytes, tls.accept(stream)).await??;
            requests(stream, (peer, Encrypted(true)), service, watcher, bounds).await
        }
        None => requests(stream, (peer, Encrypted(false)), service, watcher, bounds).await,
    }
}

async fn requests(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    (peer, encrypted): (IpAddr, Encrypted),
    service: impl Respond,
    watcher: hyper_util::server::graceful::Watcher,
    bounds: Bounds,
) -> Result<()> {
    let stream = Patient::new(stream, bounds);
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(bounds.first_bytes).max_buf_size(READ_BYTES_MAX);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(HEADER_BYTES_MAX)
        .keep_alive_interval(Duration::from_secs(30));
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(PeerAddress(peer));
        request.extensions_mut().insert(encrypted);
        let service = service.clone();
        async move { Ok::<_, Infallible>(service.respond(request).await) }
    });
    let connection = builder.serve_connection(TokioIo::new(stream), service).into_owned();
    watcher.watch(connection).await.map_err(|error| anyhow::anyhow!(error))
}

fn acceptor(files: &TlsFiles) -> Result<TlsAcceptor> {
    let pem = |path: &std::path::Path| {
        fs::File::open(path).map(BufReader::new).with_context(|| format!("can't read {}", path.display()))
    };
    let chain = CertificateDer::pem_reader_iter(pem(&files.cert)?)
        .collect::<Result<Vec<_>, _>>()
        .with_context(|| format!("{} isn't a certificate in PEM", files.cert.display()))?;
    let key = PrivateKeyDer::from_pem_reader(pem(&files.key)?)
        .with_context(|| format!("{} isn't a private key in PEM", files.key.display()))?;
    let mut config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .context("the TLS certificate and key don't go together")?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

#[cfg(test)]
mod tests;
