//! Every operation of Amazon S3 and everything that a request of it may have, asked of the gateway: what it doesn't know it
//! answers with 501, and touches nothing. Holds `docs/s3.md` to it. After a change:
//! `UPDATE_GOLDEN=1 cargo test --workspace --test gateway model`
//!
//! `model.txt` has S3's operations as AWS publishes them for its SDKs; its first line says how it was made.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use http::Method;

use crate::client::{Req, Res};
use crate::harness::TestGateway;

const HEAD: &str = "# The S3 API

This page is made by a test, which asks the gateway every operation of S3, with everything that a request of it may have, as AWS
describes them to its SDKs (botocore 1.44.5).

An operation is what its method, its path and its whole query say. A parameter, an `x-amz-*` header, a condition or an XML
element that isn't known is answered with 501 `NotImplemented` and changes nothing, and so are those that come after
*without*. Some are passed over:

- `x-id`, the name that SDKs give to an operation, if it is that one's. A listing's parameters of the other version, as in S3,
  and MinIO's `metadata`: no listing holds what it asks for.
- `x-amz-request-payer`, `x-amz-bypass-governance-retention`, `x-amz-optional-object-attributes`, `x-amz-te` and
  `x-amz-user-agent`: nobody is charged, nothing is locked or archived, no answer has a trailer, and who wrote the client
  changes nothing.
- `x-amz-meta-*`, `x-amz-storage-class` and `x-amz-website-redirect-location` where no object is written; `x-amz-checksum-*` where
  nothing is sent. Where an object is written, they are kept with it.
- Conditions on requests that only read, and empty ones.

Nothing can be set for a bucket: what is asked of its settings is answered as of an S3 bucket without them, and to change them is
501. Objects belong to the caller, who has all rights in their ACLs; who really may is told by policies
([security](security.md)). An owner's id in `x-amz-expected-bucket-owner` or `x-amz-source-expected-bucket-owner` that isn't the
caller's is 403 `AccessDenied`.

`x-amz-server-side-encryption: AES256` is taken, and told of objects, where the object store encrypts: Amazon S3, Google Cloud
Storage, Azure, and one that speaks like them if its writes ask for it (`aws_server_side_encryption`). Elsewhere it is 501. Keys of
a key service or of the client are 501 everywhere.

GetObjectAttributes knows the sizes of an object's parts, and not their checksums.

Tags are part of an object: they are committed, merged, copied and read at any ref as its metadata is. To read them takes
`fs:ReadObject`, to change them `fs:WriteObject`.

`If-None-Match` of a write is `*`, as in S3. Checksums are S3's: CRC32, CRC32C, CRC64NVME, SHA1, SHA256, SHA512, MD5, XXHASH64, XXHASH3
and XXHASH128; headers with others are 400 `InvalidRequest`. Only the CRCs are of whole objects that came in parts.

