//! Content-defined cuts: where a sequence of entries is divided into blocks, and blocks into ranges. Owns the rule;
//! its callers say what a step is and what it weighs. Invariant: a decision depends only on what came since the last
//! cut, in integer arithmetic, so equal content is cut equally on every machine, whatever its history.
//!
//! A Weibull-shaped hazard (shape 4) makes pieces of nearly equal weight: the chance of a cut grows with the cube of
//! the weight since the last one. A geometric rule (constant hazard) makes a random key hit pieces 1.76 times the mean.

use xxhash_rust::xxh3::xxh3_64_with_seed;

/// 1 / Γ(1 + ¼) in units of 2⁻³²: the scale of a Weibull distribution of shape 4 whose mean is 1.
const SCALE_Q32: u128 = 4_738_477_006;
/// Bits after the binary point of a position relative to the scale.
const POSITION_BITS: u32 = 20;
/// Weights are held below this, so that positions fit their integers.
const TARGET_MAX: u64 = 1 << 40;

/// How a sequence is cut: pieces of about `target` weight, at least a quarter of it (but for the sequence's last)
/// and at most four times it (but for a single heavier step).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CutRule {
    target: u64,
    /// The scale of the distribution that has this mean.
    scale: u64,
    level: u64,
}

impl CutRule {
    /// Makes a rule. Rules of different levels (blocks, ranges, metaranges) cut independently of each other.
    pub fn new(target: u64, level: u64) -> Self {
        let target = target.clamp(4, TARGET_MAX);
        Self { target, scale: ((u128::from(target) * SCALE_Q32) >> 32) as u64, level }
    }

    /// The mean weight of a piece.
    pub fn target(&self) -> u64 {
        self.target
    }

    /// Decides whether a piece whose weight a step has brought from `before` to `after` ends with that step.
    fn cuts(&self, key: &[u8], before: u64, after: u64) -> bool {
        if after < self.target / 4 {
            return false;
        }
        if after >= self.target * 4 {
            return true;
        }
        let hazard = self.cumulative_hazard(after) - self.cumulative_hazard(before);
        u128::from(xxh3_64_with_seed(key, self.level)) < hazard
    }

    /// (weight / scale)⁴ in units of 2⁻⁶⁴. The weight is less than four times the target, so that all but the last
    /// product fit into 64 bits: this is done for every record, and wider divisions are slow.
    fn cumulative_hazard(&self, weight: u64) -> u128 {
        let position = (weight << POSITION_BITS) / self.scale;
        let square = u128::from(position * position);
        (square * square) >> (4 * POSITION_BITS - 64)
    }
}

/// Walks a sequence and says where it is cut.
///
/// Ranges are best cut on top of blocks: take a step for each block that the [`super::Writer`] closes, with the
/// block's last key and weight. Then a range ends where a block ends, and unchanged blocks can be copied without
/// looking into them.
#[derive(Debug, Clone)]
pub struct Cutter {
    rule: CutRule,
    weight: u64,
}

impl Cutter {
    /// Begins at a cut.
    pub fn new(rule: CutRule) -> Self {
        Self { rule, weight: 0 }
    }

    /// Takes one step of a weight (bytes or entries) that ends with `key`; true if a cut follows after it.
    pub fn step(&mut self, key: &[u8], weight: u64) -> bool {
        let before = self.weight;
        self.weight = before.saturating_add(weight);
        let cuts = self.rule.cuts(key, before, self.weight);
        if cuts {
            self.weight = 0;
        }
        cuts
    }

    /// Takes steps of which it is known that no cut follows them.
    pub fn pass(&mut self, weight: u64) {
        self.weight = self.weight.saturating_add(weight);
    }

    /// The weight since the last cut.
    pub fn weight(&self) -> u64 {
        self.weight
    }

    /// Forgets what came since the last cut, as if a cut were here.
    pub fn reset(&mut self) {
        self.weight = 0;
    }
}
