//! Plants the bugs of the governed world: what the hub does is altered before anyone
//! sees it.

use std::sync::Arc;

use chat_server::hub::{Command, ConnectionId, Draft, Event, Page, Pass, Reading, Refusal};
use chat_server::model::governance::{By, Change, ChannelChange, Flag, Person, Role};
use chat_server::model::{Amendment, Body, Record, ReplyTo};
use chat_server::name::Name;
use chat_server::store::{History, Message, Place};
use chat_server::text::Text;

use super::super::bug::Bug;
use super::super::names::{ROOMS, Room, channel, nickname, room};
use super::law::{Face, concerns};
use super::model::Model;
use super::store::Store;
use super::world::Fact;

/// Plants one bug, or none.
pub struct Saboteur {
    bug: Option<Bug>,
    /// Who left a channel last.
    left: Option<(ConnectionId, Room)>,
    /// What the store has just read.
    read: Option<(ConnectionId, Name, Vec<Message>)>,
    /// The channel that a command was about last.
    asked: Option<Name>,
    /// The link that was followed last.
    followed: Option<Arc<str>>,
}

impl Saboteur {
    pub fn new(bug: Option<Bug>) -> Saboteur {
        Saboteur {
            bug,
            left: None,
            read: None,
            asked: None,
            followed: None,
        }
    }

    pub fn is(&self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }

    pub fn asked(&mut self, _: ConnectionId, command: &Command) {
        self.asked = match command {
            Command::Say { channel, .. } | Command::Govern(channel, _) => channel.clone(),
            _ => None,
        };
        self.followed = match command {
            Command::Opened {
                pass: Pass::Link(hash),
                ..
            } => Some(hash.clone()),
            _ => None,
        };
    }

    pub fn reads(&mut self, reading: &Reading, history: &History) {
        let messages = history.messages.clone();
        self.read = Some((reading.connection, reading.channel.clone(), messages));
    }

    /// Alters the hub's effects as the bug demands.
    pub fn alter(&mut self, facts: &mut Vec<Fact>, model: &Model, store: &Store) {
        let read = self.read.take();
        match self.bug {
            Some(Bug::KickKeepsMember) => facts.retain(|fact| !is_kick(fact)),
            Some(Bug::BanIgnoresAlias) => ignore_alias(facts, model),
            Some(Bug::PastIgnoresSince) => show_past(facts, model, store, |model, room| {
                model.places[room].law.since
            }),
            Some(Bug::FloorForgotten) => show_past(facts, model, store, |model, room| {
                model.places[room].law.floor > Default::default()
            }),
            Some(Bug::RoleSurvivesLeave) => self.keep_role(facts, model),
            Some(Bug::SecretListed) => list_secret(facts, model),
            Some(Bug::MutedSpeaks) => self.let_speak(facts, model),
            Some(Bug::StrangerChanges) => self.let_change(facts, model),
            Some(Bug::PageAfterKick) => show_page(facts, model, read),
            Some(Bug::PageUndoes) => undo(facts, read),
            Some(Bug::EditSkipsMember) => skip(facts),
            Some(Bug::EditRevives) => revive(facts),
            Some(Bug::ReactionSkipsMember) => skip_reaction(facts),
            Some(Bug::ReactionDoubled) => double_reaction(facts),
            Some(Bug::PageForgetsReactions) => forget_reactions(facts, read),
            Some(Bug::ReactsForAnother) => react_for_another(facts, model),
            Some(Bug::HurriesInSlowMode) => self.let_hurry(facts, model),
            Some(Bug::LinkOpensAll) => self.follow(facts, model),
            Some(Bug::AnswersUnseen) => answer_unseen(facts, model),
            Some(Bug::AnswerUndoes) => forget_since(facts),
            Some(Bug::StrangerEdits) => self.let_mend(facts, model, Text::clean("tea").into()),
            Some(Bug::StrangerDeletes) => self.let_mend(facts, model, Body::deleted()),
            _ => {}
        }
    }

