//! Checks tags: a message with a tag is accepted once, and its sender learns
//! the outcome.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use chat_server::hub::{ConnectionId, MessageId, Now, Refusal, Tag};

use super::super::invariant::{Check, Invariant, ensure};
use super::super::model::{Model, Slot};
use super::super::names::Nick;
use super::super::store::Store;

/// How long a tag is remembered after its message is published.
const REMEMBERED_MS: u64 = 10 * 60 * 1000;

/// A tag is `t` and this number.
pub type TagNumber = u32;

/// The tags of accepted messages.
#[derive(Default)]
pub struct Tags {
    /// The message of each owner's tag, and until when the tag is remembered.
    known: BTreeMap<(Owner, TagNumber), (MessageId, u64)>,
    /// Owners that cannot return.
    ended: BTreeSet<Owner>,
    /// Every message that had a tag.
    messages: BTreeMap<MessageId, Tagged>,
    /// Owner, tag and end of memory of each message, in the order of
    /// publication.
    until: VecDeque<(Owner, TagNumber, u64)>,
}

/// The owner of a tag.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Owner {
    Account(Nick),
    Token(Arc<str>),
    Connection(ConnectionId),
}

struct Tagged {
    owner: Owner,
    tag: TagNumber,
    /// Whether it is to be committed.
    is_kept: bool,
}

impl Tags {
    /// The number of tags the hub should remember.
    pub fn remembered(&self) -> usize {
        self.until.len()
    }

    /// A message is published: its tag is remembered for a while from now on,
    /// or until its owner has sent too many others.
    pub fn publish(&mut self, id: MessageId, most: usize, now: Now) {
        let Some(message) = self.messages.get(&id) else {
            return;
        };
        let (owner, tag) = (message.owner.clone(), message.tag);
        if self.ended.contains(&owner) {
            return;
        }
        self.until.retain(|(_, _, until)| *until > now.ticks_ms);
        let mut own = self.until.iter().enumerate();
        let oldest = own.find(|(_, (other, ..))| *other == owner);
        let oldest = oldest.map(|(place, _)| place);
        let count = self.until.iter().filter(|(other, ..)| *other == owner);
        if count.count() >= most
            && let Some((_, tag, until)) = oldest.and_then(|place| self.until.remove(place))
        {
            let key = (owner.clone(), tag);
            if self.known.get(&key).is_some_and(|known| known.1 == until) {
                self.known.remove(&key);
            }
        }
        let until = now.ticks_ms + REMEMBERED_MS;
        self.until.push_back((owner.clone(), tag, until));
        self.known.insert((owner, tag), (id, until));
    }

    /// Ends a connection. Tags that belong to the connection alone cannot be
    /// used again.
    pub fn end(&mut self, id: ConnectionId) {
        let owner = Owner::Connection(id);
        self.until.retain(|(other, ..)| *other != owner);
        self.known.retain(|(other, _), _| *other != owner);
        self.ended.insert(owner);
    }

    /// Notes that a message is to be committed.
    pub fn keep(&mut self, id: MessageId) {
        if let Some(message) = self.messages.get_mut(&id) {
            message.is_kept = true;
        }
    }

    /// A message is not stored, so its sender may send it again.
    pub fn forget(&mut self, id: MessageId) {
        if let Some(message) = self.messages.get(&id) {
            self.known.remove(&(message.owner.clone(), message.tag));
        }
    }
}

impl Model {
    /// Records that the hub accepted a message with a tag.
    pub(super) fn take_tag(
        &mut self,
        slot: Slot,
        tag: TagNumber,
        id: MessageId,
        now: Now,
    ) -> Check {
        let Some(owner) = self.owner(slot) else {
            return Ok(());
        };
        let known = self.tags.known.get(&(owner.clone(), tag));
        let again = known.filter(|known| known.1 > now.ticks_ms);
        ensure(again.is_none(), Invariant::TakenOnce, || {
            format!("{id} is accepted with the tag t{tag}, which {again:?} has")
        })?;
        let known = (id, u64::MAX);
        self.tags.known.insert((owner.clone(), tag), known);
        let message = Tagged {
            owner,
            tag,
            is_kept: false,
        };
        self.tags.messages.insert(id, message);
        Ok(())
    }

