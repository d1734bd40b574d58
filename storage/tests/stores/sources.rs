//! Places to import from: what is allowed, what a listing gives, and reading what was imported.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use model::{Address, Entry};
use object_store::path::Path as StorePath;
use object_store::{ObjectStore, ObjectStoreExt};
use proptest::prelude::*;
use storage::{ListGauge, Place, Source, SourceItem, SourceObject, StorageError, StoreSettings, Stores};
use tempfile::TempDir;

use crate::support::{collect, crypto, repository};

/// An installation in memory that may read some places.
pub(crate) async fn with_sources(sources: &[String]) -> Arc<Stores> {
    let settings = StoreSettings { sources: sources.to_vec(), ..StoreSettings::default() };
    Stores::open("memory:///", &settings).await.unwrap()
}

fn folder_url(folder: &Path) -> String {
    format!("file://{}", folder.display())
}

fn write(folder: &Path, key: &str, text: &str) {
    let file = folder.join(key);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, text).unwrap();
}

/// All that a listing gives, objects and what can't be one.
pub(crate) async fn listed(source: &Source, after: Option<&str>) -> (Vec<SourceObject>, Vec<String>) {
    let items = source.list(after, &ListGauge::default()).try_concat().await.unwrap();
    let (mut objects, mut unusable) = (Vec::new(), Vec::new());
    for item in items {
        match item {
            SourceItem::Object(object) => objects.push(object),
            SourceItem::Unusable { url, .. } => unusable.push(url),
        }
    }
    (objects, unusable)
}

pub(crate) async fn keys(source: &Source, after: Option<&str>) -> Vec<String> {
    listed(source, after).await.0.into_iter().map(|object| object.key).collect()
}

/// What importing makes of an object.
pub(crate) fn entry(object: &SourceObject) -> Entry {
    Entry {
        address: Address::Full(object.url.clone()),
        last_modified: object.last_modified,
        size: object.size,
        e_tag: object.e_tag.clone(),
        content_type: String::new(),
        metadata: Default::default(),
        headers: Default::default(),
        checksum: None,
        parts: None,
    }
}

/// Which keys a store may have side by side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keys {
    Any,
    /// Not those of which one is the folder of another.
    OfFolders,
}

/// Imports, reads, changes and deletes in a source that `store` writes to at the same keys.
pub(crate) async fn behaves(stores: &Arc<Stores>, url: &str, store: &dyn ObjectStore, prefix: &str, which: Keys) {
    let at = |key: &str| StorePath::parse(format!("{prefix}{key}")).unwrap();
    let keys_there = ["a", "a-b", "a/b", "a/b/c", "a/é", "b", "b/1/x", "b/2", "b0", "c d/+%20", "z"];
    let text = |key: &str| format!("the object {key}");
    let make = async |key: &str, text: String| drop(store.put(&at(key), text.into()).await.unwrap());
    let mut sorted: Vec<&str> = keys_there.to_vec();
    if which == Keys::OfFolders {
        sorted.retain(|key| !["a", "a/b", "b"].contains(key));
    }
    for key in &sorted {
        make(key, text(key)).await;
    }
    let source = stores.source(url).await.unwrap();
    assert_eq!(keys(&source, None).await, sorted);
    for after in ["a", "a/b", "a/b/c", "a/zzz", "b", "b/1/x", "c", "zz"] {
        let behind: Vec<&str> = sorted.iter().copied().filter(|key| *key > after).collect();
        assert_eq!(keys(&source, Some(after)).await, behind, "behind {after}");
    }
    let sub = stores.source(&format!("{}/a/", url.trim_end_matches('/'))).await.unwrap();
    let under: Vec<&str> = sorted.iter().filter_map(|key| key.strip_prefix("a/")).collect();
    assert_eq!(keys(&sub, None).await, under);

    let storage = repository(stores);
    let (objects, unusable) = listed(&source, None).await;
    assert_eq!(unusable, Vec::<String>::new());
    for object in &objects {
        let (entry, text) = (entry(object), text(&object.key));
        assert_eq!(object.size, text.len() as u64);
        assert!(!object.e_tag.is_empty() && !object.e_tag.starts_with('"'));
        assert_eq!(collect(storage.read(&entry, 0..entry.size).await.unwrap()).await.unwrap(), text);
        assert_eq!(collect(storage.read(&entry, 4..10).await.unwrap()).await.unwrap(), text[4..10]);
        assert_eq!(storage.look(&entry).await.unwrap().size, entry.size);
        assert!(storage.is_readable(&entry.address));
    }
    let one =
        stores.source_object(&format!("{}/b/2", url.trim_end_matches('/'))).await.unwrap().object().await.unwrap();
    assert_eq!(&one, &SourceObject { key: "2".into(), ..objects.iter().find(|o| o.key == "b/2").unwrap().clone() });
    let nope = format!("{}/nope", url.trim_end_matches('/'));
    let missing = stores.source_object(&nope).await.unwrap().object().await;
    assert!(matches!(missing, Err(StorageError::NoSource(why)) if why.contains("not found")));
    assert!(stores.source_object(&format!("{nope}/")).await.is_err(), "a folder is no object");
    let missing = stores.source(&nope).await.unwrap();
    assert_eq!(keys(&missing, None).await, Vec::<String>::new());
    assert_eq!(missing.object_of_its_name().await, None);
    let named = stores.source(&format!("{}/b/2/", url.trim_end_matches('/'))).await.unwrap();
    assert_eq!(named.object_of_its_name().await, Some(one), "no folder, but an object");

    // Changed: shorter, as long, and longer. Then gone.
    let entry = entry(objects.iter().find(|object| object.key == "z").unwrap());
    for other in ["short", "the object Z", "a longer one than it was"] {
        make("z", other.to_owned()).await;
        for range in [0..entry.size, 3..5] {
            let changed = storage.read(&entry, range).await.err().unwrap();
            assert!(matches!(&changed, StorageError::Changed { url, .. } if url.ends_with("/z")), "{other}: {changed}");
        }
        assert!(matches!(storage.look(&entry).await, Err(StorageError::Changed { .. })), "{other}");
    }
    store.delete(&at("z")).await.unwrap();
    assert!(matches!(storage.read(&entry, 0..entry.size).await, Err(StorageError::Gone { .. })));
    assert!(matches!(storage.look(&entry).await, Err(StorageError::Gone { .. })));
}

