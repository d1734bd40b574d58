//! Imports: the same commit as if all had been staged, from a listing alone, wherever its steps ended.

use futures::stream::{self, StreamExt};
use model::CommitId;
use proptest::prelude::*;
use storage::testing::Verb;

use crate::testing::{TestLake, info, path, plain_entry, run};
use crate::{Built, Error, ImportCheckpoint, ImportListing, ListItem, ListRequest, Progress, RefExpr};

fn listing(objects: &[(String, u64)]) -> ImportListing {
    stream::iter(objects.to_vec()).map(|(at, content)| Ok((path(&at), plain_entry(content)))).boxed()
}

/// Imports all of a listing in steps of so many objects or a few more.
async fn import(lake: &TestLake, objects: &[(String, u64)], step: u64) -> Result<ImportCheckpoint, Error> {
    let (mut from, mut rest) = (ImportCheckpoint::default(), Some(listing(objects)));
    let progress = Progress::default();
    while let Some(listing) = rest {
        let enough = move |taken| taken >= step;
        let done = lake.graveler.import_step(&lake.repository, from, listing, enough, &progress).await?;
        (from, rest) = (done.checkpoint, done.rest);
        assert_eq!(progress.objects(), from.objects);
    }
    Ok(from)
}

async fn commit_over(lake: &TestLake, over: &CommitId, imported: &ImportCheckpoint) -> Result<Built, Error> {
    let commit = info("import", &lake.graveler);
    lake.graveler.build_imported(&lake.repository, over, imported, &commit).await
}

/// Paths and sizes of all objects of a commit.
async fn contents(lake: &TestLake, commit: &CommitId) -> Vec<(String, u64)> {
    let request = ListRequest { amount: 1000, ..ListRequest::default() };
    let listing = lake.graveler.list(lake.name(), &RefExpr::from(*commit), &request).await.unwrap();
    assert_eq!(listing.next, None);
    let object = |item| match item {
        ListItem::Object(path, entry) => (path.to_string(), entry.size),
        ListItem::CommonPrefix(prefix) => panic!("{prefix}"),
    };
    listing.items.into_iter().map(object).collect()
}

async fn stage_all(lake: &TestLake, objects: &[(String, u64)]) {
    for some in objects.chunks(500) {
        let some: Vec<_> = some.iter().map(|(path, content)| (path.as_str(), Some(*content))).collect();
        lake.stage("main", &some).await;
    }
}

#[test]
fn an_import_adds_and_replaces_and_leaves_the_rest() {
    run(async {
        let lake = TestLake::new().await;
        let before: Vec<_> = (0..300).map(|i| (format!("p/{i:04}"), 1)).collect();
        stage_all(&lake, &before).await;
        let base = lake.commit("main").await.unwrap();
        // Every other path is new, every third of the old gets other content.
        let content = |i: usize| if i.is_multiple_of(3) { 2 } else { 1 };
        let imported: Vec<_> = (0..600).map(|i| (format!("p/{:04}{}", i / 2, ["", "x"][i % 2]), content(i))).collect();
        let checkpoint = import(&lake, &imported, 100).await.unwrap();
        assert_eq!((checkpoint.objects, checkpoint.last.clone().unwrap()), (600, path("p/0299x")));
        let built = commit_over(&lake, &base.id, &checkpoint).await.unwrap();
        assert_eq!(built.commit.parents, [base.id]);

        // At once over the commit, and by staging, it is the same.
        let (commit, progress) = (info("import", &lake.graveler), Progress::default());
        let listing = listing(&imported);
        let at_once =
            lake.graveler.build_import(&lake.repository, &base.id, listing, &commit, &progress).await.unwrap();
        assert_eq!((at_once.commit.metarange, progress.objects()), (built.commit.metarange, 600));
        stage_all(&lake, &imported).await;
        let committed = lake.commit("main").await.unwrap();
        assert_eq!(contents(&lake, &built.id).await, contents(&lake, &committed.id).await);
        assert_eq!(contents(&lake, &built.id).await.len(), 600);

        // Again, nothing is new.
        assert!(matches!(commit_over(&lake, &built.id, &checkpoint).await, Err(Error::NoChanges)));
    });
}

#[test]
fn the_first_import_writes_each_range_once_and_nothing_else_than_its_trees() {
    run(async {
        let lake = TestLake::new().await;
        let head = lake.branch("main").await.commit;
        let objects: Vec<_> = (0..2000).map(|i| (format!("p/{i:06}"), i)).collect();
        lake.requests.reset();
        let before = lake.graveler.counters();
        let imported = import(&lake, &objects, u64::MAX).await.unwrap();
        let built = commit_over(&lake, &head, &imported).await.unwrap();
        let after = lake.graveler.counters();
        let ranges = after.ranges_written - before.ranges_written;
        let metaranges = after.metaranges_written - before.metaranges_written;
        assert!(ranges > 10, "{ranges}");
        assert_eq!(lake.requests.requests(Verb::Put), ranges + metaranges + 1);
        assert_eq!((built.commit.metarange, built.changes), (imported.tree, 2000));
    });
}

#[test]
fn a_listing_that_is_out_of_order_or_fails_is_an_error() {
    run(async {
        let lake = TestLake::new().await;
        for bad in [["b", "a"], ["a", "a"]] {
            let bad = bad.map(|path| (path.to_owned(), 1));
            assert!(matches!(import(&lake, &bad, 100).await, Err(Error::Invalid(why)) if why.contains("order")));
        }
        let failing = listing(&[("a".to_owned(), 1)]);
        let failing = failing.chain(stream::iter([Err(Error::Internal("the listing broke".into()))])).boxed();
        let (from, progress) = (ImportCheckpoint::default(), Progress::default());
        let step = lake.graveler.import_step(&lake.repository, from, failing, |_| false, &progress).await;
        assert!(matches!(step, Err(Error::Internal(_))));
        // Behind the checkpoint too.
        let done = import(&lake, &[("b".to_owned(), 1)], 100).await.unwrap();
        let again = listing(&[("a".to_owned(), 1)]);
        let step = lake.graveler.import_step(&lake.repository, done, again, |_| false, &progress).await;
        assert!(matches!(step, Err(Error::Invalid(_))));
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn wherever_steps_end_the_tree_is_the_same(
        objects in prop::collection::btree_map("[a-d/]{1,6}", 0..9_u64, 0..850),
        step in 1..600_u64,
        staged in prop::collection::btree_map("[a-d/]{1,6}", 0..9_u64, 1..100),
    ) {
        run(async {
            let lake = TestLake::new().await;
            let listed: Vec<_> = objects.clone().into_iter().collect();
            let whole = import(&lake, &listed, u64::MAX).await.unwrap();
            prop_assert_eq!(&import(&lake, &listed, step).await.unwrap(), &whole);

            // Over a commit, it is the union with the imported first.
            stage_all(&lake, &staged.clone().into_iter().collect::<Vec<_>>()).await;
            let base = lake.commit("main").await.unwrap();
            let union: Vec<_> = staged.clone().into_iter().chain(objects).collect::<std::collections::BTreeMap<_, _>>().into_iter().collect();
            match commit_over(&lake, &base.id, &whole).await {
                Ok(built) => prop_assert_eq!(contents(&lake, &built.id).await, union),
                Err(Error::NoChanges) => prop_assert_eq!(contents(&lake, &base.id).await, union),
                Err(error) => panic!("{error}"),
            }
            Ok(())
        })?;
    }
}
