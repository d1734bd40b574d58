//! Three-way merges, against those of maps.

use super::*;
use crate::Strategy;
use crate::testing::run;
use crate::tree::incoming::Incoming;
use crate::tree::merge::{Sides, merge};

/// What the rules say of each key: the merged map, and the keys in conflict.
pub(crate) fn naive(sides: Sides<&Model>, strategy: Option<Strategy>) -> (Model, Vec<String>) {
    let all = [sides.base, sides.source, sides.destination];
    let keys: BTreeSet<&String> = all.iter().flat_map(|model| model.keys()).collect();
    let (mut merged, mut conflicts) = (Model::new(), Vec::new());
    for key in keys {
        let [b, s, d] = all.map(|model| model.get(key).copied());
        let taken = if s == d || s == b {
            d
        } else if d == b {
            s
        } else {
            conflicts.push(key.clone());
            if strategy == Some(Strategy::SourceWins) { s } else { d }
        };
        taken.map(|content| merged.insert(key.clone(), content));
    }
    (merged, conflicts)
}

async fn trees(files: &Files, sides: Sides<&Model>) -> Sides<Option<MetaRangeId>> {
    Sides {
        base: build(files, sides.base).await,
        source: build(files, sides.source).await,
        destination: build(files, sides.destination).await,
    }
}

/// Merges; `None` is a conflict.
async fn merged(
    files: &Files,
    trees: Sides<Option<MetaRangeId>>,
    strategy: Option<Strategy>,
) -> Option<Option<MetaRangeId>> {
    merge(files, &small_options(), trees, &strategy.into()).await.unwrap().map(|written| written.root)
}

async fn check(files: &Files, sides: Sides<&Model>) -> Result<(), TestCaseError> {
    let trees = trees(files, sides).await;
    for strategy in [None, Some(Strategy::SourceWins), Some(Strategy::DestinationWins)] {
        let (expected, conflicts) = naive(sides, strategy);
        if strategy.is_some() || conflicts.is_empty() {
            // The same id as built anew: the same content, cut canonically.
            prop_assert_eq!(
                merged(files, trees, strategy).await,
                Some(build(files, &expected).await),
                "{:?}",
                strategy
            );
        }
    }
    check_merge(files, sides, trees, &small_options()).await
}

/// Checks what is in the merge of trees, and their conflicts.
pub(crate) async fn check_merge(
    files: &Files,
    sides: Sides<&Model>,
    trees: Sides<Option<MetaRangeId>>,
    options: &GravelerOptions,
) -> Result<(), TestCaseError> {
    for strategy in [None, Some(Strategy::SourceWins), Some(Strategy::DestinationWins)] {
        let (expected, conflicts) = naive(sides, strategy);
        let merged = merge(files, options, trees, &strategy.into()).await.unwrap();
        prop_assert_eq!(merged.is_none(), strategy.is_none() && !conflicts.is_empty());
        if let Some(merged) = merged {
            prop_assert_eq!(content_of(files, merged.root).await, expected, "{:?}", strategy);
        }
    }
    let mut walk = Incoming::open(files, trees).await.unwrap();
    let mut found = Vec::new();
    while let Some(conflict) = walk.next_conflict().await.unwrap() {
        let key = String::from_utf8(conflict.key.to_vec()).unwrap();
        let values = [&conflict.values.base, &conflict.values.source, &conflict.values.destination];
        let expected = [sides.base, sides.source, sides.destination].map(|model| model.get(&key).copied());
        prop_assert_eq!(values.map(|value| content_at(value.as_ref())), expected);
        found.push(key);
    }
    prop_assert_eq!(found, naive(sides, None).1);
    Ok(())
}

#[test]
fn merges_are_those_of_the_maps() {
    proptest!(cases(96), |(base in models(), ours in edits(), theirs in edits())| run(async {
        let (_lake, files) = lake().await;
        let (source, destination) = (edited(&base, &ours), edited(&base, &theirs));
        check(&files, Sides { base: &base, source: &source, destination: &destination }).await
    })?);
}

