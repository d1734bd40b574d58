//! How ranges are grouped to metaranges, and those to metaranges above them. Owns the cuts on each height; `builder`
//! writes the files. Invariant: the grouping depends on the last keys of the ranges alone, so a whole metarange of
//! another tree may stand for its ranges where a cut goes before it and it ended with one.

use std::sync::Arc;

use super::draft::UnchangedBlock;
use super::range_info::RangeInfo;
use crate::sstable::{CutRule, Cutter};

/// Metaranges are cut on level 2, above ranges and blocks, those above them on level 3, and so on.
const METARANGE_CUT_LEVEL: u64 = 2;
/// A smaller mean would make metaranges of one range, and so trees without end.
const METARANGE_RANGES_MIN: u64 = 8;

/// A range or metarange of the tree under way.
pub(super) enum Node {
    /// Somebody encodes it.
    UnderWay,
    /// It is there.
    Ready(Arc<RangeInfo>),
    /// Several ranges, which another metarange lists in one block: it is copied.
    Listed(UnchangedBlock),
    /// A metarange that is to be written over others.
    Group { height: u32, children: Vec<usize> },
}

/// The nodes of a tree, and on each height those that no metarange above has yet.
pub(super) struct Levels {
    pub(super) nodes: Vec<Node>,
    levels: Vec<Level>,
    ranges: u64,
}

struct Level {
    cutter: Cutter,
    open: Vec<usize>,
}

impl Levels {
    /// Begins a tree whose metaranges list so many ranges (or metaranges) on average.
    pub(super) fn new(metarange_ranges: u64) -> Self {
        Self { nodes: Vec::new(), levels: Vec::new(), ranges: metarange_ranges.max(METARANGE_RANGES_MIN) }
    }

    /// Whether a node of a height may follow as it is: under it, nothing waits for a cut.
    pub(super) fn at_cut(&self, height: u32) -> bool {
        self.levels.iter().take(height as usize).all(|level| level.open.is_empty())
    }

    /// Adds a node after all others; returns its place.
    pub(super) fn push(&mut self, height: u32, node: Node, last_key: &[u8]) -> usize {
        let place = self.nodes.len();
        self.nodes.push(node);
        let (mut height, mut at) = (height as usize, place);
        while self.level(height).step(at, last_key) {
            at = self.group(height);
            height += 1;
        }
        place
    }

    /// How many ranges came since the last cut between metaranges.
    pub(super) fn ranges_since_cut(&self) -> u64 {
        self.levels.first().map_or(0, |level| level.cutter.weight())
    }

    /// Adds ranges that another metarange lists in one block, neither the first nor the last of which is known. In that
    /// metarange as many ranges came before them as here since the last cut, and others after, so that no cut follows
    /// any of them.
    pub(super) fn push_listed(&mut self, ranges: u64, block: UnchangedBlock) {
        let place = self.nodes.len();
        self.nodes.push(Node::Listed(block));
        let level = self.level(0);
        level.open.push(place);
        level.cutter.pass(ranges);
    }

    fn level(&mut self, height: usize) -> &mut Level {
        while self.levels.len() <= height {
            let rule = CutRule::new(self.ranges, METARANGE_CUT_LEVEL + self.levels.len() as u64);
            self.levels.push(Level { cutter: Cutter::new(rule), open: Vec::new() });
        }
        &mut self.levels[height]
    }

    /// Makes a metarange of what waits on a height.
    fn group(&mut self, height: usize) -> usize {
        let children = std::mem::take(&mut self.level(height).open);
        self.nodes.push(Node::Group { height: height as u32 + 1, children });
        self.nodes.len() - 1
    }

    /// Ends the tree; returns its root, a metarange, or `None` for the empty tree.
    pub(super) fn close(&mut self) -> Option<usize> {
        let mut height = 0;
        while height < self.levels.len() {
            let is_top = height + 1 == self.levels.len();
            match self.levels[height].open.as_slice() {
                [] => {}
                [root] if is_top && height > 0 => return Some(self.lowest_root(*root)),
                _ => {
                    let group = self.group(height);
                    self.level(height + 1).open.push(group);
                }
            }
            height += 1;
        }
        None
    }

    /// A metarange over one metarange is no root.
    fn lowest_root(&self, mut root: usize) -> usize {
        while let Node::Group { height: 2.., children } = &self.nodes[root]
            && let [only] = children.as_slice()
        {
            root = *only;
        }
        root
    }

    pub(super) fn height_max(&self) -> u32 {
        self.levels.len() as u32
    }
}

impl Level {
    fn step(&mut self, node: usize, last_key: &[u8]) -> bool {
        self.open.push(node);
        self.cutter.step(last_key, 1)
    }
}
