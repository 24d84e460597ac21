//! The hub thread: takes what is waiting, applies it, sends what came of it.
//!
//! Everything waiting is handled before anything is sent, so load makes
//! batches larger and each message cheaper. This thread never blocks on
//! anything but its own queue.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use crate::chatlog::{ChatLog, Entry, Kind};
use crate::hub::{
    Chore, Command, ConnectionId, Credential, Draft, Effect, Effects, Event, Farewell, Hub, News,
    Now, Profile, Refusal, Settled, Shared,
};
use crate::keeper::{Keeper, Kept};
use crate::metrics::Metrics;
use crate::name::Name;
use crate::net::link::Link;
use crate::net::outbox::{Outbox, Sums};
use crate::protocol::WireFormat;
use crate::store::AccountId;
use crate::watch::Watcher;

/// Inputs waiting for the hub at most; beyond, connection threads wait, and
/// through TCP their clients.
const QUEUE: usize = 4096;
/// Inputs of one turn at most.
const TURN: u64 = 1024;
/// Connections of a large channel served before new inputs are looked at.
const BULK_SLICE: usize = 64;
/// How long somebody's connection to another server may take to make way.
const REPLACING: Duration = Duration::from_secs(2);
/// How long a request waits for the hub before it is given up.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// Something for the hub thread.
pub enum Input {
    /// A new chat connection.
    Open {
        /// Its id, from the registry.
        id: ConnectionId,
        /// Its socket.
        link: Arc<Link>,
        /// How it wants its bytes.
        format: WireFormat,
        /// Where it is from.
        profile: Profile,
    },
    /// A command of a connection.
    Command(ConnectionId, Command),
    /// Bytes below a connection's protocol, such as a pong; they wait for
    /// nothing.
    Write(ConnectionId, Vec<u8>),
    /// A connection's thread is done; the id is free.
    Done(ConnectionId, Farewell),
    /// Run this on the hub.
    Request(Request),
    /// What came back from the store.
    Kept(Kept),
    /// What came from the log that several servers share.
    News(Vec<News>),
    /// Other settings.
    Configure(Box<Settings>),
    /// Somebody who wants to know what happens.
    Watch(Watcher),
    /// Say farewell to everyone, and to whoever still comes.
    Stop,
    /// End the thread.
    End,
}

/// A function that runs on the hub thread.
pub type Request = Box<dyn FnOnce(&mut Hub, Now, &mut Effects) + Send>;

/// What the hub thread needs to know; see [`crate::config::Limits`].
#[derive(Clone, Debug)]
pub struct Settings {
    /// For the hub.
    pub limits: crate::hub::Limits,
    /// First line a client sees.
    pub greeting: String,
    /// Unsent bytes at which a connection is a slow reader.
    pub backlog_bytes: usize,
    /// Seconds between pings; 0 is none.
    pub ping_seconds: u64,
}

/// The hub thread is gone or does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HubUnavailable;

impl std::fmt::Display for HubUnavailable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the server is too busy or shutting down")
    }
}

impl std::error::Error for HubUnavailable {}

/// Who gives out nicknames where several servers have them in common.
pub trait Names: Send + Sync {
    /// Gets a nickname for somebody who comes here: a guest, or the owner of
    /// an account. Waits for the answer, for a bounded time.
    fn claim(&self, name: &Name, account: Option<AccountId>) -> Result<(), Refusal>;
}

/// Reaches the hub thread; clones reach the same one.
#[derive(Clone)]
pub struct HubHandle {
    inputs: Sender<Input>,
    names: Arc<OnceLock<Arc<dyn Names>>>,
}

impl HubHandle {
    /// A handle, and where its inputs arrive.
    pub fn new() -> (HubHandle, Receiver<Input>) {
        let (inputs, receiver) = bounded(QUEUE);
        let names = Arc::default();
        (HubHandle { inputs, names }, receiver)
    }

    /// From now on nicknames have to be claimed there first.
    pub fn share_names(&self, names: Arc<dyn Names>) {
        // Whoever was first stays.
        let _ = self.names.set(names);
    }

    /// Gets a nickname from whoever gives them out, before the hub is asked:
    /// unlike the hub, this waits. On a server that stands alone the hub does.
    pub fn reserve(&self, name: &Name, account: Option<AccountId>) -> Result<(), Refusal> {
        match self.names.get() {
            Some(names) => names.claim(name, account),
            None => Ok(()),
        }
    }

