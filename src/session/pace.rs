//! How fast one connection may send: a token bucket that remembers how often it was
//! ignored. A command that costs more than a message takes further tokens after the
//! fact; `cost` says which do.

use std::time::{Duration, Instant};

use super::context::SessionLimits;

/// Refused messages after which a connection is closed, in bursts.
const PATIENCE: u32 = 5;

/// The longest time for which a client that sends too fast is not read. Pings and
/// farewells wait no longer than this.
const MAX_PAUSE: Duration = Duration::from_secs(1);

/// Paces what one connection sends.
#[derive(Debug)]
pub struct Pace {
    limit: RateLimit,
    began: Instant,
}

impl Pace {
    /// The pace of a new connection.
    pub fn new(limits: &SessionLimits) -> Pace {
        Pace {
            limit: RateLimit::new(limits.message_rate, limits.message_burst),
            began: Instant::now(),
        }
    }

    /// Judges the next message; the thread waits for a moment first if that is
    /// allowed and helps.
    pub(super) fn judge(&mut self, may_wait: bool) -> Verdict {
        if may_wait {
            let pause = self.limit.wait(self.began.elapsed());
            if pause > Duration::ZERO && pause <= MAX_PAUSE {
                std::thread::sleep(pause);
            }
        }
        self.limit.check(self.began.elapsed())
    }

    /// Waits until a command may be carried out, and charges its cost. For clients that
    /// are slowed instead of being refused.
    pub(super) fn wait_turn(&mut self, cost: u32) {
        if cost == 0 {
            return;
        }
        loop {
            let pause = self.limit.wait(self.began.elapsed());
            if pause.is_zero() {
                break;
            }
            std::thread::sleep(pause.min(MAX_PAUSE));
        }
        self.limit.check(self.began.elapsed());
        self.charge(cost);
    }

    /// Charges `cost` for the message that was just passed, instead of 1.
    pub fn charge(&mut self, cost: u32) {
        self.limit.charge(cost.saturating_sub(1));
    }
}

/// Limits one connection's messages.
#[derive(Debug)]
pub struct RateLimit {
    per_second: f64,
    burst: f64,
    tokens: f64,
    last: Duration,
    refused: u32,
}

/// What to do with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Carry it out.
    Pass,
    /// Carry it out, and tell the sender, who has slowed down, how many were refused.
    PassAfter {
        /// Messages refused since the warning.
        refused: u32,
    },
    /// Refuse it and warn.
    Warn,
    /// Refuse it; the sender was warned before.
    Refuse,
    /// Close the connection.
    Close,
}

impl RateLimit {
    /// `per_second` sustained, `burst` at once; 0 per second is no limit.
    pub fn new(per_second: f64, burst: u32) -> RateLimit {
        let burst = f64::from(burst.max(1));
        RateLimit {
            per_second,
            burst,
            tokens: burst,
            last: Duration::ZERO,
            refused: 0,
        }
    }

    /// How long a message sent at `now` would have to wait to be passed.
    pub fn wait(&self, now: Duration) -> Duration {
        let missing = self.needed() - self.tokens_at(now);
        match self.per_second > 0.0 && missing > 0.0 {
            true => Duration::try_from_secs_f64(missing / self.per_second).unwrap_or(Duration::MAX),
            false => Duration::ZERO,
        }
    }

    /// Judges a message sent at `now`, a monotonic time.
    pub fn check(&mut self, now: Duration) -> Verdict {
        if self.per_second <= 0.0 {
            return Verdict::Pass;
        }
        self.tokens = self.tokens_at(now);
        self.last = now;
        if self.tokens >= self.needed() {
            self.tokens -= 1.0;
            return match std::mem::take(&mut self.refused) {
                0 => Verdict::Pass,
                refused => Verdict::PassAfter { refused },
            };
        }
        self.refused += 1;
        if f64::from(self.refused) > self.burst * f64::from(PATIENCE) {
            Verdict::Close
        } else if self.refused == 1 {
            Verdict::Warn
        } else {
            Verdict::Refuse
        }
    }

