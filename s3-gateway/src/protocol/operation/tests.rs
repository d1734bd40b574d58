//! Tests of `operation`.

use http::HeaderMap;

use super::*;

fn parse_with(method: &str, path: &str, headers: &[(&'static str, &'static str)]) -> Result<Operation, S3Error> {
    let (parts, ()) = http::Request::builder().method(method).uri(path).body(()).unwrap().into_parts();
    let address = Address::of(&parts, &[]).unwrap();
    let query = Query::parse(parts.uri.query().unwrap_or_default()).unwrap();
    let headers: HeaderMap = headers.iter().map(|(n, v)| (n.parse().unwrap(), v.parse().unwrap())).collect();
    Operation::parse(&parts.method, &address, &query, &headers)
}

fn parse(method: &str, path: &str) -> Result<Operation, S3Error> {
    parse_with(method, path, &[])
}

#[test]
fn each_request_is_one_operation() {
    for (method, path, name) in [
        ("GET", "/", "ListBuckets"),
        ("GET", "/?x-id=ListBuckets", "ListBuckets"),
        ("PUT", "/b", "CreateBucket"),
        ("PUT", "/b/", "CreateBucket"),
        ("HEAD", "/b", "HeadBucket"),
        ("DELETE", "/b", "DeleteBucket"),
        ("GET", "/b?location", "GetBucketLocation"),
        ("GET", "/b", "ListObjects"),
        ("GET", "/b?prefix=x&marker=y", "ListObjects"),
        ("GET", "/b?list-type=2&prefix=", "ListObjectsV2"),
        ("GET", "/b?uploads", "ListMultipartUploads"),
        ("POST", "/b?delete", "DeleteObjects"),
        ("POST", "/b/?delete=&x-id=DeleteObjects", "DeleteObjects"),
        ("GET", "/b/k?x-id=GetObject", "GetObject"),
        ("GET", "/b/k?versionId=null", "GetObject"),
        ("GET", "/b/k?unheard-of=1", "GetObject"),
        ("HEAD", "/b/k", "HeadObject"),
        ("PUT", "/b/k", "PutObject"),
        ("DELETE", "/b/k", "DeleteObject"),
        ("POST", "/b/k?uploads", "CreateMultipartUpload"),
        ("PUT", "/b/k?partNumber=1&uploadId=u", "UploadPart"),
        ("POST", "/b/k?uploadId=u", "CompleteMultipartUpload"),
        ("DELETE", "/b/k?uploadId=u", "AbortMultipartUpload"),
        ("GET", "/b/k?uploadId=u", "ListParts"),
    ] {
        assert_eq!(parse(method, path).unwrap().name(), name, "{method} {path}");
    }
    let copy = [("x-amz-copy-source", "a/b")];
    assert_eq!(parse_with("PUT", "/b/k", &copy).unwrap().name(), "CopyObject");
    assert_eq!(parse_with("PUT", "/b/k?partNumber=1&uploadId=u", &copy).unwrap().name(), "UploadPartCopy");
}

#[test]
fn what_lakebed_lacks_is_refused_by_its_name() {
    for name in [
        "acl",
        "policy",
        "versioning",
        "versions",
        "tagging",
        "cors",
        "lifecycle",
        "website",
        "encryption",
        "object-lock",
        "retention",
        "legal-hold",
        "torrent",
        "restore",
        "select",
        "attributes",
        "logging",
        "notification",
        "replication",
        "requestPayment",
        "accelerate",
        "analytics",
        "inventory",
        "metrics",
        "ownershipControls",
        "publicAccessBlock",
        "intelligent-tiering",
        "policyStatus",
        "renameObject",
    ] {
        for method in ["GET", "HEAD", "PUT", "POST", "DELETE"] {
            for path in ["/b", "/b/k", "/"] {
                let error = parse(method, &format!("{path}?{name}")).unwrap_err();
                assert_eq!(error.code(), ErrorCode::NotImplemented, "{method} {path}?{name}");
                assert!(error.message().contains(name), "{error}");
            }
        }
    }
    for (method, path, name) in [
        ("GET", "/b/k?uploads", "uploads"),
        ("PUT", "/b/k?uploads", "uploads"),
        ("POST", "/b?uploads", "uploads"),
        ("GET", "/b?delete", "delete"),
        ("POST", "/b/k?delete", "delete"),
        ("PUT", "/b?location", "location"),
        ("HEAD", "/b/k?uploadId=u", "uploadId"),
        ("GET", "/b/k?versionId=3", "versionId"),
        ("POST", "/b", "form"),
    ] {
        let error = parse(method, path).unwrap_err();
        assert_eq!(error.code(), ErrorCode::NotImplemented, "{method} {path}");
        assert!(error.message().contains(name), "{error}");
    }
}