    /// As [`Hub::claim`], wherever the nickname is to be had.
    pub fn claim(
        &self,
        id: ConnectionId,
        name: Name,
        credential: Option<Credential>,
    ) -> Result<Result<(), Refusal>, HubUnavailable> {
        let account = credential.as_ref().map(|credential| credential.account);
        let reserved = self.reserve(&name, account);
        self.ask(move |hub, now, fx| match reserved {
            Ok(()) => hub.claim(id, name, credential, now, fx),
            Err(refusal) => {
                fx.tell(id, Event::Refused(refusal.clone()));
                Err(refusal)
            }
        })
    }

    /// As [`Hub::claim_with_token`], wherever the nickname is to be had and
    /// the token's earlier connection is.
    pub fn claim_with_token(
        &self,
        id: ConnectionId,
        name: Name,
        token: Arc<str>,
    ) -> Result<Result<(), Refusal>, HubUnavailable> {
        let mut reserved = self.reserve(&name, None);
        if reserved.is_err() && self.names.get().is_some() {
            let token = token.clone();
            self.ask(move |hub, _, fx| hub.replace_elsewhere(&token, fx))?;
            let deadline = Instant::now() + REPLACING;
            while reserved.is_err() && Instant::now() < deadline {
                std::thread::sleep(REPLACING / 20);
                reserved = self.reserve(&name, None);
            }
        }
        self.ask(move |hub, now, fx| match reserved {
            Ok(()) => hub.claim_with_token(id, name, &token, now, fx),
            Err(refusal) => {
                fx.tell(id, Event::Refused(refusal.clone()));
                Err(refusal)
            }
        })
    }

    /// Hands something to the hub thread, waiting while its queue is full.
    pub fn send(&self, input: Input) -> Result<(), HubUnavailable> {
        self.inputs.send(input).map_err(|_| HubUnavailable)
    }

    /// Runs `request` on the hub thread and returns what it returned.
    pub fn ask<T: Send + 'static>(
        &self,
        request: impl FnOnce(&mut Hub, Now, &mut Effects) -> T + Send + 'static,
    ) -> Result<T, HubUnavailable> {
        let (reply, answer) = bounded(1);
        let run = Box::new(move |hub: &mut Hub, now: Now, fx: &mut Effects| {
            // Nobody may be waiting any more.
            let _ = reply.send(request(hub, now, fx));
        });
        self.inputs
            .send_timeout(Input::Request(run), REQUEST_TIMEOUT)
            .map_err(|_| HubUnavailable)?;
        answer
            .recv_timeout(REQUEST_TIMEOUT)
            .map_err(|_| HubUnavailable)
    }

    /// Inputs waiting now.
    pub fn queue_length(&self) -> usize {
        self.inputs.len()
    }
}

/// Everything the hub thread works with.
pub struct Turn {
    parts: Parts,
    effects: Effects,
    /// This turn's entries for the chat log.
    entries: Vec<Entry>,
    /// This batch's messages to commit, news for the other servers, and chores.
    drafts: Vec<Draft>,
    shared: Vec<Shared>,
    chores: Vec<Chore>,
    watchers: Vec<Watcher>,
    last_sums: Sums,
    clock: Instant,
    /// When this turn began, in milliseconds since 1970 UTC.
    began_ms: u64,
    last_ping: u64,
    last_load: u64,
    stopping: bool,
    ended: bool,
}

/// What a hub thread is made of.
pub struct Parts {
    /// The state machine.
    pub hub: Hub,
    /// The connections' way out.
    pub outbox: Outbox,
    /// From [`HubHandle::new`].
    pub inputs: Receiver<Input>,
    /// The chat log, if there is one.
    pub chat_log: Option<ChatLog>,
    /// The way to the store; without one nothing can be kept.
    pub keeper: Option<Keeper>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Seconds between pings; 0 is none.
    pub ping_seconds: u64,
}

impl Turn {
    /// Brings the parts together.
    pub fn new(parts: Parts) -> Turn {
        Turn {
            parts,
            effects: Effects::default(),
            entries: Vec::new(),
            drafts: Vec::new(),
            shared: Vec::new(),
            chores: Vec::new(),
            watchers: Vec::new(),
            last_sums: Sums::default(),
            clock: Instant::now(),
            began_ms: 0,
            last_ping: 0,
            last_load: 0,
            stopping: false,
            ended: false,
        }
    }

    /// Starts the thread. It ends after [`Input::End`], or when nobody is
    /// left to send inputs; `failed` runs if a fault of ours ends it.
    pub fn start(self, failed: impl FnOnce() + Send + 'static) -> std::io::Result<JoinHandle<()>> {
        std::thread::Builder::new()
            .name("hub".to_owned())
            .spawn(move || {
                if catch_unwind(AssertUnwindSafe(|| self.run())).is_err() {
                    log::error!("the hub has failed; the chat is at its end");
                    failed();
                }
            })
    }

