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
        for part in body.split_inclusive(is_unseen) {
            let seen = part.strip_suffix(is_unseen).unwrap_or(part);
            shown.extend(seen.escape_debug());
            shown.extend(part[seen.len()..].escape_unicode());
        }
        shown.push_str(&piece[body.len()..]);
    }
    Cow::Owned(shown)
}

/// Whether a character looks like nothing, or like a space, so that two names could look alike: those that Unicode has ignored where they
/// can't be shown (Default_Ignorable_Code_Point), and the empty pattern of Braille.
fn is_unseen(c: char) -> bool {
    matches!(u32::from(c),
        0xad | 0x34f | 0x61c | 0x115f..=0x1160 | 0x17b4..=0x17b5 | 0x180b..=0x180f | 0x200b..=0x200f | 0x202a..=0x202e
        | 0x2060..=0x206f | 0x2800 | 0x3164 | 0xfe00..=0xfe0f | 0xfeff | 0xffa0 | 0xfff0..=0xfff8 | 0x1bca0..=0x1bca3
        | 0x1d173..=0x1d17a | 0xe0000..=0xe0fff)
}

/// JSON, safe to print on a terminal, and still the same JSON.
pub(crate) fn shown_json(json: &str) -> String {
    let mut shown = String::with_capacity(json.len());
    for c in json.chars() {
        if c.is_ascii() || (!is_unseen(c) && c.escape_debug().len() == 1) {
            shown.push(c);
        } else {
            c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| shown.push_str(&format!("\\u{unit:04x}")));
        }
    }
    shown
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
            ("v1\u{34f}e\u{301}", "v1\\u{34f}e\u{301}"),
            ("\u{3164}\u{ffa0}\u{2800}\u{115f}", "\\u{3164}\\u{ffa0}\\u{2800}\\u{115f}"),
            ("\u{2764}\u{fe0f}", "\u{2764}\\u{fe0f}"),
            // It would change what stands before the name.
            ("\u{301}e", "\\u{301}e"),
        ] {
            assert_eq!(shown(name), escaped);
            assert_eq!(shown_path(Path::new(name)), escaped);
        }
    }

    #[test]
    fn json_stays_the_same_json() {
        let json = "{\"é\": \"a\u{202e}b\u{e0001}\"}";
        let shown = shown_json(json);
        assert_eq!(shown, "{\"é\": \"a\\u202eb\\udb40\\udc01\"}");
        let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(value(&shown), value(json));
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
