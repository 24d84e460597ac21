//! What administrators do to channels. The hub carries it out; each change is an entry of the
//! channel's log and of the audit trail, and is answered when it is committed.

use std::fmt;
use std::sync::Arc;

use crate::hub::{ChannelInfo, Deed, GLOBAL, Overview, Refusal, Target};
use crate::model::governance::{
    By, Change, Flag, Key, Link, LinkSecret, List, Mask, Person, Role, Visibility,
};
use crate::model::time::unix_ms;
use crate::model::{Name, Text};
use crate::turn::{HubUnavailable, NotGoverned};

use super::{Actor, Administration};

/// The most bytes of a topic.
const MAX_TOPIC_BYTES: usize = 1000;
/// The most people that a limit may allow.
pub const MAX_LIMIT: u64 = 1_000_000;
/// The longest time between two messages of one person, in seconds.
pub const MAX_SLOW_SECONDS: u64 = 6 * 60 * 60;
/// The most minutes for which a list's entry or a link can hold: a hundred years.
pub const MAX_MINUTES: u64 = 100 * 366 * 24 * 60;
/// The most times that a link can be used.
pub const MAX_USES: u64 = 1_000_000;

/// The name that members see when an administrator changes something.
const ADMINISTRATOR: &str = "administrator";

/// Why a channel was not changed, or not shown.
#[derive(Clone, Debug, PartialEq)]
pub enum ChannelFailed {
    /// The hub does not answer.
    Hub,
    /// The store has not answered in time. The change may still come into force.
    Unanswered,
    /// The store cannot say at present.
    CannotLookUp,
    /// There is no such channel.
    NoSuchChannel(Name),
    /// There is no such account.
    NoSuchAccount(Name),
    /// A field is wrong, in this way.
    Field(&'static str, String),
    /// The hub refuses it.
    Refused(Refusal),
}

/// The people that an entry of a list is about, as an administrator writes them.
#[derive(Clone, Debug)]
pub enum Whom {
    /// A person, by nickname.
    User(String),
    /// A mask: a nickname perhaps with `*` and `?`, `account:…` or `host:…`.
    Mask(String),
}

/// An entry to make in a list of a channel.
#[derive(Clone, Debug)]
pub struct NewEntry {
    /// The people that it is about.
    pub whom: Whom,
    /// The list.
    pub list: List,
    /// For how many minutes; `None` is for ever.
    pub minutes: Option<u64>,
    /// Why.
    pub reason: Option<Text>,
}

impl Administration {
    /// At most `limit` channels, by name, those after `after`; and whether there are more.
    pub fn channels(
        &self,
        after: Option<Name>,
        limit: usize,
    ) -> Result<(Vec<ChannelInfo>, bool), HubUnavailable> {
        self.hub.channels_after(after, limit)
    }

    /// One channel, its members and all of its rules.
    pub fn channel(&self, name: &Name) -> Result<(ChannelInfo, Overview), ChannelFailed> {
        let found = self.hub.channel(name)?;
        found.ok_or_else(|| ChannelFailed::NoSuchChannel(name.clone()))
    }

    /// Sets the topic and rules; all of it is in force at once. No changes are no mistake.
    pub fn change(
        &self,
        actor: Actor,
        channel: &Name,
        changes: Vec<Change>,
    ) -> Result<(), ChannelFailed> {
        if changes.is_empty() {
            return self.channel(channel).map(|_| ());
        }
        self.govern(actor, channel, Deed::Rules(changes))
    }

    /// Gives a user or an account a role, or takes it away.
    pub fn set_role(
        &self,
        actor: Actor,
        channel: &Name,
        user: &Name,
        role: Option<Role>,
        keep: bool,
    ) -> Result<(), ChannelFailed> {
        if role == Some(Role::Founder) {
            let why = "a founder is appointed by registering the channel for the account";
            return Err(ChannelFailed::Field("role", why.to_owned()));
        }
        let who = self.person(&actor, user)?;
        if keep && who.account.is_none() {
            let why = format!("{user} has no account, so the role cannot be kept");
            return Err(ChannelFailed::Field("keep", why));
        }
        // What is taken away is gone for good.
        let keep = keep || role.is_none();
        self.govern(actor, channel, Deed::Role { who, role, keep })
    }

    /// Takes a user out of a channel.
    pub fn remove(
        &self,
        actor: Actor,
        channel: &Name,
        user: &Name,
        reason: Option<Text>,
    ) -> Result<(), ChannelFailed> {
        let who = self.person(&actor, user)?;
        self.govern(actor, channel, Deed::Kick { who, reason })
    }

