//! What JSON clients are told. Every frame has `from` and `body`, so that the
//! simplest client needs no more; the rest is for those that know it.

use serde_json::{Value, json};

use crate::hub::{Body, Event, Farewell, Message, Private};
use crate::name::Name;
use crate::store::Found;

use super::{rfc3339, websocket};

/// Who says what the server itself has to say.
const SYSTEM: &str = "system";

/// Appends the frames of an event.
pub fn write_event(event: &Event, out: &mut Vec<u8>) {
    if let Some(frame) = frame_of(event) {
        write(&frame, out);
    }
}

/// Appends the frame of last words; the close frame follows it.
pub fn write_farewell(farewell: &Farewell, out: &mut Vec<u8>) {
    write(&system("bye", &farewell.to_string(), json!({})), out);
}

/// Appends a frame that tells of a mistake.
pub fn write_error(words: &str, code: &str, out: &mut Vec<u8>) {
    write(&system("error", words, json!({ "code": code })), out);
}

/// Appends the answer to a search.
pub fn write_found(room: &Name, query: &str, found: &[Found], out: &mut Vec<u8>) {
    let messages: Vec<Value> = found
        .iter()
        .map(|found| {
            json!({
                "from": found.message.author,
                "body": found.message.text,
                "id": found.message.id,
                "at": rfc3339(found.message.at_ms),
            })
        })
        .collect();
    let body = match messages.len() {
        0 => "Nothing was found.".to_owned(),
        1 => "1 message was found.".to_owned(),
        n => format!("{n} messages were found."),
    };
    let more = json!({ "room": room, "query": query, "messages": messages });
    write(&system("found", &body, more), out);
}

fn frame_of(event: &Event) -> Option<Value> {
    Some(match event {
        Event::Greeting { .. } => return None,
        Event::Welcome { nickname } => system(
            "welcome",
            &format!("Welcome, {nickname}!"),
            json!({ "nickname": nickname }),
        ),
        Event::Message(message) => {
            let mut frame = said(&message.from, &message.body, "message");
            put(&mut frame, "room", json!(message.channel));
            frame
        }
        Event::Private(private) | Event::PrivateSent(private) | Event::PrivateCopy(private) => {
            private_frame(private)
        }
        Event::History {
            channel,
            messages,
            complete,
        } => history(channel, messages, *complete),
        Event::Joined { channel, others } => system(
            "joined",
            &format!("You are now in {channel}."),
            json!({ "room": channel, "others": others }),
        ),
        Event::Left { channel } => system(
            "left",
            &format!("You have left {channel}."),
            json!({ "room": channel }),
        ),
        Event::MemberJoined { channel, nickname } => system(
            "join",
            &format!("{nickname} joined"),
            json!({ "room": channel, "user": nickname }),
        ),
        Event::MemberLeft { channel, nickname } => system(
            "leave",
            &format!("{nickname} left"),
            json!({ "room": channel, "user": nickname }),
        ),
        Event::MembersChanged {
            channel,
            joined,
            left,
        } => system(
            "members",
            &format!("{joined} people joined, {left} left"),
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
        Event::Members { channel, nicknames } => system(
            "users",
            &lines(nicknames.iter()),
            json!({ "room": channel, "users": nicknames }),
        ),
        Event::Channels(channels) => rooms(channels),
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
        Event::Refused(refusal) => system(
            "error",
            &refusal.to_string(),
            json!({ "code": refusal.code() }),
        ),
    })
}

fn private_frame(private: &Private) -> Value {
    let mut frame = said(&private.from, &private.body, "private");
    put(&mut frame, "to", json!(private.to));
    frame
}

fn history(channel: &Name, messages: &[Message], complete: bool) -> Value {
    let list: Vec<Value> = messages
        .iter()
        .map(|message| said(&message.from, &message.body, "message"))
        .collect();
    let body = match list.len() {
        0 => "Nothing has been said here yet.".to_owned(),
        1 => "The last message here.".to_owned(),
        n => format!("The last {n} messages here."),
    };
    let more = json!({ "room": channel, "messages": list, "complete": complete });
    system("history", &body, more)
}

fn rooms(channels: &[(Name, usize)]) -> Value {
    let list: Vec<Value> = channels
        .iter()
        .map(|(name, members)| json!({ "name": name, "members": members }))
        .collect();
    let body = lines(channels.iter().map(|(name, _)| name));
    system("rooms", &body, json!({ "rooms": list }))
}

fn said(from: &Name, body: &Body, kind: &str) -> Value {
    json!({
        "from": from,
        "body": body.text,
        "type": kind,
        "id": body.id,
        "at": rfc3339(body.at_ms),
    })
}

fn system(kind: &str, body: &str, more: Value) -> Value {
    let mut frame = json!({ "from": SYSTEM, "body": body, "type": kind });
    if let Value::Object(more) = more {
        for (field, value) in more {
            put(&mut frame, &field, value);
        }
    }
    frame
}

fn put(frame: &mut Value, field: &str, value: Value) {
    if let Value::Object(fields) = frame {
        fields.insert(field.to_owned(), value);
    }
}

fn lines<'a>(names: impl Iterator<Item = &'a Name>) -> String {
    let names: Vec<&str> = names.map(Name::as_str).collect();
    names.join("\n")
}

fn write(frame: &Value, out: &mut Vec<u8>) {
    websocket::text_frame(frame.to_string().as_bytes(), out);
}
