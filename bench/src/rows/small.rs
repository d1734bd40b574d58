//! GET and PUT of 1 KiB. GETs are of committed objects, warm; PUTs are of new names.

use anyhow::{Result, ensure};
use bytes::Bytes;

use super::{Bench, Counter, CpuGoal, KIB, Measurement, Row, Servers, get, of_base, one_of, per_operation};
use crate::child::Child;
use crate::client::{Body, Connection, Request};
use crate::interleave::{Rounds, interleave};
use crate::load::{Load, Loader};
use crate::serve::LOGGED_BUCKET;

const CLIENTS: usize = 64;

/// Puts the objects that are read, on both sides, and commits ours. → the commit's id
pub(crate) async fn prepare(bench: &Bench, servers: &Servers) -> Result<String> {
    for (server, prefix) in [(&servers.direct, "/plain"), (&servers.lakebed, "/bench/main")] {
        let puts = puts(server, format!("{prefix}/small/"), content);
        puts.run(server, Load::count(CLIENTS, bench.effort.small_objects)).await?;
        let head = get(server, &format!("{prefix}/small/7"));
        let found = Connection::open(server.host()).await?.fetch(&Request { head, body: Body::None }).await?;
        ensure!(found == content(7), "an object came back with other bytes");
    }
    servers.lakebed.commit().await
}

/// GET by commit.
pub(crate) async fn get_by_commit(bench: &Bench, servers: &Servers, commit: &str) -> Result<Row> {
    let rounds = gets(bench, servers, commit).await?;
    let goal = "≥ 0.85 × D, CPU ≤ 1.15 × D; 0 RPCs";
    Ok(get_row(bench, "GET 1 KiB by commit, 64 clients", rounds, 0.0, goal))
}

/// GET by branch.
pub(crate) async fn get_by_branch(bench: &Bench, servers: &Servers) -> Result<Row> {
    let rounds = gets(bench, servers, "main").await?;
    let goal = "≥ 0.85 × D, CPU ≤ 1.15 × D; ≤ 1 RPC";
    Ok(get_row(bench, "GET 1 KiB by branch, 64 clients", rounds, 1.0, goal))
}

/// PUT beside a commit group of all clients.
pub(crate) async fn put(bench: &Bench, servers: &Servers) -> Result<Row> {
    let base = puts(&servers.direct, format!("/{LOGGED_BUCKET}/put/"), |_| content(0));
    let ours = puts(&servers.lakebed, "/bench/main/put/".into(), |_| content(0));
    let load = Load::during(CLIENTS, bench.effort.slice);
    let base = async || base.run(&servers.direct, load).await;
    let rounds = interleave(bench.effort.rounds, base, async || ours.run(&servers.lakebed, load).await).await?;
    let total = rounds.ours();
    Ok(Row {
        path: "PUT 1 KiB, 64 clients",
        base: "D + one RocksDB synced group commit per object",
        counters: vec![
            per_operation("log fsyncs/PUT", total.counts.log_fsyncs, total.operations, 0.125),
            of_base("log fsyncs/PUT", rounds.base().counts.log_fsyncs, rounds.base().operations),
            per_operation("store requests/PUT", total.counts.store_requests(), total.operations, 1.0),
            per_operation("lookups/PUT", total.counts.lookups, total.operations, 1.0),
            per_operation("commands/PUT", total.counts.commands, total.operations, 1.0),
        ],
        measurement: Measurement::Sides { rounds, bytes: None, rate_at_least: Some(0.8), cpu_at_most: None },
        goal: "≥ 0.8 × base; ≤ 1/8 fsync, 1 store request",
    })
}

async fn gets(bench: &Bench, servers: &Servers, reference: &str) -> Result<Rounds> {
    let gets = |server: &Child, prefix: &str| {
        let paths = (0..bench.effort.small_objects).map(|number| format!("{prefix}/small/{number}"));
        let heads: Vec<Bytes> = paths.map(|path| get(server, &path)).collect();
        Loader::new(move |number| one_of(&heads, number))
    };
    let (base, ours) = (gets(&servers.direct, "/plain"), gets(&servers.lakebed, &format!("/bench/{reference}")));
    let load = Load::during(CLIENTS, bench.effort.slice);
    let base = async || base.run(&servers.direct, load).await;
    interleave(bench.effort.rounds, base, async || ours.run(&servers.lakebed, load).await).await
}

fn get_row(bench: &Bench, path: &'static str, rounds: Rounds, lookups: f64, goal: &'static str) -> Row {
    let total = rounds.ours();
    let counters = vec![
        per_operation("lookups/GET", total.counts.lookups, total.operations, lookups),
        refreshes(total.counts.refreshes, bench.effort.rounds),
        per_operation("store requests/GET", total.counts.store_requests(), total.operations, 1.0),
    ];
    let (rate_at_least, cpu_at_most) = (Some(0.85), Some(CpuGoal::TimesBase(1.15)));
    let measurement = Measurement::Sides { rounds, bytes: None, rate_at_least, cpu_at_most };
    Row { path, base: "D", measurement, counters, goal }
}

/// Who holds a key and where a repository lives is remembered for five seconds, so at most once a slice: then the
/// requests of that moment all ask.
fn refreshes(count: u64, rounds: usize) -> Counter {
    let (facts, slices) = (2, 2 * rounds);
    Counter { text: format!("refreshes {count} in {slices} slices"), holds: count <= (facts * slices * CLIENTS) as u64 }
}

fn puts(server: &Child, prefix: String, content: impl Fn(u64) -> Bytes + Send + Sync + 'static) -> Loader {
    let signer = server.signer.clone();
    Loader::new(move |number| {
        let head = signer.put(&format!("{prefix}{number}"), KIB).into();
        Request { head, body: Body::Small(content(number)) }
    })
}

fn content(number: u64) -> Bytes {
    Bytes::from(format!("{number:016x}").repeat(64))
}
