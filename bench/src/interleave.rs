//! Slices of base and ours in the order A B B A, so that what drifts on a shared machine drifts under both. Owns what is
//! made of them: a median of the rounds, and the smallest and largest as its interval.

use anyhow::Result;

use crate::serve::Counts;

/// What was done in one slice of time.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Slice {
    /// Operations that ended well.
    pub(crate) operations: u64,
    /// How long it took.
    pub(crate) seconds: f64,
    /// Seconds of CPU of the side that was measured.
    pub(crate) cpu: f64,
    /// Seconds of CPU of the client; zero when it is the one measured.
    pub(crate) client_cpu: f64,
    /// What the side that was measured counted meanwhile.
    pub(crate) counts: Counts,
}

impl Slice {
    /// Operations per second.
    pub(crate) fn rate(&self) -> f64 {
        self.operations as f64 / self.seconds
    }

    /// Seconds of CPU per operation.
    pub(crate) fn cpu_each(&self) -> f64 {
        self.cpu / self.operations.max(1) as f64
    }

    /// Two slices as one.
    pub(crate) fn and(&self, other: &Self) -> Self {
        Self {
            operations: self.operations + other.operations,
            seconds: self.seconds + other.seconds,
            cpu: self.cpu + other.cpu,
            client_cpu: self.client_cpu + other.client_cpu,
            counts: self.counts.and(&other.counts),
        }
    }
}

/// A number that was measured in several rounds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Measured {
    /// The middle one.
    pub(crate) median: f64,
    /// The smallest.
    pub(crate) low: f64,
    /// The largest.
    pub(crate) high: f64,
}

impl Measured {
    fn of(values: impl Iterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.collect();
        values.sort_by(f64::total_cmp);
        let at = |index: usize| values.get(index).copied().unwrap_or(f64::NAN);
        let median = (at((values.len().max(1) - 1) / 2) + at(values.len() / 2)) / 2.0;
        Self { median, low: at(0), high: at(values.len().max(1) - 1) }
    }
}

/// Rounds of base and ours.
pub(crate) struct Rounds(Vec<(Slice, Slice)>);

impl Rounds {
    /// Ours over base, in operations per second.
    pub(crate) fn rate_ratio(&self) -> Measured {
        Measured::of(self.0.iter().map(|(base, ours)| ours.rate() / base.rate()))
    }

    /// Ours over base, in CPU per operation.
    pub(crate) fn cpu_ratio(&self) -> Measured {
        Measured::of(self.0.iter().map(|(base, ours)| ours.cpu_each() / base.cpu_each()))
    }

    /// All of base.
    pub(crate) fn base(&self) -> Slice {
        self.0.iter().fold(Slice::default(), |sum, (base, _)| sum.and(base))
    }

    /// All of ours.
    pub(crate) fn ours(&self) -> Slice {
        self.0.iter().fold(Slice::default(), |sum, (_, ours)| sum.and(ours))
    }
}

/// Runs one slice of each that isn't counted, then rounds of A B B A.
pub(crate) async fn interleave(
    rounds: usize,
    base: impl AsyncFn() -> Result<Slice>,
    ours: impl AsyncFn() -> Result<Slice>,
) -> Result<Rounds> {
    base().await?;
    ours().await?;
    let mut done = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        let (a, b) = (base().await?, ours().await?);
        let (b2, a2) = (ours().await?, base().await?);
        done.push((a.and(&a2), b.and(&b2)));
    }
    Ok(Rounds(done))
}
