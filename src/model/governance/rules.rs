//! The rules of one channel, and how a change is folded into them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    Change, ChannelChange, Flag, Flags, Grant, Key, Link, List, ListEntry, Mask, Masked,
    Registered, Role, Topic, Visibility,
};
use crate::model::{AccountId, MessageId, Name};

/// The most entries of one list.
pub const MAX_ENTRIES: usize = 100;
/// The most accounts that belong to a channel.
pub const MAX_GRANTS: usize = 1000;
/// The most invitation links at once.
pub const MAX_LINKS: usize = 20;
/// How long after a channel was created no other client creates it.
const CREATING_MS: u64 = 10_000;

/// What is in force in a channel. The default is an open channel.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Rules {
    /// Who registered it, if it is registered.
    pub registered: Option<Registered>,
    /// When one of those who operate it was last there, if it is registered, to within
    /// a day: in milliseconds since 1970 UTC.
    pub visited_ms: u64,
    /// What it is about.
    pub topic: Option<Topic>,
    /// What is on.
    pub flags: Flags,
    /// What one must know to join.
    pub key: Option<Key>,
    /// The most people.
    pub limit: Option<u32>,
    /// How much of the past members are shown.
    pub history: Visibility,
    /// Seconds between two messages of one person; 0 is no limit.
    pub slow_seconds: u32,
    /// The entries of each list, oldest first.
    pub lists: BTreeMap<List, Vec<ListEntry>>,
    /// The accounts that belong to the channel.
    pub grants: BTreeMap<AccountId, Grant>,
    /// The invitation links.
    pub links: Vec<Link>,
    /// Nothing up to this message is shown to anyone any more.
    pub floor: MessageId,
    /// The change by which the channel was created last.
    pub created: MessageId,
    /// The change that was folded in last.
    pub version: MessageId,
}

impl Rules {
    /// Whether a rule is on.
    pub fn has(&self, flag: Flag) -> bool {
        self.flags.has(flag)
    }

    /// The entries of a list.
    pub fn list(&self, list: List) -> &[ListEntry] {
        self.lists.get(&list).map_or(&[], Vec::as_slice)
    }

    /// The entry in force of a list that concerns a person.
    pub fn listed(&self, list: List, person: &Masked<'_>, now_ms: u64) -> Option<&ListEntry> {
        let mut entries = self.list(list).iter();
        entries.find(|entry| entry.holds_at(now_ms) && entry.mask.matches(person))
    }

    /// When the next of the exceptions in force ends, in milliseconds since 1970 UTC.
    pub fn exceptions_hold_until(&self, now_ms: u64) -> u64 {
        let ends = self.list(List::Except).iter().filter_map(|it| it.until_ms);
        ends.filter(|&end| end > now_ms).min().unwrap_or(u64::MAX)
    }

    /// What an account is in the channel whenever it is there.
    pub fn role_of(&self, account: AccountId) -> Option<Role> {
        match &self.registered {
            Some(registered) if registered.founder == account => Some(Role::Founder),
            _ => self.grants.get(&account)?.role,
        }
    }

    /// Whether an account belongs to the channel.
    pub fn has_member(&self, account: AccountId) -> bool {
        self.grants.contains_key(&account)
    }

    /// Whether not everyone may join or read.
    pub fn is_restricted(&self) -> bool {
        self.has(Flag::InviteOnly)
            || self.has(Flag::RegisteredOnly)
            || self.has(Flag::Secret)
            || self.key.is_some()
            || self.history == Visibility::Since
    }

    /// Whether outsiders are shown the channel in lists.
    pub fn is_secret(&self) -> bool {
        self.has(Flag::Secret)
    }

    /// Whether it must be stored: it would matter after a restart.
    pub fn is_kept(&self) -> bool {
        !self.is_open() || self.floor != MessageId::default()
    }

    /// Whether nothing is left of it but how much of the past is not shown.
    pub fn is_open(&self) -> bool {
        *self == self.opened(self.floor)
    }

    /// Those of an open channel of which nothing up to `floor` is shown.
    fn opened(&self, floor: MessageId) -> Rules {
        Rules {
            floor,
            version: self.version,
            created: self.created,
            ..Rules::default()
        }
    }

    /// A copy without the accounts, the lists and the links, which may be many.
    pub fn in_brief(&self) -> Rules {
        Rules {
            registered: self.registered.clone(),
            visited_ms: self.visited_ms,
            topic: self.topic.clone(),
            flags: self.flags,
            key: self.key.clone(),
            limit: self.limit,
            history: self.history,
            slow_seconds: self.slow_seconds,
            lists: BTreeMap::new(),
            grants: BTreeMap::new(),
            links: Vec::new(),
            floor: self.floor,
            created: self.created,
            version: self.version,
        }
    }

    /// Whether a change that says that the channel is new holds: two servers may say so
    /// at once, and the first counts.
    pub fn admits_creation(&self, id: MessageId) -> bool {
        self.registered.is_none()
            && (self.created == MessageId::default()
                || id.ms >= self.created.ms.saturating_add(CREATING_MS))
    }

    /// Folds a change in, unless it was before.
    pub fn fold(&mut self, change: &ChannelChange) {
        if change.id <= self.version {
            return;
        }
        let before = std::mem::replace(&mut self.version, change.id);
        for one in &change.changes {
            self.fold_one(one, change, before);
        }
    }

