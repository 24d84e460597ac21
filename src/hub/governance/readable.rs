//! The one gate for the past: which part of a channel's history a connection may
//! read.

use crate::model::governance::Visibility;
use crate::model::{Message, MessageId, Name};

use super::Act;
use crate::hub::channel::ChannelIndex;
use crate::hub::since::Since;
use crate::hub::{ConnectionId, Hub, Now, Refusal};

impl Hub {
    /// The message after which a connection may read the past of a channel: every
    /// path that shows the past asks here.
    pub(in crate::hub) fn readable(
        &self,
        id: ConnectionId,
        index: ChannelIndex,
        now: Now,
    ) -> Result<MessageId, Refusal> {
        let channel = self.channels.get(index).ok_or(Refusal::NoChannel)?;
        let since = self.member_since(id, index);
        let since = since.ok_or_else(|| Refusal::NotInChannel(channel.name.clone()))?;
        let Some(governed) = channel.governed.as_deref() else {
            return Ok(MessageId::default());
        };
        self.may(id, index, &Act::Read, now)?;
        let rules = &governed.rules;
        let since = match rules.history {
            Visibility::All => MessageId::default(),
            Visibility::Since => {
                let grant = self.account_of(id).and_then(|it| rules.grants.get(&it));
                grant.map_or(since, |grant| grant.since.min(since))
            }
        };
        Ok(governed.floor().max(since))
    }

    /// One of a connection's channels, by default the current one, and the message after
    /// which the connection may read its past.
    pub fn readable_part(
        &self,
        id: ConnectionId,
        channel: Option<Name>,
        now: Now,
    ) -> Result<(Name, MessageId), Refusal> {
        let index = self.channel_of(id, channel)?;
        let after = self.readable(id, index, now)?;
        let channel = self.channels.get(index).ok_or(Refusal::NoChannel)?;
        Ok((channel.name.clone(), after))
    }

    /// The members of a channel that may read only what was said since they came.
    pub(in crate::hub) fn reading_since(&self, index: ChannelIndex, now: Now) -> Since {
        let Some(channel) = self.channels.get(index) else {
            return Since::default();
        };
        let governed = channel.governed.as_deref();
        if !governed.is_some_and(|it| it.rules.history == Visibility::Since) {
            return Since::default();
        }
        let members = channel.members.iter();
        Since::of(members.filter_map(|&id| Some((id, self.readable(id, index, now).ok()?))))
    }

    /// The message after which a connection may read the past of a channel, or could if
    /// it came in now without a key or an invitation.
    pub(in crate::hub) fn readable_from_outside(
        &self,
        id: ConnectionId,
        index: ChannelIndex,
        now: Now,
    ) -> Result<MessageId, Refusal> {
        if self.is_member(id, index) {
            return self.readable(id, index, now);
        }
        let channel = self.channels.get(index).ok_or(Refusal::NoChannel)?;
        let Some(governed) = channel.governed.as_deref() else {
            return Ok(MessageId::default());
        };
        if self.may(id, index, &Act::Read, now).is_err() {
            self.may(id, index, &Act::Join(None), now)?;
        }
        let rules = &governed.rules;
        let since = match rules.history {
            Visibility::All => MessageId::default(),
            Visibility::Since => {
                let grant = self.account_of(id).and_then(|it| rules.grants.get(&it));
                grant.map_or(MessageId::LAST, |grant| grant.since)
            }
        };
        Ok(governed.floor().max(since))
    }

    /// The channels of a connection in which something was said that it may read, and the
    /// newest such message of each.
    pub fn newest_in_own(&self, id: ConnectionId, now: Now) -> Vec<(Name, MessageId)> {
        let memberships = self.connection(id).map(|it| it.memberships.iter());
        let channels = memberships.into_iter().flatten().map(|it| it.channel);
        let newest = |index: ChannelIndex| {
            let channel = self.channels.get(index)?;
            let newest = channel.past.newest()?;
            let after = self.readable(id, index, now).ok()?;
            (newest > after).then(|| (channel.name.clone(), newest))
        };
        channels.filter_map(newest).collect()
    }

    /// Those of a channel's last messages that a connection may read.
    pub(in crate::hub) fn recent_for(
        &self,
        id: ConnectionId,
        index: ChannelIndex,
        now: Now,
    ) -> Vec<Message> {
        let Some(channel) = self.channels.get(index) else {
            return Vec::new();
        };
        self.readable_of(id, index, channel.past.recent(), now)
    }

    /// Those of a channel's messages that a connection may read.
    pub(in crate::hub) fn readable_of(
        &self,
        id: ConnectionId,
        index: ChannelIndex,
        mut messages: Vec<Message>,
        now: Now,
    ) -> Vec<Message> {
        match self.readable(id, index, now) {
            Ok(after) => messages.retain(|message| message.id > after),
            Err(_) => messages.clear(),
        }
        messages
    }
}
