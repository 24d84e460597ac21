//! The hub thread: takes the waiting inputs, applies them to the hub, and sends
//! the results.
//!
//! A turn takes all waiting inputs, up to a limit, before it sends anything: under
//! load, batches grow and each message becomes cheaper. The thread waits for its
//! own queue and for nothing else.

mod administering;
mod attending;
mod deadline;
mod handle;
mod load;
mod outgoing;
mod whole;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;
use std::vec;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};

use crate::chatlog::ChatLog;
use crate::hub::{
    Chore, ConnectionId, Effect, Effects, Farewell, Hub, News, Now, Refusal, Settled,
};
use crate::keeper::{Keeper, Kept, Outcome};
use crate::metrics::Metrics;
use crate::model::time::unix_ms;
use crate::model::{Entry, Kind};
use crate::outbox::{Outbox, Sums};
use crate::watch::Watcher;

use administering::Administering;
pub use administering::Wish;
use attending::Attending;
use deadline::longest_wait;
pub use handle::{
    Claimant, Claimed, HubHandle, HubUnavailable, Input, Names, NotGoverned, Request, Settings,
};
use load::Load;
use outgoing::{Outgoing, hand_over};
pub use whole::{UserInfo, Wanted};

/// The most inputs of one turn.
const TURN: u64 = 1024;
/// Connections with a small delivery waiting at which a turn stops taking inputs
/// and sends. The threads that read and the hub share the processors: the fewer
/// times the hub has to wait for a processor before it sends, the sooner the last
/// connection is served.
const URGENT: usize = 512;
/// Pieces of the hub's deferred work in one turn: well below a millisecond's work.
const WORK: usize = 8;
/// The most news or outcomes taken at once from an input that carries many.
const TOGETHER: usize = 64;
/// WebSockets pinged in one turn.
const PINGS: usize = 128;

/// Everything the hub thread works with.
pub struct Turn {
    parts: Parts,
    effects: Effects,
    /// This turn's entries for the chat log.
    entries: Vec<Entry>,
    /// This turn's drafts to commit and messages to the other servers, in the hub's order, and
    /// chores.
    outgoing: Vec<Outgoing>,
    chores: Vec<Chore>,
    /// Those who are told when these and all earlier chores are done.
    waiting: Vec<Sender<()>>,
    /// The rest of an input that carries too much to be taken at once.
    news: vec::IntoIter<News>,
    outcomes: vec::IntoIter<Outcome>,
    watchers: Vec<Watcher>,
    attending: Attending,
    administering: Administering,
    last_sums: Sums,
    load: Load,
    clock: Instant,
    /// When this turn began, in milliseconds since 1970 UTC.
    began_ms: u64,
    last_ping: u64,
    /// The seat to go on pinging from, if a round is not finished.
    next_ping: Option<usize>,
    last_load: u64,
    /// The second in which watches were last looked at for tokens that have expired.
    last_expiry: u64,
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
    /// The way to the store; without one, nothing can be stored.
    pub keeper: Option<Keeper>,
    /// The server's counters.
    pub metrics: Arc<Metrics>,
    /// Seconds between pings; 0 is none.
    pub ping_seconds: u64,
}

impl Turn {
    /// A hub thread, not started yet.
    pub fn new(parts: Parts) -> Turn {
        Turn {
            parts,
            effects: Effects::default(),
            entries: Vec::new(),
            outgoing: Vec::new(),
            chores: Vec::new(),
            waiting: Vec::new(),
            news: Vec::new().into_iter(),
            outcomes: Vec::new().into_iter(),
            watchers: Vec::new(),
            attending: Attending::default(),
            administering: Administering::default(),
            last_sums: Sums::default(),
            load: Load::default(),
            clock: Instant::now(),
            began_ms: 0,
            last_ping: 0,
            next_ping: None,
            last_load: 0,
            last_expiry: 0,
            stopping: false,
            ended: false,
        }
    }

