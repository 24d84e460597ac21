//! The frames of governance: topics, rules, roles and their changes.

use serde_json::{Value, json};

use super::json_frame::{put, system};
use super::words::doer;
use crate::hub::RulesView;
use crate::model::governance::{Change, ChannelChange, Link, LinkSecret, List, Role, Topic};
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
    let mut more = json!({
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
    if let Some(links) = view.links() {
        put(&mut more, "links", links.iter().map(link_row).collect());
    }
    system("rules", &format!("The rules of {}.", view.channel), more)
}

fn link_row(link: &Link) -> Value {
    json!({
        "id": link.id(),
        "by": link.by,
        "uses": link.uses,
        "until": link.until_ms.map(rfc3339),
    })
}

/// The role of this connection's own user.
pub fn role(room: &Name, role: Option<Role>) -> Value {
    let what = match role {
        Some(Role::Founder) => "are the founder of",
        Some(Role::Operator) => "are an operator of",
        Some(Role::Voice) => "have voice in",
        None => "are an ordinary member of",
    };
    let words = format!("You {what} {room}.");
    system("role", &words, json!({ "room": room, "role": role }))
}

/// To a user who was taken out of a room.
pub fn kicked(room: &Name, by: &Name, reason: Option<&Text>) -> Value {
    let why = reason.map(|reason| format!(": {reason}"));
    let words = format!(
        "You were removed from {room} by {}{}",
        doer(by).trim_start_matches('@'),
        why.as_deref().unwrap_or(".")
    );
    let more = json!({ "room": room, "code": "kicked", "by": by, "reason": reason });
    system("left", &words, more)
}

/// The frames about a change: one about all rules and lists, and one about each topic,
/// role and removal.
pub fn changed(change: &ChannelChange) -> Vec<Value> {
    let of_rules = change.changes.iter();
    let of_rules = of_rules.filter_map(|one| Some((one, rule(one)?)));
    let of_rules: Vec<(&Change, Value)> = of_rules.collect();
    let about_rules = (!of_rules.is_empty()).then(|| {
        let words: Vec<String> = of_rules.iter().map(|(one, _)| one.to_string()).collect();
        let changes: Vec<Value> = of_rules.into_iter().map(|(_, rule)| rule).collect();
        let fields = json!({ "changes": changes });
        frame(change, "rules", &words.join("; "), fields)
    });
    let others = change.changes.iter().filter_map(|one| {
        let (kind, fields) = match one {
            Change::Topic(text) => (
                "topic",
                json!({ "topic": text.as_ref().map_or("", Text::as_str) }),
            ),
            Change::Role { who, role, .. } => ("role", json!({ "user": who.name, "role": role })),
            Change::Kick { who, reason } => {
                ("kicked", json!({ "user": who.name, "reason": reason }))
            }
            _ => return None,
        };
        Some(frame(change, kind, &one.to_string(), fields))
    });
    about_rules.into_iter().chain(others).collect()
}

fn frame(change: &ChannelChange, kind: &str, words: &str, fields: Value) -> Value {
    let by = change.by.shown();
    let mut frame = system(kind, &format!("{by}: {words}"), fields);
    put(&mut frame, "room", json!(change.channel));
    put(&mut frame, "by", json!(by));
    put(&mut frame, "id", json!(change.id));
    put(&mut frame, "at", json!(rfc3339(change.at_ms)));
    frame
}

/// A change of rules as members are told of it: by the names that `setrules` takes, and
/// without anything that belongs to the server alone, such as accounts and hashes.
fn rule(one: &Change) -> Option<Value> {
    Some(match one {
        Change::Flag(flag, on) => json!({ "rule": flag.word(), "value": on }),
        Change::Key(key) => json!({ "rule": "key", "value": key }),
        Change::Limit(most) => json!({ "rule": "limit", "value": most }),
        Change::History(history) => json!({ "rule": "history", "value": history }),
        Change::Slow(seconds) => json!({ "rule": "slow", "value": seconds }),
        Change::Add(list, mask, bound) => json!({
            "rule": list.word(),
            "value": true,
            "mask": mask.to_string(),
            "until": bound.until_ms.map(rfc3339),
            "reason": bound.reason,
        }),
        Change::Remove(list, mask) => {
            json!({ "rule": list.word(), "value": false, "mask": mask.to_string() })
        }
        Change::Register(founder) | Change::Transfer(founder) => {
            json!({ "rule": "registered", "value": true, "founder": founder.name })
        }
        Change::Drop | Change::Expired(_) => json!({ "rule": "registered", "value": false }),
        // Told only to those who have come in meanwhile.
        Change::Floor(_) | Change::Reset(_) => json!({ "rule": "opened", "value": true }),
        Change::Link(_) => json!({ "rule": "link", "value": true }),
        Change::Unlink(_) => json!({ "rule": "link", "value": false }),
        Change::Topic(_) | Change::Role { .. } | Change::Kick { .. } => return None,
        Change::Member(_) | Change::UseLink(_) | Change::Created(_) => return None,
        Change::Visited(_) => return None,
    })
}

/// The bans and the other lists of a room.
pub fn lists(view: &RulesView) -> Value {
    let entries = List::ALL.into_iter().flat_map(|list| {
        let entries = view.rules.list(list).iter();
        entries.map(move |entry| {
            json!({
                "list": list.word(),
                "mute": list == List::Mute,
                "mask": entry.mask.to_string(),
                "by": entry.by,
                "at": rfc3339(entry.at_ms),
                "until": entry.until_ms.map(rfc3339),
                "reason": entry.reason,
            })
        })
    });
    let bans: Vec<Value> = entries.collect();
    let count = match bans.len() {
        1 => "1 entry".to_owned(),
        n => format!("{n} entries"),
    };
    let words = format!("{count} in the lists of {}.", view.channel);
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
