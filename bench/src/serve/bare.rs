//! The base of the rows of REST: handlers of axum that read what they are asked, and answer documents as long as ours. They
//! check nobody, look nothing up and keep nothing; but what is linked under `logged/` is one record of a RocksDB synced
//! group commit first: the least that a durable record of it costs.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use axum::extract::{self, Query, State};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use http::StatusCode;
use serde::{Deserialize, Serialize};

use super::rest::Service;
use super::{Counts, staged_record};
use crate::raw_log::RawLog;

const API: &str = "/api/v1/repositories/{repository}";

/// Serves until standard input ends.
pub(super) async fn run(folder: &Path) -> Result<()> {
    let log = Arc::new(RawLog::open(&folder.join("log"))?);
    let counted = log.clone();
    let router = Router::new()
        .route(&format!("{API}/refs/{{reference}}/objects/stat"), get(stat))
        .route(&format!("{API}/refs/{{reference}}/objects/ls"), get(list))
        .route(&format!("{API}/branches/{{branch}}/staging/backing"), put(link))
        .route(&format!("{API}/branches"), post(create_branch))
        .route(&format!("{API}/branches/{{branch}}/commits"), post(commit))
        .with_state(Bare { log, record: Arc::new(staged_record()) });
    let counts = Arc::new(move || {
        let (log_entries, log_fsyncs) = counted.counts();
        Counts { log_entries, log_fsyncs, ..Counts::default() }
    });
    super::serve(Service { router, counts }, ("nobody".to_owned(), "nothing".to_owned())).await
}

#[derive(Clone)]
struct Bare {
    log: Arc<RawLog>,
    record: Arc<Vec<u8>>,
}

type Place = extract::Path<(String, String)>;

/// An object, as long as ours.
#[derive(Serialize)]
struct Stats {
    path: String,
    path_type: &'static str,
    physical_address: String,
    checksum: String,
    size_bytes: u64,
    mtime: i64,
    metadata: BTreeMap<String, String>,
    content_type: String,
}

impl Stats {
    fn new(repository: &str, path: String) -> Self {
        Self {
            path,
            path_type: "object",
            physical_address: format!("file:///lake/objects/{repository}/data/0069200000-00000000/{:032x}", 7),
            checksum: format!("{:032x}", 7),
            size_bytes: 1024,
            mtime: 1_700_000_000,
            metadata: BTreeMap::new(),
            content_type: "binary/octet-stream".to_owned(),
        }
    }
}

#[derive(Deserialize)]
struct OfObject {
    path: String,
}

async fn stat(extract::Path((repository, _)): Place, Query(of): Query<OfObject>) -> Json<Stats> {
    Json(Stats::new(&repository, of.path))
}

#[derive(Deserialize)]
struct Listed {
    prefix: String,
    after: String,
    amount: usize,
}

#[derive(Serialize)]
struct Page {
    pagination: Pagination,
    results: Vec<Stats>,
}

#[derive(Serialize)]
struct Pagination {
    has_more: bool,
    next_offset: String,
    results: usize,
    max_per_page: usize,
}

async fn list(extract::Path((repository, _)): Place, Query(of): Query<Listed>) -> Json<Page> {
    let path = |number| format!("{}part-{number:08}.parquet", of.prefix);
    let results = (0..of.amount).map(|number| Stats::new(&repository, path(number))).collect();
    let pagination = Pagination { has_more: true, next_offset: of.after, results: of.amount, max_per_page: 1000 };
    Json(Page { pagination, results })
}

#[derive(Deserialize)]
struct Linked {
    staging: BTreeMap<String, String>,
    checksum: String,
    size_bytes: u64,
}

async fn link(
    State(bare): State<Bare>,
    extract::Path((repository, _)): Place,
    Query(of): Query<OfObject>,
    Json(linked): Json<Linked>,
) -> Result<Json<Stats>, StatusCode> {
    if of.path.starts_with("logged/") {
        let appended = bare.log.append(bare.record.to_vec()).await;
        appended.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    }
    let stats = Stats::new(&repository, of.path);
    let physical_address = linked.staging.into_values().next().unwrap_or_default();
    Ok(Json(Stats { physical_address, checksum: linked.checksum, size_bytes: linked.size_bytes, ..stats }))
}

#[derive(Deserialize)]
struct BranchCreation {
    name: String,
    source: String,
}

async fn create_branch(Json(creation): Json<BranchCreation>) -> (StatusCode, String) {
    (StatusCode::CREATED, format!("{:064x}{}", creation.name.len(), creation.source))
}

#[derive(Deserialize, Serialize)]
struct CommitCreation {
    message: String,
    allow_empty: bool,
}

#[derive(Serialize)]
struct Commit {
    id: String,
    parents: Vec<String>,
    committer: String,
    message: String,
    creation_date: i64,
    meta_range_id: String,
    metadata: BTreeMap<String, String>,
    generation: u64,
    version: u32,
}

async fn commit(Json(creation): Json<CommitCreation>) -> (StatusCode, Json<Commit>) {
    let id = |number: u64| format!("{number:064x}");
    let commit = Commit {
        id: id(1),
        parents: vec![id(2)],
        committer: "admin".to_owned(),
        message: creation.message,
        creation_date: 1_700_000_000,
        meta_range_id: id(3),
        metadata: BTreeMap::new(),
        generation: u64::from(creation.allow_empty),
        version: 1,
    };
    (StatusCode::CREATED, Json(commit))
}
