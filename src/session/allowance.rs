//! Allowances: how many bytes a minute the connections of one address may cause to
//! be written to the chat log and the database, in all protocols together.
//!
//! The connections' own threads ask for every command. That costs one atomic number
//! an address, and no lock; a lock is taken only when a connection opens.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use parking_lot::Mutex;

use crate::model::subscriber::Subscriber;

/// Bytes that a chat log entry and a database row take besides the text.
pub const ENTRY_BYTES: usize = 256;
/// An address may use up a whole minute's bytes at once.
const MINUTE_NS: u64 = 60_000_000_000;
/// The most subscribers remembered. All others share one allowance.
const MOST_KNOWN: usize = 65_536;

/// The allowances of all addresses.
#[derive(Debug)]
pub struct Allowances {
    rules: Arc<Rules>,
    known: Mutex<HashMap<Subscriber, Arc<Allowance>>>,
    /// Shared by the subscribers that there is no room for.
    rest: Arc<Allowance>,
}

#[derive(Debug)]
struct Rules {
    /// Bytes a minute; 0 is no limit.
    bytes: AtomicU64,
    started: Instant,
}

/// The allowance of one address.
#[derive(Debug)]
pub struct Allowance {
    rules: Arc<Rules>,
    /// When everything written is paid for, in nanoseconds since the start.
    paid_at: AtomicU64,
    /// Until when the log need not say again that it is spent.
    told_until: AtomicU64,
}

/// The allowance is spent at present.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spent {
    /// The limit.
    pub bytes: u64,
    /// Whether the log has not said so within the last minute.
    pub is_news: bool,
}

impl Allowances {
    /// Allowances of `bytes` a minute for each address; 0 is no limit.
    pub fn new(bytes: u64) -> Allowances {
        let rules = Arc::new(Rules {
            bytes: AtomicU64::new(bytes),
            started: Instant::now(),
        });
        Allowances {
            rest: Arc::new(Allowance::new(&rules)),
            rules,
            known: Mutex::default(),
        }
    }

    /// Puts a new limit in force.
    pub fn set(&self, bytes: u64) {
        self.rules.bytes.store(bytes, Ordering::Relaxed);
    }

    /// The allowance of an address or program. It outlives the connections for as long as
    /// anything is left to pay for.
    pub fn of(&self, subscriber: impl Into<Subscriber>) -> Arc<Allowance> {
        self.find(subscriber.into(), MOST_KNOWN)
    }

    fn find(&self, subscriber: Subscriber, most: usize) -> Arc<Allowance> {
        let mut all = self.known.lock();
        if let Some(known) = all.get(&subscriber) {
            return known.clone();
        }
        if all.len() >= most {
            let now = self.rules.now();
            let matters = |it: &Arc<Allowance>| Arc::strong_count(it) > 1 || it.owes(now);
            all.retain(|_, allowance| matters(allowance));
            // Searching all of them again and again would cost too much.
            if all.len() > most / 2 {
                return self.rest.clone();
            }
        }
        let allowance = Arc::new(Allowance::new(&self.rules));
        all.insert(subscriber, allowance.clone());
        allowance
    }
}

impl Rules {
    fn now(&self) -> u64 {
        // Overflows after 584 years.
        self.started.elapsed().as_nanos() as u64
    }

    /// The time that bytes cost; `None` without a limit.
    fn cost(&self, bytes: u64) -> Option<u64> {
        match self.bytes.load(Ordering::Relaxed) {
            0 => None,
            limit => Some(bytes.saturating_mul(MINUTE_NS) / limit),
        }
    }
}

impl Allowance {
    fn new(rules: &Arc<Rules>) -> Allowance {
        Allowance {
            rules: rules.clone(),
            paid_at: AtomicU64::new(0),
            told_until: AtomicU64::new(0),
        }
    }

    fn owes(&self, now: u64) -> bool {
        self.paid_at.load(Ordering::Relaxed) > now
    }

    /// Takes this many bytes, if they are left.
    pub fn take(&self, bytes: usize) -> Result<(), Spent> {
        self.take_at(self.rules.now(), bytes as u64)
    }

