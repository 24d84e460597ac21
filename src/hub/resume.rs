//! Catching up: a client that was cut off asks for the messages it missed.
//!
//! While a connection catches up with a channel, it gets no live messages of
//! that channel. The missed messages are read a page at a time, each when the
//! client asks for it, so that a long absence does not flood the connection's
//! queue. Messages published while the last page is being read are held and
//! follow it. The client thus gets every message once and in order.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::{History, Located, MessageId, Name, Reactions, Window};

use super::channel::ChannelIndex;
use super::held::Held;
use super::{ConnectionId, Effects, Event, Hub, Message, Now, PAGE_ROWS, Reading, Refusal};

/// The connections that are catching up with one channel.
#[derive(Default)]
pub(super) struct CatchingUp {
    states: BTreeMap<ConnectionId, State>,
    /// Those of them that are [`State::Read`], by the last message they have.
    read: BTreeSet<(MessageId, ConnectionId)>,
    /// How many of them are having a page read.
    reading: usize,
    /// Messages published while pages are being read. If more are published
    /// than can be held, the client gets another page.
    held: Held,
}

/// How far a connection has caught up.
#[derive(Clone, Copy)]
enum State {
    /// A page is being read.
    Reading {
        /// Whether some of the missed messages are known to be lost.
        gap: bool,
        /// The last message the client has.
        after: MessageId,
        /// The number in [`CatchingUp::held`] of the first message published
        /// since.
        first_held: u64,
    },
    /// The client has to ask for the next page.
    Paused {
        /// As in [`State::Reading`].
        gap: bool,
    },
    /// All pages were read. The store may be ahead of the hub: the hub has yet
    /// to publish some messages that the last page already contained, and must
    /// not deliver them again.
    Read {
        /// The last message that the client was given.
        up_to: MessageId,
    },
}

impl CatchingUp {
    pub fn is_empty(&self) -> bool {
        self.states.is_empty()
    }

    pub fn contains(&self, id: ConnectionId) -> bool {
        self.states.contains_key(&id)
    }

    pub fn remove(&mut self, id: ConnectionId) {
        self.take(id);
    }

    /// How many connections are catching up.
    pub fn len(&self) -> usize {
        self.states.len()
    }

    /// How many messages are held for them.
    pub fn held(&self) -> usize {
        self.held.len()
    }

    /// Whether a message that is being published is to be delivered to a member.
    pub fn lets_through(&self, member: ConnectionId, message: &Message) -> bool {
        match self.states.get(&member) {
            None => true,
            Some(State::Read { up_to }) => message.id > *up_to,
            Some(State::Reading { .. } | State::Paused { .. }) => false,
        }
    }

    /// Records a message that is being published: holds it for the connections
    /// whose page is being read, and makes live those that now have all messages
    /// of their last page behind them.
    pub fn publish(&mut self, message: &Message) {
        self.hold(message);
        while let Some(&(up_to, id)) = self.read.first()
            && up_to < message.id
        {
            self.take(id);
        }
    }

    /// Records the publication of a message that the channel's past contained, so
    /// that all members shown the past already have it. Connections that catch
    /// up were not shown it: returns those that must be told.
    pub fn publish_known(&mut self, message: &Message) -> Vec<ConnectionId> {
        self.hold(message);
        let mut to = Vec::new();
        while let Some(&(up_to, id)) = self.read.first()
            && up_to < message.id
        {
            self.read.pop_first();
            to.push(id);
        }
        let up_to = message.id;
        for &id in &to {
            self.put(id, State::Read { up_to });
        }
        to
    }

    /// Changes a message, if it is held.
    pub fn change(&mut self, id: MessageId, change: impl Fn(&mut Message)) {
        self.held.change(id, change);
    }

    fn hold(&mut self, message: &Message) {
        if self.reading > 0 {
            self.held.push(message.clone());
        }
    }

