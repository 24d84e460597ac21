//! What connections' own threads look up: they read from the store, have the hub apply what has
//! changed since, and write the answer later. Messages change all the while.

use chat_server::hub::{Command, ConnectionId, MessageId, Seen};
use chat_server::name::Name;
use chat_server::store::{Message, Window};

use super::super::invariant::Check;
use super::super::names::channel;
use super::world::World;

/// The most messages of an answer.
const LIMIT: usize = 20;

/// A part of a channel's past that a connection's thread is looking up.
pub struct LookUp {
    connection: ConnectionId,
    channel: Name,
    /// The message after which the connection may read.
    after: MessageId,
    /// How many changes the hub knew before it was read.
    changes: u64,
    messages: Vec<Message>,
    /// Set once the hub has applied what has changed.
    seen: Option<Seen>,
}

impl World {
    /// Someone's thread reads a part of the past of a channel.
    pub(super) fn look_up(&mut self) {
        let Some(id) = self.someone() else { return };
        let room = channel(self.some_room(), 0);
        let part = self.hub.readable_part(id, Some(room), self.now);
        let Ok((channel, after)) = part else { return };
        let window = match self.random.chance(500) {
            true => Window::Latest,
            false => Window::After(after),
        };
        let mut messages = self.store.history(&channel, window, LIMIT).messages;
        messages.retain(|message| message.id > after);
        self.trace
            .act(108, format_args!("{id:?} looks up {messages:?}"));
        self.look_ups.push(LookUp {
            connection: id,
            channel,
            after,
            changes: self.hub.changes(),
            messages,
            seen: None,
        });
    }

    /// One of those who look something up goes on.
    pub(super) fn go_on_looking(&mut self) -> Check {
        if self.look_ups.is_empty() {
            return Ok(());
        }
        let at = self.random.below(self.look_ups.len());
        let mut look_up = self.look_ups.swap_remove(at);
        let Some(seen) = look_up.seen.take() else {
            let seen = self.hub.mend_read(look_up.changes, &mut look_up.messages);
            self.trace.act(109, format_args!("{seen:?} is mended"));
            look_up.seen = Some(seen);
            self.look_ups.push(look_up);
            return Ok(());
        };
        let id = look_up.connection;
        if self.model.conn(id).is_none() {
            return Ok(());
        }
        self.last_look_up += 1;
        let bytes = self.last_look_up.to_string().into_bytes();
        self.model.answers.insert(bytes.clone(), look_up.messages);
        self.trace
            .act(110, format_args!("{id:?} answers {bytes:?}"));
        let answer = Command::AnswerFromPast {
            channel: look_up.channel,
            after: look_up.after,
            bytes,
        };
        let answer = Box::new(answer);
        self.call(|hub, now, fx| hub.apply(id, Command::AsSeen { seen, answer }, now, fx))
    }
}
