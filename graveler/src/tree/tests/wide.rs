//! Trees of one metarange with many blocks: those that list nothing new aren't read by a diff, nor decoded or encoded by
//! a commit or merge.

use super::merge::naive;
use super::*;
use crate::testing::run;
use crate::tree::diff::TreeDiff;
use crate::tree::merge::{OnConflict, Sides, merge};

/// Entries of the tree that all begin with.
const ENTRIES: u32 = 6000;

fn wide_options() -> GravelerOptions {
    GravelerOptions { metarange_ranges: 8 << 10, ..small_options() }
}

/// A lake with a tree of one metarange of many blocks.
async fn wide_lake() -> (TestLake, Model, Option<MetaRangeId>) {
    let lake = TestLake::with_options(wide_options()).await;
    let model = large("p/", ENTRIES);
    let tree = build_with(&lake.files(), &model, &wide_options()).await;
    assert_eq!(lake.graveler.counters().metaranges_written, 1);
    assert!(ranges_of(&lake.files(), tree).await > 100);
    (lake, model, tree)
}

#[test]
fn a_commit_of_one_change_decodes_little_of_the_metarange() {
    run(async {
        let (lake, model, tree) = wide_lake().await;
        for key in ["p/00000", "p/03000", "p/05999"] {
            let cold = lake.cold(wide_options());
            let files = cold.files(&lake.repository).unwrap();
            let changed = edited(&model, &[(key.into(), Some(99))]);
            let after = rebuild_with(&files, tree, (&model, &changed), &wide_options()).await;
            let read = cold.counters().blocks_read;
            assert!(read <= 10, "{read} blocks for {key}");
            assert_eq!(after, build_with(&lake.files(), &changed, &wide_options()).await);
        }
    });
}

#[test]
fn a_diff_of_one_change_reads_little_of_the_metaranges() {
    run(async {
        let (lake, model, tree) = wide_lake().await;
        for key in ["p/00000", "p/03000", "p/05999"] {
            let changed = edited(&model, &[(key.into(), Some(99))]);
            let after = rebuild_with(&lake.files(), tree, (&model, &changed), &wide_options()).await;
            let cold = lake.cold(wide_options());
            let files = cold.files(&lake.repository).unwrap();
            let mut walk = TreeDiff::open(&files, tree, after).await.unwrap();
            assert_eq!(walk.next().await.unwrap().unwrap().key, key);
            assert!(walk.next().await.unwrap().is_none());
            let read = cold.counters().blocks_read;
            assert!(read <= 12, "{read} blocks for {key}");
        }
    });
}

#[test]
fn a_disjoint_merge_decodes_little_of_the_metaranges() {
    run(async {
        let (lake, base, tree) = wide_lake().await;
        for (ours, theirs) in [("p/01000", "p/05000"), ("p/05000", "p/01000"), ("p/00000", "p/05999")] {
            let (source, destination) =
                (edited(&base, &[(ours.into(), Some(99))]), edited(&base, &[(theirs.into(), Some(98))]));
            let files = lake.files();
            let trees = Sides {
                base: tree,
                source: rebuild_with(&files, tree, (&base, &source), &wide_options()).await,
                destination: rebuild_with(&files, tree, (&base, &destination), &wide_options()).await,
            };
            let cold = lake.cold(wide_options());
            let files = cold.files(&lake.repository).unwrap();
            let merged = merge(&files, &wide_options(), trees, &OnConflict::Stop).await.unwrap().unwrap();
            let done = cold.counters();
            assert_eq!(done.ranges_opened, 0, "{done:?}");
            assert!(done.blocks_read <= 16, "{done:?}");
            let (expected, _) = naive(Sides { base: &base, source: &source, destination: &destination }, None);
            assert_eq!(merged.root, build_with(&lake.files(), &expected, &wide_options()).await);
        }
    });
}

/// Changes that add and remove ranges, so that what follows lies elsewhere in the metarange.
fn changes() -> impl Strategy<Value = Vec<(String, Option<u64>)>> {
    let scattered = prop::collection::vec((0..ENTRIES, prop::option::of(0..9u64)), 0..6);
    let added = prop::option::of((0..ENTRIES, 1..400u32));
    let removed = prop::option::of((0..ENTRIES, 1..400u32));
    (scattered, added, removed).prop_map(|(scattered, added, removed)| {
        let path = |i: u32| format!("p/{i:05}");
        let scattered = scattered.into_iter().map(|(i, content)| (path(i), content));
        let added = added.map(|(at, count)| (0..count).map(move |i| (format!("{}/{i:04}", path(at)), Some(5))));
        let removed = removed.map(|(at, count)| (at..at + count).map(move |i| (path(i), None)));
        scattered.chain(added.into_iter().flatten()).chain(removed.into_iter().flatten()).collect()
    })
}

#[test]
fn commits_diffs_and_merges_are_those_of_maps() {
    let ran = Arc::new(tokio::sync::OnceCell::new());
    proptest!(cases(24), |(ours in changes(), theirs in changes())| run(async {
        let (lake, base, tree) = ran.get_or_init(wide_lake).await;
        let files = lake.cold(wide_options()).files(&lake.repository).unwrap();
        let (source, destination) = (edited(base, &ours), edited(base, &theirs));
        let sides = Sides { base, source: &source, destination: &destination };
        let trees = Sides {
            base: *tree,
            source: rebuild_with(&files, *tree, (base, &source), &wide_options()).await,
            destination: rebuild_with(&files, *tree, (base, &destination), &wide_options()).await,
        };
        prop_assert_eq!(trees.source, build_with(&files, &source, &wide_options()).await);
        prop_assert_eq!(trees.destination, build_with(&files, &destination, &wide_options()).await);

        let mut walk = TreeDiff::open(&files, trees.source, trees.destination).await.unwrap();
        let mut found = BTreeSet::new();
        while let Some(difference) = walk.next().await.unwrap() {
            found.insert(String::from_utf8(difference.key.to_vec()).unwrap());
        }
        let differs = |key: &&String| source.get(*key) != destination.get(*key);
        prop_assert_eq!(found, source.keys().chain(destination.keys()).filter(differs).cloned().collect::<BTreeSet<_>>());

        let merged = merge(&files, &wide_options(), trees, &OnConflict::Take(crate::Strategy::SourceWins)).await.unwrap().unwrap();
        let (expected, _) = naive(sides, Some(crate::Strategy::SourceWins));
        prop_assert_eq!(merged.root, build_with(&files, &expected, &wide_options()).await);
        Ok(())
    })?);
}
