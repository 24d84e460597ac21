//! Prefixes: `nick!~user@host`.

use crate::hub::Face;
use crate::model::Name;
pub use crate::model::governance::ACCOUNT_SUFFIX;
use crate::model::governance::{self, Cloak};

/// The longest user name, in bytes.
pub const MAX_USER: usize = 10;
/// The user name of people whose program has not said one.
const NO_USER: &str = "u";

/// A user name as it is shown: the ASCII letters, digits, `-`, `_` and `.` of what the
/// client has given, at most ten.
pub fn user(given: &str) -> String {
    let is_part = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let user: String = given.chars().filter(is_part).take(MAX_USER - 1).collect();
    match user.is_empty() {
        true => NO_USER.to_owned(),
        false => user,
    }
}

/// The user name of a person, with the sign that nobody has checked it.
pub fn shown_user(face: Option<&Face>) -> String {
    governance::shown_user(user_of(face))
}

fn user_of(face: Option<&Face>) -> Option<&str> {
    let introduction = face?.introduction.as_deref()?;
    Some(&introduction.user)
}

/// The host of a person: the account, or what stands for the address.
pub fn host(face: Option<&Face>) -> String {
    let (account, cloak) = owner(face);
    governance::shown_host(account, cloak)
}

fn owner(face: Option<&Face>) -> (Option<&Name>, Option<&Cloak>) {
    let account = face.and_then(|face| face.account.as_ref());
    let cloak = face.and_then(|face| face.cloak.as_ref());
    (account, cloak)
}

/// The real name of a person.
pub fn real_name<'a>(nickname: &'a Name, face: Option<&'a Face>) -> &'a str {
    let introduction = face.and_then(|face| face.introduction.as_deref());
    introduction.map_or(nickname.as_str(), |it| it.real_name.as_str())
}

/// Appends the prefix of a person.
pub fn write(nickname: &Name, face: Option<&Face>, out: &mut String) {
    out.push_str(nickname.as_str());
    out.push('!');
    governance::push_user(user_of(face), out);
    out.push('@');
    let (account, cloak) = owner(face);
    governance::push_host(account, cloak, out);
}

/// The prefix of a person.
pub fn of(nickname: &Name, face: Option<&Face>) -> String {
    let mut prefix = String::new();
    write(nickname, face, &mut prefix);
    prefix
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_name_is_a_short_word_of_ascii() {
        assert_eq!(user("ann"), "ann");
        assert_eq!(user("a b!c@d\u{e9}"), "abcd");
        assert_eq!(user("0123456789abc"), "012345678");
        assert_eq!(user("\u{436}"), "u");
    }

    #[test]
    fn nobody_is_without_a_host() {
        let ann = Name::parse("ann").unwrap();
        assert_eq!(of(&ann, None), "ann!~u@unknown.guest");
        let face = Face {
            account: Some(ann.clone()),
            ..Face::default()
        };
        assert_eq!(of(&ann, Some(&face)), "ann!~u@ann.user");
    }
}
