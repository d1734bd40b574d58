//! The metaindex and the properties: what else a table holds, and facts about it. Owns their encoding and RocksDB's
//! names; leaves what is in other metablocks to who reads them.

use std::collections::BTreeMap;

use super::block_builder::BlockBuilder;
use super::coding::{Reader, put_varint};
use super::entries::{Entries, Values};
use super::index::{IndexBuilder, IndexLayout};
use super::{BlockHandle, Compression, SstError};

pub(super) const PROPERTIES: &str = "rocksdb.properties";
/// Where the index is, from version 6 on.
pub(super) const INDEX: &str = "rocksdb.index";
/// Ours: see `block_list.rs`.
pub(super) const BLOCK_LIST: &str = "lakebed.blocks";
/// Ours: see `filter.rs`.
pub(super) const FILTER: &str = "lakebed.filter";
const RANGE_DELETIONS: &[&str] = &["rocksdb.range_del", "rocksdb.range_del2"];
const DICTIONARY: &str = "rocksdb.compression_dict";

const COMPARATOR: &str = "leveldb.BytewiseComparator";
/// A properties block is read from front to back: it has no restart points but the first.
const NO_RESTARTS: usize = i32::MAX as usize;

/// Where the metablocks are, by name.
#[derive(Debug)]
pub(super) struct Metaindex(BTreeMap<Vec<u8>, BlockHandle>);

impl Metaindex {
    pub(super) fn parse(content: &[u8], limit: u64) -> Result<Self, SstError> {
        let mut entries = Entries::new(content, Values::Prefixed)?;
        let mut handles = BTreeMap::new();
        while entries.advance()? {
            handles.insert(entries.key().to_vec(), BlockHandle::read(&mut Reader::new(entries.value()), limit)?);
        }
        let metaindex = Self(handles);
        if RANGE_DELETIONS.iter().any(|name| metaindex.get(name).is_some()) {
            return Err(SstError::unsupported("range deletions"));
        }
        if metaindex.get(DICTIONARY).is_some() {
            return Err(SstError::unsupported("blocks compressed with a dictionary"));
        }
        Ok(metaindex)
    }

    pub(super) fn get(&self, name: &str) -> Option<BlockHandle> {
        self.0.get(name.as_bytes()).copied()
    }

    /// Encodes a metaindex of names in order.
    pub(super) fn encode(handles: &[(&str, BlockHandle)]) -> Vec<u8> {
        let mut block = BlockBuilder::new(1);
        for (name, handle) in handles {
            let mut value = Vec::new();
            handle.put(&mut value);
            block.add(&[], name.as_bytes(), &[], &value);
        }
        block.finish().to_vec()
    }
}

/// Whether an index's blocks are data blocks, or indexes themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum IndexLevels {
    One,
    Two,
}

/// Facts about a table, by name.
#[derive(Debug, Default)]
pub(super) struct Properties(BTreeMap<String, Vec<u8>>);

impl Properties {
    pub(super) fn parse(content: &[u8]) -> Result<Self, SstError> {
        let mut entries = Entries::new(content, Values::Prefixed)?;
        let mut properties = BTreeMap::new();
        while entries.advance()? {
            properties.insert(String::from_utf8_lossy(entries.key()).into_owned(), entries.value().to_vec());
        }
        let properties = Self(properties);
        properties.refuse_what_we_do_not_read()?;
        Ok(properties)
    }

    fn refuse_what_we_do_not_read(&self) -> Result<(), SstError> {
        if let Some(comparator) = self.0.get("rocksdb.comparator").filter(|name| *name != COMPARATOR.as_bytes()) {
            let comparator = String::from_utf8_lossy(comparator);
            return Err(SstError::unsupported(format!("keys in the order of {comparator}, not by bytes")));
        }
        let refused = [
            ("rocksdb.num.range-deletions", "range deletions"),
            ("rocksdb.deleted.keys", "deletions"),
            ("rocksdb.merge.operands", "merge operands"),
            ("rocksdb.udi.is.primary.index", "an index of a user's own format"),
            ("rocksdb.separate.key.value.in.data.block", "blocks that keep keys and values apart"),
        ];
        for (name, what) in refused {
            if self.number(name)?.unwrap_or(0) > 0 {
                return Err(SstError::unsupported(what));
            }
        }
        Ok(())
    }

    /// A property that is a varint.
    pub(super) fn number(&self, name: &str) -> Result<Option<u64>, SstError> {
        self.0.get(name).map(|value| Reader::new(value).varint()).transpose()
    }

    /// How many entries the table has.
    pub(super) fn entries(&self) -> Result<u64, SstError> {
        self.number("rocksdb.num.entries")?.ok_or_else(|| SstError::corrupt("no count of entries in the properties"))
    }

