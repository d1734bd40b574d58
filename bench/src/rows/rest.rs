//! What REST costs: stat, list, link, making a branch and committing, by few and many clients, beside handlers of axum that
//! do nothing. Owns the requests; both sides get the same. Commits are of nothing, to a branch of their own: what their
//! trees cost is `bench trees`' to say.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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

/// How many links a slice has: each is of an address of its own, with bytes that were put there before.
const LINKS: u64 = 2000;

/// The MD5 of the bytes that are linked.
const LINKED_MD5: &str = "254a7725306413d2a8e39ad05ffa018a";

/// Both servers, and where what is linked is put.
pub(crate) struct Sides {
    bare: Child,
    ours: Child,
    objects: PathBuf,
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
        Ok(Self { bare, ours, objects: folder.join(OBJECTS) })
    }

    /// Ends both.
    pub(crate) async fn end(self) -> Result<()> {
        self.bare.end().await?;
        self.ours.end().await
    }

    /// Gets the addresses of a slice's links, and puts bytes there.
    async fn upload(&self, operation: Operation, clients: usize, links: &Links) -> Result<()> {
        let (begin, mut connection) = (links.len(), Connection::open(self.ours.host()).await?);
        for number in begin..begin + LINKS {
            let target = format!("{API}{}", link_target(operation, clients, number));
            let told = connection.fetch(&request(&self.ours.signer, "GET", &target, String::new())).await?;
            let told: Value = serde_json::from_slice(&told)?;
            let address = told["physical_address"].as_str().context("no address was given out")?;
            let file = self.objects.join(address.strip_prefix("local://").context("the address isn't a file's")?);
            std::fs::create_dir_all(file.parent().context("the address has no folder")?)?;
            std::fs::write(file, vec![7; usize::try_from(KIB)?])?;
            let staging = json!({ "physical_address": address });
            links.push(json!({ "staging": staging, "checksum": LINKED_MD5, "size_bytes": KIB }).to_string());
        }
        Ok(())
    }
}

/// What links the addresses that were uploaded to, by their numbers.
#[derive(Clone, Default)]
struct Links(Arc<Mutex<Vec<String>>>);

impl Links {
    fn len(&self) -> u64 {
        self.all().len() as u64
    }

    fn push(&self, link: String) {
        self.all().push(link);
    }

    /// The link of a number. The base, which links nothing, gets others as long for what wasn't uploaded.
    fn of(&self, number: u64) -> String {
        let all = self.all();
        let at = usize::try_from(number).unwrap_or(usize::MAX) % all.len().max(1);
        all.get(at).cloned().unwrap_or_default()
    }

    fn all(&self) -> MutexGuard<'_, Vec<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where the link of a number goes, within the repository.
fn link_target(operation: Operation, clients: usize, number: u64) -> String {
    let folder = if operation == Operation::LoggedLink { "logged" } else { "link" };
    format!("/branches/main/staging/backing?path={folder}/{clients}-{number}")
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
    let (links, is_link) = (Links::default(), matches!(operation, Operation::Link | Operation::LoggedLink));
    let base = loader(&sides.bare, &links, operation, clients);
    let ours = loader(&sides.ours, &links, operation, clients);
    let load = if is_link { Load::count(clients, LINKS) } else { Load::during(clients, bench.effort.slice) };
    if is_link {
        sides.upload(operation, clients, &links).await?;
    }
    let base = async || base.run(&sides.bare, load).await;
    let ours = async || {
        let slice = ours.run(&sides.ours, load).await?;
        if is_link {
            sides.upload(operation, clients, &links).await?;
        }
        Ok(slice)
    };
    let rounds = interleave(bench.effort.rounds, base, ours).await?;
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
fn loader(server: &Child, links: &Links, operation: Operation, clients: usize) -> Loader {
    let (signer, links) = (server.signer.clone(), links.clone());
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
            Operation::Link | Operation::LoggedLink => {
                ("PUT", link_target(operation, clients, number), links.of(number))
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
            // It is looked at, copied, looked at again, compared with its MD5, and deleted where it was put.
            each("store requests/link", counts.store_requests(), 5.0),
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
