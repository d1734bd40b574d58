//! The cache's files: segments that are appended to, the oldest removed whole when there are too many. Owns their format
//! and bounds. Each segment `<number>.data` has records (magic, length, key, digest, bytes) and beside it `<number>.index`
//! with a line for each (key, offset, length), so that opening reads little.
//!
//! Invariant: an index is a hint. A record counts only if its own key and digest fit when it is read, so a torn write, a
//! flipped bit or a file of somebody else is a record that isn't there. Therefore nothing is ever synced.

use std::collections::{BTreeMap, HashMap};
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use super::Key;

/// The cache is so many segments: what goes at a time.
const SEGMENTS: u64 = 32;
/// Segments among the oldest of which a hit is written anew.
const OLD_SEGMENTS: usize = (SEGMENTS / 4) as usize;
/// There are at most as many records as if each had so many bytes: it bounds the memory for their places.
const RECORD_BYTES_USUAL: u64 = 4 << 10;

const MAGIC: [u8; 4] = *b"LKC1";
const DIGEST_BYTES: usize = 8;
/// Magic, length, key, digest.
const HEADER_BYTES: usize = 4 + 4 + 32 + DIGEST_BYTES;
/// Key, offset, length.
const LINE_BYTES: usize = 32 + 8 + 4;

/// All segments, and where each record lies.
pub(super) struct Segments {
    folder: PathBuf,
    /// Held as long as the cache is open.
    _lock: File,
    bytes_max: u64,
    bytes: u64,
    places: HashMap<Key, At>,
    segments: BTreeMap<u64, Segment>,
    /// The one that is written; new in each life of the process, so that it never follows a torn record.
    open: Option<Open>,
}

struct Segment {
    data: Arc<File>,
    bytes: u64,
}

#[derive(Clone, Copy)]
struct At {
    segment: u64,
    offset: u64,
    length: u32,
}

/// The segment that is written.
pub(super) struct Open {
    number: u64,
    data: Arc<File>,
    index: File,
    end: u64,
}

/// Where a record lies. Its file stays readable when it is removed meanwhile.
pub(super) struct Place {
    data: Arc<File>,
    at: At,
    /// Whether its segment will soon be removed.
    pub(super) is_old: bool,
}

