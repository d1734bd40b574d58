//! All of a table but its data blocks: footer, metaindex, properties, index and, in tables of ours, the list of
//! blocks. Owns finding the block for a key; leaves fetching to its caller, whom it tells how much to fetch.
//! Invariant: what `parse` returns has been checked against itself, so its methods can't fail.

use std::collections::BTreeMap;
use std::ops::Range;

use super::block_list::{self, BlockInfo};
use super::footer::{FOOTER_BYTES, Footer};
use super::index::{Index, IndexLayout};
use super::metablocks::{BLOCK_LIST, FILTER, INDEX, IndexLevels, Metaindex, PROPERTIES, Properties};
use super::{BlockFormat, BlockHandle, BlockHash, Filter, RawBlock, SstError, TAIL_BYTES_MAX, content_id, stored};

/// What to fetch of a file of which nothing is known.
const FIRST_FETCH_BYTES: u64 = 64 << 10;

/// What came of [`Tail::parse`].
#[derive(Debug)]
pub enum TailParse {
    /// The tail.
    Parsed(Box<Tail>),
    /// The suffix is too short: this many last bytes of the file are needed (then perhaps more again).
    NeedMore(u64),
}

/// A parsed tail.
#[derive(Debug)]
pub struct Tail {
    version: u32,
    format: BlockFormat,
    index: Index,
    infos: Option<Vec<BlockInfo>>,
    filter: Option<Filter>,
    properties: BTreeMap<String, Vec<u8>>,
    entries: u64,
}

impl Tail {
    /// Parses the last bytes of a file of `file_size` bytes. A two-level index is needed whole.
    pub fn parse(suffix: &[u8], file_size: u64) -> Result<TailParse, SstError> {
        match Suffix::new(suffix, file_size).and_then(|suffix| parse(&suffix)) {
            Ok(tail) => Ok(TailParse::Parsed(Box::new(tail))),
            Err(Stop::NeedMore(bytes)) => Ok(TailParse::NeedMore(bytes)),
            Err(Stop::Error(error)) => Err(error),
        }
    }

    /// The format's version.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// How its blocks are checked; what [`super::Block::decode`] needs.
    pub fn format(&self) -> BlockFormat {
        self.format
    }

    /// How many data blocks there are.
    pub fn blocks(&self) -> usize {
        self.index.handles().len()
    }

    /// The only block that may hold `key`, which is also the first that may hold keys from `key` on. `None`: all
    /// keys are smaller.
    pub fn find(&self, key: &[u8]) -> Option<usize> {
        self.index.find(key)
    }

    /// Where a data block lies.
    ///
    /// # Panics
    /// This and the methods below panic if there are no more than `block` blocks.
    pub fn handle(&self, block: usize) -> BlockHandle {
        self.index.handles()[block]
    }

    /// A key that is at least the block's last (exactly that, in tables of ours) and less than the next block's first.
    pub fn separator(&self, block: usize) -> &[u8] {
        self.index.separator(block)
    }

    /// What is listed of a block; `None` in tables of others.
    pub fn info(&self, block: usize) -> Option<&BlockInfo> {
        self.infos.as_ref().map(|infos| &infos[block])
    }

    /// The content id, from the block list; `None` in tables of others.
    pub fn content_id(&self) -> Option<[u8; 32]> {
        let hashes: Vec<BlockHash> = self.infos.as_ref()?.iter().map(|info| info.hash).collect();
        Some(content_id(&hashes, self.filter.as_ref()))
    }

    /// The filter, if the table has one.
    pub fn filter(&self) -> Option<&Filter> {
        self.filter.as_ref()
    }

    /// An unchanged block for [`super::Writer::add_raw_block`], from its stored bytes (trailer included); `None` in
    /// tables of others.
    pub fn raw_block<'a>(&'a self, block: usize, stored: &'a [u8]) -> Option<RawBlock<'a>> {
        let info = self.info(block)?;
        Some(RawBlock {
            info,
            last_key: self.separator(block),
            format: self.format,
            handle: self.handle(block),
            stored,
        })
    }

    /// How many entries the table has, as its properties say.
    pub fn entries(&self) -> u64 {
        self.entries
    }

    /// All properties, by name.
    pub fn properties(&self) -> &BTreeMap<String, Vec<u8>> {
        &self.properties
    }

    /// Bytes of memory, for a cache's weight.
    pub fn memory_bytes(&self) -> usize {
        let infos = self.infos.iter().flatten().map(|info| size_of::<BlockInfo>() + info.first_key.capacity());
        let properties = self.properties.iter().map(|(name, value)| 64 + name.capacity() + value.capacity());
        let filter = self.filter.as_ref().map_or(0, Filter::bytes);
        size_of::<Self>() + self.index.memory_bytes() + filter + infos.sum::<usize>() + properties.sum::<usize>()
    }
}

/// Why parsing stopped.
enum Stop {
    NeedMore(u64),
    Error(SstError),
}

