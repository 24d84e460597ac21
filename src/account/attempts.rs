//! Limits attempts to a number per minute; after a pause, a whole minute's attempts may come at
//! once.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::net::IpAddr;

use crate::model::subscriber::subscriber;

/// The most addresses counted at once.
const MAX_WATCHED: usize = 20_000;
const MINUTE_MS: u64 = 60_000;

/// Counts attempts by address. Times are passed in, from any clock that does not go back.
pub struct Attempts {
    /// Attempts allowed per minute; 0 is no limit.
    per_minute: u32,
    buckets: Buckets<IpAddr>,
}

/// There were too many attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyAttempts {
    /// How long to wait before the next one.
    pub retry_seconds: u64,
}

/// Counts the calls of each key, each with a limit of its own. Times are passed in.
pub struct Rates<K>(Buckets<K>);

impl<K> Default for Rates<K> {
    fn default() -> Rates<K> {
        Rates(Buckets::default())
    }
}

impl<K: Clone + Eq + Hash> Rates<K> {
    /// Counts a call of a key that may make so many a minute, unless there were too many.
    pub fn take(&mut self, key: &K, per_minute: u32, now_ms: u64) -> Result<(), TooManyAttempts> {
        self.0.take_all(&[(key.clone(), per_minute)], now_ms)
    }
}

/// The remaining attempts of each key.
pub(super) struct Buckets<K>(HashMap<K, Bucket>);

/// The remaining attempts, in thousandths; it refills steadily.
struct Bucket {
    left: u64,
    at_ms: u64,
    per_minute: u32,
}

impl Attempts {
    /// Allows this many attempts per minute; 0 is no limit.
    pub fn new(per_minute: u32) -> Attempts {
        Attempts {
            per_minute,
            buckets: Buckets::default(),
        }
    }

    /// Counts an attempt, unless there were too many; refused attempts do not count.
    pub fn allow(&mut self, address: IpAddr, now_ms: u64) -> Result<(), TooManyAttempts> {
        let keys = [(subscriber(address), self.per_minute)];
        self.buckets.take_all(&keys, now_ms)
    }

    /// Checks whether there were too many attempts, without counting one.
    pub fn check(&self, address: IpAddr, now_ms: u64) -> Result<(), TooManyAttempts> {
        let keys = [(subscriber(address), self.per_minute)];
        self.buckets.check_all(&keys, now_ms)
    }

    /// Takes back an attempt that was counted and was none.
    pub fn forgive(&mut self, address: IpAddr, now_ms: u64) {
        self.buckets.give_back(&subscriber(address), now_ms);
    }

    /// Counts an attempt.
    pub fn count(&mut self, address: IpAddr, now_ms: u64) {
        let keys = [(subscriber(address), self.per_minute)];
        self.buckets.count_all(&keys, now_ms);
    }
}

impl<K> Default for Buckets<K> {
    fn default() -> Buckets<K> {
        Buckets(HashMap::new())
    }
}

impl<K: Clone + Eq + Hash> Buckets<K> {
    /// Counts an attempt for every key, each with its limit per minute (0 is no limit), unless one
    /// of the keys has made too many.
    pub fn take_all(&mut self, keys: &[(K, u32)], now_ms: u64) -> Result<(), TooManyAttempts> {
        self.check_all(keys, now_ms)?;
        self.count_all(keys, now_ms);
        Ok(())
    }

    fn check_all(&self, keys: &[(K, u32)], now_ms: u64) -> Result<(), TooManyAttempts> {
        let limited = keys.iter().filter(|(_, per_minute)| *per_minute > 0);
        let wait = limited.map(|(key, per_minute)| self.wait_ms(key, *per_minute, now_ms));
        match wait.max() {
            Some(wait_ms @ 1..) => Err(TooManyAttempts {
                retry_seconds: wait_ms.div_ceil(1000),
            }),
            _ => Ok(()),
        }
    }

    fn count_all(&mut self, keys: &[(K, u32)], now_ms: u64) {
        self.make_room(keys.len(), now_ms);
        for (key, per_minute) in keys.iter().filter(|(_, per_minute)| *per_minute > 0) {
            let left = self.left(key, *per_minute, now_ms).saturating_sub(1000);
            let bucket = Bucket {
                left,
                at_ms: now_ms,
                per_minute: *per_minute,
            };
            self.0.insert(key.clone(), bucket);
        }
    }

