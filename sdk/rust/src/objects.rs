//! Objects: found, listed, deleted. Bodies go through [`crate::Download`] and [`crate::Upload`].

use std::collections::BTreeMap;

use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use model::{BranchName, ObjectPath, RepositoryName, Timestamp};
use proto::api::{InvalidField, Reason, parse, time_from_wire, time_to_wire};
use proto::generated::api as wire;
use tonic::Streaming;
use wire::list_item::Item;

use crate::paging::{PAGE_ITEMS, Page, pages};
use crate::{Error, Lakebed};

/// How many paths one call may delete.
pub const DELETE_MAX: usize = 1000;

/// An object as a ref holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Its path.
    pub path: ObjectPath,
    /// Bytes.
    pub size: u64,
    /// S3's entity tag, without quotes.
    pub e_tag: String,
    /// The media type.
    pub content_type: String,
    /// When it was written.
    pub last_modified: Timestamp,
    /// User metadata, names in lower case.
    pub metadata: BTreeMap<String, String>,
    /// Other standard headers that a GET over S3 returns, names in lower case.
    pub headers: BTreeMap<String, String>,
    /// Where the bytes lie: under the repository's storage namespace, or a whole URL.
    pub physical_address: String,
}

impl TryFrom<wire::Object> for Object {
    type Error = InvalidField;

    fn try_from(object: wire::Object) -> Result<Self, InvalidField> {
        Ok(Self {
            path: parse("path", &object.path)?,
            size: object.size,
            e_tag: object.e_tag,
            content_type: object.content_type,
            last_modified: time_from_wire(object.last_modified),
            metadata: object.metadata,
            headers: object.headers,
            physical_address: object.physical_address,
        })
    }
}

/// One item of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListItem {
    /// An object.
    Object(Object),
    /// One or more objects whose paths begin so.
    CommonPrefix(String),
}

/// Which part of a listing.
#[derive(Debug, Clone, Default)]
pub struct ListOptions {
    /// Paths begin so.
    pub prefix: String,
    /// Paths that hold this text after the prefix are shown as one common prefix each; `/` lists one folder.
    pub delimiter: Option<String>,
    /// Begin after this path or common prefix.
    pub after: String,
}

/// A path that wasn't deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeleteFailure {
    /// Which.
    pub path: String,
    /// Why, to be matched.
    pub reason: Reason,
    /// Why, for people.
    pub message: String,
}

/// What to copy or move, and where to.
#[derive(Debug, Clone, Default)]
pub struct CopyObjects {
    /// A path, or a prefix if `recursive`.
    pub from: String,
    /// A path, or if `recursive` a prefix that takes the place of `from`.
    pub to: String,
    /// Everything whose path begins with `from`.
    pub recursive: bool,
}

/// What came of a move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moved {
    /// How many objects moved.
    pub moved: u64,
    /// How many others wrote anew meanwhile: what they wrote stays, and what was there before was copied.
    pub kept: u64,
}

/// An object, and where a copy or move would put it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Previewed {
    /// Where it is.
    pub from: ObjectPath,
    /// Where it would go.
    pub to: ObjectPath,
}

impl Lakebed {
    /// Finds an object; an unknown one is [`Reason::ObjectNotFound`].
    pub async fn stat(&self, repository: &RepositoryName, reference: &str, path: &ObjectPath) -> Result<Object, Error> {
        let (repository, path) = (repository.to_string(), path.to_string());
        let request = wire::StatObjectRequest { repository, r#ref: reference.to_owned(), path };
        Ok(self.objects().stat(request).await?.into_inner().try_into()?)
    }

    /// Lists objects and common prefixes in the order of their bytes.
    pub fn list_objects(
        &self,
        repository: &RepositoryName,
        reference: &str,
        options: ListOptions,
    ) -> BoxStream<'static, Result<ListItem, Error>> {
        let template = wire::ListObjectsRequest {
            repository: repository.to_string(),
            r#ref: reference.to_owned(),
            prefix: options.prefix,
            delimiter: options.delimiter.unwrap_or_default(),
            after: String::new(),
            amount: PAGE_ITEMS,
        };
        let lakebed = self.clone();
        pages(options.after, move |after| {
            let mut client = lakebed.objects();
            let request = wire::ListObjectsRequest { after, ..template.clone() };
            async move {
                let page = client.list(request).await?.into_inner();
                let items = page.items.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?;
                Ok(Page::new(items, page.more, page.next_after))
            }
        })
    }

    /// Deletes at most [`DELETE_MAX`] objects of a branch; says which of them it couldn't, and why. A path without an
    /// object is no failure.
    pub async fn delete_objects(
        &self,
        repository: &RepositoryName,
        branch: &BranchName,
        paths: &[ObjectPath],
    ) -> Result<Vec<DeleteFailure>, Error> {
        let request = wire::DeleteObjectsRequest {
            repository: repository.to_string(),
            branch: branch.to_string(),
            paths: paths.iter().map(ToString::to_string).collect(),
        };
        Ok(not_deleted(self.objects().delete(request).await?.into_inner()))
    }

