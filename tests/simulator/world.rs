//! The world around the hub: connections, clock, store and network, one random
//! step after the other.

pub mod administration;
mod asking;
pub mod connections;
mod keeping;
mod logging_in;

use std::time::Duration;

use chat_server::hub::{Chore, Effects, Hub, Limits, MessageId, Now};
use chat_server::store::Window;

use super::bug::{Bug, Saboteur};
use super::client::Client;
use super::effect::{self, Out};
use super::invariant::{Check, Invariant, ensure};
use super::judge::TagNumber;
use super::model::{Model, Slot};
use super::names::{Nick, Room, room};
use super::plan::{Act, Plan};
use super::random::Random;
use super::store::Store;
use super::trace::Trace;

/// 14 November 2023; the date does not matter.
const START_MS: u64 = 1_700_000_000_000;

/// The hub's lists of users and channels are compared after one of so many steps: that takes as long as
/// all the steps.
const LISTS_EVERY: u64 = 4;

/// Longer than the hub remembers any tag.
const LONG_MS: u64 = 11 * 60 * 1000;

/// See the module documentation.
pub struct World {
    pub trace: Trace,
    /// Number of calls of the hub.
    pub calls: u64,
    random: Random,
    plan: Plan,
    saboteur: Saboteur,
    pub(super) hub: Hub,
    effects: Effects,
    pub(super) now: Now,
    pub(super) model: Model,
    pub(super) store: Store,
    /// Clients by slot.
    clients: Vec<Client>,
    generations: Vec<u32>,
    /// Tokens issued for nicknames, with the nickname.
    passes: Vec<(String, Nick)>,
    /// Messages that the store had no room for.
    refused: Vec<MessageId>,
    /// Clients with more packets on their way than the plan allows.
    slow: Vec<Slot>,
    /// Channels and last messages of clients whose connection ended.
    left_off: Vec<(Room, MessageId)>,
    /// Messages with a tag whose outcome the sender may not know.
    unsure: Vec<(Nick, TagNumber)>,
    /// The tag used last.
    last_tag: TagNumber,
    /// Whether the hub was called since the last audit.
    unaudited: bool,
}

impl World {
    pub fn new(seed: u64, bug: Option<Bug>, trace: Trace) -> World {
        let mut random = Random::new(seed);
        let plan = Plan::draw(&mut random);
        let limits = limits(&plan);
        World {
            trace,
            calls: 0,
            saboteur: Saboteur::new(bug),
            hub: Hub::new(limits.clone()),
            effects: Effects::default(),
            now: Now {
                unix_ms: START_MS,
                ticks_ms: 0,
            },
            model: Model::new(limits, Default::default(), Vec::new()),
            store: Store::new(),
            clients: Vec::new(),
            generations: Vec::new(),
            passes: Vec::new(),
            refused: Vec::new(),
            slow: Vec::new(),
            left_off: Vec::new(),
            unsure: Vec::new(),
            last_tag: 0,
            unaudited: true,
            random,
            plan,
        }
    }

    /// Performs one act and audits the hub afterwards.
    pub fn step(&mut self, step: u64) -> Check {
        self.trace.begin_step(step);
        loop {
            let act = self.plan.acts.draw(&mut self.random);
            if self.perform(act)? {
                break;
            }
        }
        while let Some(slot) = self.slow.pop() {
            self.close_slow_reader(slot)?;
        }
        match std::mem::take(&mut self.unaudited) {
            true if step.is_multiple_of(LISTS_EVERY) => self.audit(),
            true => self.audit_without_lists(),
            false => Ok(()),
        }
    }

