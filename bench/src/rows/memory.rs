//! How much the server's memory grows with 64 MiB streams side by side. Owns the warm-up, after which threads and buffers
//! that stay are there. Invariant: the peak is the kernel's, so nothing between two looks is missed.

use anyhow::Result;

use super::{Counter, MIB, Measurement, Row, Servers, large};
use crate::load::{Load, Loader};
use crate::process;

const STREAMS: usize = 16;

/// GET and PUT by 16 clients at once.
pub(crate) async fn rows(servers: &Servers) -> Result<[Row; 2]> {
    let get = growth(servers, &large::our_gets(servers)).await?;
    let put = growth(servers, &large::our_puts(servers)).await?;
    Ok([row("memory of 16 × GET 64 MiB", get), row("memory of 16 × PUT 64 MiB", put)])
}

/// Bytes that a stream adds to the peak of a warm server.
async fn growth(servers: &Servers, loader: &Loader) -> Result<u64> {
    let (server, pid) = (&servers.lakebed, servers.lakebed.pid());
    loader.run(server, Load::count(1, 2)).await?;
    let (before, _) = process::memory(pid)?;
    process::reset_peak(pid)?;
    loader.run(server, Load::count(STREAMS, STREAMS as u64)).await?;
    let (_, peak) = process::memory(pid)?;
    Ok(peak.saturating_sub(before) / STREAMS as u64)
}

fn row(path: &'static str, bytes: u64) -> Row {
    let text = format!("{:.2} MiB/stream", bytes as f64 / MIB as f64);
    Row {
        path,
        base: "–",
        measurement: Measurement::Counted,
        counters: vec![Counter { text, holds: bytes <= MIB }],
        goal: "≤ 1 MiB RSS/stream",
    }
}
