//! Accepts connections and hands their requests to a service. Owns sockets, TLS, protocol limits and the graceful end;
//! leaves requests to `router.rs`. Invariant: every accepted socket has `TCP_NODELAY` (small streamed bodies wait 40 ms
//! for an acknowledgement without it), and no connection can hold more than its bounds.

use std::convert::Infallible;
use std::fs;
use std::io::{self, BufReader};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use anyhow::{Context, Result};
use auth::{Connection, Encrypted, PeerAddress};
use axum::body::Body;
use http::{Request, Response, StatusCode, Version, header};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::admission::{Admission, Guest, Limits};
use super::config::TlsFiles;
use super::io_timeout::{Bounds, WithTimeouts};
use super::unread_body::{self, StillSending};
use super::wrong_scheme::{UseHttps, is_http, looked_at};

/// Connections at one time, unless [`Listener::limited`] says otherwise.
const CONNECTIONS_DEFAULT: usize = 4096;
/// A request's headers in all, over HTTP/2. Over HTTP/1 the gateway counts, within [`READ_BYTES_MAX`].
const HEADER_BYTES_MAX: u32 = 24 << 10;
/// What is read from a socket at a time, and kept.
const READ_BYTES_MAX: usize = 256 << 10;
/// Streams of one HTTP/2 connection.
const STREAMS_MAX: u32 = 256;
/// How long a client may take to send a request's headers, or to shake hands.
const HEADERS_TIMEOUT: Duration = Duration::from_secs(30);
/// How long anybody may hold a connection without proving who they are, all of their requests together.
const STRANGERS_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a client may take nothing of what it is sent.
const TAKING_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a client that still sends after its answer may go on, before the connection is closed.
const LINGERING_TIMEOUT: Duration = Duration::from_secs(10);
/// How long requests under way may go on after the signal to end.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(30);

/// What answers requests: infallible, since an error is an answer too.
pub trait Respond: Clone + Send + Sync + 'static {
    /// Answers one request. It may answer before the body's end.
    fn respond(&self, request: Request<Body>) -> impl Future<Output = Response<Body>> + Send;
}

/// A bound port.
pub struct Listener {
    tcp: TcpListener,
    security: Security,
    bounds: Bounds,
    limits: Limits,
}

/// What a port speaks.
#[derive(Clone)]
enum Security {
    Tls(TlsAcceptor),
    /// Plain HTTP; and whether the operator was told of a client that speaks TLS.
    Plain(Arc<AtomicBool>),
}

impl Security {
    fn of(files: Option<&TlsFiles>) -> Result<Self> {
        Ok(match files {
            Some(files) => Self::Tls(acceptor(files)?),
            None => Self::Plain(Arc::default()),
        })
    }

    fn is_tls(&self) -> bool {
        matches!(self, Self::Tls(_))
    }
}

/// How long clients may keep a connection waiting.
const BOUNDS: Bounds = Bounds {
    strangers: STRANGERS_TIMEOUT,
    first_bytes: HEADERS_TIMEOUT,
    taking: TAKING_TIMEOUT,
    lingering: LINGERING_TIMEOUT,
};

impl Listener {
    /// Binds a port and reads the certificate.
    pub async fn bind(address: SocketAddr, tls: Option<&TlsFiles>) -> Result<Self> {
        let security = Security::of(tls)?;
        Ok(Self { tcp: bind(address).await?, security, bounds: BOUNDS, limits: Limits::of(CONNECTIONS_DEFAULT) })
    }

