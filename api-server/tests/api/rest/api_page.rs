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

What is passed over: `no_tombstone` and `storageClass` (hints), `mtime` (an object's time is that of its linking), `description`
and the particulars of `setup` and `setupCommPrefs` (nobody is asked for them). Copies within a repository never move bytes,
`shallow` or not.

What no description says:

- **Statuses.** Missing rights are 401, as in lakeFS, with `insufficient permissions`; wrong credentials are 401 with
  `error authenticating request`. S3 and gRPC tell the two apart by their own codes.
- **Messages** hold the words that scripts for lakeFS look for (`not found`, `not unique`, `already exists`, `no changes`,
  `dirty branch`, `cannot write to protected branch`, `cannot commit to protected branch`, `conflict found`, `Canceled`), and ours
  after them. `error_table.rs` has the table.
- **Names in paths** are unescaped once more where they still hold an escape, since lakeFS's clients in Go escape twice
  (`main%255E2`). So that this never names another thing, no new tag, user, group or policy can have a `%` with two hex digits
  after it in its name. Flags are `true`, `True`, `t` or `1`, and their opposites.
- **Storage namespaces** lie under the server's object store, and have one form: `local://x`, `s3://bucket/prefix/x`. All APIs
  take them in the ways in which lakeFS's clients write them too: `local:///x`, a slash at the end, `s3a://`, and Azure's
  `https://ACCOUNT.blob.core.windows.net/container/x`, where the account must be the server's own.
- **Metadata** of an upload comes by `x-lakefs-meta-NAME`, and by `x-lakefs-internal-NAME` under the name `::lakefs::NAME`. In
  JSON, names are kept as they are sent. S3 shows them in lower case, and tells by `x-amz-missing-meta` how many it can't show.
  An object's tags, which come and go over S3, are under the name `::lakebed::tags`, as `key=value&key=value`, percent-encoded.
  Metadata that is replaced leaves them as they are, unless it names them; empty ones are none.
- **`force`** writes to a repository that is read-only, for everybody who may write there at all: being read-only keeps from slips,
  policies keep from people. Protected branches stay protected.
- **Hooks** aren't run yet, and none is left out in silence. A commit is refused with 412 if an action file (right in
  `_lakefs_actions/` or `_lakebed_actions/`) on its branch, as it is with what is uncommitted, has hooks on commits that fit the
  branch, or hooks on branches and tags at all; a merge, if one in its source has hooks on merges that fit the destination; a revert
  or a cherry-pick likewise. A file that can't be read as an action refuses a commit too. Action files are read, listed and deleted
  as any object; once one is deleted on the branch, the commit goes through.
- **Imports** of what is there already, and of no paths at all, end in a commit that changes nothing; a folder without objects is an
  error. The repository's metadata has the time of the last one under `.lakefs.last.import.timestamp`, and the places that the
  operator has to allow under `.lakebed.imported.from.URL`; commits of imports and merges say how conflicts were decided under
  `.lakefs.merge.strategy`.
- **Setup.** A server that was started with `--setup by-api` makes no administrator: the first who posts to `/setup_lakefs` becomes
  one ([security](security.md)).
- **Physical addresses** that are given out (`staging/backing`, `staging/pmpu`) are opaque, and of the user, branch and path that
  they were asked for, for a day. Each is linked once, and the object that it becomes lies elsewhere: the answer says where.
  `checksum` must be the ETag that the store answered, or the bytes' MD5. The same link again has the same answer while its object
  is there.
- **Links without bytes** (`lakectl abuse link-same-object`) are for servers that were started with `--link-without-bytes`.

Paths under `/repositories/{repository}` are written from `…` on.
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
