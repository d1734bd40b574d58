//! RocksDB as the oracle: it must verify, iterate and look up in what we write; we must read what it writes.

use std::path::Path;

use rocksdb::{
    BlockBasedIndexType, BlockBasedOptions, BottommostLevelCompaction, ChecksumType, CompactOptions, DB,
    DBCompressionType, DataBlockIndexType, IteratorMode, Options, ReadOptions, SliceTransform, SstFileWriter,
    WriteOptions,
};

use super::damage::check_all_damage;
use super::*;

/// Lets RocksDB take a table in, verify its checksums, iterate it both ways, look up each key and rewrite it all.
fn rocksdb_reads(file: &[u8], entries: &Entries) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ours.sst");
    std::fs::write(&path, file).unwrap();
    let mut options = Options::default();
    options.create_if_missing(true);
    options.set_paranoid_checks(true);
    let db = DB::open(&options, folder.path().join("db")).unwrap();
    db.ingest_external_file(vec![&path]).unwrap();
    let check = |what: &str| {
        let verified = || {
            let mut options = ReadOptions::default();
            options.set_verify_checksums(true);
            options
        };
        let forward: Vec<_> = db.iterator_opt(IteratorMode::Start, verified()).map(Result::unwrap).collect();
        let mut backward: Vec<_> = db.iterator_opt(IteratorMode::End, verified()).map(Result::unwrap).collect();
        backward.reverse();
        assert!(forward == backward, "RocksDB iterates differently back and forth {what}");
        let read: Entries = forward.into_iter().map(|(key, value)| (key.into(), value.into())).collect();
        assert!(&read == entries, "RocksDB reads {} of {} entries {what}", read.len(), entries.len());
        for (key, value) in entries {
            assert_eq!(db.get_opt(key, &verified()).unwrap().as_ref(), Some(value), "{what}");
            let absent = [key, &b"\0"[..]].concat();
            assert_eq!(db.get_opt(&absent, &verified()).unwrap().as_ref(), entries.get(&absent), "{what}");
        }
    };
    check("after ingestion");
    let files = db.live_files().unwrap();
    assert_eq!(files.iter().map(|file| file.num_entries).sum::<u64>(), entries.len() as u64);
    assert_eq!(files[0].start_key.as_ref(), entries.keys().next());
    assert_eq!(files[0].end_key.as_ref(), entries.keys().next_back());
    let mut rewriting = CompactOptions::default();
    rewriting.set_bottommost_level_compaction(BottommostLevelCompaction::Force);
    db.compact_range_opt(None::<&[u8]>, None::<&[u8]>, &rewriting);
    assert_ne!(db.live_files().unwrap()[0].name, files[0].name, "compaction didn't rewrite the table");
    check("after compaction");
}

#[test]
fn rocksdb_reads_all_kinds_of_tables() {
    let one = |key: &[u8], value: &[u8]| Entries::from([(key.to_vec(), value.to_vec())]);
    let binary = (0..600u32).map(|i| (noise(i.into(), (i % 40) as usize), noise(u64::from(i) + 9, (i % 90) as usize)));
    let large = (0..12u8).map(|i| (vec![b'k', i], noise(i.into(), 60_000 + usize::from(i) * 30_000)));
    let long = (0..40u8).map(|i| ([&vec![b'x'; 9000][..], &[i; 3000]].concat(), vec![i; 50]));
    let steps = (0..300usize).map(|i| (vec![b'a'; i], vec![b'v'; i % 7]));
    let kinds: Vec<(&str, Entries)> = vec![
        ("one entry", one(b"key", b"value")),
        ("an empty value", one(b"key", b"")),
        ("an empty key", one(b"", b"value")),
        ("few", lake(20)),
        ("many", lake(6000)),
        ("binary keys", binary.collect()),
        ("values larger than a block", large.collect()),
        ("long keys", long.collect()),
        ("each key a prefix of the next", steps.collect()),
    ];
    for (what, entries) in &kinds {
        for block_bytes in [300, 16 << 10] {
            for (compression, checksum) in [
                (Compression::Zstd(1), Checksum::Crc32c),
                (Compression::None, Checksum::Xxh3),
                (Compression::Lz4, Checksum::XxHash64),
                (Compression::Snappy, Checksum::Crc32c),
            ] {
                if entries.len() > 1000 && compression != Compression::Zstd(1) {
                    continue;
                }
                for filter in [false, true] {
                    let options =
                        WriterOptions { compression, checksum, block_bytes, filter, ..WriterOptions::default() };
                    let finished = write(entries, options);
                    assert_eq!(&scan(&finished.bytes).unwrap(), entries, "{what}");
                    rocksdb_reads(&finished.bytes, entries);
                }
            }
        }
    }
}

