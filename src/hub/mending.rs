//! Messages that are edited or deleted after they were sent, or that users react to.
//!
//! A change of a message is an entry of the log, as the message is: it is committed, then
//! applied and told. Whether a user may make it is asked here, where the user is, when the
//! message has been looked up. One who may not read the message is told the same as if
//! there were none.

use std::sync::Arc;

use crate::model::{AccountId, Amendment, Body, Located, Message, MessageId, Name, Place, Record};

use super::away::check_reason;
use super::channel::ChannelIndex;
use super::governance::Act;
use super::mended::log_amendment;
use super::messages::Content;
use super::noting::Subject;
use super::wish::{Finding, Purpose, Which, Wish, Within};
use super::{ConnectionId, Draft, Effects, Event, Hub, Now, Refusal};

impl Hub {
    /// Changes a message, once it has been found.
    pub(super) fn mend(
        &mut self,
        id: ConnectionId,
        which: Which,
        wish: Wish,
        now: Now,
        fx: &mut Effects,
    ) -> Result<(), Refusal> {
        if matches!(&wish, Wish::Edit(body) if body.is_empty()) {
            return Err(Refusal::EmptyMessage);
        }
        if let Wish::Delete(reason) = &wish {
            check_reason(reason.as_ref())?;
        }
        let (message, within, last) = match which {
            Which::Id(message) => (message, None, None),
            Which::In(within, message) => (message, Some(within), None),
            Which::Last(of) => {
                let last = self.last_of(id, of.as_ref(), now)?;
                (last.id, None, Some(last))
            }
        };
        if !self.limits.history {
            // Nothing but the hub's memory has it, unless it is a direct message.
            let remembered = last.or_else(|| self.remembered(id, message, now));
            if let Some(message) = remembered {
                let found = Located::remembered(message);
                self.is_within(id, &found, within.as_ref())?;
                return self.mend_found(id, found, wish, now, fx);
            }
        }
        // The store knows whether its channel is on hold.
        self.look_for(id, message, Purpose::Mend(within, wish), fx);
        Ok(())
    }

    /// Asks the store for a message. The connection waits for the answer.
    pub(super) fn look_for(
        &mut self,
        id: ConnectionId,
        message: MessageId,
        purpose: Purpose,
        fx: &mut Effects,
    ) {
        let mut mark = None;
        let changes = self.mended.count();
        if let Some(connection) = self.connection_mut(id) {
            connection.pending += 1;
            mark.clone_from(&connection.mark);
        }
        fx.find(Finding {
            connection: id,
            address: self.address_of(id),
            message,
            purpose,
            mark,
            changes,
        });
    }

    /// The last message that is meant by a nickname, or by none.
    pub(super) fn last_of(
        &self,
        id: ConnectionId,
        of: Option<&Name>,
        now: Now,
    ) -> Result<Message, Refusal> {
        let index = self.channel_of(id, None)?;
        let mut recent = self.recent_for(id, index, now).into_iter().rev();
        let last = recent.find(|message| {
            let is_meant = match of {
                Some(name) => message.author == *name,
                None => self.is_author(id, message),
            };
            is_meant && !message.body.is_deleted()
        });
        last.ok_or(Refusal::NoSuchMessage)
    }

    /// A message that the hub remembers of one of the channels of a connection.
    pub(super) fn remembered(
        &self,
        id: ConnectionId,
        message: MessageId,
        now: Now,
    ) -> Option<Message> {
        let memberships = self.connection(id).map(|it| it.memberships.as_slice());
        let channels = memberships.unwrap_or_default().iter().map(|it| it.channel);
        let mut recent = channels.flat_map(|index| self.recent_for(id, index, now));
        recent.find(|recent| recent.id == message)
    }

