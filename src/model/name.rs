//! Nicknames and channel names: which are allowed, which are the same, and which
//! look alike.
//!
//! Two names are the same name when their keys are equal. The key is the
//! confusable skeleton (Unicode TR 39) of the case-folded name, so that no client
//! can pose as `alice` with a Cyrillic `а`.
//!
//! Capitals may look alike where small letters do not: `Вob` with a Cyrillic
//! `В` looks like `Bob`, although `вob` does not look like `bob`. One key
//! cannot express both, because the letter in between would make one name of two:
//! the Greek capital `Ν` looks like `N`, its small `ν` like `v`, and `Nina` is
//! not `Vina`. So a name has further keys for how it looks as written; see
//! [`Name::looks`]. Two users cannot have names with any key in common.

mod key;
mod lookalike;
mod pattern;

use std::borrow::{Borrow, Cow};
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

use super::text::is_invisible;

use key::{comparison_key, folded};
pub use pattern::{Form, Pattern, has_form};

/// The longest name, in characters.
pub const MAX_NAME_CHARS: usize = 32;
/// The most combining marks on one letter: Burmese needs five.
pub const MAX_MARKS: usize = 6;
/// The most combining marks stacked on one letter without taking room of their
/// own: Tibetan needs four.
pub const MAX_STACKED_MARKS: usize = 4;

/// Nicknames that no user can have, because the server speaks under them.
const RESERVED: &[&str] = &["system"];

/// Names under which others than users act. An account that has one keeps it; nobody
/// else gets one.
const TITLES: &[&str] = &["administrator", "nickserv", "chanserv"];

/// A valid nickname or channel name. Equality and hashing go by [`Name::key`].
#[derive(Clone)]
pub struct Name {
    shown: Arc<str>,
    key: Arc<str>,
}

/// Why a string is not a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameError {
    /// The string is empty.
    Empty,
    /// More than [`MAX_NAME_CHARS`] characters.
    TooLong,
    /// It starts with something other than a letter or `_`.
    BadStart(char),
    /// It has a character that names cannot have.
    BadCharacter(char),
    /// It has a combining mark that is on no letter.
    StrayMark(char),
    /// A letter has more than [`MAX_MARKS`] marks, or more than
    /// [`MAX_STACKED_MARKS`] above each other.
    TooManyMarks,
    /// The server itself speaks under this name.
    Reserved,
}

impl Name {
    /// Checks `raw` and normalises it (NFKC).
    pub fn parse(raw: &str) -> Result<Name, NameError> {
        // Far longer than any valid name: normalising it would be wasted work.
        if raw.len() > MAX_NAME_CHARS * 16 {
            return Err(NameError::TooLong);
        }
        let shown = match raw.is_ascii() {
            true => Cow::Borrowed(raw),
            false => Cow::Owned(raw.nfkc().collect::<String>()),
        };
        let first = shown.chars().next().ok_or(NameError::Empty)?;
        if let Some(bad) = shown.chars().find(|&c| !is_name_character(c)) {
            return Err(NameError::BadCharacter(bad));
        }
        if !can_begin(first) {
            return Err(NameError::BadStart(first));
        }
        if shown.chars().count() > MAX_NAME_CHARS {
            return Err(NameError::TooLong);
        }
        check_marks(&shown)?;
        Ok(Name::of(&shown))
    }

    /// Reads a stored name, which was valid when it was stored. The rules may have
    /// become stricter since: only names that could harm a reader are refused.
    pub fn restore(stored: &str) -> Result<Name, NameError> {
        if stored.is_empty() {
            return Err(NameError::Empty);
        }
        match stored.chars().find(|&c| !is_name_character(c)) {
            Some(bad) => Err(NameError::BadCharacter(bad)),
            None => Ok(Name::of(stored)),
        }
    }

    fn of(shown: &str) -> Name {
        Name {
            key: comparison_key(shown).into(),
            shown: shown.into(),
        }
    }

    /// Parses a channel name, which may be written with a leading `#`.
    pub fn parse_channel(raw: &str) -> Result<Name, NameError> {
        Name::parse(raw.strip_prefix('#').unwrap_or(raw))
    }

