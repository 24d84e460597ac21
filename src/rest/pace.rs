//! How fast accounts may change messages by signed calls: as many calls as a connection may send
//! messages, and no more bytes than the connections of their address may have written.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use parking_lot::Mutex;

use crate::account::Rates;
use crate::hub::Refusal;
use crate::model::AccountId;
use crate::session::allowance::Allowances;

use super::problem::Problem;

/// Counts the calls of accounts. A minute's calls may come at once.
pub struct CallPace {
    allowances: Arc<Allowances>,
    /// Locked only to count.
    calls: Mutex<Rates<AccountId>>,
    /// Calls a minute of one account; 0 is no limit.
    per_minute: AtomicU32,
    started: Instant,
}

impl CallPace {
    /// A pace of so many calls a second for each account; 0 is no limit.
    pub fn new(allowances: Arc<Allowances>, per_second: f64) -> CallPace {
        let pace = CallPace {
            allowances,
            calls: Mutex::default(),
            per_minute: AtomicU32::new(0),
            started: Instant::now(),
        };
        pace.set(per_second);
        pace
    }

    /// Puts a new limit in force.
    pub fn set(&self, per_second: f64) {
        // A number that does not fit is as good as the largest.
        let per_minute = (per_second * 60.0).ceil() as u32;
        self.per_minute.store(per_minute, Ordering::Relaxed);
    }

    /// Counts a call of an account from an address, after which so many bytes are written.
    pub(super) fn take(
        &self,
        account: AccountId,
        peer: IpAddr,
        bytes: usize,
    ) -> Result<(), Problem> {
        let now_ms = self.started.elapsed().as_millis() as u64;
        let per_minute = self.per_minute.load(Ordering::Relaxed);
        let counted = (self.calls.lock()).take(&account, per_minute, now_ms);
        counted.map_err(|wait| {
            let seconds = wait.retry_seconds;
            let why = format!("this account changes messages too fast; wait {seconds} seconds");
            Problem::TooFast(why, seconds)
        })?;
        let spent = self.allowances.of(peer).take(bytes);
        spent.map_err(|spent| Problem::Refused(Box::new(Refusal::AllowanceSpent(spent.bytes))))
    }
}
