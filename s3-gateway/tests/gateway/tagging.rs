//! Tags of objects: written with them and by themselves, copied, committed and refused.

use http::Method;
use model::{Entry, Timestamp};

use crate::client::{Req, Res};
use crate::harness::{TestGateway, name};

fn tagging(s3: &TestGateway, method: Method, key: &str) -> Req {
    s3.on(method, key).query(&[("tagging", "")])
}

fn document(tags: &[(&str, &str)]) -> String {
    let tags = tags.iter().map(|(key, value)| format!("<Tag><Key>{key}</Key><Value>{value}</Value></Tag>"));
    format!("<Tagging><TagSet>{}</TagSet></Tagging>", tags.collect::<String>())
}

async fn put_tags(s3: &TestGateway, key: &str, tags: &[(&str, &str)]) -> Res {
    tagging(s3, Method::PUT, key).body(document(tags)).send().await
}

/// The tags of an object, as `key=value`.
async fn tags(s3: &TestGateway, key: &str) -> Vec<String> {
    let answer = tagging(s3, Method::GET, key).send().await.expect(200);
    answer.all("Key").iter().zip(answer.all("Value")).map(|(key, value)| format!("{key}={value}")).collect()
}

async fn entry(s3: &TestGateway, path: &str) -> Entry {
    let found = s3.graveler.stat(&name(), &"main".parse().unwrap(), &path.parse().unwrap()).await.unwrap();
    found.unwrap().entry
}

#[tokio::test]
async fn tags_come_and_go_and_the_object_stays() {
    let s3 = TestGateway::start().await;
    s3.put("main/a", "bytes").header("x-amz-meta-k", "v").send().await.expect(200);
    s3.commit("main").await;
    let before = entry(&s3, "a").await;
    assert!(tags(&s3, "main/a").await.is_empty());
    put_tags(&s3, "main/a", &[("team", "data lake"), ("größe", "1+1"), ("empty", "")]).await.expect(200);
    let answer = tagging(&s3, Method::GET, "main/a").send().await.expect(200);
    let set = "<TagSet><Tag><Key>empty</Key><Value/></Tag><Tag><Key>größe</Key><Value>1+1</Value></Tag>\
               <Tag><Key>team</Key><Value>data lake</Value></Tag></TagSet></Tagging>";
    assert!(answer.text().ends_with(set), "{}", answer.text());
    for answer in [s3.get("main/a").send().await.expect(200), s3.head("main/a").send().await.expect(200)] {
        assert_eq!((answer.get("x-amz-tagging-count"), answer.get("x-amz-meta-k")), ("3", "v"));
        assert_eq!(answer.get("x-amz-missing-meta"), "");
    }
    let after = entry(&s3, "a").await;
    let untagged = Entry { metadata: before.metadata.clone(), ..after };
    assert_eq!(untagged, before, "bytes, ETag and time stay");

    put_tags(&s3, "main/a", &[("team", "other")]).await.expect(200);
    assert_eq!(tags(&s3, "main/a").await, ["team=other"], "tags are replaced whole");
    let commit = s3.commit("main").await;
    tagging(&s3, Method::DELETE, "main/a").send().await.expect(204);
    assert!(tags(&s3, "main/a").await.is_empty());
    assert_eq!(s3.head("main/a").send().await.expect(200).get("x-amz-tagging-count"), "");
    assert_eq!(tags(&s3, &format!("{commit}/a")).await, ["team=other"], "a commit keeps its tags");
    assert_eq!(entry(&s3, "a").await, before);
    put_tags(&s3, "main/a", &[]).await.expect(200);
}

#[tokio::test]
async fn a_write_brings_its_tags_along() {
    let s3 = TestGateway::start().await;
    s3.put("main/a", "bytes").header("x-amz-tagging", "team=data+lake&k=%C3%A9").send().await.expect(200);
    assert_eq!(tags(&s3, "main/a").await, ["k=é", "team=data lake"]);
    let upload = s3.on(Method::POST, "main/b").query(&[("uploads", "")]).header("x-amz-tagging", "k=v");
    let id = upload.send().await.expect(200).one("UploadId");
    let part = s3.put("main/b", "part").query(&[("partNumber", "1"), ("uploadId", &id)]);
    let e_tag = part.send().await.expect(200).e_tag().to_owned();
    let whole = format!(
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{e_tag}</ETag></Part></CompleteMultipartUpload>"
    );
    s3.on(Method::POST, "main/b").query(&[("uploadId", &id)]).body(whole).send().await.expect(200);
    assert_eq!(tags(&s3, "main/b").await, ["k=v"]);
    s3.put("main/a", "other bytes").send().await.expect(200);
    assert!(tags(&s3, "main/a").await.is_empty(), "another object has none");
}

