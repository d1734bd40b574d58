//! Objects whose bytes go into the object store past the server: whom an address is for, that it is linked once, and that
//! what is linked stays as it was.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lakebed_sdk::{PolicyHolder, UserName};
use md5::{Digest as _, Md5};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use storage::testing::Tags;

use super::{Answer, TRIPS};
use crate::lake::{TestLake, branch};

fn backing(branch: &str, path: &str) -> String {
    format!("{TRIPS}/branches/{branch}/staging/backing?path={path}")
}

fn metadata(address: &str, checksum: &str, size: usize) -> Value {
    json!({ "staging": { "physical_address": address }, "checksum": format!("\"{checksum}\""), "size_bytes": size })
}

/// Links bytes at an address to `main/linked`, as what they are.
async fn link(lake: &TestLake, address: &str, bytes: &[u8]) -> Answer {
    let body = metadata(address, &md5(bytes), bytes.len());
    lake.call("PUT", &backing("main", "linked")).json(&body).send().await
}

async fn address(lake: &TestLake) -> String {
    let location: Value = lake.get(&backing("main", "linked")).await.json(200);
    location["physical_address"].as_str().unwrap().to_owned()
}

fn md5(bytes: &[u8]) -> String {
    hex::encode(Md5::digest(bytes))
}

/// Where an address lies in the store.
fn key(address: &str) -> Path {
    Path::from(address.strip_prefix("mem://").or_else(|| address.strip_prefix("s3://lake/")).unwrap())
}

/// Puts bytes where an address is, as a client does with the store's own tools.
async fn put(lake: &TestLake, address: &str, bytes: &'static [u8]) {
    lake.store.put(&key(address), bytes.into()).await.unwrap();
}

/// Puts bytes by a signed URL; returns the store's ETag.
async fn put_by(lake: &TestLake, url: &str, bytes: &'static [u8]) -> String {
    let (path, query) = url.split_once('?').unwrap();
    assert!(query.contains("X-Amz-Signature="), "{url}");
    let path = Path::from_url_path(path.split_once("/lake/").unwrap().1).unwrap();
    let put = lake.store.put(&path, bytes.into()).await.unwrap();
    put.e_tag.unwrap().trim_matches('"').to_owned()
}

async fn keys(lake: &TestLake, under: &str) -> usize {
    use futures::TryStreamExt;
    lake.store.list(Some(&Path::from(under))).try_collect::<Vec<_>>().await.unwrap().len()
}

#[tokio::test]
async fn an_address_is_written_and_linked() {
    let lake = TestLake::new().await;
    let address = address(&lake).await;
    assert!(link(&lake, &address, b"bytes").await.message(400).contains("upload the object"));
    put(&lake, &address, b"bytes").await;
    assert!(link(&lake, &address, b"bytes!").await.message(400).contains("5 bytes"));
    assert!(link(&lake, &address, b"other").await.message(400).contains("checksum"));
    let linked = link(&lake, &address, b"bytes").await.json(200);
    assert_eq!((&linked["checksum"], &linked["size_bytes"]), (&json!(md5(b"bytes")), &json!(5)));
    assert_eq!(lake.read("main", "linked").await.unwrap(), "bytes");
    let absent = self::address(&lake).await;
    put(&lake, &absent, b"more").await;
    let body = metadata(&absent, &md5(b"more"), 4);
    let refused = lake.call("PUT", &backing("main", "linked")).header("if-none-match", "*").json(&body).send().await;
    assert_eq!(refused.status, 412);
    // What wasn't linked can be, where it was meant to be.
    assert_eq!(link(&lake, &absent, b"more").await.status, 200);
    assert_eq!((keys(&lake, "trips/staging").await, keys(&lake, "trips/data").await), (0, 2), "nothing is left over");
}

#[tokio::test]
async fn no_other_address_is_linked() {
    let lake = TestLake::new().await;
    lake.put("main", "secret", "hidden").await;
    let stat = lake.get(&format!("{TRIPS}/refs/main/objects/stat?path=secret")).await.json(200);
    let theirs = stat["physical_address"].as_str().unwrap();
    let address = address(&lake).await;
    let (named, certificate) = address.rsplit_once('-').unwrap();
    let forged = format!("{}-{certificate}", &named[..named.len() - 1]);
    let other = json!({ "name": "other", "storage_namespace": "mem://other" });
    lake.post("/api/v1/repositories", other).await.json(201);
    let elsewhere = address.replace("mem://trips", "mem://other");
    for bad in
        ["", "mem://trips/", "mem://trips/_lakebed/format.json", "mem://other/data/x", theirs, &forged, &elsewhere]
    {
        assert!(link(&lake, bad, b"hidden").await.message(400).contains("physical_address"), "{bad}");
    }
}

