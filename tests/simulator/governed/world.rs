//! The world around a hub whose channels have rules: people who make, close and enter
//! channels, and a store that is late.

use chat_server::hub::{
    Command, ConnectionId, Credential, Draft, Effect, Effects, Event, Farewell, Hub, Limits,
    MessageId, Now, Pass, Profile, Settled,
};
use chat_server::model::Record;
use chat_server::model::governance::Rules;
use chat_server::store::AccountId;

use super::super::bug::Bug;
use super::super::invariant::{Check, Invariant, ensure};
use super::super::names::{Nick, ROOMS, Room, channel, nickname};
use super::super::random::Random;
use super::super::trace::Trace;
use super::law::Law;
use super::looking::LookUp;
use super::model::{Conn, Model};
use super::sabotage::Saboteur;
use super::store::{Answer, Store};

/// 14 November 2023; the date does not matter.
const START_MS: u64 = 1_700_000_000_000;
/// Connections at the same time.
const SLOTS: usize = 10;
/// The first so many of them are those of accounts.
const ACCOUNTS: usize = 4;
/// From this one on they are further connections of the first accounts.
const FURTHER: usize = 8;
/// Nicknames that guests take.
const GUEST_NICKS: std::ops::Range<Nick> = ACCOUNTS..12;

/// An effect of the hub.
#[derive(Clone, Debug)]
pub enum Fact {
    Tell(Vec<ConnectionId>, Event),
    Close(ConnectionId),
    Append(Draft),
    Chore(chat_server::hub::Chore),
    /// An answer of a connection's thread.
    Write(ConnectionId, Vec<u8>),
    /// The hub has learned what became of a draft.
    Settled(MessageId, bool),
}

/// See the module documentation.
pub struct World {
    pub trace: Trace,
    pub calls: u64,
    pub(super) random: Random,
    saboteur: Saboteur,
    pub(super) hub: Hub,
    effects: Effects,
    pub(super) now: Now,
    pub(super) model: Model,
    pub(super) store: Store,
    generations: [u32; SLOTS],
    /// Commits that fail, per thousand.
    fail: usize,
    /// How readily the store answers, per thousand.
    answers: usize,
    /// Channels in use, besides the one in which everybody is.
    pub(super) rooms: usize,
    said: u64,
    /// What connections' threads are looking up.
    pub(super) look_ups: Vec<LookUp>,
    pub(super) last_look_up: u64,
}

impl World {
    pub fn new(seed: u64, bug: Option<Bug>, trace: Trace) -> World {
        let mut random = Random::new(seed);
        World {
            trace,
            calls: 0,
            saboteur: Saboteur::new(bug),
            hub: Hub::new(limits()),
            effects: Effects::default(),
            now: Now {
                unix_ms: START_MS,
                ticks_ms: 0,
            },
            model: Model::new(),
            store: Store::default(),
            generations: [0; SLOTS],
            fail: *random.pick(&[0, 0, 30, 200]),
            answers: *random.pick(&[1000, 1000, 200]),
            rooms: random.between(1, ROOMS - 1),
            said: 0,
            look_ups: Vec::new(),
            last_look_up: 0,
            random,
        }
    }

    pub fn step(&mut self, step: u64) -> Check {
        self.trace.begin_step(step);
        match self.random.below(100) {
            0..4 => self.open()?,
            4..6 => self.hang_up()?,
            6..8 => self.look_up(),
            8..11 => self.go_on_looking()?,
            11..55 => self.ask()?,
            55..72 => drop(self.store.commit(self.fail, &mut self.random)),
            72..85 => self.settle()?,
            85..92 if self.random.chance(self.answers) => self.answer()?,
            92..98 => self.work()?,
            98 if self.random.chance(30) => self.crash()?,
            _ => self.pass(),
        }
        // Room 0 has no rules. Another one each time: comparing all takes twice as long as the rest.
        self.audit(1 + usize::try_from(step).unwrap() % (ROOMS - 1))
    }

    /// Everything that waits is done.
    pub fn end(&mut self, step: u64) -> Check {
        self.trace.begin_step(step);
        for _ in 0..2_000 {
            self.store.commit(0, &mut self.random);
            self.settle()?;
            self.answer()?;
            self.go_on_looking()?;
            self.work()?;
        }
        (1..ROOMS).try_for_each(|room| self.audit(room))?;
        self.model.screens_agree(&self.store.rooms)
    }

    /// Calls the hub, judges its effects and carries them out.
    pub(super) fn call(&mut self, call: impl FnOnce(&mut Hub, Now, &mut Effects)) -> Check {
        self.calls += 1;
        call(&mut self.hub, self.now, &mut self.effects);
        let facts = take(&mut self.effects);
        self.carry_out(facts)
    }

