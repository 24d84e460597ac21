//! What accounts are called on IRC that are not called by their names there. Everything else
//! knows them by their names; these are put in where lines are written, and taken out where
//! they are read.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use parking_lot::RwLock;

use crate::hub::{
    Audience, Command, Deed, Event, Question, Refusal, Reply, Replying, RosterNews, Target, Which,
    Within,
};
use crate::model::Name;
use crate::model::governance::{By, Change};

/// The nicknames of accounts. Clones are the same ones: the hub's thread changes them in
/// order with what it writes, and the threads of connections read them for their answers.
#[derive(Clone, Debug, Default)]
pub struct Nicknames(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    /// How many there are: mostly none, which costs no lock.
    count: AtomicUsize,
    changes: AtomicU64,
    names: RwLock<Names>,
}

#[derive(Debug, Default)]
struct Names {
    /// By the key of the account's name.
    nicknames: HashMap<Arc<str>, Name>,
    /// The accounts, by the key of the nickname.
    owners: HashMap<Arc<str>, Name>,
}

/// They belong to the state of a server, and not to what it is set to.
impl PartialEq for Nicknames {
    fn eq(&self, _: &Nicknames) -> bool {
        true
    }
}

impl Nicknames {
    /// Has an account be called so; `None` is by its name.
    pub fn set(&self, owner: &Name, nickname: Option<&Name>) {
        let mut names = self.0.names.write();
        if let Some(before) = names.nicknames.remove(owner.key()) {
            names.owners.remove(before.key());
        }
        if let Some(nickname) = nickname {
            names.owners.insert(nickname.key().clone(), owner.clone());
            names
                .nicknames
                .insert(owner.key().clone(), nickname.clone());
        }
        let count = names.nicknames.len();
        self.0.count.store(count, Ordering::Release);
        self.0.changes.fetch_add(1, Ordering::Release);
    }

    /// How often they have changed.
    pub fn changes(&self) -> u64 {
        self.0.changes.load(Ordering::Acquire)
    }

    fn are_none(&self) -> bool {
        self.0.count.load(Ordering::Acquire) == 0
    }

    /// What a person is called.
    pub fn shown(&self, name: &Name) -> Name {
        if self.are_none() {
            return name.clone();
        }
        let names = self.0.names.read();
        let nickname = names.nicknames.get(name.key());
        nickname.unwrap_or(name).clone()
    }

    /// The person who is called so.
    pub fn meant(&self, name: Name) -> Name {
        if self.are_none() {
            return name;
        }
        let names = self.0.names.read();
        names.owners.get(name.key()).cloned().unwrap_or(name)
    }

    /// An event with what people are called, if it is not as it is.
    pub fn event(&self, event: &Event) -> Option<Event> {
        if self.are_none() {
            return None;
        }
        let names = self.0.names.read();
        let mut event = event.clone();
        in_event(&mut event, &|name| {
            if let Some(nickname) = names.nicknames.get(name.key()) {
                *name = nickname.clone();
            }
        });
        Some(event)
    }

    /// A command about the people who are called as it says.
    pub fn command(&self, command: Command) -> Command {
        if self.are_none() {
            return command;
        }
        match command {
            Command::Private { to, account, body } => Command::Private {
                to: self.meant(to),
                account,
                body,
            },
            Command::Reply { to, replying } => {
                let message = Box::new(self.command(*replying.message));
                let or_plain = replying.or_plain;
                let replying = Replying { message, or_plain };
                Command::Reply { to, replying }
            }
            Command::Mend {
                message: Which::In(Within::User(name), id),
                wish,
            } => Command::Mend {
                message: Which::In(Within::User(self.meant(name)), id),
                wish,
            },
            Command::Signal(audience, signal) => Command::Signal(self.audience(audience), signal),
            Command::Govern(channel, deed) => Command::Govern(channel, self.deed(deed)),
            Command::Ask { question, logged } => Command::Ask {
                question: self.question(question),
                logged,
            },
            other => other,
        }
    }

    fn audience(&self, audience: Audience) -> Audience {
        match audience {
            Audience::User(name) => Audience::User(self.meant(name)),
            channel => channel,
        }
    }

    fn question(&self, question: Question) -> Question {
        let all = |names: Vec<Name>| names.into_iter().map(|name| self.meant(name)).collect();
        match question {
            Question::Presence(names) => Question::Presence(all(names)),
            Question::Seen(name) => Question::Seen(self.meant(name)),
            Question::User(name) => Question::User(self.meant(name)),
            Question::Who(names) => Question::Who(all(names)),
        }
    }

    /// A change of a channel that is about people who are called so.
    pub fn deed(&self, mut deed: Deed) -> Deed {
        if let Deed::Role { who, .. }
        | Deed::Raise { who, .. }
        | Deed::Lower { who, .. }
        | Deed::Kick { who, .. }
        | Deed::Add {
            who: Target::Person(who),
            ..
        }
        | Deed::Remove {
            who: Target::Person(who),
            ..
        }
        | Deed::Invite(who)
        | Deed::Transfer(who) = &mut deed
        {
            who.name = self.meant(who.name.clone());
        }
        deed
    }
}

