//! The arrows between crates, as ARCHITECTURE.md draws them, and the tidiness that style asks for.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use cargo_metadata::{DependencyKind, MetadataCommand};

/// Which crates each crate may use; crates that may use all stand in `COMPOSITION`.
const ARROWS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("proto", &["model"]),
    ("durable", &[]),
    ("storage", &["model", "durable"]),
    ("object-http", &[]),
    ("graveler", &["model", "storage"]),
    ("hooks", &["model"]),
    ("auth", &["model"]),
    ("metadata-server", &["model", "proto", "durable"]),
    ("metadata-client", &["model", "proto"]),
    ("api-server", &["model", "proto", "storage", "object-http", "graveler", "hooks", "auth", "metadata-client"]),
    ("s3-gateway", &["model", "storage", "object-http", "graveler", "metadata-client", "auth"]),
    ("lakebed-sdk", &["proto", "model"]),
];
const COMPOSITION: &[&str] = &["cli", "bench", "tests"];

#[test]
fn crates_depend_only_where_the_arrows_point() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let metadata = MetadataCommand::new()
        .manifest_path(root.join("Cargo.toml"))
        .other_options(["--offline".to_owned(), "--locked".to_owned()])
        .exec()
        .unwrap();
    let members: BTreeSet<String> =
        metadata.workspace_packages().iter().map(|package| package.name.to_string()).collect();
    let arrows: BTreeMap<_, _> = ARROWS.iter().copied().collect();
    let known: BTreeSet<String> = arrows.keys().chain(COMPOSITION).map(|&name| name.to_owned()).collect();
    assert_eq!(members, known, "a crate came or went: draw its arrows here and in ARCHITECTURE.md");
    for package in metadata.workspace_packages() {
        let Some(allowed) = arrows.get(package.name.as_str()) else { continue };
        for dependency in package.dependencies.iter().filter(|d| d.kind != DependencyKind::Development) {
            let name = dependency.name.as_str();
            assert!(!members.contains(name) || allowed.contains(&name), "{} may not depend on {name}", package.name);
        }
    }
}

#[test]
fn only_the_raft_folder_imports_openraft() {
    for file in sources() {
        let text = fs::read_to_string(&file).unwrap();
        let path = file.to_str().unwrap();
        let imports =
            text.lines().any(|line| line.trim_start().starts_with("use openraft") || line.contains("openraft::"));
        assert!(
            !imports || path.contains("metadata-server/src/raft") || path.contains("/tests/"),
            "{path} imports openraft"
        );
    }
}

#[test]
fn every_file_says_what_it_owns_and_stays_readable() {
    for file in sources() {
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.starts_with("//!"), "{} doesn't open with //!", file.display());
        let lines = text.lines().count();
        assert!(lines <= 700, "{} has {lines} lines: which second subject has moved in?", file.display());
    }
}

#[test]
fn every_threat_has_its_tests() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let table = fs::read_to_string(root.join("docs/security.md")).unwrap();
    let mut tests = BTreeSet::new();
    for file in sources() {
        let text = fs::read_to_string(&file).unwrap();
        let lines: Vec<_> = text.lines().map(str::trim).collect();
        let named = lines.iter().filter_map(|line| line.trim_start_matches("async ").strip_prefix("fn "));
        // A scenario of the conformance suite is no `#[test]` itself.
        let is_suite = file.ends_with("conformance.rs");
        let scenarios = lines.iter().filter_map(|line| line.split_once("::")?.1.strip_suffix(','));
        let is_test = text.contains("#[test]") || text.contains("#[tokio::test");
        tests.extend(named.filter(|_| is_test).filter_map(|rest| rest.split(['(', '<']).next()).map(str::to_owned));
        tests.extend(scenarios.filter(|_| is_suite).map(str::to_owned));
    }
    let rows = table.lines().skip_while(|line| !line.starts_with("| threat")).skip(2);
    let rows: Vec<_> = rows.take_while(|line| line.starts_with("| ")).collect();
    assert!(rows.len() >= 20, "{} threats", rows.len());
    for row in rows {
        let cell = row.trim_end_matches(" |").rsplit(" | ").next().unwrap();
        let named: Vec<_> = cell.split('`').skip(1).step_by(2).collect();
        assert!(!named.is_empty(), "no test holds this: {row}");
        for test in named {
            assert!(tests.contains(test), "docs/security.md names a test that isn't there: {test}");
        }
    }
}

