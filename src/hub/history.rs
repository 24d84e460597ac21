//! Earlier messages: the past of a channel, shown to a member that joins, and
//! the parts of a history that clients ask for.

use crate::model::{History, Message, MessageId, Name, Reactions, Window};

use super::channel::ChannelIndex;
use super::mended::Change;
use super::past::RECALLED;
use super::{
    Command, ConnectionId, Effects, Event, Hub, Now, PAGE_ROWS, Reading, Recall, Refusal, Seen,
};

impl Hub {
    /// Begins to read the past of a channel that has just been created.
    pub(super) fn recall_past(&mut self, channel: &Name, fx: &mut Effects) {
        if !self.limits.history {
            return;
        }
        self.last_recall += 1;
        let number = self.last_recall;
        let index = self.channels.find(channel);
        if let Some(channel) = index.and_then(|index| self.channels.get_mut(index)) {
            channel.past.begin(number, self.last_id);
        }
        fx.recall(Recall {
            channel: channel.clone(),
            before: self.recall_before(),
            number,
            limit: RECALLED,
            changes: self.mended.count(),
        });
    }

    /// The id at which the past of a channel ends. If the shared log gives out
    /// the ids, the next one is unknown; nor is it needed, because a message
    /// that the past contains is not delivered again.
    fn recall_before(&self) -> MessageId {
        match self.remote {
            None => self.last_id.next(0),
            Some(_) => MessageId {
                ms: u64::MAX,
                sequence: 0,
            },
        }
    }

    pub(super) fn read_history(
        &mut self,
        id: ConnectionId,
        channel: Option<Name>,
        (window, limit): (Window, usize),
        now: Now,
        fx: &mut Effects,
    ) -> Result<(), Refusal> {
        let index = self.channel_of(id, channel)?;
        let readable = self.readable(id, index, now)?;
        let channel = self.channels.get(index).ok_or(Refusal::NoChannel)?;
        let channel = channel.name.clone();
        if !self.limits.history {
            return Err(Refusal::NoHistory);
        }
        // Later commands wait, so that the answers come in order.
        if let Some(connection) = self.connection_mut(id) {
            connection.pending += 1;
        }
        fx.read(Reading {
            connection: id,
            address: self.address_of(id),
            channel,
            window: match window {
                Window::After(after) => Window::After(after.max(readable)),
                window => window,
            },
            limit: limit.min(PAGE_ROWS),
            readable,
            catching_up: false,
            is_look_up: false,
            changes: self.mended.count(),
        });
        Ok(())
    }

    /// Takes the answer to [`super::Chore::Read`]: `None` if the history cannot be
    /// read.
    pub fn history_read(
        &mut self,
        reading: &Reading,
        history: Option<History>,
        now: Now,
        fx: &mut Effects,
    ) {
        if self.connection(reading.connection).is_none() {
            return;
        }
        if reading.is_look_up {
            self.channel_looked_up(reading, history.as_ref());
            self.answered(reading.connection, now, fx);
            return;
        }
        if let Some(history) = &history
            && self.reads_again(reading, history, fx)
        {
            return;
        }
        if reading.catching_up {
            if let Some(connection) = self.connection_mut(reading.connection) {
                connection.resuming = connection.resuming.saturating_sub(1);
            }
            self.page_read(reading, history, now, fx);
            self.answered(reading.connection, now, fx);
            return;
        }
        // The reader may have been taken out of the channel meanwhile.
        let (id, channel) = (reading.connection, reading.channel.clone());
        let event = match (self.readable_part(id, Some(channel), now), history) {
            (Err(refusal), _) => {
                self.withdrawn += 1;
                Event::Refused(refusal)
            }
            (Ok(_), None) => Event::Refused(Refusal::HistoryUnavailable),
            (Ok((channel, after)), Some(mut history)) => {
                self.mended.mend_history(&mut history);
                let is_cut = history.cut(after, reading.window);
                self.withdrawn += u64::from(is_cut && after > reading.readable);
                history.shorten(reading.window);
                self.show_reader(id, &mut history.messages);
                Event::History {
                    complete: history.is_complete(),
                    messages: history.messages,
                    channel,
                    asked: true,
                    now_ms: now.unix_ms,
                }
            }
        };
        self.note_history(reading.connection, &event, now, fx);
        fx.tell(reading.connection, event);
        self.answered(reading.connection, now, fx);
    }

    /// How many changes of messages were told so far: see [`Hub::page_as_of_now`].
    pub fn changes_told(&self) -> u64 {
        self.mended.count()
    }

    /// Whether the past of a channel was read from the store, so that all that is told of the
    /// channel comes in the order of the ids.
    pub fn is_past_known(&self, channel: &Name) -> bool {
        let index = self.channels.find(channel);
        let channel = index.and_then(|index| self.channels.get(index));
        channel.is_none_or(|channel| !channel.past.is_awaited())
    }

    /// Makes of a part of a channel's history, which another thread has read, what a connection may
    /// be told of it now. `changes` is what [`Hub::changes_told`] was before it was read; `None` if
    /// so much has changed since that it has to be read again.
    pub fn page_as_of_now(
        &self,
        id: ConnectionId,
        channel: Name,
        (window, changes): (Window, u64),
        mut history: History,
        now: Now,
    ) -> Result<Option<History>, Refusal> {
        let (_, after) = self.readable_part(id, Some(channel), now)?;
        if self.mended.has_forgotten_since(changes) {
            return Ok(None);
        }
        self.mended.mend_history(&mut history);
        history.cut(after, window);
        history.shorten(window);
        if self.remote.is_none() {
            history.newest = Some(self.last_id);
        }
        Ok(Some(history))
    }

