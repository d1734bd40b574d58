//! The API's objects, through the SDK over real gRPC.

use std::collections::BTreeMap;
use std::io;

use bytes::Bytes;
use futures::{TryStreamExt, stream};
use graveler::RefExpr;
use lakebed_sdk::{Code, Condition, CopyObjects, ListItem, ListOptions, Object, Reason, Timestamp, Upload};
use model::{
    Command, CreateRepository, DeleteRepository, Entry, Note, RequestId, ResolveRef, Stage, StagedChange, StagedValue,
};
use storage::testing::Verb;
use tokio::io::AsyncReadExt;

use crate::lake::{TestLake, branch, object};

/// Bytes that differ from one chunk to the next.
fn pattern(size: usize) -> Vec<u8> {
    (0..size).map(|i| u8::try_from(i * 31 % 251).unwrap()).collect()
}

#[tokio::test]
async fn an_object_goes_in_and_out_as_a_stream() {
    let lake = TestLake::new().await;
    let bytes = pattern(9_000_001);
    let metadata = BTreeMap::from([("origin".to_owned(), "Ōsaka".to_owned())]);
    let upload =
        Upload { content_type: Some("application/x-parquet".into()), metadata: metadata.clone(), ..Upload::default() };
    let path = object("dir/big file +%.parquet");
    let reader = io::Cursor::new(bytes.clone());
    let stored = lake.lakebed.upload_reader(&lake.trips, &branch("main"), &path, reader, upload).await.unwrap();
    assert_eq!((stored.size, &stored.metadata), (9_000_001, &metadata));
    assert_eq!(stored.content_type, "application/x-parquet");
    assert_eq!(lake.lakebed.stat(&lake.trips, "main", &path).await.unwrap(), stored);

    let whole = lake.lakebed.download(&lake.trips, "main", &path, ..).await.unwrap();
    assert_eq!((whole.range.clone(), &whole.object), (0..9_000_001, &stored));
    assert!(whole.bytes().await.unwrap() == bytes);
    let middle = lake.lakebed.download(&lake.trips, "main", &path, 1_500_000..6_500_000).await.unwrap();
    let mut read = Vec::new();
    middle.into_reader().read_to_end(&mut read).await.unwrap();
    assert!(read == bytes[1_500_000..6_500_000]);
    let tail = lake.lakebed.download(&lake.trips, "main", &path, 9_000_000..99_000_000).await.unwrap();
    assert_eq!(tail.bytes().await.unwrap(), bytes[9_000_000..]);

    let behind = lake.lakebed.download(&lake.trips, "main", &path, 9_000_001..).await.err().unwrap();
    assert_eq!((behind.code, behind.reason), (Code::OutOfRange, Reason::RangeNotSatisfiable));
}

#[tokio::test]
async fn bytes_never_end_up_in_another_repository() {
    let lake = TestLake::new().await;
    let (name, head) = (lake.trips.clone(), lake.log("main").await[0].id);
    let delete = Command::DeleteRepository(DeleteRepository { name: name.clone() });
    let create = Command::CreateRepository(CreateRepository {
        request: RequestId(1),
        name,
        namespace: "mem://elsewhere".parse().unwrap(),
        default_branch: branch("main"),
        commit: Some(head),
        claim: None,
        note: Note::default(),
    });
    lake.meta.let_others_come_first(vec![delete, create]);
    let (main, path) = (branch("main"), object("late"));
    let late = lake.lakebed.upload_bytes(&lake.trips, &main, &path, "bytes", Upload::default()).await.unwrap_err();
    assert_eq!(late.reason, Reason::RepositoryNotFound, "{late}");
    assert_eq!(lake.requests.requests(Verb::Delete), 1, "nobody needs them");
    let query = ResolveRef { repository: lake.trips.clone(), reference: main.into(), path: Some(path) };
    assert_eq!(lake.graveler.meta().ask(query).await.unwrap().staged, None);
}

#[tokio::test]
async fn an_empty_object_is_one() {
    let lake = TestLake::new().await;
    lake.put("main", "_SUCCESS", "").await;
    assert_eq!(lake.read("main", "_SUCCESS").await.unwrap(), "");
    let stat = lake.lakebed.stat(&lake.trips, "main", &object("_SUCCESS")).await.unwrap();
    assert_eq!((stat.size, stat.content_type.as_str()), (0, "application/octet-stream"));
    assert_eq!(stat.e_tag, "d41d8cd98f00b204e9800998ecf8427e");
}

