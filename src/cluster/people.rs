//! Who is online on this server, as the others are told: the line that a newly started server reads
//! of each member, and the owner of each held nickname.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::hub::{Nickname, RosterChange};
use crate::model::governance::{Cloak, Role};
use crate::model::{AccountId, Name};

use crate::turn::Claimant;

use super::notice::{Person, person};
use super::topic::Topic;

/// How long a nickname is held for a client that then does not come.
pub const HELD: Duration = Duration::from_secs(30);

/// All members of this server. Never waits.
#[derive(Default)]
pub struct People {
    /// By [`Name::key`].
    here: HashMap<Arc<str>, Here>,
    /// What the accounts here are called that are not called by their names, by the key of
    /// the nickname.
    called: HashMap<Arc<str>, AccountId>,
    /// Claimed nicknames, with the time until which each is held.
    held: HashMap<Arc<str>, (Instant, Claimant)>,
    /// What members have come to and left, since that was last asked for.
    came: Vec<Topic>,
    left: Vec<Topic>,
}

struct Here {
    name: Name,
    account: Option<AccountId>,
    nickname: Option<Nickname>,
    /// The token that a guest came with.
    pass: Option<Arc<str>>,
    cloak: Option<Cloak>,
    channels: Vec<Name>,
    /// What the member is in channels while in them.
    roles: HashMap<Name, Role>,
}

/// What a change of the roster means in Redis.
#[derive(Debug, Default, PartialEq)]
pub struct Steps {
    /// A nickname to release.
    pub release: Option<Arc<str>>,
    /// A nickname to assert.
    pub claim: Option<Assertion>,
    /// The key of a member whose line is to be removed.
    pub forget: Option<Arc<str>>,
    /// The key of a member, and the line to write for them; an empty line removes it.
    pub line: Option<(Arc<str>, Vec<u8>)>,
}

/// The owner of a nickname that is in use here.
#[derive(Debug, PartialEq)]
pub struct Assertion {
    pub name: Name,
    pub who: Claimant,
    /// Whether it is not the nickname the member came with.
    pub is_new: bool,
}

/// The kind of owner, as the scripts know it.
pub fn kind(who: &Claimant) -> String {
    match who {
        Claimant::Account(account) => format!("a{}", account.0),
        Claimant::Pass(token) => format!("g:{token}"),
        Claimant::Guest => "g".to_owned(),
    }
}

impl People {
    /// Whether a member here makes a claim pointless.
    pub fn is_taken(&self, name: &Name, account: Option<AccountId>) -> bool {
        let called = self.called.get(name.key()).map(|owner| Some(*owner));
        let here = self.here.get(name.key()).map(|person| person.account);
        here.or(called).is_some_and(|owner| owner != account)
    }

    /// Holds a nickname for a client that is about to come.
    pub fn hold(&mut self, name: &Name, who: &Claimant, now: Instant) {
        let key = name.key();
        if !self.here.contains_key(key) && !self.called.contains_key(key) {
            let held = (now + HELD, who.clone());
            self.held.insert(key.clone(), held);
        }
    }

    /// The nicknames whose hold has run out.
    pub fn overdue(&mut self, now: Instant) -> Vec<Arc<str>> {
        let mut overdue = Vec::new();
        self.held.retain(|key, (until, _)| {
            let keep = *until > now;
            if !keep {
                overdue.push(key.clone());
            }
            keep
        });
        overdue
    }

    /// Forgets all members.
    pub fn clear(&mut self) {
        *self = People::default();
    }

    /// What members have come to, and what they have left, since this was last asked for: their
    /// channels, and what is sent to accounts.
    pub fn take_topics(&mut self) -> (Vec<Topic>, Vec<Topic>) {
        let (came, left) = (&mut self.came, &mut self.left);
        (std::mem::take(came), std::mem::take(left))
    }

    /// Takes a member out, with all that concerned them.
    fn remove(&mut self, name: &Name) -> Option<Here> {
        let person = self.here.remove(name.key())?;
        self.left.extend(person.topics());
        Some(person)
    }

    fn insert(&mut self, person: Here) {
        self.came.extend(person.topics());
        let before = self.here.insert(person.name.key().clone(), person);
        self.left.extend(before.iter().flat_map(Here::topics));
    }

