//! Random histories with criss-crosses, and the recursive merge of maps that merges are held against: what
//! `docs/design/0009-merge-bases.md` says, written as plainly as it can be. Owns also the one point in which git's rule
//! is another, so that git can be held against the same model.

use std::collections::{BTreeMap, BTreeSet};

use model::{Commit, CommitId, Timestamp};
use proptest::prelude::*;

use crate::history::write_commit;
use crate::testing::TestLake;
use crate::tree::tests::{Model, changes_of};
use crate::tree::write::write;

/// Commits by number; a commit's parents have smaller numbers.
#[derive(Debug, Clone, Default)]
pub(super) struct History {
    pub(super) commits: Vec<Node>,
}

#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) parents: Vec<usize>,
    pub(super) generation: u64,
    pub(super) model: Model,
}

/// What a virtual base has at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cell {
    Content(u64),
    /// The bases conflict: equal to itself alone.
    Conflict(u64),
}

pub(super) type Cells = BTreeMap<String, Cell>;

/// What a virtual base has where one of its bases removed a path that another changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    /// A conflict, as wherever bases conflict.
    Ours,
    /// What *their* base has, as if neither had touched it.
    Git,
}

/// What a merge comes to: what is clean, and the paths that aren't.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) clean: Model,
    pub(super) conflicts: BTreeSet<String>,
}

impl History {
    /// Adds a commit of this content.
    pub(super) fn push(&mut self, parents: Vec<usize>, model: Model) {
        let generation = 1 + parents.iter().map(|parent| self.commits[*parent].generation).max().unwrap_or(0);
        self.commits.push(Node { parents, generation, model });
    }

    /// When a commit was made: in the order of (generation, number), so that git, which goes by time, and Lakebed, which
    /// goes by generation first, merge bases in the same order.
    pub(super) fn time(&self, number: usize) -> i64 {
        self.commits[number].generation as i64 * 1000 + number as i64
    }

    fn reach(&self, from: &[usize]) -> BTreeSet<usize> {
        let mut found: BTreeSet<usize> = from.iter().copied().collect();
        let mut open = from.to_vec();
        while let Some(at) = open.pop() {
            open.extend(self.commits[at].parents.iter().filter(|parent| found.insert(**parent)));
        }
        found
    }

    /// The best common ancestors, oldest first.
    pub(super) fn best(&self, left: &[usize], right: usize) -> Vec<usize> {
        let common: BTreeSet<usize> = self.reach(left).intersection(&self.reach(&[right])).copied().collect();
        let is_best = |at: &usize| !common.iter().any(|other| other != at && self.reach(&[*other]).contains(at));
        let mut best: Vec<usize> = common.iter().copied().filter(is_best).collect();
        best.sort_by_key(|at| self.time(*at));
        best
    }

    fn cells(&self, number: usize) -> Cells {
        self.commits[number].model.iter().map(|(path, content)| (path.clone(), Cell::Content(*content))).collect()
    }

    /// The base of a merge.
    pub(super) fn base(&self, rule: Rule, source: usize, destination: usize) -> Cells {
        let mut bases = VirtualBases { history: self, rule, made: BTreeMap::new(), conflicts: 0 };
        bases.merged(&self.best(&[destination], source), 0)
    }

    /// Merges one commit into another.
    pub(super) fn merge(&self, rule: Rule, source: usize, destination: usize) -> Outcome {
        let base = self.base(rule, source, destination);
        let mut outcome = Outcome { clean: Model::new(), conflicts: BTreeSet::new() };
        let (source, destination) = (self.cells(source), self.cells(destination));
        for path in paths_of([&base, &source, &destination]) {
            match three_way(base.get(&path), source.get(&path), destination.get(&path)) {
                None => drop(outcome.conflicts.insert(path)),
                Some(None) => {}
                Some(Some(Cell::Content(content))) => drop(outcome.clean.insert(path, *content)),
                Some(Some(Cell::Conflict(_))) => unreachable!("because neither side has one"),
            }
        }
        outcome
    }

    /// Writes the commits.
    pub(super) async fn store(&self, lake: &TestLake) -> Vec<CommitId> {
        let (files, options) = (lake.files(), &lake.graveler.inner.options);
        let mut stored: Vec<(CommitId, Option<model::MetaRangeId>)> = Vec::new();
        for (number, Node { parents, generation, model }) in self.commits.iter().enumerate() {
            let parent = parents.first();
            let (before, tree) = match parent {
                Some(parent) => (&self.commits[*parent].model, stored[*parent].1),
                None => (&Model::new(), None),
            };
            let tree = write(&files, options, tree, &mut changes_of(before, model)).await.unwrap().root;
            let commit = Commit {
                metarange: tree,
                parents: parents.iter().map(|parent| stored[*parent].0).collect(),
                generation: *generation,
                committer: "ann".into(),
                message: format!("{number}"),
                created_at: Timestamp::from_millis(self.time(number)),
                metadata: BTreeMap::new(),
            };
            stored.push((write_commit(&files, &commit).await.unwrap(), tree));
        }
        stored.into_iter().map(|(id, _)| id).collect()
    }
}

fn paths_of(all: [&Cells; 3]) -> BTreeSet<String> {
    all.iter().flat_map(|cells| cells.keys().cloned()).collect()
}

/// What is right at a path; `None` is a conflict.
fn three_way<'a>(
    base: Option<&'a Cell>,
    source: Option<&'a Cell>,
    destination: Option<&'a Cell>,
) -> Option<Option<&'a Cell>> {
    if source == destination || source == base {
        return Some(destination);
    }
    (destination == base).then_some(source)
}

