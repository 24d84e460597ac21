//! JSON commands: one object a text frame, `{"type": ..., "args": {...}}`.
//!
//! Only decoding; `json_frames` has the other direction. Fields nobody asks
//! for are ignored, so that clients may send more than we know.

use std::fmt;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::hub::{Command, MessageId};
use crate::name::{Name, NameError};
use crate::store::{MAX_ROWS, Window};
use crate::text::Text;

/// Messages `history` brings unless told otherwise.
const HISTORY: usize = 20;
/// Messages `search` brings unless told otherwise.
const FOUND: usize = 20;

/// What a frame comes to.
#[derive(Debug)]
pub enum Step {
    /// For the hub.
    Command(Command),
    /// For the store: messages of a channel with these words.
    Search {
        /// The current channel if not given.
        room: Option<Name>,
        /// The words.
        words: String,
        /// Only messages before this one.
        before: Option<MessageId>,
        /// How many at most.
        limit: usize,
    },
}

/// What is wrong with a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mistake {
    /// It is not a JSON object with a `type`.
    Broken(String),
    /// There is no such type.
    UnknownType(String),
    /// An argument is missing.
    Missing(&'static str),
    /// An argument is not of the kind it should be.
    Wrong(&'static str, &'static str),
    /// An argument is not a name.
    Name(&'static str, NameError),
}

impl Mistake {
    /// A stable word for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Mistake::Broken(_) => "broken_frame",
            Mistake::UnknownType(_) => "unknown_type",
            Mistake::Missing(_) | Mistake::Wrong(..) | Mistake::Name(..) => "bad_argument",
        }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Mistake::Broken(why) => write!(f, "That is not a command in JSON: {why}."),
            Mistake::UnknownType(name) => write!(f, "There is no command of type {name}."),
            Mistake::Missing(field) => write!(f, "The argument {field} is missing."),
            Mistake::Wrong(field, what) => write!(f, "The argument {field} must be {what}."),
            Mistake::Name(field, error) => write!(f, "{field}: {error}."),
        }
    }
}

impl std::error::Error for Mistake {}

#[derive(Deserialize)]
struct Frame {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    args: Option<Map<String, Value>>,
}

/// Decodes a frame.
pub fn decode(frame: &str) -> Result<Step, Mistake> {
    let frame: Frame =
        serde_json::from_str(frame).map_err(|error| Mistake::Broken(error.to_string()))?;
    let args = Args(frame.args.unwrap_or_default());
    let command = match frame.kind.as_str() {
        "message" => Command::Say {
            channel: args.optional_room()?,
            text: args.text("body")?,
        },
        "setnick" => Command::Rename(args.nickname("nickname")?),
        "switchroom" => Command::Switch(args.room("room")?),
        "createroom" => Command::Create(args.room("name")?),
        "join" => Command::Join(args.room("room")?),
        "leave" => Command::Leave(args.optional_room()?),
        "listusers" => Command::ListMembers(args.optional_room()?),
        "listrooms" => Command::ListChannels,
        "private" => Command::Private {
            to: args.nickname("to")?,
            account: None,
            text: args.text("body")?,
        },
        "ignore" => Command::Ignore(args.nickname("nickname")?),
        "unignore" => Command::Unignore(args.nickname("nickname")?),
        "history" => Command::History {
            channel: args.optional_room()?,
            window: args.id("before")?.map_or(Window::Latest, Window::Before),
            limit: args.limit(HISTORY)?,
        },
        "search" => {
            return Ok(Step::Search {
                room: args.optional_room()?,
                words: args.string("query")?.to_owned(),
                before: args.id("before")?,
                limit: args.limit(FOUND)?,
            });
        }
        "exit" => Command::Quit,
        other => {
            let other: String = other.chars().take(40).collect();
            return Err(Mistake::UnknownType(
                Text::clean(&other).as_str().to_owned(),
            ));
        }
    };
    Ok(Step::Command(command))
}

struct Args(Map<String, Value>);

impl Args {
    fn string(&self, field: &'static str) -> Result<&str, Mistake> {
        match self.0.get(field) {
            Some(Value::String(text)) => Ok(text),
            None | Some(Value::Null) => Err(Mistake::Missing(field)),
            Some(_) => Err(Mistake::Wrong(field, "a string")),
        }
    }

    fn text(&self, field: &'static str) -> Result<Text, Mistake> {
        Ok(Text::clean(self.string(field)?))
    }

    fn nickname(&self, field: &'static str) -> Result<Name, Mistake> {
        Name::parse_nickname(self.string(field)?).map_err(|error| Mistake::Name(field, error))
    }

    fn room(&self, field: &'static str) -> Result<Name, Mistake> {
        Name::parse_channel(self.string(field)?).map_err(|error| Mistake::Name(field, error))
    }

    fn optional_room(&self) -> Result<Option<Name>, Mistake> {
        match self.0.get("room") {
            None | Some(Value::Null) => Ok(None),
            Some(_) => self.room("room").map(Some),
        }
    }

    fn id(&self, field: &'static str) -> Result<Option<MessageId>, Mistake> {
        match self.0.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(id)) => id
                .parse()
                .map(Some)
                .map_err(|_| Mistake::Wrong(field, "a message id")),
            Some(_) => Err(Mistake::Wrong(field, "a message id")),
        }
    }

    fn limit(&self, usual: usize) -> Result<usize, Mistake> {
        let Some(value) = self.0.get("limit") else {
            return Ok(usual);
        };
        let limit = value.as_u64().and_then(|limit| usize::try_from(limit).ok());
        limit
            .filter(|limit| (1..=MAX_ROWS).contains(limit))
            .ok_or(Mistake::Wrong("limit", "a number from 1 to 1000"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn mistake(frame: &str) -> String {
        decode(frame).unwrap_err().to_string()
    }

    #[test]
    fn every_command_of_the_original_decodes() {
        for frame in [
            r#"{"type":"message","args":{"from":"x","body":"text"}}"#,
            r#"{"type":"setnick","args":{"nickname":"x"}}"#,
            r#"{"type":"switchroom","args":{"room":"x"}}"#,
            r#"{"type":"createroom","args":{"name":"x"}}"#,
            r#"{"type":"listusers"}"#,
            r#"{"type":"listrooms","args":null}"#,
            r#"{"type":"exit","more":1}"#,
        ] {
            assert!(decode(frame).is_ok(), "{frame}");
        }
    }

    #[test]
    fn mistakes_are_named() {
        assert!(mistake("{").contains("not a command in JSON"));
        assert!(mistake("[]").contains("not a command in JSON"));
        assert!(mistake(r#"{"type":"dance\u001b"}"#).contains("type dance."));
        assert!(mistake(r#"{"type":"message"}"#).contains("body is missing"));
        assert!(mistake(r#"{"type":"message","args":{"body":7}}"#).contains("a string"));
        assert!(mistake(r#"{"type":"join","args":{"room":"a b"}}"#).contains("room: "));
        assert!(mistake(r#"{"type":"history","args":{"limit":0}}"#).contains("1 to 1000"));
        assert!(mistake(r#"{"type":"history","args":{"before":"x"}}"#).contains("message id"));
    }

    proptest! {
        #[test]
        fn nothing_a_client_sends_is_a_panic(frame in "\\PC{0,200}", kind in "[a-z]{1,12}") {
            let _ = decode(&frame);
            let _ = decode(&format!(r#"{{"type":"{kind}","args":{{"room":{frame:?}}}}}"#));
        }
    }
}
