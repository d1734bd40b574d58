//! The path of an object inside a ref. Owns its bounds; any other text is a valid path, `//` and a leading `/`
//! included, and is never normalized. Invariant: paths order by their bytes.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The most bytes that a path may have: S3's bound on keys.
pub const PATH_BYTES_MAX: usize = 1024;

/// A path that can't name an object.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InvalidPath {
    /// It is empty.
    #[error("the object's path is empty: name an object behind the ref, as in main/folder/file")]
    Empty,
    /// It is longer than [`PATH_BYTES_MAX`].
    #[error("the object's path has {0} bytes; the most is {PATH_BYTES_MAX}")]
    TooLong(usize),
}

/// An object's path: 1 to 1,024 bytes of UTF-8, taken as it is.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ObjectPath(String);

impl ObjectPath {
    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path as the bytes that order it.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl TryFrom<String> for ObjectPath {
    type Error = InvalidPath;

    fn try_from(text: String) -> Result<Self, InvalidPath> {
        match text.len() {
            0 => Err(InvalidPath::Empty),
            n if n > PATH_BYTES_MAX => Err(InvalidPath::TooLong(n)),
            _ => Ok(Self(text)),
        }
    }
}

impl FromStr for ObjectPath {
    type Err = InvalidPath;

    fn from_str(text: &str) -> Result<Self, InvalidPath> {
        text.to_owned().try_into()
    }
}

impl From<ObjectPath> for String {
    fn from(path: ObjectPath) -> Self {
        path.0
    }
}

impl fmt::Display for ObjectPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ObjectPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}
