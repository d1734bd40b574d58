//! Loads that meet, fail, are abandoned, and are more than fit.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::oneshot;

use super::*;

fn cache() -> Arc<LoadingCache<u32, Arc<String>>> {
    Arc::new(LoadingCache::new(1000, 10, 1, |text: &Arc<String>| text.len()))
}

#[tokio::test]
async fn one_load_serves_all_who_ask_meanwhile() {
    let (cache, loads) = (cache(), Arc::new(AtomicUsize::new(0)));
    let (go, wait) = oneshot::channel::<()>();
    let wait = wait.shared();
    let ask = || {
        let (cache, loads, wait) = (Arc::clone(&cache), Arc::clone(&loads), wait.clone());
        async move {
            let load = move || async move {
                loads.fetch_add(1, Ordering::Relaxed);
                wait.await.map_err(|_| Error::Internal("nobody said go".into()))?;
                Ok(Arc::new("value".to_owned()))
            };
            cache.get_or_load(7, load).await
        }
    };
    let all = futures::future::join_all((0..8).map(|_| ask()));
    let (all, _) = tokio::join!(all, async { go.send(()).unwrap() });
    assert!(all.into_iter().all(|value| *value.unwrap() == "value"));
    assert_eq!(loads.load(Ordering::Relaxed), 1);
    assert!(cache.contains(&7) && cache.lock().is_empty());
}

#[tokio::test]
async fn an_error_is_told_to_all_who_waited_and_is_not_kept() {
    let cache = cache();
    let fail = || async { Err(Error::Corrupt { file: "f".into(), why: "it is damaged".into() }) };
    let (a, b) = tokio::join!(cache.get_or_load(7, fail), cache.get_or_load(7, fail));
    for answer in [a, b] {
        assert!(matches!(answer, Err(Error::Corrupt { file, .. }) if file == "f"));
    }
    assert!(!cache.contains(&7) && cache.lock().is_empty());
    let value = cache.get_or_load(7, || async { Ok(Arc::new("whole".to_owned())) }).await.unwrap();
    assert_eq!(*value, "whole");
}

#[tokio::test]
async fn a_load_that_nobody_waits_for_ends_and_another_begins() {
    let cache = cache();
    let never = cache.get_or_load(7, futures::future::pending);
    assert!(never.now_or_never().is_none());
    let value = cache.get_or_load(7, || async { Ok(Arc::new("now".to_owned())) }).await.unwrap();
    assert_eq!(*value, "now");
    for key in 0..3 * ABANDONED_LOADS_MAX as u32 {
        assert!(cache.get_or_load(100 + key, futures::future::pending).now_or_never().is_none());
    }
    assert!(cache.lock().len() <= ABANDONED_LOADS_MAX);
}

#[tokio::test]
async fn what_is_kept_stays_within_its_bytes() {
    let cache = cache();
    for key in 0..500 {
        cache.insert(key, Arc::new("x".repeat(10)));
    }
    assert!(cache.kept.weight() <= 1000 && cache.kept.len() > 50, "{} bytes are kept", cache.kept.weight());
    cache.insert(1000, Arc::new("x".repeat(1001)));
    assert!(!cache.contains(&1000), "a value of more than all may have is kept");
}
