//! The hub's effects in a form of their own, which a planted bug can alter.

use std::rc::Rc;

use chat_server::chatlog::Entry;
use chat_server::hub::{Chore, ConnectionId, Effect, Effects, Event, Farewell, MessageId};
use chat_server::store::NewMessage;

/// As [`Effect`], with the recipients spelled out.
#[derive(Clone, Debug)]
pub enum Out {
    Tell(Vec<ConnectionId>, Rc<Event>),
    Write(ConnectionId, Vec<u8>),
    Close(ConnectionId, Farewell),
    Log(Entry),
    Append(NewMessage),
    Chore(Chore),
    /// Not the hub's: it has been told that a message is committed, or not.
    /// What it wants because of that follows.
    Settled(MessageId, bool),
}

/// Takes what the hub has decided.
pub fn take(effects: &mut Effects) -> Vec<Out> {
    let mut list = effects.take_list();
    let outs = list.drain(..).map(|effect| match effect {
        Effect::Deliver { to, event, .. } => {
            Out::Tell(effects.recipients(to).to_vec(), Rc::new(event))
        }
        Effect::Write { connection, bytes } => Out::Write(connection, bytes),
        Effect::Close {
            connection,
            farewell,
        } => Out::Close(connection, farewell),
        Effect::Log(entry) => Out::Log(entry),
        Effect::Append(draft) => Out::Append(draft.message),
        Effect::Share(shared) => unreachable!("a hub that stands alone shared {shared:?}"),
        Effect::Chore(chore) => Out::Chore(chore),
    });
    let outs = outs.collect();
    effects.put_back(list);
    outs
}
