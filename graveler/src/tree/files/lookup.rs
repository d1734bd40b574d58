//! Finds keys in trees, and what metaranges list. Owns the way from a root to a record.
//! Invariant: what a metarange lists is of the height below its own.

use std::sync::Arc;

use model::MetaRangeId;
use storage::Immutable;

use super::Files;
use super::tables::Table;
use crate::Error;
use crate::sstable::Block;
use crate::tree::layers::Tree;
use crate::tree::range_info::RangeInfo;

/// Where a lookup found a record.
pub(crate) struct Found {
    object: Immutable,
    block: Arc<Block>,
    slot: usize,
}

impl Found {
    /// Decodes the record's entry.
    pub(crate) fn entry(&self, files: &Files) -> Result<model::Entry, Error> {
        files.entry(self.object, self.value())
    }

    /// The record's value.
    pub(crate) fn value(&self) -> &[u8] {
        self.block.entry(self.slot).1
    }
}

impl Files {
    /// Finds the value at a key of a tree.
    pub(crate) async fn lookup(&self, tree: Option<MetaRangeId>, key: &[u8]) -> Result<Option<Found>, Error> {
        match tree {
            Some(_) => self.tree(tree).await?.find(self, key).await,
            None => Ok(None),
        }
    }

    /// Opens a tree, as its root describes it.
    pub(crate) async fn tree(&self, root: Option<MetaRangeId>) -> Result<Arc<Tree>, Error> {
        let Some(root) = root else { return Ok(Arc::new(Tree::default())) };
        let key = (self.space_of(&Immutable::MetaRange(root)), root);
        if let Some(tree) = self.caches.trees.get(&key) {
            return Ok(tree);
        }
        let files = self.clone();
        let open = || async move { Tree::open(&files, root).await.map(Arc::new) };
        self.caches.trees.get_or_load(key, open).await
    }

    /// Finds the value at a key under a metarange.
    pub(in crate::tree) async fn find_under(
        &self,
        mut metarange: Arc<Table>,
        key: &[u8],
    ) -> Result<Option<Found>, Error> {
        let mut above = None;
        let range = loop {
            let Some(at) = metarange.tail.find(key) else { return Ok(None) };
            let block = self.block(&metarange, at).await?;
            let slot = block.lower_bound(key);
            if slot == block.entries() {
                return Ok(None);
            }
            let (last_key, value) = block.entry(slot);
            let info = self.range_info(metarange.object, above, last_key, value)?;
            if info.first_key.as_slice() > key {
                return Ok(None);
            }
            let node = self.node(&info).await?;
            if info.height == 0 {
                break node;
            }
            (metarange, above) = (node, Some(info.height));
        };
        self.find_in(&range, key).await
    }

    /// Finds the value at a key of a range.
    pub(in crate::tree) async fn find_in(&self, range: &Arc<Table>, key: &[u8]) -> Result<Option<Found>, Error> {
        let Some(at) = range.tail.find(key) else { return Ok(None) };
        let block = self.block(range, at).await?;
        let slot = block.lower_bound(key);
        let there = slot < block.entries() && block.entry(slot).0 == key;
        Ok(there.then_some(Found { object: range.object, block, slot }))
    }

    /// What a metarange lists, all of it.
    pub(crate) async fn children(&self, metarange: &RangeInfo) -> Result<Vec<Arc<RangeInfo>>, Error> {
        let table = self.node(metarange).await?;
        self.listed(&table, Some(metarange.height)).await
    }

    async fn listed(&self, metarange: &Arc<Table>, height: Option<u32>) -> Result<Vec<Arc<RangeInfo>>, Error> {
        let mut listed = Vec::new();
        for block in self.blocks(metarange, 0, metarange.tail.blocks()).await? {
            for slot in 0..block.entries() {
                let (key, value) = block.entry(slot);
                listed.push(Arc::new(self.range_info(metarange.object, height, key, value)?));
            }
        }
        Ok(listed)
    }

    /// Describes the root of a tree without deltas, as a metarange above it would.
    pub(in crate::tree) async fn describe_root(&self, root: MetaRangeId) -> Result<RangeInfo, Error> {
        let table = self.metarange(root).await?;
        let listed = self.listed(&table, None).await?;
        let ends = listed.first().zip(listed.last());
        let (first, last) = ends.ok_or_else(|| self.corrupt(table.object, "it lists nothing"))?;
        Ok(RangeInfo {
            object: table.object,
            height: first.height + 1,
            level: 0,
            first_key: first.first_key.clone(),
            last_key: last.last_key.clone(),
            entries: listed.iter().map(|node| node.entries).sum(),
            bytes: table.size,
            tail_length: table.tail_length(),
        })
    }

    /// Decodes the record of a metarange, whose own height is known but for a root.
    pub(crate) fn range_info(
        &self,
        metarange: Immutable,
        height: Option<u32>,
        key: &[u8],
        value: &[u8],
    ) -> Result<RangeInfo, Error> {
        let info = RangeInfo::decode(key, value).map_err(|bad| self.bad_range(metarange, bad))?;
        if height.is_some_and(|height| height != info.height + 1) {
            return Err(self.corrupt(metarange, "what it lists isn't of the height that is due"));
        }
        Ok(info)
    }
}