    /// Who comes back into a channel has the role of an operator there.
    fn keep_role(&mut self, facts: &mut Vec<Fact>, model: &Model) {
        let mut again = None;
        for fact in &*facts {
            let Fact::Tell(to, event) = fact else {
                continue;
            };
            match event {
                Event::Left { channel, .. } => self.left = Some((to[0], room(channel))),
                Event::Joined { channel, .. } if self.left == Some((to[0], room(channel))) => {
                    let others = model.members(room(channel)).count();
                    again = (others > 0).then(|| (to[0], channel.clone()));
                }
                _ => {}
            }
        }
        if let Some((id, channel)) = again {
            let role = Some(Role::Operator);
            facts.push(Fact::Tell(vec![id], Event::Role { channel, role }));
        }
    }

    /// What may not be said is said.
    fn let_speak(&mut self, facts: &mut Vec<Fact>, model: &Model) {
        let refused = refused(facts, |it| matches!(it, Refusal::CannotSpeak(..)));
        self.say_for(refused, facts, model);
    }

    /// Who has to wait in slow mode speaks at once.
    fn let_hurry(&mut self, facts: &mut Vec<Fact>, model: &Model) {
        let refused = refused(facts, |it| matches!(it, Refusal::SlowMode(..)));
        self.say_for(refused, facts, model);
    }

    /// Who follows a link comes in, whatever keeps them out.
    fn follow(&mut self, facts: &mut [Fact], model: &Model) {
        let Some(hash) = &self.followed else { return };
        for fact in facts {
            let Fact::Tell(_, event) = fact else { continue };
            let Event::Refused(
                Refusal::InviteOnly(channel)
                | Refusal::WrongKey(channel)
                | Refusal::NeedsAccount(channel)
                | Refusal::BannedFromChannel(channel)
                | Refusal::ChannelNameTaken(channel),
            ) = &*event
            else {
                continue;
            };
            if model.links.iter().any(|(_, it)| it == hash) {
                *event = Event::Joined {
                    channel: channel.clone(),
                    others: 0,
                    topic: None,
                };
            }
        }
    }

    fn say_for(&mut self, who: Option<ConnectionId>, facts: &mut Vec<Fact>, model: &Model) {
        let (Some(id), Some(channel)) = (who, self.asked.clone()) else {
            return;
        };
        let Some(conn) = model.conn(id) else { return };
        let message = Message {
            id: model.last_id.next(0),
            at_ms: 0,
            author: nickname(conn.nick, 0),
            place: Place::Channel {
                channel,
                account: conn.account,
            },
            body: Text::clean("tea").into(),
        };
        facts.push(Fact::Append(draft(id, Record::Message(message))));
    }

    /// A message is changed for one who may not change it.
    fn let_mend(&mut self, facts: &mut Vec<Fact>, model: &Model, body: Body) {
        let refused = refused(facts, |it| {
            matches!(it, Refusal::NotAuthor | Refusal::NotOperator(_))
        });
        let said = model.screens.said.last_key_value();
        let (Some(id), Some((&message, said))) = (refused, said) else {
            return;
        };
        let is_own = model.conn(id).is_none_or(|conn| conn.nick == said.nick);
        if is_own
            || model
                .conn(id)
                .is_some_and(|it| model.operates(it, said.room))
        {
            return;
        }
        let change = model.last_id.next(0);
        let amendment = Amendment {
            id: change,
            message,
            place: Place::Channel {
                channel: channel(said.room, 0),
                account: said.account,
            },
            author: nickname(said.nick, 0),
            to: None,
            by: None,
            reason: None,
            body: body.changed_by(change),
        };
        facts.push(Fact::Append(draft(id, Record::Amend(Box::new(amendment)))));
    }

