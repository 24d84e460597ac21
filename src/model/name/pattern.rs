//! Patterns for nicknames: `*` stands for any characters, `?` for one.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use unicode_normalization::UnicodeNormalization;

use super::{MAX_NAME_CHARS, Name, comparison_key, folded, is_name_character};

/// A form of nicknames. It is compared with a name as written, whatever the case,
/// and with the name's key, so that no other spelling gets round it.
#[derive(Clone, Debug, PartialEq)]
pub struct Pattern {
    shown: Arc<str>,
    /// As written, folded.
    folded: Arc<[char]>,
    /// As keys are made.
    key: Arc<str>,
    key_chars: Arc<[char]>,
    /// If it is a whole name, the keys that no other name may have.
    claims: Option<Vec<Arc<str>>>,
}

/// A name made ready to be compared with many patterns.
#[derive(Clone, Debug)]
pub struct Form {
    written: Vec<char>,
    claims: Vec<Arc<str>>,
    keys: Vec<Vec<char>>,
}

impl Form {
    /// The form of a name.
    pub fn of(name: &Name) -> Form {
        let claims = name.claims();
        Form {
            written: folded(name.as_str()).chars().collect(),
            keys: claims.iter().map(|key| key.chars().collect()).collect(),
            claims,
        }
    }
}

impl Pattern {
    /// Reads a pattern. `None` if no name could have its form.
    pub fn parse(raw: &str) -> Option<Pattern> {
        if raw.len() > MAX_NAME_CHARS * 32 {
            return None;
        }
        let shown: String = raw.nfkc().collect();
        let is_part = |c: char| is_name_character(c) || matches!(c, '*' | '?');
        let length = shown.chars().count();
        if length == 0 || length > MAX_NAME_CHARS * 2 || !shown.chars().all(is_part) {
            return None;
        }
        let key = key_of(&shown);
        let claims = match shown.contains(['*', '?']) {
            true => None,
            false => Some(Name::restore(&shown).ok()?.claims()),
        };
        Some(Pattern {
            folded: folded(&shown).chars().collect(),
            key_chars: key.chars().collect(),
            key: key.into(),
            shown: shown.into(),
            claims,
        })
    }

    /// The pattern of exactly this name.
    pub fn of(name: &Name) -> Option<Pattern> {
        Pattern::parse(name.as_str())
    }

    /// The key that all spellings of the same pattern share.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Whether a name has this form, or looks as if it had.
    pub fn matches(&self, name: &Form) -> bool {
        if let Some(own) = &self.claims {
            return own.iter().any(|key| name.claims.contains(key));
        }
        has_form(&name.written, &self.folded)
            || name.keys.iter().any(|key| has_form(key, &self.key_chars))
    }

    /// Whether the name with this key has this form.
    pub fn matches_key(&self, key: &str) -> bool {
        if self.claims.is_some() {
            return *key == *self.key;
        }
        let key: Vec<char> = key.chars().collect();
        has_form(&key, &self.key_chars)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl Serialize for Pattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.shown)
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Pattern, D::Error> {
        let raw = String::deserialize(deserializer)?;
        Pattern::parse(&raw).ok_or_else(|| serde::de::Error::custom("no pattern for a nickname"))
    }
}

/// The pattern in the form of keys: its letters as a key has them, its signs as
/// they are.
fn key_of(shown: &str) -> String {
    let mut key = String::new();
    let mut letters = String::new();
    for c in shown.chars() {
        match c {
            '*' | '?' => {
                key.push_str(&comparison_key(&std::mem::take(&mut letters)));
                key.push(c);
            }
            c => letters.push(c),
        }
    }
    key.push_str(&comparison_key(&letters));
    key
}

/// Whether a text has a form, in time proportional to the product of their
/// lengths at worst: after a mismatch only the last `*` takes one character more.
pub fn has_form(text: &[char], form: &[char]) -> bool {
    let (mut at, mut place) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while let Some(&c) = text.get(at) {
        match form.get(place) {
            Some('*') => {
                star = Some((place, at));
                place += 1;
            }
            Some(&sign) if sign == '?' || sign == c => {
                at += 1;
                place += 1;
            }
            _ => match &mut star {
                Some((after, from)) => {
                    *from += 1;
                    (at, place) = (*from, *after + 1);
                }
                None => return false,
            },
        }
    }
    form.get(place..)
        .is_some_and(|rest| rest.iter().all(|&sign| sign == '*'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, name: &str) -> bool {
        let name = Name::parse(name).unwrap();
        Pattern::parse(pattern).unwrap().matches(&Form::of(&name))
    }

    #[test]
    fn stars_and_question_marks_stand_for_characters() {
        for (pattern, name, expected) in [
            ("ann", "Ann", true),
            ("ann", "anna", false),
            ("an*", "anna", true),
            ("*", "x", true),
            ("a?n", "ann", true),
            ("a?n", "an", false),
            ("*e*l", "evil", true),
            ("*e*l", "evils", false),
            ("a*b*c", "aXbYbZc", true),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn other_spellings_do_not_get_round_it() {
        for (pattern, name) in [
            ("Kevin", "Кevin"),
            ("kev*", "КЕVIN"),
            ("evil*", "еvil1"),
            ("*ann*", "xАnn_"),
            ("b?b", "b0b"),
        ] {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
    }

    #[test]
    fn what_is_no_form_of_a_name_is_no_pattern() {
        for raw in ["", "a b", "a/b", "\u{202e}a", &"a".repeat(65)] {
            assert_eq!(Pattern::parse(raw), None, "{raw:?}");
        }
    }
}
