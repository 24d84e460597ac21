//! JSON commands: one object a text frame, `{"type": ..., "args": {...}}`.
//!
//! Only decoding; `json_frames` has the other direction. Fields nobody asks
//! for are ignored, so that clients may send more than we know.

use std::fmt;

use serde_json::{Map, Value};

use crate::hub::{Audience, BadTag, Command, Part, Tag};
use crate::json;
use crate::model::{MAX_ROWS, MessageId, Name, NameError, Text, Window};

use super::fields_of;

/// Messages `history` brings unless told otherwise.
const HISTORY: usize = 20;
/// Messages `search` brings unless told otherwise.
const FOUND: usize = 20;
/// Users whose presence can be asked for at once.
const MAX_PRESENCE: usize = 100;
/// No inbox has as many pages.
const MAX_PAGE: u64 = 1_000_000;

/// What a frame comes to.
#[derive(Debug)]
pub enum Step {
    /// For the hub.
    Command(Command),
    /// For the connection's own thread, which asks the store or the hub.
    Query(Query),
}

/// A question that changes nothing of what others see.
#[derive(Debug)]
pub enum Query {
    /// Messages of a channel with these words.
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
    /// The threads of the account, newest first.
    Inbox {
        /// From 1.
        page: u64,
    },
    /// The thread with another account.
    Thread {
        /// With whom.
        user: Name,
        /// Which part.
        window: Window,
        /// How many messages at most.
        limit: usize,
    },
    /// What this user wrote has been read.
    Read {
        /// Who wrote.
        user: Name,
        /// Up to which message.
        up_to: MessageId,
    },
    /// Which of these users are on.
    Presence(Vec<Name>),
}

impl Query {
    /// The type of its frame.
    pub fn kind(&self) -> &'static str {
        match self {
            Query::Search { .. } => "search",
            Query::Inbox { .. } => "inbox",
            Query::Thread { .. } => "thread",
            Query::Read { .. } => "read",
            Query::Presence(_) => "presence",
        }
    }
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
    /// An argument is not a number in this range.
    Range(&'static str, u64, u64),
    /// An argument is not a name.
    Name(&'static str, NameError),
}

impl Mistake {
    /// A stable word for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Mistake::Broken(_) => "broken_frame",
            Mistake::UnknownType(_) => "unknown_type",
            Mistake::Missing(_) | Mistake::Wrong(..) | Mistake::Range(..) | Mistake::Name(..) => {
                "bad_argument"
            }
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
            Mistake::Range(field, least, most) => {
                write!(
                    f,
                    "The argument {field} must be a number from {least} to {most}."
                )
            }
            Mistake::Name(field, error) => write!(f, "{field}: {error}."),
        }
    }
}

impl std::error::Error for Mistake {}

/// A frame that is none, and which message it was to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// What is wrong with it.
    pub mistake: Mistake,
    /// What the client calls the message, if it is one.
    pub tag: Option<Tag>,
}

/// A frame that is a JSON object with a `type`.
#[derive(Debug)]
pub struct Frame {
    kind: String,
    args: Args,
}

impl Frame {
    /// Reads a frame. What it asks for is looked at by [`Frame::decode`].
    pub fn read(frame: &str) -> Result<Frame, Mistake> {
        let fields = fields_of(frame, ["type", "args"]);
        let fields = fields.map_err(|error| Mistake::Broken(error.to_string()))?;
        let broken = |why: &str| Err(Mistake::Broken(why.to_owned()));
        let (kind, args) = match fields {
            [Some(Value::String(kind)), args] => (kind, args),
            [None, _] => return broken("its type is missing"),
            _ => return broken("its type must be a string"),
        };
        let args = match args {
            None => Args(Map::new()),
            Some(Value::Object(args)) => Args(args),
            Some(_) => return broken("its args must be an object"),
        };
        Ok(Frame { kind, args })
    }

    /// Its type.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// What the client calls the message, if it is one.
    pub fn tag(&self) -> Option<Tag> {
        self.args.message_tag(&self.kind)
    }

    /// What it asks for.
    pub fn decode(&self) -> Result<Step, Mistake> {
        step(&self.kind, &self.args)
    }
}

