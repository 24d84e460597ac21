//! Messages: commit, then deliver.
//!
//! A message for the history leaves as [`super::Effect::Append`] and waits until
//! [`Hub::settle`] reports that it is committed. Only then is it delivered, so a
//! message that a client has seen is in the history.

use crate::model::governance::ChannelChange;
use crate::model::{
    AccountId, Amendment, Body, Entry, Kind, MessageId, MessageKind, Name, Place, Reaction, Text,
};

use super::channel::ChannelIndex;
use super::governance::{Act, LastWas};
use super::mended::{log_amendment, log_reaction};
use super::noting::Subject;
use super::past::{Settlement, Taken};
use super::since::Since;
use super::tags::TagKey;
use super::users::User;
use super::{
    ConnectionId, Draft, Effects, Event, Fate, Hub, Mark, Message, Now, Private, Refusal, Settled,
};

/// A message that is being committed.
pub(super) struct Unsettled {
    sender: ConnectionId,
    content: Content,
    pub(super) tag: Option<TagKey>,
    /// The mark of the request.
    mark: Option<Mark>,
}

/// What is being committed.
pub(super) enum Content {
    Change(Box<ChannelChange>),
    /// With the former text, if that is kept in the audit trail.
    Amendment(Box<Amendment>, Option<Text>),
    Reaction(Box<Reaction>),
    Channel(Message),
    Direct {
        message: Private,
        from: AccountId,
    },
}

impl Hub {
    /// Continues the message ids after the highest one ever given out.
    pub fn continue_after(&mut self, id: MessageId) {
        self.last_id = self.last_id.max(id);
    }

    /// The highest id given out so far, or known from others.
    pub fn last_id(&self) -> MessageId {
        self.last_id
    }

    pub(super) fn say(
        &mut self,
        id: ConnectionId,
        channel: Option<Name>,
        body: Body,
        now: Now,
        fx: &mut Effects,
    ) -> Result<(), Refusal> {
        if body.is_empty() {
            return Err(Refusal::EmptyMessage);
        }
        self.speak(id, channel, body, now, fx)
    }

    /// Notes when a connection has said something: until then its user has been idle.
    pub(super) fn is_not_idle(&mut self, id: ConnectionId, now: Now) {
        if let Some(connection) = self.connection_mut(id) {
            connection.spoke_ms = now.ticks_ms;
        }
    }

    /// Sends a message to a channel, even if it is empty.
    pub(super) fn speak(
        &mut self,
        id: ConnectionId,
        channel: Option<Name>,
        body: Body,
        now: Now,
        fx: &mut Effects,
    ) -> Result<(), Refusal> {
        let index = self.channel_to_speak_in(id, channel, now)?;
        self.let_speak(id, index, now)?;
        self.is_not_idle(id, now);
        let (from, user) = self.user_of(id)?;
        let account = user.account;
        let channel = self.channels.get(index).ok_or(Refusal::NoChannel)?;
        let channel = channel.name.clone();
        let message = Message {
            id: self.next_id(now),
            at_ms: now.unix_ms,
            author: from,
            place: Place::Channel { channel, account },
            body,
        };
        if !self.limits.history {
            log_message(&message, fx);
            self.publish(message, Some(id), None, now, fx);
            return Ok(());
        }
        fx.append(draft(id, message.clone(), None));
        self.await_settling(id, Content::Channel(message));
        Ok(())
    }

    /// The given channel, or the current one. A channel with rules may let people speak
    /// who are not in it: the gate for rights says so.
    pub(super) fn channel_to_speak_in(
        &self,
        id: ConnectionId,
        channel: Option<Name>,
        now: Now,
    ) -> Result<ChannelIndex, Refusal> {
        let name = match self.channel_of(id, channel) {
            Err(Refusal::NotInChannel(name)) => name,
            channel => return channel,
        };
        let index = self.channels.find(&name).filter(|&index| {
            let channel = self.channels.get(index);
            channel.is_some_and(|channel| channel.governed.is_some())
        });
        let index = index.ok_or_else(|| Refusal::NotInChannel(name.clone()))?;
        let verdict = self.may(id, index, &Act::Speak, now);
        verdict.map_err(|refusal| refusal.naming(&name))?;
        Ok(index)
    }

