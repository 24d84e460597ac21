//! The reactions that a message has.
//!
//! They are kept as the text that is stored, so that reading a message costs nothing more for
//! them: a line for each user and sign, in the order of the ids of the log. A reaction that was
//! taken back keeps its line for a day. So what comes of several reactions does not depend on the
//! order in which they are applied, nor on how often: of one user's with one sign the one with
//! the highest id counts. After that day nothing is left of it but the id of the last change, in
//! a line that names nobody: clients that come back ask for changes by that id.

use std::collections::HashSet;
use std::fmt::Write;
use std::sync::Arc;

use super::account::AccountId;
use super::id::MessageId;
use super::sign::Sign;

/// The most different signs of a message, and the most of one user.
pub const MAX_SIGNS: usize = 20;
/// The most reactions of a message.
pub const MAX_REACTIONS: usize = 1000;
/// Users that are named of those who gave one sign; all are counted.
pub const MAX_NAMED: usize = 10;
/// How long a reaction that was taken back is remembered in a store, against earlier ones that
/// are stored later.
pub const REMEMBERED_MS: u64 = 24 * 60 * 60 * 1000;

/// What a message has of reactions.
#[derive(Clone, Debug, Default)]
pub struct Reactions {
    text: Arc<str>,
    /// The key of the user who is told, whose own ones are named first.
    reader: Option<Arc<str>>,
}

/// One user's reaction with one sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Given<'a> {
    /// The id of the log.
    pub id: MessageId,
    /// Whether it was not taken back.
    pub on: bool,
    /// The user's account; guests have none.
    pub account: Option<AccountId>,
    /// The sign.
    pub sign: &'a str,
    /// The key of the user's nickname.
    pub key: &'a str,
    /// The user's nickname at the time.
    pub user: &'a str,
}

/// A sign, with those who gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted<'a> {
    /// The sign.
    pub sign: &'a str,
    /// How many users gave it.
    pub count: usize,
    /// The first of them, the reader before all others.
    pub users: Vec<&'a str>,
}

/// Why a message takes no further reaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// It has as many different signs as it may have.
    Signs,
    /// The user has given it as many different signs as one may.
    OfUser,
    /// It has as many reactions as it may have.
    Reactions,
}

impl PartialEq for Reactions {
    fn eq(&self, other: &Reactions) -> bool {
        self.text == other.text
    }
}

impl Eq for Reactions {}

impl Reactions {
    /// The same from the text that was stored.
    pub fn restored(stored: &str) -> Reactions {
        Reactions {
            text: stored.into(),
            reader: None,
        }
    }

    /// The text to store.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The same for one reader, who is named before all others.
    pub fn for_reader(&self, key: &Arc<str>) -> Reactions {
        Reactions {
            text: self.text.clone(),
            reader: Some(key.clone()),
        }
    }