    /// What an operator may do is done for someone else.
    fn let_change(&mut self, facts: &mut Vec<Fact>, model: &Model) {
        let refused = refused(facts, |it| matches!(it, Refusal::NotOperator(_)));
        let (Some(id), Some(channel)) = (refused, self.asked.clone()) else {
            return;
        };
        let Some(conn) = model.conn(id) else { return };
        let change = ChannelChange {
            id: model.last_id.next(0),
            at_ms: 0,
            channel,
            by: By::User(Person {
                name: nickname(conn.nick, 0),
                account: conn.account,
            }),
            changes: vec![Change::Flag(Flag::Secret, true)],
        };
        facts.push(Fact::Append(draft(id, Record::Change(Box::new(change)))));
    }
}

fn draft(sender: ConnectionId, record: Record) -> Draft {
    Draft {
        record,
        to: None,
        tag: None,
        sender,
    }
}

/// A page is shown as it was read, whatever has changed since.
fn undo(facts: &mut [Fact], read: Option<(ConnectionId, Name, Vec<Message>)>) {
    let Some((_, _, read)) = read else { return };
    let as_read = |message: &mut Message| {
        if let Some(before) = read.iter().find(|it| it.id == message.id) {
            message.clone_from(before);
        }
    };
    for fact in facts {
        match fact {
            Fact::Tell(_, Event::History { messages, .. }) => {
                messages.iter_mut().for_each(as_read);
            }
            Fact::Tell(_, Event::Message(message)) => as_read(message),
            _ => {}
        }
    }
}

/// One of several who are to be told of a change of a message is not.
fn skip(facts: &mut [Fact]) {
    for fact in facts {
        if let Fact::Tell(to, Event::Amended(_)) = fact
            && to.len() > 1
        {
            to.pop();
        }
    }
}

/// One of several who are to be told of a reaction is not.
fn skip_reaction(facts: &mut [Fact]) {
    for fact in facts {
        if let Fact::Tell(to, Event::Reacted(_)) = fact
            && to.len() > 1
        {
            to.pop();
        }
    }
}

/// A reaction is told a second time, as if it were another one.
fn double_reaction(facts: &mut [Fact]) {
    for fact in facts {
        if let Fact::Tell(to, Event::Reacted(_)) = fact
            && let Some(first) = to.first().copied()
        {
            to.push(first);
        }
    }
}

/// A page is shown with the reactions that it was read with, whatever was told since.
fn forget_reactions(facts: &mut [Fact], read: Option<(ConnectionId, Name, Vec<Message>)>) {
    let Some((_, _, read)) = read else { return };
    let as_read = |message: &mut Message| {
        if let Some(before) = read.iter().find(|it| it.id == message.id) {
            let reactions = before.body.reactions().cloned();
            message.body = message.body.clone().with_reactions(reactions);
        }
    };
    for fact in facts {
        match fact {
            Fact::Tell(_, Event::History { messages, .. }) => {
                messages.iter_mut().for_each(as_read);
            }
            Fact::Tell(_, Event::Message(message)) => as_read(message),
            _ => {}
        }
    }
}

/// What has become of messages since a connection's thread has read them is not told.
fn forget_since(facts: &mut Vec<Fact>) {
    if facts.iter().any(|fact| matches!(fact, Fact::Write(..))) {
        facts.retain(|fact| {
            let is_since = matches!(fact, Fact::Tell(_, Event::Reacted(_) | Event::Amended(_)));
            !is_since
        });
    }
}

/// A reaction is drafted under another user's nickname.
fn react_for_another(facts: &mut [Fact], model: &Model) {
    for fact in facts {
        let Fact::Append(draft) = fact else { continue };
        let Record::React(reaction) = &mut draft.record else {
            continue;
        };
        let mut conns = model.conns.iter().flatten();
        if let Some(other) = conns.find(|it| it.id != draft.sender) {
            reaction.by = nickname(other.nick, 0);
        }
    }
}