#[test]
fn unrelated_sides_merge_as_maps_do() {
    proptest!(cases(24), |(base in models(), source in models(), destination in models())| run(async {
        let (_lake, files) = lake().await;
        check(&files, Sides { base: &base, source: &source, destination: &destination }).await
    })?);
}

#[test]
fn trees_of_many_metaranges_merge_as_maps_do() {
    let scattered = || prop::collection::vec((0..3000u32, prop::option::of(0..9u64)), 0..12);
    let area = || (0..2900u32, 0..100u32);
    proptest!(cases(8), |(ours in scattered(), theirs in scattered(), gone in area(), added in area())| run(async {
        let (_lake, files) = lake().await;
        let base = large("p/", 3000);
        let edit = |edits: Vec<(u32, Option<u64>)>| edits.into_iter().map(|(i, content)| (format!("p/{i:05}"), content));
        let removed = (gone.0..gone.0 + gone.1).map(|i| (format!("p/{i:05}"), None));
        let added = (added.0..added.0 + added.1).map(|i| (format!("p/{i:05}/new"), Some(3)));
        let source = edited(&base, &edit(ours).chain(removed).collect::<Vec<_>>());
        let destination = edited(&base, &edit(theirs).chain(added).collect::<Vec<_>>());
        check(&files, Sides { base: &base, source: &source, destination: &destination }).await
    })?);
}

#[test]
fn the_hard_cases_merge_as_maps_do() {
    fn model(entries: &[(&str, u64)]) -> Model {
        entries.iter().map(|(path, content)| ((*path).to_owned(), *content)).collect()
    }
    let markers = model(&[("a/_SUCCESS", 0), ("a/x", 1)]);
    let more = model(&[("a/_SUCCESS", 0), ("a/x", 1), ("b/_SUCCESS", 0), ("c/_SUCCESS", 0)]);
    let others = model(&[("a/_SUCCESS", 0), ("a/x", 1), ("aa/_SUCCESS", 0), ("bb/_SUCCESS", 0)]);
    let renamed = model(&[("a/_SUCCESS", 0), ("a/y", 1)]);
    let empty = Model::new();
    run(async {
        let (_lake, files) = lake().await;
        let all = [&markers, &more, &others, &renamed, &empty];
        for base in all {
            for source in all {
                for destination in all {
                    check(&files, Sides { base, source, destination }).await.unwrap();
                }
            }
        }
    });
}

#[test]
fn disjoint_merges_read_no_ranges() {
    run(async {
        let (lake, files) = lake().await;
        let base: Model = large("b/", 2000).into_iter().chain(large("m/", 2000)).collect();
        let ours: Vec<_> = (300..400).map(|i| (format!("b/{i:05}x"), Some(9))).collect();
        let theirs: Vec<_> = (1000..1100).map(|i| (format!("m/{i:05}"), None)).collect();
        let (source, destination) = (edited(&base, &ours), edited(&base, &theirs));
        let sides = Sides { base: &base, source: &source, destination: &destination };
        let trees = trees(&files, sides).await;
        let before = lake.graveler.counters().ranges_opened;
        let tree = merged(&files, trees, None).await;
        assert_eq!(lake.graveler.counters().ranges_opened, before, "ranges were opened");
        assert_eq!(tree, Some(build(&files, &naive(sides, None).0).await));
    });
}

#[test]
fn areas_that_both_sides_added_apart_are_taken_whole() {
    run(async {
        let (lake, files) = lake().await;
        let base = large("m/", 1000);
        let source: Model = base.clone().into_iter().chain(large("b/", 1000)).collect();
        let destination: Model = base.clone().into_iter().chain(large("z/", 1000)).collect();
        let sides = Sides { base: &base, source: &source, destination: &destination };
        let trees = trees(&files, sides).await;
        let before = lake.graveler.counters();
        let tree = merged(&files, trees, None).await;
        let after = lake.graveler.counters();
        // Where the areas meet, the ranges that hold records of two areas are looked into.
        assert!(after.ranges_opened - before.ranges_opened <= 8, "{before:?} {after:?}");
        assert_eq!(tree, Some(build(&files, &naive(sides, None).0).await));
    });
}

