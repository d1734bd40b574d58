//! The objects under a prefix, as uploads and downloads compare them with files.

use std::collections::BTreeMap;

use anyhow::Result;
use futures::{StreamExt, TryStreamExt, stream};
use lakebed_sdk::{Code, Lakebed, ListItem, ListOptions, Object, ObjectPath};

use crate::output::warn;
use crate::uri::PathUri;

/// Up to so many objects are asked for one by one, rather than by a listing of all that is under a prefix.
const STATS_MAX: usize = 64;

/// All objects whose paths begin as the URI's, by the part of their paths from `start` on.
pub(super) async fn objects(lakebed: &Lakebed, uri: &PathUri, start: usize) -> Result<BTreeMap<String, Object>> {
    let options = ListOptions { prefix: uri.path.clone(), ..ListOptions::default() };
    let mut items = lakebed.list_objects(&uri.repository, &uri.reference, options);
    let mut found = BTreeMap::new();
    while let Some(item) = items.try_next().await? {
        if let ListItem::Object(object) = item {
            found.insert(object.path.as_str()[start..].to_owned(), object);
        }
    }
    Ok(found)
}

/// The objects under a folder that have these names, and perhaps others; none if the caller may not see them, for who may
/// only write goes on writing.
pub(super) async fn named(
    lakebed: &Lakebed,
    folder: &PathUri,
    names: Vec<String>,
    jobs: usize,
) -> Result<BTreeMap<String, Object>> {
    let found = if names.len() > STATS_MAX {
        objects(lakebed, folder, folder.path.len()).await
    } else {
        let stats = stream::iter(names).map(async |name| {
            let path: ObjectPath = format!("{}{name}", folder.path).parse()?;
            anyhow::Ok(stat(lakebed, folder, &path).await?.map(|object| (name, object)))
        });
        stats.buffer_unordered(jobs).try_filter_map(async |found| Ok(found)).try_collect().await
    };
    found.or_else(|error| match code(&error) {
        Some(Code::PermissionDenied) => {
            warn(&format!("can't see what is there already, so that everything is sent: {error}"));
            Ok(BTreeMap::new())
        }
        // The upload says what isn't there: the repository, or the branch.
        Some(Code::NotFound) => Ok(BTreeMap::new()),
        _ => Err(error),
    })
}

async fn stat(lakebed: &Lakebed, folder: &PathUri, path: &ObjectPath) -> Result<Option<Object>> {
    match lakebed.stat(&folder.repository, &folder.reference, path).await {
        Ok(object) => Ok(Some(object)),
        Err(error) if error.code == Code::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn code(error: &anyhow::Error) -> Option<Code> {
    error.downcast_ref::<lakebed_sdk::Error>().map(|error| error.code)
}

/// Returns whether an object stands for a folder: the empty objects that some S3 clients write.
pub(super) fn is_folder_marker(name: &str, object: &Object) -> bool {
    object.size == 0 && (name.is_empty() || name.ends_with('/'))
}
