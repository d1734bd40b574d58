//! Rewritten ranges: unchanged blocks are copied, work goes on side by side, and no file tells of either.

use std::time::Duration;

use storage::Immutable;
use storage::testing::{Fault, Faults, Faulty, Verb};

use super::*;
use crate::testing::run;

fn long_ranges() -> GravelerOptions {
    GravelerOptions { range_bytes: 64 << 10, ..small_options() }
}

/// The bytes of all ranges of a tree.
async fn bytes_of(files: &Files, tree: Option<MetaRangeId>) -> Vec<(Immutable, Bytes)> {
    let mut found = Vec::new();
    for range in ranges_in(files, tree).await {
        found.push((range.object, files.storage().get(&range.object).await.unwrap()));
    }
    found
}

#[test]
fn a_rewritten_range_has_the_bytes_of_one_built_anew() {
    proptest!(cases(24), |(model in models(), first in edits(), second in edits())| run(async {
        let options = long_ranges();
        let (lake, other) = (TestLake::with_options(options.clone()).await, TestLake::with_options(options.clone()).await);
        let (files, anew) = (lake.files(), other.files());
        let once = edited(&model, &first);
        let twice = edited(&once, &second);
        let tree = build_with(&files, &model, &options).await;
        let tree = rebuild_with(&files, tree, (&model, &once), &options).await;
        let tree = rebuild_with(&files, tree, (&once, &twice), &options).await;
        let expected = build_with(&anew, &twice, &options).await;
        prop_assert_eq!(tree, expected);
        prop_assert_eq!(bytes_of(&files, tree).await, bytes_of(&anew, expected).await);
        Ok(())
    })?);
}

#[test]
fn blocks_without_a_change_are_neither_decoded_nor_encoded() {
    run(async {
        let options = long_ranges();
        let lake = TestLake::with_options(options.clone()).await;
        let model = large("p/", 3000);
        let tree = build_with(&lake.files(), &model, &options).await;
        let cold = lake.cold(options.clone());
        let files = cold.files(&lake.repository).unwrap();
        let changed = edited(&model, &[("p/01500".into(), Some(99))]);
        let after = rebuild_with(&files, tree, (&model, &changed), &options).await;
        let done = cold.counters();
        assert!(done.blocks_copied > 60, "{done:?}");
        assert!(done.blocks_encoded <= 12, "{done:?}");
        // Those of the metaranges are among them.
        assert!(done.blocks_read <= 20, "{done:?}");
        assert_eq!(after, build_with(&lake.files(), &changed, &options).await);
    });
}

#[test]
fn a_tree_that_ended_without_a_cut_goes_on_by_copies() {
    run(async {
        let options = long_ranges();
        let lake = TestLake::with_options(options.clone()).await;
        let files = lake.files();
        let model = large("p/", 400);
        let tree = build_with(&files, &model, &options).await;
        let longer = edited(&model, &[("q".into(), Some(1))]);
        let before = lake.graveler.counters();
        let after = rebuild_with(&files, tree, (&model, &longer), &options).await;
        let done = lake.graveler.counters();
        assert!(done.blocks_encoded - before.blocks_encoded <= 2, "{before:?} {done:?}");
        assert_eq!(after, build_with(&files, &longer, &options).await);
    });
}

#[test]
fn a_block_of_another_size_is_decoded() {
    run(async {
        let options = long_ranges();
        let lake = TestLake::with_options(options.clone()).await;
        let files = lake.files();
        let model = large("p/", 400);
        let tree = build_with(&files, &model, &options).await;
        let changed = edited(&model, &[("p/00200".into(), None)]);
        let larger = GravelerOptions { block_bytes: 1024, ..options };
        let copied = lake.graveler.counters().blocks_copied;
        let after = rebuild_with(&files, tree, (&model, &changed), &larger).await;
        assert_eq!(lake.graveler.counters().blocks_copied, copied);
        assert_eq!(content_of(&files, after).await, changed);
    });
}

