//! Who needs room in the budget, and for how long.

use std::sync::Arc;

use bytes::Bytes;
use futures::{FutureExt, StreamExt, stream};
use object_store::ObjectStoreExt;
use object_store::memory::InMemory;
use object_store::path::Path;

use super::*;
use crate::Scheme;
use crate::memory::MemoryMultipart;
use crate::testing::{Counters, Counting, Fault, Faults, Faulty, Verb};

const PART_BYTES: usize = 1 << 20;

fn limits() -> Limits {
    Limits { part_bytes: PART_BYTES, ..Limits::of(Scheme::S3) }
}

fn body(bytes: usize) -> Segments {
    let pieces = stream::iter([Ok(Bytes::from(vec![7; bytes]))]);
    Segments::new(pieces.boxed(), Some(bytes as u64))
}

#[tokio::test]
async fn a_small_body_waits_for_nobody() {
    let (store, path, none_left) = (InMemory::new(), Path::from("small"), Budget::of(0));
    for bytes in [0, 1024] {
        let uploaded = upload(&store, &path, body(bytes), limits(), &none_left).now_or_never();
        assert_eq!(uploaded.unwrap().ok().unwrap().size, bytes as u64);
        assert_eq!(store.head(&path).await.unwrap().size, bytes as u64);
    }
}

#[tokio::test]
async fn a_body_that_goes_in_one_request_holds_its_room_until_it_is_sent() {
    let (faults, requests, budget) = (Faults::default(), Counters::default(), Budget::of(PART_BYTES));
    faults.always(Verb::Put, Fault::Hang);
    let memory = Arc::new(InMemory::new());
    let multipart = Arc::new(MemoryMultipart::new(Arc::clone(&memory)));
    let faulty = Faulty::new(memory, multipart, faults);
    let store = Counting::new(faulty.clone(), faulty, requests.clone());
    let uploading = tokio::spawn({
        let budget = budget.clone();
        async move { upload(&*store, &Path::from("large"), body(PART_BYTES - 1), limits(), &budget).await.is_ok() }
    });
    while requests.requests(Verb::Put) == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(budget.left(), 0);
    uploading.abort();
    assert!(uploading.await.unwrap_err().is_cancelled());
    assert_eq!(budget.left(), PART_BYTES);
}
