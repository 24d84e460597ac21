//! State that the threads of a node share: its present life, the health of its connections, and
//! when to stop.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use parking_lot::Mutex;

use crate::hub::{Ban, News, NodeId};
use crate::metrics::ClusterHealth;
use crate::model::time::unix_ms;

use super::about::About;
use super::clock::{Clock, Reading};
use super::entry::{CHANGE_VERSION, Unreadable};
use super::error::LinkError;
use super::interest::Interest;
use super::keys::EntryId;
use super::link::Link;
use super::memory::Memory;
use super::scripts::Scripts;
use super::settings::{ClusterSettings, Delivery, NodeInfo};
use super::topic::{Heading, Headings};

/// How often skipped entries are logged.
const REPORT_EVERY: Duration = Duration::from_secs(60);

/// A node lives until the others give it up; then it lives again under another id.
#[derive(Clone, Debug)]
pub struct Life {
    /// Counts lives.
    pub number: u64,
    /// Its id in this life.
    pub node: NodeId,
    /// Whether it is over.
    pub is_over: bool,
    /// Where to begin reading.
    pub start: Arc<Start>,
}

/// The entries after which a life begins to read.
#[derive(Clone, Debug, Default)]
pub struct Start {
    pub news: EntryId,
    /// By shard.
    pub logs: Vec<EntryId>,
}

/// A part of the node that can lose something it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    Appender,
    Reader,
    Beat,
    Storer,
    Store,
}

/// State shared by all threads.
pub struct Common {
    pub settings: ClusterSettings,
    pub scripts: Scripts,
    /// What this server follows; `None` if it hears of everything.
    pub interest: Option<Arc<Interest>>,
    deliver: Box<dyn Fn(Vec<News>) -> bool + Send + Sync>,
    life: Mutex<Life>,
    trouble: Mutex<BTreeMap<Part, (Instant, String)>>,
    /// How far the reader has come in this life.
    read: Mutex<Start>,
    health: Mutex<ClusterHealth>,
    nodes: Mutex<Vec<NodeInfo>>,
    clock: Mutex<Clock>,
    memory: Mutex<Memory>,
    way: Mutex<Way>,
    has_twin: AtomicBool,
    /// Whether all servers were known to carry out changes of channels at some time.
    all_can_govern: AtomicBool,
    pub connections: AtomicU64,
    /// Whether other servers should send no more clients here.
    pub is_draining: AtomicBool,
    /// Own messages in the log that the reader has not reached yet; below zero while the reader is
    /// ahead of the answer to the appender.
    pub unread: AtomicI64,
    /// Whether the hub has yet to be told the rules of channels in this life.
    pub owes_rules: AtomicBool,
    /// Whether this server is leaving the live ones.
    is_leaving: AtomicBool,
    started_ms: u64,
    /// Dropped when it is time to stop.
    alive: Mutex<Option<Sender<()>>>,
    end: Receiver<()>,
    /// When everything has to be over.
    deadline: Mutex<Option<Instant>>,
    skipped: Mutex<Skipped>,
    /// The bans in force here when this life began.
    own_bans: Mutex<Vec<Ban>>,
}

/// Whether beats arrive, and since when without interruption.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    Open(Instant),
    Lost(Instant),
}

/// Entries that could not be read.
#[derive(Default)]
struct Skipped {
    bad: u64,
    newer: u64,
    reported: Option<Instant>,
}

