//! Wrong guesses at channels: how many an address may make a minute, so that no client
//! finds a key, or the name of a secret channel, by trying.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

use super::{Now, Refusal};

/// The most wrong guesses that an address may make within [`WINDOW_MS`].
pub const MAX_GUESSES: u32 = 10;
/// How long wrong guesses are counted.
const WINDOW_MS: u64 = 60_000;
/// The most addresses that are remembered: beyond that, the one that was first is
/// forgotten.
const MAX_ADDRESSES: usize = 10_000;

/// The addresses that have guessed wrong lately, by
/// [`crate::model::subscriber`].
#[derive(Default)]
pub(super) struct Guesses {
    /// When the minute of each ends, and how many wrong guesses came in it.
    by_address: HashMap<IpAddr, (u64, u32)>,
    ends: BTreeSet<(u64, IpAddr)>,
}

impl Guesses {
    /// Checks that an address may guess once more.
    pub fn check(&self, address: IpAddr, now: Now) -> Result<(), Refusal> {
        match self.by_address.get(&address) {
            Some(&(end, count)) if count >= MAX_GUESSES && end > now.ticks_ms => {
                let left = end - now.ticks_ms;
                Err(Refusal::TooManyWrongKeys(left.div_ceil(1000)))
            }
            _ => Ok(()),
        }
    }

    /// Counts a wrong guess.
    pub fn was_wrong(&mut self, address: IpAddr, now: Now) {
        self.forget(now);
        if let Some((_, count)) = self.by_address.get_mut(&address) {
            *count += 1;
            return;
        }
        let end = now.ticks_ms + WINDOW_MS;
        self.by_address.insert(address, (end, 1));
        self.ends.insert((end, address));
    }

    /// Forgets the minutes that are over, and makes room for one more address.
    fn forget(&mut self, now: Now) {
        while let Some(&(end, address)) = self.ends.first()
            && (end <= now.ticks_ms || self.ends.len() >= MAX_ADDRESSES)
        {
            self.ends.pop_first();
            self.by_address.remove(&address);
        }
    }
}
