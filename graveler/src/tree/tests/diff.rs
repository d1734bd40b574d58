//! Differences, against those of maps.

use super::*;
use crate::testing::run;
use crate::tree::diff::TreeDiff;
use crate::tree::scope::Scope;

pub(crate) type Found = Vec<(String, Option<u64>, Option<u64>)>;

pub(crate) fn naive(left: &Model, right: &Model, from: &str) -> Found {
    let keys: BTreeSet<&String> = left.keys().chain(right.keys()).collect();
    let all = keys.into_iter().map(|key| (key.clone(), left.get(key).copied(), right.get(key).copied()));
    all.filter(|(key, left, right)| left != right && key.as_str() >= from).collect()
}

pub(crate) async fn walked(files: &Files, left: Option<MetaRangeId>, right: Option<MetaRangeId>, from: &str) -> Found {
    let mut walk = TreeDiff::open(files, left, right).await.unwrap();
    walk.seek(from.as_bytes()).await.unwrap();
    let mut found = Vec::new();
    while let Some(difference) = walk.next().await.unwrap() {
        let key = String::from_utf8(difference.key.to_vec()).unwrap();
        found.push((key, content_at(difference.left.as_ref()), content_at(difference.right.as_ref())));
    }
    found
}

#[test]
fn whether_trees_differ_at_some_paths_is_what_the_maps_say() {
    let scopes = (prop::collection::vec(0..400u16, 0..3), prop::collection::vec((0..400u16, 0..12_usize), 0..3));
    proptest!(cases(128), |(left in models(), edits in edits(), (keys, prefixes) in scopes)| run(async {
        let (_lake, files) = lake().await;
        let right = edited(&left, &edits);
        let (left_tree, right_tree) = (build(&files, &left).await, build(&files, &right).await);
        let keys: Vec<String> = keys.into_iter().map(path_of).collect();
        let prefixes: Vec<String> =
            prefixes.into_iter().map(|(path, length)| path_of(path).chars().take(length).collect()).collect();
        let within = |key: &String| keys.contains(key) || prefixes.iter().any(|prefix| key.starts_with(prefix));
        let expected = naive(&left, &right, "").iter().any(|(key, ..)| within(key));
        let scope = Scope::new(&keys, &prefixes);
        prop_assert_eq!(scope.differs(&files, left_tree, right_tree).await.unwrap(), expected, "{:?}", scope);
        prop_assert_eq!(scope.differs(&files, right_tree, left_tree).await.unwrap(), expected);
        Ok(())
    })?);
}

#[test]
fn differences_are_those_of_the_maps() {
    proptest!(cases(64), |(left in models(), edits in edits(), other in models(), from in 0..400u16)| run(async {
        let (_lake, files) = lake().await;
        for right in [edited(&left, &edits), other, Model::new()] {
            let (left_tree, right_tree) = (build(&files, &left).await, build(&files, &right).await);
            for from in [String::new(), path_of(from)] {
                prop_assert_eq!(walked(&files, left_tree, right_tree, &from).await, naive(&left, &right, &from));
                prop_assert_eq!(walked(&files, right_tree, left_tree, &from).await, naive(&right, &left, &from));
            }
        }
        Ok(())
    })?);
}

#[test]
fn equal_ranges_are_not_opened() {
    run(async {
        let (lake, files) = lake().await;
        let model = large("p/", 3000);
        let tree = build(&files, &model).await;
        let before = lake.graveler.counters();
        assert!(walked(&files, tree, tree, "").await.is_empty());
        assert_eq!(lake.graveler.counters(), before);

        let changed = edited(&model, &[("p/00700".into(), Some(50)), ("p/02000".into(), None)]);
        let other = rebuild(&files, tree, &model, &changed).await;
        let before = lake.graveler.counters().ranges_opened;
        assert_eq!(walked(&files, tree, other, "").await.len(), 2);
        let opened = lake.graveler.counters().ranges_opened - before;
        assert!(opened <= 12, "{opened} ranges opened for two changes");
    });
}

#[test]
fn two_versions_of_a_range_fetch_only_the_blocks_that_differ() {
    run(async {
        let options = GravelerOptions { range_bytes: 64 << 10, ..small_options() };
        let lake = TestLake::with_options(options.clone()).await;
        let files = lake.files();
        let model = large("p/", 2000);
        let build = async |model: &Model| {
            let mut builder = TreeBuilder::new(&files, &options);
            for (path, content) in model {
                builder.push(path.as_bytes(), &encode_entry(plain_entry(*content))).await.unwrap();
            }
            builder.finish().await.unwrap()
        };
        let left = build(&model).await;
        let right = build(&edited(&model, &[("p/01000".into(), Some(50))])).await;
        let cold = lake.cold(options.clone());
        let files = cold.files(&lake.repository).unwrap();
        assert_eq!(walked(&files, left, right, "").await.len(), 1);
        let read = cold.counters().blocks_read;
        assert!(read <= 20, "{read} blocks read for one change among hundreds of blocks");
    });
}
