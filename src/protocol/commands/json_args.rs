//! The `args` of a JSON command. The type of an argument is its declaration:
//! it says how the argument is read, and whether the command needs it.

use std::fmt;
use std::ops::RangeInclusive;

use serde_json::{Map, Value};

use crate::hub::{BadTag, Part, Tag};
use crate::json::whole;
use crate::model::{MAX_ROWS, MessageId, Name, NameError, Sign, Text};

/// The most users whose presence can be asked for at once.
const MAX_USERS: usize = 100;
/// The highest page number; no inbox has as many pages.
const MAX_PAGE: u64 = 1_000_000;

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
    /// A rule of a room is not one, or cannot have this value: its name, and why.
    Rule(Text, String),
}

impl Mistake {
    /// A stable word for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Mistake::Broken(_) => "broken_frame",
            Mistake::UnknownType(_) => "unknown_type",
            Mistake::Missing(_) | Mistake::Wrong(..) | Mistake::Range(..) => "bad_argument",
            Mistake::Name(..) | Mistake::Rule(..) => "bad_argument",
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
            Mistake::Rule(rule, why) => write!(f, "{rule}: {why}."),
        }
    }
}

impl std::error::Error for Mistake {}

/// An argument, as declared.
#[derive(Clone, Copy, Debug)]
pub struct Takes {
    /// Its name.
    pub name: &'static str,
    /// Whether the command is a mistake without it.
    pub is_needed: bool,
}

/// The `args` of a frame.
#[derive(Debug, Default)]
pub struct Args(Map<String, Value>);

impl Args {
    /// Those of an object.
    pub fn of(args: Map<String, Value>) -> Args {
        Args(args)
    }

    /// The client's tag for the message, if it gives one.
    pub fn tag(&self) -> Option<Tag> {
        Tag::read(self, "tag").ok()
    }

    /// The value of an argument. `null` counts as absent.
    fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    fn string(&self, name: &'static str) -> Result<&str, Mistake> {
        match self.get(name) {
            Some(Value::String(text)) => Ok(text),
            None => Err(Mistake::Missing(name)),
            Some(_) => Err(Mistake::Wrong(name, "a string")),
        }
    }

    fn number(&self, name: &'static str, most: u64, usual: u64) -> Result<u64, Mistake> {
        let Some(value) = self.get(name) else {
            return Ok(usual);
        };
        let number = value.as_number().and_then(whole);
        let number = number.filter(|number| (1..=most).contains(number));
        number.ok_or(Mistake::Range(name, 1, most))
    }

    /// A number that must be within a range.
    pub(super) fn number_within(
        &self,
        name: &'static str,
        range: &RangeInclusive<u64>,
    ) -> Result<u64, Mistake> {
        let value = self.get(name).ok_or(Mistake::Missing(name))?;
        let number = value.as_number().and_then(whole);
        let number = number.filter(|number| range.contains(number));
        number.ok_or(Mistake::Range(name, *range.start(), *range.end()))
    }

    /// `true` or `false`.
    pub(super) fn truth(&self, name: &'static str) -> Result<bool, Mistake> {
        match self.get(name) {
            Some(Value::Bool(value)) => Ok(*value),
            None => Err(Mistake::Missing(name)),
            Some(_) => Err(Mistake::Wrong(name, "true or false")),
        }
    }

    /// A list of anything.
    pub(super) fn list(&self, name: &'static str, what: &'static str) -> Result<&[Value], Mistake> {
        match self.get(name) {
            Some(Value::Array(list)) => Ok(list),
            None => Err(Mistake::Missing(name)),
            Some(_) => Err(Mistake::Wrong(name, what)),
        }
    }

    fn strings(&self, name: &'static str) -> Result<impl Iterator<Item = &str>, Mistake> {
        let wrong = Mistake::Wrong(name, "a list of strings");
        let list = match self.get(name) {
            Some(Value::Array(list)) => list,
            None => return Err(Mistake::Missing(name)),
            Some(_) => return Err(wrong),
        };
        match list.iter().all(Value::is_string) {
            true => Ok(list.iter().filter_map(Value::as_str)),
            false => Err(wrong),
        }
    }
}

/// A type that an argument can have.
pub(super) trait Argument: Sized {
    /// Whether the command is a mistake without it.
    const IS_NEEDED: bool = true;

    fn read(args: &Args, name: &'static str) -> Result<Self, Mistake>;
}

impl<T: Argument> Argument for Option<T> {
    const IS_NEEDED: bool = false;

    fn read(args: &Args, name: &'static str) -> Result<Option<T>, Mistake> {
        args.get(name).map(|_| T::read(args, name)).transpose()
    }
}

/// Any words.
impl Argument for String {
    fn read(args: &Args, name: &'static str) -> Result<String, Mistake> {
        args.string(name).map(str::to_owned)
    }
}

/// Words that are shown to people.
impl Argument for Text {
    fn read(args: &Args, name: &'static str) -> Result<Text, Mistake> {
        args.string(name).map(Text::clean)
    }
}

/// A nickname.
pub(super) struct Nick(pub Name);

impl Argument for Nick {
    fn read(args: &Args, name: &'static str) -> Result<Nick, Mistake> {
        let parsed = Name::parse_nickname(args.string(name)?);
        parsed.map(Nick).map_err(|error| Mistake::Name(name, error))
    }
}

/// A channel.
pub(super) struct Room(pub Name);

impl Room {
    pub fn name(room: Option<Room>) -> Option<Name> {
        room.map(|room| room.0)
    }
}

impl Argument for Room {
    fn read(args: &Args, name: &'static str) -> Result<Room, Mistake> {
        let parsed = Name::parse_channel(args.string(name)?);
        parsed.map(Room).map_err(|error| Mistake::Name(name, error))
    }
}

/// A channel, which is ignored, unread, if there is a `to`.
pub(super) struct RoomWithoutTo(pub Option<Name>);

impl Argument for RoomWithoutTo {
    const IS_NEEDED: bool = false;

