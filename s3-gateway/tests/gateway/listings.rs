//! ListObjects, both versions, inside refs and over them.

use std::collections::BTreeSet;

use http::Method;

use crate::harness::TestGateway;

/// Walks a version 2 listing page by page; objects and common prefixes in one set each.
async fn walk(s3: &TestGateway, max_keys: usize, pairs: &[(&str, &str)]) -> (Vec<String>, Vec<String>) {
    let (mut keys, mut prefixes) = (Vec::new(), Vec::new());
    let mut token = String::new();
    let max_keys = max_keys.to_string();
    for _ in 0..1000 {
        let mut pairs = [pairs, &[("max-keys", max_keys.as_str())]].concat();
        if !token.is_empty() {
            pairs.push(("continuation-token", &token));
        }
        let page = s3.list(&pairs).await.expect(200);
        let got = page.all("Key").len() + page.all("CommonPrefixes").len();
        assert_eq!(page.one("KeyCount"), got.to_string());
        assert!(got <= max_keys.parse().unwrap());
        keys.extend(page.all("Key"));
        prefixes.extend(
            page.all("CommonPrefixes").iter().map(|text| text.replace("<Prefix>", "").replace("</Prefix>", "")),
        );
        if page.one("IsTruncated") == "false" {
            return (keys, prefixes);
        }
        token = page.one("NextContinuationToken");
    }
    panic!("the listing doesn't end");
}

const KEYS: &[&str] = &["main/a", "main/b/1", "main/b/2", "main/b/c/3", "main/c", "main/d/", "main/e/1"];

#[tokio::test]
async fn a_listing_says_the_time_that_head_says() {
    let s3 = TestGateway::start().await;
    s3.put_all(&["main/a", "main/b"]).await;
    let listed = s3.list(&[("prefix", "main/")]).await.expect(200).all("LastModified");
    for (key, listed) in ["main/a", "main/b"].into_iter().zip(listed) {
        let head = s3.head(key).send().await.expect(200);
        let said = chrono::DateTime::parse_from_rfc2822(head.get("last-modified")).unwrap();
        assert_eq!(chrono::DateTime::parse_from_rfc3339(&listed).unwrap(), said, "{listed}");
        let since = said.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
        s3.head(key).header("if-modified-since", since).send().await.expect(304);
    }
}

#[tokio::test]
async fn prefixes_and_delimiters_make_folders() {
    let s3 = TestGateway::start().await;
    s3.put_all(&KEYS[..4]).await;
    s3.commit("main").await;
    s3.put_all(&KEYS[4..]).await;
    for max_keys in [1, 2, 3, 1000] {
        assert_eq!(walk(&s3, max_keys, &[("prefix", "main/")]).await.0, KEYS);
        let (keys, prefixes) = walk(&s3, max_keys, &[("prefix", "main/"), ("delimiter", "/")]).await;
        assert_eq!(keys, ["main/a", "main/c"]);
        assert_eq!(prefixes, ["main/b/", "main/d/", "main/e/"]);
        let (keys, prefixes) = walk(&s3, max_keys, &[("prefix", "main/b/"), ("delimiter", "/")]).await;
        assert_eq!((keys, prefixes), (vec!["main/b/1".into(), "main/b/2".into()], vec!["main/b/c/".into()]));
        let (keys, _) = walk(&s3, max_keys, &[("prefix", "main/b")]).await;
        assert_eq!(keys, ["main/b/1", "main/b/2", "main/b/c/3"]);
    }
}

#[tokio::test]
async fn a_listing_can_begin_anywhere() {
    let s3 = TestGateway::start().await;
    s3.put_all(KEYS).await;
    for (after, expected) in [
        ("main/b/1", &KEYS[2..]),
        ("main/b", &KEYS[1..]),
        ("main/zzz", &[]),
        ("aaa", KEYS),
        ("zzz", &[]),
        ("main/", KEYS),
    ] {
        let listed = s3.list(&[("prefix", "main/"), ("start-after", after)]).await.expect(200);
        assert_eq!(listed.all("Key"), expected, "{after}");
        let v1 = s3.request(Method::GET, "/trips").query(&[("prefix", "main/"), ("marker", after)]);
        assert_eq!(v1.send().await.expect(200).all("Key"), expected, "{after}");
    }
    let none = s3.list(&[("prefix", "main/"), ("max-keys", "0")]).await.expect(200);
    assert_eq!((none.all("Key").len(), none.one("IsTruncated").as_str()), (0, "false"));
    s3.list(&[("prefix", "main/"), ("max-keys", "-1")]).await.expect_error(400, "InvalidArgument");
    s3.list(&[("prefix", "main/"), ("continuation-token", "bogus")]).await.expect_error(400, "InvalidArgument");
}

