//! How far accounts have read: clients say so again and again while they read, so what
//! comes within a moment is stored in one go.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::model::{AccountId, MessageId, Name};

/// The shortest time between two times of storing.
const PAUSE: Duration = Duration::from_millis(200);
/// So many are stored at once in any case.
const MOST: usize = 2_000;

/// Marks that wait to be stored.
#[derive(Default)]
pub(super) struct Marks {
    waiting: BTreeMap<(AccountId, Arc<str>), (Name, MessageId)>,
    stored: Option<Instant>,
}

impl Marks {
    /// Adds a mark; of two for the same channel the later one stays.
    pub fn add(&mut self, account: AccountId, channel: Name, up_to: MessageId) {
        let key = (account, channel.key().clone());
        let mark = self.waiting.entry(key).or_insert((channel, up_to));
        mark.1 = mark.1.max(up_to);
    }

    /// When the waiting ones are to be stored, if there are any.
    pub fn due(&self) -> Option<Instant> {
        let stored = self.stored.filter(|_| self.waiting.len() < MOST);
        let now = Instant::now();
        (!self.waiting.is_empty()).then(|| stored.map_or(now, |at| at + PAUSE))
    }

    /// Takes all of them, to be stored now.
    pub fn take(&mut self) -> Vec<(AccountId, Name, MessageId)> {
        self.stored = Some(Instant::now());
        let marks = std::mem::take(&mut self.waiting).into_iter();
        marks
            .map(|((account, _), (channel, up_to))| (account, channel, up_to))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_one_is_due_at_once_and_later_ones_together() {
        let name = |raw: &str| Name::parse(raw).unwrap();
        let id = |ms| MessageId { ms, sequence: 0 };
        let mut marks = Marks::default();
        assert!(marks.due().is_none());
        marks.add(AccountId(1), name("dev"), id(5));
        assert!(marks.due().is_some_and(|due| due <= Instant::now()));
        assert_eq!(marks.take(), [(AccountId(1), name("dev"), id(5))]);
        assert!(marks.due().is_none());
        for ms in [9, 7] {
            marks.add(AccountId(1), name("Dev"), id(ms));
        }
        marks.add(AccountId(2), name("dev"), id(6));
        let stored = marks.stored.unwrap();
        assert_eq!(marks.due(), Some(stored + PAUSE));
        let both = [
            (AccountId(1), name("Dev"), id(9)),
            (AccountId(2), name("dev"), id(6)),
        ];
        assert_eq!(marks.take(), both);
    }
}
