//! S3 over HTTP: a real server in this process, which checks signatures and conditions.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use hyper::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use storage::{StorageError, StoreSettings, Stores};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::Mutex;

use crate::sources::{self, Keys, raw, with_sources};
use crate::suite::{self, USUAL, Ways};
use crate::support::{body, bytes, crypto, repository};

/// An S3 server over a folder with a bucket in it; ends with the test's runtime.
///
/// It looks whether an object exists and then writes, so two creators can both win; requests with a condition go one
/// at a time here, which makes it as good as S3.
pub(crate) async fn serve(folder: &TempDir) -> SocketAddr {
    std::fs::create_dir(folder.path().join("lake")).unwrap();
    let mut service = S3ServiceBuilder::new(s3s_fs::FileSystem::new(folder.path()).unwrap());
    service.set_auth(SimpleAuth::from_single("AKIAEXAMPLE", "secret"));
    let service = service.build();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let conditions = Arc::new(Mutex::new(()));
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            socket.set_nodelay(true).unwrap();
            let (service, conditions) = (service.clone(), Arc::clone(&conditions));
            let one_at_a_time = service_fn(move |request: Request<Incoming>| {
                let (service, conditions) = (service.clone(), Arc::clone(&conditions));
                async move {
                    let conditional = request.headers().contains_key("if-none-match");
                    let _held = if conditional { Some(conditions.lock().await) } else { None };
                    service.call(request.map(s3s::Body::from)).await
                }
            });
            tokio::spawn(async move {
                let _ = Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(socket), one_at_a_time).await;
            });
        }
    });
    address
}

async fn open(address: SocketAddr, url: &str, secret: &str) -> Arc<Stores> {
    crypto();
    let options = [("aws_access_key_id", "AKIAEXAMPLE"), ("aws_secret_access_key", secret)];
    let settings = StoreSettings {
        endpoint: Some(format!("http://{address}")),
        region: Some("us-east-1".into()),
        allow_http: true,
        options: BTreeMap::from(options.map(|(name, value)| (name.to_owned(), value.to_owned()))),
        ..StoreSettings::default()
    };
    Stores::open(url, &settings).await.unwrap()
}

#[tokio::test]
async fn s3_behaves() {
    let folder = TempDir::new().unwrap();
    let address = serve(&folder).await;
    suite::run(&open(address, "s3://lake/some/prefix", "secret").await, Ways { gaps_complete: false, ..USUAL }).await;
}

#[tokio::test]
async fn a_bucket_is_imported_from() {
    let folder = TempDir::new().unwrap();
    let address = serve(&folder).await;
    let direct = raw(&open(address, "s3://lake", "secret").await);
    let options = "allow_http=true&region=us-east-1&aws_access_key_id=AKIAEXAMPLE&aws_secret_access_key=secret";
    let stores = with_sources(&[format!("s3://lake/in?endpoint=http://{address}&{options}")]).await;
    sources::behaves(&stores, "s3://lake/in/", &*direct, "in/", Keys::OfFolders).await;
}

#[tokio::test]
async fn namespaces_lie_under_the_prefix() {
    let folder = TempDir::new().unwrap();
    let stores = open(serve(&folder).await, "s3://lake/some/prefix/", "secret").await;
    let namespace = stores.default_namespace(&"trips".parse().unwrap(), None);
    assert_eq!(namespace.as_str(), "s3://lake/some/prefix/trips");
    let storage = stores.repository(&namespace).unwrap();
    let address = storage.new_address();
    storage.put_data(&address, body(&bytes(10)), Some(10)).await.unwrap();
    assert!(folder.path().join("lake/some/prefix/trips").join(address.as_str()).is_file());
    for outside in ["s3://lake/some/prefixed", "s3://lake/other", "s3://other/some/prefix/x", "s3://lake/some/prefix"] {
        assert!(stores.repository(&outside.parse().unwrap()).is_err(), "{outside}");
    }
}

#[tokio::test]
async fn a_wrong_secret_is_denied_and_never_shown() {
    let folder = TempDir::new().unwrap();
    let stores = open(serve(&folder).await, "s3://lake", "wrong-secret").await;
    let error = stores.probe().await.unwrap_err();
    assert!(matches!(error, StorageError::Denied { .. }), "{error}");
    let shown = format!("{error} {error:?} {stores:?}");
    assert!(!shown.contains("wrong-secret"), "{shown}");
}

#[tokio::test]
async fn a_part_that_streams_must_have_its_length() {
    let folder = TempDir::new().unwrap();
    let storage = repository(&open(serve(&folder).await, "s3://lake", "secret").await);
    let address = storage.new_address();
    let upload = storage.create_multipart(&address).await.unwrap();
    let content = bytes(18 << 20);
    for announced in [content.len() as u64 - 1, content.len() as u64 + 1] {
        let wrong = storage.put_part(&address, &upload, 1, body(&content), Some(announced)).await;
        assert!(wrong.unwrap_err().to_string().contains("announced"));
    }
    let broken = crate::support::broken_body(&content);
    let broken = storage.put_part(&address, &upload, 1, broken, Some(20 << 20)).await.unwrap_err();
    assert!(matches!(broken, storage::PutError::Body(_)), "{broken}");
    let gone = storage.put_part(&address, "no-such-upload", 1, body(&content), Some(content.len() as u64)).await;
    assert!(matches!(gone, Err(storage::PutError::Storage(_))));
}
