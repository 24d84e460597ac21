//! Masks: whom an entry of a channel's list concerns.

use std::cell::OnceCell;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Cloak;
use crate::model::name::{Form, Pattern};
use crate::model::{AccountId, Name};

/// Whom an entry concerns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mask {
    /// The owner of an account, under whatever nickname. The name is for display.
    Account(AccountId, Name),
    /// Everyone without an account at an address. The name is for display: of the person
    /// for whom the entry was made.
    Host(Cloak, Option<Name>),
    /// Everyone whose nickname has this form, or looks as if it had.
    Nick(Pattern),
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
        }
    }

    /// The account.
    pub fn account(&self) -> Option<AccountId> {
        self.account
    }

    fn form(&self) -> &Form {
        self.form.get_or_init(|| Form::of(&self.nickname))
    }
}

impl Mask {
    /// Reads a mask as people write it: `account:ann`, `host:abc.guest`, or a
    /// nickname, perhaps with `*` and `?`. The id of an account has to be looked
    /// up, so those are [`None`] here.
    pub fn parse(raw: &str) -> Option<Mask> {
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
        }
    }

    /// In words: the person for whom it was made, if that is known.
    pub fn shown(&self) -> String {
        match self {
            Mask::Account(_, name) | Mask::Host(_, Some(name)) => format!("@{name}"),
            Mask::Host(_, None) => format!("everyone at {self}"),
            Mask::Nick(pattern) => format!("the nickname {pattern}"),
        }
    }

    /// Whether it was made for the person of this name.
    pub fn is_for(&self, name: &Name) -> bool {
        match self {
            Mask::Account(_, of) | Mask::Host(_, Some(of)) => of == name,
            Mask::Host(_, None) => false,
            Mask::Nick(pattern) => Pattern::of(name).is_some_and(|of| of.key() == pattern.key()),
        }
    }

    /// Whether both concern the same people, as they are written.
    pub fn is_same(&self, other: &Mask) -> bool {
        match (self, other) {
            (Mask::Account(one, _), Mask::Account(other, _)) => one == other,
            (Mask::Host(one, _), Mask::Host(other, _)) => one == other,
            (Mask::Nick(one), Mask::Nick(other)) => one.key() == other.key(),
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
        }
    }
}
