//! A hub with history and a small store, which commits, reads and answers when a test
//! says so.

use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use chat_server::hub::{
    Command, ConnectionId, Deed, Event, Limits, Message, MessageId, Refusal, Settled, Ticket,
};
use chat_server::model::governance::{By, Change, Flag, Rules};
use chat_server::model::{Located, Record, Window};
use chat_server::store::History;
use chat_server::text::Text;

use super::hub_support::{House, limits, name, short};

/// A hub and its store.
pub struct Kept {
    pub house: House,
    /// Whether the store takes nothing in.
    pub is_broken: bool,
    pub messages: Vec<Message>,
    pub rules: BTreeMap<Arc<str>, Rules>,
}

impl Deref for Kept {
    type Target = House;

    fn deref(&self) -> &House {
        &self.house
    }
}

impl DerefMut for Kept {
    fn deref_mut(&mut self) -> &mut House {
        &mut self.house
    }
}

/// The limits of a hub with history.
pub fn with_history() -> Limits {
    Limits {
        history: true,
        ..limits()
    }
}

impl Kept {
    pub fn new() -> Kept {
        let mut house = House::new();
        house.hub.set_limits(with_history());
        Kept {
            house,
            is_broken: false,
            messages: Vec::new(),
            rules: BTreeMap::new(),
        }
    }

    /// Ends the hub, and starts another one on the same store.
    pub fn restart(&mut self) {
        let mut house = House::new();
        house.hub.set_limits(with_history());
        house.now = self.house.now;
        house.now.ticks_ms = 0;
        let last = self.messages.last().map(|message| message.id);
        house.hub.continue_after(last.unwrap_or_default());
        let rules = self.rules.iter();
        let rules = rules.filter(|(_, rules)| rules.is_kept());
        let rules = rules.map(|(key, rules)| (name(key), rules.clone()));
        house.hub.restore_channels(rules.collect());
        self.house = house;
    }

    /// Has the store answer everything, until the hub asks for no more.
    pub fn tend(&mut self) {
        self.house.run(|_, _, _| ());
        while self.settle_all() || self.recall_all() || self.read_all() || self.find_all() {}
    }

    /// Has the store take in, or refuse, what waits. Returns whether there was anything.
    pub fn settle_all(&mut self) -> bool {
        let waiting = std::mem::take(&mut self.house.appended);
        for &id in &waiting {
            let stored = !self.is_broken;
            if stored {
                self.take(id);
            }
            let settled = Settled::by_id(id, stored);
            self.house.run(|hub, now, fx| hub.settle(settled, now, fx));
        }
        !waiting.is_empty() && !self.is_broken
    }

    fn take(&mut self, id: MessageId) {
        match self.house.records.get(&id) {
            Some(Record::Message(message)) => self.messages.push(message.clone()),
            Some(Record::Keyed(keyed)) => unreachable!("no program posts {keyed:?}"),
            Some(Record::Amend(amendment)) => {
                for message in &mut self.messages {
                    amendment.apply(message);
                }
            }
            Some(Record::React(reaction)) => {
                for message in &mut self.messages {
                    reaction.apply(message);
                }
            }
            Some(Record::Change(change)) => {
                let rules = self.rules.entry(change.channel.key().clone());
                rules.or_default().fold(change);
            }
            None => {}
        }
    }

    /// Answers the questions for pasts.
    pub fn recall_all(&mut self) -> bool {
        let recalls = std::mem::take(&mut self.house.recalls);
        for recall in &recalls {
            let past = self.in_channel(recall.channel.as_str());
            let past = past.filter(|it| it.id < recall.before).cloned().collect();
            self.house
                .run(|hub, now, fx| hub.recalled(recall, past, now, fx));
        }
        !recalls.is_empty()
    }

    /// Answers the questions for parts of histories.
    pub fn read_all(&mut self) -> bool {
        let readings = std::mem::take(&mut self.house.readings);
        for reading in &readings {
            let is_in = |message: &&Message| match reading.window {
                Window::Latest | Window::Page(_) => true,
                Window::Before(id) => message.id < id,
                Window::After(id) => message.id > id,
            };
            let messages = self.in_channel(reading.channel.as_str());
            let history = History {
                messages: messages.filter(is_in).cloned().collect(),
                ..History::default()
            };
            self.house
                .run(|hub, now, fx| hub.history_read(reading, Some(history), now, fx));
        }
        !readings.is_empty()
    }

