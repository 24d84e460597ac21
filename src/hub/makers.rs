//! Limits on creating channels: how many there may be altogether, how many may
//! be created from one address, and how fast.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

use super::{Limits, Now, Refusal};

/// A minute, in the unit in which the pace is counted.
const MINUTE_US: u64 = 60_000_000;
/// Idle addresses examined for removal whenever an address creates a channel.
/// More than one, so that more are removed than are added.
const TIDIED: usize = 2;

/// The addresses that have made channels, by [`crate::model::subscriber`].
#[derive(Default)]
pub(super) struct Makers {
    by_address: HashMap<IpAddr, Maker>,
    /// Addresses without channels, by the time from which they may again create
    /// a full minute's channels: from then on there is nothing to remember.
    idle: BTreeSet<(u64, IpAddr)>,
}

#[derive(Default)]
struct Maker {
    /// Channels created from the address that still exist.
    channels: usize,
    /// When it may again create a full minute's channels at once.
    rested_at_us: u64,
}

impl Makers {
    /// Checks that an address may create one more channel, if there are `all` and
    /// `freed` of the address's own disappear in exchange.
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

    /// Counts a channel that an address has created.
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

    /// Counts a channel of an address that has disappeared.
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
        // If either differs, the address has created other channels since.
        if maker.is_some_and(|maker| maker.channels == 0 && maker.rested_at_us == rested_at) {
            self.by_address.remove(&address);
        }
    }

    /// How many addresses are remembered.
    pub fn len(&self) -> usize {
        self.by_address.len()
    }
}

/// The new `rested_at_us` of an address that creates a channel now, if there is
/// a limit.
fn next(rested_at_us: u64, limits: &Limits, now: Now) -> Option<u64> {
    let a_minute = u64::try_from(limits.new_channels_per_minute).ok()?;
    let each = MINUTE_US.checked_div(a_minute)?;
    Some(rested_at_us.max(micros(now)) + each)
}

fn micros(now: Now) -> u64 {
    now.ticks_ms.saturating_mul(1000)
}
