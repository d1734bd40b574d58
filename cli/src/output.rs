//! What commands print. Owns standard output: text for people, one JSON value a line with `--json`.
//! Invariant: nothing but a command's result goes there; notes and progress go to standard error.

use std::borrow::Cow;
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

    /// Writes an object's bytes.
    pub(crate) fn bytes(self, bytes: &[u8]) -> Result<()> {
        ended_or(io::stdout().lock().write_all(bytes))
    }
}

/// A number of things: `1 file`, `2 files`.
pub(crate) fn count(number: u64, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

/// A text of the lake's users, safe to print on a terminal: control characters are escaped, so that no path can look
/// like two or move the cursor.
pub(crate) fn shown(text: &str) -> Cow<'_, str> {
    if !text.contains(char::is_control) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().fold(String::new(), |mut shown, c| {
        if c.is_control() {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
        shown
    }))
}

/// Texts behind a label: nothing, or a space and each of them.
pub(crate) fn shown_list(texts: &[String]) -> String {
    let list = texts.iter().map(|text| shown(text)).collect::<Vec<_>>().join(", ");
    if list.is_empty() { list } else { format!(" {list}") }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(shown("a b/é+日本.txt"), "a b/é+日本.txt");
        assert_eq!(shown("a\nb\x1b[2J"), "a\\nb\\u{1b}[2J");
    }

    #[test]
    fn one_thing_is_singular() {
        assert_eq!([count(0, "file"), count(1, "file"), count(2, "file")], ["0 files", "1 file", "2 files"]);
    }
}
