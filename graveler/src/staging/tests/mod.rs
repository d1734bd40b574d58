//! Views that are committed to while they are walked, and writes that travel together.

mod batches;
mod half_a_reset;
mod moving_view;
