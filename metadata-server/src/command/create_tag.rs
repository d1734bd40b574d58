//! Makes a tag. Its name must be no branch's, so that a ref expression has one meaning.

use model::{CreateTag, Outcome, RequestId, Tag};

use super::dedup::kind;
use super::{Apply, ApplyContext};
use crate::state::keyspace::{Table, Transaction};
use crate::state::{Halt, key, records};

impl Apply for CreateTag {
    fn idempotency_key(&self) -> Option<(u8, RequestId)> {
        Some((kind::CREATE_TAG, self.request))
    }

    fn apply(&self, tx: &mut Transaction<'_>, context: ApplyContext) -> Result<Outcome, Halt> {
        let Self { repository, tag: name, commit, .. } = self;
        let commit = *commit;
        let repository = records::repository(tx, repository)?;
        super::writable(tx, &repository)?;
        records::ref_is_free(tx, repository.uid, name.as_str())?;
        let tag = Tag { name: name.clone(), commit, created_at: context.time };
        records::put(tx, Table::Refs, key::tag(repository.uid, name), &tag);
        Ok(Outcome::Tag(tag))
    }
}
