//! Who makes channels: how many there may be in all, how many people of one
//! address may have made, and how fast.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

use super::{Limits, Now, Refusal};

/// A minute in the unit that paces are counted in.
const MINUTE_US: u64 = 60_000_000;
/// Addresses looked at, each time one is noted, for whether they can be
/// forgotten: more than come.
const TIDIED: usize = 2;

/// The addresses that have made channels, by [`crate::model::subscriber`].
#[derive(Default)]
pub(super) struct Makers {
    by_address: HashMap<IpAddr, Maker>,
    /// Addresses none of whose channels are left, and when they may make as
    /// many as ever again: then nothing is to be remembered of them.
    idle: BTreeSet<(u64, IpAddr)>,
}

#[derive(Default)]
struct Maker {
    /// Channels that it has made and that are still there.
    channels: usize,
    /// When it may make a whole minute's channels at once again.
    rested_at_us: u64,
}

impl Makers {
    /// Whether an address may make one more channel, if `freed` of its own go
    /// with that and there are so many in all.
    pub fn check(
        &self,
        address: IpAddr,
        (all, freed): (usize, usize),
        limits: &Limits,
        now: Now,
    ) -> Result<(), Refusal> {
        let reached = |most: usize, count: usize| most > 0 && count >= most + freed;
        if reached(limits.channels, all) {
            return Err(Refusal::NoMoreChannels(limits.channels));
        }
        let maker = self.by_address.get(&address);
        let made = maker.map_or(0, |maker| maker.channels);
        if reached(limits.channels_per_address, made) {
            return Err(Refusal::TooManyMade(limits.channels_per_address));
        }
        let rested_at = maker.map_or(0, |maker| maker.rested_at_us);
        if let Some(next) = next(rested_at, limits, now)
            && next > micros(now) + MINUTE_US
        {
            return Err(Refusal::MadeTooFast(limits.new_channels_per_minute));
        }
        Ok(())
    }

    /// An address has made a channel.
    pub fn made(&mut self, address: IpAddr, limits: &Limits, now: Now) {
        for _ in 0..TIDIED {
            self.forget_one(now);
        }
        let maker = self.by_address.entry(address).or_default();
        maker.channels += 1;
        if let Some(next) = next(maker.rested_at_us, limits, now) {
            maker.rested_at_us = next;
        }
    }

    /// One of the channels that an address has made is gone.
    pub fn channel_gone(&mut self, maker: Option<IpAddr>) {
        let Some(address) = maker else {
            return;
        };
        if let Some(maker) = self.by_address.get_mut(&address) {
            maker.channels = maker.channels.saturating_sub(1);
            if maker.channels == 0 {
                self.idle.insert((maker.rested_at_us, address));
            }
        }
    }

    fn forget_one(&mut self, now: Now) {
        let Some(&(rested_at, address)) = self.idle.first() else {
            return;
        };
        if rested_at > micros(now) {
            return;
        }
        self.idle.pop_first();
        let maker = self.by_address.get(&address);
        // Otherwise it has made others since.
        if maker.is_some_and(|maker| maker.channels == 0 && maker.rested_at_us == rested_at) {
            self.by_address.remove(&address);
        }
    }

    /// Addresses that are remembered.
    pub fn len(&self) -> usize {
        self.by_address.len()
    }
}

/// When an address has rested that makes one channel now, if there is a limit.
fn next(rested_at_us: u64, limits: &Limits, now: Now) -> Option<u64> {
    let a_minute = u64::try_from(limits.new_channels_per_minute).ok()?;
    let each = MINUTE_US.checked_div(a_minute)?;
    Some(rested_at_us.max(micros(now)) + each)
}

fn micros(now: Now) -> u64 {
    now.ticks_ms.saturating_mul(1000)
}