    /// Performs an act. Returns whether there was anything to do.
    fn perform(&mut self, act: Act) -> Check<bool> {
        match act {
            Act::Open => self.open(),
            Act::LogIn => self.log_in(),
            Act::Ask => self.ask(),
            Act::AskLate => self.ask_late(),
            Act::Flood => self.flood(),
            Act::HangUp => self.hang_up(),
            Act::Outage => self.outage(),
            Act::ComeBack => self.come_back(),
            Act::Done => self.done(),
            Act::Receive => self.receive(),
            Act::Commit => {
                let done = self.store.commit(&self.plan, &mut self.random);
                self.trace.did(1, done, "the store commits");
                Ok(done)
            }
            Act::Settle => self.settle(),
            Act::LookUp => {
                let done = self.store.look_up(&self.plan, &mut self.random);
                self.trace.did(2, done, "the store looks something up");
                Ok(done)
            }
            Act::Answer => self.answer(),
            Act::Remember => {
                let done = self.store.remember();
                self.unaudited |= done;
                self.trace
                    .did(3, done, "the store carries out a change of an ignore list");
                Ok(done)
            }
            Act::Pass => self.pass(),
            Act::SetClock => self.set_clock(),
            Act::Register => self.register(),
            Act::Hold => self.hold(),
            Act::Revoke => self.revoke(),
            Act::Expire => self.expire(),
            Act::Retain => self.retain(),
            Act::Look => self.look(),
            Act::Work => self.work(),
            Act::Announce => self.announce(),
            Act::Kick => self.kick(),
            Act::Ban => self.ban(),
            Act::Unban => self.unban(),
            Act::Configure => self.configure(),
            Act::Calm => self.calm(),
            Act::Crash => self.crash(),
        }
    }

    /// Calls the hub and carries out its effects.
    fn call<T>(&mut self, call: impl FnOnce(&mut Hub, Now, &mut Effects) -> T) -> Check<T> {
        self.calls += 1;
        let result = call(&mut self.hub, self.now, &mut self.effects);
        self.carry_out()?;
        self.model.end_call(self.now.ticks_ms)?;
        Ok(result)
    }

    fn carry_out(&mut self) -> Check {
        let outs = effect::take(&mut self.effects);
        self.carry_out_all(outs)
    }

    /// Carries out the hub's effects and those that follow from them.
    fn carry_out_all(&mut self, mut outs: Vec<Out>) -> Check {
        self.unaudited = true;
        while !outs.is_empty() {
            self.saboteur.alter(&mut outs, &self.model);
            for out in std::mem::take(&mut outs) {
                self.trace.effect(&out);
                self.model.witness(&out, &self.store, self.now)?;
                self.do_it(out);
            }
            // As the keeper does, a message without room fails at once.
            let refused = std::mem::take(&mut self.refused);
            outs = self.settled(refused.into_iter().map(|id| (id, false)).collect());
        }
        Ok(())
    }

    fn do_it(&mut self, out: Out) {
        match out {
            Out::Tell(to, event) => {
                for id in to {
                    let slot = id.index as Slot;
                    if self.saboteur.loses(&event) {
                        continue;
                    }
                    if self.clients[slot].send(&event) > self.plan.pipe {
                        self.slow.push(slot);
                    }
                }
            }
            Out::Append(message) => {
                let id = message.id;
                if !self.store.append(message, &self.plan) {
                    self.refused.push(id);
                }
            }
            Out::Chore(chore) => {
                self.note_resume(&chore);
                self.store.chore(chore);
            }
            Out::Write(..) | Out::Close(..) | Out::Log(_) | Out::Settled(..) => {}
        }
    }

    /// Notes where a client resumes, if the store reads for that.
    fn note_resume(&mut self, chore: &Chore) {
        if let Chore::Read(reading) = chore
            && let Window::After(after) = reading.window
            && reading.catching_up
        {
            let slot = reading.connection.index as Slot;
            self.clients[slot].go_on(room(&reading.channel), after);
        }
    }

