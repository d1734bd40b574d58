//! Claims a namespace for a repository, before anything is written there, so that what a creation leaves that is cut off
//! is known for ours. Owns the claims and their bound. Invariant: a namespace has one claim at most, and its id is written
//! down here before it is written there; a claim whose repository is made is gone.

use model::{ClaimNamespace, Outcome, Refusal, RequestId, StorageNamespace};

use super::create_repository::is_taken;
use super::{Apply, ApplyContext, dedup};
use crate::state::keyspace::{Keyspace, Table, Transaction};
use crate::state::{Halt, StateError, key};

/// How many claims are remembered whose repositories aren't made; the oldest is forgotten first.
const CLAIMS_MAX: usize = 1000;

impl Apply for ClaimNamespace {
    fn apply(&self, tx: &mut Transaction<'_>, context: ApplyContext) -> Result<Outcome, Halt> {
        let Self { request, name, namespace } = self;
        let request = *request;
        // Before all else: who tries again after an answer was lost gets it.
        if let Some(first) = dedup::find(tx, context.time, dedup::kind::CREATE_REPOSITORY, request)? {
            return Ok(first);
        }
        if tx.get(Table::Repos, &key::repository(name))?.is_some() {
            return Err(Refusal::RepositoryExists(name.clone()).into());
        }
        if is_taken(tx, namespace)? {
            return Err(Refusal::NamespaceTaken(namespace.clone()).into());
        }
        if let Some((claim, _)) = find(tx, namespace)? {
            return Ok(Outcome::Claimed(claim));
        }
        let by_age: Vec<_> = tx.scan(Table::Repos, key::claims_by_age()).take(CLAIMS_MAX).collect::<Result<_, _>>()?;
        if by_age.len() == CLAIMS_MAX
            && let Some((oldest, claim)) = by_age.into_iter().next()
        {
            tx.delete(Table::Repos, oldest);
            tx.delete(Table::Repos, claim);
        }
        let (place, mut claim) = (key::claim(namespace), request.0.to_be_bytes().to_vec());
        claim.extend(context.index.to_be_bytes());
        tx.put(Table::Repos, key::claim_by_age(context.index), place.clone());
        tx.put(Table::Repos, place, claim);
        Ok(Outcome::Claimed(request))
    }
}

/// Ends a claim, which must be there.
pub(super) fn fulfil(tx: &mut Transaction<'_>, namespace: &StorageNamespace, claim: RequestId) -> Result<(), Halt> {
    match find(tx, namespace)? {
        Some((there, index)) if there == claim => {
            tx.delete(Table::Repos, key::claim(namespace));
            tx.delete(Table::Repos, key::claim_by_age(index));
            Ok(())
        }
        _ => Err(Refusal::NamespaceTaken(namespace.clone()).into()),
    }
}

/// The id of a namespace's claim, and the index of the entry that made it.
fn find(tx: &Transaction<'_>, namespace: &StorageNamespace) -> Result<Option<(RequestId, u64)>, StateError> {
    let Some(claim) = tx.get(Table::Repos, &key::claim(namespace))? else { return Ok(None) };
    let corrupt = || StateError::Corrupt("a claim hasn't 24 bytes".into());
    let (id, index) = claim.split_first_chunk().ok_or_else(corrupt)?;
    let index = index.try_into().map_err(|_| corrupt())?;
    Ok(Some((RequestId(u128::from_be_bytes(*id)), u64::from_be_bytes(index))))
}