/// Reads a frame and decodes it.
pub fn decode(frame: &str) -> Result<Step, Rejected> {
    let untagged = |mistake| Rejected { mistake, tag: None };
    let frame = Frame::read(frame).map_err(untagged)?;
    frame.decode().map_err(|mistake| Rejected {
        mistake,
        tag: frame.tag(),
    })
}

fn step(kind: &str, args: &Args) -> Result<Step, Mistake> {
    let command = match kind {
        "message" => args.tagged(Command::Say {
            channel: args.optional_room()?,
            text: args.text("body")?,
        })?,
        "setnick" => Command::Rename(args.nickname("nickname")?),
        "switchroom" => Command::Switch(args.room("room")?),
        "createroom" => Command::Create(args.room("name")?),
        "join" => Command::Join(args.room("room")?),
        "leave" => Command::Leave(args.optional_room()?),
        "resume" => Command::Resume {
            channel: args.room("room")?,
            after: args.id("after")?.ok_or(Mistake::Missing("after"))?,
        },
        "typing" => Command::Typing(match args.has("to") {
            true => Audience::User(args.nickname("to")?),
            false => Audience::Channel(args.optional_room()?),
        }),
        "listen" => Command::Listen {
            typing: args.strings("events")?.any(|event| event == "typing"),
        },
        "listusers" => {
            Command::ListMembers(args.optional_room()?, args.part(Name::parse_nickname)?)
        }
        "listrooms" => Command::ListChannels(args.part(Name::parse_channel)?),
        "private" => args.tagged(Command::Private {
            to: args.nickname("to")?,
            account: None,
            text: args.text("body")?,
        })?,
        "ignore" => Command::Ignore(args.nickname("nickname")?),
        "ignores" => Command::ListIgnored(args.part(Name::parse_nickname)?),
        "unignore" => Command::Unignore(args.nickname("nickname")?),
        "history" => Command::History {
            channel: args.optional_room()?,
            window: args.id("before")?.map_or(Window::Latest, Window::Before),
            limit: args.limit(HISTORY)?,
        },
        "exit" => Command::Quit,
        other => return query(other, args).map(Step::Query),
    };
    Ok(Step::Command(command))
}

fn query(kind: &str, args: &Args) -> Result<Query, Mistake> {
    Ok(match kind {
        "search" => Query::Search {
            room: args.optional_room()?,
            words: args.string("query")?.to_owned(),
            before: args.id("before")?,
            limit: args.limit(FOUND)?,
        },
        "inbox" => Query::Inbox {
            page: args.number("page", 1, MAX_PAGE)?.unwrap_or(1),
        },
        "thread" => Query::Thread {
            user: args.nickname("user")?,
            window: match (args.id("after")?, args.id("before")?) {
                (Some(id), _) => Window::After(id),
                (None, Some(id)) => Window::Before(id),
                (None, None) => Window::Latest,
            },
            limit: args.limit(HISTORY)?,
        },
        "read" => Query::Read {
            user: args.nickname("user")?,
            up_to: args.id("id")?.ok_or(Mistake::Missing("id"))?,
        },
        "presence" => {
            let names: Vec<&str> = args.strings("users")?.take(MAX_PRESENCE + 1).collect();
            if names.len() > MAX_PRESENCE {
                return Err(Mistake::Wrong("users", "a list of at most 100 nicknames"));
            }
            let names = names.into_iter().map(Name::parse_nickname);
            let names: Result<Vec<Name>, NameError> = names.collect();
            Query::Presence(names.map_err(|error| Mistake::Name("users", error))?)
        }
        other => {
            let other: String = other.chars().take(40).collect();
            let other = Text::clean(&other);
            return Err(Mistake::UnknownType(other.as_str().to_owned()));
        }
    })
}

