//! Decides which hook is to be seen to: those in whose channels something was said, and those whose
//! receivers are to be tried again.

use std::collections::{HashMap, HashSet, VecDeque};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::task::Poll;
use std::thread::Builder;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded, select};
use parking_lot::Mutex;

use crate::model::time::unix_ms;
use crate::model::{Hook, Kind, Name};
use crate::turn::Input;
use crate::watch::{self, Watch};

use super::client::{Allowed, Client};
use super::entry::Entry;
use super::lanes::{Lane, Senders};
use super::sender::{Done, Job, Means};
use super::turns::{self, Keeper, Sharer, State};
use super::{Order, Parts, Tested};

/// How long a server has a hook before another one may take it. Clocks may differ by most of it.
const HELD: Duration = Duration::from_secs(90);
/// How often the hooks are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// How long to wait at least, so that a fault does not occupy a core.
const SHORTEST: Duration = Duration::from_millis(5);

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

/// A test that was asked for.
struct Test {
    hook: Box<Hook>,
    keeper: Keeper,
    since_ms: u64,
    is_held: bool,
}

struct Rounds {
    parts: Parts,
    allowed: Allowed,
    retry_ms: Arc<AtomicU64>,
    orders: (Sender<Order>, Receiver<Order>),
    done: (Sender<Done>, Receiver<Done>),
    /// Once there is something to send.
    senders: Option<Senders>,
    entries: HashMap<String, Entry>,
    /// No more than [`Tested`] lets in, and those that senders are just done with.
    tests: VecDeque<Test>,
    tested: Tested,
    /// How often a sender was given a hook.
    turns: u64,
    watch: Option<Watch>,
    lost: u64,
    /// Until when the hooks are this server's.
    held_until: Instant,
    next_look: Instant,
    is_failing: bool,
}

/// Starts the thread.
pub fn start(
    parts: Parts,
    allowed: Allowed,
    retry_ms: Arc<AtomicU64>,
    (orders, tested): ((Sender<Order>, Receiver<Order>), Tested),
) -> io::Result<Running> {
    let (end, ended) = bounded(1);
    let now = Instant::now();
    let rounds = Rounds {
        parts,
        allowed,
        retry_ms,
        orders,
        done: bounded(Lane::most_jobs()),
        senders: None,
        entries: HashMap::new(),
        tests: VecDeque::new(),
        tested,
        turns: 0,
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
                    Ok(Order::Test(hook)) => self.tests.push_back(Test::of(hook)),
                    Ok(Order::Stop) | Err(_) => break,
                },
                recv(done) -> done => if let Ok(done) = done { self.done(done) },
                default(wait) => {}
            }
        }
        self.senders = None;
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
                Some(entry) if entry.is_held() => entry,
                Some(entry) => entry.with(duty, now),
                None => Entry::new(duty, now),
            };
            self.entries.insert(id, entry);
        }
        // Those that were removed or paused, or are another server's now.
        let left = known.into_iter().filter(|(_, entry)| entry.is_held());
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

    /// Hands hooks and tests to senders that are free.
    fn dispatch(&mut self) {
        self.hand_tests();
        if self.parts.has_others && Instant::now() >= self.held_until {
            return;
        }
        for lane in [Lane::Usual, Lane::Slow] {
            let now = unix_ms();
            let sharers = self.entries.values().filter(|it| it.lane() == lane);
            let sharers = sharers.map(|it| it.sharer(now));
            let chosen = turns::choose(lane.senders(), sharers);
            let chosen: Vec<String> = chosen.into_iter().map(str::to_owned).collect();
            for id in chosen {
                self.hand(lane, &id, now);
            }
        }
    }

    /// Hands a hook to a sender.
    fn hand(&mut self, lane: Lane, id: &str, now: u64) {
        let until = match self.parts.has_others {
            true => self.held_until,
            false => Instant::now() + HELD,
        };
        self.turns += 1;
        let turn = self.turns;
        let Some(entry) = self.entries.get_mut(id) else {
            return;
        };
        entry.hold(turn);
        let duty = entry.duty.clone();
        let job = match duty.next_at > now {
            true => Job::Feed(duty),
            false => Job::Send(duty, until),
        };
        if !self.give(lane, job)
            && let Some(entry) = self.entries.get_mut(id)
        {
            entry.put_off();
        }
    }

    fn hand_tests(&mut self) {
        let sharers = self.tests.iter().map(Test::sharer);
        let chosen = turns::choose(Lane::Test.senders(), sharers);
        let chosen: HashSet<String> = chosen.into_iter().map(str::to_owned).collect();
        for id in chosen {
            let mut tests = self.tests.iter_mut();
            let Some(test) = tests.find(|it| it.hook.program.id == id && !it.is_held) else {
                continue;
            };
            test.is_held = true;
            let job = Job::Test(test.hook.clone());
            if !self.give(Lane::Test, job) {
                self.is_tested(&id);
                self.tested.remove(&id);
            }
        }
    }

    /// A sender is done with a test. Another one of the hook may wait already.
    fn is_tested(&mut self, id: &str) {
        self.tests
            .retain(|it| it.hook.program.id != id || !it.is_held);
    }

    /// Gives a sender a job. Returns whether one takes it.
    fn give(&mut self, lane: Lane, job: Job) -> bool {
        if self.senders.is_none() {
            self.senders = Senders::start(self.means(), &self.done.0);
        }
        let is_given = self
            .senders
            .as_ref()
            .is_some_and(|senders| senders.hand(lane, job));
        if !is_given {
            log::error!("there is no thread for outgoing hooks");
        }
        is_given
    }

    /// What senders work with.
    fn means(&self) -> Means {
        Means {
            accounts: self.parts.accounts.clone(),
            bots: self.parts.bots.clone(),
            metrics: self.parts.metrics.clone(),
            client: Client::new(self.allowed.clone(), &self.parts.agent),
            retry_ms: self.retry_ms.clone(),
            tested: self.tested.clone(),
            known: Mutex::default(),
        }
    }

    fn done(&mut self, mut done: Done) {
        let Some(duty) = done.duty.take() else {
            return self.is_tested(&done.id);
        };
        let id = done.id.clone();
        let has_others = self.parts.has_others;
        let is_over = match self.entries.get_mut(&id) {
            Some(entry) => entry.is_done(done, duty, has_others),
            None => return,
        };
        if is_over {
            self.entries.remove(&id);
        }
        self.count_waiting();
    }

    /// How long nothing is to be done. What is due already waits for a sender to be done, or for
    /// the hooks to be this server's again.
    fn wait(&self) -> Duration {
        let now = unix_ms();
        let due = self.entries.values().filter_map(Entry::due_ms);
        let due = due.filter(|due| *due > now).min();
        let due = due.map(|due| Duration::from_millis(due.saturating_sub(now)));
        let look = self.next_look.saturating_duration_since(Instant::now());
        due.map_or(look, |due| due.min(look)).max(SHORTEST)
    }
}

impl Test {
    fn of(hook: Box<Hook>) -> Test {
        Test {
            keeper: Keeper::of(&hook),
            hook,
            since_ms: unix_ms(),
            is_held: false,
        }
    }

    /// The test among those that share senders.
    fn sharer(&self) -> Sharer<'_> {
        Sharer {
            id: &self.hook.program.id,
            keeper: &self.keeper,
            state: match self.is_held {
                true => State::Held,
                false => State::Waits(self.since_ms),
            },
            served: 0,
        }
    }
}
