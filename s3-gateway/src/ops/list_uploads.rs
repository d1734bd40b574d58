//! ListMultipartUploads. Owns the order of uploads over branches; leaves each branch's to the metadata service.
//! Invariant: a page ends after its last upload or common prefix, and the next one goes on there.

use std::collections::BTreeSet;

use auth::HiddenPaths;
use axum::body::Body;
use http::Response;
use model::{BranchName, MetaError, ObjectPath, PATH_BYTES_MAX, Refusal, RepositoryName, Upload, UploadId};

use super::listing;
use crate::call::{self, Call};
use crate::checksum_model::{shown_algorithm, shown_kind};
use crate::error_table::Failure;
use crate::object_headers::storage_class;
use crate::protocol::S3Error;
use crate::protocol::operation::ListUploads;
use crate::protocol::xml::write::{self, UploadSummary};
use crate::ref_names::{Ref, RefsWanted, ref_names};

/// How many refs one page looks into.
const REFS_PER_PAGE_MAX: usize = 100;

/// A page being made.
#[derive(Default)]
struct Page {
    uploads: Vec<(String, Upload)>,
    prefixes: BTreeSet<String>,
    /// What to go on after, were the page full now.
    last: Option<(String, String)>,
    next: Option<(String, String)>,
}

impl Page {
    /// Adds an upload, or the common prefix that it is under; if the page is full, notes where the next one begins.
    fn add(&mut self, key: String, upload: Upload, list: &ListUploads) {
        let common = common_prefix(&key, list);
        // The page before may have ended with this common prefix.
        if common.as_ref().is_some_and(|c| self.prefixes.contains(c) || list.key_marker.starts_with(c)) {
            return;
        }
        if self.uploads.len() + self.prefixes.len() == list.max_uploads as usize {
            self.next = self.last.take();
            return;
        }
        match common {
            Some(common) => {
                // Behind all that is under it.
                self.last = Some((format!("{common}\u{10ffff}"), String::new()));
                self.prefixes.insert(common);
            }
            None => {
                self.last = Some((key.clone(), upload.id.to_string()));
                self.uploads.push((key, upload));
            }
        }
    }
}

/// `GET /bucket?uploads`.
pub(crate) async fn list_uploads(call: &Call<'_>, bucket: &str, list: &ListUploads) -> Result<Response<Body>, Failure> {
    let name = call::repository_name(bucket)?;
    listing::authorize(call, &name, &list.prefix)?;
    call.graveler.meta().repository(&name).await?;
    let after_id = list.upload_id_marker.as_deref().filter(|id| !id.is_empty()).map(upload_id).transpose()?;
    let mut page = Page::default();
    if list.max_uploads > 0 {
        fill(call, &name, list, after_id, &mut page).await?;
    }
    let Page { uploads, prefixes, next, .. } = page;
    listing::refuse_unwritable(uploads.iter().map(|(key, _)| key).chain(&prefixes), list.encoding_url)?;
    Ok(call::xml(write::list_uploads(&write::ListUploadsAnswer {
        bucket: bucket.to_owned(),
        prefix: list.prefix.clone(),
        delimiter: list.delimiter.clone(),
        key_marker: list.key_marker.clone(),
        upload_id_marker: list.upload_id_marker.clone(),
        is_truncated: next.is_some(),
        next,
        max_uploads: list.max_uploads,
        encoding_url: list.encoding_url,
        uploads: uploads.into_iter().map(|(key, upload)| summary(call, key, &upload)).collect(),
        common_prefixes: prefixes.into_iter().collect(),
    })))
}

/// Fills a page from the one branch that the prefix names, or from all, branch by branch.
async fn fill(
    call: &Call<'_>,
    name: &RepositoryName,
    list: &ListUploads,
    after_id: Option<UploadId>,
    page: &mut Page,
) -> Result<(), Failure> {
    if let Some((reference, _)) = list.prefix.split_once('/') {
        return match reference.parse() {
            Ok(branch) => add_branch(call, name, &branch, list, after_id, page).await,
            Err(_) => Ok(()),
        };
    }
    let (prefix, after) = (list.prefix.as_str(), list.key_marker.as_str());
    let shows = |found: &Ref| listing::shows(call, name, found);
    let refs = RefsWanted { prefix, after, amount: REFS_PER_PAGE_MAX, shows: &shows };
    let found = ref_names(call.graveler.meta(), name, refs).await?;
    let begun = listing::begun(call, name, prefix, after).await?.filter(&shows);
    for reference in begun.into_iter().chain(found.refs) {
        if let Ref::Branch(branch) = reference {
            add_branch(call, name, &branch, list, after_id, page).await?;
        }
        if page.next.is_some() {
            return Ok(());
        }
    }
    page.next = found.next.map(|last| (listing::behind_ref(last), String::new()));
    Ok(())
}

/// Adds a branch's uploads until the page is full. A branch that isn't there adds nothing.
async fn add_branch(
    call: &Call<'_>,
    name: &RepositoryName,
    branch: &BranchName,
    list: &ListUploads,
    after_id: Option<UploadId>,
    page: &mut Page,
) -> Result<(), Failure> {
    let folder = format!("{branch}/");
    let prefix = list.prefix.strip_prefix(folder.as_str()).unwrap_or_default().to_owned();
    let mut after = match list.key_marker.strip_prefix(folder.as_str()) {
        Some(path) => bounded(path).map(|path| (path, after_id.unwrap_or(UploadId(u64::MAX)))),
        None if list.key_marker.as_str() < folder.as_str() => None,
        None => return Ok(()),
    };
    let hidden = HiddenPaths::new(call.caller, name, branch);
    loop {
        let (repository, branch, prefix) = (name.clone(), branch.clone(), prefix.clone());
        let query = model::ListUploads { repository, branch, prefix, after, amount: list.max_uploads as usize };
        let found = match call.graveler.meta().ask(query).await {
            Err(MetaError::Refused(Refusal::BranchNotFound(_) | Refusal::TagIsNoBranch(_))) => return Ok(()),
            found => found?,
        };
        after = found.items.last().map(|upload| (upload.new.path.clone(), upload.id));
        for upload in found.items.into_iter().filter(|upload| !hidden.has(upload.new.path.as_str())) {
            page.add(format!("{folder}{}", upload.new.path), upload, list);
            if page.next.is_some() {
                return Ok(());
            }
        }
        if !found.more || after.is_none() {
            return Ok(());
        }
    }
}

/// A marker's path, cut to what a path can have; `None` if it is empty, which is before all paths.
fn bounded(path: &str) -> Option<ObjectPath> {
    path[..path.floor_char_boundary(PATH_BYTES_MAX)].parse().ok()
}

fn common_prefix(key: &str, list: &ListUploads) -> Option<String> {
    let delimiter = list.delimiter.as_deref()?;
    let rest = key.strip_prefix(list.prefix.as_str())?;
    let end = rest.find(delimiter)? + delimiter.len();
    Some(key[..list.prefix.len() + end].to_owned())
}

fn summary(call: &Call<'_>, key: String, upload: &Upload) -> UploadSummary {
    UploadSummary {
        key,
        upload_id: upload.id.to_string(),
        initiated: upload.created_at.to_datetime(),
        owner: call.owner(),
        storage_class: storage_class(&upload.new.headers),
        checksum: upload.new.checksum.map(|(algorithm, kind)| (shown_algorithm(algorithm), shown_kind(kind))),
    }
}

fn upload_id(text: &str) -> Result<UploadId, S3Error> {
    text.parse().map_err(|_| S3Error::invalid_argument("upload-id-marker", text, "Invalid uploadId marker"))
}
