//! The answers to the hub's questions: the same words in every protocol, and
//! beside them the fields of the JSON frame.

use serde_json::{Value, json};

use crate::hub::Reply;
use crate::model::Name;
use crate::model::time::rfc3339;

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
    }
}

/// A duration in the largest unit of which it has at least one.
fn duration(ms: u64) -> String {
    let seconds = ms / 1_000;
    let (count, unit) = match seconds {
        ..60 => (seconds, "second"),
        60..3_600 => (seconds / 60, "minute"),
        3_600..86_400 => (seconds / 3_600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{plural}")
}
