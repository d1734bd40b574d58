//! Objects that lie outside the installation's store, as clients of S3 see them: like any other, until somebody changes
//! them where they are.

use std::path::Path;

use futures::TryStreamExt;
use graveler::Change;
use http::Method;
use model::{Address, Entry, StagedValue, Timestamp};
use s3_gateway::GatewayOptions;
use storage::{ListGauge, Source, SourceItem, StoreSettings, Stores};
use tempfile::TempDir;

use crate::client::md5_e_tag;
use crate::harness::{TestGateway, name};

fn url(folder: &Path) -> String {
    format!("file://{}", folder.display())
}

/// A gateway whose branch has all files of a folder.
async fn start(folder: &Path, allowed: bool) -> TestGateway {
    let sources = vec![url(folder)];
    let settings = StoreSettings { sources: sources.clone(), ..StoreSettings::default() };
    let readable = Stores::open("memory:///", &settings).await.unwrap();
    let stores =
        if allowed { readable.clone() } else { Stores::open("memory:///", &StoreSettings::default()).await.unwrap() };
    let s3 = TestGateway::start_on(stores, GatewayOptions::default()).await;
    let source: Source = readable.source(&sources[0]).await.unwrap();
    let items = source.list(None, &ListGauge::default()).try_concat().await.unwrap();
    let changes = items.into_iter().map(|item| {
        let SourceItem::Object(object) = item else { panic!("{item:?}") };
        let entry = Entry {
            address: Address::Full(object.url),
            last_modified: Timestamp::from_millis(1_790_000_000_000),
            size: object.size,
            e_tag: object.e_tag,
            content_type: "application/octet-stream".into(),
            metadata: Default::default(),
            headers: Default::default(),
            checksum: None,
            parts: None,
        };
        Change { path: object.key.parse().unwrap(), value: StagedValue::Entry(entry), require: None }
    });
    s3.graveler.stage(&name(), &"main".parse().unwrap(), changes.collect()).await.unwrap();
    s3.commit("main").await;
    s3
}

#[tokio::test]
async fn they_are_read_and_copied_like_others() {
    let folder = TempDir::new().unwrap();
    let large = vec![7_u8; 300_000];
    std::fs::write(folder.path().join("small"), "bytes").unwrap();
    std::fs::write(folder.path().join("large"), &large).unwrap();
    let s3 = start(folder.path(), true).await;
    assert_eq!(s3.get("main/small").send().await.expect(200).text(), "bytes");
    assert_eq!(s3.get("main/large").send().await.expect(200).bytes().as_ref(), large);
    let part = s3.get("main/large").header("range", "bytes=100-299").send().await.expect(206);
    assert_eq!((part.bytes().len(), part.get("content-range")), (200, "bytes 100-299/300000"));
    assert_eq!(s3.head("main/small").send().await.expect(200).get("content-length"), "5");

    s3.on(Method::PUT, "main/copy").header("x-amz-copy-source", "/trips/main/small").send().await.expect(200);
    assert_eq!(s3.get("main/copy").send().await.expect(200).text(), "bytes");
    // Into another repository the bytes are copied, and stay when the source goes.
    s3.request(Method::PUT, "/flights").send().await.expect(200);
    let copy = s3.request(Method::PUT, "/flights/main/b").header("x-amz-copy-source", "/trips/main/large");
    assert_eq!(copy.send().await.expect(200).one("ETag"), md5_e_tag(&large));
    let upload = s3.on(Method::POST, "main/parts").query(&[("uploads", "")]).send().await.expect(200).one("UploadId");
    let part = [("partNumber", "1"), ("uploadId", upload.as_str())];
    let copied = s3.on(Method::PUT, "main/parts").query(&part).header("x-amz-copy-source", "/trips/main/large");
    assert_eq!(copied.send().await.expect(200).one("ETag"), md5_e_tag(&large));
    std::fs::remove_file(folder.path().join("large")).unwrap();
    assert_eq!(s3.request(Method::GET, "/flights/main/b").send().await.expect(200).bytes().as_ref(), large);
}

#[tokio::test]
async fn what_was_changed_or_went_is_told_and_never_served() {
    let folder = TempDir::new().unwrap();
    let large = vec![7_u8; 300_000];
    for (name, bytes) in [("small", &large[..5]), ("large", &large[..]), ("gone", &large[..])] {
        std::fs::write(folder.path().join(name), bytes).unwrap();
    }
    let s3 = start(folder.path(), true).await;
    for (name, bytes) in [("small", &large[..7]), ("large", &vec![8; 300_000][..])] {
        // As another object takes a name in a bucket.
        std::fs::write(folder.path().join("new"), bytes).unwrap();
        std::fs::rename(folder.path().join("new"), folder.path().join(name)).unwrap();
    }
    std::fs::remove_file(folder.path().join("gone")).unwrap();
    for (key, status, code) in
        [("small", 409, "ObjectChanged"), ("large", 409, "ObjectChanged"), ("gone", 410, "ObjectGone")]
    {
        let key = format!("main/{key}");
        s3.get(&key).send().await.expect_error(status, code);
        s3.get(&key).header("range", "bytes=1-3").send().await.expect_error(status, code);
        s3.head(&key).send().await.expect(status);
        s3.request(Method::PUT, "/other").send().await;
        let copy = s3.request(Method::PUT, "/other/main/b").header("x-amz-copy-source", format!("/trips/{key}"));
        copy.send().await.expect_error(status, code);
        let upload =
            s3.on(Method::POST, "main/parts").query(&[("uploads", "")]).send().await.expect(200).one("UploadId");
        let part = [("partNumber", "1"), ("uploadId", upload.as_str())];
        let part = s3.on(Method::PUT, "main/parts").query(&part).header("x-amz-copy-source", format!("/trips/{key}"));
        part.send().await.expect_error(status, code);
    }
}

#[tokio::test]
async fn a_source_that_isn_t_allowed_is_not_read() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("secret"), "1").unwrap();
    let s3 = start(folder.path(), false).await;
    s3.get("main/secret").send().await.expect_error(403, "AccessDenied");
    s3.head("main/secret").send().await.expect(403);
}
