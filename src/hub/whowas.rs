//! Who was here: users who have left or have another nickname now, as others were shown
//! them. Kept in memory; the oldest are forgotten first.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use crate::model::Name;

use super::{Face, Hub, Now};

/// The most users that are remembered.
const MOST: usize = 10_000;
/// The most that one answer tells.
const MOST_TOLD: usize = 100;

/// A user who was here.
#[derive(Clone, Debug)]
pub struct PastUser {
    /// The nickname.
    pub name: Name,
    /// What others were shown of the user.
    pub face: Arc<Face>,
    /// When the user left, in milliseconds since 1970 UTC.
    pub at_ms: u64,
}

/// The users who were here, in the order in which they left.
#[derive(Default)]
pub(super) struct PastUsers {
    list: VecDeque<PastUser>,
    /// The number of the first of the list.
    first: u64,
    /// The numbers of those with a nickname, by its key.
    by_key: HashMap<Arc<str>, VecDeque<u64>>,
}

impl PastUsers {
    fn add(&mut self, user: PastUser) {
        if self.list.len() >= MOST {
            self.forget_first();
        }
        let number = self.first + self.list.len() as u64;
        let numbers = self.by_key.entry(user.name.key().clone()).or_default();
        numbers.push_back(number);
        self.list.push_back(user);
    }

    fn forget_first(&mut self) {
        let Some(gone) = self.list.pop_front() else {
            return;
        };
        self.first += 1;
        if let Some(numbers) = self.by_key.get_mut(gone.name.key()) {
            numbers.pop_front();
            if numbers.is_empty() {
                self.by_key.remove(gone.name.key());
            }
        }
    }

    fn of(&self, name: &Name) -> impl Iterator<Item = &PastUser> {
        let numbers = self.by_key.get(name.key()).into_iter().flatten().rev();
        numbers.filter_map(|number| self.list.get((number - self.first) as usize))
    }
}

impl Hub {
    /// Remembers a user who has just left, or has another nickname now.
    pub(super) fn remember(&mut self, name: &Name, face: Arc<Face>, now: Now) {
        self.past_users.add(PastUser {
            name: name.clone(),
            face,
            at_ms: now.unix_ms,
        });
    }

    /// Those who had a nickname and have left, the last one first; at most so many.
    pub fn who_was(&self, name: &Name, most: usize) -> Vec<PastUser> {
        let users = self.past_users.of(name);
        users.take(most.min(MOST_TOLD)).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_are_forgotten_first() {
        let mut past = PastUsers::default();
        for n in 0..MOST + 5 {
            past.add(PastUser {
                name: Name::parse(&format!("n{}", n % 4)).unwrap(),
                face: Arc::default(),
                at_ms: n as u64,
            });
        }
        assert_eq!(past.list.len(), MOST);
        let name = Name::parse("n0").unwrap();
        let mut times = past.of(&name).map(|it| it.at_ms);
        assert_eq!(times.next(), Some(MOST as u64 + 4));
        assert_eq!(times.last(), Some(8));
        let kept: usize = past.by_key.values().map(VecDeque::len).sum();
        assert_eq!(kept, MOST);
    }
}
