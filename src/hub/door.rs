//! At the door of a channel: what is checked before a connection comes in, and what it
//! is told if it does not.
//!
//! Who must not know of a channel is told no more at its door than at a name that cannot
//! be had. That something is there cannot be hidden altogether, because the name cannot
//! be given to another channel; therefore few names can be tried.

use crate::model::Name;
use crate::model::subscriber::Subscriber;

use super::channel::ChannelIndex;
use super::governance::Act;
use super::remote::Remote;
use super::{ConnectionId, Hub, Now, Refusal};

/// How a connection comes into a channel that is to be there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WayIn {
    /// It is in it.
    Inside,
    /// It is let in.
    Open,
    /// There is no such channel now; there may have been one.
    Missing,
}

impl Hub {
    /// How a connection comes into a channel, without what opens it. A channel that it has no
    /// business in is not told apart from one that is not there.
    pub fn way_in(&self, id: ConnectionId, name: &Name, now: Now) -> Result<WayIn, Refusal> {
        let Some(index) = self.channels.find(name) else {
            return Ok(match self.remote_channel(name) {
                Some(_) => WayIn::Open,
                None => WayIn::Missing,
            });
        };
        if self.is_member(id, index) {
            return Ok(WayIn::Inside);
        }
        match self.may_join(id, index, now) {
            Ok(()) => Ok(WayIn::Open),
            Err(Refusal::ChannelNameTaken(_) | Refusal::InviteOnly(_) | Refusal::WrongKey(_)) => {
                Err(Refusal::NoSuchChannel(name.clone()))
            }
            Err(refusal) => Err(refusal.naming(name)),
        }
    }

    /// Checks that the rules of a channel let a connection in.
    pub(super) fn check_joining(
        &self,
        id: ConnectionId,
        name: &Name,
        now: Now,
    ) -> Result<(), Refusal> {
        let Some(index) = self.channels.find(name) else {
            return Ok(());
        };
        let verdict = self.may_join(id, index, now);
        if matches!(verdict, Err(Refusal::ChannelNameTaken(_))) {
            self.check_guesses(id, now)?;
        }
        verdict.map_err(|refusal| refusal.naming(name))
    }

    fn may_join(&self, id: ConnectionId, index: ChannelIndex, now: Now) -> Result<(), Refusal> {
        let pass = self.connection(id).and_then(|it| it.pass.as_ref());
        self.may(id, index, &Act::Join(pass), now)
    }

    /// Whether a channel lets a connection neither in nor know of it.
    pub(super) fn is_shut(&self, id: ConnectionId, index: ChannelIndex, now: Now) -> bool {
        let verdict = self.may_join(id, index, now);
        matches!(verdict, Err(Refusal::ChannelNameTaken(_)))
    }

    /// Checks that too much was not guessed of late where a connection comes from: then it
    /// is told of no name whether that can be had.
    pub(super) fn check_guesses(&self, id: ConnectionId, now: Now) -> Result<(), Refusal> {
        let subscriber = self.subscriber_of(id);
        subscriber.map_or(Ok(()), |it| self.guesses.check(it, now))
    }

    /// Counts the outcome of a command as a wrong guess, if it was one. A command that
    /// gives a key guesses even where it is told only that there is no such channel.
    pub(super) fn count_guess(
        &mut self,
        id: ConnectionId,
        gives_key: bool,
        refusal: &Refusal,
        now: Now,
    ) {
        let is_guess = match refusal {
            Refusal::ChannelNameTaken(_) => true,
            Refusal::WrongKey(_) | Refusal::NoSuchChannel(_) => gives_key,
            _ => false,
        };
        if let Some(by) = self.subscriber_of(id).filter(|_| is_guess) {
            self.guesses.was_wrong(by, now);
        }
    }

    /// Checks that a connection may join one more channel after leaving `left`.
    pub(super) fn check_channels(&self, id: ConnectionId, left: usize) -> Result<(), Refusal> {
        let most = self.limits.channels_per_connection;
        match self.connection(id) {
            Some(connection) if connection.profile.one_channel => Ok(()),
            Some(connection) if most > 0 && connection.memberships.len() >= most + left => {
                Err(Refusal::TooManyChannels(most))
            }
            _ => Ok(()),
        }
    }

    /// Checks that a connection may create the channel, if it does not exist. The
    /// channel that the connection leaves may make room for it.
    pub(super) fn check_making(
        &self,
        id: ConnectionId,
        name: &Name,
        leaves: Option<ChannelIndex>,
        now: Now,
    ) -> Result<(), Refusal> {
        if self.channels.find(name).is_some() || self.remote_channel(name).is_some() {
            return Ok(());
        }
        self.check_guesses(id, now)?;
        if let Some(other) = self.channel_like(name)
            && !self.has_history(id, name)
        {
            return Err(match self.may_see(id, other, now) {
                true => Refusal::ChannelLooksLike(name.clone(), other.clone()),
                false => Refusal::ChannelNameTaken(name.clone()),
            });
        }
        let Some(maker) = self.maker(id) else {
            return Ok(());
        };
        let left = leaves.and_then(|index| self.channels.get(index));
        let freed = left.is_some_and(|channel| channel.goes_with(maker));
        let elsewhere = self.remote.as_ref().map_or(0, Remote::channel_count);
        let all = self.channels.len().max(elsewhere);
        let makers = &self.channels.makers;
        makers.check(maker, (all, usize::from(freed)), &self.limits, now)
    }

    /// The subscriber that a connection's new channels are counted for.
    pub(super) fn maker(&self, id: ConnectionId) -> Option<Subscriber> {
        self.subscriber_of(id)
    }

    /// The subscriber that limits on a connection are counted for.
    fn subscriber_of(&self, id: ConnectionId) -> Option<Subscriber> {
        let connection = self.connection(id)?;
        Some(match connection.program {
            Some(account) => Subscriber::Program(account),
            None => connection.profile.address.ip().into(),
        })
    }
}