#[tokio::test]
async fn a_copy_takes_tags_over_or_gets_its_own() {
    let s3 = TestGateway::start().await;
    s3.put("main/a", "bytes").header("x-amz-tagging", "k=v").header("x-amz-meta-m", "1").send().await.expect(200);
    let copy = || s3.on(Method::PUT, "main/b").header("x-amz-copy-source", "/trips/main/a");
    for (headers, expected, metadata) in [
        (&[][..], &["k=v"][..], "1"),
        (&[("x-amz-tagging-directive", "COPY"), ("x-amz-tagging", "other=1")], &["k=v"], "1"),
        (&[("x-amz-metadata-directive", "REPLACE")], &["k=v"], ""),
        (&[("x-amz-tagging-directive", "REPLACE"), ("x-amz-tagging", "other=1")], &["other=1"], "1"),
        (&[("x-amz-tagging-directive", "REPLACE")], &[], "1"),
    ] {
        headers.iter().fold(copy(), |copy, (name, value)| copy.header(name, *value)).send().await.expect(200);
        assert_eq!(tags(&s3, "main/b").await, expected, "{headers:?}");
        assert_eq!(s3.head("main/b").send().await.expect(200).get("x-amz-meta-m"), metadata, "{headers:?}");
    }
    let odd = copy().header("x-amz-tagging-directive", "MERGE");
    odd.send().await.expect_error(400, "InvalidArgument");
}

#[tokio::test]
async fn tags_that_cant_be_are_refused() {
    let s3 = TestGateway::start().await;
    s3.put("main/a", "bytes").header("x-amz-tagging", "k=v").send().await.expect(200);
    let long = "x".repeat(257);
    let many: Vec<_> = (0..11).map(|n| n.to_string()).collect();
    let many: Vec<_> = many.iter().map(|key| (key.as_str(), "v")).collect();
    for (set, code) in [
        (&[("a", "1"), ("a", "2")][..], "InvalidTag"),
        (&[("", "v")], "InvalidTag"),
        (&[("a!", "v")], "InvalidTag"),
        (&[("aws:a", "v")], "InvalidTag"),
        (&[(&long[..129], "v")], "InvalidTag"),
        (&[("a", &long)], "InvalidTag"),
        (&many, "BadRequest"),
    ] {
        put_tags(&s3, "main/a", set).await.expect_error(400, code);
    }
    for (body, status, code) in [
        ("", 400, "MalformedXML"),
        ("<Tagging/>", 400, "MalformedXML"),
        ("<Tagging><TagSet><Tag><Key>a</Key></Tag></TagSet></Tagging>", 400, "MalformedXML"),
        ("<Tagging><TagSet/><Owner>x</Owner></Tagging>", 501, "NotImplemented"),
    ] {
        tagging(&s3, Method::PUT, "main/a").body(body).send().await.expect_error(status, code);
    }
    for (header, code) in [
        ("a=1&a=2", "InvalidArgument"),
        ("a=%FF", "InvalidArgument"),
        ("a%25=1", "InvalidTag"),
        ("aws:a=1", "InvalidTag"),
    ] {
        s3.put("main/a", "new").header("x-amz-tagging", header).send().await.expect_error(400, code);
    }
    assert_eq!(tags(&s3, "main/a").await, ["k=v"]);
    assert_eq!(s3.get("main/a").send().await.expect(200).text(), "bytes");
}

#[tokio::test]
async fn tags_of_what_isnt_there_or_takes_no_writes() {
    let s3 = TestGateway::start().await;
    s3.put_all(&["main/a"]).await;
    s3.commit("main").await;
    s3.create_tag("v1", "main").await;
    for (key, status, code) in [("main/nope", 404, "NoSuchKey"), ("nope/a", 404, "NoSuchKey")] {
        tagging(&s3, Method::GET, key).send().await.expect_error(status, code);
    }
    for (key, status, code) in
        [("main/nope", 404, "NoSuchKey"), ("nope/a", 404, "NoSuchBucket"), ("v1/a", 405, "MethodNotAllowed")]
    {
        put_tags(&s3, key, &[("k", "v")]).await.expect_error(status, code);
        tagging(&s3, Method::DELETE, key).send().await.expect_error(status, code);
    }
    assert!(tags(&s3, "v1/a").await.is_empty());
    assert!(tags(&s3, "main/").await.is_empty(), "the folder that a ref is");
}

#[tokio::test]
async fn tags_that_were_damaged_are_told_and_hide_no_bytes() {
    let s3 = TestGateway::start().await;
    s3.put("main/a", "bytes").send().await.expect(200);
    let damage = |entry: Entry| Entry {
        metadata: [(model::TAGS_NAME.to_owned(), "a=1&a=2".to_owned())].into(),
        last_modified: Timestamp::from_millis(0),
        ..entry
    };
    let (branch, path) = ("main".parse().unwrap(), "a".parse().unwrap());
    s3.graveler.update(&name(), &branch, &path, &damage).await.unwrap().unwrap();
    tagging(&s3, Method::GET, "main/a").send().await.expect_error(500, "InternalError");
    assert_eq!(s3.get("main/a").send().await.expect(200).text(), "bytes");
    put_tags(&s3, "main/a", &[("k", "v")]).await.expect(200);
    assert_eq!(tags(&s3, "main/a").await, ["k=v"]);
}
