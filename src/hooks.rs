//! Outgoing hooks: what is said in channels, sent to the addresses that their keepers have chosen.
//!
//! The queue is in the store, so that nothing is lost when a server ends in whatever way. One thread
//! decides which hook is to be seen to; a few send. A hook has one sender at a time, so its messages
//! come in order. Hooks whose receivers are new, slow or away have other senders than those that
//! answer, and keepers take turns, so that nobody's receivers hold up those of others. Of several
//! servers, the one that holds a hook sends for it. Never makes the hub wait.

mod address;
mod client;
mod entry;
mod lanes;
mod payload;
mod rounds;
mod sender;
mod turns;

use std::collections::HashSet;
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
/// Hooks for which a test may wait or be under way.
const TESTS: usize = 64;
/// How long the end waits for calls that are under way.
const LAST_CALLS: Duration = Duration::from_secs(2);

/// What sends for hooks.
pub struct Hooks {
    orders: Sender<Order>,
    allowed: Allowed,
    retry_ms: Arc<AtomicU64>,
    tested: Tested,
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

/// The hooks for which a test waits or is under way.
#[derive(Clone, Debug, Default)]
struct Tested(
    /// Locked to look, add or remove one.
    Arc<Mutex<HashSet<String>>>,
);

/// Why no test is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotTested {
    /// The last one of this hook waits still.
    Waits,
    /// Those of too many hooks wait.
    Busy,
}

impl Tested {
    fn add(&self, id: &str) -> Result<(), NotTested> {
        let mut tested = self.0.lock();
        match tested.contains(id) {
            true => return Err(NotTested::Waits),
            false if tested.len() >= TESTS => return Err(NotTested::Busy),
            false => tested.insert(id.to_owned()),
        };
        Ok(())
    }

    fn remove(&self, id: &str) {
        self.0.lock().remove(id);
    }
}

impl Hooks {
    /// Starts to send.
    pub fn start(parts: Parts, settings: HookSettings) -> io::Result<Hooks> {
        let (orders, taken) = bounded(ORDERS);
        let allowed: Allowed = Arc::new(RwLock::new(settings.allow));
        let retry_ms = Arc::new(AtomicU64::new(settings.retry.as_millis() as u64));
        let tested = Tested::default();
        let running = rounds::start(
            parts,
            allowed.clone(),
            retry_ms.clone(),
            ((orders.clone(), taken), tested.clone()),
        )?;
        Ok(Hooks {
            orders,
            allowed,
            retry_ms,
            tested,
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

    /// Sends a test for a hook soon.
    pub fn test(&self, hook: Hook) -> Result<(), NotTested> {
        let id = hook.program.id.clone();
        self.tested.add(&id)?;
        let sent = self.orders.try_send(Order::Test(Box::new(hook)));
        sent.map_err(|_| {
            self.tested.remove(&id);
            NotTested::Busy
        })
    }

    /// Ends, and leaves the hooks to other servers.
    pub fn shut_down(&self) {
        if let Some(rounds) = self.rounds.lock().take() {
            let _ = self.orders.send_timeout(Order::Stop, LAST_CALLS);
            rounds.wait(LAST_CALLS);
        }
    }
}
