//! The API's copies, through the SDK over real gRPC.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::TryStreamExt;
use lakebed_sdk::{CopyObjects, Error, Moved, Reason};
use model::{Address, Entry, StageOutcome, StagedValue, Timestamp};
use proptest::prelude::*;
use storage::testing::Verb;

use crate::lake::{TestLake, branch, object};

fn one(from: &str, to: &str) -> CopyObjects {
    CopyObjects { from: from.to_owned(), to: to.to_owned(), recursive: false }
}

fn all(from: &str, to: &str) -> CopyObjects {
    CopyObjects { recursive: true, ..one(from, to) }
}

/// Copies as is previewed, or is refused for the reason for which the preview is.
async fn try_copy(lake: &TestLake, source: &str, to: &str, copy: CopyObjects) -> Result<u64, Error> {
    let (lakebed, to, before) = (&lake.lakebed, branch(to), lake.paths("main").await);
    let previewed = async {
        let previewed = lakebed.preview_copy(&lake.trips, source, &to, copy.clone()).await?;
        previewed.try_collect::<Vec<_>>().await
    };
    let previewed = previewed.await;
    assert_eq!(lake.paths("main").await, before, "a preview changes nothing");
    let done = lakebed.copy_objects(&lake.trips, source, &to, copy.clone()).await;
    assert_eq!(previewed.as_ref().map(|all| all.len() as u64).map_err(Clone::clone), done, "{copy:?}");
    for object in previewed.unwrap_or_default().into_iter().take(10) {
        let (from, to) = (object.from.as_str(), object.to.as_str());
        assert_eq!(from.strip_prefix(copy.from.as_str()), to.strip_prefix(copy.to.as_str()));
        lake.lakebed.stat(&lake.trips, "main", &object.to).await.unwrap();
    }
    done
}

async fn copy(lake: &TestLake, source: &str, copy: CopyObjects) -> u64 {
    try_copy(lake, source, "main", copy).await.unwrap()
}

async fn moved(lake: &TestLake, copy: CopyObjects) -> Moved {
    lake.lakebed.move_objects(&lake.trips, &branch("main"), copy).await.unwrap()
}

/// Where each path's bytes lie.
async fn addresses(lake: &TestLake, reference: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for path in lake.paths(reference).await {
        let stat = lake.lakebed.stat(&lake.trips, reference, &object(&path)).await.unwrap();
        found.insert(path, stat.physical_address);
    }
    found
}

#[tokio::test]
async fn copies_and_moves_point_at_the_same_bytes() {
    let lake = TestLake::new().await;
    lake.put("main", "a", "hello").await;
    lake.put("main", "over", "written over").await;
    let before = addresses(&lake, "main").await;
    let over = lake.lakebed.stat(&lake.trips, "main", &object("over")).await.unwrap();
    lake.commit("main", "a").await;
    lake.requests.reset();
    assert_eq!(copy(&lake, "main", one("a", "f/copy")).await, 1);
    assert_eq!(moved(&lake, one("a", "over")).await, Moved { moved: 1, kept: 0 });
    assert_eq!(lake.requests.requests(Verb::Put), 0, "no byte is written");
    let after = addresses(&lake, "main").await;
    assert_eq!(after, BTreeMap::from([("f/copy".into(), before["a"].clone()), ("over".into(), before["a"].clone())]));
    assert_eq!(lake.read("main", "over").await.unwrap(), "hello");
    assert_eq!(lake.read("main@", "over").await.unwrap(), "written over", "the commit's bytes are still there");
    assert_ne!(over.physical_address, after["over"]);
    assert_eq!(copy(&lake, "main@", one("over", "old")).await, 1, "from what is committed");
    assert_eq!(lake.read("main", "old").await.unwrap(), "written over");
}

#[tokio::test]
async fn what_can_not_be_copied_is_said() {
    let lake = TestLake::new().await;
    lake.put("main", "a/b", "1").await;
    let copy = async |copy| try_copy(&lake, "main", "main", copy).await;
    assert_eq!(copy(one("nothing", "x")).await.unwrap_err().reason, Reason::ObjectNotFound);
    assert_eq!(copy(all("nothing/", "x/")).await.unwrap(), 0);
    for wrong in [one("a/b", "a/b"), one("a/b", ""), one("", "x"), all("a/", "a/b/"), all("a/b", "a/"), all("", "x/")] {
        assert_eq!(copy(wrong.clone()).await.unwrap_err().reason, Reason::InvalidArgument, "{wrong:?}");
    }
    let long = all("a/", &format!("{}/", "x".repeat(1023)));
    assert_eq!(copy(long).await.unwrap_err().reason, Reason::InvalidArgument);
    let missing = try_copy(&lake, "main", "no", one("a/b", "x")).await.unwrap_err();
    assert_eq!(missing.reason, Reason::BranchNotFound);
    assert_eq!(try_copy(&lake, "no", "main", one("a/b", "x")).await.unwrap_err().reason, Reason::RefNotFound);
    for wrong in [one("a/b", "a/b"), all("a/", "a/b/"), one("nothing", "x")] {
        let previewed = async {
            let previewed = lake.lakebed.preview_move(&lake.trips, &branch("main"), wrong.clone()).await?;
            previewed.try_collect::<Vec<_>>().await.map(drop)
        };
        let done = lake.lakebed.move_objects(&lake.trips, &branch("main"), wrong.clone()).await.map(drop);
        assert_eq!(previewed.await.unwrap_err(), done.unwrap_err(), "{wrong:?}");
    }
    assert_eq!(lake.paths("main").await, ["a/b"]);
}