    fn run(mut self) {
        while !self.ended {
            let first = match self.wait() {
                Ok(first) => first,
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => break,
            };
            let now = self.now();
            self.began_ms = now.unix_ms;
            self.take_batch(first, now);
            self.keep(now);
            self.keep_time(now);
            self.flush(now);
            self.log();
        }
    }

    /// The next input; nothing if there is something to send or a deadline
    /// has come.
    fn wait(&mut self) -> Result<Option<Input>, RecvTimeoutError> {
        if !self.parts.outbox.is_flushed() {
            return Ok(self.parts.inputs.try_recv().ok());
        }
        let now = self.now().ticks_ms;
        let next_second = (now / 1000 + 1) * 1000;
        let deadline = match self.parts.hub.next_deadline() {
            Some(deadline) => deadline.min(next_second),
            None => next_second,
        };
        let timeout = Duration::from_millis(deadline.saturating_sub(now));
        self.parts.inputs.recv_timeout(timeout).map(Some)
    }

    fn take_batch(&mut self, first: Option<Input>, now: Now) {
        let mut next = first;
        let mut taken: u64 = 0;
        while let Some(input) = next {
            self.take(input, now);
            self.carry_out();
            taken += 1;
            if taken >= TURN || self.parts.outbox.is_full() {
                break;
            }
            next = self.parts.inputs.try_recv().ok();
        }
        if taken > 0 {
            self.parts.metrics.turns.inc();
            self.parts.metrics.inputs.inc_by(taken);
        }
    }

    fn take(&mut self, input: Input, now: Now) {
        let fx = &mut self.effects;
        match input {
            Input::Open {
                id,
                link,
                format,
                profile,
            } => {
                self.parts.outbox.open(id, link, format);
                self.parts.hub.open(id, profile, now, fx);
                if self.stopping {
                    self.parts.hub.close(id, Farewell::Shutdown, now, fx);
                }
            }
            Input::Command(id, command) => self.parts.hub.apply(id, command, now, fx),
            Input::Write(id, bytes) => self.parts.outbox.write(id, &bytes),
            Input::Done(id, farewell) => {
                self.parts.hub.close(id, farewell, now, fx);
                self.carry_out();
                self.parts.outbox.remove(id);
            }
            Input::Request(request) => request(&mut self.parts.hub, now, fx),
            Input::Kept(Kept::Settled(outcomes)) => {
                for outcome in outcomes {
                    let settled = Settled::by_id(outcome.id, outcome.result.is_ok());
                    self.parts.hub.settle(settled, now, fx);
                }
            }
            Input::Kept(Kept::Recalled(recall, messages)) => {
                self.parts.hub.recalled(&recall, messages, now, fx);
            }
            Input::Kept(Kept::Read(reading, history)) => {
                self.parts.hub.history_read(&reading, history, now, fx);
            }
            Input::News(news) => {
                for news in news {
                    self.parts.hub.hear(news, now, fx);
                }
            }
            Input::Configure(settings) => {
                self.parts.hub.set_limits(settings.limits);
                self.parts.ping_seconds = settings.ping_seconds;
                self.parts
                    .outbox
                    .configure(settings.greeting, settings.backlog_bytes);
            }
            Input::Watch(watcher) => self.watchers.push(watcher),
            Input::Stop => {
                self.stopping = true;
                self.parts.hub.shut_down(now, fx);
            }
            Input::End => self.ended = true,
        }
    }

    /// Does what the hub has decided.
    fn carry_out(&mut self) {
        let mut list = self.effects.take_list();
        for effect in list.drain(..) {
            match effect {
                Effect::Deliver { to, event } => {
                    self.parts
                        .outbox
                        .deliver(self.effects.recipients(to), &event);
                }
                Effect::Write { connection, bytes } => self.parts.outbox.write(connection, &bytes),
                Effect::Close {
                    connection,
                    farewell,
                } => self.parts.outbox.close(connection, &farewell),
                Effect::Log(entry) => {
                    if matches!(entry.kind, Kind::Message | Kind::Private) {
                        let took_ms = self.began_ms.saturating_sub(entry.at_ms);
                        let metrics = &self.parts.metrics;
                        metrics.messages.inc();
                        metrics.message_seconds.observe(took_ms as f64 / 1000.0);
                    }
                    self.entries.push(entry);
                }
                Effect::Append(draft) => self.drafts.push(draft),
                Effect::Share(shared) => self.shared.push(shared),
                Effect::Chore(chore) => self.chores.push(chore),
            }
        }
        self.effects.put_back(list);
    }

