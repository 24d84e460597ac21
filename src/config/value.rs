//! Reads and shows values of each type that settings have.
//!
//! A value comes from the file as JSON, or from the environment and flags as
//! text. Both pass through here, so both accept the same values.

mod choice;
mod gateways;
mod network;
mod operators;
mod plain;
mod rules;
mod secret;

use serde_json::{Number, Value as Json};

use super::document::Node;
use super::rule::Rule;

pub use choice::{
    Delivery, Durability, Governance, History, KeepEdits, LogFormat, Nicknames, Register,
    Registration, UserHeader,
};
pub use gateways::IrcGateway;
pub use operators::IrcOperator;

/// A value from one of the sources, not yet checked.
#[derive(Clone, Copy)]
pub(super) enum Given<'a> {
    /// In the file.
    Json(&'a Node),
    /// In the environment or as a flag.
    Text(&'a str),
}

/// Why a value is rejected.
#[derive(Debug, PartialEq)]
pub(super) enum Rejected {
    /// It does not have the expected form.
    Unexpected,
    /// It has the expected form, but is unusable for this reason.
    Because(String),
}

/// A type that settings have.
pub(super) trait Value {
    /// Takes the given value; stays unchanged if that is rejected.
    fn read(&mut self, given: Given<'_>, rule: &Rule) -> Result<(), Rejected>;

    /// The value as in the file.
    fn to_json(&self) -> Json;

    /// The accepted values, in words.
    fn expected(&self, rule: &Rule) -> String;

    /// Whether the value must never be shown.
    fn is_secret(&self) -> bool {
        false
    }
}

impl<'a> Given<'a> {
    /// Text, from any source.
    fn text(self) -> Result<&'a str, Rejected> {
        match self {
            Given::Text(text) => Ok(text),
            Given::Json(Node::Text(text)) => Ok(text),
            Given::Json(_) => Err(Rejected::Unexpected),
        }
    }

    /// A number: bare in the file, digits elsewhere.
    fn number<T: std::str::FromStr>(
        self,
        in_file: fn(&Number) -> Option<T>,
    ) -> Result<T, Rejected> {
        let number = match self {
            Given::Text(text) => text.parse().ok(),
            Given::Json(Node::Number(number)) => in_file(number),
            Given::Json(_) => None,
        };
        number.ok_or(Rejected::Unexpected)
    }

    /// A list: one in the file, separated by commas elsewhere.
    fn list<T>(self, each: impl Fn(Given<'_>) -> Result<T, Rejected>) -> Result<Vec<T>, Rejected> {
        match self {
            Given::Json(Node::List(items)) => {
                items.iter().map(|item| each(Given::Json(item))).collect()
            }
            Given::Text("") => Ok(Vec::new()),
            Given::Text(text) => text
                .split(',')
                .map(|part| each(Given::Text(part.trim())))
                .collect(),
            Given::Json(_) => Err(Rejected::Unexpected),
        }
    }

    /// The given value, shortened and safe to print; for a secret only its kind.
    pub fn shown(self, secret: bool) -> String {
        match self {
            Given::Text(_) | Given::Json(Node::Text(_)) if secret => {
                let chars = self.text().map_or(0, |text| text.chars().count());
                format!("{chars} characters")
            }
            Given::Text(text) => quoted(text),
            Given::Json(Node::Text(text)) => quoted(text),
            Given::Json(Node::Number(number)) if !secret => number.to_string(),
            Given::Json(Node::Bool(value)) if !secret => value.to_string(),
            Given::Json(node) => node.kind().to_owned(),
        }
    }
}

/// A value as text, or `none`.
fn text_or(value: &Option<impl ToString>, none: Json) -> Json {
    value
        .as_ref()
        .map_or(none, |value| Json::from(value.to_string()))
}

/// The most characters of a wrong value that a message repeats.
const SHOWN_CHARS: usize = 60;

/// Text in quotes, shortened and with control characters escaped.
pub(super) fn quoted(text: &str) -> String {
    if text.chars().count() <= SHOWN_CHARS {
        return format!("{text:?}");
    }
    let start: String = text.chars().take(SHOWN_CHARS).collect();
    format!("{start:?}...")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_repeated_is_short_and_steers_no_terminal() {
        assert_eq!(quoted("\x1b[2J"), r#""\u{1b}[2J""#);
        assert_eq!(quoted(&"x".repeat(10_000)).len(), SHOWN_CHARS + 5);
    }
}
