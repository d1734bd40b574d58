//! What lists show, page by page, against the obvious model: all names, those that may be seen.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use async_trait::async_trait;
use model::{
    Answer, Command, CommitId, ListBranches, MetaError, Outcome, PageRequest, Query, StagingToken, Timestamp, User,
    UserId, Version,
};
use proptest::prelude::*;

use super::*;
use crate::{Permissions, PolicyDocument};

/// Knows branches by name, and counts the questions.
struct Branches {
    names: Vec<String>,
    asked: AtomicUsize,
}

#[async_trait]
impl MetaStore for Branches {
    async fn write(&self, command: Command) -> Result<Outcome, MetaError> {
        unreachable!("a list writes nothing: {command}")
    }

    async fn read(&self, query: Query) -> Result<Answer, MetaError> {
        self.asked.fetch_add(1, Relaxed);
        let Query::ListBranches(ListBranches { page: PageRequest { prefix, after, amount }, .. }) = query else {
            unreachable!("{query:?}")
        };
        let mut left = self.names.iter().filter(|name| name.starts_with(&prefix) && **name > after);
        let items = left.by_ref().take(amount).map(|name| branch(name)).collect();
        Ok(Answer::Branches(Page { items, more: left.next().is_some() }))
    }
}

fn branch(name: &str) -> Branch {
    Branch {
        name: name.parse().unwrap(),
        commit: CommitId::from_bytes([0; 32]),
        version: Version(1),
        staging: StagingToken(1),
        sealed: vec![],
        created_at: Timestamp::default(),
        reset: Version(1),
        hidden: false,
        uid: model::BranchUid(1),
    }
}

fn store(names: impl IntoIterator<Item = String>) -> Branches {
    let mut names: Vec<_> = names.into_iter().collect();
    names.sort();
    Branches { names, asked: AtomicUsize::new(0) }
}

fn caller(statements: &str) -> Caller {
    let document = PolicyDocument::parse(&format!("{{\"statement\": [{statements}]}}")).unwrap();
    let (id, name) = (UserId(1), "ann".parse().unwrap());
    let permissions = Arc::new(Permissions::of_document(&name, &document).unwrap());
    Caller {
        user: User { id, name, created_at: Timestamp::default(), sessions_since: None },
        access_key_id: "AKLB".into(),
        session: None,
        groups: vec![],
        address: None,
        at: Timestamp::default(),
        permissions,
        narrowed: None,
        trail: None,
    }
}

const ALL: &str = r#"{"effect": "allow", "action": ["fs:*"], "resource": "*"}"#;

fn deny(action: &str, resource: &str, condition: &str) -> String {
    format!(r#"{{"effect": "deny", "action": ["{action}"], "resource": "{resource}", "condition": {{{condition}}}}}"#)
}

fn trips() -> RepositoryName {
    "trips".parse().unwrap()
}

fn page(store: &Branches, caller: &Caller, after: &str, amount: usize) -> (Vec<String>, Option<String>) {
    let wanted = PageRequest { prefix: String::new(), after: after.to_owned(), amount };
    let seen = block_on(seen_branches(store, caller, &trips(), wanted, |_| true));
    let Seen { items, next } = seen.unwrap();
    (items.into_iter().map(|branch| branch.name.to_string()).collect(), next)
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

/// All pages.
fn all(store: &Branches, caller: &Caller, amount: usize) -> Vec<String> {
    let (mut found, mut after) = (Vec::new(), String::new());
    loop {
        let (names, next) = page(store, caller, &after, amount);
        assert!(names.len() <= amount);
        found.extend(names);
        match next {
            Some(next) => {
                assert!(next > after, "it goes on");
                after = next;
            }
            None => return found,
        }
    }
}

proptest! {
    #[test]
    fn pages_together_are_what_may_be_seen(
        names in prop::collection::btree_set("[ab][0-9]", 0..20),
        amount in 1..7_usize,
    ) {
        let hides_b = [ALL, &deny("fs:*", "*", r#""StringLike": {"Ref": ["b*"]}"#)].join(",");
        let expected: Vec<_> = names.iter().filter(|name| name.starts_with('a')).cloned().collect();
        prop_assert_eq!(all(&store(names), &caller(&hides_b), amount), expected);
    }
}

#[test]
fn a_page_ends_where_enough_was_looked_at() {
    let store = store((0..25_000).map(|n| format!("b{n:05}")).chain(["c".to_owned()]));
    let sees_c = caller(
        r#"{"effect": "allow", "action": ["fs:*"], "resource": "*", "condition": {"StringLike": {"Ref": ["c"]}}}"#,
    );
    let (names, next) = page(&store, &sees_c, "", 3);
    assert!(names.is_empty() && next.is_some_and(|next| next.as_str() >= "b09999"));
    assert!(store.asked.load(Relaxed) < 20, "{:?}", store.asked);
    assert_eq!(all(&store, &sees_c, 3), ["c"]);
}

#[test]
fn what_is_forbidden_is_not_shown_and_what_is_not_allowed_may_be() {
    let (secret, open) = ("secret".parse().unwrap(), "open".parse().unwrap());
    let shows = |statements: &str| {
        let caller = caller(statements);
        [&secret, &open].map(|branch| shows_branch(&caller, &trips(), branch))
    };
    let lists = r#"{"effect": "allow", "action": ["fs:ListBranches"], "resource": "arn:lakefs:fs:::repository/trips"}"#;
    assert_eq!(shows(lists), [true, true], "as in lakeFS, listing needs no right to read");
    let by_name = deny("fs:*", "arn:lakefs:fs:::repository/trips/branch/secret", "");
    assert_eq!(shows(&[ALL, &by_name].join(",")), [false, true]);
    let by_ref = deny("fs:List*", "*", r#""StringNotLike": {"Ref": ["open"]}"#);
    assert_eq!(shows(&[ALL, &by_ref].join(",")), [false, true]);
    assert_eq!(shows(r#"{"effect": "allow", "action": ["fs:ReadBranch"], "resource": "*"}"#), [false, false]);
}

#[test]
fn a_wider_listing_hides_what_a_narrower_one_would_be_refused() {
    let main: BranchName = "main".parse().unwrap();
    let hidden = deny("fs:ListObjects", "*", r#""StringLike": {"Prefix": ["secret/*"], "Ref": ["main"]}"#);
    let (repository, caller) = (trips(), caller(&[ALL, &hidden].join(",")));
    let paths = HiddenPaths::new(&caller, &repository, &main);
    assert!(paths.has("secret/a") && paths.has("secret/") && !paths.has("public/a") && !paths.has("secret"));
    let other: BranchName = "other".parse().unwrap();
    assert!(!HiddenPaths::new(&caller, &repository, &other).has("secret/a"));
}
