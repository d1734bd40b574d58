//! Which conflicts of merges, rebases, reverts and cherry-picks a caller is told by their paths. Owns the rule.
//! Invariant: a conflict tells of no path that a listing of either side would keep from the caller; it counts all the same.

use auth::{Action, Caller, Resource, Through, is_allowed};
use graveler::NamedPaths;
use model::RepositoryName;

/// The paths that a caller may list on both sides.
pub(crate) fn paths_named_to(
    caller: &Caller,
    repository: &RepositoryName,
    source: impl Into<Through>,
    destination: impl Into<Through>,
) -> NamedPaths {
    let (caller, repository, sides) = (caller.clone(), repository.clone(), [source.into(), destination.into()]);
    NamedPaths::those(move |path| {
        sides
            .iter()
            .all(|side| is_allowed(&caller, Action::ListObjects, &Resource::listing(&repository, side.clone(), path)))
    })
}
