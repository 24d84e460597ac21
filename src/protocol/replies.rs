//! The answers to the hub's questions: the same words in every protocol, and
//! beside them the fields of the JSON frame.

use serde_json::{Value, json};

use crate::hub::{Reply, UserCard};
use crate::model::time::rfc3339;
use crate::model::{Name, Text};

use super::words::duration;

/// An answer in the form that clients show.
pub(super) struct Shown {
    /// The type of its frame.
    pub kind: &'static str,
    /// One or more lines for people.
    pub words: String,
    /// The fields of its frame, besides those that all frames have.
    pub fields: Value,
}

pub(super) fn shown(reply: &Reply) -> Shown {
    match reply {
        Reply::Presence(users) => {
            let online = users.iter().filter(|(_, online)| *online);
            let online: Vec<&str> = online.map(|(name, _)| Name::as_str(name)).collect();
            let list = users.iter();
            let list = list.map(|(name, online)| json!({ "name": name, "online": online }));
            Shown {
                kind: "presence",
                words: online.join("\n"),
                fields: json!({ "users": list.collect::<Vec<Value>>() }),
            }
        }
        Reply::Seen { user, online, left } => Shown {
            kind: "seen",
            words: match left {
                _ if *online => format!("@{user} is here now."),
                Some((_, ago_ms)) => format!("@{user} was last here {} ago.", duration(*ago_ms)),
                None => format!("@{user} has not been seen here."),
            },
            fields: json!({
                "user": user,
                "online": online,
                "at": left.map(|(at_ms, _)| rfc3339(at_ms)),
            }),
        },
        Reply::User(card) => user(card),
        Reply::Who(seen) => {
            let names: Vec<&str> = seen.iter().map(|one| one.name.as_str()).collect();
            Shown {
                kind: "who",
                words: names.join("\n"),
                fields: json!({ "users": names }),
            }
        }
    }
}

/// What there is to know of a user.
fn user(card: &UserCard) -> Shown {
    let name = &card.name;
    let mut words = match &card.account {
        Some(_) if card.face.is_bot => format!("@{name} is a bot."),
        Some(_) => format!("@{name} has an account."),
        None => format!("@{name} is a guest."),
    };
    if let Some(text) = &card.away {
        words.push_str(&format!("\nAway: {text}"));
    }
    if let Some(idle) = card.idle_ms {
        words.push_str(&format!("\nSaid nothing for {}.", duration(idle)));
    }
    let rooms = card.channels.iter();
    let marked = rooms.clone().map(|it| {
        let mark = it.role.map(|role| role.mark().to_string());
        format!("{}#{}", mark.unwrap_or_default(), it.name)
    });
    let marked: Vec<String> = marked.collect();
    if !marked.is_empty() {
        words.push_str(&format!("\nIn {}.", marked.join(", ")));
    }
    let roles = rooms.clone();
    let roles = roles.filter_map(|it| Some((it.name.as_str().to_owned(), it.role?.word().into())));
    let mut fields = serde_json::Map::new();
    let mut put = |key: &str, value: Value| {
        if !value.is_null() {
            fields.insert(key.to_owned(), value);
        }
    };
    put("user", json!(name));
    put("account", json!(card.account));
    put("bot", json!(card.face.is_bot.then_some(true)));
    put("away", json!(card.away.as_ref().map(Text::as_str)));
    put("since", json!(card.since_ms.map(rfc3339)));
    put("idle", json!(card.idle_ms.map(|ms| ms / 1_000)));
    put("rooms", json!(rooms.map(|it| &it.name).collect::<Vec<_>>()));
    put("roles", Value::Object(roles.collect()));
    Shown {
        kind: "user",
        words,
        fields: Value::Object(fields),
    }
}
