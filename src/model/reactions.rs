//! The reactions that a message has.
//!
//! What is stored of them is a text: a line for each user and sign, in the order of the ids of the
//! log. A reaction that was taken back keeps its line for a day. So what comes of several reactions
//! does not depend on the order in which they are applied, nor on how often: of one user's with one
//! sign the one with the highest id counts. After that day nothing is left of it but the id of the
//! last change, in a line that names nobody: clients that come back ask for changes by that id.
//!
//! In memory the lines are sorted by what is asked of them, and copies share them. So the hub
//! applies one more reaction to a message that has a thousand without going through them.

mod line;
mod sorted;

use std::cmp::Ordering;
use std::sync::Arc;

use super::account::AccountId;
use super::id::MessageId;
use super::sign::Sign;

pub use line::Given;

use line::Line;
use sorted::Sorted;

/// The most different signs of a message, and the most of one user.
pub const MAX_SIGNS: usize = 20;
/// The most reactions of a message.
pub const MAX_REACTIONS: usize = 1000;
/// Users that are named of those who gave one sign; all are counted.
pub const MAX_NAMED: usize = 10;
/// How long a reaction that was taken back is remembered in a store, against earlier ones that
/// are stored later.
pub const REMEMBERED_MS: u64 = 24 * 60 * 60 * 1000;
/// How many of those that were taken back a day ago are forgotten with each new one.
const FORGOTTEN_AT_ONCE: usize = 4;

/// What a message has of reactions.
#[derive(Clone, Debug, Default)]
pub struct Reactions {
    lines: Arc<Lines>,
    /// The key of the user who is told, whose own ones are named first.
    reader: Option<Arc<str>>,
}

#[derive(Clone, Debug)]
struct Lines {
    /// All of them, in the order of their ids.
    all: Sorted,
    /// The same in the order of their users and signs.
    by_user: Sorted,
    /// Those of accounts that were not taken back.
    by_account: Sorted,
    /// Those that were taken back, in the order of their ids.
    taken_back: Sorted,
    /// The others, by their signs, of which there are few.
    by_sign: Vec<(Box<str>, Sorted)>,
    bytes: usize,
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
        Arc::ptr_eq(&self.lines, &other.lines) || self.given().eq(other.given())
    }
}

impl Eq for Reactions {}

impl Reactions {
    /// The same from the text that was stored.
    pub fn restored(stored: &str) -> Reactions {
        let lines = stored.lines().filter_map(Given::read);
        let lines = lines.map(|given| Arc::new(Line::new(&given))).collect();
        Reactions {
            lines: Arc::new(Lines::of(lines)),
            reader: None,
        }
    }

    /// The text to store.
    pub fn to_text(&self) -> String {
        let mut text = String::with_capacity(self.bytes());
        self.given().for_each(|given| given.write(&mut text));
        text
    }

    /// How many bytes it holds.
    pub fn bytes(&self) -> usize {
        self.lines.bytes
    }

    /// Whether there is no line, not even of what was taken back.
    pub fn is_empty(&self) -> bool {
        self.lines.all.len() == 0
    }

    /// The same for one reader, who is named before all others.
    pub fn for_reader(&self, key: &Arc<str>) -> Reactions {
        Reactions {
            lines: self.lines.clone(),
            reader: Some(key.clone()),
        }
    }

