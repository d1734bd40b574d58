//! The examples of the Amazon S3 API reference, "Signature Calculations for the Authorization Header", "… Transferring
//! Payload in Multiple Chunks", "… Including Trailing Headers", "… Using Query Parameters", and of the developer
//! guide's "Signing and authenticating REST requests" (version 2).

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _};

use super::*;

const NOW: &str = "2013-05-24T00:00:10Z";
const HOST: (&str, &str) = ("host", "examplebucket.s3.amazonaws.com");
const DATE: (&str, &str) = ("x-amz-date", "20130524T000000Z");
const EMPTY: (&str, &str) =
    ("x-amz-content-sha256", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");

fn authorization(signed: &str, signature: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential={KEY}/20130524/us-east-1/s3/aws4_request,SignedHeaders={signed},\
         Signature={signature}"
    )
}

#[test]
fn get_object() {
    let authorization = authorization(
        "host;range;x-amz-content-sha256;x-amz-date",
        "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
    );
    let headers = [HOST, DATE, EMPTY, ("range", "bytes=0-9"), ("authorization", &authorization)];
    let request = receive(&parts("GET", "/test.txt", &headers), NOW).unwrap();
    assert_eq!(request.authenticated.access_key_id(), KEY);
    assert_eq!(request.operation.name(), "GetObject");
    assert_eq!(request.address.bucket.as_deref(), Some("examplebucket"));
    assert_eq!(request.address.key.as_deref(), Some("test.txt"));
}

/// HTTP/2 has an authority instead of a host; the signature covers it as the host.
#[test]
fn get_object_by_authority() {
    let authorization = authorization(
        "host;range;x-amz-content-sha256;x-amz-date",
        "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
    );
    let headers = [DATE, EMPTY, ("range", "bytes=0-9"), ("authorization", &authorization)];
    let code = |uri| receive(&parts("GET", uri, &headers), NOW).err().map(|error| error.code());
    assert_eq!(code("http://examplebucket.s3.amazonaws.com/test.txt"), None);
    assert_eq!(code("http://examplebucket2.s3.amazonaws.com/test.txt"), Some(ErrorCode::SignatureDoesNotMatch));
}

#[test]
fn put_object() {
    let authorization = authorization(
        "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
        "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
    );
    let headers = [
        HOST,
        DATE,
        ("date", "Fri, 24 May 2013 00:00:00 GMT"),
        ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
        ("x-amz-content-sha256", "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"),
        ("authorization", &authorization),
    ];
    let request = receive(&parts("PUT", "/test$file.text", &headers), NOW).unwrap();
    assert_eq!(request.address.key.as_deref(), Some("test$file.text"));
    let send = |text: &'static str| {
        block_on(request.read_body(futures::stream::iter([Ok::<_, BoxError>(Bytes::from(text))]), 100))
    };
    assert_eq!(send("Welcome to Amazon S3.").unwrap(), "Welcome to Amazon S3.");
    assert_eq!(send("Welcome to Amazon S4.").unwrap_err().code(), ErrorCode::XAmzContentSHA256Mismatch);
}

#[test]
fn get_bucket() {
    for (uri, signature, name) in [
        ("/?max-keys=2&prefix=J", "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7", "ListObjects"),
        (
            "/?lifecycle",
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
            "GetBucketLifecycleConfiguration",
        ),
    ] {
        let authorization = authorization("host;x-amz-content-sha256;x-amz-date", signature);
        let headers = [HOST, DATE, EMPTY, ("authorization", &authorization)];
        let received = receive(&parts("GET", uri, &headers), NOW).unwrap();
        assert_eq!(received.operation.name(), name, "{uri}");
    }
}

#[test]
fn pre_signed_url() {
    let uri = "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1\
               %2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host\
               &X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404";
    assert!(receive(&parts("GET", uri, &[HOST]), "2013-05-24T23:59:59Z").is_ok());
    assert_eq!(
        receive(&parts("GET", uri, &[HOST]), "2013-05-25T00:00:01Z").unwrap_err().message(),
        "Request has expired"
    );
    let early = receive(&parts("GET", uri, &[HOST]), "2013-05-23T23:40:00Z").unwrap_err();
    assert_eq!((early.code(), early.message()), (ErrorCode::AccessDenied, "Request is not yet valid"));
    let wrong = receive(&parts("PUT", uri, &[HOST]), NOW).unwrap_err();
    assert_eq!(wrong.code(), ErrorCode::SignatureDoesNotMatch);
}

fn chunked(mode: &str, more: &[(&str, &str)], signed: &str, signature: &str) -> Request {
    let authorization = authorization(signed, signature);
    let mut headers = vec![
        ("host", "s3.amazonaws.com"),
        DATE,
        ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
        ("x-amz-content-sha256", mode),
        ("content-encoding", "aws-chunked"),
        ("x-amz-decoded-content-length", "66560"),
        ("authorization", &authorization),
    ];
    headers.extend_from_slice(more);
    receive(&parts("PUT", "/examplebucket/chunkObject.txt", &headers), NOW).unwrap()
}

