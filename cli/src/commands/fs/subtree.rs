//! What `--recursive` takes of a path, the same for all commands: of `big`, the object of that very name and all under the
//! folder `big/`; of `big/`, all under it; of a ref alone, all. Owns the names in it and where they go.
//! Invariant: `bigger` is no part of `big`.

use anyhow::Result;
use futures::{Stream, StreamExt, TryStreamExt, stream};
use lakebed_sdk::{Code, CopyObjects, Lakebed, Object};

use super::listing;
use crate::exit::NotFound;
use crate::uri::PathUri;

/// The path as a folder: empty, or with a slash at its end.
pub(super) fn folder(uri: &PathUri) -> PathUri {
    match is_folder(&uri.path) {
        true => uri.clone(),
        false => uri.with_path(format!("{}/", uri.path)),
    }
}

/// Where an object goes: to a path, or into a folder under its own name.
pub(super) fn object_into(from: &str, to: &str) -> String {
    match is_folder(to) {
        true => format!("{to}{}", last(from)),
        false => to.to_owned(),
    }
}

/// What of a copy of one object the server is asked for.
pub(super) fn copy_of_object(from: &PathUri, to: &PathUri) -> CopyObjects {
    CopyObjects { from: from.path.clone(), to: object_into(&from.path, &to.path), recursive: false }
}

/// What of a recursive copy the server is asked for, but for the object of that very name.
pub(super) fn copy_of_folder(from: &PathUri, to: &PathUri) -> CopyObjects {
    CopyObjects { from: folder(from).path, to: folder(to).path, recursive: true }
}

/// The object of that very name, if a path can be one's and the caller may know of it.
pub(super) async fn object(lakebed: &Lakebed, uri: &PathUri) -> Result<Option<Object>> {
    if is_folder(&uri.path) {
        return Ok(None);
    }
    match listing::stat(lakebed, uri, &uri.object()?).await {
        Err(error) if error.code == Code::PermissionDenied => Ok(None),
        found => Ok(found?),
    }
}

/// All that `--recursive` takes.
pub(super) async fn objects(
    lakebed: &Lakebed,
    uri: &PathUri,
) -> Result<impl Stream<Item = Result<Object, lakebed_sdk::Error>> + use<>> {
    let object = object(lakebed, uri).await?;
    let under = listing::under(lakebed, &folder(uri)).map_ok(|(_, object)| object);
    Ok(stream::iter(object.map(Ok)).chain(under))
}

/// Nothing is there, which most likely is a typing error.
pub(super) fn nothing(done: &str, uri: &PathUri) -> anyhow::Error {
    let folder = folder(uri);
    NotFound(match folder == *uri {
        true => format!("nothing was {done}: no object's path begins with {uri}"),
        false => format!("nothing was {done}: there is no object {uri}, and none under {folder}"),
    })
    .into()
}

/// The last part of a path.
pub(super) fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

fn is_folder(path: &str) -> bool {
    path.is_empty() || path.ends_with('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(path: &str) -> PathUri {
        format!("lakebed://trips/main/{path}").parse().unwrap()
    }

    /// Where what a recursive copy takes of `from` goes under `to`; nowhere if it doesn't take it.
    fn destination(from: &PathUri, to: &PathUri, path: &str) -> Option<String> {
        let object = copy_of_object(from, to);
        if !is_folder(&from.path) && path == object.from {
            return Some(object.to);
        }
        let folder = copy_of_folder(from, to);
        let name = path.strip_prefix(folder.from.as_str())?;
        Some(format!("{}{name}", folder.to))
    }

    #[test]
    fn a_path_is_an_object_and_a_folder_and_never_the_beginning_of_a_name() {
        for (from, to, path, goes) in [
            ("big", "new", "big", Some("new")),
            ("big", "new", "big/x", Some("new/x")),
            ("big", "new", "big/x/y", Some("new/x/y")),
            ("big", "new", "bigger", None),
            ("big", "new", "bigger/x", None),
            ("big", "new", "big-x", None),
            ("big", "new", "a/big/x", None),
            ("big", "new/", "big", Some("new/big")),
            ("big", "new/", "big/x", Some("new/x")),
            ("big", "", "big", Some("big")),
            ("big", "", "big/x", Some("x")),
            ("big/", "new", "big", None),
            ("big/", "new", "big/x", Some("new/x")),
            ("big/", "new/", "big/x", Some("new/x")),
            ("big/", "new/", "bigger/x", None),
            // The empty objects that stand for folders, and names with nothing between two slashes.
            ("big", "new", "big/", Some("new/")),
            ("big/", "new", "big/", Some("new/")),
            ("big/", "new", "big//x", Some("new//x")),
            ("big//", "new", "big/x", None),
            ("a/big", "new", "a/big", Some("new")),
            ("a/big", "b/", "a/big", Some("b/big")),
            ("a/big", "b", "a/big/x", Some("b/x")),
            ("", "new", "x/y", Some("new/x/y")),
            ("", "", "x", Some("x")),
            ("", "new/", "/x", Some("new//x")),
        ] {
            assert_eq!(destination(&uri(from), &uri(to), path).as_deref(), goes, "{from:?} to {to:?}: {path:?}");
        }
    }

    #[test]
    fn a_folder_has_a_slash_at_its_end() {
        assert_eq!(["", "a", "a/", "a//", "a/b"].map(|path| folder(&uri(path)).path), ["", "a/", "a/", "a//", "a/b/"]);
    }

    #[test]
    fn what_isn_t_there_is_told_as_it_was_looked_for() {
        let told = |path| nothing("copied", &uri(path)).to_string();
        assert_eq!(told("a/"), "nothing was copied: no object's path begins with lakebed://trips/main/a/");
        assert!(
            told("a").ends_with("there is no object lakebed://trips/main/a, and none under lakebed://trips/main/a/")
        );
    }
}
