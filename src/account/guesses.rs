//! Limits guesses at passwords by address and by account.
//!
//! The main limit is on pairs of address and account, so that wrong guesses elsewhere do not lock
//! an owner out. An address that tries many accounts has a limit as well, and an account that is
//! tried from many addresses a higher one. Neither applies to an address from which the account was
//! recently logged in to, which is probably the owner's: it has a limit of its own, as high as that
//! of all other addresses together.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::model::subscriber::subscriber;

use super::attempts::{Buckets, TooManyAttempts};

/// How long a login is worth no new note of it.
const NOTED_FOR: Duration = Duration::from_hours(1);
/// How long a login makes its address known to the account.
pub const KNOWN_FOR: Duration = Duration::from_hours(30 * 24);
/// Known pairs of address and account, in all.
const MAX_KNOWN: usize = 50_000;

/// Guesses allowed per minute; 0 is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GuessLimits {
    /// From an address, and from that address at one account.
    pub per_address: u32,
    /// At an account, from all addresses together that are not known to it, and from each known
    /// one.
    pub per_account: u32,
}

/// Counts guesses for several servers together. Both calls may wait for a bounded time.
pub trait SharedGuesses: Send + Sync {
    /// Counts a guess at an account, or an attempt without one, unless there were too many. `None`
    /// if that cannot be found out at present.
    fn allow(
        &self,
        limits: GuessLimits,
        address: IpAddr,
        account: Option<&str>,
    ) -> Option<Result<(), TooManyAttempts>>;

    /// Records a login from an address.
    fn succeeded(&self, address: IpAddr, account: &str);

    /// Forgets the addresses known to an account.
    fn forget_account(&self, account: &str);
}

/// Counts the guesses that come to this server. Times are passed in, from any clock that does not
/// go back.
pub struct Guesses {
    limits: GuessLimits,
    buckets: Buckets<Key>,
    /// The last login from an address to an account.
    known: HashMap<Pair, u64>,
}

/// By [`subscriber`], and the key of a username.
type Pair = (IpAddr, Arc<str>);

#[derive(Clone, PartialEq, Eq, Hash)]
enum Key {
    Address(IpAddr),
    Pair(Pair),
    /// A pair of which the address is known to the account.
    Known(Pair),
    Account(Arc<str>),
}

impl Guesses {
    /// Allows this many guesses.
    pub fn new(limits: GuessLimits) -> Guesses {
        Guesses {
            limits,
            buckets: Buckets::default(),
            known: HashMap::new(),
        }
    }

    /// Changes how many guesses are allowed.
    pub fn set_limits(&mut self, limits: GuessLimits) {
        self.limits = limits;
        self.buckets = Buckets::default();
    }

    /// The limits in force.
    pub fn limits(&self) -> GuessLimits {
        self.limits
    }

    /// Counts a guess at an account, or an attempt without one, unless there were too many; refused
    /// guesses do not count.
    pub fn allow(
        &mut self,
        address: IpAddr,
        account: Option<&str>,
        now_ms: u64,
    ) -> Result<(), TooManyAttempts> {
        let address = subscriber(address);
        let GuessLimits {
            per_address,
            per_account,
        } = self.limits;
        let mut keys = Vec::with_capacity(3);
        let mut is_known = false;
        if let Some(account) = account {
            let account: Arc<str> = account.into();
            let pair = (address, account.clone());
            is_known = self.is_known(&pair, now_ms);
            if is_known {
                keys.push((Key::Known(pair), per_account));
            } else {
                keys.push((Key::Pair(pair), per_address));
                keys.push((Key::Account(account), per_account));
            }
        }
        if !is_known {
            keys.push((Key::Address(address), per_address));
        }
        self.buckets.take_all(&keys, now_ms)
    }

    /// Records a login from an address. Returns whether to store it: it is new, or was last recorded
    /// more than an hour ago.
    pub fn succeeded(&mut self, address: IpAddr, account: &str, now_ms: u64) -> bool {
        let pair = (subscriber(address), account.into());
        let noted = self.known.get(&pair).copied();
        let noted_for = NOTED_FOR.as_millis() as u64;
        if noted.is_some_and(|at| now_ms.saturating_sub(at) < noted_for) {
            return false;
        }
        if noted.is_none() && self.known.len() >= MAX_KNOWN {
            self.forget(now_ms);
        }
        self.known.insert(pair, now_ms);
        true
    }

