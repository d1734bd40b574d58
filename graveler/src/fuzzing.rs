//! What the fuzz targets under `fuzz/` run: one function for each form that bytes or texts from outside may have, and
//! what must hold of those that are taken. Owns these promises and the seeds; `fuzz/` has the fuzzer's entry points
//! alone, and this crate's tests run the same functions over the seeds and what is near them.
//!
//! Invariant: none of these panics, whatever it is given; what a decoder takes, its encoder writes so that it is read
//! back the same.

mod seeds;

#[cfg(test)]
mod tests;

use model::CommitId;

use crate::history::commit_object;
use crate::sstable::fix_checksums::mend;
use crate::sstable::{Block, SstError, Tail, TailParse, Writer, WriterOptions};
use crate::tree::range_info::RangeInfo;
use crate::tree::record;
use crate::{LogCursor, RefExpr};

pub use seeds::{Seed, seeds};

type Entries = Vec<(Vec<u8>, Vec<u8>)>;

/// A fuzz target.
pub type Target = fn(&[u8]);

/// All targets, by the names of their files under `fuzz/fuzz_targets/`.
pub const TARGETS: [(&str, Target); 5] =
    [("sstable", sstable), ("metarange", metarange), ("commit", commit), ("record", record), ("ref_expr", ref_expr)];

/// A table, as it is and with its checksums made to fit: then damage gets past them.
pub fn sstable(file: &[u8]) {
    drop(read_table(file));
    let mut mended = file.to_vec();
    mend(&mut mended);
    let Ok(entries) = read_table(&mended) else { return };
    let in_order = entries.windows(2).all(|pair| pair[0].0 < pair[1].0);
    if in_order && let Some(written) = write_table(&entries) {
        assert_eq!(read_table(&written).expect("because it was just written"), entries);
    }
}

/// A metarange's record: a key's length in one byte, the key, the value. And a whole metarange.
pub fn metarange(bytes: &[u8]) {
    if let Some((length, rest)) = bytes.split_first()
        && let Some((key, value)) = rest.split_at_checked((*length).into())
    {
        range(key, value);
    }
    let mut file = bytes.to_vec();
    mend(&mut file);
    for (key, value) in read_table(&file).unwrap_or_default() {
        range(&key, &value);
    }
}

fn range(key: &[u8], value: &[u8]) {
    if let Ok(info) = RangeInfo::decode(key, value) {
        assert_eq!(RangeInfo::decode(key, &info.encode()), Ok(info));
    }
    if let Ok(delta) = RangeInfo::decode_value(value) {
        assert_eq!(RangeInfo::decode_value(&delta.encode()), Ok(delta));
    }
}

/// A commit object, under the id that its bytes have.
pub fn commit(bytes: &[u8]) {
    let id = CommitId::from_bytes(*blake3::hash(bytes).as_bytes());
    if let Ok(commit) = commit_object::decode(id, bytes) {
        let (id, bytes) = commit_object::encode(&commit);
        assert_eq!(commit_object::decode(id, &bytes), Ok(commit));
    }
}

/// A record of a range.
pub fn record(bytes: &[u8]) {
    if let Ok(entry) = record::decode_entry(bytes) {
        assert_eq!(record::decode_entry(&record::encode_entry(entry.clone())), Ok(entry));
    }
}

/// A ref expression, or where a page of a log ended.
pub fn ref_expr(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    if let Ok(expr) = text.parse::<RefExpr>() {
        assert_eq!(expr.to_string().parse(), Ok(expr), "{text}");
    }
    if let Ok(cursor) = text.parse::<LogCursor>() {
        assert_eq!(cursor.to_string(), text);
    }
}

/// Reads all of a table, and looks up what it holds.
fn read_table(file: &[u8]) -> Result<Entries, SstError> {
    let TailParse::Parsed(tail) = Tail::parse(file, file.len() as u64)? else {
        return Err(SstError::Misuse("a whole file is enough".into()));
    };
    let mut all = Entries::new();
    for at in 0..tail.blocks() {
        let handle = tail.handle(at);
        let range = handle.range();
        let block = Block::decode(&file[range.start as usize..range.end as usize], handle, tail.format())?;
        for entry in 0..block.entries() {
            let (key, value) = block.entry(entry);
            assert!(entry == 0 || block.entry(entry - 1).0 < key, "a block's keys are in order");
            assert_eq!((block.lower_bound(key), block.get(key)), (entry, Some(value)));
            tail.find(key);
            all.push((key.to_vec(), value.to_vec()));
        }
    }
    Ok(all)
}

/// Writes a table; `None` if its keys are longer than any that is written.
fn write_table(entries: &Entries) -> Option<Vec<u8>> {
    let mut writer = Writer::new(WriterOptions { block_bytes: 256, ..WriterOptions::default() });
    for (key, value) in entries {
        writer.add(key, value).ok()?;
    }
    writer.finish().ok().map(|table| table.bytes.to_vec())
}
