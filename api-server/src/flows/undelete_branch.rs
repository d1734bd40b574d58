//! Brings a deleted branch back.

use auth::{Action, Caller, Resource, authorize};
use graveler::Graveler;
use model::{BranchName, Command, RepositoryName, RequestId, UndeleteBranch, Undeleted};

use crate::Error;

/// Brings back the branch that was deleted last under a name, at the head that it had, with its uncommitted changes if
/// they are still kept. A name that is in use again is refused: then a new branch can be made at `name@{1}` and the like.
pub async fn undelete_branch(
    graveler: &Graveler,
    caller: &Caller,
    request: RequestId,
    repository: &RepositoryName,
    branch: &BranchName,
) -> Result<Undeleted, Error> {
    authorize(caller, Action::ReadBranch, &Resource::branch(repository, branch))?;
    authorize(caller, Action::CreateBranch, &Resource::branch(repository, branch))?;
    let note = graveler.note(caller.committer(), "undelete");
    let (repository, branch) = (repository.clone(), branch.clone());
    let command = Command::UndeleteBranch(UndeleteBranch { request, repository, branch, note });
    Ok(graveler.meta().write(command).await?.undeleted()?)
}