    fn carry_out(&mut self, mut facts: Vec<Fact>) -> Check {
        self.saboteur.alter(&mut facts, &self.model, &self.store);
        for fact in facts {
            self.trace.fact(&fact);
            self.model.witness(&fact)?;
            match fact {
                Fact::Append(draft) => self.store.append(draft),
                Fact::Chore(chore) => self.store.chore(chore),
                Fact::Tell(..) | Fact::Close(_) | Fact::Settled(..) | Fact::Write(..) => {}
            }
        }
        self.model.end_call()
    }

    /// Someone comes in.
    fn open(&mut self) -> Check {
        let slot = self.random.below(SLOTS);
        if self.model.conns.len() < SLOTS {
            self.model.conns.resize_with(SLOTS, || None);
        }
        if self.model.conns[slot].is_some() {
            return Ok(());
        }
        let is_account = !(ACCOUNTS..FURTHER).contains(&slot);
        let nick = match is_account {
            true => slot % FURTHER,
            false => self.random.between(GUEST_NICKS.start, GUEST_NICKS.end - 1),
        };
        if !is_account && self.has_nick(nick) {
            return Ok(());
        }
        self.generations[slot] += 1;
        let id = ConnectionId {
            index: slot as u32,
            generation: self.generations[slot],
        };
        let profile = Profile {
            protocol: "json",
            address: ([192, 0, 2, slot as u8], 1000).into(),
            cloak: None,
            one_channel: is_in_one(slot),
            ends_with_channel: false,
            keeps_rosters: false,
            shows_past: true,
        };
        let account = is_account.then(|| AccountId(nick as i64 + 1));
        self.model.conns[slot] = Some(Conn {
            id,
            nick,
            account,
            aliases: Vec::new(),
            one_channel: is_in_one(slot),
            rooms: Vec::new(),
            keys: Vec::new(),
            links: Vec::new(),
        });
        self.trace.act(100, format_args!("{id:?} comes as {nick}"));
        self.call(|hub, now, fx| hub.open(id, profile, now, fx))?;
        let proof = account.map(|account| Credential {
            account,
            ignored: Vec::new(),
            token: None,
        });
        self.call(|hub, now, fx| {
            let claimed = hub.claim(id, nickname(nick, 0), proof, now, fx);
            assert!(claimed.is_ok(), "{claimed:?}");
        })
    }

    pub(super) fn has_nick(&self, nick: Nick) -> bool {
        let mut conns = self.model.conns.iter().flatten();
        conns.any(|conn| conn.nick == nick)
    }

    pub(super) fn someone(&mut self) -> Option<ConnectionId> {
        let conns = self.model.conns.iter().flatten();
        let all: Vec<ConnectionId> = conns.map(|conn| conn.id).collect();
        (!all.is_empty()).then(|| *self.random.pick(&all))
    }

    pub(super) fn some_room(&mut self) -> Room {
        self.random.between(1, self.rooms)
    }

    fn hang_up(&mut self) -> Check {
        let Some(id) = self.someone() else {
            return Ok(());
        };
        self.trace.act(101, format_args!("{id:?} hangs up"));
        self.call(|hub, now, fx| hub.close(id, Farewell::PeerLeft, now, fx))
    }

    /// Someone asks for something.
    fn ask(&mut self) -> Check {
        let Some(id) = self.someone() else {
            return Ok(());
        };
        let command = self.some_command(id);
        self.trace.act(102, format_args!("{id:?} asks {command:?}"));
        if let Command::Opened { pass, .. } = &command {
            self.shows_pass(id, pass);
        }
        self.saboteur.asked(id, &command);
        self.call(|hub, now, fx| hub.apply(id, command, now, fx))
    }

    fn shows_pass(&mut self, id: ConnectionId, pass: &Pass) {
        let Some(conn) = self.model.conn_mut(id) else {
            return;
        };
        match pass {
            Pass::Key(key) => conn.keys.push(key.clone()),
            Pass::Link(hash) => conn.links.push(hash.clone()),
            Pass::Override => {}
        }
    }

    /// A text that is said only once.
    pub(super) fn some_words(&mut self) -> String {
        self.said += 1;
        self.said.to_string()
    }

    fn settle(&mut self) -> Check {
        let Some((id, is_committed)) = self.store.take_outcome() else {
            return Ok(());
        };
        self.trace
            .act(103, format_args!("{id} is committed: {is_committed}"));
        let draft = self.model.drafts.get(&id);
        let is_change = draft.is_some_and(|it| matches!(it.record, Record::Change(_)));
        let told = is_committed || is_change && self.saboteur.is(Bug::RefusedChangeApplied);
        self.calls += 1;
        let settled = Settled::by_id(id, told);
        self.hub.settle(settled, self.now, &mut self.effects);
        let mut facts = vec![Fact::Settled(id, is_committed)];
        facts.extend(take(&mut self.effects));
        self.carry_out(facts)
    }

