//! Holds `docs/api.md`, which says of each operation of lakeFS's API whether it is there, to the description. After a change:
//! `UPDATE_GOLDEN=1 cargo test --workspace --test api api_page`
//!
//! `lakefs_operations.txt` has lakeFS's operations as its generated client of version 1.88 sends them: method, path, id, and the
//! names of what a request may have in its query and JSON body.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::lake::TestLake;

const HEAD: &str = "# The REST API

The base path is `/api/v1`. `/openapi.json` describes every operation that is there; this page is made of it and of the list of
lakeFS's operations (as its client `lakefs-sdk` 1.88 has them), and a test holds it to both.

- *done*: it does what lakeFS's does. *without*: fields of a request that are passed over.
- *501*: the path is there, and answers 501 with this reason.
- *404*: the path isn't there.
- *(more)*: not in that list; an edition of lakeFS or an older one has it, or only Lakebed.

What is passed over: `force` (would write to a read-only repository: those stay as they are), `no_tombstone` and `storageClass`
(hints), `mtime` (an object's time is that of its linking), `description` and the particulars of
`setupCommPrefs` (nobody is asked for them). Copies within a repository never move bytes, `shallow` or not.

Paths beneath `/repositories/{repository}` are written from `…` on.
";

/// A method and a path whose parameters' names don't matter.
type Place = (String, String);

fn place(method: &str, path: &str) -> Place {
    let parts = path.split('/').map(|part| if part.starts_with('{') { "{}" } else { part });
    (method.to_uppercase(), parts.collect::<Vec<_>>().join("/"))
}

struct Row {
    id: String,
    place: String,
    state: String,
    of_lakefs: bool,
}

fn row(id: &str, method: &str, path: &str, state: String, of_lakefs: bool) -> Row {
    let place = format!("`{} {}`", method.to_uppercase(), path.replace("/repositories/{repository}/", "…/"));
    Row { id: id.to_owned(), place, state, of_lakefs }
}

/// What the description follows a reference to.
fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(reference) => document.pointer(&reference[1..]).unwrap(),
        None => schema,
    }
}

/// The names of a schema's fields, through references and alternatives.
fn fields<'a>(document: &'a Value, schema: &'a Value, found: &mut BTreeSet<&'a str>) {
    let schema = resolved(document, schema);
    found.extend(schema["properties"].as_object().into_iter().flatten().map(|(name, _)| name.as_str()));
    for alternatives in ["allOf", "oneOf", "anyOf"] {
        for part in schema[alternatives].as_array().into_iter().flatten() {
            fields(document, part, found);
        }
    }
}

/// What a request may have that lakeFS's may, and that is passed over here.
fn passed_over(document: &Value, operation: &Value, of_lakefs: &[String]) -> Vec<String> {
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    let mut taken: BTreeSet<_> = parameters.map(|parameter| parameter["name"].as_str().unwrap()).collect();
    fields(document, &operation["requestBody"]["content"]["application/json"]["schema"], &mut taken);
    of_lakefs.iter().filter(|name| !taken.contains(name.as_str())).map(|name| format!("`{name}`")).collect()
}

/// What an operation's answers say of it.
fn state(operation: &Value, without: &[String]) -> String {
    let answers = operation["responses"].as_object().unwrap();
    let does = answers.keys().any(|status| status.starts_with('2'));
    let why = answers.get("501").map(|answer| answer["description"].as_str().unwrap());
    match (does, why) {
        (true, None) if without.is_empty() => "done".to_owned(),
        (true, None) => format!("done, without {}", without.join(", ")),
        (true, Some(why)) => format!("done, but 501: {why}"),
        (false, Some(why)) => format!("501: {why}"),
        (false, None) => format!("done: answers {}", answers.keys().next().unwrap()),
    }
}

fn page(document: &Value) -> String {
    let listed = include_str!("lakefs_operations.txt").lines().map(|line| {
        let mut words = line.split(' ').map(str::to_owned);
        let [method, path, id] = std::array::from_fn(|_| words.next().unwrap());
        (place(&method, &path), (method, path, id, Vec::from_iter(words)))
    });
    let mut lakefs: BTreeMap<Place, _> = listed.collect();
    let mut groups: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let of_lakefs = lakefs.remove(&place(method, path));
            let without =
                of_lakefs.iter().flat_map(|(.., names)| passed_over(document, operation, names)).collect::<Vec<_>>();
            let id = operation["operationId"].as_str().unwrap();
            let row = row(id, method, path, state(operation, &without), of_lakefs.is_some());
            groups.entry(operation["tags"][0].as_str().unwrap().to_owned()).or_default().push(row);
        }
    }
    for (method, path, id, _) in lakefs.into_values() {
        groups.entry("not there".to_owned()).or_default().push(row(&id, &method, &path, "404".to_owned(), true));
    }
    let mut page = HEAD.to_owned();
    for (group, rows) in &groups {
        write!(page, "\n## {group}\n\n| operation | request | state |\n|---|---|---|\n").unwrap();
        for Row { id, place, state, of_lakefs } in rows {
            let ours = if *of_lakefs { "" } else { " (more)" };
            writeln!(page, "| {id}{ours} | {place} | {state} |").unwrap();
        }
    }
    page
}

#[tokio::test]
async fn the_page_of_operations_is_that_of_this_server() {
    let lake = TestLake::empty().await;
    let document = lake.call_as_nobody("GET", "/openapi.json").send().await.json(200);
    let page = page(&document);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/api.md");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &page).unwrap();
    }
    assert_eq!(page, fs::read_to_string(&path).unwrap_or_default(), "make docs/api.md anew with UPDATE_GOLDEN=1");
}
