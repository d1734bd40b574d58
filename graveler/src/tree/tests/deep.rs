//! Trees whose metaranges are cut: only what is needed of them is opened and written.

use super::*;
use crate::testing::run;
use crate::tree::diff::TreeDiff;

/// A lake with a tree that has metaranges on at least three heights.
async fn deep_lake() -> (TestLake, Model, Option<MetaRangeId>) {
    let lake = TestLake::new().await;
    let model = large("p/", 6000);
    let tree = build(&lake.files(), &model).await;
    let counted = lake.graveler.counters();
    assert!(counted.metaranges_written > 20, "{counted:?}");
    (lake, model, tree)
}

#[test]
fn a_change_of_one_key_writes_one_metarange_of_each_height() {
    run(async {
        let (lake, model, tree) = deep_lake().await;
        let cold = lake.cold(small_options());
        let files = cold.files(&lake.repository).unwrap();
        let changed = edited(&model, &[("p/03000".into(), Some(99))]);
        let after = rebuild(&files, tree, &model, &changed).await;
        let done = cold.counters();
        assert!(done.metaranges_written <= 5, "{done:?}");
        assert!(done.metaranges_opened <= 5, "{done:?}");
        assert!(done.ranges_written <= 4, "{done:?}");
        assert_eq!(after, build(&lake.files(), &changed).await);
    });
}

#[test]
fn a_lookup_opens_one_metarange_of_each_height() {
    run(async {
        let (lake, _, tree) = deep_lake().await;
        let cold = lake.cold(small_options());
        let files = cold.files(&lake.repository).unwrap();
        assert!(files.lookup(tree, b"p/03000").await.unwrap().is_some());
        let done = cold.counters();
        assert!((1..=3).contains(&done.metaranges_opened), "{done:?}");
        assert_eq!(done.ranges_opened, 1);
        assert!(files.lookup(tree, b"p/03000x").await.unwrap().is_none());
        assert!(files.lookup(tree, b"zzz").await.unwrap().is_none());
    });
}

#[test]
fn a_difference_opens_only_the_metaranges_that_differ() {
    run(async {
        let (lake, model, tree) = deep_lake().await;
        let files = lake.files();
        let changed = edited(&model, &[("p/03000".into(), Some(99))]);
        let after = rebuild(&files, tree, &model, &changed).await;
        let cold = lake.cold(small_options());
        let files = cold.files(&lake.repository).unwrap();
        let mut walk = TreeDiff::open(&files, tree, after).await.unwrap();
        assert_eq!(walk.next().await.unwrap().unwrap().key, "p/03000");
        assert!(walk.next().await.unwrap().is_none());
        let done = cold.counters();
        assert!(done.metaranges_opened <= 8, "{done:?}");
        assert!(done.ranges_opened <= 6, "{done:?}");
    });
}

#[test]
fn a_tree_that_shrinks_and_grows_keeps_its_ids() {
    run(async {
        let (lake, model, tree) = deep_lake().await;
        let files = lake.files();
        for (from, to) in [(10, 6000), (0, 5990), (3000, 3001), (1000, 5000), (0, 6000)] {
            let gone = (from..to).map(|i| (format!("p/{i:05}"), None));
            let less = edited(&model, &gone.collect::<Vec<_>>());
            let smaller = rebuild(&files, tree, &model, &less).await;
            assert_eq!(smaller, build(&files, &less).await, "without {from}..{to}");
            assert_eq!(rebuild(&files, smaller, &less, &model).await, tree, "with {from}..{to} again");
        }
        let ends = [("a".into(), Some(1)), ("q".into(), Some(2))];
        let more = edited(&model, &ends);
        assert_eq!(rebuild(&files, tree, &model, &more).await, build(&files, &more).await);
    });
}

#[test]
fn a_tree_of_few_ranges_has_one_metarange() {
    run(async {
        let lake = TestLake::new().await;
        let options = GravelerOptions { metarange_ranges: 8 << 10, ..small_options() };
        let before = lake.graveler.counters().metaranges_written;
        build_with(&lake.files(), &large("p/", 6000), &options).await;
        assert_eq!(lake.graveler.counters().metaranges_written - before, 1);
    });
}
