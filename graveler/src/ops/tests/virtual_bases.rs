//! Merges of histories with several best common ancestors: named histories that once went wrong, and random ones against
//! the recursive merge of maps (`histories`).

use model::{Commit, CommitId, MetaRangeId};
use proptest::prelude::*;
use storage::testing::Verb;

use super::histories::{Cell, Cells, History, Outcome, Rule, histories, pairs};
use crate::history::write_commit;
use crate::testing::{TestLake, entry, info, run, small_options};
use crate::tree::apply::TreeChange;
use crate::tree::record::encode_entry;
use crate::tree::tests::deltas::delta_options;
use crate::tree::tests::{Listed, Model, cases, content_of, large};
use crate::tree::write::write;
use crate::{
    ChangeCounts, ChangeKind, CommitInfo, DiffKind, DiffRequest, GravelerOptions, MergeOptions, Merged, Progress,
    Strategy,
};

/// A lake in which commits are made by hand. What its commits say differs from tale to tale, and so do their ids.
struct Tale {
    lake: TestLake,
    number: u64,
}

type Changes<'a> = &'a [(&'a str, Option<u64>)];

impl Tale {
    async fn new(number: u64) -> Self {
        Self { lake: TestLake::new().await, number }
    }

    async fn tree(&self, commit: CommitId) -> Option<MetaRangeId> {
        self.lake.graveler.commit_object(&self.lake.repository, &commit).await.unwrap().metarange
    }

    async fn content(&self, commit: CommitId) -> Model {
        content_of(&self.lake.files(), self.tree(commit).await).await
    }

    async fn paths(&self, commit: CommitId) -> Vec<String> {
        self.content(commit).await.into_keys().collect()
    }

    fn info(&self) -> CommitInfo {
        CommitInfo { allow_empty: true, ..info(&format!("tale {}", self.number), &self.lake.graveler) }
    }

    async fn commit(&self, parent: CommitId, changes: Changes<'_>) -> CommitId {
        let (files, options) = (self.lake.files(), &self.lake.graveler.inner.options);
        let parent_commit = self.lake.graveler.commit_object(&self.lake.repository, &parent).await.unwrap();
        let mut changes: Vec<_> = changes
            .iter()
            .map(|(key, content)| TreeChange {
                key: (*key).to_owned().into(),
                value: content.map(|content| encode_entry(entry(content))),
            })
            .collect();
        changes.sort_by(|a, b| a.key.cmp(&b.key));
        let written = write(&files, options, parent_commit.metarange, &mut Listed(changes.into_iter())).await.unwrap();
        let CommitInfo { committer, message, created_at, metadata, .. } = self.info();
        let (parents, generation) = (vec![parent], parent_commit.generation + 1);
        let commit = Commit { metarange: written.root, parents, generation, committer, message, created_at, metadata };
        write_commit(&files, &commit).await.unwrap()
    }

    async fn try_merge(&self, source: CommitId, into: CommitId, options: &MergeOptions) -> Merged {
        let graveler = &self.lake.graveler;
        graveler.merge_tree(&self.lake.repository, &source, &into, options, &self.info()).await.unwrap()
    }

    async fn merge(&self, source: CommitId, into: CommitId) -> CommitId {
        self.merge_with(source, into, None).await
    }

    async fn merge_with(&self, source: CommitId, into: CommitId, strategy: Option<Strategy>) -> CommitId {
        let merged = self.try_merge(source, into, &MergeOptions { strategy, ..MergeOptions::default() }).await;
        let Merged::Clean(built) = merged else { panic!("{merged:?}") };
        built.id
    }

    async fn conflicts(&self, source: CommitId, into: CommitId) -> Vec<String> {
        let merged = self.try_merge(source, into, &MergeOptions::default()).await;
        let Merged::Conflicts(found) = merged else { panic!("{merged:?}") };
        found.items.into_iter().map(|conflict| conflict.path.into()).collect()
    }

    async fn three_dot(&self, left: CommitId, right: CommitId) -> Vec<(String, ChangeKind)> {
        let request = DiffRequest { amount: 1000, ..DiffRequest::default() };
        let (left, right) = (left.into(), right.into());
        let diff = self.lake.graveler.diff(self.lake.name(), &left, &right, DiffKind::ThreeDot, &request);
        diff.await.unwrap().items.into_iter().map(|item| (item.path, item.kind)).collect()
    }
}

#[test]
fn what_one_of_two_branches_deleted_of_features_that_both_merged_stays_deleted() {
    for number in 0..8 {
        run(async {
            let tale = Tale::new(number).await;
            let first = tale.lake.branch("main").await.commit;
            let root = tale.commit(first, &[("base", Some(1)), ("tbl", Some(1))]).await;
            let (mut main, mut stable) = (root, root);
            for at in 0..3 {
                let feature = tale.commit(root, &[(&format!("part-{at}"), Some(at))]).await;
                main = tale.merge(feature, main).await;
                stable = tale.merge(feature, stable).await;
            }
            let stable = tale.commit(stable, &[("part-0", None)]).await;
            let main = tale.commit(main, &[("more", Some(1))]).await;
            let graveler = &tale.lake.graveler;
            assert_eq!(graveler.merge_bases(&tale.lake.repository, &main, &stable).await.unwrap().len(), 3);
            let merged = tale.merge(main, stable).await;
            assert_eq!(tale.paths(merged).await, ["base", "more", "part-1", "part-2", "tbl"]);
            assert_eq!(tale.three_dot(stable, main).await, [("more".to_owned(), ChangeKind::Added)]);
        });
    }
}

#[test]
fn what_a_branch_deletes_of_two_merged_features_is_deleted_where_it_is_merged() {
    for number in 0..8 {
        run(async {
            let tale = Tale::new(number).await;
            let first = tale.lake.branch("main").await.commit;
            let root = tale.commit(first, &[("base", Some(1))]).await;
            let (mut main, mut stable) = (root, root);
            for path in ["a", "b"] {
                let feature = tale.commit(root, &[(path, Some(1))]).await;
                main = tale.merge(feature, main).await;
                stable = tale.merge(feature, stable).await;
            }
            let february = tale.commit(main, &[("a", None), ("b", None)]).await;
            let merged = tale.merge(february, stable).await;
            assert_eq!(tale.paths(merged).await, ["base"]);
            let removed = ["a", "b"].map(|path| (path.to_owned(), ChangeKind::Removed));
            assert_eq!(tale.three_dot(stable, february).await, removed);
        });
    }
}

#[test]
fn two_merges_of_the_same_branches_that_were_resolved_differently_conflict() {
    for number in 0..8 {
        run(async {
            let tale = Tale::new(number).await;
            let first = tale.lake.branch("main").await.commit;
            let root = tale.commit(first, &[("p", Some(0)), ("base", Some(0))]).await;
            let a = tale.commit(root, &[("p", Some(1))]).await;
            let b = tale.commit(root, &[("p", Some(2))]).await;
            let x = tale.merge_with(b, a, Some(Strategy::DestinationWins)).await;
            let y = tale.merge_with(a, b, Some(Strategy::DestinationWins)).await;
            assert_eq!(tale.conflicts(y, x).await, ["p"]);
            assert_eq!(tale.conflicts(x, y).await, ["p"]);
            assert_eq!(tale.three_dot(x, y).await, [("p".to_owned(), ChangeKind::Conflict)]);
            for (strategy, content) in [(Strategy::SourceWins, 2), (Strategy::DestinationWins, 1)] {
                let merged = tale.merge_with(y, x, Some(strategy)).await;
                assert_eq!(tale.content(merged).await["p"], content);
            }
            // Both resolved alike: nothing is left to tell.
            let z = tale.merge_with(a, b, Some(Strategy::SourceWins)).await;
            let merged = tale.merge(z, x).await;
            assert_eq!(tale.content(merged).await["p"], 1);
            // One resolution, and a change of it on the other side: neither side holds what it began with.
            let later = tale.commit(z, &[("p", Some(3))]).await;
            assert_eq!(tale.conflicts(later, x).await, ["p"]);
        });
    }
}

#[test]
fn a_merge_whose_bases_differ_elsewhere_reads_no_ranges() {
    run(async {
        let tale = Tale::new(0).await;
        let first = tale.lake.branch("main").await.commit;
        let all: Vec<_> = ["b/", "m/", "p/", "z/"].into_iter().flat_map(|prefix| large(prefix, 2000)).collect();
        let all: Vec<_> = all.iter().map(|(path, content)| (path.as_str(), Some(*content))).collect();
        let root = tale.commit(first, &all).await;
        let area = |prefix: &str| (1000..1050).map(|at| (format!("{prefix}{at:05}x"), Some(9))).collect::<Vec<_>>();
        let commit = async |parent, prefix| {
            let changes = area(prefix);
            let changes: Vec<_> = changes.iter().map(|(path, content)| (path.as_str(), *content)).collect();
            tale.commit(parent, &changes).await
        };
        let (f, g) = (commit(root, "b/").await, commit(root, "m/").await);
        let main = commit(tale.merge(g, f).await, "p/").await;
        let stable = commit(tale.merge(f, g).await, "z/").await;
        let graveler = &tale.lake.graveler;
        assert_eq!(graveler.merge_bases(&tale.lake.repository, &main, &stable).await.unwrap().len(), 2);

        let (before, dry) = (graveler.counters(), MergeOptions { dry_run: true, ..MergeOptions::default() });
        let merged = tale.merge(main, stable).await;
        assert_eq!(graveler.counters().since(&before).ranges_opened, 0);
        let mut expected: Model =
            all.iter().filter_map(|(path, content)| Some(((*path).to_owned(), (*content)?))).collect();
        let areas = ["b/", "m/", "p/", "z/"].into_iter().flat_map(area);
        expected.extend(areas.filter_map(|(path, content)| Some((path, content?))));
        assert_eq!(tale.content(merged).await, expected);

        // A dry run writes nothing.
        tale.lake.requests.reset();
        let counts = tale.try_merge(main, stable, &dry).await;
        assert_eq!(counts, Merged::WouldMerge(ChangeCounts { added: 50, ..ChangeCounts::default() }));
        assert_eq!(tale.three_dot(stable, main).await.len(), 50);
        assert_eq!(tale.lake.requests.requests(Verb::Put), 0);
    });
}

/// Two lines that were merged into each other again and again, at the same time, and changed in between.
fn ladder(rungs: u64) -> (History, [usize; 2]) {
    let mut history = History::default();
    let model = |a, b| Model::from([("a".to_owned(), a), ("b".to_owned(), b)]);
    history.push(vec![], model(0, 0));
    let mut heads = [0, 0];
    for rung in 1..=rungs {
        let first = history.commits.len();
        for heads in [heads, [heads[1], heads[0]]] {
            let parents = if rung == 1 { &heads[..1] } else { &heads[..] };
            history.push(parents.to_vec(), model(rung - 1, rung - 1));
        }
        history.push(vec![first], model(rung, rung - 1));
        history.push(vec![first + 1], model(rung - 1, rung));
        heads = [first + 2, first + 3];
    }
    (history, heads)
}

#[test]
fn a_long_ladder_of_crossed_merges_is_merged_within_its_bound_and_conflicts_beyond_it() {
    run(async {
        let (history, [a, b]) = ladder(300);
        let (tale, ids) = stored(&history, small_options()).await;
        let merged = tale.merge(ids[a], ids[b]).await;
        assert_eq!(tale.content(merged).await, Model::from([("a".to_owned(), 300), ("b".to_owned(), 300)]));

        let (tale, ids) = stored(&history, GravelerOptions { base_merges_max: 200, ..small_options() }).await;
        assert_eq!(tale.conflicts(ids[a], ids[b]).await, ["a", "b"]);
    });
}

/// A lake with a history.
async fn stored(history: &History, options: GravelerOptions) -> (Tale, Vec<CommitId>) {
    let tale = Tale { lake: TestLake::with_options(options).await, number: 0 };
    let ids = history.store(&tale.lake).await;
    (tale, ids)
}

/// What is in a tree after a merge that a strategy decides.
fn decided(history: &History, outcome: &Outcome, winner: usize) -> Model {
    let won = outcome.conflicts.iter().filter_map(|path| {
        let content = history.commits[winner].model.get(path)?;
        Some((path.clone(), *content))
    });
    outcome.clean.clone().into_iter().chain(won).collect()
}

fn counts(before: &Model, after: &Model) -> ChangeCounts {
    let added = after.keys().filter(|path| !before.contains_key(*path)).count();
    let removed = before.keys().filter(|path| !after.contains_key(*path)).count();
    let changed = after.iter().filter(|(path, content)| before.get(*path).is_some_and(|old| old != *content)).count();
    ChangeCounts { added: added as u64, removed: removed as u64, changed: changed as u64 }
}

/// What a three-dot diff has to show.
fn shown(base: &Cells, source: &Model, destination: &Model) -> Vec<(String, ChangeKind)> {
    let cell = |model: &Model, path: &String| model.get(path).map(|content| Cell::Content(*content));
    let paths: std::collections::BTreeSet<&String> =
        base.keys().chain(source.keys()).chain(destination.keys()).collect();
    let shown = paths.into_iter().filter_map(|path| {
        let (b, s, d) = (base.get(path).copied(), cell(source, path), cell(destination, path));
        let kind = match (d, s) {
            _ if s == b || s == d => return None,
            _ if d != b => ChangeKind::Conflict,
            (None, _) => ChangeKind::Added,
            (_, None) => ChangeKind::Removed,
            _ => ChangeKind::Changed,
        };
        Some((path.clone(), kind))
    });
    shown.collect()
}

/// Holds what a merge of two commits comes to, by every verb, against the model.
async fn check(tale: &Tale, ids: &[CommitId], history: &History, pair: (usize, usize)) -> Result<(), TestCaseError> {
    let (source, destination) = pair;
    let (source_id, destination_id) = (ids[source], ids[destination]);
    let mut bases = tale.lake.graveler.merge_bases(&tale.lake.repository, &source_id, &destination_id).await.unwrap();
    bases.reverse();
    let best = history.best(&[source], destination);
    prop_assert_eq!(bases, best.iter().map(|base| ids[*base]).collect::<Vec<_>>());
    let (base, outcome) =
        (history.base(Rule::Ours, source, destination), history.merge(Rule::Ours, source, destination));
    let [source_model, destination_model] = [source, destination].map(|at| &history.commits[at].model);
    for strategy in [None, Some(Strategy::SourceWins), Some(Strategy::DestinationWins)] {
        let options = MergeOptions { strategy, ..MergeOptions::default() };
        let merged = tale.try_merge(source_id, destination_id, &options).await;
        let dry = tale.try_merge(source_id, destination_id, &MergeOptions { dry_run: true, ..options.clone() }).await;
        let mut chain = tale.lake.graveler.chain(&tale.lake.repository, destination_id).unwrap();
        let chained = chain.merge(source_id, &options, &tale.info(), &Progress::default()).await.unwrap();
        chain.settle().await.unwrap();
        match (&merged, &chained) {
            (Merged::Clean(one), Merged::Clean(other)) => prop_assert_eq!(one.commit.metarange, other.commit.metarange),
            _ => prop_assert_eq!(&merged, &chained),
        }
        match merged {
            Merged::UpToDate => prop_assert!(best == [source] && dry == Merged::UpToDate),
            Merged::Conflicts(found) => {
                prop_assert_eq!(strategy, None);
                prop_assert_eq!(&dry, &Merged::Conflicts(found.clone()));
                let size = |entry: &Option<model::Entry>| entry.as_ref().map(|entry| entry.size);
                prop_assert_eq!(found.items.len(), outcome.conflicts.len());
                for (conflict, path) in found.items.iter().zip(&outcome.conflicts) {
                    let known = match base.get(path) {
                        Some(Cell::Content(content)) => Some(*content),
                        Some(Cell::Conflict(_)) | None => None,
                    };
                    prop_assert_eq!((conflict.path.as_str(), size(&conflict.base)), (path.as_str(), known));
                    let sides = [source_model, destination_model].map(|model| model.get(path).copied());
                    prop_assert_eq!([size(&conflict.source), size(&conflict.destination)], sides);
                }
            }
            Merged::Clean(built) => {
                prop_assert!(strategy.is_some() || outcome.conflicts.is_empty());
                let winner = if strategy == Some(Strategy::SourceWins) { source } else { destination };
                let expected = decided(history, &outcome, winner);
                prop_assert_eq!(tale.content(built.id).await, expected.clone());
                prop_assert_eq!(dry, Merged::WouldMerge(counts(destination_model, &expected)));
            }
            Merged::WouldMerge(_) => prop_assert!(false, "not a dry run"),
        }
    }
    prop_assert_eq!(tale.three_dot(destination_id, source_id).await, shown(&base, source_model, destination_model));
    Ok(())
}

/// The pairs that are worth most: with several bases, and one other.
fn interesting(history: &History, heads: [usize; 4]) -> Vec<(usize, usize)> {
    let (many, one): (Vec<_>, Vec<_>) =
        pairs(history, heads).into_iter().partition(|(a, b)| history.best(&[*a], *b).len() > 1);
    many.into_iter().take(4).chain(one.into_iter().take(1)).collect()
}

#[test]
fn merges_of_random_histories_are_those_of_the_recursive_model() {
    let storing = GravelerOptions { scratch_bytes: 0, ..small_options() };
    for (options, amount) in [(small_options(), 48), (delta_options(), 24), (storing, 16)] {
        proptest!(cases(amount), |((history, heads) in histories())| run(async {
            let (tale, ids) = stored(&history, options.clone()).await;
            for pair in interesting(&history, heads) {
                check(&tale, &ids, &history, pair).await?;
            }
            Ok::<(), TestCaseError>(())
        })?);
    }
}

/// With less work than it takes to merge all bases, more is in conflict and nothing is merged otherwise.
#[test]
fn what_is_left_when_the_bound_is_met_conflicts_and_is_never_guessed() {
    proptest!(cases(32), |((history, heads) in histories(), merges in 0..3usize)| run(async {
        let (tale, ids) = stored(&history, GravelerOptions { base_merges_max: merges, ..small_options() }).await;
        for (source, destination) in interesting(&history, heads) {
            let exact = history.merge(Rule::Ours, source, destination);
            let conflicts = match tale.try_merge(ids[source], ids[destination], &MergeOptions::default()).await {
                Merged::Conflicts(found) => found.items.into_iter().map(|conflict| conflict.path.into()).collect(),
                _ => std::collections::BTreeSet::new(),
            };
            prop_assert!(conflicts.is_superset(&exact.conflicts));
            for (strategy, winner) in [(Strategy::SourceWins, source), (Strategy::DestinationWins, destination)] {
                let options = MergeOptions { strategy: Some(strategy), ..MergeOptions::default() };
                let merged = tale.try_merge(ids[source], ids[destination], &options).await;
                let Merged::Clean(built) = merged else { continue };
                let mut expected = decided(&history, &exact, winner);
                for path in &conflicts {
                    expected.remove(path);
                    let content = history.commits[winner].model.get(path);
                    content.map(|content| expected.insert(path.clone(), *content));
                }
                prop_assert_eq!(tale.content(built.id).await, expected);
            }
        }
        Ok::<(), TestCaseError>(())
    })?);
}