    fn answer(&mut self) -> Check {
        match self.store.take_answer(&mut self.random) {
            None => Ok(()),
            Some(Answer::Recalled(recall, messages)) => {
                self.trace
                    .act(104, format_args!("{recall:?} finds {}", messages.len()));
                self.call(|hub, now, fx| hub.recalled(&recall, messages, now, fx))
            }
            Some(Answer::Read(reading, history)) => {
                self.trace.act(105, format_args!("{reading:?} is read"));
                self.saboteur.reads(&reading, &history);
                self.call(|hub, now, fx| hub.history_read(&reading, Some(history), now, fx))
            }
            Some(Answer::Found(finding, found)) => {
                self.trace.act(107, format_args!("{finding:?} is found"));
                self.call(|hub, now, fx| hub.found(finding, Ok(found), now, fx))
            }
        }
    }

    fn work(&mut self) -> Check {
        while self.hub.has_work() {
            self.call(|hub, now, fx| hub.work(now, fx))?;
        }
        Ok(())
    }

    fn pass(&mut self) {
        // Sometimes as long as slow mode makes people wait.
        let most = *self.random.pick(&[50, 50, 50, 50, 2_000]);
        let ms = self.random.below(most) as u64;
        self.now.ticks_ms += ms;
        self.now.unix_ms += ms;
        self.model.ticks_ms = self.now.ticks_ms;
    }

    /// The process dies and starts again with what is committed.
    fn crash(&mut self) -> Check {
        self.trace.act(106, format_args!("the process dies"));
        while let Some((id, is_committed)) = self.store.take_outcome() {
            self.model.settled(id, is_committed);
        }
        let (last_id, rules) = self.store.crash();
        self.hub = Hub::new(limits());
        self.hub.continue_after(last_id);
        self.effects = Effects::default();
        self.model.drafts.clear();
        self.model.conns.clear();
        self.model.answers.clear();
        self.look_ups.clear();
        self.model.removed.clear();
        self.model.last_id = last_id;
        for room in 1..ROOMS {
            self.model.places[room].closed = MessageId::default();
            self.model.vacated(room);
            self.model.places[room].roles.clear();
            self.model.places[room].spoke.clear();
            self.model.places[room].uses.clear();
        }
        self.call(|hub, _, _| hub.restore_channels(rules))
    }

    /// Compares the rules and roles that the hub has with those that were committed.
    fn audit(&self, room: usize) -> Check {
        let overview = self.hub.overview(&channel(room, 0));
        let (rules, roles) = match &overview {
            Some(overview) => (overview.view.rules.clone(), overview.roles.clone()),
            None => (Rules::default(), Vec::new()),
        };
        let known = &self.model.places[room];
        let mut law = Law::of(&rules);
        // A channel that nobody is in may be shown as if nothing had ever been.
        if overview.is_none() {
            law.floor = known.law.floor;
        }
        ensure(law.is_as(&known.law), Invariant::RightsCommitted, || {
            format!("{room} has the rules {law:?}, expected {:?}", known.law)
        })?;
        let roles = roles
            .iter()
            .map(|(name, role)| (super::super::names::nick(name), *role));
        let is_same = roles.eq(known.roles_in_order());
        ensure(is_same, Invariant::RightsCommitted, || {
            format!(
                "{room} has the roles {overview:?}, expected {:?}",
                known.roles
            )
        })
    }
}

/// Whether the connection of a slot is in one channel at a time.
fn is_in_one(slot: usize) -> bool {
    slot % 4 == 3
}

fn limits() -> Limits {
    Limits {
        history: true,
        ..Limits::none()
    }
}

fn take(effects: &mut Effects) -> Vec<Fact> {
    let mut list = effects.take_list();
    let facts = list.drain(..).filter_map(|effect| match effect {
        Effect::Deliver { to, event, .. } => {
            Some(Fact::Tell(effects.recipients(to).to_vec(), event))
        }
        Effect::Close { connection, .. } => Some(Fact::Close(connection)),
        Effect::Append(draft) => Some(Fact::Append(draft)),
        Effect::Chore(chore) => Some(Fact::Chore(chore)),
        Effect::Write {
            connection, bytes, ..
        } => Some(Fact::Write(connection, bytes)),
        Effect::Log(_)
        | Effect::Done { .. }
        | Effect::Call { .. }
        | Effect::Share(_)
        | Effect::Revoked(_) => None,
    });
    let facts = facts.collect();
    effects.put_back(list);
    facts
}
