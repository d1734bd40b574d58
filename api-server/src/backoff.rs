//! How long a flow waits before it tries again what others got in the way of. Owns the bounds: waits double from
//! [`WAIT_MS_MIN`] to [`WAIT_MS_MAX`], each drawn at random from the upper half, so that rivals don't march in step.

use std::time::Duration;

const WAIT_MS_MIN: u64 = 4;
const WAIT_MS_MAX: u64 = 256;

/// Waits before the next attempt; `attempt` counts from 0.
pub(crate) async fn wait(attempt: u32) {
    tokio::time::sleep(Duration::from_millis(draw(attempt))).await;
}

fn draw(attempt: u32) -> u64 {
    let most = WAIT_MS_MIN.saturating_mul(1 << attempt.min(16)).min(WAIT_MS_MAX);
    rand::random_range(most / 2..=most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_their_bound() {
        assert!((WAIT_MS_MIN / 2..=WAIT_MS_MIN).contains(&draw(0)));
        for attempt in [10, 100, u32::MAX] {
            assert!((WAIT_MS_MAX / 2..=WAIT_MS_MAX).contains(&draw(attempt)));
        }
    }
}
