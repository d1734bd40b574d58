//! Writes a table, in memory. Owns the file's layout and the cuts between data blocks; leaves where it goes to its
//! caller. Invariant: the file depends on the entries and options alone: whether a block was built from its entries
//! or copied whole from a table with equal options can't be told from the bytes.
//!
//! Layout: data blocks ‖ index ‖ list of blocks ‖ filter, if any ‖ properties ‖ metaindex ‖ footer. All but the first is
//! the tail.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::block_builder::BlockBuilder;
use super::compression::{Compression, Compressor};
use super::footer::Footer;
use super::index::IndexBuilder;
use super::metablocks::{BLOCK_LIST, FILTER, Metaindex, PROPERTIES, TableFacts, encode_properties};
use super::stored::TRAILER_BYTES;
use super::{
    BLOCK_BYTES_MAX, BlockFormat, BlockHandle, BlockHash, BlockInfo, Checksum, CutRule, Cutter, Filter, KEY_BYTES_MAX,
    KeyHash, SstError, VALUE_BYTES_MAX, block_list, content_id, stored,
};

/// What follows a user key in an internal key: sequence number 0, type value.
const KEY_TRAILER: [u8; 8] = [1, 0, 0, 0, 0, 0, 0, 0];
/// Entries between a data block's restart points.
const RESTART_INTERVAL: usize = 16;
/// Blocks are cut on level 0; ranges and metaranges on those above.
const CUT_LEVEL: u64 = 0;

/// What a table is like.
#[derive(Debug, Clone)]
pub struct WriterOptions {
    /// How data blocks are compressed.
    pub compression: Compression,
    /// How blocks are checked.
    pub checksum: Checksum,
    /// The mean weight of a data block (keys, values and 8 bytes an entry), before compression.
    pub block_bytes: u32,
    /// Whether the table gets a filter of its keys. Then none of its blocks can be copied from another.
    pub filter: bool,
    /// Extra properties; RocksDB keeps names that begin with `rocksdb.` to itself.
    pub properties: BTreeMap<String, Vec<u8>>,
}

impl Default for WriterOptions {
    fn default() -> Self {
        Self {
            compression: Compression::Zstd(1),
            checksum: Checksum::Crc32c,
            block_bytes: 16 << 10,
            filter: false,
            properties: BTreeMap::new(),
        }
    }
}

/// A data block of another table, as it lies there, to be copied byte for byte. [`super::Tail::raw_block`] makes it.
#[derive(Debug, Clone, Copy)]
pub struct RawBlock<'a> {
    /// What the other table lists of it.
    pub info: &'a BlockInfo,
    /// Its last key.
    pub last_key: &'a [u8],
    /// How the other table is checked.
    pub format: BlockFormat,
    /// Where it lies there.
    pub handle: BlockHandle,
    /// Its bytes there, trailer included.
    pub stored: &'a [u8],
}

/// A finished table.
#[derive(Debug, Clone)]
pub struct Finished {
    /// The file.
    pub bytes: Bytes,
    /// How many of its last bytes hold all but the data blocks.
    pub tail_length: u32,
    /// Its content id.
    pub id: [u8; 32],
    /// Hashes of its data blocks, in order.
    pub block_hashes: Vec<BlockHash>,
    /// Its first key.
    pub first_key: Vec<u8>,
    /// Its last key.
    pub last_key: Vec<u8>,
    /// How many entries it has.
    pub entries: u64,
}

/// Writes a table from entries in order.
#[derive(Debug)]
pub struct Writer {
    rule: CutRule,
    cutter: Cutter,
    format: BlockFormat,
    compression: Compression,
    compressor: Compressor,
    properties: BTreeMap<String, Vec<u8>>,
    out: Vec<u8>,
    block: BlockBuilder,
    /// Of the block under way; its hash comes last.
    info: BlockInfo,
    last_key: Vec<u8>,
    index: IndexBuilder,
    infos: Vec<BlockInfo>,
    /// Of all keys, if there will be a filter.
    keys: Option<Vec<KeyHash>>,
    entries: u64,
}

