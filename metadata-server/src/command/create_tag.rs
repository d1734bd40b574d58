//! Makes a tag. Its name must be no branch's, so that a ref expression has one meaning.

use model::{CommitId, Outcome, RepositoryName, Tag, TagName};

use super::ApplyContext;
use crate::state::keyspace::{Table, Transaction};
use crate::state::{Halt, key, records};

pub(super) fn apply(
    tx: &mut Transaction<'_>,
    context: ApplyContext,
    repository: &RepositoryName,
    name: &TagName,
    commit: CommitId,
) -> Result<Outcome, Halt> {
    let repository = records::repository(tx, repository)?;
    super::writable(tx, &repository)?;
    records::ref_is_free(tx, repository.uid, name.as_str())?;
    let tag = Tag { name: name.clone(), commit, created_at: context.time };
    records::put(tx, Table::Refs, key::tag(repository.uid, name), &tag);
    Ok(Outcome::Tag(tag))
}
