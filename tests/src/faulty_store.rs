//! An S3 server over a folder that fails on command. Owns the faults; s3s-fs checks signatures and keeps objects.

use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use bytes::Bytes;
use futures::StreamExt;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// What the store does instead of its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Fault {
    /// Nothing: it works.
    None,
    /// Answers 500 to everything.
    InternalError,
    /// Answers 503 to everything.
    Unavailable,
    /// Sends the headers and half the body of an answer, then closes the connection.
    HalfBody,
    /// Takes the request and never answers.
    Silence,
}

const FAULTS: [Fault; 5] = [Fault::None, Fault::InternalError, Fault::Unavailable, Fault::HalfBody, Fault::Silence];

type Body = UnsyncBoxBody<Bytes, std::io::Error>;

/// The server; it ends when this is dropped.
pub struct FaultyStore {
    endpoint: String,
    state: Arc<State>,
    accepting: JoinHandle<()>,
}

struct State {
    fault: AtomicU8,
    failed: AtomicU64,
    s3: S3Service,
}

impl FaultyStore {
    /// The name of the bucket that it has.
    pub const BUCKET: &str = "lake";
    /// The access key that it takes.
    pub const KEY: (&str, &str) = ("STOREKEY", "storesecret");

    /// Starts a server over a folder.
    pub async fn start(folder: &Path) -> Self {
        std::fs::create_dir_all(folder.join(Self::BUCKET)).expect("a writable folder");
        let mut builder = S3ServiceBuilder::new(s3s_fs::FileSystem::new(folder).expect("a folder"));
        builder.set_auth(SimpleAuth::from_single(Self::KEY.0, Self::KEY.1));
        let state = Arc::new(State { fault: AtomicU8::new(0), failed: AtomicU64::new(0), s3: builder.build() });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let endpoint = format!("http://{}", listener.local_addr().expect("a bound port"));
        let accepting = tokio::spawn(accept(listener, state.clone()));
        Self { endpoint, state, accepting }
    }

    /// From now on, does this instead of its work.
    pub fn set(&self, fault: Fault) {
        self.state.fault.store(fault as u8, Ordering::SeqCst);
    }

    /// How many requests met a fault.
    pub fn failed(&self) -> u64 {
        self.state.failed.load(Ordering::SeqCst)
    }

    /// What makes `lakebed run` keep its objects here.
    pub fn args(&self) -> Vec<String> {
        let option = |text: String| ["--object-store-option".to_owned(), text];
        let mut args = vec!["--object-store".to_owned(), format!("s3://{}/lakes", Self::BUCKET)];
        args.extend(option(format!("endpoint={}", self.endpoint)));
        args.extend(option("allow_http=true".to_owned()));
        args.extend(option("region=us-east-1".to_owned()));
        args
    }

    /// The credentials, as the server finds them in its environment.
    pub fn env(&self) -> Vec<(String, String)> {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        vec![pair("AWS_ACCESS_KEY_ID", Self::KEY.0), pair("AWS_SECRET_ACCESS_KEY", Self::KEY.1)]
    }
}

impl Drop for FaultyStore {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, state: Arc<State>) {
    while let Ok((stream, _)) = listener.accept().await {
        let state = state.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let state = state.clone();
                async move { state.answer(request).await }
            });
            // A fault closes the connection: an error here is what was asked for.
            let _ = Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

impl State {
    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
        let fault = FAULTS[usize::from(self.fault.load(Ordering::SeqCst))];
        if fault != Fault::None {
            self.failed.fetch_add(1, Ordering::SeqCst);
        }
        Ok(match fault {
            Fault::None => self.work(request).await,
            Fault::InternalError => empty(StatusCode::INTERNAL_SERVER_ERROR),
            Fault::Unavailable => empty(StatusCode::SERVICE_UNAVAILABLE),
            Fault::HalfBody => half(self.work(request).await).await,
            Fault::Silence => std::future::pending().await,
        })
    }

    async fn work(&self, request: Request<Incoming>) -> Response<Body> {
        match self.s3.call(request.map(s3s::Body::from)).await {
            Ok(response) => response.map(|body| body.map_err(std::io::Error::other).boxed_unsync()),
            Err(_) => empty(StatusCode::INTERNAL_SERVER_ERROR),
        }
    }
}

fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Full::default().map_err(|never: Infallible| match never {}).boxed_unsync());
    *response.status_mut() = status;
    response
}

async fn half(response: Response<Body>) -> Response<Body> {
    let (mut parts, body) = response.into_parts();
    let whole = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    parts.headers.insert(http::header::CONTENT_LENGTH, http::HeaderValue::from(whole.len().max(2)));
    let pieces = futures::stream::iter([Ok(Frame::data(whole.slice(..whole.len() / 2)))])
        .chain(futures::stream::once(async { Err(std::io::Error::other("the store broke off")) }));
    Response::from_parts(parts, StreamBody::new(pieces).boxed_unsync())
}