#[test]
fn what_was_vulnerable_is_not_built_from() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let locks = ["Cargo.lock", "fuzz/Cargo.lock"].map(|lock| fs::read_to_string(root.join(lock)).unwrap());
    let least = BTreeMap::from([("quick-xml", (0, 41, 0)), ("h2", (0, 4, 16)), ("jsonwebtoken", (10, 3, 0))]);
    for package in locks.iter().flat_map(|lock| lock.split("[[package]]").skip(1)) {
        let field = |name: &str| package.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(" = "));
        let (name, version) = (field("name").unwrap().trim_matches('"'), field("version").unwrap().trim_matches('"'));
        assert!(!["bincode", "openssl-sys", "aws-lc-rs"].contains(&name), "{name} is in the tree");
        let parts: Vec<u32> = version.split(['.', '-', '+']).take(3).filter_map(|part| part.parse().ok()).collect();
        if let (Some(least), [major, minor, patch]) = (least.get(name), &parts[..]) {
            assert!((*major, *minor, *patch) >= *least, "{name} {version}");
        }
        assert!(field("source").is_none_or(|source| source.starts_with("\"registry+")), "{name} is from elsewhere");
    }
}

#[test]
fn every_fuzz_target_has_its_file() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let read = |path: &str| fs::read_to_string(root.join(path)).unwrap();
    let manifest = read("fuzz/Cargo.toml");
    let mut files = BTreeSet::new();
    for (source, module) in [
        ("auth/src/fuzzing.rs", "auth::fuzzing"),
        ("graveler/src/fuzzing.rs", "graveler::fuzzing"),
        ("s3-gateway/src/protocol/fuzzing.rs", "s3_gateway::protocol::fuzzing"),
    ] {
        let text = read(source);
        for target in
            text.lines().filter_map(|line| line.strip_prefix("pub fn ")?.split_once("(").map(|(name, _)| name))
        {
            if !text.contains(&format!("pub fn {target}() ->")) {
                let file = format!("fuzz_targets/{target}.rs");
                assert!(read(&format!("fuzz/{file}")).contains(&format!("{module}::{target}(bytes)")), "{target}");
                assert!(manifest.contains(&format!("path = \"{file}\"")), "{target}");
                files.insert(format!("{target}.rs"));
            }
        }
    }
    let found = fs::read_dir(root.join("fuzz/fuzz_targets")).unwrap();
    let found: BTreeSet<_> = found.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(found, files);
}

#[test]
fn links_between_documents_lead_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    for document in files_that_end_with(".md") {
        let text = fs::read_to_string(&document).unwrap();
        let links = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for link in links.filter(|link| !link.contains("://") && !link.starts_with('#') && !link.is_empty()) {
            let target = document.parent().unwrap().join(link.split('#').next().unwrap());
            assert!(target.exists(), "{} links to {link}", document.display());
        }
    }
    let index = fs::read_to_string(root.join("docs/design/README.md")).unwrap();
    let notes = fs::read_dir(root.join("docs/design")).unwrap();
    let mut notes: Vec<_> = notes.map(|note| note.unwrap().file_name().into_string().unwrap()).collect();
    notes.retain(|note| note != "README.md");
    notes.sort();
    for (number, note) in (1..).zip(&notes) {
        assert!(note.starts_with(&format!("{number:04}-")), "{note} leaves a hole before it");
        assert!(index.contains(&format!("[{number:04}]({note})")), "the index lacks {note}");
    }
}

pub(crate) fn sources() -> Vec<std::path::PathBuf> {
    let found = files_that_end_with(".rs");
    assert!(found.len() > 50, "the walk found the sources");
    found
}

fn files_that_end_with(suffix: &str) -> Vec<std::path::PathBuf> {
    fn walk(folder: &Path, suffix: &str, found: &mut Vec<std::path::PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if path.is_dir() && !name.starts_with('.') && !["target", "data", "node_modules"].contains(&name) {
                walk(&path, suffix, found);
            } else if name.ends_with(suffix) {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap(), suffix, &mut found);
    found
}