    /// Parses a nickname, which may be written with a leading `@`.
    pub fn parse_nickname(raw: &str) -> Result<Name, NameError> {
        let name = Name::parse(raw.strip_prefix('@').unwrap_or(raw))?;
        match RESERVED.iter().any(|&word| name.resembles(&Name::of(word))) {
            true => Err(NameError::Reserved),
            false => Ok(name),
        }
    }

    /// Whether the name is reserved for an actor that is no user, or looks like it: no guest
    /// and no new account can have it.
    pub fn is_title(&self) -> bool {
        TITLES.iter().any(|&word| self.resembles(&Name::of(word)))
    }

    /// The name as its owner wrote it.
    pub fn as_str(&self) -> &str {
        &self.shown
    }

    /// The name as its owner wrote it, shared.
    pub fn shown(&self) -> Arc<str> {
        self.shown.clone()
    }

    /// Whether the name as written begins like another one, whatever the case.
    pub fn begins_like(&self, other: &Name) -> bool {
        let mut own = lower(&self.shown);
        lower(&other.shown).all(|c| own.next() == Some(c))
    }

    /// The key that all spellings of the same name share.
    pub fn key(&self) -> &Arc<str> {
        &self.key
    }
}

fn is_name_character(c: char) -> bool {
    match c {
        '_' | '-' => true,
        c if c.is_ascii() => c.is_ascii_alphanumeric(),
        c if is_combining_mark(c) => is_mark(c),
        c => c.is_alphanumeric() && !is_invisible(c),
    }
}

/// Whether a character is a mark that is part of a letter (Unicode UAX 31), as in
/// Hindi, Thai, Burmese and Khmer. Enclosing marks and invisible ones are not.
fn is_mark(c: char) -> bool {
    let is_part = matches!(
        c.general_category(),
        GeneralCategory::NonspacingMark | GeneralCategory::SpacingMark
    );
    is_part && !is_invisible(c) && c != LONE_IOTA
}

/// Checks that all marks are on letters, and only a few on each.
fn check_marks(shown: &str) -> Result<(), NameError> {
    let (mut on_letter, mut marks, mut stacked) = (false, 0, 0);
    for c in shown.chars() {
        if c.is_ascii() || !is_combining_mark(c) {
            (on_letter, marks, stacked) = (c.is_alphabetic(), 0, 0);
            continue;
        }
        if !on_letter {
            return Err(NameError::StrayMark(c));
        }
        marks += 1;
        stacked += usize::from(c.general_category() == GeneralCategory::NonspacingMark);
        if marks > MAX_MARKS || stacked > MAX_STACKED_MARKS {
            return Err(NameError::TooManyMarks);
        }
    }
    Ok(())
}

/// Whether a name can begin with this character. A mark would be drawn on the text
/// before the name.
fn can_begin(c: char) -> bool {
    match c.is_ascii() {
        true => c.is_ascii_alphabetic() || c == '_',
        false => c.is_alphabetic() && !is_combining_mark(c),
    }
}

/// The iota below a Greek letter, if it has not been composed with it. As a mark it
/// sorts after all others; in capitals it is a letter of its own at the same
/// place: such a name would be a different one in capitals.
const LONE_IOTA: char = '\u{345}';

/// A name as it is sorted in lists: as written, regardless of case.
#[derive(Clone, Debug)]
pub struct Alphabetical(pub Name);

impl Ord for Alphabetical {
    fn cmp(&self, other: &Alphabetical) -> Ordering {
        let (own, theirs) = (&self.0.shown, &other.0.shown);
        let written = match own.is_ascii() && theirs.is_ascii() {
            true => {
                let own = own.bytes().map(|byte| byte.to_ascii_lowercase());
                own.cmp(theirs.bytes().map(|byte| byte.to_ascii_lowercase()))
            }
            false => lower(own).cmp(lower(theirs)),
        };
        written.then_with(|| self.0.key.cmp(&other.0.key))
    }
}

impl PartialOrd for Alphabetical {
    fn partial_cmp(&self, other: &Alphabetical) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Alphabetical {
    fn eq(&self, other: &Alphabetical) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Alphabetical {}

fn lower(text: &str) -> impl Iterator<Item = char> {
    text.chars().flat_map(char::to_lowercase)
}

impl PartialEq for Name {
    fn eq(&self, other: &Name) -> bool {
        self.key == other.key
    }
}

impl Eq for Name {}

impl Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key.hash(state);
    }
}

