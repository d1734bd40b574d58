//! Lists a ref's objects in the order of their paths.

use model::{Entry, ObjectPath, RepositoryName};

use crate::{Error, Graveler, RefExpr};

/// Which part of a listing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListRequest {
    /// Paths begin so.
    pub prefix: String,
    /// Paths that hold this text behind the prefix are shown as one common prefix each, which ends with it.
    pub delimiter: Option<String>,
    /// Items behind this one: an object's path, or a common prefix, whose paths are then all skipped.
    pub after: String,
    /// How many items at most; more than [`model::PAGE_MAX`] is taken as that.
    pub amount: usize,
}

/// One item of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "nearly all items are objects; a box would cost each an allocation")]
pub enum ListItem {
    /// An object.
    Object(ObjectPath, Entry),
    /// One or more objects whose paths begin so.
    CommonPrefix(String),
}

/// One page of a listing, by bytes, objects and common prefixes interleaved as S3 does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// In order.
    pub items: Vec<ListItem>,
    /// Whether more come behind the last item.
    pub more: bool,
}

impl Graveler {
    /// Lists a page of a ref's objects. A branch's view has what is staged over what is committed.
    pub async fn list(
        &self,
        repository: &RepositoryName,
        expr: &RefExpr,
        request: &ListRequest,
    ) -> Result<Listing, Error> {
        let _ = (repository, expr, request);
        todo!()
    }
}