/// A user who may do everything with objects, and the header that proves it.
async fn colleague(lake: &TestLake, name: &str) -> String {
    let user: UserName = name.parse().unwrap();
    lake.lakebed.create_user(&user).await.unwrap();
    let policy = "FSFullAccess".parse().unwrap();
    lake.lakebed.attach_policy(&policy, &PolicyHolder::User(user.clone())).await.unwrap();
    let key = lake.lakebed.create_credential(&user).await.unwrap();
    let secret = key.secret_access_key.expose_secret();
    format!("Basic {}", STANDARD.encode(format!("{}:{secret}", key.access_key_id)))
}

#[tokio::test]
async fn an_address_is_of_one_user_branch_and_path() {
    let lake = TestLake::new().await;
    lake.branch_off("dev", "main").await;
    let address = address(&lake).await;
    put(&lake, &address, b"bytes").await;
    let body = metadata(&address, &md5(b"bytes"), 5);
    let ann = colleague(&lake, "ann").await;
    let by_ann = lake.call_as_nobody("PUT", &backing("main", "linked")).header("authorization", &ann).json(&body);
    assert!(by_ann.send().await.message(400).contains("given to you"));
    for (branch, path) in [("dev", "linked"), ("main", "other"), ("main", "linked2")] {
        let elsewhere = lake.call("PUT", &backing(branch, path)).json(&body).send().await;
        assert!(elsewhere.message(400).contains("given to you"), "{branch}/{path}");
    }
    // A branch that was made anew under the name is another one.
    let of_dev = lake.get(&backing("dev", "linked")).await.json(200)["physical_address"].as_str().unwrap().to_owned();
    put(&lake, &of_dev, b"bytes").await;
    lake.lakebed.delete_branch(&lake.trips, &branch("dev")).await.unwrap();
    lake.branch_off("dev", "main").await;
    let body = metadata(&of_dev, &md5(b"bytes"), 5);
    assert!(lake.call("PUT", &backing("dev", "linked")).json(&body).send().await.message(400).contains("given to you"));
    assert_eq!((lake.paths("main").await, lake.paths("dev").await), (vec![], vec![]));
    assert_eq!(link(&lake, &address, b"bytes").await.status, 200);
}

#[tokio::test]
async fn an_address_is_linked_once_and_a_link_that_is_tried_again_has_its_answer() {
    let lake = TestLake::new().await;
    let address = address(&lake).await;
    put(&lake, &address, b"bytes").await;
    let loud = metadata(&address, &md5(b"bytes").to_uppercase(), 5);
    let first = lake.call("PUT", &backing("main", "linked")).json(&loud).send().await.json(200);
    assert_eq!(first["checksum"], md5(b"bytes"), "as stores spell it");
    assert_eq!(link(&lake, &address, b"bytes").await.json(200), first, "its answer may have been lost");
    lake.commit("main", "linked").await;
    assert_eq!(link(&lake, &address, b"bytes").await.json(200), first, "and it may have been committed");

    put(&lake, &address, b"other").await;
    assert!(link(&lake, &address, b"other").await.message(400).contains("linked already"));
    assert_eq!(lake.read("main", "linked").await.unwrap(), "bytes");
    assert_eq!(keys(&lake, "trips/data").await, 1, "what is refused leaves no copy");
    let mut described = metadata(&address, &md5(b"bytes"), 5);
    described["content_type"] = json!("text/plain");
    let otherwise = lake.call("PUT", &backing("main", "linked")).json(&described).send().await;
    assert_eq!(otherwise.status, 400, "nor is it linked as something else");
    lake.delete("main", "linked").await;
    assert_eq!(link(&lake, &address, b"bytes").await.status, 400, "it isn't brought back");
    assert_eq!(lake.paths("main").await, [""; 0]);
}

