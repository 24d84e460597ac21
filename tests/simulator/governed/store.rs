//! The store of the governed world: it commits messages and changes in one order, late
//! or not at all, and answers late.

use std::collections::{BTreeMap, VecDeque};

use chat_server::hub::{Chore, Draft, Finding, MessageId, Reading, Recall};
use chat_server::model::governance::Rules;
use chat_server::model::{Amendment, Located, Reactions, Record};
use chat_server::name::Name;
use chat_server::store::{History, Message, Window};

use super::super::names::{ROOMS, Room, channel, room};
use super::super::random::Random;

/// See the module documentation.
#[derive(Default)]
pub struct Store {
    waiting: VecDeque<Draft>,
    outcomes: VecDeque<(MessageId, bool)>,
    answers: Vec<Answer>,
    pub rooms: [Vec<Message>; ROOMS],
    /// The rules of each channel, as the real store has them.
    rules: BTreeMap<Room, Rules>,
    last_id: MessageId,
}

/// An answer of the store, looked up when it was asked.
pub enum Answer {
    Recalled(Recall, Vec<Message>),
    Read(Reading, History),
    Found(Finding, Option<Located>),
}

impl Store {
    pub fn append(&mut self, draft: Draft) {
        self.waiting.push_back(draft);
    }

    pub fn chore(&mut self, chore: Chore) {
        match chore {
            Chore::Recall(recall) => {
                let history = self.history(&recall.channel, Window::Latest, recall.limit);
                self.answers
                    .push(Answer::Recalled(recall, history.messages));
            }
            Chore::Read(reading) => {
                let history = self.history(&reading.channel, reading.window, reading.limit);
                self.answers.push(Answer::Read(reading, history));
            }
            Chore::Find(finding) => {
                let mut all = self.rooms.iter().flatten();
                let found = all.find(|it| it.id == finding.message).cloned();
                let found = found.map(Located::remembered);
                self.answers.push(Answer::Found(finding, found));
            }
            Chore::SetIgnored { .. } | Chore::Keep(_) => {}
        }
    }

    pub fn history(&self, channel: &Name, window: Window, limit: usize) -> History {
        let rows = self.rooms[room(channel)].iter();
        let chosen: Vec<Message> = match window {
            Window::After(after) => {
                let rows = rows.filter(|row| row.id > after);
                rows.take(limit).cloned().collect()
            }
            Window::Before(before) => {
                let rows: Vec<&Message> = rows.filter(|row| row.id < before).collect();
                let skipped = rows.len().saturating_sub(limit);
                rows.into_iter().skip(skipped).cloned().collect()
            }
            _ => {
                let skipped = rows.len().saturating_sub(limit);
                rows.skip(skipped).cloned().collect()
            }
        };
        let amended = match window {
            Window::After(after) => {
                let rows = self.rooms[room(channel)].iter();
                let earlier = rows.filter(|row| row.id <= after);
                let changed = earlier.filter_map(Amendment::of);
                changed.filter(|it| it.id > after).collect()
            }
            _ => Vec::new(),
        };
        let last = |it: &Message| it.body.reactions().and_then(Reactions::last);
        let mut reacted: Vec<Message> = match window {
            Window::After(after) => {
                let rows = self.rooms[room(channel)].iter();
                let earlier = rows.filter(|row| row.id <= after && last(row) > Some(after));
                earlier.cloned().collect()
            }
            _ => Vec::new(),
        };
        reacted.sort_by_key(last);
        History {
            messages: chosen,
            amended,
            reacted,
            ..History::default()
        }
    }

    /// Commits some drafts, or fails to.
    pub fn commit(&mut self, fail: usize, random: &mut Random) -> bool {
        let count = random.between(1, 3).min(self.waiting.len());
        for draft in self.waiting.drain(..count).collect::<Vec<_>>() {
            let id = draft.record.id();
            let is_committed = !random.chance(fail);
            self.outcomes.push_back((id, is_committed));
            if is_committed {
                self.keep(draft.record);
                self.last_id = id;
            }
        }
        count > 0
    }

    fn keep(&mut self, record: Record) {
        match record {
            Record::Message(message) => {
                if let Some(channel) = message.place.channel() {
                    self.rooms[room(channel)].push(message);
                }
            }
            Record::Keyed(keyed) => unreachable!("no program posts {keyed:?}"),
            Record::Change(change) => {
                let room = room(&change.channel);
                self.rules.entry(room).or_default().fold(&change);
            }
            Record::Amend(amendment) => {
                for message in self.rooms.iter_mut().flatten() {
                    amendment.apply(message);
                }
            }
            Record::React(reaction) => {
                for message in self.rooms.iter_mut().flatten() {
                    reaction.apply(message);
                }
            }
        }
    }

    pub fn take_outcome(&mut self) -> Option<(MessageId, bool)> {
        self.outcomes.pop_front()
    }

    pub fn take_answer(&mut self, random: &mut Random) -> Option<Answer> {
        let count = self.answers.len();
        (count > 0).then(|| self.answers.remove(random.below(count)))
    }

    /// The process dies: what was not committed is lost.
    pub fn crash(&mut self) -> (MessageId, Vec<(Name, Rules)>) {
        self.waiting.clear();
        self.outcomes.clear();
        self.answers.clear();
        let kept = self.rules.iter().filter(|(_, rules)| rules.is_kept());
        let kept = kept.map(|(room, rules)| (channel(*room, 0), rules.clone()));
        (self.last_id, kept.collect())
    }

    /// The id of a message in a room, or none.
    pub fn some_id(&self, room: Room, random: &mut Random) -> MessageId {
        match self.rooms[room].len() {
            0 => MessageId::default(),
            count => self.rooms[room][random.below(count)].id,
        }
    }
}
