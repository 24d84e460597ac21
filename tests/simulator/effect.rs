//! The hub's effects in a form that a planted bug can alter.

use std::rc::Rc;

use chat_server::chatlog::Entry;
use chat_server::hub::{Chore, ConnectionId, Effect, Effects, Event, Farewell, MessageId};
use chat_server::model::Record;
use chat_server::store::Message;

/// An [`Effect`] with its recipients listed.
#[derive(Clone, Debug)]
pub enum Out {
    Tell(Vec<ConnectionId>, Rc<Event>),
    Write(ConnectionId, Vec<u8>),
    Close(ConnectionId, Farewell),
    Log(Entry),
    Append(Message),
    Chore(Chore),
    /// Not an effect of the hub: it has learned whether a message was
    /// committed. The effects that result from it follow.
    Settled(MessageId, bool),
}

/// Takes the hub's effects.
pub fn take(effects: &mut Effects) -> Vec<Out> {
    let mut list = effects.take_list();
    // There is nothing but connections that could end with a token.
    let all = (list.drain(..)).filter(|effect| !matches!(effect, Effect::Revoked(_)));
    let outs = all.map(|effect| match effect {
        Effect::Deliver { to, event, .. } => {
            Out::Tell(effects.recipients(to).to_vec(), Rc::new(event))
        }
        Effect::Write {
            connection, bytes, ..
        } => Out::Write(connection, bytes),
        Effect::Close {
            connection,
            farewell,
        } => Out::Close(connection, farewell),
        Effect::Log(entry) => Out::Log(entry),
        Effect::Append(draft) => match draft.record {
            Record::Message(message) => Out::Append(message),
            Record::Keyed(keyed) => unreachable!("no program posts {keyed:?}"),
            // Those who ask for changes are in `governed`.
            Record::Change(change) => unreachable!("no client asked for {change:?}"),
            Record::Amend(amendment) => unreachable!("no client asked for {amendment:?}"),
            Record::React(reaction) => unreachable!("no client asked for {reaction:?}"),
        },
        Effect::Share(shared) => unreachable!("a hub that stands alone shared {shared:?}"),
        Effect::Chore(chore) => Out::Chore(chore),
        Effect::Revoked(_) => unreachable!("it was left out"),
        Effect::Call { owner, .. } => unreachable!("no client wished another name for {owner}"),
        Effect::Done { ticket, .. } => unreachable!("no administrator asked for {ticket}"),
    });
    let outs = outs.collect();
    effects.put_back(list);
    outs
}
