//! Shared by the tests of the hub alone.

// Each test program uses only a part of this.
#![allow(dead_code)]

use std::collections::BTreeMap;
use std::time::Duration;

use chat_server::hub::{
    After, ChannelInfo, Chore, Circumstances, Command, ConnectionId, Credential, Effect, Effects,
    Event, Farewell, Finding, Hub, Limits, Listed, Listing, MessageId, Now, Profile, Reading,
    Recall, Refusal, Shared,
};
use chat_server::model::Record;
use chat_server::name::Name;
use chat_server::protocol::irc::nicknames::Nicknames;
use chat_server::protocol::irc::{self, Reader, Terms};
use chat_server::store::AccountId;
use chat_server::text::Text;

/// A hub with a clock, and a record of what each connection was told.
pub struct House {
    pub hub: Hub,
    pub now: Now,
    pub told: Vec<(ConnectionId, Event)>,
    pub closed: Vec<(ConnectionId, Farewell)>,
    /// Messages waiting to be committed.
    pub appended: Vec<MessageId>,
    /// What they say.
    pub records: BTreeMap<MessageId, Record>,
    /// Answers of connections' own threads.
    pub written: Vec<(ConnectionId, Vec<u8>)>,
    /// Requests for parts of histories.
    pub readings: Vec<Reading>,
    /// Requests for single messages.
    pub findings: Vec<Finding>,
    /// Requests for pasts of channels.
    pub recalls: Vec<Recall>,
    /// Entries for other servers.
    pub shared: Vec<Shared>,
    /// What became of administrators' changes, by ticket.
    pub done: Vec<(u64, Result<(), Refusal>)>,
    /// What accounts are called, as the events say.
    pub nicknames: Nicknames,
    /// The connections that speak IRC, and what the lines of each depend on.
    pub readers: BTreeMap<ConnectionId, Reader>,
    /// The lines that they were sent.
    pub lines: Vec<(ConnectionId, String)>,
}

impl House {
    pub fn new() -> House {
        House {
            hub: Hub::new(limits()),
            now: Now {
                unix_ms: 1_700_000_000_000,
                ticks_ms: 0,
            },
            told: Vec::new(),
            closed: Vec::new(),
            appended: Vec::new(),
            records: BTreeMap::new(),
            written: Vec::new(),
            readings: Vec::new(),
            findings: Vec::new(),
            recalls: Vec::new(),
            shared: Vec::new(),
            done: Vec::new(),
            nicknames: Nicknames::default(),
            readers: BTreeMap::new(),
            lines: Vec::new(),
        }
    }

    /// Calls the hub and then lets it do all deferred work.
    pub fn run<T>(&mut self, action: impl FnOnce(&mut Hub, Now, &mut Effects) -> T) -> T {
        let result = self.call(action);
        while self.hub.has_work() {
            self.call(|hub, now, fx| hub.work(now, fx));
        }
        result
    }

    /// Calls the hub without any deferred work.
    pub fn call<T>(&mut self, action: impl FnOnce(&mut Hub, Now, &mut Effects) -> T) -> T {
        let mut fx = Effects::default();
        let result = action(&mut self.hub, self.now, &mut fx);
        for effect in fx.list() {
            match effect {
                Effect::Deliver {
                    to,
                    event,
                    circumstances,
                } => {
                    let to = fx.recipients(*to);
                    self.write_lines(to, event, circumstances);
                    let to = to.iter();
                    let called = self.nicknames.event(event);
                    let event = called.as_ref().unwrap_or(event);
                    self.told.extend(to.map(|&id| (id, event.clone())));
                }
                Effect::Close {
                    connection,
                    farewell,
                } => self.closed.push((*connection, farewell.clone())),
                Effect::Append(draft) => {
                    let id = draft.record.id();
                    self.appended.push(id);
                    self.records.insert(id, draft.record.clone());
                }
                Effect::Chore(Chore::Read(reading)) => self.readings.push(reading.clone()),
                Effect::Chore(Chore::Find(finding)) => self.findings.push(finding.clone()),
                Effect::Chore(Chore::Recall(recall)) => self.recalls.push(recall.clone()),
                Effect::Write {
                    connection, bytes, ..
                } => {
                    self.written.push((*connection, bytes.clone()));
                }
                Effect::Call { owner, nickname } => {
                    self.nicknames.set(owner, nickname.as_ref());
                }
                Effect::Log(_) | Effect::Chore(_) | Effect::Revoked(_) => {}
                Effect::Share(shared) => self.shared.push(shared.clone()),
                Effect::Done { ticket, outcome } => self.done.push((*ticket, outcome.clone())),
            }
        }
        result
    }

    /// Encodes an event for those who speak IRC, as the outbox does.
    fn write_lines(&mut self, to: &[ConnectionId], event: &Event, told: &Circumstances) {
        if self.readers.is_empty() {
            return;
        }
        let (now_ms, nicknames) = (self.now.unix_ms, self.nicknames.clone());
        let terms = Terms {
            nicknames,
            ..Terms::default()
        };
        for id in to {
            let is_speaker = told.speaker == Some(*id);
            let reader = self.readers.get_mut(id);
            let Some(reader) = reader.filter(|it| !irc::leaves_out(it, event, is_speaker)) else {
                continue;
            };
            let mut out = Vec::new();
            match irc::is_personal(event) {
                true => irc::write_personal(event, told, (&terms, reader), now_ms, &mut out),
                false => {
                    let shape = reader.shape();
                    irc::write_shared(event, told, (&terms, shape), now_ms, &mut out);
                }
            }
            let lines = String::from_utf8(out).expect("text");
            let lines = lines.split_terminator("\r\n");
            self.lines.extend(lines.map(|line| (*id, line.to_owned())));
        }
    }

