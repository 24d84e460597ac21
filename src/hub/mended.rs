//! The last changes of messages.
//!
//! Pages of a history are read while messages change. A change that is told before a page
//! that was read earlier would be undone by it on the client's screen, so the hub remembers
//! the last changes and applies them to what has been read.

use std::collections::{HashMap, VecDeque};

use crate::model::{
    Amendment, Entry, History, Kind, Message, MessageId, Name, Place, Reaction, Reactions, Text,
};

use super::{Effects, Hub, Seen};

/// How many changed messages are remembered. A page is read within seconds; for one that was not,
/// the hub knows that it has forgotten something.
const REMEMBERED: usize = 1000;
/// How many reactions of each are remembered.
const REACTIONS: usize = 250;

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
}

/// The last changes of one message.
#[derive(Default)]
struct Changed {
    /// The number of the last change, and that of the last edit or deletion.
    number: u64,
    amended: u64,
    amendment: Option<Amendment>,
    reactions: Reactions,
}

impl Changed {
    fn is_deleted(&self) -> bool {
        self.amendment.as_ref().is_some_and(Amendment::deletes)
    }

    fn apply(&self, message: &mut Message) {
        if let Some(amendment) = &self.amendment {
            amendment.apply(message);
        }
        if !message.body.is_deleted() && !self.reactions.as_str().is_empty() {
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
        self.count += 1;
        let number = self.count;
        let changed = self.changed(amendment.message);
        changed.number = number;
        if !changed.is_deleted() {
            changed.amended = number;
            changed.amendment = Some(amendment.clone());
        }
    }

    /// Remembers a reaction. Returns whether it is news: the user's last one with that sign,
    /// as far as that is remembered, was not the same.
    pub fn react(&mut self, reaction: &Reaction) -> bool {
        self.count += 1;
        let number = self.count;
        let changed = self.changed(reaction.message);
        changed.number = number;
        let reactions = &mut changed.reactions;
        let before = reactions.of(&reaction.sign, reaction.by.key());
        let before = before.map(|given| given.on);
        reactions.give(reaction.given());
        reactions.keep_newest(REACTIONS);
        before != Some(reaction.on)
    }

    fn changed(&mut self, id: MessageId) -> &mut Changed {
        if !self.by_message.contains_key(&id) {
            if self.order.len() >= REMEMBERED
                && let Some(oldest) = self.order.pop_front()
                && let Some(oldest) = self.by_message.remove(&oldest)
            {
                self.forgotten = self.forgotten.max(oldest.number);
            }
            self.order.push_back(id);
        }
        self.by_message.entry(id).or_default()
    }

    /// How many changes there were.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Whether some of the changes after this many are forgotten.
    pub fn has_forgotten_since(&self, count: u64) -> bool {
        self.forgotten > count
    }

    /// The edits and deletions since messages were seen, in order; `None` if some may be forgotten.
    pub fn since(&self, seen: &Seen) -> Option<Vec<Amendment>> {
        if self.has_forgotten_since(seen.changes) {
            return None;
        }
        let known = seen
            .messages
            .iter()
            .filter_map(|it| self.by_message.get(it));
        let since = known.filter(|changed| changed.amended > seen.changes);
        let mut since: Vec<Amendment> = since.filter_map(|it| it.amendment.clone()).collect();
        since.sort_by_key(|amendment| amendment.id);
        since.dedup_by_key(|amendment| amendment.id);
        Some(since)
    }

    /// Whether a message is known to be deleted.
    pub fn is_deleted(&self, message: MessageId) -> bool {
        let known = self.by_message.get(&message);
        known.is_some_and(Changed::is_deleted)
    }

    /// Applies what has changed since the messages were read.
    pub fn mend<'a>(&self, messages: impl IntoIterator<Item = &'a mut Message>) {
        if self.by_message.is_empty() {
            return;
        }
        for message in messages {
            if let Some(changed) = self.by_message.get(&message.id) {
                changed.apply(message);
            }
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
    /// Applies to messages that were read from the store what has become of them meanwhile. What is
    /// shown of them then goes with [`super::Command::AsSeen`], because they may change again before
    /// it is.
    pub fn mend_read<'a>(&self, messages: impl IntoIterator<Item = &'a mut Message>) -> Seen {
        let mut seen = Vec::new();
        let messages = messages.into_iter().inspect(|it| seen.push(it.id));
        let messages: Vec<&mut Message> = messages.collect();
        self.mended.mend(messages);
        Seen {
            messages: seen,
            changes: self.mended.count(),
        }
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
