//! What the store reports, and what survives a crash.

use chat_server::hub::{Effects, Hub, MessageId, Settled};
use chat_server::store::Window;

use super::super::bug::Bug;
use super::super::call::Answered;
use super::super::effect::{self, Out};
use super::super::invariant::{Check, Invariant, ensure};
use super::super::model::Model;
use super::super::store::Answer;
use super::{World, limits};

/// Rounds after which the store can be assumed never to become idle.
const ROUNDS: usize = 100_000;

impl World {
    /// The store reports outcomes of some messages.
    pub(super) fn settle(&mut self) -> Check<bool> {
        let most = self.random.between(1, self.plan.group);
        let outcomes = self.store.take_outcomes(most);
        self.settle_all(outcomes)
    }

    fn settle_all(&mut self, mut outcomes: Vec<(MessageId, bool)>) -> Check<bool> {
        if outcomes.is_empty() {
            return Ok(false);
        }
        self.trace
            .act(16, format_args!("the store settles {outcomes:?}"));
        if self.saboteur.forgets_outcome() {
            outcomes.pop();
        }
        self.calls += 1;
        let outs = self.settled(outcomes);
        self.carry_out_all(outs)?;
        self.model.end_call(self.now.ticks_ms)?;
        Ok(true)
    }

    /// Tells the hub the outcomes of messages one by one; the effects of each
    /// follow it.
    pub(super) fn settled(&mut self, outcomes: Vec<(MessageId, bool)>) -> Vec<Out> {
        let mut outs = Vec::new();
        for (id, committed) in outcomes {
            let settled = Settled::by_id(id, committed);
            self.hub.settle(settled, self.now, &mut self.effects);
            outs.push(Out::Settled(id, committed));
            outs.append(&mut effect::take(&mut self.effects));
        }
        outs
    }

    /// The store reports an answer.
    pub(super) fn answer(&mut self) -> Check<bool> {
        let Some(answer) = self.store.take_answer(&mut self.random) else {
            return Ok(false);
        };
        match answer {
            Answer::Recalled(recall, messages) => {
                let found = messages.len();
                self.trace.act(
                    17,
                    format_args!("the store has found {found} for {recall:?}"),
                );
                let room = super::super::names::room(&recall.channel);
                if self.model.channels[room].awaited == Some(recall.number) {
                    self.model.past_settled(room, self.now);
                }
                self.call(|hub, now, fx| hub.recalled(&recall, messages, now, fx))?;
            }
            Answer::Read(reading, history) => {
                self.trace
                    .act(18, format_args!("the store has read for {reading:?}"));
                let slot = self.model.slot_of(reading.connection);
                let missed_in = reading.catching_up;
                let missed_in = missed_in.then(|| super::super::names::room(&reading.channel));
                self.model.call.reading = slot.map(|slot| Answered {
                    slot,
                    history: history.clone(),
                    oldest_first: matches!(reading.window, Window::After(_)),
                    missed_in,
                    told: 0,
                });
                if self.saboteur.is(Bug::ForgetsQuestions) {
                    return Ok(true);
                }
                self.call(|hub, now, fx| hub.history_read(&reading, history, now, fx))?;
            }
        }
        Ok(true)
    }

    /// The store answers everything; then no client may still wait.
    pub(super) fn calm(&mut self) -> Check<bool> {
        self.trace.act(19, format_args!("calm"));
        for _ in 0..ROUNDS {
            if self.store.is_idle() && !self.hub.has_work() {
                break;
            }
            self.store.commit(&self.plan, &mut self.random);
            let outcomes = self.store.take_outcomes(usize::MAX);
            self.settle_all(outcomes)?;
            self.store.look_up(&self.plan, &mut self.random);
            self.answer()?;
            self.store.remember();
            self.work_off()?;
        }
        self.work_off()?;
        ensure(self.store.is_idle(), Invariant::EverythingAnswered, || {
            "the hub keeps asking the store".to_owned()
        })?;
        self.probe()?;
        let sizes = self.hub.sizes();
        let waits = sizes.waiting_commands + sizes.held_messages + sizes.unsettled_messages;
        let waits = waits + sizes.held_for_catching_up + sizes.departures;
        let waits = waits + sizes.held_settlements;
        let owed = &self.model.owed;
        ensure(
            waits == 0 && owed.is_empty(),
            Invariant::EverythingAnswered,
            || format!("something still waits: {sizes:?} {owed:?}"),
        )?;
        for client in &mut self.clients {
            client.receive(usize::MAX, self.plan.history, &self.store)?;
        }
        Ok(true)
    }

    /// Retention removes the oldest messages of a channel.
    pub(super) fn retain(&mut self) -> Check<bool> {
        let room = self.random.below(self.plan.rooms);
        let most = *self.random.pick(&[1, 10, 1000]);
        let done = self.store.remove(room, most);
        self.trace.did(
            27,
            done,
            "retention removes the oldest messages of a channel",
        );
        Ok(done)
    }

    /// The process dies with all its connections and starts again.
    pub(super) fn crash(&mut self) -> Check<bool> {
        self.trace.act(20, format_args!("the process dies"));
        self.store.crash(&self.plan, &mut self.random);
        if self.saboteur.is(Bug::LosesWhatIsCommitted) {
            self.store.forget_newest();
        }
        for slot in 0..self.clients.len() {
            self.clients[slot].check_stored(&self.store)?;
            self.leave_off(slot);
        }
        let limits = limits(&self.plan);
        let last_id = self.store.last_id();
        self.hub = Hub::new(limits.clone());
        self.hub.continue_after(last_id);
        self.hub.restore_bans(self.store.bans.clone());
        self.effects = Effects::default();
        let sent = std::mem::take(&mut self.model.sent);
        self.model = Model::new(limits, last_id, self.store.bans.clone());
        self.model.sent = sent;
        self.clients.clear();
        self.generations.clear();
        self.slow.clear();
        self.now.ticks_ms = 0;
        Ok(true)
    }
}
