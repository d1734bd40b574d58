//! What is staged, as readers see it: tokens merged, pages that seek.

use std::sync::Arc;

use model::{MetaStore, StagedValue, StagingToken};

use super::lake::{Lake, change, granted, object, paths};

pub(super) async fn newer_tokens_win(store: Arc<dyn MetaStore>) {
    let lake = Lake::new(store, "newer").await;
    for path in ["a", "b", "c"] {
        lake.put(path, object("1")).await;
    }
    lake.sealed().await;
    lake.put("b", object("2")).await;
    lake.put("c", StagedValue::Tombstone).await;
    lake.put("d", object("2")).await;
    lake.sealed().await;
    lake.put("c", object("3")).await;
    lake.put("d", StagedValue::Tombstone).await;

    let wanted = [("a", object("1")), ("b", object("2")), ("c", object("3")), ("d", StagedValue::Tombstone)];
    let wanted = wanted.map(|(path, value)| (path.to_owned(), value));
    assert_eq!(lake.staged_page(None, "", "", 10).await, (wanted.to_vec(), false));
    for (path, value) in wanted {
        assert_eq!(lake.staged(&path).await, Some(value), "{path}");
    }
    // Page by page, one item each, it is the same.
    let (mut seen, mut from) = (vec![], String::new());
    loop {
        let (items, more) = lake.staged_page(None, "", &from, 1).await;
        seen.extend(items);
        if !more {
            break;
        }
        from = format!("{}\0", seen.last().expect("a page with more behind it has an item").0);
    }
    assert_eq!(paths(&seen), ["a", "b", "c", "d"]);
}

pub(super) async fn pages_seek_and_end_at_their_prefix(store: Arc<dyn MetaStore>) {
    let lake = Lake::new(store, "seek").await;
    let all = ["/x", "a", "a/1", "a/2", "a//", "a0", "b", "é", "\u{10ffff}"];
    lake.stage("main", all.iter().map(|path| change(path, object("1"), None)).collect()).await;
    let page = async |prefix: &str, from: &str, amount: usize| {
        let (items, more) = lake.staged_page(None, prefix, from, amount).await;
        (items.into_iter().map(|(path, _)| path).collect::<Vec<_>>().join(" "), more)
    };
    assert_eq!(page("", "", 100).await, ("/x a a// a/1 a/2 a0 b é \u{10ffff}".into(), false), "in the order of bytes");
    assert_eq!(page("a/", "", 100).await, ("a// a/1 a/2".into(), false));
    assert_eq!(page("a/", "a/1", 100).await, ("a/1 a/2".into(), false), "from is included");
    assert_eq!(page("a/", "a/1", 1).await, ("a/1".into(), true));
    assert_eq!(page("a/", "a/2", 1).await, ("a/2".into(), false), "nothing behind the prefix counts as more");
    assert_eq!(page("a/", "0", 1).await, ("a//".into(), true), "from may lie before the prefix");
    assert_eq!(page("a/", "b", 100).await, (String::new(), false), "or behind it");
    assert_eq!(page("", "a0", 2).await, ("a0 b".into(), true));
    assert_eq!(page("", "a\u{10ffff}", 100).await, ("b é \u{10ffff}".into(), false), "a folder is passed by seeking");
    assert_eq!(page("z", "", 100).await, (String::new(), false));
    assert_eq!(page("", "", 0).await, (String::new(), true));
}

pub(super) async fn tokens_can_be_chosen(store: Arc<dyn MetaStore>) {
    let lake = Lake::new(store, "chosen").await;
    lake.put("a", object("1")).await;
    let first = lake.sealed().await[0];
    lake.put("a", object("2")).await;
    let second = lake.sealed().await[0];
    lake.put("b", object("3")).await;
    let of = async |tokens: &[StagingToken]| lake.staged_page(Some(tokens), "", "", 10).await.0;
    assert_eq!(of(&[first]).await, [("a".into(), object("1"))]);
    assert_eq!(of(&[first, second]).await, [("a".into(), object("2"))], "newest wins, whatever the order asked for");
    assert_eq!(of(&[second, first]).await, [("a".into(), object("2"))]);
    assert_eq!(of(&[]).await, []);
    assert_eq!(of(&[StagingToken(u64::MAX)]).await, [], "an unknown token is empty");
}

pub(super) async fn branches_are_apart(store: Arc<dyn MetaStore>) {
    let lake = Lake::new(store, "apart").await;
    granted(lake.create_branch("dev").await.branch());
    lake.stage("dev", vec![change("a", object("dev"), None)]).await;
    lake.put("b", object("main")).await;
    assert_eq!(lake.staged_paths().await, ["b"]);
    assert_eq!(lake.lookup("dev", Some("a")).await.staged, Some(object("dev")));
    assert_eq!(lake.lookup("dev", Some("b")).await.staged, None);
    let dev = lake.branch("dev").await;
    assert_eq!(lake.staged_page(Some(&[dev.staging]), "", "", 10).await.0, [], "another branch's token is unknown");
}

pub(super) async fn a_page_is_bounded_in_bytes(store: Arc<dyn MetaStore>) {
    const OBJECTS: usize = 12;
    let lake = Lake::new(store, "bytes").await;
    let StagedValue::Entry(mut large) = object("1") else { panic!("an object") };
    large.metadata.insert("large".into(), "x".repeat(1 << 20));
    for number in 0..OBJECTS {
        lake.put(&format!("{number:02}"), StagedValue::Entry(large.clone())).await;
    }
    let (mut seen, mut pages, mut from) = (0, 0, String::new());
    loop {
        let (items, more) = lake.staged_page(None, "", &from, 1000).await;
        assert!((1..OBJECTS).contains(&items.len()), "{} MiB in one page", items.len());
        (seen, pages) = (seen + items.len(), pages + 1);
        if !more {
            break;
        }
        from = format!("{}\0", items.last().expect("a page has an item").0);
    }
    assert_eq!(seen, OBJECTS);
    assert!(pages > 1);
}
