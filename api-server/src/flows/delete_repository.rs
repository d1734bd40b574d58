//! Forgets a repository.

use auth::{Action, Caller, Resource, authorize};
use graveler::Graveler;
use model::{Command, DeleteRepository, RepositoryName};

use crate::Error;

/// Forgets a repository with its refs, uncommitted changes and uploads. Its objects stay in the object store, where an
/// operator may remove or keep them. A read-only repository is refused, but by force.
pub async fn delete_repository(graveler: &Graveler, caller: &Caller, name: &RepositoryName) -> Result<(), Error> {
    authorize(caller, Action::DeleteRepository, &Resource::Repository(name.clone()))?;
    graveler.meta().repository(name).await?.writable()?;
    graveler.meta().write(Command::DeleteRepository(DeleteRepository { name: name.clone() })).await?.done()?;
    graveler.forget_repository(name).await;
    tracing::info!(repository = %name, user = %caller.user.name, "repository deleted");
    Ok(())
}
