//! What a copy's object is: what the request says, and what it takes over from its source. Invariant: a directive that
//! isn't known is refused before the source is looked up.

use std::collections::BTreeMap;

use http::HeaderMap;
use model::{Entry, ObjectTags};

use crate::error_table::Failure;
use crate::object_headers::{Described, STORAGE_CLASS};
use crate::object_tags;
use crate::protocol::{S3Error, headers};

/// The headers that no copy takes over: without them it has S3's defaults.
const NEVER_COPIED: [&str; 2] = [STORAGE_CLASS, "x-amz-website-redirect-location"];

/// What the request of a copy says of the new object.
pub(crate) struct CopyDescription {
    /// Media type, metadata and headers, if they are replaced.
    replaced: Option<Described>,
    /// The tags, if they are replaced.
    tags: Option<ObjectTags>,
    /// Those of [`NEVER_COPIED`] that the request has.
    own: BTreeMap<String, String>,
}

impl CopyDescription {
    /// Reads what a copy says.
    ///
    /// # Errors
    /// InvalidArgument for directives that aren't known, and those of a write where it replaces something.
    pub(crate) fn of(request: &HeaderMap) -> Result<Self, S3Error> {
        let replaced = match replaces(request, "x-amz-metadata-directive", "Unknown metadata directive.")? {
            true => Some(Described::of_write(request)?),
            false => None,
        };
        let tags = match replaces(request, "x-amz-tagging-directive", "Unknown tagging directive.")? {
            true => Some(object_tags::of_write(request)?),
            false => None,
        };
        let mut own = headers::kept_headers(request)?;
        own.retain(|name, _| NEVER_COPIED.contains(&name.as_str()));
        Ok(Self { replaced, tags, own })
    }

    /// Returns whether a copy of an object onto itself would change anything that S3 lets it change. Tags aren't among it.
    pub(crate) fn changes_something(&self) -> bool {
        self.replaced.is_some() || !self.own.is_empty()
    }

    /// What the copy of a source is.
    pub(crate) fn of_source(self, source: &Entry) -> Result<Described, Failure> {
        let mut described = self.replaced.unwrap_or_else(|| Described::of_entry(source));
        described.headers.retain(|name, _| !NEVER_COPIED.contains(&name.as_str()));
        described.headers.extend(self.own);
        let tags = self.tags.map_or_else(|| object_tags::of_entry(source), Ok)?;
        tags.keep_in(&mut described.metadata);
        Ok(described)
    }
}

fn replaces(request: &HeaderMap, name: &str, why: &str) -> Result<bool, S3Error> {
    match headers::single(request, name)? {
        None | Some("COPY") => Ok(false),
        Some("REPLACE") => Ok(true),
        Some(other) => Err(S3Error::invalid_argument(name, other, why)),
    }
}