/// Lets a map of names be searched by key.
impl Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.key
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.shown, f)
    }
}

impl serde::Serialize for Name {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.shown)
    }
}

impl<'de> serde::Deserialize<'de> for Name {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Name, D::Error> {
        let raw = <std::borrow::Cow<'_, str>>::deserialize(deserializer)?;
        Name::restore(&raw).map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NameError::Empty => write!(f, "a name cannot be empty"),
            NameError::TooLong => {
                write!(f, "a name has at most {MAX_NAME_CHARS} characters")
            }
            NameError::Reserved => write!(f, "the server itself has that name"),
            NameError::BadStart(c) => write!(
                f,
                "a name starts with a letter or _, not with {}",
                Shown(*c)
            ),
            NameError::BadCharacter(c) => write!(
                f,
                "a name is made of letters, digits, _ and -, without {}",
                Shown(*c)
            ),
            NameError::StrayMark(c) => {
                write!(
                    f,
                    "in a name a mark follows a letter, but {} does not",
                    Shown(*c)
                )
            }
            NameError::TooManyMarks => write!(
                f,
                "a letter in a name has at most {MAX_MARKS} marks, and at most \
                 {MAX_STACKED_MARKS} above each other"
            ),
        }
    }
}

impl std::error::Error for NameError {}