    pub(super) fn private(
        &mut self,
        id: ConnectionId,
        to: &Name,
        account: Option<AccountId>,
        body: Body,
        now: Now,
        fx: &mut Effects,
    ) -> Result<(), Refusal> {
        if body.is_empty() {
            return Err(Refusal::EmptyMessage);
        }
        let (from, sender) = self.user_of(id)?;
        let sender_account = sender.account;
        let recipient = self.users.get(to.key());
        if sender_account.is_none() && self.refuses_guests(to) {
            return Err(Refusal::AccountsOnly(to.clone()));
        }
        let here = recipient.map(|user| (user.name.clone(), user.account));
        let elsewhere = || {
            let person = self.remote_person(to)?;
            Some((person.name.clone(), person.account))
        };
        let (shown, known) = here.or_else(elsewhere).unzip();
        let account = account.or(known.flatten());
        // Only a conversation between two accounts is stored; a private message
        // from or to a guest is not.
        let accounts = sender_account.zip(account);
        let to = match (shown, &accounts) {
            (Some(shown), _) => shown,
            (None, Some(_)) => to.clone(),
            (None, None) => return Err(Refusal::NoSuchUser(to.clone())),
        };
        self.is_not_idle(id, now);
        let message = Private {
            id: self.next_id(now),
            at_ms: now.unix_ms,
            from,
            to,
            body,
        };
        let Some((from, to)) = accounts else {
            self.keep_whisper(&message.from, &message, sender_account.is_some());
            self.share_whisper(&message, sender_account, fx);
            self.hand_over(id, message, sender_account, fx);
            return Ok(());
        };
        let stored = message.kept_in(Place::Direct { from, to });
        fx.append(draft(id, stored, Some(message.to.clone())));
        self.await_settling(id, Content::Direct { message, from });
        Ok(())
    }

    /// Whether a user wants to be written to by accounts only.
    pub(super) fn refuses_guests(&self, to: &Name) -> bool {
        let user = self.users.get(to.key());
        user.is_some_and(|user| user.accounts_only)
    }

    pub(super) fn await_settling(&mut self, sender: ConnectionId, content: Content) {
        let mut mark = None;
        if let Some(connection) = self.connection_mut(sender) {
            connection.pending += 1;
            connection.unsettled += 1;
            mark.clone_from(&connection.mark);
        }
        let unsettled = Unsettled {
            sender,
            content,
            tag: None,
            mark,
        };
        self.unsettled.insert(self.last_id, unsettled);
    }

    pub(super) fn next_id(&mut self, now: Now) -> MessageId {
        self.last_id = self.last_id.next(now.unix_ms);
        self.last_id
    }

    /// Learns the fate of a message that was being committed: delivers it, then
    /// tells its sender. The messages of a channel settle in the order in which
    /// they were committed; an unknown draft is ignored. While the message is
    /// held, everything that follows it waits too.
    pub fn settle(&mut self, settled: Settled, now: Now, fx: &mut Effects) {
        let Some(mut unsettled) = self.unsettled.remove(&settled.draft) else {
            return;
        };
        let mark = unsettled.mark.take();
        let before = fx.answer(mark.map(|mark| (unsettled.sender, mark)));
        self.settle_one(unsettled, settled, now, fx);
        fx.answer(before);
    }

