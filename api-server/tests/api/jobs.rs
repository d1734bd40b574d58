//! Requests that are carried out once, and outlive connections and servers, through the SDK over real gRPC.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use api_server::jobs::JobOptions;
use futures::TryStreamExt;
use futures::future::join_all;
use lakebed_sdk::{Code, Job, JobAnswer, JobKind, JobState, Lakebed, MergeOptions, NewCommit, Reason, RequestId};
use model::{BeginJob, Clock, GetJob, JobSpec, SystemClock};
use prost::Message;
use proto::generated::api as wire;
use storage::testing::{Fault, Faults, Verb};

use crate::lake::{TestLake, branch, until};

/// Becomes a record almost at once, and is taken up soon after its runner is gone.
pub(crate) fn quick() -> JobOptions {
    JobOptions {
        recorded_after: Duration::from_millis(20),
        lease: Duration::from_millis(400),
        heartbeat: Duration::from_millis(40),
        resume_interval: Duration::from_millis(20),
        ..JobOptions::default()
    }
}

/// As `quick`, and leaves what others have dropped alone.
pub(crate) fn lazy() -> JobOptions {
    JobOptions { detached_max: 0, ..quick() }
}

fn commit(message: &str, id: u128) -> NewCommit {
    NewCommit { request_id: Some(RequestId(id)), ..NewCommit::new(message) }
}

async fn wait(lakebed: &Lakebed, lake: &TestLake, id: RequestId) -> Vec<Job> {
    lakebed.wait_job(&lake.trips, id).await.unwrap().try_collect().await.unwrap()
}

async fn messages(lake: &TestLake) -> Vec<String> {
    lake.log("main").await.into_iter().map(|commit| commit.message).filter(|text| !text.contains("created")).collect()
}

/// How many commits are after the repository's first.
async fn commits(lake: &TestLake) -> usize {
    lake.log("main").await.len() - 1
}

#[tokio::test]
async fn an_asynchronous_commit_goes_on_by_itself() {
    let lake = TestLake::with_jobs(quick()).await;
    lake.put("main", "a", "1").await;
    let id = lake.lakebed.begin_commit(&lake.trips, &branch("main"), commit("load", 7)).await.unwrap();
    assert_eq!(id, RequestId(7));
    let told = wait(&lake.lakebed, &lake, id).await;
    let last = told.last().unwrap();
    let JobState::Done(JobAnswer::Commit(done)) = &last.state else { panic!("{last:?}") };
    assert_eq!((done.commit.message.as_str(), done.changes), ("load", Some(1)));
    assert_eq!(lake.log("main").await[0], done.commit);
    assert_eq!((last.kind, last.attempts, last.ended_at.is_some()), (JobKind::Commit, 1, true));
    assert_eq!(lake.lakebed.job(&lake.trips, id).await.unwrap(), *last);

    let again = lake.lakebed.begin_commit(&lake.trips, &branch("main"), commit("load", 7)).await.unwrap();
    let waited = lake.lakebed.commit(&lake.trips, &branch("main"), commit("load", 7)).await.unwrap();
    assert_eq!((again, &waited), (id, &**done), "the same answer, however it is asked for");
    assert_eq!(commits(&lake).await, 1);
    let all: Vec<Job> = lake.lakebed.jobs(&lake.trips).try_collect().await.unwrap();
    assert_eq!(all.iter().map(|job| job.id).collect::<Vec<_>>(), [id]);
}

