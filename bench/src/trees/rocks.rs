//! RocksDB alone with the same records: what its writer, its iterator and its point lookups take. Owns files that are as
//! like ours as its options allow: zstd level 1, blocks of 16 KiB, format version 5. Invariant: making the records isn't
//! measured.

use std::path::{Path, PathBuf};

use anyhow::Result;
use model::Entry;
use rocksdb::{BlockBasedIndexType, BlockBasedOptions, DBCompressionType, Options, SstFileWriter};

use super::synthetic;

/// Entries of one of our ranges on average.
const FILE_ENTRIES: u64 = 16 << 10;

/// Entries of one of lakeFS's ranges on average.
const LAKEFS_ENTRIES: u64 = 50_000;

/// The options of files like ours.
pub(crate) fn options() -> Options {
    let mut table = BlockBasedOptions::default();
    table.set_block_size(16 << 10);
    table.set_format_version(5);
    let mut options = Options::default();
    options.create_if_missing(true);
    options.set_block_based_table_factory(&table);
    options.set_compression_type(DBCompressionType::Zstd);
    options.set_compression_options(-14, 1, 0, 0);
    options
}

/// Bytes that an entry takes in files as lakeFS writes them: snappy, blocks of 4 KiB, version 2, a two-level index.
pub(crate) fn lakefs_entry_bytes(folder: &Path) -> Result<f64> {
    let mut table = BlockBasedOptions::default();
    table.set_block_size(4 << 10);
    table.set_format_version(2);
    table.set_index_type(BlockBasedIndexType::TwoLevelIndexSearch);
    let mut options = Options::default();
    options.set_block_based_table_factory(&table);
    options.set_compression_type(DBCompressionType::Snappy);
    std::fs::create_dir_all(folder)?;
    let (file, mut key) = (folder.join("lakefs.sst"), String::new());
    let mut writer = SstFileWriter::create(&options);
    writer.open(&file)?;
    for number in 0..LAKEFS_ENTRIES {
        synthetic::write_key(number, &mut key);
        writer.put(&key, value(&synthetic::entry(number, 0)))?;
    }
    writer.finish()?;
    let bytes = std::fs::metadata(&file)?.len();
    std::fs::remove_file(&file)?;
    Ok(bytes as f64 / LAKEFS_ENTRIES as f64)
}

/// A record as long as ours, field by field.
pub(crate) fn value(entry: &Entry) -> Vec<u8> {
    let mut value = Vec::with_capacity(192);
    value.extend_from_slice(&entry.identity().0);
    for text in [entry.address.as_str(), &entry.e_tag, &entry.content_type] {
        value.extend_from_slice(&[0x0a, text.len() as u8]);
        value.extend_from_slice(text.as_bytes());
    }
    value.extend_from_slice(&entry.last_modified.as_millis().to_le_bytes());
    value.extend_from_slice(&entry.size.to_le_bytes());
    value
}

/// Writes the first so many objects into files of about our ranges' size; returns these.
pub(crate) fn write(folder: &Path, entries: u64) -> Result<Vec<PathBuf>> {
    std::fs::create_dir_all(folder)?;
    let (options, mut key) = (options(), String::new());
    let mut files = Vec::new();
    for begun in (0..entries).step_by(FILE_ENTRIES as usize) {
        let file = folder.join(format!("{begun:012}.sst"));
        let mut writer = SstFileWriter::create(&options);
        writer.open(&file)?;
        for number in begun..(begun + FILE_ENTRIES).min(entries) {
            synthetic::write_key(number, &mut key);
            writer.put(&key, value(&synthetic::entry(number, 0)))?;
        }
        writer.finish()?;
        files.push(file);
    }
    Ok(files)
}

/// Makes the same records and writes none: what is to be subtracted.
pub(crate) fn only_make(entries: u64) -> usize {
    let (mut key, mut bytes) = (String::new(), 0);
    for number in 0..entries {
        synthetic::write_key(number, &mut key);
        bytes += key.len() + value(&synthetic::entry(number, 0)).len();
    }
    std::hint::black_box(bytes)
}