    /// Takes the answer to [`super::Chore::Find`]: an error if the store cannot say.
    pub fn found(
        &mut self,
        finding: Finding,
        found: Result<Option<Located>, Refusal>,
        now: Now,
        fx: &mut Effects,
    ) {
        let id = finding.connection;
        if self.has_no_say(id, now, fx) {
            return;
        }
        if let Ok(Some(found)) = &found
            && self.is_read_too_long_ago([&found.message], finding.changes)
        {
            let changes = self.mended.count();
            return fx.find(Finding { changes, ..finding });
        }
        if let Some(connection) = self.connection_mut(id) {
            connection.mark.clone_from(&finding.mark);
        }
        let before = fx.answer(finding.mark.map(|mark| (id, mark)));
        match finding.purpose {
            Purpose::Mend(within, wish) => {
                let subject = Subject::Later(wish.word());
                let found = found.and_then(|found| found.ok_or(Refusal::NoSuchMessage));
                let mended = found.and_then(|found| {
                    self.is_within(id, &found, within.as_ref())?;
                    self.mend_found(id, found, wish, now, fx)
                });
                if let Err(refusal) = mended {
                    self.note_refusal(id, &subject, &refusal, now, fx);
                    fx.tell(id, Event::Refused(refusal));
                }
            }
            Purpose::Reply => self.found_to_reply(id, found, now, fx),
        }
        fx.answer(before);
        if let Some(connection) = self.connection_mut(id) {
            connection.mark = None;
        }
        self.answered(id, now, fx);
    }

    pub(super) fn mend_found(
        &mut self,
        id: ConnectionId,
        mut found: Located,
        wish: Wish,
        now: Now,
        fx: &mut Effects,
    ) -> Result<(), Refusal> {
        self.mended.mend([&mut found.message]);
        self.may_mend(id, &found.message, &wish, now)?;
        let is_refused = found.is_held && !matches!(wish, Wish::React { .. });
        if let Some(channel) = found.message.place.channel().filter(|_| is_refused) {
            return Err(Refusal::OnHold(channel.clone()));
        }
        let (by, _) = self.user_of(id)?;
        let (body, reason) = match wish {
            Wish::Edit(body) => {
                // An edited action stays one, and an edited answer answers the same.
                let kind = found.message.body.kind;
                let reply = found.message.body.reply().cloned();
                (Body { kind, ..body }.replying_to(reply), None)
            }
            Wish::Delete(reason) => (Body::deleted(), reason),
            Wish::React { sign, on } => return self.react_to(id, found, (sign, on), now, fx),
        };
        let Located { message, to, .. } = found;
        let is_kept = self.limits.history || matches!(message.place, Place::Direct { .. });
        let is_audited = self.limits.keep_edits && message.place.channel().is_some();
        let former = is_audited.then_some(message.body.text);
        let amendment_id = self.next_id(now);
        let amendment = Amendment {
            id: amendment_id,
            message: message.id,
            place: message.place,
            author: message.author,
            to,
            by: Some(by),
            body: body.changed_by(amendment_id),
            reason,
        };
        if !is_kept {
            log_amendment(&amendment, former.as_ref(), fx);
            self.amended(amendment, now, fx);
            return Ok(());
        }
        let amendment = Box::new(amendment);
        fx.append(Draft {
            record: Record::Amend(amendment.clone()),
            to: None,
            tag: None,
            sender: id,
        });
        self.await_settling(id, Content::Amendment(amendment, former));
        Ok(())
    }

    /// Whether the user of a connection may change a message in this way.
    fn may_mend(
        &self,
        id: ConnectionId,
        message: &Message,
        wish: &Wish,
        now: Now,
    ) -> Result<(), Refusal> {
        let index = self.sees(id, message, now)?;
        let is_author = self.is_author(id, message);
        match (wish, index) {
            (Wish::Edit(_), _) if !is_author => Err(Refusal::NotAuthor),
            (Wish::Edit(_), index) => {
                let seconds = self.limits.edit_seconds;
                let until = message.at_ms.saturating_add(seconds.saturating_mul(1000));
                if seconds > 0 && now.unix_ms > until {
                    return Err(Refusal::TooLateToEdit(seconds));
                }
                index.map_or(Ok(()), |index| self.may(id, index, &Act::Speak, now))
            }
            (Wish::React { .. }, index) => {
                index.map_or(Ok(()), |index| self.may(id, index, &Act::Speak, now))
            }
            (Wish::Delete(_), _) if is_author => Ok(()),
            (Wish::Delete(_), Some(index)) => self.may(id, index, &Act::Operate, now),
            (Wish::Delete(_), None) => Err(Refusal::NotAuthor),
        }
    }

