//! What REST costs: stat, list, link, making a branch and committing, by few and many clients, beside handlers of axum that
//! do nothing. Owns the requests; both sides get the same. Commits are of nothing, to a branch of their own: what their
//! trees cost is `bench trees`' to say.

use std::path::Path;

use anyhow::{Context, Result};
use bytes::Bytes;
use serde_json::{Value, json};

use super::{Bench, Counter, CpuGoal, KIB, Measurement, Row, of_base, per_operation};
use crate::child::Child;
use crate::client::{Body, Connection, Request};
use crate::interleave::{Slice, interleave};
use crate::load::{Load, Loader};
use crate::serve::{OBJECTS, REST_OBJECTS, Side};
use crate::sign::Signer;

const API: &str = "/api/v1/repositories/bench";

/// What lakeFS publishes of its gateway: so many stats a second on each core.
const LAKEFS_STATS_PER_CORE: f64 = 339.0;

const LISTED: u64 = 100;
const PAGE: u64 = 1000;

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    Stat,
    List,
    Link,
    /// A link, beside a base that logs it.
    LoggedLink,
    CreateBranch,
    Commit,
}

/// All rows: their names, what is asked, and by how many clients.
pub(crate) fn rows() -> [(&'static str, Operation, usize); 18] {
    use Operation::{Commit, CreateBranch, Link, List, LoggedLink, Stat};
    [
        ("REST stat, 1 client", Stat, 1),
        ("REST stat, 16 clients", Stat, 16),
        ("REST stat, 64 clients", Stat, 64),
        ("REST list of 100 objects, 1 client", List, 1),
        ("REST list of 100 objects, 16 clients", List, 16),
        ("REST list of 100 objects, 64 clients", List, 64),
        ("REST link, 1 client", Link, 1),
        ("REST link, 16 clients", Link, 16),
        ("REST link, 64 clients", Link, 64),
        ("REST link beside a log, 1 client", LoggedLink, 1),
        ("REST link beside a log, 16 clients", LoggedLink, 16),
        ("REST link beside a log, 64 clients", LoggedLink, 64),
        ("REST branch create, 1 client", CreateBranch, 1),
        ("REST branch create, 16 clients", CreateBranch, 16),
        ("REST branch create, 64 clients", CreateBranch, 64),
        ("REST commit of nothing, 1 client", Commit, 1),
        ("REST commit of nothing, 16 clients", Commit, 16),
        ("REST commit of nothing, 64 clients", Commit, 64),
    ]
}

/// Both servers, and what links link.
pub(crate) struct Sides {
    bare: Child,
    ours: Child,
    link: String,
}

impl Sides {
    /// Starts both in folders of their own on one disk.
    pub(crate) async fn start(folder: &Path) -> Result<Self> {
        let bare = Child::start(Side::Bare, &folder.join("bare")).await?;
        let folder = folder.join("rest");
        let ours = Child::start(Side::Rest, &folder).await?;
        let branch = json!({ "name": "commits", "source": "main" }).to_string();
        fetch(&ours, "POST", &format!("{API}/branches"), branch).await?;
        // What is read is warm: a listing reads every block.
        for page in 0..REST_OBJECTS / PAGE {
            let after = format!("table/part-{:08}.parquet", page * PAGE);
            let target = format!("{API}/refs/main/objects/ls?prefix=table/&after={after}&amount={PAGE}");
            fetch(&ours, "GET", &target, String::new()).await?;
        }
        let link = stored(&ours, &folder.join(OBJECTS)).await?;
        Ok(Self { bare, ours, link })
    }

    /// Ends both.
    pub(crate) async fn end(self) -> Result<()> {
        self.bare.end().await?;
        self.ours.end().await
    }
}

/// Gets an address, and puts an object's bytes there. → what links it
async fn stored(ours: &Child, objects: &Path) -> Result<String> {
    let told = fetch(ours, "GET", &format!("{API}/branches/main/staging/backing?path=link"), String::new()).await?;
    let told: Value = serde_json::from_slice(&told)?;
    let address = told["physical_address"].as_str().context("no address was given out")?;
    let file = objects.join(address.strip_prefix("local://").context("the address isn't a file's")?);
    std::fs::create_dir_all(file.parent().context("the address has no folder")?)?;
    std::fs::write(file, vec![7; usize::try_from(KIB)?])?;
    let checksum = "0123456789abcdef0123456789abcdef";
    Ok(json!({ "staging": { "physical_address": address }, "checksum": checksum, "size_bytes": KIB }).to_string())
}

async fn fetch(server: &Child, method: &str, target: &str, body: String) -> Result<Vec<u8>> {
    let request = request(&server.signer, method, target, body);
    Connection::open(server.host()).await?.fetch(&request).await.with_context(|| format!("{method} {target}"))
}

fn request(signer: &Signer, method: &str, target: &str, body: String) -> Request {
    let head = signer.rest(method, target, &body).into();
    Request { head, body: if body.is_empty() { Body::None } else { Body::Small(Bytes::from(body)) } }
}

/// One operation by so many clients.
pub(crate) async fn row(
    bench: &Bench,
    sides: &Sides,
    path: &'static str,
    operation: Operation,
    clients: usize,
) -> Result<Row> {
    let (base, ours) = (loader(&sides.bare, sides, operation, clients), loader(&sides.ours, sides, operation, clients));
    let load = Load::during(clients, bench.effort.slice);
    let base = async || base.run(&sides.bare, load).await;
    let rounds = interleave(bench.effort.rounds, base, async || ours.run(&sides.ours, load).await).await?;
    let mut counters = counters(operation, clients, &rounds.ours());
    if operation == Operation::LoggedLink {
        counters.push(of_base("log fsyncs/link", rounds.base().counts.log_fsyncs, rounds.base().operations));
    }
    let cpu_at_most = Some(CpuGoal::Each(0.1 / LAKEFS_STATS_PER_CORE)).filter(|_| operation == Operation::Stat);
    let rate_at_least = matches!(operation, Operation::Stat | Operation::Link | Operation::LoggedLink).then_some(0.5);
    Ok(Row {
        path,
        base: match operation {
            Operation::LoggedLink => "bare axum + one RocksDB synced group commit per link",
            _ => "bare axum",
        },
        counters,
        measurement: Measurement::Sides { rounds, bytes: None, rate_at_least, cpu_at_most },
        goal: match operation {
            Operation::Stat => "≥ 0.5 × base; ≥ 3,390 stat/s per core (≤ 295 µs)",
            Operation::Link | Operation::LoggedLink => "≥ 0.5 × base",
            Operation::CreateBranch => "1 command, 0 store requests",
            Operation::List | Operation::Commit => "–",
        },
    })
}

/// The requests of one row. Names are of the row, so that none is used twice.
fn loader(server: &Child, sides: &Sides, operation: Operation, clients: usize) -> Loader {
    let (signer, link) = (server.signer.clone(), sides.link.clone());
    Loader::new(move |number| {
        let (method, target, body) = match operation {
            Operation::Stat => {
                let number = number * 7919 % REST_OBJECTS;
                ("GET", format!("/refs/main/objects/stat?path=table/part-{number:08}.parquet"), String::new())
            }
            Operation::List => {
                let number = number * LISTED % (REST_OBJECTS - LISTED);
                let after = format!("table/part-{number:08}.parquet");
                ("GET", format!("/refs/main/objects/ls?prefix=table/&after={after}&amount={LISTED}"), String::new())
            }
            Operation::Link => {
                ("PUT", format!("/branches/main/staging/backing?path=link/{clients}-{number}"), link.clone())
            }
            Operation::LoggedLink => {
                ("PUT", format!("/branches/main/staging/backing?path=logged/{clients}-{number}"), link.clone())
            }
            Operation::CreateBranch => {
                let body = json!({ "name": format!("b-{clients}-{number}"), "source": "main" });
                ("POST", "/branches".to_owned(), body.to_string())
            }
            Operation::Commit => {
                let body = json!({ "message": format!("bench {number}"), "allow_empty": true });
                ("POST", "/branches/commits/commits".to_owned(), body.to_string())
            }
        };
        request(&signer, method, &format!("{API}{target}"), body)
    })
}

/// What our side counted, and within which bounds.
fn counters(operation: Operation, clients: usize, total: &Slice) -> Vec<Counter> {
    let (counts, operations) = (&total.counts, total.operations);
    let each = |what: &str, count: u64, at_most: f64| per_operation(what, count, operations, at_most);
    // Nothing else shares a synced write with the one client that there is.
    let fsyncs_at_most = if clients < 64 { 1.0 } else { 0.125 };
    match operation {
        Operation::Stat => {
            vec![each("lookups/stat", counts.lookups, 1.01), each("store requests/stat", counts.store_requests(), 0.01)]
        }
        Operation::List => vec![
            each("lookups/list", counts.lookups, f64::INFINITY),
            each("store requests/list", counts.store_requests(), 0.01),
        ],
        Operation::Link | Operation::LoggedLink => vec![
            each("log fsyncs/link", counts.log_fsyncs, fsyncs_at_most),
            each("commands/link", counts.commands, 1.0),
            each("store requests/link", counts.store_requests(), 1.0),
        ],
        Operation::CreateBranch => vec![
            each("log fsyncs/branch", counts.log_fsyncs, 1.0),
            each("commands/branch", counts.commands, 1.0),
            each("store requests/branch", counts.store_requests(), 0.01),
        ],
        Operation::Commit => vec![
            each("log fsyncs/commit", counts.log_fsyncs, f64::INFINITY),
            each("commands/commit", counts.commands, f64::INFINITY),
            each("store requests/commit", counts.store_requests(), f64::INFINITY),
        ],
    }
}
