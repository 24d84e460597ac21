//! Reads an older server's file key by key and collects its meaning in today's
//! terms. It is as strict about values as that server was: a port in quotes was a
//! mistake there, and is one here.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv6Addr};

use serde_json::Value as Json;

use super::super::document::Node;
use super::super::listeners::ListenerKind;
use super::super::names::printable;
use super::super::suggest;
use super::super::value::{Given, quoted};
use super::keys::{KEYS, find};
use super::{Assignment, Note, Original, Translated};

/// The host that the older servers used for an address without one.
pub const EVERYWHERE: &str = "0.0.0.0";
pub struct Reader<'a> {
    original: Original,
    entries: Vec<(&'static str, &'a Node)>,
    translated: Translated,
}

impl<'a> Reader<'a> {
    /// Starts with the keys of `original`; every other key is a mistake.
    pub fn new(original: Original, entries: &'a [(String, Node)]) -> Reader<'a> {
        let mut reader = Reader {
            original,
            entries: Vec::new(),
            translated: Translated {
                assignments: Vec::new(),
                notes: Vec::new(),
                mistakes: Vec::new(),
            },
        };
        let mut seen = HashSet::new();
        for (name, node) in entries {
            match find(name) {
                Some(key) if key.of != original => {
                    let what = format!(
                        "a key of {} in a file of {}; a file is that of one server",
                        key.of.name(),
                        original.name()
                    );
                    reader.mistake(name, what);
                }
                Some(key) if !seen.insert(key.name) => {
                    reader.mistake(name, "given twice".to_owned());
                }
                Some(key) => reader.entries.push((key.name, node)),
                None => reader.unknown(name),
            }
        }
        reader
    }

    /// Returns the translation. Listeners that the file does not open are off; if it
    /// opens none at all, that is a mistake, and `example` shows what to write.
    pub fn finish(mut self, example: &str) -> Translated {
        let assigned = &self.translated.assignments;
        let opens = |a: &Assignment| is_listener(a.path) && a.value != "off";
        if self.translated.mistakes.is_empty() && !assigned.iter().any(opens) {
            let what = format!(
                "a file of {} that opens no listener; write {example}",
                self.original.name()
            );
            self.translated.mistakes.push((String::new(), what));
        }
        let assignments = &mut self.translated.assignments;
        for path in ListenerKind::usually_open() {
            if !assignments.iter().any(|assignment| assignment.path == path) {
                assignments.push(Assignment {
                    key: None,
                    path,
                    value: Json::from("off"),
                });
            }
        }
        self.translated
    }

    fn unknown(&mut self, name: &str) {
        let of = self.original;
        let known = KEYS.iter().filter(|key| key.of == of).map(|key| key.name);
        let what = match suggest::nearest(name, known) {
            Some(meant) => format!(
                "unknown key in a file of {}; did you mean {meant}?",
                of.name()
            ),
            None => format!(
                "unknown key in a file of {}; leave it out, or write the file in today's form: \
                 chat-server convert-config prints it",
                of.name()
            ),
        };
        self.mistake(name, what);
    }

    pub fn mistake(&mut self, name: &str, what: String) {
        let name = printable(name);
        self.translated.mistakes.push((name, what));
    }

    pub fn note(&mut self, key: &str, what: impl Into<String>) {
        self.translated.notes.push(Note {
            key: key.to_owned(),
            what: what.into(),
        });
    }

    /// Sets what `key` means, unless another key has said so already.
    pub fn assign(&mut self, key: &'static str, path: &'static str, value: impl Into<Json>) {
        let value = value.into();
        let earlier = self.translated.assignments.iter();
        let earlier = earlier.filter(|assignment| assignment.path == path);
        if let Some(earlier) = earlier.filter_map(|assignment| assignment.key).next() {
            self.mistake(
                key,
                format!("{earlier} says the same ({path}); keep one of them"),
            );
            return;
        }
        self.note(key, format!("{path} is {value}"));
        self.imply(Some(key), path, value);
    }

    /// Sets what follows from a key, or from whose file it is.
    pub fn imply(&mut self, key: Option<&'static str>, path: &'static str, value: impl Into<Json>) {
        self.translated.assignments.push(Assignment {
            key,
            path,
            value: value.into(),
        });
    }

    /// What was given for a key; null is as if it were not there.
    fn given(&self, key: &str) -> Option<&'a Node> {
        let found = self.entries.iter().find(|(name, _)| *name == key);
        found
            .map(|(_, node)| *node)
            .filter(|node| !matches!(node, Node::Null))
    }

