//! How uploads end: of several ends one counts, however many callers ask, and whatever crashed between two steps.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use futures::join;
use http::Method;
use model::{GetUpload, MetaError, UploadId};
use s3_gateway::GatewayOptions;
use sha2::{Digest as _, Sha256};
use storage::testing::{Completing, Counters, Counting, Tags, Verb};
use storage::{StorageError, StoreSettings, Stores};

use crate::harness::{TestGateway, name};
use crate::upload::{MIB, Upload, part, whole_e_tag};

async fn local() -> (tempfile::TempDir, Arc<Stores>) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("file://{}", folder.path().display());
    let stores = Stores::open(&url, &StoreSettings::default()).await.unwrap();
    (folder, stores)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_completions_with_other_parts_one_wins() {
    let (_folder, local) = local().await;
    let memory = Stores::open("memory:///", &StoreSettings::default()).await.unwrap();
    for stores in [local, memory, Completing::in_memory(Tags::Md5), Completing::in_memory(Tags::Opaque)] {
        let s3 = TestGateway::start_on(stores, GatewayOptions::default()).await;
        // Of one size, so that their bytes alone tell the two apart.
        let bytes = [part(1, 5 * MIB), part(2, 4000), part(3, 4000)];
        for round in 0..12 {
            let mut upload = Upload::begin(&s3, &format!("main/{round}"), &[]).await;
            for (number, bytes) in (1..).zip(&bytes) {
                upload.put(number, bytes).await;
            }
            let chosen = [1, 2].map(|second: usize| [upload.parts[0].clone(), upload.parts[second].clone()]);
            let answers = join!(upload.complete_with(&chosen[0], &[]), upload.complete_with(&chosen[1], &[]));
            let answers = [answers.0, answers.1];
            let won = answers.iter().position(|answer| answer.status == 200).unwrap();
            let second = &bytes[won + 1];
            assert_eq!(answers[won].one("ETag"), whole_e_tag(&[&bytes[0], second]));
            let [first, other] = answers;
            (if won == 0 { other } else { first }).expect_error(404, "NoSuchUpload");
            let got = s3.get(&format!("main/{round}")).send().await.expect(200);
            assert_eq!(got.bytes(), &[&bytes[0][..], second].concat());
            assert_eq!(got.e_tag(), whole_e_tag(&[&bytes[0], second]));
        }
    }
}

#[tokio::test]
async fn a_completion_whose_answer_was_lost_can_be_sent_again() {
    let s3 = TestGateway::start().await;
    let mut upload = Upload::begin(&s3, "main/a", &[]).await;
    upload.put(1, &part(1, 5 * MIB)).await;
    upload.put(2, &part(2, 10)).await;
    let absent = [("if-none-match", "*")];
    let first = upload.complete_with(&upload.parts, &absent).await.expect(200);
    // It was this upload that made the object, so its condition isn't judged again.
    let again = upload.complete_with(&upload.parts, &absent).await.expect(200);
    assert_eq!((again.one("ETag"), again.text()), (first.one("ETag"), first.text()));
    upload.complete_with(&upload.parts[..1], &[]).await.expect_error(404, "NoSuchUpload");
    // Whatever became of the object since: this completion did succeed.
    s3.put("main/a", "another").send().await.expect(200);
    assert_eq!(upload.complete().await.expect(200).one("ETag"), first.one("ETag"));
    assert_eq!(s3.get("main/a").send().await.expect(200).text(), "another");
}

#[tokio::test]
async fn a_completion_that_says_something_else_is_another() {
    let s3 = TestGateway::start().await;
    let bytes = [part(1, 5 * MIB), part(2, 10)];
    let sum = |bytes: &[u8]| BASE64.encode(Sha256::digest(bytes));
    let declared = [("x-amz-checksum-algorithm", "SHA256"), ("x-amz-checksum-type", "COMPOSITE")];
    let mut upload = Upload::begin(&s3, "main/a", &declared).await;
    for (number, bytes) in (1..).zip(&bytes) {
        upload.put(number, bytes).await;
    }
    let e_tags: Vec<_> = upload.parts.iter().map(|(_, e_tag)| e_tag.clone()).collect();
    let named = |numbers: [u32; 2], sums: [String; 2]| {
        let said = e_tags.iter().zip(sums);
        let said = said.map(|(e_tag, sum)| format!("<ETag>{e_tag}</ETag><ChecksumSHA256>{sum}</ChecksumSHA256>"));
        numbers.into_iter().zip(said).collect::<Vec<_>>()
    };
    let right = named([1, 2], [sum(&bytes[0]), sum(&bytes[1])]);
    let size = (5 * MIB + 10).to_string();
    let said = [("x-amz-mp-object-size", size.as_str()), ("x-amz-checksum-type", "COMPOSITE")];
    let first = upload.complete_saying(&right, &said).await.expect(200);
    assert_eq!(upload.complete_saying(&right, &said).await.expect(200).text(), first.text());

    let whole = sum(b"another");
    for others in [
        vec![("x-amz-mp-object-size", "7"), said[1]],
        vec![said[0], ("x-amz-checksum-type", "FULL_OBJECT")],
        vec![said[0], said[1], ("x-amz-checksum-sha256", &whole)],
    ] {
        upload.complete_saying(&right, &others).await.expect_error(404, "NoSuchUpload");
    }
    for others in [
        named([3, 4], [sum(&bytes[0]), sum(&bytes[1])]),
        named([1, 2], [sum(b"another"), sum(&bytes[1])]),
        right[..1].to_vec(),
    ] {
        upload.complete_saying(&others, &said).await.expect_error(404, "NoSuchUpload");
    }
    assert_eq!(upload.complete_saying(&right, &said).await.expect(200).text(), first.text());
}