HTML forms upload too (`POST /bucket`, as boto3's `generate_presigned_post` signs them): the policy is judged as S3 judges it,
fields that aren't known are refused by their names, and the signer needs the rights of a PUT. The field `tagging` has the
object's tags, as the XML of PutObjectTagging.

AWS Signature Version 2 is taken in pre-signed URLs that read or write one object or part. In headers and in forms it is taken if
the server was started with `--s3-signature-v2`; in headers for the operations whose parameters it signs: not for listings. boto3
signs forms so unless it is told otherwise: `Config(signature_version=\"s3v4\")`.

A multipart upload, or a form that asks for an answer in XML, of a key with a control character that XML can't hold is 400
`InvalidRequest`, and so is a listing that has such a key, without `encoding-type=url`.

Some may be there if they ask for what is so anyway:

| header | values |
|---|---|
| `x-amz-acl` | `private`, `bucket-owner-read`, `bucket-owner-full-control` |
| `x-amz-api-version` | `2006-03-01` |
| `x-amz-bucket-namespace` | `global` |
| `x-amz-bucket-object-lock-enabled` | `false` |
| `x-amz-object-annotation-directive` | `COPY`, `EXCLUDE` |
| `x-amz-object-ownership` | `BucketOwnerEnforced` |
| `x-amz-server-side-encryption` | `AES256` |

";

/// An operation of S3.
struct Modelled {
    name: &'static str,
    method: Method,
    target: &'static str,
    required: Vec<Part>,
    optional: Vec<Part>,
}

/// What a request may have.
#[derive(Clone, Copy)]
enum Part {
    Parameter(&'static str),
    Header(&'static str),
    Element(&'static str),
}

impl Part {
    fn name(self) -> &'static str {
        let (Self::Parameter(name) | Self::Header(name) | Self::Element(name)) = self;
        name
    }
}

fn modelled(line: &'static str) -> Modelled {
    let mut words = line.split(' ');
    let [name, method, target] = std::array::from_fn(|_| words.next().unwrap());
    let (mut required, mut optional) = (vec![], vec![]);
    for word in words {
        let (kind, names) = word.split_once(':').unwrap();
        // The length is the client's own business.
        for name in names.split(',').filter(|name| *name != "content-length") {
            let part = match kind {
                "query" => Part::Parameter,
                "header" => Part::Header,
                _ => Part::Element,
            };
            match name.strip_suffix('!') {
                Some(name) => required.push(part(name)),
                None => optional.push(part(name)),
            }
        }
    }
    Modelled { name, method: method.parse().unwrap(), target, required, optional }
}

/// A value that can be meant; of what is harmless with some values, one that isn't.
fn sample(name: &str) -> &'static str {
    match name {
        "delimiter" => "/",
        "encoding-type" => "url",
        "if-none-match" => "*",
        "versionId" | "Object/VersionId" => "null",
        "x-amz-copy-source" => "/trips/main/source",
        "x-amz-object-attributes" => "ETag",
        "x-amz-copy-source-range" => "bytes=0-0",
        "x-amz-metadata-directive" | "x-amz-object-annotation-directive" | "x-amz-tagging-directive" => "COPY",
        _ => "1",
    }
}

/// The XML body of an operation, with one more element.
fn body(operation: &Modelled, key: &str, more: Option<&str>) -> String {
    let element = more.map(|path| {
        let names = path.split('/').filter(|name| !["Object", "Part"].contains(name));
        names.rev().fold(sample(path).to_owned(), |inner, name| format!("<{name}>{inner}</{name}>"))
    });
    let element = element.unwrap_or_default();
    let (inside, beside) = match more {
        Some(path) if path.starts_with("Object/") || path.starts_with("Part/") => (element, String::new()),
        _ => (String::new(), element),
    };
    match operation.name {
        "DeleteObjects" => format!("<Delete><Object><Key>{key}</Key>{inside}</Object>{beside}</Delete>"),
        "CompleteMultipartUpload" => format!(
            "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>x</ETag>{inside}</Part>{beside}\
             </CompleteMultipartUpload>"
        ),
        "PutObjectTagging" => format!("<Tagging><TagSet/>{beside}</Tagging>"),
        "CreateBucket" => format!("<CreateBucketConfiguration>{beside}</CreateBucketConfiguration>"),
        _ => "overwritten".to_owned(),
    }
}

fn with(request: Req, part: Part) -> Req {
    let name = part.name();
    match part {
        Part::Parameter(_) => request.query(&[(name, sample(name))]),
        Part::Header(_) => request.header(&name.replace('*', "a"), sample(name)),
        Part::Element(_) => request,
    }
}

fn is_refused(answer: &Res) -> bool {
    answer.status == 501 || answer.all("Code").iter().any(|code| code == "NotImplemented")
}

/// Asks an operation about an object of its own, and says whether it was refused: then nothing changed.
async fn refuses(s3: &TestGateway, operation: &Modelled, more: &[Part]) -> bool {
    static ASKED: AtomicU32 = AtomicU32::new(0);
    let key = format!("main/{}", ASKED.fetch_add(1, Ordering::Relaxed));
    s3.put(&key, key.clone()).send().await.expect(200);
    let target = operation.target.replace("{Bucket}", "trips").replace("{Key+}", &key);
    let element = more.iter().find_map(|part| if let Part::Element(path) = part { Some(*path) } else { None });
    let request = s3.request(operation.method.clone(), &target).body(body(operation, &key, element));
    let request = operation.required.iter().chain(more).fold(request, |request, part| with(request, *part));
    let refused = is_refused(&request.send().await);
    if refused {
        let there = s3.get(&key).send().await.expect(200);
        assert_eq!(there.text(), key, "{} changed what it refused", operation.name);
    }
    refused
}

/// What is there of an operation; nothing where it isn't there.
async fn row(s3: &TestGateway, operation: &Modelled) -> Option<String> {
    let ours = [include_str!("../../src/protocol/operation.rs"), include_str!("../../src/protocol/bucket_settings.rs")];
    let is_ours = ours.iter().any(|text| text.contains(&format!("\"{}\"", operation.name)));
    if refuses(s3, operation, &[]).await {
        assert!(!is_ours, "{} is refused", operation.name);
        return None;
    }
    let mut row = format!("| {} | `{} {}` |", operation.name, operation.method, operation.target);
    if !is_ours {
        // The same request by an older name; and one that its clients send to another host.
        let taken_for = match operation.name {
            "GetBucketLifecycle" => "GetBucketLifecycleConfiguration",
            "GetBucketNotification" => "GetBucketNotificationConfiguration",
            "ListDirectoryBuckets" => "ListBuckets",
            name => panic!("{name} isn't ours, and isn't refused"),
        };
        write!(row, " as {taken_for} |").unwrap();
        return Some(row);
    }
    let mut without = Vec::new();
    for part in &operation.optional {
        if refuses(s3, operation, &[*part]).await {
            without.push(format!("`{}`", part.name()));
        }
    }
    match without.is_empty() {
        true => row += " done |",
        false => write!(row, " done, without {} |", without.join(", ")).unwrap(),
    }
    Some(row)
}

#[tokio::test]
async fn what_s3_has_is_there_or_refused_and_touches_nothing() {
    let s3 = TestGateway::start().await;
    s3.put_all(&["main/source"]).await;
    let (mut page, mut absent) = (HEAD.to_owned(), Vec::new());
    page += "## Operations\n\n| operation | request | state |\n|---|---|---|\n";
    for line in include_str!("model.txt").lines().filter(|line| !line.starts_with('#')) {
        let operation = modelled(line);
        match row(&s3, &operation).await {
            Some(row) => page = page + &row + "\n",
            None => absent.push(operation.name),
        }
    }
    writeln!(page, "\n## Not there\n\nAnswered with 501: {}.", absent.join(", ")).unwrap();
    assert_eq!(s3.repositories().await, ["trips"]);

    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/s3.md");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &page).unwrap();
    }
    assert_eq!(page, fs::read_to_string(&path).unwrap_or_default(), "make docs/s3.md anew with UPDATE_GOLDEN=1");
}
