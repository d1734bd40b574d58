//! Records an uploaded part of an upload whose branch is still there; one of the same number is replaced. Invariant: a part
//! is called the sole one of its number only if all that were ever recorded under it had the same bytes.

use model::{Outcome, PART_NUMBER_MAX, Part, PutPart};

use super::{Apply, ApplyContext};
use crate::state::keyspace::{Table, Transaction};
use crate::state::{Halt, key, records};

impl Apply for PutPart {
    fn check_bounds(&self) -> Result<(), String> {
        match self.part.number {
            1..=PART_NUMBER_MAX => Ok(()),
            number => Err(format!("part {number}; parts have numbers 1 to {PART_NUMBER_MAX}")),
        }
    }

    fn apply(&self, tx: &mut Transaction<'_>, _: ApplyContext) -> Result<Outcome, Halt> {
        let Self { repository, upload, part } = self;
        let upload = *upload;
        let repository = records::repository(tx, repository)?;
        let upload = records::upload(tx, &repository, upload)?;
        records::branch_of_upload(tx, &repository, &upload)?;
        let key = key::part(repository.uid, upload.id, part.number);
        let before: Option<Part> = records::find(tx, Table::Uploads, &key)?;
        let is_same = |before: &Part| (before.size, &before.e_tag) == (part.size, &part.e_tag);
        let is_sole = before.is_none_or(|before| before.is_sole && is_same(&before));
        records::put(tx, Table::Uploads, key, &Part { is_sole, ..part.clone() });
        Ok(Outcome::Done)
    }
}
