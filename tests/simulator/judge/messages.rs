//! Checks messages: accepted, committed, and delivered once to the right
//! connections.

use chat_server::chatlog::{Entry, Kind};
use chat_server::hub::{ConnectionId, Message, MessageId, Now, Private};
use chat_server::name::Name;
use chat_server::store::Place;
use chat_server::text::Text;

use super::super::call::Handing;
use super::super::invariant::{Check, Invariant, ensure};
use super::super::model::{Draft, Model, Owed, RECALLED, Slot};
use super::super::names::{GLOBAL_ROOM, Room, nick, room, room_of, written_nickname, written_room};
use super::super::store::Store;
use super::TagNumber;
use super::resume::{PAGE_BYTES, is_too_much};

impl Model {
    /// The hub appends a message.
    pub(super) fn appended(&mut self, message: &Message, now: Now) -> Check {
        let number = Model::number(message.body.text.as_str());
        let (place, kept) = match &message.place {
            Place::Channel { channel, account } => (Some(room(channel)), account.is_some()),
            Place::Direct { .. } => (None, true),
        };
        let (by, tag) = self.take(number, message.id, place, &message.author, now)?;
        let slot = self.slot_of(by);
        let account = slot.is_some_and(|slot| self.is_account(slot));
        ensure(account == kept, Invariant::NothingAltered, || {
            format!("{} is kept for the wrong account", message.id)
        })?;
        self.tags.keep(message.id);
        let draft = Draft {
            by,
            tag,
            from_account: account,
        };
        self.drafts.insert(message.id, draft);
        Ok(())
    }

    /// The hub learns the outcome of a message.
    pub(super) fn settled(&mut self, id: MessageId, committed: bool) {
        let Some(draft) = self.drafts.remove(&id) else {
            return;
        };
        if committed {
            self.call.settled.push((id, draft));
            return;
        }
        let sender = self.slot_of(draft.by).map(|slot| (slot, draft.tag));
        self.call.not_stored.extend(sender);
        self.call.failed_tags.extend(draft.tag);
        self.tags.forget(id);
    }

    /// The hub accepts a message and gives it an id.
    fn take(
        &mut self,
        number: usize,
        id: MessageId,
        place: Option<Room>,
        author: &Name,
        now: Now,
    ) -> Check<(ConnectionId, Option<TagNumber>)> {
        ensure(id > self.last_id, Invariant::IdsIncrease, || {
            format!("{id} comes after {}", self.last_id)
        })?;
        self.last_id = id;
        let sent = self.sent.get_mut(number);
        let Some(sent) = sent.filter(|sent| sent.taken.is_none()) else {
            return Err(altered(id, "it was accepted before, or was never sent"));
        };
        sent.taken = Some((id, place, author.shown()));
        let (by, tag) = (sent.by, sent.tag);
        let Some(slot) = self.slot_of(by) else {
            return Err(altered(id, "its sender is not connected"));
        };
        if let Some(place) = place {
            self.all_in(&[slot], place)?;
        }
        if self.nick_of(slot) != Some(nick(author)) {
            return Err(altered(id, "it has the wrong author"));
        }
        if let Some(tag) = tag {
            self.take_tag(slot, tag, id, now)?;
        }
        let Some(conn) = self.alive_mut(slot) else {
            return Ok((by, tag));
        };
        let before = conn.last_said;
        conn.last_said = number + 1;
        ensure(number >= before, Invariant::OwnOrder, || {
            format!("{slot} sent {number} before {before}")
        })?;
        Ok((by, tag))
    }

    /// The chat log gets every message at the moment of delivery.
    pub(super) fn logged(&mut self, entry: &Entry, store: &Store, now: Now) -> Check {
        if entry.kind == Kind::Command {
            return Model::check_logged_command(entry);
        }
        let (Some(id), Kind::Message | Kind::Private) = (entry.id, entry.kind) else {
            return Ok(());
        };
        self.end_handing()?;
        let place = entry.channel.as_deref().and_then(written_room);
        let to = entry.to.as_deref().and_then(written_nickname);
        let Some(author) = entry.nick.as_deref().and_then(written_nickname) else {
            return Err(altered(id, "its author is unknown"));
        };
        let settled = self.call.settled.iter().position(|&(other, _)| other == id);
        let draft = match settled {
            Some(settled) => self.call.settled.swap_remove(settled).1,
            None => {
                let number = Model::text_of(&entry.text);
                let kept = self.is_kept(number, place, to);
                ensure(!kept, Invariant::CommitFirst, || {
                    format!("{id} is delivered but not committed")
                })?;
                let (by, tag) = self.take(number, id, place, author, now)?;
                let slot = self.slot_of(by);
                let from_account = slot.is_some_and(|slot| self.is_account(slot));
                Draft {
                    by,
                    tag,
                    from_account,
                }
            }
        };
        self.message_settled(place, id, draft, now);
        match (place, to) {
            (Some(room), _) => {
                let bytes = entry.text.as_deref().map_or(0, str::len);
                self.publish(room, id, bytes, now);
            }
            (None, Some(to)) => self.hand_over(id, draft, author, to),
            (None, None) => return Err(altered(id, "it has neither a channel nor a recipient")),
        }
        self.check_committed(id, settled.is_some(), store)
    }