#[tokio::test]
async fn listings_fold_folders_and_go_on_behind_them() {
    let lake = TestLake::new().await;
    for path in ["a/1", "a/2", "b", "c/d/1", "//odd", "z"] {
        lake.put("main", path, path).await;
    }
    lake.commit("main", "some").await;
    lake.put("main", "c/e", "staged").await;
    assert_eq!(lake.paths("main").await, ["//odd", "a/1", "a/2", "b", "c/d/1", "c/e", "z"]);
    let folder = |prefix: &str, after: &str| ListOptions {
        prefix: prefix.into(),
        delimiter: Some("/".into()),
        after: after.into(),
    };
    assert_eq!(lake.list("main", folder("", "")).await, ["/", "a/", "b", "c/", "z"]);
    assert_eq!(lake.list("main", folder("c/", "")).await, ["c/d/", "c/e"]);
    assert_eq!(lake.list("main", folder("", "a/")).await, ["b", "c/", "z"]);
}

#[tokio::test]
async fn deletes_are_of_many_and_of_what_is_not_there() {
    let lake = TestLake::new().await;
    for path in ["a", "b", "c"] {
        lake.put("main", path, path).await;
    }
    lake.commit("main", "some").await;
    let paths = [object("a"), object("c"), object("never-there")];
    assert_eq!(lake.lakebed.delete_objects(&lake.trips, &branch("main"), &paths).await.unwrap(), []);
    assert_eq!(lake.paths("main").await, ["b"]);
    assert_eq!(lake.paths("main@").await, ["a", "b", "c"]);
    let gone = lake.lakebed.stat(&lake.trips, "main", &object("a")).await.unwrap_err();
    assert_eq!((gone.code, gone.reason), (Code::NotFound, Reason::ObjectNotFound));

    let many: Vec<_> = (0..1001).map(|n| object(&n.to_string())).collect();
    let refused = lake.lakebed.delete_objects(&lake.trips, &branch("main"), &many).await.unwrap_err();
    assert_eq!(refused.reason, Reason::InvalidArgument);
}

#[tokio::test]
async fn what_was_written_since_a_listing_survives_a_deletion_of_what_was_listed() {
    let lake = TestLake::new().await;
    let main = branch("main");
    let put = async |path: &'static str| {
        lake.lakebed.upload_bytes(&lake.trips, &main, &object(path), path, Upload::default()).await.unwrap()
    };
    let delete = async |listed: &[Object]| {
        let kept = lake.lakebed.delete_listed(&lake.trips, &main, listed).await.unwrap();
        kept.into_iter().map(|failure| (failure.path, failure.reason)).collect::<Vec<_>>()
    };
    for path in ["committed", "gone", "rewritten"] {
        put(path).await;
    }
    lake.commit("main", "some").await;
    for path in ["late", "moved", "staged"] {
        put(path).await;
    }
    let items: Vec<_> =
        lake.lakebed.list_objects(&lake.trips, "main", ListOptions::default()).try_collect().await.unwrap();
    let listed: Vec<_> = items
        .into_iter()
        .map(|item| match item {
            ListItem::Object(object) => object,
            ListItem::CommonPrefix(prefix) => panic!("{prefix} in a flat listing"),
        })
        .collect();

    // The same bytes at another time are another write; so are a copy's.
    put("rewritten").await;
    let moved = CopyObjects { from: "gone".to_owned(), to: "moved".to_owned(), recursive: false };
    lake.lakebed.move_objects(&lake.trips, &main, moved).await.unwrap();
    // One comes after the flow has looked, right before its command.
    let mut anew = listed_entry(&lake, "late").await;
    anew.last_modified = Timestamp::from_millis(anew.last_modified.as_millis() + 1);
    let change = StagedChange { path: object("late"), value: StagedValue::Entry(anew), condition: None, once: None };
    let stage = Stage { repository: lake.trips.clone(), uid: None, branch: main.clone(), changes: vec![change] };
    lake.meta.let_others_come_first(vec![Command::Stage(stage)]);
    let changed = ["moved", "rewritten", "late"].map(|path| (path.to_owned(), Reason::PreconditionFailed));
    assert_eq!(delete(&listed).await, changed);
    assert_eq!(lake.paths("main").await, ["late", "moved", "rewritten"]);
    assert_eq!(delete(&listed).await, [changed[2].clone(), changed[0].clone(), changed[1].clone()]);

    let many = vec![listed[0].clone(); 1001];
    let refused = lake.lakebed.delete_listed(&lake.trips, &main, &many).await.unwrap_err();
    assert_eq!(refused.reason, Reason::InvalidArgument);
}

