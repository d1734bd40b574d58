//! What commands print. Owns standard output: text for people, one JSON value a line with `--json`.
//! Invariant: nothing but a command's result goes there; notes and progress go to standard error.

use std::io::{self, ErrorKind, Write};

use anyhow::Result;
use serde::Serialize;

/// Where a command's result goes, and in which form.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    json: bool,
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        Self { json }
    }

    /// Prints one result: `text` for people, or `value` as one line of JSON.
    pub(crate) fn item(self, value: &impl Serialize, text: impl FnOnce() -> String) -> Result<()> {
        let line = if self.json { serde_json::to_string(value)? } else { text() };
        print(format_args!("{line}\n"))
    }

    /// Prints a line for people; with `--json`, nothing.
    pub(crate) fn note(self, text: &str) -> Result<()> {
        if self.json { Ok(()) } else { print(format_args!("{text}\n")) }
    }

    /// Writes an object's bytes.
    pub(crate) fn bytes(self, bytes: &[u8]) -> Result<()> {
        ended_or(io::stdout().lock().write_all(bytes))
    }
}

/// Prints to standard error: notes that are no result.
pub(crate) fn warn(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

fn print(text: std::fmt::Arguments<'_>) -> Result<()> {
    ended_or(io::stdout().lock().write_fmt(text))
}

/// A reader that has seen enough (`lakebed log | head`) ends the command well.
fn ended_or(written: io::Result<()>) -> Result<()> {
    match written {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
        written => Ok(written?),
    }
}
