//! Masks: the people that an entry of a channel's list concerns.

use std::cell::OnceCell;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Cloak, Likeness, shown_host, shown_user};
use crate::model::name::{Form, Pattern};
use crate::model::{AccountId, Name};

/// The people that an entry concerns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mask {
    /// The owner of an account, under whatever nickname. The name is for display.
    Account(AccountId, Name),
    /// Everyone without an account at an address. The name is for display: of the person
    /// that the entry was made for.
    Host(Cloak, Option<Name>),
    /// Every user with a nickname of this form, or one that looks like it.
    Nick(Pattern),
    /// Every user with nickname, user name and host of these forms.
    Like(Likeness),
}

/// A person as masks see them, made ready to be compared with many.
#[derive(Clone, Debug)]
pub struct Masked<'a> {
    nickname: Name,
    /// Made only for masks that need it.
    form: OnceCell<Form>,
    /// The keys of nicknames that the person had before.
    aliases: Vec<Arc<str>>,
    account: Option<AccountId>,
    cloak: Option<&'a Cloak>,
    /// What the person's program calls its user.
    user: Option<&'a str>,
}

impl<'a> Masked<'a> {
    /// A person with this nickname, these keys of earlier ones, account and cloak.
    pub fn new(
        nickname: &Name,
        aliases: impl IntoIterator<Item = Arc<str>>,
        account: Option<AccountId>,
        cloak: Option<&'a Cloak>,
    ) -> Masked<'a> {
        Masked {
            nickname: nickname.clone(),
            form: OnceCell::new(),
            aliases: aliases.into_iter().collect(),
            account,
            cloak,
            user: None,
        }
    }

    /// The person with what their program calls its user.
    pub fn with_user(self, user: Option<&'a str>) -> Masked<'a> {
        Masked { user, ..self }
    }

    /// The account.
    pub fn account(&self) -> Option<AccountId> {
        self.account
    }

    /// Whether user name and host are as in a likeness.
    fn has_place_of(&self, like: &Likeness) -> bool {
        // The owner of an account has its name.
        let account = self.account.map(|_| &self.nickname);
        like.has_place(&shown_user(self.user), &shown_host(account, self.cloak))
    }

    fn form(&self) -> &Form {
        self.form.get_or_init(|| Form::of(&self.nickname))
    }
}

impl Mask {
    /// Reads a mask as people write it: `account:ann`, `host:abc.guest`, or a
    /// nickname, perhaps with `*` and `?`, or `nick!user@host` with them. The id of an
    /// account has to be looked up, so those are [`None`] here.
    pub fn parse(raw: &str) -> Option<Mask> {
        if raw.contains('!') {
            return Likeness::parse(raw).map(Mask::Like);
        }
        match raw.split_once(':') {
            Some(("host", cloak)) => Some(Mask::Host(Cloak::parse(cloak)?, None)),
            Some(_) => None,
            None => Pattern::parse(raw.strip_prefix('@').unwrap_or(raw)).map(Mask::Nick),
        }
    }

    /// Whether the mask concerns this person.
    pub fn matches(&self, person: &Masked<'_>) -> bool {
        match self {
            Mask::Account(account, _) => person.account == Some(*account),
            Mask::Host(cloak, _) => person.account.is_none() && person.cloak == Some(cloak),
            Mask::Nick(pattern) => {
                pattern.matches(person.form())
                    || person.aliases.iter().any(|key| pattern.matches_key(key))
            }
            Mask::Like(like) => {
                let has_nick = like.has_nick_like(person.form())
                    || person.aliases.iter().any(|key| like.has_nick_key(key));
                has_nick && person.has_place_of(like)
            }
        }
    }

    /// In words: the person that it was made for, if that is known.
    pub fn shown(&self) -> String {
        match self {
            Mask::Account(_, name) | Mask::Host(_, Some(name)) => format!("@{name}"),
            Mask::Host(_, None) => format!("everyone at {self}"),
            Mask::Nick(pattern) => format!("the nickname {pattern}"),
            Mask::Like(like) => format!("everyone like {like}"),
        }
    }

    /// Whether it was made for the person of this name.
    pub fn is_for(&self, name: &Name) -> bool {
        match self {
            Mask::Account(_, of) | Mask::Host(_, Some(of)) => of == name,
            Mask::Host(_, None) | Mask::Like(_) => false,
            Mask::Nick(pattern) => Pattern::of(name).is_some_and(|of| of.key() == pattern.key()),
        }
    }

    /// Whether both concern the same people, as they are written.
    pub fn is_same(&self, other: &Mask) -> bool {
        match (self, other) {
            (Mask::Account(one, _), Mask::Account(other, _)) => one == other,
            (Mask::Host(one, _), Mask::Host(other, _)) => one == other,
            (Mask::Nick(one), Mask::Nick(other)) => one.key() == other.key(),
            (Mask::Like(one), Mask::Like(other)) => one.is_same(other),
            // An entry for a name that has become an account since is lifted like it.
            (Mask::Account(_, name), Mask::Like(like))
            | (Mask::Like(like), Mask::Account(_, name)) => {
                let host = shown_host(Some(name), None);
                Likeness::parse(&format!("*!*@{host}")).is_some_and(|of| of.is_same(like))
            }
            _ => false,
        }
    }
}

impl fmt::Display for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Mask::Account(_, name) => write!(f, "account:{name}"),
            Mask::Host(cloak, _) => write!(f, "host:{}", cloak.as_str()),
            Mask::Nick(pattern) => write!(f, "{pattern}"),
            Mask::Like(like) => write!(f, "{like}"),
        }
    }
}
