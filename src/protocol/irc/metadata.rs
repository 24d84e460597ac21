//! What users and channels say of themselves (`draft/metadata-3`), on the wire.

use std::sync::Arc;

use crate::hub::{MAX_PROPERTIES, MAX_SUBSCRIPTIONS, Owner};
use crate::model::Text;

use super::nicknames::Nicknames;

/// Who can read a property: everyone who can name its owner.
pub const VISIBILITY: &str = "*";
/// The longest key, in bytes.
pub const MAX_KEY: usize = 30;
/// The longest value, in bytes.
pub const MAX_VALUE: usize = 300;

/// The limits, as clients are told them.
pub fn limits() -> String {
    format!("max-subs={MAX_SUBSCRIPTIONS},max-keys={MAX_PROPERTIES},max-value-bytes={MAX_VALUE}")
}

/// A key, if it is one.
pub fn key(written: &str) -> Option<Arc<str>> {
    let is_part = |c: char| {
        c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-' | '.' | '/')
    };
    let is_key = (1..=MAX_KEY).contains(&written.len()) && written.chars().all(is_part);
    is_key.then(|| written.into())
}

/// A value, if it is one.
pub fn value(written: &str) -> Option<Text> {
    let text = Text::one_line(written);
    (written.len() <= MAX_VALUE && text.as_str() == written).then_some(text)
}

/// An owner, as clients write it.
pub fn shown(owner: &Owner, nicknames: &Nicknames) -> String {
    match owner {
        Owner::Own => "*".to_owned(),
        Owner::User(name) => nicknames.shown(name).to_string(),
        Owner::Channel(name) => format!("#{name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_values_are_bounded() {
        assert!(key("display-name").is_some() && key("a.b/c_1").is_some());
        for bad in ["", "Name", "a b", "ä", "a*", &"k".repeat(MAX_KEY + 1)] {
            assert!(key(bad).is_none(), "{bad}");
        }
        assert!(value(&"v".repeat(MAX_VALUE)).is_some());
        assert!(value(&"v".repeat(MAX_VALUE + 1)).is_none());
        assert!(value("a\u{202e}b").is_none());
    }
}