    fn is_kept(&self, number: usize, place: Option<Room>, to: Option<&Name>) -> bool {
        let Some(sent) = self.sent.get(number) else {
            return false;
        };
        let by_account = self
            .slot_of(sent.by)
            .is_some_and(|slot| self.is_account(slot));
        let to = to.and_then(|to| self.users[nick(to)].as_ref());
        let to_account = sent.to_account || to.is_some_and(|to| to.is_account);
        match place {
            Some(_) => self.limits.history,
            None => by_account && to_account,
        }
    }

    pub(super) fn check_committed(&self, id: MessageId, kept: bool, store: &Store) -> Check {
        let seen = !kept || store.is_committed(id);
        ensure(seen, Invariant::CommitFirst, || {
            format!("{id} is shown but not committed")
        })
    }

    /// From now on every member is owed the message, or will read it later.
    fn publish(&mut self, room: Room, id: MessageId, bytes: usize, now: Now) {
        let members: Vec<Slot> = self.members(room).map(|(slot, _)| slot).collect();
        for slot in members {
            let Some(place) = self.place_mut(slot, room) else {
                continue;
            };
            match &mut place.catching_up {
                Some(catching_up) => catching_up.published(id, bytes),
                None if place.past < id => self.owed.push(Owed { slot, room, id }),
                None => {}
            }
        }
        let keeps = self.limits.history;
        let channel = &mut self.channels[room];
        if channel.awaited.is_some() {
            channel.held.push((id, bytes));
            if is_too_much(&channel.held) {
                // The hub can hold no more; the waiting connections do without
                // the past.
                self.past_settled(room, now);
            }
        }
        if !keeps && (room == GLOBAL_ROOM || self.exists(room)) {
            self.channels[room].said(id);
        }
    }

    pub(super) fn delivered(&mut self, to: &[Slot], message: &Message, store: &Store) -> Check {
        let room = room_of(message);
        let id = message.id;
        self.check_committed(id, self.limits.history, store)?;
        self.check_unaltered(id, message.body.text.as_str(), Some(room), &message.author)?;
        self.all_in(to, room)?;
        for &slot in to {
            let owed = Owed { slot, room, id };
            let place = self.owed.iter().position(|other| *other == owed);
            if place.is_none() && self.caught_up_with(slot, room, id)? {
                continue;
            }
            ensure(place.is_some(), Invariant::NothingDoubled, || {
                format!("{slot} gets {id}, which it was not owed")
            })?;
            if let Some(place) = place {
                self.owed.swap_remove(place);
            }
        }
        Ok(())
    }

    fn check_unaltered(
        &self,
        id: MessageId,
        text: &str,
        place: Option<Room>,
        author: &Name,
    ) -> Check {
        let sent = self.sent.get(Model::number(text));
        let taken = sent.and_then(|sent| sent.taken.as_ref());
        let right =
            taken.is_some_and(|(i, p, a)| *i == id && *p == place && **a == *author.as_str());
        if right {
            Ok(())
        } else {
            Err(altered(id, "it is not what was sent"))
        }
    }

    /// From now on the connections of both users are owed the message.
    fn hand_over(&mut self, id: MessageId, draft: Draft, from: &Name, to: &Name) {
        let ids = |slots: &[Slot]| -> Vec<ConnectionId> {
            let conns = slots.iter().filter_map(|&slot| self.alive(slot));
            conns.map(|conn| conn.id).collect()
        };
        let sender = self.users[nick(from)].as_ref();
        let sender = sender.filter(|user| user.is_account == draft.from_account);
        let to_oneself = from == to;
        let mut copies = sender.map(|user| ids(&user.slots)).unwrap_or_default();
        copies.retain(|&id| id != draft.by && !to_oneself);
        let mut recipients = Vec::new();
        let mut ignoring = Vec::new();
        if let Some(user) = &self.users[nick(to)] {
            let mut all = ids(&user.slots);
            all.retain(|&id| id != draft.by || to_oneself);
            if Model::ignores(user, from, sender) {
                ignoring = all;
            } else {
                recipients = all;
            }
        }
        self.call.handing = Some(Handing {
            id,
            copies,
            recipients,
            ignoring,
            sender: self.slot_of(draft.by).map(|_| draft.by),
        });
    }

    pub(super) fn private(&mut self, to: &[Slot], message: &Private) -> Check {
        self.handed(to, message, |handing| &mut handing.recipients)
    }

    pub(super) fn private_copy(&mut self, to: &[Slot], message: &Private) -> Check {
        self.handed(to, message, |handing| &mut handing.copies)
    }