    /// All lines, those that were taken back included, in the order of their ids.
    pub fn given(&self) -> impl DoubleEndedIterator<Item = Given<'_>> {
        self.text.lines().filter_map(Given::read)
    }

    /// The id of the last change.
    pub fn last(&self) -> Option<MessageId> {
        self.given().next_back().map(|given| given.id)
    }

    /// What a user's nickname has given with a sign.
    pub fn of(&self, sign: &Sign, key: &str) -> Option<Given<'_>> {
        let mut given = self.given();
        given.find(|given| given.sign == sign.as_str() && given.key == key)
    }

    /// What an account has given with a sign, under whatever nickname.
    pub fn of_account(&self, sign: &Sign, account: AccountId) -> Option<Given<'_>> {
        let mut given = self.given().filter(|given| given.on);
        given.find(|given| given.sign == sign.as_str() && given.account == Some(account))
    }

    /// Whether the message takes a sign from a user.
    pub fn admit(&self, sign: &Sign, key: &str) -> Result<(), Full> {
        let (mut all, mut own) = (0, 0);
        let mut signs: Vec<&str> = Vec::with_capacity(MAX_SIGNS);
        for given in self.given().filter(|given| !given.is_mark()) {
            let is_own = given.key == key;
            if is_own && given.sign == sign.as_str() {
                continue;
            }
            all += 1;
            own += usize::from(is_own);
            if given.on && !signs.contains(&given.sign) {
                signs.push(given.sign);
            }
        }
        if signs.len() >= MAX_SIGNS && !signs.contains(&sign.as_str()) {
            return Err(Full::Signs);
        }
        if own >= MAX_SIGNS {
            return Err(Full::OfUser);
        }
        match all >= MAX_REACTIONS {
            true => Err(Full::Reactions),
            false => Ok(()),
        }
    }

    /// Applies all of what another state has.
    pub fn merge(&mut self, other: &Reactions) {
        if self.text.is_empty() {
            self.text = other.text.clone();
            return;
        }
        // Mostly the other state is the end of this one.
        if self.text.ends_with(&*other.text) {
            return;
        }
        let mut all: Vec<Given<'_>> = self.given().chain(other.given()).collect();
        all.sort_by_key(|given| given.id);
        let mut newer = HashSet::with_capacity(all.len());
        let mut last: Vec<&Given<'_>> = all
            .iter()
            .rev()
            .filter(|given| newer.insert((given.sign, given.key)))
            .collect();
        last.reverse();
        let mut text = String::with_capacity(self.text.len() + other.text.len());
        for given in last {
            given.write(&mut text);
        }
        self.text = text.into();
    }

    /// Keeps the newest lines, of which there are at most so many. Returns the id of the newest
    /// that is left out, if any is.
    pub fn keep_newest(&mut self, most: usize) -> Option<MessageId> {
        // The last line end is the end of the newest line.
        let (end, _) = self.text.rmatch_indices('\n').nth(most)?;
        let (older, newer) = self.text.split_at_checked(end + 1)?;
        let left_out = older.lines().next_back().and_then(Given::read);
        let left_out = left_out.map(|given| given.id);
        self.text = newer.into();
        left_out
    }

    /// Whether all users of every sign are named.
    pub fn names_all(&self) -> bool {
        let all = self.given().filter(|given| given.on).count();
        all <= MAX_NAMED || self.counted().iter().all(|it| it.count <= MAX_NAMED)
    }

    /// Applies a reaction. Returns whether the message has another number of signs now.
    pub fn give(&mut self, new: Given<'_>) -> bool {
        let before = self.given().find(|given| given.is_of(&new));
        if before.is_some_and(|before| before.id >= new.id) {
            return false;
        }
        let was_on = before.is_some_and(|before| before.on);
        let newest = self.last().unwrap_or_default().max(new.id);
        let mut text = String::with_capacity(self.text.len() + 64);
        let mut is_put = false;
        for given in self.given() {
            if given.id > new.id && !is_put {
                new.write(&mut text);
                is_put = true;
            }
            let is_old = !given.on && given.id.ms.saturating_add(REMEMBERED_MS) < newest.ms;
            if !given.is_of(&new) && !is_old {
                given.write(&mut text);
            }
        }
        if !is_put {
            new.write(&mut text);
        }
        self.text = text.into();
        was_on != new.on
    }

    /// Forgets the reactions that were taken back before a time, in milliseconds since 1970 UTC.
    /// Returns whether there were any. The id of the last change stays.
    pub fn forget_taken_back(&mut self, before_ms: u64) -> bool {
        let is_kept = |given: &Given<'_>| given.on || given.id.ms >= before_ms;
        if self.given().all(|given| is_kept(&given) || given.is_mark()) {
            return false;
        }
        let last = self.given().next_back();
        let mut text = String::with_capacity(self.text.len());
        for given in self.given().filter(is_kept) {
            given.write(&mut text);
        }
        if let Some(last) = last.filter(|last| !is_kept(last)) {
            last.mark().write(&mut text);
        }
        self.text = text.into();
        true
    }

    /// Whether the message has a reaction that was not taken back.
    pub fn is_any(&self) -> bool {
        self.given().any(|given| given.on)
    }

    /// The signs, in the order in which the message got them.
    pub fn counted(&self) -> Vec<Counted<'_>> {
        let mut all: Vec<Counted<'_>> = Vec::new();
        for given in self.given().filter(|given| given.on) {
            let at = all.iter().position(|it| it.sign == given.sign);
            let at = at.unwrap_or_else(|| {
                all.push(Counted {
                    sign: given.sign,
                    count: 0,
                    users: Vec::new(),
                });
                all.len() - 1
            });
            let Some(counted) = all.get_mut(at) else {
                continue;
            };
            counted.count += 1;
            if self.reader.as_deref() == Some(given.key) {
                counted.users.insert(0, given.user);
                counted.users.truncate(MAX_NAMED);
            } else if counted.users.len() < MAX_NAMED {
                counted.users.push(given.user);
            }
        }
        all
    }
}