    /// Deletes at most [`DELETE_MAX`] objects of a branch that were listed, each only if nobody wrote there since:
    /// otherwise it stays, and is a failure with [`Reason::PreconditionFailed`]. One that is gone already is no failure.
    /// A server that can't do that refuses the call, with no objects too.
    pub async fn delete_listed(
        &self,
        repository: &RepositoryName,
        branch: &BranchName,
        objects: &[Object],
    ) -> Result<Vec<DeleteFailure>, Error> {
        let listed = |object: &Object| wire::ListedObject {
            path: object.path.to_string(),
            e_tag: object.e_tag.clone(),
            last_modified: Some(time_to_wire(object.last_modified)),
        };
        let request = wire::DeleteListedObjectsRequest {
            repository: repository.to_string(),
            branch: branch.to_string(),
            objects: objects.iter().map(listed).collect(),
        };
        Ok(not_deleted(self.objects().delete_listed(request).await?.into_inner()))
    }

    /// Copies an object, or all under a prefix, from a ref onto a branch of the same repository; no byte is copied.
    /// Tells how many. If a large copy fails midway, its beginning stays; the same call again does the rest.
    pub async fn copy_objects(
        &self,
        repository: &RepositoryName,
        source: &str,
        branch: &BranchName,
        copy: CopyObjects,
    ) -> Result<u64, Error> {
        Ok(self.objects().copy(copy.into_copy(repository, source, branch)).await?.into_inner().copied)
    }

    /// Tells what [`Lakebed::copy_objects`] would copy, or refuses what it would refuse; changes nothing.
    pub async fn preview_copy(
        &self,
        repository: &RepositoryName,
        source: &str,
        branch: &BranchName,
        copy: CopyObjects,
    ) -> Result<BoxStream<'static, Result<Previewed, Error>>, Error> {
        Ok(previewed(self.objects().preview_copy(copy.into_copy(repository, source, branch)).await?.into_inner()))
    }

    /// Moves an object, or all under a prefix, within a branch; no byte is copied, and nobody sees an object at
    /// neither path. If a large move fails midway, its beginning stays; the same call again does the rest.
    pub async fn move_objects(
        &self,
        repository: &RepositoryName,
        branch: &BranchName,
        moved: CopyObjects,
    ) -> Result<Moved, Error> {
        let request = moved.into_move(repository, branch);
        let wire::MoveObjectsResponse { moved, kept } = self.objects().r#move(request).await?.into_inner();
        Ok(Moved { moved, kept })
    }

    /// Tells what [`Lakebed::move_objects`] would move, or refuses what it would refuse; changes nothing.
    pub async fn preview_move(
        &self,
        repository: &RepositoryName,
        branch: &BranchName,
        moved: CopyObjects,
    ) -> Result<BoxStream<'static, Result<Previewed, Error>>, Error> {
        Ok(previewed(self.objects().preview_move(moved.into_move(repository, branch)).await?.into_inner()))
    }
}

impl CopyObjects {
    fn into_copy(self, repository: &RepositoryName, source: &str, branch: &BranchName) -> wire::CopyObjectsRequest {
        let Self { from, to, recursive } = self;
        let (repository, source, branch) = (repository.to_string(), source.to_owned(), branch.to_string());
        wire::CopyObjectsRequest { repository, source, from, branch, to, recursive }
    }

    fn into_move(self, repository: &RepositoryName, branch: &BranchName) -> wire::MoveObjectsRequest {
        let Self { from, to, recursive } = self;
        let (repository, branch) = (repository.to_string(), branch.to_string());
        wire::MoveObjectsRequest { repository, branch, from, to, recursive }
    }
}

fn not_deleted(answer: wire::DeleteObjectsResponse) -> Vec<DeleteFailure> {
    answer.failures.into_iter().map(Into::into).collect()
}

fn previewed(pages: Streaming<wire::PreviewObjectsResponse>) -> BoxStream<'static, Result<Previewed, Error>> {
    let items = |page: wire::PreviewObjectsResponse| stream::iter(page.objects.into_iter().map(Previewed::try_from));
    pages.map_err(Error::from).map_ok(move |page| items(page).map_err(Error::from)).try_flatten().boxed()
}

impl TryFrom<wire::PreviewedObject> for Previewed {
    type Error = InvalidField;

    fn try_from(object: wire::PreviewedObject) -> Result<Self, InvalidField> {
        Ok(Self { from: parse("from", &object.from)?, to: parse("to", &object.to)? })
    }
}

impl TryFrom<wire::ListItem> for ListItem {
    type Error = InvalidField;

    fn try_from(item: wire::ListItem) -> Result<Self, InvalidField> {
        match item.item {
            Some(Item::Object(object)) => Ok(Self::Object(object.try_into()?)),
            Some(Item::CommonPrefix(prefix)) => Ok(Self::CommonPrefix(prefix)),
            None => Err(InvalidField::new("item", "missing")),
        }
    }
}

impl From<wire::DeleteFailure> for DeleteFailure {
    fn from(failure: wire::DeleteFailure) -> Self {
        let Ok(reason) = failure.reason.parse();
        Self { path: failure.path, reason, message: failure.message }
    }
}
