//! Who may what, over real gRPC: users, groups, policies, keys and sessions, and that each decision follows them.

use std::time::Duration;

use futures::TryStreamExt;
use lakebed_sdk::{
    Code, CopyObjects, Credentials, Error, Lakebed, ListOptions, LogOptions, Narrowing, NewCommit, PolicyHolder,
    Reason, RequestId, Session, Upload, UserName,
};
use secrecy::ExposeSecret;

use crate::lake::{TestLake, branch, object};

/// Allows what a statement says.
pub(crate) fn allow(actions: &str, resource: &str) -> String {
    format!(r#"{{"effect": "allow", "action": [{actions}], "resource": "{resource}"}}"#)
}

pub(crate) fn deny(actions: &str, resource: &str) -> String {
    allow(actions, resource).replace("allow", "deny")
}

fn document(statements: &[String]) -> String {
    format!(r#"{{"statement": [{}]}}"#, statements.join(", "))
}

/// A user with a key and a policy of their own, and the policy's name.
pub(crate) async fn user_with(lake: &TestLake, name: &str, statements: &[String]) -> (Lakebed, UserName) {
    let user: UserName = name.parse().unwrap();
    lake.lakebed.create_user(&user).await.unwrap();
    let policy = format!("of {name}").parse().unwrap();
    lake.lakebed.create_policy(&policy, &document(statements)).await.unwrap();
    lake.lakebed.attach_policy(&policy, &PolicyHolder::User(user.clone())).await.unwrap();
    (connect(lake, &user).await, user)
}

/// A new key of a user, in use.
async fn connect(lake: &TestLake, user: &UserName) -> Lakebed {
    let key = lake.lakebed.create_credential(user).await.unwrap();
    let credentials = Credentials::new(key.access_key_id, key.secret_access_key);
    Lakebed::connect(&lake.endpoint(), credentials).await.unwrap()
}

async fn by_session(lake: &TestLake, session: &Session) -> Lakebed {
    let credentials = Credentials::new(session.access_key_id.clone(), session.secret_access_key.clone());
    let credentials = credentials.with_session_token(session.session_token.clone());
    Lakebed::connect(&lake.endpoint(), credentials).await.unwrap()
}

async fn put(lakebed: &Lakebed, lake: &TestLake, on: &str, path: &str) -> Result<(), Error> {
    let done = lakebed.upload_bytes(&lake.trips, &branch(on), &object(path), "x", Upload::default()).await;
    done.map(drop)
}

async fn get(lakebed: &Lakebed, lake: &TestLake, reference: &str, path: &str) -> Result<(), Error> {
    lakebed.download(&lake.trips, reference, &object(path), ..).await.map(drop)
}

async fn list(lakebed: &Lakebed, lake: &TestLake, reference: &str, prefix: &str) -> Result<usize, Error> {
    let options = ListOptions { prefix: prefix.to_owned(), ..ListOptions::default() };
    let items: Vec<_> = lakebed.list_objects(&lake.trips, reference, options).try_collect().await?;
    Ok(items.len())
}

fn is_denied<T: std::fmt::Debug>(done: Result<T, Error>) {
    let error = done.unwrap_err();
    assert_eq!((error.code, error.reason), (Code::PermissionDenied, Reason::AccessDenied), "{error}");
}

fn is_unknown<T: std::fmt::Debug>(done: Result<T, Error>) {
    assert_eq!(done.unwrap_err().reason, Reason::Unauthenticated);
}

/// Waits until something that was taken away has stopped counting, which it must within seconds.
async fn stops(mut works: impl AsyncFnMut() -> bool, what: &str) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    while works().await {
        assert!(tokio::time::Instant::now() < deadline, "{what} still counts");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

const ON_IN: &str = "arn:lakefs:fs:::repository/trips/object/in/*";
const ANY: &str = "*";

#[tokio::test]
async fn a_policy_allows_and_denies_object_by_object() {
    let lake = TestLake::new().await;
    lake.put("main", "out/a", "x").await;
    let statements = [
        allow(r#""fs:ReadObject", "fs:WriteObject", "fs:DeleteObject""#, ON_IN),
        allow(r#""fs:ListObjects""#, "arn:lakefs:fs:::repository/trips"),
        deny(r#""fs:*""#, "arn:lakefs:fs:::repository/trips/object/in/secret/*"),
    ];
    let (ann, _) = user_with(&lake, "ann", &statements).await;
    put(&ann, &lake, "main", "in/a").await.unwrap();
    get(&ann, &lake, "main", "in/a").await.unwrap();
    is_denied(put(&ann, &lake, "main", "out/b").await);
    is_denied(get(&ann, &lake, "main", "out/a").await);
    is_denied(put(&ann, &lake, "main", "in/secret/a").await);
    assert_eq!(list(&ann, &lake, "main", "").await, Ok(2));
    let failures = ann.delete_objects(&lake.trips, &branch("main"), &[object("in/a"), object("out/a")]).await.unwrap();
    assert_eq!(failures.len(), 1);
    assert_eq!(failures[0].path.as_str(), "out/a");
    assert_eq!(lake.paths("main").await, ["out/a"]);
}

#[tokio::test]
async fn copies_need_rights_on_both_ends() {
    let lake = TestLake::new().await;
    lake.put("main", "out/a", "x").await;
    lake.put("main", "in/a", "x").await;
    let (ann, _) = user_with(&lake, "ann", &[allow(r#""fs:*""#, ON_IN)]).await;
    let main = branch("main");
    let copy = async |from: &str, to: &str| {
        let (from, to) = (from.to_owned(), to.to_owned());
        let copy = CopyObjects { from, to, recursive: false };
        let previewed = ann.preview_copy(&lake.trips, "main", &main, copy.clone()).await.map(drop);
        let done = ann.copy_objects(&lake.trips, "main", &main, copy).await.map(drop);
        assert_eq!(previewed, done);
        done
    };
    copy("in/a", "in/b").await.unwrap();
    is_denied(copy("out/a", "in/c").await);
    is_denied(copy("in/a", "out/c").await);
    assert_eq!(lake.paths("main").await, ["in/a", "in/b", "out/a"]);
}

/// A listing leaves out what a `deny` on `Prefix` names; so does a copy of what is listed.
#[tokio::test]
async fn copies_of_a_folder_take_what_a_listing_shows() {
    let lake = TestLake::new().await;
    for path in ["a", "secret/x", "z"] {
        lake.put("main", path, "x").await;
    }
    let hides = deny(r#""fs:ListObjects""#, ANY).replacen(
        '{',
        r#"{"condition": {"StringLike": {"Prefix": ["secret/*"]}}, "#,
        1,
    );
    let (ann, _) = user_with(&lake, "ann", &[allow(r#""fs:*""#, ANY), hides]).await;
    assert_eq!(list(&ann, &lake, "main", "").await, Ok(2));
    let copy = CopyObjects { from: String::new(), to: "copy/".to_owned(), recursive: true };
    lake.branch_off("dev", "main").await;
    assert_eq!(ann.copy_objects(&lake.trips, "main", &branch("dev"), copy).await.unwrap(), 2);
    assert_eq!(lake.paths("dev").await, ["copy/a", "copy/z"], "what is staged stays on its branch");
}

#[tokio::test]
async fn who_has_no_policy_may_only_know_themselves() {
    let lake = TestLake::new().await;
    let ann: UserName = "ann".parse().unwrap();
    lake.lakebed.create_user(&ann).await.unwrap();
    let nothing = connect(&lake, &ann).await;
    assert_eq!(nothing.who_am_i().await.unwrap().user_name, ann);
    is_denied(nothing.list_repositories("").try_collect::<Vec<_>>().await);
    is_denied(nothing.get_repository(&lake.trips).await);
    is_denied(nothing.list_users(None, "").try_collect::<Vec<_>>().await);
    is_denied(nothing.create_credential(&ann).await);
    is_denied(nothing.add_member(&"Admins".parse().unwrap(), &ann).await);
    let viewers = "Viewers".parse().unwrap();
    lake.lakebed.add_member(&viewers, &ann).await.unwrap();
    stops(async || list(&nothing, &lake, "main", "").await.is_err(), "the want of a group").await;
    is_denied(put(&nothing, &lake, "main", "a").await);
    nothing.create_credential(&ann).await.unwrap();
    is_denied(nothing.create_credential(&"admin".parse().unwrap()).await);
}

#[tokio::test]
async fn listings_show_only_what_one_may_see() {
    let lake = TestLake::new().await;
    let other = "other".parse().unwrap();
    lake.lakebed.create_repository(&other, Default::default()).await.unwrap();
    let statements =
        [allow(r#""fs:ListRepositories""#, ANY), allow(r#""fs:ReadRepository""#, "arn:lakefs:fs:::repository/trips")];
    let (ann, _) = user_with(&lake, "ann", &statements).await;
    let seen: Vec<_> = ann.list_repositories("").try_collect().await.unwrap();
    assert_eq!(seen.iter().map(|r| r.name.as_str()).collect::<Vec<_>>(), ["trips"]);
    is_denied(ann.get_repository(&other).await);
}

#[tokio::test]
async fn what_is_taken_away_stops_counting() {
    let lake = TestLake::new().await;
    let (ann, user) = user_with(&lake, "ann", &[allow(r#""fs:*""#, ANY)]).await;
    put(&ann, &lake, "main", "a").await.unwrap();
    let policy = "of ann".parse().unwrap();
    lake.lakebed.update_policy(&policy, &document(&[deny(r#""fs:WriteObject""#, ANY)])).await.unwrap();
    stops(async || put(&ann, &lake, "main", "a").await.is_ok(), "a changed policy").await;
    is_denied(put(&ann, &lake, "main", "a").await);

    let keys: Vec<_> = lake.lakebed.list_credentials(&user).try_collect().await.unwrap();
    assert_eq!(keys.len(), 1);
    lake.lakebed.delete_credential(&user, &keys[0].access_key_id).await.unwrap();
    stops(async || ann.who_am_i().await.is_ok(), "a deleted key").await;
    is_unknown(ann.who_am_i().await);
}

#[tokio::test]
async fn a_user_who_is_made_again_gets_nothing_back() {
    let lake = TestLake::new().await;
    let (ann, user) = user_with(&lake, "ann", &[allow(r#""*""#, ANY)]).await;
    let session = ann.begin_session(None, None).await.unwrap();
    let in_session = by_session(&lake, &session).await;
    in_session.who_am_i().await.unwrap();
    lake.lakebed.delete_user(&user).await.unwrap();
    lake.lakebed.create_user(&user).await.unwrap();
    stops(async || ann.who_am_i().await.is_ok(), "the old user's key").await;
    stops(async || in_session.who_am_i().await.is_ok(), "the old user's session").await;
    let again = connect(&lake, &user).await;
    is_denied(again.get_repository(&lake.trips).await);
}

#[tokio::test]
async fn a_narrowed_session_may_what_it_was_narrowed_to() {
    let lake = TestLake::new().await;
    lake.put("main", "in/a", "x").await;
    lake.put("main", "out/a", "x").await;
    lake.branch_off("dev", "main").await;
    let narrowed = |read_only| Narrowing::Objects {
        repository: lake.trips.clone(),
        reference: Some("main".to_owned()),
        prefix: "in/".to_owned(),
        read_only,
    };
    let begin = async |narrowing| lake.lakebed.begin_session(Some(900), Some(narrowing)).await.unwrap();
    let session = by_session(&lake, &begin(narrowed(true)).await).await;
    get(&session, &lake, "main", "in/a").await.unwrap();
    assert_eq!(list(&session, &lake, "main", "in/").await, Ok(1));
    is_denied(put(&session, &lake, "main", "in/b").await);
    is_denied(get(&session, &lake, "main", "out/a").await);
    is_denied(get(&session, &lake, "dev", "in/a").await);
    is_denied(list(&session, &lake, "main", "").await);
    is_denied(list(&session, &lake, "dev", "in/").await);
    is_denied(session.list_users(None, "").try_collect::<Vec<_>>().await);
    is_denied(session.create_credential(&"admin".parse().unwrap()).await);
    is_denied(session.begin_session(None, None).await);
    let writing = by_session(&lake, &begin(narrowed(false)).await).await;
    put(&writing, &lake, "main", "in/b").await.unwrap();
    is_denied(put(&writing, &lake, "dev", "in/b").await);
    let never = allow(r#""fs:*""#, ANY).replacen('{', r#"{"condition": {"StringLike": {"Prefix": ["in/*"]}}, "#, 1);
    let never = lake.lakebed.begin_session(Some(900), Some(Narrowing::Policy(document(&[never])))).await.unwrap_err();
    assert!(never.message.contains("has no prefix"), "{never}");
    let everything = Narrowing::Policy(document(&[allow(r#""*""#, ANY)]));
    let widest = by_session(&lake, &begin(everything).await).await;
    put(&widest, &lake, "dev", "x").await.unwrap();
    is_denied(widest.create_credential(&"admin".parse().unwrap()).await);
}

#[tokio::test]
async fn a_narrowed_session_reads_neither_the_log_nor_others_jobs() {
    let lake = TestLake::new().await;
    lake.put("main", "out/a", "x").await;
    let commit = NewCommit { request_id: Some(RequestId(7)), ..NewCommit::new("secret plans") };
    let id = lake.lakebed.begin_commit(&lake.trips, &branch("main"), commit).await.unwrap();
    lake.lakebed.wait_job(&lake.trips, id).await.unwrap().try_collect::<Vec<_>>().await.unwrap();
    let jobs = async |by: &Lakebed| by.jobs(&lake.trips).try_collect::<Vec<_>>().await.map(|jobs| jobs.len());
    let begin = async |narrowing| lake.lakebed.begin_session(Some(900), Some(narrowing)).await.unwrap();
    let objects = Narrowing::Objects {
        repository: lake.trips.clone(),
        reference: Some("main".to_owned()),
        prefix: "in/".to_owned(),
        read_only: false,
    };
    let of_objects = by_session(&lake, &begin(objects).await).await;
    assert_eq!(jobs(&of_objects).await, Ok(0));
    assert_eq!(of_objects.job(&lake.trips, id).await.unwrap_err().code, Code::NotFound);
    assert_eq!(of_objects.cancel_job(&lake.trips, id).await.unwrap_err().code, Code::NotFound);
    is_denied(of_objects.log(&lake.trips, "main", LogOptions::default()).try_collect::<Vec<_>>().await);
    is_denied(of_objects.reflog(&lake.trips, &branch("main")).try_collect::<Vec<_>>().await);

    let on = |branch: &str| format!("arn:lakefs:fs:::repository/trips{branch}");
    let repository = || allow(r#""fs:ReadRepository""#, &on(""));
    for (action, of, seen) in [
        ("fs:ReadBranch", "main", 1),
        ("fs:CreateCommit", "main", 1),
        ("fs:ReadBranch", "dev", 0),
        ("fs:ListTags", "*", 0),
    ] {
        let narrow = document(&[repository(), allow(&format!("{action:?}"), &on(&format!("/branch/{of}")))]);
        let session = by_session(&lake, &begin(Narrowing::Policy(narrow)).await).await;
        assert_eq!(jobs(&session).await, Ok(seen), "{action} of {of}");
        assert_eq!(session.job(&lake.trips, id).await.is_ok(), seen == 1, "{action} of {of}");
    }
    assert_eq!(jobs(&lake.lakebed).await, Ok(1));
}

#[tokio::test]
async fn sessions_are_bounded_and_end() {
    let lake = TestLake::new().await;
    for seconds in [899, 43_201] {
        let refused = lake.lakebed.begin_session(Some(seconds), None).await.unwrap_err();
        assert_eq!(refused.reason, Reason::InvalidArgument);
    }
    let long = Narrowing::Policy(document(&vec![allow(r#""fs:*""#, ANY); 60]));
    assert_eq!(lake.lakebed.begin_session(None, Some(long)).await.unwrap_err().reason, Reason::InvalidArgument);

    let first = lake.lakebed.begin_session(None, None).await.unwrap();
    let session = by_session(&lake, &first).await;
    let child = by_session(&lake, &session.begin_session(None, None).await.unwrap()).await;
    child.who_am_i().await.unwrap();
    session.end_session().await.unwrap();
    stops(async || session.who_am_i().await.is_ok(), "an ended session").await;
    stops(async || child.who_am_i().await.is_ok(), "a session that an ended one began").await;

    let other = by_session(&lake, &lake.lakebed.begin_session(None, None).await.unwrap()).await;
    other.who_am_i().await.unwrap();
    lake.lakebed.end_sessions(&"admin".parse().unwrap()).await.unwrap();
    stops(async || other.who_am_i().await.is_ok(), "a session after the end of all").await;
    lake.lakebed.who_am_i().await.unwrap();

    let without_token = Credentials::new(first.access_key_id.clone(), first.secret_access_key.clone());
    let alone = Lakebed::connect(&lake.endpoint(), without_token).await.unwrap();
    is_unknown(alone.who_am_i().await);
    let foreign = Credentials::new("AKLBTEST", first.secret_access_key.expose_secret());
    let foreign = foreign.with_session_token(first.session_token.clone());
    is_unknown(Lakebed::connect(&lake.endpoint(), foreign).await.unwrap().who_am_i().await);
}

#[tokio::test]
async fn what_cannot_be_a_policy_is_refused_with_the_reason() {
    let lake = TestLake::new().await;
    let name = "p".parse().unwrap();
    for (bad, why) in [
        ("{", "EOF"),
        (r#"{"statement": []}"#, "statements"),
        (document(&[allow(r#""fs:Raed""#, ANY)]).as_str(), "fs:Raed"),
    ] {
        let refused = lake.lakebed.create_policy(&name, bad).await.unwrap_err();
        assert_eq!(refused.reason, Reason::InvalidArgument);
        assert!(refused.message.contains(why), "{refused}");
    }
    assert_eq!(lake.lakebed.get_policy(&name).await.unwrap_err().reason, Reason::PolicyNotFound);
    let usual: Vec<_> = lake.lakebed.list_policies(None, false, "").try_collect().await.unwrap();
    assert_eq!(usual.len(), 7);
    let of = PolicyHolder::User("admin".parse().unwrap());
    let effective: Vec<_> = lake.lakebed.list_policies(Some(&of), true, "").try_collect().await.unwrap();
    let names: Vec<_> = effective.iter().map(|policy| policy.name.as_str()).collect();
    assert_eq!(names, ["AuthFullAccess", "FSFullAccess", "RepoManagementFullAccess"]);
}