#[test]
fn rocksdb_reads_tables_with_copied_blocks_and_extra_properties() {
    let entries = lake(1500);
    let old = write(&entries, small_blocks());
    let tail = parse_tail(&old.bytes).unwrap();
    let properties = BTreeMap::from([("lakebed.level".to_owned(), b"0".to_vec())]);
    let mut writer = Writer::new(WriterOptions { properties, ..small_blocks() });
    for at in 0..tail.blocks() {
        writer.add_raw_block(&tail.raw_block(at, stored(&old.bytes, tail.handle(at))).unwrap()).unwrap();
    }
    let copy = writer.finish().unwrap();
    assert_eq!(copy.id, old.id);
    rocksdb_reads(&copy.bytes, &entries);
}

struct Foreign {
    compression: DBCompressionType,
    version: i32,
    index: fn() -> BlockBasedIndexType,
    checksum: fn() -> ChecksumType,
    restart_interval: i32,
    hash_index: bool,
    bloom: bool,
}

impl Foreign {
    /// The tables that lakeFS writes.
    fn lakefs() -> Self {
        Self {
            compression: DBCompressionType::Snappy,
            version: 2,
            index: || BlockBasedIndexType::TwoLevelIndexSearch,
            checksum: || ChecksumType::CRC32c,
            restart_interval: 16,
            hash_index: false,
            bloom: false,
        }
    }

    fn options(&self, block_bytes: usize) -> Options {
        let mut table = BlockBasedOptions::default();
        table.set_format_version(self.version);
        table.set_index_type((self.index)());
        table.set_checksum_type((self.checksum)());
        table.set_block_size(block_bytes);
        table.set_metadata_block_size(block_bytes / 2);
        table.set_block_restart_interval(self.restart_interval);
        table.set_index_block_restart_interval(if self.hash_index { 1 } else { self.restart_interval });
        if self.hash_index {
            table.set_data_block_index_type(DataBlockIndexType::BinaryAndHash);
            table.set_data_block_hash_ratio(0.75);
        }
        if self.bloom {
            table.set_bloom_filter(10.0, false);
            table.set_partition_filters(matches!((self.index)(), BlockBasedIndexType::TwoLevelIndexSearch));
        }
        let mut options = Options::default();
        options.create_if_missing(true);
        options.set_compression_type(self.compression);
        options.set_prefix_extractor(SliceTransform::create_fixed_prefix(4));
        options.set_block_based_table_factory(&table);
        options
    }

    fn write(&self, entries: &Entries, block_bytes: usize, folder: &Path) -> Vec<u8> {
        let (options, path) = (self.options(block_bytes), folder.join("foreign.sst"));
        let mut writer = SstFileWriter::create(&options);
        writer.open(&path).unwrap();
        entries.iter().for_each(|(key, value)| writer.put(key, value).unwrap());
        writer.finish().unwrap();
        std::fs::read(&path).unwrap()
    }
}

/// A table of RocksDB's with a two-level index and without compression.
pub(super) fn two_level(entries: &Entries, folder: &Path) -> Vec<u8> {
    Foreign { compression: DBCompressionType::None, version: 5, ..Foreign::lakefs() }.write(entries, 256, folder)
}