    /// Checks that a message is in the conversation that the user of a connection has named, if
    /// that is so: otherwise the user is told the same as if there were no such message.
    fn is_within(
        &self,
        id: ConnectionId,
        found: &Located,
        within: Option<&Within>,
    ) -> Result<(), Refusal> {
        let is_within = match (within, &found.message.place) {
            (None, _) => true,
            (Some(Within::Channel(named)), Place::Channel { channel, .. }) => named == channel,
            (Some(Within::User(named)), Place::Direct { from, .. }) => {
                let is_own = self.account_of(id) == Some(*from);
                let other = match is_own {
                    true => found.to.as_ref(),
                    false => Some(&found.message.author),
                };
                other == Some(named)
            }
            _ => false,
        };
        match is_within {
            true => Ok(()),
            false => Err(Refusal::NoSuchMessage),
        }
    }

    /// Checks that the user of a connection may read a message. Returns the channel it is
    /// in, if it is in one.
    pub(super) fn sees(
        &self,
        id: ConnectionId,
        message: &Message,
        now: Now,
    ) -> Result<Option<ChannelIndex>, Refusal> {
        let unseen = Refusal::NoSuchMessage;
        if message.body.is_deleted() {
            return Err(unseen);
        }
        match &message.place {
            Place::Channel { channel, .. } => {
                let index = self.channels.find(channel).ok_or(unseen.clone())?;
                match self.readable(id, index, now) {
                    Ok(after) if message.id > after => Ok(Some(index)),
                    _ => Err(unseen),
                }
            }
            Place::Direct { from, to } => {
                let account = self.account_of(id);
                let is_between = account == Some(*from) || account == Some(*to);
                is_between.then_some(None).ok_or(unseen)
            }
        }
    }

    /// Whether a message is by the user of a connection: by the same account, or by the
    /// guest who has had the nickname ever since.
    fn is_author(&self, id: ConnectionId, message: &Message) -> bool {
        let Ok((name, user)) = self.user_of(id) else {
            return false;
        };
        match message.place.account() {
            Some(account) => user.account == Some(account),
            None => {
                user.account.is_none() && name == message.author && message.id > user.named_after
            }
        }
    }

    /// Applies a change of a message wherever the hub has the message, and tells it. An edit
    /// that was on its way while the message was deleted is void, as it is in the store:
    /// returns whether it is not.
    pub(super) fn amended(&mut self, amendment: Amendment, now: Now, fx: &mut Effects) -> bool {
        if self.mended.is_deleted(amendment.message) {
            return false;
        }
        self.mended.remember(&amendment);
        let to = match &amendment.place {
            Place::Channel { channel, .. } => match self.channels.find(channel) {
                Some(index) => self.amended_in(index, &amendment, now),
                None => return true,
            },
            Place::Direct { from, to } => self.parties(*from, *to, &amendment.author),
        };
        let face = amendment.by.as_ref().and_then(|by| self.face_of(by));
        fx.shown_as(face, |fx| {
            fx.tell_all(to, Event::Amended(Arc::new(amendment)));
        });
        true
    }

    /// Changes a message in a channel's memory. Returns the members that may know of it.
    fn amended_in(
        &mut self,
        index: ChannelIndex,
        amendment: &Amendment,
        now: Now,
    ) -> Vec<ConnectionId> {
        if let Some(channel) = self.channels.get_mut(index) {
            let change = |message: &mut Message| amendment.apply(message);
            channel.past.change(amendment.message, change);
            channel.catching_up.change(amendment.message, change);
        }
        let Some(channel) = self.channels.get(index) else {
            return Vec::new();
        };
        let readable = |&id: &ConnectionId| {
            let after = self.readable(id, index, now);
            after.is_ok_and(|after| amendment.message > after)
        };
        channel.listeners().filter(readable).collect()
    }

    /// The connections of two accounts, of the second only if it does not ignore the author.
    pub(super) fn parties(
        &self,
        from: AccountId,
        to: AccountId,
        author: &Name,
    ) -> Vec<ConnectionId> {
        let own = self.users.owner_of(from).map(|user| user.connections());
        let other = self.users.owner_of(to).filter(|_| to != from);
        let other = other.filter(|user| !user.ignores(author, None));
        let other = other.map(|user| user.connections());
        let all = own.into_iter().chain(other).flatten();
        all.copied().collect()
    }
}
