//! Names a commit.

use auth::{Action, Caller, Resource, authorize};
use graveler::{Graveler, RefExpr};
use model::{Command, CreateTag, RepositoryName, RequestId, Tag, TagName};

use crate::Error;
use crate::escapes::check_new_name;

/// Makes a tag of the commit that `source` names.
pub async fn create_tag(
    graveler: &Graveler,
    caller: &Caller,
    request: RequestId,
    repository: &RepositoryName,
    tag: &TagName,
    source: &RefExpr,
) -> Result<Tag, Error> {
    authorize(caller, Action::ReadBranch, &Resource::branch(repository, source.base()))?;
    authorize(caller, Action::CreateTag, &Resource::Tag(repository.clone(), tag.clone()))?;
    check_new_name("name", tag.as_str())?;
    let commit = graveler.resolve_now(repository, source).await?.commit;
    let command = Command::CreateTag(CreateTag { request, repository: repository.clone(), tag: tag.clone(), commit });
    Ok(graveler.meta().write(command).await?.tag()?)
}