    /// Answers the questions for single messages.
    pub fn find_all(&mut self) -> bool {
        let findings = std::mem::take(&mut self.house.findings);
        let any = !findings.is_empty();
        for finding in findings {
            let found = self.messages.iter().find(|it| it.id == finding.message);
            let found = found.cloned().map(Located::remembered);
            self.house
                .run(|hub, now, fx| hub.found(finding, Ok(found), now, fx));
        }
        any
    }

    fn in_channel<'a>(&'a self, channel: &'a str) -> impl Iterator<Item = &'a Message> + 'a {
        let is_there = move |message: &&Message| {
            let place = message.place.channel();
            place.is_some_and(|place| *place == name(channel))
        };
        self.messages.iter().filter(is_there)
    }

    /// Opens a connection that can be in several channels, from an address of its own.
    pub fn arrive(&mut self, index: u32, nickname: &str) -> ConnectionId {
        let address = format!("192.0.2.{}:1", index + 1);
        let id = self.house.open_with(index, &address, false);
        self.house.claim(id, nickname).unwrap();
        id
    }

    /// Joins a channel, and has the store answer.
    pub fn come(&mut self, id: ConnectionId, channel: &str) {
        self.house.join(id, channel);
        self.tend();
    }

    pub fn leave(&mut self, id: ConnectionId, channel: &str) {
        let channel = Some(name(channel));
        let reason = None;
        self.house.apply(id, Command::Leave { channel, reason });
    }

    /// Says something in a channel, and has the store answer.
    pub fn speak(&mut self, id: ConnectionId, channel: &str, text: &str) {
        let (channel, body) = (Some(name(channel)), Text::clean(text).into());
        self.house.apply(id, Command::Say { channel, body });
        self.tend();
    }

    /// Changes a channel, and has the store answer.
    pub fn govern(&mut self, id: ConnectionId, channel: &str, deed: Deed) {
        let channel = Some(name(channel));
        self.house.apply(id, Command::Govern(channel, deed));
        self.tend();
    }

    /// Switches a rule on.
    pub fn set(&mut self, id: ConnectionId, channel: &str, flag: Flag) {
        self.govern(id, channel, Deed::Rules(vec![Change::Flag(flag, true)]));
    }

    /// Has an administrator do something, and the store answer.
    pub fn administer(&mut self, channel: &str, deed: Deed) -> Result<(), Refusal> {
        let result = self.order(channel, deed);
        self.tend();
        result
    }

    /// Has an administrator do something.
    pub fn order(&mut self, channel: &str, deed: Deed) -> Result<(), Refusal> {
        let by = By::Administrator(name("administrator"));
        let ticket = Ticket {
            number: 0,
            from: None,
        };
        let channel = name(channel);
        self.house
            .run(|hub, now, fx| hub.govern_as(by, &channel, deed, ticket, now, fx))
    }

    /// The messages that a connection was shown as the past since the last call.
    pub fn shown(&mut self, id: ConnectionId) -> Vec<String> {
        let told = self.events(id);
        let pasts = told.iter().filter_map(|event| match event {
            Event::History { messages, .. } => Some(messages),
            _ => None,
        });
        pasts.flatten().map(|it| it.body.text.to_string()).collect()
    }

    /// What a connection was told since the last call.
    pub fn events(&mut self, id: ConnectionId) -> Vec<Event> {
        let (mine, others): (Vec<_>, Vec<_>) =
            self.house.told.drain(..).partition(|&(to, _)| to == id);
        self.house.told = others;
        mine.into_iter().map(|(_, event)| event).collect()
    }

    /// Whether a connection was told something with these words, in short form, since
    /// the last call.
    pub fn heard(&mut self, id: ConnectionId, words: &str) -> bool {
        let told = self.events(id);
        told.iter().any(|event| short(event).contains(words))
    }

    /// The rules that the store has of a channel.
    pub fn stored(&self, channel: &str) -> Rules {
        self.rules
            .get(name(channel).key())
            .cloned()
            .unwrap_or_default()
    }
}