    fn keep_time(&mut self, now: Now) {
        if self
            .parts
            .hub
            .next_deadline()
            .is_some_and(|deadline| deadline <= now.ticks_ms)
        {
            self.parts.hub.tick(now, &mut self.effects);
            self.carry_out();
        }
        let second = now.ticks_ms / 1000;
        if second > self.last_load
            && let Some(keeper) = &self.parts.keeper
        {
            self.last_load = second;
            keeper.set_load(self.parts.hub.counts().connections as u64);
        }
        if self.parts.ping_seconds > 0 && second > self.last_ping {
            self.last_ping = second;
            let slice = (second % self.parts.ping_seconds) as usize;
            for id in self
                .parts
                .outbox
                .ping(slice, self.parts.ping_seconds as usize)
            {
                self.parts
                    .hub
                    .close(id, Farewell::Silent, now, &mut self.effects);
            }
            self.carry_out();
        }
    }

    fn flush(&mut self, now: Now) {
        self.parts.outbox.flush_urgent();
        let slice = match self.parts.outbox.is_full() {
            true => usize::MAX,
            false => BULK_SLICE,
        };
        self.parts.outbox.flush_bulk(slice);
        let slow = self.parts.outbox.take_slow_readers();
        for id in slow {
            self.parts
                .hub
                .close(id, Farewell::SlowReader, now, &mut self.effects);
            self.carry_out();
        }
        self.count();
    }

    /// Hands this batch's messages and chores to the keeper as one. What it
    /// has no room for fails at once.
    fn keep(&mut self, now: Now) {
        if self.drafts.is_empty() && self.shared.is_empty() && self.chores.is_empty() {
            return;
        }
        self.share();
        let drafts = std::mem::take(&mut self.drafts);
        let refused = match &self.parts.keeper {
            Some(keeper) if !drafts.is_empty() => keeper.append(drafts),
            Some(_) => Vec::new(),
            None => drafts.iter().map(|draft| draft.message.id).collect(),
        };
        for draft in refused {
            let settled = Settled::by_id(draft, false);
            self.parts.hub.settle(settled, now, &mut self.effects);
        }
        for chore in std::mem::take(&mut self.chores) {
            let left = match &self.parts.keeper {
                Some(keeper) => keeper.chore(chore),
                None => Some(chore),
            };
            match left {
                Some(Chore::Recall(recall)) => {
                    let nothing = Vec::new();
                    self.parts
                        .hub
                        .recalled(&recall, nothing, now, &mut self.effects);
                }
                Some(Chore::Read(reading)) => {
                    self.parts
                        .hub
                        .history_read(&reading, None, now, &mut self.effects);
                }
                Some(Chore::SetIgnored { .. }) => {
                    log::error!("whom an account ignores could not be stored: too much to do");
                }
                None => {}
            }
        }
        self.carry_out();
    }

    /// Lets the other servers know what this batch has changed.
    fn share(&mut self) {
        if let Some(keeper) = &self.parts.keeper
            && !self.shared.is_empty()
        {
            keeper.share(std::mem::take(&mut self.shared));
        }
    }

    /// Hands this turn's entries to whoever watches and to the chat log; none
    /// of them ever waits.
    fn log(&mut self) {
        if self.entries.is_empty() {
            return;
        }
        let entries = std::mem::take(&mut self.entries);
        self.watchers.retain(|watcher| watcher.tell(&entries));
        if let Some(chat_log) = &self.parts.chat_log {
            chat_log.record_batch(entries);
        }
    }

    fn count(&mut self) {
        let (sums, last) = (self.parts.outbox.sums(), self.last_sums);
        if sums != last {
            let metrics = &self.parts.metrics;
            metrics.deliveries.inc_by(sums.deliveries - last.deliveries);
            metrics.sends.inc_by(sums.sends - last.sends);
            metrics.bytes_sent.inc_by(sums.bytes - last.bytes);
            metrics
                .slow_readers
                .inc_by(sums.slow_readers - last.slow_readers);
            self.last_sums = sums;
        }
    }

    fn now(&self) -> Now {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH);
        Now {
            unix_ms: unix.map_or(0, |unix| unix.as_millis() as u64),
            ticks_ms: self.clock.elapsed().as_millis() as u64,
        }
    }
}