    /// Sends the client what its thread has found in the past of a channel, after the
    /// message `after`, unless the client may no longer read so much.
    pub(super) fn answer_from_past(
        &mut self,
        id: ConnectionId,
        channel: Name,
        after: MessageId,
        bytes: Vec<u8>,
        now: Now,
        fx: &mut Effects,
    ) -> Result<(), Refusal> {
        let readable = self.readable_part(id, Some(channel), now);
        let refusal = match readable {
            Ok((_, now_after)) if now_after <= after => {
                fx.write(id, bytes);
                return Ok(());
            }
            Ok(_) => Refusal::HistoryUnavailable,
            Err(refusal) => refusal,
        };
        self.withdrawn += 1;
        Err(refusal)
    }

    /// Gives a client an answer with messages that its thread has read, and then what has become
    /// of them since: live it may have been told that before.
    pub(super) fn answer_as_seen(
        &mut self,
        id: ConnectionId,
        seen: &Seen,
        answer: Command,
        now: Now,
        fx: &mut Effects,
    ) -> Result<(), Refusal> {
        let since = self.mended.since(seen);
        let since = since.ok_or(Refusal::HistoryUnavailable)?;
        self.carry_out(id, answer, now, fx)?;
        for change in since {
            match change {
                Change::Amended(amendment) => {
                    let face = amendment.by.as_ref().and_then(|by| self.face_of(by));
                    fx.shown_as(face, |fx| {
                        fx.tell(id, Event::Amended(amendment));
                    });
                }
                Change::Reacted(reaction) => self.tell_again(id, reaction, now, fx),
            }
        }
        Ok(())
    }

    /// Whether a part of a history has to be read again, because more has changed since it was
    /// asked for than the hub remembers. If so, has it done.
    fn reads_again(&self, reading: &Reading, history: &History, fx: &mut Effects) -> bool {
        let all = history.messages.iter().chain(&history.reacted);
        let is_stale = self.is_read_too_long_ago(all, reading.changes);
        if is_stale {
            fx.read(Reading {
                changes: self.mended.count(),
                ..reading.clone()
            });
        }
        is_stale
    }

    /// How many answers were held back since the last call, at least in part, because
    /// their readers might no longer read them when the store had found them.
    pub fn take_withdrawn(&mut self) -> u64 {
        std::mem::take(&mut self.withdrawn)
    }

    fn note_history(&self, id: ConnectionId, event: &Event, now: Now, fx: &mut Effects) {
        // A connection with several channels is a program that asks by itself.
        let is_a_persons = |it: &super::Connection| it.profile.one_channel;
        match event {
            Event::Refused(refusal) => {
                self.note_refused(id, "history", &refusal.to_string(), now, fx);
            }
            _ if self.connection(id).is_some_and(is_a_persons) => {
                self.note_done(id, "history", now, fx);
            }
            _ => {}
        }
    }

    /// Shows the members of a channel its past, each as much as it may read.
    fn show_past(
        &self,
        index: ChannelIndex,
        name: Name,
        messages: Vec<Message>,
        now: Now,
        fx: &mut Effects,
    ) {
        let Some(channel) = self.channels.get(index) else {
            return;
        };
        let history = |messages| Event::History {
            channel: name.clone(),
            messages,
            complete: true,
            asked: false,
            now_ms: now.unix_ms,
        };
        if messages.is_empty() {
            return;
        }
        // Where not all users are named, each reader is.
        let names_all = |it: &Message| it.body.reactions().is_none_or(Reactions::names_all);
        if channel.governed.is_none() && messages.iter().all(names_all) {
            fx.tell_all(channel.live(), history(messages));
            return;
        }
        for id in channel.live() {
            let mut readable = self.readable_of(id, index, messages.clone(), now);
            self.show_reader(id, &mut readable);
            if !readable.is_empty() {
                fx.tell(id, history(readable));
            }
        }
    }

    /// Takes the answer to [`super::Chore::Recall`]: at most the last `RECALLED`
    /// messages, oldest first.
    pub fn recalled(
        &mut self,
        recall: &Recall,
        messages: Vec<Message>,
        now: Now,
        fx: &mut Effects,
    ) {
        self.take_past(recall, Some(messages), now, fx);
    }

    /// Takes the answer to [`super::Chore::Recall`] if the messages cannot be read.
    /// Whether the channel is new is not known, so it has no operator.
    pub fn not_recalled(&mut self, recall: &Recall, now: Now, fx: &mut Effects) {
        self.take_past(recall, None, now, fx);
    }

    fn take_past(
        &mut self,
        recall: &Recall,
        messages: Option<Vec<Message>>,
        now: Now,
        fx: &mut Effects,
    ) {
        let is_read = messages.is_some();
        let mut messages = messages.unwrap_or_default();
        if self.is_read_too_long_ago(&messages, recall.changes) && is_read {
            let changes = self.mended.count();
            return fx.recall(Recall {
                changes,
                ..recall.clone()
            });
        }
        self.mended.mend(&mut messages);
        let Some(index) = self.channels.find(&recall.channel) else {
            return;
        };
        let Some(channel) = self.channels.get_mut(index) else {
            return;
        };
        let name = channel.name.clone();
        let Some(held) = channel.past.fill(recall.number, &messages) else {
            // The hub has stopped waiting for this past, or asked for it again.
            return;
        };
        if is_read && self.remote.is_some() {
            let newest = messages.last().map(|message| message.id);
            self.joined_after(index, newest.unwrap_or_default());
        }
        let is_new = is_read && self.is_new(index, &messages);
        let mut shown = held.before(&messages, recall.limit);
        shown.extend(messages);
        self.show_past(index, name, shown, now, fx);
        if is_new {
            self.begin_governing(index, now, fx);
        }
        self.release(index, held, now, fx);
    }
}