impl Common {
    pub fn new(
        settings: ClusterSettings,
        life: Life,
        deliver: impl Fn(Vec<News>) -> bool + Send + Sync + 'static,
        started_ms: u64,
    ) -> Common {
        let (alive, end) = bounded(0);
        Common {
            own_bans: Mutex::new(settings.bans.clone()),
            interest: (settings.delivery == Delivery::Interest).then(Arc::default),
            settings,
            scripts: Scripts::new(),
            deliver: Box::new(deliver),
            life: Mutex::new(life),
            trouble: Mutex::default(),
            read: Mutex::default(),
            health: Mutex::default(),
            nodes: Mutex::default(),
            clock: Mutex::default(),
            memory: Mutex::default(),
            way: Mutex::new(Way::Lost(Instant::now())),
            has_twin: AtomicBool::new(false),
            all_can_govern: AtomicBool::new(false),
            connections: AtomicU64::new(0),
            is_draining: AtomicBool::new(false),
            unread: AtomicI64::new(0),
            owes_rules: AtomicBool::new(false),
            is_leaving: AtomicBool::new(false),
            started_ms,
            alive: Mutex::new(Some(alive)),
            end,
            deadline: Mutex::new(None),
            skipped: Mutex::default(),
        }
    }

    /// A connection for one thread.
    pub fn link(&self) -> Link {
        Link::new(&self.settings.redis)
    }

    /// A key in Redis.
    pub fn key(&self, rest: &str) -> String {
        format!("{}:{rest}", self.settings.prefix)
    }

    /// Wakes the thread of a node that hears what is published.
    pub fn wake(&self, node: NodeId, link: &mut Link) -> Result<(), LinkError> {
        let mut command = redis::cmd("PUBLISH");
        command.arg(Headings::new(&self.settings, node).text(&Heading::Own));
        link.call(command.arg("")).map(drop)
    }

    /// What this node reports about itself.
    pub fn about(&self) -> String {
        About {
            address: self.settings.address.clone(),
            connections: self.connections.load(Ordering::Relaxed),
            started_ms: self.started_ms,
            draining: self.is_draining.load(Ordering::Relaxed),
            ready: self.trouble().is_none(),
            version: Some(self.settings.version.clone()),
            reads: CHANGE_VERSION,
        }
        .text()
    }

    /// Gives news to the hub. If the hub is gone, it is time to stop.
    pub fn deliver(&self, news: Vec<News>) {
        if !news.is_empty() && !(self.deliver)(news) {
            self.stop();
        }
    }

    /// The present life.
    pub fn life(&self) -> Life {
        self.life.lock().clone()
    }

    /// Ends a life, unless it is over already.
    pub fn cut_off(&self, number: u64, why: &str) {
        let mut life = self.life.lock();
        let is_news = life.number == number && !life.is_over;
        if is_news && !self.is_leaving.load(Ordering::Acquire) {
            life.is_over = true;
            log::error!(
                "this server has been cut off from the others: {why}; every client on it has to connect again"
            );
        }
    }

    /// The next life begins.
    pub fn begin(&self, node: NodeId, start: Start) {
        let mut life = self.life.lock();
        self.unread.store(0, Ordering::Release);
        *self.read.lock() = start.clone();
        // Redis has just answered; the first beat is on its way.
        *self.way.lock() = Way::Lost(Instant::now());
        *life = Life {
            number: life.number + 1,
            node,
            is_over: false,
            start: Arc::new(start),
        };
        match life.number {
            1 => log::info!(
                "this server is one of those that share {}",
                self.settings.redis
            ),
            _ => log::info!("this server is one of the others again"),
        }
    }

    /// From now on, no longer being one of the live servers is expected.
    pub fn leave(&self) {
        self.is_leaving.store(true, Ordering::Release);
    }

    /// Records an outage or its end. Logs it when that changes.
    pub fn report<E: ToString>(&self, part: Part, result: Result<(), E>) {
        let mut trouble = self.trouble.lock();
        match result {
            Ok(()) => {
                if trouble.remove(&part).is_some() {
                    if !trouble.keys().any(|other| other.whom() == part.whom()) {
                        let mut health = self.health.lock();
                        match part {
                            Part::Store => health.postgres.reconnects += 1,
                            _ => health.redis.reconnects += 1,
                        }
                    }
                    log::info!("{} answers the {} again", part.whom(), part.name());
                }
            }
            Err(error) => {
                let error = error.to_string();
                if !trouble.contains_key(&part) {
                    let (whom, name) = (part.whom(), part.name());
                    log::error!("{whom} does not serve the {name}: {error}");
                }
                let since = trouble.get(&part).map_or_else(Instant::now, |was| was.0);
                trouble.insert(part, (since, error));
            }
        }
    }