impl Writer {
    /// Begins a table.
    pub fn new(options: WriterOptions) -> Self {
        let rule = CutRule::new(options.block_bytes.into(), CUT_LEVEL);
        Self {
            rule,
            cutter: Cutter::new(rule),
            format: BlockFormat { checksum: options.checksum, context: 0 },
            compression: options.compression,
            compressor: Compressor::new(options.compression),
            properties: options.properties,
            out: Vec::new(),
            block: BlockBuilder::new(RESTART_INTERVAL),
            info: empty_block(rule),
            last_key: Vec::new(),
            index: IndexBuilder::new(),
            infos: Vec::new(),
            keys: options.filter.then(Vec::new),
            entries: 0,
        }
    }

    /// Adds an entry, whose key must be larger than the last. True if a block ends with it: the table may end here,
    /// or a raw block may follow.
    pub fn add(&mut self, key: &[u8], value: &[u8]) -> Result<bool, SstError> {
        self.check_next(key)?;
        check_length("a key", key.len(), KEY_BYTES_MAX - KEY_TRAILER.len())?;
        check_length("a value", value.len(), VALUE_BYTES_MAX)?;
        if self.block.is_empty() {
            self.info.first_key.extend_from_slice(key);
        }
        self.block.add(&self.last_key, key, &KEY_TRAILER, value);
        if let Some(keys) = &mut self.keys {
            keys.push(KeyHash::of(key));
        }
        self.info.entries += 1;
        self.info.key_bytes += key.len() as u64;
        self.info.value_bytes += value.len() as u64;
        self.last_key.clear();
        self.last_key.extend_from_slice(key);
        self.entries += 1;
        let cut = self.cutter.step(key, (key.len() + value.len() + KEY_TRAILER.len()) as u64);
        if cut {
            self.end_block(true)?;
        }
        Ok(cut)
    }

    /// Adds an unchanged block of another table; only at a cut. Its checksum is verified, its content is not looked
    /// into.
    pub fn add_raw_block(&mut self, raw: &RawBlock<'_>) -> Result<(), SstError> {
        if !self.at_cut() {
            return Err(SstError::Misuse("a raw block behind entries that don't end with a cut".into()));
        }
        if self.keys.is_some() {
            return Err(SstError::Misuse("a raw block, whose keys nobody sees, in a table with a filter".into()));
        }
        if raw.info.target != self.rule.target() {
            return Err(SstError::Misuse(format!(
                "a raw block cut for {} bytes in a table of {}",
                raw.info.target,
                self.rule.target()
            )));
        }
        self.check_next(&raw.info.first_key)?;
        let (kind, content) = stored::check(raw.stored, raw.handle, raw.format)?;
        let handle = stored::append(&mut self.out, kind, content, self.format);
        self.index.add(raw.last_key, handle);
        self.infos.push(raw.info.clone());
        self.entries += raw.info.entries;
        self.last_key.clear();
        self.last_key.extend_from_slice(raw.last_key);
        Ok(())
    }

    /// Makes room for a file of so many bytes, so that it needn't move while it grows.
    pub fn reserve(&mut self, bytes: usize) {
        self.out.reserve(bytes);
    }

    /// Whether a block has just ended (or none has begun).
    pub fn at_cut(&self) -> bool {
        self.block.is_empty()
    }

    /// The weight (keys, values and 8 bytes an entry) of the last closed block, 0 before the first: what a step of a
    /// range's [`Cutter`] weighs.
    pub fn last_block_weight(&self) -> u64 {
        self.infos.last().map_or(0, BlockInfo::weight)
    }

    /// Entries so far.
    pub fn entries(&self) -> u64 {
        self.entries
    }

    /// Ends the table. One without entries is an error: an empty tree has no table.
    pub fn finish(mut self) -> Result<Finished, SstError> {
        if let Some(name) = self.properties.keys().find(|name| name.starts_with("rocksdb.")) {
            return Err(SstError::Misuse(format!("a property {name}, which is RocksDB's own")));
        }
        if !self.block.is_empty() {
            self.end_block(false)?;
        }
        let first = self.infos.first().ok_or_else(|| SstError::Misuse("a table without entries".into()))?;
        let first_key = first.first_key.clone();
        let tail_start = self.out.len();
        let filter = self.keys.take().map(|keys| Filter::of(&keys));
        self.append_tail(filter.as_ref())?;
        let block_hashes: Vec<_> = self.infos.iter().map(|info| info.hash).collect();
        let tail_length = self.out.len() - tail_start;
        Ok(Finished {
            bytes: self.out.into(),
            tail_length: u32::try_from(tail_length).expect("because each part is at most BLOCK_BYTES_MAX"),
            id: content_id(&block_hashes, filter.as_ref()),
            block_hashes,
            first_key,
            last_key: self.last_key,
            entries: self.entries,
        })
    }