    /// Reads text, which may be empty.
    pub fn text(&mut self, key: &'static str) -> Option<&'a str> {
        match self.given(key)? {
            Node::Text(text) if !text.contains('\0') => Some(text),
            other => {
                let found = Given::Json(other).shown(false);
                let write = match other {
                    Node::Number(number) => format!("; write \"{number}\""),
                    _ => String::new(),
                };
                self.mistake(key, format!("expected a string, found {found}{write}"));
                None
            }
        }
    }

    /// Reads `true` or `false`.
    pub fn flag(&mut self, key: &'static str) -> Option<bool> {
        match self.given(key)? {
            Node::Bool(value) => Some(*value),
            other => {
                let found = Given::Json(other).shown(false);
                let what = format!("expected true or false, without quotes, found {found}");
                self.mistake(key, what);
                None
            }
        }
    }

    /// Reads a port.
    pub fn port(&mut self, key: &'static str) -> Option<u16> {
        let given = self.given(key)?;
        if let Node::Number(number) = given
            && let Some(port) = number.as_u64().and_then(|port| u16::try_from(port).ok())
        {
            return Some(port);
        }
        let found = Given::Json(given).shown(false);
        let write = match given {
            Node::Text(text) if text.parse::<u16>().is_ok() => format!("; write {text}"),
            _ => String::new(),
        };
        let what = format!("expected a port from 0 to 65535, without quotes, found {found}{write}");
        self.mistake(key, what);
        None
    }

    /// Whether the file has this key, with a value other than null.
    pub fn has(&self, key: &str) -> bool {
        self.given(key).is_some()
    }

    /// Whether the key's value is empty text.
    pub fn is_empty(&self, key: &str) -> bool {
        matches!(self.given(key), Some(Node::Text(text)) if text.is_empty())
    }

    /// Reads a host without a port, in the form it has in an address.
    pub fn host(&mut self, key: &'static str) -> Option<String> {
        let text = self.text(key)?;
        let host = as_host(text);
        if host.is_none() {
            let what = format!(
                "expected an IP address such as \"0.0.0.0\", or the name of a host, found {}",
                quoted(text)
            );
            self.mistake(key, what);
        }
        host
    }

    /// The hint for closing a listener, which only the line server supported.
    fn how_to_switch_off(&self) -> String {
        match self.original {
            Original::LineServer => "; write \"\" to switch it off".to_owned(),
            Original::JsonCommands | Original::DirectMessages => String::new(),
        }
    }

    /// Reads `host:port`; without a host it means every IPv4 address of this machine.
    /// A mistake shows `example` as what to write.
    pub fn address(&mut self, key: &'static str, example: &str) -> Option<String> {
        let text = match self.given(key)? {
            Node::Number(number) => {
                let what = format!(
                    "expected an address such as \"{example}\", found {number}; write \":{number}\""
                );
                self.mistake(key, what);
                return None;
            }
            _ => self.text(key)?,
        };
        let address = as_address(text);
        if address.is_none() {
            let (_, port) = example.rsplit_once(':').unwrap_or_default();
            let write = match as_host(text) {
                _ if text.parse::<u16>().is_ok() => format!("; write \":{text}\""),
                _ if text.eq_ignore_ascii_case("off") => self.how_to_switch_off(),
                Some(host) => format!("; write \"{host}:{port}\""),
                None => String::new(),
            };
            let what = format!(
                "expected an address such as \"{example}\", found {}{write}",
                quoted(text)
            );
            self.mistake(key, what);
        }
        address
    }
}

fn is_listener(path: &str) -> bool {
    ListenerKind::all().any(|kind| kind.setting() == path)
}

fn as_address(text: &str) -> Option<String> {
    let (host, port) = text.rsplit_once(':')?;
    let is_port = port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok();
    let host = match host.strip_prefix('[') {
        Some(_) => as_host(host)?,
        // An IPv6 address without brackets is ambiguous.
        None if host.contains(':') => return None,
        None => as_host(host)?,
    };
    is_port.then(|| format!("{host}:{port}"))
}

/// An empty host means every address; an IPv6 address gets brackets.
fn as_host(text: &str) -> Option<String> {
    if text.is_empty() {
        return Some(EVERYWHERE.to_owned());
    }
    let inner = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'));
    if let Ok(address) = inner.unwrap_or(text).parse::<Ipv6Addr>() {
        return Some(format!("[{address}]"));
    }
    let is_name_character = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    let is_name =
        text.chars().all(is_name_character) && text.chars().any(|c| c.is_ascii_alphabetic());
    (is_name || text.parse::<IpAddr>().is_ok()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_those_that_the_older_servers_took() {
        for (text, expected) in [
            (":80", Some("0.0.0.0:80")),
            ("0.0.0.0:4000", Some("0.0.0.0:4000")),
            ("chatserver.local:4001", Some("chatserver.local:4001")),
            ("[::]:4000", Some("[::]:4000")),
            ("[::1]:0", Some("[::1]:0")),
            ("", None),
            ("localhost", None),
            ("4000", None),
            ("localhost:", None),
            ("localhost:http", None),
            ("localhost:65536", None),
            ("localhost:+1", None),
            ("::1:4000", None),
            ("300.1.1.1:80", None),
            ("a b:80", None),
            ("[x]:80", None),
        ] {
            assert_eq!(as_address(text).as_deref(), expected, "{text}");
        }
        assert_eq!(as_host("::1").as_deref(), Some("[::1]"));
        assert_eq!(as_host("300.1.1.1"), None);
    }
}