    fn handed(
        &mut self,
        to: &[Slot],
        message: &Private,
        group: impl Fn(&mut Handing) -> &mut Vec<ConnectionId>,
    ) -> Check {
        let id = message.id;
        self.check_unaltered(id, message.body.text.as_str(), None, &message.from)?;
        for &slot in to {
            let Some(conn) = self.alive(slot).map(|conn| conn.id) else {
                continue;
            };
            let handing = self.call.handing.as_mut().filter(|now| now.id == id);
            let Some(handing) = handing else {
                return ensure(false, Invariant::PrivateToTwo, || {
                    format!("{slot} gets {id}, which is not being delivered")
                });
            };
            let ignoring = handing.ignoring.contains(&conn);
            ensure(!ignoring, Invariant::IgnoreHonoured, || {
                format!("{slot} ignores {} but gets {id}", message.from)
            })?;
            let group = group(handing);
            let place = group.iter().position(|&other| other == conn);
            ensure(place.is_some(), Invariant::PrivateToTwo, || {
                format!("{slot} gets {id}, which is not for it or which it already got")
            })?;
            if let Some(place) = place {
                group.swap_remove(place);
            }
        }
        Ok(())
    }

    pub(super) fn private_sent(&mut self, to: &[Slot], message: &Private) -> Check {
        let id = message.id;
        let conn = self.alive(to[0]).map(|conn| conn.id);
        let handing = self.call.handing.as_mut().filter(|now| now.id == id);
        let sender = handing.and_then(|handing| handing.sender.take());
        ensure(
            sender == conn && to.len() == 1,
            Invariant::PrivateToTwo,
            || format!("{to:?} are told that they sent {id}, the sender is {sender:?}"),
        )
    }

    pub(super) fn history(
        &mut self,
        to: &[Slot],
        channel: &Name,
        messages: &[Message],
        complete: bool,
        store: &Store,
    ) -> Check {
        let room = room(channel);
        if let Some(reading) = self.call.reading.take() {
            let asked = reading.slot;
            let answer = reading.history.unwrap_or_default();
            let all: Vec<_> = answer
                .messages
                .iter()
                .map(|row| (row.id, &row.body.text))
                .collect();
            let shown: Vec<_> = messages
                .iter()
                .map(|message| (message.id, &message.body.text))
                .collect();
            // Messages after an id are cut at the end, all others at the
            // beginning.
            let cut = all.len().saturating_sub(shown.len());
            let (kept, next) = if reading.oldest_first {
                (&all[..all.len() - cut], all.get(shown.len()))
            } else {
                (&all[cut..], cut.checked_sub(1).map(|next| &all[next]))
            };
            let bytes = |rows: &[(MessageId, &Text)]| -> usize {
                rows.iter().map(|(_, text)| text.as_str().len()).sum()
            };
            let fits = bytes(&shown) <= PAGE_BYTES || shown.len() == 1;
            let full = next.is_none_or(|&next| bytes(&shown) + bytes(&[next]) > PAGE_BYTES);
            let right = to == [asked]
                && reading.missed_in.is_none()
                && complete == (answer.is_complete() && cut == 0)
                && kept == shown
                && fits
                && full;
            return ensure(right, Invariant::HistoryTrue, || {
                format!(
                    "{to:?} get a history that {asked} asked for; recipient or content is wrong"
                )
            });
        }
        self.all_in(to, room)?;
        self.none_catches_up(to, room)?;
        for message in messages {
            let text = message.body.text.as_str();
            self.check_unaltered(message.id, text, Some(room), &message.author)?;
        }
        self.check_past(room, messages, store)?;
        for &slot in to {
            self.shown_past(slot, room, messages, store.removed(room));
        }
        Ok(())
    }

    /// Checks that the messages shown are one contiguous piece of the past.
    fn check_past(&self, room: Room, messages: &[Message], store: &Store) -> Check {
        let ids = messages.iter().map(|message| message.id);
        let right = match messages.first() {
            None => false,
            Some(_) if !self.limits.history => ids.eq(self.channels[room].recent.iter().copied()),
            Some(first) => {
                let stored = store.from(room, first.id).iter().map(|row| row.id);
                stored.take(messages.len()).eq(ids)
            }
        };
        ensure(right, Invariant::HistoryTrue, || {
            let ids: Vec<String> = messages
                .iter()
                .map(|message| message.id.to_string())
                .collect();
            format!("wrong past of {room}: {}", ids.join(" "))
        })
    }

    /// Messages shown as the past, and those too old for it, are no longer
    /// owed.
    fn shown_past(&mut self, slot: Slot, room: Room, messages: &[Message], removed: MessageId) {
        let (Some(first), Some(last)) = (messages.first(), messages.last()) else {
            return;
        };
        let (first, last) = (first.id, last.id);
        let full = messages.len() >= RECALLED;
        if let Some(place) = self.place_mut(slot, room) {
            place.past = place.past.max(last);
        }
        self.owed.retain(|owed| {
            let too_old = full || owed.id <= removed;
            let seen = owed.id <= last && (too_old || owed.id >= first);
            owed.slot != slot || owed.room != room || !seen
        });
    }
}

fn altered(id: MessageId, how: &str) -> super::super::invariant::Violation {
    super::super::invariant::Violation {
        invariant: Invariant::NothingAltered,
        seen: format!("{id}: {how}"),
    }
}
