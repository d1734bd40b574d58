//! A store that answers over HTTP as badly as real ones do: the errors that come of it, and how long they take.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use bytes::Bytes;
use futures::TryStreamExt;
use model::{Address, RangeId};
use storage::{Immutable, ListGauge, PutError, RepositoryStorage, StorageError, StoreSettings, Stores};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{body, bytes, collect, crypto, repository};

/// What the stub sends, once it has a request's head.
#[derive(Clone)]
enum Answer {
    Status(u16, &'static str),
    /// Claims a length, sends half of it and hangs up; then does so again for the rest.
    HalfBody,
    /// Says nothing more.
    Silence,
    /// Takes whatever is written, conditions or not; reads give the last thing written.
    Obedience,
}

/// Starts a stub; counts its requests.
async fn stub(answer: Answer) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let requests = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&requests);
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let (answer, counter) = (answer.clone(), Arc::clone(&counter));
            tokio::spawn(async move { converse(socket, &answer, &counter).await });
        }
    });
    (endpoint, requests)
}

async fn converse(mut socket: TcpStream, answer: &Answer, counter: &AtomicUsize) -> Option<()> {
    loop {
        let head = read_head(&mut socket).await?;
        counter.fetch_add(1, Relaxed);
        match answer {
            Answer::Status(status, code) => {
                let text = format!("<Error><Code>{code}</Code><Message>of a region, perhaps</Message></Error>");
                let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n", text.len());
                socket.write_all(head.as_bytes()).await.ok()?;
                if !head.starts_with("HEAD") {
                    socket.write_all(text.as_bytes()).await.ok()?;
                }
            }
            Answer::HalfBody => {
                let (from, to) = range_of(&head);
                let text = format!(
                    "HTTP/1.1 206 X\r\ncontent-length: {}\r\ncontent-range: bytes {from}-{}/1000\r\nlast-modified: \
                     Fri, 20 Nov 2026 00:00:00 GMT\r\netag: \"x\"\r\n\r\n",
                    to - from,
                    to - 1
                );
                socket.write_all(text.as_bytes()).await.ok()?;
                socket.write_all(&vec![7; (to - from) / 2]).await.ok()?;
                return None;
            }
            Answer::Silence => std::future::pending().await,
            Answer::Obedience => {
                let text = if head.starts_with("GET") { "creator 0" } else { "" };
                let head = format!(
                    "HTTP/1.1 200 X\r\ncontent-length: {}\r\nlast-modified: Fri, 20 Nov 2026 00:00:00 GMT\r\netag: \
                     \"x\"\r\n\r\n{text}",
                    text.len()
                );
                socket.write_all(head.as_bytes()).await.ok()?;
            }
        }
    }
}