fn chunks(signatures: [&str; 3]) -> String {
    let [first, second, last] = signatures;
    let (a64k, a1k) = ("a".repeat(65536), "a".repeat(1024));
    format!(
        "10000;chunk-signature={first}\r\n{a64k}\r\n400;chunk-signature={second}\r\n{a1k}\r\n0;chunk-signature={last}\r\n"
    )
}

/// Sends a body in pieces of a thousand bytes.
fn send(request: &Request, body: String) -> Result<(usize, Receipt), S3Error> {
    let pieces: Vec<_> = body.into_bytes().chunks(1000).map(Bytes::copy_from_slice).collect();
    let (stream, receipt) = request.open_body(futures::stream::iter(pieces).map(Ok::<_, BoxError>))?;
    let read = block_on(stream.try_fold(0, |sum, piece| async move { Ok(sum + piece.len()) }));
    read.map(|size| (size, receipt)).map_err(|error| BodyError::find(&error).unwrap())
}

#[test]
fn signed_chunks() {
    let request = chunked(
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        &[("content-length", "66824")],
        "content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;\
         x-amz-storage-class",
        "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
    );
    assert_eq!(request.length(), Some(66560));
    let body = chunks([
        "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
        "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
        "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
    ]) + "\r\n";
    assert_eq!(body.len(), 66824);
    let (size, receipt) = send(&request, body.clone()).unwrap();
    assert_eq!((size, receipt.received().unwrap().size), (66560, 66560));
    let code = |body: String| send(&request, body).unwrap_err().code();
    assert_eq!(code(body.replacen("aaaa", "aaba", 1)), ErrorCode::SignatureDoesNotMatch);
    assert_eq!(code(body.replace("=b6c6", "=b6c7")), ErrorCode::SignatureDoesNotMatch);
    assert_eq!(code(body[..66000].to_owned()), ErrorCode::IncompleteBody);
}

#[test]
fn signed_chunks_and_trailer() {
    let request = chunked(
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
        &[("x-amz-trailer", "x-amz-checksum-crc32c")],
        "content-encoding;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class;\
         x-amz-trailer",
        "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e",
    );
    let body = chunks([
        "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
        "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
        "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992",
    ]);
    let (sum, signature) = (
        "x-amz-checksum-crc32c:sOO8/Q==",
        "x-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n",
    );
    // As SDKs send it, and with a line feed and an empty line before the signature, as some writers do.
    for end in [format!("{sum}\r\n{signature}\r\n"), format!("{sum}\n\r\n{signature}\r\n")] {
        let (_, receipt) = send(&request, format!("{body}{end}")).unwrap();
        assert_eq!(receipt.received().unwrap().checksum.as_ref().unwrap().value, "sOO8/Q==");
    }
    let code = |end: String| send(&request, format!("{body}{end}")).unwrap_err().code();
    assert_eq!(code(format!("x-amz-checksum-crc32c:sOO8/g==\r\n{signature}\r\n")), ErrorCode::SignatureDoesNotMatch);
    assert_eq!(code(format!("{sum}\r\n\r\n")), ErrorCode::IncompleteBody);
    assert_eq!(code("\r\n".to_owned()), ErrorCode::IncompleteBody);
}

/// The guide's example of query string authentication.
#[test]
fn version_2_of_the_guide() {
    let uri = "/photos/puppy.jpg?AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Signature=NpgCjnDzrM%2BWFzoENXmpNDUsSn8%3D\
               &Expires=1175139620";
    let headers = [("host", "johnsmith.s3.amazonaws.com")];
    let request = receive(&parts("GET", uri, &headers), "2007-03-29T03:40:19Z").unwrap();
    assert_eq!(request.operation.name(), "GetObject");
    let late = receive(&parts("GET", uri, &headers), "2007-03-29T03:40:21Z").unwrap_err();
    assert_eq!(late.message(), "Request has expired");
    let long = receive(&parts("GET", uri, &headers), "2007-03-20T03:40:19Z").unwrap_err();
    assert_eq!(long.code(), ErrorCode::AccessDenied);
}

