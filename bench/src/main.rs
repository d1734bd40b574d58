//! Ratios against a direct server and raw baselines, with counters.
fn main() {}
