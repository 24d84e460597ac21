//! The metrics of outgoing hooks.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;

use super::{Level, made};

/// Deliveries to the receivers of outgoing hooks. Of several servers, each has those of the hooks
/// that it sends for.
#[derive(Clone, Debug)]
pub struct HookMetrics {
    /// Messages that were delivered.
    pub delivered: Counter,
    /// Messages that were given up: they are sent again only when somebody asks for it.
    pub failed: Counter,
    /// Calls that have delivered nothing; their messages are tried again, or given up.
    pub failed_attempts: Counter,
    /// Messages that wait, of hooks that are not paused.
    pub waiting: Level,
    /// The age of the oldest of them, in seconds; 0 if none waits.
    pub oldest_seconds: Level,
    /// Hooks that are paused.
    pub paused: Level,
}

impl HookMetrics {
    /// All at zero.
    pub(super) fn register(registry: &mut Registry) -> HookMetrics {
        let r = registry;
        HookMetrics {
            delivered: made(r, "hook_deliveries", "Messages delivered by outgoing hooks"),
            failed: made(
                r,
                "hook_failures",
                "Messages that outgoing hooks have given up",
            ),
            failed_attempts: made(
                r,
                "hook_failed_attempts",
                "Calls of outgoing hooks that have delivered nothing",
            ),
            waiting: made(r, "hook_waiting", "Messages waiting for outgoing hooks"),
            oldest_seconds: made(
                r,
                "hook_oldest_seconds",
                "Age of the oldest message waiting for an outgoing hook",
            ),
            paused: made(r, "hooks_paused", "Outgoing hooks that are paused"),
        }
    }
}