    /// Starts the thread. It ends after [`Input::End`], or when the last
    /// [`HubHandle`] is dropped; `failed` runs if the thread panics.
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
            self.parts.outbox.begin(now);
            self.take_batch(first, now);
            self.work(now);
            self.keep(now);
            self.keep_time(now);
            self.flush(now);
            self.log();
        }
    }

    /// Waits for the next input: `None` if there is something else to send or to
    /// do, or a deadline has passed.
    fn wait(&mut self) -> Result<Option<Input>, RecvTimeoutError> {
        let outbox = &self.parts.outbox;
        let echoes_due = outbox.echoes_due();
        let has_more = echoes_due.is_none() && !outbox.is_flushed();
        if self.has_rest() {
            return Ok(None);
        }
        // What has come of refusals and endings after the keeper was given the rest.
        let has_left = self.has_outgoing();
        let has_work = self.parts.hub.has_work() || self.next_ping.is_some();
        if has_more || has_left || has_work {
            return Ok(self.parts.inputs.try_recv().ok());
        }
        let now = self.now().ticks_ms;
        let wait = longest_wait(now, self.parts.hub.next_deadline(), echoes_due);
        self.parts.inputs.recv_timeout(wait).map(Some)
    }

    fn take_batch(&mut self, first: Option<Input>, now: Now) {
        let mut next = first;
        let mut taken: u64 = 0;
        loop {
            taken += match next.take() {
                // The rest of an input comes before all waiting inputs.
                rest if self.has_rest() => {
                    next = rest;
                    self.take_rest(now)
                }
                Some(input) => {
                    self.take(input, now);
                    1
                }
                None => break,
            };
            self.carry_out();
            let outbox = &self.parts.outbox;
            let is_enough = taken >= TURN || outbox.urgent() >= URGENT || outbox.is_full();
            if is_enough && next.is_none() {
                break;
            }
            if next.is_none() && !self.has_rest() {
                next = self.parts.inputs.try_recv().ok();
            }
        }
        self.load.add(now.ticks_ms, taken);
        if taken > 0 {
            self.parts.metrics.turns.inc();
            self.parts.metrics.inputs.inc_by(taken);
        }
    }

    /// Does some of the hub's deferred work, which costs more than anything else:
    /// connections that did not ask for it do not wait for it.
    fn work(&mut self, now: Now) {
        for _ in 0..WORK {
            if !self.parts.hub.has_work() || self.parts.outbox.is_full() {
                break;
            }
            self.parts.hub.work(now, &mut self.effects);
            self.carry_out();
        }
    }

    fn take(&mut self, input: Input, now: Now) {
        let fx = &mut self.effects;
        match input {
            Input::Open {
                id,
                link,
                speech,
                profile,
            } => {
                self.parts.outbox.open(id, link, speech);
                self.parts.hub.open(id, profile, now, fx);
                if self.stopping {
                    self.parts.hub.close(id, Farewell::Shutdown, now, fx);
                }
            }
            Input::Command(id, command) => self.parts.hub.apply(id, command, now, fx),
            Input::Write(id, bytes) => self.parts.outbox.write_raw(id, &bytes),
            Input::Adapt(id, caps) => self.parts.outbox.adapt(id, caps),
            Input::Follow(id, follower) => self.parts.outbox.follow(id, follower),
            Input::CatchUp(id, channel) => {
                let after = self.parts.outbox.place(id, &channel);
                let hub = &mut self.parts.hub;
                hub.catch_up(id, channel, after.unwrap_or_default(), now, fx);
            }
            Input::CaughtUp(id, channel) => self.parts.outbox.caught_up(id, &channel),
            Input::Done(id, farewell) => {
                self.parts.hub.close(id, farewell, now, fx);
                self.carry_out();
                self.parts.outbox.remove(id);
                self.attending.remove(id);
            }
            Input::Request(request) => request(&mut self.parts.hub, now, fx),
            Input::Kept(Kept::Settled(outcomes)) => self.outcomes = outcomes.into_iter(),
            Input::Kept(Kept::Recalled(recall, Some(messages))) => {
                self.parts.hub.recalled(&recall, messages, now, fx);
            }
            Input::Kept(Kept::Recalled(recall, None)) => {
                self.parts.hub.not_recalled(&recall, now, fx);
            }
            Input::Kept(Kept::Read(reading, history)) => {
                self.parts.hub.history_read(&reading, history, now, fx);
            }
            Input::Kept(Kept::Found(finding, found)) => {
                let found = found.ok_or(Refusal::HistoryUnavailable);
                self.parts.hub.found(finding, found, now, fx);
            }
            Input::Stored(told) => self.waiting.push(told),
            Input::News(news) => self.news = news.into_iter(),
            Input::Configure(settings) => {
                self.parts.hub.set_limits(settings.limits);
                self.parts.ping_seconds = settings.ping_seconds;
                self.parts
                    .outbox
                    .configure(settings.greeting, settings.backlog_bytes);
            }
            Input::Watch(watcher) => self.watchers.push(watcher),
            Input::Tell(entry) => self
                .watchers
                .retain(|watcher| watcher.tell(&[*entry.clone()])),
            Input::Attend(id, told) => self.attending.add(id, told),
            Input::Govern(wish) => {
                let hub = &mut self.parts.hub;
                self.administering.begin(*wish, hub, now, fx);
            }
            Input::Stop => {
                self.stopping = true;
                self.parts.hub.shut_down(now, fx);
            }
            Input::End => self.ended = true,
        }
    }

    /// Whether there is something for the keeper.
    fn has_outgoing(&self) -> bool {
        !(self.outgoing.is_empty() && self.chores.is_empty() && self.waiting.is_empty())
    }

    fn has_rest(&self) -> bool {
        self.news.len() + self.outcomes.len() > 0
    }

    /// Takes more of an input that carries many news or outcomes. Returns how many.
    fn take_rest(&mut self, now: Now) -> u64 {
        let fx = &mut self.effects;
        let mut taken = 0;
        for outcome in self.outcomes.by_ref().take(TOGETHER) {
            let settled = Settled::by_id(outcome.id, outcome.result.is_ok());
            self.parts.hub.settle(settled, now, fx);
            taken += 1;
        }
        for news in self.news.by_ref().take(TOGETHER) {
            self.parts.hub.hear(news, now, fx);
            taken += 1;
        }
        taken
    }

    /// Carries out the hub's effects.
    fn carry_out(&mut self) {
        let mut list = self.effects.take_list();
        for effect in list.drain(..) {
            match effect {
                Effect::Deliver {
                    to,
                    event,
                    circumstances,
                } => {
                    let to = self.effects.recipients(to);
                    self.attending.tell(to, &event);
                    self.parts.outbox.deliver(to, &circumstances, &event);
                }
                Effect::Write {
                    connection,
                    bytes,
                    mark,
                } => (self.parts.outbox).write(connection, &bytes, mark.as_ref()),
                Effect::Close {
                    connection,
                    farewell,
                } => {
                    self.attending.remove(connection);
                    self.parts.outbox.close(connection, &farewell);
                }
                Effect::Call { owner, nickname } => {
                    let nicknames = self.parts.outbox.nicknames();
                    nicknames.set(&owner, nickname.as_ref());
                }
                Effect::Log(entry) => {
                    if matches!(entry.kind, Kind::Message | Kind::Private) {
                        let took_ms = self.began_ms.saturating_sub(entry.at_ms);
                        let metrics = &self.parts.metrics;
                        metrics.messages.inc();
                        metrics.message_seconds.observe(took_ms as f64 / 1000.0);
                    }
                    self.entries.push(entry);
                }
                Effect::Append(draft) => self.outgoing.push(Outgoing::Draft(draft)),
                Effect::Share(shared) => self.outgoing.push(Outgoing::Share(shared)),
                Effect::Chore(chore) => self.chores.push(chore),
                Effect::Revoked(Some(token)) => {
                    end_watches(&mut self.watchers, |it| it.has_token(Some(&token)));
                }
                // They end as with the chat: their readers may begin again.
                Effect::Revoked(None) => self.watchers.retain(|it| !it.has_token(None)),
                Effect::Done { ticket, outcome } => self.administering.done(ticket, outcome),
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
        if second > self.last_expiry {
            self.last_expiry = second;
            end_watches(&mut self.watchers, |it| it.has_expired(now.unix_ms));
        }
        let round = self.parts.ping_seconds;
        if round > 0 && second > self.last_ping {
            self.last_ping = second;
            self.next_ping = Some((second % round) as usize);
        }
        if let Some(from) = self.next_ping.take().filter(|_| round > 0) {
            let (silent, next) = self.parts.outbox.ping(from, round as usize, PINGS);
            self.next_ping = next;
            self.end_all(&silent, &Farewell::Silent, now);
        }
    }

    fn end_all(&mut self, ids: &[ConnectionId], farewell: &Farewell, now: Now) {
        let fx = &mut self.effects;
        self.parts.hub.end_all(ids, farewell, now, fx);
        self.carry_out();
    }

    fn flush(&mut self, now: Now) {
        let Parts { outbox, inputs, .. } = &mut self.parts;
        outbox.flush(self.load.is_high(), inputs);
        let over = self.parts.outbox.take_ended_streams();
        let removed = Farewell::Removed {
            by: None,
            reason: None,
        };
        self.end_all(&over, &removed, now);
        let slow = self.parts.outbox.take_slow_readers();
        self.end_all(&slow, &Farewell::SlowReader, now);
        self.count();
    }

    /// Hands what this turn has for the log, for the other servers and for the store to the
    /// keeper. Drafts and chores that it has no room for fail at once.
    fn keep(&mut self, now: Now) {
        if !self.has_outgoing() {
            return;
        }
        let outgoing = std::mem::take(&mut self.outgoing);
        for draft in hand_over(outgoing, self.parts.keeper.as_ref()) {
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
                    self.parts.hub.not_recalled(&recall, now, &mut self.effects);
                }
                Some(Chore::Read(reading)) => {
                    self.parts
                        .hub
                        .history_read(&reading, None, now, &mut self.effects);
                }
                Some(Chore::Find(finding)) => {
                    let busy = Err(Refusal::HistoryUnavailable);
                    let fx = &mut self.effects;
                    self.parts.hub.found(finding, busy, now, fx);
                }
                Some(Chore::SetIgnored { .. }) => {
                    log::error!(
                        "a change to an account's ignored users was not stored: too much to do"
                    );
                }
                Some(Chore::Keep(_)) => {
                    log::error!("a change to an account's channels was not stored: too much to do");
                }
                None => {}
            }
        }
        for told in std::mem::take(&mut self.waiting) {
            if let Some(keeper) = &self.parts.keeper {
                keeper.tell_stored(told);
            }
        }
        self.carry_out();
    }

    /// Hands this turn's entries to the watchers and to the chat log, without
    /// waiting for either.
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
        let withdrawn = self.parts.hub.take_withdrawn();
        if withdrawn > 0 {
            self.parts.metrics.history_withdrawn.inc_by(withdrawn);
        }
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
        Now {
            unix_ms: unix_ms(),
            ticks_ms: self.clock.elapsed().as_millis() as u64,
        }
    }
}