    /// All lines, those that were taken back included, in the order of their ids.
    pub fn given(&self) -> impl DoubleEndedIterator<Item = Given<'_>> {
        self.lines.all.iter().map(|line| line.given())
    }

    /// The id of the last change.
    pub fn last(&self) -> Option<MessageId> {
        self.lines.all.last().map(|line| line.id)
    }

    /// What a user's nickname has given with a sign.
    pub fn of(&self, sign: &Sign, key: &str) -> Option<Given<'_>> {
        let found = self.lines.of_user(key, sign.as_str())?;
        Some(found.given())
    }

    /// What an account has given with a sign, under whatever nickname.
    pub fn of_account(&self, sign: &Sign, account: AccountId) -> Option<Given<'_>> {
        let place = (Some(account), sign.as_str());
        let at = |line: &Line| (line.account, line.sign()).cmp(&place);
        let found = self.lines.by_account.from(at).next();
        found.filter(|line| at(line).is_eq()).map(|it| it.given())
    }

    /// Whether the message takes a sign from a user.
    pub fn admit(&self, sign: &Sign, key: &str) -> Result<(), Full> {
        let Lines { all, by_sign, .. } = &*self.lines;
        let own = self.lines.by_user.from(|line| line.key().cmp(key));
        let own = own.take_while(|line| line.key() == key).count();
        // What the user has given with this sign gives way.
        let same = usize::from(self.of(sign, key).is_some());
        let mark = usize::from(self.lines.of_user("", "").is_some());
        let is_new = !by_sign.iter().any(|(given, _)| **given == *sign.as_str());
        if is_new && by_sign.len() >= MAX_SIGNS {
            return Err(Full::Signs);
        }
        if own - same >= MAX_SIGNS {
            return Err(Full::OfUser);
        }
        match all.len() - mark - same >= MAX_REACTIONS {
            true => Err(Full::Reactions),
            false => Ok(()),
        }
    }

    /// Applies all of what another state has.
    pub fn merge(&mut self, other: &Reactions) {
        if self.is_empty() {
            self.lines = other.lines.clone();
            return;
        }
        for given in other.given() {
            // Mostly it has them.
            if !self.lines.has(given.id) {
                self.put(&given);
            }
        }
    }

    /// Keeps the newest lines, of which there are at most so many. Returns the id of the newest
    /// that is left out, if any is.
    pub fn keep_newest(&mut self, most: usize) -> Option<MessageId> {
        let mut left_out = None;
        while self.lines.all.len() > most {
            let oldest = self.lines.all.first()?.clone();
            left_out = Some(oldest.id);
            Arc::make_mut(&mut self.lines).remove(&oldest);
        }
        left_out
    }

    /// Whether all users of every sign are named.
    pub fn names_all(&self) -> bool {
        let mut signs = self.lines.by_sign.iter();
        signs.all(|(_, given)| given.len() <= MAX_NAMED)
    }

    /// Applies a reaction. Returns whether the message has another number of signs now.
    pub fn give(&mut self, new: Given<'_>) -> bool {
        let has_changed = self.put(&new);
        self.forget_old();
        has_changed
    }

    /// Has a line take the place of an earlier one of the same user and sign.
    fn put(&mut self, new: &Given<'_>) -> bool {
        let before = self.lines.of_user(new.key, new.sign).cloned();
        if before.as_ref().is_some_and(|before| before.id >= new.id) {
            return false;
        }
        let lines = Arc::make_mut(&mut self.lines);
        if let Some(before) = &before {
            lines.remove(before);
        }
        lines.insert(new);
        before.is_some_and(|before| before.on) != new.on
    }

    /// Forgets a few of those that were taken back long before the last change.
    fn forget_old(&mut self) {
        let newest = self.last().unwrap_or_default();
        for _ in 0..FORGOTTEN_AT_ONCE {
            let is_old = |line: &&Arc<Line>| line.id.ms.saturating_add(REMEMBERED_MS) < newest.ms;
            let Some(oldest) = self.lines.taken_back.first().filter(is_old).cloned() else {
                return;
            };
            Arc::make_mut(&mut self.lines).remove(&oldest);
        }
    }

    /// Forgets the reactions that were taken back before a time, in milliseconds since 1970 UTC.
    /// Returns whether there were any. The id of the last change stays.
    pub fn forget_taken_back(&mut self, before_ms: u64) -> bool {
        let old = self.lines.taken_back.iter();
        let old: Vec<Arc<Line>> = old
            .take_while(|line| line.id.ms < before_ms)
            .cloned()
            .collect();
        if old.iter().all(|line| line.key().is_empty()) {
            return false;
        }
        let last = self.last();
        let lines = Arc::make_mut(&mut self.lines);
        for line in &old {
            lines.remove(line);
        }
        if let Some(last) = last.filter(|last| old.last().is_some_and(|old| old.id == *last)) {
            lines.insert(&Given::mark(last));
        }
        true
    }

    /// Whether the message has a reaction that was not taken back.
    pub fn is_any(&self) -> bool {
        !self.lines.by_sign.is_empty()
    }

    /// The signs, in the order in which the message got them.
    pub fn counted(&self) -> Vec<Counted<'_>> {
        let mut signs: Vec<&(Box<str>, Sorted)> = self.lines.by_sign.iter().collect();
        signs.sort_by_key(|(_, given)| given.first().map(|line| line.id));
        let reader = self.reader.as_deref();
        let counted = signs.into_iter().map(|(sign, given)| {
            let own = reader.and_then(|key| self.lines.of_user(key, sign));
            let own = own.filter(|own| own.on);
            let others = given.iter().filter(|line| Some(line.key()) != reader);
            let users = own.into_iter().chain(others).take(MAX_NAMED);
            Counted {
                sign,
                count: given.len(),
                users: users.map(|line| line.given().user).collect(),
            }
        });
        counted.collect()
    }
}