/// Lists folders of all shapes in parts, within the bound of items ahead.
pub(crate) async fn many_parts(stores: &Arc<Stores>, url: &str, store: &dyn ObjectStore, prefix: &str) {
    let mut there = Vec::new();
    there.extend((0..70).map(|n| format!("days/{n:03}/x")));
    there.extend((0..1200).map(|n| format!("flat/{n:05}")));
    there.extend((0..40).map(|n| format!("flat/{n:05}/sub/{n}")));
    there.extend((0..40).map(|n| format!("flat/{n:05}-sub")));
    there.extend((0..30).map(|n| format!("z{n}")));
    let puts = there.iter().map(|key| {
        let path = StorePath::parse(format!("{prefix}{key}")).unwrap();
        async move { store.put(&path, Bytes::from_static(b"1").into()).await }
    });
    futures::stream::iter(puts).buffer_unordered(16).try_for_each(async |_| Ok(())).await.unwrap();
    there.sort_unstable();
    let source = stores.source(url).await.unwrap();
    assert_eq!(keys(&source, None).await, there);
    for at in [0, 69, 70, 100, 700, 1300, there.len() - 1] {
        assert_eq!(keys(&source, Some(&there[at])).await, there[at + 1..], "behind {}", there[at]);
    }
    let gauge = ListGauge::default();
    let mut batches = source.list(None, &gauge);
    batches.next().await.unwrap().unwrap();
    // Nothing is taken for a while, and what is listed ahead stays bounded.
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
    drop(batches);
    assert!(gauge.peak() > 0 && gauge.peak() <= Source::ITEMS_AHEAD_MAX as u64, "{}", gauge.peak());
}

/// A store that writes under a folder as others would.
fn writer(folder: &Path) -> impl Fn(&str, &str) {
    let folder = folder.to_owned();
    move |key, text| write(&folder, key, text)
}

