//! What many requests share: a publication that is lost, or that fails for one of them, through the SDK over real gRPC.

use std::collections::BTreeMap;
use std::sync::Arc;

use lakebed_sdk::{Code, Committed, Error, NewCommit, Reason};
use model::{JOB_BYTES_MAX, RequestId};
use tokio::task::JoinHandle;

use crate::commit_queue::spawn_commit;
use crate::lake::{TestLake, branch, until};
use crate::meta::Lose;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_lost_publication_says_nothing_of_those_whose_answer_another_server_did_not_give() {
    let lake = Arc::new(TestLake::new().await);
    let held = lake.meta.hold_publications().await;
    let mut commits = vec![spawn_commit(&lake, "main", "alone").await];
    lake.meta.publications_come(1).await;
    for text in ["answered elsewhere", "lost"] {
        commits.push(spawn_commit(&lake, "main", text).await);
    }
    // The first of those that share the next publication is answered by another server; the publication itself is lost.
    lake.meta.lose_publication(1, Lose::RequestAndFirst);
    drop(held);
    for commit in commits {
        commit.await.unwrap();
    }
    let messages: Vec<_> = lake.log("main").await.into_iter().map(|commit| commit.message).collect();
    assert_eq!(messages[0], "lost", "a caller who was told of a commit has it: {messages:?}");
    assert_eq!(lake.read("main@", "lost").await.unwrap(), "lost");
}

/// Begins a commit of nothing, with metadata.
fn spawn_empty(lake: &Arc<TestLake>, id: u128, bytes: usize) -> JoinHandle<Result<Committed, Error>> {
    let lake = Arc::clone(lake);
    let commit = NewCommit {
        request_id: Some(RequestId(id)),
        metadata: BTreeMap::from([("k".to_owned(), "v".repeat(bytes))]),
        allow_empty: true,
        ..NewCommit::new(format!("commit {id}"))
    };
    tokio::spawn(async move { lake.lakebed.commit(&lake.trips, &branch("main"), commit).await })
}

/// Has these commits of nothing, each with so much metadata, wait together. → what each came to, in their order
async fn commit_together(lake: &Arc<TestLake>, sizes: &[usize]) -> Vec<Result<Committed, Error>> {
    let held = lake.meta.hold_publications().await;
    let first = spawn_empty(lake, 1, 0);
    lake.meta.publications_come(1).await;
    let reads = lake.meta.reads.load(std::sync::atomic::Ordering::Relaxed);
    let others: Vec<_> = (2..).zip(sizes).map(|(id, bytes)| spawn_empty(lake, id, *bytes)).collect();
    // Each that isn't refused at once looks for its request and its repository; then it seals, and waits in the queue.
    let come = |other: &JoinHandle<_>| u64::from(!other.is_finished()) * 2;
    until("all have come", async || {
        let awaited: u64 = others.iter().map(come).sum();
        lake.meta.reads.load(std::sync::atomic::Ordering::Relaxed) >= reads + awaited
    })
    .await;
    drop(held);
    first.await.unwrap().unwrap();
    let mut done = Vec::new();
    for other in others {
        done.push(other.await.unwrap());
    }
    done
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn large_requests_are_taken_or_refused_and_fail_no_neighbour() {
    let lake = Arc::new(TestLake::new().await);
    let near = [0, 65_300, 65_340, 65_380, 65_420, 65_460, 65_480, 1, JOB_BYTES_MAX, 2];
    let done = commit_together(&lake, &near).await;
    for (bytes, done) in near.into_iter().zip(done) {
        match done {
            Ok(committed) => assert_eq!(committed.commit.metadata["k"].len(), bytes),
            Err(refused) => {
                assert!(bytes > 65_480, "{bytes} bytes: {refused}");
                assert_eq!((refused.code, refused.reason), (Code::InvalidArgument, Reason::InvalidArgument));
                assert!(refused.message.contains("65536"), "{refused}");
            }
        }
    }
    let kept = lake.log("main").await.into_iter().filter(|commit| commit.metadata.contains_key("k")).count();
    assert_eq!(kept, 10, "the first, and all but the one of {JOB_BYTES_MAX}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_that_the_metadata_service_can_t_take_fails_alone() {
    let lake = Arc::new(TestLake::new().await);
    lake.meta.fail_publications_of(RequestId(3), usize::MAX);
    let done = commit_together(&lake, &[0; 6]).await;
    for (id, done) in (2..).zip(done) {
        match done {
            Ok(committed) => assert_eq!(committed.commit.message, format!("commit {id}")),
            Err(error) => assert_eq!((id, error.reason), (3, Reason::Internal), "{error}"),
        }
    }
    assert_eq!(lake.log("main").await.len(), 1 + 6, "all but the one that can't be taken");
}
