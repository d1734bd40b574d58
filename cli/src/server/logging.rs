//! Logs: to standard error, so that standard output holds the ready line alone. Owns the format and the default level.

use std::io::{self, IsTerminal};

use anyhow::Result;
use clap::ValueEnum;
use serde::Deserialize;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;

use crate::environment;
use crate::exit::usage;

/// Ours at `info`, others' warnings. openraft warns of what is usual when a node of a cluster of one starts.
const DEFAULT: &str = "warn,openraft=error,cli=info,api_server=info,s3_gateway=info,metadata_server=info,\
                       metadata_client=info,graveler=info,storage=info";

const ADVICE: &str =
    "write error, warn, info, debug, trace or off, or one of them for a part, as in warn,s3_gateway=debug";

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
pub(crate) fn start(format: Option<LogFormat>) -> Result<()> {
    let filter = filter(&environment::text("LAKEBED_LOG").unwrap_or_default())?;
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
    Ok(())
}

/// Reads what is to be logged; nothing is the default.
///
/// tracing takes any word for a target of which all is logged, and nothing else: a level that is mistyped would silence the
/// server.
fn filter(text: &str) -> Result<EnvFilter> {
    if text.is_empty() {
        return Ok(EnvFilter::new(DEFAULT));
    }
    let is_word = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let unknown = text.split(',').map(str::trim).find(|part| is_word(part) && part.parse::<LevelFilter>().is_err());
    match (unknown, EnvFilter::try_new(text)) {
        (None, Ok(filter)) => Ok(filter),
        (Some(word), _) => usage!("LAKEBED_LOG={text}: {word} is no level: {ADVICE}"),
        (None, Err(error)) => usage!("LAKEBED_LOG={text} can't be read ({error}): {ADVICE}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_level_is_refused() {
        for good in ["", "info", "OFF", "warn,storage=debug", "warn,s3_gateway[span]=trace"] {
            filter(good).unwrap();
        }
        for bad in ["lots", "inof", "warn,storge", "storage=lots", "a=b=c"] {
            let error = filter(bad).unwrap_err().to_string();
            assert!(error.contains("LAKEBED_LOG") && error.contains("as in"), "{error}");
        }
    }
}