    /// What is wrong, if anything.
    pub fn trouble(&self) -> Option<String> {
        if self.life.lock().is_over {
            return Some(
                "the other servers have given this one up; it is joining them again".to_owned(),
            );
        }
        if let Some(full) = self.memory.lock().trouble() {
            return Some(full);
        }
        if let Some((part, (_, why))) = self.trouble.lock().first_key_value() {
            return Some(format!("{} is away: {why}", part.whom()));
        }
        let eviction = self.memory.lock().eviction();
        eviction.or_else(|| self.clock.lock().trouble())
    }

    /// A beat has arrived.
    pub fn has_beaten(&self) {
        let mut way = self.way.lock();
        if let Way::Lost(_) = *way {
            *way = Way::Open(Instant::now());
        }
    }

    /// A beat has failed.
    pub fn has_not_beaten(&self) {
        let mut way = self.way.lock();
        if let Way::Open(_) = *way {
            *way = Way::Lost(Instant::now());
        }
    }

    /// Whether beats arrive.
    pub fn way(&self) -> Way {
        *self.way.lock()
    }

    /// Whether another live server has this one's address.
    pub fn set_twin(&self, has_twin: bool) {
        self.has_twin.store(has_twin, Ordering::Relaxed);
    }

    /// All servers carry out changes of channels: the hub is told once.
    pub fn all_can_govern(&self) {
        if !self.all_can_govern.swap(true, Ordering::AcqRel) {
            self.deliver(vec![News::AllCanGovern]);
        }
    }

    /// Whether a part has lost what it needs.
    pub fn is_in_trouble(&self, part: Part) -> bool {
        self.trouble.lock().contains_key(&part)
    }

    /// Records what Redis reports about its memory. Returns whether it is full.
    pub fn set_memory(&self, info: &str) -> bool {
        let mut memory = self.memory.lock();
        memory.observe(info);
        memory.is_full()
    }

    /// Redis has refused something for lack of memory.
    pub fn redis_is_full(&self) {
        self.memory.lock().refused();
    }

    /// Records a comparison of the clocks.
    pub fn compare_clocks(&self, reading: Reading) {
        let most = self.settings.clock_difference.as_millis();
        let most_ms = u64::try_from(most).unwrap_or(u64::MAX);
        self.clock.lock().compare(reading, most_ms);
    }

    /// The time by Redis's clock, as far as it is known.
    pub fn unix_ms(&self) -> u64 {
        let ahead_ms = self.clock.lock().ahead_ms();
        unix_ms().saturating_add_signed(ahead_ms.saturating_neg())
    }

    /// Whether any thread has found Redis away.
    pub fn is_redis_away(&self) -> bool {
        let trouble = self.trouble.lock();
        trouble.keys().any(|part| *part != Part::Store)
    }

    /// The state as of the last beats.
    pub fn health(&self) -> ClusterHealth {
        let mut health = *self.health.lock();
        let is_away = |whom| self.trouble.lock().keys().any(|part| part.whom() == whom);
        health.redis.is_up = !is_away(Part::Beat.whom());
        health.postgres.is_up = !is_away(Part::Store.whom());
        health.servers = self.nodes.lock().len() as u64;
        health.joined = self.life.lock().number;
        (health.redis_bytes, health.redis_max_bytes) = self.memory.lock().bytes();
        health.interest = self.interest.as_ref().map(|it| it.health());
        health.has_twin = self.has_twin.load(Ordering::Relaxed);
        health.clock_seconds = self.clock.lock().ahead_ms() as f64 / 1000.0;
        health
    }

    /// How many own drafts are committed that this node has not heard of.
    pub fn unheard(&self) -> usize {
        let unheard = self.interest.as_ref().map_or(0, |it| it.unheard());
        let unread = self.unread.load(Ordering::Acquire).max(0);
        unheard.saturating_add(usize::try_from(unread).unwrap_or(usize::MAX))
    }

