//! Large bodies stream; a store that fails is told as it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt, stream};
use http::Method;
use md5::{Digest as _, Md5};
use s3_gateway::GatewayOptions;
use storage::testing::{Fault, Faults, Faulty, Verb};
use storage::{StoreSettings, Stores};

use crate::client::{Mode, send};
use crate::harness::TestGateway;

const CHUNK: usize = 64 << 10;

fn chunk(i: u64) -> Bytes {
    (0..CHUNK as u64 / 8).flat_map(|j| (i << 20 | j).to_le_bytes()).collect::<Vec<_>>().into()
}

/// Headers of an unsigned PUT with a length, for a body that is made as it is sent.
fn put_headers(s3: &TestGateway, key: &str, length: u64) -> (String, Vec<(String, String)>) {
    let request = s3.put(key, "").mode(Mode::Unsigned);
    let (mut headers, _) = request.signed();
    headers.push(("content-length".into(), length.to_string()));
    (request.target, headers)
}

async fn faulty() -> (TestGateway, Faults) {
    let faults = Faults::default();
    let script = faults.clone();
    let stores = Stores::open("memory:///", &StoreSettings::default()).await.unwrap();
    let stores = stores.decorated(move |store, multipart| {
        let faulty = Faulty::new(store, multipart, script);
        (faulty.clone() as _, faulty as _)
    });
    (TestGateway::start_on(stores, GatewayOptions::default()).await, faults)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_mebibytes_go_through() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("file://{}", folder.path().display());
    let stores = Stores::open(&url, &StoreSettings::default()).await.unwrap();
    let s3 = TestGateway::start_on(stores, GatewayOptions::default()).await;
    let chunks = (64 << 20) / CHUNK as u64;
    let (target, headers) = put_headers(&s3, "main/large", chunks * CHUNK as u64);
    let pieces = stream::iter((0..chunks).map(chunk)).boxed();
    let put = send(s3.addr, Method::PUT, &target, &headers, Bytes::new(), Some(pieces)).await.expect(200);
    let mut md5 = Md5::new();
    (0..chunks).for_each(|i| md5.update(chunk(i)));
    let e_tag = format!("\"{}\"", hex::encode(md5.finalize()));
    assert_eq!(put.e_tag(), e_tag);
    let got = s3.get("main/large").send().await.expect(200);
    assert_eq!((got.e_tag(), crate::client::md5_e_tag(got.bytes())), (e_tag.as_str(), e_tag.clone()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_stands_still_makes_the_client_stand_still() {
    let (s3, faults) = faulty().await;
    for verb in [Verb::Put, Verb::Part] {
        faults.always(verb, Fault::Hang);
    }
    let length = 1 << 30;
    let (target, headers) = put_headers(&s3, "main/large", length);
    let sent = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&sent);
    let piece = Bytes::from(vec![7; CHUNK]);
    let pieces = stream::iter(0..length / CHUNK as u64).map(move |_| {
        counter.fetch_add(CHUNK as u64, Ordering::SeqCst);
        piece.clone()
    });
    let addr = s3.addr;
    let sending =
        tokio::spawn(
            async move { send(addr, Method::PUT, &target, &headers, Bytes::new(), Some(pieces.boxed())).await },
        );
    // It stands still once several looks in a row see the same count.
    let mut same = 0;
    let mut last = 0;
    while same < 10 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let now = sent.load(Ordering::SeqCst);
        same = if now == last && now > 0 { same + 1 } else { 0 };
        last = now;
    }
    assert!(last < 128 << 20, "{last} bytes are in flight to a store that takes none");
    assert!(!sending.is_finished());
    sending.abort();
}

#[tokio::test]
async fn a_store_that_fails_is_told_apart() {
    let (s3, faults) = faulty().await;
    s3.put("main/a", "bytes").send().await.expect(200);
    for (fault, status, code) in [
        (Fault::Full, 507, "InsufficientStorage"),
        (Fault::Unavailable, 503, "ServiceUnavailable"),
        (Fault::Denied, 500, "InternalError"),
    ] {
        faults.always(Verb::Put, fault);
        s3.put("main/b", "bytes").send().await.expect_error(status, code);
        faults.clear();
        s3.get("main/b").send().await.expect(404);
    }
    faults.always(Verb::Get, Fault::NotFound);
    s3.get("main/a").send().await.expect_error(500, "InternalError");
    faults.clear();
    assert_eq!(s3.get("main/a").send().await.expect(200).text(), "bytes");
    s3.put("main/b", "bytes").send().await.expect(200);
}

#[tokio::test]
async fn half_an_object_is_never_taken_for_the_whole() {
    let (s3, faults) = faulty().await;
    let large = vec![5; 1 << 20];
    s3.put("main/small", vec![5; 1000]).send().await.expect(200);
    s3.put("main/large", large.clone()).send().await.expect(200);
    faults.always(Verb::Get, Fault::HalfBody);
    let small = s3.get("main/small").send().await;
    assert!(small.status.is_server_error(), "{small:?}");
    let cut = s3.get("main/large").send().await;
    assert!(cut.body.is_err() || cut.status.is_server_error(), "half of it came as the whole");
    faults.clear();
    assert_eq!(s3.get("main/large").send().await.expect(200).bytes(), &large);
}