    fn settle_one(&mut self, unsettled: Unsettled, settled: Settled, now: Now, fx: &mut Effects) {
        let sender = unsettled.sender;
        let ticket = self.tickets.remove(&settled.draft);
        let settlement = Settlement {
            sender,
            tag: unsettled.tag,
            message: settled.fate.message(),
        };
        let mut outcome = match settled.fate {
            Fate::NotStored => Err(Refusal::NotStored),
            Fate::Committed(_) | Fate::Before(_) => Ok(()),
        };
        if let Content::Reaction(reaction) = &unsettled.content {
            self.reacting.settled(reaction.message);
        }
        if settled.fate != Fate::NotStored {
            self.log_is_back();
        }
        match (settled.fate, unsettled.content) {
            (Fate::NotStored, content) => {
                self.link_secrets.remove(&settled.draft);
                if let Content::Change(change) = &content {
                    self.change_failed(&change.channel, &change.changes);
                }
                let refusal = match &content {
                    Content::Change(_) => Refusal::ChangeNotStored,
                    Content::Channel(_)
                    | Content::Amendment(..)
                    | Content::Reaction(_)
                    | Content::Direct { .. } => Refusal::NotStored,
                };
                let wants_no_answer = content.wants_no_answer();
                let subject = match content {
                    Content::Change(change) => {
                        if let Some(index) = self.channels.find(&change.channel) {
                            // It may have been there for this change alone.
                            self.channels.tidy(index);
                        }
                        Subject::Command(format!("change #{}", change.channel))
                    }
                    Content::Amendment(it, _) => Subject::Later(match it.deletes() {
                        true => "delete",
                        false => "edit",
                    }),
                    Content::Reaction(_) => Subject::Later("react"),
                    Content::Channel(message) => Subject::Say(message.place.channel().cloned()),
                    Content::Direct { message, .. } => Subject::Private(message.to),
                };
                self.note_refusal(sender, &subject, &refusal, now, fx);
                let is_told = settlement.tag.is_none() && !wants_no_answer;
                if is_told && self.connection(sender).is_some() {
                    fx.tell(sender, Event::Refused(refusal));
                }
            }
            (Fate::Before(_), Content::Channel(message)) => {
                self.finish_behind_held(message.place.channel(), settlement, now, fx);
                return;
            }
            (
                Fate::Before(_),
                Content::Direct { .. }
                | Content::Change(_)
                | Content::Amendment(..)
                | Content::Reaction(_),
            ) => {}
            (Fate::Committed(id), Content::Amendment(mut amendment, former)) => {
                amendment.set_id(id);
                let entry = amendment.clone();
                if self.amended(*amendment, now, fx) {
                    // What an account has written is erased with one entry for all of it.
                    if sender != ConnectionId::NOBODY {
                        log_amendment(&entry, former.as_ref(), fx);
                    }
                } else {
                    outcome = Err(Refusal::NoSuchMessage);
                    if self.connection(sender).is_some() {
                        fx.tell(sender, Event::Refused(Refusal::NoSuchMessage));
                    }
                }
            }
            (Fate::Committed(id), Content::Reaction(mut reaction)) => {
                reaction.id = id;
                let entry = reaction.clone();
                if self.mended.is_deleted(reaction.message) {
                    outcome = Err(Refusal::NoSuchMessage);
                    if self.connection(sender).is_some() {
                        fx.tell(sender, Event::Refused(Refusal::NoSuchMessage));
                    }
                } else if self.reacted(*reaction, Some(sender), now, fx)
                    && sender != ConnectionId::NOBODY
                {
                    log_reaction(&entry, fx);
                }
            }
            (Fate::Committed(id), Content::Change(mut change)) => {
                change.id = id;
                self.draft_committed(&change.channel, (settled.draft, id));
                if let Some(secret) = self.link_secrets.remove(&settled.draft)
                    && self.connection(sender).is_some()
                {
                    let channel = change.channel.clone();
                    fx.tell(sender, Event::LinkMade { channel, secret });
                }
                let from = ticket.as_ref().and_then(|ticket| ticket.from.clone());
                fx.on_behalf_of(from, |fx| self.changed(*change, LastWas::Ours, now, fx));
            }
            (Fate::Committed(id), Content::Channel(mut message)) => {
                message.id = id;
                if let Some(channel) = message.place.channel() {
                    self.draft_committed(channel, (settled.draft, id));
                }
                log_message(&message, fx);
                self.publish(message, Some(sender), Some(settlement), now, fx);
                return;
            }
            (Fate::Committed(id), Content::Direct { mut message, from }) => {
                message.id = id;
                match self.remote {
                    None => self.hand_over(sender, message, Some(from), fx),
                    // The log delivers it to its recipient, here or on another server.
                    Some(_) => {
                        log_private(&message, fx);
                        self.tell_sent(sender, message, fx);
                    }
                }
            }
        }
        self.awaited.settled(settled.draft, &outcome);
        if let Some(ticket) = ticket {
            fx.done(ticket.number, outcome);
        }
        self.finish(settlement, now, fx);
    }

