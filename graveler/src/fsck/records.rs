//! Checks a range: its table, its records, and the data objects that they name. Owns what a record must be.
//! Invariant: records of a block that was seen in another range aren't looked at again, for equal hashes mean equal
//! records; the block itself is read, since each file has its own copy.

use std::collections::HashSet;
use std::fmt::Display;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use futures::stream::{self, StreamExt, TryStreamExt};
use model::{Address, Entry, IDENTITY_BYTES, ObjectPath};
use storage::{Immutable, Looked, RepositoryStorage, StorageError};

use super::fault::Report;
use super::table::{Facts, TableCheck};
use super::{DataCheck, Fault, FaultKind, FsckOptions};
use crate::Error;
use crate::sstable::{Block, BlockHash};
use crate::tree::range_info::RangeInfo;
use crate::tree::record::{TOMBSTONE, Value, decode_entry};

/// How many blocks are remembered as seen, 16 bytes each; records of others are looked at again.
const BLOCKS_REMEMBERED_MAX: usize = 2 << 20;

/// How many faults of objects are remembered as told, 16 bytes each; those of others may be told again.
const TOLD_MAX: usize = 1 << 20;

/// After so many sound objects whose ETags differ from their entries' the store's ETags are taken for what they are: no MD5
/// of the bytes (as where they are encrypted with a key of a key service). They aren't compared any more.
const SOUND_BY_OTHER_TAGS_MAX: u64 = 16;

/// What the checks of all ranges share. Cheap to clone.
#[derive(Clone)]
pub(super) struct RangeChecks {
    pub(super) storage: RepositoryStorage,
    pub(super) options: FsckOptions,
    pub(super) report: Report,
    seen: Arc<Mutex<HashSet<[u8; 16]>>>,
    sound_by_other_tags: Arc<AtomicU64>,
    told: Arc<Mutex<HashSet<[u8; 16]>>>,
}

/// Why an object isn't found sound.
enum Unsound {
    /// The object store doesn't give it out.
    Failure(StorageError),
    /// It isn't what its entry says.
    Wrong(FaultKind, String),
}

/// What tells whether an object's bytes are those that were written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Proof {
    Size,
    ETag,
    Bytes,
}

impl RangeChecks {
    pub(super) fn new(storage: RepositoryStorage, options: FsckOptions, report: Report) -> Self {
        Self {
            storage,
            options,
            report,
            seen: Arc::default(),
            sound_by_other_tags: Arc::default(),
            told: Arc::default(),
        }
    }

    /// Checks a range that a metarange describes; one of a delta may have tombstones.
    pub(super) async fn check(&self, info: &RangeInfo, metarange: Immutable, of_delta: bool) -> Result<(), Error> {
        let object = info.object;
        self.report.count(|counted| &counted.ranges, 1);
        let tail_length = Some(u64::from(info.tail_length).max(1));
        let table = TableCheck::open(&self.storage, &self.report, object, metarange.to_string(), tail_length).await?;
        let Some(mut table) = table else { return Ok(()) };
        while let Some((block, hash)) = table.next().await? {
            // What is right in a delta may not be so elsewhere.
            if of_delta || self.is_new(&hash) {
                self.check_block(&table, &block, object, of_delta).await?;
            }
        }
        if let Some(facts) = table.finish().await? {
            self.compare(info, &facts, metarange).await?;
        }
        self.report.progress();
        Ok(())
    }

    fn is_new(&self, hash: &BlockHash) -> bool {
        let (short, _) = hash.split_first_chunk::<16>().expect("because a hash has 32 bytes");
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() < BLOCKS_REMEMBERED_MAX { seen.insert(*short) } else { !seen.contains(short) }
    }

