//! Imports: the same commit as if all had been staged, from a listing alone.

use futures::stream::{self, StreamExt};
use model::CommitId;
use storage::testing::Verb;

use crate::testing::{TestLake, info, path, plain_entry, run};
use crate::{Error, ImportListing, ImportProgress, ListItem, ListRequest, RefExpr};

fn listing(objects: Vec<(String, u64)>) -> ImportListing {
    stream::iter(objects).map(|(at, content)| Ok((path(&at), plain_entry(content)))).boxed()
}

/// Paths and sizes of all objects of a commit.
async fn contents(lake: &TestLake, commit: &CommitId) -> Vec<(String, u64)> {
    let request = ListRequest { amount: 1000, ..ListRequest::default() };
    let listing = lake.graveler.list(lake.name(), &RefExpr::from(*commit), &request).await.unwrap();
    assert!(!listing.more);
    let object = |item| match item {
        ListItem::Object(path, entry) => (path.to_string(), entry.size),
        ListItem::CommonPrefix(prefix) => panic!("{prefix}"),
    };
    listing.items.into_iter().map(object).collect()
}

#[test]
fn an_import_adds_and_replaces_and_leaves_the_rest() {
    run(async {
        let lake = TestLake::new().await;
        let staged: Vec<_> = (0..300).map(|i| format!("p/{i:04}")).collect();
        lake.stage("main", &staged.iter().map(|path| (path.as_str(), Some(1))).collect::<Vec<_>>()).await;
        let base = lake.commit("main").await.unwrap();
        // Every other path is new, every third of the old gets other content.
        let content = |i: usize| if i.is_multiple_of(3) { 2 } else { 1 };
        let imported: Vec<_> = (0..600).map(|i| (format!("p/{:04}{}", i / 2, ["", "x"][i % 2]), content(i))).collect();
        let progress = ImportProgress::default();
        let commit = info("import", &lake.graveler);
        let built = lake
            .graveler
            .build_import(&lake.repository, &base.id, listing(imported.clone()), &commit, &progress)
            .await
            .unwrap();
        assert_eq!((progress.objects(), built.commit.parents.as_slice()), (600, &[base.id][..]));

        // The same by staging gives the same tree.
        for some in imported.chunks(500) {
            lake.stage("main", &some.iter().map(|(path, content)| (path.as_str(), Some(*content))).collect::<Vec<_>>())
                .await;
        }
        let committed = lake.commit("main").await.unwrap();
        assert_eq!(built.changes, committed.changes);
        assert_eq!(contents(&lake, &built.id).await, contents(&lake, &committed.id).await);
        assert_eq!(contents(&lake, &built.id).await.len(), 600);

        // Again, nothing is new; and what was left by a cut-off import does no harm.
        lake.requests.reset();
        let again = lake
            .graveler
            .build_import(&lake.repository, &built.id, listing(imported), &commit, &ImportProgress::default())
            .await;
        assert!(matches!(again, Err(Error::NoChanges)));
        assert_eq!(lake.requests.requests(Verb::Put), 0);
    });
}

#[test]
fn a_listing_that_is_out_of_order_or_fails_builds_nothing() {
    run(async {
        let lake = TestLake::new().await;
        let head = lake.branch("main").await.commit;
        let commit = info("import", &lake.graveler);
        for bad in [vec![("b".to_owned(), 1), ("a".to_owned(), 1)], vec![("a".to_owned(), 1), ("a".to_owned(), 1)]] {
            let progress = ImportProgress::default();
            let built = lake.graveler.build_import(&lake.repository, &head, listing(bad), &commit, &progress).await;
            assert!(matches!(built, Err(Error::Invalid(why)) if why.contains("order")));
        }
        let failing = listing(vec![("a".to_owned(), 1)]);
        let failing = failing.chain(stream::iter([Err(Error::Internal("the listing broke".into()))])).boxed();
        let progress = ImportProgress::default();
        let built = lake.graveler.build_import(&lake.repository, &head, failing, &commit, &progress).await;
        assert!(matches!(built, Err(Error::Internal(_))));
    });
}
