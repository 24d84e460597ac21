//! What many clients are told in the same words.

use crate::hub::{Circumstances, Event, Face, Private, SignalKind, Signalled};
use crate::model::governance::{By, Change, ChannelChange};
use crate::model::{Amendment, Body, MessageId, MessageKind, Name, Reaction, Text};
use crate::protocol::words::is_user;

use super::lines::{From, Lines, MAX_LINE};
use super::modes::{self, Written};
use super::tags::{self, Said};
use super::{multiline, prefix, roster, split};

/// Whether an event is told to one client in words that depend on it.
pub fn is_personal(event: &Event) -> bool {
    !matches!(
        event,
        Event::Message(_)
            | Event::Private(_)
            | Event::PrivateSent(_)
            | Event::PrivateCopy(_)
            | Event::Signal(_)
            | Event::Typing { .. }
            | Event::Amended(_)
            | Event::Reacted(_)
            | Event::MemberJoined { .. }
            | Event::MemberLeft { .. }
            | Event::Roster(_)
            | Event::Changed(_)
    )
}

/// Writes such an event.
pub fn write(event: &Event, told: &Circumstances, lines: &mut Lines<'_>) {
    let face = told.by.as_deref();
    match event {
        Event::Message(message) => {
            if let Some(channel) = message.place.channel() {
                let said = (message.id, &message.body);
                say((&message.author, face), &format!("#{channel}"), said, lines);
            }
        }
        Event::Private(private) | Event::PrivateSent(private) | Event::PrivateCopy(private) => {
            let Private {
                from, to, id, body, ..
            } = private;
            say((from, face), to.as_str(), (*id, body), lines);
        }
        Event::Signal(told) => signal(told, face, lines),
        Event::Typing { from, channel, to } => typing((from, face), channel, to, lines),
        Event::Amended(amendment) => amended(amendment, face, lines),
        Event::Reacted(reaction) => reacted(reaction, face, lines),
        Event::MemberJoined {
            channel, nickname, ..
        } => join(channel, nickname, face, lines),
        Event::MemberLeft {
            channel,
            nickname,
            reason,
        } => part(channel, (nickname, face), reason.as_ref(), lines),
        Event::Roster(news) => roster::write(news, face, lines),
        Event::Changed(change) => changed(change, face, lines),
        _ => {}
    }
}

/// Writes a message, in as many lines as it needs. The first has its id.
pub fn say(
    (from, face): (&Name, Option<&Face>),
    target: &str,
    (id, body): (MessageId, &Body),
    lines: &mut Lines<'_>,
) {
    let (command, before, after) = match body.kind {
        MessageKind::Say => ("PRIVMSG", "", ""),
        MessageKind::Action => ("PRIVMSG", "\u{1}ACTION ", "\u{1}"),
        MessageKind::Notice => ("NOTICE", "", ""),
        MessageKind::Deleted => return,
    };
    let styled = body.styled.as_ref();
    let text = styled.map_or(body.text.as_str(), |styled| styled.as_str());
    let prefix = prefix::of(from, face);
    let around = ":".len() + prefix.len() + 1 + command.len() + 1 + target.len() + " :".len();
    let room = (MAX_LINE - 2).saturating_sub(around + before.len() + after.len());
    let client = tags::with_reply(body);
    let mut said = Said {
        id: Some(id),
        at_ms: Some(id.ms),
        by: face,
        is_by_bot: body.is_by_bot(),
        client: client.as_deref(),
    };
    let joints = body.joints();
    if lines.shape().has_multiline() && before.is_empty() {
        let pieces = split::whole(text, joints, room);
        if (2..=multiline::MAX_LINES).contains(&pieces.len()) {
            return say_together((from, face), target, command, (&said, &pieces), lines);
        }
    }
    for piece in split::pieces(&split::broken(text, joints), room) {
        let words = match before {
            "" => piece,
            _ => format!("{before}{piece}{after}"),
        };
        lines.send(From::Person(from, face), &said, command, &[target, &words]);
        said.id = None;
    }
}

/// Writes a message of several lines as one batch, which has its id.
fn say_together(
    (from, face): (&Name, Option<&Face>),
    target: &str,
    command: &str,
    (said, pieces): (&Said<'_>, &[split::Piece<'_>]),
    lines: &mut Lines<'_>,
) {
    let from = From::Person(from, face);
    let id = said.id.unwrap_or_default();
    let batch = format!("m{}-{}", id.ms, id.sequence);
    lines.begin_batch_by(from, said, &batch, &["draft/multiline", target]);
    for piece in pieces {
        let said = Said {
            client: piece.goes_on.then_some(multiline::CONCAT),
            ..Said::default()
        };
        lines.send(from, &said, command, &[target, piece.text]);
    }
    lines.end_batch();
}

/// Writes what a user's program tells those of others.
fn signal(told: &Signalled, face: Option<&Face>, lines: &mut Lines<'_>) {
    let said = Said {
        id: Some(told.id),
        at_ms: Some(told.id.ms),
        by: face,
        client: told.signal.extras.as_deref(),
        ..Said::default()
    };
    let from = From::Person(&told.from, face);
    let sign = modes::role_sign(told.signal.least);
    let target = target(told.channel.as_ref(), told.to.as_ref());
    let target = format!("{sign}{target}");
    let words = told.signal.words.as_str();
    let asked = format!("\u{1}{words}\u{1}");
    match told.signal.kind {
        SignalKind::Extras => lines.send_words(from, &said, "TAGMSG", &[&target]),
        SignalKind::Request => lines.send(from, &said, "PRIVMSG", &[&target, &asked]),
        SignalKind::Answer => lines.send(from, &said, "NOTICE", &[&target, &asked]),
        SignalKind::Text => lines.send(from, &said, "PRIVMSG", &[&target, words]),
        SignalKind::Notice => lines.send(from, &said, "NOTICE", &[&target, words]),
    }
}

