//! What a rule on a ref keeps from whom, by whichever name and endpoint: lists, commits' ids, tags, and new names for the same
//! commit. `matrix` asks every operation; here are those where the ref isn't the whole question.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::TryStreamExt;
use lakebed_sdk::{
    Code, Conflicts, CopyObjects, Credentials, Error, HardReset, JobAnswer, JobState, Lakebed, ListOptions,
    MergeOptions, MergeOutcome, PolicyHolder, RebaseOptions, RebaseOutcome, Replay, ReplayOptions, UserName,
};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::lake::{TestLake, branch, object};

const REPOSITORY: &str = "/api/v1/repositories/trips";

/// Somebody with a policy, over gRPC and REST.
struct Somebody<'a> {
    lake: &'a TestLake,
    grpc: Lakebed,
    authorization: String,
}

impl<'a> Somebody<'a> {
    async fn new(lake: &'a TestLake, name: &str, statements: Value) -> Self {
        let user: UserName = name.parse().unwrap();
        lake.lakebed.create_user(&user).await.unwrap();
        let policy = format!("of {name}").parse().unwrap();
        lake.lakebed.create_policy(&policy, &json!({ "statement": statements }).to_string()).await.unwrap();
        lake.lakebed.attach_policy(&policy, &PolicyHolder::User(user.clone())).await.unwrap();
        let key = lake.lakebed.create_credential(&user).await.unwrap();
        let secret = key.secret_access_key.expose_secret();
        let authorization = format!("Basic {}", STANDARD.encode(format!("{}:{secret}", key.access_key_id)));
        let credentials = Credentials::new(key.access_key_id.clone(), key.secret_access_key.clone());
        let grpc = Lakebed::connect(&lake.endpoint(), credentials).await.unwrap();
        Self { lake, grpc, authorization }
    }

    /// The status of a request.
    async fn rest(&self, method: &str, path: &str, body: Option<Value>) -> u16 {
        let call = self.lake.call_as_nobody(method, path).header("authorization", &self.authorization);
        let call = if let Some(body) = body { call.json(&body) } else { call };
        call.send().await.status.as_u16()
    }

    async fn json(&self, path: &str) -> Value {
        let call = self.lake.call_as_nobody("GET", path).header("authorization", &self.authorization);
        call.send().await.json(200)
    }

    /// What a list over REST has, page by page.
    async fn ids(&self, list: &str, page: usize) -> Vec<String> {
        let (mut found, mut after) = (Vec::new(), String::new());
        loop {
            let answer = self.json(&format!("{REPOSITORY}/{list}?amount={page}&after={after}")).await;
            let results = answer["results"].as_array().unwrap();
            assert!(results.len() <= page);
            assert_eq!(answer["pagination"]["results"], results.len());
            found.extend(results.iter().map(|item| item["id"].as_str().unwrap().to_owned()));
            if answer["pagination"]["has_more"] == false {
                return found;
            }
            answer["pagination"]["next_offset"].as_str().unwrap().clone_into(&mut after);
        }
    }
}

fn all_but(condition: &Value) -> Value {
    json!([
        { "effect": "allow", "action": ["fs:*"], "resource": "*" },
        { "effect": "deny", "action": ["fs:*"], "resource": "*", "condition": condition },
    ])
}

fn but_secret() -> Value {
    all_but(&json!({ "StringLike": { "Ref": ["secret*"] } }))
}

fn only(reference: &str) -> Value {
    json!([{
        "effect": "allow", "action": ["fs:*"], "resource": "*",
        "condition": { "StringLike": { "Ref": [reference] } },
    }])
}

/// `main`, and ahead of it by one commit `secret`, which the tags `v1` and `secret-tag` name too. → that commit's id
async fn with_secret() -> (TestLake, String) {
    let lake = TestLake::new().await;
    lake.put("main", "open", "1").await;
    lake.commit("main", "open").await;
    lake.branch_off("secret", "main").await;
    lake.put("secret", "hidden", "2").await;
    let hidden = lake.commit("secret", "hidden").await.id.to_string();
    for tag in ["v1", "secret-tag"] {
        lake.lakebed.create_tag(&lake.trips, &tag.parse().unwrap(), "secret").await.unwrap();
    }
    (lake, hidden)
}

