//! What commands print. Owns standard output: text for people, one JSON value a line with `--json`.
//! Invariant: nothing but a command's result goes there; notes and progress go to standard error.

use std::borrow::Cow;
use std::io::{self, ErrorKind, Write};
use std::path::Path;

use anyhow::Result;
use indicatif::HumanCount;
use serde::Serialize;

/// How many notes of one kind are printed; more are only counted.
const NOTES_MAX: usize = 20;

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
    escaped(text, char::is_control)
}

/// A local path, safe to print on a terminal.
pub(crate) fn shown_path(path: &Path) -> String {
    shown(&path.display().to_string()).into_owned()
}

fn escaped(text: &str, is_unsafe: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&is_unsafe) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().fold(String::new(), |mut shown, c| {
        if is_unsafe(c) {
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

/// Prints to standard error: notes that are no result. They may have several lines, and no other control characters.
pub(crate) fn warn(text: &str) {
    let text = escaped(text, |c| c.is_control() && !matches!(c, '\n' | '\t'));
    let _ = writeln!(io::stderr(), "{text}");
}

/// Notes of one kind, such as one for each file of thousands: the first are printed, the others counted.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    number: usize,
}

impl Notes {
    pub(crate) fn add(&mut self, text: &str) {
        self.number += 1;
        if self.number <= NOTES_MAX {
            warn(text);
        }
    }

    /// Tells how many weren't printed.
    pub(crate) fn end(self) {
        if let Some(more) = self.more() {
            warn(&more);
        }
    }

    fn more(&self) -> Option<String> {
        let more = self.number.checked_sub(NOTES_MAX).filter(|more| *more > 0)?;
        Some(format!("and {} more", HumanCount(more as u64)))
    }
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
        assert_eq!(shown_path(Path::new("a\nb/c")), "a\\nb/c");
    }

    #[test]
    fn many_notes_are_counted() {
        let more = |number| Notes { number }.more();
        assert_eq!((more(0), more(NOTES_MAX)), (None, None));
        assert_eq!(more(NOTES_MAX + 1480), Some("and 1,480 more".to_owned()));
    }

    #[test]
    fn one_thing_is_singular() {
        assert_eq!([count(0, "file"), count(1, "file"), count(2, "file")], ["0 files", "1 file", "2 files"]);
    }
}
