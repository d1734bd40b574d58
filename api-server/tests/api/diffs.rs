//! The API's diffs, through the SDK over real gRPC.

use futures::TryStreamExt;
use lakebed_sdk::{Change, DiffItem, DiffKind, DiffOptions, Reason};

use crate::lake::{TestLake, branch};

fn short(items: &[DiffItem]) -> Vec<(&str, Change)> {
    items.iter().map(|item| (item.path.as_str(), item.change)).collect()
}

#[tokio::test]
async fn refs_are_compared_as_they_are_or_from_their_merge_base() {
    let lake = TestLake::new().await;
    for path in ["a/1", "a/2", "b"] {
        lake.put("main", path, "0").await;
    }
    lake.commit("main", "base").await;
    lake.branch_off("fix", "main").await;
    lake.put("main", "main-only", "1").await;
    lake.commit("main", "on main").await;
    lake.put("fix", "a/1", "1").await;
    lake.delete("fix", "a/2").await;
    lake.put("fix", "c", "1").await;
    lake.commit("fix", "on fix").await;

    let diff = async |kind, options| -> Vec<DiffItem> {
        lake.lakebed.diff(&lake.trips, "main", "fix", kind, options).try_collect().await.unwrap()
    };
    let ours = [("a/1", Change::Changed), ("a/2", Change::Removed), ("c", Change::Added)];
    let three = diff(DiffKind::ThreeDot, DiffOptions::default()).await;
    assert_eq!(short(&three), ours);
    assert!(three[0].left.is_some() && three[0].right.is_some());
    assert!(three[1].right.is_none() && three[2].left.is_none());
    let two = diff(DiffKind::TwoDot, DiffOptions::default()).await;
    assert_eq!(short(&two)[3], ("main-only", Change::Removed));
    let folded = diff(DiffKind::ThreeDot, DiffOptions { delimiter: Some("/".into()), ..Default::default() }).await;
    assert_eq!(short(&folded), [("a/", Change::Prefix), ("c", Change::Added)]);
    let under = diff(DiffKind::ThreeDot, DiffOptions { prefix: "a/".into(), delimiter: None }).await;
    assert_eq!(short(&under), ours[..2]);
}

#[tokio::test]
async fn three_dots_tell_conflicts_and_nothing_of_what_both_changed_alike() {
    let lake = TestLake::new().await;
    for path in ["alike", "apart", "gone", "mine"] {
        lake.put("main", path, "0").await;
    }
    lake.commit("main", "base").await;
    lake.branch_off("fix", "main").await;
    for (on, apart) in [("main", "1"), ("fix", "2")] {
        lake.put(on, "alike", "same").await;
        lake.put(on, "apart", apart).await;
    }
    lake.delete("main", "gone").await;
    lake.put("fix", "gone", "2").await;
    lake.put("fix", "mine", "2").await;
    lake.commit("main", "on main").await;
    lake.commit("fix", "on fix").await;
    let items: Vec<DiffItem> = lake
        .lakebed
        .diff(&lake.trips, "main", "fix", DiffKind::ThreeDot, DiffOptions::default())
        .try_collect()
        .await
        .unwrap();
    assert_eq!(short(&items), [("apart", Change::Conflict), ("gone", Change::Conflict), ("mine", Change::Changed)]);
    // What both have now.
    assert!(items[0].left.is_some() && items[0].right.is_some());
    assert!(items[1].left.is_none() && items[1].right.is_some());
}

#[tokio::test]
async fn what_is_uncommitted_is_compared_with_the_head() {
    let lake = TestLake::new().await;
    for path in ["a", "b"] {
        lake.put("main", path, "0").await;
    }
    lake.commit("main", "base").await;
    lake.put("main", "a", "1").await;
    lake.delete("main", "b").await;
    lake.put("main", "c", "1").await;
    let items: Vec<_> = lake
        .lakebed
        .diff_uncommitted(&lake.trips, &branch("main"), DiffOptions::default())
        .try_collect()
        .await
        .unwrap();
    assert_eq!(short(&items), [("a", Change::Changed), ("b", Change::Removed), ("c", Change::Added)]);

    let missing = lake.lakebed.diff_uncommitted(&lake.trips, &branch("nothing"), DiffOptions::default());
    assert_eq!(missing.try_collect::<Vec<_>>().await.unwrap_err().reason, Reason::BranchNotFound);
}
