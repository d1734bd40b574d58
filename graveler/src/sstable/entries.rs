//! The inside of an uncompressed block: prefix-compressed entries, restart points, and what else its end may carry.
//! Owns reading them with every length checked; leaves what keys and values mean to data blocks, index and metablocks.
//! Invariant: after the last entry, each byte of the block has been accounted for.

use super::coding::Reader;
use super::{EXPANDED_BYTES_MAX, KEY_BYTES_MAX, SstError};

/// Bits of a block's last word above the count of restart points.
const HASH_INDEX: u32 = 1 << 31;
const UNIFORM_KEYS: u32 = 1 << 29;
const SEPARATE_VALUES: u32 = 1 << 28;
const RESTARTS_MAX: u32 = SEPARATE_VALUES - 1;

/// Where an entry's value ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Values {
    /// Its length goes before it.
    Prefixed,
    /// It ends itself, as the handles in an index of version 4 or later.
    SelfDelimiting,
}

/// Walks a block's entries.
#[derive(Debug)]
pub(super) struct Entries<'a> {
    size: usize,
    rest: Reader<'a>,
    restarts: Reader<'a>,
    next_restart: Option<usize>,
    values: Values,
    key: Vec<u8>,
    /// Bytes of all keys so far, for shared prefixes can make them many more than the block has.
    expanded: usize,
    shared: usize,
    value: &'a [u8],
}

impl<'a> Entries<'a> {
    pub(super) fn new(content: &'a [u8], values: Values) -> Result<Self, SstError> {
        let (entries, restarts) = split(content)?;
        let mut restarts = Reader::new(restarts);
        let next_restart = Some(restarts.u32()? as usize);
        Ok(Self {
            size: entries.len(),
            rest: Reader::new(entries),
            restarts,
            next_restart,
            values,
            key: Vec::new(),
            expanded: 0,
            shared: 0,
            value: &[],
        })
    }

    /// Goes to the next entry; false after the last.
    pub(super) fn advance(&mut self) -> Result<bool, SstError> {
        let at = self.size - self.rest.remaining();
        if self.rest.is_empty() {
            let empty = at == 0 && self.next_restart == Some(0) && self.restarts.is_empty();
            return match self.next_restart {
                Some(_) if !empty => Err(SstError::corrupt("a restart point behind the last entry")),
                _ => Ok(false),
            };
        }
        self.shared = self.rest.length()?;
        let unshared = self.rest.length()?;
        let value_length = match self.values {
            Values::Prefixed => self.rest.length()?,
            Values::SelfDelimiting => 0,
        };
        self.pass_restart(at)?;
        if self.shared > self.key.len() || self.shared + unshared > KEY_BYTES_MAX {
            return Err(SstError::corrupt(format!("a key of {unshared} bytes behind {} of the last", self.shared)));
        }
        self.key.truncate(self.shared);
        self.key.extend_from_slice(self.rest.take(unshared)?);
        self.expanded += self.key.len();
        if self.expanded > EXPANDED_BYTES_MAX {
            return Err(SstError::unsupported(format!("a block whose keys take more than {EXPANDED_BYTES_MAX} bytes")));
        }
        self.value = self.rest.take(value_length)?;
        Ok(true)
    }

    /// Checks that restart points are where entries with whole keys begin, the first of them at 0.
    fn pass_restart(&mut self, at: usize) -> Result<(), SstError> {
        match self.next_restart {
            Some(restart) if restart == at && self.shared == 0 => {
                self.next_restart = match self.restarts.is_empty() {
                    true => None,
                    false => Some(self.restarts.u32()? as usize),
                };
                Ok(())
            }
            Some(restart) if restart <= at => Err(SstError::corrupt("a restart point inside an entry")),
            _ if at == 0 => Err(SstError::corrupt("the first entry is no restart point")),
            _ => Ok(()),
        }
    }

    /// The key here.
    pub(super) fn key(&self) -> &[u8] {
        &self.key
    }

    /// How many bytes the key here shares with the one before, as stored.
    pub(super) fn shared(&self) -> usize {
        self.shared
    }

    /// The value here.
    pub(super) fn value(&self) -> &'a [u8] {
        self.value
    }

    /// What follows the key here, to take a self-delimiting value from.
    pub(super) fn rest(&mut self) -> &mut Reader<'a> {
        &mut self.rest
    }
}

/// Splits a block into its entries and its restart points, of which there is at least one.
fn split(content: &[u8]) -> Result<(&[u8], &[u8]), SstError> {
    let too_small = || SstError::corrupt("a block that is smaller than its restart points");
    let (mut before, word) = content.split_last_chunk::<4>().ok_or_else(too_small)?;
    let word = u32::from_le_bytes(*word);
    if word & SEPARATE_VALUES != 0 {
        return Err(SstError::unsupported("blocks that keep keys and values apart"));
    }
    let count = word & !(HASH_INDEX | UNIFORM_KEYS);
    if count == 0 || count > RESTARTS_MAX {
        return Err(SstError::corrupt(format!("a block with {count} restart points")));
    }
    if word & HASH_INDEX != 0 {
        let (rest, buckets) = before.split_last_chunk::<2>().ok_or_else(too_small)?;
        let map = rest.len().checked_sub(usize::from(u16::from_le_bytes(*buckets))).ok_or_else(too_small)?;
        before = &rest[..map];
    }
    let entries = before.len().checked_sub(count as usize * 4).ok_or_else(too_small)?;
    Ok(before.split_at(entries))
}

/// Takes the user key out of an internal key: the rest is sequence number and type, which must be that of a value.
pub(super) fn user_key(internal: &[u8]) -> Result<&[u8], SstError> {
    let (user, trailer) = internal.split_last_chunk::<8>().ok_or_else(|| SstError::corrupt("a key without trailer"))?;
    match trailer[0] {
        1 => Ok(user),
        0 | 7 | 0x14 => Err(SstError::unsupported("deletions")),
        2 => Err(SstError::unsupported("merge operands")),
        15 => Err(SstError::unsupported("range deletions")),
        0x11 | 0x16 => Err(SstError::unsupported("values in blob files, or with columns")),
        kind => Err(SstError::corrupt(format!("an entry of unknown type {kind}"))),
    }
}
