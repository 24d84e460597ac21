//! Merges two histories: what the store has, and what only the log has yet.

use std::collections::BTreeSet;

use crate::model::{History, Message, MessageId, Reactions, Window};

use super::unstored::Changes;

/// The entries that the log has of a conversation, oldest first, on the side asked for.
#[derive(Debug, Default)]
pub struct Rows {
    pub messages: Vec<Message>,
    /// Whether the log has more on that side.
    pub more: bool,
}

/// Applies the changes of messages that only the log may have. Returns the messages before the
/// part that users have reacted to since, and that the store has not named.
pub fn amend(history: &mut History, changes: Changes, window: Window) -> BTreeSet<MessageId> {
    for message in &mut history.messages {
        changes.apply(message);
    }
    let Window::After(after) = window else {
        return BTreeSet::new();
    };
    for message in &mut history.reacted {
        changes.apply(message);
    }
    history.reacted.retain(|message| !message.body.is_deleted());
    let is_before = |message: MessageId, id: MessageId| message <= after && id > after;
    let reacted = changes.reactions.iter();
    let reacted = reacted.filter(|it| is_before(it.message, it.id));
    let mut unnamed: BTreeSet<MessageId> = reacted.map(|it| it.message).collect();
    for message in &history.reacted {
        unnamed.remove(&message.id);
    }
    let mut all = std::mem::take(&mut history.amended);
    let amended = changes.amendments.into_iter();
    all.extend(amended.filter(|it| is_before(it.message, it.id)));
    // The last change of each message, and a deletion is the last.
    all.sort_by_key(|it| (it.message, it.deletes(), it.id));
    all.reverse();
    all.dedup_by_key(|it| it.message);
    all.sort_by_key(|it| it.id);
    history.amended = all;
    unnamed
}

/// Adds messages that users have reacted to.
pub fn add_reacted(history: &mut History, messages: Vec<Message>) {
    history.reacted.extend(messages);
    let last = |message: &Message| message.body.reactions().and_then(Reactions::last);
    history.reacted.sort_by_key(last);
}

/// Merges both: without duplicates, at most `limit`, in order.
pub fn merge(stored: History, rows: Rows, window: Window, limit: usize) -> History {
    let is_after = matches!(window, Window::After(_));
    let last: Option<MessageId> = stored.messages.last().map(|message| message.id);
    let mut messages = stored.messages;
    for row in rows.messages {
        // The store may have others between its last one and this.
        let is_beyond = is_after && stored.more && last.is_some_and(|last| row.id > last);
        if !is_beyond {
            messages.push(row);
        }
    }
    // Stable: of a message that both have, the store's is first.
    messages.sort_by_key(|message| message.id);
    messages.dedup_by_key(|message| message.id);
    let is_cut = messages.len() > limit;
    if is_after {
        messages.truncate(limit);
    } else {
        messages.drain(..messages.len().saturating_sub(limit));
    }
    History {
        messages,
        amended: stored.amended,
        reacted: stored.reacted,
        more: stored.more || rows.more || is_cut,
        gap: stored.gap,
        newest: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Name, Place, Text};
    use proptest::prelude::*;

    fn message(ms: u64) -> Message {
        Message {
            id: MessageId { ms, sequence: 0 },
            at_ms: ms,
            author: Name::parse("amy").unwrap(),
            place: Place::Channel {
                channel: Name::parse("dev").unwrap(),
                account: None,
            },
            body: Text::clean("x").into(),
        }
    }

    /// A part of all there is, as a store or a log gives it.
    fn part(all: &[u64], window: Window, limit: usize) -> (Vec<Message>, bool) {
        let fits: Vec<u64> = all
            .iter()
            .copied()
            .filter(|&ms| {
                let id = MessageId { ms, sequence: 0 };
                match window {
                    Window::After(after) => id > after,
                    Window::Before(before) => id < before,
                    Window::Latest | Window::Page(_) => true,
                }
            })
            .collect();
        let more = fits.len() > limit;
        let some = match window {
            Window::After(_) => &fits[..limit.min(fits.len())],
            _ => &fits[fits.len().saturating_sub(limit)..],
        };
        (some.iter().map(|&ms| message(ms)).collect(), more)
    }

    proptest! {
        /// Whatever part the store has, the answer is that of a store that has everything.
        #[test]
        fn merged_is_as_if_all_were_stored(
            count in 0..30u64,
            unstored_from in 0..30u64,
            holes in proptest::collection::vec(any::<bool>(), 30),
            limit in 0..12usize,
            at in 0..30u64,
            kind in 0..3,
        ) {
            let at = MessageId { ms: at, sequence: 0 };
            let window = match kind {
                0 => Window::Latest,
                1 => Window::Before(at),
                _ => Window::After(at),
            };
            let all: Vec<u64> = (0..count).collect();
            // Servers store at different speeds, so the newer part of the store has gaps.
            let stored: Vec<u64> = all.iter().copied()
                .filter(|&ms| ms < unstored_from || holes[ms as usize])
                .collect();
            let logged: Vec<u64> = all.iter().copied().filter(|&ms| ms >= unstored_from).collect();
            let (messages, more) = part(&stored, window, limit);
            let stored = History { messages, more, ..History::default() };
            let (messages, more) = part(&logged, window, limit);
            let merged = merge(stored, Rows { messages, more }, window, limit);
            let (expected, expected_more) = part(&all, window, limit);
            let ids = |messages: &[Message]| messages.iter().map(|m| m.id.ms).collect::<Vec<_>>();
            prop_assert!(!expected_more || merged.more);
            if ids(&merged.messages) != ids(&expected) {
                // Fewer than asked for are returned only together with `more`, and never with a
                // gap.
                prop_assert!(kind == 2 && merged.more);
                let got = ids(&merged.messages);
                prop_assert_eq!(&got[..], &ids(&expected)[..got.len()]);
                prop_assert!(!got.is_empty());
            }
        }
    }
}
