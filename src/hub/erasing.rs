//! Erasing everything that an account has written: each message is deleted as if its author did it
//! now. A thread of its own finds them and brings them here a few at a time.

use crate::model::{AccountId, Amendment, Body, Located, Name, Reaction, Record, Sign};

use super::messages::Content;
use super::{ConnectionId, Draft, Effects, Hub, Now};

/// The most messages that are to be brought at once.
pub const MOST_ERASED: usize = 50;

impl Hub {
    /// Deletes messages on the order of their author, whose account may be gone.
    pub fn erase(&mut self, messages: Vec<Located>, now: Now, fx: &mut Effects) {
        for Located { message, to, .. } in messages.into_iter().take(MOST_ERASED) {
            let id = self.next_id(now);
            let amendment = Box::new(Amendment {
                id,
                message: message.id,
                place: message.place,
                by: Some(message.author.clone()),
                author: message.author,
                to,
                reason: None,
                body: Body::deleted().changed_by(id),
            });
            fx.append(Draft {
                record: Record::Amend(amendment.clone()),
                to: None,
                tag: None,
                sender: ConnectionId::NOBODY,
            });
            self.await_settling(ConnectionId::NOBODY, Content::Amendment(amendment, None));
        }
    }

    /// Takes back what an account has reacted to messages with, on its order.
    pub fn take_back(
        &mut self,
        messages: Vec<Located>,
        account: AccountId,
        now: Now,
        fx: &mut Effects,
    ) {
        for Located { message, to, .. } in messages.into_iter().take(MOST_ERASED) {
            let reactions = message.body.reactions().cloned().unwrap_or_default();
            for given in reactions.given().filter(|given| given.on) {
                let (Ok(by), Ok(sign)) = (Name::restore(given.user), Sign::parse(given.sign))
                else {
                    continue;
                };
                if given.account != Some(account) {
                    continue;
                }
                let reaction = Box::new(Reaction {
                    id: self.next_id(now),
                    message: message.id,
                    place: message.place.clone(),
                    author: message.author.clone(),
                    to: to.clone(),
                    by,
                    account: Some(account),
                    sign,
                    on: false,
                });
                self.reacting.add(&reaction, reactions.clone());
                fx.append(Draft {
                    record: Record::React(reaction.clone()),
                    to: None,
                    tag: None,
                    sender: ConnectionId::NOBODY,
                });
                self.await_settling(ConnectionId::NOBODY, Content::Reaction(reaction));
            }
        }
    }
}
