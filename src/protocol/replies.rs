//! The answers to the hub's questions: the same words in every protocol, and
//! beside them the fields of the JSON frame.

use serde_json::{Value, json};

use crate::hub::Reply;
use crate::model::Name;

/// An answer as it is shown.
pub(super) struct Shown {
    /// The type of its frame.
    pub kind: &'static str,
    /// One or more lines for people.
    pub words: String,
    /// The fields of its frame, besides those that all have.
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
    }
}
