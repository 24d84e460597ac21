//! Nicknames reserved for clients that have been given a token for one and are
//! about to connect.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use crate::model::Name;
use crate::model::subscriber::subscriber;

use super::lookalikes::Lookalikes;
use super::users::Elsewhere;
use super::{ConnectionId, Credential, Effects, Farewell, Hub, Now, Refusal};

/// The most nicknames held at once.
const MAX_HELD: usize = 10_000;
/// The most held for one address, so that one client cannot use up the room of
/// all others. As for connections, the limit spares the server's own machine.
const MAX_HELD_PER_ADDRESS: usize = 100;

/// The most ended holds that are removed whenever another nickname is held.
const FORGOTTEN_AT_ONCE: usize = 64;

/// The nicknames held, each with the token it is held for.
#[derive(Default)]
pub(super) struct Holds {
    /// By [`Name::key`].
    all: HashMap<Arc<str>, Hold>,
    /// The held nicknames that look like other nicknames.
    looks: Lookalikes,
    /// The end of each hold, and its key.
    ends: BTreeSet<(u64, Arc<str>)>,
    /// The same for each address.
    per_address: HashMap<IpAddr, BTreeSet<(u64, Arc<str>)>>,
}

struct Hold {
    name: Name,
    /// The token that may claim the nickname.
    token: Arc<str>,
    /// The address that it is counted for, by [`subscriber`]; `None` for the
    /// server's own machine.
    address: Option<IpAddr>,
    /// The end, on the monotonic clock.
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

    /// Whether a nickname is held that looks like the name with these claims.
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
        // An earlier hold must have ended: the caller checked that the name is free.
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

    /// Removes the ended holds of an address.
    fn forget_ended_of(&mut self, address: IpAddr, now: Now) {
        while let Some((until_ms, key)) = self.per_address.get(&address).and_then(BTreeSet::first)
            && *until_ms <= now.ticks_ms
        {
            let key = key.clone();
            self.remove(&key);
        }
    }

    /// Removes some ended holds: more of them than are added.
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

    /// Removes the hold on a nickname, if it is for this token.
    fn redeem(&mut self, name: &Name, token: &Arc<str>) {
        let held = self.all.get(name.key());
        if held.is_some_and(|hold| hold.token == *token) {
            self.remove(name.key());
        }
    }
}

impl Hub {
    /// Reserves a free nickname for the client that connects with `token` within
    /// `for_ms`. `address` is the address that asked for it.
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

    /// As [`Hub::claim`], for a guest with a token. An earlier connection with the
    /// same token belongs to the same client, which was cut off: it is closed,
    /// and its current nickname counts, whatever the token was issued for. The
    /// nickname may be in use on another server: the servers have agreed to give
    /// it to this token, and that server may be dead.
    pub fn claim_with_token(
        &mut self,
        id: ConnectionId,
        name: Name,
        token: &Arc<str>,
        now: Now,
        fx: &mut Effects,
    ) -> Result<(), Refusal> {
        if self.has_no_say(id, now, fx) {
            // The connection's thread does not know yet that the hub closes it.
            return Ok(());
        }
        self.holds.redeem(&name, token);
        let mut earlier = self.with_token(token);
        earlier.retain(|&other| other != id);
        let current = earlier.iter().find_map(|&other| self.nickname_of(other));
        let may_have = match &current {
            // The client already has this nickname: only a ban can take it away.
            Some(current) => self.check_ban(current, now),
            None => self.check_free_as(&name, Elsewhere::Moves, now),
        };
        let name = current.unwrap_or(name);
        if may_have.is_ok() {
            for other in earlier {
                self.close(other, Farewell::Replaced, now, fx);
            }
        }
        let named_after = self.parted.named_after(name.key(), token);
        let key = name.key().clone();
        self.claim_as(id, name, None::<Credential>, Elsewhere::Moves, now, fx)?;
        self.set_token(id, Some(token.clone()));
        if let Some(named_after) = named_after
            && let Some(user) = self.users.get_mut(&key)
        {
            user.named_after = named_after;
        }
        Ok(())
    }

    /// Gives up the hold on a nickname, because its token was revoked.
    pub fn let_go(&mut self, name: &Name, token: &Arc<str>) {
        self.holds.redeem(name, token);
    }

    /// Whether a connection on this server has logged in with this token.
    pub fn is_on_with_token(&self, token: &str) -> bool {
        self.by_token.contains_key(token)
    }

    /// The connections that logged in with a token.
    pub(super) fn with_token(&self, token: &str) -> Vec<ConnectionId> {
        let connections = self.by_token.get(token).into_iter().flatten();
        connections.copied().collect()
    }

    /// Sets or clears the token that a connection logged in with.
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