#[test]
fn we_read_what_rocksdb_writes() {
    use {BlockBasedIndexType as Index, ChecksumType as Sum, DBCompressionType as Compressed};
    let indexes: [fn() -> Index; 3] = [|| Index::BinarySearch, || Index::TwoLevelIndexSearch, || Index::HashSearch];
    let checksums: [fn() -> Sum; 3] = [|| Sum::CRC32c, || Sum::XXHash64, || Sum::XXH3];
    let folder = tempfile::tempdir().unwrap();
    let entries = lake(400);
    for version in 2..=6 {
        for compression in [Compressed::None, Compressed::Snappy, Compressed::Lz4, Compressed::Lz4hc, Compressed::Zstd]
        {
            for (index, new_index) in indexes.into_iter().enumerate() {
                for (checksum, new_checksum) in checksums.into_iter().enumerate() {
                    let foreign = Foreign {
                        compression,
                        version,
                        index: new_index,
                        checksum: new_checksum,
                        restart_interval: if index == 2 { 1 } else { [1, 3, 16][checksum] },
                        hash_index: checksum == 1,
                        bloom: checksum == 2,
                    };
                    let file = foreign.write(&entries, 1024, folder.path());
                    let what = format!("version {version}, {compression:?}, index {index}, checksum {checksum}");
                    let tail = parse_tail(&file).unwrap();
                    assert_eq!(tail.version(), version as u32, "{what}");
                    assert_eq!(tail.entries(), entries.len() as u64, "{what}");
                    assert!(tail.blocks() > 20 && tail.content_id().is_none(), "{what}");
                    assert_eq!(scan(&file).unwrap(), entries, "{what}");
                    for key in entries.keys().step_by(31) {
                        let above = [key, &b"\x01"[..]].concat();
                        assert_eq!(get(&file, key).unwrap().as_ref(), entries.get(key), "{what}");
                        assert_eq!(get(&file, &above).unwrap(), None, "{what}");
                        let next = entries.range(above.clone()..).next().map(|(k, v)| (k.clone(), v.clone()));
                        assert_eq!(seek(&file, &above).unwrap(), next, "{what}");
                    }
                }
            }
        }
    }
}

#[test]
fn we_read_lakefs_like_tables() {
    let folder = tempfile::tempdir().unwrap();
    let entries = lake(20_000);
    let file = Foreign::lakefs().write(&entries, 4096, folder.path());
    assert_eq!(scan(&file).unwrap(), entries);
    let (mut suffix, mut rounds) = (4096, 0);
    let tail = loop {
        match Tail::parse(&file[file.len() - suffix..], file.len() as u64).unwrap() {
            TailParse::Parsed(tail) => break tail,
            TailParse::NeedMore(bytes) => (suffix, rounds) = (bytes as usize, rounds + 1),
        }
    };
    assert!(rounds <= 3 && suffix < file.len() / 4, "{rounds} rounds, {suffix} of {} bytes", file.len());
    for key in entries.keys().step_by(97) {
        assert!(block(&file, &tail, tail.find(key).unwrap()).unwrap().get(key).is_some());
    }
    assert_eq!(tail.find(b"zzz"), None);
}

#[test]
fn no_damage_to_a_table_of_rocksdb_passes() {
    let folder = tempfile::tempdir().unwrap();
    let entries = lake(8);
    for version in [2, 5, 6] {
        let foreign = Foreign { version, ..Foreign::lakefs() };
        check_all_damage(&foreign.write(&entries, 256, folder.path()), &entries);
    }
}

