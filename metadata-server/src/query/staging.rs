//! The answer about staged values: a branch's tokens merged, the newest winning. Seeks to the page's start in each token, so
//! that a page costs as much at the end of a listing as at its beginning.

use std::iter::Peekable;

use model::{ListStaged, ObjectPath, Page, StagedPage, StagedValue, StagingToken};
use proto::metadata::decode;

use super::Find;
use crate::state::keyspace::{Keyspace, Pair, Scan, Table};
use crate::state::page::PageRoom;
use crate::state::{Halt, StateError, key, records};

/// Of the tokens that are asked for, those that aren't the branch's are empty.
impl Find for ListStaged {
    fn find(&self, keys: &dyn Keyspace) -> Result<StagedPage, Halt> {
        let repository = records::repository(keys, &self.repository)?;
        let branch = records::branch(keys, &repository, &self.branch)?;
        let wanted = |token: &StagingToken| self.tokens.as_ref().is_none_or(|tokens| tokens.contains(token));
        let scans = branch.tokens().filter(wanted).map(|token| {
            keys.scan(Table::Staged, key::staged_from(repository.uid, token, &self.prefix, &self.from)).peekable()
        });
        let page = merge(scans.collect(), self.amount)?;
        Ok(StagedPage { branch, page })
    }
}

/// Merges scans, newest first.
fn merge(mut scans: Vec<Peekable<Scan<'_>>>, amount: usize) -> Result<Page<(ObjectPath, StagedValue)>, StateError> {
    let mut room = PageRoom::new(amount);
    let mut items = Vec::new();
    while let Some((key, value)) = next(&mut scans)? {
        if !room.take(key.len() + value.len()) {
            return Ok(Page { items, more: true });
        }
        items.push((path(&key)?, decode(&value)?));
    }
    Ok(Page { items, more: false })
}

/// Takes the smallest path, from the newest scan that has it, and passes over it in the others.
fn next(scans: &mut [Peekable<Scan<'_>>]) -> Result<Option<Pair>, StateError> {
    if let [only] = scans {
        return only.next().transpose();
    }
    let mut newest: Option<(usize, Vec<u8>)> = None;
    for (at, scan) in scans.iter_mut().enumerate() {
        match scan.peek() {
            Some(Ok((key, _))) => {
                let path = key::staged_path(key);
                if newest.as_ref().is_none_or(|(_, smallest)| path < smallest.as_slice()) {
                    newest = Some((at, path.to_vec()));
                }
            }
            Some(Err(_)) => return scan.next().transpose(),
            None => {}
        }
    }
    let Some((at, path)) = newest else { return Ok(None) };
    let pair = scans[at].next().transpose()?;
    for scan in &mut scans[at + 1..] {
        scan.next_if(|item| matches!(item, Ok((key, _)) if key::staged_path(key) == path));
    }
    Ok(pair)
}

fn path(key: &[u8]) -> Result<ObjectPath, StateError> {
    let text = String::from_utf8(key::staged_path(key).to_vec()).map_err(|error| error.to_string());
    text.and_then(|text| ObjectPath::try_from(text).map_err(|error| error.to_string())).map_err(StateError::Corrupt)
}