#[test]
fn headers_that_lakebed_lacks_are_refused_unless_harmless() {
    for (name, value) in [
        ("x-amz-server-side-encryption-customer-algorithm", "AES256"),
        ("x-amz-server-side-encryption", "aws:kms"),
        ("x-amz-object-lock-mode", "GOVERNANCE"),
        ("x-amz-write-offset-bytes", "7"),
        ("x-amz-acl", "public-read"),
        ("x-amz-grant-read", "id=1"),
        ("x-amz-tagging", "a=b"),
        ("x-amz-expected-bucket-owner", "1"),
        ("x-amz-bucket-object-lock-enabled", "true"),
    ] {
        let error = parse_with("PUT", "/b/k", &[(name, value)]).unwrap_err();
        assert_eq!(error.code(), ErrorCode::NotImplemented, "{name}");
        assert!(error.message().contains(name), "{error}");
    }
    for (name, value) in [
        ("x-amz-acl", "private"),
        ("x-amz-tagging", ""),
        ("x-amz-storage-class", "STANDARD"),
        ("x-amz-bucket-object-lock-enabled", "false"),
    ] {
        assert!(parse_with("PUT", "/b/k", &[(name, value)]).is_ok(), "{name}");
    }
}

#[test]
fn wrong_verbs_and_numbers_are_refused() {
    for (method, path, code) in [
        ("POST", "/", ErrorCode::MethodNotAllowed),
        ("DELETE", "/", ErrorCode::MethodNotAllowed),
        ("PATCH", "/b/k", ErrorCode::MethodNotAllowed),
        ("OPTIONS", "/b", ErrorCode::MethodNotAllowed),
        ("POST", "/b/k", ErrorCode::MethodNotAllowed),
        ("GET", "/b?max-keys=-1", ErrorCode::InvalidArgument),
        ("GET", "/b?max-keys=x", ErrorCode::InvalidArgument),
        ("GET", "/b?encoding-type=xml", ErrorCode::InvalidArgument),
        ("GET", "/b?list-type=3", ErrorCode::InvalidArgument),
        ("GET", "/b?list-type=2&continuation-token=", ErrorCode::InvalidArgument),
        ("GET", "/b/k?versionId=", ErrorCode::InvalidArgument),
        ("GET", "/b/k?partNumber=0", ErrorCode::InvalidArgument),
        ("PUT", "/b/k?partNumber=1", ErrorCode::InvalidArgument),
        ("PUT", "/b/k?uploadId=u", ErrorCode::InvalidArgument),
        ("PUT", "/b/k?uploadId=u&partNumber=10001", ErrorCode::InvalidArgument),
        ("PUT", "/b/k?uploadId=&partNumber=1", ErrorCode::NoSuchUpload),
        ("GET", "/?max-buckets=0", ErrorCode::InvalidArgument),
    ] {
        assert_eq!(parse(method, path).unwrap_err().code(), code, "{method} {path}");
    }
}

#[test]
fn listings_are_typed() {
    let Operation::ListObjectsV2 { bucket, list } = parse(
        "GET",
        "/b?list-type=2&prefix=a%2Fb+c&delimiter=%2F&max-keys=5000&start-after=x&fetch-owner=true&encoding-type=url",
    )
    .unwrap() else {
        panic!("another operation")
    };
    assert_eq!(bucket, "b");
    let expected = ListObjectsV2 {
        prefix: "a/b c".into(),
        delimiter: Some("/".into()),
        start_after: Some("x".into()),
        continuation_token: None,
        max_keys: 1000,
        fetch_owner: true,
        encoding_url: true,
    };
    assert_eq!(list, expected);
    let Operation::ListObjects { list, .. } = parse("GET", "/b?delimiter=&max-keys=0").unwrap() else {
        panic!("another operation")
    };
    assert_eq!((list.delimiter, list.max_keys), (None, 0));
}

#[test]
fn reads_take_overrides() {
    let Operation::GetObject { read, .. } =
        parse("GET", "/b/k?response-content-type=text%2Fplain&partNumber=3").unwrap()
    else {
        panic!("another operation")
    };
    assert_eq!(read.part_number, Some(3));
    assert_eq!(read.overrides, [(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"))]);
    assert!(parse("GET", "/b/k?response-content-type=a%0Ab").is_err());
}
