//! Likenesses: forms of nickname, user name and host together, such as `ann*!*@*.guest`.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::model::name::{Form, Pattern, has_form};

/// The longest one, in bytes.
const MAX_BYTES: usize = 256;

/// The people whose nickname, user name and host have these forms. `*` stands for any
/// characters, `?` for one; the case does not matter.
#[derive(Clone, Debug, PartialEq)]
pub struct Likeness {
    /// As written.
    shown: Arc<str>,
    nick: Pattern,
    user: Arc<[char]>,
    host: Arc<[char]>,
}

impl Likeness {
    /// Reads `nick!user@host`. `None` if nobody could be like that.
    pub fn parse(raw: &str) -> Option<Likeness> {
        let (nick, rest) = raw.split_once('!')?;
        let (user, host) = rest.split_once('@')?;
        let is_part = |c: char| c.is_ascii_graphic() && !matches!(c, '!' | '@' | ',');
        let is_form =
            |raw: &str| !raw.is_empty() && raw.chars().all(|c| is_part(c) || !c.is_ascii());
        if raw.len() > MAX_BYTES || !is_form(user) || !is_form(host) {
            return None;
        }
        let lower = |raw: &str| raw.chars().map(|c| c.to_ascii_lowercase()).collect();
        Some(Likeness {
            nick: Pattern::parse(nick)?,
            user: lower(user),
            host: lower(host),
            shown: raw.into(),
        })
    }

    /// Whether it is that of every nickname of this form, wherever it comes from.
    pub fn has_nick_like(&self, name: &Form) -> bool {
        self.nick.matches(name)
    }

    /// The same for the key of an earlier nickname.
    pub fn has_nick_key(&self, key: &str) -> bool {
        self.nick.matches_key(key)
    }

    /// Whether user name and host have the forms.
    pub fn has_place(&self, user: &str, host: &str) -> bool {
        let has = |text: &str, form: &[char]| {
            let text: Vec<char> = text.chars().map(|c| c.to_ascii_lowercase()).collect();
            has_form(&text, form)
        };
        has(user, &self.user) && has(host, &self.host)
    }

    /// Whether both are written alike.
    pub fn is_same(&self, other: &Likeness) -> bool {
        self.nick.key() == other.nick.key() && self.user == other.user && self.host == other.host
    }
}

impl fmt::Display for Likeness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl Serialize for Likeness {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.shown)
    }
}

impl<'de> Deserialize<'de> for Likeness {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Likeness, D::Error> {
        let raw = String::deserialize(deserializer)?;
        Likeness::parse(&raw).ok_or_else(|| serde::de::Error::custom("no nick!user@host"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Name;

    #[test]
    fn all_three_forms_must_fit() {
        let form = Form::of(&Name::parse("Annika").unwrap());
        for (likeness, expected) in [
            ("ann*!*@*.guest", true),
            ("ann*!~jo?@*", true),
            ("*!*@ABC*", true),
            ("bob!*@*.guest", false),
            ("*!joe@*", false),
            ("*!*@*.user", false),
        ] {
            let like = Likeness::parse(likeness).unwrap();
            let matches = like.has_nick_like(&form) && like.has_place("~joe", "abc.guest");
            assert_eq!(matches, expected, "{likeness}");
            assert_eq!(like.to_string(), likeness);
        }
        for wrong in ["ann", "ann!joe", "a b!*@*", "*!a b@*", "*!*@", "*!a!b@c"] {
            assert_eq!(Likeness::parse(wrong), None, "{wrong}");
        }
    }
}
