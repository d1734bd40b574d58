//! A small OpenID provider on a port of its own: its documents, its keys and the tokens that it signs.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::Uri;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::KeyPair;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// The provider. It ends with its value.
pub struct TestIssuer {
    address: SocketAddr,
    state: Arc<Provider>,
    server: JoinHandle<()>,
}

struct Provider {
    url: String,
    key: Mutex<Key>,
    /// How often its keys were asked for.
    asked: AtomicUsize,
    redirects: AtomicBool,
}

struct Key {
    id: usize,
    pair: KeyPair,
}

impl Key {
    fn new(id: usize) -> Self {
        Self { id, pair: KeyPair::generate().expect("a key pair") }
    }

    fn jwk(&self) -> Value {
        let point = self.pair.public_key_raw();
        let (x, y) = (URL_SAFE_NO_PAD.encode(&point[1..33]), URL_SAFE_NO_PAD.encode(&point[33..]));
        json!({ "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": self.id.to_string(), "x": x, "y": y })
    }
}

impl Drop for TestIssuer {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl TestIssuer {
    /// Starts a provider on a free port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound port");
        let (asked, redirects) = (AtomicUsize::default(), AtomicBool::default());
        let key = Mutex::new(Key::new(0));
        let state = Arc::new(Provider { url: format!("http://{address}"), key, asked, redirects });
        let server = tokio::spawn(serve(listener, Arc::clone(&state)));
        Self { address, state, server }
    }

    /// Its URL, which its tokens name.
    pub fn url(&self) -> &str {
        &self.state.url
    }

    /// How often its keys were asked for since the last call.
    pub fn asked(&self) -> usize {
        self.state.asked.swap(0, SeqCst)
    }

    /// Signs with another key from now on, and publishes that one alone.
    pub fn rotate(&self) {
        let mut key = self.state.key.lock().expect("nobody panicked with it");
        *key = Key::new(key.id + 1);
    }

    /// Answers with redirects from now on, to where the documents are.
    pub fn redirect(&self) {
        self.state.redirects.store(true, SeqCst);
    }

    /// Stops to answer.
    pub async fn stop(&mut self) {
        self.server.abort();
        let _ = (&mut self.server).await;
    }

    /// Answers again.
    pub async fn start_again(&mut self) {
        let listener = TcpListener::bind(self.address).await.expect("the port is still free");
        self.server = tokio::spawn(serve(listener, Arc::clone(&self.state)));
    }

    /// Signs a token.
    pub fn sign(&self, claims: &Value) -> String {
        let key = self.state.key.lock().expect("nobody panicked with it");
        let header = json!({ "alg": "ES256", "typ": "JWT", "kid": key.id.to_string() });
        let encoded = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
        let head = format!("{}.{}", encoded(&header), encoded(claims));
        let random = SystemRandom::new();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &key.pair.serialize_der(), &random);
        let signature = pair.expect("a key pair of P-256").sign(&random, head.as_bytes()).expect("there is randomness");
        format!("{head}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// A token of an hour for the audience `lakebed`.
    pub fn token(&self, subject: &str, groups: &[&str], now_seconds: i64) -> String {
        let (begin, end) = (now_seconds - 5, now_seconds + 3600);
        self.sign(&json!({
            "iss": self.url(), "sub": subject, "aud": "lakebed", "iat": begin, "exp": end, "groups": groups,
        }))
    }
}

async fn serve(listener: TcpListener, provider: Arc<Provider>) {
    let router = Router::new()
        .route("/.well-known/openid-configuration", get(configuration))
        .route("/moved", get(configuration))
        .route("/keys", get(keys))
        .with_state(provider);
    axum::serve(listener, router).await.expect("axum's server doesn't end");
}

async fn configuration(State(provider): State<Arc<Provider>>, uri: Uri) -> Response {
    if provider.redirects.load(SeqCst) && uri.path() != "/moved" {
        return Redirect::temporary("/moved").into_response();
    }
    Json(json!({ "issuer": provider.url, "jwks_uri": format!("{}/keys", provider.url) })).into_response()
}

async fn keys(State(provider): State<Arc<Provider>>) -> Json<Value> {
    provider.asked.fetch_add(1, SeqCst);
    let key = provider.key.lock().expect("nobody panicked with it").jwk();
    Json(json!({ "keys": [key] }))
}
