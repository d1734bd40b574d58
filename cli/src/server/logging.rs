//! Logs: to standard error, so that standard output holds the ready line alone. Owns the format and the default level.

use std::io::{self, IsTerminal};

use clap::ValueEnum;
use serde::Deserialize;
use tracing_subscriber::EnvFilter;

/// Ours at `info`, others' warnings. openraft warns of what is usual when a node of a cluster of one starts.
const DEFAULT: &str = "warn,openraft=error,cli=info,api_server=info,s3_gateway=info,metadata_server=info,\
                       metadata_client=info,graveler=info,storage=info";

/// In which form lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// For machines: a JSON object a line.
    Json,
}

/// Starts logging, for whom standard error seems to be if nobody said; `LAKEBED_LOG` says what is logged, in the form of
/// tracing's filters.
pub(crate) fn start(format: Option<LogFormat>) {
    let filter = EnvFilter::try_from_env("LAKEBED_LOG").unwrap_or_else(|_| EnvFilter::new(DEFAULT));
    let is_terminal = io::stderr().is_terminal();
    // A line that can't be written, the disk being full, is lost: to report that would panic.
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(is_terminal)
        .log_internal_errors(false);
    // A second start in one process (tests) keeps the first.
    let _ = match format.unwrap_or(if is_terminal { LogFormat::Text } else { LogFormat::Json }) {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
}
