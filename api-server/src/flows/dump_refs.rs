//! Writes a repository's refs and commits down in its namespace, and makes refs anew from what was written down.
//! Invariant: only who may see all refs dumps them, and only who may make any ref restores them.

use auth::{Action, Caller, Resource, authorize};
use graveler::{Graveler, Progress, RefsDump, Restored};
use model::{RepositoryName, RequestId};

use crate::Error;

/// Dumps a repository's refs; what is uncommitted isn't in a dump.
pub async fn dump_refs(
    graveler: &Graveler,
    caller: &Caller,
    repository: &RepositoryName,
    progress: &Progress,
) -> Result<RefsDump, Error> {
    may_dump_refs(caller, repository)?;
    let dump = graveler.dump_refs(repository, progress).await?;
    tracing::info!(%repository, commits = progress.objects(), user = %caller.user.name, "refs dumped");
    Ok(dump)
}

/// Makes a dump's refs in a repository that has no others.
pub async fn restore_refs(
    graveler: &Graveler,
    caller: &Caller,
    repository: &RepositoryName,
    dump: &RefsDump,
    request: RequestId,
    progress: &Progress,
) -> Result<Restored, Error> {
    may_restore_refs(caller, repository)?;
    graveler.meta().repository(repository).await?.writable()?;
    let restored = graveler.restore_refs(repository, dump, request, caller.committer(), progress).await?;
    let Restored { commits, branches, tags } = restored;
    tracing::info!(%repository, commits, branches, tags, user = %caller.user.name, "refs restored");
    Ok(restored)
}

/// Whether the caller may dump a repository's refs.
pub(crate) fn may_dump_refs(caller: &Caller, repository: &RepositoryName) -> Result<(), Error> {
    may_all(caller, repository, &[Action::ListBranches, Action::ListTags, Action::ListCommits])
}

/// Whether the caller may make any ref of a repository.
pub(crate) fn may_restore_refs(caller: &Caller, repository: &RepositoryName) -> Result<(), Error> {
    may_all(caller, repository, &[Action::CreateBranch, Action::CreateTag, Action::CreateCommit])
}

fn may_all(caller: &Caller, repository: &RepositoryName, actions: &[Action]) -> Result<(), Error> {
    let resource = Resource::Repository(repository.clone());
    Ok(actions.iter().try_for_each(|action| authorize(caller, *action, &resource))?)
}
