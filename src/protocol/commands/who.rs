//! The person that a command concerns, and the reason given.

use crate::hub::Target;
use crate::model::governance::{Mask, Person};
use crate::model::{Name, Text};

use super::line_args::Mistake;

/// A person of which only the name is known so far.
pub fn person(name: Name) -> Person {
    Person {
        name,
        account: None,
    }
}

/// Text of one line, if there is any.
pub fn one_line(text: &str) -> Option<Text> {
    let text = Text::one_line(text.trim());
    (!text.is_empty()).then_some(text)
}

/// The people that an entry of a list is to concern: `@nick`, `account:nick`, `host:…`, a
/// pattern with `*` and `?`, or `nick!user@host`.
pub fn target(raw: &str) -> Result<Target, Mistake> {
    let is_mask = raw.contains(['*', '?', '!']) || raw.starts_with("host:");
    if is_mask {
        return Mask::parse(raw).map(Target::Mask).ok_or(Mistake::Mask);
    }
    let name = raw.strip_prefix("account:").unwrap_or(raw);
    let name = Name::parse_nickname(name).map_err(Mistake::Name)?;
    Ok(Target::Person(person(name)))
}