    /// Checks a block's records, then what they name.
    async fn check_block(
        &self,
        table: &TableCheck<'_>,
        block: &Block,
        range: Immutable,
        of_delta: bool,
    ) -> Result<(), Error> {
        let mut entries = Vec::with_capacity(block.entries());
        for (key, value) in (0..block.entries()).map(|at| block.entry(at)) {
            let is_tombstone = of_delta && value == TOMBSTONE;
            let record = if is_tombstone { read_path(key).map(|_| None) } else { read_record(key, value).map(Some) };
            match record {
                Ok(record) => entries.extend(record),
                Err(why) => table.bad_record(Some(String::from_utf8_lossy(key).into_owned()), why).await?,
            }
        }
        if self.options.data == DataCheck::Skip {
            return Ok(());
        }
        self.check_objects(entries, &range).await
    }

    /// Checks data objects, several at a time. `needed_by` says what names them.
    pub(super) async fn check_objects(
        &self,
        objects: Vec<(ObjectPath, Entry)>,
        needed_by: &(dyn Display + Sync),
    ) -> Result<(), Error> {
        let checks = stream::iter(objects).map(|(path, entry)| Ok(self.check_data(path, entry, needed_by)));
        checks.try_buffer_unordered(self.options.requests_max.max(1)).try_collect().await
    }

    /// Checks that a data object is there, and is what its entry says.
    ///
    /// An object at one path may be named by the ranges of many commits, in blocks that differ: its fault is told once.
    async fn check_data(&self, path: ObjectPath, entry: Entry, needed_by: &(dyn Display + Sync)) -> Result<(), Error> {
        if !self.storage.is_readable(&entry.address) && matches!(entry.address, Address::Full(_)) {
            self.report.count(|counted| &counted.objects_elsewhere, 1);
            return Ok(());
        }
        self.report.go_on()?;
        self.report.count(|counted| &counted.objects, 1);
        let unsound = match self.judge(&entry).await {
            Ok(proof) => {
                self.report.count(
                    |counted| match proof {
                        Proof::Size => &counted.objects_by_size,
                        Proof::ETag => &counted.objects_by_e_tag,
                        Proof::Bytes => &counted.objects_by_bytes,
                    },
                    1,
                );
                return Ok(());
            }
            Err(_) if self.is_told(&path, &entry) => return Ok(()),
            Err(unsound) => unsound,
        };
        let fault = |kind, why| Fault {
            kind,
            file: entry.address.as_str().to_owned(),
            path: Some(path.to_string()),
            needed_by: needed_by.to_string(),
            why,
        };
        match unsound {
            Unsound::Failure(error) => self.report.failure(error, fault(FaultKind::Unreadable, String::new())).await,
            Unsound::Wrong(kind, why) => self.report.fault(fault(kind, why)).await,
        }
    }

    /// Returns whether a fault of the object at this path was told; from now on it is.
    fn is_told(&self, path: &ObjectPath, entry: &Entry) -> bool {
        let hash = blake3::Hasher::new()
            .update(entry.address.as_str().as_bytes())
            .update(&[0])
            .update(path.as_bytes())
            .finalize();
        let (short, _) = hash.as_bytes().split_first_chunk::<16>().expect("because a hash has 32 bytes");
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.len() < TOLD_MAX { !told.insert(*short) } else { told.contains(short) }
    }

    /// Compares an object with its entry, and says by what it was found sound.
    async fn judge(&self, entry: &Entry) -> Result<Proof, Unsound> {
        let looked = self.storage.look(entry).await.map_err(Unsound::Failure)?;
        self.report.answered();
        if looked.size != entry.size {
            let why = format!("it has {} bytes and its entry says {}", looked.size, entry.size);
            return Err(Unsound::Wrong(FaultKind::WrongSize, why));
        }
        let proof = self.proof(entry, &looked);
        if let (Proof::Bytes, Some(expected)) = (proof, md5_of(entry)) {
            let md5 = self.storage.data_md5(entry).await.map_err(Unsound::Failure)?;
            if md5 != expected {
                let (is, tag) = (hex::encode(md5), &entry.e_tag);
                let why = format!("the MD5 of its bytes is {is} and its entry's ETag {tag}");
                return Err(Unsound::Wrong(FaultKind::WrongBytes, why));
            }
            self.report.count(|counted| &counted.bytes_read, looked.size);
            if is_md5(looked.e_tag.as_deref()) && looked.e_tag.as_deref() != Some(&entry.e_tag) {
                self.sound_by_other_tags.fetch_add(1, Relaxed);
            }
        }
        Ok(proof)
    }

