//! Deletes a branch.

use auth::{Action, Caller, Resource, authorize};
use graveler::Graveler;
use model::{BranchName, Command, RepositoryName};

use crate::Error;

/// Deletes a branch and its uncommitted changes; the default branch stays.
pub async fn delete_branch(
    graveler: &Graveler,
    caller: &Caller,
    repository: &RepositoryName,
    branch: &BranchName,
) -> Result<(), Error> {
    authorize(caller, Action::DeleteBranch, &Resource::branch(repository, branch))?;
    let command = Command::DeleteBranch { repository: repository.clone(), branch: branch.clone() };
    Ok(graveler.meta().write(command).await?.done()?)
}