    /// The same with other bounds on connections.
    pub fn limited(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// The URL under which clients on this machine reach the port.
    pub fn url(&self) -> Result<String> {
        let scheme = if self.security.is_tls() { "https" } else { "http" };
        Ok(format!("{scheme}://{}", self.tcp.local_addr()?))
    }

    /// Serves until `end` resolves, then lets requests under way finish, within bounds.
    pub async fn serve(self, service: impl Respond, end: impl Future<Output = ()>) -> Result<()> {
        let admission = Admission::new(self.limits);
        let graceful = GracefulShutdown::new();
        let mut end = std::pin::pin!(end);
        loop {
            let next = async {
                let (stream, peer) = self.tcp.accept().await?;
                io::Result::Ok((stream, peer.ip(), admission.admit(peer.ip()).await))
            };
            let (stream, peer, guest) = tokio::select! {
                next = next => match next {
                    Ok(next) => next,
                    Err(error) => {
                        // Out of file descriptors, most likely: others' ends free some.
                        tracing::warn!(%error, "can't accept a connection");
                        tokio::time::sleep(Duration::from_millis(50)).await;
                        continue;
                    }
                },
                () = &mut end => break,
            };
            let (service, watcher, security) = (service.clone(), graceful.watcher(), self.security.clone());
            tokio::spawn(attend(stream, peer, guest, security, service, watcher, self.bounds));
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
    TcpListener::bind(address).await.map_err(|error| {
        let advice = match error.kind() {
            io::ErrorKind::AddrInUse => "another process has it: end that, or choose another port with --listen",
            io::ErrorKind::AddrNotAvailable => {
                "this machine doesn't have the address: name one of its own with --listen, or 0.0.0.0 for all"
            }
            io::ErrorKind::PermissionDenied => "this user may not: choose a port from 1024 on with --listen",
            _ => "choose another address with --listen",
        };
        anyhow::Error::from(error).context(format!("can't listen on {address}: {advice}"))
    })
}

/// Serves a connection until it ends, or must.
async fn attend(
    stream: TcpStream,
    peer: IpAddr,
    mut guest: Guest,
    security: Security,
    service: impl Respond,
    watcher: hyper_util::server::graceful::Watcher,
    bounds: Bounds,
) {
    let encrypted = Encrypted(security.is_tls());
    let origin = Origin { peer: PeerAddress(peer), encrypted, connection: guest.connection() };
    tokio::select! {
        served = connection(stream, origin, security, service, watcher, bounds) => if let Err(error) = served {
            tracing::debug!(%error, "a connection ended early");
        },
        () = guest.overstays(bounds.strangers) => {
            tracing::debug!(%peer, "a connection over which nobody proved who they are was closed");
        }
    }
}

/// What the requests of a connection carry of it.
#[derive(Clone)]
struct Origin {
    peer: PeerAddress,
    encrypted: Encrypted,
    connection: Connection,
}

async fn connection(
    stream: TcpStream,
    origin: Origin,
    security: Security,
    service: impl Respond,
    watcher: hyper_util::server::graceful::Watcher,
    bounds: Bounds,
) -> Result<()> {
    stream.set_nodelay(true)?;
    match security {
        Security::Tls(tls) => match tokio::time::timeout(bounds.first_bytes, accept(&tls, stream)).await?? {
            Accepted::Tls(stream) => requests(*stream, origin, service, watcher, bounds).await,
            Accepted::Plain(stream) => requests(stream, origin, UseHttps, watcher, bounds).await,
        },
        Security::Plain(told) => {
            let stream = looked_at(stream, origin.peer.0, told);
            requests(stream, origin, service, watcher, bounds).await
        }
    }
}

/// What comes over a port of HTTPS.
enum Accepted {
    Tls(Box<TlsStream<TcpStream>>),
    /// Not even a handshake: HTTP.
    Plain(TcpStream),
}

async fn accept(tls: &TlsAcceptor, stream: TcpStream) -> io::Result<Accepted> {
    let mut first = [0];
    stream.peek(&mut first).await?;
    match is_http(first[0]) {
        true => Ok(Accepted::Plain(stream)),
        false => Ok(Accepted::Tls(Box::new(tls.accept(stream).await?))),
    }
}

async fn requests(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    origin: Origin,
    service: impl Respond,
    watcher: hyper_util::server::graceful::Watcher,
    bounds: Bounds,
) -> Result<()> {
    let still_sending = StillSending::default();
    let stream = WithTimeouts::new(stream, bounds, still_sending.clone());
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(bounds.first_bytes).max_buf_size(READ_BYTES_MAX);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(HEADER_BYTES_MAX)
        .keep_alive_interval(Duration::from_secs(30));
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(origin.peer);
        request.extensions_mut().insert(origin.connection.clone());
        request.extensions_mut().insert(origin.encrypted);
        let (service, still_sending) = (service.clone(), still_sending.clone());
        async move {
            let answered = unread_body::answer(request, &still_sending, async |request| match lacks_host(&request) {
                true => no_host(),
                false => service.respond(request).await,
            });
            Ok::<_, Infallible>(answered.await)
        }
    });
    let connection = builder.serve_connection(TokioIo::new(stream), service).into_owned();
    watcher.watch(connection).await.map_err(|error| anyhow::anyhow!(error))
}

/// Returns whether a request must name its host and doesn't: HTTP/1.1 demands it, HTTP/1.0 has none (RFC 9112, 3.2).
///
/// Those of several hosts are refused by who answers.
fn lacks_host<B>(request: &Request<B>) -> bool {
    request.version() == Version::HTTP_11 && !request.headers().contains_key(header::HOST)
}

fn no_host() -> Response<Body> {
    let mut response = Response::new(Body::from("the request has no Host header, which HTTP/1.1 demands\n"));
    *response.status_mut() = StatusCode::BAD_REQUEST;
    response
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
