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
        ("DELETE", "/b/k?versionId=null", "DeleteObject"),
        ("GET", "/b?list-type=2&marker=x&metadata=true", "ListObjectsV2"),
        ("PUT", "/b/k?x-id=PutObject", "PutObject"),
        ("HEAD", "/b/k", "HeadObject"),
        ("PUT", "/b/k", "PutObject"),
        ("DELETE", "/b/k", "DeleteObject"),
        ("POST", "/b/k?uploads", "CreateMultipartUpload"),
        ("PUT", "/b/k?partNumber=1&uploadId=u", "UploadPart"),
        ("POST", "/b/k?uploadId=u", "CompleteMultipartUpload"),
        ("DELETE", "/b/k?uploadId=u", "AbortMultipartUpload"),
        ("GET", "/b/k?uploadId=u", "ListParts"),
        ("GET", "/b?acl", "GetBucketAcl"),
        ("GET", "/b?encryption", "GetBucketEncryption"),
        ("GET", "/b?versioning", "GetBucketVersioning"),
        ("GET", "/b?policyStatus", "GetBucketPolicyStatus"),
        ("GET", "/b?tagging", "GetBucketTagging"),
        ("GET", "/b/k?acl", "GetObjectAcl"),
        ("GET", "/b/k?legal-hold", "GetObjectLegalHold"),
        ("GET", "/b/k?retention&versionId=null", "GetObjectRetention"),
        ("GET", "/b/k?tagging", "GetObjectTagging"),
        ("PUT", "/b/k?tagging=&x-id=PutObjectTagging", "PutObjectTagging"),
        ("DELETE", "/b/k?tagging&versionId=null", "DeleteObjectTagging"),
    ] {
        assert_eq!(parse(method, path).unwrap().name(), name, "{method} {path}");
    }
    let copy = [("x-amz-copy-source", "a/b")];
    assert_eq!(parse_with("PUT", "/b/k", &copy).unwrap().name(), "CopyObject");
    assert_eq!(parse_with("PUT", "/b/k?partNumber=1&uploadId=u", &copy).unwrap().name(), "UploadPartCopy");
}