    /// Puts someone on a list of a channel; a ban also removes those it concerns.
    pub fn add_entry(
        &self,
        actor: Actor,
        channel: &Name,
        entry: NewEntry,
    ) -> Result<(), ChannelFailed> {
        let who = self.target(&actor, entry.whom)?;
        let for_ms = minutes(entry.minutes)?;
        let deed = Deed::Add {
            list: entry.list,
            who,
            for_ms,
            reason: entry.reason,
        };
        self.govern(actor, channel, deed)
    }

    /// Takes someone off a list of a channel.
    pub fn remove_entry(
        &self,
        actor: Actor,
        channel: &Name,
        list: List,
        whom: Whom,
    ) -> Result<(), ChannelFailed> {
        let who = self.target(&actor, whom)?;
        let (_, overview) = self.channel(channel)?;
        let entries = overview.view.rules.list(list).iter();
        if !entries
            .map(|entry| &entry.mask)
            .any(|mask| is_meant(&who, mask))
        {
            let why = format!("{} is not on that list", who.shown());
            return Err(ChannelFailed::Field("mask", why));
        }
        self.govern(actor, channel, Deed::Remove { list, who })
    }

    /// Makes an invitation link. Returns its secret, of which the channel keeps only a hash, and
    /// when it ends.
    pub fn invite(
        &self,
        actor: Actor,
        channel: &Name,
        uses: Option<u64>,
        for_minutes: Option<u64>,
    ) -> Result<(LinkSecret, Link), ChannelFailed> {
        let uses = match uses {
            None => None,
            Some(uses @ 1..=MAX_USES) => u32::try_from(uses).ok(),
            Some(_) => {
                let why = format!("must be a number from 1 to {MAX_USES}");
                return Err(ChannelFailed::Field("uses", why));
            }
        };
        let until_ms = minutes(for_minutes)?.map(|ms| unix_ms() + ms);
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(|_| ChannelFailed::Hub)?;
        let secret = LinkSecret::of(random);
        let link = Link {
            hash: secret.hash(),
            by: administrator()?,
            uses,
            until_ms,
        };
        self.govern(actor, channel, Deed::Link(link.clone()))?;
        Ok((secret, link))
    }

    /// Withdraws all invitation links of a channel, or the one with this id.
    pub fn withdraw(
        &self,
        actor: Actor,
        channel: &Name,
        id: Option<&str>,
    ) -> Result<(), ChannelFailed> {
        let (_, overview) = self.channel(channel)?;
        if let Some(id) = id {
            let mut links = overview.view.rules.links.iter();
            if !links.any(|link| link.id() == id) {
                let words = "the channel has no such link".to_owned();
                return Err(ChannelFailed::Field("id", words));
            }
        }
        let id = id.map(Arc::from);
        self.govern(actor, channel, Deed::Unlink(id))
    }

    /// Makes an account the founder of a channel, whether or not it is registered or ever was
    /// there.
    pub fn register(
        &self,
        actor: Actor,
        channel: &Name,
        founder: &Name,
    ) -> Result<Person, ChannelFailed> {
        let who = self.person(&actor, founder)?;
        if who.account.is_none() {
            return Err(ChannelFailed::NoSuchAccount(founder.clone()));
        }
        self.govern(actor, channel, Deed::Transfer(who.clone()))?;
        Ok(who)
    }

    /// Ends the registration of a channel.
    pub fn drop_registration(&self, actor: Actor, channel: &Name) -> Result<(), ChannelFailed> {
        self.govern(actor, channel, Deed::Drop)
    }

    /// Has a change made, and waits until it is in force.
    fn govern(&self, actor: Actor, channel: &Name, deed: Deed) -> Result<(), ChannelFailed> {
        let by = By::Administrator(administrator()?);
        let words = deed.words(Some(channel));
        match self.hub.govern(by, actor.0.clone(), channel.clone(), deed) {
            Ok(()) => {
                ::log::info!("{actor}: {words}");
                Ok(())
            }
            Err(not) => Err(not.into()),
        }
    }

    /// The person of a name, with the account if there is one.
    fn person(&self, actor: &Actor, name: &Name) -> Result<Person, ChannelFailed> {
        let found = match &self.accounts {
            None => None,
            Some(accounts) => accounts.find(actor.asker(), name).map_err(|error| {
                error.log("an administrator could not look up an account");
                ChannelFailed::CannotLookUp
            })?,
        };
        Ok(match found {
            Some(account) => Person {
                name: account.username,
                account: Some(account.id),
            },
            None => Person {
                name: name.clone(),
                account: None,
            },
        })
    }

