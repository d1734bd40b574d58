//! Tests of the tables: what they have in common. One file for each promise.

mod cuts;
mod damage;
mod layouts;
mod limits;
mod model;
mod oracle;

use std::collections::BTreeMap;

use super::*;

type Entries = BTreeMap<Vec<u8>, Vec<u8>>;
type Entry = (Vec<u8>, Vec<u8>);

/// Makes entries that look like a lake's: `events/day=07/part-000123.parquet` and about 60 bytes of value.
fn lake(count: usize) -> Entries {
    (0..count)
        .map(|i| {
            let key = format!("events/day={:02}/part-{:06}.parquet", i * 30 / count, i);
            (key.into_bytes(), [&noise(i as u64, 44)[..], b"application/parquet"].concat())
        })
        .collect()
}

/// Bytes that don't compress, and are the same each time.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}

fn write(entries: &Entries, options: WriterOptions) -> Finished {
    let mut writer = Writer::new(options);
    for (key, value) in entries {
        writer.add(key, value).unwrap();
    }
    writer.finish().unwrap()
}

fn small_blocks() -> WriterOptions {
    WriterOptions { block_bytes: 256, ..WriterOptions::default() }
}

fn parse_tail(file: &[u8]) -> Result<Tail, SstError> {
    match Tail::parse(file, file.len() as u64)? {
        TailParse::Parsed(tail) => Ok(*tail),
        TailParse::NeedMore(bytes) => panic!("{bytes} of {} bytes are needed, and all were given", file.len()),
    }
}

fn stored(file: &[u8], handle: BlockHandle) -> &[u8] {
    &file[handle.range().start as usize..handle.range().end as usize]
}

fn block(file: &[u8], tail: &Tail, block: usize) -> Result<Block, SstError> {
    let handle = tail.handle(block);
    Block::decode(stored(file, handle), handle, tail.format())
}

/// Reads all entries of a table from front to back.
fn scan(file: &[u8]) -> Result<Entries, SstError> {
    let tail = parse_tail(file)?;
    let mut all = Entries::new();
    for at in 0..tail.blocks() {
        let block = block(file, &tail, at)?;
        let mut cursor = block.iter();
        while let Some((key, value)) = cursor.entry() {
            assert!(all.last_key_value().is_none_or(|(last, _)| last.as_slice() < key), "out of order at {key:?}");
            all.insert(key.to_vec(), value.to_vec());
            cursor.advance();
        }
    }
    Ok(all)
}

/// Looks one key up.
fn get(file: &[u8], key: &[u8]) -> Result<Option<Vec<u8>>, SstError> {
    let tail = parse_tail(file)?;
    tail.find(key).map_or(Ok(None), |at| Ok(block(file, &tail, at)?.get(key).map(<[u8]>::to_vec)))
}

/// The first entry whose key is at least `key`.
fn seek(file: &[u8], key: &[u8]) -> Result<Option<Entry>, SstError> {
    let tail = parse_tail(file)?;
    for at in tail.find(key).map_or(0..0, |first| first..tail.blocks()) {
        if let Some((key, value)) = block(file, &tail, at)?.iter_from(key).entry() {
            return Ok(Some((key.to_vec(), value.to_vec())));
        }
    }
    Ok(None)
}
