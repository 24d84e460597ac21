//! Messages that are changed without a command of a connection: by administrators, and by
//! accounts over REST. Who asks waits until the change is committed.

use std::collections::HashMap;

use crate::model::{AccountId, Amendment, Body, Located, MessageId, Name, Record, Text};

use super::mended::log_amendment;
use super::messages::Content;
use super::wish::Wish;
use super::{ConnectionId, Draft, Effects, Hub, Now, Refusal};

/// The most changes that are waited for; beyond it, more are refused.
const MOST: usize = 256;

/// What has become of changes that are waited for; `None` while they are being committed.
#[derive(Default)]
pub(super) struct Awaited(HashMap<MessageId, Option<Result<(), Refusal>>>);

impl Awaited {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Notes what has become of one.
    pub fn settled(&mut self, draft: MessageId, outcome: &Result<(), Refusal>) {
        if let Some(awaited) = self.0.get_mut(&draft) {
            *awaited = Some(outcome.clone());
        }
    }
}

impl Hub {
    /// Changes a message that the store has perhaps found, for an account and with its rights in
    /// the channel: it has to be in it, by whatever connection to this server. Returns the draft to
    /// wait for, unless the change is in force already.
    pub fn mend_for(
        &mut self,
        account: AccountId,
        (channel, message): (&Name, MessageId),
        found: Option<Located>,
        wish: Wish,
        now: Now,
        fx: &mut Effects,
    ) -> Result<Option<MessageId>, Refusal> {
        self.has_room_to_wait()?;
        if matches!(&wish, Wish::Edit(body) if body.is_empty()) {
            return Err(Refusal::EmptyMessage);
        }
        // To one who is not there, a message is like one that does not exist.
        let id = self.present_as(account, channel)?;
        let found = match self.limits.history {
            true => found,
            false => {
                let message = self.remembered(id, message, now);
                message.map(|message| Located {
                    message,
                    to: None,
                    is_held: false,
                })
            }
        };
        let is_there = |found: &Located| found.message.place.channel() == Some(channel);
        let found = found.filter(is_there).ok_or(Refusal::NoSuchMessage)?;
        let before = self.last_id;
        self.mend_found(id, found, wish, now, fx)?;
        Ok(self.await_draft(before))
    }

    /// Deletes a message of a channel for an administrator. Returns the draft to wait for, unless
    /// it is gone already.
    pub fn delete_for_administrator(
        &mut self,
        mut found: Located,
        by: Name,
        reason: Option<Text>,
        now: Now,
        fx: &mut Effects,
    ) -> Result<Option<MessageId>, Refusal> {
        self.has_room_to_wait()?;
        self.mended.mend([&mut found.message]);
        let Located {
            message, is_held, ..
        } = found;
        if message.body.is_deleted() {
            return Err(Refusal::NoSuchMessage);
        }
        if let Some(channel) = message.place.channel().filter(|_| is_held) {
            return Err(Refusal::OnHold(channel.clone()));
        }
        let is_audited = self.limits.keep_edits && message.place.channel().is_some();
        let former = is_audited.then_some(message.body.text);
        let before = self.last_id;
        let id = self.next_id(now);
        let amendment = Box::new(Amendment {
            id,
            message: message.id,
            place: message.place,
            author: message.author,
            to: None,
            by: Some(by),
            body: Body::deleted().changed_by(id),
            reason,
        });
        log_amendment(&amendment, former.as_ref(), fx);
        if !self.limits.history {
            self.amended(*amendment, now, fx);
            return Ok(None);
        }
        fx.append(Draft {
            record: Record::Amend(amendment.clone()),
            to: None,
            tag: None,
            sender: ConnectionId::NOBODY,
        });
        self.await_settling(ConnectionId::NOBODY, Content::Amendment(amendment, former));
        Ok(self.await_draft(before))
    }

    /// What has become of a change that is waited for: `None` as long as that is not known. It is
    /// told once.
    pub fn take_outcome(&mut self, draft: MessageId) -> Option<Result<(), Refusal>> {
        match self.awaited.0.get(&draft) {
            Some(None) => None,
            Some(Some(_)) => self.awaited.0.remove(&draft).flatten(),
            None => Some(Err(Refusal::NotStored)),
        }
    }

    /// Waits for a change no longer.
    pub fn give_up(&mut self, draft: MessageId) {
        self.awaited.0.remove(&draft);
    }

    fn has_room_to_wait(&self) -> Result<(), Refusal> {
        match self.awaited.len() < MOST {
            true => Ok(()),
            false => Err(Refusal::TooManyWaiting(MOST)),
        }
    }

    /// A connection of an account that is in a channel.
    fn present_as(&self, account: AccountId, channel: &Name) -> Result<ConnectionId, Refusal> {
        let absent = || Refusal::NotInChannel(channel.clone());
        let index = self.channels.find(channel).ok_or_else(absent)?;
        let user = self.users.owner_of(account).ok_or_else(absent)?;
        let mut own = user.connections().iter().copied();
        let is_in = |id: &ConnectionId| {
            let connection = self.connection(*id);
            connection.is_some_and(|it| it.memberships.iter().any(|it| it.channel == index))
        };
        own.find(is_in).ok_or_else(absent)
    }

    /// Waits for the draft that was made since, if one was.
    fn await_draft(&mut self, before: MessageId) -> Option<MessageId> {
        let draft = self.last_id;
        let is_made = draft > before && self.unsettled.contains_key(&draft);
        is_made.then(|| {
            self.awaited.0.insert(draft, None);
            draft
        })
    }
}
