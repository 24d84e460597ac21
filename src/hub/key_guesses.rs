//! Wrong keys of channels: how many an address may give a minute, so that nobody finds
//! a key by trying.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

use super::{Now, Refusal};

/// The most wrong keys that an address may give within [`WINDOW_MS`].
pub const MAX_WRONG_KEYS: u32 = 10;
/// How long wrong keys are counted.
const WINDOW_MS: u64 = 60_000;
/// The most addresses that are remembered: beyond that, the one that was first is
/// forgotten.
const MAX_ADDRESSES: usize = 10_000;

/// The addresses that have given wrong keys lately, by
/// [`crate::model::subscriber`].
#[derive(Default)]
pub(super) struct KeyGuesses {
    /// When the minute of each ends, and how many wrong keys came in it.
    by_address: HashMap<IpAddr, (u64, u32)>,
    ends: BTreeSet<(u64, IpAddr)>,
}

impl KeyGuesses {
    /// Checks that an address may try one more key.
    pub fn check(&self, address: IpAddr, now: Now) -> Result<(), Refusal> {
        match self.by_address.get(&address) {
            Some(&(end, count)) if count >= MAX_WRONG_KEYS && end > now.ticks_ms => {
                let left = end - now.ticks_ms;
                Err(Refusal::TooManyWrongKeys(left.div_ceil(1000)))
            }
            _ => Ok(()),
        }
    }

    /// Counts a wrong key.
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
