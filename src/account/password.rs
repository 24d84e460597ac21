//! Passwords: hashed with argon2id, a few at a time.
//!
//! What is kept of a password is its hash, as a PHC string, and on a second line, if the
//! configuration wants that, the keys with which clients prove it without sending it
//! ([`Verifier`]). As one value they always belong to the same password.
//!
//! A hash takes about 30 ms of one core and 19 MiB, on purpose. Without a limit, a handful of
//! logins would occupy the whole machine.

use std::fmt;

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Params, Version};
use parking_lot::{Condvar, Mutex};

use crate::model::Secret;

use super::hashing_memory::HashingMemory;
use super::scram::Verifier;

/// Memory for one hash, in KiB.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;
const SALT_BYTES: usize = 16;

/// A hash that no password has, checked when there is no account, so that the check takes as long
/// as with one.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$\
    AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Why a password was neither hashed nor checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordError {
    /// Too many others are waiting.
    Busy,
    /// There was no memory, or there were no random numbers.
    Failed,
    /// The stored hash is malformed.
    BadHash,
}

/// Hashes and checks passwords on the calling threads, but only a few at once.
pub struct PasswordWorkers {
    at_once: usize,
    may_wait: usize,
    /// Whether keys for SCRAM are kept beside a hash.
    keeps_keys: bool,
    load: Mutex<Load>,
    freed: Condvar,
}

#[derive(Default)]
struct Load {
    running: usize,
    waiting: usize,
    /// Memory blocks for the next hashes, kept only while calls wait.
    spare: Vec<HashingMemory>,
}

/// The right to use a core; given back when dropped.
struct Turn<'a> {
    workers: &'a PasswordWorkers,
    memory: HashingMemory,
}

impl PasswordWorkers {
    /// As many at once as there are cores, with `may_wait` more in the queue.
    pub fn new(may_wait: usize) -> PasswordWorkers {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        PasswordWorkers::with(cores, may_wait)
    }

    /// `at_once` at once, with `may_wait` more in the queue.
    pub fn with(at_once: usize, may_wait: usize) -> PasswordWorkers {
        PasswordWorkers {
            at_once: at_once.max(1),
            may_wait,
            keeps_keys: false,
            load: Mutex::default(),
            freed: Condvar::new(),
        }
    }

    /// The same, and whether they keep keys for SCRAM beside a hash.
    pub fn keeping_keys(self, keeps_keys: bool) -> PasswordWorkers {
        PasswordWorkers { keeps_keys, ..self }
    }

    /// What is kept of a password.
    pub fn hash(&self, password: &Secret) -> Result<Secret, PasswordError> {
        let mut salt = [0; SALT_BYTES];
        getrandom::fill(&mut salt).map_err(|_| PasswordError::Failed)?;
        let hash = self.turn()?.hash(password, &salt);
        let hash = hash.ok_or(PasswordError::Failed)?;
        match self.keeps_keys {
            true => with_keys(&hash, password).ok_or(PasswordError::Failed),
            false => Ok(Secret::new(hash)),
        }
    }

    /// What is to be kept of a password instead, if it is not what the configuration wants:
    /// the keys are missing, or are not to be kept.
    pub fn completed(&self, password: &Secret, kept: &Secret) -> Option<Secret> {
        let (hash, keys) = parts(kept);
        match (self.keeps_keys, keys) {
            (true, None) => with_keys(hash, password),
            (false, Some(_)) => Some(Secret::new(hash)),
            _ => None,
        }
    }

    /// The keys that are kept of a password, if the configuration wants them to be used.
    pub fn keys(&self, kept: &Secret) -> Option<Verifier> {
        let keys = parts(kept).1.filter(|_| self.keeps_keys);
        keys.and_then(Verifier::parse)
    }