fn is_denied<T: std::fmt::Debug>(what: &str, done: Result<T, Error>) {
    assert_eq!(done.expect_err(what).code, Code::PermissionDenied, "{what}");
}

#[tokio::test]
async fn lists_leave_out_what_a_rule_hides() {
    let (lake, _) = with_secret().await;
    for gone in ["gone", "secret-gone"] {
        lake.branch_off(gone, "main").await;
        lake.lakebed.delete_branch(&lake.trips, &branch(gone)).await.unwrap();
    }
    for (n, statements) in
        [but_secret(), all_but(&json!({ "StringNotLike": { "Ref": ["main", "v1", "gone"] } }))].into_iter().enumerate()
    {
        let ann = Somebody::new(&lake, &format!("ann{n}"), statements).await;
        for page in [1, 2, 100] {
            assert_eq!(ann.ids("branches", page).await, ["main"]);
            assert_eq!(ann.ids("tags", page).await, ["v1"]);
        }
        let branches: Vec<_> = ann.grpc.list_branches(&lake.trips, "", false).try_collect::<Vec<_>>().await.unwrap();
        assert_eq!(branches.iter().map(|branch| branch.name.as_str()).collect::<Vec<_>>(), ["main"]);
        let tags: Vec<_> = ann.grpc.list_tags(&lake.trips, "").try_collect().await.unwrap();
        assert_eq!(tags.iter().map(|tag| tag.name.as_str()).collect::<Vec<_>>(), ["v1"]);
        let deleted: Vec<_> = ann.grpc.list_deleted_branches(&lake.trips, "").try_collect().await.unwrap();
        assert_eq!(deleted.iter().map(|deletion| deletion.branch.as_str()).collect::<Vec<_>>(), ["gone"]);
    }
    let bob = Somebody::new(&lake, "bob", only("main")).await;
    assert_eq!((bob.ids("branches", 1).await, bob.ids("tags", 1).await), (vec!["main".to_owned()], vec![]));
}

#[tokio::test]
async fn a_commit_s_id_is_no_way_around_a_rule() {
    let (lake, id) = with_secret().await;
    let ann = Somebody::new(&lake, "ann", but_secret()).await;
    let bob = Somebody::new(&lake, "bob", only("main")).await;
    let refs = |reference: &str| format!("{REPOSITORY}/refs/{reference}");
    for who in [&ann, &bob] {
        for reference in ["secret", "secret~0", "secret@", "secret%5E0", "secret$", &id, &id[..8], &format!("{id}~0")] {
            for path in [
                format!("{}/objects?path=hidden", refs(reference)),
                format!("{}/objects/stat?path=hidden", refs(reference)),
                format!("{}/objects/ls", refs(reference)),
                format!("{}/commits", refs(reference)),
                format!("{}/diff/main", refs(reference)),
                format!("{}/diff/{reference}", refs("main")),
                format!("{}/merge/main", refs(reference)),
                format!("{REPOSITORY}/commits/{reference}"),
            ] {
                assert_eq!(who.rest("GET", &path, None).await, 401, "{path}");
            }
            let decoded = reference.replace("%5E", "^");
            let main = branch("main");
            is_denied(reference, who.grpc.download(&lake.trips, &decoded, &object("hidden"), ..).await.map(drop));
            is_denied(reference, who.grpc.get_commit(&lake.trips, &decoded).await);
            is_denied(reference, who.grpc.merge_base(&lake.trips, "main", &decoded).await);
            is_denied(reference, who.grpc.merge(&lake.trips, &decoded, &main, Default::default()).await);
            is_denied(reference, who.grpc.cherry_pick(&lake.trips, &main, &decoded, Default::default()).await);
            is_denied(reference, who.grpc.rebase(&lake.trips, &main, &decoded, Default::default()).await);
            let reset = HardReset { to: decoded.clone(), ..HardReset::default() };
            is_denied(reference, who.grpc.hard_reset(&lake.trips, &main, reset).await);
            let copy = CopyObjects { from: "hidden".into(), to: "copy".into(), recursive: false };
            is_denied(reference, who.grpc.copy_objects(&lake.trips, &decoded, &main, copy).await);
        }
        is_denied("a dump has all refs", who.grpc.dump_refs(&lake.trips).await.map(drop));
        assert_eq!(who.rest("GET", &format!("{}/objects?path=open", refs("main~0")), None).await, 200);
    }
    // A rule that names the id, or all there is, is about it.
    let carl = Somebody::new(&lake, "carl", only(&id)).await;
    let eve = Somebody::new(&lake, "eve", only("*")).await;
    for who in [&carl, &eve] {
        assert_eq!(who.rest("GET", &format!("{}/objects?path=hidden", refs(&id)), None).await, 200);
    }
}