/// The guide's signatures in headers, which count only where they are wanted.
#[test]
fn version_2_of_the_guide_in_headers() {
    let puppy = |method, kind, date, signature: &str| {
        let authorization = format!("AWS {KEY}:{signature}");
        let mut headers = vec![("host", "johnsmith.s3.amazonaws.com"), ("date", date)];
        headers.extend([("authorization", authorization.as_str()), ("content-type", kind)]);
        headers.retain(|(_, value)| !value.is_empty());
        parts(method, "/photos/puppy.jpg", &headers)
    };
    let get = puppy("GET", "", "Tue, 27 Mar 2007 19:36:42 +0000", "bWq2s1WEIj+Ydj0vQ697zp+IXMU=");
    let put = puppy("PUT", "image/jpeg", "Tue, 27 Mar 2007 21:15:45 +0000", "MyyxeRY7whkBe+bq8fHCL/2kKUg=");
    for (request, now, name) in
        [(&get, "2007-03-27T19:40:00Z", "GetObject"), (&put, "2007-03-27T21:20:00Z", "PutObject")]
    {
        assert_eq!(receive(request, now).unwrap_err().code(), ErrorCode::InvalidRequest, "not asked for");
        let taken = receive_v2(request, now).unwrap();
        assert_eq!((taken.operation.name(), taken.authenticated.access_key_id()), (name, KEY));
    }
    let late = receive_v2(&get, "2007-03-27T19:52:00Z").unwrap_err();
    assert_eq!(late.code(), ErrorCode::RequestTimeTooSkewed);
    let other = puppy("GET", "", "Tue, 27 Mar 2007 19:36:43 +0000", "bWq2s1WEIj+Ydj0vQ697zp+IXMU=");
    assert_eq!(receive_v2(&other, "2007-03-27T19:40:00Z").unwrap_err().code(), ErrorCode::SignatureDoesNotMatch);
    // The guide's listing.
    let authorization = format!("AWS {KEY}:htDYFYduRNen8P9ZfE/s9SuKy0U=");
    let date = ("date", "Tue, 27 Mar 2007 19:42:41 +0000");
    let headers = [("host", "johnsmith.s3.amazonaws.com"), date, ("authorization", authorization.as_str())];
    let list = parts("GET", "/?prefix=photos&max-keys=50&marker=puppy", &headers);
    let refused = receive_v2(&list, "2007-03-27T19:40:00Z").unwrap_err();
    assert_eq!(refused.code(), ErrorCode::InvalidRequest);
    assert!(refused.message().contains("doesn't cover the parameters of ListObjects"), "{refused}");
}

/// URLs that botocore 1.43 pre-signed with version 2; it moves headers into the query.
#[test]
fn version_2_of_botocore() {
    let signed = |signature: &str| format!("AWSAccessKeyId={KEY}&Signature={signature}&Expires=1750003600");
    for (method, path, query, signature, name) in [
        (
            "GET",
            "/main/a%20b%2Bc%25/%C3%A9//~.txt",
            "?response-content-type=text%2Fplain%3B%20charset%3Dutf-8&response-content-disposition=attachment%3B%20\
             filename%3D%22a%2Bb.txt%22&",
            "cfcMjydj7I8Y7zQkY0IgSd5o8HM%3D",
            "GetObject",
        ),
        (
            "PUT",
            "/main/x",
            "?content-type=text%2Fcsv&x-amz-meta-a=b%20c&",
            "C9jIhiCYA0LG954EArbH%2BKE3C6s%3D",
            "PutObject",
        ),
        ("PUT", "/main/x", "?uploadId=u%2F1%2B2%3D&partNumber=3&", "8E8no1wcxNiyvdWtQzcAhtnbg1E%3D", "UploadPart"),
        ("POST", "/main/x", "?uploads&", "5WxumavuZch8UB0%2F8jAED7fwC4o%3D", "CreateMultipartUpload"),
        (
            "GET",
            "",
            "?list-type=2&prefix=main%2Fa%20b&encoding-type=url&",
            "wQPpCv2GI0CiyRgDgGcy6GbAdbE%3D",
            "ListObjectsV2",
        ),
        ("DELETE", "//lead", "?", "sBIItQFrDseEN4rSPDqqp9Rpxw4%3D", "DeleteObject"),
    ] {
        let query = format!("{query}{}", signed(signature));
        let slash = if path.is_empty() { "/" } else { path };
        for (uri, host) in [
            (format!("/trips{path}{query}"), "s3.amazonaws.com"),
            (format!("{slash}{query}"), "trips.s3.amazonaws.com"),
        ] {
            let received = receive(&parts(method, &uri, &[("host", host)]), "2025-06-15T15:10:00Z");
            match (name, received) {
                ("GetObject" | "PutObject" | "UploadPart", Ok(request)) => {
                    assert_eq!(request.operation.name(), name);
                    if name == "PutObject" {
                        assert_eq!(request.headers["content-type"], "text/csv");
                        assert_eq!(request.headers["x-amz-meta-a"], "b c");
                    }
                }
                // What it asks for isn't all signed: another prefix would be as good.
                (_, Err(refused))
                    if refused.code() == ErrorCode::InvalidRequest && refused.message().contains(name) => {}
                (_, other) => panic!("{method} {uri}: {other:?}"),
            }
            // Whatever is added that would change the meaning is refused.
            for more in ["&acl", "&x-amz-copy-source=trips%2Fmain%2Fsecret", "&response-content-type=text%2Fhtml"] {
                let uri = format!("{uri}{more}");
                let changed = receive(&parts(method, &uri, &[("host", host)]), "2025-06-15T15:10:00Z").unwrap_err();
                assert_eq!(changed.code(), ErrorCode::SignatureDoesNotMatch, "{uri}");
            }
            for header in [("x-amz-meta-b", "c"), ("content-type", "text/html"), ("content-md5", "x")] {
                let changed = parts(method, &uri, &[("host", host), header]);
                let changed = receive(&changed, "2025-06-15T15:10:00Z").unwrap_err();
                assert_eq!(changed.code(), ErrorCode::SignatureDoesNotMatch, "{header:?}");
            }
        }
    }
}
