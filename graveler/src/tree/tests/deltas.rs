//! Trees with deltas, against maps: random histories in which deltas are written, merged and folded all the time.

use super::diff::{naive as naive_diff, walked};
use super::merge::check_merge;
use super::*;
use crate::testing::run;
use crate::tree::diff::same_content;
use crate::tree::merge::Sides;
use crate::tree::scope::Scope;
use crate::tree::write::{Written, write};

/// Options with which nearly every commit writes a delta, and few of them are many.
pub(crate) fn delta_options() -> GravelerOptions {
    GravelerOptions { rewrite_bytes: 0, delta_chunk_bytes: 512, deltas_max: 3, ..small_options() }
}

async fn commit(files: &Files, tree: Option<MetaRangeId>, before: &Model, after: &Model) -> Written {
    write(files, &delta_options(), tree, &mut changes_of(before, after)).await.unwrap()
}

/// A tree after each of some commits.
type History = Vec<(Option<MetaRangeId>, Model)>;

async fn history(files: &Files, first: &Model, edits: &[Vec<(String, Option<u64>)>]) -> History {
    let mut history = vec![(build(files, first).await, first.clone())];
    for edits in edits {
        let (tree, before) = history.last().unwrap();
        let after = edited(before, edits);
        let written = commit(files, *tree, before, &after).await;
        history.push((written.root, after));
    }
    history
}

fn histories() -> impl Strategy<Value = Vec<Vec<(String, Option<u64>)>>> {
    prop::collection::vec(edits(), 1..10)
}

#[test]
fn commits_lookups_and_scans_are_those_of_maps() {
    proptest!(cases(24), |(first in models(), edits in histories(), from in 0..400u16)| run(async {
        let (lake, files) = lake().await;
        let mut before = (build(&files, &first).await, first);
        for edits in edits {
            let after = edited(&before.1, &edits);
            let written = commit(&files, before.0, &before.1, &after).await;
            prop_assert_eq!(written.changed as usize, naive_diff(&before.1, &after, "").len());
            prop_assert_eq!(written.changed == 0, written.root == before.0);
            prop_assert!(files.tree(written.root).await.unwrap().deltas.len() <= 3);
            // Through warm and through empty caches.
            for files in [&files, &lake.cold(delta_options()).files(&lake.repository).unwrap()] {
                prop_assert_eq!(&content_of(files, written.root).await, &after);
                for index in 0..400 {
                    let path = path_of(index);
                    let found = files.lookup(written.root, path.as_bytes()).await.unwrap();
                    prop_assert_eq!(found.map(|found| content(found.value())), after.get(&path).copied());
                }
                let mut cursor = RecordCursor::open(files, written.root).await.unwrap();
                for from in [path_of(from), path_of(from) + "x", "z".into()] {
                    let behind = after.range(from.clone()..).next();
                    let at = cursor.bound().map(<[u8]>::to_vec);
                    cursor.seek(from.as_bytes()).await.unwrap();
                    while cursor.record().is_none() && cursor.bound().is_some() {
                        cursor.load().await.unwrap();
                    }
                    // It only goes forward.
                    if at.is_some_and(|at| at.as_slice() <= from.as_bytes()) {
                        let found = cursor.record().map(|(key, value)| (key.to_vec(), content(value)));
                        prop_assert_eq!(found, behind.map(|(path, content)| (path.clone().into_bytes(), *content)));
                    }
                }
            }
            before = (written.root, after);
        }
        Ok(())
    })?);
}

#[test]
fn differences_are_those_of_the_maps() {
    proptest!(cases(20), |(first in models(), ours in histories(), theirs in histories(), from in 0..400u16)| run(async {
        let (_lake, files) = lake().await;
        // Two branches of one history, and the same content in a tree without deltas.
        let trunk = history(&files, &first, &ours).await;
        let (_, middle) = &trunk[trunk.len() / 2];
        let canonical = (build(&files, middle).await, middle.clone());
        let mut all = vec![canonical, trunk[0].clone(), trunk[trunk.len() - 1].clone(), (None, Model::new())];
        let (mut tree, mut model) = trunk[trunk.len() / 2].clone();
        all.push((tree, model.clone()));
        for edits in &theirs {
            let after = edited(&model, edits);
            tree = commit(&files, tree, &model, &after).await.root;
            model = after;
        }
        all.push((tree, model));
        for (left_tree, left) in &all {
            for (right_tree, right) in &all {
                for from in [String::new(), path_of(from)] {
                    let found = walked(&files, *left_tree, *right_tree, &from).await;
                    prop_assert_eq!(found, naive_diff(left, right, &from));
                }
                prop_assert_eq!(same_content(&files, *left_tree, *right_tree).await.unwrap(), left == right);
                let (key, prefix) = (path_of(from), "a/b1");
                let differs = naive_diff(left, right, "").iter().any(|(at, ..)| *at == key || at.starts_with(prefix));
                let scope = Scope::new(&[key.as_str()], &[prefix]);
                prop_assert_eq!(scope.differs(&files, *left_tree, *right_tree).await.unwrap(), differs);
            }
        }
        Ok(())
    })?);
}