    fn take_at(&self, now: u64, bytes: u64) -> Result<(), Spent> {
        let Some(cost) = self.rules.cost(bytes) else {
            return Ok(());
        };
        let pay = |paid_at: u64| {
            let paid_at = paid_at.max(now);
            let new = paid_at.saturating_add(cost);
            // More than a whole minute's bytes pass if nothing is owed.
            (new - now <= MINUTE_NS || paid_at == now).then_some(new)
        };
        let order = Ordering::Relaxed;
        match self.paid_at.fetch_update(order, order, pay) {
            Ok(_) => Ok(()),
            Err(_) => Err(self.spent(now)),
        }
    }

    /// Whether the allowance is spent.
    pub fn is_spent(&self) -> bool {
        let now = self.rules.now();
        let paid_at = self.paid_at.load(Ordering::Relaxed);
        let least = self.rules.cost(1024).unwrap_or(0);
        least > 0 && paid_at.saturating_sub(now).saturating_add(least) > MINUTE_NS
    }

    fn spent(&self, now: u64) -> Spent {
        let news = |until: u64| (until <= now).then_some(now + MINUTE_NS);
        let order = Ordering::Relaxed;
        Spent {
            bytes: self.rules.bytes.load(order),
            is_news: self.told_until.fetch_update(order, order, news).is_ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn a_minutes_bytes_may_come_at_once_and_then_as_they_come_back() {
        let allowances = Allowances::new(6000);
        let of = allowances.of("192.0.2.1".parse::<IpAddr>().unwrap());
        let now = 5 * SECOND;
        for _ in 0..6 {
            assert_eq!(of.take_at(now, 1000), Ok(()));
        }
        let spent = |is_news| {
            Err(Spent {
                bytes: 6000,
                is_news,
            })
        };
        assert_eq!(of.take_at(now, 1), spent(true));
        assert_eq!(of.take_at(now, 1000), spent(false));
        // A hundred bytes a second.
        assert_eq!(of.take_at(now + SECOND, 100), Ok(()));
        assert_eq!(of.take_at(now + SECOND, 1), spent(false));
        assert_eq!(of.take_at(now + 60 * SECOND, 5900), Ok(()));
        assert_eq!(of.take_at(now + 60 * SECOND, 101), spent(true));
        // Idle time is not saved up.
        assert_eq!(of.take_at(now + 1000 * SECOND, 6000), Ok(()));
        assert_eq!(of.take_at(now + 1000 * SECOND, 1), spent(true));
        // No client is kept for ever from sending something long.
        assert_eq!(of.take_at(now + 2000 * SECOND, 60_000), Ok(()));
        assert_eq!(of.take_at(now + 2500 * SECOND, 1), spent(true));
    }

    #[test]
    fn all_connections_of_a_network_share_one_and_it_outlives_them() {
        let allowances = Allowances::new(1 << 20);
        let of = |address: &str| allowances.of(address.parse::<IpAddr>().unwrap());
        let first = of("2001:db8::1");
        first.take(1 << 20).unwrap();
        drop(first);
        assert!(of("2001:db8::2").take(1024).is_err());
        assert!(of("2001:db8::2").is_spent());
        assert!(of("2001:db8:0:1::2").take(1024).is_ok());
        allowances.set(0);
        assert!(of("2001:db8::2").take(1024).is_ok());
        assert!(!of("2001:db8::2").is_spent());
    }

    #[test]
    fn addresses_beyond_all_bounds_share_one_allowance() {
        let allowances = Allowances::new(1 << 20);
        let of = |last: u8| allowances.find(IpAddr::from([192, 0, 2, last]).into(), 4);
        // An address that owes nothing makes room.
        for last in 0..100 {
            let _ = of(last);
        }
        assert!(allowances.known.lock().len() <= 4);
        let held: Vec<_> = (100..110).map(of).collect();
        for one in &held {
            one.take(1000).unwrap();
        }
        assert!(allowances.known.lock().len() <= 4);
        assert!(Arc::ptr_eq(&of(200), &allowances.rest));
        assert!(Arc::ptr_eq(&of(201), &allowances.rest));
    }
}
