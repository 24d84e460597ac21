//! Reactions: users give messages signs, and take them back.
//!
//! A reaction is an entry of the log, as an edit is ([`super::mending`]). A user has given a sign
//! or has not; giving it again changes nothing, and is not told to others. The limits count what
//! is still being committed, too.

use std::collections::HashMap;
use std::sync::Arc;

use crate::model::{
    Full, Located, MAX_REACTIONS, MAX_SIGNS, Message, MessageId, Name, Place, Reaction, Reactions,
    Record, Sign,
};

use super::channel::ChannelIndex;
use super::mended::log_reaction;
use super::messages::Content;
use super::{ConnectionId, Draft, Effects, Event, Hub, Now, Refusal};

/// The messages of which reactions are being committed: how many, and what each of the messages
/// will have.
#[derive(Default)]
pub(super) struct Pending(HashMap<MessageId, (usize, Reactions)>);

impl Pending {
    /// What a message will have when all is committed.
    fn of(&self, message: &Message) -> Reactions {
        let pending = self.0.get(&message.id).map(|(_, reactions)| reactions);
        let reactions = pending.or(message.body.reactions());
        reactions.cloned().unwrap_or_default()
    }

    /// Adds one to a message that has these, or will have them.
    pub fn add(&mut self, reaction: &Reaction, others: Reactions) {
        let pending = self.0.entry(reaction.message);
        let (count, reactions) = pending.or_insert((0, others));
        *count += 1;
        reactions.give(reaction.given());
    }

    /// Takes note of one that is committed, perhaps by another server.
    fn learn(&mut self, reaction: &Reaction) {
        if let Some((_, reactions)) = self.0.get_mut(&reaction.message) {
            reactions.give(reaction.given());
        }
    }

    /// How many messages there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Notes that a reaction to a message is settled.
    pub fn settled(&mut self, message: MessageId) {
        if let Some((count, _)) = self.0.get_mut(&message) {
            *count -= 1;
            if *count == 0 {
                self.0.remove(&message);
            }
        }
    }
}

impl Hub {
    /// Gives a message a sign, or takes it back: the other of what is so now, if `on` is `None`.
    /// The rights have been checked.
    pub(super) fn react_to(
        &mut self,
        id: ConnectionId,
        found: Located,
        (sign, on): (Sign, Option<bool>),
        now: Now,
        fx: &mut Effects,
    ) -> Result<(), Refusal> {
        let (by, user) = self.user_of(id)?;
        let (account, named_after) = (user.account, user.named_after);
        let known = self.reacting.of(&found.message);
        let by_account = account.and_then(|account| known.of_account(&sign, account));
        let given = by_account.or_else(|| known.of(&sign, by.key()));
        let given = given.filter(|given| given.on);
        let on = on.unwrap_or(given.is_none());
        let by = match given {
            None if on => {
                known.admit(&sign, by.key()).map_err(refused)?;
                by
            }
            Some(given) if !on => {
                // A guest may have the nickname of one who has left.
                let is_own = match account {
                    Some(_) => given.account.is_none() || given.account == account,
                    None => given.account.is_none() && given.id > named_after,
                };
                if !is_own {
                    return Err(Refusal::NotYourReaction);
                }
                Name::restore(given.user).unwrap_or(by)
            }
            _ => {
                self.tell_reactions(id, found, fx);
                return Ok(());
            }
        };
        let Located { message, to, .. } = found;
        let is_kept = self.limits.history || matches!(message.place, Place::Direct { .. });
        let reaction = Reaction {
            id: self.next_id(now),
            message: message.id,
            place: message.place,
            author: message.author,
            to,
            by,
            account,
            sign,
            on,
        };
        if !is_kept {
            log_reaction(&reaction, fx);
            self.reacted(reaction, Some(id), now, fx);
            return Ok(());
        }
        self.reacting.add(&reaction, known);
        let reaction = Box::new(reaction);
        fx.append(Draft {
            record: Record::React(reaction.clone()),
            to: None,
            tag: None,
            sender: id,
        });
        self.await_settling(id, Content::Reaction(reaction));
        Ok(())
    }

