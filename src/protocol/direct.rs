//! Direct messages between accounts: a WebSocket text frame a JSON object.
//!
//! Clients send `{"author","recipient","message"}`. The author is ignored: the
//! connection's token has told which account it belongs to.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

use crate::envelope::Failure;
use crate::hub::{Event, Private, Refusal};
use crate::model::time::rfc3339;
use crate::model::{Amendment, Body, MessageKind, Name, NameError, Reaction, Text};

use super::{fields_of, reacted, websocket};

/// The author of announcements. No user can have this name.
const SYSTEM: &str = "system";
/// The recipient of announcements. No name can be this.
const EVERYONE: &str = "*";
const MESSAGE: u8 = 0;
const ANNOUNCEMENT: u8 = 1;
const REACTION: u8 = 2;

/// A message a client wants to send.
#[derive(Clone, Debug, PartialEq)]
pub struct Outgoing {
    /// The recipient.
    pub recipient: Name,
    /// What it says.
    pub message: Body,
}

/// Why a frame is not a message; `Display` is for the author of the client.
#[derive(Clone, Debug, PartialEq)]
pub enum Mistake {
    /// Not a JSON object with strings in the right places; says what is wrong.
    NotJson(String),
    /// It has no recipient.
    NoRecipient,
    /// The recipient is not a valid name.
    Recipient(NameError),
    /// Its message is empty.
    NoMessage,
    /// The frame is longer than this.
    TooLong(usize),
    /// It is not a text frame.
    Binary,
}

/// A message as clients get it, live and from the history.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct DirectMessage<'a> {
    /// Who wrote it.
    pub author: &'a str,
    /// The recipient's nickname.
    pub recipient: &'a str,
    /// What it says.
    pub message: &'a str,
    /// 0; announcements are 1, and reactions, which only the WebSocket has, are 2.
    pub message_type: u8,
    /// Whether it is what its author does: `* ann waves`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub action: bool,
    /// Whether it is for nothing to answer.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub notice: bool,
    /// When, RFC 3339.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// When the author edited it last, if that ever happened: a frame with the id of an earlier one
    /// takes that one's place.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub edited_at: Option<String>,
    /// Strictly increasing; announcements have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "1790000000000-0")]
    pub id: Option<String>,
    /// The id of the message that it answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "1790000000000-0")]
    pub reply_to: Option<String>,
    /// What the two have reacted with.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reactions: Vec<Given<'a>>,
    /// If this is a reaction: what of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reaction: Option<OneReaction<'a>>,
}

/// A sign that one of the two has given to a message, or has taken back.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct OneReaction<'a> {
    /// The id of the message.
    #[schema(example = "1790000000000-0")]
    pub to: String,
    /// One emoji, or one word of at most 16 characters.
    pub sign: &'a str,
    /// Whether the message has it from the author of this frame now.
    pub on: bool,
}

/// A sign that a message has.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Given<'a> {
    /// One emoji, or one word of at most 16 characters.
    pub sign: &'a str,
    /// How many users gave it.
    pub count: usize,
    /// Their nicknames.
    pub users: Vec<&'a str>,
}

impl<'a> DirectMessage<'a> {
    /// A message from one user to another.
    pub fn of(message: &'a Private) -> DirectMessage<'a> {
        DirectMessage {
            author: message.from.as_str(),
            recipient: message.to.as_str(),
            message: message.body.text.as_str(),
            message_type: MESSAGE,
            action: message.body.kind == MessageKind::Action,
            notice: message.body.kind == MessageKind::Notice,
            created_at: rfc3339(message.at_ms),
            edited_at: message.body.changed().map(|changed| rfc3339(changed.ms)),
            id: Some(message.id.to_string()),
            reply_to: message.body.reply().map(|reply| reply.id.to_string()),
            reactions: given(&message.body),
            reaction: None,
        }
    }

    /// A reaction, between accounts. `message` has it in words, for clients that know no more.
    fn reaction(reaction: &'a Reaction, words: &'a str) -> Option<DirectMessage<'a>> {
        if reaction.place.channel().is_some() {
            return None;
        }
        let to = reaction.to.as_ref()?;
        let other = match reaction.by == reaction.author {
            true => to,
            false => &reaction.author,
        };
        Some(DirectMessage {
            author: reaction.by.as_str(),
            recipient: other.as_str(),
            message: words,
            message_type: REACTION,
            action: false,
            notice: false,
            created_at: rfc3339(reaction.id.ms),
            edited_at: None,
            id: None,
            reply_to: None,
            reactions: Vec::new(),
            reaction: Some(OneReaction {
                to: reaction.message.to_string(),
                sign: reaction.sign.as_str(),
                on: reaction.on,
            }),
        })
    }

