//! A cache of what takes a request to load, bounded by bytes. Owns that one load serves all who ask meanwhile; leaves what
//! is kept, and when, to quick_cache (S3-FIFO). Invariant: an error is told to all who waited for it and never kept, so
//! that the next who asks tries again.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::FutureExt;
use futures::future::{BoxFuture, Shared, WeakShared};
use quick_cache::sync::Cache;
use quick_cache::{OptionsBuilder, Weighter};

use crate::Error;

/// Loads that nobody waits for any more are forgotten once there are so many.
const ABANDONED_LOADS_MAX: usize = 1024;

type Load<V> = Shared<BoxFuture<'static, Result<V, Arc<Error>>>>;
type Loads<K, V> = HashMap<K, WeakShared<BoxFuture<'static, Result<V, Arc<Error>>>>>;

/// The cache. It is cheap to ask; clones share what is kept.
pub(crate) struct LoadingCache<K, V> {
    kept: Arc<Cache<K, V, Weight<V>>>,
    loads: Mutex<Loads<K, V>>,
}

/// How many bytes a value is taken for.
#[derive(Clone)]
struct Weight<V>(fn(&V) -> usize);

impl<K, V> Weighter<K, V> for Weight<V> {
    fn weight(&self, _key: &K, value: &V) -> u64 {
        (self.0)(value) as u64
    }
}

impl<K, V> LoadingCache<K, V>
where
    K: Clone + Eq + Hash + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// A cache of at most so many bytes, of values of about `usual_bytes`. A value of more than `bytes_max / shards` isn't
    /// kept.
    pub(crate) fn new(bytes_max: u64, usual_bytes: usize, shards: usize, weight: fn(&V) -> usize) -> Self {
        let items = usize::try_from(bytes_max).unwrap_or(usize::MAX) / usual_bytes;
        let options = OptionsBuilder::new()
            .weight_capacity(bytes_max)
            .estimated_items_capacity(items.max(1))
            .shards(shards)
            .build()
            .expect("because a capacity is all that must be said");
        let kept = Cache::with_options(options, Weight(weight), Default::default(), Default::default());
        Self { kept: Arc::new(kept), loads: Mutex::default() }
    }

    pub(crate) fn get(&self, key: &K) -> Option<V> {
        self.kept.get(key)
    }

    /// Whether the key is kept; to ask counts as no use.
    pub(crate) fn contains(&self, key: &K) -> bool {
        self.kept.contains_key(key)
    }

    pub(crate) fn insert(&self, key: K, value: V) {
        self.kept.insert(key, value);
    }

    pub(crate) fn remove(&self, key: &K) {
        self.kept.remove(key);
    }

    /// Forgets all.
    pub(crate) fn clear(&self) {
        self.kept.clear();
    }

    /// What is kept at a key, or else what `load` gives or somebody else's load of it, which is kept then. The load goes
    /// on as long as somebody waits for it.
    pub(crate) async fn get_or_load<F>(&self, key: K, load: impl FnOnce() -> F) -> Result<V, Error>
    where
        F: Future<Output = Result<V, Error>> + Send + 'static,
    {
        let under_way = {
            let mut loads = self.lock();
            if let Some(value) = self.kept.get(&key) {
                return Ok(value);
            }
            let before = loads.get(&key).and_then(WeakShared::upgrade);
            before.unwrap_or_else(|| self.begin(&mut loads, key.clone(), load()))
        };
        let done = under_way.clone().await;
        self.end(&key, &under_way);
        drop(under_way);
        done.map_err(Error::from_shared)
    }

    fn begin<F>(&self, loads: &mut Loads<K, V>, key: K, load: F) -> Load<V>
    where
        F: Future<Output = Result<V, Error>> + Send + 'static,
    {
        if loads.len() >= ABANDONED_LOADS_MAX {
            loads.retain(|_, load| load.upgrade().is_some());
        }
        let (kept, at) = (Arc::clone(&self.kept), key.clone());
        let load = load.map(move |done| {
            let value = done.map_err(Arc::new)?;
            kept.insert(at, value.clone());
            Ok(value)
        });
        let load = load.boxed().shared();
        if let Some(weak) = load.downgrade() {
            loads.insert(key, weak);
        }
        load
    }

    /// Forgets a load that is done.
    fn end(&self, key: &K, load: &Load<V>) {
        let mut loads = self.lock();
        if loads.get(key).and_then(WeakShared::upgrade).is_none_or(|other| other.ptr_eq(load)) {
            loads.remove(key);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Loads<K, V>> {
        self.loads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
