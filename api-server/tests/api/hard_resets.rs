//! The API's hard resets, through the SDK over real gRPC.

use std::sync::Arc;

use lakebed_sdk::{Code, HardReset, Reason};

use crate::lake::{TestLake, branch};
use crate::meta::Lose;

/// `main` has `a` and then `b`, committed one after the other, and `c` uncommitted.
async fn lake() -> TestLake {
    let lake = TestLake::new().await;
    for path in ["a", "b"] {
        lake.put("main", path, "1").await;
        lake.commit("main", path).await;
    }
    lake.put("main", "c", "1").await;
    lake
}

fn to(to: &str) -> HardReset {
    HardReset { to: to.to_owned(), ..HardReset::default() }
}

#[tokio::test]
async fn a_branch_moves_to_any_commit_and_keeps_what_is_uncommitted() {
    let lake = lake().await;
    let head = lake.log("main").await[0].id;
    let reset = lake.lakebed.hard_reset(&lake.trips, &branch("main"), to("main~1")).await.unwrap();
    assert_eq!(reset.commit, lake.log("main").await[0].id);
    assert_eq!((lake.paths("main").await, lake.paths("main@").await), (vec!["a".into(), "c".into()], vec!["a".into()]));
    lake.lakebed.hard_reset(&lake.trips, &branch("main"), to(&head.to_string())).await.unwrap();
    assert_eq!(lake.paths("main").await, ["a", "b", "c"]);
    assert_eq!(lake.commit("main", "goes on").await.parents, [head]);
}

#[tokio::test]
async fn uncommitted_changes_are_dropped_in_the_same_step_if_asked_for() {
    for lose in [None, Some(Lose::Request), Some(Lose::Answer)] {
        let lake = lake().await;
        let reset = HardReset { discard_uncommitted: true, ..to("main~1") };
        if let Some(lose) = lose {
            lake.meta.lose_next_publication(lose);
        }
        lake.lakebed.hard_reset(&lake.trips, &branch("main"), reset).await.unwrap();
        assert_eq!(lake.paths("main").await, ["a"]);
        assert_eq!(lake.try_commit("main", "nothing").await.unwrap_err().reason, Reason::NoChanges);
        lake.put("main", "d", "1").await;
        lake.commit("main", "goes on").await;
        assert_eq!(lake.paths("main").await, ["a", "d"]);
    }
}

#[tokio::test]
async fn a_branch_that_is_not_where_it_should_be_stays() {
    let lake = lake().await;
    let log = lake.log("main").await;
    let reset = HardReset { expected: Some(log[1].id), discard_uncommitted: true, to: log[2].id.to_string() };
    let moved = lake.lakebed.hard_reset(&lake.trips, &branch("main"), reset.clone()).await.unwrap_err();
    assert_eq!((moved.code, moved.reason), (Code::Aborted, Reason::Contended));
    assert_eq!(lake.paths("main").await, ["a", "b", "c"], "nothing was dropped");
    let reset = HardReset { expected: Some(log[0].id), ..reset };
    lake.lakebed.hard_reset(&lake.trips, &branch("main"), reset).await.unwrap();
    assert_eq!(lake.paths("main").await, Vec::<String>::new());
    let nowhere = lake.lakebed.hard_reset(&lake.trips, &branch("main"), to("nothing")).await.unwrap_err();
    assert_eq!(nowhere.reason, Reason::RefNotFound);
}

#[tokio::test]
async fn a_reset_to_the_same_head_drops_what_is_uncommitted_even_if_its_answer_is_lost() {
    for lose in [Lose::Request, Lose::Answer] {
        let lake = lake().await;
        lake.meta.lose_next_publication(lose);
        let reset = HardReset { discard_uncommitted: true, ..to("main") };
        lake.lakebed.hard_reset(&lake.trips, &branch("main"), reset).await.unwrap();
        assert_eq!(lake.paths("main").await, ["a", "b"], "{lose:?}");
    }
}

#[tokio::test]
async fn a_reset_whose_answer_is_lost_is_not_made_again_over_what_came_after() {
    let lake = lake().await;
    let log = lake.log("main").await;
    lake.branch_off("theirs", "main~1").await;
    lake.put("theirs", "theirs", "1").await;
    let theirs = lake.commit("theirs", "theirs").await;
    lake.meta.lose_next_publication(Lose::AnswerBefore(theirs.id));
    let reset = lake.lakebed.hard_reset(&lake.trips, &branch("main"), to("main~1")).await.unwrap();
    assert_eq!(reset.commit, log[1].id, "it is told what it did");
    assert_eq!(lake.log("main").await[0].id, theirs.id, "what came after it is still there");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn commits_and_resets_at_the_same_time_leave_nothing_behind() {
    let lake = Arc::new(lake().await);
    let base = lake.commit("main", "c").await.id;
    let reset = HardReset { discard_uncommitted: true, ..to(&base.to_string()) };
    let committers: Vec<_> = (0..4)
        .map(|n| {
            let lake = Arc::clone(&lake);
            tokio::spawn(async move {
                for round in 0..5 {
                    let path = format!("{n}/{round}");
                    lake.put("main", &path, "1").await;
                    if let Err(error) = lake.try_commit("main", &path).await {
                        assert_eq!(error.reason, Reason::NoChanges, "{error}");
                    }
                }
            })
        })
        .collect();
    for _ in 0..5 {
        lake.lakebed.hard_reset(&lake.trips, &branch("main"), reset.clone()).await.unwrap();
    }
    for committer in committers {
        committer.await.unwrap();
    }
    lake.lakebed.hard_reset(&lake.trips, &branch("main"), reset).await.unwrap();
    assert_eq!(lake.paths("main").await, ["a", "b", "c"]);
    let main = lake.graveler.meta().branch(&lake.trips, &branch("main")).await.unwrap();
    assert_eq!((main.commit, main.sealed), (base, vec![]), "no token stays behind");
}
