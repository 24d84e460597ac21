//! Limits on creating channels: how many there may be altogether, how many may
//! be created by one subscriber, and how fast.

use std::collections::{BTreeSet, HashMap};

use crate::model::subscriber::Subscriber;

use super::{Limits, Now, Refusal};

/// A minute, in the unit in which the pace is counted.
const MINUTE_US: u64 = 60_000_000;
/// Idle subscribers examined for removal whenever one creates a channel.
/// More than one, so that more are removed than are added.
const TIDIED: usize = 2;

/// Those that have made channels.
#[derive(Default)]
pub(super) struct Makers {
    by_subscriber: HashMap<Subscriber, Maker>,
    /// Subscribers without channels, by the time from which they may again create
    /// a full minute's channels: from then on there is nothing to remember.
    idle: BTreeSet<(u64, Subscriber)>,
}

#[derive(Default)]
struct Maker {
    /// Channels that it has created and that still exist.
    channels: usize,
    /// When it may again create a full minute's channels at once.
    rested_at_us: u64,
}

impl Makers {
    /// Checks that a subscriber may create one more channel, if there are `all` and
    /// `freed` of its own disappear in exchange.
    pub fn check(
        &self,
        by: Subscriber,
        (all, freed): (usize, usize),
        limits: &Limits,
        now: Now,
    ) -> Result<(), Refusal> {
        let reached = |most: usize, count: usize| most > 0 && count >= most + freed;
        if reached(limits.channels, all) {
            return Err(Refusal::NoMoreChannels(limits.channels));
        }
        let maker = self.by_subscriber.get(&by);
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

    /// Counts a channel that a subscriber has created.
    pub fn made(&mut self, by: Subscriber, limits: &Limits, now: Now) {
        for _ in 0..TIDIED {
            self.forget_one(now);
        }
        let maker = self.by_subscriber.entry(by).or_default();
        maker.channels += 1;
        if let Some(next) = next(maker.rested_at_us, limits, now) {
            maker.rested_at_us = next;
        }
    }

    /// Counts a channel of a subscriber that has disappeared.
    pub fn channel_gone(&mut self, maker: Option<Subscriber>) {
        let Some(by) = maker else {
            return;
        };
        if let Some(maker) = self.by_subscriber.get_mut(&by) {
            maker.channels = maker.channels.saturating_sub(1);
            if maker.channels == 0 {
                self.idle.insert((maker.rested_at_us, by));
            }
        }
    }

    fn forget_one(&mut self, now: Now) {
        let Some(&(rested_at, by)) = self.idle.first() else {
            return;
        };
        if rested_at > micros(now) {
            return;
        }
        self.idle.pop_first();
        let maker = self.by_subscriber.get(&by);
        // If either differs, it has created other channels since.
        if maker.is_some_and(|maker| maker.channels == 0 && maker.rested_at_us == rested_at) {
            self.by_subscriber.remove(&by);
        }
    }

    /// How many are remembered.
    pub fn len(&self) -> usize {
        self.by_subscriber.len()
    }
}

/// The new `rested_at_us` of a subscriber that creates a channel now, if there is
/// a limit.
fn next(rested_at_us: u64, limits: &Limits, now: Now) -> Option<u64> {
    let a_minute = u64::try_from(limits.new_channels_per_minute).ok()?;
    let each = MINUTE_US.checked_div(a_minute)?;
    Some(rested_at_us.max(micros(now)) + each)
}

fn micros(now: Now) -> u64 {
    now.ticks_ms.saturating_mul(1000)
}
