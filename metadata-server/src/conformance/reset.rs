//! Dropping staged changes, in each scope.

use std::sync::Arc;

use model::{Command, MetaStore, Refusal, StagedValue, UnstageScope};

use super::lake::{Lake, change, commit, main_branch, name, object, refusal};

async fn with_two_sealed(store: Arc<dyn MetaStore>, scenario: &str) -> Lake {
    let lake = Lake::new(store, scenario).await;
    for (e_tag, paths) in [("1", ["a/1", "a/2", "b"]), ("2", ["a/1", "ab", "c"]), ("3", ["a/1", "a/3", "d"])] {
        lake.stage("main", paths.iter().map(|path| change(path, object(e_tag), None)).collect()).await;
        if e_tag != "3" {
            lake.sealed().await;
        }
    }
    lake
}

pub(super) async fn of_all(store: Arc<dyn MetaStore>) {
    let lake = with_two_sealed(store, "all").await;
    let before = lake.branch("main").await;
    let after = lake.unstage(UnstageScope::All).await;
    assert!(after.sealed.is_empty() && after.staging > before.staging && after.version > before.version);
    assert_eq!(after.commit, before.commit);
    assert_eq!(lake.staged_paths().await, [""; 0]);
    assert_eq!(lake.unstage(UnstageScope::All).await, after, "nothing is left to drop");
    lake.put("a/1", StagedValue::Tombstone).await;
    assert_eq!(lake.staged_paths().await, ["a/1"]);
    lake.unstage(UnstageScope::Prefix(String::new())).await;
    assert_eq!(lake.staged_paths().await, [""; 0], "every path begins with nothing");
}

pub(super) async fn of_a_prefix(store: Arc<dyn MetaStore>) {
    let lake = with_two_sealed(store, "prefix").await;
    lake.unstage(UnstageScope::Prefix("a/".into())).await;
    assert_eq!(lake.staged_paths().await, ["ab", "b", "c", "d"]);
    assert_eq!(lake.staged("a/1").await, None, "no older token's value shows");
    let before = lake.branch("main").await;
    assert_eq!(lake.unstage(UnstageScope::Prefix("zz".into())).await, before);
    lake.unstage(UnstageScope::Prefix("a".into())).await;
    assert_eq!(lake.staged_paths().await, ["b", "c", "d"]);
}

pub(super) async fn of_a_path(store: Arc<dyn MetaStore>) {
    let lake = with_two_sealed(store, "path").await;
    lake.unstage(UnstageScope::Path(name("a/1"))).await;
    assert_eq!(lake.staged_paths().await, ["a/2", "a/3", "ab", "b", "c", "d"]);
    let before = lake.branch("main").await;
    assert_eq!(lake.unstage(UnstageScope::Path(name("a"))).await, before, "a path isn't a prefix");
    lake.unstage(UnstageScope::Path(name("d"))).await;
    assert_eq!(lake.branch("main").await, before, "the record changes only if a sealed token does");
    lake.unstage(UnstageScope::Path(name("b"))).await;
    assert!(lake.branch("main").await.version > before.version);
    assert_eq!(lake.staged_paths().await, ["a/2", "a/3", "ab", "c"]);
}

pub(super) async fn of_very_many(store: Arc<dyn MetaStore>) {
    let lake = Lake::new(store, "many").await;
    let changes =
        (0..Command::STAGED_CHANGES_MAX - 2).map(|number| change(&format!("in/{number:04}"), object("1"), None));
    let around = ["im", "in0"].map(|path| change(path, object("1"), None));
    lake.stage("main", changes.chain(around).collect()).await;
    lake.unstage(UnstageScope::Prefix("in/".into())).await;
    assert_eq!(lake.staged_paths().await, ["im", "in0"]);
    lake.put("in/0001", object("2")).await;
    assert_eq!(lake.staged_paths().await, ["im", "in/0001", "in0"], "what comes later stays");
}

pub(super) async fn refuses_the_commit_under_way(store: Arc<dyn MetaStore>) {
    let lake = with_two_sealed(store, "under-way").await;
    let sealed = lake.branch("main").await.sealed;
    lake.unstage(UnstageScope::All).await;
    let outcome = lake.publish(commit(1), commit(2), &sealed, false).await;
    assert_eq!(refusal(outcome), Refusal::HeadMoved { branch: main_branch(), head: commit(1) });
}
