//! Frames to JSON clients. Every frame has `from` and `body`, so that the simplest
//! client needs no more; the other fields are for clients that know them.

use serde_json::{Value, json};

use crate::hub::{Event, Farewell, Private, Refusal, Tag};
use crate::model::time::rfc3339;
use crate::model::{
    Amendment, Body, History, Located, Message, MessageId, Name, Reactions, ThreadSummary,
};

use super::json_frame::{put, system};
use super::mended::{self, put_kind};
use super::replies::{self, Shown};
use super::words::changes;
use super::{json_governance, json_lists, own_rooms, reacted, websocket};

/// Appends the frames of an event.
pub fn write_event(event: &Event, out: &mut Vec<u8>) {
    if json_lists::write_event(event, out) {
        return;
    }
    if let Event::Changed(change) = event {
        for frame in json_governance::changed(change) {
            write(&frame, out);
        }
        return;
    }
    if let Some(frame) = frame_of(event) {
        write(&frame, out);
    }
    if let Event::History {
        messages,
        asked: false,
        ..
    } = event
    {
        for message in messages.iter().filter(|it| !it.body.is_deleted()) {
            write(&past(message), out);
        }
    }
}

/// Appends the frame of a farewell; the close frame follows it.
pub fn write_farewell(farewell: &Farewell, out: &mut Vec<u8>) {
    let code = json!({ "code": farewell.code() });
    write(&system("bye", &farewell.to_string(), code), out);
}

/// What an error is about, as far as that is known.
#[derive(Clone, Copy, Default)]
pub struct About<'a> {
    /// The tag of the client's message.
    pub tag: Option<&'a Tag>,
    /// The room.
    pub room: Option<&'a Name>,
    /// The user who was named.
    pub user: Option<&'a Name>,
}

/// Appends an error frame.
pub fn write_error(words: &str, code: &str, about: About<'_>, out: &mut Vec<u8>) {
    let mut frame = system("error", words, json!({ "code": code }));
    if let Some(tag) = about.tag {
        put(&mut frame, "tag", json!(tag.as_str()));
    }
    put_subject(&mut frame, about.room, about.user);
    write(&frame, out);
}

fn put_subject(frame: &mut Value, room: Option<&Name>, user: Option<&Name>) {
    if let Some(room) = room {
        put(frame, "room", json!(room));
    }
    if let Some(user) = user {
        put(frame, "user", json!(user));
    }
}

/// The answer to a search.
pub struct Found<'a> {
    /// The room that was searched.
    pub room: &'a Name,
    /// The words that were searched for.
    pub query: &'a str,
    /// The messages found, newest first.
    pub messages: &'a [Message],
    /// Where to go on, if there may be more.
    pub next: Option<MessageId>,
    /// Whether the search was cut short because it took too long.
    pub is_over: bool,
}

/// Appends the answer to a search.
pub fn write_found(answer: &Found<'_>, out: &mut Vec<u8>) {
    let messages: Vec<Value> = answer
        .messages
        .iter()
        .map(|message| {
            let mut found = json!({
                "from": message.author,
                "body": message.body.text,
                "id": message.id,
                "at": rfc3339(message.at_ms),
            });
            put_kind(&mut found, &message.body);
            found
        })
        .collect();
    let mut body = match messages.len() {
        0 => "Nothing was found.".to_owned(),
        1 => "1 message was found.".to_owned(),
        n => format!("{n} messages were found."),
    };
    if answer.is_over {
        body.push_str(" The search took too long and has not come to the oldest messages.");
    }
    let mut more = json!({
        "room": answer.room,
        "query": answer.query,
        "messages": messages,
        "complete": answer.next.is_none(),
    });
    if let Some(next) = answer.next {
        put(&mut more, "next", json!(next));
    }
    write(&system("found", &body, more), out);
}