    /// Applies a change and returns what follows from it.
    pub fn apply(&mut self, change: &RosterChange) -> Steps {
        match change {
            RosterChange::Online {
                name,
                account,
                cloak,
            } => {
                let pass = match self.held.remove(name.key()) {
                    Some((_, Claimant::Pass(token))) => Some(token),
                    _ => None,
                };
                let person = Here {
                    name: name.clone(),
                    account: *account,
                    nickname: None,
                    pass: pass.filter(|_| account.is_none()),
                    cloak: cloak.clone(),
                    channels: Vec::new(),
                    roles: HashMap::new(),
                };
                let claim = Some(person.assertion(false));
                self.insert(person);
                Steps {
                    claim,
                    ..self.steps(name)
                }
            }
            RosterChange::Offline { name } => {
                self.remove(name);
                Steps {
                    release: Some(name.key().clone()),
                    ..self.steps(name)
                }
            }
            RosterChange::Joined { name, channel } => {
                if let Some(person) = self.here.get_mut(name.key())
                    && !person.channels.contains(channel)
                {
                    person.channels.push(channel.clone());
                    self.came.push(Topic::channel(channel));
                }
                self.steps(name)
            }
            RosterChange::Called { name, nickname } => self.call(name, nickname.as_ref()),
            RosterChange::Away { name, .. } => self.steps(name),
            RosterChange::Left { name, channel, .. } => {
                if let Some(person) = self.here.get_mut(name.key()) {
                    let before = person.channels.len();
                    person.channels.retain(|other| other != channel);
                    if person.channels.len() < before {
                        self.left.push(Topic::channel(channel));
                    }
                    person.roles.remove(channel);
                }
                self.steps(name)
            }
            RosterChange::Role {
                name,
                channel,
                role,
            } => {
                if let Some(person) = self.here.get_mut(name.key()) {
                    match role {
                        Some(role) => person.roles.insert(channel.clone(), *role),
                        None => person.roles.remove(channel),
                    };
                }
                self.steps(name)
            }
            RosterChange::Renamed {
                from, to, account, ..
            } => self.rename(from, to, *account),
        }
    }

    /// The nickname of an account is the account's on all servers; its own name is anyway.
    fn call(&mut self, name: &Name, nickname: Option<&Nickname>) -> Steps {
        let mut steps = Steps::default();
        if let Some(person) = self.here.get_mut(name.key())
            && let Some(account) = person.account
        {
            let before = std::mem::replace(&mut person.nickname, nickname.cloned());
            let besides = |it: &&Nickname| it.name != *name;
            let before = before.as_ref().filter(besides).map(|it| &it.name);
            let now = nickname.filter(besides).map(|it| &it.name);
            if let Some(before) = before.filter(|before| now != Some(before)) {
                self.called.remove(before.key());
                steps.release = Some(before.key().clone());
            }
            if let Some(now) = now {
                self.held.remove(now.key());
                self.called.insert(now.key().clone(), account);
                steps.claim = Some(Assertion {
                    name: now.clone(),
                    who: Claimant::Account(account),
                    is_new: false,
                });
            }
        }
        Steps {
            line: self.steps(name).line,
            ..steps
        }
    }

    fn rename(&mut self, from: &Name, to: &Name, account: Option<AccountId>) -> Steps {
        let mut claim = Assertion {
            name: to.clone(),
            who: account.map_or(Claimant::Guest, Claimant::Account),
            is_new: true,
        };
        if let Some(mut person) = self.remove(from) {
            person.name = to.clone();
            person.account = account;
            person.pass = person.pass.filter(|_| account.is_none());
            claim = person.assertion(true);
            self.insert(person);
        }
        self.held.remove(to.key());
        let moved = (from.key() != to.key()).then(|| from.key().clone());
        Steps {
            release: moved.clone(),
            forget: moved,
            claim: Some(claim),
            ..self.steps(to)
        }
    }

    fn steps(&self, name: &Name) -> Steps {
        let line = self
            .here
            .get(name.key())
            .map(Here::line)
            .unwrap_or_default();
        Steps {
            line: Some((name.key().clone(), line)),
            ..Steps::default()
        }
    }
}

impl Here {
    /// What a server that has this member follows.
    fn topics(&self) -> impl Iterator<Item = Topic> {
        let person = self.account.map(Topic::Person);
        self.channels.iter().map(Topic::channel).chain(person)
    }