#[tokio::test]
async fn another_name_for_the_same_commit_needs_the_right_to_read_it() {
    let (lake, id) = with_secret().await;
    let ann = Somebody::new(&lake, "ann", but_secret()).await;
    for source in ["secret", "secret~0", &id, "secret-tag"] {
        is_denied(source, ann.grpc.create_branch(&lake.trips, &branch("mine"), source).await);
        is_denied(source, ann.grpc.create_tag(&lake.trips, &"mine".parse().unwrap(), source).await);
        let body = json!({ "name": "mine", "source": source });
        assert_eq!(ann.rest("POST", &format!("{REPOSITORY}/branches"), Some(body)).await, 401, "{source}");
    }
    // What somebody who may has given another name has that name.
    let stat = format!("{REPOSITORY}/refs/v1/objects/stat?path=hidden");
    assert_eq!(ann.rest("GET", &stat, None).await, 200);
}

#[tokio::test]
async fn a_prefix_that_may_not_be_asked_for_isn_t_shown_by_a_wider_listing() {
    let lake = TestLake::new().await;
    for path in ["open/a", "secret/a", "z"] {
        lake.put("main", path, "1").await;
    }
    let ann = Somebody::new(&lake, "ann", but_listings_of_secret()).await;
    let listed = |answer: Value| -> Vec<String> {
        let results = answer["results"].as_array().unwrap();
        assert_eq!(answer["pagination"]["results"], results.len());
        results.iter().map(|item| item["path"].as_str().unwrap().to_owned()).collect()
    };
    let objects = format!("{REPOSITORY}/refs/main/objects/ls");
    assert_eq!(listed(ann.json(&objects).await), ["open/a", "z"]);
    assert_eq!(listed(ann.json(&format!("{objects}?delimiter=/")).await), ["open/", "z"]);
    let page = ann.json(&format!("{objects}?amount=1&after=open/a")).await;
    assert_eq!((&page["pagination"]["has_more"], listed(page.clone())), (&json!(false), vec!["z".to_owned()]));
    assert_eq!(listed(ann.json(&format!("{objects}?delimiter=t")).await), ["open/a", "z"], "secret");
    let changed = format!("{REPOSITORY}/branches/main/diff?delimiter=t");
    assert_eq!(listed(ann.json(&changed).await), ["open/a", "z"], "secret");
    assert_eq!(listed(ann.json(&format!("{REPOSITORY}/branches/main/diff")).await), ["open/a", "z"]);
    let changes: Vec<_> =
        ann.grpc.diff_uncommitted(&lake.trips, &branch("main"), Default::default()).try_collect().await.unwrap();
    assert_eq!(changes.len(), 2);
    let items: Vec<_> =
        ann.grpc.list_objects(&lake.trips, "main", ListOptions::default()).try_collect::<Vec<_>>().await.unwrap();
    assert_eq!(items.len(), 2);
    assert_eq!(ann.rest("GET", &format!("{objects}?prefix=secret/"), None).await, 401);
}

/// A policy that keeps listings from `secret/`; everything else is allowed.
fn but_listings_of_secret() -> Value {
    json!([
        { "effect": "allow", "action": ["fs:*"], "resource": "*" },
        { "effect": "deny", "action": ["fs:ListObjects"], "resource": "*",
          "condition": { "StringLike": { "Prefix": ["secret/*"] } } },
    ])
}

