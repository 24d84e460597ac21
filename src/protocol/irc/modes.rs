//! Letters for the rules, lists and roles of channels. Only this file knows them.

use crate::hub::{Deed, Target};
use crate::model::Name;
use crate::model::governance::{Bound, Change, Flag, Key, List, Mask, Person, Role, Rules};

use super::lines::{From, Lines};
use super::masks::{self, Meant};
use super::tags::Said;

/// The marks of roles before a nickname, the highest first.
pub const PREFIX: &str = "(qov)~@+";
/// The modes by kind, as clients are told: lists, with a parameter always, with one when
/// they are set, without any.
pub const CHANMODES: &str = "Ibe,k,l,CMRUimnstu";
/// Every letter of a channel's modes.
pub const ALL_CHANNEL: &str = "CIMRUbeiklmnoqstuv";
/// The letters that take a parameter.
pub const WITH_PARAMETER: &str = "Ibekloqv";
/// The most changes of one command.
pub const MAX_CHANGES: usize = 20;

/// The letter of a role.
pub fn role_letter(role: Role) -> char {
    match role {
        Role::Founder => 'q',
        Role::Operator => 'o',
        Role::Voice => 'v',
    }
}

/// The mark of a role before a nickname; empty for people without one.
pub fn role_sign(role: Option<Role>) -> &'static str {
    match role {
        Some(Role::Founder) => "~",
        Some(Role::Operator) => "@",
        Some(Role::Voice) => "+",
        None => "",
    }
}

/// The role that a mark before a nickname stands for.
pub fn signed_role(sign: char) -> Option<Role> {
    let roles = [Role::Founder, Role::Operator, Role::Voice];
    roles
        .into_iter()
        .find(|&role| role_sign(Some(role)).starts_with(sign))
}

/// The letter of a list. Mutes are bans of their own kind.
pub fn list_letter(list: List) -> char {
    match list {
        List::Ban | List::Mute => 'b',
        List::Except => 'e',
        List::Invite => 'I',
    }
}

fn list_of(letter: char) -> Option<List> {
    match letter {
        'b' => Some(List::Ban),
        'e' => Some(List::Except),
        'I' => Some(List::Invite),
        _ => None,
    }
}

fn role_of(letter: char) -> Option<Role> {
    match letter {
        'q' => Some(Role::Founder),
        'o' => Some(Role::Operator),
        'v' => Some(Role::Voice),
        _ => None,
    }
}