#[tokio::test]
async fn a_link_whose_answer_was_lost_deletes_nothing_that_it_staged() {
    let lake = TestLake::new().await;
    let address = address(&lake).await;
    put(&lake, &address, b"bytes").await;
    lake.meta.lose_next_staging_s_answer();
    assert_eq!(link(&lake, &address, b"bytes").await.status, 504);
    assert_eq!(lake.read("main", "linked").await.unwrap(), "bytes");
    lake.commit("main", "linked").await;
    let again = link(&lake, &address, b"bytes").await.json(200);
    assert_eq!(lake.read("main", "linked").await.unwrap(), "bytes");
    let stat = lake.get(&format!("{TRIPS}/refs/main/objects/stat?path=linked")).await.json(200);
    assert_eq!(again["physical_address"], stat["physical_address"]);
    assert_eq!((keys(&lake, "trips/staging").await, keys(&lake, "trips/data").await), (0, 1), "nothing is left over");
}

#[tokio::test]
async fn of_links_at_the_same_time_one_is_staged() {
    let lake = TestLake::new().await;
    for round in 0..20 {
        let address = address(&lake).await;
        put(&lake, &address, b"bytes").await;
        let before = keys(&lake, "trips/data").await;
        let described = |content_type: &str| {
            let mut body = metadata(&address, &md5(b"bytes"), 5);
            body["content_type"] = json!(content_type);
            body
        };
        let link = async |body: Value| lake.call("PUT", &backing("main", "linked")).json(&body).send().await;
        let (a, b) = tokio::join!(link(described("text/a")), link(described("text/b")));
        let won: Vec<_> = [&a, &b].into_iter().filter(|answer| answer.status == 200).collect();
        assert_eq!(won.len(), 1, "round {round}: {} {}", a.status, b.status);
        let stat = lake.get(&format!("{TRIPS}/refs/main/objects/stat?path=linked")).await.json(200);
        assert_eq!(stat["content_type"], won[0].json(200)["content_type"]);
        assert_eq!(lake.read("main", "linked").await.unwrap(), "bytes");
        assert_eq!(keys(&lake, "trips/data").await, before + 1, "the other's copy is gone");

        let address = self::address(&lake).await;
        put(&lake, &address, b"bytes").await;
        let same = metadata(&address, &md5(b"bytes"), 5);
        let (a, b) = tokio::join!(link(same.clone()), link(same));
        assert_eq!(a.json(200)["physical_address"], b.json(200)["physical_address"], "the same link has one answer");
    }
}

/// No part of an address that was given out is in what anybody is shown.
async fn shows_nothing_of(lake: &TestLake, given: &str) {
    let certificate = given.rsplit_once('-').unwrap().1;
    let name = given.rsplit_once('/').unwrap().1;
    for shown in ["objects/stat?path=linked", "objects/ls", "objects/ls?prefix=linked"] {
        let answer = lake.get(&format!("{TRIPS}/refs/main/{shown}")).await;
        let text = String::from_utf8(answer.bytes).unwrap();
        assert!(text.contains("/data/") && !text.contains(certificate) && !text.contains(name), "{text}");
    }
    let stat = lake.lakebed.stat(&lake.trips, "main", &crate::lake::object("linked")).await.unwrap();
    assert!(stat.physical_address.starts_with("data/") && !stat.physical_address.contains(certificate));
}

#[tokio::test]
async fn what_is_linked_is_beyond_the_reach_of_its_url() {
    let lake = TestLake::signing().await;
    let location = lake.get(&format!("{}&presign=true", backing("main", "linked"))).await.json(200);
    let (url, address) = (location["presigned_url"].as_str().unwrap(), location["physical_address"].as_str().unwrap());
    let e_tag = put_by(&lake, url, b"as it was linked").await;
    let body = metadata(address, &e_tag, 16);
    let linked = lake.call("PUT", &backing("main", "linked")).json(&body).send().await.json(200);
    assert_eq!(linked["checksum"], e_tag);
    assert_ne!(linked["physical_address"], address);
    shows_nothing_of(&lake, address).await;
    for committed in [false, true] {
        put_by(&lake, url, b"something else!!").await;
        assert_eq!(lake.read("main", "linked").await.unwrap(), "as it was linked", "committed: {committed}");
        if !committed {
            lake.commit("main", "linked").await;
        }
    }
    // Nor is what was written afterwards linked by the ETag that it had before.
    assert!(lake.call("PUT", &backing("main", "linked")).json(&body).send().await.json(200)["checksum"] == e_tag);
    assert_eq!(lake.read("main", "linked").await.unwrap(), "as it was linked");
}