    /// How far an object of the right size is to be checked, and can be.
    fn proof(&self, entry: &Entry, looked: &Looked) -> Proof {
        let is_same_tag = !entry.e_tag.is_empty() && looked.e_tag.as_deref() == Some(&entry.e_tag);
        match (self.options.data, md5_of(entry)) {
            (DataCheck::Skip | DataCheck::Size, _) => Proof::Size,
            (DataCheck::Bytes, Some(_)) => Proof::Bytes,
            (DataCheck::ETag | DataCheck::Bytes, _) if is_same_tag => Proof::ETag,
            (DataCheck::Bytes, None) => Proof::Size,
            // Both may be the MD5 of some bytes. A store's ETag needn't be one although it looks so: the bytes decide.
            (DataCheck::ETag, Some(_))
                if is_md5(looked.e_tag.as_deref())
                    && self.sound_by_other_tags.load(Relaxed) < SOUND_BY_OTHER_TAGS_MAX =>
            {
                Proof::Bytes
            }
            (DataCheck::ETag, _) => Proof::Size,
        }
    }

    /// Compares what a range or metarange is with what a metarange says of it.
    pub(super) async fn compare(&self, info: &RangeInfo, facts: &Facts, metarange: Immutable) -> Result<(), Error> {
        let said = Facts {
            first_key: info.first_key.clone(),
            last_key: info.last_key.clone(),
            entries: info.entries,
            bytes: info.bytes,
            tail_length: info.tail_length.into(),
        };
        let mut wrong = Vec::new();
        for (what, is, said) in [
            ("entries", facts.entries, said.entries),
            ("bytes", facts.bytes, said.bytes),
            ("bytes behind its data", facts.tail_length, said.tail_length),
        ] {
            if is != said {
                wrong.push(format!("it has {is} {what}, not {said}"));
            }
        }
        for (what, is, said) in [("first", &facts.first_key, said.first_key), ("last", &facts.last_key, said.last_key)]
        {
            if *is != said {
                let (is, said) = (String::from_utf8_lossy(is), String::from_utf8_lossy(&said));
                wrong.push(format!("its {what} key is {is:?}, not {said:?}"));
            }
        }
        if wrong.is_empty() {
            return Ok(());
        }
        let why = format!("the metarange says otherwise: {}", wrong.join("; "));
        let (file, needed_by) = (info.object.to_string(), metarange.to_string());
        self.report.fault(Fault { kind: FaultKind::Mismatch, file, path: None, needed_by, why }).await
    }
}

/// Decodes a record, and checks the identity if it is one of ours.
fn read_record(key: &[u8], value: &[u8]) -> Result<(ObjectPath, Entry), String> {
    let path = read_path(key)?;
    let entry = decode_entry(value)?;
    let identity = Value::parse(value).ok_or("its value is cut short")?.identity;
    if identity.len() == IDENTITY_BYTES && *identity != entry.identity().0 {
        return Err("its identity isn't that of its entry".into());
    }
    Ok((path, entry))
}

fn read_path(key: &[u8]) -> Result<ObjectPath, String> {
    let path = std::str::from_utf8(key).map_err(|_| "its path isn't UTF-8")?;
    path.parse().map_err(|e: model::InvalidPath| e.to_string())
}

/// Whether an ETag has the form of an MD5.
fn is_md5(e_tag: Option<&str>) -> bool {
    e_tag.is_some_and(|e_tag| hex::decode_to_slice(e_tag, &mut [0; 16]).is_ok())
}

/// The MD5 of an object's bytes, if its ETag is one: of what Lakebed wrote in one piece.
fn md5_of(entry: &Entry) -> Option<[u8; 16]> {
    let mut md5 = [0; 16];
    let ours = matches!(entry.address, Address::Relative(_));
    (ours && hex::decode_to_slice(&entry.e_tag, &mut md5).is_ok()).then_some(md5)
}
