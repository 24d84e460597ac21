//! Decides which hook is to be seen to: those in whose channels something was said, and those whose
//! receivers are to be tried again.

use std::collections::HashMap;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::task::Poll;
use std::thread::Builder;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded, select, unbounded};
use parking_lot::Mutex;

use crate::model::hook::Duty;
use crate::model::time::unix_ms;
use crate::model::{Kind, Name};
use crate::turn::Input;
use crate::watch::{self, Watch};

use super::client::{Allowed, Client};
use super::sender::{Done, Job, Means, Next};
use super::{Order, Parts};

/// Senders for hooks whose receivers answer, and as many for those that are slow or away.
const SENDERS: usize = 4;
/// How long a server has a hook before another one may take it. Clocks may differ by most of it.
const HELD: Duration = Duration::from_secs(90);
/// How often the hooks are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// How often a hook is seen to for what was said on other servers.
const POLL_MS: u64 = 2_000;
/// How long to wait at least, so that a fault does not occupy a core.
const SHORTEST: Duration = Duration::from_millis(5);
/// When a hook is tried again whose sender has panicked.
const AFTER_PANIC_MS: u64 = 60_000;

/// The running thread.
pub struct Running {
    ended: Receiver<()>,
}

impl Running {
    /// Waits for its end, for at most this time.
    pub fn wait(self, most: Duration) {
        // A call that takes longer is made again, by this server or another one.
        let _ = self.ended.recv_timeout(most);
    }
}

/// A hook that this server has.
struct Entry {
    duty: Box<Duty>,
    /// When it is to be seen to, in milliseconds since 1970 UTC.
    due_ms: Option<u64>,
    is_busy: bool,
    /// Something was said that it may not have seen yet.
    heard: bool,
    is_slow: bool,
}

struct Rounds {
    parts: Parts,
    allowed: Allowed,
    retry_ms: Arc<AtomicU64>,
    orders: (Sender<Order>, Receiver<Order>),
    done: (Sender<Done>, Receiver<Done>),
    /// The queues of the senders, once there is something to send.
    queues: Option<Queues>,
    entries: HashMap<String, Entry>,
    watch: Option<Watch>,
    lost: u64,
    /// Until when the hooks are this server's.
    held_until: Instant,
    next_look: Instant,
    is_failing: bool,
}

struct Queues {
    usual: Sender<Job>,
    slow: Sender<Job>,
}

/// Starts the thread.
pub fn start(
    parts: Parts,
    allowed: Allowed,
    retry_ms: Arc<AtomicU64>,
    orders: (Sender<Order>, Receiver<Order>),
) -> io::Result<Running> {
    let (end, ended) = bounded(1);
    let now = Instant::now();
    let rounds = Rounds {
        parts,
        allowed,
        retry_ms,
        orders,
        done: unbounded(),
        queues: None,
        entries: HashMap::new(),
        watch: None,
        lost: 0,
        held_until: now,
        next_look: now,
        is_failing: false,
    };
    Builder::new().name("hooks".to_owned()).spawn(move || {
        if catch_unwind(AssertUnwindSafe(|| rounds.run())).is_err() {
            log::error!("outgoing hooks have failed because of a bug in this server");
        }
        let _ = end.send(());
    })?;
    Ok(Running { ended })
}

impl Rounds {
    fn run(mut self) {
        loop {
            if Instant::now() >= self.next_look {
                self.look();
            }
            self.listen();
            self.dispatch();
            let wait = self.wait();
            let (orders, done) = (self.orders.1.clone(), self.done.1.clone());
            select! {
                recv(orders) -> order => match order {
                    Ok(Order::Look) => self.next_look = Instant::now(),
                    Ok(Order::Listen) => {}
                    Ok(Order::Test(hook)) => self.give(Job::Test(hook), true),
                    Ok(Order::Stop) | Err(_) => break,
                },
                recv(done) -> done => if let Ok(done) = done { self.done(done) },
                default(wait) => {}
            }
        }
        self.queues = None;
        if let Err(error) = self
            .parts
            .accounts
            .store()
            .release_hooks(&self.parts.holder)
        {
            error.log("outgoing hooks could not be left to other servers");
        }
    }

