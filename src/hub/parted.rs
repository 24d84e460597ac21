//! Guests who have left, and who may come again with their tokens: what they have said
//! under their nicknames is still theirs, unless another user has had the nickname since.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use crate::model::MessageId;

/// The most guests remembered; beyond it, the oldest are forgotten.
const REMEMBERED: usize = 10_000;

/// The guests, by the keys of their nicknames.
#[derive(Default)]
pub(super) struct Parted {
    by_name: HashMap<Arc<str>, Guest>,
    /// In the order in which they left, with those who are forgotten since.
    order: VecDeque<(u64, Arc<str>)>,
    last: u64,
}

/// A guest who has left.
struct Guest {
    token: Arc<str>,
    named_after: MessageId,
    number: u64,
}

impl Parted {
    /// Notes that a guest has left, who had the nickname since this message.
    pub fn add(&mut self, key: Arc<str>, token: Arc<str>, named_after: MessageId) {
        while self.order.len() >= REMEMBERED
            && let Some((number, key)) = self.order.pop_front()
        {
            if self.by_name.get(&key).is_some_and(|it| it.number == number) {
                self.by_name.remove(&key);
            }
        }
        self.last += 1;
        self.order.push_back((self.last, key.clone()));
        let guest = Guest {
            token,
            named_after,
            number: self.last,
        };
        self.by_name.insert(key, guest);
    }

    /// Since when the guest with this token had a nickname that no other user has had since.
    pub fn named_after(&self, key: &str, token: &str) -> Option<MessageId> {
        let guest = self.by_name.get(key)?;
        (*guest.token == *token).then_some(guest.named_after)
    }

    /// Notes that a user has the nickname.
    pub fn forget(&mut self, key: &str) {
        self.by_name.remove(key);
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.order.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(ms: u64) -> MessageId {
        MessageId { ms, sequence: 0 }
    }

    #[test]
    fn a_guest_is_known_by_the_token_until_another_user_has_the_name() {
        let mut parted = Parted::default();
        parted.add("bob".into(), "one".into(), id(1));
        assert_eq!(parted.named_after("bob", "one"), Some(id(1)));
        assert_eq!(parted.named_after("bob", "two"), None);
        assert_eq!(parted.named_after("ann", "one"), None);
        parted.forget("bob");
        assert_eq!(parted.named_after("bob", "one"), None);
    }

    #[test]
    fn of_too_many_the_oldest_are_forgotten() {
        let mut parted = Parted::default();
        parted.add("bob".into(), "one".into(), id(1));
        parted.forget("bob");
        parted.add("bob".into(), "two".into(), id(2));
        for n in 0..REMEMBERED - 1 {
            parted.add(format!("guest{n}").into(), "x".into(), id(3));
        }
        assert_eq!(parted.named_after("bob", "two"), Some(id(2)));
        parted.add("eve".into(), "x".into(), id(4));
        assert_eq!(parted.named_after("bob", "two"), None);
        assert_eq!(parted.len(), REMEMBERED);
    }
}