    fn target(&self, actor: &Actor, whom: Whom) -> Result<Target, ChannelFailed> {
        match whom {
            Whom::User(raw) => Ok(Target::Person(
                self.person(actor, &nickname("user", &raw)?)?,
            )),
            Whom::Mask(raw) => match raw.strip_prefix("account:") {
                Some(raw) => {
                    let name = nickname("mask", raw)?;
                    let person = self.person(actor, &name)?;
                    let account = person.account.ok_or(ChannelFailed::NoSuchAccount(name))?;
                    Ok(Target::Mask(Mask::Account(account, person.name)))
                }
                None => Mask::parse(&raw).map(Target::Mask).ok_or_else(|| {
                    let why = "must be a nickname, perhaps with * and ?, account:name, or host: \
                               with what stands for an address";
                    ChannelFailed::Field("mask", why.to_owned())
                }),
            },
        }
    }
}

impl ChannelFailed {
    /// A stable word for programs.
    pub fn code(&self) -> &'static str {
        match self {
            ChannelFailed::Hub => "hub_unavailable",
            ChannelFailed::Unanswered => "unanswered",
            ChannelFailed::CannotLookUp => "cannot_look_up",
            ChannelFailed::NoSuchChannel(_) => "no_such_channel",
            ChannelFailed::NoSuchAccount(_) => "no_such_account",
            ChannelFailed::Field(..) => "bad_field",
            ChannelFailed::Refused(refusal) => refusal.code(),
        }
    }

    /// The kind of failure, whatever the interface calls it.
    pub fn class(&self) -> Class {
        match self {
            ChannelFailed::Field(..) => Class::Wrong,
            ChannelFailed::NoSuchChannel(_) | ChannelFailed::NoSuchAccount(_) => Class::Missing,
            ChannelFailed::Hub | ChannelFailed::Unanswered | ChannelFailed::CannotLookUp => {
                Class::Later
            }
            ChannelFailed::Refused(refusal) => match refusal {
                Refusal::BadName(_) => Class::Wrong,
                Refusal::NoSuchUser(_)
                | Refusal::NoSuchAccount(_)
                | Refusal::NotListed(..)
                | Refusal::NotOnChannel(..)
                | Refusal::NoSuchMessage
                | Refusal::NoSuchChannel(_) => Class::Missing,
                Refusal::NotStored | Refusal::TooManyWaiting(_) | Refusal::CannotAgree => {
                    Class::Later
                }
                Refusal::AllowanceSpent(_) => Class::TooFast,
                _ => Class::Conflict,
            },
        }
    }
}

/// A kind of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// The request is wrong.
    Wrong,
    /// What it is about does not exist.
    Missing,
    /// It does not fit what is in force.
    Conflict,
    /// It cannot be done at present.
    Later,
    /// The caller does too much of it.
    TooFast,
}

impl fmt::Display for ChannelFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ChannelFailed::Hub => HubUnavailable.fmt(f),
            ChannelFailed::Unanswered => write!(
                f,
                "the store has not answered, and the change may still come into force: look at the \
                 channel before you try again"
            ),
            ChannelFailed::CannotLookUp => {
                write!(f, "the store cannot be asked at present; try again")
            }
            ChannelFailed::NoSuchChannel(name) => write!(
                f,
                "there is no channel #{name}: it is not registered, and no client is in it"
            ),
            ChannelFailed::NoSuchAccount(name) => write!(f, "there is no account {name}"),
            ChannelFailed::Field(name, why) => write!(f, "{name}: {why}"),
            ChannelFailed::Refused(Refusal::NotStored) => write!(
                f,
                "the change could not be stored and is not in force; try again"
            ),
            ChannelFailed::Refused(Refusal::TooManyWaiting(most)) => write!(
                f,
                "{most} changes are waiting to be stored already; try again in a moment"
            ),
            ChannelFailed::Refused(Refusal::ChannelIsGlobal) => write!(
                f,
                "everybody is in #{GLOBAL}: it cannot be restricted, registered or emptied"
            ),
            ChannelFailed::Refused(refusal) => refusal.fmt(f),
        }
    }
}

impl std::error::Error for ChannelFailed {}

impl From<NotGoverned> for ChannelFailed {
    fn from(not: NotGoverned) -> ChannelFailed {
        match not {
            NotGoverned::Hub => ChannelFailed::Hub,
            NotGoverned::Unanswered => ChannelFailed::Unanswered,
            NotGoverned::Refused(Refusal::NoSuchChannel(name)) => {
                ChannelFailed::NoSuchChannel(name)
            }
            NotGoverned::Refused(refusal) => ChannelFailed::Refused(refusal),
        }
    }
}

impl From<HubUnavailable> for ChannelFailed {
    fn from(_: HubUnavailable) -> ChannelFailed {
        ChannelFailed::Hub
    }
}

