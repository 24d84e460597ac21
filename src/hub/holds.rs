//! Nicknames held for somebody who has a token for one and is about to come.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use crate::model::Name;
use crate::model::subscriber::subscriber;

use super::lookalikes::Lookalikes;
use super::users::Elsewhere;
use super::{ConnectionId, Credential, Effects, Farewell, Hub, Now, Refusal};

/// Nicknames held at once.
const MAX_HELD: usize = 10_000;
/// Of these for one address, so that nobody can take the room of all others.
/// As with connections, the server's own machine is trusted with more.
const MAX_HELD_PER_ADDRESS: usize = 100;

/// Of those that have ended, so many are forgotten when another one is held.
const FORGOTTEN_AT_ONCE: usize = 64;

/// Nicknames that are held, and for whom.
#[derive(Default)]
pub(super) struct Holds {
    /// By [`Name::key`].
    all: HashMap<Arc<str>, Hold>,
    /// Which of them look like other nicknames.
    looks: Lookalikes,
    /// When each ends, and its key.
    ends: BTreeSet<(u64, Arc<str>)>,
    /// The same of each address.
    per_address: HashMap<IpAddr, BTreeSet<(u64, Arc<str>)>>,
}

struct Hold {
    name: Name,
    /// Who may have the nickname.
    token: Arc<str>,
    /// Whose room it takes, by [`subscriber`]; that of none of them on the
    /// server's own machine.
    address: Option<IpAddr>,
    /// Until when, on the monotonic clock.
    until_ms: u64,
}

impl Holds {
    pub fn len(&self) -> usize {
        self.all.len()
    }

    pub fn is_held(&self, name: &Name, now: Now) -> bool {
        self.is_key_held(name.key(), now)
    }

    /// Whether the name with this key is held.
    pub fn is_key_held(&self, key: &Arc<str>, now: Now) -> bool {
        let hold = self.all.get(key);
        hold.is_some_and(|hold| hold.until_ms > now.ticks_ms)
    }

    /// Whether one is held that looks like a name with one of these keys.
    pub fn has_lookalike(&self, claims: &[Arc<str>], now: Now) -> bool {
        let mut like = self.looks.like(claims);
        like.any(|name| self.is_held(name, now))
    }

    fn insert(&mut self, hold: Hold, now: Now) -> Result<(), Refusal> {
        self.forget_ended(now);
        if let Some(address) = hold.address {
            self.forget_ended_of(address, now);
        }
        let key = hold.name.key().clone();
        // It has ended, or it would not be free.
        self.remove(&key);
        if self.all.len() >= MAX_HELD {
            return Err(Refusal::TooManyHeld);
        }
        let end = (hold.until_ms, key.clone());
        if let Some(address) = hold.address {
            let ends = self.per_address.entry(address).or_default();
            if ends.len() >= MAX_HELD_PER_ADDRESS {
                return Err(Refusal::TooManyHeldForAddress);
            }
            ends.insert(end.clone());
        }
        self.ends.insert(end);
        self.looks.add(&hold.name);
        self.all.insert(key, hold);
        Ok(())
    }

    fn remove(&mut self, key: &Arc<str>) {
        let Some(hold) = self.all.remove(key) else {
            return;
        };
        self.looks.remove(&hold.name);
        let end = (hold.until_ms, key.clone());
        self.ends.remove(&end);
        if let Some(address) = hold.address
            && let Some(ends) = self.per_address.get_mut(&address)
        {
            ends.remove(&end);
            if ends.is_empty() {
                self.per_address.remove(&address);
            }
        }
    }

    /// Forgets those of an address that have ended.
    fn forget_ended_of(&mut self, address: IpAddr, now: Now) {
        while let Some((until_ms, key)) = self.per_address.get(&address).and_then(BTreeSet::first)
            && *until_ms <= now.ticks_ms
        {
            let key = key.clone();
            self.remove(&key);
        }
    }

    /// Forgets some of those that have ended, more than come.
    fn forget_ended(&mut self, now: Now) {
        for _ in 0..FORGOTTEN_AT_ONCE {
            match self.ends.first() {
                Some((until_ms, key)) if *until_ms <= now.ticks_ms => {
                    let key = key.clone();
                    self.remove(&key);
                }
                _ => return,
            }
        }
    }

    /// Whoever has come with the token needs no hold any more.
    fn redeem(&mut self, name: &Name, token: &Arc<str>) {
        let held = self.all.get(name.key());
        if held.is_some_and(|hold| hold.token == *token) {
            self.remove(name.key());
        }
    }
}

impl Hub {
    /// Keeps a nickname that is free for whoever comes with `token`, for a
    /// while. `address` is where it was asked for.
    pub fn hold(
        &mut self,
        name: &Name,
        token: Arc<str>,
        address: IpAddr,
        for_ms: u64,
        now: Now,
    ) -> Result<(), Refusal> {
        self.check_free(name, None, now)?;
        let hold = Hold {
            name: name.clone(),
            token,
            address: (!address.to_canonical().is_loopback()).then(|| subscriber(address)),
            until_ms: now.ticks_ms + for_ms,
        };
        self.holds.insert(hold, now)
    }

    /// As [`Hub::claim`], for a guest with a token: nobody else is held the
    /// nickname. If there is an earlier connection with the same token, it is
    /// the same client, cut off: it makes way, and what it is called now is
    /// the nickname, whatever the token was given out for. That it is on
    /// another server does not matter: those who have nicknames in common have
    /// given it to this token, and that server may be dead.
    pub fn claim_with_token(
        &mut self,
        id: ConnectionId,
        name: Name,
        token: &Arc<str>,
        now: Now,
        fx: &mut Effects,
    ) -> Result<(), Refusal> {
        if self.connection(id).is_none() {
            // Its thread does not know yet that it has been ended.
            return Ok(());
        }
        self.holds.redeem(&name, token);
        let mut earlier = self.with_token(token);
        earlier.retain(|&other| other != id);
        let current = earlier.iter().find_map(|&other| self.nickname_of(other));
        let may_have = match &current {
            // Nothing but a ban keeps who has a nickname from having it.
            Some(current) => self.check_ban(current, now),
            None => self.check_free_as(&name, Elsewhere::Moves, now),
        };
        let name = current.unwrap_or(name);
        if may_have.is_ok() {
            for other in earlier {
                self.close(other, Farewell::Replaced, now, fx);
            }
        }
        self.claim_as(id, name, None::<Credential>, Elsewhere::Moves, now, fx)?;
        self.set_token(id, Some(token.clone()));
        Ok(())
    }

    /// The token a nickname was held for is worth nothing any more.
    pub fn let_go(&mut self, name: &Name, token: &Arc<str>) {
        self.holds.redeem(name, token);
    }

    /// Whether somebody is on with a token.
    pub fn is_on_with_token(&self, token: &str) -> bool {
        self.by_token.contains_key(token)
    }

    /// The connections that came with a token.
    pub(super) fn with_token(&self, token: &str) -> Vec<ConnectionId> {
        let connections = self.by_token.get(token).into_iter().flatten();
        connections.copied().collect()
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
            connections.remove(&id);
            if connections.is_empty() {
                self.by_token.remove(&before);
            }
        }
        if let Some(token) = token {
            self.by_token.entry(token).or_default().insert(id);
        }
    }
}
