//! Applies changes to a tree. Owns the walk; ranges without a change are handed on whole.
//! Invariant: a change that leaves what a reader sees as it is changes nothing, so its range keeps its id.

use std::cmp::Ordering;

use bytes::Bytes;
use model::MetaRangeId;

use super::builder::TreeBuilder;
use super::record::Value;
use super::{Files, TreeCursor};
use crate::Error;

/// One change of a key: its new value, or none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TreeChange {
    pub(crate) key: Bytes,
    pub(crate) value: Option<Bytes>,
}

/// Changes in the order of their keys, each key once.
pub(crate) trait Changes {
    async fn next_change(&mut self) -> Result<Option<TreeChange>, Error>;
}

/// Writes `base` with `changes` into `builder`; says how many of them changed something.
pub(crate) async fn apply(
    files: &Files,
    base: Option<MetaRangeId>,
    changes: &mut impl Changes,
    builder: &mut TreeBuilder,
) -> Result<u64, Error> {
    let mut base = TreeCursor::open(files, base).await?.copying();
    let mut changed = 0;
    while let Some(change) = changes.next_change().await? {
        copy_before(&mut base, &change.key, builder).await?;
        changed += u64::from(apply_one(files, &mut base, &change, builder).await?);
    }
    copy_rest(&mut base, builder).await?;
    Ok(changed)
}

/// Copies all records before `key`, and loads the base's record there if it may have one.
async fn copy_before(base: &mut TreeCursor, key: &[u8], builder: &mut TreeBuilder) -> Result<(), Error> {
    while let Some(bound) = base.bound() {
        if bound > key {
            return Ok(());
        }
        let ends_before = base.whole_range().is_some_and(|range| range.last_key.as_slice() < key);
        if ends_before && builder.take_range(base, Some(key)).await? || builder.copy_block(base, Some(key)).await? {
            continue;
        }
        match base.record() {
            None => {
                if let Some(range) = base.whole_range() {
                    builder.rewriting(range);
                }
                base.load().await?;
            }
            Some((there, _)) if there == key => return Ok(()),
            Some(_) => {
                builder.push_record(base).await?;
                base.advance().await?;
            }
        }
    }
    Ok(())
}

async fn copy_rest(base: &mut TreeCursor, builder: &mut TreeBuilder) -> Result<(), Error> {
    while base.bound().is_some() {
        if builder.take_range(base, None).await? || builder.copy_block(base, None).await? {
            continue;
        }
        if base.record().is_some() {
            builder.push_record(base).await?;
            base.advance().await?;
        } else {
            base.load().await?;
        }
    }
    Ok(())
}

/// Applies a change, the base's records before it being copied. False if it changes nothing.
async fn apply_one(
    files: &Files,
    base: &mut TreeCursor,
    change: &TreeChange,
    builder: &mut TreeBuilder,
) -> Result<bool, Error> {
    let before = base.record().filter(|(key, _)| key.cmp(&change.key.as_ref()) == Ordering::Equal);
    let changes = match (before, &change.value) {
        (None, None) => return Ok(false),
        (None, Some(_)) | (Some(_), None) => true,
        (Some((_, before)), Some(after)) => {
            let object = base.object().ok_or_else(|| Error::Internal("a record outside of a range".into()))?;
            Some(files.identity(object, before)?) != Value::parse(after).map(|value| value.identity)
        }
    };
    let had_one = before.is_some();
    match &change.value {
        Some(after) if changes => builder.push(&change.key, after).await?,
        Some(_) => builder.push_record(base).await?,
        None => {}
    }
    if had_one {
        base.advance().await?;
    }
    Ok(changes)
}
