//! Saying anew what an object is.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use model::Entry;
use tokio::runtime::Handle;
use tokio::task::block_in_place;

use crate::testing::{TestLake, branch, expr, path};

fn coloured(entry: Entry) -> Entry {
    Entry { metadata: [("color".to_owned(), "red".to_owned())].into(), ..entry }
}

async fn there(lake: &TestLake, at: &str) -> Entry {
    lake.graveler.stat(lake.name(), &expr("main"), &path(at)).await.unwrap().unwrap().entry
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_keeps_its_bytes_and_what_does_not_change_is_not_staged() {
    let lake = TestLake::new().await;
    lake.stage("main", &[("a", Some(1))]).await;
    lake.commit("main").await.unwrap();
    let before = there(&lake, "a").await;
    let update = async |at: &str| lake.graveler.update(lake.name(), &branch("main"), &path(at), &coloured).await;
    assert_eq!(update("a").await.unwrap(), Some(coloured(before.clone())));
    assert_eq!(there(&lake, "a").await, coloured(before));
    lake.commit("main").await.unwrap();
    update("a").await.unwrap().unwrap();
    assert!(lake.commit("main").await.is_err(), "there is nothing to commit");
    assert_eq!(update("b").await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_comes_between_is_not_undone() {
    let lake = TestLake::new().await;
    lake.stage("main", &[("a", Some(1))]).await;
    let looks = AtomicUsize::new(0);
    let change = |entry| {
        if looks.fetch_add(1, Ordering::SeqCst) == 0 {
            block_in_place(|| Handle::current().block_on(lake.stage("main", &[("a", Some(2))])));
        }
        coloured(entry)
    };
    let updated = lake.graveler.update(lake.name(), &branch("main"), &path("a"), &change).await.unwrap().unwrap();
    assert_eq!((updated.size, looks.load(Ordering::SeqCst)), (2, 2));
    assert_eq!(there(&lake, "a").await, updated);

    let change = |entry| {
        block_in_place(|| Handle::current().block_on(lake.stage("main", &[("a", None)])));
        Entry { metadata: BTreeMap::new(), ..entry }
    };
    let updated = lake.graveler.update(lake.name(), &branch("main"), &path("a"), &change).await.unwrap();
    assert_eq!(updated, None, "a deletion that comes between stands");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_equal_e_tag_hides_no_change_of_metadata() {
    let lake = TestLake::new().await;
    lake.stage("main", &[("a", Some(1))]).await;
    let with = |mut entry: Entry, name: &str| {
        entry.metadata.insert(name.to_owned(), "x".to_owned());
        entry
    };
    for committed in [false, true] {
        if committed {
            lake.commit("main").await.unwrap();
        }
        let looks = AtomicUsize::new(0);
        let (mine, theirs) = (format!("mine-{committed}"), format!("theirs-{committed}"));
        let change = |entry| {
            if looks.fetch_add(1, Ordering::SeqCst) == 0 {
                let change = |entry| with(entry, &theirs);
                let (name, main, path) = (lake.name(), branch("main"), path("a"));
                let other = lake.graveler.update(name, &main, &path, &change);
                block_in_place(|| Handle::current().block_on(other)).unwrap().unwrap();
            }
            with(entry, &mine)
        };
        lake.graveler.update(lake.name(), &branch("main"), &path("a"), &change).await.unwrap().unwrap();
        let there = there(&lake, "a").await.metadata;
        assert!(there.contains_key(&mine) && there.contains_key(&theirs), "{there:?}");
        assert_eq!(looks.load(Ordering::SeqCst), 2);
    }
}
