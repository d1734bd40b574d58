//! Bytes that clients put into the store by themselves: at which addresses, and how they become an object's. Owns the copy that
//! brings them beyond their writer's reach, and what is known of it; leaves to whom an address is given to the API.
//!
//! A URL that writes goes on to write for as long as it is good, and a client with the store's own keys for ever. So what is
//! linked is a copy, at an address that nobody was told before. What is known of the object is what is known of the copy:
//! whatever is written where it came from, before, meanwhile or afterwards, changes nothing of it.
//!
//! A multipart upload is made at such an address from the beginning: its URLs name the upload, and write nothing once that has
//! ended.
//!
//! Invariant: no address that was given out is an object's.

use std::fmt;

use model::{Address, Entry};
use object_store::path::Path;
use object_store::{Error as StoreError, ObjectMeta, ObjectStoreExt};

use crate::source::unquoted;
use crate::{PutError, RepositoryStorage, Scheme, StorageError, paths};

/// The largest object that S3 copies in one request; larger ones are read and written.
const COPY_BYTES_MAX: u64 = 5 << 30;

/// What the addresses of one upload have in common: the one that is given out, and that of the object that it becomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadSlot {
    partition: String,
    unique: u128,
}

impl UploadSlot {
    /// Reads an address that was given out: the slot, and the seal.
    pub fn of_given_out(address: &str) -> Option<(Self, &str)> {
        let (partition, unique, seal) = paths::given_out_parts(address)?;
        Some((Self { partition: partition.to_owned(), unique }, seal))
    }

    /// Its number, drawn at random.
    pub fn id(&self) -> u128 {
        self.unique
    }

    /// The address to give out. The seal says for whom; it must be plain text without a slash.
    pub fn given_out(&self, seal: &str) -> Address {
        paths::given_out(&self.partition, self.unique, seal)
    }

    /// Where a multipart upload makes its object.
    pub fn of_parts(&self) -> Address {
        paths::new_address(&self.partition, self.unique)
    }

    /// Where a copy may go; another address each time.
    fn of_copy(&self) -> Address {
        let Address::Relative(text) = self.of_parts() else { unreachable!("a new address is relative") };
        Address::Relative(format!("{text}-{:016x}", rand::random::<u64>()))
    }

    /// An object of which nobody wrote the bytes, with what its writer says of it.
    pub fn without_bytes(&self, size: u64, e_tag: &str) -> Adopted {
        Adopted { address: self.of_copy(), size, e_tag: Some(e_tag.to_owned()), from: None }
    }

    /// Whether an object came of this slot.
    pub fn has_made(&self, address: &Address) -> bool {
        let own = self.of_parts();
        let rest = address.as_str().strip_prefix(own.as_str());
        matches!(address, Address::Relative(_)) && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    }
}

impl fmt::Display for UploadSlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{:032x}", self.partition, self.unique)
    }
}

/// What was put at an address that was given out, as it was looked at.
#[derive(Debug, Clone)]
pub struct Staged {
    path: Path,
    meta: ObjectMeta,
}

impl Staged {
    /// Bytes.
    pub fn size(&self) -> u64 {
        self.meta.size
    }
}

/// An object that is beyond the reach of who wrote its bytes.
#[derive(Debug, Clone)]
pub struct Adopted {
    /// Where it lies.
    pub address: Address,
    /// Bytes.
    pub size: u64,
    /// What the store calls it.
    pub e_tag: Option<String>,
    /// What it was copied from, as that was before.
    from: Option<Staged>,
}

impl RepositoryStorage {
    /// A slot of its own for an upload.
    pub fn new_slot(&self) -> UploadSlot {
        let address = self.new_address();
        let (partition, unique) =
            paths::partition_and_unique(address.as_str()).expect("because a new address has these parts");
        UploadSlot { partition: partition.to_owned(), unique }
    }

    /// Looks at what was put at an address that was given out; [`StorageError::NotFound`] if nothing was.
    pub async fn look_staged(&self, address: &Address) -> Result<Staged, StorageError> {
        let path = self.paths().given_out(address)?;
        let meta = self.stores().store.head(&path).await.map_err(|e| self.error(e, &path))?;
        Ok(Staged { path, meta })
    }

