//! Masks: `nick!user@host` and `~account:name`, for what the server knows as accounts,
//! cloaks and forms of nicknames.

use crate::hub::Target;
use crate::model::Name;
use crate::model::governance::{Cloak, Likeness, Mask, Person};
use crate::model::name::Pattern;

use super::prefix::ACCOUNT_SUFFIX;

/// What a mask means.
#[derive(Clone, Debug)]
pub struct Meant {
    /// Whether it keeps people from speaking only.
    pub is_mute: bool,
    /// The users that it matches.
    pub who: Target,
}

/// Reads a mask. `None` if it can match nobody here.
pub fn parse(mask: &str) -> Option<Meant> {
    if let Some(rest) = mask.strip_prefix("~mute:").or(mask.strip_prefix("~m:")) {
        let who = parse(rest)?.who;
        return Some(Meant { is_mute: true, who });
    }
    let account = mask.strip_prefix("~account:").or(mask.strip_prefix("~a:"));
    let who = match account {
        Some(name) => of_account(name)?,
        None => of_prefix(mask)?,
    };
    Some(Meant {
        is_mute: false,
        who,
    })
}

fn of_account(name: &str) -> Option<Target> {
    let name = Name::parse(name).ok()?;
    Some(Target::Person(Person {
        name,
        account: None,
    }))
}

/// The mask of an account that there is not: of the host that its owner would have.
/// Nobody else has it, whatever the nickname.
pub fn of_unregistered(name: &Name) -> Option<Mask> {
    Likeness::parse(&format!("*!*@{name}{ACCOUNT_SUFFIX}")).map(Mask::Like)
}

/// The mask of a prefix. What concerns an account or an address alone is that of the
/// account or the address, and what concerns nicknames alone that of the nickname.
fn of_prefix(mask: &str) -> Option<Target> {
    let (nick, user, host) = parts(mask);
    let is_form = |part: &str| part.contains(['*', '?']);
    if user == "*" && host == "*" {
        return Some(Target::Mask(Mask::Nick(Pattern::parse(nick)?)));
    }
    if nick == "*" && user == "*" && !is_form(host) {
        let host = host.to_lowercase();
        if let Some(account) = host.strip_suffix(ACCOUNT_SUFFIX) {
            return of_account(account);
        }
        if let Some(cloak) = Cloak::parse(&host) {
            return Some(Target::Mask(Mask::Host(cloak, None)));
        }
    }
    let like = Likeness::parse(&format!("{nick}!{user}@{host}"))?;
    Some(Target::Mask(Mask::Like(like)))
}

/// Nickname, user and host of a mask, in which any of them may be missing.
fn parts(mask: &str) -> (&str, &str, &str) {
    let (nick, rest) = match (mask.split_once('!'), mask.contains('@')) {
        (Some((nick, rest)), _) => (nick, rest),
        (None, true) => ("*", mask),
        (None, false) => (mask, "*"),
    };
    let (user, host) = rest.split_once('@').unwrap_or((rest, "*"));
    (or_any(nick), or_any(user), or_any(host))
}

fn or_any(part: &str) -> &str {
    match part.is_empty() {
        true => "*",
        false => part,
    }
}

/// A mask as clients know it.
pub fn shown(mask: &Mask, is_mute: bool) -> String {
    let sign = if is_mute { "~m:" } else { "" };
    match mask {
        Mask::Account(_, name) => format!("{sign}*!*@{name}{ACCOUNT_SUFFIX}"),
        Mask::Host(cloak, _) => format!("{sign}*!*@{}", cloak.as_str()),
        Mask::Nick(pattern) => format!("{sign}{pattern}!*@*"),
        Mask::Like(like) => format!("{sign}{like}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_are_read_as_they_are_shown() {
        for mask in [
            "eve!*@*",
            "ev*l!*@*",
            "*!*@abcdefghijkl.guest",
            "~m:eve!*@*",
            "eve!~joe@*",
            "*!*@*.guest",
            "e*!?joe@abcdefghijkl.guest",
        ] {
            let meant = parse(mask).unwrap();
            let Target::Mask(of) = &meant.who else {
                panic!("{mask}");
            };
            assert_eq!(shown(of, meant.is_mute), mask);
        }
        for short in ["eve", "eve!*", "eve!*@*"] {
            let Some(Target::Mask(Mask::Nick(pattern))) = parse(short).map(|it| it.who) else {
                panic!("{short}");
            };
            assert_eq!(pattern.to_string(), "eve");
        }
        for (short, full) in [("joe@*", "*!joe@*"), ("eve!joe", "eve!joe@*")] {
            let Some(Target::Mask(mask)) = parse(short).map(|it| it.who) else {
                panic!("{short}");
            };
            assert_eq!(shown(&mask, false), full);
        }
        for account in ["~a:ann", "~account:ann", "*!*@ann.user"] {
            let Some(Target::Person(person)) = parse(account).map(|it| it.who) else {
                panic!("{account}");
            };
            assert_eq!(person.name.as_str(), "ann");
        }
        assert!(parse("*!*@Host With").is_none());
        let nobody = of_unregistered(&Name::parse("ann").unwrap()).unwrap();
        assert_eq!(shown(&nobody, false), "*!*@ann.user");
    }
}