impl<'a> Given<'a> {
    fn read(line: &'a str) -> Option<Given<'a>> {
        let mut parts = line.split('\t');
        let (is_on, id) = parts.next()?.split_at_checked(1)?;
        Some(Given {
            id: id.parse().ok()?,
            on: is_on == "+",
            account: parts.next()?.parse().ok().map(AccountId),
            sign: parts.next()?,
            key: parts.next()?,
            user: parts.next()?,
        })
    }

    fn write(&self, out: &mut String) {
        let sign = if self.on { '+' } else { '-' };
        // Writing to a String cannot fail.
        let _ = match self.account {
            Some(AccountId(account)) => write!(out, "{sign}{}\t{account}", self.id),
            None => write!(out, "{sign}{}\t", self.id),
        };
        let _ = writeln!(out, "\t{}\t{}\t{}", self.sign, self.key, self.user);
    }

    /// The line that says only that this was the last change.
    fn mark(&self) -> Given<'static> {
        Given {
            id: self.id,
            on: false,
            account: None,
            sign: "",
            key: "",
            user: "",
        }
    }

    /// Whether it names no user.
    fn is_mark(&self) -> bool {
        self.key.is_empty()
    }

    /// Whether it is of the same user and sign.
    fn is_of(&self, other: &Given<'_>) -> bool {
        self.sign == other.sign && self.key == other.key
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Name, Place, Reaction};

    fn reaction(ms: u64, by: &str, sign: &str, on: bool) -> Reaction {
        let channel = Name::parse("dev").unwrap();
        Reaction {
            id: MessageId { ms, sequence: 0 },
            message: MessageId::default(),
            place: Place::Channel {
                channel,
                account: None,
            },
            author: Name::parse("ann").unwrap(),
            to: None,
            by: Name::parse(by).unwrap(),
            account: None,
            sign: Sign::parse(sign).unwrap(),
            on,
        }
    }

    fn all(reactions: &[Reaction]) -> Reactions {
        let mut state = Reactions::default();
        for reaction in reactions {
            state.give(reaction.given());
        }
        state
    }

    #[test]
    fn neither_order_nor_number_of_times_matters() {
        let given = [
            reaction(2, "bob", "👍", true),
            reaction(3, "eve", "👍", true),
            reaction(4, "bob", "👍", false),
            reaction(5, "bob", "lol", true),
            reaction(6, "eve", "👍", false),
            reaction(7, "eve", "👍", true),
        ];
        let expected = all(&given);
        let (mut turned, mut doubled) = (given.to_vec(), given.to_vec());
        turned.reverse();
        doubled.extend(given.iter().cloned());
        doubled.rotate_left(3);
        for order in [turned, doubled] {
            assert_eq!(all(&order), expected);
        }
        let mut merged = all(&given[..4]);
        merged.merge(&all(&given[2..]));
        assert_eq!(merged, expected);
        let stored = Reactions::restored(expected.as_str());
        assert_eq!(stored, expected);
        assert_eq!(stored.last(), Some(given[5].id));
        let signs: Vec<_> = stored
            .counted()
            .iter()
            .map(|it| (it.sign, it.count))
            .collect();
        assert_eq!(signs, [("lol", 1), ("👍", 1)]);
    }

    #[test]
    fn the_newest_are_kept() {
        let given = [1, 2, 3].map(|n| reaction(n, &format!("u{n}"), "👍", true));
        let mut state = all(&given);
        state.keep_newest(3);
        assert_eq!(state, all(&given));
        state.keep_newest(2);
        assert_eq!(state, all(&given[1..]));
    }

    #[test]
    fn what_changes_nothing_is_known() {
        let mut state = Reactions::default();
        assert!(!state.give(reaction(1, "bob", "👍", false).given()));
        assert!(state.give(reaction(2, "bob", "👍", true).given()));
        assert!(!state.give(reaction(3, "Bob", "👍", true).given()));
        assert!(state.is_any());
        assert!(state.give(reaction(4, "bob", "👍", false).given()));
        assert!(!state.is_any());
    }

