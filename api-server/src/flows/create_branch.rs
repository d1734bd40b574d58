//! Makes a branch. Invariant: its cost doesn't depend on the repository: a source that is a branch's or a tag's name
//! takes one lookup and one replicated command, and no request to the object store.

use auth::{Action, Caller, Resource, authorize};
use graveler::{Graveler, RefExpr};
use model::{Branch, BranchName, Command, RepositoryName, RequestId};

use crate::Error;

/// Makes a branch at the commit that `source` names. A source branch's uncommitted changes aren't taken along.
pub async fn create_branch(
    graveler: &Graveler,
    caller: &Caller,
    request: RequestId,
    repository: &RepositoryName,
    branch: &BranchName,
    source: &RefExpr,
) -> Result<Branch, Error> {
    authorize(caller, Action::ReadBranch, &Resource::Branch(repository.clone(), source.base().clone()))?;
    authorize(caller, Action::CreateBranch, &Resource::branch(repository, branch))?;
    let commit = graveler.resolve_now(repository, source).await?.commit;
    let (repository, branch) = (repository.clone(), branch.clone());
    let note = graveler.note(caller.committer(), &format!("create: from {source}"));
    let command = Command::CreateBranch { request, repository, branch, commit, note };
    Ok(graveler.meta().write(command).await?.branch()?)
}