    /// Notes that a page is about to be read.
    fn begin(&mut self, id: ConnectionId, after: MessageId, gap: bool) {
        let before = match self.take(id) {
            Some(State::Reading { gap, .. } | State::Paused { gap }) => gap,
            Some(State::Read { .. }) | None => false,
        };
        let state = State::Reading {
            gap: gap || before,
            after,
            first_held: self.held.next(),
        };
        self.reading += 1;
        self.put(id, state);
    }

    /// Notes that the page could not be read; the client may ask again.
    fn fail(&mut self, id: ConnectionId) {
        if let Some(State::Reading { gap, .. }) = self.take(id) {
            self.put(id, State::Paused { gap });
        }
    }

    /// Notes that a page was read. Returns what follows it.
    fn turn(&mut self, id: ConnectionId, page: &Page) -> Turned {
        let &Page {
            last, gap, more, ..
        } = page;
        let Some(&State::Reading {
            gap: before,
            after,
            first_held,
        }) = self.states.get(&id)
        else {
            return Turned { gap, live: None };
        };
        let possible = page.newest.map_or(after, |newest| after.min(newest));
        let gap = gap || before || possible < after;
        let seen = last.unwrap_or(possible);
        let held = self.held.since(first_held).filter(|_| !more);
        let live: Option<Vec<Message>> = held.map(|held| {
            let unseen = held.filter(|message| message.id > seen);
            unseen.cloned().collect()
        });
        self.take(id);
        let state = match &live {
            Some(live) => State::Read {
                up_to: live.last().map_or(seen, |message| message.id),
            },
            None => State::Paused { gap },
        };
        self.put(id, state);
        Turned { gap, live }
    }

    fn put(&mut self, id: ConnectionId, state: State) {
        if let State::Read { up_to } = state {
            self.read.insert((up_to, id));
        }
        self.states.insert(id, state);
    }

    /// Takes a connection out. Drops the held messages when no page is being read
    /// any more.
    fn take(&mut self, id: ConnectionId) -> Option<State> {
        let state = self.states.remove(&id)?;
        match state {
            State::Reading { .. } => {
                self.reading -= 1;
                if self.reading == 0 {
                    self.held.take();
                }
            }
            State::Read { up_to } => {
                self.read.remove(&(up_to, id));
            }
            State::Paused { .. } => {}
        }
        Some(state)
    }
}

/// What a page tells about the history around it.
struct Page {
    /// Its last message.
    last: Option<MessageId>,
    gap: bool,
    more: bool,
    /// As [`History::newest`].
    newest: Option<MessageId>,
}

/// What follows a page.
struct Turned {
    /// Whether some of the missed messages are lost.
    gap: bool,
    /// The messages published while the page was read, if it was the last one.
    live: Option<Vec<Message>>,
}

impl Hub {
    /// Joins a channel, if need be, and asks for its messages after `after`.
    pub(super) fn resume(
        &mut self,
        id: ConnectionId,
        name: Name,
        after: MessageId,
        now: Now,
        fx: &mut Effects,
    ) -> Result<(), Refusal> {
        let index = match self.channel_of(id, Some(name.clone())) {
            Ok(index) => index,
            Err(_) => self.come_in(id, name, now, fx)?,
        };
        let history = self.limits.history;
        // A client that names a later message than the newest one here has seen
        // another history; later messages must not pass for known. If a shared
        // log gives out the ids, only the log can tell, and does so with the
        // page: another server may have delivered messages that this one has not
        // heard of yet, and this server's clock is not the log's.
        let newest = match self.remote {
            None => self.last_id,
            Some(_) => after,
        };
        let unknown = after > newest;
        let after = after.min(newest);
        let readable = self.readable(id, index, now)?;
        let unknown = unknown || after < readable;
        let after = after.max(readable);
        let Some(channel) = self.channels.get_mut(index) else {
            return Ok(());
        };
        let name = channel.name.clone();
        if readable == MessageId::LAST {
            // Nothing that was said before may be read, and all that follows is live.
            fx.tell(id, resumed(name, false, false));
            return Ok(());
        }
        if !history {
            let recent = channel.past.recent().into_iter();
            self.tell_missed(id, recent.filter(|message| message.id > after), fx);
            fx.tell(id, resumed(name, false, false));
            return Ok(());
        }
        channel.catching_up.begin(id, after, unknown);
        if let Some(connection) = self.connection_mut(id) {
            connection.pending += 1;
            connection.resuming += 1;
        }
        fx.read(Reading {
            connection: id,
            address: self.address_of(id),
            channel: name,
            window: Window::After(after),
            limit: PAGE_ROWS,
            readable,
            catching_up: true,
            is_look_up: false,
            changes: self.mended.count(),
        });
        Ok(())
    }

