//! The order and paging of refs against the obvious model: all names, sorted by `name/`.

use std::collections::BTreeSet;

use async_trait::async_trait;
use model::{
    Answer, Branch, BranchUid, Command, CommitId, Lookup, Outcome, Page, Query, Repository, RepositoryUid, ResolveRef,
    StagingToken, Tag, Timestamp, Version,
};
use proptest::prelude::*;

use super::*;

/// Knows branches and tags by name, and nothing else. Pages hold at most two names, so that paging is always at work.
struct Refs {
    branches: BTreeSet<String>,
    tags: BTreeSet<String>,
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
        uid: BranchUid(1),
    }
}

fn tag(name: &str) -> Tag {
    Tag { name: name.parse().unwrap(), commit: CommitId::from_bytes([0; 32]), created_at: Timestamp::default() }
}

fn page<T>(names: &BTreeSet<String>, wanted: &PageRequest, make: fn(&str) -> T) -> Page<T> {
    let mut matching = names.iter().filter(|n| n.starts_with(&wanted.prefix) && **n > wanted.after);
    let items = matching.by_ref().take(wanted.amount.min(2)).map(|n| make(n)).collect();
    Page { items, more: matching.next().is_some() }
}

#[async_trait]
impl MetaStore for Refs {
    async fn write(&self, command: Command) -> Result<Outcome, MetaError> {
        unreachable!("a listing writes nothing: {command}")
    }

    async fn read(&self, query: Query) -> Result<Answer, MetaError> {
        Ok(match query {
            Query::ListBranches(list) => Answer::Branches(page(&self.branches, &list.page, branch)),
            Query::ListTags(list) => Answer::Tags(page(&self.tags, &list.page, tag)),
            Query::ResolveRef(ResolveRef { repository, reference, .. }) => {
                let target = match reference.as_str() {
                    name if self.branches.contains(name) => RefTarget::Branch(branch(name)),
                    name if self.tags.contains(name) => RefTarget::Tag(tag(name)),
                    _ => RefTarget::Unknown,
                };
                let repository = Repository {
                    uid: RepositoryUid(1),
                    name: repository,
                    namespace: "mem://x".parse().unwrap(),
                    default_branch: "main".parse().unwrap(),
                    created_at: Timestamp::default(),
                    read_only: false,
                    protected: Vec::new(),
                };
                Answer::Lookup(Box::new(Lookup { repository, target, staged: None }))
            }
            other => unreachable!("a listing of refs doesn't ask {other:?}"),
        })
    }
}

/// A page's names, and where the next one begins.
type Listed = (Vec<String>, Option<String>);

fn list(refs: &Refs, prefix: &str, after: &str, amount: usize) -> Listed {
    list_shown(refs, RefsWanted { prefix, after, amount, shows: &|_| true })
}

fn list_shown(refs: &Refs, wanted: RefsWanted<'_>) -> Listed {
    let repository = "trips".parse().unwrap();
    let RefNames { refs, next } = futures::executor::block_on(ref_names(refs, &repository, wanted)).unwrap();
    (refs.iter().map(|found| found.name().to_owned()).collect(), next)
}

fn model(refs: &Refs, wanted: RefsWanted<'_>) -> Listed {
    let RefsWanted { prefix, after, amount, shows } = wanted;
    let branches = refs.branches.iter().map(|name| Ref::Branch(name.parse().unwrap()));
    let all = branches.chain(refs.tags.iter().map(|name| Ref::Tag(name.parse().unwrap())));
    let all: BTreeSet<String> = all.filter(shows).map(|found| format!("{}/", found.name())).collect();
    let mut left = all.into_iter().filter(|name| name.starts_with(prefix) && name.as_str() > after);
    let names: Vec<_> = left.by_ref().take(amount).map(|name| name.trim_end_matches('/').to_owned()).collect();
    let next = names.last().filter(|_| left.next().is_some()).cloned();
    (names, next)
}

#[test]
fn a_longer_name_can_come_before_a_shorter_one() {
    let names = ["a", "a-b", "a-b-c", "a0", "b"].map(str::to_owned);
    let refs = Refs { branches: BTreeSet::from(names), tags: BTreeSet::from(["a.1".to_owned()]) };
    assert_eq!(list(&refs, "", "", 10).0, ["a-b-c", "a-b", "a.1", "a", "a0", "b"]);
    assert_eq!(list(&refs, "", "a-b-c/", 10).0, ["a-b", "a.1", "a", "a0", "b"]);
    assert_eq!(list(&refs, "", "a-b/x", 2), (vec!["a.1".into(), "a".into()], Some("a".into())));
    assert_eq!(list(&refs, "a-", "", 10).0, ["a-b-c", "a-b"]);
}

#[test]
fn a_page_ends_where_enough_was_looked_at() {
    let mut branches: BTreeSet<_> = (0..LOOKED_AT_MAX + 100).map(|n| format!("a{n:05}")).collect();
    branches.insert("b".to_owned());
    let refs = Refs { branches, tags: BTreeSet::new() };
    let shows = |found: &Ref| found.name() == "b";
    let wanted = RefsWanted { prefix: "", after: "", amount: 1000, shows: &shows };
    let (names, next) = list_shown(&refs, wanted);
    let next = next.unwrap();
    assert!(names.is_empty() && next.as_str() >= "a09999", "{next}");
    let behind = format!("{next}/");
    assert_eq!(list_shown(&refs, RefsWanted { after: &behind, ..wanted }), (vec!["b".to_owned()], None));
}

proptest! {
    #[test]
    fn listings_equal_the_model(
        names in prop::collection::btree_set("[a-b0][-a-b0]{0,3}", 0..12),
        tags in prop::collection::btree_set("[a-b0][-.a-b0]{0,2}[a-b]", 0..8),
        prefix in "[a-b]?[-.a-b]{0,1}",
        after in "[a-b0]{0,1}[-.a-b0]{0,3}/?[a-b]?",
        amount in 1usize..6,
        hidden in "[a-b0]?",
    ) {
        let tags = tags.into_iter().filter(|t| !t.contains("..") && !names.contains(t)).collect();
        let refs = Refs { branches: names, tags };
        let shows = |found: &Ref| hidden.is_empty() || !found.name().ends_with(&hidden);
        let wanted = RefsWanted { prefix: &prefix, after: &after, amount, shows: &shows };
        prop_assert_eq!(list_shown(&refs, wanted), model(&refs, wanted));
    }
}
