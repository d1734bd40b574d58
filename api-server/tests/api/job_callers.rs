//! Whose a job is: what its caller was when they asked, and what they may when it is taken up, through the SDK over real
//! gRPC.

use std::net::Ipv4Addr;

use auth::{Action, Caller, DirectoryOptions, Resource, is_allowed};
use futures::TryStreamExt;
use futures::future::join_all;
use lakebed_sdk::{
    Code, Credentials, Job, JobState, Lakebed, Narrowing, NewCommit, PolicyHolder, Reason, RequestId, UserName,
};
use model::{Command, UpdatePolicy};
use secrecy::ExposeSecret;

use crate::jobs::{lazy, quick};
use crate::lake::{TestLake, branch};

const JOBS: u128 = 200;

/// Allows everything from this machine.
const FROM_HERE: &str = r#"{"statement": [{"effect": "allow", "action": ["*"], "resource": "*",
    "condition": {"IpAddress": {"SourceIp": ["127.0.0.0/8"]}}}]}"#;

/// A user who may everything, from this machine.
async fn user(lake: &TestLake, name: &str) -> (Lakebed, UserName) {
    let user: UserName = name.parse().unwrap();
    lake.lakebed.create_user(&user).await.unwrap();
    let policy = format!("of {name}").parse().unwrap();
    lake.lakebed.create_policy(&policy, FROM_HERE).await.unwrap();
    lake.lakebed.attach_policy(&policy, &PolicyHolder::User(user.clone())).await.unwrap();
    let key = lake.lakebed.create_credential(&user).await.unwrap();
    let credentials = Credentials::new(key.access_key_id, key.secret_access_key);
    (Lakebed::connect(&lake.endpoint(), credentials).await.unwrap(), user)
}

async fn begin(lakebed: &Lakebed, lake: &TestLake, id: u128) -> RequestId {
    let commit =
        NewCommit { request_id: Some(RequestId(id)), allow_empty: true, ..NewCommit::new(format!("commit {id}")) };
    lakebed.begin_commit(&lake.trips, &branch("main"), commit).await.unwrap()
}

/// Waits for a job's end.
async fn end(lakebed: &Lakebed, lake: &TestLake, id: RequestId) -> JobState {
    let told: Vec<Job> = lakebed.wait_job(&lake.trips, id).await.unwrap().try_collect().await.unwrap();
    told.last().unwrap().state.clone()
}

