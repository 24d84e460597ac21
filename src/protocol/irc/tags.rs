//! Message tags: `@key=value;key=value` before a line.

use std::borrow::Cow;

use crate::hub::Face;
use crate::model::{Body, Given, MessageId, Reaction, ReplyTo};
use crate::protocol::rfc3339;

use super::Shape;

/// The longest tags of a client, in bytes, without the sign before and the space after.
pub const MAX_CLIENT_TAGS: usize = 4094;
/// The longest tags altogether, in bytes, with sign and space.
pub const MAX_TAGS: usize = 8191;

/// What the tags of a line say.
#[derive(Clone, Copy, Debug, Default)]
pub struct Said<'a> {
    /// The id of the message, which is also when it was said.
    pub id: Option<MessageId>,
    /// When it was said, in milliseconds since 1970 UTC, if it has no id.
    pub at_ms: Option<u64>,
    /// What others are shown of the author.
    pub by: Option<&'a Face>,
    /// Whether a program has said it, also if nothing else is known of the author.
    pub is_by_bot: bool,
    /// The tags that the author's client has added, as they are written.
    pub client: Option<&'a str>,
}

/// Appends the tags that a shape has, with the space after them.
pub fn write(shape: Shape, said: &Said<'_>, out: &mut Vec<u8>) {
    let mut sign = b'@';
    let mut tag = |words: &str, value: &str| {
        out.push(std::mem::replace(&mut sign, b';'));
        out.extend_from_slice(words.as_bytes());
        out.extend_from_slice(value.as_bytes());
    };
    let at_ms = said.id.map(|id| id.ms).or(said.at_ms);
    if let Some(at_ms) = at_ms.filter(|_| shape.has_time()) {
        tag("time=", &rfc3339(at_ms));
    }
    if let Some(id) = said.id.filter(|_| shape.has_tags()) {
        tag("msgid=", &id.to_string());
    }
    let account = said.by.and_then(|face| face.account.as_ref());
    if let Some(account) = account.filter(|_| shape.has_account()) {
        tag("account=", account.as_str());
    }
    if let Some(client) = said.client.filter(|_| shape.has_tags()) {
        tag("", client);
    }
    let is_bot = said.is_by_bot || said.by.is_some_and(|face| face.is_bot);
    if is_bot && shape.has_tags() {
        tag("bot", "");
    }
    if sign == b';' {
        out.push(b' ');
    }
}

/// The tags of a line that are for other clients (`+key`), as they are written; `None` if
/// there are none.
pub fn for_clients(tags: &str) -> Option<String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '/');
    let is_for_clients = |tag: &&str| {
        let key = tag.split('=').next().unwrap_or_default();
        let name = key.strip_prefix('+').unwrap_or_default();
        !name.is_empty() && name.chars().all(is_part)
    };
    let kept: Vec<&str> = tags.split(';').filter(is_for_clients).collect();
    (!kept.is_empty()).then(|| kept.join(";"))
}

/// The message that a line answers, as its client has written it.
const REPLY: &str = "+draft/reply";
/// The same, as some clients write it.
const PLAIN_REPLY: &str = "+reply";
/// The sign that a user gives to it, or takes back.
const REACT: &str = "+draft/react";
const UNREACT: &str = "+draft/unreact";

/// What the tags of a line say of a reaction: the message, the sign, and whether it is given.
/// `None` if they say nothing of one.
pub fn reaction_of(tags: &str) -> Option<(&str, String, bool)> {
    let value = |key: &str| {
        let mut tags = tags.split(';').filter_map(|tag| tag.split_once('='));
        tags.find(|(name, _)| *name == key).map(|(_, value)| value)
    };
    let message = value(REPLY).or_else(|| value(PLAIN_REPLY))?;
    let given = value(REACT).map(|sign| (sign, true));
    let (sign, on) = given.or_else(|| Some((value(UNREACT)?, false)))?;
    Some((message, unescaped(sign), on))
}

/// The tags of a reaction.
pub fn reaction(reaction: &Reaction) -> String {
    given(reaction.message, &reaction.given())
}

/// The tags of a reaction that a message has.
pub fn given(message: MessageId, given: &Given<'_>) -> String {
    let key = if given.on { REACT } else { UNREACT };
    format!("{REPLY}={message};{key}={}", escaped(given.sign))
}

/// Takes out of a message's tags which message it answers, if they name one.
pub fn take_reply(body: &mut Body) -> Option<MessageId> {
    let extras = body.extras.take()?;
    let is_reply = |tag: &&str| tag.split('=').next() == Some(REPLY);
    let kept: Vec<&str> = extras.split(';').filter(|tag| !is_reply(tag)).collect();
    body.extras = (!kept.is_empty()).then(|| kept.join(";").into());
    let (_, id) = extras.split(';').find(is_reply)?.split_once('=')?;
    id.parse().ok()
}

/// A message's tags for clients, with the message that it answers.
pub fn with_reply(body: &Body) -> Option<Cow<'_, str>> {
    let extras = body.extras.as_deref();
    let says_so = |tags: &str| {
        tags.split(';')
            .any(|tag| tag.split('=').next() == Some(REPLY))
    };
    match (body.reply(), extras) {
        (Some(_), Some(tags)) if says_so(tags) => Some(Cow::Borrowed(tags)),
        (None, extras) => extras.map(Cow::Borrowed),
        (Some(ReplyTo { id, .. }), None) => Some(Cow::Owned(format!("{REPLY}={id}"))),
        (Some(ReplyTo { id, .. }), Some(extras)) => {
            Some(Cow::Owned(format!("{extras};{REPLY}={id}")))
        }
    }
}

/// The value of a tag as it is meant: `\:` is a semicolon, `\s` a space, and so on.
pub fn unescaped(value: &str) -> String {
    let mut meant = String::with_capacity(value.len());
    let mut characters = value.chars();
    while let Some(c) = characters.next() {
        match c {
            '\\' => match characters.next() {
                Some(':') => meant.push(';'),
                Some('s') => meant.push(' '),
                Some('r') => meant.push('\r'),
                Some('n') => meant.push('\n'),
                Some(other) => meant.push(other),
                None => {}
            },
            c => meant.push(c),
        }
    }
    meant
}

/// The value of a tag as it is written.
pub fn escaped(value: &str) -> String {
    let mut written = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            ';' => written.push_str("\\:"),
            ' ' => written.push_str("\\s"),
            '\\' => written.push_str("\\\\"),
            '\r' => written.push_str("\\r"),
            '\n' => written.push_str("\\n"),
            c => written.push(c),
        }
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reactions_are_read_with_their_messages() {
        let read = reaction_of("+draft/reply=1-0;+x;+draft/react=a\\:b").unwrap();
        assert_eq!(read, ("1-0", "a;b".to_owned(), true));
        let read = reaction_of("+draft/unreact=x;+reply=1-0").unwrap();
        assert_eq!(read, ("1-0", "x".to_owned(), false));
        assert_eq!(reaction_of("+draft/react=x"), None);
        assert_eq!(reaction_of("+draft/reply=1-0"), None);
    }

    #[test]
    fn what_is_escaped_is_meant_again() {
        for meant in ["", "a;b c\\d\r\n", "\\s", "plain"] {
            assert_eq!(unescaped(&escaped(meant)), meant);
        }
        assert_eq!(
            for_clients("a=b;+x=1\\:2;+;+é;+a/b.c-d").unwrap(),
            "+x=1\\:2;+a/b.c-d"
        );
        assert_eq!(for_clients("a;label=1"), None);
        assert_eq!(unescaped("a\\"), "a");
        assert_eq!(unescaped("\\b"), "b");
    }
}