#[tokio::test]
async fn conflicts_at_paths_that_may_not_be_listed_are_counted_and_not_named() {
    let lake = TestLake::with_jobs(crate::jobs::quick()).await;
    let paths = ["open/a", "secret/a", "secret/b", "z"];
    for path in paths {
        lake.put("main", path, "base").await;
    }
    let base = lake.commit("main", "base").await;
    lake.branch_off("fix", "main").await;
    for on in ["main", "fix"] {
        for path in paths {
            lake.put(on, path, on).await;
        }
    }
    let (_, fix) = (lake.commit("main", "on main").await, lake.commit("fix", "on fix").await);
    let told = |found: &Conflicts| {
        let paths: Vec<String> = found.items.iter().map(|conflict| conflict.path.to_string()).collect();
        (paths.join(" "), found.unnamed, found.next_after.clone())
    };
    let main = branch("main");
    // Who may not list at all is told of no path; a listing that one is allowed to make is told of.
    let no_lists =
        json!([{ "effect": "allow", "action": ["fs:Read*", "fs:CreateCommit", "fs:RevertBranch"], "resource": "*" }]);
    let open_alone = json!([
        { "effect": "allow", "action": ["fs:Read*", "fs:CreateCommit", "fs:RevertBranch"], "resource": "*" },
        { "effect": "allow", "action": ["fs:ListObjects"], "resource": "*",
          "condition": { "StringLike": { "Prefix": ["open/*"] } } },
    ]);
    for (name, statements, expected) in [
        ("ann", but_listings_of_secret(), ("open/a z".to_owned(), 2, None)),
        ("bob", no_lists, (String::new(), 4, None)),
        ("cleo", open_alone, ("open/a".to_owned(), 3, None)),
    ] {
        let somebody = Somebody::new(&lake, name, statements).await;
        let grpc = &somebody.grpc;
        for dry_run in [false, true] {
            let options = MergeOptions { dry_run, ..MergeOptions::default() };
            let merged = grpc.merge(&lake.trips, "fix", &main, options).await.unwrap();
            let MergeOutcome::Conflicts(found) = merged else { panic!("{merged:?}") };
            assert_eq!(told(&found), expected, "{name}, merge");
            for (what, commit) in [(Replay::CherryPick, &fix.id), (Replay::Revert, &base.id)] {
                let options = ReplayOptions { dry_run, ..ReplayOptions::default() };
                let replayed = grpc.replay(what, &lake.trips, &main, &commit.to_string(), options).await.unwrap();
                let MergeOutcome::Conflicts(found) = replayed else { panic!("{replayed:?}") };
                assert_eq!(told(&found), expected, "{name}, {what:?}");
            }
        }
        let rebased = grpc.rebase(&lake.trips, &branch("fix"), "main", RebaseOptions::default()).await.unwrap();
        let RebaseOutcome::Conflicts { conflicts, .. } = rebased else { panic!("{rebased:?}") };
        assert_eq!(told(&conflicts), expected, "{name}, rebase");

        // Over REST, and in the end of a job that somebody else began.
        let merge = format!("{REPOSITORY}/refs/fix/merge/main");
        let body = json!({});
        let call = lake.call_as_nobody("POST", &merge).header("authorization", &somebody.authorization).json(&body);
        let answer = call.send().await.json(409);
        let named: Vec<_> = answer["conflicts"].as_array().unwrap().iter().map(|path| path.as_str().unwrap()).collect();
        assert_eq!((named.join(" "), answer["unnamed"].as_u64()), (expected.0.clone(), Some(expected.1)));
        let message = answer["message"].as_str().unwrap();
        assert!(message.contains("at paths that you may not list") && !message.contains("secret"), "{message}");
        let id = lake.lakebed.begin_merge(&lake.trips, "fix", &main, MergeOptions::default()).await.unwrap();
        let all: Vec<_> = grpc.wait_job(&lake.trips, id).await.unwrap().try_collect().await.unwrap();
        let JobState::Done(JobAnswer::Merge(answer)) = &all.last().unwrap().state else { panic!("{all:?}") };
        let MergeOutcome::Conflicts(found) = &**answer else { panic!("{answer:?}") };
        assert_eq!(told(found), expected, "{name}, another's job");
    }
}