#[test]
fn what_is_not_known_is_refused_by_its_name() {
    for name in [
        // What AWS added after this was written, and what it may add.
        "annotation",
        "unheard-of",
        "ACL",
        "X-Amz-Acl",
        "uploadID",
        "versions",
        "torrent",
        "restore",
        "select",
        "analytics",
        "inventory",
        "metrics",
        "intelligent-tiering",
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
    // What buckets and objects don't have can be asked for, and not set.
    for name in
        ["acl", "attributes", "encryption", "legal-hold", "retention"].into_iter().chain(bucket_settings::parameters())
    {
        for method in ["HEAD", "PUT", "POST", "DELETE"] {
            for path in ["/b", "/b/k", "/"].into_iter().filter(|path| (name, *path) != ("tagging", "/b/k")) {
                let error = parse(method, &format!("{path}?{name}")).unwrap_err();
                assert_eq!(error.code(), ErrorCode::NotImplemented, "{method} {path}?{name}");
            }
        }
        assert_eq!(parse("GET", &format!("/?{name}")).unwrap_err().code(), ErrorCode::NotImplemented, "{name}");
    }
    for (method, path, name) in [
        ("GET", "/b?policy&versioning", "versioning"),
        ("GET", "/b/k?cors", "cors"),
        ("GET", "/b/k?uploads", "uploads"),
        ("PUT", "/b/k?uploads", "uploads"),
        ("POST", "/b?uploads", "uploads"),
        ("GET", "/b?delete", "delete"),
        ("POST", "/b/k?delete", "delete"),
        ("PUT", "/b?location", "location"),
        ("HEAD", "/b/k?uploadId=u", "uploadId"),
        ("GET", "/b/k?versionId=3", "versionId"),
        ("POST", "/b", "form"),
        // What another operation knows.
        ("PUT", "/b/k?response-content-type=x", "response-content-type"),
        ("GET", "/b/k?prefix=x", "prefix"),
        ("DELETE", "/b/k?uploadId=u&partNumber=1", "partNumber"),
        ("POST", "/b/k?uploads&uploadId=u", "uploads"),
        ("POST", "/b?delete&uploads", "uploads"),
        // What an SDK calls it isn't what it seems to be.
        ("PUT", "/b/k?x-id=PutObjectAnnotation", "PutObjectAnnotation"),
        ("GET", "/b/k?x-id=", "x-id"),
    ] {
        let error = parse(method, path).unwrap_err();
        assert_eq!(error.code(), ErrorCode::NotImplemented, "{method} {path}");
        assert!(error.message().contains(name), "{error}");
    }
}

#[test]
fn headers_that_are_not_known_are_refused_unless_harmless() {
    for (name, value) in [
        ("x-amz-unheard-of", "1"),
        ("x-amz-rename-source", "/b/a"),
        ("x-amz-object-if-match", "e"),
        ("x-amz-copy-source-range", "bytes=0-1"),
        ("x-amz-copy-source-if-match", "e"),
        ("x-amz-metadata-directive", "REPLACE"),
        ("x-amz-mp-object-size", "1"),
        ("x-amz-if-match-size", "1"),
        ("x-amz-object-ownership", "ObjectWriter"),
        ("if-unmodified-since", "Sun, 06 Nov 1994 08:49:37 GMT"),
        ("if-range", "e"),
        ("content-range", "bytes 0-1/3"),
        ("x-amz-server-side-encryption-customer-algorithm", "AES256"),
        ("x-amz-server-side-encryption", "aws:kms"),
        ("x-amz-object-lock-mode", "GOVERNANCE"),
        ("x-amz-write-offset-bytes", "7"),
        ("x-amz-acl", "public-read"),
        ("x-amz-grant-read", "id=1"),
        ("x-amz-tagging-directive", "REPLACE"),
        ("x-amz-source-expected-bucket-owner", "1"),
        ("x-amz-bucket-object-lock-enabled", "true"),
    ] {
        let error = parse_with("PUT", "/b/k", &[(name, value)]).unwrap_err();
        assert_eq!(error.code(), ErrorCode::NotImplemented, "{name}");
        assert!(error.message().contains(name), "{error}");
    }
    for (name, value) in [
        ("x-amz-acl", "private"),
        ("x-amz-tagging", "a=b"),
        ("x-amz-storage-class", "STANDARD"),
        ("x-amz-bucket-object-lock-enabled", "false"),
        ("x-amz-meta-a", "b"),
        ("x-amz-checksum-crc32", "AAAAAA=="),
        ("x-amz-request-payer", "requester"),
        ("x-amz-expected-bucket-owner", "1"),
        ("x-amz-server-side-encryption", "AES256"),
        ("if-match", "e"),
        ("if-none-match", "*"),
        ("if-unmodified-since", ""),
    ] {
        assert!(parse_with("PUT", "/b/k", &[(name, value)]).is_ok(), "{name}");
    }
    for (method, path, name) in [
        ("PUT", "/b/k?partNumber=1&uploadId=u", "if-match"),
        ("DELETE", "/b/k?uploadId=u", "if-none-match"),
        ("POST", "/b?delete", "if-match"),
        ("PUT", "/b", "if-none-match"),
        ("GET", "/b/k", "x-amz-copy-source"),
        ("POST", "/b/k?uploads", "x-amz-copy-source"),
    ] {
        let error = parse_with(method, path, &[(name, "e")]).unwrap_err();
        assert_eq!((error.code(), error.message().contains(name)), (ErrorCode::NotImplemented, true), "{error}");
    }
    // Listings have no state of their own that a condition could speak of: a whole answer is never wrong.
    assert!(parse_with("GET", "/b", &[("if-none-match", "e")]).is_ok());
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
        ("PUT", "/b/k?versionId=null", ErrorCode::InvalidArgument),
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
