//! What a power cut leaves at the end of RocksDB's record files: write-ahead logs and manifests. Owns telling a torn last
//! record, which nobody was told of, from damage before it; RocksDB itself refuses both, or passes over both.
//!
//! The files are written by one thread that syncs each write before the next begins, so at most the last record can be
//! torn: cut short, or with sectors of zeros where bytes never reached the disk. Behind it there is nothing. A record
//! after a bad one, or other wrong bytes, mean that something was lost which was there.
//!
//! The format is RocksDB's `doc/log_format`: blocks of 32 KiB, each with physical records of `masked CRC-32C u32 | length
//! u16 | type u8 | payload`, little-endian; a record that fills more than the rest of a block is a first, middle ones and
//! a last. Invariant: only a torn record is ever cut off, and no byte before it is changed.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

const BLOCK_BYTES: u64 = 32 << 10;
const HEADER_BYTES: usize = 7;
/// The least that a disk writes at once.
const SECTOR_BYTES: u64 = 512;
/// What a write batch begins with: the sequence number of its first change, and how many it has.
const BATCH_HEADER_BYTES: usize = 12;

const FULL: u8 = 1;
const FIRST: u8 = 2;
const MIDDLE: u8 = 3;
const LAST: u8 = 4;

/// Cuts a torn last record off the write-ahead logs of a database that isn't open. `acknowledged` is a sequence number up
/// to which all writes are known to have been synced.
///
/// # Errors
/// [`ErrorKind::InvalidData`] when something is damaged that can't be a torn record, or when it was acknowledged.
pub(crate) fn mend_wals(folder: &Path, acknowledged: Option<u64>) -> io::Result<()> {
    let mut torn: Option<(PathBuf, u64)> = None;
    let mut last_sequence = None;
    for path in wals(folder)? {
        let found = inspect(&path)?;
        if let Some((before, _)) = torn.as_ref().filter(|_| found.bytes > 0) {
            return Err(invalid(before, "its end is missing, though a later file was written"));
        }
        last_sequence = found.last_sequence().or(last_sequence);
        match found.end {
            End::Whole => {}
            End::Torn => torn = Some((path, found.good)),
            End::Damaged(why) => return Err(invalid(&path, &why)),
        }
    }
    let Some((path, good)) = torn else { return Ok(()) };
    if let (Some(last), Some(acknowledged)) = (last_sequence, acknowledged)
        && last < acknowledged
    {
        return Err(invalid(&path, &format!("the log lost its end: {} acknowledged changes", acknowledged - last)));
    }
    cut_off(&path, good)
}

/// Cuts a torn last record off the present manifest of a database that isn't open. Leaves any other damage to RocksDB,
/// which refuses it.
pub(crate) fn mend_manifest(folder: &Path) -> io::Result<()> {
    let current = match fs::read_to_string(folder.join("CURRENT")) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        read => read?,
    };
    let path = folder.join(current.trim_end());
    if !current.starts_with("MANIFEST-") || !path.is_file() {
        return Ok(());
    }
    let found = inspect(&path)?;
    if matches!(found.end, End::Torn) { cut_off(&path, found.good) } else { Ok(()) }
}

fn cut_off(path: &Path, good: u64) -> io::Result<()> {
    tracing::warn!(path = %path.display(), "cutting off the last record, which a power cut left half-written");
    let file = File::options().write(true).open(path)?;
    file.set_len(good)?;
    file.sync_all()
}

fn invalid(path: &Path, why: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, format!("{}: {why}", path.display()))
}

/// A database's write-ahead logs, in the order in which they were written.
fn wals(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut numbered = Vec::new();
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    for entry in entries {
        let path = entry?.path();
        let number = path.file_name().and_then(|name| name.to_str()?.strip_suffix(".log")?.parse::<u64>().ok());
        numbered.extend(number.map(|number| (number, path)));
    }
    numbered.sort();
    Ok(numbered.into_iter().map(|(_, path)| path).collect())
}