/// One thing that a MODE command asks for.
#[derive(Debug)]
pub enum Wish {
    /// A change.
    Deed(Deed),
    /// The entries of a list.
    Show(List),
    /// A letter that no mode has.
    Unknown(char),
    /// A parameter that the mode cannot have, and why.
    Bad(char, String, &'static str),
    /// A change without the parameter that it needs.
    Incomplete,
}

/// What a MODE command on a channel asks for.
pub fn wishes(modes: &str, params: &[&str]) -> Vec<Wish> {
    let mut wishes = Vec::new();
    let mut rules = Vec::new();
    let mut params = params.iter().copied();
    let mut on = true;
    for letter in modes.chars() {
        if matches!(letter, '+' | '-') {
            on = letter == '+';
            continue;
        }
        if wishes.len() + rules.len() >= MAX_CHANGES {
            break;
        }
        match wish(letter, on, &mut params) {
            Found::Rule(change) => rules.push(change),
            Found::Other(wish) => {
                end_rules(&mut rules, &mut wishes);
                wishes.push(wish);
            }
            Found::Nothing => {}
        }
    }
    end_rules(&mut rules, &mut wishes);
    wishes
}

fn end_rules(rules: &mut Vec<Change>, wishes: &mut Vec<Wish>) {
    if !rules.is_empty() {
        wishes.push(Wish::Deed(Deed::Rules(std::mem::take(rules))));
    }
}

enum Found {
    Rule(Change),
    Other(Wish),
    Nothing,
}

fn wish<'a>(letter: char, on: bool, params: &mut impl Iterator<Item = &'a str>) -> Found {
    if let Some(flag) = Flag::from_letter(letter) {
        return Found::Rule(Change::Flag(flag, on));
    }
    if let Some(list) = list_of(letter) {
        return Found::Other(list_wish(list, on, params.next()));
    }
    if let Some(role) = role_of(letter) {
        return Found::Other(role_wish(role, on, params.next()));
    }
    match (letter, on) {
        ('k', true) => match params.next().map(|key| (key, Key::parse(key))) {
            Some((_, Ok(key))) => Found::Rule(Change::Key(Some(key))),
            Some((key, Err(_))) => {
                let why = "A key is 1 to 23 printable ASCII characters without space and comma";
                Found::Other(Wish::Bad('k', key.to_owned(), why))
            }
            None => Found::Other(Wish::Incomplete),
        },
        ('k', false) => {
            // Clients give the key that they take off; it need not be right.
            params.next();
            Found::Rule(Change::Key(None))
        }
        ('l', true) => match params.next().map(|most| (most, most.parse::<u32>())) {
            Some((_, Ok(most))) if most > 0 => Found::Rule(Change::Limit(Some(most))),
            Some((most, _)) => {
                let why = "A limit is a number from 1 on";
                Found::Other(Wish::Bad('l', most.to_owned(), why))
            }
            None => Found::Other(Wish::Incomplete),
        },
        ('l', false) => Found::Rule(Change::Limit(None)),
        (' ', _) => Found::Nothing,
        _ => Found::Other(Wish::Unknown(letter)),
    }
}

fn role_wish(role: Role, on: bool, nick: Option<&str>) -> Wish {
    let Some(nick) = nick.filter(|nick| !nick.is_empty()) else {
        return Wish::Incomplete;
    };
    let Ok(name) = Name::parse(nick) else {
        return Wish::Bad(role_letter(role), nick.to_owned(), "That is no nickname");
    };
    let who = Person {
        name,
        account: None,
    };
    Wish::Deed(match on {
        true => Deed::Raise { who, role },
        false => Deed::Lower { who, role },
    })
}

fn list_wish(list: List, on: bool, mask: Option<&str>) -> Wish {
    let Some(mask) = mask.filter(|mask| !mask.is_empty()) else {
        return Wish::Show(list);
    };
    let Some(Meant { is_mute, who }) = masks::parse(mask) else {
        let why = "A mask is a nickname, nick!user@host, or ~account:name";
        return Wish::Bad(list_letter(list), mask.to_owned(), why);
    };
    let list = match (list, is_mute) {
        (List::Ban, true) => List::Mute,
        (list, _) => list,
    };
    Wish::Deed(match on {
        true => Deed::Add {
            list,
            who,
            for_ms: None,
            reason: None,
        },
        false => Deed::Remove { list, who },
    })
}

/// The letters and parameters of changes, as they are told.
#[derive(Debug, Default)]
pub struct Written {
    letters: String,
    params: Vec<String>,
    sign: Option<bool>,
}

impl Written {
    /// Whether there is nothing to tell.
    pub fn is_empty(&self) -> bool {
        self.letters.is_empty()
    }

    /// The letters, and the parameters in their order.
    pub fn parts(&self) -> (&str, impl Iterator<Item = &str>) {
        (&self.letters, self.params.iter().map(String::as_str))
    }

    /// Writes them as a MODE line, if there are any.
    pub fn send(&self, from: From<'_>, said: &Said<'_>, channel: &str, lines: &mut Lines<'_>) {
        if self.is_empty() {
            return;
        }
        let (letters, params) = self.parts();
        let mut all = vec![channel, letters];
        all.extend(params);
        lines.send_words(from, said, "MODE", &all);
    }

