//! The API's reflogs, and how deleted branches come back, through the SDK over real gRPC.

use futures::TryStreamExt;
use lakebed_sdk::{Code, HardReset, MergeOptions, Reason, RebaseOptions, ReflogEntry, Uncommitted};

use crate::lake::{TestLake, branch};

async fn reflog(lake: &TestLake, of: &str) -> Vec<ReflogEntry> {
    lake.lakebed.reflog(&lake.trips, &branch(of)).try_collect().await.unwrap()
}

async fn reasons(lake: &TestLake, of: &str) -> Vec<String> {
    reflog(lake, of).await.into_iter().map(|moved| moved.why).collect()
}

#[tokio::test]
async fn every_move_of_a_branch_says_who_and_why() {
    let lake = TestLake::new().await;
    let main = branch("main");
    lake.put("main", "a", "1").await;
    let first = lake.commit("main", "first load\n\nand more").await;
    lake.branch_off("fix", "main").await;
    lake.put("fix", "b", "1").await;
    lake.commit("fix", "adds b").await;
    lake.lakebed.merge(&lake.trips, "fix", &main, MergeOptions::default()).await.unwrap();
    lake.lakebed.revert(&lake.trips, &main, "fix", Default::default()).await.unwrap();
    lake.lakebed.cherry_pick(&lake.trips, &main, "fix", Default::default()).await.unwrap();
    let reset = HardReset { to: first.id.to_string(), ..HardReset::default() };
    lake.lakebed.hard_reset(&lake.trips, &main, reset).await.unwrap();
    lake.put("main", "c", "1").await;
    let last = lake.commit("main", "adds c").await;
    lake.lakebed.rebase(&lake.trips, &branch("fix"), "main", RebaseOptions::default()).await.unwrap();

    let moves = reflog(&lake, "main").await;
    let expected = [
        "commit: adds c".to_owned(),
        format!("reset: to {}", first.id),
        "cherry-pick: adds b".to_owned(),
        "revert: Revert \"adds b\"".to_owned(),
        "merge: Merge 'fix' into 'main'".to_owned(),
        "commit: first load".to_owned(),
        "create: repository".to_owned(),
    ];
    assert_eq!(reasons(&lake, "main").await, expected);
    assert_eq!((moves[0].old, moves[0].new), (Some(first.id), Some(last.id)));
    assert_eq!(moves[6].old, None);
    assert!(moves.windows(2).all(|pair| pair[0].old == pair[1].new), "each begins where the one before led");
    assert!(moves.iter().all(|moved| moved.who == "admin" && moved.uncommitted.is_none()), "{moves:?}");
    assert_eq!(reasons(&lake, "fix").await, ["rebase: onto main", "commit: adds b", "create: from main"]);

    let at = async |expr: &str| lake.lakebed.get_commit(&lake.trips, expr).await.map(|commit| commit.id);
    assert_eq!(at("main@{0}").await.unwrap(), last.id);
    assert_eq!(Some(at("main@{2}").await.unwrap()), moves[2].new, "the reset led away from it");
    assert_eq!(Some(at("main@{2}~").await.unwrap()), moves[3].new, "the walk goes on from there");
    assert_eq!(at("main@{7}").await.unwrap_err().reason, Reason::RefNotFound);
    lake.lakebed.create_tag(&lake.trips, &"v1".parse().unwrap(), "main").await.unwrap();
    for nothing in ["v1@{0}".to_owned(), "nothing@{0}".to_owned(), format!("{}@{{0}}", first.id)] {
        assert_eq!(at(&nothing).await.unwrap_err().reason, Reason::RefNotFound, "{nothing}");
    }
    let nothing = lake.lakebed.reflog(&lake.trips, &branch("nothing")).try_collect::<Vec<_>>().await.unwrap_err();
    assert_eq!((nothing.code, nothing.reason), (Code::NotFound, Reason::BranchNotFound));
}

#[tokio::test]
async fn a_deleted_branch_comes_back_with_what_was_uncommitted() {
    let lake = TestLake::new().await;
    let fix = branch("fix");
    lake.branch_off("fix", "main").await;
    lake.put("fix", "a", "committed").await;
    let head = lake.commit("fix", "adds a").await;
    lake.put("fix", "a", "uncommitted").await;
    lake.lakebed.delete_branch(&lake.trips, &fix).await.unwrap();

    let deleted: Vec<ReflogEntry> = lake.lakebed.list_deleted_branches(&lake.trips, "").try_collect().await.unwrap();
    assert_eq!((deleted.len(), &deleted[0].branch, deleted[0].old), (1, &fix, Some(head.id)));
    assert!(matches!(deleted[0].uncommitted, Some(Uncommitted::Kept(until)) if until < deleted[0].expires));
    assert_eq!(reasons(&lake, "fix").await[..2], ["delete", "commit: adds a"]);
    assert_eq!(lake.read("fix@{1}", "a").await.unwrap(), "committed", "its commits can be read all the time");
    assert_eq!(lake.read("fix@{0}", "a").await.unwrap_err().reason, Reason::RefNotFound);

    let (back, uncommitted) = lake.lakebed.undelete_branch(&lake.trips, &fix).await.unwrap();
    assert_eq!((back.commit, matches!(uncommitted, Uncommitted::Kept(_))), (head.id, true));
    assert_eq!(lake.read("fix", "a").await.unwrap(), "uncommitted");
    lake.commit("fix", "and that too").await;
    assert_eq!(reasons(&lake, "fix").await[..2], ["commit: and that too", "undelete"]);

    let again = lake.lakebed.undelete_branch(&lake.trips, &fix).await.unwrap_err();
    assert_eq!(again.reason, Reason::RefExists);
    let never = lake.lakebed.undelete_branch(&lake.trips, &branch("never")).await.unwrap_err();
    assert_eq!((never.code, never.reason), (Code::NotFound, Reason::BranchNotFound));
    lake.lakebed.delete_branch(&lake.trips, &fix).await.unwrap();
    let (_, uncommitted) = lake.lakebed.undelete_branch(&lake.trips, &fix).await.unwrap();
    assert_eq!(uncommitted, Uncommitted::Absent);
}
