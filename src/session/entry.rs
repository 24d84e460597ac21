//! How a client comes in, in every protocol: it gets the nickname that it has
//! a right to, perhaps until its token ends, and may go into a room at once.
//!
//! All of it waits for answers, of the store and of the hub, so it runs on the
//! connection's own thread.

use std::sync::Arc;

use crate::account::credential;
use crate::hub::{Command, Farewell, Refusal};
use crate::model::{Account, Name};
use crate::store::StoreError;
use crate::turn::HubUnavailable;

use super::attached::{Attached, Flow};

/// By what right a client has a nickname.
pub enum Right<'a> {
    /// None: nobody else has it.
    Guest,
    /// The guest's token, from whichever connection it had the nickname before.
    Pass(Arc<str>),
    /// Its account, with the token that was shown if it was no password.
    Account(&'a Account, Option<&'a str>),
}

/// A token that was shown on coming in.
pub struct Shown<F> {
    /// When it ends, in milliseconds since 1970 UTC.
    pub ends_at_ms: u64,
    /// Whether it is still good. Asked when the hub knows of the connection: a
    /// token given up before would never end it.
    pub is_good: F,
}

impl Attached {
    /// Gets the nickname. If it is refused the hub has told the client why.
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

    /// Lets in a client that has shown nothing but a name, unless the name is
    /// registered.
    pub fn admit_guest(&self, name: Name) -> Result<(), Farewell> {
        let checked = self.context.accounts.check_guest(self.asker(), &name);
        checked.map_err(Farewell::NotAdmitted)?;
        admitted(self.claim(name, Right::Guest))
    }

    /// Lets in a client that has shown a token; it may stay until that ends.
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

    /// Goes into the one room that the client has come for.
    pub fn enter(&self, room: Name) -> Result<(), Farewell> {
        let id = self.id;
        admitted(
            self.context
                .hub
                .ask(move |hub, now, fx| hub.enter(id, room, now, fx)),
        )
    }

    /// Goes into the room that always exists, where clients begin that may be
    /// in several.
    pub fn begin_in_global(&self) -> Flow {
        match Name::parse(crate::hub::GLOBAL) {
            Ok(global) => self.command(Command::Join(global)),
            Err(_) => Flow::Continue,
        }
    }
}

/// A client that is refused here is turned away.
fn admitted(answer: Result<Result<(), Refusal>, HubUnavailable>) -> Result<(), Farewell> {
    answer
        .map_err(|_| Farewell::InternalError)?
        .map_err(Farewell::NotAdmitted)
}
