//! What operators of the server on IRC have done beyond the hub.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use crate::admin::{Actor, Administration, BansFailed};
use crate::hub::BanTarget;
use crate::model::Text;
use crate::model::time::unix_ms;
use crate::session::context;

/// Milliseconds of a minute.
const MINUTE_MS: u64 = 60_000;

/// Carries out what operators ask for.
pub struct Operating {
    admin: Arc<Administration>,
    /// Has the configuration read again, if this is the program's own server.
    reload: OnceLock<Box<dyn Fn() + Send + Sync>>,
}

impl Operating {
    /// Acts as an administrator does.
    pub fn new(admin: Arc<Administration>) -> Operating {
        Operating {
            admin,
            reload: OnceLock::new(),
        }
    }

    /// Says how the configuration is read again.
    pub fn reloads_by(&self, reload: Box<dyn Fn() + Send + Sync>) {
        // A server is started once.
        let _ = self.reload.set(reload);
    }
}

impl context::Operating for Operating {
    fn ban(
        &self,
        by: SocketAddr,
        target: BanTarget,
        reason: Option<Text>,
        minutes: Option<u64>,
    ) -> Result<(), String> {
        let until = minutes.map(|minutes| unix_ms() + minutes.saturating_mul(MINUTE_MS));
        let made = self.admin.ban(Actor::at(by), target, reason, until);
        made.map(drop).map_err(words)
    }

    fn unban(&self, by: SocketAddr, target: &BanTarget) -> Result<usize, String> {
        let all = self.admin.bans().map_err(|error| error.to_string())?;
        let meant = all.into_iter().filter(|ban| ban.target == *target);
        let mut lifted = 0;
        for ban in meant {
            self.admin.unban(Actor::at(by), ban.id).map_err(words)?;
            lifted += 1;
        }
        Ok(lifted)
    }

    fn reload(&self) -> bool {
        let reload = self.reload.get();
        reload.inspect(|reload| reload()).is_some()
    }
}

fn words(failed: BansFailed) -> String {
    match failed {
        BansFailed::Hub => "the server is too busy".to_owned(),
        BansFailed::CannotAgree => BansFailed::CANNOT_AGREE.to_owned(),
        BansFailed::Refused(error) => error.to_string(),
        BansFailed::NoSuchBan(_) => "it was lifted meanwhile".to_owned(),
        BansFailed::NotSaved(why) => format!("it holds until the server is started again: {why}"),
    }
}
