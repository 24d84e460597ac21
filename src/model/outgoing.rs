//! Outgoing hooks: what is said in a channel, sent to an address.

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

/// What is wrong with a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadUrl;

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
    /// Where to send, if it is a URL that can be sent to.
    pub fn parse_url(raw: &str) -> Result<Secret, BadUrl> {
        let rest = raw
            .strip_prefix("https://")
            .or_else(|| raw.strip_prefix("http://"));
        let host = rest.ok_or(BadUrl)?;
        let host = host.split(['/', '?', '#']).next().unwrap_or_default();
        let is_plain = raw.bytes().all(|byte| byte.is_ascii_graphic());
        // A name and a password in it would be ignored.
        let is_good = is_plain && !host.is_empty() && !host.contains('@') && raw.len() <= MAX_URL;
        match is_good {
            true => Ok(Secret::new(raw)),
            false => Err(BadUrl),
        }
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
        let long = format!("https://example.org/{}", "x".repeat(MAX_URL));
        for bad in [
            "",
            "example.org",
            "ftp://example.org",
            "https://",
            "https:///x",
            "https://user:pass@example.org",
            "https://exa mple.org",
            "https://example.org/\r\nX: y",
            "https://exämple.org",
            &long,
        ] {
            assert_eq!(Outgoing::parse_url(bad), Err(BadUrl), "{bad}");
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