impl From<SstError> for Stop {
    fn from(error: SstError) -> Self {
        Self::Error(error)
    }
}

/// The last bytes of a file.
struct Suffix<'a> {
    bytes: &'a [u8],
    start: u64,
    file_size: u64,
}

impl<'a> Suffix<'a> {
    fn new(bytes: &'a [u8], file_size: u64) -> Result<Self, Stop> {
        if file_size < FOOTER_BYTES as u64 {
            return Err(SstError::corrupt(format!("{file_size} bytes are too few for a table")).into());
        }
        let start = file_size.checked_sub(bytes.len() as u64);
        let start = start.ok_or_else(|| SstError::Misuse("a suffix that is longer than its file".into()))?;
        Ok(Self { bytes, start, file_size })
    }

    /// Sees to it that all from an offset on is there.
    fn need(&self, offset: u64) -> Result<(), Stop> {
        if offset >= self.start {
            return Ok(());
        }
        let bytes = self.file_size - offset;
        if bytes > TAIL_BYTES_MAX {
            return Err(SstError::unsupported(format!("an index in the last {bytes} bytes")).into());
        }
        Err(Stop::NeedMore(bytes))
    }

    fn footer(&self) -> Result<&'a [u8; FOOTER_BYTES], Stop> {
        self.bytes.last_chunk().ok_or(Stop::NeedMore(self.file_size.min(FIRST_FETCH_BYTES)))
    }

    /// The stored bytes of a block, whose handle was checked against the file's size.
    fn stored(&self, handle: BlockHandle) -> Result<&'a [u8], Stop> {
        self.need(handle.offset)?;
        let Range { start, end } = handle.range();
        Ok(&self.bytes[(start - self.start) as usize..(end - self.start) as usize])
    }

    fn open(&self, handle: BlockHandle, format: BlockFormat) -> Result<Vec<u8>, Stop> {
        Ok(stored::open(self.stored(handle)?, handle, format)?)
    }
}

fn parse(file: &Suffix<'_>) -> Result<Tail, Stop> {
    let limit = file.file_size - FOOTER_BYTES as u64;
    let footer = Footer::parse(file.footer()?, file.file_size)?;
    let format = footer.format;
    file.need(footer.index.map_or(footer.metaindex.offset, |index| index.offset.min(footer.metaindex.offset)))?;
    let metaindex = Metaindex::parse(&file.open(footer.metaindex, format)?, limit)?;
    let missing = |name| SstError::corrupt(format!("no metablock {name}"));
    let properties = metaindex.get(PROPERTIES).ok_or_else(|| missing(PROPERTIES))?;
    let index = footer.index.or_else(|| metaindex.get(INDEX)).ok_or_else(|| missing(INDEX))?;
    let list = metaindex.get(BLOCK_LIST);
    let filter = metaindex.get(FILTER);
    let parts = [Some(index), list, filter, Some(properties)].into_iter().flatten();
    file.need(parts.map(|part| part.offset).min().unwrap_or(index.offset))?;

    let properties = Properties::parse(&file.open(properties, format)?)?;
    let index = parse_index(file, format, index, properties.index()?, limit)?;
    let infos = list.map(|list| Ok::<_, Stop>(block_list::parse(&file.open(list, format)?)?)).transpose()?;
    let filter = filter.map(|filter| Ok::<_, Stop>(Filter::parse(&file.open(filter, format)?)?)).transpose()?;
    let entries = properties.entries()?;
    if let Some(infos) = &infos {
        check_list(infos, &index, entries)?;
    }
    Ok(Tail { version: footer.version, format, index, infos, filter, properties: properties.into_map(), entries })
}

fn parse_index(
    file: &Suffix<'_>,
    format: BlockFormat,
    handle: BlockHandle,
    (levels, layout): (IndexLevels, IndexLayout),
    limit: u64,
) -> Result<Index, Stop> {
    let mut top = Index::default();
    top.read(&file.open(handle, format)?, layout, limit)?;
    if levels == IndexLevels::One {
        return Ok(top);
    }
    if let Some(first) = top.handles().first() {
        file.need(first.offset)?;
    }
    let mut index = Index::default();
    for partition in top.handles() {
        index.read(&file.open(*partition, format)?, layout, limit)?;
    }
    Ok(index)
}

/// Checks that list, index and properties speak of the same blocks.
fn check_list(infos: &[BlockInfo], index: &Index, entries: u64) -> Result<(), SstError> {
    if infos.len() != index.handles().len() || infos.iter().map(|info| info.entries).sum::<u64>() != entries {
        return Err(SstError::corrupt("the list of blocks isn't that of the index and properties"));
    }
    let in_order = infos.iter().enumerate().all(|(at, info)| {
        info.first_key.as_slice() <= index.separator(at)
            && (at == 0 || index.separator(at - 1) < info.first_key.as_slice())
    });
    if !in_order {
        return Err(SstError::corrupt("the first keys in the list of blocks aren't between those of the index"));
    }
    Ok(())
}