#[tokio::test]
async fn a_completion_is_not_answered_again_on_a_later_branch_of_the_name() {
    let s3 = TestGateway::start().await;
    s3.create_branch("dev", "main").await;
    let mut upload = Upload::begin(&s3, "dev/a", &[]).await;
    upload.put(1, &part(1, 10)).await;
    upload.complete().await.expect(200);
    upload.complete().await.expect(200);
    s3.delete_branch("dev").await;
    upload.complete().await.expect_error(404, "NoSuchUpload");
    s3.create_branch("dev", "main").await;
    upload.complete().await.expect_error(404, "NoSuchUpload");
    assert!(s3.keys_on("dev").await.is_empty());
}

#[tokio::test]
async fn equal_parts_do_not_make_somebody_elses_object_ones_own() {
    let s3 = TestGateway::start().await;
    s3.create_branch("dev", "main").await;
    let bytes = part(1, 10);
    let mut done = Upload::begin(&s3, "main/a", &[]).await;
    done.put(1, &bytes).await;
    done.complete().await.expect(200);
    let mut aborted = Upload::begin(&s3, "main/a", &[]).await;
    aborted.put(1, &bytes).await;
    aborted.abort().await.expect(204);
    aborted.complete().await.expect_error(404, "NoSuchUpload");
    let body = format!(
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{}</ETag></Part></CompleteMultipartUpload>",
        done.parts[0].1
    );
    let complete =
        |target: &str, id: &str| s3.request(Method::POST, target).query(&[("uploadId", id)]).body(body.clone()).send();
    for id in ["00000000000000ff", "bogus", ""] {
        complete("/trips/main/a", id).await.expect_error(404, "NoSuchUpload");
    }
    s3.on(Method::PUT, "dev/a").header("x-amz-copy-source", "/trips/main/a").send().await.expect(200);
    s3.on(Method::PUT, "main/b").header("x-amz-copy-source", "/trips/main/a").send().await.expect(200);
    for target in ["/trips/dev/a", "/trips/main/b"] {
        complete(target, &done.id).await.expect_error(404, "NoSuchUpload");
    }
}

#[tokio::test]
async fn an_upload_does_not_go_over_to_a_later_branch_of_the_name() {
    let s3 = TestGateway::start().await;
    s3.create_branch("dev", "main").await;
    let mut upload = Upload::begin(&s3, "dev/a", &[]).await;
    upload.put(1, &part(1, 10)).await;
    s3.delete_branch("dev").await;
    upload.complete().await.expect_error(404, "NoSuchUpload");
    s3.create_branch("dev", "main").await;
    upload.complete().await.expect_error(404, "NoSuchUpload");
    let parts = upload.parts.clone();
    upload.put_with(2, &part(2, 10), &[]).await.expect_error(404, "NoSuchUpload");
    let copy = s3.on(Method::PUT, "dev/a").query(&[("partNumber", "3"), ("uploadId", &upload.id)]);
    s3.put_all(&["main/source"]).await;
    copy.header("x-amz-copy-source", "/trips/main/source").send().await.expect_error(404, "NoSuchUpload");
    upload.complete_with(&parts, &[]).await.expect_error(404, "NoSuchUpload");
    assert!(s3.keys_on("dev").await.is_empty());
    upload.abort().await.expect(204);
}

/// The upload as the metadata service has it.
async fn kept(s3: &TestGateway, upload: &Upload<'_>) -> Option<model::Upload> {
    let upload: UploadId = upload.id.parse().unwrap();
    match s3.graveler.meta().ask(GetUpload { repository: name(), upload }).await {
        Err(MetaError::Refused(_)) => None,
        found => Some(found.unwrap()),
    }
}

