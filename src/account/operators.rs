//! Operators of the server: people who have a name and a password of their own in the
//! configuration.

use std::net::IpAddr;
use std::time::Instant;

use parking_lot::Mutex;

use crate::model::Secret;

use super::password::{PasswordError, PasswordWorkers};
use super::{Attempts, TooManyAttempts};

/// Passwords that may wait to be checked.
const WAITING: usize = 8;

/// An operator, as the configuration names one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operator {
    /// The name, of ASCII.
    pub name: String,
    /// The hash of the password, as a PHC string.
    pub hash: Secret,
}

/// Why a password was not checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotChecked {
    /// Too many wrong ones came from the address.
    TooMany(TooManyAttempts),
    /// It could not be checked.
    Failed(PasswordError),
}

/// Checks the passwords of operators. A check blocks as long as one of an account.
pub struct Operators {
    list: Vec<Operator>,
    passwords: PasswordWorkers,
    /// Wrong ones, by address; locked only to count.
    wrong: Mutex<Attempts>,
    started: Instant,
}

impl Operators {
    /// These operators, and how many wrong passwords an address may give in a minute; 0 is
    /// no limit.
    pub fn new(list: Vec<Operator>, per_minute: u32) -> Operators {
        Operators {
            list,
            passwords: PasswordWorkers::with(1, WAITING),
            wrong: Mutex::new(Attempts::new(per_minute)),
            started: Instant::now(),
        }
    }

    /// Whether this is the password of the operator with this name. It takes equally long
    /// if there is none.
    pub fn check(&self, name: &str, password: &Secret, peer: IpAddr) -> Result<bool, NotChecked> {
        let now_ms = self.started.elapsed().as_millis() as u64;
        // Counted before it is checked, so that many at once are no more than so many.
        let allowed = self.wrong.lock().allow(peer, now_ms);
        allowed.map_err(NotChecked::TooMany)?;
        let operator = self.list.iter().find(|it| it.name == name);
        let hash = operator.map(|operator| &operator.hash);
        let is_right = self.passwords.verify(password, hash);
        let is_right = is_right.map_err(NotChecked::Failed)?;
        if is_right {
            self.wrong.lock().forgive(peer, now_ms);
        }
        Ok(is_right)
    }
}

impl Default for Operators {
    fn default() -> Operators {
        Operators::new(Vec::new(), 0)
    }
}

impl std::fmt::Debug for Operators {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(&self.list).finish()
    }
}