/// How a file ends.
#[derive(Debug, PartialEq, Eq)]
enum End {
    Whole,
    /// With a record of which some never reached the disk.
    Torn,
    Damaged(String),
}

/// What a file holds.
#[derive(Debug)]
struct Inspected {
    bytes: u64,
    /// Where its last good record ends.
    good: u64,
    /// The beginning of that.
    last: Option<[u8; BATCH_HEADER_BYTES]>,
    end: End,
}

impl Inspected {
    /// The last change's sequence number, if these are write batches.
    fn last_sequence(&self) -> Option<u64> {
        let (first, count) = self.last.as_ref()?.split_first_chunk::<8>()?;
        let count = u32::from_le_bytes(count.try_into().ok()?);
        (u64::from_le_bytes(*first) + u64::from(count)).checked_sub(1)
    }
}

/// Reads a file to its end, or to its first fault.
fn inspect(path: &Path) -> io::Result<Inspected> {
    let file = File::open(path)?;
    let bytes = file.metadata()?.len();
    let mut reading = Reading::default();
    for start in block_starts(0, bytes) {
        let block = read_block(&file, start, bytes)?;
        if let Err(fault) = reading.block(start, &block) {
            return reading.after(fault, &file, bytes);
        }
    }
    match reading.record {
        Some(fault_at) => reading.after(Fault { record: fault_at, at: bytes, cut_short: true }, &file, bytes),
        None => Ok(Inspected { bytes, good: bytes, last: reading.last, end: End::Whole }),
    }
}

/// Where a file can't be read on.
#[derive(Debug, Clone, Copy)]
struct Fault {
    /// Where the record begins that isn't whole.
    record: u64,
    /// Where in it the fault is.
    at: u64,
    /// Whether the file simply ends too early.
    cut_short: bool,
}

/// What has been read of a file.
#[derive(Default)]
struct Reading {
    good: u64,
    last: Option<[u8; BATCH_HEADER_BYTES]>,
    /// Where the record began that has had a first part and no last one yet, and its beginning.
    record: Option<u64>,
    begun: Option<[u8; BATCH_HEADER_BYTES]>,
}

impl Reading {
    fn block(&mut self, start: u64, block: &[u8]) -> Result<(), Fault> {
        let is_full = block.len() as u64 == BLOCK_BYTES;
        let mut at = 0;
        // A block's last bytes that have no room for a header are left empty.
        while at < block.len() && !(is_full && block.len() - at < HEADER_BYTES) {
            let here = start + at as u64;
            let fault = |cut_short| Fault { record: self.record.unwrap_or(here), at: here, cut_short };
            let Some(part) = Part::at(block, at) else {
                return Err(fault(!is_full && Part::promises_more(block, at)));
            };
            let fits = matches!(part.kind, MIDDLE | LAST) == self.record.is_some();
            if !fits {
                return Err(fault(false));
            }
            self.take(&part, here);
            at = part.end;
        }
        Ok(())
    }

    fn take(&mut self, part: &Part<'_>, here: u64) {
        let beginning = part.payload.first_chunk().copied();
        match part.kind {
            MIDDLE => return,
            FIRST => {
                (self.record, self.begun) = (Some(here), beginning);
                return;
            }
            FULL => self.last = beginning,
            LAST => (self.record, self.last) = (None, self.begun.take()),
            // Settings of the file, and what newer releases may add.
            _ => {}
        }
        self.good = here + (HEADER_BYTES + part.payload.len()) as u64;
    }

    /// Judges what comes after a fault.
    fn after(self, fault: Fault, file: &File, bytes: u64) -> io::Result<Inspected> {
        let damaged = |why: &str| End::Damaged(format!("damaged at byte {}, {why}", fault.at));
        let end = if is_followed(&fault, file, bytes)? {
            damaged("and what was written later is there: acknowledged changes are missing")
        } else if fault.cut_short || has_lost_sector(fault.record, file, bytes)? {
            End::Torn
        } else {
            damaged("and not as by a power cut")
        };
        Ok(Inspected { bytes, good: self.good, last: self.last, end })
    }
}

