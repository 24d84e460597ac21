//! What everybody in the soak shares.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::Server;

/// Findings kept; more of them would say nothing new.
const MOST_FINDINGS: usize = 100;
/// Latencies kept for each fault.
const MOST_LATENCIES: usize = 1 << 20;
/// How often those who wait look whether they still have to.
const MOMENT: Duration = Duration::from_millis(20);

/// Every listener, by its name.
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

/// The server as its clients see it, and what they have to say of it.
#[derive(Default)]
pub struct World {
    addresses: Mutex<HashMap<&'static str, SocketAddr>>,
    /// Whether the server is meant to be there.
    up: AtomicBool,
    stopped: AtomicBool,
    /// Clients who have something to finish first.
    fault: Mutex<&'static str>,
    findings: Mutex<Vec<String>>,
    latencies: Mutex<BTreeMap<&'static str, Vec<Duration>>>,
    /// Messages sent by clients.
    pub sent: AtomicU64,
    /// Messages that the server told their senders it has.
    pub acknowledged: AtomicU64,
    /// Messages read by clients.
    pub delivered: AtomicU64,
    /// Messages that were acknowledged, and missing somewhere in the end.
    pub lost: AtomicU64,
    /// Messages that came again, or after later ones.
    pub doubled: AtomicU64,
    /// Connections made.
    pub visits: AtomicU64,
}

impl World {
    /// The server is there.
    pub fn open(&self, server: &Server) {
        let addresses = LISTENERS.map(|name| (name, server.address(name)));
        *self.addresses.lock().unwrap() = addresses.into();
        self.up.store(true, Ordering::SeqCst);
    }

    /// The server is about to end: who is cut off now need not complain.
    pub fn close(&self) {
        self.up.store(false, Ordering::SeqCst);
    }

    /// Everybody is to go.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
    }

    /// Whether everybody is to go.
    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }

    /// Whether the server is meant to be there.
    pub fn is_up(&self) -> bool {
        self.up.load(Ordering::SeqCst)
    }

    /// Where a listener is, as soon as there is one; nothing once it is time
    /// to go.
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

    /// Sleeps, unless it is time to go.
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

    /// From now on this is going on.
    pub fn begin(&self, fault: &'static str) {
        *self.fault.lock().unwrap() = fault;
    }

    /// What is going on.
    pub fn fault(&self) -> &'static str {
        *self.fault.lock().unwrap()
    }

    /// How long a bystander's message took.
    pub fn took(&self, fault: &'static str, latency: Duration) {
        let mut latencies = self.latencies.lock().unwrap();
        let of_fault = latencies.entry(fault).or_default();
        if of_fault.len() < MOST_LATENCIES {
            of_fault.push(latency);
        }
    }

    /// The latencies of bystanders, in order, by what was going on.
    pub fn latencies(&self) -> BTreeMap<&'static str, Vec<Duration>> {
        let mut latencies = self.latencies.lock().unwrap().clone();
        latencies
            .values_mut()
            .for_each(|times| times.sort_unstable());
        latencies
    }

    /// Something is not as it must be.
    pub fn found(&self, what: impl Into<String>) {
        let what = format!("during {}: {}", self.fault(), what.into());
        println!("FOUND {what}");
        let mut findings = self.findings.lock().unwrap();
        if findings.len() < MOST_FINDINGS {
            findings.push(what);
        }
    }

    /// Everything found.
    pub fn findings(&self) -> Vec<String> {
        self.findings.lock().unwrap().clone()
    }
}
