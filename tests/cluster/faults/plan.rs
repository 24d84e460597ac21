//! What all clients in the test know, and how far each of them has got.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::support::{Server, wait_until};

/// The room that all clients are in.
pub const ROOM: &str = "dev";
/// The last message in the room.
pub const END: &str = "the end";
/// How long the whole test may take.
const PATIENCE: Duration = Duration::from_secs(300);
/// How long to wait before going to the next server.
pub const PAUSE: Duration = Duration::from_millis(100);
/// How many notes are kept for each client.
const NOTES: usize = 20;
/// How many messages each client must get confirmed before it counts as
/// progress.
const SOME: usize = 3;

/// The addresses of one server, also after a restart.
pub struct Doors {
    pub telnet: SocketAddr,
    pub tcp: SocketAddr,
    pub web: SocketAddr,
}

pub struct Plan {
    pub doors: Vec<Doors>,
    /// Clients say nothing more once this is set.
    is_enough: AtomicBool,
    /// How many messages each client has had confirmed.
    progress: Mutex<BTreeMap<String, usize>>,
    /// Clients that have had their last message confirmed.
    finished: Mutex<BTreeSet<String>>,
    /// What clients that cannot resume did last, for failure messages.
    notes: Mutex<BTreeMap<String, VecDeque<String>>>,
    /// A client has failed.
    is_broken: AtomicBool,
    started: Instant,
}

impl Plan {
    pub fn new(servers: &[&Server]) -> Plan {
        let doors = servers.iter().map(|server| Doors {
            telnet: server.telnet(),
            tcp: server.address("tcp"),
            web: server.web(),
        });
        Plan {
            doors: doors.collect(),
            is_enough: AtomicBool::new(false),
            progress: Mutex::default(),
            finished: Mutex::default(),
            notes: Mutex::default(),
            is_broken: AtomicBool::new(false),
            started: Instant::now(),
        }
    }

    /// The doors of a server; the index wraps around.
    pub fn doors(&self, at: usize) -> &Doors {
        &self.doors[at % self.doors.len()]
    }

    pub fn is_enough(&self) -> bool {
        self.is_enough.load(Ordering::SeqCst)
    }

    pub fn enough(&self) {
        self.is_enough.store(true, Ordering::SeqCst);
    }

    /// Registers a client.
    pub fn enter(&self, who: &str) {
        let mut progress = self.progress.lock().unwrap();
        progress.entry(who.to_owned()).or_default();
    }

    /// Counts one confirmed message of a client.
    pub fn done(&self, who: &str) {
        *self.progress.lock().unwrap().get_mut(who).unwrap() += 1;
    }

    /// Notes what a client did.
    pub fn note(&self, who: &str, what: &str) {
        let mut notes = self.notes.lock().unwrap();
        let notes = notes.entry(who.to_owned()).or_default();
        let at = self.started.elapsed().as_secs_f32();
        notes.push_back(format!("{at:.2} {what}"));
        if notes.len() > NOTES {
            notes.pop_front();
        }
    }

    /// Records that a client has said everything.
    pub fn finish(&self, who: &str) {
        self.finished.lock().unwrap().insert(who.to_owned());
    }

    /// The number of clients that have said everything.
    pub fn finished(&self) -> usize {
        self.finished.lock().unwrap().len()
    }

    /// Panics with a report once the test has taken too long.
    pub fn check_time(&self, report: impl FnOnce() -> String) {
        let in_time = self.started.elapsed() < PATIENCE;
        assert!(in_time, "it takes too long: {}", report());
    }

    /// Waits until the clients selected by `whose` have made progress.
    pub fn flow(&self, when: &str, whose: impl Fn(&str) -> bool) {
        let before = self.progress.lock().unwrap().clone();
        let mut missing: Vec<String> = Vec::new();
        let begun = Instant::now();
        let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            wait_until(&format!("messages flow {when}"), || {
                assert!(
                    !self.is_broken.load(Ordering::SeqCst),
                    "a client has failed"
                );
                let now = self.progress.lock().unwrap();
                let waiting = before
                    .iter()
                    .filter(|(who, done)| whose(who) && now[*who] < *done + SOME);
                missing = waiting.map(|(who, _)| who.clone()).collect();
                missing.is_empty()
            });
        }));
        println!(
            "{:5.1} s: messages flow {when}, after {:.1} s",
            self.started.elapsed().as_secs_f32(),
            begun.elapsed().as_secs_f32()
        );
        if let Err(panic) = ended {
            eprintln!(
                "nothing from {missing:?}: {:#?}",
                self.notes.lock().unwrap()
            );
            std::panic::resume_unwind(panic);
        }
    }
}

/// Runs a client on a thread. If it fails, the others stop waiting.
pub fn live<T: Send + 'static>(
    plan: &Arc<Plan>,
    life: impl FnOnce() -> T + Send + 'static,
) -> JoinHandle<T> {
    struct Alarm(Arc<Plan>);
    impl Drop for Alarm {
        fn drop(&mut self) {
            if std::thread::panicking() {
                self.0.is_broken.store(true, Ordering::SeqCst);
            }
        }
    }
    let alarm = Alarm(plan.clone());
    std::thread::spawn(move || {
        let _alarm = alarm;
        life()
    })
}

/// Connects to another process. (A connection to a local port without a
/// listener may, by chance, reach itself.)
pub fn connect(address: SocketAddr, patience: Duration) -> Option<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, Duration::from_secs(1)).ok()?;
    if stream.local_addr().ok()? == address {
        return None;
    }
    stream.set_nodelay(true).ok()?;
    stream.set_read_timeout(Some(patience)).ok()?;
    stream.set_write_timeout(Some(patience)).ok()?;
    Some(stream)
}