    /// Charges `more` for a message that was passed. Charging it afterwards makes
    /// no difference in the long run: the next messages wait longer.
    pub fn charge(&mut self, more: u32) {
        if self.per_second > 0.0 {
            // Otherwise one command could cost what no bucket ever holds.
            self.tokens -= f64::from(more).min(self.burst);
        }
    }

    fn tokens_at(&self, now: Duration) -> f64 {
        let elapsed = now.saturating_sub(self.last).as_secs_f64();
        (self.tokens + elapsed * self.per_second).min(self.burst)
    }

    /// The tokens that the next message needs. After a warning, a quarter of the
    /// bucket must fill first, or every other message would pass and every other
    /// one cause a warning.
    fn needed(&self) -> f64 {
        match self.refused {
            0 => 1.0,
            _ => (self.burst / 4.0).max(1.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_burst_passes_then_one_warning_then_refusals() {
        let mut limit = RateLimit::new(10.0, 4);
        for _ in 0..4 {
            assert_eq!(limit.check(at(0)), Verdict::Pass);
        }
        assert_eq!(limit.check(at(0)), Verdict::Warn);
        assert_eq!(limit.check(at(10)), Verdict::Refuse);
        assert_eq!(limit.check(at(200)), Verdict::PassAfter { refused: 2 });
        assert_eq!(limit.check(at(200)), Verdict::Pass);
        assert_eq!(limit.check(at(200)), Verdict::Warn);
    }

    #[test]
    fn who_never_stops_is_closed() {
        let mut limit = RateLimit::new(1.0, 2);
        let verdicts: Vec<Verdict> = (0..14).map(|_| limit.check(at(0))).collect();
        assert_eq!(verdicts.iter().filter(|v| **v == Verdict::Warn).count(), 1);
        assert_eq!(verdicts[12], Verdict::Close);
    }

    #[test]
    fn the_sustained_rate_passes_for_ever() {
        let mut limit = RateLimit::new(20.0, 40);
        for second in 0..1000 {
            for message in 0..20 {
                assert_eq!(limit.check(at(second * 1000 + message * 50)), Verdict::Pass);
            }
        }
    }

    #[test]
    fn who_waits_as_long_as_it_takes_passes() {
        let mut limit = RateLimit::new(10.0, 8);
        assert_eq!(limit.wait(at(0)), Duration::ZERO);
        for _ in 0..8 {
            assert_eq!(limit.check(at(0)), Verdict::Pass);
        }
        assert_eq!(limit.wait(at(0)), at(100));
        assert_eq!(limit.check(at(0)), Verdict::Warn);
        assert_eq!(limit.wait(at(50)), at(150));
        assert_eq!(limit.check(at(200)), Verdict::PassAfter { refused: 1 });
        assert_eq!(RateLimit::new(0.0, 1).wait(at(0)), Duration::ZERO);
    }

    #[test]
    fn what_costs_more_makes_the_next_wait_for_longer() {
        let mut limit = RateLimit::new(10.0, 8);
        assert_eq!(limit.check(at(0)), Verdict::Pass);
        limit.charge(9);
        assert_eq!(limit.wait(at(0)), at(200));
        assert_eq!(limit.wait(at(150)), at(50));
        assert_eq!(limit.check(at(200)), Verdict::Pass);
        // More than fits is not owed.
        limit.charge(1_000_000);
        assert_eq!(limit.wait(at(200)), at(900));
        let mut unlimited = RateLimit::new(0.0, 1);
        unlimited.charge(100);
        assert_eq!(unlimited.check(at(0)), Verdict::Pass);
    }

    #[test]
    fn zero_is_no_limit() {
        let mut limit = RateLimit::new(0.0, 1);
        for _ in 0..1000 {
            assert_eq!(limit.check(at(0)), Verdict::Pass);
        }
    }
}
