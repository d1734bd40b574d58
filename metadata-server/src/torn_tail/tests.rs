//! RocksDB's own files, torn and damaged at all places, against the rule written down.

use proptest::prelude::*;
use rocksdb::{DB, Options, WriteBatch, WriteOptions};

use super::*;

/// A database with one synced write for each size, killed.
fn database(sizes: &[usize]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut options = Options::default();
    options.create_if_missing(true);
    let db = DB::open(&options, folder.path().join("db")).unwrap();
    let mut synced = WriteOptions::default();
    synced.set_sync(true);
    for (number, size) in sizes.iter().enumerate() {
        let mut batch = WriteBatch::default();
        // No zeros: a sector of zeros is one that was lost.
        batch.put(format!("{number:08}"), vec![b'x'; *size]);
        batch.put("last", number.to_string());
        db.write_opt(batch, &synced).unwrap();
    }
    // A copy is what a crash leaves: closing would write more.
    let crashed = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(folder.path().join("db")).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, crashed.path().join(path.file_name().unwrap())).unwrap();
    }
    crashed
}

fn wal(folder: &Path) -> PathBuf {
    wals(folder).unwrap().pop().unwrap()
}

/// Where each record of a file of small records begins.
fn record_starts(path: &Path) -> Vec<u64> {
    let (bytes, mut starts) = (fs::read(path).unwrap(), Vec::new());
    for (number, block) in bytes.chunks(usize::try_from(BLOCK_BYTES).unwrap()).enumerate() {
        let mut at = 0;
        while let Some(part) = block.get(at..).and_then(|_| Part::at(block, at)) {
            if matches!(part.kind, FULL | FIRST) {
                starts.push(number as u64 * BLOCK_BYTES + at as u64);
            }
            at = part.end;
        }
    }
    starts
}

/// How many writes RocksDB finds.
fn writes_found(folder: &Path) -> usize {
    let db = DB::open(&Options::default(), folder).unwrap();
    let last =
        db.get("last").unwrap().map_or(0, |bytes| String::from_utf8(bytes).unwrap().parse::<usize>().unwrap() + 1);
    let found = (0..last).filter(|number| db.get(format!("{number:08}")).unwrap().is_some()).count();
    assert_eq!(found, last, "a hole");
    found
}

/// Sizes of records: within a sector, within a block, over several blocks.
fn size() -> impl Strategy<Value = usize> {
    prop_oneof![4 => 1..600_usize, 2 => 600..9_000_usize, 1 => 30_000..150_000_usize]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Whichever sectors of the last write never reached the disk: it is cut off, and all before it is there.
    #[test]
    fn a_torn_last_write_is_cut_off(
        sizes in prop::collection::vec(size(), 2..8),
        lost in prop::collection::vec(any::<bool>(), 400),
        shorter in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let folder = database(&sizes);
        let path = wal(folder.path());
        let mut bytes = fs::read(&path).unwrap();
        let last = usize::try_from(*record_starts(&path).last().unwrap()).unwrap();
        let before = bytes.clone();
        let mut sector = last;
        for is_lost in lost {
            let end = (sector / 512 * 512 + 512).min(bytes.len());
            if is_lost && sector < end {
                bytes[sector..end].fill(0);
            }
            sector = end;
        }
        if let Some(shorter) = shorter {
            bytes.truncate(last + shorter.index(bytes.len() - last));
        }
        let expected = if bytes == before { sizes.len() } else { sizes.len() - 1 };
        fs::write(&path, &bytes).unwrap();
        // All but the last write were acknowledged: each has two changes.
        mend_wals(folder.path(), Some(2 * (sizes.len() as u64 - 1))).unwrap();
        prop_assert_eq!(writes_found(folder.path()), expected);
    }

    /// Whatever is lost of an earlier write is seen, though RocksDB passes over some of it.
    #[test]
    fn a_hole_is_refused(
        sizes in prop::collection::vec(size(), 2..8),
        which in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        page in any::<bool>(),
    ) {
        let folder = database(&sizes);
        let path = wal(folder.path());
        let mut bytes = fs::read(&path).unwrap();
        let starts = record_starts(&path);
        let which = which.index(starts.len() - 1);
        let (start, end) = (usize::try_from(starts[which]).unwrap(), usize::try_from(starts[which + 1]).unwrap());
        let at = start + at.index(end - start);
        let before = bytes.clone();
        if page {
            let from = at / 512 * 512;
            let to = (from + 512).min(end);
            bytes[from..to].fill(0);
        } else {
            bytes[at] ^= 0x40;
        }
        // The bytes between two blocks mean nothing.
        let is_trailer = bytes.iter().zip(&before).enumerate().all(|(i, (new, old))| new == old || i % 32768 > 32761);
        fs::write(&path, &bytes).unwrap();
        prop_assert!(is_trailer || mend_wals(folder.path(), None).is_err());
        prop_assert_eq!(fs::read(&path).unwrap(), bytes, "nothing is cut off");
    }
}

#[test]
fn an_acknowledged_end_is_never_cut_off() {
    let folder = database(&[100; 20]);
    let path = wal(folder.path());
    let mut bytes = fs::read(&path).unwrap();
    let last = usize::try_from(*record_starts(&path).last().unwrap()).unwrap();
    bytes[last..].fill(0);
    fs::write(&path, &bytes).unwrap();
    let error = mend_wals(folder.path(), Some(40)).unwrap_err();
    assert!(error.to_string().contains("lost its end: 2 acknowledged changes"), "{error}");
    assert_eq!(fs::read(&path).unwrap(), bytes);
    mend_wals(folder.path(), Some(38)).unwrap();
    assert_eq!(writes_found(folder.path()), 19);
}

#[test]
fn a_last_record_that_is_merely_wrong_is_refused() {
    let folder = database(&[100; 20]);
    let path = wal(folder.path());
    let mut bytes = fs::read(&path).unwrap();
    let at = bytes.len() - 10;
    bytes[at] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let error = mend_wals(folder.path(), None).unwrap_err();
    assert!(error.to_string().contains("not as by a power cut"), "{error}");
}

#[test]
fn a_torn_file_before_another_is_refused() {
    let folder = database(&[100; 20]);
    let path = wal(folder.path());
    let bytes = fs::read(&path).unwrap();
    fs::write(folder.path().join("999999.log"), &bytes).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 5]).unwrap();
    let error = mend_wals(folder.path(), None).unwrap_err();
    assert!(error.to_string().contains("a later file was written"), "{error}");
    fs::write(folder.path().join("999999.log"), "").unwrap();
    mend_wals(folder.path(), None).unwrap();
    fs::remove_file(folder.path().join("999999.log")).unwrap();
    assert_eq!(writes_found(folder.path()), 19);
}

#[test]
fn a_torn_manifest_is_mended_too() {
    let folder = database(&[100; 3]);
    mend_manifest(folder.path()).unwrap();
    let current = fs::read_to_string(folder.path().join("CURRENT")).unwrap();
    let path = folder.path().join(current.trim_end());
    let whole = fs::read(&path).unwrap();
    fs::write(&path, [&whole[..], &[0; 300]].concat()).unwrap();
    mend_manifest(folder.path()).unwrap();
    assert_eq!(fs::read(&path).unwrap(), whole);
    assert_eq!(writes_found(folder.path()), 3);
}

#[test]
fn a_folder_without_a_database_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    mend_wals(&folder.path().join("nowhere"), None).unwrap();
    mend_manifest(folder.path()).unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}
