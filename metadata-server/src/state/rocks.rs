//! The tables on RocksDB. Owns its options and how changes become one write batch. Invariant: no write-ahead log, since
//! Raft's is one; column families are flushed together, so that what a crash leaves is the state after some entry.

use std::path::Path;

use rocksdb::checkpoint::Checkpoint;
use rocksdb::{
    BlockBasedOptions, Cache, ColumnFamily, ColumnFamilyDescriptor, DB, DBCompressionType, DBRawIterator, FlushOptions,
    Options, ReadOptions, Snapshot, WriteBatch, WriteOptions,
};

use super::keyspace::{Changes, KeyRange, Keyspace, Pair, Scan, Table};
use super::{StateError, key};
use crate::torn_tail;

/// The version of the keys and values that this build writes and reads.
const SCHEMA: u32 = 1;

/// Bits of a filter over the keys of staged entries: about one lookup in a hundred opens a block in vain.
const BLOOM_BITS: f64 = 10.0;

/// RocksDB's own log files: how many, and how large.
const INFO_LOGS_MAX: usize = 3;
const INFO_LOG_BYTES_MAX: usize = 1 << 20;

/// Bounds of the database.
#[derive(Debug, Clone)]
pub struct StateOptions {
    /// Bytes of memory tables that take writes; while they are written out, as much again may fill up.
    pub write_buffers_bytes_max: usize,
    /// Bytes of the block cache, indexes and filters included.
    pub block_cache_bytes_max: usize,
    /// Files that RocksDB keeps open.
    pub open_files_max: i32,
}

impl Default for StateOptions {
    fn default() -> Self {
        Self { write_buffers_bytes_max: 32 << 20, block_cache_bytes_max: 64 << 20, open_files_max: 256 }
    }
}

/// An open database.
pub(crate) struct Rocks {
    db: DB,
}

impl Rocks {
    /// Opens or makes the database in a folder.
    pub(crate) fn open(dir: &Path, options: &StateOptions) -> Result<Self, StateError> {
        mend(dir)?;
        let rocks = Self { db: DB::open_cf_descriptors(&database_options(options), dir, tables(options))? };
        if rocks.has_schema()? {
            return Ok(rocks);
        }
        let mut batch = WriteBatch::default();
        batch.put_cf(rocks.family(Table::Settings), key::SCHEMA, SCHEMA.to_be_bytes());
        rocks.write(batch)?;
        Ok(rocks)
    }

    /// Opens the database in a folder as it is there, and writes nothing.
    pub(crate) fn open_read_only(dir: &Path, options: &StateOptions) -> Result<Self, StateError> {
        mend(dir)?;
        let tables = tables(options);
        let rocks = Self { db: DB::open_cf_descriptors_read_only(&database_options(options), dir, tables, false)? };
        rocks.has_schema()?;
        Ok(rocks)
    }

    /// Whether the database knows its schema; a new one doesn't yet.
    fn has_schema(&self) -> Result<bool, StateError> {
        match self.view().get(Table::Settings, key::SCHEMA)? {
            Some(bytes) => {
                let bytes = bytes.try_into().map_err(|_| StateError::Corrupt("the schema hasn't 4 bytes".into()))?;
                let found = u32::from_be_bytes(bytes);
                if found > SCHEMA { Err(StateError::NewerSchema { found, known: SCHEMA }) } else { Ok(true) }
            }
            None if self.view().get(Table::Settings, key::APPLIED)?.is_some() => {
                Err(StateError::Corrupt("entries are applied, but the schema is missing".into()))
            }
            None => Ok(false),
        }
    }

