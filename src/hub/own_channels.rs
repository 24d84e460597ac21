//! The channels of an account: joining makes a channel one of them, leaving ends that,
//! and how far the account has read is the same on all of its devices.
//!
//! All of it is stored; the hub has it stored ([`Keeping`]) and tells the account's
//! other connections, on all servers. What is stored is no right: an account is shown
//! nothing of a channel that the rules do not show it at present.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::governance::Person;
use crate::model::{AccountId, MAX_SAVED, MessageId, Name, Notify, SavedChannel, Unread};

use super::channel::ChannelIndex;
use super::governance::Act;
use super::rows::OwnChannel;
use super::{ConnectionId, Effects, Event, GLOBAL, Hub, Keeping, Now, Order, Refusal};

/// How far one user has read in each channel, by the channel's key, as far as that was
/// said since the user came online. The store has the rest.
pub(super) type Marks = BTreeMap<Arc<str>, MessageId>;

impl Hub {
    /// Makes a channel that a connection has joined one of its account's.
    pub(super) fn keep_channel(&self, id: ConnectionId, channel: &Name, fx: &mut Effects) {
        if let Some(account) = self.account_of(id) {
            fx.keep(Keeping::Joined {
                account,
                channel: channel.clone(),
                read_up_to: self.last_id,
            });
        }
    }

    /// Makes the channels that a guest is in those of the account that the guest now
    /// owns.
    pub(super) fn keep_channels(&self, id: ConnectionId, fx: &mut Effects) {
        let memberships = self.connection(id).map(|it| it.memberships.iter());
        let channels = memberships.into_iter().flatten();
        for channel in channels.filter_map(|it| self.channels.get(it.channel)) {
            self.keep_channel(id, &channel.name, fx);
        }
    }

    /// Makes a channel that a connection leaves no longer one of its account's. The one
    /// that always exists stays.
    pub(super) fn let_go_of_channel(&self, id: ConnectionId, channel: &Name, fx: &mut Effects) {
        if let Some(account) = self.account_of(id) {
            let_go(account, channel, fx);
        }
    }

    /// Makes a channel that an account was removed or banned from no longer one of the
    /// account's, unless another server does so, where its owner is.
    pub(super) fn let_go_of_kicked(&self, channel: &Name, who: &Person, fx: &mut Effects) {
        let is_here = self.users.contains_key(who.name.key());
        if let Some(account) = who.account
            && (is_here || !self.is_elsewhere(&who.name))
        {
            let_go(account, channel, fx);
        }
    }

    /// Notes, for a client that cannot say how far it has read, that it has read what was
    /// said in a channel that it leaves.
    pub(super) fn read_all(&mut self, id: ConnectionId, channel: &Name, fx: &mut Effects) {
        let is_line = self.connection(id).is_some_and(|it| it.profile.one_channel);
        let may_read = self.limits.history && self.account_of(id).is_some();
        if is_line && may_read {
            // Nothing depends on it that could be refused.
            let _ = self.mark(id, channel, self.last_id, fx);
        }
    }

    /// Notes that the account of a connection has read a channel up to a message, and
    /// tells its other connections. A mark never goes back.
    pub fn read_up_to(
        &mut self,
        id: ConnectionId,
        channel: &Name,
        up_to: MessageId,
        now: Now,
        fx: &mut Effects,
    ) -> Result<(), Refusal> {
        self.leave_expelled(id, now, fx);
        let channel = match self.may_see(id, channel, now) {
            true => self.as_written(channel),
            // It is not told from one that is not there.
            false => channel.clone(),
        };
        self.mark(id, &channel, up_to, fx)
    }

    /// As [`Hub::read_up_to`], for clients that say until when they have read, guests
    /// too: of those it is known while they are on. Returns how far the user has read.
    pub fn read_until(
        &mut self,
        id: ConnectionId,
        channel: &Name,
        until: MessageId,
        now: Now,
        fx: &mut Effects,
    ) -> Result<MessageId, Refusal> {
        self.leave_expelled(id, now, fx);
        let (name, user) = self.user_of(id)?;
        let account = user.account;
        let until = until.min(self.last_id.max(MessageId {
            ms: now.unix_ms,
            sequence: 0,
        }));
        match account {
            Some(account) => self.keep_mark((id, &name, account), channel, until, fx),
            None if self.note_mark(&name, channel, until) => {
                self.tell_read(&name, channel, until, Some(id), fx);
            }
            None => {}
        }
        Ok(self.known_mark(id, channel))
    }

