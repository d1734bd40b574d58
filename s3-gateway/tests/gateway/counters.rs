//! What a request costs: questions to the metadata service, requests to the object store.

use model::MetaError;
use s3_gateway::GatewayOptions;
use storage::testing::{Counters, Counting, Verb};
use storage::{StoreSettings, Stores};

use crate::harness::TestGateway;

async fn counting() -> (TestGateway, Counters) {
    let counters = Counters::default();
    let count = counters.clone();
    let stores = Stores::open("memory:///", &StoreSettings::default()).await.unwrap();
    let stores = stores.decorated(move |store, multipart| {
        let counting = Counting::new(store, multipart, count);
        (counting.clone() as _, counting as _)
    });
    (TestGateway::start_on(stores, GatewayOptions::default()).await, counters)
}

#[tokio::test]
async fn a_warm_get_asks_once_by_branch_and_never_by_commit() {
    let (s3, counters) = counting().await;
    s3.put_all(&["main/a", "main/b"]).await;
    let commit = s3.commit("main").await;
    s3.put_all(&["main/staged"]).await;
    for (key, reads) in [(format!("{commit}/a"), 0), ("main/a".into(), 1), ("main/staged".into(), 1)] {
        s3.get(&key).send().await.expect(200);
        s3.asked.take();
        counters.reset();
        s3.get(&key).send().await.expect(200);
        assert_eq!(s3.asked.take(), (reads, 0), "{key}");
        assert_eq!(counters.all_requests(), 1, "{key}: the object's bytes, and nothing else");
        s3.head(&key).send().await.expect(200);
        assert_eq!(s3.asked.take(), (reads, 0), "{key}");
        assert_eq!(counters.all_requests(), 1, "{key}: HEAD reads no bytes");
    }
}

#[tokio::test]
async fn a_put_writes_one_object_and_one_command() {
    let (s3, counters) = counting().await;
    s3.put_all(&["main/warm"]).await;
    s3.asked.take();
    counters.reset();
    s3.put("main/a", "bytes").send().await.expect(200);
    assert_eq!(s3.asked.take(), (1, 1));
    assert_eq!(counters.all_requests(), 1);
}

#[tokio::test]
async fn a_copy_within_a_repository_moves_no_bytes() {
    let (s3, counters) = counting().await;
    s3.put("main/a", vec![1; 100_000]).send().await.expect(200);
    counters.reset();
    let copy = s3.on(http::Method::PUT, "main/b").header("x-amz-copy-source", "/trips/main/a");
    copy.send().await.expect(200);
    assert_eq!(counters.all_requests(), 0);
    assert_eq!(s3.get("main/b").send().await.expect(200).bytes().len(), 100_000);
}

#[tokio::test]
async fn bytes_that_nothing_points_at_are_deleted_and_others_kept() {
    let (s3, counters) = counting().await;
    let unavailable = MetaError::Unavailable("no leader".into());
    let unknown = MetaError::OutcomeUnknown("timeout".into());
    for (failure, status, code, deletes) in
        [(unavailable, 503, "ServiceUnavailable", 1), (unknown, 500, "InternalError", 0)]
    {
        counters.reset();
        s3.asked.fail_writes(Some(failure));
        s3.put("main/a", "bytes").send().await.expect_error(status, code);
        s3.asked.fail_writes(None);
        assert_eq!((counters.requests(Verb::Put), counters.requests(Verb::Delete)), (1, deletes), "{code}");
        s3.get("main/a").send().await.expect(404);
    }
    s3.put("main/a", "bytes").send().await.expect(200);
}