    /// Takes the hooks that are no other server's, and keeps those that it has.
    fn look(&mut self) {
        let begun = Instant::now();
        self.next_look = begun + LOOK_EVERY;
        let now = unix_ms();
        let until = now + HELD.as_millis() as u64;
        let store = self.parts.accounts.store();
        let claimed = store.claim_hooks(&self.parts.holder, (now, until), self.parts.has_others);
        let duties = match claimed {
            Ok(duties) => duties,
            Err(error) => {
                if !std::mem::replace(&mut self.is_failing, true) {
                    error.log("outgoing hooks cannot be looked up");
                }
                return;
            }
        };
        self.is_failing = false;
        // Well before another server may take them.
        self.held_until = begun + HELD / 2;
        let mut known = std::mem::take(&mut self.entries);
        for duty in duties {
            let id = duty.hook.program.id.clone();
            let entry = match known.remove(&id) {
                Some(entry) if entry.is_busy => entry,
                Some(entry) => entry.with(duty, now),
                None => Entry::new(duty, now),
            };
            self.entries.insert(id, entry);
        }
        // Those that were removed or paused, or are another server's now.
        let left = known.into_iter().filter(|(_, entry)| entry.is_busy);
        self.entries
            .extend(left.map(|(id, entry)| (id, entry.ending())));
        self.attend();
        self.report();
    }

    /// Reports how much waits, and for how long.
    fn report(&self) {
        self.count_waiting();
        let held = match self.parts.accounts.store().hooks_held(&self.parts.holder) {
            Ok(held) => held,
            Err(error) => return error.log("it cannot be said how outgoing hooks do"),
        };
        let age_ms = held.oldest.map_or(0, |id| unix_ms().saturating_sub(id.ms));
        let metrics = &self.parts.metrics;
        metrics.oldest_seconds.set(age_ms / 1000);
        metrics.paused.set(held.paused);
    }

    fn count_waiting(&self) {
        let waiting = self.entries.values().map(|entry| entry.duty.waiting);
        self.parts.metrics.waiting.set(waiting.sum());
    }

    /// Is told of what is said, for as long as there is a hook.
    fn attend(&mut self) {
        if self.entries.is_empty() {
            self.watch = None;
            return;
        }
        if self.watch.is_some() {
            return;
        }
        let orders = self.orders.0.clone();
        let (watch, watcher) = watch::channel_with_alert(move || {
            // If it is full, the watch is about to be looked at.
            let _ = orders.try_send(Order::Listen);
        });
        if self.parts.hub.send(Input::Watch(watcher)).is_ok() {
            self.watch = Some(watch);
            self.lost = 0;
            // What was said until now was seen by nobody.
            self.entries
                .values_mut()
                .for_each(|entry| entry.hear(unix_ms()));
        }
    }

    /// Takes note of what was said.
    fn listen(&mut self) {
        let Some(watch) = &self.watch else {
            return;
        };
        let now = unix_ms();
        while let Poll::Ready(Some(entry)) = watch.look() {
            if entry.kind != Kind::Message {
                continue;
            }
            let Some(channel) = entry.channel else {
                continue;
            };
            let Ok(channel) = Name::parse_channel(&channel) else {
                continue;
            };
            let here = self.entries.values_mut();
            let here = here.filter(|it| it.duty.hook.channel == channel);
            here.for_each(|entry| entry.hear(now));
        }
        let lost = watch.lost();
        if lost > self.lost {
            self.lost = lost;
            self.entries.values_mut().for_each(|entry| entry.hear(now));
        }
    }

    /// Hands the hooks that are due to senders.
    fn dispatch(&mut self) {
        let now = unix_ms();
        if self.parts.has_others && Instant::now() >= self.held_until {
            return;
        }
        let until = match self.parts.has_others {
            true => self.held_until,
            false => Instant::now() + HELD,
        };
        let mut jobs = Vec::new();
        for entry in self.entries.values_mut() {
            let is_due = entry.due_ms.is_some_and(|due| due <= now);
            if entry.is_busy || !is_due {
                continue;
            }
            entry.is_busy = true;
            entry.heard = false;
            entry.due_ms = None;
            let job = match entry.duty.next_at > now {
                true => Job::Feed(entry.duty.clone()),
                false => Job::Send(entry.duty.clone(), until),
            };
            jobs.push((job, entry.is_slow));
        }
        for (job, is_slow) in jobs {
            self.give(job, is_slow);
        }
    }

    fn give(&mut self, job: Job, is_slow: bool) {
        if self.queues.is_none() {
            self.queues = self.senders();
        }
        let Some(queues) = &self.queues else {
            log::error!("there is no thread for outgoing hooks");
            self.entries.values_mut().for_each(Entry::put_off);
            return;
        };
        let queue = if is_slow { &queues.slow } else { &queues.usual };
        // Each hook has one job at most, and orders are few: no queue is longer than that.
        let _ = queue.send(job);
    }