    /// How far the user of a connection has read in a channel, as far as the hub knows.
    pub fn known_mark(&self, id: ConnectionId, channel: &Name) -> MessageId {
        let user = self.user_of(id).ok();
        let mark = user.and_then(|(_, user)| user.marks.get(channel.key()).copied());
        mark.unwrap_or_default()
    }

    /// Takes note of how far an account has read in a channel, as the store says.
    pub fn learn_mark(&mut self, id: ConnectionId, channel: &Name, up_to: MessageId) {
        if let Ok((name, _)) = self.user_of(id) {
            self.note_mark(&name, channel, up_to);
        }
    }

    /// The name of a channel as it is shown, if the channel exists.
    fn as_written(&self, channel: &Name) -> Name {
        let index = self.channels.find(channel);
        let known = index.and_then(|index| self.channels.get(index));
        known.map_or(channel, |known| &known.name).clone()
    }

    fn mark(
        &mut self,
        id: ConnectionId,
        channel: &Name,
        up_to: MessageId,
        fx: &mut Effects,
    ) -> Result<(), Refusal> {
        let (name, user) = self.user_of(id)?;
        let Some(account) = user.account else {
            return Err(Refusal::NeedsAccount(channel.clone()));
        };
        // Nothing later has been said that could have been read.
        let up_to = up_to.min(self.last_id);
        self.keep_mark((id, &name, account), channel, up_to, fx);
        Ok(())
    }

    fn keep_mark(
        &mut self,
        (id, name, account): (ConnectionId, &Name, AccountId),
        channel: &Name,
        up_to: MessageId,
        fx: &mut Effects,
    ) {
        if !self.note_mark(name, channel, up_to) {
            return;
        }
        fx.keep(Keeping::Read {
            account,
            channel: channel.clone(),
            up_to,
        });
        if self.is_elsewhere(name) {
            let order = || Order::ChannelRead {
                name: name.clone(),
                channel: channel.clone(),
                up_to,
            };
            self.share_order(order, fx);
        }
        self.tell_read(name, channel, up_to, Some(id), fx);
    }

    /// Takes note of how far a user has read; false if that is known.
    fn note_mark(&mut self, name: &Name, channel: &Name, up_to: MessageId) -> bool {
        let Some(user) = self.users.get_mut(name.key()) else {
            return true;
        };
        let known = user.marks.get(channel.key()).copied();
        if known.is_some_and(|known| known >= up_to) {
            return false;
        }
        if known.is_some() || user.marks.len() < MAX_SAVED {
            user.marks.insert(channel.key().clone(), up_to);
        }
        true
    }

    /// Takes note that a user has read a channel, on another server.
    pub(super) fn read_elsewhere(
        &mut self,
        name: &Name,
        channel: &Name,
        up_to: MessageId,
        fx: &mut Effects,
    ) {
        self.note_mark(name, channel, up_to);
        self.tell_read(name, channel, up_to, None, fx);
    }

    fn tell_read(
        &self,
        name: &Name,
        channel: &Name,
        up_to: MessageId,
        except: Option<ConnectionId>,
        fx: &mut Effects,
    ) {
        let others = self.connections_of(name).into_iter();
        let event = Event::ChannelRead {
            channel: channel.clone(),
            up_to,
        };
        fx.tell_all(others.filter(|&other| Some(other) != except), event);
    }

    /// Tells all connections of a user that a channel is muted, or is not any more.
    pub fn muted(&self, id: ConnectionId, channel: &Name, muted: bool, fx: &mut Effects) {
        let Ok((name, _)) = self.user_of(id) else {
            return;
        };
        let channel = &self.as_written(channel);
        if self.is_elsewhere(&name) {
            let order = || Order::ChannelMuted {
                name: name.clone(),
                channel: channel.clone(),
                muted,
            };
            self.share_order(order, fx);
        }
        self.muted_elsewhere(&name, channel, muted, fx);
    }

    /// As [`Hub::muted`], for the connections of this server.
    pub(super) fn muted_elsewhere(
        &self,
        name: &Name,
        channel: &Name,
        muted: bool,
        fx: &mut Effects,
    ) {
        let event = Event::ChannelMuted {
            channel: channel.clone(),
            muted,
        };
        fx.tell_all(self.connections_of(name), event);
    }

