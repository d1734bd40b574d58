//! What lakeFS's clients send and look for that no description says: `lakectl` and its packages for Python.

use serde_json::{Value, json};

use super::TRIPS;
use crate::lake::TestLake;

const OBJECTS: &str = "/api/v1/repositories/trips/branches/main/objects";

fn stat(path: &str) -> String {
    format!("{TRIPS}/refs/main/objects/stat?path={path}")
}

#[tokio::test]
async fn what_clients_note_of_files_is_metadata() {
    let lake = TestLake::new().await;
    let written = lake
        .call("POST", &format!("{OBJECTS}?path=file"))
        .header("x-lakefs-internal-client-mtime", "1700000000")
        .header("x-lakefs-internal-posix-permissions", "{\"mode\":420}")
        .header("x-lakefs-meta-color", "blue")
        .body("x")
        .send()
        .await;
    let metadata = json!({
        "::lakefs::client-mtime": "1700000000",
        "::lakefs::posix-permissions": "{\"mode\":420}",
        "color": "blue",
    });
    assert_eq!(written.json(201)["metadata"], metadata);
    assert_eq!(lake.get(&stat("file")).await.json(200)["metadata"], metadata);
    let head = lake.call("HEAD", &format!("{TRIPS}/refs/main/objects?path=file")).send().await;
    assert_eq!(
        (head.header("x-lakefs-internal-client-mtime"), head.header("x-lakefs-meta-color")),
        ("1700000000", "blue")
    );
}

#[tokio::test]
async fn names_of_metadata_stay_as_they_are_sent() {
    let lake = TestLake::new().await;
    lake.put("main", "file", "x").await;
    let update = format!("{OBJECTS}/stat/user_metadata?path=file");
    let set = json!({ "::lakefs::client-mtime": "1", "Color Of It": "red", "color": "blue" });
    let updated = lake.call("PUT", &update).json(&json!({ "set": set })).send().await;
    assert_eq!((updated.status.as_u16(), updated.bytes.len()), (204, 0));
    assert_eq!(lake.get(&stat("file")).await.json(200)["metadata"], set);
    for bad in ["", "a\nb"] {
        let refused = lake.call("PUT", &update).json(&json!({ "set": { bad: "x" } })).send().await;
        assert!(refused.message(400).contains("metadata"), "{bad:?}");
    }
}

/// S3's tags are kept among the metadata.
#[tokio::test]
async fn metadata_that_is_replaced_leaves_an_object_s_tags() {
    let lake = TestLake::new().await;
    lake.put("main", "file", "x").await;
    let update = async |set: Value| {
        let update = format!("{OBJECTS}/stat/user_metadata?path=file");
        lake.call("PUT", &update).json(&json!({ "set": set })).send().await
    };
    let metadata = async || lake.get(&stat("file")).await.json(200)["metadata"].clone();
    assert_eq!(update(json!({ "::lakebed::tags": "team=data%20lake" })).await.status, 204);
    assert_eq!(update(json!({ "color": "blue" })).await.status, 204);
    assert_eq!(metadata().await, json!({ "::lakebed::tags": "team=data%20lake", "color": "blue" }));
    for bad in ["a=1&a=2", "=1", "a%26=1", "a=%FF"] {
        let refused = update(json!({ "::lakebed::tags": bad })).await;
        assert!(refused.message(400).contains("::lakebed::tags"), "{bad:?}");
    }
    // Ten of them may be larger than all other metadata.
    let large = (0..10).map(|n| format!("{n}={}", "v".repeat(256))).collect::<Vec<_>>().join("&");
    assert_eq!(update(json!({ "::lakebed::tags": large })).await.status, 204);
    assert_eq!(metadata().await, json!({ "::lakebed::tags": large }));
    assert_eq!(update(json!({ "::lakebed::tags": "" })).await.status, 204);
    assert_eq!(metadata().await, json!({}));
}

