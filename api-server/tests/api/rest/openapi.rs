//! Holds `docs/openapi.json` to the code. After a change: `UPDATE_GOLDEN=1 cargo test --workspace --test api openapi`

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::lake::TestLake;

#[tokio::test]
async fn the_description_is_that_of_this_server() {
    let lake = TestLake::empty().await;
    let served = lake.call_as_nobody("GET", "/openapi.json").send().await;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/openapi.json");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &served.bytes).unwrap();
    }
    let checked_in = fs::read(&path).unwrap_or_default();
    assert!(checked_in == served.bytes, "docs/openapi.json isn't this server's: make it anew with UPDATE_GOLDEN=1");
}

/// All `$ref`s of a document.
fn references<'d>(value: &'d Value, found: &mut Vec<&'d str>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get("$ref").and_then(Value::as_str));
            fields.values().for_each(|field| references(field, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

#[tokio::test]
async fn every_reference_leads_somewhere() {
    let lake = TestLake::empty().await;
    let document = lake.call_as_nobody("GET", "/openapi.json").send().await.json(200);
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() > 100, "{found:?}");
    for reference in found {
        assert!(document.pointer(&reference[1..]).is_some(), "{reference} leads nowhere");
    }
}

#[tokio::test]
async fn every_operation_has_an_id_of_its_own_and_a_tag() {
    let lake = TestLake::empty().await;
    let document = lake.call_as_nobody("GET", "/openapi.json").send().await.json(200);
    let operations =
        document["paths"].as_object().unwrap().values().flat_map(|path| path.as_object().unwrap().values());
    let mut ids: Vec<&str> = operations
        .map(|operation: &Value| {
            assert_eq!(operation["tags"].as_array().map_or(0, Vec::len), 1, "{operation}");
            operation["operationId"].as_str().unwrap()
        })
        .collect();
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count);
}
