//! Google Cloud Storage: no emulator enforces what `object_store` uses of its XML API, so a small stub does here:
//! generation conditions, ranges, listings in order from an offset, copies, multipart uploads.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use md5::{Digest, Md5};
use storage::{StoreSettings, Stores};
use tokio::net::TcpListener;

use crate::suite::{self, USUAL, Ways};
use crate::support::crypto;

#[derive(Default)]
struct Bucket {
    objects: BTreeMap<String, Bytes>,
    uploads: BTreeMap<String, BTreeMap<u32, Bytes>>,
}

type Answer = Response<Full<Bytes>>;

fn answer(status: StatusCode, text: impl Into<Bytes>) -> Answer {
    let builder = Response::builder().status(status).header("etag", "\"x\"").header("x-goog-generation", "1");
    builder.header("last-modified", "Fri, 20 Nov 2026 00:00:00 GMT").body(Full::new(text.into())).unwrap()
}

fn not_found() -> Answer {
    answer(StatusCode::NOT_FOUND, "<Error><Code>NoSuchKey</Code></Error>")
}

/// Undoes percent-encoding.
fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let digits = || char::from(byte) == '%';
        if digits() {
            let hex = [rest.next().unwrap(), rest.next().unwrap()];
            bytes.push(u8::from_str_radix(std::str::from_utf8(&hex).unwrap(), 16).unwrap());
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).unwrap()
}

/// The keys of a query, decoded.
fn query(request: &Request<Incoming>) -> BTreeMap<String, String> {
    let pairs = request.uri().query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
    pairs.map(|pair| pair.split_once('=').unwrap_or((pair, ""))).map(|(k, v)| (decode(k), decode(v))).collect()
}

async fn serve(bucket: Arc<Mutex<Bucket>>, request: Request<Incoming>) -> Result<Answer, hyper::Error> {
    let query = query(&request);
    let path = decode(request.uri().path());
    let key = path.strip_prefix("/lake").unwrap().trim_start_matches('/').to_owned();
    let header = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
    let (method, range, generation) = (request.method().clone(), header("range"), header("x-goog-if-generation-match"));
    let copied = header("x-goog-copy-source").map(|source| decode(&source).strip_prefix("lake/").unwrap().to_owned());
    let body = request.into_body().collect().await?.to_bytes();
    let mut bucket = bucket.lock().unwrap();
    Ok(match (method, query.get("uploadId"), query.get("partNumber")) {
        (Method::GET, ..) if key.is_empty() => list(&bucket, &query),
        (Method::GET | Method::HEAD, ..) => match bucket.objects.get(&key) {
            Some(object) => read(object, range.as_deref()),
            None => not_found(),
        },
        (Method::POST, None, _) => {
            let id = format!("u{}", bucket.uploads.len());
            bucket.uploads.insert(id.clone(), BTreeMap::new());
            let xml = format!("<R><UploadId>{id}</UploadId></R>");
            answer(StatusCode::OK, xml)
        }
        (Method::POST, Some(id), _) => match bucket.uploads.remove(id) {
            Some(parts) => {
                // As `object_store` numbers them: 1, 2, 3; so all that are there count.
                let whole = Bytes::from(parts.into_values().collect::<Vec<_>>().concat());
                bucket.objects.insert(key, whole);
                answer(StatusCode::OK, "<R><ETag>x</ETag></R>")
            }
            None => not_found(),
        },
        (Method::PUT, Some(id), Some(number)) => match bucket.uploads.get_mut(id) {
            Some(parts) => {
                parts.insert(number.parse().unwrap(), body.clone());
                // Unlike objects, parts have an ETag each.
                let mut answer = answer(StatusCode::OK, "");
                let e_tag = format!("\"{number}-{}\"", body.len());
                answer.headers_mut().insert("etag", e_tag.parse().unwrap());
                answer
            }
            None => not_found(),
        },
        (Method::PUT, ..) if generation.as_deref() == Some("0") && bucket.objects.contains_key(&key) => {
            answer(StatusCode::PRECONDITION_FAILED, "")
        }
        (Method::PUT, ..) if copied.as_ref().is_some_and(|source| !bucket.objects.contains_key(source)) => not_found(),
        (Method::PUT, ..) => {
            let object = copied.map_or(body, |source| bucket.objects[&source].clone());
            bucket.objects.insert(key, object);
            answer(StatusCode::OK, "")
        }
        (Method::DELETE, Some(id), _) => {
            bucket.uploads.remove(id).map_or_else(not_found, |_| answer(StatusCode::OK, ""))
        }
        (Method::DELETE, None, _) => bucket.objects.remove(&key).map_or_else(not_found, |_| answer(StatusCode::OK, "")),
        (method, ..) => panic!("the stub knows no {method} of {key}"),
    })
}