/// Ends the watches of readers whose tokens are over.
fn end_watches(watchers: &mut Vec<Watcher>, is_over: impl Fn(&Watcher) -> bool) {
    let over = watchers.extract_if(.., |watcher| is_over(watcher));
    over.for_each(Watcher::end_with_token);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::{Command, Limits};
    use crate::model::{Name, Text, Window};
    use crate::net::flusher::Flusher;
    use crate::protocol::Encoder;
    use crate::protocol::speech::TELNET;

    #[test]
    fn what_a_refusal_sets_going_does_not_wait_for_another_input() {
        let (_handle, inputs) = HubHandle::new();
        let flusher = Flusher::start().unwrap();
        let encoder = Encoder::new(String::new());
        let mut turn = Turn::new(Parts {
            hub: Hub::new(Limits {
                history: true,
                ..Limits::none()
            }),
            outbox: Outbox::new(encoder, 0, flusher, Arc::default()),
            inputs,
            chat_log: None,
            // So nothing can be kept.
            keeper: None,
            metrics: Metrics::new(),
            ping_seconds: 0,
        });
        let (now, fx) = (turn.now(), &mut turn.effects);
        let id = ConnectionId {
            index: 0,
            generation: 0,
        };
        let hub = &mut turn.parts.hub;
        let peer = "192.0.2.1:1".parse().unwrap();
        hub.open(id, TELNET.manners.profile(peer, None), now, fx);
        let [alice, dev] = ["alice", "dev"].map(|name| Name::parse(name).unwrap());
        hub.claim(id, alice, None, now, fx).unwrap();
        hub.enter(id, dev, None, now, fx).unwrap();
        turn.carry_out();
        turn.keep(now);
        let history = Command::History {
            channel: None,
            window: Window::Latest,
            limit: 1,
        };
        for command in [Command::Line(Text::clean("hi")), history] {
            turn.take(Input::Command(id, command), now);
        }
        turn.carry_out();
        turn.keep(now);
        turn.flush(now);
        assert_eq!(turn.chores.len(), 1, "it has waited for the message");
        assert!(matches!(turn.wait(), Ok(None)));
    }
}