    /// How the index is encoded.
    pub(super) fn index(&self) -> Result<(IndexLevels, IndexLayout), SstError> {
        let kind = self.0.get("rocksdb.block.based.table.index.type");
        let kind = Reader::new(kind.ok_or_else(|| SstError::corrupt("no index type in the properties"))?).u32()?;
        let levels = match kind {
            // A binary search index, one with a hash table beside it, and one with first keys.
            0 | 1 | 3 => IndexLevels::One,
            2 => IndexLevels::Two,
            _ => return Err(SstError::unsupported(format!("an index of type {kind}"))),
        };
        let layout = IndexLayout {
            user_keys: self.number("rocksdb.index.key.is.user.key")?.unwrap_or(0) != 0,
            delta_values: self.number("rocksdb.index.value.is.delta.encoded")?.unwrap_or(0) != 0,
            first_keys: kind == 3,
        };
        Ok((levels, layout))
    }

    pub(super) fn into_map(self) -> BTreeMap<String, Vec<u8>> {
        self.0
    }
}

/// What a writer knows of its table.
#[derive(Debug, Clone, Copy)]
pub(super) struct TableFacts {
    pub(super) entries: u64,
    pub(super) blocks: u64,
    /// Bytes of user keys.
    pub(super) key_bytes: u64,
    pub(super) value_bytes: u64,
    /// Bytes of data blocks, trailers included: where the index begins.
    pub(super) data_bytes: u64,
    pub(super) index_bytes: u64,
    pub(super) compression: Compression,
    pub(super) restart_interval: usize,
}

/// Encodes the properties of a table of ours, as RocksDB's own writer of tables for ingestion has them, without what
/// differs from one run to the next (times, session ids). `extra` must not hold names that begin with `rocksdb.`.
pub(super) fn encode_properties(facts: &TableFacts, extra: &BTreeMap<String, Vec<u8>>) -> Vec<u8> {
    let numbers = [
        ("rocksdb.data.block.restart.interval", facts.restart_interval as u64),
        ("rocksdb.data.size", facts.data_bytes),
        ("rocksdb.deleted.keys", 0),
        ("rocksdb.filter.size", 0),
        ("rocksdb.fixed.key.length", 0),
        ("rocksdb.format.version", 0),
        ("rocksdb.index.block.restart.interval", IndexBuilder::RESTART_INTERVAL as u64),
        ("rocksdb.index.key.is.user.key", 1),
        ("rocksdb.index.size", facts.index_bytes),
        ("rocksdb.index.value.is.delta.encoded", 1),
        ("rocksdb.key.largest.seqno", 0),
        ("rocksdb.key.smallest.seqno", 0),
        ("rocksdb.merge.operands", 0),
        ("rocksdb.num.data.blocks", facts.blocks),
        ("rocksdb.num.entries", facts.entries),
        ("rocksdb.num.filter_entries", 0),
        ("rocksdb.num.range-deletions", 0),
        ("rocksdb.raw.key.size", facts.key_bytes + 8 * facts.entries),
        ("rocksdb.raw.value.size", facts.value_bytes),
        ("rocksdb.tail.start.offset", facts.data_bytes),
    ];
    let texts: [(&str, &[u8]); 10] = [
        ("rocksdb.block.based.table.index.type", &0u32.to_le_bytes()),
        ("rocksdb.block.based.table.prefix.filtering", b"0"),
        ("rocksdb.block.based.table.whole.key.filtering", b"0"),
        ("rocksdb.comparator", COMPARATOR.as_bytes()),
        ("rocksdb.compression", facts.compression.name().as_bytes()),
        // Version 2 of a table for ingestion: one whose sequence number the database gives it.
        ("rocksdb.external_sst_file.global_seqno", &0u64.to_le_bytes()),
        ("rocksdb.external_sst_file.version", &2u32.to_le_bytes()),
        ("rocksdb.merge.operator", b"nullptr"),
        ("rocksdb.prefix.extractor.name", b"nullptr"),
        ("rocksdb.property.collectors", b"[SstFileWriterPropertiesCollector]"),
    ];
    let mut all: BTreeMap<&[u8], Vec<u8>> =
        extra.iter().map(|(name, value)| (name.as_bytes(), value.clone())).collect();
    all.extend(texts.iter().map(|(name, value)| (name.as_bytes(), value.to_vec())));
    all.extend(numbers.iter().map(|(name, number)| {
        let mut value = Vec::new();
        put_varint(&mut value, *number);
        (name.as_bytes(), value)
    }));
    let mut block = BlockBuilder::new(NO_RESTARTS);
    let mut previous: &[u8] = &[];
    for (name, value) in &all {
        block.add(previous, name, &[], value);
        previous = name;
    }
    block.finish().to_vec()
}
