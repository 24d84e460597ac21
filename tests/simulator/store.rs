//! The simulated store: it does in memory what the keeper and a database do, as
//! slowly and with as many failures as the plan says.

use std::collections::VecDeque;

use chat_server::hub::{Ban, Chore, Credential, MessageId, Reading, Recall};
use chat_server::name::Name;
use chat_server::store::{AccountId, History, MAX_ROWS, Message, Window};

use super::names::{NICKS, Nick, Nicks, ROOMS, bit, nick, nicks, room};
use super::plan::Plan;
use super::random::Random;

/// Everything that survives the process, and everything on its way there.
pub struct Store {
    /// Messages appended and not committed.
    waiting: VecDeque<Message>,
    /// Outcomes, in order, that the hub has not been told.
    outcomes: VecDeque<(MessageId, bool)>,
    /// Questions not looked up yet.
    questions: Vec<Question>,
    /// Answers that the hub has not been told.
    answers: Vec<Answer>,
    /// Changes of ignore lists not carried out yet.
    ignoring: VecDeque<(AccountId, Name, bool)>,
    /// Committed ids, increasing.
    committed: Vec<MessageId>,
    /// Committed messages of each channel, increasing.
    channels: [Vec<Message>; ROOMS],
    /// The newest message of each channel that retention has removed.
    removed: [MessageId; ROOMS],
    /// Registered nicknames, each with its ignore list.
    accounts: [Option<Vec<Name>>; NICKS],
    /// The saved bans.
    pub bans: Vec<Ban>,
}

enum Question {
    Recall(Recall),
    Read(Reading),
}

/// An answer of the store.
pub enum Answer {
    Recalled(Recall, Vec<Message>),
    Read(Reading, Option<History>),
}

impl Store {
    pub fn new() -> Store {
        Store {
            waiting: VecDeque::new(),
            outcomes: VecDeque::new(),
            questions: Vec::new(),
            answers: Vec::new(),
            ignoring: VecDeque::new(),
            committed: Vec::new(),
            channels: std::array::from_fn(|_| Vec::new()),
            removed: [MessageId::default(); ROOMS],
            accounts: std::array::from_fn(|_| None),
            bans: Vec::new(),
        }
    }

    /// Takes a message if there is room for it.
    pub fn append(&mut self, message: Message, plan: &Plan) -> bool {
        let fits = self.waiting.len() < plan.store_room;
        if fits {
            self.waiting.push_back(message);
        }
        fits
    }

    pub fn chore(&mut self, chore: Chore) {
        match chore {
            Chore::Recall(recall) => self.questions.push(Question::Recall(recall)),
            Chore::Read(reading) => self.questions.push(Question::Read(reading)),
            Chore::SetIgnored {
                account,
                nickname,
                ignored,
            } => self.ignoring.push_back((account, nickname, ignored)),
            // No client of the simulator asks for its channels, or changes messages.
            Chore::Keep(_) | Chore::Find(_) => {}
        }
    }

    /// Runs one transaction. Returns whether there was anything to commit. The
    /// transaction may fail as a whole, or single messages in it may fail.
    pub fn commit(&mut self, plan: &Plan, random: &mut Random) -> bool {
        if self.waiting.is_empty() {
            return false;
        }
        let group = random.between(1, plan.group.min(self.waiting.len()));
        let fails = random.chance(plan.commits_fail);
        for message in self.waiting.drain(..group).collect::<Vec<_>>() {
            let committed = !fails && !random.chance(plan.commits_fail / 10);
            self.outcomes.push_back((message.id, committed));
            if committed {
                self.keep(message);
            }
        }
        true
    }

    fn keep(&mut self, message: Message) {
        self.committed.push(message.id);
        if let Some(channel) = message.place.channel() {
            self.channels[room(channel)].push(message);
        }
    }

    /// Takes some outcomes that the hub has not been told, in order.
    pub fn take_outcomes(&mut self, most: usize) -> Vec<(MessageId, bool)> {
        let count = most.min(self.outcomes.len());
        self.outcomes.drain(..count).collect()
    }

    /// Looks up one question. Returns whether there was any.
    pub fn look_up(&mut self, plan: &Plan, random: &mut Random) -> bool {
        if self.questions.is_empty() {
            return false;
        }
        let question = self.questions.remove(random.below(self.questions.len()));
        let fails = random.chance(plan.reads_fail);
        let answer = match question {
            Question::Recall(recall) if fails => Answer::Recalled(recall, Vec::new()),
            Question::Recall(recall) => {
                let window = Window::Before(recall.before);
                let history = self.history(&recall.channel, window, recall.limit);
                Answer::Recalled(recall, history.messages)
            }
            Question::Read(reading) if fails => Answer::Read(reading, None),
            Question::Read(reading) => {
                let limit = match reading.catching_up {
                    // The store may return less than asked for, if it says so.
                    true => reading.limit.min(plan.page),
                    false => reading.limit,
                };
                let history = self.history(&reading.channel, reading.window, limit);
                Answer::Read(reading, Some(history))
            }
        };
        self.answers.push(answer);
        true
    }

    /// Takes one answer that the hub has not been told.
    pub fn take_answer(&mut self, random: &mut Random) -> Option<Answer> {
        match self.answers.len() {
            0 => None,
            count => Some(self.answers.remove(random.below(count))),
        }
    }