    /// Tells a connection what reactions a message has.
    fn tell_reactions(&self, id: ConnectionId, mut found: Located, fx: &mut Effects) {
        self.show_reader(id, std::slice::from_mut(&mut found.message));
        fx.tell(id, Event::Reactions(Box::new(found)));
    }

    /// Has the reactions of messages name the user of a connection first.
    pub fn show_reader(&self, id: ConnectionId, messages: &mut [Message]) {
        let Some(name) = self.nickname_of(id) else {
            return;
        };
        for message in messages {
            message.body.show_reader(name.key());
        }
    }

    /// Applies a reaction wherever the hub has its message, and tells it, unless the message was
    /// deleted meanwhile or nothing has changed. Returns whether it was told.
    pub(super) fn reacted(
        &mut self,
        reaction: Reaction,
        by: Option<ConnectionId>,
        now: Now,
        fx: &mut Effects,
    ) -> bool {
        let reaction = Arc::new(reaction);
        self.reacting.learn(&reaction);
        if self.mended.is_deleted(reaction.message) || !self.mended.react(&reaction) {
            return false;
        }
        let to = match &reaction.place {
            Place::Channel { channel, .. } => match self.channels.find(channel) {
                Some(index) => self.reacted_in(index, &reaction, now),
                None => return true,
            },
            &Place::Direct { from, to } if reaction.account == Some(to) => {
                self.parties(to, from, &reaction.by)
            }
            &Place::Direct { from, to } => self.parties(from, to, &reaction.by),
        };
        fx.shown_as(self.face_of(&reaction.by), |fx| {
            let event = Event::Reacted(reaction);
            fx.spoken_by(by, |fx| fx.tell_all(to, event));
        });
        true
    }

    /// Changes a message in a channel's memory. Returns the members that are told: people who
    /// read lines only if it is their message or their reaction.
    fn reacted_in(
        &mut self,
        index: ChannelIndex,
        reaction: &Reaction,
        now: Now,
    ) -> Vec<ConnectionId> {
        if let Some(channel) = self.channels.get_mut(index) {
            let change = |message: &mut Message| reaction.apply(message);
            channel.past.change(reaction.message, change);
            channel.catching_up.change(reaction.message, change);
        }
        let Some(channel) = self.channels.get(index) else {
            return Vec::new();
        };
        let is_told = |&id: &ConnectionId| self.is_told_in(id, index, reaction, now);
        channel.listeners().filter(is_told).collect()
    }

    fn is_told_in(
        &self,
        id: ConnectionId,
        index: ChannelIndex,
        reaction: &Reaction,
        now: Now,
    ) -> bool {
        let after = self.readable(id, index, now);
        after.is_ok_and(|after| reaction.message > after) && self.shows(id, reaction)
    }

    /// Tells a connection once more of a reaction, behind an answer that does not have it.
    pub(super) fn tell_again(
        &self,
        id: ConnectionId,
        reaction: Arc<Reaction>,
        now: Now,
        fx: &mut Effects,
    ) {
        let is_told = match &reaction.place {
            Place::Channel { channel, .. } => {
                let index = self.channels.find(channel);
                index.is_some_and(|index| self.is_told_in(id, index, &reaction, now))
            }
            &Place::Direct { from, to } if reaction.account == Some(to) => {
                self.parties(to, from, &reaction.by).contains(&id)
            }
            &Place::Direct { from, to } => self.parties(from, to, &reaction.by).contains(&id),
        };
        if is_told {
            fx.shown_as(self.face_of(&reaction.by), |fx| {
                fx.tell(id, Event::Reacted(reaction));
            });
        }
    }

    fn shows(&self, id: ConnectionId, reaction: &Reaction) -> bool {
        let connection = self.connection(id);
        connection.is_some_and(|it| {
            let own = it.nickname.as_ref();
            !it.profile.one_channel || own == Some(&reaction.by) || own == Some(&reaction.author)
        })
    }
}

fn refused(full: Full) -> Refusal {
    match full {
        Full::Signs => Refusal::TooManySigns(MAX_SIGNS),
        Full::OfUser => Refusal::TooManyOwnSigns(MAX_SIGNS),
        Full::Reactions => Refusal::TooManyReactions(MAX_REACTIONS),
    }
}
