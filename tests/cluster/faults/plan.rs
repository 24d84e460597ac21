//! What everybody in the test knows, and how far each of them has got.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::support::{Server, wait_until};

/// The room everybody is in.
pub const ROOM: &str = "dev";
/// What is said there last.
pub const END: &str = "the end";
/// How long all of it may take.
const PATIENCE: Duration = Duration::from_secs(300);
/// How long to wait before going to the next server.
pub const PAUSE: Duration = Duration::from_millis(100);
/// How much is remembered of what somebody did.
const NOTES: usize = 20;
/// How much everybody has to get done before it counts as getting somewhere.
const SOME: usize = 3;

/// Where one server listens, also after a restart.
pub struct Doors {
    pub telnet: SocketAddr,
    pub tcp: SocketAddr,
    pub web: SocketAddr,
}

pub struct Plan {
    pub doors: Vec<Doors>,
    /// Nothing more is to be said.
    is_enough: AtomicBool,
    /// What each of them has said and had confirmed.
    progress: Mutex<BTreeMap<String, usize>>,
    /// Who has had their last message confirmed.
    finished: Mutex<BTreeSet<String>>,
    /// What those who cannot resume did last, for failure messages.
    notes: Mutex<BTreeMap<String, VecDeque<String>>>,
    /// Somebody has seen what must not be.
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

    /// The doors of a server, counted in a circle.
    pub fn doors(&self, at: usize) -> &Doors {
        &self.doors[at % self.doors.len()]
    }

    pub fn is_enough(&self) -> bool {
        self.is_enough.load(Ordering::SeqCst)
    }

    pub fn enough(&self) {
        self.is_enough.store(true, Ordering::SeqCst);
    }

    /// Somebody will get things done.
    pub fn enter(&self, who: &str) {
        let mut progress = self.progress.lock().unwrap();
        progress.entry(who.to_owned()).or_default();
    }

    /// Somebody has got something done.
    pub fn done(&self, who: &str) {
        *self.progress.lock().unwrap().get_mut(who).unwrap() += 1;
    }

    /// Remembers what somebody did.
    pub fn note(&self, who: &str, what: &str) {
        let mut notes = self.notes.lock().unwrap();
        let notes = notes.entry(who.to_owned()).or_default();
        let at = self.started.elapsed().as_secs_f32();
        notes.push_back(format!("{at:.2} {what}"));
        if notes.len() > NOTES {
            notes.pop_front();
        }
    }

    /// Somebody has said all.
    pub fn finish(&self, who: &str) {
        self.finished.lock().unwrap().insert(who.to_owned());
    }

    /// How many have said all.
    pub fn finished(&self) -> usize {
        self.finished.lock().unwrap().len()
    }

    /// Whoever waits for ever says so instead.
    pub fn check_time(&self, report: impl FnOnce() -> String) {
        let in_time = self.started.elapsed() < PATIENCE;
        assert!(in_time, "it takes too long: {}", report());
    }

    /// Waits until those for whom it is meant have got some more done.
    pub fn flow(&self, when: &str, whose: impl Fn(&str) -> bool) {
        let before = self.progress.lock().unwrap().clone();
        let mut missing: Vec<String> = Vec::new();
        let begun = Instant::now();
        let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            wait_until(&format!("messages flow {when}"), || {
                assert!(!self.is_broken.load(Ordering::SeqCst), "somebody gave up");
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

/// Has somebody live on a thread. If that one fails, nobody waits for it.
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

/// A connection to somebody else. (What connects to a port that nobody
/// listens at may, by chance, reach itself.)
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