struct VirtualBases<'a> {
    history: &'a History,
    rule: Rule,
    /// By the commits that were merged, and how deep in the recursion: git's conflicts differ from depth to depth.
    made: BTreeMap<(Vec<usize>, u32), Cells>,
    conflicts: u64,
}

impl VirtualBases<'_> {
    fn merged(&mut self, commits: &[usize], depth: u32) -> Cells {
        if let Some(made) = self.made.get(&(commits.to_vec(), depth)) {
            return made.clone();
        }
        let merged = match commits.split_last() {
            None => Cells::new(),
            Some((only, [])) => self.history.cells(*only),
            Some((last, others)) => {
                let before = self.merged(others, depth);
                let base = self.merged(&self.history.best(others, *last), depth + 1);
                self.merge(&base, &self.history.cells(*last), &before)
            }
        };
        self.made.insert((commits.to_vec(), depth), merged.clone());
        merged
    }

    fn merge(&mut self, base: &Cells, source: &Cells, destination: &Cells) -> Cells {
        let mut merged = Cells::new();
        for path in paths_of([base, source, destination]) {
            let [b, s, d] = [base, source, destination].map(|cells| cells.get(&path));
            let cell = match three_way(b, s, d) {
                Some(cell) => cell.copied(),
                None if self.rule == Rule::Git && (s.is_none() || d.is_none()) => b.copied(),
                None => {
                    self.conflicts += 1;
                    Some(Cell::Conflict(self.conflicts))
                }
            };
            cell.map(|cell| merged.insert(path, cell));
        }
        merged
    }
}

/// A step of a history that has four lines.
#[derive(Debug, Clone)]
enum Step {
    /// A line goes on.
    Commit { on: usize, edits: Edits },
    /// One is merged into another.
    Merge { from: usize, into: usize, resolved: Resolved },
    /// Two are merged into each other at a time.
    Cross { lines: [usize; 2], resolved: [Resolved; 2] },
}

type Edits = Vec<(u8, Option<u64>)>;

/// How a merge is resolved where it conflicts, and what is changed beside.
#[derive(Debug, Clone)]
struct Resolved {
    source_wins: bool,
    edits: Edits,
}

fn steps() -> impl Strategy<Value = Step> {
    let edits = |amount| prop::collection::vec((0..5u8, prop::option::weighted(0.75, 0..3u64)), amount);
    let lines = || (0..4usize, 1..4usize).prop_map(|(one, other)| [one, (one + other) % 4]);
    let resolved = move || {
        let edits = prop_oneof![4 => Just(Vec::new()), 1 => edits(1..2)];
        (any::<bool>(), edits).prop_map(|(source_wins, edits)| Resolved { source_wins, edits })
    };
    prop_oneof![
        4 => (0..4usize, edits(1..3)).prop_map(|(on, edits)| Step::Commit { on, edits }),
        4 => (lines(), resolved()).prop_map(|([from, into], resolved)| Step::Merge { from, into, resolved }),
        2 => (lines(), resolved(), resolved())
            .prop_map(|(lines, one, other)| Step::Cross { lines, resolved: [one, other] }),
    ]
}

/// Random histories of four lines that are merged into each other all the time, and the lines' heads. Merges hold what they come
/// to, with one side's content where they conflict. A fifth of the histories have two first commits.
pub(super) fn histories() -> impl Strategy<Value = (History, [usize; 4])> {
    let steps = prop::collection::vec(steps(), 5..16);
    (prop::bool::weighted(0.2), prop::array::uniform4(any::<bool>()), steps).prop_map(|(two_roots, begin, steps)| {
        let mut history = History::default();
        history.push(vec![], (0..3).map(|path| (format!("p{path}"), 0)).collect());
        if two_roots {
            history.push(vec![], Model::new());
        }
        let mut heads = begin.map(|second| usize::from(second && two_roots));
        for step in steps {
            match step {
                Step::Commit { on, edits } => heads[on] = history.commit(heads[on], &edits),
                Step::Merge { from, into, resolved } => {
                    heads[into] = history.merged(heads[from], heads[into], &resolved);
                }
                Step::Cross { lines: [one, other], resolved } => {
                    let before = heads;
                    heads[one] = history.merged(before[other], before[one], &resolved[0]);
                    heads[other] = history.merged(before[one], before[other], &resolved[1]);
                }
            }
        }
        (history, heads)
    })
}

impl History {
    fn commit(&mut self, parent: usize, edits: &Edits) -> usize {
        let model = edited(&self.commits[parent].model, edits);
        self.push(vec![parent], model);
        self.commits.len() - 1
    }

    fn merged(&mut self, source: usize, destination: usize, resolved: &Resolved) -> usize {
        let Outcome { mut clean, conflicts } = self.merge(Rule::Ours, source, destination);
        let winner = if resolved.source_wins { source } else { destination };
        for path in conflicts {
            let content = self.commits[winner].model.get(&path);
            content.map(|content| clean.insert(path, *content));
        }
        let parents = if source == destination { vec![destination] } else { vec![destination, source] };
        self.push(parents, edited(&clean, &resolved.edits));
        self.commits.len() - 1
    }
}

fn edited(model: &Model, edits: &Edits) -> Model {
    let edits: Vec<_> = edits.iter().map(|(path, content)| (format!("p{path}"), *content)).collect();
    crate::tree::tests::edited(model, &edits)
}

/// Pairs of different commits that have something in common.
pub(super) fn pairs(history: &History, heads: [usize; 4]) -> Vec<(usize, usize)> {
    let all = heads.into_iter().flat_map(|a| heads.map(|b| (a, b)));
    all.filter(|(a, b)| a != b && !history.best(&[*a], *b).is_empty()).collect()
}
