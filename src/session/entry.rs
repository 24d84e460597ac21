//! How a client logs in, in every protocol: it gets the nickname that it has a right
//! to, perhaps until its token expires, and may enter a room at once.
//!
//! All of this waits for answers from the store and the hub, so it runs on the
//! connection's own thread.

use std::sync::Arc;

use crate::account::credential;
use crate::hub::{Command, Farewell, Pass, Refusal};
use crate::model::{Account, Name};
use crate::store::StoreError;
use crate::turn::HubUnavailable;

use super::attached::{Attached, Flow};

/// A client's right to a nickname.
pub enum Right<'a> {
    /// None: a guest gets it if no other user has it.
    Guest,
    /// A guest's token, which may have had the nickname on another connection.
    Pass(Arc<str>),
    /// An account, with the token that was shown instead of a password, if any.
    Account(&'a Account, Option<&'a str>),
}

/// A token that a client has logged in with.
pub struct Shown<F> {
    /// When it expires, in milliseconds since 1970 UTC.
    pub ends_at_ms: u64,
    /// Whether it is still valid. Asked once the hub knows the connection: revoking
    /// the token before that would never close the connection.
    pub is_good: F,
}

impl Attached {
    /// Claims the nickname. If it is refused, the hub has told the client why.
    pub fn claim(
        &self,
        name: Name,
        right: Right<'_>,
    ) -> Result<Result<(), Refusal>, HubUnavailable> {
        let hub = &self.context.hub;
        match right {
            Right::Guest => hub.claim(self.id, name, None),
            Right::Pass(token) => hub.claim_with_token(self.id, name, token),
            Right::Account(account, token) => {
                hub.claim(self.id, name, Some(credential(account, token)))
            }
        }
    }

    /// Admits a client that has given only a name, unless the name is registered.
    pub fn admit_guest(&self, name: Name) -> Result<(), Farewell> {
        let checked = self.context.accounts.check_guest(self.asker(), &name);
        checked.map_err(Farewell::NotAdmitted)?;
        admitted(self.claim(name, Right::Guest))
    }

    /// Admits a client that has shown a token; it may stay until the token expires.
    pub fn admit_shown<F>(
        &self,
        name: Name,
        right: Right<'_>,
        shown: Shown<F>,
    ) -> Result<(), Farewell>
    where
        F: FnOnce() -> Result<bool, StoreError>,
    {
        let (id, end) = (self.id, shown.ends_at_ms);
        let expires = self
            .context
            .hub
            .ask(move |hub, now, _| hub.expire(id, end, now));
        expires.map_err(|_| Farewell::InternalError)?;
        admitted(self.claim(name, right))?;
        match (shown.is_good)() {
            Ok(true) => Ok(()),
            Ok(false) => Err(Farewell::TokenRevoked),
            Err(_) => Err(Farewell::InternalError),
        }
    }

    /// Why the account that a client has proved to be its own, and got its nickname by, cannot be used
    /// any more: the password may have been changed, or the account disabled, meanwhile. Asked once
    /// the hub knows the connection as one of the account: what happens later, the hub ends it for.
    pub fn what_ended(&self, account: &Account) -> Option<Farewell> {
        match self.context.accounts.what_ended(self.asker(), account) {
            Ok(why) => why.map(Farewell::from),
            Err(_) => Some(Farewell::InternalError),
        }
    }

    /// Enters the one room that the client has asked for, with what opens it.
    pub fn enter(&self, room: Name, pass: Option<Pass>) -> Result<(), Farewell> {
        let id = self.id;
        admitted(
            self.context
                .hub
                .ask(move |hub, now, fx| hub.enter(id, room, pass, now, fx)),
        )
    }

    /// Enters the room that always exists, where clients begin that can be in
    /// several rooms.
    pub fn begin_in_global(&self) -> Flow {
        match Name::parse(crate::hub::GLOBAL) {
            Ok(global) => self.command(Command::Join(global)),
            Err(_) => Flow::Continue,
        }
    }
}

/// Turns a refusal into a farewell: a client that is refused here is disconnected.
fn admitted(answer: Result<Result<(), Refusal>, HubUnavailable>) -> Result<(), Farewell> {
    answer
        .map_err(|_| Farewell::InternalError)?
        .map_err(Farewell::NotAdmitted)
}
