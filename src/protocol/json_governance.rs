//! The frames of governance: topics, rules, roles and their changes.

use serde_json::{Value, json};

use super::json_frame::{put, system};
use crate::hub::RulesView;
use crate::model::governance::{Change, ChannelChange, LinkSecret, List, Role, Topic};
use crate::model::time::rfc3339;
use crate::model::{Name, Text};

/// The topic of a room.
pub fn topic(room: &Name, topic: Option<&Topic>) -> Value {
    match topic {
        Some(topic) => {
            let more = json!({
                "room": room,
                "topic": topic.text,
                "by": topic.by,
                "at": rfc3339(topic.at_ms),
            });
            system(
                "topic",
                &format!("The topic of {room} is: {}", topic.text),
                more,
            )
        }
        None => {
            let more = json!({ "room": room, "topic": "" });
            system("topic", &format!("{room} has no topic."), more)
        }
    }
}

/// What a user has been told is in force.
pub fn rules(view: &RulesView) -> Value {
    let rules = &view.rules;
    let more = json!({
        "room": view.channel,
        "registered": rules.registered.is_some(),
        "founder": view.founder,
        "role": view.role,
        "rules": rules.flags,
        "key": rules.key,
        "limit": rules.limit,
        "slow": rules.slow_seconds,
        "history": rules.history,
    });
    system("rules", &format!("The rules of {}.", view.channel), more)
}

/// The role of this connection's own user.
pub fn role(room: &Name, role: Option<Role>) -> Value {
    let words = match role {
        Some(role) => format!("You are {} in {room}.", role.word()),
        None => format!("You are an ordinary member of {room}."),
    };
    system("role", &words, json!({ "room": room, "role": role }))
}

/// To a user who was taken out of a room.
pub fn kicked(room: &Name, by: &Name, reason: Option<&Text>) -> Value {
    let why = reason.map(|reason| format!(": {reason}"));
    let words = format!(
        "You were removed from {room} by {by}{}",
        why.as_deref().unwrap_or(".")
    );
    let more = json!({ "room": room, "code": "kicked", "by": by, "reason": reason });
    system("left", &words, more)
}

/// The frames about a change, one for each part of it that members see.
pub fn changed(change: &ChannelChange) -> Vec<Value> {
    let frames = change.changes.iter().map(|one| frame(change, one));
    frames.collect()
}

fn frame(change: &ChannelChange, one: &Change) -> Value {
    let room = &change.channel;
    let by = change.by.shown();
    let words = format!("{by}: {one}");
    let (kind, fields) = match one {
        Change::Topic(text) => ("topic", json!({ "topic": text })),
        Change::Role { who, role, .. } => ("role", json!({ "user": who.name, "role": role })),
        Change::Kick { who, reason } => ("kicked", json!({ "user": who.name, "reason": reason })),
        other => ("rules", json!({ "change": other })),
    };
    let mut frame = system(kind, &words, fields);
    put(&mut frame, "room", json!(room));
    put(&mut frame, "by", json!(by));
    put(&mut frame, "id", json!(change.id));
    put(&mut frame, "at", json!(rfc3339(change.at_ms)));
    frame
}

/// The bans and the other lists of a room.
pub fn lists(view: &RulesView) -> Value {
    let entries = List::ALL.into_iter().flat_map(|list| {
        let entries = view.rules.list(list).iter();
        entries.map(move |entry| {
            json!({
                "list": list.word(),
                "mask": entry.mask.to_string(),
                "by": entry.by,
                "at": rfc3339(entry.at_ms),
                "until": entry.until_ms.map(rfc3339),
                "reason": entry.reason,
            })
        })
    });
    let bans: Vec<Value> = entries.collect();
    let words = format!("{} entries in the lists of {}.", bans.len(), view.channel);
    system(
        "bans",
        &words,
        json!({ "room": view.channel, "bans": bans }),
    )
}

/// The invitation link that was asked for: below the address of the page.
pub fn link(room: &Name, secret: &LinkSecret) -> Value {
    let secret = secret.expose();
    let path = format!("join/{room}/{secret}");
    let words = format!("Who opens {path} comes into {room}.");
    let more = json!({ "room": room, "path": path, "invitation": secret });
    system("invitelink", &words, more)
}