    /// An edited message. The frame of a deleted one would say nothing, so there is none.
    fn amended(amendment: &'a Amendment) -> Option<DirectMessage<'a>> {
        let recipient = amendment.to.as_ref()?;
        if amendment.deletes() {
            return None;
        }
        Some(DirectMessage {
            author: amendment.author.as_str(),
            recipient: recipient.as_str(),
            message: amendment.body.text.as_str(),
            message_type: MESSAGE,
            action: amendment.body.kind == MessageKind::Action,
            notice: amendment.body.kind == MessageKind::Notice,
            created_at: rfc3339(amendment.message.ms),
            edited_at: Some(rfc3339(amendment.id.ms)),
            id: Some(amendment.message.to_string()),
            reply_to: amendment.body.reply().map(|reply| reply.id.to_string()),
            reactions: Vec::new(),
            reaction: None,
        })
    }

    fn announcement(text: &'a Text, at_ms: u64) -> DirectMessage<'a> {
        DirectMessage {
            author: SYSTEM,
            recipient: EVERYONE,
            message: text.as_str(),
            message_type: ANNOUNCEMENT,
            action: false,
            notice: false,
            created_at: rfc3339(at_ms),
            edited_at: None,
            id: None,
            reply_to: None,
            reactions: Vec::new(),
            reaction: None,
        }
    }
}

fn given(body: &Body) -> Vec<Given<'_>> {
    let reactions = body.reactions().into_iter();
    let counted = reactions.flat_map(|reactions| reactions.counted());
    let given = counted.map(|counted| Given {
        sign: counted.sign,
        count: counted.count,
        users: counted.users,
    });
    given.collect()
}

/// Reads a client's frame.
pub fn decode(frame: &str) -> Result<Outgoing, Mistake> {
    // Other fields are ignored.
    let fields = fields_of(frame, ["recipient", "message", "action", "notice"]);
    let fields = fields.map_err(|error| Mistake::NotJson(error.to_string()))?;
    let [recipient, message, action, notice] = fields;
    let recipient = string("recipient", recipient)?;
    if recipient.trim().is_empty() {
        return Err(Mistake::NoRecipient);
    }
    let recipient = Name::parse_nickname(recipient.trim()).map_err(Mistake::Recipient)?;
    let message = Text::clean(&string("message", message)?);
    if message.is_empty() {
        return Err(Mistake::NoMessage);
    }
    let kind = match (truth("action", action)?, truth("notice", notice)?) {
        (false, false) => MessageKind::Say,
        (true, false) => MessageKind::Action,
        (false, true) => MessageKind::Notice,
        (true, true) => {
            let why = "action and notice must not both be true";
            return Err(Mistake::NotJson(why.to_owned()));
        }
    };
    let message = Body::plain(kind, message);
    Ok(Outgoing { recipient, message })
}

fn truth(field: &str, value: Option<Value>) -> Result<bool, Mistake> {
    match value {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(value)) => Ok(value),
        Some(_) => Err(Mistake::NotJson(format!("{field} must be true or false"))),
    }
}

fn string(field: &str, value: Option<Value>) -> Result<String, Mistake> {
    match value {
        None => Ok(String::new()),
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(Mistake::NotJson(format!("{field} must be a string"))),
    }
}

/// Appends the frame of an event: nothing, if it is not about messages.
pub fn write_event(event: &Event, out: &mut Vec<u8>) {
    match event {
        Event::Private(message) | Event::PrivateCopy(message) => {
            write_json(&DirectMessage::of(message), out);
        }
        Event::Amended(amendment) => {
            if let Some(message) = DirectMessage::amended(amendment) {
                write_json(&message, out);
            }
        }
        Event::Reacted(reaction) => {
            let words = reacted::words(reaction);
            if let Some(message) = DirectMessage::reaction(reaction, &words) {
                write_json(&message, out);
            }
        }
        Event::Announcement { text, at_ms } => {
            write_json(&DirectMessage::announcement(text, *at_ms), out);
        }
        Event::Refused(refusal) => write_failure(&failure(refusal), out),
        _ => {}
    }
}

/// Appends a frame that says what went wrong.
pub fn write_failure(failure: &Failure, out: &mut Vec<u8>) {
    write_json(&failure.envelope(), out);
}

fn write_json(frame: &impl Serialize, out: &mut Vec<u8>) {
    // Only maps with strange keys fail, and there are none here.
    if let Ok(json) = serde_json::to_vec(frame) {
        websocket::text_frame(&json, out);
    }
}

fn failure(refusal: &Refusal) -> Failure {
    let why = refusal.to_string();
    match refusal {
        Refusal::NoSuchUser(_) => Failure::unknown_user("recipient", why),
        Refusal::EmptyMessage => Failure::form([("message", why)]),
        Refusal::NicknameInUse(_) => Failure::new(409, why),
        Refusal::NicknameBanned(_) => Failure::new(403, why),
        Refusal::TooManyWaiting(_) => Failure::new(429, why),
        Refusal::NotStored => Failure::new(503, why),
        _ => Failure::new(400, why),
    }
}

