//! Objects over REST: written raw and as forms, read whole and in parts, on conditions.

use serde_json::json;

use super::{Answer, TRIPS};
use crate::lake::TestLake;

async fn upload(lake: &TestLake, path: &str, body: &str) -> Answer {
    lake.call("POST", &format!("{TRIPS}/branches/main/objects?path={path}"))
        .header("content-type", "text/csv")
        .header("x-lakefs-meta-color", "grün")
        .body(body.to_owned())
        .send()
        .await
}

fn object(path: &str) -> String {
    format!("{TRIPS}/refs/main/objects?path={path}")
}

#[tokio::test]
async fn what_is_written_is_read() {
    let lake = TestLake::new().await;
    let written = upload(&lake, "a%20b", "hello").await.json(201);
    assert_eq!(written["path"], "a b");
    assert_eq!(written["checksum"], "5d41402abc4b2a76b9719d911017c592");
    assert!(written["physical_address"].as_str().unwrap().starts_with("mem://trips/data/"));
    let stat = lake.get(&format!("{TRIPS}/refs/main/objects/stat?path=a%20b")).await.json(200);
    assert_eq!(stat, written);
    assert_eq!(stat["metadata"], json!({ "color": "grün" }));

    let read = lake.get(&object("a%20b")).await;
    assert_eq!((read.status.as_u16(), read.bytes.as_slice()), (200, &b"hello"[..]));
    assert_eq!(read.header("content-type"), "text/csv");
    assert_eq!(read.header("etag"), "\"5d41402abc4b2a76b9719d911017c592\"");
    assert_eq!(read.header("x-content-type-options"), "nosniff");
    let head = lake.call("HEAD", &object("a%20b")).send().await;
    assert_eq!((head.status.as_u16(), head.bytes.len(), head.header("content-length")), (200, 0, "5"));
    assert_eq!(head.headers["x-lakefs-meta-color"].as_bytes(), "grün".as_bytes());
}

#[tokio::test]
async fn a_form_s_content_is_the_object() {
    let lake = TestLake::new().await;
    let form = "--b\r\ncontent-disposition: form-data; name=\"other\"\r\n\r\nx\r\n\
                --b\r\ncontent-disposition: form-data; name=\"content\"; filename=\"f\"\r\ncontent-type: text/plain\r\n\r\n\
                in a form\r\n--b--\r\n";
    let send = |form: &str| {
        lake.call("POST", &format!("{TRIPS}/branches/main/objects?path=form"))
            .header("content-type", "multipart/form-data; boundary=b")
            .body(form.to_owned())
            .send()
    };
    let written = send(form).await.json(201);
    assert_eq!((&written["size_bytes"], &written["content_type"]), (&json!(9), &json!("text/plain")));
    assert_eq!(lake.get(&object("form")).await.bytes, b"in a form");
    assert!(
        send("--b\r\ncontent-disposition: form-data; name=\"x\"\r\n\r\nx\r\n--b--\r\n")
            .await
            .message(400)
            .contains("content")
    );
    // Cut off: nothing is written over what is there.
    assert_eq!(send(&form[..form.len() - 12]).await.status, 400);
    assert_eq!(lake.get(&object("form")).await.bytes, b"in a form");
}

#[tokio::test]
async fn ranges_and_conditions_are_s3_s() {
    let lake = TestLake::new().await;
    upload(&lake, "a", "0123456789").await.json(201);
    let ask = |name: &'static str, value: &'static str| lake.call("GET", &object("a")).header(name, value).send();
    let part = ask("range", "bytes=2-4").await;
    assert_eq!((part.status.as_u16(), part.bytes.as_slice()), (206, &b"234"[..]));
    assert_eq!(part.header("content-range"), "bytes 2-4/10");
    assert_eq!(ask("range", "bytes=-3").await.bytes, b"789");
    let beyond = ask("range", "bytes=10-").await;
    assert_eq!((beyond.status.as_u16(), beyond.header("content-range")), (416, "bytes */10"));
    assert_eq!(ask("if-none-match", "*").await.status, 304);
    assert_eq!(ask("if-match", "\"other\"").await.status, 412);

    let write = |name: &'static str, value: &'static str| {
        lake.call("POST", &format!("{TRIPS}/branches/main/objects?path=a")).header(name, value).body("new").send()
    };
    assert_eq!(write("if-none-match", "*").await.status, 412);
    assert_eq!(write("if-match", "\"other\"").await.status, 412);
    assert_eq!(write("if-none-match", "\"some\"").await.status, 400);
    assert_eq!(write("if-match", "\"781e5e245d69b566979b86e28d23f2c7\"").await.status, 201);
}

#[tokio::test]
async fn objects_are_listed_copied_described_anew_and_deleted() {
    let lake = TestLake::new().await;
    for path in ["a/1", "a/2", "b"] {
        upload(&lake, path, path).await.json(201);
    }
    let list = lake.get(&format!("{TRIPS}/refs/main/objects/ls?delimiter=/&amount=1")).await.json(200);
    assert_eq!(list["results"][0]["path_type"], "common_prefix");
    assert_eq!(
        list["pagination"],
        json!({ "has_more": true, "next_offset": "a/", "results": 1, "max_per_page": 1000 })
    );
    let list = lake.get(&format!("{TRIPS}/refs/main/objects/ls?delimiter=/&after=a/")).await.json(200);
    assert_eq!((list["results"].as_array().unwrap().len(), &list["results"][0]["path"]), (1, &json!("b")));

    let copy = format!("{TRIPS}/branches/main/objects/copy?dest_path=c");
    let copied = lake.post(&copy, json!({ "src_path": "a/1", "shallow": true })).await.json(201);
    let source = lake.get(&format!("{TRIPS}/refs/main/objects/stat?path=a/1")).await.json(200);
    assert_eq!(copied["physical_address"], source["physical_address"]);

    let metadata = format!("{TRIPS}/branches/main/objects/stat/user_metadata?path=c");
    let set = json!({ "set": { "k": "v" } });
    assert_eq!(lake.call("PUT", &metadata).json(&set).send().await.status, 204);
    let stat = lake.get(&format!("{TRIPS}/refs/main/objects/stat?path=c")).await.json(200);
    assert_eq!((&stat["metadata"], &stat["checksum"]), (&set["set"], &source["checksum"]));

    let some = json!({ "paths": ["a/1", "a/2", "never"] });
    let deleted = lake.post(&format!("{TRIPS}/branches/main/objects/delete"), some).await.json(200);
    assert_eq!(deleted, json!({ "errors": [] }));
    let one = lake.call("DELETE", &format!("{TRIPS}/branches/main/objects?path=b")).send().await;
    assert_eq!(one.status, 204);
    assert_eq!(lake.paths("main").await, ["c"]);
}
