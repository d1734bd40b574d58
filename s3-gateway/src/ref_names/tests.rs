//! The order and paging of refs against the obvious model: all names, sorted by `name/`.

use std::collections::BTreeSet;

use async_trait::async_trait;
use model::{
    Answer, Branch, BranchUid, Command, CommitId, Lookup, Outcome, Page, Repository, RepositoryUid, StagingToken, Tag,
    Timestamp, Version,
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

fn page<T>(names: &BTreeSet<String>, prefix: &str, after: &str, amount: usize, make: fn(&str) -> T) -> Page<T> {
    let mut matching = names.iter().filter(|n| n.starts_with(prefix) && n.as_str() > after);
    let items = matching.by_ref().take(amount.min(2)).map(|n| make(n)).collect();
    Page { items, more: matching.next().is_some() }
}

#[async_trait]
impl MetaStore for Refs {
    async fn write(&self, command: Command) -> Result<Outcome, MetaError> {
        unreachable!("a listing writes nothing: {command}")
    }

    async fn read(&self, query: Query) -> Result<Answer, MetaError> {
        Ok(match query {
            Query::Branches { prefix, after, amount, .. } => {
                Answer::Branches(page(&self.branches, &prefix, &after, amount, branch))
            }
            Query::Tags { prefix, after, amount, .. } => Answer::Tags(page(&self.tags, &prefix, &after, amount, tag)),
            Query::Lookup { repository, reference, .. } => {
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

fn list(refs: &Refs, prefix: &str, after: &str, amount: usize) -> RefNames {
    let repository = "trips".parse().unwrap();
    futures::executor::block_on(ref_names(refs, &repository, prefix, after, amount)).unwrap()
}

fn model(refs: &Refs, prefix: &str, after: &str, amount: usize) -> RefNames {
    let all = refs.branches.union(&refs.tags).map(|n| format!("{n}/"));
    let all: BTreeSet<String> = all.filter(|n| n.starts_with(prefix) && n.as_str() > after).collect();
    let names = all.iter().take(amount).map(|n| n.trim_end_matches('/').to_owned()).collect();
    RefNames { names, more: all.len() > amount }
}

#[test]
fn a_longer_name_can_come_before_a_shorter_one() {
    let names = ["a", "a-b", "a-b-c", "a0", "b"].map(str::to_owned);
    let refs = Refs { branches: BTreeSet::from(names), tags: BTreeSet::from(["a.1".to_owned()]) };
    assert_eq!(list(&refs, "", "", 10).names, ["a-b-c", "a-b", "a.1", "a", "a0", "b"]);
    assert_eq!(list(&refs, "", "a-b-c/", 10).names, ["a-b", "a.1", "a", "a0", "b"]);
    assert_eq!(list(&refs, "", "a-b/x", 2), RefNames { names: vec!["a.1".into(), "a".into()], more: true });
    assert_eq!(list(&refs, "a-", "", 10).names, ["a-b-c", "a-b"]);
}

proptest! {
    #[test]
    fn listings_equal_the_model(
        names in prop::collection::btree_set("[a-b0][-a-b0]{0,3}", 0..12),
        tags in prop::collection::btree_set("[a-b0][-.a-b0]{0,2}[a-b]", 0..8),
        prefix in "[a-b]?[-.a-b]{0,1}",
        after in "[a-b0]{0,1}[-.a-b0]{0,3}/?[a-b]?",
        amount in 0usize..6,
    ) {
        let tags = tags.into_iter().filter(|t| !t.contains("..") && !names.contains(t)).collect();
        let refs = Refs { branches: names, tags };
        prop_assert_eq!(list(&refs, &prefix, &after, amount), model(&refs, &prefix, &after, amount));
    }
}
