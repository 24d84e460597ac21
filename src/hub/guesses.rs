//! Wrong guesses at channels: how many a subscriber may make a minute, so that no client
//! finds a key, or the name of a secret channel, by trying.

use std::collections::{BTreeSet, HashMap};

use crate::model::subscriber::Subscriber;

use super::{Now, Refusal};

/// The most wrong guesses that a subscriber may make within [`WINDOW_MS`].
pub const MAX_GUESSES: u32 = 10;
/// How long wrong guesses are counted.
const WINDOW_MS: u64 = 60_000;
/// The most subscribers that are remembered: beyond that, the one that was first is
/// forgotten.
const MAX_SUBSCRIBERS: usize = 10_000;

/// Those that have guessed wrong lately.
#[derive(Default)]
pub(super) struct Guesses {
    /// When the minute of each ends, and how many wrong guesses came in it.
    by_subscriber: HashMap<Subscriber, (u64, u32)>,
    ends: BTreeSet<(u64, Subscriber)>,
}

impl Guesses {
    /// Checks that a subscriber may guess once more.
    pub fn check(&self, by: Subscriber, now: Now) -> Result<(), Refusal> {
        match self.by_subscriber.get(&by) {
            Some(&(end, count)) if count >= MAX_GUESSES && end > now.ticks_ms => {
                let left = end - now.ticks_ms;
                Err(Refusal::TooManyWrongKeys(left.div_ceil(1000)))
            }
            _ => Ok(()),
        }
    }

    /// Counts a wrong guess.
    pub fn was_wrong(&mut self, by: Subscriber, now: Now) {
        self.forget(now);
        if let Some((_, count)) = self.by_subscriber.get_mut(&by) {
            *count += 1;
            return;
        }
        let end = now.ticks_ms + WINDOW_MS;
        self.by_subscriber.insert(by, (end, 1));
        self.ends.insert((end, by));
    }

    /// Forgets the minutes that are over, and makes room for one more subscriber.
    fn forget(&mut self, now: Now) {
        while let Some(&(end, by)) = self.ends.first()
            && (end <= now.ticks_ms || self.ends.len() >= MAX_SUBSCRIBERS)
        {
            self.ends.pop_first();
            self.by_subscriber.remove(&by);
        }
    }
}
