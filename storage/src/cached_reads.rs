//! Reads parts of immutable objects through the cache on disk, if there is one. Owns what names a cached part and what is
//! too large to be worth its room; leaves the cache to `disk_cache` and requests to `repository`.
//!
//! Invariant: a part is named by its namespace, object, and place in it, so that repositories never see each other's
//! bytes; an id alone says what an object means and not which bytes it is compressed to. A reader checks the bytes
//! as if they came from the store, and has them forgotten if they aren't sound.

use std::ops::Range;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use crate::disk_cache::{DiskCache, Key};
use crate::{Immutable, RepositoryStorage, StorageError, Suffix};

/// Reads of more pass by the cache: a copy of whole files would push out what lookups need.
const READ_BYTES_MAX: u64 = 1 << 20;

impl RepositoryStorage {
    /// Reads neighbouring parts of an immutable object, at least one, as one piece from the first part's start to the
    /// last part's end. What the cache doesn't have is asked for in one request.
    pub async fn get_parts(&self, object: &Immutable, parts: &[Range<u64>]) -> Result<Bytes, StorageError> {
        let whole = parts[0].start..parts[parts.len() - 1].end;
        let Some(cache) = self.cache().filter(|_| whole.end - whole.start <= READ_BYTES_MAX) else {
            return self.get_range(object, whole).await;
        };
        // Bytes between two parts belong to the first.
        let ends = parts[1..].iter().map(|part| part.start).chain([whole.end]);
        let parts: Vec<Range<u64>> = parts.iter().zip(ends).map(|(part, end)| part.start..end).collect();
        let keys: Vec<Key> = parts.iter().map(|part| self.part_key(object, part)).collect();
        let mut found = look_up(cache, keys.clone()).await;
        let missing = |found: &Option<Bytes>| found.is_none();
        let (Some(first), Some(last)) = (found.iter().position(missing), found.iter().rposition(missing)) else {
            return Ok(join(&found));
        };
        let asked = parts[first].start..parts[last].end;
        let answer = self.get_range(object, asked.clone()).await?;
        if answer.len() as u64 != asked.end - asked.start {
            // The object is shorter than its reader believes, who will see that.
            return if first == 0 && last == parts.len() - 1 {
                Ok(answer)
            } else {
                self.get_range(object, whole).await
            };
        }
        for at in first..=last {
            let place = (parts[at].start - asked.start) as usize..(parts[at].end - asked.start) as usize;
            let part = answer.slice(place);
            if found[at].is_none() {
                cache.put(keys[at], part.clone());
            }
            found[at] = Some(part);
        }
        Ok(if first == 0 && last == parts.len() - 1 { answer } else { join(&found) })
    }

    /// Reads the last bytes of an immutable object as [`Self::get_suffix`] does.
    pub async fn get_end(&self, object: &Immutable, bytes: u64) -> Result<Suffix, StorageError> {
        let Some(cache) = self.cache().filter(|_| bytes <= READ_BYTES_MAX) else {
            return self.get_suffix(object, bytes).await;
        };
        let key = self.end_key(object, bytes);
        if let Some(found) = look_up(cache, vec![key]).await.pop().flatten()
            && let Some((size, end)) = found.split_first_chunk::<8>()
        {
            let size = u64::from_le_bytes(*size);
            return Ok(Suffix { bytes: found.slice_ref(end), size });
        }
        let suffix = self.get_suffix(object, bytes).await?;
        let mut record = BytesMut::with_capacity(8 + suffix.bytes.len());
        record.extend_from_slice(&suffix.size.to_le_bytes());
        record.extend_from_slice(&suffix.bytes);
        cache.put(key, record.freeze());
        Ok(suffix)
    }

    /// Gives up what is cached of an object whose bytes turned out to be unsound: a part of it, and its end as it was
    /// asked for.
    pub fn forget_cached(&self, object: &Immutable, part: &Range<u64>, end_bytes: u64) {
        if let Some(cache) = self.cache() {
            cache.forget(&self.part_key(object, part));
            cache.forget(&self.end_key(object, end_bytes));
        }
    }

    fn cache(&self) -> Option<&Arc<DiskCache>> {
        self.stores().disk_cache.as_ref()
    }

    fn part_key(&self, object: &Immutable, part: &Range<u64>) -> Key {
        self.key(&format!("{object} {}-{}", part.start, part.end))
    }

    fn end_key(&self, object: &Immutable, bytes: u64) -> Key {
        self.key(&format!("{object} -{bytes}"))
    }

    /// Neither a namespace nor an object's name has a line break. The URL tells apart what other stores call the same.
    fn key(&self, what: &str) -> Key {
        *blake3::hash(format!("{}\n{}\n{what}", self.stores().url(), self.namespace()).as_bytes()).as_bytes()
    }
}

/// Asks the disk off the asynchronous workers.
async fn look_up(cache: &Arc<DiskCache>, keys: Vec<Key>) -> Vec<Option<Bytes>> {
    let (cache, amount) = (Arc::clone(cache), keys.len());
    let found = tokio::task::spawn_blocking(move || keys.iter().map(|key| cache.get(key)).collect());
    // A cache that fails has nothing.
    found.await.unwrap_or_else(|_| vec![None; amount])
}

fn join(parts: &[Option<Bytes>]) -> Bytes {
    if let [Some(only)] = parts {
        return only.clone();
    }
    let mut whole = BytesMut::with_capacity(parts.iter().flatten().map(Bytes::len).sum());
    parts.iter().flatten().for_each(|part| whole.extend_from_slice(part));
    whole.freeze()
}