/// As after a crash between the two steps of a completion.
#[tokio::test]
async fn what_the_store_has_completed_is_taken_for_the_parts_that_it_is_of() {
    let (_folder, local) = local().await;
    let s3 = TestGateway::start_on(local, GatewayOptions::default()).await;
    let repository = s3.graveler.meta().repository(&name()).await.unwrap();
    let storage = s3.graveler.stores().repository(&repository.namespace).unwrap();
    let bytes = [part(1, 5 * MIB), part(2, 4000), part(3, 4000)];
    for is_aborted in [false, true] {
        let mut upload = Upload::begin(&s3, "main/a", &[]).await;
        for (number, bytes) in (1..).zip(&bytes) {
            upload.put(number, bytes).await;
        }
        let (with_2, with_3) = (&upload.parts[..2], [upload.parts[0].clone(), upload.parts[2].clone()]);
        s3.asked.fail_writes(Some(MetaError::Unavailable("no leader".into())));
        upload.complete_with(with_2, &[]).await.expect_error(503, "ServiceUnavailable");
        s3.asked.fail_writes(None);
        let address = kept(&s3, &upload).await.unwrap().new.address;
        assert_eq!(storage.data_size(&address).await.unwrap(), 5 * MIB as u64 + 4000);

        upload.complete_with(&with_3, &[]).await.expect_error(404, "NoSuchUpload");
        if is_aborted {
            upload.abort().await.expect(204);
            assert!(matches!(storage.data_size(&address).await, Err(StorageError::NotFound { .. })));
            upload.complete_with(with_2, &[]).await.expect_error(404, "NoSuchUpload");
        } else {
            let done = upload.complete_with(with_2, &[]).await.expect(200);
            assert_eq!(done.one("ETag"), whole_e_tag(&[&bytes[0], &bytes[1]]));
        }
        let got = s3.get("main/a").send().await.expect(200);
        assert_eq!(got.bytes(), &[&bytes[0][..], &bytes[1]].concat());
    }
}

/// As on S3 with a key of a key service, which answers each completion as the first one of its upload.
#[tokio::test]
async fn where_the_store_does_not_tell_the_size_does_or_else_the_bytes() {
    let counters = Counters::default();
    let stores = Completing::in_memory(Tags::Opaque).decorated(|store, multipart| {
        let counting = Counting::new(store, multipart, counters.clone());
        (Arc::clone(&counting) as _, counting)
    });
    let s3 = TestGateway::start_on(stores, GatewayOptions::default()).await;
    let bytes = [part(1, 5 * MIB), part(2, 4000), part(3, 4000)];
    let begin = async |key: &str, bytes: &[Bytes]| {
        let mut upload = Upload::begin(&s3, key, &[]).await;
        for (number, bytes) in (1..).zip(bytes) {
            upload.put(number, bytes).await;
        }
        upload
    };
    // As after a crash between the two steps of a completion.
    let joined_with_2 = async |upload: &Upload<'_>| {
        s3.asked.fail_writes(Some(MetaError::Unavailable("no leader".into())));
        upload.complete_with(&upload.parts[..2], &[]).await.expect_error(503, "ServiceUnavailable");
        s3.asked.fail_writes(None);
    };

    begin("main/usual", &bytes[..2]).await.complete().await.expect(200);
    assert_eq!(counters.requests(Verb::Get), 0, "the size tells");
    let fewer = begin("main/fewer", &[bytes[0].clone(), part(2, 5 * MIB), bytes[2].clone()]).await;
    joined_with_2(&fewer).await;
    counters.reset();
    fewer.complete().await.expect_error(404, "NoSuchUpload");
    assert_eq!(counters.requests(Verb::Get), 0, "so it does here");
    fewer.complete_with(&fewer.parts[..2], &[]).await.expect(200);

    let other = begin("main/other", &bytes).await;
    joined_with_2(&other).await;
    counters.reset();
    let with_3 = [other.parts[0].clone(), other.parts[2].clone()];
    other.complete_with(&with_3, &[]).await.expect_error(404, "NoSuchUpload");
    assert_ne!(counters.requests(Verb::Get), 0);
    let done = other.complete_with(&other.parts[..2], &[]).await.expect(200);
    assert_eq!(done.one("ETag"), whole_e_tag(&[&bytes[0], &bytes[1]]));
    assert_eq!(s3.get("main/other").send().await.expect(200).bytes(), &bytes[..2].concat());

    let mut replaced = begin("main/replaced", &bytes[..2]).await;
    replaced.put(2, &bytes[2]).await;
    counters.reset();
    replaced.complete().await.expect(200);
    assert_ne!(counters.requests(Verb::Get), 0, "another completion may have named what was there before");
}

#[tokio::test]
async fn the_location_is_a_url() {
    let domains = vec!["lake.test".to_owned()];
    let s3 = TestGateway::start_with(GatewayOptions { domains, ..GatewayOptions::default() }).await;
    let mut upload = Upload::begin(&s3, "main/dir/a b", &[]).await;
    upload.put(1, &part(1, 10)).await;
    let done = upload.complete().await.expect(200);
    assert_eq!(done.one("Location"), format!("http://{}/trips/main/dir/a%20b", s3.addr));

    let body = format!(
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{}</ETag></Part></CompleteMultipartUpload>",
        upload.parts[0].1
    );
    let by_host = s3.request(Method::POST, "/main/dir/a%20b").query(&[("uploadId", &upload.id)]).body(body);
    let by_host = by_host.header("host", "trips.lake.test:8000");
    let done = by_host.clone().send().await.expect(200);
    assert_eq!(done.one("Location"), "http://trips.lake.test:8000/main/dir/a%20b");
    let done = s3.handle_encrypted(&by_host).await;
    assert!(done.contains("<Location>https://trips.lake.test:8000/main/dir/a%20b</Location>"), "{done}");
}