#[test]
fn ranges_that_both_sides_have_alike_are_not_opened() {
    run(async {
        let (lake, files) = lake().await;
        let base = large("m/", 2000);
        let both: Vec<_> = (500..600).map(|i| (format!("m/{i:05}"), Some(8))).collect();
        let same = edited(&base, &both);
        let trees = trees(&files, Sides { base: &base, source: &same, destination: &same }).await;
        let before = lake.graveler.counters().ranges_opened;
        assert_eq!(merged(&files, trees, None).await, Some(trees.source));
        assert_eq!(lake.graveler.counters().ranges_opened, before);
    });
}

/// What a walk over what a merge brings has to find: each key, and whether it is in conflict.
fn brought(sides: Sides<&Model>) -> Vec<(String, bool)> {
    let keys: BTreeSet<&String> =
        sides.source.keys().chain(sides.base.keys()).chain(sides.destination.keys()).collect();
    let brought = keys.into_iter().filter_map(|key| {
        let [b, s, d] = [sides.base, sides.source, sides.destination].map(|model| model.get(key));
        (s != b && s != d).then(|| (key.clone(), d != b))
    });
    brought.collect()
}

#[test]
fn what_a_merge_brings_is_told_from_any_key_on() {
    proptest!(cases(48), |(base in models(), ours in edits(), theirs in edits(), both in edits(), from in 0..400u16)| run(async {
        let (_lake, files) = lake().await;
        let (source, destination) = (edited(&edited(&base, &ours), &both), edited(&edited(&base, &theirs), &both));
        let sides = Sides { base: &base, source: &source, destination: &destination };
        let trees = trees(&files, sides).await;
        for from in [String::new(), path_of(from)] {
            let mut walk = Incoming::open(&files, trees).await.unwrap();
            walk.seek(from.as_bytes()).await.unwrap();
            let mut found = Vec::new();
            loop {
                let bound = walk.bound().await.unwrap().map(<[u8]>::to_vec);
                let Some(change) = walk.next().await.unwrap() else { break };
                prop_assert!(bound.is_some_and(|bound| bound <= change.key));
                let key = String::from_utf8(change.key.to_vec()).unwrap();
                let values = [change.values.base, change.values.source, change.values.destination];
                let expected = [&base, &source, &destination].map(|model| model.get(&key).copied());
                prop_assert_eq!(values.map(|value| content_at(value.as_ref())), expected);
                found.push((key, change.is_conflict));
            }
            prop_assert_eq!(walk.bound().await.unwrap(), None);
            let mut expected = brought(sides);
            expected.retain(|(key, _)| *key >= from);
            prop_assert_eq!(found, expected);
        }
        Ok(())
    })?);
}

#[test]
fn what_only_the_destination_changed_isnt_read_to_tell_what_a_merge_brings() {
    run(async {
        let (lake, files) = lake().await;
        let base: Model = large("b/", 2000).into_iter().chain(large("m/", 2000)).collect();
        let (changed, alike) = (large("n/", 1000), large("a/", 1000));
        let ours = edited(&base, &[("b/01000".into(), Some(77))]);
        let source: Model = ours.into_iter().chain(alike.clone()).collect();
        let destination: Model = base.clone().into_iter().chain(changed).chain(alike).collect();
        let trees = trees(&files, Sides { base: &base, source: &source, destination: &destination }).await;
        let before = lake.graveler.counters().ranges_opened;
        let mut walk = Incoming::open(&files, trees).await.unwrap();
        let change = walk.next().await.unwrap().unwrap();
        assert_eq!((change.key.as_ref(), change.is_conflict), (&b"b/01000"[..], false));
        assert_eq!(walk.next().await.unwrap(), None);
        let opened = lake.graveler.counters().ranges_opened - before;
        // The changed range on each side, twice, and those where the areas meet.
        assert!(opened <= 12, "{opened} ranges");
    });
}
