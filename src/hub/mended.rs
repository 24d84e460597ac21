//! The last changes of messages.
//!
//! Pages of a history are read while messages change. A change that is told before a page
//! that was read earlier would be undone by it on the client's screen, so the hub remembers
//! the last changes and applies them to what has been read.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use crate::model::{
    Amendment, Entry, History, Kind, Message, MessageId, Name, Place, REMEMBERED_MS, Reaction,
    Reactions, Text,
};

use super::programs::Programs;
use super::{Effects, Hub, Seen};

/// How many changed messages are remembered. A page is read within seconds; for one that was not,
/// the hub knows that it has forgotten something.
const REMEMBERED: usize = 1000;
/// How many reactions of each are remembered.
const REACTIONS: usize = 250;
/// How many old ones are forgotten with each new one.
const FORGOTTEN_AT_ONCE: usize = 4;
/// How many reactions of all are remembered as they were told.
const TOLD: usize = 1000;

/// The last changes, for pages that were read before them.
#[derive(Default)]
pub(super) struct Mended {
    by_message: HashMap<MessageId, Changed>,
    /// The messages, in the order in which they were changed first.
    order: VecDeque<MessageId>,
    /// How many changes there were.
    count: u64,
    /// The number of the last one that is forgotten.
    forgotten: u64,
    /// The last reactions that were told, with their numbers.
    told: VecDeque<(u64, Arc<Reaction>)>,
    /// The number of the last one that is not among them any more.
    told_before: u64,
    /// The accounts of programs: what they have said is marked when it is read.
    pub programs: Programs,
}

/// What has become of a message.
pub(super) enum Change {
    Amended(Arc<Amendment>),
    Reacted(Arc<Reaction>),
}

impl Change {
    fn id(&self) -> MessageId {
        match self {
            Change::Amended(amendment) => amendment.id,
            Change::Reacted(reaction) => reaction.id,
        }
    }
}

/// The last changes of one message.
#[derive(Default)]
struct Changed {
    /// The time of the last change, in milliseconds since 1970 UTC.
    at_ms: u64,
    /// The number of the last change, and that of the last edit or deletion.
    number: u64,
    amended: u64,
    amendment: Option<Amendment>,
    /// The number of the last reaction that was told.
    reacted: u64,
    reactions: Reactions,
    /// The last reaction that is not among them any more.
    left_out: MessageId,
}

impl Changed {
    fn is_deleted(&self) -> bool {
        self.amendment.as_ref().is_some_and(Amendment::deletes)
    }

    /// Whether a message was read before a reaction that is not remembered any more.
    fn has_left_out(&self, message: &Message) -> bool {
        let last = message.body.reactions().and_then(Reactions::last);
        let is_gone = self.is_deleted() || message.body.is_deleted();
        !is_gone && last.unwrap_or_default() < self.left_out
    }

    fn apply(&self, message: &mut Message) {
        if let Some(amendment) = &self.amendment {
            amendment.apply(message);
        }
        if !message.body.is_deleted() && !self.reactions.is_empty() {
            let mut reactions = message.body.reactions().cloned().unwrap_or_default();
            reactions.merge(&self.reactions);
            let more = message.body.more.get_or_insert_default();
            more.reactions = Some(reactions);
        }
    }
}

impl Mended {
    /// Remembers a change.
    pub fn remember(&mut self, amendment: &Amendment) {
        self.forget_old(amendment.id.ms);
        self.count += 1;
        let number = self.count;
        let changed = self.changed(amendment.message);
        changed.number = number;
        changed.at_ms = amendment.id.ms;
        if !changed.is_deleted() {
            changed.amended = number;
            changed.amendment = Some(amendment.clone());
        }
    }

    /// Remembers a reaction. Returns whether it is news: the user's last one with that sign,
    /// as far as that is remembered, was not the same.
    pub fn react(&mut self, reaction: &Arc<Reaction>) -> bool {
        self.forget_old(reaction.id.ms);
        self.count += 1;
        let number = self.count;
        let changed = self.changed(reaction.message);
        changed.number = number;
        changed.at_ms = reaction.id.ms;
        let reactions = &mut changed.reactions;
        let before = reactions.of(&reaction.sign, reaction.by.key());
        let before = before.map(|given| given.on);
        reactions.give(reaction.given());
        if let Some(left_out) = reactions.keep_newest(REACTIONS) {
            changed.left_out = left_out;
        }
        let is_news = before != Some(reaction.on);
        if is_news {
            changed.reacted = number;
            self.told.push_back((number, reaction.clone()));
            if self.told.len() > TOLD
                && let Some((before, _)) = self.told.pop_front()
            {
                self.told_before = before;
            }
        }
        is_news
    }

