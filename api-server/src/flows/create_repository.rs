//! Makes a repository.

use auth::{Action, Caller, Resource, authorize};
use model::{BranchName, Repository, RepositoryName, RequestId, StorageNamespace};
use proto::api::InvalidField;

use super::add_sample_data::{add_sample_data, may_add_sample_data};
use crate::Error;
use crate::commit_queue::CommitQueues;

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
    /// Whether to make no branch: its refs are to be restored.
    pub bare: bool,
    /// Whether its second commit brings a small data set.
    pub sample_data: bool,
}

/// Makes a repository with one branch and an empty first commit, or a bare one.
///
/// A caller who names a storage namespace must be allowed that too: it may hold what others wrote.
pub async fn create_repository(
    queues: &CommitQueues,
    caller: &Caller,
    request: &CreateRepositoryRequest,
) -> Result<Repository, Error> {
    authorize(caller, Action::CreateRepository, &Resource::Repository(request.name.clone()))?;
    if let Some(namespace) = &request.namespace {
        authorize(caller, Action::AttachStorageNamespace, &Resource::Namespace(namespace.clone()))?;
    }
    if request.sample_data {
        may_add_sample_data(caller, &request.name, &request.default_branch)?;
    }
    let CreateRepositoryRequest { request, name, namespace, default_branch, bare, sample_data } = request;
    let (graveler, committer) = (queues.graveler(), caller.committer());
    let made = match (bare, namespace) {
        (false, namespace) => {
            graveler.create_repository(*request, name, namespace.as_ref(), default_branch, committer).await?
        }
        (true, _) if *sample_data => {
            return Err(InvalidField::new("sample_data", "a bare repository has no branch to hold it").into());
        }
        (true, Some(namespace)) => graveler.create_bare_repository(*request, name, namespace, default_branch).await?,
        (true, None) => {
            let why = "name one: a bare repository is for refs that were dumped there";
            return Err(InvalidField::new("storage_namespace", why).into());
        }
    };
    tracing::info!(repository = %made.name, namespace = %made.namespace, user = %caller.user.name, "repository made");
    if *sample_data {
        // It is there now; the rest of it goes on even if the connection is gone.
        let (queues, caller, repository) = (queues.clone(), caller.clone(), made.clone());
        let rest = tokio::spawn(async move { add_sample_data(&queues, &caller, &repository).await.map(drop) });
        rest.await.map_err(|_| Error::Ending)??;
    }
    Ok(made)
}