#[test]
fn we_refuse_what_we_do_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |foreign: &Foreign, why: &str| {
        let error = scan(&foreign.write(&lake(50), 512, folder.path())).unwrap_err();
        assert!(matches!(&error, SstError::Unsupported(text) if text.contains(why)), "{error} where {why} was due");
    };
    refused(&Foreign { version: 7, ..Foreign::lakefs() }, "version 7");
    refused(&Foreign { checksum: || ChecksumType::NoChecksum, ..Foreign::lakefs() }, "no checksums");
    refused(&Foreign { checksum: || ChecksumType::XXHash, ..Foreign::lakefs() }, "32-bit");

    let with_writer = |write: &dyn Fn(&mut SstFileWriter<'_>), why: &str| {
        let (options, path) = (Foreign::lakefs().options(512), folder.path().join("written.sst"));
        let mut writer = SstFileWriter::create(&options);
        writer.open(&path).unwrap();
        writer.put(b"a", b"1").unwrap();
        write(&mut writer);
        writer.finish().unwrap();
        let error = scan(&std::fs::read(&path).unwrap()).unwrap_err();
        assert!(matches!(&error, SstError::Unsupported(text) if text.contains(why)), "{error} where {why} was due");
    };
    with_writer(&|writer| writer.delete(b"b").unwrap(), "deletions");
    with_writer(&|writer| writer.delete_range(b"b", b"c").unwrap(), "range deletions");
    with_writer(&|writer| writer.merge(b"b", b"2").unwrap(), "merge operands");
}

#[test]
fn a_table_with_a_compression_dictionary_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = Foreign { compression: DBCompressionType::Zstd, version: 5, ..Foreign::lakefs() }.options(1024);
    options.set_compression_options(-14, 3, 0, 4096);
    let path = folder.path().join("dictionary.sst");
    let mut writer = SstFileWriter::create(&options);
    writer.open(&path).unwrap();
    lake(2000).iter().for_each(|(key, value)| writer.put(key, value).unwrap());
    writer.finish().unwrap();
    let error = scan(&std::fs::read(&path).unwrap()).unwrap_err();
    assert!(matches!(&error, SstError::Unsupported(text) if text.contains("dictionary")), "{error}");
}

/// The tables of a database that has lived: sequence numbers that aren't 0, then compacted ones.
#[test]
fn we_read_a_databases_tables() {
    for version in 2..=6 {
        let folder = tempfile::tempdir().unwrap();
        let mut options = Foreign { version, ..Foreign::lakefs() }.options(1024);
        options.set_disable_auto_compactions(true);
        let db = DB::open(&options, folder.path()).unwrap();
        let mut entries = lake(700);
        for round in 0..2 {
            for (key, value) in &entries {
                db.put_opt(key, [value, &[round][..]].concat(), &WriteOptions::default()).unwrap();
            }
            db.flush().unwrap();
        }
        for (at, file) in db.live_files().unwrap().iter().enumerate() {
            let file = std::fs::read(folder.path().join(file.name.trim_start_matches('/'))).unwrap();
            assert_eq!(scan(&file).unwrap().len(), 700, "flushed table {at}");
        }
        entries.iter_mut().for_each(|(_, value)| value.push(1));
        let gone: Vec<_> = entries.keys().step_by(5).cloned().collect();
        for key in &gone {
            db.delete(key).unwrap();
            entries.remove(key);
        }
        db.flush().unwrap();
        db.compact_range(None::<&[u8]>, None::<&[u8]>);
        let mut read = Entries::new();
        for file in db.live_files().unwrap() {
            read.append(
                &mut scan(&std::fs::read(folder.path().join(file.name.trim_start_matches('/'))).unwrap()).unwrap(),
            );
        }
        assert!(read == entries, "{} of {} entries are in the compacted tables", read.len(), entries.len());
    }
}

#[test]
fn several_versions_of_a_key_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let db = DB::open(&Foreign::lakefs().options(1024), folder.path()).unwrap();
    db.put(b"key", b"old").unwrap();
    let _snapshot = db.snapshot();
    db.put(b"key", b"new").unwrap();
    db.flush().unwrap();
    let file = &db.live_files().unwrap()[0];
    let error = scan(&std::fs::read(folder.path().join(file.name.trim_start_matches('/'))).unwrap()).unwrap_err();
    assert!(matches!(&error, SstError::Unsupported(text) if text.contains("versions")), "{error}");
}