fn read(object: &Bytes, range: Option<&str>) -> Answer {
    let Some(range) = range else {
        let mut whole = answer(StatusCode::OK, object.clone());
        let e_tag = Md5::digest(object).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        whole.headers_mut().insert("etag", format!("\"{e_tag}\"").parse().unwrap());
        whole.headers_mut().insert("content-length", object.len().into());
        return whole;
    };
    let (from, to) = range.strip_prefix("bytes=").unwrap().split_once('-').unwrap();
    let (from, to) = match (from, to) {
        ("", suffix) => (object.len().saturating_sub(suffix.parse().unwrap()), object.len()),
        (from, to) => (from.parse().unwrap(), object.len().min(to.parse::<usize>().unwrap() + 1)),
    };
    if from >= object.len() {
        return answer(StatusCode::RANGE_NOT_SATISFIABLE, "");
    }
    let mut part = answer(StatusCode::PARTIAL_CONTENT, object.slice(from..to));
    let described = format!("bytes {from}-{}/{}", to - 1, object.len());
    part.headers_mut().insert("content-range", described.parse().unwrap());
    part
}

/// Pages of two, so that listings go on.
fn list(bucket: &Bucket, query: &BTreeMap<String, String>) -> Answer {
    let prefix = query.get("prefix").map_or("", String::as_str);
    let after = query.get("continuation-token").or(query.get("start-after")).map_or("", String::as_str);
    let mut found = bucket.objects.iter().filter(|(key, _)| key.starts_with(prefix) && key.as_str() > after).peekable();
    let mut xml = String::from("<ListBucketResult>");
    let mut last = "";
    for (key, object) in found.by_ref().take(2) {
        last = key;
        xml += &format!(
            "<Contents><Key>{key}</Key><Size>{}</Size><LastModified>2026-11-20T00:00:00Z</LastModified>\
             <ETag>x</ETag></Contents>",
            object.len()
        );
    }
    if found.peek().is_some() {
        xml += &format!("<NextContinuationToken>{last}</NextContinuationToken>");
    }
    answer(StatusCode::OK, xml + "</ListBucketResult>")
}

async fn start() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let bucket = Arc::new(Mutex::new(Bucket::default()));
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            socket.set_nodelay(true).unwrap();
            let bucket = Arc::clone(&bucket);
            let service = service_fn(move |request| serve(Arc::clone(&bucket), request));
            tokio::spawn(async move {
                let _ = Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(socket), service).await;
            });
        }
    });
    url
}

#[tokio::test]
async fn gcs_behaves() {
    crypto();
    let url = start().await;
    // A key that isn't one: nothing is signed with it.
    let key = format!(
        r#"{{"gcs_base_url": "{url}", "disable_oauth": true, "client_email": "", "private_key": "", "private_key_id": ""}}"#
    );
    let options = [("google_service_account_key".to_owned(), key)].into();
    let settings = StoreSettings { allow_http: true, options, ..StoreSettings::default() };
    let stores = Stores::open("gs://lake/some/prefix", &settings).await.unwrap();
    // Completing with gaps needs a signed URL, and so a real key.
    suite::run(&stores, Ways { gaps_complete: false, ..USUAL }).await;
}
