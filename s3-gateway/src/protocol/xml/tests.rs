//! Tests of `xml`.

use chrono::{DateTime, Utc};

use super::super::checksum::{ChecksumAlgorithm, ChecksumKind, of_bytes};
use super::super::error::{ErrorCode, S3Error};
use super::read::*;
use super::write::*;

fn time() -> DateTime<Utc> {
    "2026-11-20T09:30:00.250Z".parse().unwrap()
}

fn owner() -> Owner {
    Owner { id: "1".into(), display_name: "admin".into() }
}

/// Removes the declaration and the namespace, which are checked once.
fn body(xml: &str) -> String {
    let xml = xml.strip_prefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n").unwrap();
    assert!(xml.contains(" xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\""));
    xml.replace(" xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"", "")
}

fn object(key: &str) -> ObjectSummary {
    ObjectSummary {
        key: key.into(),
        last_modified: time(),
        e_tag: "e-2".into(),
        size: 7,
        storage_class: "STANDARD".into(),
        owner: None,
        checksum: None,
    }
}

#[test]
fn buckets() {
    let bucket = Bucket { name: "trips".into(), creation_date: time() };
    let mut answer =
        ListBucketsAnswer { owner: owner(), buckets: vec![bucket], prefix: None, continuation_token: None };
    assert_eq!(
        body(&list_buckets(&answer)),
        "<ListAllMyBucketsResult><Owner><ID>1</ID><DisplayName>admin</DisplayName></Owner><Buckets><Bucket><Name>trips\
         </Name><CreationDate>2026-11-20T09:30:00.000Z</CreationDate></Bucket></Buckets></ListAllMyBucketsResult>"
    );
    answer.continuation_token = Some("t".into());
    assert!(list_buckets(&answer).contains("<ContinuationToken>t</ContinuationToken>"));
}

#[test]
fn listing_of_version_1() {
    let answer = ListObjectsAnswer {
        name: "trips".into(),
        prefix: "main/".into(),
        marker: String::new(),
        next_marker: Some("main/b/".into()),
        delimiter: Some("/".into()),
        max_keys: 2,
        encoding_url: false,
        is_truncated: true,
        contents: vec![object("main/a&b")],
        common_prefixes: vec!["main/b/".into()],
    };
    assert_eq!(
        body(&list_objects(&answer)),
        "<ListBucketResult><Name>trips</Name><Prefix>main/</Prefix><Marker/><NextMarker>main/b/</NextMarker><MaxKeys>2\
         </MaxKeys><Delimiter>/</Delimiter><IsTruncated>true</IsTruncated><Contents><Key>main/a&amp;b</Key>\
         <LastModified>2026-11-20T09:30:00.000Z</LastModified><ETag>&quot;e-2&quot;</ETag><Size>7</Size><StorageClass>\
         STANDARD</StorageClass></Contents><CommonPrefixes><Prefix>main/b/</Prefix></CommonPrefixes></ListBucketResult>"
    );
}

#[test]
fn listing_of_version_2_encodes_keys() {
    let mut with_owner = object("main/a b+c/é*.txt");
    with_owner.owner = Some(owner());
    with_owner.checksum = Some((ChecksumAlgorithm::Crc64Nvme, ChecksumKind::FullObject));
    let answer = ListObjectsV2Answer {
        name: "trips".into(),
        prefix: "main/a b".into(),
        delimiter: Some("+".into()),
        max_keys: 1000,
        start_after: Some("main/a ".into()),
        continuation_token: Some("t/1".into()),
        next_continuation_token: None,
        encoding_url: true,
        is_truncated: false,
        contents: vec![with_owner],
        common_prefixes: vec!["main/a b+".into()],
    };
    assert_eq!(
        body(&list_objects_v2(&answer)),
        "<ListBucketResult><Name>trips</Name><Prefix>main/a%20b</Prefix><StartAfter>main/a%20</StartAfter>\
         <ContinuationToken>t/1</ContinuationToken><KeyCount>2</KeyCount><MaxKeys>1000</MaxKeys><Delimiter>%2B\
         </Delimiter><EncodingType>url</EncodingType><IsTruncated>false</IsTruncated><Contents><Key>\
         main/a%20b%2Bc/%C3%A9*.txt</Key><LastModified>2026-11-20T09:30:00.000Z</LastModified><ETag>&quot;e-2&quot;\
         </ETag><ChecksumAlgorithm>CRC64NVME</ChecksumAlgorithm><ChecksumType>FULL_OBJECT</ChecksumType><Size>7</Size>\
         <Owner><ID>1</ID><DisplayName>admin</DisplayName></Owner><StorageClass>STANDARD</StorageClass></Contents>\
         <CommonPrefixes><Prefix>main/a%20b%2B</Prefix></CommonPrefixes></ListBucketResult>"
    );
}

#[test]
fn characters_that_xml_cannot_hold_are_replaced_or_encoded() {
    let mut answer = ListObjectsV2Answer {
        name: "b".into(),
        prefix: String::new(),
        delimiter: None,
        max_keys: 1,
        start_after: None,
        continuation_token: None,
        next_continuation_token: None,
        encoding_url: false,
        is_truncated: false,
        contents: vec![object("a\u{1}\r\n<日\u{ffff}")],
        common_prefixes: vec![],
    };
    assert!(list_objects_v2(&answer).contains("<Key>a\u{fffd}&#xd;\n&lt;日\u{fffd}</Key>"));
    answer.encoding_url = true;
    assert!(list_objects_v2(&answer).contains("<Key>a%01%0D%0A%3C%E6%97%A5%EF%BF%BF</Key>"));
}

#[test]
fn multipart_uploads() {
    assert_eq!(
        body(&initiate_upload("trips", "main/a", "u")),
        "<InitiateMultipartUploadResult><Bucket>trips</Bucket><Key>main/a</Key><UploadId>u</UploadId>\
         </InitiateMultipartUploadResult>"
    );
    let sum = of_bytes(ChecksumAlgorithm::Crc32, b"hello world");
    assert_eq!(
        body(&complete_upload(
            "http://h/trips/main/a",
            "trips",
            "main/a",
            "e-2",
            Some((&sum, ChecksumKind::FullObject))
        )),
        "<CompleteMultipartUploadResult><Location>http://h/trips/main/a</Location><Bucket>trips</Bucket><Key>main/a\
         </Key><ETag>&quot;e-2&quot;</ETag><ChecksumCRC32>DUoRhQ==</ChecksumCRC32><ChecksumType>FULL_OBJECT\
         </ChecksumType></CompleteMultipartUploadResult>"
    );
    let upload = UploadSummary {
        key: "main/a".into(),
        upload_id: "u".into(),
        initiated: time(),
        owner: owner(),
        storage_class: "STANDARD".into(),
        checksum: Some((ChecksumAlgorithm::Sha256, ChecksumKind::Composite)),
    };
    let answer = ListUploadsAnswer {
        bucket: "trips".into(),
        prefix: String::new(),
        delimiter: None,
        key_marker: String::new(),
        upload_id_marker: None,
        next: Some(("main/a".into(), "u".into())),
        max_uploads: 1,
        encoding_url: false,
        is_truncated: true,
        uploads: vec![upload],
        common_prefixes: vec![],
    };
    assert_eq!(
        body(&list_uploads(&answer)),
        "<ListMultipartUploadsResult><Bucket>trips</Bucket><KeyMarker/><UploadIdMarker/><NextKeyMarker>main/a\
         </NextKeyMarker><NextUploadIdMarker>u</NextUploadIdMarker><Prefix/><MaxUploads>1</MaxUploads><IsTruncated>true\
         </IsTruncated><Upload><Key>main/a</Key><UploadId>u</UploadId><Initiator><ID>1</ID><DisplayName>admin\
         </DisplayName></Initiator><Owner><ID>1</ID><DisplayName>admin</DisplayName></Owner><StorageClass>STANDARD\
         </StorageClass><Initiated>2026-11-20T09:30:00.000Z</Initiated><ChecksumAlgorithm>SHA256</ChecksumAlgorithm>\
         <ChecksumType>COMPOSITE</ChecksumType></Upload></ListMultipartUploadsResult>"
    );
}

#[test]
fn parts() {
    let part = PartSummary {
        number: 3,
        last_modified: time(),
        e_tag: "e".into(),
        size: 5,
        checksum: Some(of_bytes(ChecksumAlgorithm::Crc32, b"hello world")),
    };
    let answer = ListPartsAnswer {
        bucket: "trips".into(),
        key: "main/a".into(),
        upload_id: "u".into(),
        owner: owner(),
        storage_class: "STANDARD".into(),
        part_number_marker: 2,
        next_part_number_marker: 3,
        max_parts: 1,
        encoding_url: false,
        is_truncated: false,
        checksum: None,
        parts: vec![part],
    };
    assert_eq!(
        body(&list_parts(&answer)),
        "<ListPartsResult><Bucket>trips</Bucket><Key>main/a</Key><UploadId>u</UploadId><Initiator><ID>1</ID>\
         <DisplayName>admin</DisplayName></Initiator><Owner><ID>1</ID><DisplayName>admin</DisplayName></Owner>\
         <StorageClass>STANDARD</StorageClass><PartNumberMarker>2</PartNumberMarker><NextPartNumberMarker>3\
         </NextPartNumberMarker><MaxParts>1</MaxParts><IsTruncated>false</IsTruncated><Part><PartNumber>3</PartNumber>\
         <LastModified>2026-11-20T09:30:00.000Z</LastModified><ETag>&quot;e&quot;</ETag><Size>5</Size><ChecksumCRC32>\
         DUoRhQ==</ChecksumCRC32></Part></ListPartsResult>"
    );
}

#[test]
fn copies_deletions_and_locations() {
    assert_eq!(
        body(&copy_object("e", time(), None)),
        "<CopyObjectResult><LastModified>2026-11-20T09:30:00.000Z</LastModified><ETag>&quot;e&quot;</ETag>\
         </CopyObjectResult>"
    );
    assert_eq!(
        body(&copy_part("e", time(), None)),
        "<CopyPartResult><LastModified>2026-11-20T09:30:00.000Z</LastModified><ETag>&quot;e&quot;</ETag>\
         </CopyPartResult>"
    );
    let failures = [DeleteFailure { key: "b".into(), error: S3Error::new(ErrorCode::AccessDenied, "no") }];
    assert_eq!(
        body(&delete_result(&["a".into()], &failures, false)),
        "<DeleteResult><Deleted><Key>a</Key></Deleted><Error><Key>b</Key><Code>AccessDenied</Code><Message>no</Message>\
         </Error></DeleteResult>"
    );
    assert!(!delete_result(&["a".into()], &failures, true).contains("Deleted"));
    assert_eq!(body(&location("eu-west-1")), "<LocationConstraint>eu-west-1</LocationConstraint>");
    assert_eq!(body(&location("us-east-1")), "<LocationConstraint></LocationConstraint>");
}

#[test]
fn deletions_are_read() {
    let xml = "\u{feff}<?xml version=\"1.0\"?>\n<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
               <Object><Key> a&amp;b&#x7f;&#13;<![CDATA[<c>]]></Key><ETag>\"e\"</ETag><Size>3</Size></Object>\
               <Object><VersionId>null</VersionId><Key>d</Key></Object><Quiet>true</Quiet></Delete>\n";
    let request = delete_objects(xml.as_bytes()).unwrap();
    assert!(request.quiet);
    let keys: Vec<_> = request.objects.iter().map(|object| object.key.as_str()).collect();
    assert_eq!(keys, [" a&b\u{7f}\r<c>", "d"]);
    assert_eq!((request.objects[0].e_tag.as_deref(), request.objects[0].unjudged), (Some("e"), Some("Size")));
    assert_eq!(request.objects[1].version_id.as_deref(), Some("null"));
    assert_eq!((request.objects[1].e_tag.as_deref(), request.objects[1].unjudged), (None, None));
}

#[test]
fn elements_that_are_not_known_are_refused_by_their_names() {
    let object = |more: &str| format!("<Delete><Object><Key>a</Key>{more}</Object></Delete>");
    let part = |more: &str| {
        format!(
            "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>a</ETag>{more}</Part>\
             </CompleteMultipartUpload>"
        )
    };
    let bucket = |more: &str| format!("<CreateBucketConfiguration>{more}</CreateBucketConfiguration>");
    for (refused, name) in [
        (delete_objects(object("<Owner>1</Owner>").as_bytes()).map(drop), "Object/Owner"),
        (delete_objects(object("<If><New/></If>").as_bytes()).map(drop), "Object/If/New"),
        (delete_objects(b"<Delete><Unless>x</Unless><Object><Key>a</Key></Object></Delete>").map(drop), "Unless"),
        (complete_multipart_upload(part("<ChecksumNEW>x</ChecksumNEW>").as_bytes()).map(drop), "Part/ChecksumNEW"),
        (create_bucket(bucket("<Location><Type>x</Type></Location>").as_bytes()).map(drop), "Location/Type"),
        (create_bucket(bucket("<Tags/>").as_bytes()).map(drop), "Tags"),
    ] {
        let error = refused.unwrap_err();
        assert_eq!(error.code(), ErrorCode::NotImplemented, "{name}");
        assert!(error.message().contains(name), "{error}");
    }
    for twice in [
        object("<Key>b</Key>"),
        object("<ETag>a</ETag><ETag>b</ETag>"),
        part("<ETag>b</ETag>"),
        part("<ChecksumCRC32>AAAAAA==</ChecksumCRC32><ChecksumCRC32C>AAAAAA==</ChecksumCRC32C>"),
    ] {
        let codes = [delete_objects(twice.as_bytes()).map(drop), complete_multipart_upload(twice.as_bytes()).map(drop)];
        assert!(codes.iter().all(|refused| refused.as_ref().is_err_and(|e| e.code() == ErrorCode::MalformedXML)));
    }
}

#[test]
fn what_is_written_is_read_back() {
    let key = "a\u{7f}\u{80}\t\n\r<&>\"' 日\u{fffd}\u{10ffff}";
    let xml = delete_result(&[key.into()], &[], false);
    let xml = xml.replace("DeleteResult", "Delete").replace("Deleted>", "Object>");
    assert_eq!(delete_objects(xml.as_bytes()).unwrap().objects[0].key, key);
}

#[test]
fn malformed_documents_are_refused() {
    let many = |n: usize| format!("<Delete>{}</Delete>", "<Object><Key>a</Key></Object>".repeat(n));
    assert_eq!(delete_objects(many(1000).as_bytes()).unwrap().objects.len(), 1000);
    let deep = format!("<Delete>{}{}</Delete>", "<Object>".repeat(20), "</Object>".repeat(20));
    let bomb = "<!DOCTYPE d [<!ENTITY a \"aaaa\">]><Delete><Object><Key>&a;</Key></Object></Delete>";
    for xml in [
        "",
        "   ",
        "nonsense",
        "<Delete/>",
        "<Delete><Object/></Delete>",
        "<Delete><Object><Key></Key></Object></Delete>",
        "<Delete><Object><Key>a</Key></Object>",
        "<Delete><Object><Key>a</Object></Key></Delete>",
        "<Delete><Object><Key>a</Key></Object></Delete><Delete/>",
        "<Delete><Object><Key>a</Key></Object></Delete>x",
        "<Other><Object><Key>a</Key></Object></Other>",
        "<Delete><Object><Key>&a;</Key></Object></Delete>",
        "<Delete><Object><Key>&#0;</Key></Object></Delete>",
        "<Delete><Object><Key>\0</Key></Object></Delete>",
        "<Delete><Object><Key>a\u{1}</Key></Object></Delete>",
        "<Delete><Object><Key>a&#x1;</Key></Object></Delete>",
        "<Delete><Object><Key>a\u{ffff}</Key></Object></Delete>",
        "<Delete><Object><Key>a&#xfffe;</Key></Object></Delete>",
        "<Delete><Object><Key>a<![CDATA[\u{8}]]></Key></Object></Delete>",
        "<Delete><Object><Key>a & b</Key></Object></Delete>",
        &many(1001),
        &deep,
        bomb,
    ] {
        assert_eq!(delete_objects(xml.as_bytes()).unwrap_err().code(), ErrorCode::MalformedXML, "{xml:.80}");
    }
    assert_eq!(delete_objects(b"<Delete>\xff</Delete>").unwrap_err().code(), ErrorCode::MalformedXML);
    let large = vec![b' '; XML_BYTES_MAX + 1];
    assert_eq!(delete_objects(&large).unwrap_err().code(), ErrorCode::MaxMessageLengthExceeded);
}

#[test]
fn completions_are_read_in_order() {
    let xml = |parts: &str| format!("<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>");
    let read = |parts: &str| complete_multipart_upload(xml(parts).as_bytes());
    let parts = read(
        "<Part><ChecksumCRC32>DUoRhQ==</ChecksumCRC32><ETag>&quot;a&quot;</ETag><PartNumber>1</PartNumber></Part>\
         <Part><PartNumber> 7 </PartNumber><ETag>b</ETag></Part>",
    )
    .unwrap();
    assert_eq!(parts[0].checksum, Some(of_bytes(ChecksumAlgorithm::Crc32, b"hello world")));
    assert_eq!(parts[1], CompletedPart { number: 7, e_tag: "b".into(), checksum: None });
    let part = |number: &str| format!("<Part><PartNumber>{number}</PartNumber><ETag>a</ETag></Part>");
    for (parts, code) in [
        (String::new(), ErrorCode::MalformedXML),
        ("<Part><PartNumber>1</PartNumber></Part>".into(), ErrorCode::MalformedXML),
        (part("x"), ErrorCode::MalformedXML),
        (part("0"), ErrorCode::InvalidArgument),
        (part("10001"), ErrorCode::InvalidArgument),
        (part("2") + &part("1"), ErrorCode::InvalidPartOrder),
        (part("2") + &part("2"), ErrorCode::InvalidPartOrder),
        ("<Part><ChecksumSHA1>x</ChecksumSHA1></Part>".into(), ErrorCode::InvalidRequest),
    ] {
        assert_eq!(read(&parts).unwrap_err().code(), code, "{parts}");
    }
}

#[test]
fn bucket_configurations_are_read() {
    let xml = b"<CreateBucketConfiguration xmlns=\"x\"><LocationConstraint>eu</LocationConstraint>\
                </CreateBucketConfiguration>";
    assert_eq!(create_bucket(xml).unwrap().as_deref(), Some("eu"));
    assert_eq!(create_bucket(b"").unwrap(), None);
    assert_eq!(create_bucket(b"<CreateBucketConfiguration/>").unwrap(), None);
    assert!(create_bucket(b"<x/>").is_err());
}

proptest::proptest! {
    #[test]
    fn a_mangled_document_never_panics(cuts in proptest::collection::vec((0usize..400, 0usize..8, "[<>&;#x0-9a-zA-Z/!\\[\\]\"]{0,6}"), 1..6)) {
        let mut xml = "<?xml version=\"1.0\"?><Delete><!-- c --><Object><Key>a&amp;b&#x1;<![CDATA[c]]></Key></Object></Delete>\
                       <CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>a</ETag></Part></CompleteMultipartUpload>"
            .to_owned();
        for (at, length, text) in cuts {
            let start = at.min(xml.len());
            xml.replace_range(start..(start + length).min(xml.len()), &text);
        }
        let _ = delete_objects(xml.as_bytes());
        let _ = complete_multipart_upload(xml.as_bytes());
    }
}