    fn give_back(&mut self, key: &K, now_ms: u64) {
        if let Some(bucket) = self.0.get_mut(key) {
            let left = bucket.left_at(now_ms) + 1000;
            bucket.left = left.min(full(bucket.per_minute));
            bucket.at_ms = now_ms;
        }
    }

    fn left(&self, key: &K, per_minute: u32, now_ms: u64) -> u64 {
        let bucket = self.0.get(key);
        bucket.map_or(full(per_minute), |bucket| bucket.left_at(now_ms))
    }

    fn wait_ms(&self, key: &K, per_minute: u32, now_ms: u64) -> u64 {
        let missing = 1000_u64.saturating_sub(self.left(key, per_minute, now_ms));
        (missing * MINUTE_MS).div_ceil(full(per_minute))
    }

    /// Keeps the table bounded: drops keys that have all their attempts again and, if that is not
    /// enough, those that have the most left.
    fn make_room(&mut self, more: usize, now_ms: u64) {
        if self.0.len() + more <= MAX_WATCHED {
            return;
        }
        let mut all: Vec<(u64, K)> = self
            .0
            .iter()
            .map(|(key, bucket)| (bucket.fullness(now_ms), key.clone()))
            .collect();
        all.sort_unstable_by_key(|(fullness, _)| std::cmp::Reverse(*fullness));
        for (n, (fullness, key)) in all.into_iter().enumerate() {
            if n >= MAX_WATCHED / 2 && fullness < FULL {
                break;
            }
            self.0.remove(&key);
        }
    }
}

/// The [`Bucket::fullness`] of a full bucket.
const FULL: u64 = 1_000_000;

impl Bucket {
    fn left_at(&self, now_ms: u64) -> u64 {
        let full = full(self.per_minute);
        let passed = now_ms.saturating_sub(self.at_ms).min(MINUTE_MS);
        (self.left + passed * full / MINUTE_MS).min(full)
    }

    /// The part that is left, whatever the limit.
    fn fullness(&self, now_ms: u64) -> u64 {
        self.left_at(now_ms) * FULL / full(self.per_minute)
    }
}

fn full(per_minute: u32) -> u64 {
    u64::from(per_minute.max(1)) * 1000
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
            assert_eq!(attempts.allow(home, 1000), Ok(()));
        }
        let refused = Err(TooManyAttempts { retry_seconds: 20 });
        assert_eq!(attempts.allow(home, 1000), refused);
        assert_eq!(attempts.allow(address("::ffff:192.0.2.1"), 1000), refused);
        assert_eq!(attempts.allow(address("192.0.2.2"), 1000), Ok(()));
        assert!(attempts.allow(home, 20_999).is_err());
        assert_eq!(attempts.allow(home, 21_000), Ok(()));
        assert!(attempts.allow(home, 21_000).is_err());
        for _ in 0..3 {
            assert_eq!(attempts.allow(home, 10_000_000), Ok(()));
        }
        assert!(attempts.allow(home, 10_000_000).is_err());
    }

    #[test]
    fn an_ipv6_network_counts_as_one() {
        let mut attempts = Attempts::new(1);
        assert_eq!(attempts.allow(address("2001:db8::1"), 0), Ok(()));
        assert!(attempts.allow(address("2001:db8::ffff:2"), 0).is_err());
        assert_eq!(attempts.allow(address("2001:db8:0:1::1"), 0), Ok(()));
    }

    #[test]
    fn the_table_is_bounded_and_keeps_the_worst() {
        let mut attempts = Attempts::new(2);
        let worst = address("192.0.2.1");
        assert_eq!(attempts.allow(worst, 0), Ok(()));
        assert_eq!(attempts.allow(worst, 0), Ok(()));
        for n in 0..3 * MAX_WATCHED as u32 {
            let other = IpAddr::from((0x0a00_0000 + n).to_be_bytes());
            assert_eq!(attempts.allow(other, 0), Ok(()));
            assert!(attempts.buckets.0.len() <= MAX_WATCHED);
        }
        assert!(attempts.allow(worst, 0).is_err());
    }

    #[test]
    fn zero_is_no_limit() {
        let mut attempts = Attempts::new(0);
        for _ in 0..100 {
            assert_eq!(attempts.allow(address("192.0.2.1"), 0), Ok(()));
        }
        assert!(attempts.buckets.0.is_empty());
    }
}
