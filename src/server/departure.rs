//! How people are told to go before a server ends: a few at a time, so that
//! they do not all come to the other servers at once.
//!
//! The notice comes first: balancers have as much of the time as can be had to
//! find out that nobody is to be sent here. The last people are told when the
//! time is over.

use std::time::{Duration, Instant};

use crate::turn::HubHandle;

/// The most that is told at once, as a time: who was held up does not make up
/// for it.
const AT_ONCE: Duration = Duration::from_millis(100);

/// People on their way out.
pub(super) struct Departure {
    end: Instant,
    pace: Option<Pace>,
    /// Up to which slot of the hub's connections all have been told.
    next: usize,
    is_said: bool,
}

impl Departure {
    /// To be over at `end`, with so many told to go in a second; 0 is nobody.
    pub fn new(end: Instant, rate: u64, now: Instant) -> Departure {
        Departure {
            end,
            pace: Pace::new(rate, now),
            next: 0,
            is_said: false,
        }
    }

    /// Tells as many to go as have to by now, of so many who are there.
    /// To be called again and again.
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

/// So many in a second, evenly.
struct Pace {
    rate: u64,
    last: Instant,
    /// In parts of which a connection has a million.
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

    /// How long it takes for so many.
    fn needed(&self, count: usize) -> Duration {
        Duration::from_millis((count as u64).saturating_mul(1000) / self.rate)
    }

    /// Lets time pass in which nobody is told.
    fn rest(&mut self, now: Instant) {
        self.last = now;
    }

    /// How many it is time for.
    fn due(&mut self, now: Instant) -> usize {
        let passed = now.saturating_duration_since(self.last).min(AT_ONCE);
        self.last = now;
        let micros = u64::try_from(passed.as_micros()).unwrap_or(u64::MAX);
        // A million parts a connection, a million microseconds a second.
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
        // Nor does a time count in which nobody was to be told.
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