    /// Counts one of the answers that a connection waits for as given, and
    /// carries out the commands that waited for it.
    pub(super) fn answered(&mut self, id: ConnectionId, now: Now, fx: &mut Effects) {
        if let Some(connection) = self.connection_mut(id) {
            connection.pending = connection.pending.saturating_sub(1);
            if !connection.waiting.is_empty() {
                self.apply_waiting(id, now, fx);
            }
        }
    }

    /// As [`Hub::answered`], for many: what these have waiting follows when
    /// there is time.
    pub(super) fn all_answered(&mut self, ids: &[ConnectionId]) {
        for &id in ids {
            if let Some(connection) = self.connection_mut(id) {
                connection.pending = connection.pending.saturating_sub(1);
                self.go_on_later(id);
            }
        }
    }

    /// Whether a connection waits for no answer.
    pub fn is_settled(&self, id: ConnectionId) -> bool {
        let waits = |it: &super::Connection| it.pending > 0 || !it.waiting.is_empty();
        !self.connection(id).is_some_and(waits)
    }

    /// How many messages are being committed.
    pub fn unsettled(&self) -> usize {
        self.unsettled.len()
    }

    /// Delivers a message to the members of its channel, then finishes its
    /// settlement.
    pub(super) fn publish(
        &mut self,
        mut message: Message,
        speaker: Option<ConnectionId>,
        mut settlement: Option<Settlement>,
        now: Now,
        fx: &mut Effects,
    ) {
        self.mended.programs.mark(&mut message);
        let channel = message.place.channel();
        let index = channel.and_then(|channel| self.channels.find(channel));
        let face = self.face_of(&message.author);
        if let Some(index) = index {
            self.make_known(index, &message.author, fx);
        }
        // The past of a channel without members here is read when a client joins.
        let is_alone = self.remote.is_none();
        if let Some(index) = index
            && let Some(channel) = self.channels.get_mut(index)
            && (is_alone || !channel.members.is_empty())
            // The members of a channel that everyone had left came after that.
            && !channel.hides(message.id)
        {
            match channel.past.take(&message, &mut settlement) {
                Taken::Held => {}
                Taken::Known => fx.shown_as(face, |fx| {
                    self.tell_known(index, message, &Since::default(), fx);
                }),
                Taken::New => fx.shown_as(face, |fx| {
                    fx.spoken_by(speaker, |fx| channel.tell_message(message, fx));
                }),
                Taken::GivenUp(released) => self.release(index, released, now, fx),
            }
        }
        if let Some(settlement) = settlement {
            self.finish(settlement, now, fx);
        }
    }

    /// Delivers a message that the past contained to the members that were not
    /// shown the past. Some may read only what was said after a message.
    pub(super) fn tell_known(
        &mut self,
        index: ChannelIndex,
        message: Message,
        since: &Since,
        fx: &mut Effects,
    ) {
        let Some(channel) = self.channels.get(index) else {
            return;
        };
        let shows_past = |id| self.connection(id).is_none_or(|it| it.profile.shows_past);
        let others = channel.live().filter(|&id| !shows_past(id));
        let others = others.filter(|&id| since.lets_read(id, message.id));
        fx.tell_all(others, Event::Message(message.clone()));
        if let Some(channel) = self.channels.get_mut(index) {
            channel.tell_known(message, fx);
        }
    }

    /// Delivers a private message to its sender and its recipient, as far as they
    /// are connected to this server.
    fn hand_over(
        &mut self,
        sender: ConnectionId,
        message: Private,
        account: Option<AccountId>,
        fx: &mut Effects,
    ) {
        log_private(&message, fx);
        self.tell_copies(&message, account, Some(sender), fx);
        self.tell_recipient(&message, account, Some(sender), fx);
        self.tell_sent(sender, message, fx);
    }

