//! `bench serve`: one side of a comparison as a process of its own, on a port of the loopback. Owns what both sides have
//! in common: the line that says that they are ready, the private paths, and the counters. Invariant: both serve through
//! the product's own listener, so that their HTTP is the same.

mod bare;
mod counts;
mod direct;
mod lake;
mod lakebed;
mod rest;

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use axum::body::Body;
use cli::server::{Listener, Respond};
use http::Response;
use serde::{Deserialize, Serialize};
use storage::testing::{Counters, Counting};
use storage::{StoreSettings, Stores};
use tokio::io::AsyncReadExt;

pub(crate) use counts::{Asked, CountingMeta, Counts};
pub(crate) use lake::{Lake, main_branch, repository, short_entry, stage_one, staged_record};

/// Answers the counters as JSON; private to the bench.
pub(crate) const COUNTS_PATH: &str = "/_bench/counts";
/// Commits the default branch and answers the commit's id.
pub(crate) const COMMIT_PATH: &str = "/_bench/commit";

/// The bucket of the direct server whose PUTs also go through one RocksDB synced group commit.
pub(crate) const LOGGED_BUCKET: &str = "logged";

/// Where a server's folder has the objects.
pub(crate) const OBJECTS: &str = "objects";

/// How many objects the servers of the REST rows have: `table/part-00000000.parquet` and on.
pub(crate) const REST_OBJECTS: u64 = 10_000;

/// Which server.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(crate) enum Side {
    /// The object store behind the S3 protocol, no metadata.
    Direct,
    /// Lakebed's S3.
    Lakebed,
    /// axum alone, which answers documents like those of REST.
    Bare,
    /// Lakebed's REST.
    Rest,
}

impl Side {
    /// As the command line has it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Lakebed => "lakebed",
            Self::Bare => "bare",
            Self::Rest => "rest",
        }
    }
}

/// The one line on standard output: how to reach the server.
#[derive(Serialize, Deserialize)]
pub(crate) struct Ready {
    /// `127.0.0.1:port`.
    pub(crate) host: String,
    /// The administrator's key, made for this run.
    pub(crate) access_key_id: String,
    /// Its secret.
    pub(crate) secret_access_key: String,
}

/// Serves one side until standard input ends.
pub(crate) async fn run(side: Side, folder: &Path) -> Result<()> {
    // Openraft warns of what is usual when a node of a cluster of one starts.
    let filter = tracing_subscriber::EnvFilter::new("warn,openraft=error");
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    match side {
        Side::Direct => direct::run(folder).await,
        Side::Lakebed => lakebed::run(folder).await,
        Side::Bare => bare::run(folder).await,
        Side::Rest => rest::run(folder).await,
    }
}

/// Listens, says so, and serves.
async fn serve(service: impl Respond, (access_key_id, secret_access_key): (String, String)) -> Result<()> {
    let listener = Listener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), None).await?;
    let url = listener.url()?;
    let host = url.strip_prefix("http://").context("the listener isn't plain HTTP")?.to_owned();
    let ready = serde_json::to_string(&Ready { host, access_key_id, secret_access_key })?;
    writeln!(std::io::stdout(), "{ready}")?;
    std::io::stdout().flush()?;
    listener.serve(service, standard_input_ends()).await
}

async fn standard_input_ends() {
    let mut rest = Vec::new();
    // An error is an end too.
    tokio::io::stdin().read_to_end(&mut rest).await.ok();
}

/// The local object store in a folder, counted.
pub(crate) async fn open_store(folder: &Path) -> Result<(Arc<Stores>, Counters)> {
    let stores = Stores::open(&format!("file://{}", folder.display()), &StoreSettings::default()).await?;
    let counters = Counters::default();
    let counted = counters.clone();
    let stores = stores.decorated(move |store, multipart| {
        let counting = Counting::new(store, multipart, counted);
        (counting.clone(), counting)
    });
    Ok((stores, counters))
}

/// An answer of the private paths.
fn private(body: impl Into<Body>) -> Response<Body> {
    Response::new(body.into())
}
