//! The API's contention, through the SDK over real gRPC.

use std::sync::Arc;

use futures::future::join_all;
use lakebed_sdk::{Committed, MergeOutcome, Reason};

use crate::lake::TestLake;

const COMMITTERS: usize = 16;
const ROUNDS: usize = 3;
const MERGERS: usize = 8;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn commits_at_the_same_time_are_rebased_and_none_is_bounced() {
    let lake = Arc::new(TestLake::new().await);
    let committers = (0..COMMITTERS).map(|n| {
        let lake = Arc::clone(&lake);
        tokio::spawn(async move {
            for round in 0..ROUNDS {
                let path = format!("{n:02}/{round}");
                lake.put("main", &path, &path).await;
                match lake.try_commit("main", &path).await {
                    Ok(Committed { commit, .. }) => {
                        assert_eq!(lake.read(&commit.id.to_string(), &path).await.unwrap(), path);
                    }
                    // Somebody else's commit was quicker than this one's seal; then it is in the head.
                    Err(error) => assert_eq!(error.reason, Reason::NoChanges, "{error}"),
                }
                assert_eq!(lake.read("main@", &path).await.unwrap(), path, "committed when the call returns");
            }
        })
    });
    for committer in join_all(committers).await {
        committer.unwrap();
    }

    assert_eq!(lake.paths("main@").await.len(), COMMITTERS * ROUNDS);
    let log = lake.log("main").await;
    assert!(log.windows(2).all(|pair| pair[0].parents == [pair[1].id]), "the history is one line");
    let main = lake.graveler.meta().branch(&lake.trips, &"main".parse().unwrap()).await.unwrap();
    assert_eq!(main.sealed, [], "no token stays behind");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn writers_that_go_on_during_commits_lose_nothing() {
    let lake = Arc::new(TestLake::new().await);
    let writers = (0..4).map(|n| {
        let lake = Arc::clone(&lake);
        tokio::spawn(async move {
            for i in 0..25 {
                lake.put("main", &format!("w{n}/{i:02}"), "x").await;
            }
        })
    });
    let committers = (0..4).map(|_| {
        let lake = Arc::clone(&lake);
        tokio::spawn(async move {
            for round in 0..5 {
                if let Err(error) = lake.try_commit("main", &format!("round {round}")).await {
                    assert_eq!(error.reason, Reason::NoChanges, "{error}");
                }
            }
        })
    });
    let all: Vec<_> = writers.chain(committers).collect();
    for task in join_all(all).await {
        task.unwrap();
    }
    assert_eq!(lake.paths("main").await.len(), 100);
    let _ = lake.try_commit("main", "the rest").await;
    assert_eq!(lake.paths("main@").await.len(), 100);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn merges_at_the_same_time_are_made_again_and_none_is_bounced() {
    let lake = Arc::new(TestLake::new().await);
    lake.put("main", "base", "0").await;
    lake.commit("main", "base").await;
    for n in 0..MERGERS {
        let fix = format!("fix{n}");
        lake.branch_off(&fix, "main").await;
        lake.put(&fix, &fix, &fix).await;
        lake.commit(&fix, &fix).await;
    }
    let merges = (0..MERGERS).map(|n| {
        let lake = Arc::clone(&lake);
        tokio::spawn(async move { lake.merge(&format!("fix{n}"), "main").await.unwrap() })
    });
    for merged in join_all(merges).await {
        assert!(matches!(merged.unwrap(), MergeOutcome::Merged { .. }));
    }
    assert_eq!(lake.paths("main").await.len(), MERGERS + 1);
    let first_parents = lake.log("main").await.into_iter().filter(|commit| commit.parents.len() == 2).count();
    assert_eq!(first_parents, MERGERS, "each merge is in the history");
}
