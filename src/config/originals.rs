//! Configuration files of the four older servers that this one replaces.
//!
//! A file belongs to an older server if its top level has that server's keys and
//! none of today's names. Each key either sets today's setting, or a note names
//! it with what to write instead; [`Translated`] has both. The meanings of the
//! keys are in `originals/`, one file a server.

mod direct_messages;
mod json_commands;
mod keys;
mod line_server;
mod reader;

use std::path::Path;

use serde_json::{Map, Value as Json};

use super::document::Node;
use super::names::is_section;
use super::setting::Setting;
use super::suggest;
use reader::Reader;

pub(super) use json_commands::variable;
pub(super) use keys::{Key, find};

/// The older server that a file belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Original {
    /// spring1843/chat-server: ports, or in its later version addresses.
    LineServer,
    /// renantarouco/ics-message-server.
    JsonCommands,
    /// wujiang/chatable.
    DirectMessages,
}

/// An older server's file, in today's terms.
#[derive(Debug)]
pub(super) struct Translated {
    /// The settings that the file sets.
    pub assignments: Vec<Assignment>,
    /// What became of each key.
    pub notes: Vec<Note>,
    /// Mistakes: the key, and its fault in words.
    pub mistakes: Vec<(String, String)>,
}

/// A setting that an older server's file sets.
#[derive(Clone, Debug)]
pub(super) struct Assignment {
    /// The key that sets it; none if it follows from the kind of file alone.
    pub key: Option<&'static str>,
    /// The setting's path.
    pub path: &'static str,
    /// Text, or a list of texts.
    pub value: Json,
}

/// What became of a key of an older server: one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The key or the variable.
    pub key: String,
    /// What it does here, or what to write instead.
    pub what: String,
}

impl Note {
    /// Says which older server the file at `path` belongs to.
    pub(super) fn of_file(path: &Path, original: Original) -> Note {
        let key = path.display().to_string();
        let what = format!(
            "a file of {}; `chat-server convert-config {key}` prints it in today's form",
            original.name()
        );
        Note { key, what }
    }
}

impl Assignment {
    /// The value as an environment variable would have it.
    pub fn text(&self) -> String {
        let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
        match &self.value {
            Json::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(","),
            other => text(other),
        }
    }
}

impl std::fmt::Display for Note {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.key, self.what)
    }
}

impl Original {
    /// The server that a file belongs to; none if it is in today's form, or in no
    /// known form.
    pub fn of(entries: &[(String, Node)]) -> Option<Original> {
        let is_todays = |name: &str| Setting::find(name).is_some() || is_section(name);
        if entries.iter().any(|(name, _)| is_todays(name)) {
            return None;
        }
        let mut keys = entries.iter().filter_map(|(name, _)| find(name));
        keys.next().map(|key| key.of)
    }

    /// The server's name, for use in a sentence.
    pub fn name(self) -> &'static str {
        match self {
            Original::LineServer => "the older line server",
            Original::JsonCommands => "the server of JSON commands",
            Original::DirectMessages => "the server of direct messages",
        }
    }

    /// Translates the file at `path`; paths in it may be relative to its folder.
    pub fn translate(self, entries: &[(String, Node)], path: &Path) -> Translated {
        let mut reader = Reader::new(self, entries);
        let folder = path.parent().unwrap_or(Path::new(""));
        let example = match self {
            Original::LineServer => {
                line_server::translate(&mut reader, folder);
                r#"{"telnet_address": "0.0.0.0:4000", "web_address": "0.0.0.0:4001"}"#
            }
            Original::JsonCommands => {
                json_commands::translate(&mut reader);
                r#"addr: ":7000""#
            }
            Original::DirectMessages => {
                direct_messages::translate(&mut reader);
                r#"{"host": ":8080"}"#
            }
        };
        reader.finish(example)
    }
}

/// The message for an older server's key in a file of today's form: what to write
/// instead.
pub(super) fn misplaced(key: &Key) -> String {
    format!(
        "a key of {}, which means nothing beside today's names; write {}",
        key.of.name(),
        key.today
    )
}

/// The older server's key that an unknown name probably misspells.
pub(super) fn meant(name: &str) -> Option<String> {
    let names = keys::KEYS.iter().map(|key| key.name);
    let key = find(suggest::nearest(name, names)?)?;
    Some(format!("{}, of {}", key.name, key.of.name()))
}

impl Translated {
    /// The same as a document in today's form.
    pub fn document(&self) -> Json {
        let mut document = Map::new();
        for assignment in &self.assignments {
            let value = assignment.value.clone();
            match assignment.path.split_once('.') {
                None => {
                    document.insert(assignment.path.to_owned(), value);
                }
                Some((section, name)) => {
                    let section = document
                        .entry(section)
                        .or_insert_with(|| Json::Object(Map::new()));
                    if let Json::Object(section) = section {
                        section.insert(name.to_owned(), value);
                    }
                }
            }
        }
        Json::Object(document)
    }
}
