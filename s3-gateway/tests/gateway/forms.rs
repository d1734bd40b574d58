//! Uploads by HTML forms, as browsers send them and as boto3's `generate_presigned_post` signs them.

use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::Method;
use s3_gateway::GatewayOptions;

use crate::client::{Keys, Req, crc32, md5_e_tag};
use crate::harness::TestGateway;
use crate::presigned::hmac_sha1;

const BOUNDARY: &str = "----gateway";

/// The fields of a form, and what its policy says beside their values.
#[derive(Clone, Default)]
pub(crate) struct Form {
    fields: Vec<(String, String)>,
    /// Fields that the policy doesn't speak of by their values.
    uncovered: Vec<String>,
    conditions: Vec<serde_json::Value>,
    file_name: String,
    /// Whether it is signed with version 2, as boto3 does unless it is told otherwise.
    version_2: bool,
}

/// An upload of an object of `trips`.
pub(crate) fn post(s3: &TestGateway, key: &str, body: impl Into<Bytes>) -> Req {
    let form = Form { fields: vec![("key".into(), key.into())], file_name: "a.txt".into(), ..Form::default() };
    Req { form: Some(form), ..s3.request(Method::POST, "/trips").body(body) }
}

impl Req {
    /// Another field; the policy wants this value of it.
    fn field(mut self, name: &str, value: &str) -> Self {
        self.form.as_mut().unwrap().fields.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Another field, of which the policy doesn't say what value it has.
    fn uncovered(mut self, name: &str, value: &str) -> Self {
        self.form.as_mut().unwrap().uncovered.push(name.to_owned());
        self.field(name, value)
    }

    fn version_2(mut self) -> Self {
        self.form.as_mut().unwrap().version_2 = true;
        self
    }

    /// Something else that the policy says.
    fn says(mut self, condition: serde_json::Value) -> Self {
        self.form.as_mut().unwrap().conditions.push(condition);
        self
    }
}

impl Form {
    /// Headers and body of the form, signed.
    pub(crate) fn signed(&self, request: &Req) -> (Vec<(String, String)>, Bytes) {
        let time = DateTime::<Utc>::from(request.time);
        let day = time.format("%Y%m%d");
        let mut fields = match self.version_2 {
            true => Vec::new(),
            false => vec![
                ("x-amz-algorithm".to_owned(), "AWS4-HMAC-SHA256".to_owned()),
                ("X-Amz-Credential".to_owned(), format!("{}/{day}/us-east-1/s3/aws4_request", request.keys.id)),
                ("x-amz-date".to_owned(), time.format("%Y%m%dT%H%M%SZ").to_string()),
            ],
        };
        fields.extend(request.keys.token.iter().map(|token| ("x-amz-security-token".to_owned(), token.clone())));
        fields.extend(self.fields.iter().cloned());
        let covered = fields.iter().filter(|(name, _)| !self.uncovered.contains(name));
        let mut conditions: Vec<_> = covered.map(|(name, value)| serde_json::json!({ name.as_str(): value })).collect();
        conditions.push(serde_json::json!({"bucket": "trips"}));
        conditions.extend(self.conditions.iter().cloned());
        let expiration = (time + Duration::from_secs(900)).format("%Y-%m-%dT%H:%M:%S.000Z").to_string();
        let policy = serde_json::json!({"expiration": expiration, "conditions": conditions}).to_string();
        let policy = BASE64.encode(policy);
        if self.version_2 {
            let signature = hmac_sha1(&request.keys, &policy);
            let id = request.keys.id.clone();
            fields.extend([
                ("AWSAccessKeyId".to_owned(), id),
                ("policy".to_owned(), policy),
                ("signature".to_owned(), signature),
            ]);
            return self.encoded(request, &fields);
        }
        let key = aws_sigv4::sign::v4::generate_signing_key(&request.keys.secret, request.time, "us-east-1", "s3");
        let signature = aws_sigv4::sign::v4::calculate_signature(key, policy.as_bytes());
        fields.extend([("policy".to_owned(), policy), ("x-amz-signature".to_owned(), signature)]);
        self.encoded(request, &fields)
    }