    fn changed(&mut self, id: MessageId) -> &mut Changed {
        if !self.by_message.contains_key(&id) {
            if self.order.len() >= REMEMBERED {
                self.forget_oldest();
            }
            self.order.push_back(id);
        }
        self.by_message.entry(id).or_default()
    }

    fn forget_oldest(&mut self) {
        if let Some(oldest) = self.order.pop_front()
            && let Some(oldest) = self.by_message.remove(&oldest)
        {
            self.forgotten = self.forgotten.max(oldest.number);
        }
    }

    /// Forgets a few of those changes that no page that is still being read can be older than, so
    /// that nothing is left here of what was taken back or deleted long ago.
    fn forget_old(&mut self, now_ms: u64) {
        let is_old = |at_ms: u64| at_ms.saturating_add(REMEMBERED_MS) < now_ms;
        for _ in 0..FORGOTTEN_AT_ONCE {
            let oldest = self.order.front().and_then(|id| self.by_message.get(id));
            if oldest.is_some_and(|oldest| is_old(oldest.at_ms)) {
                self.forget_oldest();
            }
            if self.told.front().is_some_and(|(_, it)| is_old(it.id.ms))
                && let Some((before, _)) = self.told.pop_front()
            {
                self.told_before = before;
            }
        }
    }

    /// How many changes there were.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Whether some of the changes after this many are forgotten.
    pub fn has_forgotten_since(&self, count: u64) -> bool {
        self.forgotten > count
    }

    /// What has become of messages since they were seen, in order; `None` if some of it may be
    /// forgotten.
    pub fn since(&self, seen: &Seen) -> Option<Vec<Change>> {
        if seen.is_stale || self.has_forgotten_since(seen.changes) {
            return None;
        }
        let (mut since, mut reacted) = (Vec::new(), HashSet::new());
        for id in &seen.messages {
            let Some(changed) = self.by_message.get(id) else {
                continue;
            };
            let amendment = changed.amendment.as_ref();
            let amendment = amendment.filter(|_| changed.amended > seen.changes);
            since.extend(amendment.map(|it| Change::Amended(Arc::new(it.clone()))));
            if changed.reacted > seen.changes {
                reacted.insert(*id);
            }
        }
        if !reacted.is_empty() {
            if self.told_before > seen.changes {
                return None;
            }
            let told = self.told.iter().rev();
            let told = told.take_while(|(number, _)| *number > seen.changes);
            let told = told.filter(|(_, reaction)| reacted.contains(&reaction.message));
            since.extend(told.map(|(_, reaction)| Change::Reacted(reaction.clone())));
        }
        since.sort_by_key(Change::id);
        since.dedup_by_key(|change| change.id());
        Some(since)
    }

    /// Whether messages were read before reactions that are not remembered any more.
    pub fn has_left_out<'a>(&self, messages: impl IntoIterator<Item = &'a Message>) -> bool {
        let mut messages = messages.into_iter();
        messages.any(|message| {
            let changed = self.by_message.get(&message.id);
            changed.is_some_and(|changed| changed.has_left_out(message))
        })
    }

    /// Whether a message is known to be deleted.
    pub fn is_deleted(&self, message: MessageId) -> bool {
        let known = self.by_message.get(&message);
        known.is_some_and(Changed::is_deleted)
    }

    /// Applies what has changed since the messages were read, and marks what programs have said.
    pub fn mend<'a>(&self, messages: impl IntoIterator<Item = &'a mut Message>) {
        if self.by_message.is_empty() && self.programs.is_empty() {
            return;
        }
        for message in messages {
            if let Some(changed) = self.by_message.get(&message.id) {
                changed.apply(message);
            }
            self.programs.mark(message);
        }
    }

    /// The same for a part of a history.
    pub fn mend_history(&self, history: &mut History) {
        self.mend(&mut history.messages);
        self.mend(&mut history.reacted);
        history.reacted.retain(|message| !message.body.is_deleted());
        for amended in &mut history.amended {
            let known = self.by_message.get(&amended.message);
            if let Some(newer) = known.and_then(|known| known.amendment.as_ref())
                && newer.id > amended.id
            {
                amended.clone_from(newer);
            }
        }
    }

    pub fn len(&self) -> usize {
        self.order.len()
    }
}

