//! What the committed changes of a channel make of it: a fold of its own, which has
//! nothing of the server's code.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chat_server::hub::MessageId;
use chat_server::model::governance::{
    Change, ChannelChange, Flag, Key, List, Mask, Person, Role, Rules, Visibility,
};
use chat_server::store::AccountId;

use super::super::names::{Nick, nick, written_nickname};

/// The most invitation links of a channel.
pub const MAX_LINKS: usize = 20;

/// Whom an entry of a list concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Whom {
    Account(i64),
    Nick(Nick),
}

/// A person who wants something.
#[derive(Clone, Debug)]
pub struct Face {
    pub nick: Nick,
    pub account: Option<AccountId>,
    /// Nicknames that the person had before.
    pub aliases: Vec<Nick>,
}

/// What is in force in a channel.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Law {
    pub founder: Option<AccountId>,
    pub flags: BTreeSet<String>,
    pub key: Option<Key>,
    pub since: bool,
    pub bans: BTreeSet<Whom>,
    pub mutes: BTreeSet<Whom>,
    pub grants: BTreeMap<AccountId, (Option<Role>, MessageId)>,
    /// Seconds between two messages of one person.
    pub slow: u32,
    /// How often each invitation link can still be used, by its hash.
    pub links: BTreeMap<Arc<str>, Option<u32>>,
    pub floor: MessageId,
    pub version: MessageId,
}

/// The name of a flag that can be compared.
fn word(flag: Flag) -> String {
    flag.word().to_owned()
}

impl Law {
    /// A channel without any rule.
    pub fn open() -> Law {
        Law::of(&Rules::default())
    }

    /// Rules as the server has them, to be compared.
    pub fn of(rules: &Rules) -> Law {
        let list = |list| rules.list(list).iter().filter_map(|it| whom(&it.mask));
        let flags = rules.flags.iter().map(word);
        Law {
            founder: rules.registered.as_ref().map(|it| it.founder),
            flags: flags.collect(),
            key: rules.key.clone(),
            since: rules.history == Visibility::Since,
            bans: list(List::Ban).collect(),
            mutes: list(List::Mute).collect(),
            grants: (rules.grants.iter())
                .map(|(account, grant)| (*account, (grant.role, grant.since)))
                .collect(),
            slow: rules.slow_seconds,
            links: (rules.links.iter().filter(|link| link.uses != Some(0)))
                .map(|link| (link.hash.clone(), link.uses))
                .collect(),
            floor: rules.floor,
            version: rules.version,
        }
    }

    /// Whether the rules are the same, whatever change was the last.
    pub fn is_as(&self, other: &Law) -> bool {
        let same = Law {
            version: other.version,
            ..self.clone()
        };
        same == *other
    }

    pub fn has(&self, flag: Flag) -> bool {
        self.flags.contains(&word(flag))
    }

    pub fn is_restricted(&self) -> bool {
        let closing = [Flag::InviteOnly, Flag::RegisteredOnly, Flag::Secret];
        closing.iter().any(|flag| self.has(*flag)) || self.key.is_some() || self.since
    }

    pub fn kept_role(&self, account: Option<AccountId>) -> Option<Role> {
        let account = account?;
        match self.founder == Some(account) {
            true => Some(Role::Founder),
            false => self.grants.get(&account)?.0,
        }
    }

    pub fn belongs(&self, account: Option<AccountId>) -> bool {
        account.is_some_and(|account| self.grants.contains_key(&account))
    }

    /// Takes a committed change in.
    pub fn fold(&mut self, change: &ChannelChange) {
        let before = std::mem::replace(&mut self.version, change.id);
        for one in &change.changes {
            self.fold_one(one, change.id, before);
        }
    }

    fn fold_one(&mut self, one: &Change, id: MessageId, before: MessageId) {
        match one {
            Change::Flag(flag, true) => drop(self.flags.insert(word(*flag))),
            Change::Flag(flag, false) => drop(self.flags.remove(&word(*flag))),
            Change::Key(key) => self.key = key.clone(),
            Change::History(history) => self.since = *history == Visibility::Since,
            Change::Slow(seconds) => self.slow = *seconds,
            Change::Link(link) if self.links.len() < MAX_LINKS => {
                self.links.insert(link.hash.clone(), link.uses);
            }
            Change::Unlink(None) => self.links.clear(),
            Change::Unlink(Some(hash)) => drop(self.links.remove(hash)),
            Change::UseLink(hash) => self.use_link(hash),
            Change::Add(list, mask, _) => {
                self.list(*list).extend(whom(mask));
                if let (List::Ban, Mask::Account(account, _)) = (list, mask) {
                    self.expel(Some(*account));
                }
            }
            Change::Remove(list, mask) => {
                let whom = whom(mask);
                self.list(*list).retain(|it| Some(*it) != whom);
            }
            Change::Role { who, role, keep } if *keep => self.grant(who, *role, id),
            Change::Member(who) if !self.belongs(who.account) => self.grant(who, None, id),
            Change::Kick { who, .. } => self.expel(who.account),
            Change::Register(who) => {
                self.founder = who.account;
                self.grant(who, Some(Role::Founder), id);
            }
            Change::Drop => {
                let floor = if self.is_restricted() { id } else { self.floor };
                self.open_again(floor);
            }
            Change::Floor(after) | Change::Reset(after)
                if before > *after || self.founder.is_some() => {}
            Change::Floor(_) => self.open_again(id),
            Change::Reset(_) => self.open_again(self.floor),
            _ => {}
        }
    }

    fn list(&mut self, list: List) -> &mut BTreeSet<Whom> {
        match list {
            List::Ban => &mut self.bans,
            _ => &mut self.mutes,
        }
    }

    fn grant(&mut self, who: &Person, role: Option<Role>, since: MessageId) {
        if let Some(account) = who.account {
            self.grants.entry(account).or_insert((None, since)).0 = role;
        }
    }

    fn expel(&mut self, account: Option<AccountId>) {
        if self.kept_role(account).is_none() {
            account.map(|account| self.grants.remove(&account));
        }
    }

    /// A link that is used up is gone.
    fn use_link(&mut self, hash: &Arc<str>) {
        let left = self.links.get(hash).copied().flatten();
        match left {
            Some(0 | 1) => drop(self.links.remove(hash)),
            Some(left) => drop(self.links.insert(hash.clone(), Some(left - 1))),
            None => {}
        }
    }

    fn open_again(&mut self, floor: MessageId) {
        *self = Law {
            floor,
            version: self.version,
            ..Law::open()
        };
    }
}

/// Whether one of these entries concerns a person.
pub fn concerns(list: &BTreeSet<Whom>, face: &Face) -> bool {
    list.iter().any(|whom| match whom {
        Whom::Account(account) => face.account == Some(AccountId(*account)),
        Whom::Nick(nick) => face.nick == *nick || face.aliases.contains(nick),
    })
}

fn whom(mask: &Mask) -> Option<Whom> {
    match mask {
        Mask::Account(account, _) => Some(Whom::Account(account.0)),
        Mask::Nick(_) => written_nickname(&mask.to_string()).map(|name| Whom::Nick(nick(name))),
        Mask::Host(..) | Mask::Like(_) => None,
    }
}
