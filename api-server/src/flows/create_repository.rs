//! Makes a repository.

use auth::{Action, Caller, Resource, authorize};
use graveler::Graveler;
use model::{BranchName, Repository, RepositoryName, RequestId, StorageNamespace};

use crate::Error;

/// What to make.
#[derive(Debug, Clone)]
pub struct CreateRepositoryRequest {
    /// By which a retry finds its own repository.
    pub request: RequestId,
    /// Its name.
    pub name: RepositoryName,
    /// Where it lives; `None` leaves the choice to the server.
    pub namespace: Option<StorageNamespace>,
    /// Its first branch.
    pub default_branch: BranchName,
}

/// Makes a repository with one branch and an empty first commit.
///
/// A caller who names a storage namespace must be allowed that too: it may hold what others wrote.
pub async fn create_repository(
    graveler: &Graveler,
    caller: &Caller,
    request: &CreateRepositoryRequest,
) -> Result<Repository, Error> {
    authorize(caller, Action::CreateRepository, &Resource::Repository(request.name.clone()))?;
    if let Some(namespace) = &request.namespace {
        authorize(caller, Action::AttachStorageNamespace, &Resource::Namespace(namespace.clone()))?;
    }
    let CreateRepositoryRequest { request, name, namespace, default_branch } = request;
    let made =
        graveler.create_repository(*request, name, namespace.as_ref(), default_branch, caller.committer()).await?;
    tracing::info!(repository = %made.name, namespace = %made.namespace, user = %caller.user.name, "repository made");
    Ok(made)
}
