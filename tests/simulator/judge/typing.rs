//! Checks typing notices: they go to connections that listen and are stored
//! nowhere.

use chat_server::chatlog::Entry;
use chat_server::hub::Now;
use chat_server::name::Name;

use super::super::invariant::{Check, Invariant, ensure};
use super::super::model::{Model, Slot};
use super::super::names::{nick, room};

/// The hub announces a connection's typing at most this often.
const EVERY_MS: u64 = 1000;

impl Model {
    pub(super) fn typing(
        &mut self,
        to: &[Slot],
        from: &Name,
        (channel, user): (Option<&Name>, Option<&Name>),
        now: Now,
    ) -> Check {
        let mut expected = match (channel, user) {
            (Some(channel), None) => self.listeners_in(room(channel), from),
            (None, Some(user)) => self.listeners_of(user, from),
            _ => Vec::new(),
        };
        expected.retain(|&slot| self.nick_of(slot) != Some(nick(from)));
        let mut told = to.to_vec();
        told.sort_unstable();
        ensure(told == expected, Invariant::TypingPasses, || {
            format!("{told:?} are told that {from} types, expected {expected:?}")
        })?;
        let typist = self.users[nick(from)].as_ref();
        // An account may type on many connections at once.
        let typist = typist.filter(|user| !user.is_account);
        let slot = typist.and_then(|user| user.slots.first().copied());
        let Some(conn) = slot.and_then(|slot| self.alive_mut(slot)) else {
            return Ok(());
        };
        let until = conn.typing_told_until;
        conn.typing_told_until = now.ticks_ms + EVERY_MS;
        ensure(until <= now.ticks_ms, Invariant::TypingPasses, || {
            format!("a second notice that {from} types comes before {until}")
        })
    }

    fn listeners_in(&self, room: usize, from: &Name) -> Vec<Slot> {
        if self.people(room) & super::super::names::bit(nick(from)) == 0 {
            return Vec::new();
        }
        let listeners = self.members(room).filter(|(_, conn)| conn.listens);
        listeners.map(|(slot, _)| slot).collect()
    }

    fn listeners_of(&self, user: &Name, from: &Name) -> Vec<Slot> {
        let Some(user) = &self.users[nick(user)] else {
            return Vec::new();
        };
        if Model::ignores(user, from, self.users[nick(from)].as_ref()) {
            return Vec::new();
        }
        let listens = |slot: &Slot| self.alive(*slot).is_some_and(|conn| conn.listens);
        let mut slots: Vec<Slot> = user.slots.iter().copied().filter(listens).collect();
        slots.sort_unstable();
        slots
    }

    pub(super) fn listening(&mut self, to: &[Slot], typing: bool) -> Check {
        for &slot in to {
            let conn = self.alive_mut(slot);
            let wish = conn.and_then(|conn| {
                conn.listens = typing;
                conn.wishes.pop_front()
            });
            ensure(wish == Some(typing), Invariant::OwnOrder, || {
                format!("{slot} is told that it listens: {typing}; it asked for {wish:?}")
            })?;
        }
        Ok(())
    }

    /// Checks that the log records neither typing nor requests for typing
    /// notices.
    pub(super) fn check_logged_command(entry: &Entry) -> Check {
        let text = entry.text.as_deref().unwrap_or_default();
        let passes = text.starts_with("typing") || text.starts_with("listen");
        ensure(!passes, Invariant::TypingPasses, || {
            format!("the log records {text}")
        })
    }
}