    fn assertion(&self, is_new: bool) -> Assertion {
        let who = match (self.account, &self.pass) {
            (Some(account), _) => Claimant::Account(account),
            (None, Some(token)) => Claimant::Pass(token.clone()),
            (None, None) => Claimant::Guest,
        };
        Assertion {
            name: self.name.clone(),
            who,
            is_new,
        }
    }

    fn line(&self) -> Vec<u8> {
        let shown = |name: &Name| name.as_str().to_owned();
        person(&Person {
            name: shown(&self.name),
            account: self.account.map(|account| account.0),
            nickname: (self.nickname.as_ref()).map(|it| (shown(&it.name), it.version)),
            channels: self.channels.iter().map(shown).collect(),
            cloak: self.cloak.clone(),
            roles: (self
                .roles
                .iter()
                .map(|(channel, role)| (shown(channel), *role)))
            .collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        Name::parse(text).unwrap()
    }

    #[test]
    fn what_is_held_in_vain_is_let_go() {
        let mut people = People::default();
        let now = Instant::now();
        people.hold(&name("amy"), &Claimant::Guest, now);
        people.hold(&name("bob"), &Claimant::Guest, now);
        people.apply(&RosterChange::Online {
            name: name("amy"),
            account: None,
            cloak: None,
        });
        assert!(people.overdue(now).is_empty());
        assert_eq!(people.overdue(now + HELD), [name("bob").key().clone()]);
        assert!(people.overdue(now + HELD).is_empty());
        assert!(people.is_taken(&name("AMY"), Some(AccountId(1))));
        assert!(!people.is_taken(&name("amy"), None));
    }

    #[test]
    fn what_members_come_to_and_leave_evens_out() {
        let mut people = People::default();
        let online = |account: Option<i64>| RosterChange::Online {
            name: name("amy"),
            account: account.map(AccountId),
            cloak: None,
        };
        let dev = Topic::Channel("dev".into());
        let of = |account| Topic::Person(AccountId(account));
        people.apply(&online(None));
        let joined = RosterChange::Joined {
            name: name("amy"),
            channel: name("Dev"),
        };
        people.apply(&joined);
        people.apply(&joined);
        assert_eq!(people.take_topics(), (vec![dev.clone()], vec![]));
        people.apply(&RosterChange::Renamed {
            from: name("amy"),
            to: name("Amy"),
            account: Some(AccountId(7)),
            nickname: None,
        });
        let (came, left) = people.take_topics();
        assert_eq!((came, left), (vec![dev.clone(), of(7)], vec![dev.clone()]));
        people.apply(&online(Some(7)));
        let (came, left) = people.take_topics();
        assert_eq!((came, left), (vec![of(7)], vec![dev.clone(), of(7)]));
        people.apply(&joined);
        let left_dev = RosterChange::Left {
            name: name("amy"),
            channel: name("dev"),
            reason: None,
        };
        people.apply(&left_dev);
        people.apply(&left_dev);
        people.apply(&RosterChange::Offline { name: name("amy") });
        let (came, left) = people.take_topics();
        assert_eq!((came, left), (vec![dev.clone()], vec![dev, of(7)]));
    }

    #[test]
    fn a_new_name_is_taken_before_the_old_one_is_given_up_for_good() {
        let mut people = People::default();
        let pass = Claimant::Pass("T".into());
        people.hold(&name("amy"), &pass, Instant::now());
        let online = people.apply(&RosterChange::Online {
            name: name("amy"),
            account: None,
            cloak: None,
        });
        let claim = |who: &str, is_new| Assertion {
            name: name(who),
            who: pass.clone(),
            is_new,
        };
        assert_eq!(online.claim, Some(claim("amy", false)));
        let rename = |from: &str, to: &str| RosterChange::Renamed {
            from: name(from),
            to: name(to),
            account: None,
            nickname: None,
        };
        let same = people.apply(&rename("amy", "AMY"));
        assert_eq!((same.release, same.forget), (None, None));
        let other = people.apply(&rename("AMY", "eve"));
        assert_eq!(other.release.as_ref(), Some(name("amy").key()));
        assert_eq!(other.forget, other.release);
        assert_eq!(other.claim, Some(claim("eve", true)));
    }
}