/// Shows a character in a way that cannot harm the reader's terminal.
struct Shown(char);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            ' ' => write!(f, "spaces"),
            c if c.is_ascii_graphic() => write!(f, "'{c}'"),
            c => write!(f, "U+{:04X}", u32::from(c)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(raw: &str) -> Arc<str> {
        Name::parse(raw).unwrap().key().clone()
    }

    #[test]
    fn lookalikes_are_the_same_name() {
        for (one, other) in [
            ("alice", "ALICE"),
            ("alice", "\u{430}lice"),
            ("alice", "\u{ff41}lice"),
            ("Straße", "STRASSE"),
            ("bob0", "bobO"),
        ] {
            assert_eq!(key(one), key(other), "{one} and {other}");
        }
        assert_ne!(key("alice"), key("alicia"));
    }

    #[test]
    fn no_letter_is_another_one_in_capitals() {
        for c in '\0'..=char::MAX {
            let Ok(name) = Name::parse(&format!("x{c}")) else {
                continue;
            };
            for spelling in [name.shown.to_uppercase(), name.shown.to_lowercase()] {
                // Some come apart, into marks that names cannot have.
                if let Ok(other) = Name::parse(&spelling) {
                    assert_eq!(other.key(), name.key(), "{name} and {other}");
                }
            }
        }
    }

    #[test]
    fn lists_are_sorted_as_written_whatever_the_case() {
        let mut names = ["zoë", "Bob", "ada", "ALICE", "Ébène", "bo"]
            .map(|raw| Alphabetical(Name::parse(raw).unwrap()));
        names.sort();
        let sorted = names.map(|name| name.0.to_string());
        assert_eq!(sorted, ["ada", "ALICE", "bo", "Bob", "zoë", "Ébène"]);
        let name = |raw| Name::parse(raw).unwrap();
        assert!(name("Ébène").begins_like(&name("éB")));
        assert!(!name("eb").begins_like(&name("ebb")) && !name("web").begins_like(&name("eb")));
    }

    #[test]
    fn marks_stay_where_they_are() {
        assert!(Name::parse("\u{5d0}\u{5b8}").is_ok());
        let mark = Name::parse_nickname("@\u{5b8}\u{5d0}").unwrap_err();
        assert_eq!(mark, NameError::BadStart('\u{5b8}'));
        // With its letter it is one, and in capitals its own.
        assert_eq!(key("\u{3b1}\u{345}"), key("\u{391}\u{399}"));
        let lone = Name::parse("\u{386}\u{345}").unwrap_err();
        assert_eq!(lone, NameError::BadCharacter('\u{345}'));
    }

    #[test]
    fn letters_that_cannot_be_seen_are_no_letters() {
        for filler in ['\u{115f}', '\u{1160}', '\u{3164}', '\u{ffa0}'] {
            assert!(Name::parse(&filler.to_string()).is_err(), "{filler:?}");
            assert!(Name::parse(&format!("alice{filler}")).is_err());
        }
    }

    #[test]
    fn scripts_have_the_marks_they_need() {
        for name in [
            "काव्य",
            "হিন্দু",
            "தமிழ்",
            "สมชาย_ที่นี่",
            "လျှော့",
            "ខ្មែរ",
            "བསྒྲུབས",
            "שָׁלוֹם",
            "مُحَمَّد",
            "ọ̀ṣun",
        ] {
            let parsed = Name::parse_nickname(name);
            assert!(parsed.is_ok(), "{name}: {parsed:?}");
        }
        // None at the beginning, on no digit, and not one upon the other.
        let stray = |name: &str, mark| {
            assert_eq!(Name::parse(name).unwrap_err(), NameError::StrayMark(mark));
        };
        stray("x1\u{301}", '\u{301}');
        stray("x_\u{93e}", '\u{93e}');
        assert!(Name::parse(&format!("क{}", "\u{301}".repeat(4))).is_ok());
        for zalgo in ["\u{301}".repeat(5), "\u{93e}".repeat(7)] {
            let zalgo = Name::parse(&format!("क{zalgo}")).unwrap_err();
            assert_eq!(zalgo, NameError::TooManyMarks);
        }
        // Nothing that cannot be seen, and no frames.
        for c in "\u{34f}\u{fe0f}\u{180b}\u{e0100}\u{17b4}\u{200c}\u{200d}\u{20dd}".chars() {
            let refused = Name::parse(&format!("क{c}")).unwrap_err();
            assert_eq!(refused, NameError::BadCharacter(c));
        }
    }

    #[test]
    fn what_was_a_name_once_can_be_read() {
        let zalgo = format!("क{}", "\u{93e}".repeat(20));
        assert_eq!(Name::restore(&zalgo).unwrap().as_str(), zalgo);
        assert!(Name::restore("a\x1b").is_err());
        assert!(Name::restore("").is_err());
    }

    #[test]
    fn mistakes_are_named() {
        assert_eq!(Name::parse("").unwrap_err(), NameError::Empty);
        assert_eq!(Name::parse("9lives").unwrap_err(), NameError::BadStart('9'));
        assert_eq!(
            Name::parse("a b").unwrap_err(),
            NameError::BadCharacter(' ')
        );
        assert_eq!(
            Name::parse("a\x1b[").unwrap_err(),
            NameError::BadCharacter('\x1b')
        );
        assert_eq!(
            Name::parse_nickname("@System").unwrap_err(),
            NameError::Reserved
        );
        assert!(Name::parse_channel("#system").is_ok());
        let titles = ["Administrator", "@ADMINISTRATOR", "аdministrator", "admin"];
        let titles = titles.map(|name| Name::parse_nickname(name).unwrap().is_title());
        assert_eq!(titles, [true, true, true, false]);
        assert!(Name::parse(&"x".repeat(32)).is_ok());
        assert_eq!(
            Name::parse(&"x".repeat(33)).unwrap_err(),
            NameError::TooLong
        );
        assert_eq!(
            Name::parse(&"x".repeat(100_000)).unwrap_err(),
            NameError::TooLong
        );
        assert_eq!(
            NameError::BadCharacter('\x1b').to_string(),
            "a name is made of letters, digits, _ and -, without U+001B"
        );
    }

    proptest! {
        #[test]
        fn a_name_parses_to_itself(raw in "\\PC{0,40}") {
            if let Ok(name) = Name::parse(&raw) {
                let again = Name::parse(name.as_str()).unwrap();
                prop_assert_eq!(again.as_str(), name.as_str());
                prop_assert_eq!(again.key(), name.key());
            }
        }

        #[test]
        fn case_never_makes_a_second_name(raw in "[a-zA-Z_][a-zA-Z0-9_-]{0,31}") {
            prop_assert_eq!(key(&raw), key(&raw.to_uppercase()));
            prop_assert_eq!(key(&raw), key(&raw.to_lowercase()));
        }
    }
}
