//! Pages of records. Owns the bounds on what one page holds, and reads pages from scans and from sets of names.

use model::{PAGE_MAX, Page, PageRequest};
use proto::metadata::{Wire, decode};

use super::keyspace::{Keyspace, Pair, Scan, Table};
use super::{Halt, StateError, records};

/// A page ends after the item that takes it over so many bytes, so that an answer fits a message.
const PAGE_BYTES_MAX: usize = 4 << 20;

/// How much a page may still take.
pub(crate) struct PageRoom {
    items: usize,
    bytes: usize,
}

impl PageRoom {
    pub(crate) fn new(amount: usize) -> Self {
        Self { items: amount.min(PAGE_MAX), bytes: PAGE_BYTES_MAX }
    }

    /// Takes room for an item, or says that the page is full. An empty page takes an item of any size.
    pub(crate) fn take(&mut self, bytes: usize) -> bool {
        if self.items == 0 || self.bytes == 0 {
            return false;
        }
        self.items -= 1;
        self.bytes = self.bytes.saturating_sub(bytes);
        true
    }
}

/// The record of a pair.
pub(crate) fn value<T: Wire>((_, value): Pair) -> Result<T, StateError> {
    Ok(decode(&value)?)
}

/// Reads a record that an index refers to.
pub(crate) fn referred<T: Wire>(keys: &dyn Keyspace, table: Table, key: &[u8]) -> Result<T, StateError> {
    records::find(keys, table, key)?
        .ok_or_else(|| StateError::Corrupt(format!("an index of {} refers to nothing", table.name())))
}

/// Takes a page from a scan.
pub(crate) fn page<T>(
    mut scan: Scan<'_>,
    amount: usize,
    mut item: impl FnMut(Pair) -> Result<T, StateError>,
) -> Result<Page<T>, StateError> {
    let mut room = PageRoom::new(amount);
    let mut items = Vec::new();
    for pair in &mut scan {
        let pair = pair?;
        if !room.take(pair.0.len() + pair.1.len()) {
            return Ok(Page { items, more: true });
        }
        items.push(item(pair)?);
    }
    Ok(Page { items, more: false })
}

/// A page of names, taken from sets that are bounded.
pub(crate) fn page_of_names<T>(
    names: impl IntoIterator<Item = String>,
    wanted: &PageRequest,
    mut item: impl FnMut(String) -> Result<T, Halt>,
) -> Result<Page<T>, Halt> {
    let mut room = PageRoom::new(wanted.amount);
    let mut items = Vec::new();
    for name in names {
        if !name.starts_with(&wanted.prefix) || (!wanted.after.is_empty() && name <= wanted.after) {
            continue;
        }
        if !room.take(name.len()) {
            return Ok(Page { items, more: true });
        }
        items.push(item(name)?);
    }
    Ok(Page { items, more: false })
}
