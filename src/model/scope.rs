//! What a program may do: the scopes of its token.

use std::fmt;

use super::name::{Name, NameError};

/// The most scopes of one token.
pub const MAX_SCOPES: usize = 64;

/// Something that a program may be allowed to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Power {
    /// To post messages to a channel.
    Post,
    /// To read the messages of a channel.
    Read,
    /// To announce something to every client.
    Announce,
    /// To search the chat log, without private messages.
    Log,
    /// To read stored private messages, here and in the chat log.
    Private,
    /// To list and disconnect users.
    Users,
    /// To change a channel: its rules, roles and lists.
    Moderate,
    /// To list, make and lift bans.
    Bans,
    /// To read the metrics.
    Metrics,
    /// To make, list and remove tokens and hooks.
    Tokens,
    /// All of this, and whatever has no scope of its own.
    All,
}

impl Power {
    /// Every power.
    pub const EVERY: [Power; 11] = [
        Power::Post,
        Power::Read,
        Power::Announce,
        Power::Log,
        Power::Private,
        Power::Users,
        Power::Moderate,
        Power::Bans,
        Power::Metrics,
        Power::Tokens,
        Power::All,
    ];

    /// The word for it, before a channel.
    pub fn word(self) -> &'static str {
        match self {
            Power::Post => "post",
            Power::Read => "read",
            Power::Announce => "announce",
            Power::Log => "log",
            Power::Private => "private",
            Power::Users => "users",
            Power::Moderate => "moderate",
            Power::Bans => "bans",
            Power::Metrics => "metrics",
            Power::Tokens => "tokens",
            Power::All => "all",
        }
    }

    /// Whether it is for one channel or for all.
    pub fn is_of_channels(self) -> bool {
        matches!(self, Power::Post | Power::Read | Power::Moderate)
    }

    /// The scope that allows this, as people write it.
    pub fn scope(self, channel: Option<&Name>) -> String {
        match (self.is_of_channels(), channel) {
            (true, Some(channel)) => format!("{}:#{channel}", self.word()),
            (true, None) => format!("{}:*", self.word()),
            (false, _) => self.word().to_owned(),
        }
    }
}

/// One scope: a power, for a channel if it is one of channels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// What.
    pub power: Power,
    /// Where; `None` is everywhere.
    pub channel: Option<Name>,
}

/// What is wrong with a scope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BadScope {
    /// There is no such power.
    Unknown(String),
    /// The power needs a channel.
    NoChannel(Power),
    /// The power is not one of channels.
    Channel(Power),
    /// The channel cannot be one.
    Name(NameError),
    /// There are none.
    None,
    /// There are more than [`MAX_SCOPES`].
    TooMany,
}

impl Scope {
    /// Reads a scope: `announce`, `post:#builds` or `read:*`.
    pub fn parse(raw: &str) -> Result<Scope, BadScope> {
        let raw = raw.trim();
        let (word, channel) = match raw.split_once(':') {
            Some((word, channel)) => (word, Some(channel)),
            None => (raw, None),
        };
        let mut every = Power::EVERY.into_iter();
        let power = every.find(|power| power.word() == word);
        let power = power.ok_or_else(|| BadScope::Unknown(word.chars().take(40).collect()))?;
        let channel = match (power.is_of_channels(), channel) {
            (true, None | Some("")) => return Err(BadScope::NoChannel(power)),
            (false, Some(_)) => return Err(BadScope::Channel(power)),
            (true, Some("*")) | (false, None) => None,
            (true, Some(name)) => Some(Name::parse_channel(name).map_err(BadScope::Name)?),
        };
        Ok(Scope { power, channel })
    }

    /// Whether it allows this. Without a channel: whether it does anywhere.
    fn allows(&self, power: Power, channel: Option<&Name>) -> bool {
        let is_there = |own: &Name| channel.is_none_or(|channel| channel == own);
        self.power == Power::All
            || (self.power == power && self.channel.as_ref().is_none_or(is_there))
    }

    /// Whether it allows all that another one does.
    fn covers(&self, other: &Scope) -> bool {
        self.power == Power::All
            || (self.power == other.power
                && (self.channel.is_none() || self.channel == other.channel))
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.power.scope(self.channel.as_ref()))
    }
}

/// The scopes of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scopes(Vec<Scope>);

impl Scopes {
    /// Everything.
    pub fn all() -> Scopes {
        Scopes(vec![Scope {
            power: Power::All,
            channel: None,
        }])
    }