    /// Forgets the addresses known to an account.
    pub fn forget_account(&mut self, account: &str) {
        self.known.retain(|(_, key), _| **key != *account);
    }

    fn is_known(&self, pair: &Pair, now_ms: u64) -> bool {
        let at = self.known.get(pair);
        at.is_some_and(|at| now_ms.saturating_sub(*at) < KNOWN_FOR.as_millis() as u64)
    }

    /// Forgets the older half.
    fn forget(&mut self, now_ms: u64) {
        let mut times: Vec<u64> = self.known.values().copied().collect();
        times.sort_unstable();
        let middle = times.get(times.len() / 2).copied().unwrap_or(now_ms);
        self.known.retain(|_, at| *at > middle);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: GuessLimits = GuessLimits {
        per_address: 10,
        per_account: 100,
    };

    fn address(n: u32) -> IpAddr {
        IpAddr::from((0x0a00_0000 + n).to_be_bytes())
    }

    fn refused(guesses: &mut Guesses, from: IpAddr, account: &str, now_ms: u64) -> bool {
        guesses.allow(from, Some(account), now_ms).is_err()
    }

    #[test]
    fn who_is_wrong_somewhere_keeps_nobody_out_elsewhere() {
        let mut guesses = Guesses::new(LIMITS);
        for _ in 0..10 {
            assert!(!refused(&mut guesses, address(1), "alice", 0));
        }
        assert!(refused(&mut guesses, address(1), "alice", 0));
        assert!(!refused(&mut guesses, address(2), "alice", 0));
        // An address has this many for all accounts together.
        for n in 0..9 {
            assert!(!refused(&mut guesses, address(2), &format!("bob{n}"), 0));
        }
        assert!(refused(&mut guesses, address(2), "carol", 0));
        assert!(guesses.allow(address(2), None, 0).is_err());
        assert!(!refused(&mut guesses, address(2), "carol", 6000));
    }

    #[test]
    fn many_addresses_together_have_a_limit_and_the_owner_is_not_hit() {
        let mut guesses = Guesses::new(LIMITS);
        let home = address(1);
        guesses.succeeded(home, "alice", 0);
        for n in 0..100 {
            assert!(!refused(&mut guesses, address(10 + n), "alice", 0));
        }
        assert!(refused(&mut guesses, address(500), "alice", 0));
        assert!(!refused(&mut guesses, address(500), "bob", 0));
        // Guesses of others, at home or elsewhere, make no difference; the owner's own count.
        for n in 0..10 {
            assert!(!refused(&mut guesses, home, &format!("bob{n}"), 0));
        }
        assert!(refused(&mut guesses, home, "bob10", 0));
        for _ in 0..100 {
            assert!(!refused(&mut guesses, home, "alice", 0));
        }
        assert!(refused(&mut guesses, home, "alice", 0));
        // The address does not stay known for ever.
        let later = KNOWN_FOR.as_millis() as u64;
        for n in 0..100 {
            assert!(!refused(&mut guesses, address(1000 + n), "alice", later));
        }
        assert!(refused(&mut guesses, home, "alice", later));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut guesses = Guesses::new(LIMITS);
        for n in 0..2 * MAX_KNOWN as u32 {
            guesses.succeeded(address(n), "alice", u64::from(n));
            assert!(guesses.known.len() <= MAX_KNOWN);
        }
        let last = (address(2 * MAX_KNOWN as u32 - 1), "alice".into());
        assert!(guesses.is_known(&last, 0));
        // Also if all come at the same moment.
        for n in 0..2 * MAX_KNOWN as u32 {
            guesses.succeeded(address(n), "bob", 1_000_000);
            assert!(guesses.known.len() <= MAX_KNOWN);
        }
    }

    #[test]
    fn zero_is_no_limit() {
        let mut guesses = Guesses::new(GuessLimits {
            per_address: 0,
            per_account: 0,
        });
        assert!((0..1000).all(|_| guesses.allow(address(1), Some("alice"), 0).is_ok()));
    }
}
