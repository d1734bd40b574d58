//! How a command ends. Owns the exit codes that scripts rely on, and the one place that prints an error.

use std::process::ExitCode;

use lakebed_sdk::{Code, Reason};

use crate::output::warn;

/// A merge that has conflicts.
pub(crate) const CONFLICTS: u8 = 3;
const FAILED: u8 = 1;
const NOT_FOUND: u8 = 4;
const UNAVAILABLE: u8 = 5;

/// Prints an error with its causes and chooses the exit code.
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    warn(&format!("error: {error:#}"));
    let code = error.chain().find_map(|cause| cause.downcast_ref::<lakebed_sdk::Error>()).map_or(FAILED, code);
    ExitCode::from(code)
}

fn code(error: &lakebed_sdk::Error) -> u8 {
    match error.code {
        Code::NotFound => NOT_FOUND,
        Code::Unavailable => UNAVAILABLE,
        _ if error.reason == Reason::Unreachable => UNAVAILABLE,
        _ => FAILED,
    }
}
