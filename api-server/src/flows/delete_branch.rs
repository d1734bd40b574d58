//! Deletes a branch.

use auth::{Action, Caller, Resource, authorize};
use graveler::Graveler;
use model::{BranchName, Command, DeleteBranch, RepositoryName};

use crate::Error;

/// Deletes a branch; the default branch stays. [`super::undelete_branch()`] brings it back as long as the reflog remembers
/// it, with its uncommitted changes for a few days.
pub async fn delete_branch(
    graveler: &Graveler,
    caller: &Caller,
    repository: &RepositoryName,
    branch: &BranchName,
) -> Result<(), Error> {
    authorize(caller, Action::DeleteBranch, &Resource::branch(repository, branch))?;
    let note = graveler.note(caller.committer(), "delete");
    let command = Command::DeleteBranch(DeleteBranch { repository: repository.clone(), branch: branch.clone(), note });
    Ok(graveler.meta().write(command).await?.done()?)
}
