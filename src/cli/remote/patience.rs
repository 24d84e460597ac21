//! How long a call that fails is tried again.

use std::time::{Duration, Instant};

/// The first pause; each is twice as long as the one before.
const FIRST: Duration = Duration::from_millis(500);
/// The longest pause, unless the server names a longer one.
const LONGEST: Duration = Duration::from_secs(15);

/// The time that is left for trying, and the pauses in between.
pub struct Patience {
    end: Instant,
    pause: Duration,
}

impl Patience {
    /// To try for so long from now on.
    pub fn of(time: Duration) -> Patience {
        Patience {
            end: Instant::now() + time,
            pause: FIRST,
        }
    }

    /// What is left of the time.
    pub fn left(&self) -> Duration {
        self.end.saturating_duration_since(Instant::now())
    }

    /// How long to wait before the next try: as long as the server has said, if it has. `None` if
    /// the time would be over then.
    pub fn next_pause(&mut self, told: Option<Duration>) -> Option<Duration> {
        let pause = told.unwrap_or(self.pause);
        self.pause = (self.pause * 2).min(LONGEST);
        (pause < self.left()).then_some(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_the_end_of_the_time() {
        let mut patience = Patience::of(Duration::from_secs(3600));
        let pauses: Vec<_> = (0..7).filter_map(|_| patience.next_pause(None)).collect();
        let ms = [500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000];
        assert_eq!(pauses, ms.map(Duration::from_millis));
        let told = Duration::from_secs(60);
        assert_eq!(patience.next_pause(Some(told)), Some(told));
        assert_eq!(patience.next_pause(Some(told * 61)), None);
        assert_eq!(Patience::of(Duration::ZERO).next_pause(None), None);
    }
}
