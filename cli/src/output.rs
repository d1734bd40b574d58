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

/// A name of the lake's users, safe to print on a terminal: escaped as Rust escapes texts, so that no name looks like another
/// or as two, and none moves the cursor. That goes for control characters, line separators, what turns the direction of
/// text or has no width, spaces that aren't the usual one, and the backslash itself.
pub(crate) fn shown(name: &str) -> Cow<'_, str> {
    escaped(name, &['\'', '"'])
}

/// A line of prose, which may quote names: as [`shown`], but a backslash is one.
pub(crate) fn shown_line(text: &str) -> Cow<'_, str> {
    escaped(text, &['\'', '"', '\\'])
}

/// Lines of prose: as [`shown_line`].
pub(crate) fn shown_lines(text: &str) -> Cow<'_, str> {
    escaped(text, &['\'', '"', '\\', '\n', '\t'])
}

/// A local path, safe to print on a terminal.
pub(crate) fn shown_path(path: &Path) -> String {
    shown(&path.display().to_string()).into_owned()
}

/// Escapes a text but for the characters that are kept.
fn escaped<'a>(text: &'a str, kept: &[char]) -> Cow<'a, str> {
    let is_plain = |c: char| kept.contains(&c) || (c.is_ascii() && !c.is_ascii_control() && c != '\\');
    if text.chars().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    for piece in text.split_inclusive(kept) {
        let body = piece.strip_suffix(kept).unwrap_or(piece);
        shown.extend(body.escape_debug());
        shown.push_str(&piece[body.len()..]);
    }
    Cow::Owned(shown)
}

/// Texts after a label: nothing, or a space and each of them.
pub(crate) fn shown_list(texts: &[String]) -> String {
    let list = texts.iter().map(|text| shown(text)).collect::<Vec<_>>().join(", ");
    if list.is_empty() { list } else { format!(" {list}") }
}

/// Prints to standard error: notes that are no result. They may have several lines.
pub(crate) fn warn(text: &str) {
    let _ = writeln!(io::stderr(), "{}", shown_lines(text));
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
    fn a_name_is_shown_as_itself_or_escaped() {
        for same in ["a b/é+日本.txt", "it's \"x\"", "e\u{301}", "👍\u{1f3fd}", "\u{5d0}"] {
            assert_eq!(shown(same), same);
        }
        for (name, escaped) in [
            ("a\nb\x1b[2J", "a\\nb\\u{1b}[2J"),
            ("a\\nb", "a\\\\nb"),
            ("gpj.\u{202e}exe", "gpj.\\u{202e}exe"),
            ("'\u{2066}x\u{2069}", "'\\u{2066}x\\u{2069}"),
            ("\u{200e}\u{200f}\u{61c}", "\\u{200e}\\u{200f}\\u{61c}"),
            ("a\u{200b}b\u{feff}\u{2060}", "a\\u{200b}b\\u{feff}\\u{2060}"),
            ("a\u{2028}b\u{2029}", "a\\u{2028}b\\u{2029}"),
            ("a\u{a0}b\u{85}", "a\\u{a0}b\\u{85}"),
            // It would change what stands before the name.
            ("\u{301}e", "\\u{301}e"),
        ] {
            assert_eq!(shown(name), escaped);
            assert_eq!(shown_path(Path::new(name)), escaped);
        }
    }

    #[test]
    fn prose_keeps_its_backslashes() {
        assert_eq!(shown_line("\\d+ isn't\na \u{202e}digit"), "\\d+ isn't\\na \\u{202e}digit");
        assert_eq!(shown_line(&shown("a\nb")), "a\\nb", "a name that was escaped before isn't again");
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
