//! Objects whose bytes go into the object store past the server.

use serde_json::{Value, json};

use super::{Answer, TRIPS};
use crate::lake::TestLake;

const BACKING: &str = "/api/v1/repositories/trips/branches/main/staging/backing";

async fn link(lake: &TestLake, address: &str, size: u64) -> Answer {
    let body = json!({ "staging": { "physical_address": address }, "checksum": "\"abc\"", "size_bytes": size });
    lake.call("PUT", &format!("{BACKING}?path=linked")).json(&body).send().await
}

async fn address(lake: &TestLake) -> String {
    let location: Value = lake.get(&format!("{BACKING}?path=linked")).await.json(200);
    location["physical_address"].as_str().unwrap().to_owned()
}

/// Puts bytes where an address is, as a client does with the store's own tools.
async fn put(lake: &TestLake, url: &str, bytes: &'static [u8]) {
    use futures::StreamExt;
    let repository = lake.graveler.meta().repository(&lake.trips).await.unwrap();
    let storage = lake.graveler.stores().repository(&repository.namespace).unwrap();
    let relative = url.strip_prefix("mem://trips/").unwrap().to_owned();
    let body = futures::stream::iter([Ok(bytes::Bytes::from_static(bytes))]).boxed();
    storage.put_data(&model::Address::Relative(relative), body, None).await.unwrap();
}

#[tokio::test]
async fn an_address_is_written_and_linked() {
    let lake = TestLake::new().await;
    let address = address(&lake).await;
    assert!(link(&lake, &address, 5).await.message(400).contains("upload the object"));
    put(&lake, &address, b"bytes").await;
    assert!(link(&lake, &address, 6).await.message(400).contains("5 bytes"));
    let linked = link(&lake, &address, 5).await.json(200);
    assert_eq!((&linked["checksum"], &linked["physical_address"]), (&json!("abc"), &json!(address)));
    assert_eq!(lake.read("main", "linked").await.unwrap(), "bytes");
    let body = json!({ "staging": { "physical_address": address }, "checksum": "abc", "size_bytes": 5 });
    let absent = lake.call("PUT", &format!("{BACKING}?path=linked")).header("if-none-match", "*").json(&body);
    assert_eq!(absent.send().await.status, 412);
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
        assert!(link(&lake, bad, 6).await.message(400).contains("physical_address"), "{bad}");
    }
}

#[tokio::test]
async fn a_store_that_signs_nothing_is_read_through_the_server() {
    let lake = TestLake::new().await;
    lake.put("main", "a", "1").await;
    let signed = format!("{BACKING}?path=a&presign=true");
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
    let linked = link(&lake, &address, 0).await.json(200);
    assert_eq!((&linked["size_bytes"], &linked["checksum"]), (&json!(0), &json!("abc")));
    // Without the setting: `an_address_is_written_and_linked`.
}