/// Appends a page of the inbox. Messages from ignored users do not count as unread.
pub fn write_inbox(threads: &[ThreadSummary], ignored: &[Name], page: u64, out: &mut Vec<u8>) {
    let list: Vec<Value> = threads
        .iter()
        .map(|thread| {
            let is_ignored = ignored.contains(&thread.peer_name);
            let is_shown = !is_ignored || thread.latest.author != thread.peer_name;
            let mut line = json!({
                "user": thread.peer_name,
                "from": thread.latest.author,
                "body": if is_shown { thread.latest.body.text.as_str() } else { "" },
                "id": thread.latest.id,
                "at": rfc3339(thread.latest.at_ms),
                "unread": if is_ignored { 0 } else { thread.unread },
                "ignored": is_ignored,
            });
            if is_shown {
                put_kind(&mut line, &thread.latest.body);
            }
            line
        })
        .collect();
    let body = lines(threads.iter().map(|thread| &thread.peer_name));
    let more = json!({ "threads": list, "page": page });
    write(&system("inbox", &body, more), out);
}

/// Appends part of the thread of `own` with another user.
pub fn write_thread(own: &Name, user: &Name, history: &History, out: &mut Vec<u8>) {
    let messages = history.messages.iter();
    let list: Vec<Value> = messages
        .map(|message| {
            let to = if message.author == *own { user } else { own };
            let at = (message.id, message.at_ms);
            let mut frame = said(&message.author, at, &message.body, "private");
            put(&mut frame, "to", json!(to));
            frame
        })
        .collect();
    let body = match list.len() {
        1 => format!("1 message with {user}."),
        n => format!("{n} messages with {user}."),
    };
    let mut more = json!({
        "user": user,
        "messages": list,
        "complete": history.is_complete(),
    });
    let changes = thread_changes(own, user, history);
    if !changes.is_empty() {
        put(&mut more, "changes", json!(changes));
    }
    write(&system("thread", &body, more), out);
}

/// What has become of earlier messages of a thread, in the order of the ids.
fn thread_changes(own: &Name, user: &Name, history: &History) -> Vec<Value> {
    let other = |author: &Name| if author == own { user } else { own };
    let amended = history.amended.iter().map(|amendment| {
        let to = Some(other(&amendment.author).clone());
        let frame = mended::frame(&Amendment {
            to,
            ..amendment.clone()
        });
        (amendment.id, frame)
    });
    let reacted = history.reacted.iter().map(|message| {
        let last = message.body.reactions().and_then(Reactions::last);
        let frame = reacted::state(&Located {
            message: message.clone(),
            to: Some(other(&message.author).clone()),
            is_held: false,
        });
        (last.unwrap_or_default(), frame)
    });
    let mut all: Vec<(MessageId, Value)> = amended.chain(reacted).collect();
    all.sort_by_key(|(id, _)| *id);
    all.into_iter().map(|(_, frame)| frame).collect()
}