    /// The tables as they are now, each read at its own time: for the only writer.
    pub(crate) fn view(&self) -> View<'_> {
        View { rocks: self, snapshot: None }
    }

    /// The tables as they are now and stay in this view.
    pub(crate) fn snapshot(&self) -> View<'_> {
        View { rocks: self, snapshot: Some(self.db.snapshot()) }
    }

    /// Writes all changes or none.
    pub(crate) fn commit(&self, changes: Changes) -> Result<(), StateError> {
        let mut batch = WriteBatch::default();
        for (table, changes) in changes.into_tables() {
            let family = self.family(table);
            for range in changes.dropped {
                batch.delete_range_cf(family, range.from, range.to);
            }
            for (key, value) in changes.points {
                match value {
                    Some(value) => batch.put_cf(family, key, value),
                    None => batch.delete_cf(family, key),
                }
            }
        }
        self.write(batch)
    }

    fn write(&self, batch: WriteBatch) -> Result<(), StateError> {
        let mut options = WriteOptions::default();
        options.disable_wal(true);
        Ok(self.db.write_opt(batch, &options)?)
    }

    /// Makes all that was committed durable.
    pub(crate) fn flush(&self) -> Result<(), StateError> {
        let families = Table::ALL.map(|table| self.family(table));
        Ok(self.db.flush_cfs_opt(&families, &FlushOptions::default())?)
    }

    /// Writes a copy, of hard links, into a folder that isn't there yet.
    pub(crate) fn checkpoint(&self, dir: &Path) -> Result<(), StateError> {
        self.flush()?;
        Ok(Checkpoint::new(&self.db)?.create_checkpoint(dir)?)
    }

    fn family(&self, table: Table) -> &ColumnFamily {
        self.db.cf_handle(table.name()).expect("all tables' column families were opened or made")
    }
}

/// Cuts off what a power cut left half-written.
fn mend(dir: &Path) -> Result<(), StateError> {
    torn_tail::mend_manifest(dir).map_err(|source| StateError::File { path: dir.to_owned(), source })
}

fn tables(options: &StateOptions) -> [ColumnFamilyDescriptor; Table::ALL.len()] {
    let cache = Cache::new_lru_cache(options.block_cache_bytes_max);
    Table::ALL.map(|table| ColumnFamilyDescriptor::new(table.name(), table_options(table, options, &cache)))
}

fn database_options(options: &StateOptions) -> Options {
    let mut database = Options::default();
    database.create_if_missing(true);
    database.create_missing_column_families(true);
    database.set_atomic_flush(true);
    database.set_db_write_buffer_size(options.write_buffers_bytes_max);
    database.set_max_open_files(options.open_files_max);
    database.set_max_background_jobs(2);
    database.set_keep_log_file_num(INFO_LOGS_MAX);
    database.set_max_log_file_size(INFO_LOG_BYTES_MAX);
    database
}

fn table_options(table: Table, options: &StateOptions, cache: &Cache) -> Options {
    let mut blocks = BlockBasedOptions::default();
    blocks.set_block_cache(cache);
    blocks.set_cache_index_and_filter_blocks(true);
    blocks.set_pin_l0_filter_and_index_blocks_in_cache(true);
    if table == Table::Staged {
        blocks.set_bloom_filter(BLOOM_BITS, false);
    }
    let mut family = Options::default();
    family.set_block_based_table_factory(&blocks);
    family.set_compression_type(DBCompressionType::Lz4);
    family.set_write_buffer_size(options.write_buffers_bytes_max / 2);
    family
}

/// The tables at a time.
pub(crate) struct View<'d> {
    rocks: &'d Rocks,
    snapshot: Option<Snapshot<'d>>,
}

impl View<'_> {
    fn read_options(&self) -> ReadOptions {
        let mut options = ReadOptions::default();
        if let Some(snapshot) = &self.snapshot {
            options.set_snapshot(snapshot);
        }
        options
    }
}

impl Keyspace for View<'_> {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StateError> {
        Ok(self.rocks.db.get_cf_opt(self.rocks.family(table), key, &self.read_options())?)
    }

    fn scan<'a>(&'a self, table: Table, range: KeyRange) -> Scan<'a> {
        if range.from >= range.to {
            return Box::new(std::iter::empty());
        }
        let mut options = self.read_options();
        options.set_iterate_upper_bound(range.to);
        let mut pairs = self.rocks.db.raw_iterator_cf_opt(self.rocks.family(table), options);
        pairs.seek(range.from);
        Box::new(Pairs { pairs, ended: false })
    }
}

/// Pairs from where a raw iterator stands.
struct Pairs<'a> {
    pairs: DBRawIterator<'a>,
    ended: bool,
}

impl Iterator for Pairs<'_> {
    type Item = Result<Pair, StateError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let Some((key, value)) = self.pairs.item() else {
            self.ended = true;
            // A scan that an error cut short looks like one that ended.
            return self.pairs.status().err().map(|error| Err(error.into()));
        };
        let pair = (key.to_vec(), value.to_vec());
        self.pairs.next();
        Some(Ok(pair))
    }
}
