//! What the common suite can't see of a local store: the order of its steps, and what each step's failure leaves.

use std::fs;
use std::os::fd::OwnedFd;

use object_store::{ObjectStoreExt, UpdateVersion};
use rustix::io::Errno;
use tempfile::TempDir;

use super::root::open_by_parts;
use super::trace::recorder;
use super::*;
use crate::StorageError;

fn root() -> (TempDir, Arc<Root>) {
    let folder = TempDir::new().unwrap();
    let root = Arc::new(Root::open(folder.path()).unwrap());
    recorder::take();
    (folder, root)
}

fn write(root: &Arc<Root>, location: &str, bytes: &[u8], how: &Publish) -> std::io::Result<String> {
    let file = TempFile::create(root)?;
    file.write_at(bytes, 0)?;
    file.publish(location, how)
}

/// A path whose letters stay as they are.
fn path(text: &str) -> Path {
    Path::parse(text).unwrap()
}

/// How many temporary files there are, beside the one that says that the session lives.
fn temporary_files(root: &Root) -> usize {
    root::names(root.temporary().unwrap()).unwrap().len() - 1
}

#[test]
fn a_put_is_durable_before_it_is_acknowledged() {
    let (_folder, root) = root();
    write(&root, "a/b/x", b"1", &Publish::Overwrite).unwrap();
    let steps = [
        "create",
        "write",
        "sync the file",
        "sync the entry of folder a",
        "sync the entry of folder a/b",
        "rename to x",
        "sync folder of a/b/x",
    ];
    assert_eq!(recorder::take(), steps);
    write(&root, "a/b/y", b"2", &Publish::Create).unwrap();
    assert_eq!(recorder::take(), ["create", "write", "sync the file", "link to y", "sync folder of a/b/y"]);
}

#[test]
fn a_folder_that_others_made_is_synced_once() {
    let (folder, root) = root();
    fs::create_dir(folder.path().join("theirs")).unwrap();
    write(&root, "theirs/x", b"1", &Publish::Overwrite).unwrap();
    assert!(recorder::take().contains(&"sync the entry of folder theirs".to_owned()));
    write(&root, "theirs/y", b"1", &Publish::Overwrite).unwrap();
    assert!(!recorder::take().contains(&"sync the entry of folder theirs".to_owned()));
    fs::remove_dir_all(folder.path().join("theirs")).unwrap();
    write(&root, "theirs/z", b"1", &Publish::Overwrite).unwrap();
    assert!(recorder::take().contains(&"sync the entry of folder theirs".to_owned()), "made anew, synced anew");
}

#[test]
fn whatever_step_fails_nothing_half_done_remains() {
    let steps = ["create", "write", "sync the file", "sync the entry", "rename", "link"];
    for (step, errno) in steps.iter().flat_map(|s| [Errno::NOSPC, Errno::DQUOT, Errno::IO, Errno::ROFS].map(|e| (s, e)))
    {
        let (folder, root) = root();
        let how = if *step == "link" { Publish::Create } else { Publish::Overwrite };
        recorder::fail(step, errno);
        let error = write(&root, "a/x", b"1", &how).unwrap_err();
        let error = StorageError::from_store(failed("a/x", error), "a/x");
        let fits = match errno {
            Errno::NOSPC | Errno::DQUOT => matches!(error, StorageError::Full { .. }),
            Errno::ROFS => matches!(error, StorageError::Denied { .. }),
            _ => matches!(error, StorageError::Unavailable { .. }),
        };
        assert!(fits, "{step}: {error:?}");
        assert_eq!(temporary_files(&root), 0, "{step}");
        assert!(!folder.path().join("a/x").exists(), "{step}");
        write(&root, "a/x", b"2", &how).expect("because the cause is gone");
        assert_eq!(fs::read(folder.path().join("a/x")).unwrap(), b"2");
    }
}

#[test]
fn an_overwrite_that_fails_leaves_the_old_bytes() {
    let (folder, root) = root();
    write(&root, "x", b"old", &Publish::Overwrite).unwrap();
    recorder::fail("rename", Errno::NOSPC);
    assert!(write(&root, "x", b"new", &Publish::Overwrite).is_err());
    assert_eq!(fs::read(folder.path().join("x")).unwrap(), b"old");
}

#[test]
fn opening_part_by_part_refuses_what_openat2_refuses() {
    let (folder, _root) = root();
    let opened: OwnedFd = fs::File::open(folder.path()).unwrap().into();
    fs::create_dir(folder.path().join("a")).unwrap();
    fs::write(folder.path().join("a/x"), "1").unwrap();
    std::os::unix::fs::symlink("a", folder.path().join("link")).unwrap();
    std::os::unix::fs::symlink("/etc/hostname", folder.path().join("a/out")).unwrap();
    let flags = rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::CLOEXEC;
    assert!(open_by_parts(&opened, "a/x", flags).is_ok());
    for bad in ["link/x", "a/out", "a/../a/x", "../x", "/etc/hostname", "a//x", "a/missing"] {
        assert!(open_by_parts(&opened, bad, flags).is_err(), "{bad}");
    }
}

#[tokio::test]
async fn updates_need_the_e_tag_that_is_there() {
    let folder = TempDir::new().unwrap();
    let store = LocalStore::open(folder.path()).await.unwrap();
    let path = Path::from("latest.json");
    let update = |e_tag: &str| {
        let version = UpdateVersion { e_tag: Some(e_tag.to_owned()), version: None };
        PutOptions::from(PutMode::Update(version))
    };
    assert!(store.put_opts(&path, "0".into(), update("x")).await.is_err());
    let first = store.put(&path, "1".into()).await.unwrap().e_tag.unwrap();
    assert_eq!(store.head(&path).await.unwrap().e_tag.as_ref(), Some(&first));
    let second = store.put_opts(&path, "2".into(), update(&first)).await.unwrap().e_tag.unwrap();
    assert_ne!(first, second);
    assert!(store.put_opts(&path, "3".into(), update(&first)).await.is_err());
    assert_eq!(store.get(&path).await.unwrap().bytes().await.unwrap(), "2");
}