fn frame_of(event: &Event) -> Option<Value> {
    Some(match event {
        Event::Greeting { .. } | Event::Roster(_) => return None,
        Event::Welcome { nickname } => system(
            "welcome",
            &format!("Welcome, {nickname}!"),
            json!({ "nickname": nickname }),
        ),
        Event::Message(message) => in_room(message, "message"),
        Event::Amended(amendment) => mended::frame(amendment),
        Event::Reacted(reaction) => reacted::frame(reaction),
        Event::Reactions(found) => reacted::state(found),
        // A message to oneself has been delivered already.
        Event::PrivateSent(private) if private.from == private.to => return None,
        Event::Private(private) | Event::PrivateSent(private) | Event::PrivateCopy(private) => {
            private_frame(private)
        }
        Event::History {
            channel,
            messages,
            complete,
            asked,
            now_ms: _,
        } => history(channel, messages, (*complete, *asked)),
        Event::Resumed {
            channel,
            complete,
            more,
        } => system(
            "resumed",
            resumed_words(*complete, *more),
            json!({ "room": channel, "complete": complete, "more": more }),
        ),
        Event::Stored { tag, id } => system("stored", "", json!({ "tag": tag.as_str(), "id": id })),
        Event::NotSent { tag, refusal } => {
            let mut frame = refused(refusal);
            put(&mut frame, "tag", json!(tag.as_str()));
            frame
        }
        Event::Typing { from, channel, to } => {
            let mut frame = json!({ "from": from, "body": "", "type": "typing" });
            if let Some(channel) = channel {
                put(&mut frame, "room", json!(channel));
            }
            if let Some(to) = to {
                put(&mut frame, "to", json!(to));
            }
            frame
        }
        Event::Signal(_) => return None,
        Event::Listening { typing } => {
            let events: &[&str] = if *typing { &["typing"] } else { &[] };
            system("listening", "", json!({ "events": events }))
        }
        Event::Joined {
            channel,
            others,
            topic,
        } => {
            let words = format!("You are now in {channel}.");
            let mut frame = system(
                "joined",
                &words,
                json!({ "room": channel, "others": others }),
            );
            if let Some(topic) = topic {
                put(&mut frame, "topic", json!(topic.text));
            }
            frame
        }
        Event::Topic { channel, topic } => json_governance::topic(channel, topic.as_deref()),
        Event::Changed(_) => return None,
        Event::Kicked {
            channel,
            by,
            reason,
        } => json_governance::kicked(channel, by, reason.as_ref()),
        Event::Role { channel, role } => json_governance::role(channel, *role),
        Event::Lists(view) => json_governance::lists(view),
        Event::LinkMade { channel, secret } => json_governance::link(channel, secret),
        Event::Rules(view) => json_governance::rules(view),
        Event::Invited { channel, by } => system(
            "invited",
            &format!("{by} invites you to {channel}."),
            json!({ "room": channel, "by": by }),
        ),
        Event::InviteSent { channel, to } => system(
            "invite_sent",
            &format!("You have invited {to} to {channel}."),
            json!({ "room": channel, "user": to }),
        ),
        Event::Left { channel, .. } => system(
            "left",
            &format!("You have left {channel}."),
            json!({ "room": channel }),
        ),
        Event::MemberJoined {
            channel,
            nickname,
            is_bot,
        } => {
            let more = json!({ "room": channel, "user": nickname });
            let mut frame = system("join", &format!("{nickname} joined"), more);
            if *is_bot {
                put(&mut frame, "bot", json!(true));
            }
            frame
        }
        Event::MemberLeft {
            channel,
            nickname,
            reason: None,
        } => system(
            "leave",
            &format!("{nickname} left"),
            json!({ "room": channel, "user": nickname }),
        ),
        Event::MemberLeft {
            channel,
            nickname,
            reason: Some(reason),
        } => system(
            "leave",
            &format!("{nickname} left: {reason}"),
            json!({ "room": channel, "user": nickname, "reason": reason.as_str() }),
        ),
        Event::Away {
            user,
            text: Some(text),
            ..
        } => system(
            "away",
            &format!("{user} is away: {text}"),
            json!({ "user": user, "text": text.as_str() }),
        ),
        Event::Away {
            user, text: None, ..
        } => system("away", &format!("{user} is back."), json!({ "user": user })),
        Event::MembersChanged {
            channel,
            joined,
            left,
        } => system(
            "members",
            &changes(*joined, *left),
            json!({ "room": channel, "joined": joined, "left": left }),
        ),
        Event::MemberRenamed { channel, from, to } => system(
            "rename",
            &format!("{from} is now {to}"),
            json!({ "room": channel, "user": from, "to": to }),
        ),
        Event::Renamed { to } => system(
            "nickname",
            &format!("You are now {to}."),
            json!({ "nickname": to }),
        ),
        // Written by `json_lists`.
        Event::Members { .. } | Event::Channels(_) | Event::IgnoreList(_) => return None,
        Event::OwnChannels(channels) => own_rooms::frame(channels),
        Event::ChannelRead { channel, up_to } => own_rooms::read(channel, *up_to),
        Event::ChannelMuted { channel, muted } => own_rooms::muted(channel, *muted),
        Event::ChannelNotifies { channel, notify } => own_rooms::notifies(channel, *notify),
        Event::Ignored(name) => system(
            "ignored",
            &format!("No private messages from {name} any more."),
            json!({ "user": name }),
        ),
        Event::Unignored(name) => system(
            "unignored",
            &format!("Private messages from {name} arrive again."),
            json!({ "user": name }),
        ),
        Event::Announcement { text, at_ms } => system(
            "announcement",
            &format!("Public Server Announcement: {text}"),
            json!({ "at": rfc3339(*at_ms) }),
        ),
        Event::Answered(reply) => {
            let Shown {
                kind,
                words,
                fields,
            } = replies::shown(reply);
            system(kind, &words, fields)
        }
        Event::Refused(refusal) => refused(refusal),
    })
}