    /// Starts the senders.
    fn senders(&self) -> Option<Queues> {
        let means = Arc::new(Means {
            accounts: self.parts.accounts.clone(),
            bots: self.parts.bots.clone(),
            metrics: self.parts.metrics.clone(),
            client: Client::new(self.allowed.clone(), &self.parts.agent),
            retry_ms: self.retry_ms.clone(),
            known: Mutex::default(),
        });
        let (usual, first) = unbounded();
        let (slow, second) = unbounded();
        let mut started = 0;
        for (name, jobs) in [("hook", &first), ("hook-slow", &second)] {
            for number in 0..SENDERS {
                let (means, jobs, done) = (means.clone(), jobs.clone(), self.done.0.clone());
                let sender = Builder::new().name(format!("{name}-{number}"));
                let sender = sender.spawn(move || send(&means, &jobs, &done));
                started += usize::from(sender.is_ok());
            }
        }
        // With fewer it is slower; with none of a kind, its hooks would wait for ever.
        (started == 2 * SENDERS).then_some(Queues { usual, slow })
    }

    fn done(&mut self, done: Done) {
        let Some(entry) = self.entries.get_mut(&done.id) else {
            return;
        };
        let Some(duty) = done.duty else {
            return;
        };
        entry.is_busy = false;
        entry.is_slow = done.is_slow;
        entry.duty = duty;
        if entry.is_ending() || done.next == Next::Never {
            self.entries.remove(&done.id);
            self.count_waiting();
            return;
        }
        let now = unix_ms();
        entry.due_ms = match done.next {
            Next::Now => Some(now),
            Next::At(at) => Some(at),
            Next::Idle if entry.heard => Some(now),
            // What was said on other servers is not heard here.
            Next::Idle if self.parts.has_others => Some(now + POLL_MS),
            Next::Idle | Next::Never => None,
        };
        self.count_waiting();
    }

    /// How long nothing is to be done.
    fn wait(&self) -> Duration {
        let now = unix_ms();
        let due = self.entries.values().filter(|entry| !entry.is_busy);
        let due = due.filter_map(|entry| entry.due_ms).min();
        let due = due.map(|due| Duration::from_millis(due.saturating_sub(now)));
        let look = self.next_look.saturating_duration_since(Instant::now());
        due.map_or(look, |due| due.min(look)).max(SHORTEST)
    }
}

impl Entry {
    fn new(duty: Duty, now: u64) -> Entry {
        Entry {
            due_ms: Some(duty.next_at.max(now)),
            duty: Box::new(duty),
            is_busy: false,
            heard: true,
            is_slow: false,
        }
    }

    /// The same with what the store knows now. What was said while its receiver was away goes into
    /// the queue, so that its keepers see how much waits.
    fn with(mut self, duty: Duty, now: u64) -> Entry {
        let is_to_go_on = duty.next_at < self.duty.next_at;
        self.duty = Box::new(duty);
        if self.heard || is_to_go_on {
            self.due_ms = Some(now);
        } else if self.duty.waiting > 0 {
            let due = self.duty.next_at.max(now);
            self.due_ms = Some(self.due_ms.map_or(due, |own| own.min(due)));
        }
        self
    }

    /// Something was said in its channel.
    fn hear(&mut self, now: u64) {
        self.heard = true;
        // While its receiver is away, it waits for the next look.
        if !self.is_busy && self.duty.next_at <= now {
            self.due_ms = Some(now);
        }
    }

    /// The same, to be forgotten when its sender is done.
    fn ending(mut self) -> Entry {
        self.due_ms = Some(u64::MAX);
        self
    }

    fn is_ending(&self) -> bool {
        self.due_ms == Some(u64::MAX)
    }

    /// No sender has taken it.
    fn put_off(&mut self) {
        if self.is_busy {
            self.is_busy = false;
            self.due_ms = Some(unix_ms() + AFTER_PANIC_MS);
        }
    }
}

fn send(means: &Means, jobs: &Receiver<Job>, done: &Sender<Done>) {
    while let Ok(job) = jobs.recv() {
        let (id, duty) = match &job {
            Job::Send(duty, _) | Job::Feed(duty) => {
                (duty.hook.program.id.clone(), Some(duty.clone()))
            }
            Job::Test(hook) => (hook.program.id.clone(), None),
        };
        let came = catch_unwind(AssertUnwindSafe(|| means.work(job)));
        let came = came.unwrap_or_else(|_| {
            log::error!("the hook {id} could not be seen to because of a bug in this server");
            Done {
                id,
                duty,
                next: Next::At(unix_ms() + AFTER_PANIC_MS),
                is_slow: true,
            }
        });
        if done.send(came).is_err() {
            return;
        }
    }
}
