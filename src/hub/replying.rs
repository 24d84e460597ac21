//! Messages that answer an earlier one of the same conversation.
//!
//! The earlier message is looked up first, in the hub's memory or by the store. It has to be
//! one that the author of the answer may read: otherwise they are told the same as if there
//! were none.

use crate::model::{AccountId, Located, Message, MessageId, Name, Place, ReplyTo};

use super::noting::{Subject, refused};
use super::wish::{Purpose, Which};
use super::{Command, ConnectionId, Effects, Hub, Now, Refusal, Replying};

impl Hub {
    /// Sends a message that answers another one, once that has been found.
    pub(super) fn reply_to(
        &mut self,
        id: ConnectionId,
        to: Which,
        replying: Replying,
        now: Now,
        fx: &mut Effects,
    ) -> Result<(), Refusal> {
        if self.is_sent_again(id, &replying.message, now) {
            return self.carry_out(id, *replying.message, now, fx);
        }
        let found = match to {
            Which::Last(of) => self.last_of(id, of.as_ref(), now),
            // What is answered has to be in the conversation of the answer in any case.
            Which::Id(to) | Which::In(_, to) => {
                match self.recent_beside(id, &replying.message, to, now) {
                    Some(message) => Ok(message),
                    None => {
                        self.look_for(id, to, Purpose::Reply, fx);
                        // What follows waits, so there is one at most.
                        if let Some(connection) = self.connection_mut(id) {
                            connection.replying = Some(replying);
                        }
                        return Ok(());
                    }
                }
            }
        };
        let found = found.map(|message| Some(Located::remembered(message)));
        self.reply_found(id, found, replying, now, fx)
    }

    /// Takes what the store has found. The author of the answer is told why it is not sent.
    pub(super) fn found_to_reply(
        &mut self,
        id: ConnectionId,
        found: Result<Option<Located>, Refusal>,
        now: Now,
        fx: &mut Effects,
    ) {
        let connection = self.connection_mut(id);
        let Some(replying) = connection.and_then(|it| it.replying.take()) else {
            return;
        };
        let subject = Subject::of(&replying.message);
        let tag = replying.message.tag();
        let wants_no_answer = replying.message.wants_no_answer();
        if let Err(refusal) = self.reply_found(id, found, replying, now, fx) {
            self.note_refusal(id, &subject, &refusal, now, fx);
            if !wants_no_answer {
                fx.tell(id, refused(tag, refusal));
            }
        }
    }

    /// Sends the answer to what has been found.
    pub(super) fn reply_found(
        &mut self,
        id: ConnectionId,
        found: Result<Option<Located>, Refusal>,
        replying: Replying,
        now: Now,
        fx: &mut Effects,
    ) -> Result<(), Refusal> {
        let mut message = *replying.message;
        let found = found.and_then(|found| found.ok_or(Refusal::NoSuchMessage));
        let to = found.and_then(|found| self.may_reply(id, found.message, &message, now));
        match to {
            Ok(to) => answer(&mut message, to),
            Err(_) if replying.or_plain => {}
            Err(refusal) => return Err(refusal),
        }
        self.carry_out(id, message, now, fx)
    }

    fn may_reply(
        &self,
        id: ConnectionId,
        mut to: Message,
        message: &Command,
        now: Now,
    ) -> Result<ReplyTo, Refusal> {
        self.mended.mend([&mut to]);
        self.sees(id, &to, now)?;
        match self.is_beside(id, &to.place, message) {
            true => Ok(ReplyTo {
                id: to.id,
                author: to.author,
            }),
            false => Err(Refusal::NoSuchMessage),
        }
    }

    /// Whether a message goes to the conversation that a place is in.
    fn is_beside(&self, id: ConnectionId, place: &Place, message: &Command) -> bool {
        match (message, place) {
            (Command::Tagged { message, .. }, _) => self.is_beside(id, place, message),
            (Command::Say { channel, .. }, Place::Channel { channel: of, .. }) => {
                let index = self.channel_of(id, channel.clone()).ok();
                index.is_some() && index == self.channels.find(of)
            }
            (Command::Private { to, account, .. }, &Place::Direct { from, to: of }) => {
                let own = self.account_of(id);
                let other = account.or_else(|| self.account_named(to));
                let pair = (own, other);
                pair == (Some(from), Some(of)) || pair == (Some(of), Some(from))
            }
            _ => false,
        }
    }

    fn account_named(&self, name: &Name) -> Option<AccountId> {
        match self.users.get(name.key()) {
            Some(user) => user.account,
            None => self.remote_person(name)?.account,
        }
    }

    /// A message that the hub remembers of the channel that another one goes to.
    fn recent_beside(
        &self,
        id: ConnectionId,
        message: &Command,
        of: MessageId,
        now: Now,
    ) -> Option<Message> {
        match message {
            Command::Tagged { message, .. } => self.recent_beside(id, message, of, now),
            Command::Say { channel, .. } => {
                let index = self.channel_of(id, channel.clone()).ok()?;
                let mut recent = self.recent_for(id, index, now).into_iter();
                recent.find(|recent| recent.id == of)
            }
            _ => None,
        }
    }
}

/// Says in a message what it answers.
fn answer(message: &mut Command, to: ReplyTo) {
    match message {
        Command::Tagged { message, .. } => answer(message, to),
        Command::Say { body, .. } | Command::Private { body, .. } => {
            let more = body.more.get_or_insert_default();
            more.reply = Some(to);
        }
        _ => {}
    }
}