fn refused(refusal: &Refusal) -> Value {
    let code = json!({ "code": refusal.code() });
    let mut frame = system("error", &refusal.to_string(), code);
    put_subject(&mut frame, refusal.channel(), refusal.user());
    if let Some(seconds) = refusal.seconds() {
        put(&mut frame, "seconds", json!(seconds));
    }
    frame
}

fn resumed_words(complete: bool, more: bool) -> &'static str {
    match (complete, more) {
        (_, true) => "There is more that you have missed.",
        (true, false) => "That was all you have missed.",
        (false, false) => "Some of what you have missed is gone.",
    }
}

fn private_frame(private: &Private) -> Value {
    let at = (private.id, private.at_ms);
    let mut frame = said(&private.from, at, &private.body, "private");
    put(&mut frame, "to", json!(private.to));
    frame
}

/// An earlier message, for clients that show only `from` and `body`: one frame each,
/// after the heading that the `history` frame is to them. Its type tells all other
/// clients that it is not a live message.
fn past(message: &Message) -> Value {
    in_room(message, "past")
}

fn in_room(message: &Message, kind: &str) -> Value {
    let mut frame = listed(message, kind);
    if let Some(channel) = message.place.channel() {
        put(&mut frame, "room", json!(channel));
    }
    frame
}

fn history(channel: &Name, messages: &[Message], (complete, asked): (bool, bool)) -> Value {
    let list: Vec<Value> = messages
        .iter()
        .map(|message| listed(message, "message"))
        .collect();
    let body = match list.len() {
        // None at all, or none before the message that was asked for.
        0 => "There are no messages to show.".to_owned(),
        1 if !asked => "The last message here:".to_owned(),
        n if !asked => format!("The last {n} messages here:"),
        1 => "The last message here.".to_owned(),
        n => format!("The last {n} messages here."),
    };
    let more = json!({ "room": channel, "messages": list, "complete": complete });
    system("history", &body, more)
}

/// As it stands in a list: the list says in which room.
fn listed(message: &Message, kind: &str) -> Value {
    let at = (message.id, message.at_ms);
    said(&message.author, at, &message.body, kind)
}

fn said(from: &Name, (id, at_ms): (MessageId, u64), body: &Body, kind: &str) -> Value {
    let mut frame = json!({
        "from": from,
        "body": body.text,
        "type": kind,
        "id": id,
        "at": rfc3339(at_ms),
    });
    put_kind(&mut frame, body);
    frame
}

fn lines<'a>(names: impl Iterator<Item = &'a Name>) -> String {
    let names: Vec<&str> = names.map(Name::as_str).collect();
    names.join("\n")
}

fn write(frame: &Value, out: &mut Vec<u8>) {
    websocket::text_frame(frame.to_string().as_bytes(), out);
}
