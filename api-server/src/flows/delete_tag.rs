//! Deletes a tag.

use auth::{Action, Caller, Resource, authorize};
use graveler::Graveler;
use model::{Command, DeleteTag, RepositoryName, TagName};

use crate::Error;

/// Deletes a tag; its commit stays.
pub async fn delete_tag(
    graveler: &Graveler,
    caller: &Caller,
    repository: &RepositoryName,
    tag: &TagName,
) -> Result<(), Error> {
    authorize(caller, Action::DeleteTag, &Resource::Tag(repository.clone(), tag.clone()))?;
    let command = Command::DeleteTag(DeleteTag { repository: repository.clone(), tag: tag.clone() });
    Ok(graveler.meta().write(command).await?.done()?)
}
