//! Outgoing hooks: what is said in channels, sent to the addresses that their keepers have chosen.
//!
//! The queue is in the store, so that nothing is lost when a server ends in whatever way. One thread
//! decides which hook is to be seen to; a few send. A hook has one sender at a time, so its messages
//! come in order; a hook whose receiver is slow or away waits in a queue of its own, so that it holds
//! up no other. Of several servers, the one that holds a hook sends for it. Never makes the hub wait.

mod address;
mod client;
mod payload;
mod rounds;
mod sender;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crossbeam_channel::{Sender, bounded};
use parking_lot::{Mutex, RwLock};

use crate::account::Accounts;
use crate::metrics::HookMetrics;
use crate::model::Hook;
use crate::session::bots::Bots;
use crate::turn::HubHandle;

pub use client::Allowed;
use ipnet::IpNet;

/// Orders that may wait: a hook was made, or is to be tested.
const ORDERS: usize = 64;
/// How long the end waits for calls that are under way.
const LAST_CALLS: Duration = Duration::from_secs(2);

/// What sends for hooks.
pub struct Hooks {
    orders: Sender<Order>,
    allowed: Allowed,
    retry_ms: Arc<AtomicU64>,
    /// Taken when it is to end.
    rounds: Mutex<Option<rounds::Running>>,
}

/// What it works with.
pub struct Parts {
    /// Tells what is said.
    pub hub: HubHandle,
    /// The store, and the accounts.
    pub accounts: Arc<Accounts>,
    /// Those as which hooks read and speak.
    pub bots: Arc<Bots>,
    /// The name of this server among others.
    pub holder: String,
    /// Whether there are others.
    pub has_others: bool,
    /// Counts deliveries.
    pub metrics: HookMetrics,
    /// What receivers are told of the program: `name/version`.
    pub agent: String,
}

/// The settings, which may change at any time.
#[derive(Clone, Debug)]
pub struct HookSettings {
    /// Networks that hooks may reach although they are not public.
    pub allow: Vec<IpNet>,
    /// How long a delivery is tried.
    pub retry: Duration,
}

/// Something to do soon.
#[derive(Debug)]
enum Order {
    /// A hook was made, removed, or is to go on.
    Look,
    /// Something may have been said.
    Listen,
    /// A test is to be sent for a hook.
    Test(Box<Hook>),
    /// To end.
    Stop,
}

impl Hooks {
    /// Starts to send.
    pub fn start(parts: Parts, settings: HookSettings) -> io::Result<Hooks> {
        let (orders, taken) = bounded(ORDERS);
        let allowed: Allowed = Arc::new(RwLock::new(settings.allow));
        let retry_ms = Arc::new(AtomicU64::new(settings.retry.as_millis() as u64));
        let running = rounds::start(
            parts,
            allowed.clone(),
            retry_ms.clone(),
            (orders.clone(), taken),
        )?;
        Ok(Hooks {
            orders,
            allowed,
            retry_ms,
            rounds: Mutex::new(Some(running)),
        })
    }

    /// Changes the settings.
    pub fn configure(&self, settings: HookSettings) {
        *self.allowed.write() = settings.allow;
        let retry_ms = settings.retry.as_millis() as u64;
        self.retry_ms.store(retry_ms, Ordering::Relaxed);
    }

    /// Looks at the hooks soon: one was made, or is to go on.
    pub fn look(&self) {
        // If it is full, it is about to look.
        let _ = self.orders.try_send(Order::Look);
    }

    /// Sends a test for a hook soon. False if too many wait.
    pub fn test(&self, hook: Hook) -> bool {
        self.orders.try_send(Order::Test(Box::new(hook))).is_ok()
    }

    /// Ends, and leaves the hooks to other servers.
    pub fn shut_down(&self) {
        if let Some(rounds) = self.rounds.lock().take() {
            let _ = self.orders.try_send(Order::Stop);
            rounds.wait(LAST_CALLS);
        }
    }
}