#[derive(Debug)]
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

    /// Which part of a list of names.
    fn part(&self, parse: fn(&str) -> Result<Name, NameError>) -> Result<Part, Mistake> {
        let name = |field| match self.0.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(_) => {
                let name = parse(self.string(field)?);
                name.map(Some).map_err(|error| Mistake::Name(field, error))
            }
        };
        Ok(Part {
            after: name("after")?,
            prefix: name("prefix")?,
        })
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
        let limit = self.number("limit", 1, MAX_ROWS as u64)?;
        Ok(limit.and_then(|n| usize::try_from(n).ok()).unwrap_or(usual))
    }

    fn number(&self, field: &'static str, least: u64, most: u64) -> Result<Option<u64>, Mistake> {
        match self.0.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => match value.as_number().and_then(json::whole) {
                Some(number) if (least..=most).contains(&number) => Ok(Some(number)),
                _ => Err(Mistake::Range(field, least, most)),
            },
        }
    }

    fn has(&self, field: &'static str) -> bool {
        self.0.get(field).is_some_and(|value| !value.is_null())
    }

    fn strings(&self, field: &'static str) -> Result<impl Iterator<Item = &str>, Mistake> {
        let wrong = Mistake::Wrong(field, "a list of strings");
        let list = match self.0.get(field) {
            Some(Value::Array(list)) => list,
            None | Some(Value::Null) => return Err(Mistake::Missing(field)),
            Some(_) => return Err(wrong),
        };
        match list.iter().all(Value::is_string) {
            true => Ok(list.iter().filter_map(Value::as_str)),
            false => Err(wrong),
        }
    }

    /// A message, with its tag if the client has given it one.
    fn tagged(&self, message: Command) -> Result<Command, Mistake> {
        match self.tag() {
            None => Ok(message),
            Some(Ok(tag)) => Ok(Command::Tagged {
                tag,
                message: Box::new(message),
            }),
            Some(Err(mistake)) => Err(mistake),
        }
    }

    fn message_tag(&self, kind: &str) -> Option<Tag> {
        match kind {
            "message" | "private" => self.tag()?.ok(),
            _ => None,
        }
    }

    fn tag(&self) -> Option<Result<Tag, Mistake>> {
        let wrong = Mistake::Wrong("tag", "1 to 64 printable ASCII characters");
        match self.0.get("tag") {
            None | Some(Value::Null) => None,
            Some(Value::String(tag)) => Some(Tag::parse(tag).map_err(|BadTag| wrong)),
            Some(_) => Some(Err(wrong)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn mistake(frame: &str) -> String {
        decode(frame).unwrap_err().mistake.to_string()
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
        assert!(mistake(r#"["listrooms"]"#).contains("expected a JSON object"));
        assert!(mistake(r#"{"type":"dance\u001b"}"#).contains("type dance."));
        assert!(mistake(r#"{"type":"message"}"#).contains("body is missing"));
        assert!(mistake(r#"{"type":"listen","args":{}}"#).contains("events is missing"));
        assert!(mistake(r#"{"type":"message","args":{"body":7}}"#).contains("a string"));
        assert!(mistake(r#"{"type":"join","args":{"room":"a b"}}"#).contains("room: "));
        assert!(mistake(r#"{"type":"history","args":{"limit":0}}"#).contains("1 to 1000"));
        assert!(mistake(r#"{"type":"history","args":{"before":"x"}}"#).contains("message id"));
    }

    #[test]
    fn a_message_that_is_wrong_is_named_by_its_tag() {
        let tag = |frame| decode(frame).unwrap_err().tag;
        let known = Tag::parse("t 1").ok();
        let (room, to) = (
            r#"{"type":"message","args":{"tag":"t 1","body":"hi","room":"a b"}}"#,
            r#"{"type":"private","args":{"tag":"t 1","body":"hi"}}"#,
        );
        assert_eq!((tag(room), tag(to)), (known.clone(), known));
        assert_eq!(tag(r#"{"type":"join","args":{"tag":"t 1"}}"#), None);
        assert_eq!(tag(r#"{"type":"message","args":{"tag":""}}"#), None);
    }

    proptest! {
        #[test]
        fn nothing_a_client_sends_is_a_panic(frame in "\\PC{0,200}", kind in "[a-z]{1,12}") {
            let _ = decode(&frame);
            let _ = decode(&format!(r#"{{"type":"{kind}","args":{{"room":{frame:?}}}}}"#));
        }
    }
}