/// A topic, which is one line; empty is none.
pub fn topic(raw: &str) -> Result<Change, ChannelFailed> {
    if raw.len() > MAX_TOPIC_BYTES {
        let why = format!("longer than {MAX_TOPIC_BYTES} bytes");
        return Err(ChannelFailed::Field("topic", why));
    }
    let topic = Text::one_line(raw.trim());
    Ok(Change::Topic((!topic.is_empty()).then_some(topic)))
}

/// A key of this spelling; empty is none.
pub fn key(raw: &str) -> Result<Change, ChannelFailed> {
    if raw.is_empty() {
        return Ok(Change::Key(None));
    }
    let key = Key::parse(raw);
    let key = key.map_err(|error| ChannelFailed::Field("key", error.to_string()))?;
    Ok(Change::Key(Some(key)))
}

/// A limit; 0 is none.
pub fn limit(most: u64) -> Result<Change, ChannelFailed> {
    match u32::try_from(most) {
        Ok(0) => Ok(Change::Limit(None)),
        Ok(most) if u64::from(most) <= MAX_LIMIT => Ok(Change::Limit(Some(most))),
        _ => {
            let why = format!("must be at most {MAX_LIMIT}; 0 is no limit");
            Err(ChannelFailed::Field("limit", why))
        }
    }
}

/// Slow mode; 0 is off.
pub fn slow(seconds: u64) -> Result<Change, ChannelFailed> {
    match u32::try_from(seconds) {
        Ok(seconds) if u64::from(seconds) <= MAX_SLOW_SECONDS => Ok(Change::Slow(seconds)),
        _ => {
            let why = format!("must be at most {MAX_SLOW_SECONDS}; 0 is off");
            Err(ChannelFailed::Field("slow_seconds", why))
        }
    }
}

/// Who is shown which part of the past: `all` or `since`.
pub fn history(word: &str) -> Result<Change, ChannelFailed> {
    match word {
        "all" => Ok(Change::History(Visibility::All)),
        "since" => Ok(Change::History(Visibility::Since)),
        _ => {
            let why = "must be all, or since: what was said since a member joined";
            Err(ChannelFailed::Field("history", why.to_owned()))
        }
    }
}

/// The word for what part of the past is shown.
pub fn shown(history: Visibility) -> &'static str {
    match history {
        Visibility::All => "all",
        Visibility::Since => "since",
    }
}

/// The role of this word; `member` is none.
pub fn role(word: &str) -> Result<Option<Role>, ChannelFailed> {
    match (word, Role::from_word(word)) {
        ("member", _) => Ok(None),
        (_, Some(role)) if role != Role::Founder => Ok(Some(role)),
        _ => {
            let why = "must be operator, voice or member; the founder is appointed by registering \
                       the channel for the account";
            Err(ChannelFailed::Field("role", why.to_owned()))
        }
    }
}

/// The list of this word.
pub fn list(word: &str) -> Result<List, ChannelFailed> {
    List::from_word(word).ok_or_else(|| {
        let words = List::ALL.map(List::word).join(", ");
        ChannelFailed::Field("list", format!("must be one of {words}"))
    })
}

/// A flag as a field is called: with `_`.
pub fn field_of(flag: Flag) -> String {
    flag.word().replace('-', "_")
}

pub(super) fn administrator() -> Result<Name, ChannelFailed> {
    Name::restore(ADMINISTRATOR).map_err(|_| ChannelFailed::Hub)
}

fn nickname(field: &'static str, raw: &str) -> Result<Name, ChannelFailed> {
    Name::parse_nickname(raw).map_err(|error| ChannelFailed::Field(field, error.to_string()))
}

/// So many minutes in milliseconds.
fn minutes(minutes: Option<u64>) -> Result<Option<u64>, ChannelFailed> {
    match minutes {
        None => Ok(None),
        Some(minutes @ 1..=MAX_MINUTES) => Ok(Some(minutes * 60_000)),
        Some(_) => {
            let why = format!("must be a number from 1 to {MAX_MINUTES}; left out, it is for ever");
            Err(ChannelFailed::Field("minutes", why))
        }
    }
}

/// Whether an entry of a list may be the one that is meant. A person may be listed by address,
/// which the hub knows.
fn is_meant(who: &Target, mask: &Mask) -> bool {
    match (who, mask) {
        (Target::Mask(meant), mask) => meant.is_same(mask),
        (Target::Person(person), Mask::Account(account, _)) if person.account == Some(*account) => {
            true
        }
        (Target::Person(_), Mask::Host(..)) => true,
        (Target::Person(person), mask) => mask.is_for(&person.name),
    }
}