    /// Reads scopes; one that is there twice counts once.
    pub fn parse<'a>(raw: impl IntoIterator<Item = &'a str>) -> Result<Scopes, BadScope> {
        let mut scopes: Vec<Scope> = Vec::new();
        for raw in raw {
            let scope = Scope::parse(raw)?;
            if scopes.contains(&scope) {
                continue;
            }
            if scopes.len() >= MAX_SCOPES {
                return Err(BadScope::TooMany);
            }
            scopes.push(scope);
        }
        match scopes.is_empty() {
            true => Err(BadScope::None),
            false => Ok(Scopes(scopes)),
        }
    }

    /// Whether they allow this. Without a channel: whether they do anywhere.
    pub fn allow(&self, power: Power, channel: Option<&Name>) -> bool {
        self.0.iter().any(|scope| scope.allows(power, channel))
    }

    /// The first of the others that goes beyond these.
    pub fn beyond<'a>(&self, others: &'a Scopes) -> Option<&'a Scope> {
        let is_covered = |other: &Scope| self.0.iter().any(|own| own.covers(other));
        others.0.iter().find(|other| !is_covered(other))
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Scope> {
        self.0.iter()
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, scope) in self.0.iter().enumerate() {
            let before = if n == 0 { "" } else { " " };
            write!(f, "{before}{scope}")?;
        }
        Ok(())
    }
}

impl fmt::Display for BadScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BadScope::Unknown(word) => {
                let words = Power::EVERY.map(|power| power.scope(None)).join(", ");
                write!(f, "there is no scope {word:?}; there are {words}")
            }
            BadScope::NoChannel(power) => {
                let word = power.word();
                write!(
                    f,
                    "{word} needs a channel: {word}:#dev, or {word}:* for all"
                )
            }
            BadScope::Channel(power) => write!(f, "{} is not for one channel", power.word()),
            BadScope::Name(error) => error.fmt(f),
            BadScope::None => write!(f, "give at least one scope, such as post:#builds"),
            BadScope::TooMany => write!(f, "more than {MAX_SCOPES} scopes"),
        }
    }
}

impl std::error::Error for BadScope {}

#[cfg(test)]
mod tests {
    use super::*;

    fn scopes(raw: &str) -> Scopes {
        Scopes::parse(raw.split(' ')).unwrap()
    }

    #[test]
    fn a_scope_is_read_as_it_is_written() {
        for raw in ["post:#builds", "read:*", "announce", "moderate:#a_b", "all"] {
            assert_eq!(Scope::parse(raw).unwrap().to_string(), raw);
        }
        assert_eq!(
            scopes("post:builds post:#Builds").to_string(),
            "post:#builds"
        );
        for (raw, wrong) in [
            ("", BadScope::Unknown(String::new())),
            ("post", BadScope::NoChannel(Power::Post)),
            ("read:", BadScope::NoChannel(Power::Read)),
            ("log:#dev", BadScope::Channel(Power::Log)),
            ("write:#dev", BadScope::Unknown("write".into())),
        ] {
            assert_eq!(Scope::parse(raw), Err(wrong), "{raw:?}");
        }
        assert!(matches!(Scope::parse("post:#a b"), Err(BadScope::Name(_))));
        assert_eq!(Scopes::parse([]), Err(BadScope::None));
        let many: Vec<String> = (0..=MAX_SCOPES).map(|n| format!("post:#c{n}")).collect();
        let many = Scopes::parse(many.iter().map(String::as_str));
        assert_eq!(many, Err(BadScope::TooMany));
    }

    #[test]
    fn a_scope_allows_what_it_says_and_no_more() {
        let name = |raw| Name::parse_channel(raw).unwrap();
        let (dev, ops) = (name("dev"), name("ops"));
        let own = scopes("post:#dev log");
        assert!(own.allow(Power::Post, Some(&dev)));
        assert!(own.allow(Power::Post, None));
        assert!(!own.allow(Power::Post, Some(&ops)));
        assert!(!own.allow(Power::Read, Some(&dev)));
        assert!(own.allow(Power::Log, None));
        assert!(!own.allow(Power::Private, None));
        assert!(scopes("post:*").allow(Power::Post, Some(&ops)));
        assert!(Scopes::all().allow(Power::Tokens, None));
    }

    #[test]
    fn nobody_hands_on_more_than_they_have() {
        let own = scopes("post:#dev read:* tokens");
        assert_eq!(own.beyond(&scopes("post:#dev read:#ops read:*")), None);
        for more in ["post:*", "post:#ops", "all", "log"] {
            let more = scopes(more);
            assert!(own.beyond(&more).is_some(), "{more}");
        }
        assert_eq!(Scopes::all().beyond(&scopes("all tokens")), None);
    }
}