impl Hub {
    /// Whether more has become of messages, since they were read after so many changes, than the
    /// hub remembers.
    pub(super) fn is_read_too_long_ago<'a>(
        &self,
        messages: impl IntoIterator<Item = &'a Message>,
        after: u64,
    ) -> bool {
        self.mended.has_forgotten_since(after) || self.mended.has_left_out(messages)
    }

    /// How many changes of messages there were: for [`Hub::mend_read`], before messages are read.
    pub fn changes(&self) -> u64 {
        self.mended.count()
    }

    /// Applies to messages that were read from the store, after so many changes, what has become of
    /// them meanwhile. What is shown of them then goes with [`super::Command::AsSeen`], because they
    /// may change again before it is.
    pub fn mend_read<'a>(
        &self,
        after: u64,
        messages: impl IntoIterator<Item = &'a mut Message>,
    ) -> Seen {
        let messages: Vec<&mut Message> = messages.into_iter().collect();
        let mut seen = Seen {
            messages: messages.iter().map(|message| message.id).collect(),
            changes: self.mended.count(),
            is_stale: self.is_read_too_long_ago(messages.iter().map(|it| &**it), after),
        };
        self.mended.mend(messages);
        seen.messages.sort_unstable();
        seen.messages.dedup();
        seen
    }

    /// The same of a part of a history.
    pub fn mend_history(&self, after: u64, history: &mut History) -> Seen {
        let amended = history.amended.iter().map(|amendment| amendment.message);
        let amended: Vec<MessageId> = amended.collect();
        let both = history.messages.iter_mut().chain(&mut history.reacted);
        let mut seen = self.mend_read(after, both);
        seen.messages.extend(amended);
        self.mended.mend_history(history);
        seen
    }
}

/// Logs what was done, and the new text if it was said to all. The former text is for the
/// audit trail.
pub(super) fn log_amendment(amendment: &Amendment, former: Option<&Text>, fx: &mut Effects) {
    let id = amendment.message;
    let channel = amendment.place.channel();
    let words = match (amendment.deletes(), channel) {
        (true, _) => match &amendment.reason {
            Some(reason) if channel.is_some() => format!("delete {id}: {reason}"),
            _ => format!("delete {id}"),
        },
        (false, None) => format!("edit {id}"),
        (false, Some(_)) => format!("edit {id}: {}", amendment.body.text),
    };
    let about = (&amendment.place, amendment.to.as_ref());
    log_change(amendment.id, amendment.by.as_ref(), about, words, fx);
    let Some(former) = former else { return };
    let done = if amendment.deletes() {
        "deleted"
    } else {
        "edited"
    };
    fx.log(Entry {
        nick: amendment.by.as_ref().map(Name::shown),
        channel: channel.map(Name::shown),
        id: Some(amendment.id),
        ..Entry::admin(
            amendment.id.ms,
            format!("{done} message {id} of @{}: {former}", amendment.author),
        )
    });
}

/// Logs who has reacted to which message.
pub(super) fn log_reaction(reaction: &Reaction, fx: &mut Effects) {
    let word = if reaction.on { "react" } else { "unreact" };
    let words = format!("{word} {}: {}", reaction.message, reaction.sign);
    let about = (&reaction.place, reaction.to.as_ref());
    log_change(reaction.id, Some(&reaction.by), about, words, fx);
}

fn log_change(
    id: MessageId,
    by: Option<&Name>,
    (place, to): (&Place, Option<&Name>),
    words: String,
    fx: &mut Effects,
) {
    fx.log(Entry {
        nick: by.map(Name::shown),
        channel: place.channel().map(Name::shown),
        to: to.map(Name::shown),
        text: Some(words.into()),
        id: Some(id),
        ..Entry::new(id.ms, Kind::Command)
    });
}
