//! The clients' end of the network: what arrives there, how late, and
//! whether it makes sense to who sees nothing else.

use std::collections::VecDeque;
use std::rc::Rc;

use chat_server::hub::{Event, Message, MessageId};

use super::invariant::{Check, Invariant, ensure};
use super::names::{ROOMS, room};
use super::store::Store;

/// One client, and what is under way to it.
#[derive(Default)]
pub struct Client {
    /// Sent and not arrived. It arrives in this order, or not at all.
    pipe: VecDeque<Rc<Event>>,
    /// The newest message seen of each channel.
    newest: [MessageId; ROOMS],
    /// Kept messages seen, for after a crash; the last few.
    pub seen: VecDeque<MessageId>,
}

/// Messages a client remembers to have seen.
const REMEMBERED: usize = 64;

impl Client {
    /// Puts an event on its way; how many are.
    pub fn send(&mut self, event: &Rc<Event>) -> usize {
        self.pipe.push_back(event.clone());
        self.pipe.len()
    }

    /// What has been sent last is lost: the connection is.
    pub fn lose(&mut self, kept: usize) {
        self.pipe.truncate(kept);
    }

    /// Some of what is under way arrives. Whether there was anything.
    pub fn receive(&mut self, most: usize, history: bool, store: &Store) -> Check<bool> {
        let count = most.min(self.pipe.len());
        for event in self.pipe.drain(..count).collect::<Vec<_>>() {
            match &*event {
                Event::Message(message) => {
                    self.see_new(message)?;
                    if history {
                        self.see(message.body.id, store)?;
                    }
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
        let newest = &mut self.newest[room(&message.channel)];
        let id = message.body.id;
        ensure(id > *newest, Invariant::SameOrder, || {
            format!("in {} a client gets {id} after {newest}", message.channel)
        })?;
        *newest = id;
        Ok(())
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