#[tokio::test]
async fn nothing_elsewhere_is_read_unless_it_is_allowed() {
    let (allowed, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    writer(allowed.path())("in/x", "1");
    writer(other.path())("x", "1");
    std::os::unix::fs::symlink(other.path(), allowed.path().join("in/link")).unwrap();
    std::os::unix::fs::symlink(other.path().join("x"), allowed.path().join("in/x-link")).unwrap();
    let stores = with_sources(&[folder_url(&allowed.path().join("in"))]).await;
    let refused =
        [folder_url(other.path()), folder_url(allowed.path()), "s3://raw/x".to_owned(), "nonsense".to_owned()];
    let storage = repository(&stores);
    for url in refused {
        let error = stores.source(&url).await.err().unwrap();
        assert!(
            matches!(error, StorageError::Elsewhere { .. }) && error.to_string().contains("import_allow"),
            "{error}"
        );
        let address = Address::Full(format!("{url}/x"));
        assert!(!storage.is_readable(&address));
        let foreign = Entry { address, ..object_entry() };
        assert!(matches!(storage.read(&foreign, 0..1).await, Err(StorageError::Elsewhere { .. })), "{url}");
        assert!(matches!(storage.get_data(&foreign.address, 0..1).await, Err(StorageError::Elsewhere { .. })));
    }
    // What climbs out of an allowed folder, or goes out by a link, isn't read.
    let inside = folder_url(&allowed.path().join("in"));
    for climb in ["../secret", "a/../../x", "./x", "/x"] {
        let address = Address::Full(format!("{inside}/{climb}"));
        let read = storage.read(&Entry { address, ..object_entry() }, 0..1).await;
        assert!(matches!(read, Err(StorageError::Invalid(_))), "{climb}");
    }
    for link in ["link/x", "x-link"] {
        let address = Address::Full(format!("{inside}/{link}"));
        let read = storage.read(&Entry { address, ..object_entry() }, 0..1).await;
        assert!(matches!(read, Err(StorageError::Denied { .. })), "{link}: {:?}", read.err());
    }
    let (objects, unusable) = listed(&stores.source(&inside).await.unwrap(), None).await;
    assert_eq!(objects.len(), 1);
    assert_eq!(unusable, [format!("{inside}/link"), format!("{inside}/x-link")]);
}

fn object_entry() -> Entry {
    entry(&SourceObject {
        key: "x".into(),
        url: "x".into(),
        size: 1,
        e_tag: "x".into(),
        last_modified: model::Timestamp::from_millis(0),
    })
}

#[tokio::test]
async fn lakebed_s_own_files_are_no_source() {
    let folder = TempDir::new().unwrap();
    for key in ["lake/_lakebed/format.json", "lake/data/x", ".lakebed/lock", "lake/a"] {
        writer(folder.path())(key, "1");
    }
    let url = folder_url(folder.path());
    let stores = with_sources(std::slice::from_ref(&url)).await;
    let (objects, unusable) = listed(&stores.source(&url).await.unwrap(), None).await;
    assert_eq!(objects.iter().map(|object| object.key.as_str()).collect::<Vec<_>>(), ["lake/a", "lake/data/x"]);
    assert_eq!(unusable, [format!("{url}/lake/_lakebed/format.json")]);
    assert!(matches!(stores.source(&format!("{url}/lake/_lakebed")).await, Err(StorageError::Invalid(_))));
    assert!(matches!(stores.source("mem://trips/_lakebed/").await, Err(StorageError::Invalid(_))));
    let storage = repository(&stores);
    for own in [format!("{}/_lakebed/format.json", storage.namespace()), format!("{url}/lake/_lakebed/format.json")] {
        let address = Address::Full(own);
        assert!(storage.read(&Entry { address, ..object_entry() }, 0..1).await.is_err());
    }
}

#[tokio::test]
async fn a_folder_behaves() {
    let folder = TempDir::new().unwrap();
    let url = folder_url(folder.path());
    let stores = with_sources(std::slice::from_ref(&url)).await;
    let installation = Stores::open(&url, &StoreSettings::default()).await.unwrap();
    let direct = raw(&installation);
    behaves(&stores, &url, &*direct, "", Keys::OfFolders).await;
}

#[tokio::test]
async fn a_folder_that_isnt_there_is_not_found() {
    let folder = TempDir::new().unwrap();
    let allowed = folder_url(&folder.path().join("later"));
    let own = folder_url(&folder.path().join("own"));
    let settings = StoreSettings { sources: vec![allowed.clone()], ..StoreSettings::default() };
    let stores = Stores::open(&own, &settings).await.unwrap();
    let error = stores.source(&allowed).await.err().unwrap();
    assert!(matches!(&error, StorageError::NoSource(why) if why.contains("later/ not found")), "{error}");
    for nowhere in ["local:///trips/data/", "local://trips/data"] {
        let source = stores.source(nowhere).await.unwrap();
        assert_eq!(source.url(), "local://trips/data/");
        assert_eq!(keys(&source, None).await, Vec::<String>::new(), "an import says that nothing is found there");
    }
}

#[tokio::test]
async fn the_installation_s_own_store_behaves() {
    let stores = with_sources(&[]).await;
    behaves(&stores, "mem://elsewhere/in", &*raw(&stores), "elsewhere/in/", Keys::Any).await;
    // As lakeFS's clients write it.
    let keys = keys(&stores.source("mem:///elsewhere/in/").await.unwrap(), None).await;
    assert_eq!(keys.first().map(String::as_str), Some("a"));
}

#[tokio::test]
async fn what_lies_in_the_own_store_is_known_by_every_name() {
    let folder = TempDir::new().unwrap();
    let own = folder.path().join("own");
    let base = folder_url(folder.path());
    let open = async |own: &str, allowed: &str| {
        let settings = StoreSettings { sources: vec![allowed.to_owned()], ..StoreSettings::default() };
        Stores::open(own, &settings).await
    };
    let place = |url: &str, is_allowed| Place::Own { url: url.to_owned(), is_allowed };
    for own in [folder_url(&own), format!("{}/", folder_url(&own))] {
        let stores = open(&own, &base).await.unwrap();
        assert_eq!(stores.place("local://trips/data/x"), place("local://trips/data/x", false));
        assert_eq!(stores.place(&format!("{base}/own/trips/data/x")), place("local://trips/data/x", true));
        assert_eq!(stores.place(&format!("{base}/other/x")), Place::Elsewhere);
    }
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(folder.path(), &link).unwrap();
    let by_link = open(&folder_url(&own), &folder_url(&link)).await.unwrap_err();
    assert!(by_link.to_string().contains("link"), "{by_link}");
    let later = folder.path().join("not there yet");
    assert!(open(&folder_url(&later), &folder_url(&link)).await.is_err());

    crypto();
    let stores = open("s3://lake/own", "s3://lake/raw").await.unwrap();
    for url in ["s3://lake/own/trips/data/x", "s3a://lake/own/trips/data/x"] {
        assert_eq!(stores.place(url), place("s3://lake/own/trips/data/x", false));
    }
    assert_eq!(stores.place("s3://lake/raw/x"), Place::Elsewhere);
    let whole = open("s3://lake", "s3://lake/raw").await.unwrap();
    assert_eq!(whole.place("s3://lake/raw/x"), place("s3://lake/raw/x", true));
}

/// The store under it, as others would write to it.
pub(crate) fn raw(stores: &Arc<Stores>) -> Arc<dyn ObjectStore> {
    let mut under = None;
    stores.decorated(|store, multipart| {
        under = Some(Arc::clone(&store));
        (store, multipart)
    });
    under.unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Whatever the keys, a listing is in the order of their bytes, in a folder of this machine and in memory.
    #[test]
    fn listings_are_sorted(
        keys_there in prop::collection::btree_set("[a-c.é+ 日-]{1,3}(/[a-c.é+ 日-]{1,3}){0,3}", 0..60),
        after in "[a-c./é-]{0,4}",
    ) {
        let plain = |key: &&String| key.split('/').all(|part| !matches!(part, "." | ".."));
        let mut keys_there: BTreeSet<String> = keys_there.iter().filter(plain).cloned().collect();
        // A file can't be a folder too.
        let folders: Vec<String> = keys_there.iter().flat_map(|key| key.match_indices('/').map(|(at, _)| key[..at].to_owned()).collect::<Vec<_>>()).collect();
        keys_there.retain(|key| !folders.contains(key));
        let folder = TempDir::new().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let url = folder_url(folder.path());
            let stores = with_sources(std::slice::from_ref(&url)).await;
            let memory = raw(&stores);
            for key in &keys_there {
                write(folder.path(), key, "1");
                memory.put(&StorePath::parse(format!("n/{key}")).unwrap(), Bytes::from_static(b"1").into()).await.unwrap();
            }
            for url in [url.as_str(), "mem://n"] {
                let source = stores.source(url).await.unwrap();
                prop_assert_eq!(keys(&source, None).await, keys_there.iter().cloned().collect::<Vec<_>>());
                let behind: Vec<String> = keys_there.iter().filter(|key| **key > after).cloned().collect();
                prop_assert_eq!(keys(&source, Some(&after)).await, behind);
            }
            Ok(())
        })?;
    }
}