    /// Sets how far this node and the store are behind.
    pub fn set_behind(&self, behind: Duration, unstored: u64, since: Duration) {
        let mut health = self.health.lock();
        health.behind_seconds = behind.as_secs_f64();
        health.unstored = unstored;
        health.unstored_seconds = since.as_secs_f64();
    }

    /// How far this node has read.
    pub fn read(&self) -> Start {
        self.read.lock().clone()
    }

    /// The reader has come this far.
    pub fn set_read(&self, life: u64, news: EntryId, logs: &[EntryId]) {
        // A life that begins meanwhile has set its own position.
        let now = self.life.lock();
        if now.number == life {
            let mut read = self.read.lock();
            read.news = news;
            read.logs.clear();
            read.logs.extend_from_slice(logs);
        }
    }

    /// Whether Redis has been away for that long.
    pub fn is_away(&self, since: Duration) -> bool {
        let trouble = self.trouble.lock();
        let parts = [Part::Appender, Part::Beat];
        let mut times = parts.iter().filter_map(|part| trouble.get(part));
        times.any(|(when, _)| when.elapsed() > since)
    }

    /// The live servers as of the last beat. Whether this one is ready is taken from here, which is
    /// newer.
    pub fn nodes(&self) -> Vec<NodeInfo> {
        let mut nodes = self.nodes.lock().clone();
        let (own, is_hindered) = (self.life().node, self.trouble().is_some());
        for node in nodes.iter_mut().filter(|node| node.id == own) {
            node.is_ready = !is_hindered;
        }
        nodes
    }

    pub fn set_nodes(&self, nodes: Vec<NodeInfo>) {
        *self.nodes.lock() = nodes;
    }

    /// Counts an entry that could not be read.
    pub fn skipped(&self, why: Unreadable) {
        let mut skipped = self.skipped.lock();
        match why {
            Unreadable::Bad => skipped.bad += 1,
            Unreadable::Newer => skipped.newer += 1,
        }
        if skipped
            .reported
            .is_none_or(|at| at.elapsed() > REPORT_EVERY)
        {
            skipped.reported = Some(Instant::now());
            log::warn!(
                "entries of the common log passed over so far: {} that make no sense, \
                 {} that were written by newer servers",
                skipped.bad,
                skipped.newer
            );
        }
    }

    /// How many entries were skipped.
    pub fn skipped_count(&self) -> u64 {
        let skipped = self.skipped.lock();
        skipped.bad + skipped.newer
    }

    /// The bans to start with, in a Redis that has never had any.
    pub fn own_bans(&self) -> Vec<Ban> {
        self.own_bans.lock().clone()
    }

    /// Sets the bans that were in force when a life ended.
    pub fn set_own_bans(&self, bans: Vec<Ban>) {
        *self.own_bans.lock() = bans;
    }

    /// It is time to stop.
    pub fn stop(&self) {
        self.alive.lock().take();
    }

    /// Whether it is time to stop.
    pub fn is_stopping(&self) -> bool {
        self.alive.lock().is_none()
    }

    /// Waits, at most until it is time to stop; true then.
    pub fn pause(&self, time: Duration) -> bool {
        matches!(
            self.end.recv_timeout(time),
            Err(RecvTimeoutError::Disconnected)
        )
    }

    pub fn set_deadline(&self, deadline: Instant) {
        *self.deadline.lock() = Some(deadline);
    }

    /// Whether the deadline has passed.
    pub fn is_overdue(&self) -> bool {
        self.deadline
            .lock()
            .is_some_and(|deadline| Instant::now() >= deadline)
    }
}

impl Part {
    fn whom(self) -> &'static str {
        match self {
            Part::Store => "PostgreSQL",
            _ => "Redis",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Part::Appender => "appender",
            Part::Reader => "reader",
            Part::Beat => "heartbeat",
            Part::Storer | Part::Store => "writer to the store",
        }
    }
}