    /// Whether a hash is that of the password. `None`, for an account that does not exist, takes
    /// equally long.
    pub fn verify(&self, password: &Secret, hash: Option<&Secret>) -> Result<bool, PasswordError> {
        let stored = hash.map_or(NOBODY, |kept| parts(kept).0);
        let stored = PasswordHash::new(stored).map_err(|_| PasswordError::BadHash)?;
        let matches = self.turn()?.matches(password, &stored);
        Ok(matches.ok_or(PasswordError::Failed)? && hash.is_some())
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
        Ok(Turn {
            workers: self,
            memory: load.spare.pop().unwrap_or_default(),
        })
    }
}

/// The hash of a password, and the keys, as they are kept.
fn parts(kept: &Secret) -> (&str, Option<&str>) {
    match kept.expose().split_once('\n') {
        Some((hash, keys)) => (hash, Some(keys)),
        None => (kept.expose(), None),
    }
}

fn with_keys(hash: &str, password: &Secret) -> Option<Secret> {
    let keys = Verifier::of(password)?;
    Some(Secret::new(format!("{hash}\n{keys}")))
}

impl Turn<'_> {
    /// The hash as a PHC string; `None` if there is no memory.
    fn hash(&mut self, password: &Secret, salt: &[u8]) -> Option<String> {
        let params = Params::new(MEMORY_KIB, PASSES, LANES, None).ok()?;
        let (algorithm, version) = (Algorithm::Argon2id, Version::V0x13);
        let hash = PasswordHash {
            algorithm: algorithm.ident(),
            version: Some(version.into()),
            params: ParamsString::try_from(&params).ok()?,
            salt: Some(Salt::new(salt).ok()?),
            hash: Some(self.output(password, salt, &Argon2::new(algorithm, version, params))?),
        };
        Some(hash.to_string())
    }

    /// Whether a hash, with the parameters it names, is that of the password.
    fn matches(&mut self, password: &Secret, stored: &PasswordHash) -> Option<bool> {
        let algorithm = Algorithm::try_from(stored.algorithm.as_str()).ok()?;
        let version = stored
            .version
            .map_or(Ok(Version::default()), Version::try_from);
        let argon2 = Argon2::new(algorithm, version.ok()?, Params::try_from(stored).ok()?);
        let (salt, expected) = stored.salt.as_ref().zip(stored.hash.as_ref())?;
        // Compares in constant time.
        Some(self.output(password, salt, &argon2)? == *expected)
    }

    fn output(&mut self, password: &Secret, salt: &[u8], argon2: &Argon2<'_>) -> Option<Output> {
        let mut buffer = [0; Output::MAX_LENGTH];
        let length = argon2.params().output_len();
        let output = buffer.get_mut(..length.unwrap_or(Params::DEFAULT_OUTPUT_LEN))?;
        let blocks = self.memory.blocks(argon2.params().block_count())?;
        let password = password.expose().as_bytes();
        argon2
            .hash_password_into_with_memory(password, salt, output, blocks)
            .ok()?;
        Output::new(output).ok()
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut load = self.workers.load.lock();
        load.running -= 1;
        if load.waiting > load.spare.len() {
            load.spare.push(std::mem::take(&mut self.memory));
        }
        drop(load);
        self.workers.freed.notify_one();
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
    fn keys_are_kept_beside_the_hash_if_they_are_wanted() {
        let with = PasswordWorkers::new(1).keeping_keys(true);
        let without = PasswordWorkers::new(1);
        let password = Secret::new("correct horse");
        let kept = with.hash(&password).unwrap();
        assert_eq!(with.verify(&password, Some(&kept)), Ok(true));
        assert_eq!(without.verify(&password, Some(&kept)), Ok(true));
        assert!(with.keys(&kept).is_some() && without.keys(&kept).is_none());
        assert_eq!(with.completed(&password, &kept), None);
        let bare = without.completed(&password, &kept).unwrap();
        assert!(!bare.expose().contains('\n'));
        assert_eq!(without.completed(&password, &bare), None);
        let again = with.completed(&password, &bare).unwrap();
        assert!(with.keys(&again).is_some());
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