    /// Adds a letter.
    pub fn add(&mut self, on: bool, letter: char, param: Option<String>) {
        if self.sign != Some(on) {
            self.letters.push(if on { '+' } else { '-' });
            self.sign = Some(on);
        }
        self.letters.push(letter);
        self.params.extend(param);
    }

    /// Adds a change of a role.
    pub fn add_role(&mut self, nickname: &Name, before: Option<Role>, now: Option<Role>) {
        for (on, role) in [(false, before), (true, now)] {
            if let Some(role) = role.filter(|_| before != now) {
                self.add(on, role_letter(role), Some(nickname.to_string()));
            }
        }
    }

    /// Adds a change of a channel; returns whether it is one of modes.
    pub fn add_change(&mut self, change: &Change) -> bool {
        match change {
            Change::Flag(flag, on) => self.add(*on, flag.letter(), None),
            Change::Key(Some(key)) => self.add(true, 'k', Some(key.as_str().to_owned())),
            Change::Key(None) => self.add(false, 'k', Some("*".to_owned())),
            Change::Limit(Some(most)) => self.add(true, 'l', Some(most.to_string())),
            Change::Limit(None) => self.add(false, 'l', None),
            Change::Add(list, mask, Bound { .. }) => self.add_entry(true, *list, mask),
            Change::Remove(list, mask) => self.add_entry(false, *list, mask),
            _ => return false,
        }
        true
    }

    fn add_entry(&mut self, on: bool, list: List, mask: &Mask) {
        let shown = masks::shown(mask, list == List::Mute);
        self.add(on, list_letter(list), Some(shown));
    }
}

/// The modes of a channel, as a member or an outsider is shown them.
pub fn of(rules: &Rules) -> Written {
    let mut written = Written::default();
    for flag in rules.flags.iter() {
        written.add(true, flag.letter(), None);
    }
    if let Some(key) = &rules.key {
        written.add(true, 'k', Some(key.as_str().to_owned()));
    }
    if let Some(most) = rules.limit {
        written.add(true, 'l', Some(most.to_string()));
    }
    if written.is_empty() {
        written.letters.push('+');
    }
    written
}

/// The person that the entry of a list is for, if it is one.
pub fn person(name: Name) -> Target {
    Target::Person(Person {
        name,
        account: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flag_has_its_letter_among_the_modes() {
        for flag in Flag::ALL {
            assert!(CHANMODES.contains(flag.letter()), "{flag:?}");
            assert!(ALL_CHANNEL.contains(flag.letter()), "{flag:?}");
        }
    }

    #[test]
    fn neighbouring_rules_are_one_change() {
        let found = wishes("+mi-t+kl", &["secret", "5"]);
        let [Wish::Deed(Deed::Rules(changes))] = found.as_slice() else {
            panic!("{found:?}");
        };
        assert_eq!(changes.len(), 5);
        let found = wishes("+ob-v", &["ann", "eve!*@*", "bob"]);
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(matches!(wishes("b", &[])[..], [Wish::Show(List::Ban)]));
        assert!(matches!(wishes("+Z", &[])[..], [Wish::Unknown('Z')]));
        assert!(matches!(wishes("+k", &["a b"])[..], [Wish::Bad('k', ..)]));
        assert!(matches!(wishes("+l", &["0"])[..], [Wish::Bad('l', ..)]));
        assert!(matches!(wishes("+o", &[])[..], [Wish::Incomplete]));
    }

    #[test]
    fn changes_are_told_with_one_sign_for_neighbours() {
        let mut written = Written::default();
        written.add_change(&Change::Flag(Flag::Moderated, true));
        written.add_change(&Change::Limit(Some(5)));
        written.add_change(&Change::Flag(Flag::TopicLocked, false));
        let (letters, params) = written.parts();
        assert_eq!(letters, "+ml-t");
        assert_eq!(params.collect::<Vec<_>>(), ["5"]);
    }
}