impl Segments {
    pub(super) fn open(folder: &Path, bytes_max: u64) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let mut segments = Self {
            folder: folder.to_owned(),
            _lock: lock(folder)?,
            bytes_max,
            bytes: 0,
            places: HashMap::new(),
            segments: BTreeMap::new(),
            open: None,
        };
        segments.load()?;
        segments.evict(0)?;
        Ok(segments)
    }

    /// Takes over what an earlier process left.
    fn load(&mut self) -> io::Result<()> {
        for entry in std::fs::read_dir(&self.folder)? {
            let name = entry?.file_name();
            let number = name.to_str().and_then(|name| name.strip_suffix(".data")?.parse::<u64>().ok());
            let Some(number) = number else { continue };
            let Ok(data) = File::open(self.path(number, "data")) else { continue };
            let index = std::fs::read(self.path(number, "index")).unwrap_or_default();
            let bytes = data.metadata()?.len() + index.len() as u64;
            self.bytes += bytes;
            self.segments.insert(number, Segment { data: Arc::new(data), bytes });
            for line in index.as_chunks::<LINE_BYTES>().0 {
                let (key, at) = parse_line(number, line);
                // Files come in no order; of two records of one key the newer counts.
                if self.places.get(&key).is_none_or(|there| there.segment <= number) {
                    self.places.insert(key, at);
                }
            }
        }
        Ok(())
    }

    pub(super) fn find(&self, key: &Key) -> Option<Place> {
        let at = *self.places.get(key)?;
        let data = Arc::clone(&self.segments.get(&at.segment)?.data);
        let is_full = self.bytes > self.bytes_max / 4 * 3;
        let is_old = is_full && self.segments.keys().take(OLD_SEGMENTS).any(|number| *number == at.segment);
        Some(Place { data, at, is_old })
    }

    pub(super) fn forget(&mut self, key: &Key) {
        self.places.remove(key);
    }

    /// The segment to append a record of so many bytes to. `None`: it is in a young segment already, or too large.
    pub(super) fn room_for(&mut self, key: &Key, bytes: usize) -> io::Result<Option<Open>> {
        let segment_bytes = self.bytes_max / SEGMENTS;
        let taken = (HEADER_BYTES + LINE_BYTES + bytes) as u64;
        if taken > segment_bytes || self.find(key).is_some_and(|place| !place.is_old) {
            return Ok(None);
        }
        if let Some(open) = self.open.take()
            && open.end + taken <= segment_bytes
        {
            return Ok(Some(open));
        }
        self.evict(segment_bytes)?;
        let number = self.segments.keys().last().map_or(1, |last| last + 1);
        // What may lie there belongs to no segment: the other half of it was lost.
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(true).mode(0o600);
        let create = |kind| options.open(self.path(number, kind));
        let (data, index) = (Arc::new(create("data")?), create("index")?);
        self.segments.insert(number, Segment { data: Arc::clone(&data), bytes: 0 });
        Ok(Some(Open { number, data, index, end: 0 }))
    }

    /// Takes note of a record that was appended.
    pub(super) fn note(&mut self, open: Open, key: Key, at: (u64, u32)) {
        let bytes = HEADER_BYTES as u64 + u64::from(at.1) + LINE_BYTES as u64;
        self.bytes += bytes;
        if let Some(segment) = self.segments.get_mut(&open.number) {
            segment.bytes += bytes;
        }
        self.places.insert(key, At { segment: open.number, offset: at.0, length: at.1 });
        self.open = Some(open);
    }

    /// Removes the oldest segments until there is room for so many bytes.
    fn evict(&mut self, room: u64) -> io::Result<()> {
        while self.bytes + room > self.bytes_max || self.places.len() as u64 > self.bytes_max / RECORD_BYTES_USUAL {
            let Some((number, segment)) = self.segments.pop_first() else { return Ok(()) };
            self.bytes -= segment.bytes;
            self.places.retain(|_, at| at.segment != number);
            std::fs::remove_file(self.path(number, "data"))?;
            match std::fs::remove_file(self.path(number, "index")) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    fn path(&self, number: u64, kind: &str) -> PathBuf {
        self.folder.join(format!("{number:016}.{kind}"))
    }
}

impl Open {
    /// Writes a record; returns where it lies.
    pub(super) fn append(&mut self, key: &Key, bytes: &[u8]) -> io::Result<(u64, u32)> {
        let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
        let mut record = Vec::with_capacity(HEADER_BYTES + bytes.len());
        record.extend_from_slice(&MAGIC);
        record.extend_from_slice(&length.to_le_bytes());
        record.extend_from_slice(key);
        record.extend_from_slice(&digest(key, bytes));
        record.extend_from_slice(bytes);
        let offset = self.end;
        self.data.write_all_at(&record, offset)?;
        self.end += record.len() as u64;
        let mut line = Vec::with_capacity(LINE_BYTES);
        line.extend_from_slice(key);
        line.extend_from_slice(&offset.to_le_bytes());
        line.extend_from_slice(&length.to_le_bytes());
        self.index.write_all(&line)?;
        Ok((offset, length))
    }
}

impl Place {
    /// Reads the record, if it is what was written under its key.
    pub(super) fn read(&self, key: &Key) -> Option<Bytes> {
        // The length comes from a file: it isn't trusted with memory before the file is known to be as long.
        let end = self.at.offset.checked_add(HEADER_BYTES as u64)?.checked_add(self.at.length.into())?;
        if self.data.metadata().ok()?.len() < end {
            return None;
        }
        let mut record = vec![0; HEADER_BYTES + self.at.length as usize];
        self.data.read_exact_at(&mut record, self.at.offset).ok()?;
        let (header, bytes) = record.split_at(HEADER_BYTES);
        let is_it = header[..4] == MAGIC
            && header[4..8] == self.at.length.to_le_bytes()
            && header[8..40] == *key
            && header[40..] == digest(key, bytes);
        is_it.then(|| Bytes::from(record).slice(HEADER_BYTES..))
    }
}

fn parse_line(segment: u64, line: &[u8; LINE_BYTES]) -> (Key, At) {
    let (mut key, mut offset, mut length) = ([0; 32], [0; 8], [0; 4]);
    key.copy_from_slice(&line[..32]);
    offset.copy_from_slice(&line[32..40]);
    length.copy_from_slice(&line[40..]);
    (key, At { segment, offset: u64::from_le_bytes(offset), length: u32::from_le_bytes(length) })
}

fn digest(key: &Key, bytes: &[u8]) -> [u8; DIGEST_BYTES] {
    let mut out = [0; DIGEST_BYTES];
    out.copy_from_slice(&blake3::Hasher::new_keyed(key).update(bytes).finalize().as_bytes()[..DIGEST_BYTES]);
    out
}

/// Two processes would take each other's segments for their own.
fn lock(folder: &Path) -> io::Result<File> {
    let lock = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(folder.join("lock"))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => {
            let why = "another process uses this folder; give each server a cache folder of its own";
            Err(io::Error::new(io::ErrorKind::ResourceBusy, why))
        }
        Err(TryLockError::Error(error)) => Err(error),
    }
}
