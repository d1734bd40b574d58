//! The queues before branches: what happens to those who share a publication, through the SDK over real gRPC.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use api_server::commit_queue::{CommitQueues, RequestContext};
use api_server::flows;
use futures::future::join_all;
use lakebed_sdk::{HardReset, MergeOutcome, Reason, RebaseOptions, RebaseOutcome};
use model::{Command, CommitId, Note, Publish, Unstage, UnstageScope};
use storage::testing::{Fault, Faults, Verb};

use crate::lake::{TestLake, branch, object, until};

const CLIENTS: usize = 64;

/// Branches `fix0` and so on, each with a commit of a file of its own, and `main` with one file.
async fn lake_with_branches(branches: usize) -> Arc<TestLake> {
    let lake = Arc::new(TestLake::new().await);
    lake.put("main", "base", "0").await;
    lake.commit("main", "base").await;
    join_all((0..branches).map(|n| {
        let lake = Arc::clone(&lake);
        async move {
            let fix = format!("fix{n}");
            lake.branch_off(&fix, "main").await;
            lake.put(&fix, &fix, &fix).await;
            lake.commit(&fix, &fix).await;
        }
    }))
    .await;
    lake
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixty_four_merges_share_publications_and_none_fails() {
    let lake = lake_with_branches(CLIENTS).await;
    let (published, reads) = (lake.meta.publications.load(Relaxed), lake.meta.reads.load(Relaxed));
    let held = lake.meta.hold_publications().await;
    let merges: Vec<_> = (0..CLIENTS)
        .map(|n| {
            let lake = Arc::clone(&lake);
            tokio::spawn(async move { lake.merge(&format!("fix{n}"), "main").await.unwrap() })
        })
        .collect();
    // Each looks for its request and its source; then it waits in the queue.
    until("all have come", async || lake.meta.reads.load(Relaxed) >= reads + 2 * CLIENTS as u64).await;
    drop(held);
    for merged in join_all(merges).await {
        assert!(matches!(merged.unwrap(), MergeOutcome::Merged { .. }));
    }
    assert_eq!(lake.paths("main").await.len(), CLIENTS + 1, "every change is there");
    let log: Vec<_> = lake.log("main").await.into_iter().filter(|commit| commit.parents.len() == 2).collect();
    assert_eq!(log.len(), CLIENTS, "each merge is in the history");
    let publications = lake.meta.publications.load(Relaxed) - published;
    assert!(publications < CLIENTS as u64, "{publications} publications");

    let mut head = lake.lakebed.get_branch(&lake.trips, &branch("main")).await.unwrap().commit;
    for _ in 0..CLIENTS {
        let commit = lake.lakebed.get_commit(&lake.trips, &head.to_string()).await.unwrap();
        assert_eq!(commit.parents.len(), 2, "first parents lead from merge to merge");
        head = commit.parents[0];
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn servers_that_know_nothing_of_each_other_merge_into_one_branch() {
    let lake = lake_with_branches(24).await;
    let others = [lake.another_server(Default::default()).await, lake.another_server(Default::default()).await];
    let merges = (0..24).map(|n| {
        let (lake, lakebed) = (Arc::clone(&lake), others[n % 2].lakebed.clone());
        tokio::spawn(async move {
            let options = lakebed_sdk::MergeOptions::default();
            lakebed.merge(&lake.trips, &format!("fix{n}"), &branch("main"), options).await.unwrap()
        })
    });
    for merged in join_all(merges).await {
        assert!(matches!(merged.unwrap(), MergeOutcome::Merged { .. }));
    }
    assert_eq!(lake.paths("main").await.len(), 25);
    assert_eq!(lake.log("main").await.into_iter().filter(|commit| commit.parents.len() == 2).count(), 24);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_conflict_fails_nobody_else() {
    let lake = lake_with_branches(8).await;
    for n in [0, 1] {
        let fix = format!("fix{n}");
        lake.put(&fix, "both", &fix).await;
        lake.commit(&fix, "both").await;
    }
    let reads = lake.meta.reads.load(Relaxed);
    let held = lake.meta.hold_publications().await;
    let merges: Vec<_> = (0..8)
        .map(|n| {
            let lake = Arc::clone(&lake);
            tokio::spawn(async move { lake.merge(&format!("fix{n}"), "main").await.unwrap() })
        })
        .collect();
    until("all have come", async || lake.meta.reads.load(Relaxed) >= reads + 16).await;
    drop(held);
    let merged: Vec<_> = join_all(merges).await.into_iter().map(Result::unwrap).collect();
    let conflicts = |outcome: &&MergeOutcome| matches!(outcome, MergeOutcome::Conflicts(_));
    assert_eq!(merged[..2].iter().filter(conflicts).count(), 1, "{merged:?}");
    assert!(merged[2..].iter().all(|outcome| matches!(outcome, MergeOutcome::Merged { .. })), "{merged:?}");
    assert_eq!(lake.paths("main").await.len(), 1 + 7 + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_is_staged_meanwhile_refuses_the_merges_and_not_the_commits() {
    let lake = lake_with_branches(2).await;
    let publications = lake.meta.publications.load(Relaxed);
    let held = lake.meta.hold_publications().await;
    let first = spawn_commit(&lake, "main", "first").await;
    lake.meta.publications_come(publications + 1).await;
    let merges: Vec<_> = (0..2)
        .map(|n| {
            let lake = Arc::clone(&lake);
            tokio::spawn(async move { lake.merge(&format!("fix{n}"), "main").await })
        })
        .collect();
    let second = spawn_commit(&lake, "main", "second").await;
    lake.put("main", "uncommitted", "1").await;
    drop(held);
    assert_eq!(first.await.unwrap(), "first");
    assert_eq!(second.await.unwrap(), "second");
    for merge in merges {
        assert_eq!(merge.await.unwrap().unwrap_err().reason, Reason::DirtyBranch);
    }
}

/// Writes a file, and begins to commit it; returns when it is sealed.
pub(crate) async fn spawn_commit(
    lake: &Arc<TestLake>,
    on: &'static str,
    text: &'static str,
) -> tokio::task::JoinHandle<String> {
    lake.put(on, text, text).await;
    let sealed = async || lake.graveler.meta().branch(&lake.trips, &branch(on)).await.unwrap().sealed.len();
    let before = sealed().await;
    let task = {
        let lake = Arc::clone(lake);
        tokio::spawn(async move { lake.commit(on, text).await.message })
    };
    until("it is sealed", async || sealed().await > before).await;
    task
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn commits_at_the_same_time_keep_their_own_messages_and_changes() {
    let lake = Arc::new(TestLake::new().await);
    let held = lake.meta.hold_publications().await;
    let mut commits = Vec::new();
    for text in ["first", "second", "third"] {
        commits.push(spawn_commit(&lake, "main", text).await);
    }
    drop(held);
    for (commit, text) in commits.into_iter().zip(["first", "second", "third"]) {
        assert_eq!(commit.await.unwrap(), text);
    }
    let log = lake.log("main").await;
    assert_eq!(
        log.iter().take(3).map(|commit| commit.message.as_str()).collect::<Vec<_>>(),
        ["third", "second", "first"]
    );
    assert_eq!(lake.paths(&log[2].id.to_string()).await, ["first"], "each has its own changes");
    assert_eq!(lake.paths(&log[1].id.to_string()).await, ["first", "second"]);
}

/// A publication by another server, of all that is sealed now.
async fn theirs(lake: &TestLake, head: CommitId, held_by: Option<CommitId>) -> Command {
    let main = lake.graveler.meta().branch(&lake.trips, &branch("main")).await.unwrap();
    Command::Publish(Publish {
        request: None,
        repository: lake.trips.clone(),
        branch: branch("main"),
        expected: main.commit,
        head,
        held_by: vec![held_by; main.sealed.len()],
        consumed: main.sealed,
        read_at: None,
        require_clean: false,
        ended: vec![],
        passed: vec![],
        note: Note::default(),
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_commit_whose_changes_another_took_is_told_which_and_one_whose_changes_were_dropped_is_not() {
    let lake = Arc::new(TestLake::new().await);
    lake.put("main", "a", "1").await;
    let base = lake.commit("main", "base").await;
    lake.branch_off("ahead", "main").await;
    lake.put("ahead", "b", "1").await;
    let ahead = lake.commit("ahead", "ahead").await;

    for (held_by, expected) in [(None, Err(Reason::NoChanges)), (Some(ahead.id), Ok(ahead.id))] {
        lake.put("main", "mine", "1").await;
        let publications = lake.meta.publications.load(Relaxed);
        let held = lake.meta.hold_publications().await;
        let mine = {
            let lake = Arc::clone(&lake);
            tokio::spawn(async move { lake.try_commit("main", "mine").await })
        };
        lake.meta.publications_come(publications + 1).await;
        // The other server's goes around the gate.
        let theirs = theirs(&lake, ahead.id, held_by).await;
        lake.meta.inner().write(theirs).await.unwrap().branch().unwrap();
        drop(held);
        let mine = mine.await.unwrap();
        assert_eq!(mine.map(|done| done.commit.id).map_err(|error| error.reason), expected, "{held_by:?}");
        let back = theirs_back(&lake, base.id).await;
        lake.meta.inner().write(back).await.unwrap().branch().unwrap();
    }
}

async fn theirs_back(lake: &TestLake, head: CommitId) -> Command {
    theirs(lake, head, None).await
}

#[tokio::test]
async fn a_reset_before_the_publication_is_obeyed() {
    let lake = TestLake::new().await;
    lake.put("main", "keep", "1").await;
    lake.put("main", "drop", "1").await;
    let (repository, main) = (lake.trips.clone(), branch("main"));
    let scope = UnstageScope::Path(object("drop"));
    lake.meta.let_others_come_first(vec![Command::Unstage(Unstage { repository, branch: main, scope })]);
    lake.commit("main", "load").await;
    assert_eq!(lake.paths("main@").await, ["keep"], "the reset was acknowledged before the commit was published");
    assert_eq!(lake.paths("main").await, ["keep"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_full_queue_says_so_and_the_rest_is_served() {
    let lake = Arc::new(TestLake::new().await);
    let queues = CommitQueues::new(lake.graveler.clone());
    let caller = lake.administrator().await;
    let held = lake.meta.hold_publications().await;
    let commits: Vec<_> = (0..1100)
        .map(|n| {
            let (lake, queues, caller) = (Arc::clone(&lake), queues.clone(), caller.clone());
            tokio::spawn(async move {
                let request = flows::CommitRequest {
                    repository: lake.trips.clone(),
                    branch: branch("main"),
                    message: format!("empty {n}"),
                    metadata: Default::default(),
                    allow_empty: true,
                    created_at: None,
                };
                flows::commit(&queues, &caller, &request, &RequestContext::default()).await
            })
        })
        .collect();
    until("the queue is full", async || commits.iter().any(tokio::task::JoinHandle::is_finished)).await;
    drop(held);
    let (mut done, mut busy) = (0, 0);
    for commit in join_all(commits).await {
        match commit.unwrap() {
            Ok(_) => done += 1,
            Err(api_server::Error::Busy(_)) => busy += 1,
            Err(error) => panic!("{error}"),
        }
    }
    assert!(done >= 1024 && busy > 0, "{done} done, {busy} busy");
    assert_eq!(lake.log("main").await.len(), done + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_rebase_and_a_hard_reset_wait_for_their_turn() {
    let lake = lake_with_branches(2).await;
    lake.put("main", "later", "1").await;
    lake.commit("main", "later").await;
    let published = lake.meta.publications.load(Relaxed);
    let held = lake.meta.hold_publications().await;
    let merge = {
        let lake = Arc::clone(&lake);
        tokio::spawn(async move { lake.merge("fix1", "fix0").await.unwrap() })
    };
    lake.meta.publications_come(published + 1).await;
    let reads = lake.meta.reads.load(Relaxed);
    let reset = {
        let lake = Arc::clone(&lake);
        let to = HardReset { to: "fix0".to_owned(), ..HardReset::default() };
        tokio::spawn(async move { lake.lakebed.hard_reset(&lake.trips, &branch("fix0"), to).await.unwrap() })
    };
    until("the reset waits", async || lake.meta.reads.load(Relaxed) >= reads + 2).await;
    let rebase = {
        let lake = Arc::clone(&lake);
        let options = RebaseOptions::default();
        tokio::spawn(async move { lake.lakebed.rebase(&lake.trips, &branch("fix0"), "main", options).await.unwrap() })
    };
    until("the rebase waits", async || lake.meta.reads.load(Relaxed) >= reads + 3).await;
    drop(held);
    assert!(matches!(merge.await.unwrap(), MergeOutcome::Merged { .. }));
    reset.await.unwrap();
    assert!(matches!(rebase.await.unwrap(), RebaseOutcome::Rebased { .. }));
    assert_eq!(lake.meta.publications.load(Relaxed), published + 3, "each published once");
    assert_eq!(lake.paths("fix0").await, ["base", "fix0", "fix1", "later"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn hard_resets_are_not_bounced_by_merges_and_undo_none() {
    let lake = lake_with_branches(24).await;
    let merges = (0..24).map(|n| {
        let lake = Arc::clone(&lake);
        tokio::spawn(async move { drop(lake.merge(&format!("fix{n}"), "main").await.unwrap()) })
    });
    let resets = (0..8).map(|_| {
        let lake = Arc::clone(&lake);
        tokio::spawn(async move {
            let to = HardReset { to: "main".to_owned(), ..HardReset::default() };
            drop(lake.lakebed.hard_reset(&lake.trips, &branch("main"), to).await.unwrap());
        })
    });
    for done in join_all(merges.chain(resets)).await {
        done.unwrap();
    }
    assert_eq!(lake.paths("main").await.len(), 25, "every change is there");
}

/// How many requests a silent object store gets for so many merges that wait together; each of them fails.
async fn requests_in_silence(merges: usize) -> u64 {
    let faults = Faults::default();
    let lake = Arc::new(TestLake::faulty(faults.clone(), Default::default()).await);
    lake.put("main", "base", "0").await;
    lake.commit("main", "base").await;
    for n in 0..merges {
        let fix = format!("fix{n}");
        lake.branch_off(&fix, "main").await;
        lake.put(&fix, &fix, &fix).await;
        lake.commit(&fix, &fix).await;
    }
    lake.put("main", "held", "0").await;
    let published = lake.meta.publications.load(Relaxed);
    let held = lake.meta.hold_publications().await;
    let first = tokio::spawn({
        let lake = Arc::clone(&lake);
        async move { lake.try_commit("main", "held").await }
    });
    lake.meta.publications_come(published + 1).await;
    let reads = lake.meta.reads.load(Relaxed);
    let merges: Vec<_> = (0..merges)
        .map(|n| {
            let lake = Arc::clone(&lake);
            tokio::spawn(async move { lake.merge(&format!("fix{n}"), "main").await })
        })
        .collect();
    until("all have come", async || lake.meta.reads.load(Relaxed) >= reads + 2 * merges.len() as u64).await;
    for verb in [Verb::Get, Verb::Put] {
        faults.always(verb, Fault::Silent);
    }
    lake.requests.reset();
    drop(held);
    first.await.unwrap().unwrap();
    for merged in join_all(merges).await {
        let error = merged.unwrap().unwrap_err();
        assert_eq!(error.reason, Reason::StorageUnavailable, "{error}");
    }
    lake.requests.all_requests()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn those_who_wait_together_learn_of_a_silent_object_store_together() {
    let one = requests_in_silence(1).await;
    assert!(one > 0);
    // One that comes late to the queue may find out for itself.
    let eight = requests_in_silence(8).await;
    assert!(eight < 8 * one, "{eight} requests, {one} of one merge");
}
