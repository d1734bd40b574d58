//! Trees whose files are in memory alone.

use storage::testing::Verb;

use super::*;
use crate::testing::run;
use crate::tree::scratch::Scratch;

#[test]
fn a_tree_aside_is_read_where_it_was_written_and_never_stored() {
    run(async {
        let (lake, files) = lake().await;
        let scratch = Scratch::new(&files.caches);
        let model = large("p/", 1000);
        lake.requests.reset();
        let tree = build(&files.writing_aside(&scratch), &model).await;
        for files in [files.writing_aside(&scratch), files.reading_aside(&scratch)] {
            assert_eq!(content_of(&files, tree).await, model);
        }
        assert_eq!(lake.requests.all_requests(), 0);
        assert!(files.tree(tree).await.is_err(), "nothing else knows it");
    });
}

#[test]
fn what_does_not_fit_in_memory_is_stored_and_read_all_the_same() {
    run(async {
        let options = GravelerOptions { scratch_bytes: 32 << 10, ..small_options() };
        let lake = TestLake::with_options(options).await;
        let files = lake.files();
        let model = large("p/", 1000);
        lake.requests.reset();
        for _ in 0..3 {
            let scratch = Scratch::new(&files.caches);
            let tree = build(&files.writing_aside(&scratch), &model).await;
            assert_eq!(content_of(&files.reading_aside(&scratch), tree).await, model);
        }
        // Each had the whole room for itself: what is dropped gives it back.
        let (stored, ranges) =
            (lake.requests.requests(Verb::Put), ranges_of(&files, build(&files, &model).await).await);
        assert!(stored > 0 && stored < 3 * ranges as u64, "{stored} of 3 times {ranges}");
    });
}

/// A range that comes out as one that was rewritten is taken for stored; one aside is not.
#[test]
fn a_tree_that_has_what_lies_aside_is_stored_whole() {
    run(async {
        let (lake, files) = lake().await;
        let scratch = Scratch::new(&files.caches);
        let model = large("p/", 1000);
        let aside = build(&files.writing_aside(&scratch), &model).await;
        let files = files.reading_aside(&scratch);
        let mut builder = TreeBuilder::new(&files, &small_options());
        for range in ranges_in(&files, aside).await {
            builder.rewriting(&range);
        }
        for (path, content) in &model {
            builder.push(path.as_bytes(), &encode_entry(plain_entry(*content))).await.unwrap();
        }
        let stored = builder.finish().await.unwrap();
        assert_eq!(stored, aside);
        let cold = lake.cold(small_options());
        assert_eq!(content_of(&cold.files(&lake.repository).unwrap(), stored).await, model);
    });
}