    fn fold_one(&mut self, one: &Change, change: &ChannelChange, before: MessageId) {
        let by = change.by.shown();
        match one {
            Change::Topic(text) => {
                self.topic = text.clone().map(|text| Topic {
                    text,
                    by,
                    at_ms: change.at_ms,
                });
            }
            Change::Flag(flag, on) => self.flags = self.flags.with(*flag, *on),
            Change::Key(key) => self.key = key.clone(),
            Change::Limit(limit) => self.limit = *limit,
            Change::History(history) => self.history = *history,
            Change::Slow(seconds) => self.slow_seconds = *seconds,
            Change::Add(list, mask, bound) => {
                let entry = ListEntry {
                    mask: mask.clone(),
                    by,
                    at_ms: change.at_ms,
                    until_ms: bound.until_ms,
                    reason: bound.reason.clone(),
                };
                self.add(*list, entry);
                if *list == List::Ban {
                    self.expel(mask);
                }
            }
            Change::Remove(list, mask) => self.remove(*list, mask),
            Change::Role { who, role, keep } => {
                if let Some(account) = who.account.filter(|_| *keep) {
                    self.grant(account, &who.name, *role, change.id);
                }
            }
            Change::Member(who) => {
                if let Some(account) = who.account
                    && !self.has_member(account)
                {
                    self.grant(account, &who.name, None, change.id);
                }
            }
            Change::Kick { who, .. } => {
                // Roles stay: each is taken away by a change of its own.
                if let Some(account) = who.account
                    && self.role_of(account).is_none()
                {
                    self.grants.remove(&account);
                }
            }
            Change::Register(who) | Change::Transfer(who) => {
                if let Some(founder) = who.account {
                    self.set_founder(founder, &who.name, change);
                }
            }
            Change::Visited(_) if self.registered.is_some() => self.visited_ms = change.at_ms,
            Change::Visited(_) => {}
            Change::Expired(after) if before > *after => {}
            Change::Drop | Change::Expired(_) => {
                let floor = self.floor_after_drop(change.id);
                *self = Rules {
                    topic: self.topic.take(),
                    floor,
                    version: self.version,
                    ..Rules::default()
                };
            }
            Change::Floor(after) | Change::Reset(after)
                if before > *after || self.registered.is_some() => {}
            Change::Floor(_) => *self = self.opened(change.id),
            Change::Reset(_) => *self = self.opened(self.floor),
            Change::Link(link) => {
                self.links
                    .retain(|it| it.holds_at(change.at_ms) && it.hash != link.hash);
                if self.links.len() < MAX_LINKS {
                    self.links.push(link.clone());
                }
            }
            Change::Unlink(hash) => match hash {
                Some(hash) => self.links.retain(|link| link.hash != *hash),
                None => self.links.clear(),
            },
            Change::UseLink(hash) => {
                let link = self.links.iter_mut().find(|link| link.hash == *hash);
                if let Some(uses) = link.and_then(|link| link.uses.as_mut()) {
                    *uses = uses.saturating_sub(1);
                }
            }
            // Who operates a channel that is not registered is known only while people
            // are in it.
            Change::Created(_) => {
                if self.admits_creation(change.id) {
                    self.created = change.id;
                }
            }
        }
    }

    /// What was said while it was not open to all is not shown after it is dropped.
    fn floor_after_drop(&self, id: MessageId) -> MessageId {
        match self.is_restricted() {
            true => id,
            false => self.floor,
        }
    }

    fn add(&mut self, list: List, entry: ListEntry) {
        let entries = self.lists.entry(list).or_default();
        let at_ms = entry.at_ms;
        entries.retain(|it| it.holds_at(at_ms) && !it.mask.is_same(&entry.mask));
        if entries.len() < MAX_ENTRIES {
            entries.push(entry);
        }
    }

    fn remove(&mut self, list: List, mask: &Mask) {
        if let Some(entries) = self.lists.get_mut(&list) {
            entries.retain(|entry| !entry.mask.is_same(mask));
            if entries.is_empty() {
                self.lists.remove(&list);
            }
        }
    }

    /// Who is banned does not belong to the channel any more.
    fn expel(&mut self, mask: &Mask) {
        if let Mask::Account(account, _) = mask
            && self.role_of(*account).is_none()
        {
            self.grants.remove(account);
        }
    }

    fn grant(&mut self, account: AccountId, name: &Name, role: Option<Role>, since: MessageId) {
        let has_room = self.grants.len() < MAX_GRANTS;
        match self.grants.get_mut(&account) {
            Some(grant) => grant.role = role,
            None if has_room => {
                let name = name.clone();
                self.grants.insert(account, Grant { name, role, since });
            }
            None => {}
        }
    }

    fn set_founder(&mut self, founder: AccountId, name: &Name, change: &ChannelChange) {
        let before = self.registered.as_ref().map(|it| it.founder);
        if let Some(before) = before.filter(|&before| before != founder)
            && let Some(grant) = self.grants.get_mut(&before)
        {
            grant.role = Some(Role::Operator);
        }
        let since_ms = match &self.registered {
            Some(registered) => registered.since_ms,
            None => change.at_ms,
        };
        self.registered = Some(Registered { founder, since_ms });
        self.visited_ms = change.at_ms;
        if !self.has_member(founder) && self.grants.len() >= MAX_GRANTS {
            // The founder always has a place: the newest plain member gives way.
            let newest = self.grants.iter().filter(|(_, it)| it.role.is_none());
            let newest = newest.max_by_key(|(_, it)| it.since).map(|(&id, _)| id);
            newest.map(|account| self.grants.remove(&account));
        }
        self.grant(founder, name, Some(Role::Founder), change.id);
    }
}