/// Reads a request's head, and its body if it says how long that is.
async fn read_head(socket: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(socket.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap();
    let length = head
        .to_ascii_lowercase()
        .split("content-length: ")
        .nth(1)
        .map(|rest| rest.split("\r\n").next().unwrap().parse::<usize>().unwrap());
    let mut body = vec![0; length.unwrap_or(0)];
    socket.read_exact(&mut body).await.ok()?;
    Some(head)
}

fn range_of(head: &str) -> (usize, usize) {
    let range = head.split("bytes=").nth(1).unwrap().split("\r\n").next().unwrap();
    let (from, to) = range.split_once('-').unwrap();
    (from.parse().unwrap(), to.parse::<usize>().unwrap() + 1)
}

async fn open(endpoint: &str, url: &str, more: &[(&str, &str)]) -> Arc<Stores> {
    crypto();
    // A key that isn't one: nothing is signed with it.
    let google = format!(
        r#"{{"gcs_base_url": "{endpoint}", "disable_oauth": true, "client_email": "", "private_key": "", "private_key_id": ""}}"#
    );
    let credentials: &[(&str, &str)] = match url.split_once(':').unwrap().0 {
        "s3" => &[("aws_access_key_id", "AKIAEXAMPLE"), ("aws_secret_access_key", "hush")],
        "gs" => &[("google_service_account_key", &google)],
        _ => &[("azure_storage_account_name", "account"), ("azure_storage_account_key", "aHVzaA==")],
    };
    let options = credentials.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let settings = StoreSettings {
        endpoint: Some(endpoint.to_owned()),
        allow_http: true,
        options: options.collect(),
        ..StoreSettings::default()
    };
    Stores::open(url, &settings).await.unwrap()
}

const URLS: [&str; 3] = ["s3://lake/x", "gs://lake/x", "az://lake/x"];

async fn ask(storage: &RepositoryStorage) -> (StorageError, StorageError) {
    let read = storage.get(&Immutable::Range(RangeId::from_bytes([1; 32]))).await.unwrap_err();
    let written = storage.put_data(&storage.new_address(), body(&bytes(10)), None).await.unwrap_err();
    let PutError::Storage(written) = written else { panic!("{written}") };
    (read, written)
}

#[tokio::test]
async fn statuses_become_errors_by_who_can_act() {
    for url in URLS {
        for (status, code) in [
            (403, "AccessDenied"),
            (401, "InvalidToken"),
            (404, "NoSuchKey"),
            (500, "InternalError"),
            (503, "SlowDown"),
        ] {
            let (endpoint, requests) = stub(Answer::Status(status, code)).await;
            let storage = repository(&open(&endpoint, url, &[]).await);
            let (read, written) = ask(&storage).await;
            for error in [&read, &written] {
                let fits = match status {
                    401 | 403 => matches!(error, StorageError::Denied { .. }),
                    404 => matches!(error, StorageError::NotFound { .. }),
                    _ => matches!(error, StorageError::Unavailable { .. }),
                };
                assert!(fits, "{url} {status}: {error:?}");
                let shown = format!("{error} {error:?}");
                assert!(shown.contains(url) && !shown.contains("hush") && !shown.contains("aHVzaA"), "{shown}");
            }
            let tries = if status >= 500 { 3 } else { 1 };
            assert_eq!(requests.load(Relaxed), 2 * tries, "{url} {status}: retries are few");
        }
    }
}

#[tokio::test]
async fn half_a_body_again_and_again_is_an_error() {
    let (endpoint, _) = stub(Answer::HalfBody).await;
    for url in URLS {
        let storage = repository(&open(&endpoint, url, &[]).await);
        let address = Address::Relative("data/p/x".into());
        let read = match storage.get_data(&address, 0..1000).await {
            Ok(body) => collect(body).await.map_err(|e| *e.downcast::<StorageError>().unwrap()),
            Err(error) => Err(error),
        };
        // A reader may get all of it in ever smaller halves, but never less with success.
        match read {
            Ok(whole) => assert_eq!(whole, Bytes::from(vec![7; 1000])),
            Err(error) => assert!(matches!(error, StorageError::Unavailable { .. }), "{url}: {error:?}"),
        }
    }
}

#[tokio::test]
async fn silence_ends() {
    for url in URLS {
        let (endpoint, requests) = stub(Answer::Silence).await;
        let storage = repository(&open(&endpoint, url, &[("timeout", "200ms")]).await);
        let asked = tokio::time::timeout(Duration::from_secs(60), ask(&storage)).await;
        let (read, written) = asked.expect("because no request waits for ever");
        for error in [&read, &written] {
            assert!(matches!(error, StorageError::Unavailable { .. }) && error.timed_out(), "{url}: {error:?}");
        }
        assert_eq!(requests.load(Relaxed), 2 * 3, "{url}: each is tried three times");
        // The end of an object isn't asked for in another way: that would be as silent.
        let range = Immutable::Range(RangeId::from_bytes([1; 32]));
        let error = storage.get_suffix(&range, 10).await.unwrap_err();
        let suffixes = requests.load(Relaxed) - 2 * 3;
        assert!(error.timed_out() && suffixes == 3, "{url}: {suffixes} requests, {error:?}");
    }
}

#[tokio::test]
async fn nobody_there_is_an_error_that_says_so() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    for url in URLS {
        let stores = open(&endpoint, url, &[]).await;
        let error = stores.probe().await.unwrap_err();
        assert!(matches!(error, StorageError::Unavailable { .. }), "{url}: {error:?}");
        let told = error.to_string();
        assert!(told.starts_with(&format!("can't connect to the object store at {endpoint}: ")), "{told}");
        assert!(told.contains("reachable"), "{told}");
        // No resolver knows a name in `invalid`.
        let stores = open("http://store.invalid:9", url, &[]).await;
        let told = stores.probe().await.unwrap_err().to_string();
        let unresolved = "the name of the object store's endpoint at http://store.invalid:9 can't be resolved: ";
        assert!(told.starts_with(unresolved), "{told}");
    }
}

