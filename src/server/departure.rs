//! Asks clients to leave before a server ends, a few at a time, so that they do not all reconnect
//! to the other servers at once.
//!
//! First there is a period of notice, as long as the time allows, in which balancers find out that
//! no more clients should be sent here. The last clients are asked when the time is over.

use std::time::{Duration, Instant};

use crate::turn::HubHandle;

/// The most clients asked at once, as a time: a delay is not made up for beyond that.
const AT_ONCE: Duration = Duration::from_millis(100);

/// The departure of all clients.
pub(super) struct Departure {
    end: Instant,
    pace: Option<Pace>,
    /// All connections of the hub below this slot have been asked.
    next: usize,
    is_said: bool,
}

impl Departure {
    /// Ends at `end`, with `rate` clients asked per second; 0 asks none.
    pub fn new(end: Instant, rate: u64, now: Instant) -> Departure {
        Departure {
            end,
            pace: Pace::new(rate, now),
            next: 0,
            is_said: false,
        }
    }

    /// Asks as many of the `connections` as are due by now. Call it repeatedly.
    pub fn step(&mut self, hub: &HubHandle, connections: usize) {
        let now = Instant::now();
        let Some(pace) = &mut self.pace else {
            return;
        };
        let needed = pace.needed(connections);
        let left = self.end.saturating_duration_since(now);
        if connections == 0 || needed + AT_ONCE < left {
            pace.rest(now);
            return;
        }
        if !std::mem::replace(&mut self.is_said, true) {
            log::info!(
                "telling {connections} connections to go, {} a second",
                pace.rate
            );
            if let Some(over) = needed.checked_sub(left).filter(|over| *over > AT_ONCE) {
                log::warn!(
                    "with drain_rate {} that takes {} s longer than drain_seconds leave: the \
                     last are told all at once",
                    pace.rate,
                    over.as_secs() + 1
                );
            }
        }
        let count = pace.due(now);
        if count == 0 {
            return;
        }
        let from = self.next;
        let told = hub.ask(move |hub, now, fx| hub.send_away(from, count, now, fx));
        // A hub that is too busy to answer has enough to do.
        if let Ok(next) = told {
            self.next = next;
        }
    }
}

/// A steady number per second.
struct Pace {
    rate: u64,
    last: Instant,
    /// In millionths of a connection.
    saved: u64,
}

const WHOLE: u64 = 1_000_000;

impl Pace {
    fn new(rate: u64, now: Instant) -> Option<Pace> {
        (rate > 0).then_some(Pace {
            rate,
            last: now,
            saved: 0,
        })
    }

    /// How long it takes for that many.
    fn needed(&self, count: usize) -> Duration {
        Duration::from_millis((count as u64).saturating_mul(1000) / self.rate)
    }

    /// Lets time pass in which no client is asked.
    fn rest(&mut self, now: Instant) {
        self.last = now;
    }

    /// How many are due.
    fn due(&mut self, now: Instant) -> usize {
        let passed = now.saturating_duration_since(self.last).min(AT_ONCE);
        self.last = now;
        let micros = u64::try_from(passed.as_micros()).unwrap_or(u64::MAX);
        // A million parts per connection, a million microseconds per second.
        self.saved = self.saved.saturating_add(micros.saturating_mul(self.rate));
        let count = self.saved / WHOLE;
        self.saved %= WHOLE;
        usize::try_from(count).unwrap_or(usize::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(rate: u64, step: Duration, steps: u32) -> usize {
        let begin = Instant::now();
        let mut pace = Pace::new(rate, begin).unwrap();
        (1..=steps).map(|n| pace.due(begin + step * n)).sum()
    }

    #[test]
    fn as_many_are_told_as_the_rate_says_whatever_the_steps() {
        let ms = Duration::from_millis;
        assert_eq!(told(1000, ms(50), 20), 1000);
        assert_eq!(told(1000, ms(7), 100), 700);
        assert_eq!(told(3, ms(50), 20), 3);
        assert_eq!(told(1, ms(50), 19), 0);
        assert_eq!(told(100_000, ms(1), 10), 1000);
    }

    #[test]
    fn who_was_held_up_does_not_make_up_for_it() {
        let begin = Instant::now();
        let mut pace = Pace::new(1000, begin).unwrap();
        assert_eq!(pace.due(begin + Duration::from_secs(60)), 100);
        assert_eq!(pace.due(begin + Duration::from_secs(60)), 0);
        // Time in which no client was to be asked does not count either.
        pace.rest(begin + Duration::from_secs(90));
        assert_eq!(pace.due(begin + Duration::from_secs(90)), 0);
    }

    #[test]
    fn without_a_rate_nobody_is_told() {
        assert!(Pace::new(0, Instant::now()).is_none());
        let pace = Pace::new(500, Instant::now()).unwrap();
        assert_eq!(pace.needed(10_000), Duration::from_secs(20));
        assert_eq!(pace.needed(0), Duration::ZERO);
    }
}