#[tokio::test]
async fn an_asynchronous_merge_tells_its_conflicts_and_a_failure_is_told_as_it_is() {
    let lake = TestLake::with_jobs(quick()).await;
    lake.branch_off("fix", "main").await;
    for on in ["main", "fix"] {
        lake.put(on, "a", on).await;
        lake.commit(on, on).await;
    }
    let id = lake.lakebed.begin_merge(&lake.trips, "fix", &branch("main"), MergeOptions::default()).await.unwrap();
    let told = wait(&lake.lakebed, &lake, id).await;
    let JobState::Done(JobAnswer::Merge(found)) = &told.last().unwrap().state else { panic!("{told:?}") };
    assert!(matches!(&**found, lakebed_sdk::MergeOutcome::Conflicts(found) if found.items.len() == 1), "{found:?}");

    let id = lake.lakebed.begin_commit(&lake.trips, &branch("main"), commit("nothing", 8)).await.unwrap();
    let told = wait(&lake.lakebed, &lake, id).await;
    let JobState::Failed(error) = &told.last().unwrap().state else { panic!("{told:?}") };
    assert_eq!((error.code, error.reason), (Code::FailedPrecondition, Reason::NoChanges));
    let waited = lake.lakebed.commit(&lake.trips, &branch("main"), commit("nothing", 8)).await.unwrap_err();
    assert_eq!(waited, *error);
    let denied = lake.lakebed.begin_merge(&lake.trips, "main", &branch("main"), MergeOptions::default()).await;
    assert_eq!(denied.unwrap_err().reason, Reason::SameBranch, "what makes no sense isn't begun");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_request_id_is_carried_out_once_at_the_same_time_and_later() {
    let lake = Arc::new(TestLake::with_jobs(quick()).await);
    lake.put("main", "a", "1").await;
    let other = Arc::new(lake.another_server(quick()).await);
    let asked = (0..8).map(|n| {
        let (lake, other) = (Arc::clone(&lake), Arc::clone(&other));
        tokio::spawn(async move {
            let lakebed = if n % 2 == 0 { &lake.lakebed } else { &other.lakebed };
            lakebed.commit(&lake.trips, &branch("main"), commit("once", 1)).await.unwrap()
        })
    });
    let answers: Vec<_> = join_all(asked).await.into_iter().map(Result::unwrap).collect();
    assert!(answers.iter().all(|answer| answer.commit == answers[0].commit), "{answers:?}");
    drop(other);

    lake.put("main", "b", "1").await;
    let later = lake.another_server(quick()).await;
    let again = later.lakebed.commit(&lake.trips, &branch("main"), commit("once", 1)).await.unwrap();
    assert_eq!(again.commit, answers[0].commit, "after a restart, too");
    assert_eq!(messages(&lake).await, ["once"]);
    let reused = later.lakebed.commit(&lake.trips, &branch("main"), commit("another", 1)).await.unwrap_err();
    assert_eq!((reused.code, reused.reason), (Code::InvalidArgument, Reason::RequestReused));
    let failed = later.lakebed.commit(&lake.trips, &branch("none"), commit("where", 2)).await.unwrap_err();
    lake.branch_off("none", "main").await;
    lake.put("none", "c", "1").await;
    let again = lake.lakebed.commit(&lake.trips, &branch("none"), commit("where", 2)).await.unwrap_err();
    assert_eq!((failed.reason, again), (Reason::BranchNotFound, failed), "a refusal is an answer, too");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_goes_on_when_its_connection_is_gone() {
    let lake = TestLake::with_jobs(quick()).await;
    lake.put("main", "a", "1").await;
    let held = lake.meta.hold_publications().await;
    let (lakebed, trips) = (lake.lakebed.clone(), lake.trips.clone());
    let call = tokio::spawn(async move { lakebed.commit(&trips, &branch("main"), commit("load", 3)).await });
    lake.meta.publications_come(1).await;
    call.abort();
    until("it is a record", async || lake.lakebed.job(&lake.trips, RequestId(3)).await.is_ok()).await;
    let job = lake.lakebed.job(&lake.trips, RequestId(3)).await.unwrap();
    assert_eq!((job.state, job.stage.as_str(), job.objects), (JobState::Running, "committing", 1));
    assert!(job.bytes > 0);
    drop(held);
    let answer = lake.lakebed.commit(&lake.trips, &branch("main"), commit("load", 3)).await.unwrap();
    assert_eq!(answer.changes, Some(1));
    assert_eq!(messages(&lake).await, ["load"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_whose_server_is_gone_is_taken_up_when_its_lease_lapses() {
    let lake = TestLake::with_jobs(lazy()).await;
    lake.put("main", "a", "1").await;
    let first = lake.another_server(quick()).await;
    let held = lake.meta.hold_publications().await;
    let id = first.lakebed.begin_commit(&lake.trips, &branch("main"), commit("survives", 5)).await.unwrap();
    lake.meta.publications_come(1).await;
    drop(first);
    drop(held);
    assert_eq!(commits(&lake).await, 0, "nothing was published");

    let second = lake.another_server(quick()).await;
    let told = wait(&second.lakebed, &lake, id).await;
    let last = told.last().unwrap();
    assert!(matches!(last.state, JobState::Done(_)), "{last:?}");
    assert_eq!((last.attempts, messages(&lake).await), (2, vec!["survives".to_owned()]));
    assert_eq!(lake.read("main@", "a").await.unwrap(), "1");
}

#[tokio::test]
async fn a_job_of_a_later_version_is_left_to_servers_that_know_it() {
    let lake = TestLake::with_jobs(lazy()).await;
    let user = lake.administrator().await.user.id;
    let message = wire::CreateCommitRequest {
        repository: lake.trips.to_string(),
        branch: "main".into(),
        message: "by hand".into(),
        allow_empty: true,
        ..Default::default()
    };
    // Jobs are taken up in the order of their ids.
    for (id, version) in [(1, 2), (2, 1)] {
        let job = BeginJob {
            request: RequestId(id),
            repository: lake.trips.clone(),
            kind: model::JobKind::Commit,
            user,
            caller: None,
            spec: JobSpec { version, message: message.encode_to_vec(), digest: None },
            runner: None,
        };
        lake.graveler.meta().write(job.into()).await.unwrap().job().unwrap();
    }
    let server = lake.another_server(quick()).await;
    let told = wait(&server.lakebed, &lake, RequestId(2)).await;
    assert!(matches!(told.last().unwrap().state, JobState::Done(_)), "{told:?}");
    let left = lake.graveler.meta().ask(GetJob { id: RequestId(1) }).await.unwrap();
    assert_eq!((&left.state, left.attempts), (&model::JobState::Waiting, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_again_takes_a_dead_server_s_request_up() {
    let lake = TestLake::with_jobs(lazy()).await;
    lake.put("main", "a", "1").await;
    let first = lake.another_server(lazy()).await;
    let held = lake.meta.hold_publications().await;
    let (lakebed, trips) = (first.lakebed.clone(), lake.trips.clone());
    let call = tokio::spawn(async move { lakebed.commit(&trips, &branch("main"), commit("again", 6)).await });
    lake.meta.publications_come(1).await;
    until("it is a record", async || lake.lakebed.job(&lake.trips, RequestId(6)).await.is_ok()).await;
    drop(first);
    drop(held);
    assert!(call.await.unwrap().is_err(), "its connection broke");
    let answer = lake.lakebed.commit(&lake.trips, &branch("main"), commit("again", 6)).await.unwrap();
    assert_eq!(answer.commit.message, "again");
    assert_eq!(messages(&lake).await, ["again"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_is_cancelled_and_changes_nothing() {
    let lake = TestLake::with_jobs(quick()).await;
    lake.put("main", "a", "1").await;
    let held = lake.meta.hold_publications().await;
    let id = lake.lakebed.begin_commit(&lake.trips, &branch("main"), commit("no", 9)).await.unwrap();
    lake.meta.publications_come(1).await;
    lake.lakebed.cancel_job(&lake.trips, id).await.unwrap();
    let told = wait(&lake.lakebed, &lake, id).await;
    assert_eq!(told.last().unwrap().state, JobState::Cancelled);
    drop(held);
    let cancelled = lake.lakebed.commit(&lake.trips, &branch("main"), commit("no", 9)).await.unwrap_err();
    assert_eq!((cancelled.code, cancelled.reason), (Code::Cancelled, Reason::JobCancelled));
    lake.commit("main", "yes").await;
    assert_eq!(messages(&lake).await, ["yes"], "what was cancelled is never published");
    assert_eq!(lake.lakebed.cancel_job(&lake.trips, id).await.unwrap().state, JobState::Cancelled);
    let nothing = lake.lakebed.cancel_job(&lake.trips, RequestId(99)).await.unwrap_err();
    assert_eq!((nothing.code, nothing.reason), (Code::NotFound, Reason::JobNotFound));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_with_too_much_to_do_says_so() {
    let lake = TestLake::with_jobs(JobOptions { running_max: 1, ..lazy() }).await;
    lake.put("main", "a", "1").await;
    let held = lake.meta.hold_publications().await;
    let (lakebed, trips) = (lake.lakebed.clone(), lake.trips.clone());
    let first = tokio::spawn(async move { lakebed.commit(&trips, &branch("main"), commit("first", 1)).await });
    lake.meta.publications_come(1).await;
    let busy = lake.lakebed.commit(&lake.trips, &branch("main"), commit("second", 2)).await.unwrap_err();
    assert_eq!((busy.code, busy.reason), (Code::ResourceExhausted, Reason::Busy));
    let waiting = lake.lakebed.begin_commit(&lake.trips, &branch("main"), commit("third", 3)).await.unwrap();
    let job = lake.lakebed.job(&lake.trips, waiting).await.unwrap();
    assert_eq!(job.state, JobState::Waiting, "nobody here takes it up");
    drop(held);
    first.await.unwrap().unwrap();
    lake.put("main", "b", "1").await;
    let other = lake.another_server(quick()).await;
    assert!(matches!(wait(&other.lakebed, &lake, waiting).await.last().unwrap().state, JobState::Done(_)));
    assert!(lake.meta.publications.load(Relaxed) >= 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_goes_on_while_a_heartbeat_hangs() {
    let lake = TestLake::with_jobs(quick()).await;
    lake.put("main", "a", "1").await;
    let beats = lake.meta.hold_heartbeats().await;
    let held = lake.meta.hold_publications().await;
    let (lakebed, trips) = (lake.lakebed.clone(), lake.trips.clone());
    let call = tokio::spawn(async move { lakebed.commit(&trips, &branch("main"), commit("load", 3)).await });
    lake.meta.publications_come(1).await;
    until("a heartbeat hangs", async || lake.meta.heartbeats.load(Relaxed) > 0).await;
    drop(held);
    assert_eq!(call.await.unwrap().unwrap().commit.message, "load");
    drop(beats);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_ends_leaves_its_jobs_to_the_next_at_once() {
    let hour = Duration::from_secs(3600);
    let lake = TestLake::with_jobs(JobOptions { lease: hour, ..quick() }).await;
    lake.put("main", "a", "1").await;
    let held = lake.meta.hold_publications().await;
    let id = lake.lakebed.begin_commit(&lake.trips, &branch("main"), commit("left", 5)).await.unwrap();
    lake.meta.publications_come(1).await;
    lake.api.end().await;
    let left = lake.graveler.meta().ask(GetJob { id }).await.unwrap();
    assert!(!left.state.is_ended() && !left.lease.unwrap().lasts(SystemClock.now()), "{left:?}");
    let second = lake.another_server(quick()).await;
    drop(held);
    let told = wait(&second.lakebed, &lake, id).await;
    assert!(matches!(told.last().unwrap().state, JobState::Done(_)), "{told:?}");
    assert_eq!(messages(&lake).await, ["left"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failure_of_the_server_s_own_is_tried_again_before_it_is_a_job_s_end() {
    let lake = TestLake::with_jobs(quick()).await;
    for (id, failures) in [(7, 1), (8, usize::MAX)] {
        lake.put("main", &id.to_string(), "1").await;
        lake.meta.fail_publications_of(RequestId(id), failures);
        let id = lake.lakebed.begin_commit(&lake.trips, &branch("main"), commit("load", id)).await.unwrap();
        let end = wait(&lake.lakebed, &lake, id).await.pop().unwrap();
        match end.state {
            JobState::Done(_) => assert_eq!(failures, 1),
            JobState::Failed(error) => assert_eq!((failures, error.reason), (usize::MAX, Reason::Internal)),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(messages(&lake).await, ["load"]);
}

#[tokio::test]
async fn a_commit_ends_with_what_the_object_store_failed_with_and_isn_t_begun_again() {
    let faults = Faults::default();
    let lake = TestLake::faulty(faults.clone(), quick()).await;
    for (id, fault) in [(7, Fault::Unavailable), (8, Fault::Silent), (9, Fault::Full)] {
        lake.put("main", &format!("{id}"), "1").await;
        faults.always(Verb::Put, fault);
        let id = lake.lakebed.begin_commit(&lake.trips, &branch("main"), commit("load", id)).await.unwrap();
        let told = wait(&lake.lakebed, &lake, id).await;
        let last = told.last().unwrap();
        let JobState::Failed(failure) = &last.state else { panic!("{fault:?}: {last:?}") };
        assert!(failure.message.contains("object store"), "{fault:?}: {failure:?}");
        assert_eq!(last.attempts, 1, "{fault:?}");
        faults.clear();
        // What was staged is there for a retry, which may have the same id.
        let retried = lake.lakebed.commit(&lake.trips, &branch("main"), commit("load", id.0)).await.unwrap();
        assert_eq!(retried.changes, Some(1), "{fault:?}");
        let again = lake.lakebed.commit(&lake.trips, &branch("main"), commit("load", id.0)).await.unwrap();
        assert_eq!(again, retried, "{fault:?}: it is carried out once");
    }
    assert_eq!(lake.paths("main@").await, ["7", "8", "9"]);
}