    /// Confirms a private message to the connection that sent it.
    fn tell_sent(&mut self, sender: ConnectionId, message: Private, fx: &mut Effects) {
        if self.connection(sender).is_some() {
            let to = message.to.clone();
            let kind = message.body.kind;
            fx.shown_as(self.face_of(&message.from), |fx| {
                fx.tell(sender, Event::PrivateSent(message));
            });
            if kind != MessageKind::Notice {
                self.tell_away(sender, &to, fx);
            }
        }
    }

    /// Shows a private message on the other connections of its sender.
    pub(super) fn tell_copies(
        &self,
        message: &Private,
        account: Option<AccountId>,
        except: Option<ConnectionId>,
        fx: &mut Effects,
    ) {
        // A message to oneself is delivered as one, not as a copy as well.
        if message.from == message.to {
            return;
        }
        let from = self.users.get(message.from.key());
        // The nickname may belong to another user since the message was sent.
        let from = from.filter(|user| user.account == account);
        let connections = from.map(User::connections).unwrap_or_default();
        let others = connections.iter().copied();
        let others = others.filter(|&other| Some(other) != except);
        fx.shown_as(self.face_of(&message.from), |fx| {
            fx.tell_all(others, Event::PrivateCopy(message.clone()));
        });
    }

    /// Delivers a private message to its recipient, unless the recipient ignores
    /// the sender.
    pub(super) fn tell_recipient(
        &mut self,
        message: &Private,
        account: Option<AccountId>,
        sender: Option<ConnectionId>,
        fx: &mut Effects,
    ) {
        let to_oneself = message.from == message.to;
        let from = self.users.get(message.from.key());
        let from = from.filter(|user| user.account == account);
        let aliases = match from {
            Some(user) => Some(user.aliases()),
            None => self.aliases_of(&message.from),
        };
        // An ignored sender is not told: it would only try another nickname.
        if let Some(to) = self.users.get(message.to.key())
            && !to.ignores(&message.from, aliases)
        {
            let event = Event::Private(message.clone());
            let is_stored = account.is_some() && to.account.is_some();
            let to = to.connections().iter().copied();
            let to = to.filter(|&other| to_oneself || Some(other) != sender);
            let to: Vec<ConnectionId> = to.collect();
            if !is_stored && !to_oneself {
                self.keep_whisper(&message.to, message, account.is_some());
            }
            fx.shown_as(self.face_of(&message.from), |fx| fx.tell_all(to, event));
        }
    }
}

impl Content {
    /// Whether nothing is to answer it: it is a notice.
    fn wants_no_answer(&self) -> bool {
        let body = match self {
            Content::Change(_) | Content::Amendment(..) | Content::Reaction(_) => return false,
            Content::Channel(message) => &message.body,
            Content::Direct { message, .. } => &message.body,
        };
        body.kind == MessageKind::Notice
    }
}

fn log_message(message: &Message, fx: &mut Effects) {
    fx.log(Entry {
        nick: Some(message.author.shown()),
        channel: message.place.channel().map(Name::shown),
        text: Some(message.body.logged(&message.author)),
        id: Some(message.id),
        ..Entry::new(message.at_ms, Kind::Message)
    });
}

fn log_private(message: &Private, fx: &mut Effects) {
    fx.log(Entry {
        nick: Some(message.from.shown()),
        to: Some(message.to.shown()),
        text: Some(message.body.logged(&message.from)),
        id: Some(message.id),
        ..Entry::new(message.at_ms, Kind::Private)
    });
}

fn draft(sender: ConnectionId, message: Message, to: Option<Name>) -> Draft {
    Draft {
        record: message.into(),
        to,
        tag: None,
        sender,
    }
}

impl Private {
    /// The message that the store gets.
    fn kept_in(&self, place: Place) -> Message {
        Message {
            id: self.id,
            at_ms: self.at_ms,
            author: self.from.clone(),
            place,
            body: self.body.clone(),
        }
    }
}
