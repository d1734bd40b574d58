//! The API's replays, through the SDK over real gRPC.

use futures::TryStreamExt;
use futures::future::join_all;
use lakebed_sdk::{
    Code, Commit, MergeOptions, MergeOutcome, Reason, RebaseOptions, RebaseOutcome, Replay, ReplayOptions, Strategy,
    Summary,
};
use std::sync::Arc;

use crate::lake::{TestLake, branch};
use crate::meta::Lose;

/// `main` has `a`, then a commit that changes `a` and adds `b`, then one that adds `c`.
async fn lake() -> (TestLake, Commit) {
    let lake = TestLake::new().await;
    lake.put("main", "a", "1").await;
    lake.commit("main", "first").await;
    lake.put("main", "a", "2").await;
    lake.put("main", "b", "2").await;
    let second = lake.commit("main", "second\n\nbecause").await;
    lake.put("main", "c", "3").await;
    lake.commit("main", "third").await;
    (lake, second)
}

fn merged(outcome: MergeOutcome) -> Commit {
    match outcome {
        MergeOutcome::Merged { commit, .. } => commit,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_revert_takes_a_change_back_and_keeps_what_came_after() {
    let (lake, second) = lake().await;
    let main = branch("main");
    let dry = ReplayOptions { dry_run: true, ..Default::default() };
    let told = lake.lakebed.revert(&lake.trips, &main, "main~1", dry).await.unwrap();
    assert_eq!(told, MergeOutcome::Preview(Summary { added: 0, removed: 1, changed: 1 }));

    let head = lake.log("main").await[0].id;
    let commit = merged(lake.lakebed.revert(&lake.trips, &main, "main~1", Default::default()).await.unwrap());
    assert_eq!(commit.parents, [head]);
    assert_eq!(commit.message, format!("Revert \"second\"\n\nThis reverts commit {}.", second.id));
    assert_eq!(lake.paths("main").await, ["a", "c"]);
    assert_eq!(lake.read("main", "a").await.unwrap(), "1");

    let again = lake.lakebed.revert(&lake.trips, &main, &second.id.to_string(), Default::default()).await.unwrap_err();
    assert_eq!(again.reason, Reason::NoChanges);
    let back = merged(lake.lakebed.revert(&lake.trips, &main, "main", Default::default()).await.unwrap());
    assert!(back.message.starts_with("Revert \"Revert \"second\"\""), "{}", back.message);
    assert_eq!(lake.read("main", "b").await.unwrap(), "2");
}

#[tokio::test]
async fn a_revert_of_what_changed_again_is_a_conflict_that_strategies_decide() {
    let (lake, second) = lake().await;
    let (main, id) = (branch("main"), second.id.to_string());
    lake.put("main", "a", "4").await;
    lake.commit("main", "again").await;
    let before = lake.log("main").await;
    let found = lake.lakebed.revert(&lake.trips, &main, &id, Default::default()).await.unwrap();
    let MergeOutcome::Conflicts(found) = found else { panic!("{found:?}") };
    assert_eq!(found.items.iter().map(|conflict| conflict.path.as_str()).collect::<Vec<_>>(), ["a"]);
    let all = lake.lakebed.replay_conflicts(Replay::Revert, &lake.trips, &main, &id, None);
    assert_eq!(all.try_collect::<Vec<_>>().await.unwrap(), found.items);
    assert_eq!(lake.log("main").await, before, "nothing changed");

    let options = ReplayOptions { strategy: Some(Strategy::SourceWins), ..Default::default() };
    merged(lake.lakebed.revert(&lake.trips, &main, &id, options).await.unwrap());
    assert_eq!(lake.read("main", "a").await.unwrap(), "1");
}

#[tokio::test]
async fn a_revert_of_a_merge_needs_a_parent() {
    let (lake, _) = lake().await;
    lake.branch_off("fix", "main~1").await;
    lake.put("fix", "fix", "1").await;
    lake.commit("fix", "fix").await;
    lake.merge("fix", "main").await.unwrap();
    let main = branch("main");
    let error = lake.lakebed.revert(&lake.trips, &main, "main", Default::default()).await.unwrap_err();
    assert_eq!((error.code, error.reason), (Code::FailedPrecondition, Reason::ParentNeeded));
    let none = ReplayOptions { parent: Some(3), ..Default::default() };
    let error = lake.lakebed.revert(&lake.trips, &main, "main", none).await.unwrap_err();
    assert_eq!(error.reason, Reason::InvalidArgument);
    let first = ReplayOptions { parent: Some(1), ..Default::default() };
    merged(lake.lakebed.revert(&lake.trips, &main, "main", first).await.unwrap());
    assert_eq!(lake.paths("main").await, ["a", "b", "c"]);
}

#[tokio::test]
async fn a_cherry_pick_brings_one_change_and_says_where_it_is_from() {
    let (lake, second) = lake().await;
    lake.branch_off("old", "main~2").await;
    lake.put("old", "own", "1").await;
    let dirty = lake.lakebed.cherry_pick(&lake.trips, &branch("old"), "main~1", Default::default()).await.unwrap_err();
    assert_eq!(dirty.reason, Reason::DirtyBranch);
    let head = lake.commit("old", "own").await;
    let picked = lake.lakebed.cherry_pick(&lake.trips, &branch("old"), "main~1", Default::default()).await;
    let commit = merged(picked.unwrap());
    assert_eq!((commit.parents.as_slice(), commit.message.as_str()), ([head.id].as_slice(), "second\n\nbecause"));
    assert_eq!(commit.metadata["cherry-pick-origin"], second.id.to_string());
    assert_eq!(commit.metadata["cherry-pick-committer"], second.committer);
    assert_eq!(lake.paths("old").await, ["a", "b", "own"], "and not c");
}

#[tokio::test]
async fn a_squash_has_one_parent_and_the_source_s_changes() {
    let (lake, _) = lake().await;
    lake.branch_off("fix", "main").await;
    for path in ["x", "y"] {
        lake.put("fix", path, "1").await;
        lake.commit("fix", path).await;
    }
    lake.put("main", "z", "1").await;
    let head = lake.commit("main", "z").await;
    let options = MergeOptions { squash: true, ..Default::default() };
    let squash = lake.lakebed.merge(&lake.trips, "fix", &branch("main"), options.clone()).await.unwrap();
    let commit = merged(squash);
    assert_eq!(
        (commit.parents.as_slice(), commit.message.as_str()),
        ([head.id].as_slice(), "Squash 'fix' into 'main'")
    );
    assert_eq!(lake.paths("main").await, ["a", "b", "c", "x", "y", "z"]);
    let again = lake.lakebed.merge(&lake.trips, "fix", &branch("main"), options).await.unwrap();
    assert_eq!(again, MergeOutcome::UpToDate { head: commit.id });
}

#[tokio::test]
async fn a_rebase_makes_commits_anew_or_changes_nothing() {
    let (lake, _) = lake().await;
    let fix = branch("fix");
    lake.branch_off("fix", "main~1").await;
    for path in ["x", "y"] {
        lake.put("fix", path, "1").await;
        lake.commit("fix", path).await;
    }
    let main = lake.log("main").await[0].id;
    let done = lake.lakebed.rebase(&lake.trips, &fix, "main", RebaseOptions::default()).await.unwrap();
    let RebaseOutcome::Rebased { head, replayed: 2, dropped: 0 } = done else { panic!("{done:?}") };
    let log = lake.log("fix").await;
    assert_eq!(log[0].id, head);
    assert_eq!(log.iter().take(2).map(|commit| commit.message.as_str()).collect::<Vec<_>>(), ["y", "x"]);
    assert_eq!(log[2].id, main);
    assert_eq!(lake.paths("fix").await, ["a", "b", "c", "x", "y"]);
    let again = lake.lakebed.rebase(&lake.trips, &fix, "main", RebaseOptions::default()).await.unwrap();
    assert_eq!(again, RebaseOutcome::UpToDate { head });

    lake.put("fix", "a", "fix").await;
    let bad = lake.commit("fix", "changes a").await;
    lake.put("main", "a", "main").await;
    lake.commit("main", "changes a too").await;
    let stuck = lake.lakebed.rebase(&lake.trips, &fix, "main", RebaseOptions::default()).await.unwrap();
    let RebaseOutcome::Conflicts { commit, conflicts } = stuck else { panic!("{stuck:?}") };
    assert_eq!((commit, conflicts.items.len(), conflicts.items[0].path.as_str()), (bad.id, 1, "a"));
    assert_eq!(lake.log("fix").await[0], bad, "nothing changed");

    let theirs = RebaseOptions { strategy: Some(Strategy::DestinationWins), ..RebaseOptions::default() };
    let done = lake.lakebed.rebase(&lake.trips, &fix, "main", theirs).await.unwrap();
    assert!(matches!(done, RebaseOutcome::Rebased { replayed: 2, dropped: 1, .. }), "{done:?}");
    assert_eq!(lake.read("fix", "a").await.unwrap(), "main");
    lake.put("fix", "a", "ours").await;
    lake.commit("fix", "changes a again").await;
    lake.put("main", "a", "theirs").await;
    lake.commit("main", "changes a too, again").await;
    let ours = RebaseOptions { strategy: Some(Strategy::SourceWins), ..RebaseOptions::default() };
    let done = lake.lakebed.rebase(&lake.trips, &fix, "main", ours).await.unwrap();
    assert!(matches!(done, RebaseOutcome::Rebased { replayed: 3, dropped: 0, .. }), "{done:?}");
    assert_eq!(lake.read("fix", "a").await.unwrap(), "ours");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn replays_at_the_same_time_are_made_again_and_none_is_bounced() {
    const REPLAYS: usize = 6;
    let lake = Arc::new(TestLake::new().await);
    for n in 0..REPLAYS {
        lake.put("main", &format!("{n}"), "0").await;
        lake.commit("main", &format!("{n}")).await;
    }
    let ids: Vec<_> = lake.log("main").await.iter().take(REPLAYS).map(|commit| commit.id.to_string()).collect();
    let reverts = ids.iter().cloned().map(|id| {
        let lake = Arc::clone(&lake);
        tokio::spawn(async move {
            let done = lake.lakebed.revert(&lake.trips, &branch("main"), &id, Default::default()).await;
            merged(done.unwrap())
        })
    });
    let commits: Vec<_> = join_all(reverts).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(lake.paths("main").await, Vec::<String>::new());
    let log = lake.log("main").await;
    assert!(commits.iter().all(|commit| log.contains(commit)));
}

#[tokio::test]
async fn a_replay_whose_answer_is_lost_is_made_once() {
    for lose in [Lose::Request, Lose::Answer] {
        let (lake, _) = lake().await;
        let before = lake.log("main").await.len();
        lake.meta.lose_next_publication(lose);
        let done = lake.lakebed.revert(&lake.trips, &branch("main"), "main~1", Default::default()).await.unwrap();
        let log = lake.log("main").await;
        assert_eq!((log.len(), &log[0]), (before + 1, &merged(done)), "{lose:?}");
    }
}

#[tokio::test]
async fn a_rebase_whose_answer_is_lost_is_not_made_again_over_what_came_after() {
    let (lake, second) = lake().await;
    lake.branch_off("fix", &second.id.to_string()).await;
    lake.put("fix", "d", "1").await;
    lake.commit("fix", "fix").await;
    lake.meta.lose_next_publication(Lose::AnswerBefore(second.id));
    let options = RebaseOptions::default();
    let rebased = lake.lakebed.rebase(&lake.trips, &branch("fix"), "main", options).await.unwrap();
    let RebaseOutcome::Rebased { head, replayed: 1, .. } = rebased else { panic!("{rebased:?}") };
    assert_eq!(lake.lakebed.get_commit(&lake.trips, &head.to_string()).await.unwrap().message, "fix");
    assert_eq!(lake.log("fix").await[0].id, second.id, "what came after it is still there");
}
