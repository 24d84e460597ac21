//! Outgoing hooks: what is said in a channel, sent to an address.

use std::fmt;
use std::net::Ipv6Addr;

use super::body::MessageKind;
use super::id::MessageId;
use super::mention;
use super::message::Message;
use super::name::Name;
use super::secret::Secret;

/// The most deliveries of one hook that wait; with so many it is paused.
pub const MAX_WAITING: u64 = 10_000;
/// The most deliveries of one hook that have failed for good and are kept to be sent again.
pub const MAX_FAILED: i64 = 1_000;
/// The longest URL, in bytes.
pub const MAX_URL: usize = 2_000;
/// The most trigger words of one hook.
pub const MAX_TRIGGERS: usize = 20;
/// The longest trigger word, in bytes.
pub const MAX_TRIGGER: usize = 50;

/// Where a hook sends what is said in its channel, and what of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// The URL, which often has a secret in it.
    pub url: Secret,
    /// What a message begins with to be sent; without any, all are.
    pub triggers: Vec<String>,
}

/// What is wrong with a URL; `Display` is the end of a sentence about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadUrl {
    /// It is longer than [`MAX_URL`].
    Long,
    /// It does not begin with `http://` or `https://`.
    Scheme,
    /// It has a name and perhaps a password in it, which would be ignored.
    Password,
    /// What should be the host is none.
    Host,
    /// What should be the port is none.
    Port,
    /// It has a character that no URL has.
    Character(char),
}

/// A message on its way to the address of a hook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The message.
    pub message: MessageId,
    /// How often it was tried.
    pub attempts: u64,
    /// When it was first tried, in milliseconds since 1970 UTC.
    pub first_tried_at: Option<u64>,
    /// What came of the last attempt.
    pub last: Option<Attempt>,
    /// Whether it has failed for good.
    pub is_failed: bool,
}

/// What came of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// When, in milliseconds since 1970 UTC.
    pub at_ms: u64,
    /// The status of the answer, if there was one.
    pub status: Option<u16>,
    /// Why it is not delivered; `None` if it is.
    pub error: Option<String>,
}

/// How the outgoing hooks do that a server sends for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Those that are paused.
    pub paused: u64,
    /// The oldest message that waits for one that is not paused.
    pub oldest: Option<MessageId>,
}

/// How an outgoing hook does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Condition {
    /// Deliveries that wait.
    pub waiting: u64,
    /// Deliveries that have failed for good.
    pub failed: u64,
    /// Since when it is paused, and why.
    pub paused: Option<(u64, String)>,
    /// The last attempt.
    pub last: Option<Attempt>,
}

/// What is to be noted of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// It was delivered.
    Delivered(Attempt),
    /// The message is gone, or not for the hook.
    Dropped,
    /// It is to be tried again at a time, in milliseconds since 1970 UTC.
    Again(Attempt, u64),
    /// It has failed for good.
    Failed(Attempt),
}

impl Outgoing {
    /// Where to send, if it is a URL that can be sent to. The scheme is written in small letters.
    pub fn parse_url(raw: &str) -> Result<Secret, BadUrl> {
        if raw.len() > MAX_URL {
            return Err(BadUrl::Long);
        }
        let is_foreign = |c: &char| !c.is_ascii_graphic() || "\"<>\\^`{|}".contains(*c);
        if let Some(foreign) = raw.chars().find(is_foreign) {
            return Err(BadUrl::Character(foreign));
        }
        let (scheme, rest) = raw.split_once("://").ok_or(BadUrl::Scheme)?;
        let scheme = scheme.to_ascii_lowercase();
        if scheme != "http" && scheme != "https" {
            return Err(BadUrl::Scheme);
        }
        check_authority(rest.split(['/', '?', '#']).next().unwrap_or_default())?;
        Ok(Secret::new(format!("{scheme}://{rest}")))
    }

    /// The host of the URL: all of it that may be shown.
    pub fn host(&self) -> &str {
        let rest = self.url.expose().split_once("://");
        let rest = rest.map_or("", |(_, rest)| rest);
        rest.split(['/', '?', '#']).next().unwrap_or_default()
    }

    /// Whether a message is for the hook that speaks as this bot.
    pub fn wants(&self, message: &Message, bot: &Name) -> bool {
        if message.body.is_deleted() {
            return false;
        }
        if self.triggers.is_empty() {
            return true;
        }
        // Notices are what programs say, and no program answers them.
        if message.body.kind == MessageKind::Notice {
            return false;
        }
        let text = message.body.text.as_str();
        mention::mentions(text, bot) || self.triggers.iter().any(|word| begins_with(text, word))
    }
}