#[test]
fn merges_are_those_of_the_maps() {
    proptest!(cases(20), |(first in models(), base in edits(), ours in histories(), theirs in histories())| run(async {
        let (_lake, files) = lake().await;
        let trunk = history(&files, &first, &[base]).await;
        let (base_tree, base) = trunk[1].clone();
        let mut sides = Vec::new();
        for edits in [&ours, &theirs] {
            let (mut tree, mut model) = (base_tree, base.clone());
            for edits in edits {
                let after = edited(&model, edits);
                tree = commit(&files, tree, &model, &after).await.root;
                model = after;
            }
            sides.push((tree, model));
        }
        let models = Sides { base: &base, source: &sides[0].1, destination: &sides[1].1 };
        let trees = Sides { base: base_tree, source: sides[0].0, destination: sides[1].0 };
        check_merge(&files, models, trees, &delta_options()).await
    })?);
}

#[test]
fn equal_content_has_equal_digests_whatever_its_history() {
    proptest!(cases(20), |(first in models(), edits in histories(), order in any::<u64>())| run(async {
        let (_lake, files) = lake().await;
        let all = history(&files, &first, &edits).await;
        let (tree, last) = all.last().unwrap();
        // The same changes key by key, in another order, and all at once.
        let keys: BTreeSet<&String> = first.keys().chain(last.keys()).collect();
        let mut keys: Vec<&String> = keys.into_iter().filter(|key| first.get(*key) != last.get(*key)).collect();
        keys.sort_by_key(|key| xxhash_rust::xxh3::xxh3_64_with_seed(key.as_bytes(), order));
        let (mut other, mut model) = all[0].clone();
        for key in keys {
            let after = edited(&model, &[(key.clone(), last.get(key).copied())]);
            other = commit(&files, other, &model, &after).await.root;
            model = after;
        }
        prop_assert_eq!(&model, last);
        let at_once = commit(&files, all[0].0, &first, last).await.root;
        let digests = [files.tree(*tree).await.unwrap(), files.tree(other).await.unwrap(), files.tree(at_once).await.unwrap()];
        let digests: Vec<_> = digests.iter().filter_map(|tree| tree.digest()).collect();
        for pair in digests.windows(2) {
            // Of other anchors where a tree was rewritten on the way.
            prop_assert!(pair[0].anchor != pair[1].anchor || pair[0].sum_bytes() == pair[1].sum_bytes());
        }
        for other in [other, at_once] {
            prop_assert!(same_content(&files, *tree, other).await.unwrap());
            prop_assert!(walked(&files, *tree, other, "").await.is_empty());
        }
        Ok(())
    })?);
}

/// One change in each of many ranges.
fn scattered(round: u32) -> Vec<(String, Option<u64>)> {
    (0..60)
        .map(|i| (format!("p/{:05}", (i * 50 + round * 7) % 3000), (round % 5 != 4).then_some(u64::from(round) + 50)))
        .collect()
}

#[test]
fn deltas_are_written_merged_and_folded() {
    run(async {
        let (_lake, files) = lake().await;
        let mut model = large("p/", 3000);
        let mut tree = build(&files, &model).await;
        let base = tree;
        let (mut levels, mut folds, mut digests) = (Vec::new(), 0, 0);
        for round in 0..60 {
            let after = edited(&model, &scattered(round));
            let written = commit(&files, tree, &model, &after).await;
            let (before, now) = (files.tree(tree).await.unwrap(), files.tree(written.root).await.unwrap());
            folds += u32::from(before.base != now.base);
            assert!((1..=3).contains(&now.deltas.len()), "round {round}: {} deltas", now.deltas.len());
            levels.push(now.deltas.last().unwrap().info.level);
            // Folding doesn't end the chain of digests.
            digests += u32::from(now.digest().unwrap().anchor == base.unwrap());
            assert_eq!(content_of(&files, written.root).await, after, "round {round}");
            (tree, model) = (written.root, after);
        }
        assert_eq!(levels[..10], [1, 1, 1, 2, 1, 1, 2, 1, 2, 3], "the sizes are those of the binomial transform");
        assert!(folds >= 1, "nothing was folded");
        assert_eq!(digests, 60);
    });
}