    /// The same without what signs it.
    pub(crate) fn unsigned(&self, request: &Req) -> (Vec<(String, String)>, Bytes) {
        self.encoded(request, &self.fields)
    }

    fn encoded(&self, request: &Req, fields: &[(String, String)]) -> (Vec<(String, String)>, Bytes) {
        let mut form = Vec::new();
        for (name, value) in fields {
            let head = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
            form.extend(head.into_bytes());
        }
        let head = format!("Content-Disposition: form-data; name=\"file\"; filename=\"{}\"", self.file_name);
        form.extend(format!("--{BOUNDARY}\r\n{head}\r\n\r\n").into_bytes());
        form.extend(&request.body);
        form.extend(format!("\r\n--{BOUNDARY}--\r\n").into_bytes());
        let mut headers = vec![("host".to_owned(), request.addr.to_string())];
        headers.push(("content-type".to_owned(), format!("multipart/form-data; boundary={BOUNDARY}")));
        headers.extend(request.headers.iter().cloned());
        (headers, form.into())
    }
}

#[tokio::test]
async fn a_form_writes_an_object_as_a_put_does() {
    let s3 = TestGateway::start().await;
    let form = post(&s3, "main/a", "bytes")
        .field("Content-Type", "text/x-form")
        .field("Cache-Control", "no-cache")
        .field("x-amz-meta-colour", "blue")
        .field("x-amz-checksum-crc32", &crc32(b"bytes"));
    let posted = form.send().await.expect(204);
    assert_eq!((posted.e_tag(), posted.text()), (&*md5_e_tag(b"bytes"), ""));
    assert_eq!(posted.get("location"), format!("http://{}/trips/main/a", s3.addr));
    let got = s3.get("main/a").header("x-amz-checksum-mode", "ENABLED").send().await.expect(200);
    assert_eq!((got.text(), got.get("content-type"), got.get("cache-control")), ("bytes", "text/x-form", "no-cache"));
    assert_eq!((got.get("x-amz-meta-colour"), got.get("x-amz-checksum-crc32")), ("blue", &*crc32(b"bytes")));
}

#[tokio::test]
async fn the_outcome_is_told_as_the_form_wants() {
    let s3 = TestGateway::start().await;
    let ok = post(&s3, "main/a", "bytes").field("success_action_status", "200").send().await.expect(200);
    assert_eq!(ok.text(), "");
    let made = post(&s3, "main/a b", "bytes").field("success_action_status", "201").send().await.expect(201);
    assert!(made.text().contains("<PostResponse><Location>"), "{made:?}");
    assert_eq!(
        (made.one("Bucket"), made.one("Key"), made.one("ETag")),
        ("trips".into(), "main/a b".into(), md5_e_tag(b"bytes"))
    );
    assert_eq!(made.one("Location"), format!("http://{}/trips/main/a%20b", s3.addr));
    let on = post(&s3, "main/a&b", "bytes").field("success_action_redirect", "https://x.example/done?n=1").send().await;
    let e_tag = md5_e_tag(b"bytes").replace('"', "%22");
    let to = format!("https://x.example/done?n=1&bucket=trips&key=main%2Fa%26b&etag={e_tag}");
    assert_eq!(on.expect(303).get("location"), to);
}

#[tokio::test]
async fn a_key_takes_the_file_s_name() {
    let s3 = TestGateway::start().await;
    let mut form =
        post(&s3, "main/up/${filename}", "bytes").says(serde_json::json!(["starts-with", "$key", "main/up/"]));
    let inner = form.form.as_mut().unwrap();
    inner.file_name = "C:\\photos\\a.png".into();
    inner.uncovered.push("key".into());
    form.send().await.expect(204);
    assert_eq!(s3.keys_on("main").await, ["main/up/a.png"]);
}

#[tokio::test]
async fn lengths_are_judged_as_the_bytes_come() {
    let s3 = TestGateway::start().await;
    let of = |bytes: usize| {
        let form = post(&s3, "main/a", vec![7; bytes]);
        form.says(serde_json::json!(["content-length-range", 10, 100_000])).send()
    };
    of(9).await.expect_error(400, "EntityTooSmall");
    let large = of(100_001).await.expect_error(400, "EntityTooLarge");
    assert_eq!(large.one("MaxSizeAllowed"), "100000");
    assert!(s3.keys_on("main").await.is_empty());
    of(10).await.expect(204);
    of(100_000).await.expect(204);
}

#[tokio::test]
async fn what_the_policy_doesnt_allow_or_nobody_knows_is_refused() {
    let s3 = TestGateway::start().await;
    let form = || post(&s3, "main/a", "bytes");
    let denied = form().uncovered("x-amz-meta-a", "1").send().await.expect_error(403, "AccessDenied");
    assert_eq!(denied.one("Message"), "Invalid according to Policy: Extra input fields: x-amz-meta-a");
    let other = form().says(serde_json::json!(["eq", "$key", "main/b"])).send().await.expect_error(403, "AccessDenied");
    assert_eq!(other.one("Message"), r#"Invalid according to Policy: Policy Condition failed: ["eq","$key","main/b"]"#);
    form().field("x-amz-copy-source", "/trips/main/b").send().await.expect_error(501, "NotImplemented");
    form().field("acl", "public-read").send().await.expect_error(501, "NotImplemented");
    form().field("x-amz-checksum-crc32", &crc32(b"others")).send().await.expect_error(400, "BadDigest");
    form().field("AWSAccessKeyId", "x").send().await.expect_error(400, "InvalidRequest");
    let unheld = post(&s3, "main/a\u{1}", "bytes").field("success_action_status", "201").send().await;
    unheld.expect_error(400, "InvalidRequest");
    form().says(serde_json::json!({"a": "1", "b": "2"})).send().await.expect_error(400, "InvalidPolicyDocument");
    let elsewhere = Req { target: "/trips/main/a".into(), ..form() };
    elsewhere.send().await.expect_error(405, "MethodNotAllowed");
    post(&s3, "main/", "bytes").send().await.expect_error(400, "InvalidArgument");
    post(&s3, "nope/a", "bytes").send().await.expect_error(404, "NoSuchBucket");
    assert!(s3.keys_on("main").await.is_empty());
}

#[tokio::test]
async fn a_form_has_tags_as_a_put_of_tags_has_them() {
    let s3 = TestGateway::start().await;
    let tagged = async |tags: String| post(&s3, "main/a", "bytes").field("tagging", &tags).send().await;
    let tag = |key: &str, value: &str| format!("<Tag><Key>{key}</Key><Value>{value}</Value></Tag>");
    let set = |tags: &str| format!("<Tagging><TagSet>{tags}</TagSet></Tagging>");
    let two = set(&[tag("team", "data lake"), tag("größe", "1+1=2")].concat());
    tagged(two).await.expect(204);
    let told = s3.get("main/a").query(&[("tagging", "")]).send().await.expect(200);
    assert_eq!(
        (told.all("Key"), told.all("Value")),
        (vec!["größe".into(), "team".into()], vec!["1+1=2".into(), "data lake".into()])
    );
    tagged(set("")).await.expect(204);
    assert_eq!(s3.head("main/a").send().await.expect(200).get("x-amz-tagging-count"), "");
    let many: String = (0..11).map(|n| tag(&n.to_string(), "")).collect();
    for malformed in ["<Tagging/>", "team=lake"] {
        tagged(malformed.to_owned()).await.expect_error(400, "MalformedXML");
    }
    for (tags, code) in [
        (set(&many), "BadRequest"),
        (set(&tag("aws:x", "1")), "InvalidTag"),
        (set(&tag(&"k".repeat(129), "1")), "InvalidTag"),
        (set(&[tag("team", "1"), tag("team", "2")].concat()), "InvalidTag"),
    ] {
        let refused = tagged(tags).await.expect_error(400, code);
        assert!(refused.one("Message").starts_with("The field tagging of the form: "), "{refused:?}");
    }
    let doubled = post(&s3, "main/a", "bytes").field("tagging", &set("")).field("Tagging", &set("")).send().await;
    let refused = doubled.expect_error(400, "InvalidArgument");
    assert!(refused.one("Message").contains("field tagging more than once"), "{refused:?}");
    let by_header = post(&s3, "main/a", "bytes").field("x-amz-tagging", "a=b").send().await;
    by_header.expect_error(501, "NotImplemented");
    let unsaid = post(&s3, "main/a", "bytes").uncovered("tagging", &set(&tag("a", "b"))).send().await;
    unsaid.expect_error(403, "AccessDenied");
}

#[tokio::test]
async fn a_form_of_version_2_needs_leave_and_is_judged_as_others_are() {
    let strict = TestGateway::start().await;
    let refused = post(&strict, "main/a", "bytes").version_2().send().await.expect_error(400, "InvalidRequest");
    assert!(refused.one("Message").contains("signature_version=\"s3v4\""), "{refused:?}");

    let s3 = TestGateway::start_with(GatewayOptions { signature_v2: true, ..GatewayOptions::default() }).await;
    let form = |key: &str| post(&s3, key, "bytes").version_2();
    form("main/a").field("x-amz-meta-colour", "blue").send().await.expect(204);
    let got = s3.get("main/a").send().await.expect(200);
    assert_eq!((got.text(), got.get("x-amz-meta-colour")), ("bytes", "blue"));
    form("main/b").uncovered("x-amz-meta-a", "1").send().await.expect_error(403, "AccessDenied");
    form("main/b").says(serde_json::json!(["eq", "$key", "main/c"])).send().await.expect_error(403, "AccessDenied");
    let late = Req { time: SystemTime::now() - Duration::from_secs(1000), ..form("main/b") };
    late.send().await.expect_error(403, "AccessDenied");
    for (wrong, code) in [
        (Keys { secret: "wrong".into(), ..s3.keys.clone() }, "SignatureDoesNotMatch"),
        (Keys { id: "nobody".into(), ..s3.keys.clone() }, "InvalidAccessKeyId"),
    ] {
        Req { keys: wrong, ..form("main/b") }.send().await.expect_error(403, code);
    }
    form("main/b").field("x-amz-algorithm", "AWS4-HMAC-SHA256").send().await.expect_error(400, "InvalidRequest");
    let (headers, body) = form("main/b").signed();
    let text = String::from_utf8(body.to_vec()).unwrap();
    let policy = text.split("name=\"policy\"\r\n\r\n").nth(1).unwrap().split("\r\n").next().unwrap();
    let other = String::from_utf8(BASE64.decode(policy).unwrap()).unwrap().replace("main/b", "main/c");
    let changed = text.replace(policy, &BASE64.encode(other)).replace("main/b", "main/c");
    let answer = crate::client::send(s3.addr, Method::POST, "/trips", &headers, changed.into(), None).await;
    answer.expect_error(403, "SignatureDoesNotMatch");
    assert_eq!(s3.keys_on("main").await, ["main/a"]);
}

#[tokio::test]
async fn a_policy_that_was_changed_is_nobody_s() {
    let s3 = TestGateway::start().await;
    let form = post(&s3, "main/a", "bytes");
    let (headers, body) = form.signed();
    let text = String::from_utf8(body.to_vec()).unwrap();
    let policy = text.split("name=\"policy\"\r\n\r\n").nth(1).unwrap().split("\r\n").next().unwrap();
    let other = String::from_utf8(BASE64.decode(policy).unwrap()).unwrap().replace("main/a", "main/b");
    let text = text.replace(policy, &BASE64.encode(other)).replace("main/a", "main/b");
    let answer = crate::client::send(s3.addr, Method::POST, "/trips", &headers, text.into(), None).await;
    answer.expect_error(403, "SignatureDoesNotMatch");
}

#[tokio::test]
async fn a_large_file_streams_through() {
    let s3 = TestGateway::start().await;
    let bytes: Bytes = (0..20_000_000_u32).flat_map(|i| [i as u8]).collect::<Vec<_>>().into();
    let posted = Req { no_length: true, ..post(&s3, "main/large", bytes.clone()) };
    assert_eq!(posted.send().await.expect(204).e_tag(), md5_e_tag(&bytes));
}