impl Default for Lines {
    fn default() -> Lines {
        Lines {
            all: Sorted::by(by_id),
            by_user: Sorted::by(by_user),
            by_account: Sorted::by(by_account),
            taken_back: Sorted::by(by_id),
            by_sign: Vec::new(),
            bytes: 0,
        }
    }
}

fn by_user(one: &Line, other: &Line) -> Ordering {
    (one.key(), one.sign()).cmp(&(other.key(), other.sign()))
}

fn by_account(one: &Line, other: &Line) -> Ordering {
    let signs = (one.account, one.sign()).cmp(&(other.account, other.sign()));
    signs.then_with(|| by_id(one, other))
}

fn by_id(one: &Line, other: &Line) -> Ordering {
    (one.id, one.key(), one.sign()).cmp(&(other.id, other.key(), other.sign()))
}

impl Lines {
    /// All of these, of which one user's last one with a sign counts.
    fn of(mut lines: Vec<Arc<Line>>) -> Lines {
        lines.sort_by(|one, other| by_user(one, other).then_with(|| by_id(other, one)));
        lines.dedup_by(|next, kept| by_user(next, kept).is_eq());
        let by_user = Sorted::of(by_user, lines.clone());
        lines.sort_by(|one, other| by_id(one, other));
        let bytes = lines.iter().map(|line| line.bytes()).sum();
        let all = Sorted::of(by_id, lines.clone());
        let (on, taken_back): (Vec<_>, Vec<_>) = lines.into_iter().partition(|line| line.on);
        let mut found = Lines {
            all,
            by_user,
            taken_back: Sorted::of(by_id, taken_back),
            bytes,
            ..Lines::default()
        };
        for line in &on {
            found.count(line.clone());
        }
        let mut of_accounts = on;
        of_accounts.retain(|line| line.account.is_some());
        of_accounts.sort_by(|one, other| by_account(one, other));
        found.by_account = Sorted::of(by_account, of_accounts);
        found
    }

    fn of_user(&self, key: &str, sign: &str) -> Option<&Arc<Line>> {
        self.by_user
            .find(|line| (line.key(), line.sign()).cmp(&(key, sign)))
    }

    /// Whether this change is among them.
    fn has(&self, id: MessageId) -> bool {
        self.all.find(|line| line.id.cmp(&id)).is_some()
    }

    /// Adds a line of a user who has none with this sign.
    fn insert(&mut self, new: &Given<'_>) {
        let line = Arc::new(Line::new(new));
        self.bytes += line.bytes();
        self.all.insert(line.clone());
        self.by_user.insert(line.clone());
        if !line.on {
            return self.taken_back.insert(line);
        }
        if line.account.is_some() {
            self.by_account.insert(line.clone());
        }
        self.count(line);
    }

    /// Adds one that was not taken back to those of its sign.
    fn count(&mut self, line: Arc<Line>) {
        let mut signs = self.by_sign.iter_mut();
        if let Some((_, given)) = signs.find(|(sign, _)| **sign == *line.sign()) {
            return given.insert(line);
        }
        let sign = line.sign().into();
        let given = Sorted::of(by_id, vec![line]);
        self.by_sign.push((sign, given));
    }

    fn remove(&mut self, line: &Line) {
        self.bytes -= line.bytes();
        self.all.remove(line);
        self.by_user.remove(line);
        if !line.on {
            return self.taken_back.remove(line);
        }
        self.by_account.remove(line);
        let at = self
            .by_sign
            .iter()
            .position(|(sign, _)| &**sign == line.sign());
        if let Some(at) = at
            && let Some((_, given)) = self.by_sign.get_mut(at)
        {
            given.remove(line);
            if given.len() == 0 {
                self.by_sign.remove(at);
            }
        }
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
        let stored = Reactions::restored(&expected.to_text());
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
        assert!(!state.to_text().contains("bob"), "{}", state.to_text());
        assert_eq!(state.last(), Some(taken_back(5).id));
        assert_eq!(state.counted().len(), 1);
        assert!(!state.forget_taken_back(100));
        // The mark is the line of no user, and gives way to what follows.
        assert_eq!(state, Reactions::restored(&state.to_text()));
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
