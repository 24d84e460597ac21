//! How often one may try to log in or register: so often a minute, for each
//! address and for each account, whichever is used up first.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use crate::name::Name;
use crate::net::subscriber::subscriber;

/// Addresses and accounts watched at once.
const MAX_WATCHED: usize = 20_000;
const MINUTE_MS: u64 = 60_000;

/// Counts attempts. Times are passed in: any clock that does not go back.
pub struct Attempts {
    /// 0 is no limit.
    per_minute: u32,
    buckets: HashMap<Key, Bucket>,
}

/// There have been too many attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyAttempts {
    /// How long to wait before the next one.
    pub retry_seconds: u64,
}

#[derive(Clone, PartialEq, Eq, Hash)]
enum Key {
    Address(IpAddr),
    Account(Arc<str>),
}

/// What is left of the attempts, in thousandths; it fills up steadily.
struct Bucket {
    left: u64,
    at_ms: u64,
}

impl Attempts {
    /// Allows that many a minute; 0 is no limit.
    pub fn new(per_minute: u32) -> Attempts {
        Attempts {
            per_minute,
            buckets: HashMap::new(),
        }
    }

    /// Counts an attempt, unless there have been too many; those that are
    /// refused do not count.
    pub fn allow(
        &mut self,
        address: IpAddr,
        account: Option<&Name>,
        now_ms: u64,
    ) -> Result<(), TooManyAttempts> {
        self.check(address, account, now_ms)?;
        self.count(address, account, now_ms);
        Ok(())
    }

    /// Whether there have been too many attempts; counts none.
    pub fn check(
        &self,
        address: IpAddr,
        account: Option<&Name>,
        now_ms: u64,
    ) -> Result<(), TooManyAttempts> {
        if self.per_minute == 0 {
            return Ok(());
        }
        let wait = keys(address, account).map(|key| self.wait_ms(&key, now_ms));
        match wait.max() {
            Some(wait_ms @ 1..) => Err(TooManyAttempts {
                retry_seconds: wait_ms.div_ceil(1000),
            }),
            _ => Ok(()),
        }
    }

    /// Counts an attempt.
    pub fn count(&mut self, address: IpAddr, account: Option<&Name>, now_ms: u64) {
        if self.per_minute == 0 {
            return;
        }
        self.make_room(now_ms);
        for key in keys(address, account) {
            let left = self.left(&key, now_ms).saturating_sub(1000);
            let bucket = Bucket {
                left,
                at_ms: now_ms,
            };
            self.buckets.insert(key, bucket);
        }
    }

    fn full(&self) -> u64 {
        u64::from(self.per_minute) * 1000
    }

    fn left(&self, key: &Key, now_ms: u64) -> u64 {
        let Some(bucket) = self.buckets.get(key) else {
            return self.full();
        };
        let passed = now_ms.saturating_sub(bucket.at_ms).min(MINUTE_MS);
        (bucket.left + passed * self.full() / MINUTE_MS).min(self.full())
    }

    fn wait_ms(&self, key: &Key, now_ms: u64) -> u64 {
        let missing = 1000_u64.saturating_sub(self.left(key, now_ms));
        (missing * MINUTE_MS).div_ceil(self.full())
    }

    /// Keeps the table bounded: forgets those who have all their attempts
    /// again and, if that is not enough, those who have most of them.
    fn make_room(&mut self, now_ms: u64) {
        if self.buckets.len() + 2 <= MAX_WATCHED {
            return;
        }
        let mut all: Vec<(u64, Key)> = self
            .buckets
            .keys()
            .map(|key| (self.left(key, now_ms), key.clone()))
            .collect();
        all.sort_unstable_by_key(|(left, _)| std::cmp::Reverse(*left));
        let full = self.full();
        for (n, (left, key)) in all.into_iter().enumerate() {
            if n >= MAX_WATCHED / 2 && left < full {
                break;
            }
            self.buckets.remove(&key);
        }
    }
}

fn keys(address: IpAddr, account: Option<&Name>) -> impl Iterator<Item = Key> {
    let account = account.map(|name| Key::Account(name.key().clone()));
    std::iter::once(Key::Address(subscriber(address))).chain(account)
}

impl fmt::Display for TooManyAttempts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "too many attempts; try again in {} seconds",
            self.retry_seconds
        )
    }
}

impl std::error::Error for TooManyAttempts {}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(raw: &str) -> IpAddr {
        raw.parse().unwrap()
    }

    #[test]
    fn attempts_run_out_and_come_back() {
        let mut attempts = Attempts::new(3);
        let home = address("192.0.2.1");
        for _ in 0..3 {
            assert_eq!(attempts.allow(home, None, 1000), Ok(()));
        }
        let refused = Err(TooManyAttempts { retry_seconds: 20 });
        assert_eq!(attempts.allow(home, None, 1000), refused);
        assert_eq!(
            attempts.allow(address("::ffff:192.0.2.1"), None, 1000),
            refused
        );
        assert_eq!(attempts.allow(address("192.0.2.2"), None, 1000), Ok(()));
        assert!(attempts.allow(home, None, 20_999).is_err());
        assert_eq!(attempts.allow(home, None, 21_000), Ok(()));
        assert!(attempts.allow(home, None, 21_000).is_err());
        for _ in 0..3 {
            assert_eq!(attempts.allow(home, None, 10_000_000), Ok(()));
        }
        assert!(attempts.allow(home, None, 10_000_000).is_err());
    }

    #[test]
    fn an_account_is_guarded_from_all_addresses_together() {
        let mut attempts = Attempts::new(2);
        let alice = Name::parse("Alice").unwrap();
        let also_alice = Name::parse("\u{430}lice").unwrap();
        assert_eq!(
            attempts.allow(address("192.0.2.1"), Some(&alice), 0),
            Ok(())
        );
        assert_eq!(
            attempts.allow(address("192.0.2.2"), Some(&also_alice), 0),
            Ok(())
        );
        assert!(
            attempts
                .allow(address("192.0.2.3"), Some(&alice), 0)
                .is_err()
        );
        // What was refused has cost the address nothing.
        for _ in 0..2 {
            assert_eq!(attempts.allow(address("192.0.2.3"), None, 0), Ok(()));
        }
    }

    #[test]
    fn an_ipv6_network_counts_as_one() {
        let mut attempts = Attempts::new(1);
        assert_eq!(attempts.allow(address("2001:db8::1"), None, 0), Ok(()));
        assert!(
            attempts
                .allow(address("2001:db8::ffff:2"), None, 0)
                .is_err()
        );
        assert_eq!(attempts.allow(address("2001:db8:0:1::1"), None, 0), Ok(()));
    }

    #[test]
    fn the_table_is_bounded_and_keeps_the_worst() {
        let mut attempts = Attempts::new(2);
        let worst = address("192.0.2.1");
        assert_eq!(attempts.allow(worst, None, 0), Ok(()));
        assert_eq!(attempts.allow(worst, None, 0), Ok(()));
        for n in 0..3 * MAX_WATCHED as u32 {
            let other = IpAddr::from((0x0a00_0000 + n).to_be_bytes());
            assert_eq!(attempts.allow(other, None, 0), Ok(()));
            assert!(attempts.buckets.len() <= MAX_WATCHED);
        }
        assert!(attempts.allow(worst, None, 0).is_err());
    }

    #[test]
    fn zero_is_no_limit() {
        let mut attempts = Attempts::new(0);
        for _ in 0..100 {
            assert_eq!(attempts.allow(address("192.0.2.1"), None, 0), Ok(()));
        }
        assert!(attempts.buckets.is_empty());
    }
}