/// Stages objects without bytes, quickly.
async fn stage(lake: &TestLake, paths: impl Iterator<Item = String>) {
    let changes = paths.map(|path| graveler::Change {
        value: StagedValue::Entry(Entry {
            address: Address::Relative(format!("data/{path}")),
            last_modified: Timestamp::from_millis(0),
            size: 1,
            // Content of its own: an object that looks like a committed one is no change, wherever its bytes lie.
            e_tag: format!("{path:0>32}"),
            content_type: "text/plain".into(),
            metadata: BTreeMap::new(),
            headers: BTreeMap::new(),
            checksum: None,
            parts: None,
        }),
        path: object(&path),
        require: None,
    });
    let outcomes = lake.graveler.stage(&lake.trips, &branch("main"), changes.collect()).await.unwrap();
    assert!(outcomes.iter().all(|outcome| *outcome == StageOutcome::Staged));
}

#[tokio::test]
async fn prefixes_larger_than_one_batch_are_copied_and_moved_whole() {
    let lake = TestLake::new().await;
    stage(&lake, (0..1300).map(|n| format!("a/{n:04}"))).await;
    lake.commit("main", "base").await;
    stage(&lake, (1300..2300).map(|n| format!("a/{n:04}"))).await;
    assert_eq!(copy(&lake, "main", all("a/", "b/")).await, 2300);
    let previewed = lake.lakebed.preview_move(&lake.trips, &branch("main"), all("a/", "c/")).await.unwrap();
    let previewed: Vec<_> =
        previewed.map_ok(|object| (object.from.to_string(), object.to.to_string())).try_collect().await.unwrap();
    let all_of_them: Vec<_> = (0..2300).map(|n| (format!("a/{n:04}"), format!("c/{n:04}"))).collect();
    assert_eq!(previewed, all_of_them);
    assert_eq!(moved(&lake, all("a/", "c/")).await, Moved { moved: 2300, kept: 0 });
    let paths = lake.paths("main").await;
    let expected: Vec<_> = ["b", "c"].iter().flat_map(|f| (0..2300).map(move |n| format!("{f}/{n:04}"))).collect();
    assert_eq!(paths, expected);
    assert_eq!(addresses_of(&lake, ["b/0000", "c/2299"]).await, ["data/a/0000", "data/a/2299"]);
}

async fn addresses_of<const N: usize>(lake: &TestLake, paths: [&str; N]) -> Vec<String> {
    let mut found = Vec::new();
    for path in paths {
        found.push(lake.lakebed.stat(&lake.trips, "main", &object(path)).await.unwrap().physical_address);
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_others_write_during_a_move_is_not_lost() {
    const OBJECTS: usize = 60;
    let lake = Arc::new(TestLake::new().await);
    for n in 0..OBJECTS {
        lake.put("main", &format!("a/{n}"), "old").await;
    }
    lake.commit("main", "old").await;
    let writer = tokio::spawn({
        let lake = Arc::clone(&lake);
        async move {
            for n in 0..OBJECTS {
                lake.put("main", &format!("a/{n}"), "new").await;
            }
        }
    });
    while !writer.is_finished() {
        moved(&lake, all("a/", "b/")).await;
    }
    writer.await.unwrap();
    moved(&lake, all("a/", "b/")).await;
    assert_eq!(lake.paths("main").await.len(), OBJECTS);
    for n in 0..OBJECTS {
        assert_eq!(lake.read("main", &format!("b/{n}")).await.unwrap(), "new");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    /// Copies and moves of prefixes, staged or committed, against a map of path to address.
    #[test]
    fn copies_and_moves_are_those_of_a_map(
        steps in prop::collection::vec((0..4usize, 0..3usize, 0..3usize), 1..12),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            const PREFIXES: [&str; 3] = ["a/", "b/x", "c/"];
            let lake = TestLake::new().await;
            stage(&lake, (0..5).map(|n| format!("a/{n}"))).await;
            stage(&lake, (3..7).map(|n| format!("b/x{n}"))).await;
            let mut model = addresses(&lake, "main").await;
            for (verb, from, to) in steps {
                let (from, to) = (PREFIXES[from], PREFIXES[to]);
                if verb == 0 {
                    let _ = lake.try_commit("main", "step").await;
                } else if from != to {
                    let found: Vec<_> = model.iter().filter(|(path, _)| path.starts_with(from))
                        .map(|(path, at)| (path.clone(), at.clone())).collect();
                    let count = found.len() as u64;
                    for (path, at) in found {
                        model.insert(format!("{to}{}", &path[from.len()..]), at);
                        if verb == 1 {
                            model.remove(&path);
                        }
                    }
                    if verb == 1 {
                        prop_assert_eq!(moved(&lake, all(from, to)).await, Moved { moved: count, kept: 0 });
                    } else {
                        prop_assert_eq!(copy(&lake, "main", all(from, to)).await, count);
                    }
                }
                prop_assert_eq!(&addresses(&lake, "main").await, &model);
            }
            Ok(())
        })?;
    }
}
