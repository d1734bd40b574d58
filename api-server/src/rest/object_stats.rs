//! An object as clients see it. Owns how its address is written: as a URL under its repository's namespace.

use std::collections::BTreeMap;

use model::{Address, Entry, Repository};
use serde::Serialize;
use utoipa::ToSchema;

/// What a path is.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PathType {
    /// Several objects' paths begin so.
    CommonPrefix,
    /// An object.
    Object,
}

/// An object, or a common prefix of several.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ObjectStats {
    path: String,
    path_type: PathType,
    /// Where its bytes lie; a pre-signed URL if that was asked for.
    pub(super) physical_address: String,
    /// When a pre-signed URL expires, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) physical_address_expiry: Option<i64>,
    /// Its ETag.
    checksum: String,
    size_bytes: u64,
    /// When it was written, in seconds since 1970.
    mtime: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) metadata: Option<BTreeMap<String, String>>,
    content_type: String,
}

impl ObjectStats {
    pub(super) fn new(repository: &Repository, path: impl Into<String>, entry: Entry) -> Self {
        Self {
            path: path.into(),
            path_type: PathType::Object,
            physical_address: physical_address(repository, &entry.address),
            physical_address_expiry: None,
            checksum: entry.e_tag,
            size_bytes: entry.size,
            mtime: super::seconds(entry.last_modified),
            metadata: Some(entry.metadata),
            content_type: entry.content_type,
        }
    }

    pub(super) fn common_prefix(prefix: String) -> Self {
        Self {
            path: prefix,
            path_type: PathType::CommonPrefix,
            physical_address: String::new(),
            physical_address_expiry: None,
            checksum: String::new(),
            size_bytes: 0,
            mtime: 0,
            metadata: None,
            content_type: String::new(),
        }
    }
}

/// The URL of an address.
pub(super) fn physical_address(repository: &Repository, address: &Address) -> String {
    match address {
        Address::Relative(path) => format!("{}/{path}", repository.namespace),
        Address::Full(url) => url.clone(),
    }
}
