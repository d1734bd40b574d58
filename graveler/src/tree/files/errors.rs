//! Decodes the parts of records, and says what is wrong with a file. Owns what becomes which error.
//! Invariant: an error names the file that it is about.

use model::{Entry, InvalidPath, ObjectPath};
use storage::{Immutable, StorageError};

use super::Files;
use crate::Error;
use crate::sstable::SstError;
use crate::tree::range_info::BadRange;
use crate::tree::record;

impl Files {
    /// Decodes a record's entry.
    pub(crate) fn entry(&self, object: Immutable, value: &[u8]) -> Result<Entry, Error> {
        record::decode_entry(value).map_err(|why| self.corrupt(object, &why))
    }

    /// Decodes an entry of some range of this repository.
    pub(crate) fn decode_value(&self, value: &[u8]) -> Result<Entry, Error> {
        record::decode_entry(value).map_err(|why| self.corrupt_somewhere(&why))
    }

    /// Decodes a path of some range of this repository.
    pub(crate) fn decode_path(&self, key: &[u8]) -> Result<ObjectPath, Error> {
        let path = std::str::from_utf8(key).map_err(|e| e.to_string());
        let path = path.and_then(|path| path.parse().map_err(|e: InvalidPath| e.to_string()));
        path.map_err(|why| self.corrupt_somewhere(&format!("the path {:?}: {why}", String::from_utf8_lossy(key))))
    }

    fn corrupt_somewhere(&self, why: &str) -> Error {
        Error::Corrupt { file: format!("a range of {}", self.storage.namespace()), why: why.into() }
    }

    /// Splits off a record's identity.
    pub(crate) fn identity<'a>(&self, object: Immutable, value: &'a [u8]) -> Result<&'a [u8], Error> {
        let value = record::Value::parse(value).ok_or_else(|| self.corrupt(object, "a record's value is cut short"))?;
        Ok(value.identity)
    }

    pub(in crate::tree) fn bad_range(&self, metarange: Immutable, bad: BadRange) -> Error {
        match bad {
            BadRange::Corrupt(why) => self.corrupt(metarange, &why),
            BadRange::Unsupported(what) => self.unsupported(metarange, what),
        }
    }

    pub(crate) fn overlap(&self, metarange: Immutable) -> Error {
        self.unsupported(metarange, "ranges that overlap".into())
    }

    pub(crate) fn corrupt(&self, object: Immutable, why: &str) -> Error {
        Error::Corrupt { file: self.named(object), why: why.into() }
    }

    pub(crate) fn unsupported(&self, object: Immutable, what: String) -> Error {
        Error::Unsupported { file: self.named(object), what }
    }

    fn named(&self, object: Immutable) -> String {
        format!("{}/{object}", self.storage.namespace())
    }

    pub(crate) fn table_error(&self, object: Immutable, error: SstError) -> Error {
        match error {
            SstError::Unsupported(what) => self.unsupported(object, what),
            SstError::Corrupt(why) => self.corrupt(object, &why),
            other => self.corrupt(object, &other.to_string()),
        }
    }

    /// A file that something refers to must be there.
    pub(crate) fn read_error(&self, object: Immutable, error: StorageError) -> Error {
        match error {
            StorageError::NotFound { .. } => self.corrupt(object, "it is missing, and a ref's history needs it"),
            StorageError::Corrupt { why, .. } => self.corrupt(object, &why),
            other => Error::Storage(other),
        }
    }
}