#[tokio::test]
async fn paths_that_are_escaped_twice_mean_the_same() {
    let lake = TestLake::new().await;
    lake.put("main", "a", "1").await;
    let first = lake.commit("main", "first").await.id.to_string();
    lake.put("main", "a", "2").await;
    lake.commit("main", "second").await;
    for parent in ["main~1", "main^", "main%5E", "main%255E", "main%255E1", "main%257E1"] {
        assert_eq!(lake.get(&format!("{TRIPS}/commits/{parent}")).await.json(200)["id"], json!(first), "{parent}");
    }
    lake.post(&format!("{TRIPS}/tags"), json!({ "id": "vé", "ref": "main" })).await.json(201);
    for tag in ["v%C3%A9", "v%25C3%25A9"] {
        assert_eq!(lake.get(&format!("{TRIPS}/tags/{tag}")).await.json(200)["id"], "vé", "{tag}");
    }
    lake.post("/api/v1/auth/users", json!({ "id": "ann lee" })).await.json(201);
    assert_eq!(lake.get("/api/v1/auth/users/ann%2520lee").await.json(200)["id"], "ann lee");
    let part = format!("{TRIPS}/branches/main/staging/pmpu/up%2525/parts/none?path=a");
    assert!(
        lake.call("PUT", &part).json(&json!({ "physical_address": "x" })).send().await.message(400).contains("path")
    );
    for (at, name) in [(format!("{TRIPS}/tags"), "a%5E"), ("/api/v1/auth/users".to_owned(), "a%41")] {
        let refused = lake.post(&at, json!({ "id": name, "ref": "main" })).await;
        assert!(refused.message(400).contains("two hex digits"), "{name}");
    }
}

#[tokio::test]
async fn a_log_goes_on_after_any_ref() {
    let lake = TestLake::new().await;
    for message in ["one", "two", "three"] {
        lake.put("main", "a", message).await;
        lake.commit("main", message).await;
    }
    let tag = json!({ "id": "two", "ref": "main~1" });
    lake.post(&format!("{TRIPS}/tags"), tag).await.json(201);
    let log = async |after: &str| -> Vec<Value> {
        let page = lake.get(&format!("{TRIPS}/refs/main/commits?after={after}")).await.json(200);
        page["results"].as_array().unwrap().iter().map(|commit| commit["message"].clone()).collect()
    };
    for after in ["two", "main~1", "main%5E"] {
        assert_eq!(log(after).await, ["one", "Repository created"], "{after}");
    }
    let all = lake.get(&format!("{TRIPS}/refs/main/commits?amount=1")).await.json(200);
    assert_eq!(log(all["pagination"]["next_offset"].as_str().unwrap()).await, ["two", "one", "Repository created"]);
    let nowhere = lake.get(&format!("{TRIPS}/refs/main/commits?after=nowhere")).await;
    assert!(nowhere.message(404).contains("not found"));
}

#[tokio::test]
async fn namespaces_may_have_a_slash_too_many_behind_the_default_prefix() {
    let lake = TestLake::empty().await;
    let config = lake.get("/api/v1/config").await.json(200);
    let prefix = config["storage_config"]["default_namespace_prefix"].as_str().unwrap();
    let made = json!({ "name": "slashed", "storage_namespace": format!("{prefix}/slashed") });
    assert_eq!(lake.post("/api/v1/repositories", made).await.json(201)["storage_namespace"], "mem://slashed");
    assert_eq!(config["version_config"]["version_context"], "lakeFS", "what else there is makes lakectl warn");
}

