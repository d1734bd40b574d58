//! Makes a branch. Invariant: its cost doesn't depend on the repository: a source that is a branch's or a tag's name
//! takes one lookup and one replicated command, and no request to the object store.

use auth::{Action, Caller, Resource, authorize};
use graveler::{Graveler, RefExpr};
use model::{Branch, BranchName, Command, CreateBranch, RepositoryName, RequestId};

use crate::Error;

/// What to make.
#[derive(Debug, Clone)]
pub struct CreateBranchRequest {
    /// By which a retry finds its own branch.
    pub request: RequestId,
    /// Where.
    pub repository: RepositoryName,
    /// Its name.
    pub branch: BranchName,
    /// Where it begins.
    pub source: RefExpr,
    /// Whether lists leave it out.
    pub hidden: bool,
}

/// Makes a branch at the commit that `source` names. A source branch's uncommitted changes aren't taken along.
pub async fn create_branch(
    graveler: &Graveler,
    caller: &Caller,
    request: CreateBranchRequest,
) -> Result<Branch, Error> {
    let CreateBranchRequest { request, repository, branch, source, hidden } = request;
    authorize(caller, Action::ReadBranch, &Resource::branch(&repository, source.base()))?;
    authorize(caller, Action::CreateBranch, &Resource::branch(&repository, &branch))?;
    let commit = graveler.resolve_now(&repository, &source).await?.commit;
    let note = graveler.note(caller.committer(), &format!("create: from {source}"));
    let command = Command::CreateBranch(CreateBranch { request, repository, branch, commit, hidden, note });
    Ok(graveler.meta().write(command).await?.branch()?)
}
