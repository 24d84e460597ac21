//! The minute between two rounds of background work, by a clock that may be set.

/// How long it lasts.
const PAUSE_MS: u64 = 60_000;

/// The time of the next round; at first, at once.
#[derive(Default)]
pub struct Pause {
    until_ms: u64,
}

impl Pause {
    /// Whether the next round is due. A clock that was ahead once and has been set back does not
    /// delay it for years.
    pub fn is_over(&self, now_ms: u64) -> bool {
        now_ms >= self.until_ms || self.until_ms - now_ms > PAUSE_MS
    }

    /// A round is done.
    pub fn begin(&mut self, now_ms: u64) {
        self.until_ms = now_ms.saturating_add(PAUSE_MS);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_was_ahead_once_puts_nothing_off() {
        let mut pause = Pause::default();
        assert!(pause.is_over(0));
        pause.begin(1_000_000_000);
        assert!(!pause.is_over(1_000_059_999));
        assert!(pause.is_over(1_000_060_000));
        assert!(pause.is_over(5_000), "set back");
        pause.begin(5_000);
        assert!(!pause.is_over(5_001));
    }
}
