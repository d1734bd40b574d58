//! The cache on disk against a map: whatever happens to its files, an answer is what was put, or none.

use std::collections::HashMap;
use std::path::Path;

use proptest::prelude::*;

use super::*;

fn open(folder: &Path) -> DiskCache {
    let settings = DiskCacheSettings { folder: folder.to_owned(), bytes_max: DISK_CACHE_BYTES_MIN };
    DiskCache::open(&settings).unwrap()
}

fn key(number: u64) -> Key {
    *blake3::hash(&number.to_le_bytes()).as_bytes()
}

fn value(number: u64, length: usize) -> Bytes {
    key(number).iter().copied().cycle().take(length).collect()
}

fn disk_bytes(folder: &Path) -> u64 {
    std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().metadata().unwrap().len()).sum()
}

fn data_files(folder: &Path) -> Vec<PathBuf> {
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|kind| kind == "data")).collect()
}

#[test]
fn what_was_put_is_there_also_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let cache = open(folder.path());
    (0..100).for_each(|n| cache.put(key(n), value(n, 1000 + n as usize)));
    cache.settle();
    (0..100).for_each(|n| assert_eq!(cache.get(&key(n)), Some(value(n, 1000 + n as usize))));
    assert_eq!(cache.get(&key(100)), None);
    drop(cache);
    let cache = reopened(folder.path());
    (0..100).for_each(|n| assert_eq!(cache.get(&key(n)), Some(value(n, 1000 + n as usize))));
}

/// The writing thread lets go of the folder a moment after the cache is dropped.
fn reopened(folder: &Path) -> DiskCache {
    let settings = DiskCacheSettings { folder: folder.to_owned(), bytes_max: DISK_CACHE_BYTES_MIN };
    loop {
        match DiskCache::open(&settings) {
            Ok(cache) => return cache,
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::ResourceBusy, "{error}"),
        }
        std::thread::yield_now();
    }
}

#[test]
fn a_folder_has_one_user() {
    let folder = tempfile::tempdir().unwrap();
    let _cache = open(folder.path());
    let settings = DiskCacheSettings { folder: folder.path().to_owned(), bytes_max: DISK_CACHE_BYTES_MIN };
    let error = DiskCache::open(&settings).err().unwrap().to_string();
    assert!(error.contains("a cache folder of its own"), "{error}");
}

#[test]
fn the_files_never_outgrow_the_bound_and_what_is_used_stays() {
    let folder = tempfile::tempdir().unwrap();
    let cache = open(folder.path());
    let (mut put, mut used) = (0u64, true);
    while put < 3 * DISK_CACHE_BYTES_MIN {
        let number = put / 50_000;
        cache.put(key(number), value(number, 50_000));
        cache.settle();
        put += 50_000;
        used &= cache.get(&key(0)).is_some();
        cache.settle();
        assert!(disk_bytes(folder.path()) <= DISK_CACHE_BYTES_MIN);
    }
    assert!(used, "what was asked for all the time is gone");
    assert_eq!(cache.get(&key(1)), None, "what nobody asked for is still there");
}

#[test]
fn what_is_too_large_isnt_kept() {
    let folder = tempfile::tempdir().unwrap();
    let cache = open(folder.path());
    cache.put(key(1), value(1, DISK_CACHE_BYTES_MIN as usize / 2));
    cache.put(key(2), value(2, WAITING_BYTES_MAX + 1));
    cache.settle();
    assert_eq!((cache.get(&key(1)), cache.get(&key(2))), (None, None));
    cache.put(key(3), value(3, 10));
    cache.settle();
    assert!(cache.get(&key(3)).is_some());
}

/// What may happen to a file between two lives.
#[derive(Debug, Clone)]
enum Damage {
    Cut(u64),
    Flip(u64),
    Append(u8),
    Remove,
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        any::<u64>().prop_map(Damage::Cut),
        any::<u64>().prop_map(Damage::Flip),
        any::<u8>().prop_map(Damage::Append),
        Just(Damage::Remove),
    ]
}

fn harm(path: &Path, damage: &Damage) {
    let mut bytes = std::fs::read(path).unwrap();
    let length = bytes.len().max(1) as u64;
    match damage {
        Damage::Cut(at) => bytes.truncate((at % length) as usize),
        Damage::Flip(at) => {
            bytes.iter_mut().skip((at % length) as usize).take(1).for_each(|byte| *byte ^= 1 << (at % 8));
        }
        Damage::Append(byte) => bytes.extend_from_slice(&[*byte; 100]),
        Damage::Remove => return std::fs::remove_file(path).unwrap(),
    }
    std::fs::write(path, bytes).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn damaged_files_never_give_another_answer(
        records in prop::collection::vec((0..40u64, 0..5000usize), 1..60),
        data in prop::collection::vec(damage(), 0..3),
        index in prop::collection::vec(damage(), 0..3),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let cache = open(folder.path());
        // A key names its content: it is put with one content alone.
        let model: HashMap<u64, usize> = records.into_iter().collect();
        model.iter().for_each(|(n, length)| cache.put(key(*n), value(*n, *length)));
        cache.settle();
        drop(cache);
        for path in data_files(folder.path()) {
            data.iter().take_while(|_| path.exists()).for_each(|damage| harm(&path, damage));
            let path = path.with_extension("index");
            index.iter().take_while(|_| path.exists()).for_each(|damage| harm(&path, damage));
        }
        let cache = reopened(folder.path());
        for (n, length) in &model {
            let found = cache.get(&key(*n));
            prop_assert!(found.is_none_or(|found| found == value(*n, *length)), "{n}");
            cache.put(key(*n), value(*n, *length));
        }
        cache.settle();
        for (n, length) in &model {
            prop_assert_eq!(cache.get(&key(*n)), Some(value(*n, *length)));
        }
    }
}
