//! Counts guesses at passwords for all servers together.

use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use redis::Value;

use crate::account::{GuessLimits, SharedGuesses, TooManyAttempts};
use crate::model::subscriber::subscriber;

use super::common::Common;
use super::link::Link;

/// Idle connections kept for the next logins.
const IDLE_LINKS: usize = 4;

/// See the module's documentation. While Redis is away, each server counts for itself.
pub struct CommonGuesses {
    common: Arc<Common>,
    links: Mutex<Vec<Link>>,
}

impl CommonGuesses {
    pub fn new(common: Arc<Common>) -> CommonGuesses {
        CommonGuesses {
            common,
            links: Mutex::default(),
        }
    }

    fn run(&self, address: IpAddr, account: &str, rest: &[&str]) -> Option<i64> {
        let patience = self.common.settings.refuse_after;
        if self.common.is_away(patience) {
            return None;
        }
        let address = subscriber(address).to_string();
        let prefix = self.common.settings.prefix.as_str();
        let arguments = [prefix, address.as_str(), account].into_iter();
        let arguments: Vec<&[u8]> = arguments
            .chain(rest.iter().copied())
            .map(str::as_bytes)
            .collect();
        let idle = self.links.lock().pop();
        let mut link = idle.unwrap_or_else(|| self.common.link());
        let answer = link.script(&self.common.scripts.guess, &arguments);
        let answer = match answer {
            Ok(Value::Int(answer)) => answer,
            Ok(_) => return None,
            Err(error) => {
                log::debug!("guesses at passwords are counted here alone: {error}");
                return None;
            }
        };
        let mut links = self.links.lock();
        if links.len() < IDLE_LINKS {
            links.push(link);
        }
        Some(answer)
    }
}

impl SharedGuesses for CommonGuesses {
    fn allow(
        &self,
        limits: GuessLimits,
        address: IpAddr,
        account: Option<&str>,
    ) -> Option<Result<(), TooManyAttempts>> {
        let [per_address, per_account] =
            [limits.per_address, limits.per_account].map(|limit| limit.to_string());
        let account = account.unwrap_or_default();
        let wait_ms = self.run(address, account, &[&per_address, &per_account])?;
        Some(match u64::try_from(wait_ms) {
            Ok(0) | Err(_) => Ok(()),
            Ok(wait_ms) => Err(TooManyAttempts {
                retry_seconds: wait_ms.div_ceil(1000),
            }),
        })
    }

    fn succeeded(&self, address: IpAddr, account: &str) {
        // While Redis is away, the address becomes known with the next login.
        self.run(address, account, &["right"]);
    }

    fn forget_account(&self, account: &str) {
        // While Redis is away its guesses stay as many as they were.
        self.run(IpAddr::from([0; 4]), account, &["forget"]);
    }
}
