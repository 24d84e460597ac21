//! What the program around the chat does to channels, as administrators do.

use crate::admin::{Actor, ChannelFailed};
use crate::hub::Refusal;
use crate::model::governance::Change;
use crate::model::{Name, Text};
use crate::protocol::commands;

use super::{Chat, ChatError, sayable};

impl Chat {
    /// Sets the topic of a channel; without a text, takes it away. Returns when that is stored, if
    /// it is to be stored, and the members are told. The chat log records it as for
    /// [`Chat::announce`].
    pub fn set_topic(&self, channel: &str, topic: Option<&str>) -> Result<(), ChatError> {
        let topic = topic.map(|text| sayable(text, &self.shared)).transpose()?;
        let topic = topic.map(|text| Text::one_line(text.as_str()));
        self.change(channel, vec![Change::Topic(topic)])
    }

    /// Changes the rules of a channel, all at once, as the command `/mode` of the line protocol
    /// takes them: `"+moderated slow 10 -key"`.
    pub fn set_rules(&self, channel: &str, rules: &str) -> Result<(), ChatError> {
        let changes = commands::rules(rules).ok_or(ChatError::BadRules)?;
        self.change(channel, changes)
    }

    /// Removes a user from a channel. The user stays in the chat, and may come again.
    pub fn kick_from(
        &self,
        channel: &str,
        nickname: &str,
        reason: Option<&str>,
    ) -> Result<(), ChatError> {
        let channel = channel_name(channel)?;
        let name = Name::parse_nickname(nickname).map_err(Refusal::BadName)?;
        let reason = reason
            .map(Text::one_line)
            .filter(|reason| !reason.is_empty());
        let admin = &self.shared.admin;
        Ok(admin.remove(Actor::PROGRAM, &channel, &name, reason)?)
    }

    fn change(&self, channel: &str, changes: Vec<Change>) -> Result<(), ChatError> {
        let channel = channel_name(channel)?;
        Ok(self
            .shared
            .admin
            .change(Actor::PROGRAM, &channel, changes)?)
    }
}

fn channel_name(channel: &str) -> Result<Name, Refusal> {
    Name::parse_channel(channel).map_err(Refusal::BadName)
}

impl From<ChannelFailed> for ChatError {
    fn from(failed: ChannelFailed) -> ChatError {
        match failed {
            ChannelFailed::Unanswered => ChatError::Unanswered,
            ChannelFailed::NoSuchChannel(name) => Refusal::NoSuchChannel(name).into(),
            ChannelFailed::NoSuchAccount(name) => Refusal::NoSuchAccount(name).into(),
            ChannelFailed::Refused(refusal) => refusal.into(),
            ChannelFailed::Hub | ChannelFailed::CannotLookUp | ChannelFailed::Field(..) => {
                ChatError::Unavailable
            }
        }
    }
}