#[tokio::test]
async fn a_missing_bucket_is_named() {
    for url in URLS {
        let (code, noun) =
            if url.starts_with("az:") { ("ContainerNotFound", "container") } else { ("NoSuchBucket", "bucket") };
        let (endpoint, _) = stub(Answer::Status(404, code)).await;
        let bucket = url.strip_suffix("/x").unwrap();
        let missing = format!("the {noun} {bucket} doesn't exist at {endpoint}: make it");
        let stores = open(&endpoint, url, &[]).await;
        let error = stores.probe().await.unwrap_err();
        assert!(matches!(error, StorageError::Misconfigured { .. }) && !error.is_retryable(), "{error:?}");
        assert!(error.to_string().starts_with(&missing), "{error}");
        assert!(error.to_string().contains(&format!("<Code>{code}</Code>")), "with what the store said: {error}");
        // What is imported from there is listed by pages; with empty parts in keys by signed URLs, for which this key of
        // Google's can't sign, and Azure's never can.
        for folder in if url.starts_with("s3:") { &["in/", "in//"][..] } else { &["in/"] } {
            let source = stores.source(&format!("{url}/{folder}")).await.unwrap();
            let listed: Result<Vec<_>, _> = source.list(None, &ListGauge::default()).try_collect().await;
            let error = listed.unwrap_err();
            assert!(error.to_string().starts_with(&missing), "{folder}: {error}");
        }
    }
}

#[tokio::test]
async fn a_store_that_ignores_conditions_is_found_out() {
    let (endpoint, _) = stub(Answer::Obedience).await;
    for url in ["s3://lake/x", "az://lake/x"] {
        let probe = open(&endpoint, url, &[]).await.probe().await;
        assert!(probe.as_ref().is_ok_and(|probe| !probe.conditional_put), "{url}: {probe:?}");
    }
}

#[tokio::test]
async fn unknown_options_are_named() {
    crypto();
    let options = [("no_such_option".to_owned(), "x".to_owned())].into();
    let settings = StoreSettings { options, ..StoreSettings::default() };
    for url in URLS {
        let error = Stores::open(url, &settings).await.unwrap_err();
        assert!(error.to_string().contains("no_such_option"), "{error}");
    }
}

#[tokio::test]
async fn a_bucket_of_another_region_is_told_as_one() {
    for answer in [Answer::Status(301, "PermanentRedirect"), Answer::Status(400, "AuthorizationHeaderMalformed")] {
        let (endpoint, _) = stub(answer).await;
        let error = open(&endpoint, "s3://lake/x", &[]).await.probe().await.unwrap_err();
        let told = error.to_string();
        assert!(told.starts_with("the bucket s3://lake is in another region"), "{told}");
        assert!(told.contains("--object-store-option region=NAME"), "{told}");
        assert!(matches!(error, StorageError::Misconfigured { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn credentials_that_are_not_accepted_are_told_from_missing_rights() {
    for (code, expected) in [
        ("InvalidAccessKeyId", "the object store doesn't accept the server's credentials for s3://lake at http"),
        ("SignatureDoesNotMatch", "the object store doesn't accept the server's credentials for s3://lake at http"),
        ("AccessDenied", "the object store denied access to s3://lake/x/"),
    ] {
        let (endpoint, _) = stub(Answer::Status(403, code)).await;
        let error = open(&endpoint, "s3://lake/x", &[]).await.probe().await.unwrap_err();
        assert!(error.to_string().starts_with(expected), "{code}: {error}");
        assert!(matches!(error, StorageError::Denied { .. }), "{error:?}");
    }
}