impl From<&Mistake> for Failure {
    fn from(mistake: &Mistake) -> Failure {
        let field = match mistake {
            Mistake::NotJson(_) | Mistake::TooLong(_) | Mistake::Binary => "frame",
            Mistake::NoRecipient | Mistake::Recipient(_) => "recipient",
            Mistake::NoMessage => "message",
        };
        Failure::form([(field, mistake.to_string())])
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Mistake::NotJson(why) => write!(f, "is not understood: {why}"),
            Mistake::NoRecipient | Mistake::NoMessage => write!(f, "is required"),
            Mistake::Recipient(error) => error.fmt(f),
            Mistake::TooLong(most) => write!(f, "is longer than {most} bytes"),
            Mistake::Binary => write!(f, "is not a text frame"),
        }
    }
}

impl std::error::Error for Mistake {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::MessageId;
    use proptest::prelude::*;
    use serde_json::json;

    fn written(event: &Event) -> Value {
        let mut out = Vec::new();
        write_event(event, &mut out);
        // Short frames have a head of two bytes, longer ones of four.
        match out.get(1) {
            None => Value::Null,
            Some(126) => serde_json::from_slice(&out[4..]).unwrap(),
            Some(_) => serde_json::from_slice(&out[2..]).unwrap(),
        }
    }

    fn message(from: &str, to: &str) -> Private {
        Private {
            id: MessageId { ms: 5, sequence: 7 },
            at_ms: 1_790_000_000_123,
            from: Name::parse(from).unwrap(),
            to: Name::parse(to).unwrap(),
            body: Text::clean("\"hi\"\nthere").into(),
        }
    }

    #[test]
    fn a_message_needs_a_recipient_and_words() {
        let outgoing = decode(r#" {"author":7,"recipient":"@Bob","message":"hi ","x":[{}]}"#);
        let bob = Name::parse("Bob").unwrap();
        let (recipient, message) = (bob, Text::clean("hi").into());
        assert_eq!(outgoing, Ok(Outgoing { recipient, message }));
        let kind = |fields: &str| {
            let frame = format!(r#"{{"recipient":"bob","message":"hi",{fields}}}"#);
            decode(&frame).map(|outgoing| outgoing.message.kind)
        };
        assert_eq!(kind(r#""action":true"#), Ok(MessageKind::Action));
        assert_eq!(
            kind(r#""notice":true,"action":null"#),
            Ok(MessageKind::Notice)
        );
        assert_eq!(kind(r#""notice":false"#), Ok(MessageKind::Say));
        assert!(kind(r#""action":1"#).is_err());
        assert!(kind(r#""action":true,"notice":true"#).is_err());
        let capitals = decode(r#"{"Recipient":"@Bob","MESSAGE":"hi","message_type":null}"#);
        assert_eq!(capitals, outgoing);
        for (frame, mistake) in [
            (r#"{"message":"hi"}"#, Mistake::NoRecipient),
            (r#"{"recipient":" ","message":"hi"}"#, Mistake::NoRecipient),
            (
                r#"{"recipient":"9","message":"hi"}"#,
                Mistake::Recipient(NameError::BadStart('9')),
            ),
            (r#"{"recipient":"bob"}"#, Mistake::NoMessage),
            (
                r#"{"recipient":"bob","message":"\u001b\n"}"#,
                Mistake::NoMessage,
            ),
        ] {
            assert_eq!(decode(frame), Err(mistake), "{frame}");
        }
        for broken in [
            "",
            "hi",
            "[\"bob\",\"hi\"]",
            "{\"recipient\":\"bob\"",
            r#"{"recipient":"bob","message":7}"#,
            r#"{"recipient":"bob","recipient":"eve","message":"hi"}"#,
            r#"{"recipient":"bob","message":"hi"} {}"#,
        ] {
            assert!(
                matches!(decode(broken), Err(Mistake::NotJson(_))),
                "{broken}"
            );
        }
    }

    #[test]
    fn messages_and_announcements_are_told_apart_by_their_type() {
        let expected = json!({
            "author": "mina", "recipient": "bob", "message": "\"hi\"\nthere",
            "message_type": 0, "created_at": "2026-09-21T14:13:20.123Z", "id": "5-7",
        });
        assert_eq!(written(&Event::Private(message("mina", "bob"))), expected);
        let copy = Event::PrivateCopy(message("mina", "bob"));
        assert_eq!(written(&copy), expected);
        let sent = Event::PrivateSent(message("mina", "bob"));
        assert_eq!(written(&sent), Value::Null);
        let announcement = Event::Announcement {
            text: Text::clean("soup"),
            at_ms: 0,
        };
        assert_eq!(
            written(&announcement),
            json!({
                "author": "system", "recipient": "*", "message": "soup",
                "message_type": 1, "created_at": "1970-01-01T00:00:00.000Z",
            })
        );
        let refused = written(&Event::Refused(Refusal::NotStored));
        assert_eq!(refused["status"], "fail");
        assert_eq!(refused["error"]["code"], 503);
    }

    proptest! {
        #[test]
        fn any_frame_is_survived(frame in "\\PC{0,80}", json in "[\\[\\]{}\":,a-z0-9 ]{0,60}") {
            let _ = decode(&frame);
            let _ = decode(&json);
        }
    }
}
