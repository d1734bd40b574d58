//! The API's merges, through the SDK over real gRPC.

use futures::TryStreamExt;
use lakebed_sdk::{Code, Conflict, MergeOptions, MergeOutcome, Reason, Strategy, Summary};

use crate::lake::{TestLake, branch};
use crate::meta::Lose;

/// `main` has `same`, `mine` and `gone`; `fix` is a branch of it.
async fn lake_with_a_branch() -> TestLake {
    let lake = TestLake::new().await;
    for path in ["same", "mine", "gone"] {
        lake.put("main", path, "0").await;
    }
    lake.commit("main", "base").await;
    lake.branch_off("fix", "main").await;
    lake
}

#[tokio::test]
async fn a_merge_brings_the_source_s_changes_and_keeps_the_destination_s() {
    let lake = lake_with_a_branch().await;
    lake.put("fix", "new", "fix").await;
    lake.delete("fix", "gone").await;
    let theirs = lake.commit("fix", "on fix").await;
    lake.put("main", "mine", "main").await;
    let ours = lake.commit("main", "on main").await;

    let merged = lake.merge("fix", "main").await.unwrap();
    let MergeOutcome::Merged { commit, .. } = merged else { panic!("{merged:?}") };
    assert_eq!(commit.parents, [ours.id, theirs.id], "the destination first");
    assert_eq!(commit.message, "Merge 'fix' into 'main'");
    assert_eq!(lake.paths("main").await, ["mine", "new", "same"]);
    assert_eq!(lake.read("main", "mine").await.unwrap(), "main");
    assert_eq!(lake.log("main").await[0], commit);

    let again = lake.merge("fix", "main").await.unwrap();
    assert_eq!(again, MergeOutcome::UpToDate { head: commit.id });
}

#[tokio::test]
async fn a_dry_run_tells_and_changes_nothing() {
    let lake = lake_with_a_branch().await;
    lake.put("fix", "new", "1").await;
    lake.put("fix", "mine", "1").await;
    lake.delete("fix", "gone").await;
    lake.commit("fix", "on fix").await;
    let before = lake.log("main").await;
    let options = MergeOptions { dry_run: true, ..MergeOptions::default() };
    let told = lake.lakebed.merge(&lake.trips, "fix", &branch("main"), options).await.unwrap();
    assert_eq!(told, MergeOutcome::Preview(Summary { added: 1, removed: 1, changed: 1 }));
    assert_eq!(lake.log("main").await, before);
}

#[tokio::test]
async fn conflicts_are_an_answer_in_pages_and_strategies_decide_them() {
    let lake = TestLake::new().await;
    let paths: Vec<String> = (0..25).map(|n| format!("p{n:02}")).collect();
    for path in &paths {
        lake.put("main", path, "base").await;
    }
    lake.commit("main", "base").await;
    lake.branch_off("fix", "main").await;
    for path in &paths {
        lake.put("main", path, "main").await;
        lake.put("fix", path, "fix").await;
    }
    lake.delete("fix", "p24").await;
    lake.commit("main", "on main").await;
    lake.commit("fix", "on fix").await;
    let before = lake.log("main").await;

    let options = MergeOptions { conflicts_amount: 10, ..MergeOptions::default() };
    let found = lake.lakebed.merge(&lake.trips, "fix", &branch("main"), options).await.unwrap();
    let MergeOutcome::Conflicts(page) = found else { panic!("{found:?}") };
    assert_eq!((page.items.len(), page.next_after.as_deref()), (10, Some("p09")));
    let options = MergeOptions { conflicts_after: "p19".into(), conflicts_amount: 10, ..MergeOptions::default() };
    let found = lake.lakebed.merge(&lake.trips, "fix", &branch("main"), options).await.unwrap();
    let MergeOutcome::Conflicts(page) = found else { panic!("{found:?}") };
    assert_eq!((page.items.len(), page.next_after), (5, None));
    let last = &page.items[4];
    assert!(last.source.is_none() && last.base.is_some() && last.destination.is_some(), "{last:?}");

    let all: Vec<Conflict> = lake.lakebed.conflicts(&lake.trips, "fix", &branch("main")).try_collect().await.unwrap();
    assert_eq!(all.iter().map(|conflict| conflict.path.to_string()).collect::<Vec<_>>(), paths);
    assert_eq!(lake.log("main").await, before, "nothing changed");

    lake.branch_off("ours", "main").await;
    for (into, strategy, text) in [("ours", Strategy::DestinationWins, "main"), ("main", Strategy::SourceWins, "fix")] {
        let options = MergeOptions { strategy: Some(strategy), ..MergeOptions::default() };
        let merged = lake.lakebed.merge(&lake.trips, "fix", &branch(into), options).await.unwrap();
        assert!(matches!(merged, MergeOutcome::Merged { .. }), "{merged:?}");
        assert_eq!(lake.read(into, "p00").await.unwrap(), text);
    }
    assert_eq!(lake.read("main", "p24").await.unwrap_err().reason, Reason::ObjectNotFound);
}