#[tokio::test]
async fn version_one_pages_by_marker() {
    let s3 = TestGateway::start().await;
    s3.put_all(KEYS).await;
    let mut seen = Vec::new();
    let mut marker = String::new();
    loop {
        let pairs = [("prefix", "main/"), ("delimiter", "/"), ("max-keys", "2"), ("marker", marker.as_str())];
        let page = s3.request(Method::GET, "/trips").query(&pairs).send().await.expect(200);
        seen.extend(page.all("Key"));
        seen.extend(page.all("CommonPrefixes").iter().map(|p| p.replace("<Prefix>", "").replace("</Prefix>", "")));
        if page.one("IsTruncated") == "false" {
            break;
        }
        marker = page.one("NextMarker");
    }
    seen.sort();
    assert_eq!(seen, ["main/a", "main/b/", "main/c", "main/d/", "main/e/"]);
}

#[tokio::test]
async fn what_is_listed_says_what_head_says() {
    let s3 = TestGateway::start().await;
    let e_tag = s3.put("main/a", "bytes").send().await.expect(200).e_tag().to_owned();
    let listed = s3.list(&[("prefix", "main/"), ("fetch-owner", "true")]).await.expect(200);
    assert_eq!(listed.one("Size"), "5");
    assert_eq!(listed.one("ETag"), e_tag);
    assert_eq!(listed.one("StorageClass"), "STANDARD");
    assert_eq!(listed.one("DisplayName"), "admin");
    assert_eq!(listed.one("Name"), "trips");
    assert!(s3.list(&[("prefix", "main/")]).await.all("DisplayName").is_empty());
}

#[tokio::test]
async fn an_unknown_ref_lists_nothing() {
    let s3 = TestGateway::start().await;
    for prefix in ["nope/", "nope/a", "no ref/", "/", "main~99/"] {
        let listed = s3.list(&[("prefix", prefix)]).await.expect(200);
        assert_eq!((listed.one("KeyCount").as_str(), listed.one("IsTruncated").as_str()), ("0", "false"), "{prefix}");
    }
}

#[tokio::test]
async fn refs_are_folders_in_the_order_of_their_bytes() {
    let s3 = TestGateway::start().await;
    let mut all = BTreeSet::from(["main/".to_owned()]);
    for branch in ["a", "a-b", "a-b-c", "a0", "dev", "main-2"] {
        s3.create_branch(branch, "main").await;
        all.insert(format!("{branch}/"));
    }
    for tag in ["a.1", "v1.0", "main.x"] {
        s3.create_tag(tag, "main").await;
        all.insert(format!("{tag}/"));
    }
    let all: Vec<String> = all.into_iter().collect();
    for max_keys in [1, 2, 3, 1000] {
        let (keys, prefixes) = walk(&s3, max_keys, &[("delimiter", "/")]).await;
        assert_eq!((keys.len(), &prefixes), (0, &all), "{max_keys}");
    }
    let (_, prefixes) = walk(&s3, 1, &[("delimiter", "/"), ("prefix", "a-")]).await;
    assert_eq!(prefixes, ["a-b-c/", "a-b/"]);
    let other = s3.list(&[("delimiter", "-")]).await;
    other.expect_error(501, "NotImplemented");
}

#[tokio::test]
async fn without_ref_and_delimiter_all_refs_objects_are_listed() {
    let s3 = TestGateway::start().await;
    s3.create_branch("empty", "main").await;
    s3.put_all(&["main/x", "main/y"]).await;
    s3.commit("main").await;
    s3.create_branch("dev", "main").await;
    s3.create_tag("v1", "main").await;
    s3.put_all(&["dev/z"]).await;
    let all = ["dev/x", "dev/y", "dev/z", "main/x", "main/y", "v1/x", "v1/y"];
    for max_keys in [1, 2, 3, 1000] {
        assert_eq!(walk(&s3, max_keys, &[]).await.0, all, "{max_keys}");
        assert_eq!(walk(&s3, max_keys, &[("prefix", "d")]).await.0, all[..3], "{max_keys}");
        assert_eq!(walk(&s3, max_keys, &[("start-after", "dev/y")]).await.0, all[2..], "{max_keys}");
    }
}

#[tokio::test]
async fn keys_that_xml_cant_hold_are_encoded_on_request() {
    let s3 = TestGateway::start().await;
    s3.put_all(&["main/a b+c/ü"]).await;
    let listed = s3.list(&[("prefix", "main/a b"), ("delimiter", "/"), ("encoding-type", "url")]).await.expect(200);
    assert_eq!(listed.one("EncodingType"), "url");
    let folder = listed.one("CommonPrefixes");
    assert!(["main/a+b%2Bc/", "main/a%20b%2Bc/"].iter().any(|p| folder.contains(p)), "{folder}");
    let bad = s3.list(&[("encoding-type", "base64")]).await;
    bad.expect_error(400, "InvalidArgument");
}