    fn owner(&self, slot: Slot) -> Option<Owner> {
        let conn = self.alive(slot)?;
        Some(match (self.is_account(slot), &conn.token) {
            (true, _) => Owner::Account(self.nick_of(slot)?),
            (false, Some(token)) => Owner::Token(token.clone()),
            (false, None) => Owner::Connection(conn.id),
        })
    }

    /// Whether the owner of this connection's tags has sent a message with a
    /// tag that is still remembered.
    pub(super) fn knows_tag(&self, slot: Slot, tag: TagNumber, now: Now) -> bool {
        let owner = self.owner(slot);
        let known = owner.and_then(|owner| self.tags.known.get(&(owner, tag)));
        known.is_some_and(|known| known.1 > now.ticks_ms)
    }

    pub(super) fn stored(&mut self, to: &[Slot], tag: &Tag, id: MessageId, store: &Store) -> Check {
        let number = number(tag);
        let message = self.tags.messages.get(&id);
        let is_of_tag = message.is_some_and(|message| message.tag == number);
        let is_kept = message.is_some_and(|message| message.is_kept);
        let is_held = self.settling().any(|&(held, _)| held == id);
        let waits = self.drafts.contains_key(&id) || is_held;
        let settled = &self.call.settled;
        let untold = settled.iter().any(|&(other, _)| other == id);
        ensure(
            is_of_tag && !waits && !untold,
            Invariant::TaggedTruly,
            || {
                let tag = tag.as_str();
                format!("{to:?} are told that {tag} is {id}: {is_of_tag}, {waits}, {untold}")
            },
        )?;
        let mut owed = self.owed.iter();
        let early = owed.find(|owed| owed.id == id && to.contains(&owed.slot));
        ensure(early.is_none(), Invariant::StoredBehind, || {
            format!("{id} is confirmed before it is delivered: {early:?}")
        })?;
        self.check_committed(id, is_kept, store)?;
        self.hears_of(to, number)
    }

    pub(super) fn not_sent(
        &mut self,
        to: &[Slot],
        tag: &Tag,
        refusal: &Refusal,
        now: Now,
    ) -> Check {
        let number = number(tag);
        self.hears_of(to, number)?;
        for &slot in to {
            match refusal {
                Refusal::NotStored => self.told_not_stored(slot, Some(number))?,
                Refusal::TagUsed => {
                    let used = self.knows_tag(slot, number, now);
                    ensure(used, Invariant::RefusalsTrue, || {
                        format!("{slot} is told that t{number} is used, but it is not")
                    })?;
                }
                other => self.check_reason(slot, other, now)?,
            }
        }
        Ok(())
    }

    fn hears_of(&mut self, to: &[Slot], tag: TagNumber) -> Check {
        for &slot in to {
            let conn = self.alive_mut(slot);
            let waits = conn.and_then(|conn| conn.tags.get_mut(&tag));
            ensure(waits.is_some(), Invariant::TaggedTruly, || {
                format!("{slot} gets an outcome for t{tag}, which it has not sent")
            })?;
            if let Some(waits) = waits {
                *waits = false;
            }
        }
        Ok(())
    }

    /// A message is not stored: its sender is told, and with a tag every
    /// connection that asked about it.
    pub(super) fn told_not_stored(&mut self, slot: Slot, tag: Option<TagNumber>) -> Check {
        let told = &mut self.call.not_stored;
        let place = told.iter().position(|&other| other == (slot, tag));
        if let Some(place) = place {
            told.swap_remove(place);
        }
        let asked = tag.is_some_and(|tag| self.call.failed_tags.contains(&tag));
        let invariant = match tag {
            Some(_) => Invariant::TaggedTruly,
            None => Invariant::RefusalsTrue,
        };
        ensure(place.is_some() || asked, invariant, || {
            format!("{slot} is told that a message is not stored, but none failed: {tag:?}")
        })
    }
}

/// The number in a tag.
fn number(tag: &Tag) -> TagNumber {
    let digits = tag.as_str().strip_prefix('t');
    let number = digits.and_then(|digits| digits.parse().ok());
    number.unwrap_or(TagNumber::MAX)
}