    /// Checks that a key may follow what has been written.
    fn check_next(&self, key: &[u8]) -> Result<(), SstError> {
        if self.entries > 0 && self.last_key.as_slice() >= key {
            let (key, last) = (String::from_utf8_lossy(key), String::from_utf8_lossy(&self.last_key));
            return Err(SstError::Misuse(format!("the key {key:?} behind {last:?}")));
        }
        if self.at_cut() && self.infos.last().is_some_and(|last| !last.closed) {
            return Err(SstError::Misuse("entries behind a raw block that was its table's last".into()));
        }
        Ok(())
    }

    fn end_block(&mut self, closed: bool) -> Result<(), SstError> {
        let mut info = std::mem::replace(&mut self.info, empty_block(self.rule));
        let content = self.block.finish();
        check_length("a block", content.len(), BLOCK_BYTES_MAX)?;
        (info.hash, info.closed) = (*blake3::hash(content).as_bytes(), closed);
        let (kind, bytes) = self.compressor.compress(content)?;
        let handle = stored::append(&mut self.out, kind, bytes, self.format);
        self.block.clear();
        self.index.add(&self.last_key, handle);
        self.infos.push(info);
        Ok(())
    }

    fn append_tail(&mut self, filter: Option<&Filter>) -> Result<(), SstError> {
        let data_bytes = self.out.len() as u64;
        let index = self.index.finish();
        let facts = TableFacts {
            entries: self.entries,
            blocks: self.infos.len() as u64,
            key_bytes: self.infos.iter().map(|info| info.key_bytes).sum(),
            value_bytes: self.infos.iter().map(|info| info.value_bytes).sum(),
            data_bytes,
            index_bytes: (index.len() + TRAILER_BYTES) as u64,
            compression: self.compression,
            restart_interval: RESTART_INTERVAL,
        };
        let index = append_plain(&mut self.out, index, self.format)?;
        let list = block_list::encode(self.rule.target(), &self.infos);
        let list = append_plain(&mut self.out, &list, self.format)?;
        let filter = filter.map(|filter| append_plain(&mut self.out, &filter.encode(), self.format)).transpose()?;
        let properties = encode_properties(&facts, &self.properties);
        let properties = append_plain(&mut self.out, &properties, self.format)?;
        let metaindex = Metaindex::encode(
            &[(BLOCK_LIST, Some(list)), (FILTER, filter), (PROPERTIES, Some(properties))]
                .into_iter()
                .filter_map(|(name, handle)| Some((name, handle?)))
                .collect::<Vec<_>>(),
        );
        let metaindex = append_plain(&mut self.out, &metaindex, self.format)?;
        self.out.extend_from_slice(&Footer::encode(self.format.checksum, metaindex, index));
        Ok(())
    }
}

/// Appends an uncompressed block.
fn append_plain(out: &mut Vec<u8>, content: &[u8], format: BlockFormat) -> Result<BlockHandle, SstError> {
    check_length("an index or metablock", content.len(), BLOCK_BYTES_MAX)?;
    Ok(stored::append(out, 0, content, format))
}

fn empty_block(rule: CutRule) -> BlockInfo {
    BlockInfo {
        hash: [0; 32],
        entries: 0,
        key_bytes: 0,
        value_bytes: 0,
        first_key: Vec::new(),
        closed: false,
        target: rule.target(),
    }
}

fn check_length(what: &'static str, bytes: usize, max: usize) -> Result<(), SstError> {
    if bytes > max {
        return Err(SstError::TooLarge { what, bytes: bytes as u64, max: max as u64 });
    }
    Ok(())
}
