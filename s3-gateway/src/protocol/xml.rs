//! S3's XML: `read` takes requests apart, `write` builds answers. Invariant: what is read is bounded in bytes, depth
//! and items; entities are never expanded; whatever is read or written is XML 1.0, which every parser takes.

pub mod read;
pub mod write;
pub mod write_properties;

pub use read::{CompletedPart, DeleteRequest, ObjectToDelete};

/// S3's namespace, which answers but errors carry.
pub const NAMESPACE: &str = "http://s3.amazonaws.com/doc/2006-03-01/";

/// Builds a document of elements and text.
#[derive(Debug)]
pub(crate) struct Writer {
    out: String,
    open: Vec<&'static str>,
}

impl Writer {
    /// Starts a document.
    pub(crate) fn document() -> Self {
        Self { out: "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned(), open: Vec::new() }
    }

    /// Opens the outermost element, in S3's namespace.
    pub(crate) fn open_root(&mut self, name: &'static str) {
        self.open_root_in(name, NAMESPACE);
    }

    /// Opens the outermost element, in a namespace.
    pub(crate) fn open_root_in(&mut self, name: &'static str, namespace: &str) {
        self.out.push_str(&format!("<{name} xmlns=\"{namespace}\">"));
        self.open.push(name);
    }

    /// Opens an element.
    pub(crate) fn open(&mut self, name: &'static str) {
        self.out.push_str(&format!("<{name}>"));
        self.open.push(name);
    }

    /// Opens an element with attributes, written as they stand in the document.
    pub(crate) fn open_with(&mut self, name: &'static str, attributes: &str) {
        self.out.push_str(&format!("<{name} {attributes}>"));
        self.open.push(name);
    }

    /// Closes the innermost open element.
    pub(crate) fn close(&mut self) {
        let name = self.open.pop().expect("because every close follows its open");
        self.out.push_str(&format!("</{name}>"));
    }

    /// Writes an element that holds text.
    pub(crate) fn text(&mut self, name: &str, text: &str) {
        if text.is_empty() {
            self.out.push_str(&format!("<{name}/>"));
            return;
        }
        self.out.push_str(&format!("<{name}>"));
        escape(&mut self.out, text);
        self.out.push_str(&format!("</{name}>"));
    }

    /// Writes text into the innermost open element.
    pub(crate) fn raw_text(&mut self, text: &str) {
        escape(&mut self.out, text);
    }

    /// Writes an element that holds a number or a boolean.
    pub(crate) fn value(&mut self, name: &str, value: impl std::fmt::Display) {
        self.out.push_str(&format!("<{name}>{value}</{name}>"));
    }

    /// Ends the document.
    pub(crate) fn finish(self) -> String {
        debug_assert!(self.open.is_empty(), "open elements: {:?}", self.open);
        self.out
    }
}

/// Returns whether XML 1.0 can hold a text: not most control characters, neither as they are nor as references (2.2).
pub(crate) fn can_hold(text: &str) -> bool {
    text.chars().all(is_xml)
}

fn is_xml(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..)
}

/// Escapes text. A carriage return becomes a reference, since parsers would turn it into a line feed. What XML can't hold is
/// shown as the replacement character: a document that no parser takes would say nothing at all. Answers in which such a
/// text matters encode it, or are refused.
fn escape(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' => out.push(c),
            '\r' | '\u{7f}' => out.push_str(&format!("&#x{:x};", u32::from(c))),
            c if !is_xml(c) => out.push(char::REPLACEMENT_CHARACTER),
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests;
