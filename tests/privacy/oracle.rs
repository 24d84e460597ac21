//! Who may know what: a small model of the rules of channels, which has nothing of the
//! server's code. All times are numbers of steps.

use std::collections::BTreeMap;

/// A person, by number.
pub type Who = usize;
/// A connection of a person, by number.
pub type Line = usize;

/// What a person is in a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    Voice,
    Operator,
    Founder,
}

/// A person as the rules see them at this moment.
#[derive(Clone, Debug, Default)]
pub struct Face {
    pub who: Who,
    pub has_account: bool,
    /// The nickname, and after it those the person had since coming in.
    pub names: Vec<String>,
}

/// Whom a ban keeps out.
#[derive(Clone, Debug, PartialEq)]
pub enum Ban {
    Account(Who),
    Nick(String),
}

impl Ban {
    pub fn concerns(&self, face: &Face) -> bool {
        match self {
            Ban::Account(who) => *who == face.who && face.has_account,
            Ban::Nick(name) => face.names.contains(name),
        }
    }
}

/// What someone shows to be let in.
#[derive(Clone, Debug, PartialEq)]
pub enum Pass {
    Nothing,
    Key(String),
    Link(String),
}

/// What an account has in a channel whenever it is there.
#[derive(Clone, Debug)]
pub struct Grant {
    pub role: Option<Role>,
    pub since: u64,
}

/// A connection that is in a channel.
#[derive(Clone, Debug)]
pub struct Member {
    pub who: Who,
    pub line: Line,
    pub since: u64,
}

/// A channel with its rules and all that was said in it.
#[derive(Clone, Debug, Default)]
pub struct Room {
    pub name: String,
    pub founder: Option<Who>,
    pub is_secret: bool,
    pub is_invite_only: bool,
    pub is_for_accounts: bool,
    pub is_moderated: bool,
    pub shows_since: bool,
    pub key: Option<String>,
    pub grants: BTreeMap<Who, Grant>,
    pub roles: BTreeMap<Who, Role>,
    pub bans: Vec<Ban>,
    pub mutes: Vec<Ban>,
    /// Nicknames that are invited, each with the server where this was done.
    pub passes: BTreeMap<String, usize>,
    /// Secrets of links, and how often each can still be used.
    pub links: Vec<(String, u32)>,
    pub topic: Option<String>,
    pub floor: u64,
    pub members: Vec<Member>,
    /// When what was said.
    pub said: Vec<(u64, String)>,
    /// Whether it was ever not secret: then everyone may know its name.
    pub was_public: bool,
}

impl Room {
    pub fn role(&self, who: Who) -> Option<Role> {
        let kept = match self.founder == Some(who) {
            true => Some(Role::Founder),
            false => self.grants.get(&who).and_then(|grant| grant.role),
        };
        kept.max(self.roles.get(&who).copied())
    }

    pub fn operates(&self, who: Who) -> bool {
        self.role(who) >= Some(Role::Operator)
    }

    pub fn has(&self, who: Who) -> bool {
        self.members.iter().any(|member| member.who == who)
    }

    /// Whether there is such a channel: someone is in it, or it is registered.
    pub fn exists(&self) -> bool {
        !self.members.is_empty() || self.founder.is_some()
    }

    pub fn has_line(&self, line: Line) -> bool {
        self.members.iter().any(|member| member.line == line)
    }

    pub fn is_restricted(&self) -> bool {
        self.is_secret
            || self.is_invite_only
            || self.is_for_accounts
            || self.shows_since
            || self.key.is_some()
    }

    pub fn bans(&self, face: &Face) -> bool {
        self.bans.iter().any(|ban| ban.concerns(face))
    }

    pub fn mutes(&self, face: &Face) -> bool {
        self.mutes.iter().any(|mute| mute.concerns(face))
    }

    /// Whether a person may come in.
    pub fn admits(&self, face: &Face, pass: &Pass) -> bool {
        if self.operates(face.who) {
            return true;
        }
        let by_link = |secret: &String| {
            let mut links = self.links.iter();
            links.any(|(link, uses)| link == secret && *uses > 0)
        };
        let is_invited = self.grants.contains_key(&face.who)
            || self.passes.contains_key(&face.names[0])
            || matches!(pass, Pass::Link(secret) if by_link(secret));
        let has_key = match (&self.key, pass) {
            (None, _) => true,
            (Some(key), Pass::Key(given)) => key == given,
            (Some(_), _) => false,
        };
        !self.bans(face)
            && (!self.is_for_accounts || face.has_account)
            && (!self.is_invite_only || is_invited)
            && (is_invited || has_key)
    }