/// Checks a host with a port, if there is one.
fn check_authority(authority: &str) -> Result<(), BadUrl> {
    if authority.contains('@') {
        return Err(BadUrl::Password);
    }
    let (is_host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (address, port) = rest.split_once(']').ok_or(BadUrl::Host)?;
            (address.parse::<Ipv6Addr>().is_ok(), port)
        }
        None => {
            let end = authority.find(':').unwrap_or(authority.len());
            let (host, port) = authority.split_at_checked(end).ok_or(BadUrl::Host)?;
            (is_host_name(host), port)
        }
    };
    match (is_host, port.strip_prefix(':')) {
        (false, _) => Err(BadUrl::Host),
        (true, None) if port.is_empty() => Ok(()),
        (true, None) => Err(BadUrl::Host),
        (true, Some(port)) => check_port(port),
    }
}

fn check_port(port: &str) -> Result<(), BadUrl> {
    let is_number = port.bytes().all(|byte| byte.is_ascii_digit());
    match port.parse::<u16>() {
        Ok(1..) if is_number => Ok(()),
        _ => Err(BadUrl::Port),
    }
}

/// Whether something may be looked up as the name of a host, or is an IPv4 address.
fn is_host_name(host: &str) -> bool {
    let is_label = |label: &str| {
        let mut bytes = label.bytes();
        (1..=63).contains(&label.len())
            && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    let labels = host.strip_suffix('.').unwrap_or(host);
    host.len() <= 253 && labels.split('.').all(is_label)
}

impl fmt::Display for BadUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BadUrl::Long => write!(f, "must have at most {MAX_URL} bytes"),
            BadUrl::Scheme => write!(f, "must begin with http:// or https://"),
            BadUrl::Password => write!(
                f,
                "must have no name or password in front of the host; put a key into the path"
            ),
            BadUrl::Host => write!(f, "must have a host, such as example.org or [2001:db8::1]"),
            BadUrl::Port => write!(f, "must have a port from 1 to 65535, or none"),
            BadUrl::Character(c) => write!(
                f,
                "must have the character {c:?} percent-encoded; in a host's name, in its ASCII form"
            ),
        }
    }
}

impl std::error::Error for BadUrl {}

/// Whether a text begins with a word, whatever the case: `!deploy now` begins with `!deploy`, and
/// `!deployed` does not.
fn begins_with(text: &str, word: &str) -> bool {
    let text = text.trim_start().to_lowercase();
    let rest = text.strip_prefix(&word.to_lowercase());
    rest.is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_one_that_can_be_sent_to() {
        for good in [
            "https://example.org",
            "http://example.org:8080/a?b=c",
            "https://[2001:db8::1]/x",
        ] {
            assert_eq!(Outgoing::parse_url(good), Ok(Secret::new(good)));
        }
        let upper = Outgoing::parse_url("HTTP://EXAMPLE.ORG/A");
        assert_eq!(upper, Ok(Secret::new("http://EXAMPLE.ORG/A")));
        let long = format!("https://example.org/{}", "x".repeat(MAX_URL));
        for (bad, why) in [
            ("", BadUrl::Scheme),
            ("example.org", BadUrl::Scheme),
            ("ftp://example.org", BadUrl::Scheme),
            ("https://", BadUrl::Host),
            ("https:///x", BadUrl::Host),
            ("https://a..b/", BadUrl::Host),
            ("https://%31%32%37.0.0.1/", BadUrl::Host),
            ("https://[::1/", BadUrl::Host),
            ("https://[::1]x/", BadUrl::Host),
            ("https://[fe80::1%25eth0]/", BadUrl::Host),
            ("https://example.org:0/", BadUrl::Port),
            ("https://example.org:99999/", BadUrl::Port),
            ("https://example.org:+80/", BadUrl::Port),
            ("https://example.org:/", BadUrl::Port),
            ("https://user:pass@example.org", BadUrl::Password),
            ("https://exa mple.org", BadUrl::Character(' ')),
            ("https://example.org/\r\nX: y", BadUrl::Character('\r')),
            ("https://exämple.org", BadUrl::Character('ä')),
            (&long, BadUrl::Long),
        ] {
            assert_eq!(Outgoing::parse_url(bad), Err(why), "{bad}");
        }
        let outgoing = Outgoing {
            url: Outgoing::parse_url("https://example.org:8443/secret?x").unwrap(),
            triggers: Vec::new(),
        };
        assert_eq!(outgoing.host(), "example.org:8443");
        assert!(!format!("{outgoing:?}").contains("secret?"));
    }

    #[test]
    fn a_trigger_is_a_word_at_the_beginning() {
        for text in ["!deploy", " !Deploy now", "!deploy, please"] {
            assert!(begins_with(text, "!deploy"), "{text}");
        }
        for text in ["", "deploy", "do !deploy", "!deployed", "!depl"] {
            assert!(!begins_with(text, "!deploy"), "{text}");
        }
    }
}