#[tokio::test]
async fn bytes_that_changed_since_their_etag_was_told_are_not_linked() {
    let lake = TestLake::signing().await;
    let location = lake.get(&format!("{}&presign=true", backing("main", "linked"))).await.json(200);
    let (url, address) = (location["presigned_url"].as_str().unwrap(), location["physical_address"].as_str().unwrap());
    let e_tag = put_by(&lake, url, b"first").await;
    put_by(&lake, url, b"other").await;
    let body = metadata(address, &e_tag, 5);
    let refused = lake.call("PUT", &backing("main", "linked")).json(&body).send().await;
    assert!(refused.message(400).contains("checksum"));
    assert_eq!(keys(&lake, "trips/data").await, 0, "no copy is left");
}

#[tokio::test]
async fn urls_of_listings_are_for_who_may_read() {
    let lake = TestLake::signing().await;
    for path in ["open/a", "secret/a"] {
        lake.put("main", path, "1").await;
    }
    let user: UserName = "ann".parse().unwrap();
    lake.lakebed.create_user(&user).await.unwrap();
    let resource = "arn:lakefs:fs:::repository/trips/object/open/*";
    let document = json!({ "statement": [
        { "effect": "allow", "action": ["fs:ListObjects", "fs:ReadRepository"], "resource": "*" },
        { "effect": "allow", "action": ["fs:ReadObject"], "resource": resource },
    ] });
    let policy = "of ann".parse().unwrap();
    lake.lakebed.create_policy(&policy, &document.to_string()).await.unwrap();
    lake.lakebed.attach_policy(&policy, &PolicyHolder::User(user.clone())).await.unwrap();
    let key = lake.lakebed.create_credential(&user).await.unwrap();
    let proof = STANDARD.encode(format!("{}:{}", key.access_key_id, key.secret_access_key.expose_secret()));
    let list = format!("{TRIPS}/refs/main/objects/ls?presign=true");
    let listed = lake.call_as_nobody("GET", &list).header("authorization", &format!("Basic {proof}")).send().await;
    let listed = listed.json(200);
    let is_signed = |at: usize| listed["results"][at]["physical_address"].as_str().unwrap().contains("X-Amz-Signature");
    assert!(is_signed(0) && !is_signed(1), "{listed}");
    assert_eq!(listed["results"][1].get("physical_address_expiry"), None);
}

/// A part by its signed URL; returns its ETag.
async fn put_part(lake: &TestLake, url: &str, bytes: &'static [u8]) -> Result<String, object_store::Error> {
    let (path, query) = url.split_once('?').unwrap();
    let path = Path::from_url_path(path.split_once("/lake/").unwrap().1).unwrap();
    let of = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(&format!("{name}="))).unwrap().to_owned();
    let (number, upload): (usize, String) = (of("partNumber").parse().unwrap(), of("uploadId"));
    Ok(lake.multipart.put_part(&path, &upload, number - 1, bytes.into()).await?.content_id)
}