/// Whether anything comes after the faulty record: a record of its own, or bytes after its last part.
fn is_followed(fault: &Fault, file: &File, bytes: u64) -> io::Result<bool> {
    let first = fault.at - fault.at % BLOCK_BYTES;
    for start in block_starts(first, bytes) {
        let block = read_block(file, start, bytes)?;
        let is_first = start == first;
        let from = if is_first { fault.at - start } else { 0 };
        for at in usize::try_from(from).unwrap_or(usize::MAX)..block.len() {
            // Looked at first, since a checksum at each byte would take long.
            if !matches!(block.get(at + HEADER_BYTES - 1), Some(&(FULL | FIRST | LAST))) {
                continue;
            }
            match Part::at(&block, at) {
                Some(Part { kind: FULL | FIRST, .. }) => return Ok(true),
                // The faulty record's own last part, after which the file must end.
                Some(Part { kind: LAST, end, .. }) if at == 0 && !is_first => {
                    return Ok(!is_zero(file, start + end as u64, bytes)?);
                }
                _ => {}
            }
        }
    }
    Ok(false)
}

/// Whether a whole sector of what is after `from`, or what is there of it, is zero.
fn has_lost_sector(from: u64, file: &File, bytes: u64) -> io::Result<bool> {
    let mut start = from;
    while start < bytes {
        let end = (start - start % SECTOR_BYTES + SECTOR_BYTES).min(bytes);
        if is_zero(file, start, end)? {
            return Ok(true);
        }
        start = end;
    }
    Ok(false)
}

fn is_zero(file: &File, from: u64, to: u64) -> io::Result<bool> {
    for start in block_starts(from, to) {
        if read_block(file, start, to)?.iter().any(|byte| *byte != 0) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn block_starts(from: u64, to: u64) -> impl Iterator<Item = u64> {
    (0..).map(move |block| from + block * BLOCK_BYTES).take_while(move |start| *start < to)
}

fn read_block(file: &File, start: u64, end: u64) -> io::Result<Vec<u8>> {
    let length = end.saturating_sub(start).min(BLOCK_BYTES);
    let mut block = vec![0; usize::try_from(length).expect("because a block is small")];
    file.read_exact_at(&mut block, start)?;
    Ok(block)
}

/// A physical record that is as its checksum says.
struct Part<'a> {
    kind: u8,
    payload: &'a [u8],
    /// Where in the block it ends.
    end: usize,
}

impl<'a> Part<'a> {
    fn at(block: &'a [u8], at: usize) -> Option<Self> {
        let (header, rest) = block[at..].split_first_chunk::<HEADER_BYTES>()?;
        let [a, b, c, d, low, high, kind] = *header;
        if kind == 0 {
            return None;
        }
        let payload = rest.get(..usize::from(u16::from_le_bytes([low, high])))?;
        let checksum = crc32c::crc32c_append(crc32c::crc32c(&[kind]), payload);
        let end = at + HEADER_BYTES + payload.len();
        (masked(checksum) == u32::from_le_bytes([a, b, c, d])).then_some(Self { kind, payload, end })
    }

    /// Whether the block ends before this record's header, or before what that says.
    fn promises_more(block: &[u8], at: usize) -> bool {
        match block[at..].split_first_chunk::<HEADER_BYTES>() {
            Some(([.., low, high, _], rest)) => usize::from(u16::from_le_bytes([*low, *high])) > rest.len(),
            None => true,
        }
    }
}

/// How RocksDB stores a checksum, so that one of a text with checksums in it is a good one.
fn masked(checksum: u32) -> u32 {
    checksum.rotate_right(15).wrapping_add(0xa282_ead8)
}

#[cfg(test)]
mod tests;