#[tokio::test]
async fn a_destination_with_uncommitted_changes_or_the_source_itself_is_refused() {
    let lake = lake_with_a_branch().await;
    lake.put("fix", "new", "1").await;
    lake.commit("fix", "on fix").await;
    lake.put("main", "staged", "1").await;
    let dirty = lake.merge("fix", "main").await.unwrap_err();
    assert_eq!((dirty.code, dirty.reason), (Code::FailedPrecondition, Reason::DirtyBranch));
    let same = lake.merge("main", "main").await.unwrap_err();
    assert_eq!((same.code, same.reason), (Code::InvalidArgument, Reason::SameBranch));
    let missing = lake.merge("fix", "nothing").await.unwrap_err();
    assert_eq!(missing.reason, Reason::BranchNotFound);
    let missing = lake.merge("nothing", "main").await.unwrap_err();
    assert_eq!(missing.reason, Reason::RefNotFound);
}

#[tokio::test]
async fn a_merge_whose_answer_is_lost_is_made_once() {
    for lose in [Lose::Request, Lose::Answer] {
        let lake = lake_with_a_branch().await;
        lake.put("fix", "new", "1").await;
        lake.commit("fix", "on fix").await;
        lake.meta.lose_next_publication(lose);
        let merged = lake.merge("fix", "main").await.unwrap();
        let MergeOutcome::Merged { commit, .. } = merged else { panic!("{lose:?}: {merged:?}") };
        let log = lake.log("main").await;
        assert_eq!(log[0], commit, "{lose:?}");
        assert_eq!(log.iter().filter(|commit| commit.parents.len() == 2).count(), 1, "{lose:?}");
    }
}

#[tokio::test]
async fn the_merge_base_is_where_two_refs_went_apart() {
    let lake = lake_with_a_branch().await;
    let base = lake.lakebed.get_commit(&lake.trips, "main").await.unwrap().id;
    for on in ["main", "fix"] {
        lake.put(on, on, "1").await;
        lake.commit(on, on).await;
    }
    let found = lake.lakebed.merge_base(&lake.trips, "main", "fix").await.unwrap();
    assert_eq!(found.base, Some(base));
    assert_eq!(found.left, lake.lakebed.get_branch(&lake.trips, &branch("main")).await.unwrap().commit);
    assert_eq!(found.right, lake.lakebed.get_branch(&lake.trips, &branch("fix")).await.unwrap().commit);
}

/// Two features that are merged into `main` and `stable`, one of which `stable` deletes again: through the queue.
#[tokio::test]
async fn what_a_branch_deleted_of_features_that_both_merged_stays_deleted() {
    let lake = TestLake::new().await;
    lake.put("main", "base", "0").await;
    lake.commit("main", "base").await;
    lake.branch_off("stable", "main").await;
    let mut features = Vec::new();
    for feature in ["f", "g"] {
        lake.branch_off(feature, "stable").await;
        lake.put(feature, feature, "1").await;
        features.push(lake.commit(feature, feature).await.id);
    }
    for feature in ["f", "g"] {
        for into in ["main", "stable"] {
            lake.merge(feature, into).await.unwrap();
        }
    }
    lake.delete("stable", "f").await;
    lake.commit("stable", "without f").await;
    lake.put("main", "more", "1").await;
    lake.commit("main", "more").await;

    let found = lake.lakebed.merge_base(&lake.trips, "main", "stable").await.unwrap();
    assert_eq!(found.base, Some(found.bases[0]));
    let sorted = |mut ids: Vec<_>| {
        ids.sort();
        ids
    };
    assert_eq!(sorted(found.bases), sorted(features));
    let dry = MergeOptions { dry_run: true, ..MergeOptions::default() };
    let told = lake.lakebed.merge(&lake.trips, "main", &branch("stable"), dry).await.unwrap();
    assert_eq!(told, MergeOutcome::Preview(Summary { added: 1, removed: 0, changed: 0 }));
    lake.merge("main", "stable").await.unwrap();
    assert_eq!(lake.paths("stable").await, ["base", "g", "more"]);
}