    /// Copies what was put at an address that was given out to one that nobody knows.
    ///
    /// The bytes don't leave the store, but where it can't be relied upon to copy all of them: Azure answers before it has
    /// copied, and S3 copies up to 5 GiB.
    pub async fn adopt(&self, slot: &UploadSlot, staged: &Staged) -> Result<Adopted, StorageError> {
        let address = slot.of_copy();
        let path = self.paths().writable(&address)?;
        let copies = match self.stores().scheme() {
            Scheme::Azure => false,
            Scheme::S3 => staged.meta.size <= COPY_BYTES_MAX,
            Scheme::Local | Scheme::Memory | Scheme::Gcs => true,
        };
        match copies {
            true => self.stores().store.copy(&staged.path, &path).await.map_err(|e| self.error(e, &staged.path))?,
            false => self.copy_through(staged, &address).await?,
        }
        let copied = self.stores().store.head(&path).await.map_err(|e| self.error(e, &path))?;
        Ok(Adopted { address, size: copied.size, e_tag: e_tag(&copied), from: Some(staged.clone()) })
    }

    /// Reads bytes and writes them again.
    async fn copy_through(&self, staged: &Staged, to: &Address) -> Result<(), StorageError> {
        let size = staged.meta.size;
        let from = staged.path.as_ref().strip_prefix(self.paths().prefix().as_ref()).unwrap_or_default();
        let body = self.get_data(&Address::Relative(from.trim_start_matches('/').to_owned()), 0..size).await?;
        match self.put_data(to, body, Some(size)).await {
            Ok(_) => Ok(()),
            Err(PutError::Storage(error)) => Err(error),
            Err(PutError::Body(error)) => Err(match error.downcast::<StorageError>() {
                Ok(error) => *error,
                Err(source) => StorageError::Unavailable { path: self.shown(&staged.path), source },
            }),
        }
    }

    /// Whether what was looked at is still there, and the same: then a copy that was made meanwhile is of it.
    async fn is_unchanged(&self, staged: &Staged) -> Result<bool, StorageError> {
        match self.stores().store.head(&staged.path).await {
            Ok(now) => {
                let of = |meta: &ObjectMeta| (e_tag(meta), meta.version.clone(), meta.size, meta.last_modified);
                Ok(of(&now) == of(&staged.meta))
            }
            Err(StoreError::NotFound { .. }) => Ok(false),
            Err(error) => Err(self.error(error, &staged.path)),
        }
    }

    /// Deletes what was put at an address that was given out, once it is adopted; what isn't there is deleted already.
    pub async fn delete_staged(&self, address: &Address) -> Result<(), StorageError> {
        let path = self.paths().given_out(address)?;
        match self.stores().store.delete(&path).await {
            Ok(()) | Err(StoreError::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.error(error, &path)),
        }
    }

    /// What the store says of an object that parts were made into.
    pub async fn look_made(&self, slot: &UploadSlot) -> Result<Adopted, StorageError> {
        let address = slot.of_parts();
        let path = self.paths().writable(&address)?;
        let meta = self.stores().store.head(&path).await.map_err(|e| self.error(e, &path))?;
        Ok(Adopted { address, size: meta.size, e_tag: e_tag(&meta), from: None })
    }

    /// Whether a text is what an adopted object's bytes are called: the ETag of the copy, their MD5, or the ETag of where they
    /// came from, if that says nothing of the bytes and nothing changed there since before the copy was made.
    ///
    /// What looks like an MD5 and isn't the copy's ETag is compared with the bytes: where ETags are MD5s, bytes that are written
    /// over and back again within a second leave the source as it was, ETag and time and all, and the copy may be of those in
    /// between.
    pub async fn is_called(&self, entry: &Entry, adopted: &Adopted, name: &str) -> Result<bool, StorageError> {
        if adopted.e_tag.as_deref() == Some(name) {
            return Ok(true);
        }
        let source = adopted.from.as_ref().filter(|from| e_tag(&from.meta).as_deref() == Some(name));
        if name.len() == 32 && name.bytes().all(|b| b.is_ascii_hexdigit()) {
            let md5 = hex::encode(self.data_md5(entry).await?);
            if md5 == name || adopted.e_tag.as_ref() == Some(&md5) {
                return Ok(md5 == name);
            }
            // The store encrypts with a key of a key service: its ETags only look like MD5s.
        }
        match source {
            Some(source) => self.is_unchanged(source).await,
            None => Ok(false),
        }
    }
}

fn e_tag(meta: &ObjectMeta) -> Option<String> {
    meta.e_tag.as_deref().map(|e_tag| unquoted(e_tag).to_owned())
}