/// Changes the names of all people in an event. Rows of members and messages of the past are
/// written with what people are called: see [`super::names`] and [`super::history`].
fn in_event(event: &mut Event, call: &impl Fn(&mut Name)) {
    match event {
        Event::Welcome { nickname: name }
        | Event::MemberJoined { nickname: name, .. }
        | Event::MemberLeft { nickname: name, .. }
        | Event::Renamed { to: name }
        | Event::Kicked { by: name, .. }
        | Event::Invited { by: name, .. }
        | Event::InviteSent { to: name, .. }
        | Event::Away { user: name, .. }
        | Event::Ignored(name)
        | Event::Unignored(name) => call(name),
        Event::Message(message) => call(&mut message.author),
        Event::Private(private) | Event::PrivateSent(private) | Event::PrivateCopy(private) => {
            call(&mut private.from);
            call(&mut private.to);
        }
        Event::Amended(amendment) => {
            let amendment = Arc::make_mut(amendment);
            call(&mut amendment.author);
            amendment.by.iter_mut().for_each(call);
            amendment.to.iter_mut().for_each(call);
        }
        Event::Reacted(reaction) => {
            let reaction = Arc::make_mut(reaction);
            call(&mut reaction.author);
            call(&mut reaction.by);
            reaction.to.iter_mut().for_each(call);
        }
        Event::Typing { from, to, .. } => {
            call(from);
            to.iter_mut().for_each(call);
        }
        Event::Signal(told) => {
            let told = Arc::make_mut(told);
            call(&mut told.from);
            told.to.iter_mut().for_each(call);
        }
        Event::Changed(change) => {
            let change = Arc::make_mut(change);
            if let By::User(person) = &mut change.by {
                call(&mut person.name);
            }
            for one in &mut change.changes {
                if let Change::Role { who, .. } | Change::Kick { who, .. } = one {
                    call(&mut who.name);
                }
            }
        }
        Event::Joined { topic, .. } | Event::Topic { topic, .. } => {
            topic.iter_mut().for_each(|topic| call(&mut topic.by));
        }
        Event::Lists(view) => {
            let lists = Arc::make_mut(view).rules.lists.values_mut();
            lists.flatten().for_each(|entry| call(&mut entry.by));
        }
        Event::Roster(news) => in_news(news, call),
        Event::Answered(reply) => in_reply(reply, call),
        Event::Refused(refusal) | Event::NotSent { refusal, .. } => in_refusal(refusal, call),
        _ => {}
    }
}

fn in_news(news: &mut RosterNews, call: &impl Fn(&mut Name)) {
    match news {
        RosterNews::Watched(news) => return in_news(news, call),
        RosterNews::Renamed { from, to } => {
            call(from);
            return call(to);
        }
        RosterNews::Removed { by, .. } => call(by),
        RosterNews::Role { by, .. } => by.iter_mut().for_each(call),
        RosterNews::Invited { who, .. } => call(who),
        _ => {}
    }
    match news {
        RosterNews::Quit { nickname, .. }
        | RosterNews::Removed { nickname, .. }
        | RosterNews::Role { nickname, .. }
        | RosterNews::Invited { nickname, .. }
        | RosterNews::Away { nickname, .. }
        | RosterNews::RealName { nickname, .. }
        | RosterNews::Account { nickname }
        | RosterNews::Host { nickname, .. }
        | RosterNews::Property { nickname, .. }
        | RosterNews::Untold { nickname, .. }
        | RosterNews::Wallops { nickname, .. } => call(nickname),
        // Those who watch nicknames are told of nicknames.
        RosterNews::Online { .. } | RosterNews::Offline { .. } => {}
        RosterNews::Renamed { .. } | RosterNews::Watched(_) => {}
    }
}

fn in_reply(reply: &mut Reply, call: &impl Fn(&mut Name)) {
    match reply {
        Reply::Presence(seen) => seen.iter_mut().for_each(|(name, _)| call(name)),
        Reply::Seen { user, .. } => call(user),
        Reply::User(card) => call(&mut card.name),
        Reply::Who(seen) => seen.iter_mut().for_each(|one| call(&mut one.name)),
    }
}

fn in_refusal(refusal: &mut Refusal, call: &impl Fn(&mut Name)) {
    if let Refusal::AccountsOnly(name)
    | Refusal::NotOnChannel(name, _)
    | Refusal::AlreadyOnChannel(name, _)
    | Refusal::HasRole(name, ..)
    | Refusal::LacksRole(name, ..) = refusal
    {
        call(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        Name::parse(text).unwrap()
    }

    #[test]
    fn an_account_has_one_nickname_at_a_time() {
        let nicknames = Nicknames::default();
        assert_eq!(nicknames.shown(&name("ann")).as_str(), "ann");
        nicknames.set(&name("ann"), Some(&name("foo")));
        nicknames.set(&name("ann"), Some(&name("bar")));
        assert_eq!(nicknames.shown(&name("ann")).as_str(), "bar");
        assert_eq!(nicknames.meant(name("BAR")).as_str(), "ann");
        assert_eq!(nicknames.meant(name("foo")).as_str(), "foo");
        let left = Event::MemberLeft {
            channel: name("ann"),
            nickname: name("ann"),
            reason: None,
        };
        let shown = nicknames.event(&left);
        assert!(matches!(
            shown,
            Some(Event::MemberLeft { channel, nickname, .. })
                if channel.as_str() == "ann" && nickname.as_str() == "bar"
        ));
        nicknames.set(&name("ann"), None);
        assert!(nicknames.event(&left).is_none());
        assert_eq!(nicknames.changes(), 3);
    }
}