    /// Moves the clock and has the hub do what has become due.
    fn pass(&mut self) -> Check<bool> {
        let ms = match self.random.chance(10) {
            // Long enough for the hub to forget tags.
            true => LONG_MS,
            false => self.random.below(self.plan.pass_ms) as u64,
        };
        self.now.ticks_ms += ms;
        self.now.unix_ms += ms;
        self.trace.act(ms, format_args!("{ms} ms pass"));
        let now_ms = self.now.ticks_ms;
        let is_due = |due: u64| due <= now_ms;
        while self.hub.next_deadline().is_some_and(is_due)
            && !self.saboteur.is(Bug::ForgetsDeadlines)
        {
            self.call(|hub, now, fx| hub.tick(now, fx))?;
        }
        let ticks_ms = self.now.ticks_ms;
        self.model.end_call(ticks_ms)?;
        let over = |due: Option<u64>| due.is_some_and(|due| due <= ticks_ms);
        let mut all = self.model.all_alive();
        let late = all.find(|(_, conn)| over(conn.deadline) || over(conn.expiry));
        ensure(late.is_none(), Invariant::LimitsKept, || {
            let late = late.map(|(slot, _)| slot);
            format!("{late:?} should have been ended: no login in time, or its token has expired")
        })?;
        Ok(true)
    }

    /// Sets the wall clock, which may also go backwards.
    fn set_clock(&mut self) -> Check<bool> {
        let by = *self.random.pick(&[1, 50, 5_000, 3_600_000]);
        if self.random.chance(500) {
            self.now.unix_ms += by;
        } else {
            self.now.unix_ms = self.now.unix_ms.saturating_sub(by).max(START_MS / 2);
        }
        let unix_ms = self.now.unix_ms;
        self.trace
            .act(unix_ms, format_args!("the clock is set to {unix_ms}"));
        Ok(true)
    }

    /// Ends the world: every connection goes, and the hub's tables must be
    /// empty.
    pub fn end(&mut self, step: u64) -> Check {
        self.trace.begin_step(step);
        self.calm()?;
        self.trace.act(4, format_args!("the server shuts down"));
        self.call(|hub, now, fx| hub.shut_down(now, fx))?;
        let left = self.model.all_alive().count();
        ensure(left == 0, Invariant::EndedMeansEnded, || {
            format!("{left} connections are left at the end")
        })?;
        self.audit()
    }

    /// Has the hub do one piece of deferred work.
    fn work(&mut self) -> Check<bool> {
        let any = self.hub.has_work();
        self.trace.did(30, any, "the hub does what it has put off");
        if any {
            self.call(|hub, now, fx| hub.work(now, fx))?;
        }
        Ok(any)
    }

    /// Has the hub do all deferred work.
    fn work_off(&mut self) -> Check {
        while self.work()? {}
        Ok(())
    }

    fn some_alive(&mut self) -> Option<Slot> {
        let all: Vec<Slot> = self.model.all_alive().map(|(slot, _)| slot).collect();
        if all.is_empty() {
            None
        } else {
            Some(*self.random.pick(&all))
        }
    }

    fn some_nick(&mut self) -> Nick {
        self.random.below(self.plan.nicks)
    }

    fn some_nickname(&mut self) -> chat_server::name::Name {
        let nick = self.some_nick();
        super::names::nickname(nick, self.random.below(3))
    }
}

fn limits(plan: &Plan) -> Limits {
    Limits {
        login: Duration::from_millis(plan.login_ms),
        channels_per_connection: plan.channels_per_connection,
        channels: plan.channels,
        channels_per_address: plan.channels_per_address,
        new_channels_per_minute: plan.new_channels_per_minute,
        tags: Limits::none().tags,
        tags_per_client: plan.tags_per_client,
        departures: plan.departures,
        page_rows: plan.page_rows,
        piece: plan.piece,
        history: plan.history,
        edit_seconds: Limits::none().edit_seconds,
        keep_edits: Limits::none().keep_edits,
        channel_terms: Limits::none().channel_terms,
        governing: Limits::none().governing,
    }
}
