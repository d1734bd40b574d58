//! Walks over random histories, criss-cross ones included.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::{Commit, CommitId, Timestamp};
use proptest::prelude::*;

use crate::Error;
use crate::history::{Commits, HistoryWalk, Lineage, ancestor, merge_base};
use crate::testing::run;
use crate::tree::tests::cases;

/// Commits by number; a commit's parents have smaller numbers.
#[derive(Debug)]
struct Graph(Vec<Arc<Commit>>);

impl Commits for Graph {
    async fn commit(&self, id: CommitId) -> Result<Arc<Commit>, Error> {
        Ok(Arc::clone(&self.0[number(id)]))
    }
}

/// Ids are not in the order of numbers.
fn id(number: usize) -> CommitId {
    let mut bytes = [0; 32];
    bytes[0] = (number as u8).wrapping_mul(157);
    bytes[1] = number as u8;
    CommitId::from_bytes(bytes)
}

fn number(id: CommitId) -> usize {
    usize::from(id.as_bytes()[1])
}

/// Random histories of one root: most commits have one parent, some two, all among the few before.
fn graphs() -> impl Strategy<Value = Graph> {
    prop::collection::vec((0..6usize, prop::option::of(0..6usize), 0..50i64), 1..60).prop_map(|seeds| {
        let mut commits: Vec<Arc<Commit>> = Vec::new();
        for (at, (first, second, time)) in seeds.into_iter().enumerate() {
            let mut parents: Vec<usize> = Vec::new();
            if at > 0 {
                parents.push(at.saturating_sub(first + 1));
                parents.extend(second.map(|second| at.saturating_sub(second + 1)).filter(|p| *p != parents[0]));
            }
            commits.push(Arc::new(Commit {
                metarange: None,
                generation: 1 + parents.iter().map(|p| commits[*p].generation).max().unwrap_or(0),
                parents: parents.into_iter().map(id).collect(),
                committer: String::new(),
                message: String::new(),
                created_at: Timestamp::from_millis(time),
                metadata: BTreeMap::new(),
            }));
        }
        Graph(commits)
    })
}

impl Graph {
    /// A commit and all its ancestors.
    fn reach(&self, from: usize) -> BTreeSet<usize> {
        let mut found = BTreeSet::from([from]);
        let mut open = vec![from];
        while let Some(at) = open.pop() {
            let parents = self.0[at].parents.iter().map(|parent| number(*parent));
            open.extend(parents.filter(|parent| found.insert(*parent)));
        }
        found
    }

    /// Common ancestors that are no ancestors of other common ancestors.
    fn best(&self, a: usize, b: usize) -> BTreeSet<usize> {
        let common: BTreeSet<usize> = self.reach(a).intersection(&self.reach(b)).copied().collect();
        let beneath = |at: &usize| common.iter().any(|other| other != at && self.reach(*other).contains(at));
        common.iter().copied().filter(|at| !beneath(at)).collect()
    }
}

#[test]
fn the_merge_base_is_a_best_common_ancestor_and_always_the_same() {
    proptest!(cases(256), |(graph in graphs(), a in any::<prop::sample::Index>(), b in any::<prop::sample::Index>())| {
        let (a, b) = (a.index(graph.0.len()), b.index(graph.0.len()));
        let found = run(merge_base(&graph, id(a), id(b))).unwrap().map(number);
        let best = graph.best(a, b);
        let top = best.iter().map(|at| graph.0[*at].generation).max();
        let chosen = best.iter().copied().filter(|at| Some(graph.0[*at].generation) == top).min_by_key(|at| id(*at));
        prop_assert_eq!(found, chosen, "of {:?}", best);
        prop_assert_eq!(run(merge_base(&graph, id(b), id(a))).unwrap().map(number), found);
    });
}

/// A head that goes from child to child asks for the bases of others along the way.
#[test]
fn a_lineage_finds_the_same_base_as_a_walk() {
    type Asked = Vec<(prop::sample::Index, bool)>;
    let asked = prop::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 1..12);
    proptest!(cases(256), |(graph in graphs(), start in any::<prop::sample::Index>(), asked in asked)| {
        let asked: Asked = asked;
        let found: Result<(), TestCaseError> = run(async {
            let mut head = start.index(graph.0.len());
            let mut lineage = Lineage::of(&graph, id(head)).await.unwrap();
            for (other, goes_on) in asked {
                let other = other.index(graph.0.len());
                let expected = merge_base(&graph, id(head), id(other)).await.unwrap();
                prop_assert_eq!(lineage.base(&graph, id(other)).await.unwrap().map(number), expected.map(number));
                let child = (0..graph.0.len()).find(|at| graph.0[*at].parents.contains(&id(head)));
                // Now and then to a commit that has nothing to do with the head, as after a reset.
                let next = if goes_on { child } else { Some(other) };
                if let Some(next) = next {
                    lineage.advance(&graph, id(next)).await.unwrap();
                    head = next;
                }
            }
            Ok(())
        });
        found?;
    });
}

