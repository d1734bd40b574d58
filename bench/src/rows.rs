//! The rows of the table, a file for each kind of path: what is measured against what, and the goal of performance's
//! design. Owns how a measurement is judged; leaves the load to `load` and the servers to `serve`.

pub(crate) mod branch_create;
pub(crate) mod contended_merges;
pub(crate) mod large;
pub(crate) mod memory;
pub(crate) mod rest;
pub(crate) mod small;
pub(crate) mod staged_write;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;

use crate::child::Child;
use crate::client::{Body, Request};
use crate::interleave::Rounds;
use crate::serve::Side;

pub(crate) const KIB: u64 = 1 << 10;
pub(crate) const MIB: u64 = 1 << 20;
pub(crate) const GIB: u64 = 1 << 30;

/// How much time a run may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Effort {
    /// Rounds of A B B A.
    pub(crate) rounds: usize,
    /// One slice.
    pub(crate) slice: Duration,
    /// Small objects that are read.
    pub(crate) small_objects: u64,
    /// Large objects that one slice writes.
    pub(crate) large_puts: u64,
    /// Branches that one slice makes.
    pub(crate) branches: u64,
    /// Objects in the large repository of the branch row.
    pub(crate) many_objects: usize,
    /// Merges of each client of the contention row.
    pub(crate) merges_each: usize,
}

impl Effort {
    /// For numbers that mean something.
    pub(crate) const FULL: Self = Self {
        rounds: 5,
        slice: Duration::from_millis(1500),
        small_objects: 1000,
        large_puts: 8,
        branches: 100,
        many_objects: 10_000,
        merges_each: 50,
    };
    /// To see that it runs.
    pub(crate) const QUICK: Self = Self {
        rounds: 1,
        slice: Duration::from_millis(300),
        small_objects: 100,
        large_puts: 2,
        branches: 10,
        many_objects: 10_000,
        merges_each: 5,
    };
}

/// A counter with its bound.
#[derive(Debug, Clone)]
pub(crate) struct Counter {
    /// What was counted, in words.
    pub(crate) text: String,
    /// Whether it is within its bound.
    pub(crate) holds: bool,
}

/// What the CPU of the server may be.
#[derive(Debug, Clone, Copy)]
pub(crate) enum CpuGoal {
    /// At most so many times the base's.
    TimesBase(f64),
    /// At most so many seconds per GiB.
    PerGib(f64),
    /// At most so many seconds of each operation.
    Each(f64),
}

/// What is compared.
pub(crate) enum Measurement {
    /// Two sides in rounds.
    Sides {
        /// The slices.
        rounds: Rounds,
        /// Bytes of one operation, when bytes per second say more than operations.
        bytes: Option<u64>,
        /// The least ratio of rates, if the row has such a goal.
        rate_at_least: Option<f64>,
        /// The most CPU, if the row has such a goal.
        cpu_at_most: Option<CpuGoal>,
    },
    /// Only counters.
    Counted,
}

/// One row of the table.
pub(crate) struct Row {
    /// What is done.
    pub(crate) path: &'static str,
    /// Against what.
    pub(crate) base: &'static str,
    /// What came out.
    pub(crate) measurement: Measurement,
    /// What was counted.
    pub(crate) counters: Vec<Counter>,
    /// The goal, as performance's design has it.
    pub(crate) goal: &'static str,
}

/// The two servers and the folder under which everything lies.
pub(crate) struct Servers {
    /// `D`.
    pub(crate) direct: Child,
    /// Ours.
    pub(crate) lakebed: Child,
}

impl Servers {
    /// Starts both in folders of their own on one disk.
    pub(crate) async fn start(folder: &std::path::Path) -> Result<Self> {
        let direct = Child::start(Side::Direct, &folder.join("direct")).await?;
        let lakebed = Child::start(Side::Lakebed, &folder.join("lakebed")).await?;
        Ok(Self { direct, lakebed })
    }

    /// Ends both.
    pub(crate) async fn end(self) -> Result<()> {
        self.direct.end().await?;
        self.lakebed.end().await
    }
}

/// What every row gets.
pub(crate) struct Bench {
    /// How long to measure.
    pub(crate) effort: Effort,
    /// Where rows that need no server keep their data.
    pub(crate) folder: PathBuf,
}

/// A GET that is signed once.
pub(crate) fn get(server: &Child, path: &str) -> Bytes {
    server.signer.get_presigned(path).into()
}

/// A GET of one of some pre-signed heads.
pub(crate) fn one_of(heads: &[Bytes], number: u64) -> Request {
    Request { head: heads[(number % heads.len() as u64) as usize].clone(), body: Body::None }
}

/// `count` per operation against a bound.
pub(crate) fn per_operation(what: &str, count: u64, operations: u64, at_most: f64) -> Counter {
    let each = count as f64 / operations.max(1) as f64;
    Counter { text: format!("{what} {each:.3}"), holds: operations > 0 && each <= at_most }
}

/// The same of the base, which nobody judges.
pub(crate) fn of_base(what: &str, count: u64, operations: u64) -> Counter {
    Counter { text: format!("base's {what} {:.3}", count as f64 / operations.max(1) as f64), holds: true }
}