#[tokio::test]
async fn an_upload_in_parts_is_of_one_user_and_path_and_ends_once() {
    let lake = TestLake::signing().await;
    let pmpu = |rest: &str, path: &str| format!("{TRIPS}/branches/main/staging/pmpu{rest}?path={path}");
    let begun = lake.call("POST", &format!("{}&parts=2", pmpu("", "linked"))).send().await.json(201);
    let (address, id) = (begun["physical_address"].as_str().unwrap(), begun["upload_id"].as_str().unwrap());
    let url = |at: usize| begun["presigned_urls"][at].as_str().unwrap();
    let e_tags = [put_part(&lake, url(0), b"one ").await.unwrap(), put_part(&lake, url(1), b"two").await.unwrap()];
    let parts = json!([{ "part_number": 1, "etag": e_tags[0] }, { "part_number": 2, "etag": e_tags[1] }]);
    let body = json!({ "physical_address": address, "parts": parts });
    let end = format!("/{id}");

    let ann = colleague(&lake, "ann").await;
    let of_ann = lake.call_as_nobody("PUT", &pmpu(&end, "linked")).header("authorization", &ann).json(&body);
    assert!(of_ann.send().await.message(400).contains("given to you"));
    let given_up = lake.call_as_nobody("DELETE", &pmpu(&end, "linked")).header("authorization", &ann).json(&body);
    assert!(given_up.send().await.message(400).contains("given to you"));
    let part = lake.call_as_nobody("PUT", &pmpu(&format!("{end}/parts/3"), "linked")).header("authorization", &ann);
    assert!(part.json(&body).send().await.message(400).contains("given to you"));
    assert!(lake.call("PUT", &pmpu(&end, "other")).json(&body).send().await.message(400).contains("given to you"));
    let whole = metadata(address, "x", 7);
    assert_eq!(lake.call("PUT", &backing("main", "linked")).json(&whole).send().await.status, 400, "another way");

    let complete = async || lake.call("PUT", &pmpu(&end, "linked")).json(&body).send().await;
    let linked = complete().await.json(200);
    assert_eq!(lake.read("main", "linked").await.unwrap(), "one two");
    shows_nothing_of(&lake, address).await;
    assert_eq!(complete().await.json(200), linked, "its answer may have been lost");
    let fewer = json!({ "physical_address": address, "parts": [parts[0]] });
    let other = lake.call("PUT", &pmpu(&end, "linked")).json(&fewer).send().await;
    assert!(other.message(404).contains("completed with other parts"));
    assert_eq!(lake.get(&format!("{TRIPS}/refs/main/objects/stat?path=linked")).await.json(200), linked);
    assert!(put_part(&lake, url(0), b"late").await.is_err(), "the upload has ended");
    lake.delete("main", "linked").await;
    assert!(complete().await.status.as_u16() >= 400, "it isn't brought back");
    assert_eq!(lake.paths("main").await, [""; 0]);
}

#[tokio::test]
async fn an_upload_in_parts_is_linked_only_where_the_store_tells_its_parts() {
    let lake = TestLake::signing_with(Tags::Opaque).await;
    let pmpu = |rest: &str| format!("{TRIPS}/branches/main/staging/pmpu{rest}?path=linked");
    let begun = lake.call("POST", &format!("{}&parts=1", pmpu(""))).send().await.json(201);
    let end = pmpu(&format!("/{}", begun["upload_id"].as_str().unwrap()));
    let e_tag = put_part(&lake, begun["presigned_urls"][0].as_str().unwrap(), b"one").await.unwrap();
    let complete = async |e_tag: &str| {
        let parts = json!([{ "part_number": 1, "etag": e_tag }]);
        let body = json!({ "physical_address": begun["physical_address"], "parts": parts });
        lake.call("PUT", &end).json(&body).send().await
    };
    assert!(complete("no MD5").await.message(400).contains("part 1"), "nothing is done");
    for _ in 0..2 {
        assert!(complete(&e_tag).await.message(501).contains("upload through the server"));
    }
    assert_eq!(lake.paths("main").await, [""; 0]);
}

#[tokio::test]
async fn a_store_that_signs_nothing_is_read_through_the_server() {
    let lake = TestLake::new().await;
    lake.put("main", "a", "1").await;
    let signed = format!("{}&presign=true", backing("main", "a"));
    assert!(lake.get(&signed).await.message(400).contains("pre-sign"));
    let read = lake.get(&format!("{TRIPS}/refs/main/objects?path=a&presign=true")).await;
    assert_eq!((read.status.as_u16(), &read.bytes[..]), (200, &b"1"[..]));
    let stats = lake.get(&format!("{TRIPS}/refs/main/objects/stat?path=a&presign=true")).await.json(200);
    assert!(stats["physical_address"].as_str().unwrap().starts_with("mem://trips/"), "{stats}");
    assert_eq!(stats.get("physical_address_expiry"), None);
    let upload = format!("{TRIPS}/branches/main/staging/pmpu?path=a&parts=2");
    assert_eq!(lake.call("POST", &upload).send().await.status, 501);
}

#[tokio::test]
async fn an_address_without_bytes_is_linked_only_where_the_operator_says_so() {
    let lake =
        TestLake::with_options(|options| api_server::ApiServerOptions { links_without_bytes: true, ..options }).await;
    let address = address(&lake).await;
    let body = metadata(&address, "abc", 1 << 20);
    let link = async || lake.call("PUT", &backing("main", "linked")).json(&body).send().await;
    let linked = link().await.json(200);
    assert_eq!((&linked["size_bytes"], &linked["checksum"]), (&json!(1 << 20), &json!("abc")));
    assert_eq!(link().await.json(200), linked, "its answer may have been lost");
    // Without the setting: `an_address_is_written_and_linked`.
}
