//! The clients' end of the network: what arrives there, how late, and
//! whether it makes sense to who sees nothing else.

use std::collections::VecDeque;
use std::rc::Rc;

use chat_server::hub::{Event, Message, MessageId};

use super::invariant::{Check, Invariant, ensure};
use super::names::{ROOMS, Room, room};
use super::store::Store;

/// One client, and what is under way to it.
#[derive(Default)]
pub struct Client {
    /// Sent and not arrived. It arrives in this order, or not at all.
    pipe: VecDeque<Packet>,
    /// The newest message seen of each channel.
    newest: [MessageId; ROOMS],
    /// The channels it has all kept messages of, up to which.
    whole: [Option<MessageId>; ROOMS],
    /// The channels of which it has asked for messages it may have already.
    asked_again: [bool; ROOMS],
    /// Kept messages seen, for after a crash; the last few.
    pub seen: VecDeque<MessageId>,
}

/// Messages a client remembers to have seen.
const REMEMBERED: usize = 64;

/// Something under way to a client.
enum Packet {
    Event(Rc<Event>),
    /// From here on a channel goes on after this message.
    After(Room, MessageId),
}

impl Client {
    /// Puts an event on its way; how many are.
    pub fn send(&mut self, event: &Rc<Event>) -> usize {
        self.pipe.push_back(Packet::Event(event.clone()));
        self.pipe.len()
    }

    /// A channel goes on after this message, as the client wanted.
    pub fn go_on(&mut self, room: Room, after: MessageId) {
        self.pipe.push_back(Packet::After(room, after));
    }

    /// It asks for messages that it may have, and that are not kept.
    pub fn ask_again(&mut self, room: Room) {
        self.asked_again[room] = true;
    }

    /// The last message it has of a channel of which it has all.
    pub fn has_all(&self, room: Room) -> Option<MessageId> {
        self.whole[room]
    }

    /// What has been sent last is lost: the connection is.
    pub fn lose(&mut self, kept: usize) {
        self.pipe.truncate(kept);
    }

    /// Some of what is under way arrives. Whether there was anything.
    pub fn receive(&mut self, most: usize, history: bool, store: &Store) -> Check<bool> {
        let count = most.min(self.pipe.len());
        for packet in self.pipe.drain(..count).collect::<Vec<_>>() {
            let event = match packet {
                Packet::Event(event) => event,
                Packet::After(room, after) => {
                    self.newest[room] = after;
                    self.whole[room] = Some(after);
                    continue;
                }
            };
            match &*event {
                Event::Message(message) => {
                    self.see_new(message)?;
                    if history {
                        self.see(message.body.id, store)?;
                        self.see_next(message, store)?;
                    }
                }
                Event::Joined { channel, .. } => {
                    // What it has read and the hub has not published yet
                    // comes again to who leaves and comes back.
                    self.newest[room(channel)] = MessageId::default();
                    self.whole[room(channel)] = None;
                }
                Event::History { messages, .. } if history => {
                    for message in messages {
                        self.see(message.body.id, store)?;
                    }
                }
                _ => {}
            }
        }
        Ok(count > 0)
    }

    fn see_new(&mut self, message: &Message) -> Check {
        let room = room(&message.channel);
        let newest = &mut self.newest[room];
        let id = message.body.id;
        let in_order = id > *newest || self.asked_again[room];
        ensure(in_order, Invariant::SameOrder, || {
            format!("in {} a client gets {id} after {newest}", message.channel)
        })?;
        *newest = id;
        Ok(())
    }

    /// Nothing is missing before the next message of a channel.
    fn see_next(&mut self, message: &Message, store: &Store) -> Check {
        let room = room(&message.channel);
        let id = message.body.id;
        let before = self.whole[room].replace(id);
        let whole = before.is_none_or(|before| store.are_neighbours(room, before, id));
        ensure(whole, Invariant::FollowedWhole, || {
            let (channel, before) = (&message.channel, before);
            format!("a client gets {id} in {channel} after {before:?}, and there was more")
        })
    }

    fn see(&mut self, id: MessageId, store: &Store) -> Check {
        if self.seen.len() == REMEMBERED {
            self.seen.pop_front();
        }
        self.seen.push_back(id);
        ensure(store.is_committed(id), Invariant::CommitFirst, || {
            format!("a client sees {id}, which is not committed")
        })
    }

    /// After a crash, everything seen has to be there still.
    pub fn check_stored(&self, store: &Store) -> Check {
        let lost = self.seen.iter().find(|&&id| !store.is_committed(id));
        ensure(lost.is_none(), Invariant::SeenIsStored, || {
            format!("a client has seen {lost:?}, and the store does not have it")
        })
    }
}
