//! The objects in a folder, as uploads and downloads compare them with files.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use futures::{Stream, StreamExt, TryStreamExt, future, stream};
use lakebed_sdk::{Code, Lakebed, ListItem, ListOptions, Object, ObjectPath, Reason};

use crate::exit;
use crate::output::warn;
use crate::uri::PathUri;

/// Up to so many objects are asked for one by one, rather than by a listing of all that is under a prefix.
const STATS_MAX: usize = 64;

/// All objects in a folder, by their names in it.
pub(super) async fn objects(lakebed: &Lakebed, folder: &PathUri) -> Result<BTreeMap<String, Object>> {
    Ok(under(lakebed, folder).try_collect().await?)
}

/// The objects under a folder that have these names; none if the caller may not see them, for who may only write goes on
/// writing.
pub(super) async fn named(
    lakebed: &Lakebed,
    folder: &PathUri,
    names: BTreeSet<String>,
    jobs: usize,
) -> Result<BTreeMap<String, Object>> {
    let found: Result<_> = if names.len() > STATS_MAX {
        let last = names.last();
        let listed = under(lakebed, folder);
        let listed = listed.try_take_while(|(name, _)| future::ready(Ok(Some(name) <= last)));
        let wanted = listed.try_filter(|(name, _)| future::ready(names.contains(name)));
        wanted.try_collect().await.map_err(Into::into)
    } else {
        let stats = stream::iter(&names).map(async |name| {
            let path: ObjectPath = format!("{}{name}", folder.path).parse()?;
            anyhow::Ok(stat(lakebed, folder, &path).await?.map(|object| (name.clone(), object)))
        });
        stats.buffer_unordered(jobs).try_filter_map(async |found| Ok(found)).try_collect().await
    };
    found.or_else(|error| match code(&error) {
        Some(Code::PermissionDenied) => {
            warn(&format!("can't see what is there already, so that everything is sent: {}", exit::text(&error)));
            Ok(BTreeMap::new())
        }
        _ => Err(error),
    })
}

/// The objects in a folder with their names in it, in the order of these.
pub(super) fn under(
    lakebed: &Lakebed,
    folder: &PathUri,
) -> impl Stream<Item = Result<(String, Object), lakebed_sdk::Error>> + use<> {
    let options = ListOptions { prefix: folder.path.clone(), ..ListOptions::default() };
    let items = lakebed.list_objects(&folder.repository, &folder.reference, options);
    let start = folder.path.len();
    items.try_filter_map(move |item| {
        future::ready(Ok(match item {
            ListItem::Object(object) => Some((object.path.as_str()[start..].to_owned(), object)),
            ListItem::CommonPrefix(_) => None,
        }))
    })
}

/// An object of the same ref as the URI, if it is there. That ref or repository aren't there is an error.
pub(super) async fn stat(
    lakebed: &Lakebed,
    on: &PathUri,
    path: &ObjectPath,
) -> Result<Option<Object>, lakebed_sdk::Error> {
    match lakebed.stat(&on.repository, &on.reference, path).await {
        Ok(object) => Ok(Some(object)),
        Err(error) if error.reason == Reason::ObjectNotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn code(error: &anyhow::Error) -> Option<Code> {
    error.downcast_ref::<lakebed_sdk::Error>().map(|error| error.code)
}

/// Returns whether an object stands for a folder: the empty objects that some S3 clients write.
pub(super) fn is_folder_marker(name: &str, object: &Object) -> bool {
    object.size == 0 && (name.is_empty() || name.ends_with('/'))
}