/// A runtime with threads, so that work really goes on side by side.
fn run_on_threads<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap();
    runtime.block_on(future)
}

#[test]
fn ids_do_not_depend_on_how_much_is_done_at_a_time() {
    run_on_threads(async {
        let model = large("p/", 4000);
        let changed = edited(&model, &[("p/00007".into(), None), ("p/02222".into(), Some(9))]);
        let mut trees = Vec::new();
        for (builds_max, uploads_max, build_bytes) in [(1, 1, 1), (2, 8, 16 << 10), (8, 64, 1 << 30)] {
            let options = GravelerOptions { builds_max, uploads_max, build_bytes, ..small_options() };
            let lake = TestLake::with_options(options.clone()).await;
            let files = lake.files();
            let tree = build_with(&files, &model, &options).await;
            let after = rebuild_with(&files, tree, (&model, &changed), &options).await;
            assert_eq!(content_of(&files, after).await, changed);
            trees.push((tree, after));
        }
        assert!(trees.iter().all(|found| *found == trees[0]), "{trees:?}");
    });
}

#[test]
fn many_builds_share_the_bounds_without_waiting_for_each_other_for_ever() {
    run_on_threads(async {
        let options = GravelerOptions { builds_max: 2, uploads_max: 1, build_bytes: 8 << 10, ..small_options() };
        let lake = TestLake::with_options(options.clone()).await;
        let files = lake.files();
        let models: Vec<Model> = (0..8).map(|i| large(&format!("p{i}/"), 600)).collect();
        let all = futures::future::join_all(models.iter().map(|model| build_with(&files, model, &options)));
        let trees = tokio::time::timeout(Duration::from_secs(120), all).await.expect("no build waits for ever");
        for (tree, model) in trees.into_iter().zip(&models) {
            assert_eq!(&content_of(&files, tree).await, model);
        }
    });
}

#[test]
fn a_build_that_is_given_up_frees_what_it_held() {
    run_on_threads(async {
        let options = GravelerOptions { build_bytes: 8 << 10, ..small_options() };
        let lake = TestLake::with_options(options.clone()).await;
        let files = lake.files();
        let model = large("p/", 1500);
        for stop in [10, 500, 1400] {
            let mut builder = TreeBuilder::new(&files, &options);
            for (path, content) in model.iter().take(stop) {
                builder.push(path.as_bytes(), &encode_entry(plain_entry(*content))).await.unwrap();
            }
            drop(builder);
        }
        let tree = tokio::time::timeout(Duration::from_secs(120), build_with(&files, &model, &options)).await;
        assert_eq!(content_of(&files, tree.expect("the bounds are free again")).await, model);
    });
}

#[test]
fn a_range_that_is_not_stored_fails_the_build_before_any_metarange_is() {
    run_on_threads(async {
        let lake = TestLake::new().await;
        let faults = Faults::default();
        let script = faults.clone();
        let stores = lake.stores.decorated(|store, multipart| {
            let faulty = Faulty::new(store, multipart, script);
            (faulty.clone(), faulty)
        });
        let inner = &lake.graveler.inner;
        let clock = Arc::clone(&inner.clock);
        let failing = crate::Graveler::new(Arc::clone(&inner.meta), stores, clock, small_options());
        let files = failing.files(&lake.repository).unwrap();
        let model = large("p/", 1500);
        for skip in [0, 7, 60] {
            faults.once_after(Verb::Put, skip, Fault::Denied);
            let mut builder = TreeBuilder::new(&files, &small_options());
            let pushed = async {
                for (path, content) in &model {
                    builder.push(path.as_bytes(), &encode_entry(plain_entry(*content))).await?;
                }
                builder.finish().await
            };
            assert!(matches!(pushed.await, Err(Error::Storage(_))), "the {skip}th upload was refused");
        }
        assert_eq!(failing.counters().metaranges_written, 0);
        faults.clear();
        let tree = build(&files, &model).await;
        assert_eq!(content_of(&files, tree).await, model);
    });
}
