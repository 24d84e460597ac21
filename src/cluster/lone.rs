//! The thread that finds out whether only this server has lost Redis.
//!
//! If so, its members can talk to no one here but could on another server: they are told to go
//! there. Redis cannot tell, but the servers also meet in PostgreSQL. While all servers have lost
//! Redis, members stay, because no other server would be better.

use std::sync::Arc;
use std::time::Duration;

use crate::store::Store;

use super::common::{Common, Way};

/// How often to check.
const EVERY: Duration = Duration::from_secs(2);

/// See the module's documentation.
pub struct Lone {
    common: Arc<Common>,
    store: Arc<dyn Store>,
}

impl Lone {
    pub fn new(common: Arc<Common>, store: Arc<dyn Store>) -> Lone {
        Lone { common, store }
    }

    /// Checks until it is time to stop.
    pub fn run(&mut self) {
        while !self
            .common
            .pause(EVERY.min(self.common.settings.lone_after / 4))
        {
            self.look();
        }
    }

    fn look(&mut self) {
        let life = self.common.life();
        let long = self.common.settings.lone_after;
        // A server that has just found Redis again gives the others time to find it, too.
        let (has_log, is_lost) = match self.common.way() {
            Way::Open(since) => (since.elapsed() >= long, false),
            Way::Lost(since) => (false, since.elapsed() >= long),
        };
        // The lower half identifies it well enough.
        let own = u32::try_from(life.node.0 & u64::from(u32::MAX)).unwrap_or_default();
        let others = self
            .store
            .others_have_log(own.cast_signed(), has_log && !life.is_over);
        match others {
            Ok(true) if is_lost => {
                let why = "it alone has lost Redis, which serves others";
                self.common.cut_off(life.number, why);
            }
            Ok(_) => {}
            Err(error) => log::debug!("whether others have Redis cannot be found out: {error}"),
        }
    }
}
