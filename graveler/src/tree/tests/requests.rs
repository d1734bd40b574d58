//! How many requests reading costs.

use storage::testing::Verb;

use super::*;
use crate::testing::run;
use crate::tree::diff::TreeDiff;

#[test]
fn a_cold_lookup_costs_two_requests_a_level_at_most_and_a_warm_one_none() {
    run(async {
        let options = GravelerOptions { range_bytes: 256 << 10, ..small_options() };
        let lake = TestLake::with_options(options.clone()).await;
        let files = lake.files();
        let mut builder = TreeBuilder::new(&files, &options);
        for (path, content) in large("p/", 8000) {
            builder.push(path.as_bytes(), &encode_entry(plain_entry(content))).await.unwrap();
        }
        let tree = builder.finish().await.unwrap();
        let cold = lake.cold(options);
        let files = cold.files(&lake.repository).unwrap();
        lake.requests.reset();
        assert!(files.lookup(tree, b"p/04000").await.unwrap().is_some());
        assert!(lake.requests.requests(Verb::Get) <= 4, "{:?}", lake.requests);
        assert!(lake.requests.bytes(Verb::Get) <= 256 << 10, "{:?}", lake.requests);
        lake.requests.reset();
        assert!(files.lookup(tree, b"p/04000").await.unwrap().is_some());
        assert_eq!(lake.requests.all_requests(), 0);
    });
}

#[test]
fn a_scan_fetches_neighbouring_blocks_together() {
    run(async {
        let options = GravelerOptions { range_bytes: 256 << 10, ..small_options() };
        let lake = TestLake::with_options(options.clone()).await;
        let files = lake.files();
        let model = large("p/", 8000);
        let mut builder = TreeBuilder::new(&files, &options);
        for (path, content) in &model {
            builder.push(path.as_bytes(), &encode_entry(plain_entry(*content))).await.unwrap();
        }
        let tree = builder.finish().await.unwrap();
        let cold = lake.cold(options);
        let files = cold.files(&lake.repository).unwrap();
        lake.requests.reset();
        assert_eq!(content_of(&files, tree).await, model);
        let (requests, blocks) = (lake.requests.requests(Verb::Get), cold.counters().blocks_read);
        assert!(requests * 32 < blocks, "{requests} requests for {blocks} blocks");
    });
}

#[test]
fn a_walk_that_is_given_up_while_it_reads_ahead_leaves_all_as_it_was() {
    run(async {
        let options = GravelerOptions { range_bytes: 256 << 10, ..small_options() };
        let lake = TestLake::with_options(options.clone()).await;
        let model = large("p/", 8000);
        let tree = build_with(&lake.files(), &model, &options).await;
        let cold = lake.cold(options);
        let files = cold.files(&lake.repository).unwrap();
        for stop in [10, 700, 2500, 5000] {
            let mut cursor = TreeCursor::open(&files, tree).await.unwrap();
            let mut seen = 0;
            while seen < stop {
                if cursor.record().is_some() {
                    seen += 1;
                    cursor.advance().await.unwrap();
                } else {
                    cursor.load().await.unwrap();
                }
            }
            cursor.seek(b"p/06000").await.unwrap();
            while cursor.record().is_none() {
                cursor.load().await.unwrap();
            }
            assert_eq!(cursor.record().unwrap().0, b"p/06000");
        }
        assert_eq!(content_of(&files, tree).await, model);
    });
}

#[test]
fn readers_of_one_block_at_a_time_share_its_request() {
    run(async {
        let (lake, files) = lake().await;
        let tree = build(&files, &large("p/", 1000)).await;
        let cold = lake.cold(small_options());
        let files = cold.files(&lake.repository).unwrap();
        lake.requests.reset();
        let lookups = (0..32).map(|_| files.lookup(tree, b"p/00500"));
        for found in futures::future::join_all(lookups).await {
            assert!(found.unwrap().is_some());
        }
        assert!(lake.requests.requests(Verb::Get) <= 4, "{:?}", lake.requests);
    });
}

#[test]
fn a_range_that_is_rewritten_costs_one_request() {
    run(async {
        let options = GravelerOptions { range_bytes: 64 << 10, ..small_options() };
        let lake = TestLake::with_options(options.clone()).await;
        let model = large("p/", 4000);
        let tree = build_with(&lake.files(), &model, &options).await;
        let edits: Vec<_> = (0..4000).step_by(100).map(|i| (format!("p/{i:05}"), Some(77))).collect();
        let changed = edited(&model, &edits);
        let cold = lake.cold(options.clone());
        let files = cold.files(&lake.repository).unwrap();
        lake.requests.reset();
        rebuild_with(&files, tree, (&model, &changed), &options).await;
        let (done, requests) = (cold.counters(), lake.requests.requests(Verb::Get));
        assert!(done.ranges_opened >= 4, "{done:?}");
        assert!(requests <= done.ranges_opened + done.metaranges_opened + 4, "{requests} requests, {done:?}");
    });
}

#[test]
fn a_diff_of_scattered_changes_reads_little_beside_the_blocks_that_differ() {
    run(async {
        // Every range differs somewhere, and has many blocks that don't.
        let options = GravelerOptions { range_bytes: 16 << 10, ..small_options() };
        let lake = TestLake::with_options(options.clone()).await;
        let files = lake.files();
        let before = large("p/", 3000);
        let mut after = before.clone();
        let changed: Vec<String> = before.keys().step_by(150).cloned().collect();
        after.extend(changed.iter().map(|path| (path.clone(), 99)));
        let left = build_with(&files, &before, &options).await;
        let right = rebuild_with(&files, left, (&before, &after), &options).await;
        let cold = lake.cold(options);
        let files = cold.files(&lake.repository).unwrap();
        let mut diff = TreeDiff::open(&files, left, right).await.unwrap();
        let mut found = 0;
        while diff.next().await.unwrap().is_some() {
            found += 1;
        }
        assert_eq!(found, changed.len());
        let read = cold.counters().blocks_read;
        // The block on each side, and now and then the next one, before which a cut moved; then the metaranges'.
        assert!(read <= 4 * changed.len() as u64 + 24, "{read} blocks for {found} differences");
    });
}
