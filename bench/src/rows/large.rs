//! GET and PUT of 64 MiB by a few clients at a time.

use anyhow::Result;
use bytes::Bytes;

use super::{Bench, CpuGoal, GIB, MIB, Measurement, Row, Servers, get, one_of, per_operation};
use crate::child::Child;
use crate::client::{Body, Request};
use crate::interleave::interleave;
use crate::load::{Load, Loader};

pub(crate) const LARGE_BYTES: u64 = 64 * MIB;
const CLIENTS: usize = 4;

/// Large objects that are read; the page cache holds them.
const OBJECTS: u64 = 4;

/// What the client sends at a time.
const PIECE_BYTES: u64 = 256 << 10;

/// Puts the objects that are read.
pub(crate) async fn prepare(servers: &Servers) -> Result<()> {
    for (server, prefix) in [(&servers.direct, "/plain/large/"), (&servers.lakebed, "/bench/main/large/")] {
        puts(server, prefix).run(server, Load::count(1, OBJECTS)).await?;
    }
    Ok(())
}

/// GETs of what [`prepare`] put on the direct server.
pub(crate) fn direct_gets(servers: &Servers) -> Loader {
    gets(&servers.direct, "/plain/large/")
}

/// GETs of what [`prepare`] put on Lakebed.
pub(crate) fn our_gets(servers: &Servers) -> Loader {
    gets(&servers.lakebed, "/bench/main/large/")
}

/// PUTs of new objects on Lakebed.
pub(crate) fn our_puts(servers: &Servers) -> Loader {
    puts(&servers.lakebed, "/bench/main/put-large/")
}

/// GET.
pub(crate) async fn get_row(bench: &Bench, servers: &Servers) -> Result<Row> {
    let (base, ours) = (direct_gets(servers), our_gets(servers));
    let load = Load::during(CLIENTS, bench.effort.slice);
    let base = async || base.run(&servers.direct, load).await;
    let rounds = interleave(bench.effort.rounds, base, async || ours.run(&servers.lakebed, load).await).await?;
    let total = rounds.ours();
    let (rate_at_least, cpu_at_most) = (Some(0.95), Some(CpuGoal::PerGib(0.450)));
    Ok(Row {
        path: "GET 64 MiB, 4 clients",
        base: "D",
        counters: vec![
            per_operation("lookups/GET", total.counts.lookups, total.operations, 1.0),
            per_operation("store requests/GET", total.counts.store_requests(), total.operations, 1.0),
        ],
        measurement: Measurement::Sides { rounds, bytes: Some(LARGE_BYTES), rate_at_least, cpu_at_most },
        goal: "≥ 0.95 × D, ≤ 450 ms CPU/GiB",
    })
}

/// PUT. The base computes MD5 too, since `storage` always does.
pub(crate) async fn put_row(bench: &Bench, servers: &Servers) -> Result<Row> {
    let (base, ours) = (puts(&servers.direct, "/plain/put-large/"), our_puts(servers));
    let load = Load::count(CLIENTS, bench.effort.large_puts);
    let base = async || base.run(&servers.direct, load).await;
    // Fewer rounds, for the disk's sake.
    let rounds = interleave(bench.effort.rounds.min(3), base, async || ours.run(&servers.lakebed, load).await).await?;
    let total = rounds.ours();
    let pieces = LARGE_BYTES.div_ceil(PIECE_BYTES);
    Ok(Row {
        path: "PUT 64 MiB, 4 clients",
        base: "D + MD5",
        counters: vec![
            per_operation("commands/PUT", total.counts.commands, total.operations, 1.0),
            per_operation("store writes/PUT", total.counts.store_writes, total.operations, (pieces + 2) as f64),
        ],
        measurement: Measurement::Sides {
            rounds,
            bytes: Some(LARGE_BYTES),
            rate_at_least: Some(0.9),
            cpu_at_most: None,
        },
        goal: "≥ 0.9 × (D + MD5)",
    })
}

fn gets(server: &Child, prefix: &str) -> Loader {
    let heads: Vec<Bytes> = (0..OBJECTS).map(|number| get(server, &format!("{prefix}{number}"))).collect();
    Loader::new(move |number| one_of(&heads, number))
}

fn puts(server: &Child, prefix: &'static str) -> Loader {
    let (signer, piece) = (server.signer.clone(), Bytes::from(vec![b'x'; PIECE_BYTES as usize]));
    Loader::new(move |number| {
        let head = signer.put(&format!("{prefix}{number}"), LARGE_BYTES).into();
        Request { head, body: Body::Repeated { piece: piece.clone(), times: LARGE_BYTES / PIECE_BYTES } }
    })
}

/// Seconds of CPU per GiB.
pub(crate) fn per_gib(cpu_each: f64, bytes: u64) -> f64 {
    cpu_each * GIB as f64 / bytes as f64
}