async fn listed_entry(lake: &TestLake, path: &str) -> Entry {
    let found = lake.graveler.stat(&lake.trips, &RefExpr::from(&branch("main")), &object(path)).await.unwrap();
    found.unwrap().entry
}

#[tokio::test]
async fn conditions_are_judged_over_staged_and_committed() {
    let lake = TestLake::new().await;
    let put = async |text: &'static str, condition| {
        let upload = Upload { condition: Some(condition), ..Upload::default() };
        lake.lakebed.upload_bytes(&lake.trips, &branch("main"), &object("a"), text, upload).await
    };
    let first = put("1", Condition::Absent).await.unwrap();
    let refused = put("2", Condition::Absent).await.unwrap_err();
    assert_eq!((refused.code, refused.reason), (Code::FailedPrecondition, Reason::PreconditionFailed));
    lake.commit("main", "first").await;
    let deletes = lake.requests.requests(Verb::Delete);
    assert_eq!(put("2", Condition::Absent).await.unwrap_err().reason, Reason::PreconditionFailed);
    assert_eq!(lake.requests.requests(Verb::Delete) - deletes, 1, "the refused write's bytes are removed");
    put("2", Condition::Match(first.e_tag.clone())).await.unwrap();
    assert_eq!(put("3", Condition::Match(first.e_tag)).await.unwrap_err().reason, Reason::PreconditionFailed);
    assert_eq!(lake.read("main", "a").await.unwrap(), "2");
}

#[tokio::test]
async fn a_body_that_fails_or_has_another_size_is_not_stored() {
    let lake = TestLake::new().await;
    let upload = async |size, parts: Vec<io::Result<Bytes>>| {
        let upload = Upload { size, ..Upload::default() };
        lake.lakebed.upload(&lake.trips, &branch("main"), &object("a"), stream::iter(parts), upload).await.unwrap_err()
    };
    let big = || Ok(Bytes::from(vec![7; 3_000_000]));
    let broken = upload(None, vec![big(), Err(io::Error::other("the disk is gone"))]).await;
    assert_eq!(broken.reason, Reason::BodyFailed);
    assert!(broken.message.contains("the disk is gone"), "{broken}");
    assert_eq!(upload(Some(10), vec![big()]).await.reason, Reason::BodyFailed);
    assert_eq!(upload(Some(3_000_001), vec![big()]).await.reason, Reason::BodyFailed);
    assert_eq!(lake.paths("main").await, Vec::<String>::new());
}

#[tokio::test]
async fn what_can_t_be_written_is_refused_before_its_bytes_are_stored() {
    let lake = TestLake::new().await;
    lake.lakebed.create_tag(&lake.trips, &"v1".parse().unwrap(), "main").await.unwrap();
    let put = async |on: &str, upload: Upload| {
        lake.lakebed.upload_bytes(&lake.trips, &branch(on), &object("a"), "x", upload).await.unwrap_err()
    };
    lake.requests.reset();
    let to_a_tag = put("v1", Upload::default()).await;
    assert_eq!(to_a_tag.reason, Reason::BranchNotFound);
    assert!(to_a_tag.message.contains("v1 is a tag, which is read-only"), "{to_a_tag}");
    assert_eq!(put("nothing", Upload::default()).await.reason, Reason::BranchNotFound);
    let metadata = |name: &str, value: &str| Upload {
        metadata: BTreeMap::from([(name.to_owned(), value.to_owned())]),
        ..Upload::default()
    };
    for bad in [metadata("a\nb", "x"), metadata("", "x"), metadata("a", "x\r\ny"), metadata("a", &"x".repeat(2048))] {
        assert_eq!(put("main", bad).await.reason, Reason::InvalidArgument);
    }
    let content_type = Upload { content_type: Some("text/html\r\nx: y".into()), ..Upload::default() };
    assert_eq!(put("main", content_type).await.reason, Reason::InvalidArgument);
    assert_eq!(lake.requests.requests(Verb::Put), 0);
}
