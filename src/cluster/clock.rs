//! Compares this server's clock with that of Redis, the one clock that all servers share.
//! Deterministic: readings are passed in.
//!
//! Nothing that clients are sent depends on it: Redis gives out the ids, and their order is that of
//! the log. But a ban, a pass or a token expires by each server's own clock, and messages show its
//! time.

/// Differences from this size on are logged.
const WORTH_A_LINE_MS: u64 = 2_000;

/// One comparison: this server's clock before and after it asked, and Redis's clock in between, in
/// milliseconds since 1970 UTC.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    pub before: u64,
    pub redis: u64,
    pub after: u64,
}

/// What is known of the difference.
#[derive(Debug, Default)]
pub struct Clock {
    /// How far this server's clock is ahead at least, in milliseconds; negative: behind.
    ahead_ms: i64,
    is_logged: bool,
    is_too_far: bool,
}

impl Reading {
    /// How far this server's clock is ahead at least. A slow answer gives a weak bound, never a
    /// wrong one.
    fn ahead_ms(self) -> i64 {
        let gap = |more: u64, less: u64| i64::try_from(more - less).unwrap_or(i64::MAX);
        if self.after < self.before {
            // This server's clock was set back in between.
            0
        } else if self.redis < self.before {
            gap(self.before, self.redis)
        } else if self.redis > self.after {
            -gap(self.redis, self.after)
        } else {
            0
        }
    }
}

impl Clock {
    /// Records a comparison. From a difference of `most_ms` on this server is not ready; 0 is no
    /// limit. A difference close to the limit is not logged again and again.
    pub fn compare(&mut self, reading: Reading, most_ms: u64) {
        self.ahead_ms = reading.ahead_ms();
        let off_ms = self.ahead_ms.unsigned_abs();
        let lasts = |was: bool, limit: u64| off_ms > if was { limit / 2 } else { limit };
        self.is_too_far = most_ms > 0 && lasts(self.is_too_far, most_ms);
        let is_worth_it = lasts(self.is_logged, WORTH_A_LINE_MS);
        if is_worth_it && !self.is_logged {
            log::warn!("{}", self.words());
        } else if !is_worth_it && self.is_logged {
            log::info!("this server's clock agrees with that of Redis again");
        }
        self.is_logged = is_worth_it;
    }

    /// By how many milliseconds this server's clock is ahead.
    pub fn ahead_ms(&self) -> i64 {
        self.ahead_ms
    }

    /// What is wrong, if the difference is larger than allowed.
    pub fn trouble(&self) -> Option<String> {
        self.is_too_far.then(|| self.words())
    }

    fn words(&self) -> String {
        let side = match self.ahead_ms < 0 {
            true => "behind",
            false => "ahead of",
        };
        format!(
            "this server's clock is {:.1} seconds {side} that of Redis: set both by NTP",
            self.ahead_ms.unsigned_abs() as f64 / 1000.0
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compare(clock: &mut Clock, before: u64, redis: u64, after: u64) -> i64 {
        let reading = Reading {
            before,
            redis,
            after,
        };
        clock.compare(reading, 30_000);
        clock.ahead_ms()
    }

    #[test]
    fn an_answer_that_was_long_in_coming_proves_nothing() {
        let mut clock = Clock::default();
        assert_eq!(compare(&mut clock, 1_000, 90_000, 100_000), 0);
        assert_eq!(compare(&mut clock, 1_000, 1_001, 1_002), 0);
        assert_eq!(compare(&mut clock, 100_000, 40_000, 100_005), 60_000);
        assert_eq!(compare(&mut clock, 40_000, 100_000, 40_010), -59_990);
        assert_eq!(compare(&mut clock, 40_000, 20_000, 10_000), 0);
    }

    #[test]
    fn a_difference_at_the_limit_is_told_once() {
        let mut clock = Clock::default();
        let mut off = |ms: u64| {
            compare(&mut clock, 100_000, 100_000 + ms, 100_000);
            clock.trouble()
        };
        assert_eq!(off(30_000), None);
        let words = off(30_001).unwrap();
        assert!(words.contains("30.0 seconds behind"), "{words}");
        assert!(off(29_000).is_some(), "it wavers");
        assert_eq!(off(15_000), None);
        assert_eq!(off(16_000), None);
    }
}
