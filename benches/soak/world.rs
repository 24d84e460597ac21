//! State shared by all clients of the soak.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::Server;

/// Most findings kept; more of them would tell nothing new.
const MOST_FINDINGS: usize = 100;
/// Most latencies kept for each fault.
const MOST_LATENCIES: usize = 1 << 20;
/// How often a waiting client checks whether it still has to wait.
const MOMENT: Duration = Duration::from_millis(20);

/// Every listener by name.
pub const LISTENERS: [&str; 10] = [
    "telnet",
    "rest",
    "web",
    "tcp",
    "ws",
    "tls-telnet",
    "tls-rest",
    "tls-web",
    "tls-tcp",
    "tls-ws",
];

/// The server as its clients see it, and their findings.
#[derive(Default)]
pub struct World {
    addresses: Mutex<HashMap<&'static str, SocketAddr>>,
    /// Whether the server is supposed to be up.
    up: AtomicBool,
    stopped: AtomicBool,
    /// The fault going on, or the phase between two faults.
    fault: Mutex<&'static str>,
    findings: Mutex<Vec<String>>,
    latencies: Mutex<BTreeMap<&'static str, Vec<Duration>>>,
    /// Messages sent by clients.
    pub sent: AtomicU64,
    /// Messages that the server confirmed to their senders.
    pub acknowledged: AtomicU64,
    /// Messages read by clients.
    pub delivered: AtomicU64,
    /// Confirmed messages that are missing somewhere at the end.
    pub lost: AtomicU64,
    /// Messages received twice or out of order.
    pub doubled: AtomicU64,
    /// Connections made.
    pub visits: AtomicU64,
}

impl World {
    /// The server is up.
    pub fn open(&self, server: &Server) {
        let addresses = LISTENERS.map(|name| (name, server.address(name)));
        *self.addresses.lock().unwrap() = addresses.into();
        self.up.store(true, Ordering::SeqCst);
    }

    /// The server is about to end: clients must not report lost connections
    /// from now on.
    pub fn close(&self) {
        self.up.store(false, Ordering::SeqCst);
    }

    /// Tells all clients to end.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
    }

    /// Whether all clients must end.
    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }

    /// Whether the server is supposed to be up.
    pub fn is_up(&self) -> bool {
        self.up.load(Ordering::SeqCst)
    }

    /// A listener's address, as soon as there is one; `None` once the client
    /// must end.
    pub fn address(&self, name: &str) -> Option<SocketAddr> {
        while !self.is_stopped() {
            if self.is_up() {
                self.visits.fetch_add(1, Ordering::Relaxed);
                return self.addresses.lock().unwrap().get(name).copied();
            }
            thread::sleep(MOMENT);
        }
        None
    }

    /// Sleeps, unless the client must end.
    pub fn pause(&self, time: Duration) {
        let until = Instant::now() + time;
        while !self.is_stopped() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            thread::sleep(left.min(MOMENT));
        }
    }

    /// Sets the fault that is going on.
    pub fn begin(&self, fault: &'static str) {
        *self.fault.lock().unwrap() = fault;
    }

    /// The fault that is going on.
    pub fn fault(&self) -> &'static str {
        *self.fault.lock().unwrap()
    }

    /// Records the latency of a bystander's message.
    pub fn took(&self, fault: &'static str, latency: Duration) {
        let mut latencies = self.latencies.lock().unwrap();
        let of_fault = latencies.entry(fault).or_default();
        if of_fault.len() < MOST_LATENCIES {
            of_fault.push(latency);
        }
    }

    /// The latencies of bystanders, sorted, by the fault going on.
    pub fn latencies(&self) -> BTreeMap<&'static str, Vec<Duration>> {
        let mut latencies = self.latencies.lock().unwrap().clone();
        latencies
            .values_mut()
            .for_each(|times| times.sort_unstable());
        latencies
    }

    /// Records a finding.
    pub fn found(&self, what: impl Into<String>) {
        let what = format!("during {}: {}", self.fault(), what.into());
        println!("FOUND {what}");
        let mut findings = self.findings.lock().unwrap();
        if findings.len() < MOST_FINDINGS {
            findings.push(what);
        }
    }

    /// All findings.
    pub fn findings(&self) -> Vec<String> {
        self.findings.lock().unwrap().clone()
    }
}