#[tokio::test]
async fn what_was_removed_has_no_size() {
    let lake = TestLake::new().await;
    lake.put("main", "a", "four").await;
    lake.commit("main", "first").await;
    lake.delete("main", "a").await;
    lake.put("main", "b", "other").await;
    let sizes = |diff: &Value| {
        diff["results"].as_array().unwrap().iter().map(|item| item["size_bytes"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(sizes(&lake.get(&format!("{TRIPS}/branches/main/diff")).await.json(200)), [0, 5]);
    lake.commit("main", "second").await;
    let two_dot = format!("{TRIPS}/refs/main~1/diff/main?type=two_dot");
    assert_eq!(sizes(&lake.get(&two_dot).await.json(200)), [0, 5]);
}

#[tokio::test]
async fn a_tree_s_files_are_told_and_read() {
    let lake = TestLake::new().await;
    lake.put("main", "a", "1").await;
    lake.commit("main", "first").await;
    let id = lake.get(&format!("{TRIPS}/commits/main")).await.json(200)["meta_range_id"].as_str().unwrap().to_owned();
    let told = lake.get(&format!("{TRIPS}/metadata/meta_range/{id}")).await;
    let location = told.json(200)["location"].as_str().unwrap().to_owned();
    assert_eq!((told.header("location"), location.starts_with("mem://trips/_lakebed/")), (location.as_str(), true));

    let at = format!("{TRIPS}/metadata/object");
    for query in ["", "?presign=true"] {
        let read = lake.get(&format!("{at}/meta_range/{id}{query}")).await;
        assert_eq!(read.status.as_u16(), 200, "a store that signs nothing is read through the server");
        assert_eq!(read.header("content-length"), read.bytes.len().to_string());
        assert_eq!(
            (read.header("content-type"), read.header("x-content-type-options")),
            ("application/octet-stream", "nosniff")
        );
        assert!(!read.bytes.is_empty() && read.header("content-security-policy").contains("sandbox"));
    }
    assert!(lake.get(&format!("{at}/range/{}", "0".repeat(64))).await.message(404).contains("not found"));
    assert!(lake.get(&format!("{at}/range/short")).await.message(400).contains("object_id"));
    assert_eq!(lake.get(&format!("{at}/commit/{id}")).await.status, 400);
}

#[tokio::test]
async fn merges_say_how_conflicts_were_decided() {
    let lake = TestLake::new().await;
    for (strategy, told) in
        [(Value::Null, "default"), (json!("source-wins"), "source-wins"), (json!("dest-wins"), "dest-wins")]
    {
        lake.branch_off(told, "main").await;
        lake.put(told, told, "1").await;
        lake.commit(told, told).await;
        let merge = json!({ "strategy": strategy, "metadata": { "k": "v" } });
        lake.post(&format!("{TRIPS}/refs/{told}/merge/main"), merge).await.json(200);
        let metadata = lake.get(&format!("{TRIPS}/commits/main")).await.json(200)["metadata"].clone();
        assert_eq!(metadata, json!({ "k": "v", ".lakefs.merge.strategy": told }));
    }
}

/// A path whose parts name something, there or not.
fn filled(path: &str) -> String {
    let parts = path.split('/').map(|part| if part.starts_with('{') { "none" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

#[tokio::test]
async fn yes_and_no_are_python_s_too() {
    let lake = TestLake::new().await;
    lake.put("main", "a", "1").await;
    for query in ["effective=True", "effective=False", "effective=true", "effective=0"] {
        lake.get(&format!("/api/v1/auth/users/admin/policies?{query}")).await.json(200);
    }
    let document = lake.call_as_nobody("GET", "/openapi.json").send().await.json(200);
    let mut tried = 0;
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            for parameter in parameters.filter(|parameter| parameter["in"] == "query") {
                if !parameter["schema"]["type"].to_string().contains("boolean") {
                    continue;
                }
                let (name, path) = (parameter["name"].as_str().unwrap(), filled(path));
                let answer = lake.call(&method.to_uppercase(), &format!("/api/v1{path}?{name}=True")).send().await;
                let told = String::from_utf8_lossy(&answer.bytes).into_owned();
                assert!(!told.contains("True"), "{method} {path}: {told}");
                tried += 1;
            }
        }
    }
    assert!(tried >= 20, "{tried}");
    let without = lake.get(&format!("{}&user_metadata=False", stat("a"))).await.json(200);
    assert_eq!(without.get("metadata"), None);
    assert!(lake.get(&format!("{}&user_metadata=maybe", stat("a"))).await.message(400).contains("maybe"));
}

#[tokio::test]
async fn messages_hold_the_words_that_scripts_look_for() {
    let lake = TestLake::new().await;
    lake.put("main", "a", "1").await;
    lake.commit("main", "first").await;
    lake.branch_off("dev", "main").await;
    lake.post(&format!("{TRIPS}/tags"), json!({ "id": "v1", "ref": "main" })).await.json(201);
    for (at, body, words) in [
        ("/api/v1/repositories".to_owned(), json!({ "name": "trips" }), "not unique"),
        (format!("{TRIPS}/branches"), json!({ "name": "dev", "source": "main" }), "branch already exists"),
        (format!("{TRIPS}/tags"), json!({ "id": "v1", "ref": "main" }), "tag already exists"),
        ("/api/v1/auth/users".to_owned(), json!({ "id": "admin" }), "already exists"),
    ] {
        let message = lake.post(&at, body).await.message(409);
        assert!(message.contains(words), "{message}");
    }
    let both = lake.post(&format!("{TRIPS}/refs/dev/merge/main"), json!({})).await;
    assert!(both.message(400).contains("no changes"));
    lake.put("dev", "b", "1").await;
    lake.commit("dev", "b").await;
    lake.put("main", "c", "1").await;
    assert!(lake.post(&format!("{TRIPS}/refs/dev/merge/main"), json!({})).await.message(400).contains("dirty branch"));
    let rules = json!([{ "pattern": "main" }]);
    assert_eq!(lake.call("PUT", &format!("{TRIPS}/settings/branch_protection")).json(&rules).send().await.status, 204);
    let write = lake.call("POST", &format!("{OBJECTS}?path=x")).body("x").send().await;
    assert!(write.message(403).starts_with("cannot write to protected branch: "));
    let commit = lake.post(&format!("{TRIPS}/branches/main/commits"), json!({ "message": "x" })).await;
    assert!(commit.message(403).starts_with("cannot commit to protected branch: "));
}