/// Writes that a user of another protocol is typing.
fn typing(
    (from, face): (&Name, Option<&Face>),
    channel: &Option<Name>,
    to: &Option<Name>,
    lines: &mut Lines<'_>,
) {
    let said = Said {
        at_ms: Some(lines.now_ms()),
        by: face,
        client: Some("+typing=active"),
        ..Said::default()
    };
    let target = target(channel.as_ref(), to.as_ref());
    lines.send_words(From::Person(from, face), &said, "TAGMSG", &[&target]);
}

fn target(channel: Option<&Name>, to: Option<&Name>) -> String {
    match channel {
        Some(channel) => format!("#{channel}"),
        None => to.map(Name::to_string).unwrap_or_default(),
    }
}

/// Writes that a message was deleted, or an edited one as another message that answers it: for
/// edits there is no standard.
fn amended(amendment: &Amendment, face: Option<&Face>, lines: &mut Lines<'_>) {
    let target = target(amendment.place.channel(), amendment.to.as_ref());
    let id = amendment.message.to_string();
    if target.is_empty() {
        return;
    }
    if amendment.deletes() {
        let said = Said {
            at_ms: Some(amendment.id.ms),
            by: face,
            ..Said::default()
        };
        let by = amendment.by.as_ref().unwrap_or(&amendment.author);
        let from = match is_user(by) {
            true => From::Person(by, face),
            false => From::Server,
        };
        return match &amendment.reason {
            Some(reason) => lines.send(from, &said, "REDACT", &[&target, &id, reason.as_str()]),
            None => lines.send_words(from, &said, "REDACT", &[&target, &id]),
        };
    }
    let words = format!("* corrected: {}", amendment.body.text);
    let body = Body {
        extras: Some(format!("+draft/reply={id}").into()),
        ..Body::plain(MessageKind::Say, Text::as_sent(&words))
    };
    say(
        (&amendment.author, face),
        &target,
        (amendment.id, &body),
        lines,
    );
}

/// Writes that a user has reacted to a message, or has taken that back.
fn reacted(reaction: &Reaction, face: Option<&Face>, lines: &mut Lines<'_>) {
    let place = target(reaction.place.channel(), None);
    // The other one of two.
    let other = match reaction.by == reaction.author {
        true => reaction.to.as_ref().map(Name::to_string),
        false => Some(reaction.author.to_string()),
    };
    let target = Some(place).filter(|it| !it.is_empty()).or(other);
    let Some(target) = target else {
        return;
    };
    let client = tags::reaction(reaction);
    let said = Said {
        id: Some(reaction.id),
        at_ms: Some(reaction.id.ms),
        by: face,
        client: Some(&client),
        ..Said::default()
    };
    let from = From::Person(&reaction.by, face);
    lines.send_words(from, &said, "TAGMSG", &[&target]);
}

/// Writes a reaction to a message from before.
pub fn reaction(
    (by, face): (&Name, Option<&Face>),
    target: &str,
    (at_ms, tags): (u64, &str),
    lines: &mut Lines<'_>,
) {
    let said = Said {
        at_ms: Some(at_ms),
        by: face,
        client: Some(tags),
        ..Said::default()
    };
    lines.send_words(From::Person(by, face), &said, "TAGMSG", &[target]);
}

/// Writes that a user is now in a channel.
pub fn join(channel: &Name, nickname: &Name, face: Option<&Face>, lines: &mut Lines<'_>) {
    let channel = format!("#{channel}");
    if !lines.shape().has_extended_join() {
        return lines.by(nickname, face, "JOIN", &[&channel]);
    }
    let account = face.and_then(|face| face.account.as_ref());
    let account = account.map_or("*", Name::as_str);
    let real_name = prefix::real_name(nickname, face);
    lines.by(nickname, face, "JOIN", &[&channel, account, real_name]);
}

/// Writes that a user has left a channel.
pub fn part(
    channel: &Name,
    (nickname, face): (&Name, Option<&Face>),
    reason: Option<&Text>,
    lines: &mut Lines<'_>,
) {
    let channel = format!("#{channel}");
    match reason {
        Some(reason) => lines.by(nickname, face, "PART", &[&channel, reason.as_str()]),
        None => lines.by(nickname, face, "PART", &[&channel]),
    }
}

/// Writes what has changed in a channel. Roles, and people who were taken out, are told
/// apart to those who keep lists of members.
pub fn changed(change: &ChannelChange, face: Option<&Face>, lines: &mut Lines<'_>) {
    let channel = format!("#{}", change.channel);
    let from = match &change.by {
        By::User(person) => From::Person(&person.name, face),
        By::Administrator(_) | By::Server(_) => From::Server,
    };
    let said = Said {
        at_ms: Some(change.id.ms),
        by: face,
        ..Said::default()
    };
    let mut modes = Written::default();
    for one in &change.changes {
        if modes.add_change(one) {
            continue;
        }
        if let Change::Topic(topic) = one {
            let topic = topic.as_ref().map_or("", Text::as_str);
            let said = Said {
                id: Some(change.id),
                ..said
            };
            lines.send(from, &said, "TOPIC", &[&channel, &topic.replace('\n', " ")]);
        }
    }
    modes.send(from, &said, &channel, lines);
}
