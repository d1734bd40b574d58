//! Addresses that are given out for clients to write to: whom each is for, and for how long. Owns their seals; leaves what is
//! linked to `flows::link_object`, and that it is linked once to the metadata service.
//!
//! An address's name ends in its time and a certificate of this installation's, over what it is given out for: the way of
//! uploading, the user, the repository, the branch as it was made, and the path. So nothing has to be remembered of addresses
//! that are never linked. The name is in no entry: what is linked lies elsewhere.
//!
//! Invariant: an address is taken back from the user it was given to alone, for the path that it was given for.

use auth::Caller;
use model::{
    Address, Branch, BranchName, ObjectPath, Once, RefTarget, Refusal, Repository, RepositoryName, RequestId, Timestamp,
};
use storage::UploadSlot;

use super::Rest;
use super::failure::{Failure, invalid_field};
use super::object_stats::physical_address;
use crate::Error;

/// How bytes come to an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// Whole, however the client writes them.
    Whole,
    /// In parts, by URLs for each.
    Parts,
}

/// Whom an address is for, and what.
pub(super) struct Recipient<'a> {
    pub(super) way: Way,
    pub(super) caller: &'a Caller,
    pub(super) repository: Repository,
    pub(super) branch: Branch,
    pub(super) path: &'a ObjectPath,
}

/// An address to give out.
pub(super) struct GivenOut {
    pub(super) slot: UploadSlot,
    pub(super) address: Address,
    /// What the client is told.
    pub(super) url: String,
}

/// An address that came back.
pub(super) struct TakenBack {
    pub(super) slot: UploadSlot,
    pub(super) address: Address,
    /// By which it is linked.
    pub(super) once: Once,
}

impl<'a> Recipient<'a> {
    /// Finds the branch that somebody wants to write to.
    pub(super) async fn find(
        rest: &Rest,
        way: Way,
        caller: &'a Caller,
        repository: &RepositoryName,
        branch: &BranchName,
        path: &'a ObjectPath,
    ) -> Result<Self, Error> {
        let found = rest.graveler.meta().lookup(repository, &branch.into(), None).await?;
        match found.target {
            RefTarget::Branch(branch) => Ok(Self { way, caller, repository: found.repository, branch, path }),
            RefTarget::Tag(_) | RefTarget::Unknown => Err(Refusal::BranchNotFound(branch.clone()).into()),
        }
    }

    /// What is certified. Only the path, which comes last, can hold spaces.
    fn promise(&self, slot: &UploadSlot, until: Timestamp) -> String {
        let Self { way, caller, repository, branch, path } = self;
        let (made, until) = (branch.created_at.as_millis(), until.as_millis());
        format!(
            "upload {way:?} {slot} {until} by {} to {} {} {made} {path}",
            caller.user.id, repository.uid, branch.name
        )
    }

    /// Makes an address for this recipient.
    pub(super) fn give_out(&self, rest: &Rest) -> Result<GivenOut, Error> {
        let slot = rest.storage(&self.repository)?.new_slot();
        let until = rest.graveler.clock().now().plus_millis(Once::LASTING_MS);
        let certificate = rest.directory.secrets().certify(&self.promise(&slot, until));
        let address = slot.given_out(&format!("{:x}-{certificate}", until.as_millis()));
        let url = physical_address(&self.repository, &address);
        Ok(GivenOut { slot, address, url })
    }

    /// Reads an address that was given to this recipient.
    pub(super) fn take_back(&self, rest: &Rest, url: &str) -> Result<TakenBack, Failure> {
        let unknown = || {
            let why = "isn't an address that was given to you for this path: get one, write to it, and link it there";
            invalid_field("physical_address", why)
        };
        let relative = url.strip_prefix(self.repository.namespace.as_str()).and_then(|rest| rest.strip_prefix('/'));
        let (slot, seal) = relative.and_then(UploadSlot::of_given_out).ok_or_else(unknown)?;
        let (until, certificate) = seal.split_once('-').ok_or_else(unknown)?;
        let until = i64::from_str_radix(until, 16).map(Timestamp::from_millis).map_err(|_| unknown())?;
        if !rest.directory.secrets().is_certified(&self.promise(&slot, until), certificate) {
            return Err(unknown());
        }
        if until < rest.graveler.clock().now() {
            return Err(invalid_field("physical_address", "was given out more than a day ago: get a new one"));
        }
        let (once, address) = (Once { id: RequestId(slot.id()), until }, slot.given_out(seal));
        Ok(TakenBack { slot, address, once })
    }
}