    #[test]
    fn all_are_counted_and_some_are_named_the_reader_first() {
        let many = 3 * MAX_NAMED as u64;
        let given = (0..many).map(|n| reaction(n, &format!("u{n}"), "👍", true));
        let state = all(&given.collect::<Vec<_>>());
        let counted = state.counted();
        assert_eq!(counted[0].count, 3 * MAX_NAMED);
        assert_eq!(counted[0].users.len(), MAX_NAMED);
        assert_eq!(counted[0].users[0], "u0");
        let reader = Name::parse("u25").unwrap();
        let state = state.for_reader(reader.key());
        assert_eq!(state.counted()[0].users[..2], ["u25", "u0"]);
        assert_eq!(state.counted()[0].users.len(), MAX_NAMED);
    }

    #[test]
    fn a_message_takes_a_limited_number() {
        let sign = |n: usize| Sign::parse(&format!("s{n}")).unwrap();
        let by = |n: usize| format!("u{}", n / MAX_SIGNS);
        let given = |n: usize| {
            let sign = sign(n % MAX_SIGNS);
            reaction(n as u64, &by(n), sign.as_str(), true)
        };
        let twenty = all(&(0..MAX_SIGNS).map(given).collect::<Vec<_>>());
        assert_eq!(twenty.admit(&sign(99), "eve"), Err(Full::Signs));
        assert_eq!(twenty.admit(&sign(3), "eve"), Ok(()));
        let full = all(&(0..MAX_REACTIONS).map(given).collect::<Vec<_>>());
        assert_eq!(full.admit(&sign(3), "eve"), Err(Full::Reactions));
        let own = Name::parse("u0").unwrap();
        assert_eq!(full.admit(&sign(3), own.key()), Ok(()));
        // What was taken back counts for its user, so that nobody fills the room of others.
        let off: Vec<Reaction> = (0..MAX_SIGNS)
            .map(|n| reaction(n as u64, "eve", &format!("s{n}"), false))
            .collect();
        assert_eq!(all(&off).admit(&sign(99), "eve"), Err(Full::OfUser));
        assert_eq!(all(&off).admit(&sign(99), "bob"), Ok(()));
    }

    #[test]
    fn what_was_taken_back_is_forgotten_after_a_day() {
        let mut state = all(&[
            reaction(1, "bob", "👍", true),
            reaction(2, "bob", "👍", false),
        ]);
        assert_eq!(state.given().count(), 1);
        state.give(reaction(3 + REMEMBERED_MS, "eve", "👍", true).given());
        assert_eq!(state.given().count(), 1);
    }

    #[test]
    fn what_was_taken_back_is_forgotten_also_if_nothing_follows() {
        let taken_back = |ms| reaction(ms, "bob", "👍", false);
        let mut state = all(&[reaction(1, "eve", "👍", true), taken_back(5)]);
        assert!(!state.forget_taken_back(5));
        assert!(state.forget_taken_back(6));
        assert!(!state.as_str().contains("bob"), "{}", state.as_str());
        assert_eq!(state.last(), Some(taken_back(5).id));
        assert_eq!(state.counted().len(), 1);
        assert!(!state.forget_taken_back(100));
        // The mark is the line of no user, and gives way to what follows.
        assert_eq!(state, Reactions::restored(state.as_str()));
        let full: Vec<Reaction> = (0..MAX_SIGNS)
            .map(|n| reaction(10 + n as u64, "bob", &format!("s{n}"), false))
            .collect();
        let mut state = all(&full);
        assert!(state.forget_taken_back(1000));
        let sign = Sign::parse("👍").unwrap();
        assert_eq!(state.admit(&sign, "bob"), Ok(()));
        assert_eq!(state.given().count(), 1);
        let next = reaction(2000, "eve", "👍", true);
        assert!(state.give(next.given()));
        assert_eq!(state.last(), Some(next.id));
        assert!(!state.forget_taken_back(0));
    }

    #[test]
    fn lines_that_cannot_be_read_are_passed_over() {
        let state = Reactions::restored("\n+\n+1-0\n?x\t\t\t\t\n+1-0\t7\t👍\tbob\tBob\n");
        assert_eq!(state.given().count(), 1);
        assert_eq!(state.given().next().unwrap().account, Some(AccountId(7)));
    }
}