    /// Delivers the page that a connection asked for; `None` if it cannot be read.
    pub(super) fn page_read(
        &mut self,
        reading: &Reading,
        history: Option<History>,
        now: Now,
        fx: &mut Effects,
    ) {
        let id = reading.connection;
        let Some(index) = self.catching_up_with(id, &reading.channel) else {
            // The connection has left the channel meanwhile, or was removed.
            self.withdrawn += 1;
            return;
        };
        let Ok(readable) = self.readable(id, index, now) else {
            self.withdrawn += 1;
            return;
        };
        let mended = &self.mended;
        let Some(channel) = self.channels.get_mut(index) else {
            return;
        };
        let Some(mut history) = history else {
            channel.catching_up.fail(id);
            fx.tell(id, Event::Refused(Refusal::HistoryUnavailable));
            return;
        };
        let name = channel.name.clone();
        mended.mend_history(&mut history);
        let is_cut = history.cut(readable, reading.window);
        self.withdrawn += u64::from(is_cut);
        history.shorten(reading.window);
        let is = Page {
            last: history.messages.last().map(|message| message.id),
            gap: history.gap || is_cut,
            more: history.more,
            newest: history.newest,
        };
        let mut turned = channel.catching_up.turn(id, &is);
        if let Some(live) = &mut turned.live {
            // Some of it may have been held since before the connection came.
            live.retain(|message| message.id > readable);
        }
        self.tell_page(id, history, fx);
        fx.tell(id, resumed(name, !turned.gap, turned.live.is_none()));
        self.tell_missed(id, turned.live.into_iter().flatten(), fx);
    }

    /// Tells a connection what it has missed: messages, and changes of messages before them, in
    /// the order of their ids.
    fn tell_page(&self, id: ConnectionId, history: History, fx: &mut Effects) {
        let amended = history.amended.into_iter();
        let amended = amended.map(|it| (it.id, Event::Amended(Arc::new(it))));
        let mut reacted = history.reacted;
        self.show_reader(id, &mut reacted);
        let reacted = reacted.into_iter().map(|message| {
            let last = message.body.reactions().and_then(Reactions::last);
            let located = Located::remembered(message);
            (
                last.unwrap_or_default(),
                Event::Reactions(Box::new(located)),
            )
        });
        let mut changed: Vec<(MessageId, Event)> = amended.chain(reacted).collect();
        changed.sort_by_key(|(at, _)| *at);
        let mut changed = changed.into_iter().peekable();
        let mut messages = history.messages;
        self.show_reader(id, &mut messages);
        for message in messages {
            while let Some((_, event)) = changed.next_if(|(at, _)| *at < message.id) {
                fx.tell(id, event);
            }
            fx.tell(id, Event::Message(message));
        }
        for (_, event) in changed {
            fx.tell(id, event);
        }
    }

    fn tell_missed(
        &self,
        id: ConnectionId,
        messages: impl Iterator<Item = Message>,
        fx: &mut Effects,
    ) {
        let mut messages: Vec<Message> = messages.collect();
        self.show_reader(id, &mut messages);
        for message in messages {
            fx.tell(id, Event::Message(message));
        }
    }

    fn catching_up_with(&self, id: ConnectionId, channel: &Name) -> Option<ChannelIndex> {
        let index = self.channels.find(channel)?;
        let channel = self.channels.get(index)?;
        channel.catching_up.contains(id).then_some(index)
    }
}

fn resumed(channel: Name, complete: bool, more: bool) -> Event {
    Event::Resumed {
        channel,
        complete,
        more,
    }
}
