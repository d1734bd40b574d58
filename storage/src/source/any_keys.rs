//! Lists the objects of a bucket under keys that `object_store`'s own listing refuses, such as `a//b`: page by page, in the
//! order of keys. Owns which of those keys can be read; leaves the request to [`Presigned`].
//! Invariant: an object that is listed is read at the address that it is listed with.

use std::future::ready;

use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use object_store::ObjectMeta;
use object_store::path::{Path, PathPart};

use crate::StorageError;
use crate::listed_page::ListedObject;
use crate::local::Found;
use crate::sources::Site;

/// What comes after all keys that begin with a folder's name and a slash.
const LAST_CHARACTER: char = char::MAX;

/// Lists all that begins with a folder's name and a slash, after the location `after`; with a slash at its end, after all
/// that begins so.
pub(super) fn list(site: &Site, prefix: String, after: String) -> BoxStream<'static, Result<Found, StorageError>> {
    let Some(presigned) = site.presigned.clone() else { return stream::empty().boxed() };
    let (site, start) = (site.clone(), start_after(&after));
    let pages = stream::try_unfold(Some(None), move |token: Option<Option<String>>| {
        let (presigned, prefix, start) = (presigned.clone(), prefix.clone(), start.clone());
        let shown = site.url(&prefix);
        async move {
            let Some(token) = token else { return Ok::<_, StorageError>(None) };
            let page = presigned.list(&shown, &prefix, &start, token.as_deref()).await?;
            let next = page.next.map(Some);
            Ok(Some((stream::iter(page.objects.into_iter().map(Ok)), next)))
        }
    });
    let is_behind = move |key: &str| key > after.as_str() && !(after.ends_with('/') && key.starts_with(&after));
    // An empty object whose key ends with a slash is the marker of a folder.
    let is_listed =
        move |object: &ListedObject| is_behind(&object.key) && !(object.size == 0 && object.key.ends_with('/'));
    pages.try_flatten().try_filter_map(move |object| ready(Ok(is_listed(&object).then(|| found(object))))).boxed()
}

fn start_after(after: &str) -> String {
    if after.ends_with('/') { format!("{after}{LAST_CHARACTER}") } else { after.to_owned() }
}

fn found(object: ListedObject) -> Found {
    let ListedObject { key, size, e_tag, last_modified } = object;
    match path(&key) {
        _ if key.ends_with('/') => Found::Unusable { location: key, why: "its key ends with a slash" },
        Some(location) => {
            Found::Object(ObjectMeta { location, last_modified, size, e_tag: Some(e_tag), version: None })
        }
        None => Found::Unusable {
            location: key,
            why: "its key begins with a slash, or has a character or part that no address can have",
        },
    }
}

/// A key as a path whose requests ask for just that key; none if there is no such path.
pub(crate) fn path(key: &str) -> Option<Path> {
    let parts = key.split('/').map(PathPart::parse);
    let joined = parts.into_iter().try_fold(Path::default(), |path, part| Some(path.join(part.ok()?)));
    joined.filter(|path| path.as_ref() == key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_the_key_or_there_is_none() {
        for key in ["a", "a//b", "a///b/c%2F", "é/ ", "a/"] {
            assert_eq!(path(key).unwrap().as_ref(), key);
        }
        for key in ["/a", "//a", "a/../b", "a/./b", "a\n"] {
            assert!(path(key).is_none(), "{key:?}");
        }
    }

    #[test]
    fn a_folder_that_is_listed_already_is_passed_over() {
        assert!(start_after("a/d/").as_str() > "a/d/\u{ffff}z");
        assert!(start_after("a/d/").as_str() < "a/d0");
        assert_eq!(start_after("a/d"), "a/d");
    }
}
