//! Equal content has equal ids, whatever its history.

use super::*;
use crate::testing::run;

#[test]
fn changes_give_the_tree_that_building_anew_gives() {
    proptest!(cases(64), |(model in models(), first in edits(), second in edits())| run(async {
        let (_lake, files) = lake().await;
        let once = edited(&model, &first);
        let twice = edited(&once, &second);
        let tree = build(&files, &model).await;
        let tree = rebuild(&files, tree, &model, &once).await;
        prop_assert_eq!(tree, build(&files, &once).await);
        let tree = rebuild(&files, tree, &once, &twice).await;
        prop_assert_eq!(tree, build(&files, &twice).await);
        prop_assert_eq!(&content_of(&files, tree).await, &twice);
        let back = rebuild(&files, tree, &twice, &model).await;
        prop_assert_eq!(back, build(&files, &model).await);
        Ok(())
    })?);
}

#[test]
fn a_small_change_rewrites_few_ranges() {
    run(async {
        let (lake, files) = lake().await;
        let model = large("p/", 3000);
        let tree = build(&files, &model).await;
        let ranges = ranges_of(&files, tree).await;
        assert!(ranges > 100, "{ranges}");
        let before = lake.graveler.counters();
        let changed = edited(&model, &[("p/01500".into(), Some(99))]);
        rebuild(&files, tree, &model, &changed).await;
        let after = lake.graveler.counters();
        assert!(after.ranges_written - before.ranges_written <= 4, "{after:?} {before:?}");
        assert!(after.ranges_opened - before.ranges_opened <= 4, "{after:?} {before:?}");
    });
}

#[test]
fn appending_rewrites_the_last_range_only() {
    run(async {
        let (lake, files) = lake().await;
        let model = large("p/", 2000);
        let tree = build(&files, &model).await;
        let before = lake.graveler.counters();
        let mut longer = model.clone();
        longer.insert("q".into(), 1);
        let appended = rebuild(&files, tree, &model, &longer).await;
        let after = lake.graveler.counters();
        assert_eq!(appended, build(&files, &longer).await);
        assert!(after.ranges_written - before.ranges_written <= 2);
    });
}

#[test]
fn ranges_are_near_their_mean() {
    run(async {
        let (_lake, files) = lake().await;
        let model = large("p/", 6000);
        let tree = build(&files, &model).await;
        let sizes: Vec<u64> = ranges_in(&files, tree).await.iter().map(|range| range.entries).collect();
        let mean = 6000 / sizes.len() as u64;
        assert!(sizes.iter().all(|size| *size <= mean * 4), "mean {mean}: {sizes:?}");
    });
}
