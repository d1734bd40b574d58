//! Drops uncommitted changes of a branch.

use auth::{Action, Caller, Resource, authorize};
use graveler::Graveler;
use model::{Branch, BranchName, Command, RepositoryName, Unstage, UnstageScope};

use crate::Error;

/// Drops the uncommitted changes of a scope; what is committed shows again.
pub async fn reset_branch(
    graveler: &Graveler,
    caller: &Caller,
    repository: &RepositoryName,
    branch: &BranchName,
    scope: UnstageScope,
) -> Result<Branch, Error> {
    authorize(caller, Action::RevertBranch, &Resource::branch(repository, branch))?;
    let command = Command::Unstage(Unstage { repository: repository.clone(), branch: branch.clone(), scope });
    Ok(graveler.meta().write(command).await?.branch()?)
}