    /// Whether a person may come in on a server, which need not have heard of
    /// invitations that were made on others.
    pub fn surely_admits(&self, face: &Face, pass: &Pass, at: usize) -> bool {
        let mut here = self.clone();
        here.passes.retain(|_, made_at| *made_at == at);
        here.admits(face, pass)
    }

    pub fn lets_speak(&self, face: &Face) -> bool {
        let is_silenced = self.is_moderated || self.mutes(face);
        !is_silenced || self.role(face.who) >= Some(Role::Voice)
    }

    /// Gives the registration to another account.
    pub fn transfer(&mut self, to: Who, now: u64) {
        let before = self.founder.replace(to);
        if let Some(grant) = before.and_then(|before| self.grants.get_mut(&before)) {
            grant.role = Some(Role::Operator);
        }
        let grant = self.grants.entry(to).or_insert(Grant {
            role: None,
            since: now,
        });
        grant.role = Some(Role::Founder);
    }

    /// Puts a connection into the channel, at this moment.
    pub fn join(&mut self, face: &Face, line: Line, pass: &Pass, now: u64) {
        let who = face.who;
        let is_new = self.said.is_empty() && self.floor == 0 && self.founder.is_none();
        if self.members.is_empty() && is_new {
            self.roles.insert(who, Role::Operator);
        }
        self.members.push(Member {
            who,
            line,
            since: now,
        });
        self.passes.remove(&face.names[0]);
        if let Pass::Link(secret) = pass
            && let Some((_, uses)) = self.links.iter_mut().find(|(link, _)| link == secret)
        {
            *uses = uses.saturating_sub(1);
        }
        let is_private = self.is_invite_only || self.shows_since;
        if face.has_account && self.founder.is_some() && is_private {
            let grant = Grant {
                role: None,
                since: now,
            };
            self.grants.entry(who).or_insert(grant);
        }
    }

    /// Takes a connection out of the channel.
    pub fn leave(&mut self, line: Line, now: u64) {
        let Some(at) = self.members.iter().position(|it| it.line == line) else {
            return;
        };
        let who = self.members.remove(at).who;
        if !self.has(who) {
            self.roles.remove(&who);
        }
        if self.members.is_empty() && self.founder.is_none() {
            self.reopen(now);
        }
    }

    /// Takes a person out of the channel.
    pub fn remove(&mut self, who: Who, now: u64) {
        if self.role(who).is_none() {
            self.grants.remove(&who);
        }
        let lines: Vec<Line> = self.lines_of(who);
        for line in lines {
            self.leave(line, now);
        }
    }

    pub fn lines_of(&self, who: Who) -> Vec<Line> {
        let lines = self.members.iter().filter(|it| it.who == who);
        lines.map(|it| it.line).collect()
    }

    /// Nobody is in it any more, and nobody has registered it.
    fn reopen(&mut self, now: u64) {
        let floor = match self.is_restricted() {
            true => now,
            false => self.floor,
        };
        *self = Room {
            name: std::mem::take(&mut self.name),
            said: std::mem::take(&mut self.said),
            was_public: self.was_public,
            floor,
            ..Room::default()
        };
    }

    /// Gives the registration up.
    pub fn drop_registration(&mut self, now: u64) {
        let (members, roles) = (self.members.clone(), self.roles.clone());
        let (topic, passes) = (self.topic.clone(), self.passes.clone());
        self.reopen(now);
        if !members.is_empty() {
            (self.members, self.roles) = (members, roles);
            (self.topic, self.passes) = (topic, passes);
        }
    }

    /// Since when a member may read what was said.
    fn bound(&self, member: &Member) -> u64 {
        let since = match self.grants.get(&member.who) {
            _ if !self.shows_since => 0,
            Some(grant) => grant.since.min(member.since),
            None => member.since,
        };
        self.floor.max(since)
    }

    /// What people may know of the channel now, besides what they might before.
    pub fn reveals(&mut self, everyone: impl Iterator<Item = Who>) -> Vec<(Who, String)> {
        self.was_public |= !self.is_secret;
        let mut news = Vec::new();
        for who in everyone {
            let belongs = self.has(who) || self.grants.contains_key(&who);
            if belongs || self.was_public {
                news.push((who, self.name.clone()));
            }
            if let Some(topic) = &self.topic
                && (belongs || !self.is_secret)
            {
                news.push((who, topic.clone()));
            }
        }
        for member in &self.members {
            let after = self.bound(member);
            let readable = self.said.iter().filter(|(at, _)| *at > after);
            news.extend(readable.map(|(_, what)| (member.who, what.clone())));
        }
        news
    }
}