/// A message answers one that its author may not read.
fn answer_unseen(facts: &mut [Fact], model: &Model) {
    for fact in facts {
        let Fact::Append(draft) = fact else { continue };
        let Record::Message(message) = &mut draft.record else {
            continue;
        };
        let Some(channel) = message.place.channel() else {
            continue;
        };
        let is_unseen = |id| model.may_read(draft.sender, id, channel).is_err();
        let mut unseen = model.screens.said.iter().filter(|(id, _)| is_unseen(**id));
        if let Some((&id, said)) = unseen.next() {
            let reply = ReplyTo {
                id,
                author: nickname(said.nick, 0),
            };
            message.body = message.body.clone().replying_to(Some(reply));
        }
    }
}

/// What was deleted is told as edited.
fn revive(facts: &mut [Fact]) {
    for fact in facts {
        if let Fact::Tell(_, Event::Amended(amendment)) = fact
            && amendment.deletes()
        {
            let text = Text::clean("tea").into();
            Arc::make_mut(amendment).body = Body::changed_by(text, amendment.id);
        }
    }
}

fn is_kick(fact: &Fact) -> bool {
    matches!(fact, Fact::Tell(_, Event::Kicked { .. }))
}

/// Who was refused something.
fn refused(facts: &[Fact], is_it: impl Fn(&Refusal) -> bool) -> Option<ConnectionId> {
    facts.iter().find_map(|fact| match fact {
        Fact::Tell(to, Event::Refused(refusal)) if is_it(refusal) => to.first().copied(),
        _ => None,
    })
}

/// Who is banned under an earlier nickname comes in.
fn ignore_alias(facts: &mut [Fact], model: &Model) {
    for fact in facts {
        let Fact::Tell(to, event) = fact else {
            continue;
        };
        let Event::Refused(Refusal::BannedFromChannel(channel)) = &*event else {
            continue;
        };
        let Some(conn) = model.conn(to[0]) else {
            continue;
        };
        let face = Face {
            aliases: Vec::new(),
            ..conn.face()
        };
        if !concerns(&model.places[room(channel)].law.bans, &face) {
            *event = Event::Joined {
                channel: channel.clone(),
                others: 0,
                topic: None,
            };
        }
    }
}

/// Who joins certain channels is shown all that was ever said there.
fn show_past(
    facts: &mut Vec<Fact>,
    model: &Model,
    store: &Store,
    is_one: impl Fn(&Model, Room) -> bool,
) {
    let joined = facts.iter().find_map(|fact| match fact {
        Fact::Tell(to, Event::Joined { channel, .. }) => Some((to.clone(), channel.clone())),
        _ => None,
    });
    let Some((to, channel)) = joined else { return };
    let messages = store.rooms[room(&channel)].clone();
    if is_one(model, room(&channel)) && !messages.is_empty() {
        facts.push(Fact::Tell(to, history(channel, messages)));
    }
}

fn history(channel: Name, messages: Vec<Message>) -> Event {
    Event::History {
        channel,
        messages,
        complete: true,
        asked: true,
        now_ms: 0,
    }
}

/// A page is shown to one who has been removed while it was read.
fn show_page(
    facts: &mut Vec<Fact>,
    model: &Model,
    read: Option<(ConnectionId, Name, Vec<Message>)>,
) {
    let Some((id, channel, messages)) = read else {
        return;
    };
    if model.conn(id).is_some() && !model.is_in(id, room(&channel)) && !messages.is_empty() {
        facts.push(Fact::Tell(vec![id], history(channel, messages)));
    }
}

/// A list of channels has one that is secret.
fn list_secret(facts: &mut [Fact], model: &Model) {
    for fact in facts {
        let Fact::Tell(to, Event::Channels(page)) = fact else {
            continue;
        };
        let mut secret = (1..ROOMS).filter(|room| !model.shows(to[0], *room));
        let Some(room) = secret.next() else { continue };
        let mut rows = page.rows.to_vec();
        rows.push(chat_server::hub::ChannelRow {
            name: channel(room, 0),
            people: 1,
            topic: None,
            topic_at_ms: None,
            since_ms: None,
        });
        *page = Arc::new(Page::new(page.part.clone(), rows, page.more));
    }
}
