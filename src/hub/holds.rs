//! Nicknames held for somebody who has a token for one and is about to come.

use std::collections::HashMap;
use std::sync::Arc;

use crate::name::Name;

use super::{ConnectionId, Credential, Effects, Farewell, Hub, Now, Refusal};

/// Nicknames held at once.
const MAX_HELD: usize = 10_000;

/// By [`Name::key`].
#[derive(Default)]
pub(super) struct Holds(HashMap<Arc<str>, Hold>);

struct Hold {
    /// Who may have the nickname.
    token: Arc<str>,
    /// Until when, on the monotonic clock.
    until_ms: u64,
}

impl Holds {
    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_held(&self, name: &Name, now: Now) -> bool {
        let hold = self.0.get(name.key());
        hold.is_some_and(|hold| hold.until_ms > now.ticks_ms)
    }
}

impl Hub {
    /// Keeps a nickname that is free for whoever comes with `token`, for a
    /// while.
    pub fn hold(
        &mut self,
        name: &Name,
        token: Arc<str>,
        for_ms: u64,
        now: Now,
    ) -> Result<(), Refusal> {
        self.check_free(name, now)?;
        if self.holds.0.len() >= MAX_HELD {
            self.holds.0.retain(|_, hold| hold.until_ms > now.ticks_ms);
        }
        if self.holds.0.len() >= MAX_HELD {
            return Err(Refusal::TooManyHeld);
        }
        let until_ms = now.ticks_ms + for_ms;
        let hold = Hold { token, until_ms };
        self.holds.0.insert(name.key().clone(), hold);
        Ok(())
    }

    /// As [`Hub::claim`], for a guest with a token: nobody else is held the
    /// nickname, and an earlier connection with the same token makes way, for
    /// it is the same client, cut off.
    pub fn claim_with_token(
        &mut self,
        id: ConnectionId,
        name: Name,
        token: &Arc<str>,
        now: Now,
        fx: &mut Effects,
    ) -> Result<(), Refusal> {
        let held = self.holds.0.get(name.key());
        if held.is_some_and(|hold| hold.token == *token) {
            self.holds.0.remove(name.key());
        }
        for earlier in self.with_token(token) {
            self.close(earlier, Farewell::Replaced, now, fx);
        }
        self.claim(id, name, None::<Credential>, now, fx)?;
        self.set_token(id, Some(token.clone()));
        Ok(())
    }

    /// The connections that came with a token.
    pub(super) fn with_token(&self, token: &str) -> Vec<ConnectionId> {
        self.by_token.get(token).cloned().unwrap_or_default()
    }

    /// Notes the token a connection came with, or that it no longer counts.
    pub(super) fn set_token(&mut self, id: ConnectionId, token: Option<Arc<str>>) {
        let Some(connection) = self.connection_mut(id) else {
            return;
        };
        let before = std::mem::replace(&mut connection.token, token.clone());
        if let Some(before) = before
            && let Some(connections) = self.by_token.get_mut(&before)
        {
            connections.retain(|&other| other != id);
            if connections.is_empty() {
                self.by_token.remove(&before);
            }
        }
        if let Some(token) = token {
            self.by_token.entry(token).or_default().push(id);
        }
    }
}
