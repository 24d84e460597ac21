//! The clients' end of the network: what arrives, how late, and whether it is
//! consistent for a client that sees nothing else.

use std::collections::VecDeque;
use std::rc::Rc;

use chat_server::hub::{Event, Message, MessageId};

use super::invariant::{Check, Invariant, ensure};
use super::names::{ROOMS, Room, room, room_of};
use super::store::Store;

/// One client and the packets on their way to it.
#[derive(Default)]
pub struct Client {
    /// Packets in the order of arrival; a lost connection drops the last ones.
    pipe: VecDeque<Packet>,
    /// The newest message seen in each channel.
    newest: [MessageId; ROOMS],
    /// For each channel of which the client has every stored message: the last
    /// one it has.
    whole: [Option<MessageId>; ROOMS],
    /// Channels in which the client asked for messages that it may already
    /// have.
    asked_again: [bool; ROOMS],
    /// The last stored messages seen, to check after a crash.
    pub seen: VecDeque<MessageId>,
}

/// How many seen messages a client remembers.
const REMEMBERED: usize = 64;

/// A packet on its way to a client.
enum Packet {
    Event(Rc<Event>),
    /// The client's view of a channel continues after this message.
    After(Room, MessageId),
}

impl Client {
    /// Sends an event to the client. Returns how many packets are on their way.
    pub fn send(&mut self, event: &Rc<Event>) -> usize {
        self.pipe.push_back(Packet::Event(event.clone()));
        self.pipe.len()
    }

    /// Continues a channel after this message, as the client asked.
    pub fn go_on(&mut self, room: Room, after: MessageId) {
        self.pipe.push_back(Packet::After(room, after));
    }

    /// Asks for messages that the client may already have, where no history is
    /// kept.
    pub fn ask_again(&mut self, room: Room) {
        self.asked_again[room] = true;
    }

    /// The last message seen in a channel of which the client has every
    /// message.
    pub fn has_all(&self, room: Room) -> Option<MessageId> {
        self.whole[room]
    }

    /// Loses the packets sent last, as a lost connection does.
    pub fn lose(&mut self, kept: usize) {
        self.pipe.truncate(kept);
    }

    /// Delivers some of the packets. Returns whether there were any.
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
                        self.see(message.id, store)?;
                        self.see_next(message, store)?;
                    }
                }
                Event::Joined { channel, .. } => {
                    // A client that leaves and rejoins may read a message from
                    // the store and get it live afterwards, when the hub
                    // publishes it.
                    self.newest[room(channel)] = MessageId::default();
                    self.whole[room(channel)] = None;
                }
                Event::History { messages, .. } if history => {
                    for message in messages {
                        self.see(message.id, store)?;
                    }
                }
                _ => {}
            }
        }
        Ok(count > 0)
    }

    fn see_new(&mut self, message: &Message) -> Check {
        let room = room_of(message);
        let newest = &mut self.newest[room];
        let id = message.id;
        let in_order = id > *newest || self.asked_again[room];
        ensure(in_order, Invariant::SameOrder, || {
            format!("in {:?} a client gets {id} after {newest}", message.place)
        })?;
        *newest = id;
        Ok(())
    }

    /// Checks that no message is missing before the next one of a channel.
    fn see_next(&mut self, message: &Message, store: &Store) -> Check {
        let room = room_of(message);
        let id = message.id;
        let before = self.whole[room].replace(id);
        let whole = before.is_none_or(|before| store.are_neighbours(room, before, id));
        ensure(whole, Invariant::FollowedWhole, || {
            let (place, before) = (&message.place, before);
            format!("a client gets {id} in {place:?} after {before:?}, but messages lie between")
        })
    }

    fn see(&mut self, id: MessageId, store: &Store) -> Check {
        if self.seen.len() == REMEMBERED {
            self.seen.pop_front();
        }
        self.seen.push_back(id);
        ensure(store.is_committed(id), Invariant::CommitFirst, || {
            format!("a client gets {id}, which is not committed")
        })
    }

    /// Checks after a crash that the store has every message that was seen.
    pub fn check_stored(&self, store: &Store) -> Check {
        let lost = self.seen.iter().find(|&&id| !store.is_committed(id));
        ensure(lost.is_none(), Invariant::SeenIsStored, || {
            format!("a client has seen {lost:?}, but the store does not have it")
        })
    }
}