    fn history(&self, channel: &Name, window: Window, limit: usize) -> History {
        let removed = self.removed[room(channel)];
        let rows = &self.channels[room(channel)];
        let any_removed = rows.partition_point(|row| row.id <= removed);
        let rows = &rows[any_removed..];
        let limit = limit.min(MAX_ROWS);
        let before = |id: MessageId| rows.partition_point(|row| row.id < id);
        let (start, end) = match window {
            Window::Latest => (rows.len().saturating_sub(limit), rows.len()),
            Window::Before(id) => (before(id).saturating_sub(limit), before(id)),
            Window::After(id) => {
                let start = rows.partition_point(|row| row.id <= id);
                (start, rows.len().min(start + limit))
            }
            Window::Page(page) => {
                let newer = (page.saturating_sub(1) as usize).saturating_mul(limit);
                let end = rows.len().saturating_sub(newer);
                (end.saturating_sub(limit), end)
            }
        };
        History {
            messages: rows[start..end].to_vec(),
            more: match window {
                Window::After(_) => end < rows.len(),
                _ => start > 0,
            },
            gap: match window {
                Window::After(id) => removed > id,
                _ => any_removed > 0,
            },
            ..History::default()
        }
    }

    /// Carries out the oldest change of an ignore list.
    pub fn remember(&mut self) -> bool {
        let Some((account, name, ignored)) = self.ignoring.pop_front() else {
            return false;
        };
        if let Some(list) = &mut self.accounts[nick_of(account)] {
            list.retain(|other| *other != name);
            if ignored {
                list.push(name);
            }
        }
        true
    }

    /// Retention removes up to `most` of a channel's oldest messages.
    pub fn remove(&mut self, room: usize, most: usize) -> bool {
        let removed = self.removed[room];
        let rows = &self.channels[room];
        let first = rows.partition_point(|row| row.id <= removed);
        let last = rows[first..].iter().take(most).next_back();
        if let Some(last) = last {
            self.removed[room] = last.id;
        }
        last.is_some()
    }

    /// The newest message of a channel that retention has removed.
    pub fn removed(&self, room: usize) -> MessageId {
        self.removed[room]
    }

    /// Whether the channel has no message between these two that a client could
    /// have been told.
    pub fn are_neighbours(&self, room: usize, one: MessageId, other: MessageId) -> bool {
        let rows = &self.channels[room];
        let after = one.max(self.removed[room]);
        let next = rows.get(rows.partition_point(|row| row.id <= after));
        next.is_none_or(|next| next.id >= other)
    }

    /// The process dies: waiting messages are lost, except that some may have
    /// been committed without a report.
    pub fn crash(&mut self, plan: &Plan, random: &mut Random) {
        while random.chance(500) && self.commit(plan, random) {}
        self.waiting.clear();
        self.outcomes.clear();
        self.questions.clear();
        self.answers.clear();
        self.ignoring.clear();
    }

    /// Forgets the newest message of a channel: a fault that only
    /// [`super::bug`] plants.
    pub fn forget_newest(&mut self) {
        let newest = self.channels.iter_mut().max_by_key(|rows| {
            let last = rows.last();
            last.map(|row| row.id)
        });
        if let Some(row) = newest.and_then(Vec::pop) {
            self.committed.retain(|&id| id != row.id);
        }
    }

    pub fn is_idle(&self) -> bool {
        self.waiting.is_empty()
            && self.outcomes.is_empty()
            && self.questions.is_empty()
            && self.answers.is_empty()
            && self.ignoring.is_empty()
    }

    pub fn is_committed(&self, id: MessageId) -> bool {
        self.committed.binary_search(&id).is_ok()
    }

    /// The highest id ever assigned.
    pub fn last_id(&self) -> MessageId {
        self.committed.last().copied().unwrap_or_default()
    }

    /// The channel's messages from this one on.
    pub fn from(&self, room: usize, id: MessageId) -> &[Message] {
        let rows = &self.channels[room];
        &rows[rows.partition_point(|row| row.id < id)..]
    }

    /// An id that was once committed, if there is any.
    pub fn some_id(&self, random: &mut Random) -> MessageId {
        match self.committed.len() {
            0 => MessageId::default(),
            count => self.committed[count - 1 - random.below(count.min(60))],
        }
    }

    pub fn register(&mut self, nick: Nick) {
        self.accounts[nick].get_or_insert_default();
    }

    pub fn is_registered(&self, nick: Nick) -> bool {
        self.accounts[nick].is_some()
    }

    /// An account's ignore list as stored.
    pub fn ignored(&self, nick: Nick) -> Nicks {
        nicks(self.accounts[nick].iter().flatten())
    }

    /// Whether a change of the list is still to be carried out.
    pub fn is_ignoring(&self, nick: Nick) -> bool {
        let mut changes = self.ignoring.iter();
        changes.any(|&(account, ..)| nick_of(account) == nick)
    }

    /// The credential of an account's owner.
    pub fn credential(&self, nick: Nick, token: Option<&str>) -> Option<Credential> {
        Some(Credential {
            account: account_of(nick),
            ignored: self.accounts[nick].clone()?,
            token: token.map(Into::into),
        })
    }
}

/// The account of a nickname, if registered.
pub fn account_of(nick: Nick) -> AccountId {
    AccountId(nick as i64 + 1)
}

/// The nickname of an account.
pub fn nick_of(account: AccountId) -> Nick {
    (account.0 - 1) as Nick
}

/// Whether a set contains a name.
pub fn has(set: Nicks, name: &Name) -> bool {
    set & bit(nick(name)) != 0
}
