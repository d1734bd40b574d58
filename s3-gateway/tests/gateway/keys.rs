//! Odd keys: each is its own object, byte for byte, in every operation.

use std::collections::BTreeMap;

use http::Method;
use model::{Address, Command, CreateUpload, NewUpload, RequestId};

use crate::client::{content_md5, encoded};
use crate::harness::{TestGateway, name};

const ODD: &[&str] = &[
    "main/with space",
    "main/a+b",
    "main/50%",
    "main/%20",
    "main/%2F",
    "main/ünï/日本語/🦀",
    "main//double//slash",
    "main//",
    "main/./dot",
    "main/../up",
    "main/a/../b",
    "main/trailing/",
    "main/?question",
    "main/#hash",
    "main/a&b=c",
    "main/semi;colon,comma",
    "main/quote'\"<tag>",
    "main/back\\slash",
    "main/tab\tand\nnewline",
    "main/~!@$^*()[]{}|`",
    "main/main/main",
];

#[tokio::test]
async fn odd_keys_are_stored_listed_copied_and_deleted() {
    let s3 = TestGateway::start().await;
    s3.put_all(ODD).await;
    let mut sorted = ODD.to_vec();
    sorted.sort_unstable();
    for key in ODD {
        assert_eq!(s3.get(key).send().await.expect(200).text(), *key);
        assert_eq!(s3.head(key).send().await.expect(200).get("content-length"), key.len().to_string());
    }
    let listed = s3.list(&[("prefix", "main/"), ("encoding-type", "url")]).await.expect(200);
    let keys: Vec<String> = listed.all("Key").iter().map(|key| decoded(key)).collect();
    assert_eq!(keys, sorted);
    s3.commit("main").await;
    for key in ODD {
        let copy = s3.on(Method::PUT, &format!("main/copies/{key}"));
        copy.header("x-amz-copy-source", format!("/trips/{}", encoded(key))).send().await.expect(200);
        assert_eq!(s3.get(&format!("main/copies/{key}")).send().await.expect(200).text(), *key);
        s3.delete(key).send().await.expect(204);
        s3.get(key).send().await.expect(404);
    }
}

fn decoded(key: &str) -> String {
    percent_encoding::percent_decode_str(&key.replace('+', " ")).decode_utf8().unwrap().into_owned()
}

#[tokio::test]
async fn odd_keys_are_deleted_in_batches() {
    let s3 = TestGateway::start().await;
    s3.put_all(ODD).await;
    let escaped = |key: &str| {
        let key = key.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        key.replace('\n', "&#10;").replace('\t', "&#9;")
    };
    let objects: String = ODD.iter().map(|key| format!("<Object><Key>{}</Key></Object>", escaped(key))).collect();
    let body = format!("<Delete>{objects}<Quiet>true</Quiet></Delete>");
    let request = s3.request(Method::POST, "/trips?delete").header("content-md5", content_md5(body.as_bytes()));
    let answer = request.body(body).send().await.expect(200);
    assert!(answer.all("Code").is_empty(), "{answer:?}");
    assert!(s3.keys_on("main").await.is_empty());
}

#[tokio::test]
async fn keys_that_xml_cannot_hold_are_encoded_or_refused() {
    let s3 = TestGateway::start().await;
    let key = "main/a\u{1}b";
    s3.put_all(&[key, "main/c"]).await;
    assert_eq!(s3.get(key).send().await.expect(200).text(), key);
    let upload = s3.on(Method::POST, key).query(&[("uploads", "")]).send().await.expect_error(400, "InvalidRequest");
    assert!(upload.one("Message").contains("choose another key"), "{upload:?}");
    // As an older server began it.
    let begun = begin_upload(&s3, key.strip_prefix("main/").unwrap()).await;
    let parts = s3.on(Method::GET, key).query(&[("uploadId", &begun)]);
    parts.clone().send().await.expect_error(400, "InvalidRequest");
    assert_eq!(parts.query(&[("encoding-type", "url")]).send().await.expect(200).one("Key"), "main/a%01b");
    for (target, listed) in [("/trips?list-type=2", 2), ("/trips?delimiter=/", 2), ("/trips?uploads", 1)] {
        let request = s3.request(Method::GET, target).query(&[("prefix", "main/")]);
        let refused = request.clone().send().await.expect_error(400, "InvalidRequest");
        assert!(refused.one("Message").contains("encoding-type=url"), "{refused:?}");
        let encoded = request.query(&[("encoding-type", "url")]).send().await.expect(200);
        assert_eq!((encoded.one("Key").as_str(), encoded.all("Key").len()), ("main/a%01b", listed));
        assert_eq!(encoded.one("EncodingType"), "url");
    }
    for written in [key.to_owned(), key.replace('\u{1}', "&#1;")] {
        let objects = format!("<Object><Key>main/c</Key></Object><Object><Key>{written}</Key></Object>");
        let batch = s3.request(Method::POST, "/trips?delete").body(format!("<Delete>{objects}</Delete>"));
        batch.send().await.expect_error(400, "MalformedXML");
    }
    s3.get("main/c").send().await.expect(200);
    s3.delete(key).send().await.expect(204);
    let gone = s3.get(key).send().await.expect_error(404, "NoSuchKey");
    assert_eq!(gone.one("Key"), "main/a\u{fffd}b");
    assert_eq!(s3.keys_on("main").await, ["main/c"]);
}

/// An upload to a path of `main`, in the metadata alone.
async fn begin_upload(s3: &TestGateway, path: &str) -> String {
    let upload = NewUpload {
        branch: "main".parse().unwrap(),
        path: path.parse().unwrap(),
        address: Address::Relative("data/x/1".into()),
        store_upload_id: "1".into(),
        content_type: String::new(),
        metadata: BTreeMap::new(),
        headers: BTreeMap::new(),
        checksum: None,
    };
    let create = CreateUpload { request: RequestId(77), repository: name(), upload };
    s3.graveler.meta().write(Command::CreateUpload(create)).await.unwrap().upload().unwrap().id.to_string()
}

#[tokio::test]
async fn keys_are_bounded() {
    let s3 = TestGateway::start().await;
    let longest = format!("main/{}", "k".repeat(1024));
    s3.put(&longest, "x").send().await.expect(200);
    s3.get(&longest).send().await.expect(200);
    let long = format!("main/{}", "k".repeat(1025));
    s3.put(&long, "x").send().await.expect_error(400, "KeyTooLongError");
    s3.request(Method::GET, "/trips/main/%FF").send().await.expect_error(400, "InvalidURI");
}

#[tokio::test]
async fn a_leading_slash_belongs_to_the_path() {
    let s3 = TestGateway::start().await;
    s3.put("main//abs", "slash").send().await.expect(200);
    s3.put("main/abs", "none").send().await.expect(200);
    assert_eq!(s3.get("main//abs").send().await.expect(200).text(), "slash");
    assert_eq!(s3.keys_on("main").await, ["main//abs", "main/abs"]);
    s3.put("/abs", "no ref").send().await.expect_error(405, "MethodNotAllowed");
    s3.get("/abs").send().await.expect_error(404, "NoSuchKey");
}
