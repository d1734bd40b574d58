//! How a command ends. Owns the exit codes that scripts rely on, and the one place that prints an error.

use std::error::Error as StdError;
use std::process::ExitCode;

use lakebed_sdk::{Code, InvalidId, InvalidName, InvalidPath, InvalidPattern, Reason};
use storage::StorageError;
use thiserror::Error;
use tokio::signal::unix::SignalKind;

use crate::connection::call;
use crate::output::{shown_line, warn};
use crate::uri::InvalidUri;

/// A merge that has conflicts.
pub(crate) const CONFLICTS: u8 = 3;
/// The server can't be reached or can't serve now.
pub(crate) const UNAVAILABLE: u8 = 5;
/// A signal, as shells have it: this and the signal's number.
const SIGNALLED: u8 = 128;
const FAILED: u8 = 1;
const USAGE: u8 = 2;
const NOT_FOUND: u8 = 4;

/// A command line that can't be meant: the text says what to type instead.
#[derive(Debug, Error)]
#[error("{0}")]
pub(crate) struct Usage(pub(crate) String);

/// Something that isn't there, which the server wasn't asked for by its name.
#[derive(Debug, Error)]
#[error("{0}")]
pub(crate) struct NotFound(pub(crate) String);

/// Ctrl-C or another signal to end, which a command ended upon in good order.
#[derive(Debug, Error)]
#[error("interrupted ({so_far}); the same command again goes on from here")]
pub(crate) struct Interrupted {
    pub(crate) signal: SignalKind,
    /// What it had done.
    pub(crate) so_far: String,
}

/// Ends a command with [`Usage`].
macro_rules! usage {
    ($($text:tt)*) => { return Err($crate::exit::Usage(format!($($text)*)).into()) };
}
pub(crate) use usage;

/// Prints an error with its causes and chooses the exit code.
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    warn(&format!("error: {}", text(error)));
    ExitCode::from(code(error))
}

/// An error and its causes in one line; a cause that an outer error quotes already isn't told again.
pub(crate) fn text(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(told) {
        if text.is_empty() {
            text = cause;
        } else if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text.trim_end().to_owned()
}

/// What a server says may quote names of the lake's users.
fn told(cause: &(dyn StdError + 'static)) -> String {
    match cause.downcast_ref::<lakebed_sdk::Error>() {
        Some(call) => format!("{}{}", shown_line(&call.message), advice(call.reason)),
        None => cause.to_string(),
    }
}

/// What this command's user can do about a refusal that the server tells clients of every kind in the same words.
fn advice(reason: Reason) -> &'static str {
    match reason {
        Reason::ProtectedBranch => {
            ", or end the protection with `lakebed branch unprotect` to write to it, reset or delete it"
        }
        Reason::ReadOnly => ": `lakebed repo set --read-only=false` lets it be written to again",
        Reason::ParentNeeded => ": --parent 1 is the branch that was merged into",
        _ => "",
    }
}

/// Returns whether a command ended upon a signal.
pub(crate) fn is_interrupted(error: &anyhow::Error) -> bool {
    error.is::<Interrupted>()
}

/// Returns whether a command failed because the server can't be reached or can't serve now.
pub(crate) fn is_unavailable(error: &anyhow::Error) -> bool {
    code(error) == UNAVAILABLE
}

fn code(error: &anyhow::Error) -> u8 {
    if let Some(call) = call(error) {
        return of_call(call);
    }
    if error.chain().any(|cause| cause.is::<NotFound>()) {
        return NOT_FOUND;
    }
    if let Some(Interrupted { signal, .. }) = error.downcast_ref() {
        let number = u8::try_from(signal.as_raw_value()).expect("because signals have small numbers");
        return SIGNALLED + number;
    }
    let is_usage = error.chain().any(|cause| {
        cause.is::<Usage>()
            || cause.is::<InvalidUri>()
            || cause.is::<InvalidName>()
            || cause.is::<InvalidPath>()
            || cause.is::<InvalidPattern>()
            || cause.is::<InvalidId>()
            // A URL or setting of a store that can't be meant.
            || matches!(cause.downcast_ref(), Some(StorageError::Invalid(_)))
    });
    if is_usage { USAGE } else { FAILED }
}

fn of_call(error: &lakebed_sdk::Error) -> u8 {
    match error.code {
        Code::NotFound => NOT_FOUND,
        Code::Unavailable => UNAVAILABLE,
        Code::InvalidArgument => USAGE,
        _ if error.reason == Reason::Unreachable => UNAVAILABLE,
        _ => FAILED,
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;

    fn failed(code: Code) -> anyhow::Error {
        lakebed_sdk::Error { code, reason: Reason::Unknown, message: "the call failed".to_owned() }.into()
    }

    #[test]
    fn codes_tell_whose_turn_it_is() {
        assert_eq!(code(&failed(Code::NotFound).context("can't download x")), NOT_FOUND);
        assert_eq!(code(&failed(Code::Unavailable)), UNAVAILABLE);
        assert_eq!(code(&failed(Code::AlreadyExists)), FAILED);
        assert_eq!(code(&Usage("say --yes".to_owned()).into()), USAGE);
        assert_eq!(code(&NotFound("no such prefix".to_owned()).into()), NOT_FOUND);
        for (signal, number) in
            [(SignalKind::interrupt(), 130), (SignalKind::terminate(), 143), (SignalKind::hangup(), 129)]
        {
            assert_eq!(code(&Interrupted { signal, so_far: "1 file uploaded".to_owned() }.into()), number);
        }
        let name = "a b".parse::<model::BranchName>().context("no branch").unwrap_err();
        assert_eq!(code(&name), USAGE);
        let store = StorageError::Invalid("\"nosuch\" isn't an object store".to_owned());
        assert_eq!(code(&anyhow::Error::from(store).context("can't open the object store")), USAGE);
        assert_eq!(code(&anyhow::anyhow!("the disk is full")), FAILED);
    }

    #[test]
    fn a_cause_is_told_once() {
        let error = anyhow::anyhow!("no route").context("can't connect: no route").context("upload failed");
        assert_eq!(text(&error), "upload failed: can't connect: no route");
        let mut refused = lakebed_sdk::Error { code: Code::NotFound, reason: Reason::Unknown, message: String::new() };
        refused.message = "a\nb\x1b[2J not found in main".to_owned();
        assert_eq!(text(&refused.into()), "a\\nb\\u{1b}[2J not found in main", "what users call things is escaped");
        let read_only = lakebed_sdk::Error {
            code: Code::FailedPrecondition,
            reason: Reason::ReadOnly,
            message: "repository trips is read-only".to_owned(),
        };
        let told = text(&anyhow::Error::from(read_only).context("1 object not deleted"));
        assert!(told.contains("trips is read-only: `lakebed repo set --read-only=false`"), "{told}");
        assert!(advice(Reason::ParentNeeded).contains("--parent 1"));
    }
}
