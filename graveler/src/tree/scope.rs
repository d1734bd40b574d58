//! Some keys of a tree, and whether two trees differ there. Owns the keys' ranges; leaves the walk to `diff`, so that
//! whatever trees are made of is compared in one place. Invariant: where both trees have the same ranges for the keys,
//! none is opened.

use model::MetaRangeId;

use super::Files;
use super::diff::TreeDiff;
use crate::Error;

/// Keys one by one, and all that begin with some prefixes: ranges of keys, in order and apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scope(Vec<KeyRange>);

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct KeyRange {
    from: Vec<u8>,
    /// The first key after it; `None` is the tree's end.
    end: Option<Vec<u8>>,
}

impl Scope {
    /// These keys and all that begin with these prefixes.
    pub(crate) fn new<T: AsRef<[u8]>>(keys: &[T], prefixes: &[T]) -> Self {
        let key = |key: &T| KeyRange { from: key.as_ref().to_vec(), end: Some([key.as_ref(), b"\0"].concat()) };
        let prefix = |prefix: &T| KeyRange { from: prefix.as_ref().to_vec(), end: behind(prefix.as_ref()) };
        let mut all: Vec<KeyRange> = keys.iter().map(key).chain(prefixes.iter().map(prefix)).collect();
        all.sort();
        let mut apart: Vec<KeyRange> = Vec::with_capacity(all.len());
        for range in all {
            match apart.last_mut() {
                Some(last) if last.end.as_ref().is_none_or(|end| range.from < *end) => {
                    // A prefix may hold another, or a key; neither reaches after it, but both may end at the tree's end.
                    if last.end.is_some() && range.end.as_ref().is_none_or(|end| Some(end) > last.end.as_ref()) {
                        last.end = range.end;
                    }
                }
                _ => apart.push(range),
            }
        }
        Self(apart)
    }

    /// Whether a reader sees anything else in one tree than in the other at these keys.
    pub(crate) async fn differs(
        &self,
        files: &Files,
        left: Option<MetaRangeId>,
        right: Option<MetaRangeId>,
    ) -> Result<bool, Error> {
        if left == right {
            return Ok(false);
        }
        let mut walk = TreeDiff::open(files, left, right).await?;
        for range in &self.0 {
            walk.seek(&range.from).await?;
            if walk.next_before(range.end.as_deref()).await?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// The first key after all that begin with a prefix; `None` if nothing is.
fn behind(prefix: &[u8]) -> Option<Vec<u8>> {
    let mut end = prefix.to_vec();
    while end.pop_if(|last| *last == u8::MAX).is_some() {}
    *end.last_mut()? += 1;
    Some(end)
}