fn assert_denied(state: &JobState) {
    let JobState::Failed(error) = state else { panic!("{state:?}") };
    assert_eq!((error.code, error.reason), (Code::PermissionDenied, Reason::AccessDenied), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn jobs_that_wait_for_a_runner_are_judged_by_where_they_came_from() {
    let lake = TestLake::with_jobs(quick()).await;
    let (ann, _) = user(&lake, "ann").await;
    let ids = join_all((1..=JOBS).map(|id| begin(&ann, &lake, id))).await;
    for state in join_all(ids.into_iter().map(|id| end(&ann, &lake, id))).await {
        assert!(matches!(state, JobState::Done(_)), "{state:?}");
    }
    assert_eq!(lake.log("main").await.len(), 1 + 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_right_that_was_taken_away_doesn_t_count_when_a_job_is_taken_up() {
    let lake = TestLake::with_jobs(lazy()).await;
    let (ann, name) = user(&lake, "ann").await;
    let (kept, lost) = (begin(&ann, &lake, 1).await, begin(&ann, &lake, 2).await);
    let first = lake.another_server(quick()).await;
    assert!(matches!(end(&first.lakebed, &lake, kept).await, JobState::Done(_)));
    assert!(matches!(end(&first.lakebed, &lake, lost).await, JobState::Done(_)));
    drop(first);

    let later = begin(&ann, &lake, 3).await;
    lake.lakebed.detach_policy(&"of ann".parse().unwrap(), &PolicyHolder::User(name)).await.unwrap();
    let second = lake.another_server(quick()).await;
    assert_denied(&end(&second.lakebed, &lake, later).await);
    assert_eq!(lake.log("main").await.len(), 1 + 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_s_jobs_end_with_the_user_and_outlive_the_key() {
    let lake = TestLake::with_jobs(lazy()).await;
    let ((ann, ann_s_name), (bob, bob_s_name)) = (user(&lake, "ann").await, user(&lake, "bob").await);
    let (anns, bobs) = (begin(&ann, &lake, 1).await, begin(&bob, &lake, 2).await);
    lake.lakebed.delete_user(&ann_s_name).await.unwrap();
    let keys: Vec<_> = lake.lakebed.list_credentials(&bob_s_name).try_collect().await.unwrap();
    lake.lakebed.delete_credential(&bob_s_name, &keys[0].access_key_id).await.unwrap();
    let other = lake.another_server(quick()).await;
    assert_denied(&end(&other.lakebed, &lake, anns).await);
    assert!(matches!(end(&other.lakebed, &lake, bobs).await, JobState::Done(_)), "the key was right when he asked");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_can_t_be_judged_stands_in_nobody_s_way() {
    let lake = TestLake::with_jobs(lazy()).await;
    let ((ann, _), (bob, _)) = (user(&lake, "ann").await, user(&lake, "bob").await);
    let (unjudged, judged) = (begin(&ann, &lake, 1).await, begin(&bob, &lake, 2).await);
    let unreadable = Command::UpdatePolicy(UpdatePolicy { name: "of ann".parse().unwrap(), document: "{}".into() });
    lake.meta.inner().write(unreadable).await.unwrap().policy().unwrap();
    let other = lake.another_server(quick()).await;
    assert!(matches!(end(&other.lakebed, &lake, judged).await, JobState::Done(_)));
    let waits = lake.lakebed.job(&lake.trips, unjudged).await.unwrap();
    assert_eq!((waits.state, waits.attempts), (JobState::Waiting, 0), "nobody has taken it up");
    let readable = Command::UpdatePolicy(UpdatePolicy { name: "of ann".parse().unwrap(), document: FROM_HERE.into() });
    lake.meta.inner().write(readable).await.unwrap().policy().unwrap();
    assert!(matches!(end(&other.lakebed, &lake, unjudged).await, JobState::Done(_)));
}

#[tokio::test]
async fn who_is_made_anew_for_a_job_is_no_more_than_who_began_it() {
    let lake = TestLake::new().await;
    let statement =
        |action: &str| format!(r#"{{"statement": [{{"effect": "allow", "action": ["{action}"], "resource": "*"}}]}}"#);
    let (group, policy) = ("crew".parse().unwrap(), "of the crew".parse().unwrap());
    lake.lakebed.create_group(&group).await.unwrap();
    lake.lakebed.create_policy(&policy, &statement("fs:*")).await.unwrap();
    lake.lakebed.attach_policy(&policy, &PolicyHolder::Group(group.clone())).await.unwrap();
    let name: UserName = "ann".parse().unwrap();
    let ann = lake.lakebed.create_user(&name).await.unwrap();

    let narrowing = Narrowing::Policy(statement("fs:Read*"));
    let session = lake.lakebed.begin_session(Some(900), Some(narrowing)).await.unwrap();
    let directory = lake.directory(DirectoryOptions::default());
    let known = directory.session_key(&session.access_key_id, session.session_token.expose_secret()).await.unwrap();
    let began = Caller { groups: vec![group], ..directory.caller(&known, Some(Ipv4Addr::LOCALHOST.into())) };
    let anew = directory.resumed(ann.id, &began.kept()).await.unwrap();
    assert_eq!(
        (&anew.groups, anew.session, anew.address, anew.at),
        (&began.groups, began.session, began.address, began.at)
    );
    let may = |caller: &Caller, action| is_allowed(caller, action, &Resource::All);
    assert!(may(&anew, Action::ReadObject), "by the session's group");
    assert!(!may(&anew, Action::WriteObject), "by the session's narrowing");
    let alone = directory.resumed(ann.id, &Caller { groups: vec![], ..began }.kept()).await.unwrap();
    assert!(!may(&alone, Action::ReadObject));
}