#[test]
fn a_criss_cross_has_one_chosen_base() {
    // 0 ← 1, 0 ← 2; 3 merges 1 and 2, 4 merges 2 and 1.
    let commit = |generation, parents: &[usize]| {
        Arc::new(Commit {
            metarange: None,
            generation,
            parents: parents.iter().copied().map(id).collect(),
            committer: String::new(),
            message: String::new(),
            created_at: Timestamp::default(),
            metadata: BTreeMap::new(),
        })
    };
    let graph = Graph(vec![commit(1, &[]), commit(2, &[0]), commit(2, &[0]), commit(3, &[1, 2]), commit(3, &[2, 1])]);
    let expected = id(1).min(id(2));
    assert_eq!(run(merge_base(&graph, id(3), id(4))).unwrap(), Some(expected));
    assert_eq!(run(merge_base(&graph, id(4), id(3))).unwrap(), Some(expected));
}

#[test]
fn unrelated_histories_have_no_base() {
    let root = |message: &str| {
        Arc::new(Commit {
            metarange: None,
            generation: 1,
            parents: Vec::new(),
            committer: String::new(),
            message: message.into(),
            created_at: Timestamp::default(),
            metadata: BTreeMap::new(),
        })
    };
    let graph = Graph(vec![root("a"), root("b")]);
    assert_eq!(run(merge_base(&graph, id(0), id(1))).unwrap(), None);
}

#[test]
fn a_walk_gives_each_ancestor_once_behind_a_child_of_it() {
    proptest!(cases(256), |(graph in graphs(), from in any::<prop::sample::Index>())| {
        let from = from.index(graph.0.len());
        let walked = run(async {
            let mut walk = HistoryWalk::new(&graph, &[id(from)]).await.unwrap();
            let mut walked = Vec::new();
            while let Some((id, commit)) = walk.next().await.unwrap() {
                walk.follow(commit.created_at, &commit.parents).await.unwrap();
                walked.push(number(id));
            }
            assert!(walk.is_done());
            walked
        });
        prop_assert_eq!(walked.iter().copied().collect::<BTreeSet<_>>(), graph.reach(from));
        prop_assert_eq!(walked.len(), graph.reach(from).len());
        for (at, commit) in walked.iter().enumerate().skip(1) {
            let has_child = walked[..at].iter().any(|child| graph.0[*child].parents.contains(&id(*commit)));
            prop_assert!(has_child);
        }
    });
}

#[test]
fn ancestors_are_first_parents() {
    proptest!(cases(256), |(graph in graphs(), from in any::<prop::sample::Index>(), steps in 0..20u64)| {
        let from = from.index(graph.0.len());
        let mut expected = Some(from);
        for _ in 0..steps {
            expected = expected.and_then(|at| graph.0[at].parents.first()).map(|parent| number(*parent));
        }
        prop_assert_eq!(run(ancestor(&graph, id(from), steps)).unwrap().map(number), expected);
    });
}

#[test]
fn a_walk_that_is_left_goes_on_from_its_frontier_if_no_commit_is_older_than_its_parents() {
    let all = |graph: &Graph, from: &[CommitId], amount: usize| {
        run(async {
            let mut walk = HistoryWalk::new(graph, from).await.unwrap();
            let mut walked = Vec::new();
            while walked.len() < amount
                && let Some((id, commit)) = walk.next().await.unwrap()
            {
                walk.follow(commit.created_at, &commit.parents).await.unwrap();
                walked.push(number(id));
            }
            (walked, walk.frontier())
        })
    };
    proptest!(cases(256), |(graph in graphs(), from in any::<prop::sample::Index>(), amount in 0..20_usize, sorted: bool)| {
        let mut graph = graph;
        if sorted {
            let mut times: Vec<_> = graph.0.iter().map(|commit| commit.created_at).collect();
            times.sort();
            for (commit, time) in graph.0.iter_mut().zip(times) {
                Arc::make_mut(commit).created_at = time;
            }
        }
        let from = id(from.index(graph.0.len()));
        let (whole, _) = all(&graph, &[from], usize::MAX);
        let (mut walked, frontier) = all(&graph, &[from], amount);
        prop_assert!(frontier.is_some() || !sorted);
        if let Some(frontier) = frontier {
            let (rest, still) = all(&graph, &frontier, usize::MAX);
            walked.extend(rest);
            prop_assert!(walked == whole || still.is_none(), "{:?} {:?}", walked, whole);
        }
    });
}