#[test]
fn small_and_clustered_changes_keep_a_tree_canonical() {
    run(async {
        let (_lake, files) = lake().await;
        let model = large("p/", 3000);
        let tree = build(&files, &model).await;
        let clustered: Vec<_> = (1000..1200).map(|i| (format!("p/{i:05}"), Some(9))).collect();
        let after = edited(&model, &clustered);
        let options = GravelerOptions { delta_chunk_bytes: 64 << 10, ..delta_options() };
        let written = write(&files, &options, tree, &mut changes_of(&model, &after)).await.unwrap();
        assert_eq!(written.root, build(&files, &after).await);
        // Few ranges are rewritten however small the change.
        let options = GravelerOptions { rewrite_bytes: 8 << 10, ..delta_options() };
        let after = edited(&model, &[("p/00007".into(), Some(77)), ("p/02007".into(), None)]);
        let written = write(&files, &options, tree, &mut changes_of(&model, &after)).await.unwrap();
        assert_eq!(written.root, build(&files, &after).await);
        assert_ne!(commit(&files, tree, &model, &after).await.root, written.root);
    });
}

#[test]
fn equal_layers_are_not_opened_by_a_diff() {
    run(async {
        let (lake, files) = lake().await;
        let model = large("p/", 3000);
        let mut all = vec![(build(&files, &model).await, model)];
        for round in 0..2 {
            let (tree, before) = all.last().unwrap();
            let after = edited(before, &scattered(round));
            let written = commit(&files, *tree, before, &after).await;
            all.push((written.root, after));
        }
        let cold = lake.cold(small_options());
        let files = cold.files(&lake.repository).unwrap();
        let (left, right) = (&all[1], &all[2]);
        assert_eq!(walked(&files, left.0, right.0, "").await, naive_diff(&left.1, &right.1, ""));
        // The delta that only one side has; and under it one block of the base for each of its keys at most.
        let read = cold.counters();
        let ranges = ranges_of(&files, all[0].0).await as u64;
        assert!(read.ranges_opened <= 2 * 60 + 10, "{read:?} of {ranges} ranges");

        // Equal content by another way: its digest alone is read.
        let back = commit(&files, right.0, &right.1, &left.1).await.root;
        let before = cold.counters();
        assert!(same_content(&files, left.0, back).await.unwrap());
        assert!(walked(&files, left.0, back, "").await.is_empty());
        let after = cold.counters();
        assert_eq!(after.ranges_opened, before.ranges_opened);
        assert!(after.blocks_read <= before.blocks_read + 12, "{before:?} {after:?}");
    });
}

#[test]
fn what_commits_write_is_bounded_by_what_they_change() {
    // The arithmetic of docs/design/0002-delta-ranges.md at a scale of 1:100, over ranges of 1:10.
    run(async {
        let options = GravelerOptions {
            range_bytes: 32 << 10,
            block_bytes: 4 << 10,
            cache_bytes: 64 << 20,
            ..GravelerOptions::default()
        };
        let options = GravelerOptions { rewrite_bytes: 64 << 10, ..options };
        let lake = TestLake::with_options(options.clone()).await;
        let files = lake.files();
        let model = large("table/part-", 20_000);
        let mut tree = build_with(&files, &model, &options).await;
        let (mut all, mut records) = (Vec::new(), 0);
        for commit in 0..200u64 {
            let picked = (0..100u64).map(|i| xxhash_rust::xxh3::xxh3_64_with_seed(&i.to_le_bytes(), commit) % 20_000);
            let keys: BTreeSet<String> = picked.map(|i| format!("table/part-{i:05}")).collect();
            let changes: Vec<_> = keys
                .into_iter()
                .map(|key| TreeChange { key: key.into(), value: Some(encode_entry(plain_entry(1000 + commit))) })
                .collect();
            // What the changed records take by themselves.
            let mut builder = TreeBuilder::delta(&files, &options);
            let before = lake.graveler.counters().bytes_written;
            for change in &changes {
                builder.push(&change.key, change.value.as_deref().unwrap()).await.unwrap();
            }
            builder.finish_delta().await.unwrap();
            let middle = lake.graveler.counters().bytes_written;
            let written = write(&files, &options, tree, &mut Listed(changes.into_iter())).await.unwrap();
            assert!(files.tree(written.root).await.unwrap().deltas.len() <= options.deltas_max);
            tree = written.root;
            records += middle - before;
            all.push(lake.graveler.counters().bytes_written - middle);
        }
        let total: u64 = all.iter().sum();
        all.sort_unstable();
        let (median, record) = (all[all.len() / 2], records / 200);
        assert!(median <= 2 * record + (8 << 10), "a median of {median} bytes for records of {record}");
        // Roots are as long as ever, while all else is smaller.
        let roots = 200 * (8 << 10);
        assert!(total <= 6 * records + roots, "{total} bytes for records of {records}");
    });
}
