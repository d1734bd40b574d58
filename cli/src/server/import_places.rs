//! Warns at a server's start of places of `--import-allow`: of those that were imported from and that it doesn't have (reads
//! of what lies there fail, one by one, and only this says so before somebody reads), and of folders that aren't there.

use std::path::Path;

use api_server::flows::unreadable_imports;
use graveler::Graveler;

/// How many places are named, and how many repositories with each; more are only counted.
const NAMED_MAX: usize = 20;

/// Warns of folders that aren't there: mistyped, or not mounted yet, which is why a server starts all the same.
pub(super) fn warn_of_missing(import_allow: &[String]) {
    for url in import_allow {
        let Some(folder) = url.strip_prefix("file://") else { continue };
        let folder = folder.split_once('?').map_or(folder, |(folder, _)| folder);
        if !Path::new(folder).is_dir() {
            tracing::warn!(%url, "the folder of --import-allow isn't there: nothing can be imported or read from it");
        }
    }
}

/// Looks through all repositories, beside the serving.
pub(super) async fn warn_of_unreadable(graveler: Graveler) {
    let unreadable = match unreadable_imports(&graveler).await {
        Ok(unreadable) => unreadable,
        Err(error) => {
            tracing::warn!(%error, "whether imported objects may be read isn't known");
            return;
        }
    };
    for (place, repositories) in unreadable.iter().take(NAMED_MAX) {
        let named: Vec<_> = repositories.iter().take(NAMED_MAX).map(ToString::to_string).collect();
        let (named, more) = (named.join(", "), repositories.len().saturating_sub(NAMED_MAX));
        tracing::warn!(
            place,
            repositories = named,
            more,
            "objects were imported from a place that this server may not read, so that reads of them fail: \
             add --import-allow {place}"
        );
    }
    if unreadable.len() > NAMED_MAX {
        tracing::warn!(more = unreadable.len() - NAMED_MAX, "objects were imported from more such places");
    }
}
