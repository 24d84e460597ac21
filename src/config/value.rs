//! How each type a setting can have is read and shown.
//!
//! A value comes from the file as JSON or, from the environment and flags,
//! as text; both end here, so both accept the same.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use ipnet::IpNet;
use serde_json::{Number, Value as Json};

use super::address;
use super::document::Node;
use super::endpoint::Endpoint;
use super::origin;
use super::redis::RedisAddress;
use super::rule::Rule;
use super::secret::Secret;
use crate::store::{DatabaseUrl, UrlError};

/// What somebody gave for a setting.
#[derive(Clone, Copy)]
pub(super) enum Given<'a> {
    /// In the file.
    Json(&'a Node),
    /// In the environment or as a flag.
    Text(&'a str),
}

/// Why what was given is not taken.
#[derive(Debug, PartialEq)]
pub(super) enum Rejected {
    /// It is not what is expected.
    Unexpected,
    /// It is of the expected form, but this stands in the way.
    Because(String),
}

/// A type that settings have.
pub(super) trait Value {
    /// Takes what was given; unchanged when it is rejected.
    fn read(&mut self, given: Given<'_>, rule: &Rule) -> Result<(), Rejected>;

    /// How it stands in the file.
    fn to_json(&self) -> Json;

    /// What is accepted, in words.
    fn expected(&self, rule: &Rule) -> String;

    /// Whether it must never be shown.
    fn is_secret(&self) -> bool {
        false
    }
}

impl<'a> Given<'a> {
    /// Text, from wherever it comes.
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

    /// What was given, shortened and safe to print; of a secret only its kind.
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

/// At most this much of a wrong value is repeated.
const SHOWN_CHARS: usize = 60;

/// Text in quotes, shortened, without anything that steers a terminal.
pub(super) fn quoted(text: &str) -> String {
    if text.chars().count() <= SHOWN_CHARS {
        return format!("{text:?}");
    }
    let start: String = text.chars().take(SHOWN_CHARS).collect();
    format!("{start:?}...")
}

macro_rules! whole_numbers {
    ($($type:ty)*) => {$(
        impl Value for $type {
            fn read(&mut self, given: Given<'_>, rule: &Rule) -> Result<(), Rejected> {
                let number: u64 = given.number(Number::as_u64)?;
                if !rule.allows(number as f64) {
                    return Err(Rejected::Unexpected);
                }
                *self = number.try_into().map_err(|_| Rejected::Unexpected)?;
                Ok(())
            }

            fn to_json(&self) -> Json {
                Json::from(*self)
            }

            fn expected(&self, rule: &Rule) -> String {
                format!("a whole number{rule}")
            }
        }
    )*};
}

whole_numbers!(usize u64 u32);

impl Value for f64 {
    fn read(&mut self, given: Given<'_>, rule: &Rule) -> Result<(), Rejected> {
        let number: f64 = given.number(Number::as_f64)?;
        if !number.is_finite() || !rule.allows(number) {
            return Err(Rejected::Unexpected);
        }
        *self = number;
        Ok(())
    }

    fn to_json(&self) -> Json {
        // 20 rather than 20.0 where they are the same; rules keep it in range.
        if self.fract() == 0.0 {
            Json::from(*self as i64)
        } else {
            Json::from(*self)
        }
    }

    fn expected(&self, rule: &Rule) -> String {
        format!("a number{rule}")
    }
}

impl Value for bool {
    fn read(&mut self, given: Given<'_>, _: &Rule) -> Result<(), Rejected> {
        *self = match given {
            Given::Json(Node::Bool(value)) => *value,
            Given::Text("true") => true,
            Given::Text("false") => false,
            _ => return Err(Rejected::Unexpected),
        };
        Ok(())
    }

    fn to_json(&self) -> Json {
        Json::from(*self)
    }

    fn expected(&self, _: &Rule) -> String {
        "true or false".to_owned()
    }
}

impl Value for String {
    fn read(&mut self, given: Given<'_>, rule: &Rule) -> Result<(), Rejected> {
        let text = given.text()?;
        let accepted = match rule {
            Rule::Line { max_chars } => {
                !text.trim().is_empty()
                    && text.chars().count() <= *max_chars
                    && !text.chars().any(char::is_control)
            }
            Rule::LogFilter => text.split(',').all(is_log_directive),
            Rule::OneOf(words) => words.contains(&text),
            _ => true,
        };
        if !accepted {
            return Err(Rejected::Unexpected);
        }
        *self = text.to_owned();
        Ok(())
    }

    fn to_json(&self) -> Json {
        Json::from(self.as_str())
    }

    fn expected(&self, rule: &Rule) -> String {
        match rule {
            Rule::Line { max_chars } => format!("one line of 1 to {max_chars} characters"),
            Rule::LogFilter => "one of off, error, warn, info, debug, trace, or a filter such \
                                as \"info,chat_server=debug\""
                .to_owned(),
            Rule::OneOf(words) => format!("one of {}", words.join(", ")),
            _ => "a string".to_owned(),
        }
    }
}

/// `level` or `target=level`. A bare target, which the logger would take
/// too, is far more often a misspelt level.
fn is_log_directive(directive: &str) -> bool {
    let (target, level) = directive.split_once('=').unwrap_or(("any", directive));
    let is_target_character = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':' | '-');
    !target.is_empty()
        && target.chars().all(is_target_character)
        && level.parse::<log::LevelFilter>().is_ok()
}

impl Value for PathBuf {
    fn read(&mut self, given: Given<'_>, _: &Rule) -> Result<(), Rejected> {
        let text = given.text()?;
        if text.is_empty() || text.contains('\0') {
            return Err(Rejected::Unexpected);
        }
        *self = PathBuf::from(text);
        Ok(())
    }

    fn to_json(&self) -> Json {
        Json::from(self.to_string_lossy())
    }

    fn expected(&self, _: &Rule) -> String {
        "a path".to_owned()
    }
}

impl Value for Option<PathBuf> {
    fn read(&mut self, given: Given<'_>, rule: &Rule) -> Result<(), Rejected> {
        *self = match given {
            Given::Json(Node::Null) => None,
            // The only way to say so in the environment.
            other if other.text() == Ok("") => None,
            other => {
                let mut path = PathBuf::new();
                path.read(other, rule)?;
                Some(path)
            }
        };
        Ok(())
    }

    fn to_json(&self) -> Json {
        match self {
            Some(path) => path.to_json(),
            None => Json::Null,
        }
    }

    fn expected(&self, _: &Rule) -> String {
        "a path, or null".to_owned()
    }
}

impl Value for Option<SocketAddr> {
    fn read(&mut self, given: Given<'_>, _: &Rule) -> Result<(), Rejected> {
        *self = match given {
            Given::Json(Node::Number(port)) => address::parse(&port.to_string())?,
            other => address::parse(other.text()?)?,
        };
        Ok(())
    }

    fn to_json(&self) -> Json {
        match self {
            Some(address) => Json::from(address.to_string()),
            None => Json::from(address::OFF),
        }
    }

    fn expected(&self, _: &Rule) -> String {
        "host:port such as \"127.0.0.1:4000\" or \"[::1]:4000\", a port, or \"off\"".to_owned()
    }
}

impl Value for Option<Endpoint> {
    fn read(&mut self, given: Given<'_>, _: &Rule) -> Result<(), Rejected> {
        *self = match given.text()? {
            address::OFF => None,
            text => Some(Endpoint::parse(text).ok_or(Rejected::Unexpected)?),
        };
        Ok(())
    }

    fn to_json(&self) -> Json {
        match self {
            Some(endpoint) => Json::from(endpoint.to_string()),
            None => Json::from(address::OFF),
        }
    }

    fn expected(&self, _: &Rule) -> String {
        "http://host:port such as \"http://names.example.org:7001\", or \"off\"".to_owned()
    }
}

/// Web origins. In text, separated by commas.
impl Value for Vec<String> {
    fn read(&mut self, given: Given<'_>, _: &Rule) -> Result<(), Rejected> {
        let origins: Result<Vec<String>, Rejected> = match given {
            Given::Json(Node::List(items)) => items
                .iter()
                .map(|item| read_origin(Given::Json(item)))
                .collect(),
            Given::Text("") => Ok(Vec::new()),
            Given::Text(text) => text
                .split(',')
                .map(|part| read_origin(Given::Text(part.trim())))
                .collect(),
            Given::Json(_) => Err(Rejected::Unexpected),
        };
        *self = origins?;
        Ok(())
    }

    fn to_json(&self) -> Json {
        Json::from(self.as_slice())
    }

    fn expected(&self, _: &Rule) -> String {
        "a list of origins such as \"https://chat.example.org\", or \"*\" for any".to_owned()
    }
}

impl Value for Vec<IpNet> {
    fn read(&mut self, given: Given<'_>, _: &Rule) -> Result<(), Rejected> {
        let networks: Result<Vec<IpNet>, Rejected> = match given {
            Given::Json(Node::List(items)) => items
                .iter()
                .map(|item| read_network(Given::Json(item)))
                .collect(),
            Given::Text("") => Ok(Vec::new()),
            Given::Text(text) => text
                .split(',')
                .map(|part| read_network(Given::Text(part.trim())))
                .collect(),
            Given::Json(_) => Err(Rejected::Unexpected),
        };
        *self = networks?;
        Ok(())
    }

    fn to_json(&self) -> Json {
        self.iter().map(IpNet::to_string).collect()
    }

    fn expected(&self, _: &Rule) -> String {
        "a list of addresses or networks such as \"10.0.0.0/8\"".to_owned()
    }
}

/// One of a list; a mistake names the one that is wrong.
fn read_network(given: Given<'_>) -> Result<IpNet, Rejected> {
    let network = given.text().ok().and_then(|text| {
        let address = text.parse::<IpAddr>().map(IpNet::from);
        address.or_else(|_| text.parse()).ok()
    });
    network.ok_or_else(|| {
        Rejected::Because(format!(
            "expected addresses or networks such as \"10.0.0.0/8\", found {}",
            given.shown(false)
        ))
    })
}

/// One of a list; a mistake names the one that is wrong.
fn read_origin(given: Given<'_>) -> Result<String, Rejected> {
    let origin = given.text().ok().and_then(origin::parse);
    origin.ok_or_else(|| {
        Rejected::Because(format!(
            "expected origins such as \"https://chat.example.org\", without a path, found {}",
            given.shown(false)
        ))
    })
}

impl Value for Option<Secret> {
    fn read(&mut self, given: Given<'_>, _: &Rule) -> Result<(), Rejected> {
        *self = match given {
            Given::Json(Node::Null) => None,
            other => Some(Secret::parse(other.text()?).map_err(|_| Rejected::Unexpected)?),
        };
        Ok(())
    }

    fn to_json(&self) -> Json {
        match self {
            Some(_) => Json::from("(set)"),
            None => Json::Null,
        }
    }

    fn expected(&self, _: &Rule) -> String {
        format!(
            "at least {} letters, digits or punctuation, or null",
            Secret::MIN_CHARS
        )
    }

    fn is_secret(&self) -> bool {
        true
    }
}

impl Value for Option<RedisAddress> {
    fn read(&mut self, given: Given<'_>, _: &Rule) -> Result<(), Rejected> {
        *self = match given {
            Given::Json(Node::Null) => None,
            other => match other.text()? {
                "" => None,
                text => Some(RedisAddress::parse(text).ok_or(Rejected::Unexpected)?),
            },
        };
        Ok(())
    }

    /// Without the password.
    fn to_json(&self) -> Json {
        match self {
            Some(address) => Json::from(address.to_string()),
            None => Json::Null,
        }
    }

    fn expected(&self, _: &Rule) -> String {
        "a URL such as \"redis://:password@host:6379\", or null".to_owned()
    }

    fn is_secret(&self) -> bool {
        true
    }
}

impl Value for Option<DatabaseUrl> {
    fn read(&mut self, given: Given<'_>, _: &Rule) -> Result<(), Rejected> {
        *self = match given {
            Given::Json(Node::Null) => None,
            // The only way to say so in the environment.
            other if other.text() == Ok("") => None,
            other => match DatabaseUrl::parse(other.text()?) {
                Ok(url) => Some(url),
                Err(UrlError::Scheme) => return Err(Rejected::Unexpected),
                Err(error) => return Err(Rejected::Because(error.to_string())),
            },
        };
        Ok(())
    }

    /// Without the password.
    fn to_json(&self) -> Json {
        match self {
            Some(url) => Json::from(url.to_string()),
            None => Json::Null,
        }
    }

    fn expected(&self, _: &Rule) -> String {
        "a URL such as \"postgres://user:password@host/database\", or null".to_owned()
    }

    fn is_secret(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_level_is_not_taken_for_a_filter() {
        let accepts = |text| {
            let mut level = String::new();
            level.read(Given::Text(text), &Rule::LogFilter).is_ok()
        };
        for text in [
            "off",
            "WARN",
            "info,chat_server=debug",
            "chat_server::hub=trace",
        ] {
            assert!(accepts(text), "{text}");
        }
        for text in [
            "",
            "inof",
            "info,",
            "=debug",
            "chat_server",
            "info/x",
            "a=b=info",
        ] {
            assert!(!accepts(text), "{text}");
        }
    }

    #[test]
    fn a_rejected_value_leaves_the_old_one() {
        let mut number = 7_u32;
        let rule = Rule::whole(0, u64::from(u32::MAX) + 1);
        assert!(number.read(Given::Text("4294967296"), &rule).is_err());
        assert_eq!(number, 7);
        let mut rate = 2.5_f64;
        for text in ["NaN", "inf", "1e400", "-0.5"] {
            assert!(
                rate.read(Given::Text(text), &Rule::number(0.1, 1e6))
                    .is_err(),
                "{text}"
            );
        }
        assert_eq!(rate, 2.5);
    }

    #[test]
    fn what_is_repeated_is_short_and_steers_no_terminal() {
        assert_eq!(quoted("\x1b[2J"), r#""\u{1b}[2J""#);
        assert_eq!(quoted(&"x".repeat(10_000)).len(), SHOWN_CHARS + 5);
    }
}
