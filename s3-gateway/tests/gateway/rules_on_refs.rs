//! What a rule on a ref keeps from whom over S3: listings that name no ref, or half of one's name, and commits' ids.

use http::Method;

use crate::client::{Keys, Res};
use crate::harness::TestGateway;

const ALL: &str = r#"{"effect": "allow", "action": ["fs:*"], "resource": "*"}"#;

fn all_but(operator: &str, reference: &str) -> String {
    let condition = format!(r#""condition": {{"{operator}": {{"Ref": ["{reference}"]}}}}"#);
    format!(r#"{ALL}, {{"effect": "deny", "action": ["fs:*"], "resource": "*", {condition}}}"#)
}

fn only(reference: &str) -> String {
    let condition = format!(r#""condition": {{"StringLike": {{"Ref": ["{reference}"]}}}}"#);
    format!(r#"{{"effect": "allow", "action": ["fs:*"], "resource": "*", {condition}}}"#)
}

/// `main` and `secret`, each with an object and an upload under way, and a tag of each.
async fn with_secret() -> TestGateway {
    let gateway = TestGateway::start().await;
    gateway.put_all(&["main/a", "main/b"]).await;
    gateway.commit("main").await;
    gateway.create_branch("secret", "main").await;
    gateway.put_all(&["secret/hidden"]).await;
    gateway.commit("secret").await;
    gateway.create_tag("secret-tag", "secret").await;
    gateway.create_tag("v1", "main").await;
    for key in ["main/u", "secret/u"] {
        gateway.request(Method::POST, &format!("/trips/{key}?uploads")).send().await.expect(200);
    }
    gateway
}

/// All pages of a listing, or of the uploads: keys and common prefixes.
async fn walk(gateway: &TestGateway, keys: &Keys, target: &str, pairs: &[(&str, &str)]) -> Vec<String> {
    let (mut found, mut marker) = (Vec::new(), (String::new(), String::new()));
    let is_uploads = target.ends_with("?uploads");
    for _ in 0..1000 {
        let (by_key, by_id, max) = match is_uploads {
            true => ("key-marker", "upload-id-marker", "max-uploads"),
            false => ("marker", "", "max-keys"),
        };
        let mut pairs = [pairs, &[(max, "1"), (by_key, &marker.0)]].concat();
        if is_uploads {
            pairs.push((by_id, &marker.1));
        }
        let page: Res = gateway.by(keys).request(Method::GET, target).query(&pairs).send().await.expect(200);
        found.extend(page.all("Key"));
        found.extend(page.all("CommonPrefixes").iter().map(|p| p.replace("<Prefix>", "").replace("</Prefix>", "")));
        if page.one("IsTruncated") == "false" {
            return found;
        }
        marker = match is_uploads {
            true => (page.one("NextKeyMarker"), page.one("NextUploadIdMarker")),
            false => (page.one("NextMarker"), String::new()),
        };
    }
    panic!("the listing doesn't end");
}

#[tokio::test]
async fn a_listing_without_a_ref_shows_those_that_a_rule_lets_through() {
    let gateway = with_secret().await;
    let sees_v1 = ["main/", "v1/"].as_slice();
    for (n, (statements, refs)) in [
        (all_but("StringLike", "secret*"), sees_v1),
        (all_but("StringNotLike", "main"), &["main/"][..]),
        (only("main"), &["main/"][..]),
        (only("v1"), &["v1/"][..]),
        (only("nothing"), &[][..]),
    ]
    .into_iter()
    .enumerate()
    {
        let keys = gateway.user_with(&format!("ann{n}"), &statements).await;
        let sees = |reference: &str| refs.contains(&reference);
        assert_eq!(walk(&gateway, &keys, "/trips", &[("delimiter", "/")]).await, refs, "{statements}");
        let expected: Vec<_> = ["main/a", "main/b", "v1/a", "v1/b"]
            .into_iter()
            .filter(|key| sees(&key[..key.find('/').unwrap() + 1]))
            .collect();
        assert_eq!(walk(&gateway, &keys, "/trips", &[]).await, expected, "{statements}");
        for half in ["s", "sec", "secret", "secret-"] {
            for pairs in [&[("prefix", half)][..], &[("prefix", half), ("delimiter", "/")]] {
                assert_eq!(walk(&gateway, &keys, "/trips", pairs).await, [""; 0], "{statements} {half}");
            }
            let uploads = walk(&gateway, &keys, "/trips?uploads", &[("prefix", half)]).await;
            assert_eq!(uploads, [""; 0], "{statements} {half}");
        }
        let uploads = walk(&gateway, &keys, "/trips?uploads", &[]).await;
        assert_eq!(uploads, if sees("main/") { vec!["main/u"] } else { vec![] }, "{statements}");
    }
    let all = walk(&gateway, &gateway.keys, "/trips", &[("delimiter", "/")]).await;
    assert_eq!(all, ["main/", "secret-tag/", "secret/", "v1/"]);
    assert_eq!(walk(&gateway, &gateway.keys, "/trips?uploads", &[]).await, ["main/u", "secret/u"]);
}

#[tokio::test]
async fn a_marker_leads_into_no_ref_that_is_hidden() {
    let gateway = with_secret().await;
    let ann = gateway.by(&gateway.user_with("ann", &all_but("StringLike", "secret*")).await);
    let id = gateway.create_tag("secret-too", "secret").await.to_string();
    for marker in ["secret/", "secret/a", &format!("{id}/"), "secret~0/"] {
        let page = ann.request(Method::GET, "/trips").query(&[("marker", marker)]).send().await.expect(200);
        assert!(page.all("Key").iter().all(|key| key.starts_with("main/") || key.starts_with("v1/")), "{marker}");
        let uploads = ann.request(Method::GET, "/trips?uploads").query(&[("key-marker", marker)]).send().await;
        assert!(!uploads.expect(200).all("Key").contains(&"secret/u".to_owned()), "{marker}");
    }
}

#[tokio::test]
async fn an_id_or_an_expression_is_no_way_around_a_rule() {
    let gateway = with_secret().await;
    let id = gateway.create_tag("secret-too", "secret").await.to_string();
    for (name, statements) in [("ann", all_but("StringLike", "secret*")), ("bob", only("main"))] {
        let who = gateway.by(&gateway.user_with(name, &statements).await);
        for reference in ["secret", "secret~0", "secret@", &id, &id[..8]] {
            who.on(Method::GET, &format!("{reference}/hidden")).send().await.expect_error(403, "AccessDenied");
            who.on(Method::HEAD, &format!("{reference}/")).send().await.expect(403);
            let prefix = format!("{reference}/");
            let listed = who.request(Method::GET, "/trips").query(&[("prefix", &prefix)]).send().await;
            listed.expect_error(403, "AccessDenied");
            let copy =
                who.on(Method::PUT, "main/copy").header("x-amz-copy-source", format!("trips/{reference}/hidden"));
            copy.send().await.expect_error(403, "AccessDenied");
        }
        who.on(Method::PUT, "secret/").send().await.expect(403);
        who.on(Method::PUT, "secret/new").body("x").send().await.expect_error(403, "AccessDenied");
        who.on(Method::GET, "main~0/a").send().await.expect(200);
    }
    // A branch that is written to is no commit's id, whatever it is called.
    gateway.create_branch("20261121", "main").await;
    let dated = gateway.by(&gateway.user_with("carl", &only("2026*")).await);
    dated.on(Method::PUT, "20261121/new").body("x").send().await.expect(200);
}

#[tokio::test]
async fn a_wider_listing_hides_what_a_narrower_one_is_refused() {
    let gateway = TestGateway::start().await;
    gateway.put_all(&["main/open/a", "main/secret/a", "main/z"]).await;
    let hidden = r#"{"effect": "deny", "action": ["fs:ListObjects"], "resource": "*",
        "condition": {"StringLike": {"Prefix": ["secret/*"]}}}"#;
    let keys = gateway.user_with("ann", &[ALL, hidden].join(", ")).await;
    for prefix in ["main/", ""] {
        assert_eq!(walk(&gateway, &keys, "/trips", &[("prefix", prefix)]).await, ["main/open/a", "main/z"]);
    }
    let folders = [("prefix", "main/"), ("delimiter", "/")];
    let mut seen = walk(&gateway, &keys, "/trips", &folders).await;
    seen.sort();
    assert_eq!(seen, ["main/open/", "main/z"]);
    let narrower = gateway.by(&keys).request(Method::GET, "/trips").query(&[("prefix", "main/secret/")]);
    narrower.send().await.expect_error(403, "AccessDenied");
}
