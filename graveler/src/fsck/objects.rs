//! Checks data objects: that they are there, and are what their entries say. Owns by what an object is judged, and what is
//! remembered of those that were looked at. Invariant: an object that many ranges name is looked at and counted once, as
//! long as it is remembered; its faults are told for each path.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use futures::stream::{self, StreamExt, TryStreamExt};
use model::{Address, BranchName, Entry, ObjectPath};
use storage::{Immutable, Looked, RepositoryStorage, StorageError};

use super::fault::Report;
use super::{DataCheck, Fault, FaultKind, FsckOptions};
use crate::Error;

/// Into how many stripes the memory of what was looked at is divided. Each has a lock, held while an object is looked at;
/// there are many more than objects that are looked at together, so that hardly one waits for another.
const STRIPES: usize = 4096;

/// How many objects a stripe remembers: what a hash table of 1,024 buckets holds. All stripes remember 3,670,016 objects
/// in 76 MB. Others are looked at, and counted, each time that they are named.
const STRIPE_MAX: usize = 896;

/// How many faults of objects are remembered as told, 16 bytes each; those of others may be told again.
const TOLD_MAX: usize = 1 << 20;

/// After so many sound objects whose ETags differ from their entries' the store's ETags are taken for what they are: no MD5
/// of the bytes (as where they are encrypted with a key of a key service). They aren't compared any more.
const SOUND_BY_OTHER_TAGS_MAX: u64 = 16;

/// The first bytes of a hash, which tell one thing from another.
type Short = [u8; 16];

/// What the checks of all data objects share. Cheap to clone.
#[derive(Clone)]
pub(super) struct ObjectChecks {
    storage: RepositoryStorage,
    options: FsckOptions,
    report: Report,
    looked_at: Arc<LookedAt>,
    told: Arc<Mutex<HashSet<Short>>>,
    sound_by_other_tags: Arc<AtomicU64>,
}

/// What names data objects.
#[derive(Debug, Clone, Copy)]
pub(super) enum NamedBy<'a> {
    Range(&'a Immutable),
    /// As what is uncommitted on it.
    Branch(&'a BranchName),
}

impl fmt::Display for NamedBy<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Range(range) => range.fmt(f),
            Self::Branch(branch) => write!(f, "branch {branch}, uncommitted"),
        }
    }
}

/// The objects that were looked at.
struct LookedAt(Vec<tokio::sync::Mutex<HashMap<Short, Verdict>>>);

/// What came of looking at an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// It is sound, or lies where it can't be looked at: it needn't be looked at again.
    Done,
    /// It has a fault, to be told for each path.
    Unsound,
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

impl ObjectChecks {
    pub(super) fn new(storage: RepositoryStorage, options: FsckOptions, report: Report) -> Self {
        Self {
            storage,
            options,
            report,
            looked_at: Arc::new(LookedAt((0..STRIPES).map(|_| tokio::sync::Mutex::default()).collect())),
            told: Arc::default(),
            sound_by_other_tags: Arc::default(),
        }
    }

    /// Whether data objects are looked at at all.
    pub(super) fn are_skipped(&self) -> bool {
        self.options.data == DataCheck::Skip
    }

    /// Checks data objects, several at a time.
    pub(super) async fn check(&self, objects: Vec<(ObjectPath, Entry)>, by: NamedBy<'_>) -> Result<(), Error> {
        if self.are_skipped() {
            return Ok(());
        }
        let checks = stream::iter(objects).map(|(path, entry)| Ok(self.check_object(path, entry, by)));
        checks.try_buffer_unordered(self.options.requests_max.max(1)).try_collect::<()>().await?;
        self.report.progress();
        Ok(())
    }

    /// Checks that a data object is there, and is what its entry says.
    ///
    /// The ranges of many commits may name it, in blocks that differ, and so may entries at other paths: it is looked at
    /// by one of them at a time, and by the first one alone if it is sound.
    async fn check_object(&self, path: ObjectPath, entry: Entry, by: NamedBy<'_>) -> Result<(), Error> {
        self.report.go_on()?;
        let object = short_hash([entry.address.as_str(), &entry.size.to_string(), &entry.e_tag]);
        let mut stripe = self.looked_at.stripe(&object).lock().await;
        let seen = stripe.get(&object).copied();
        if seen == Some(Verdict::Done) || seen == Some(Verdict::Unsound) && self.was_told(&path, &entry) {
            return Ok(());
        }
        let is_elsewhere = !self.storage.is_readable(&entry.address) && matches!(entry.address, Address::Full(_));
        if seen.is_none() {
            self.count(is_elsewhere, by);
        }
        let judged = if is_elsewhere { Ok(None) } else { self.judge(&entry).await.map(Some) };
        let verdict = if judged.is_ok() { Verdict::Done } else { Verdict::Unsound };
        if seen.is_some() || stripe.len() < STRIPE_MAX {
            stripe.insert(object, verdict);
        }
        drop(stripe);
        match judged {
            Ok(proof) => {
                proof.inspect(|proof| self.count_sound(*proof));
                Ok(())
            }
            Err(_) if self.is_told(&path, &entry) => Ok(()),
            Err(unsound) => self.tell(unsound, &path, &entry, by).await,
        }
    }

    /// Counts an object that wasn't seen before.
    fn count(&self, is_elsewhere: bool, by: NamedBy<'_>) {
        self.report.count(|counted| if is_elsewhere { &counted.objects_elsewhere } else { &counted.objects }, 1);
        if let NamedBy::Branch(_) = by {
            self.report.count(|counted| &counted.objects_uncommitted, 1);
        }
    }

    fn count_sound(&self, proof: Proof) {
        self.report.count(
            |counted| match proof {
                Proof::Size => &counted.objects_by_size,
                Proof::ETag => &counted.objects_by_e_tag,
                Proof::Bytes => &counted.objects_by_bytes,
            },
            1,
        );
    }

    async fn tell(&self, unsound: Unsound, path: &ObjectPath, entry: &Entry, by: NamedBy<'_>) -> Result<(), Error> {
        let fault = |kind, why| Fault {
            kind,
            file: entry.address.as_str().to_owned(),
            path: Some(path.to_string()),
            needed_by: by.to_string(),
            why,
        };
        match unsound {
            Unsound::Failure(error) => self.report.failure(error, fault(FaultKind::Unreadable, String::new())).await,
            Unsound::Wrong(kind, why) => self.report.fault(fault(kind, why)).await,
        }
    }

    /// Returns whether a fault of the object at this path was told.
    fn was_told(&self, path: &ObjectPath, entry: &Entry) -> bool {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).contains(&fault_hash(path, entry))
    }

    /// As [`Self::was_told`]; from now on it is.
    fn is_told(&self, path: &ObjectPath, entry: &Entry) -> bool {
        let short = fault_hash(path, entry);
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.len() < TOLD_MAX { !told.insert(short) } else { told.contains(&short) }
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
}

impl LookedAt {
    fn stripe(&self, object: &Short) -> &tokio::sync::Mutex<HashMap<Short, Verdict>> {
        let at = usize::from(u16::from_be_bytes([object[0], object[1]])) % self.0.len();
        &self.0[at]
    }
}

fn fault_hash(path: &ObjectPath, entry: &Entry) -> Short {
    short_hash([entry.address.as_str(), path.as_str()])
}

/// A short hash of texts without zeros in them, but in the last.
fn short_hash<const PARTS: usize>(parts: [&str; PARTS]) -> Short {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(part.as_bytes()).update(&[0]);
    }
    let hash = hasher.finalize();
    *hash.as_bytes().first_chunk().expect("because a hash has 32 bytes")
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
