//! Checks a range: its table and its records. Owns what a record must be; `objects` looks at the data objects they name.
//! Invariant: records of a block that was seen in another range aren't looked at again, for equal hashes mean equal
//! records; the block itself is read, since each file has its own copy.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use model::{Entry, IDENTITY_BYTES, ObjectPath};
use storage::{Immutable, RepositoryStorage};

use super::fault::Report;
use super::objects::{NamedBy, ObjectChecks};
use super::table::{Facts, TableCheck};
use super::{Fault, FaultKind, FsckOptions};
use crate::Error;
use crate::sstable::{Block, BlockHash};
use crate::tree::range_info::RangeInfo;
use crate::tree::record::{TOMBSTONE, Value, decode_entry};

/// How many blocks are remembered as seen, 16 bytes each; records of others are looked at again.
const BLOCKS_REMEMBERED_MAX: usize = 2 << 20;

/// What the checks of all ranges share. Cheap to clone.
#[derive(Clone)]
pub(super) struct RangeChecks {
    pub(super) storage: RepositoryStorage,
    pub(super) report: Report,
    pub(super) objects: ObjectChecks,
    pub(super) files_max: usize,
    seen: Arc<Mutex<HashSet<[u8; 16]>>>,
}

impl RangeChecks {
    pub(super) fn new(storage: RepositoryStorage, options: FsckOptions, report: Report) -> Self {
        let files_max = options.files_max.max(1);
        let objects = ObjectChecks::new(storage.clone(), options, report.clone());
        Self { storage, report, objects, files_max, seen: Arc::default() }
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
        self.objects.check(entries, NamedBy::Range(&range)).await
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
