//! When the hub thread has to do something even if no input arrives.

use std::time::Duration;

/// How long the hub may wait for an input: until the first of its deadlines,
/// the next full second among them. All in milliseconds.
pub(super) fn longest_wait(now: u64, hub: Option<u64>, echoes: Option<u64>) -> Duration {
    let next_second = (now / 1000 + 1) * 1000;
    let deadlines = [hub, echoes].into_iter().flatten();
    let first = deadlines.fold(next_second, u64::min);
    Duration::from_millis(first.saturating_sub(now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_deadline_ends_the_wait() {
        for (hub, echoes, expected) in [
            (None, None, 500),
            (Some(9000), None, 500),
            (Some(1700), Some(1625), 125),
            (Some(1600), Some(1625), 100),
            (None, Some(1400), 0),
        ] {
            let wait = longest_wait(1500, hub, echoes);
            assert_eq!(wait, Duration::from_millis(expected), "{hub:?} {echoes:?}");
        }
    }
}