#[tokio::test]
async fn listings_are_in_the_order_of_keys() {
    let folder = TempDir::new().unwrap();
    let store = LocalStore::open(folder.path()).await.unwrap();
    let mut keys = ["a/b", "a.txt", "a/c/d", "a0", "a-b/c", "a", "b/x", "é/x"].map(|key| format!("p/{key}")).to_vec();
    keys.remove(5);
    for key in &keys {
        store.put(&path(key), "1".into()).await.unwrap();
    }
    store.put(&path("q"), "1".into()).await.unwrap();
    keys.sort();
    let located = |found: Vec<Result<ObjectMeta>>| -> Vec<String> {
        found.into_iter().map(|meta| meta.unwrap().location.to_string()).collect()
    };
    let prefix = path("p");
    assert_eq!(located(store.list(Some(&prefix)).collect().await), keys);
    assert_eq!(located(store.list(None).collect().await).len(), keys.len() + 1, "the reserved folder isn't listed");
    for (i, key) in keys.iter().enumerate() {
        let behind = store.list_with_offset(Some(&prefix), &path(key)).collect().await;
        assert_eq!(located(behind), keys[i + 1..], "{key}");
    }
    let behind = store.list_with_offset(Some(&prefix), &path("p/a/b0")).collect().await;
    assert!(located(behind).starts_with(&["p/a/c/d".to_owned()]));
    let level = store.list_with_delimiter(Some(&prefix)).await.unwrap();
    assert_eq!(level.common_prefixes, ["p/a-b", "p/a", "p/b", "p/é"].map(path));
    assert_eq!(level.objects.len(), 2);
    assert_eq!(located(store.list(Some(&path("nowhere"))).collect().await), Vec::<String>::new());
}

#[tokio::test]
async fn copies_and_renames() {
    let folder = TempDir::new().unwrap();
    let store = LocalStore::open(folder.path()).await.unwrap();
    let (a, b, c) = (Path::from("a"), Path::from("x/b"), Path::from("y/c"));
    store.put(&a, "1".into()).await.unwrap();
    store.copy(&a, &b).await.unwrap();
    assert!(matches!(store.copy_if_not_exists(&a, &b).await, Err(Error::AlreadyExists { .. })));
    store.rename(&b, &c).await.unwrap();
    assert!(matches!(store.head(&b).await, Err(Error::NotFound { .. })));
    assert_eq!(store.get(&c).await.unwrap().bytes().await.unwrap(), "1");
    store.delete(&c).await.unwrap();
    assert!(matches!(store.delete(&c).await, Err(Error::NotFound { .. })));
}

#[tokio::test]
async fn of_many_creators_one_wins() {
    let folder = TempDir::new().unwrap();
    let store = LocalStore::open(folder.path()).await.unwrap();
    for round in 0..5 {
        let path = Path::from(format!("r/{round}"));
        let creations = (0..16).map(|i: u32| store.put_opts(&path, i.to_string().into(), PutMode::Create.into()));
        let created = futures::future::join_all(creations).await;
        let winners: Vec<usize> = (0..16).filter(|i| created[*i].is_ok()).collect();
        let [winner] = winners[..] else { panic!("{winners:?}") };
        let there = store.get(&path).await.unwrap().bytes().await.unwrap();
        assert_eq!(there, winner.to_string());
    }
}

/// What a walk finds: keys, and what can't be one in brackets.
fn walked(root: &Arc<Root>, offset: Option<&str>, names_max: usize) -> Vec<String> {
    let offset = offset.map(path);
    let walk = list::walk(Arc::clone(root), None, offset.as_ref(), names_max);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let found = runtime.block_on(walk.collect::<Vec<_>>());
    let shown = |found: Result<Found>| match found.unwrap() {
        Found::Object(meta) => meta.location.to_string(),
        Found::Unusable { location, .. } => format!("[{location}]"),
    };
    found.into_iter().map(shown).collect()
}

#[test]
fn a_folder_of_many_files_is_listed_with_few_names_at_a_time() {
    let (folder, root) = root();
    let mut keys: Vec<String> = (0..50).map(|i| format!("d/{:02}{}", i * 7 % 50, ["", "/x", "-y"][i % 3])).collect();
    for key in &keys {
        let file = folder.path().join(key);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, "1").unwrap();
    }
    keys.sort();
    for names_max in [1, 7, 49, 50, 1000] {
        assert_eq!(walked(&root, None, names_max), keys, "{names_max}");
        assert_eq!(walked(&root, Some(&keys[20]), names_max), keys[21..], "{names_max}");
    }
}

#[test]
fn what_can_be_no_object_is_told_and_never_followed() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let (folder, root) = root();
    let outside = TempDir::new().unwrap();
    fs::write(outside.path().join("secret"), "1").unwrap();
    std::os::unix::fs::symlink(outside.path(), folder.path().join("b")).unwrap();
    std::os::unix::fs::symlink(outside.path().join("secret"), folder.path().join("c")).unwrap();
    for name in [&b"a"[..], b"d\xff", b"e\nf", b"g\\h", b"i"] {
        fs::write(folder.path().join(OsStr::from_bytes(name)), "1").unwrap();
    }
    assert_eq!(walked(&root, None, 1000), ["a", "[b]", "[c]", "[d\u{fffd}]", "[e\nf]", "[g\\h]", "i"]);
}
