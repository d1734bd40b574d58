//! Logs: to standard error, so that standard output holds the ready line alone. Owns the format and the default level.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;

/// Ours at `info`, others' warnings. openraft warns of what is usual when a node of a cluster of one starts.
const DEFAULT: &str = "warn,openraft=error,cli=info,api_server=info,s3_gateway=info,metadata_server=info,\
                       metadata_client=info,graveler=info,storage=info";

/// Starts logging; `LAKEBED_LOG` says what is logged, in the form of tracing's filters.
pub(crate) fn start() {
    let filter = EnvFilter::try_from_env("LAKEBED_LOG").unwrap_or_else(|_| EnvFilter::new(DEFAULT));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    // Machines read JSON, people read text. A second start in one process (tests) keeps the first.
    let _ = if io::stderr().is_terminal() { builder.try_init() } else { builder.json().try_init() };
}
