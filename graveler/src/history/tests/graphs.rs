//! Walks over random histories, criss-cross ones included.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use model::{Commit, CommitId, Timestamp};
use proptest::prelude::*;

use crate::Error;
use crate::history::merge_base::BASES_MAX;
use crate::history::{Commits, HistoryWalk, Lineage, ancestor, merge_bases, reaches};
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
    let [high, low] = (number as u16).to_be_bytes();
    let mut bytes = [0; 32];
    bytes[..3].copy_from_slice(&[low.wrapping_mul(157), high, low]);
    CommitId::from_bytes(bytes)
}

fn number(id: CommitId) -> usize {
    u16::from_be_bytes([id.as_bytes()[1], id.as_bytes()[2]]).into()
}

fn numbers(ids: Vec<CommitId>) -> Vec<usize> {
    ids.into_iter().map(number).collect()
}

fn bases(graph: &impl Commits, left: &[usize], right: usize) -> Vec<usize> {
    let left: Vec<CommitId> = left.iter().copied().map(id).collect();
    numbers(run(merge_bases(graph, &left, id(right))).unwrap())
}

/// A graph of commits, given as the parents of each, all of one time.
fn graph_of(parents: &[&[usize]]) -> Graph {
    let mut commits: Vec<Arc<Commit>> = Vec::new();
    for parents in parents {
        commits.push(Arc::new(Commit {
            metarange: None,
            generation: 1 + parents.iter().map(|p| commits[*p].generation).max().unwrap_or(0),
            parents: parents.iter().copied().map(id).collect(),
            committer: String::new(),
            message: String::new(),
            created_at: Timestamp::default(),
            metadata: BTreeMap::new(),
        }));
    }
    Graph(commits)
}

/// Counts the commits that are asked for, once each.
struct Asked<'a>(&'a Graph, Mutex<BTreeSet<CommitId>>);

impl Commits for Asked<'_> {
    async fn commit(&self, id: CommitId) -> Result<Arc<Commit>, Error> {
        self.1.lock().unwrap().insert(id);
        self.0.commit(id).await
    }
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

    /// Common ancestors that are no ancestors of other common ancestors, in the order that is promised.
    fn best(&self, left: &[usize], right: usize) -> Vec<usize> {
        let left: BTreeSet<usize> = left.iter().flat_map(|at| self.reach(*at)).collect();
        let common: BTreeSet<usize> = left.intersection(&self.reach(right)).copied().collect();
        let under = |at: &usize| common.iter().any(|other| other != at && self.reach(*other).contains(at));
        let mut best: Vec<usize> = common.iter().copied().filter(|at| !under(at)).collect();
        best.sort_by_key(|at| (Reverse(self.0[*at].generation), Reverse(self.0[*at].created_at), id(*at)));
        best
    }
}

#[test]
fn merge_bases_are_all_common_ancestors_that_are_best() {
    let index = any::<prop::sample::Index>;
    proptest!(cases(512), |(graph in graphs(), left in prop::collection::vec(index(), 1..4), right in index())| {
        let left: Vec<usize> = left.into_iter().map(|at| at.index(graph.0.len())).collect();
        let right = right.index(graph.0.len());
        prop_assert_eq!(bases(&graph, &left, right), graph.best(&left, right));
        prop_assert_eq!(bases(&graph, &left[..1], right), bases(&graph, &[right], left[0]), "whichever is called left");
        let reached = run(reaches(&graph, id(left[0]), id(right))).unwrap();
        prop_assert_eq!(reached, graph.reach(left[0]).contains(&right));
        prop_assert_eq!(reached, bases(&graph, &left[..1], right) == [right]);
    });
}

/// A head that goes from child to child asks for the bases of others along the way.
#[test]
fn a_lineage_finds_the_same_bases_as_a_walk() {
    type Asked = Vec<(prop::sample::Index, bool)>;
    let asked = prop::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 1..12);
    proptest!(cases(256), |(graph in graphs(), start in any::<prop::sample::Index>(), asked in asked)| {
        let asked: Asked = asked;
        let found: Result<(), TestCaseError> = run(async {
            let mut head = start.index(graph.0.len());
            let mut lineage = Lineage::of(&graph, id(head)).await.unwrap();
            for (other, goes_on) in asked {
                let other = other.index(graph.0.len());
                let expected = merge_bases(&graph, &[id(head)], id(other)).await.unwrap();
                prop_assert_eq!(numbers(lineage.bases(&graph, id(other)).await.unwrap()), numbers(expected));
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
fn two_features_that_were_merged_into_both_branches_are_both_bases() {
    // 0 ← 1, 0 ← 2; 3 and 5 merge 1 and then 2, 4 and 6 in the other order.
    let graph = graph_of(&[&[], &[0], &[0], &[0, 1], &[0, 2], &[3, 2], &[4, 1]]);
    let mut both = [1, 2];
    both.sort_by_key(|at| id(*at));
    assert_eq!(bases(&graph, &[5], 6), both);
    assert_eq!(bases(&graph, &[6], 5), both);
    assert_eq!(bases(&graph, &[3], 6), [1], "one that has the other's history hides it");
    let mut lineage = run(Lineage::of(&graph, id(5))).unwrap();
    assert_eq!(numbers(run(lineage.bases(&graph, id(6))).unwrap()), both);
}

#[test]
fn unrelated_histories_have_no_base() {
    let graph = graph_of(&[&[], &[]]);
    assert_eq!(bases(&graph, &[0], 1), Vec::<usize>::new());
}

/// A trunk of 1,000 commits, and a branch off its 990th that merged the 995th: as little is read as lies between.
#[test]
fn a_search_for_merge_bases_reads_no_more_than_where_histories_differ() {
    let mut parents: Vec<Vec<usize>> = (0..1000).map(|at: usize| at.checked_sub(1).into_iter().collect()).collect();
    parents.push(vec![990]);
    parents.push(vec![1000, 995]);
    let graph = graph_of(&parents.iter().map(Vec::as_slice).collect::<Vec<_>>());
    for (left, right, expected, most) in [(999, 1000, 990, 15), (999, 1001, 995, 15), (1001, 995, 995, 8)] {
        let asked = Asked(&graph, Mutex::default());
        assert_eq!(bases(&asked, &[left], right), [expected]);
        let asked = asked.1.into_inner().unwrap().len();
        assert!(asked <= most, "{asked} commits for {left} and {right}");
    }
}

#[test]
fn more_bases_than_anybody_waits_for_are_refused_with_what_to_do() {
    let features = BASES_MAX + 1;
    let mut parents: Vec<Vec<usize>> = vec![vec![]];
    parents.extend((0..features).map(|_| vec![0]));
    for _ in 0..2 {
        let first = parents.len();
        parents.extend((0..features).map(|at| vec![if at == 0 { 0 } else { first + at - 1 }, 1 + at]));
    }
    let graph = graph_of(&parents.iter().map(Vec::as_slice).collect::<Vec<_>>());
    let (left, right) = (features * 2, parents.len() - 1);
    let refused = run(merge_bases(&graph, &[id(left)], id(right))).unwrap_err();
    assert!(refused.to_string().contains("merge older commits of the source first"), "{refused}");
    // What the message advises.
    assert_eq!(bases(&graph, &[left - 1], right).len(), BASES_MAX);
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
