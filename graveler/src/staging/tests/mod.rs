//! Views that are committed to while they are walked.

mod half_a_reset;
mod moving_view;
