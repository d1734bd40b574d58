//! Reads through the cache on disk: what is asked of the store, and that nobody sees another's bytes.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use model::RangeId;
use storage::testing::{Counters, Counting, Verb};
use storage::{DISK_CACHE_BYTES_MIN, DiskCacheSettings, Immutable, RepositoryStorage, StoreSettings, Stores};

/// A store in `objects` with its cache in `cache`, and what it is asked.
async fn open(folder: &Path) -> (Arc<Stores>, Counters) {
    let cache = DiskCacheSettings { folder: folder.join("cache"), bytes_max: DISK_CACHE_BYTES_MIN };
    let settings = StoreSettings { disk_cache: Some(cache), ..StoreSettings::default() };
    let url = format!("file://{}", folder.join("objects").display());
    let end = Instant::now() + Duration::from_secs(30);
    let stores = loop {
        // A store that was dropped a moment ago may still hold the cache's folder.
        match Stores::open(&url, &settings).await {
            Ok(stores) => break stores,
            Err(error) => assert!(Instant::now() < end, "{error}"),
        }
        tokio::task::yield_now().await;
    };
    let counters = Counters::default();
    let counted = counters.clone();
    let stores = stores.decorated(move |store, multipart| {
        let counting = Counting::new(store, multipart, counted);
        (counting.clone(), counting)
    });
    (stores, counters)
}

fn repository(stores: &Arc<Stores>, name: &str) -> RepositoryStorage {
    stores.repository(&format!("local://{name}").parse().unwrap()).unwrap()
}

fn object() -> Immutable {
    Immutable::Range(RangeId::from_bytes([7; 32]))
}

fn content(seed: u8) -> Bytes {
    (0..10_000u32).map(|n| (n % 251) as u8 ^ seed).collect()
}

/// One part, which an array of one range would look like a mistake for many numbers.
fn part(range: Range<u64>) -> Range<u64> {
    range
}

fn parts(numbers: Range<u64>) -> Vec<Range<u64>> {
    numbers.map(|n| n * 1000..n * 1000 + 900).collect()
}

/// Reads until the cache has it: writing to it takes its time.
async fn read_until_cached(storage: &RepositoryStorage, requests: &Counters, parts: &[Range<u64>]) -> Bytes {
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        let before = requests.requests(Verb::Get);
        let read = storage.get_parts(&object(), parts).await.unwrap();
        if requests.requests(Verb::Get) == before {
            return read;
        }
        assert!(Instant::now() < end, "the cache never has what was read");
    }
}

#[tokio::test]
async fn what_was_read_isnt_asked_for_again_even_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let (stores, requests) = open(folder.path()).await;
    let storage = repository(&stores, "one");
    storage.put(&object(), content(0)).await.unwrap();
    let expected = content(0).slice(2000..4900);
    assert_eq!(storage.get_parts(&object(), &parts(2..5)).await.unwrap(), expected);
    assert_eq!(read_until_cached(&storage, &requests, &parts(2..5)).await, expected);
    drop((storage, stores));
    let (stores, requests) = open(folder.path()).await;
    let storage = repository(&stores, "one");
    assert_eq!(storage.get_parts(&object(), &parts(2..5)).await.unwrap(), expected);
    assert_eq!(requests.all_requests(), 0);
}

#[tokio::test]
async fn only_what_is_missing_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let (stores, requests) = open(folder.path()).await;
    let storage = repository(&stores, "one");
    storage.put(&object(), content(0)).await.unwrap();
    // A part's name ends where the next begins, so this is what a longer read has in its middle.
    read_until_cached(&storage, &requests, &[part(0..1000)]).await;
    read_until_cached(&storage, &requests, &[part(3000..4000)]).await;
    let (before, bytes) = (requests.requests(Verb::Get), requests.bytes(Verb::Get));
    let read = storage.get_parts(&object(), &parts(0..5)).await.unwrap();
    assert_eq!(read, content(0).slice(0..4900));
    assert_eq!(requests.requests(Verb::Get) - before, 1);
    assert_eq!(requests.bytes(Verb::Get) - bytes, 3900, "the first part is at hand");
}

#[tokio::test]
async fn an_end_is_kept_with_the_size_of_its_object() {
    let folder = tempfile::tempdir().unwrap();
    let (stores, requests) = open(folder.path()).await;
    let storage = repository(&stores, "one");
    storage.put(&object(), content(0)).await.unwrap();
    let first = storage.get_end(&object(), 500).await.unwrap();
    assert_eq!((first.size, &first.bytes), (10_000, &content(0).slice(9500..)));
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        let before = requests.requests(Verb::Get);
        assert_eq!(storage.get_end(&object(), 500).await.unwrap(), first);
        if requests.requests(Verb::Get) == before {
            break;
        }
        assert!(Instant::now() < end, "the cache never has the end");
    }
    storage.forget_cached(&object(), &(0..0), 500);
    let before = requests.requests(Verb::Get);
    assert_eq!(storage.get_end(&object(), 500).await.unwrap(), first);
    assert_eq!(requests.requests(Verb::Get), before + 1);
}

#[tokio::test]
async fn repositories_never_see_each_others_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let (stores, requests) = open(folder.path()).await;
    let (one, two) = (repository(&stores, "one"), repository(&stores, "two"));
    one.put(&object(), content(1)).await.unwrap();
    two.put(&object(), content(2)).await.unwrap();
    for _ in 0..2 {
        assert_eq!(read_until_cached(&one, &requests, &parts(0..3)).await, content(1).slice(0..2900));
        assert_eq!(read_until_cached(&two, &requests, &parts(0..3)).await, content(2).slice(0..2900));
    }
}

#[tokio::test]
async fn an_object_that_is_too_short_gives_what_there_is() {
    let folder = tempfile::tempdir().unwrap();
    let (stores, _) = open(folder.path()).await;
    let storage = repository(&stores, "one");
    storage.put(&object(), content(0)).await.unwrap();
    let read = storage.get_parts(&object(), &[9000..9500, 9500..20_000]).await.unwrap();
    assert_eq!(read, content(0).slice(9000..));
}