    fn read(args: &Args, name: &'static str) -> Result<RoomWithoutTo, Mistake> {
        let room = match args.get("to") {
            Some(_) => None,
            None => Option::read(args, name)?,
        };
        Ok(RoomWithoutTo(Room::name(room)))
    }
}

/// `true` or `false`.
impl Argument for bool {
    fn read(args: &Args, name: &'static str) -> Result<bool, Mistake> {
        args.truth(name)
    }
}

impl Argument for Sign {
    fn read(args: &Args, name: &'static str) -> Result<Sign, Mistake> {
        let sign = Sign::parse(args.string(name)?);
        sign.map_err(|_| Mistake::Wrong(name, SIGN))
    }
}

/// What a sign is: as [`crate::model::BadSign`] says.
const SIGN: &str = "one emoji, or one word of at most 16 characters";

impl Argument for MessageId {
    fn read(args: &Args, name: &'static str) -> Result<MessageId, Mistake> {
        let wrong = Mistake::Wrong(name, "a message id");
        match args.get(name) {
            Some(Value::String(id)) => id.parse().map_err(|_| wrong),
            None => Err(Mistake::Missing(name)),
            Some(_) => Err(wrong),
        }
    }
}

impl Argument for Tag {
    fn read(args: &Args, name: &'static str) -> Result<Tag, Mistake> {
        let wrong = Mistake::Wrong(name, "1 to 64 printable ASCII characters");
        match args.get(name) {
            Some(Value::String(tag)) => Tag::parse(tag).map_err(|BadTag| wrong),
            None => Err(Mistake::Missing(name)),
            Some(_) => Err(wrong),
        }
    }
}

/// How many messages at most: `USUAL` unless given.
pub(super) struct Limit<const USUAL: usize>(pub usize);

impl<const USUAL: usize> Argument for Limit<USUAL> {
    const IS_NEEDED: bool = false;

    fn read(args: &Args, name: &'static str) -> Result<Limit<USUAL>, Mistake> {
        let limit = args.number(name, MAX_ROWS as u64, USUAL as u64)?;
        Ok(Limit(usize::try_from(limit).unwrap_or(USUAL)))
    }
}

/// The number of a page: the first unless given.
pub(super) struct PageNumber(pub u64);

impl Argument for PageNumber {
    const IS_NEEDED: bool = false;

    fn read(args: &Args, name: &'static str) -> Result<PageNumber, Mistake> {
        args.number(name, MAX_PAGE, 1).map(PageNumber)
    }
}

/// Any list of words.
impl Argument for Vec<String> {
    fn read(args: &Args, name: &'static str) -> Result<Vec<String>, Mistake> {
        Ok(args.strings(name)?.map(str::to_owned).collect())
    }
}

/// A few nicknames.
pub(super) struct Nicks(pub Vec<Name>);

impl Argument for Nicks {
    fn read(args: &Args, name: &'static str) -> Result<Nicks, Mistake> {
        let names: Vec<&str> = args.strings(name)?.take(MAX_USERS + 1).collect();
        if names.len() > MAX_USERS {
            return Err(Mistake::Wrong(name, "a list of at most 100 nicknames"));
        }
        let names = names.into_iter().map(Name::parse_nickname);
        let names: Result<Vec<Name>, NameError> = names.collect();
        names.map(Nicks).map_err(|error| Mistake::Name(name, error))
    }
}

/// The part of a list of nicknames.
pub(super) fn people(after: Option<Nick>, prefix: Option<Nick>) -> Part {
    Part {
        after: after.map(|name| name.0),
        prefix: prefix.map(|name| name.0),
    }
}

/// The part of a list of channels.
pub(super) fn rooms(after: Option<Room>, prefix: Option<Room>) -> Part {
    Part {
        after: Room::name(after),
        prefix: Room::name(prefix),
    }
}

/// Declares a JSON command: `type`, what it does, `args` to copy from, then
/// what it takes and what comes of it. `waits` behind the type is
/// [`super::Json::waits`].
macro_rules! json {
    (
        $kind:literal $(, $waits:ident)?; $does:literal; $example:literal;
        |$($name:ident: $type:ty),*| $step:expr
    ) => {
        Some($crate::protocol::commands::Json {
            kind: $kind,
            does: $does,
            example: $example,
            waits: json!(@waits $($waits)?),
            takes: &[$($crate::protocol::commands::Takes {
                name: stringify!($name),
                is_needed: <$type as Argument>::IS_NEEDED,
            }),*],
            read: |_args| {
                $(let $name = <$type as Argument>::read(_args, stringify!($name))?;)*
                Ok($crate::protocol::commands::Step::from($step))
            },
        })
    };
    (@waits) => { false };
    (@waits waits) => { true };
}
pub(super) use json;