    pub fn open(&mut self, index: u32) -> ConnectionId {
        self.open_with(index, "192.0.2.1:1", true)
    }

    pub fn open_with(&mut self, index: u32, address: &str, one_channel: bool) -> ConnectionId {
        let id = ConnectionId {
            index,
            generation: 0,
        };
        let profile = Profile {
            protocol: "test",
            address: address.parse().unwrap(),
            cloak: None,
            one_channel,
            shows_past: true,
            ends_with_channel: false,
            keeps_rosters: false,
        };
        self.run(|hub, now, fx| hub.open(id, profile, now, fx));
        id
    }

    pub fn claim(&mut self, id: ConnectionId, nickname: &str) -> Result<(), Refusal> {
        let name = name(nickname);
        self.run(|hub, now, fx| hub.claim(id, name, None, now, fx))
    }

    /// Opens a connection and gives it a nickname.
    pub fn enter(&mut self, index: u32, nickname: &str) -> ConnectionId {
        let id = self.open(index);
        self.claim(id, nickname).unwrap();
        id
    }

    pub fn apply(&mut self, id: ConnectionId, command: Command) {
        self.run(|hub, now, fx| hub.apply(id, command, now, fx));
    }

    /// Users with their channels, by nickname.
    pub fn users(&self) -> Vec<Listed> {
        let listing = Listing {
            here: true,
            after: After::Nothing,
        };
        let (users, more) = self.hub.everybody(&listing);
        assert!(!more, "these tests have no more than a page of users");
        users
    }

    /// Channels with their members, by name.
    pub fn channels(&self) -> Vec<ChannelInfo> {
        let (channels, more) = self.hub.channels(None);
        assert!(!more, "these tests have no more than a page of channels");
        channels
    }

    pub fn join(&mut self, id: ConnectionId, channel: &str) {
        self.apply(id, Command::Join(name(channel)));
    }

    pub fn say(&mut self, id: ConnectionId, text: &str) {
        let body = Text::clean(text).into();
        self.apply(
            id,
            Command::Say {
                channel: None,
                body,
            },
        );
    }

    pub fn private(&mut self, id: ConnectionId, to: &str, text: &str) {
        let (to, body) = (name(to), Text::clean(text).into());
        let account = None;
        self.apply(id, Command::Private { to, account, body });
    }

    pub fn pass(&mut self, ms: u64) {
        self.now.ticks_ms += ms;
        self.now.unix_ms += ms;
        self.run(|hub, now, fx| hub.tick(now, fx));
        let now = self.now.ticks_ms;
        while self.hub.next_deadline().is_some_and(|due| due <= now) {
            self.run(|hub, now, fx| hub.tick(now, fx));
        }
    }

    /// As [`House::told`], without the roles of those who create channels.
    pub fn told_but_roles(&mut self, id: ConnectionId) -> Vec<String> {
        let mut told = self.told(id);
        told.retain(|line| !line.starts_with("Some(Operator) of "));
        told
    }

    /// What a connection was told since the last call, in short form.
    pub fn told(&mut self, id: ConnectionId) -> Vec<String> {
        let (mine, others): (Vec<_>, Vec<_>) = self.told.drain(..).partition(|&(to, _)| to == id);
        self.told = others;
        mine.iter().map(|(_, event)| short(event)).collect()
    }

    /// Reports the outcome of every appended message.
    pub fn settle(&mut self, committed: bool) {
        for id in std::mem::take(&mut self.appended) {
            self.run(|hub, now, fx| {
                hub.settle(chat_server::hub::Settled::by_id(id, committed), now, fx)
            });
        }
    }

    pub fn forget(&mut self) {
        self.told.clear();
    }
}

/// The limits of these tests, unless a test sets others.
pub fn limits() -> Limits {
    Limits {
        login: Duration::from_secs(60),
        channels_per_connection: 3,
        ..Limits::none()
    }
}

pub fn credential(account: i64) -> Credential {
    Credential {
        account: AccountId(account),
        ignored: Vec::new(),
        token: None,
    }
}

pub fn name(raw: &str) -> Name {
    Name::parse(raw).unwrap()
}

pub fn short(event: &Event) -> String {
    match event {
        Event::Message(m) => {
            let channel = m.place.channel().unwrap();
            format!("{channel}/{}: {}", m.author, m.body.text)
        }
        Event::Private(p) => format!("from {}: {}", p.from, p.body.text),
        Event::PrivateSent(p) => format!("to {}: {}", p.to, p.body.text),
        Event::MemberJoined { nickname, .. } => format!("+{nickname}"),
        Event::MemberLeft { nickname, .. } => format!("-{nickname}"),
        Event::MembersChanged { joined, left, .. } => format!("+{joined} -{left}"),
        Event::MemberRenamed { from, to, .. } => format!("{from} is {to}"),
        Event::Role { channel, role } => format!("{role:?} of {channel}"),
        Event::Joined {
            channel, others, ..
        } => format!("in {channel} with {others}"),
        Event::Members { page, .. } => {
            let names: Vec<_> = page.rows.iter().map(|row| &row.name).collect();
            format!("{names:?}")
        }
        Event::Refused(refusal) => refusal.code().to_owned(),
        Event::Resumed { complete, more, .. } => format!("complete {complete}, more {more}"),
        Event::Stored { tag, .. } => format!("stored {}", tag.as_str()),
        Event::NotSent { tag, refusal } => format!("{}: {}", tag.as_str(), refusal.code()),
        other => format!("{other:?}"),
    }
}
