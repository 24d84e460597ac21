//! Passwords: hashed with argon2id, a few at a time.
//!
//! A hash takes about 50 ms of one core and 19 MiB on purpose. Without a
//! limit a handful of logins would take the machine away from everybody.

use std::fmt;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use parking_lot::{Condvar, Mutex};

use crate::store::Secret;

/// Memory for one hash, in KiB.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;
const SALT_BYTES: usize = 16;

/// A hash of nothing in particular, compared with when there is no account,
/// so that it takes as long as if there were one.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$\
    AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Why a password was neither hashed nor checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordError {
    /// Too many others are waiting for theirs.
    Busy,
    /// There was no memory, or there were no random numbers.
    Failed,
    /// The stored hash is none.
    BadHash,
}

/// Hashes and checks passwords in the threads that ask for it, but no more
/// than a few at once.
pub struct PasswordWorkers {
    hasher: Argon2<'static>,
    at_once: usize,
    may_wait: usize,
    load: Mutex<Load>,
    freed: Condvar,
}

#[derive(Default)]
struct Load {
    running: usize,
    waiting: usize,
}

/// The right to take a core; given back when dropped.
struct Turn<'a>(&'a PasswordWorkers);

impl PasswordWorkers {
    /// As many at once as there are cores, and `may_wait` more in the queue.
    pub fn new(may_wait: usize) -> PasswordWorkers {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        PasswordWorkers::with(cores, may_wait)
    }

    /// `at_once` at once, and `may_wait` more in the queue.
    pub fn with(at_once: usize, may_wait: usize) -> PasswordWorkers {
        // The parameters are constants that the unit tests have seen work.
        let params = Params::new(MEMORY_KIB, PASSES, LANES, None).unwrap_or_default();
        PasswordWorkers {
            hasher: Argon2::new(Algorithm::Argon2id, Version::V0x13, params),
            at_once: at_once.max(1),
            may_wait,
            load: Mutex::default(),
            freed: Condvar::new(),
        }
    }

    /// The hash of a password, as a PHC string.
    pub fn hash(&self, password: &Secret) -> Result<Secret, PasswordError> {
        let mut salt = [0; SALT_BYTES];
        getrandom::fill(&mut salt).map_err(|_| PasswordError::Failed)?;
        let _turn = self.turn()?;
        let hash: PasswordHash = self
            .hasher
            .hash_password_with_salt(password.expose().as_bytes(), &salt)
            .map_err(|_| PasswordError::Failed)?;
        Ok(Secret::new(hash.to_string()))
    }

    /// Whether a hash is that of the password. `None`, for an account that
    /// does not exist, takes as long as any other.
    pub fn verify(&self, password: &Secret, hash: Option<&Secret>) -> Result<bool, PasswordError> {
        let stored = hash.map_or(NOBODY, Secret::expose);
        let stored = PasswordHash::new(stored).map_err(|_| PasswordError::BadHash)?;
        let _turn = self.turn()?;
        let result = self
            .hasher
            .verify_password(password.expose().as_bytes(), &stored);
        match result {
            Ok(()) => Ok(hash.is_some()),
            Err(argon2::password_hash::Error::PasswordInvalid) => Ok(false),
            Err(_) => Err(PasswordError::Failed),
        }
    }

    /// Waits for a free core, unless too many do already.
    fn turn(&self) -> Result<Turn<'_>, PasswordError> {
        let mut load = self.load.lock();
        if load.running >= self.at_once {
            if load.waiting >= self.may_wait {
                return Err(PasswordError::Busy);
            }
            load.waiting += 1;
            while load.running >= self.at_once {
                self.freed.wait(&mut load);
            }
            load.waiting -= 1;
        }
        load.running += 1;
        Ok(Turn(self))
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.load.lock().running -= 1;
        self.0.freed.notify_one();
    }
}

impl fmt::Display for PasswordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PasswordError::Busy => write!(f, "too many logins at once; try again"),
            PasswordError::Failed => write!(f, "the password could not be processed"),
            PasswordError::BadHash => write!(f, "the stored password is damaged"),
        }
    }
}

impl std::error::Error for PasswordError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_password_matches_its_hash() {
        let workers = PasswordWorkers::new(1);
        let password = Secret::new("correct horse");
        let hash = workers.hash(&password).unwrap();
        let start = "$argon2id$v=19$m=19456,t=2,p=1$";
        assert!(hash.expose().starts_with(start), "{}", hash.expose());
        assert_ne!(workers.hash(&password), Ok(hash.clone()), "salted");
        assert_eq!(workers.verify(&password, Some(&hash)), Ok(true));
        let wrong = Secret::new("correct horsf");
        assert_eq!(workers.verify(&wrong, Some(&hash)), Ok(false));
        let damaged = Secret::new("$argon2id$");
        let result = workers.verify(&password, Some(&damaged));
        assert_eq!(result, Err(PasswordError::BadHash));
        assert!(!format!("{password:?} {hash:?}").contains("h$"));
    }

    #[test]
    fn nobody_has_no_password_and_the_cost_of_one() {
        let workers = PasswordWorkers::new(1);
        assert_eq!(workers.verify(&Secret::new(""), None), Ok(false));
        let nobody = PasswordHash::new(NOBODY).unwrap();
        let somebody = workers.hash(&Secret::new("x")).unwrap();
        let somebody = PasswordHash::new(somebody.expose()).unwrap();
        assert_eq!(nobody.algorithm, somebody.algorithm);
        assert_eq!(nobody.version, somebody.version);
        assert_eq!(nobody.params, somebody.params);
        let lengths = |hash: &PasswordHash| {
            let output = hash.hash.as_ref().unwrap().len();
            (hash.salt.as_ref().unwrap().len(), output)
        };
        assert_eq!(lengths(&nobody), lengths(&somebody));
    }

    #[test]
    fn some_wait_and_the_rest_is_turned_away() {
        let workers = PasswordWorkers::with(1, 1);
        let first = workers.turn().unwrap();
        std::thread::scope(|scope| {
            let second = scope.spawn(|| workers.turn().map(drop));
            while workers.load.lock().waiting == 0 {
                std::thread::yield_now();
            }
            assert_eq!(workers.turn().err(), Some(PasswordError::Busy));
            drop(first);
            assert_eq!(second.join().unwrap(), Ok(()));
        });
        assert!(workers.turn().is_ok());
    }
}