    /// Tells all connections of a user what the user wants to be notified of in a channel.
    pub fn notifies(&self, id: ConnectionId, channel: &Name, notify: Notify, fx: &mut Effects) {
        let Ok((name, _)) = self.user_of(id) else {
            return;
        };
        let channel = &self.as_written(channel);
        if self.is_elsewhere(&name) {
            let order = || Order::ChannelNotifies {
                name: name.clone(),
                channel: channel.clone(),
                notify,
            };
            self.share_order(order, fx);
        }
        self.notifies_elsewhere(&name, channel, notify, fx);
    }

    /// As [`Hub::notifies`], for the connections of this server.
    pub(super) fn notifies_elsewhere(
        &self,
        name: &Name,
        channel: &Name,
        notify: Notify,
        fx: &mut Effects,
    ) {
        let event = Event::ChannelNotifies {
            channel: channel.clone(),
            notify,
        };
        fx.tell_all(self.connections_of(name), event);
    }

    /// The channel that a connection wants to see the accounts of: it must be in it.
    pub fn channel_of_accounts(
        &mut self,
        id: ConnectionId,
        channel: Option<Name>,
        now: Now,
        fx: &mut Effects,
    ) -> Result<Name, Refusal> {
        self.leave_expelled(id, now, fx);
        self.own_channel(id, channel)
    }

    /// Makes a channel that a connection is in one of its account's once more.
    pub fn keep_own_channel(
        &self,
        id: ConnectionId,
        channel: Name,
        fx: &mut Effects,
    ) -> Result<(), Refusal> {
        let channel = self.own_channel(id, Some(channel))?;
        self.keep_channel(id, &channel, fx);
        Ok(())
    }

    /// Some of the channels of a connection's account, without those that it may not
    /// know of any more.
    pub fn own_channels(
        &mut self,
        id: ConnectionId,
        saved: Vec<SavedChannel>,
        now: Now,
        fx: &mut Effects,
    ) -> Vec<OwnChannel> {
        self.leave_expelled(id, now, fx);
        let saved = saved.into_iter();
        saved
            .filter_map(|saved| self.own_channel_view(id, saved, now))
            .collect()
    }

    /// Tells a connection the channels of its account, except those that it may not know
    /// of any more: the rules may have changed while the store was asked.
    pub(super) fn tell_own_channels(
        &self,
        id: ConnectionId,
        mut channels: Vec<OwnChannel>,
        now: Now,
        fx: &mut Effects,
    ) {
        channels.retain(|it| {
            let index = self.channels.find(&it.saved.channel);
            index.is_none_or(|index| self.may_keep(id, index, now))
        });
        fx.tell(id, Event::OwnChannels(Arc::new(channels)));
    }

    /// Whether a channel is shown among those of an account: it may know of it, and is
    /// not banned from it.
    fn may_keep(&self, id: ConnectionId, index: ChannelIndex, now: Now) -> bool {
        let reads = self.may(id, index, &Act::Read, now);
        self.may(id, index, &Act::See, now).is_ok()
            && !matches!(reads, Err(Refusal::BannedFromChannel(_)))
    }

    fn own_channel_view(
        &self,
        id: ConnectionId,
        saved: SavedChannel,
        now: Now,
    ) -> Option<OwnChannel> {
        let (_, user) = self.user_of(id).ok()?;
        let known = user.marks.get(saved.channel.key()).copied();
        let read_up_to = saved.read_up_to.max(known.unwrap_or_default());
        let index = self.channels.find(&saved.channel);
        if index.is_some_and(|index| !self.may_keep(id, index, now)) {
            return None;
        }
        let channel = index.and_then(|index| self.channels.get(index));
        Some(OwnChannel {
            topic: channel.and_then(|it| Some(it.topic()?.text.clone())),
            people: self.people_of(&saved.channel),
            is_in: index.is_some_and(|index| self.is_member(id, index)),
            readable_after: match index {
                Some(index) => self.readable_from_outside(id, index, now).ok(),
                None => Some(self.channels.floor_of(&saved.channel)),
            },
            saved: SavedChannel {
                read_up_to,
                ..saved
            },
            unread: Unread::default(),
        })
    }
}

fn let_go(account: AccountId, channel: &Name, fx: &mut Effects) {
    if channel.as_str() != GLOBAL {
        fx.keep(Keeping::Left {
            account,
            channel: channel.clone(),
        });
    }
}
