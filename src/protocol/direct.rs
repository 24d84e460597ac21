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
use crate::model::{Name, NameError, Text};

use super::{fields_of, websocket};

/// The author of announcements. No user can have this name.
const SYSTEM: &str = "system";
/// The recipient of announcements. No name can be this.
const EVERYONE: &str = "*";
const MESSAGE: u8 = 0;
const ANNOUNCEMENT: u8 = 1;

/// A message a client wants to send.
#[derive(Clone, Debug, PartialEq)]
pub struct Outgoing {
    /// The recipient.
    pub recipient: Name,
    /// The text.
    pub message: Text,
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
    /// 0; announcements are 1.
    pub message_type: u8,
    /// When, RFC 3339.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// Strictly increasing; announcements have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "1790000000000-0")]
    pub id: Option<String>,
}

impl<'a> DirectMessage<'a> {
    /// A message from one user to another.
    pub fn of(message: &'a Private) -> DirectMessage<'a> {
        DirectMessage {
            author: message.from.as_str(),
            recipient: message.to.as_str(),
            message: message.text.as_str(),
            message_type: MESSAGE,
            created_at: rfc3339(message.at_ms),
            id: Some(message.id.to_string()),
        }
    }

    fn announcement(text: &'a Text, at_ms: u64) -> DirectMessage<'a> {
        DirectMessage {
            author: SYSTEM,
            recipient: EVERYONE,
            message: text.as_str(),
            message_type: ANNOUNCEMENT,
            created_at: rfc3339(at_ms),
            id: None,
        }
    }
}

/// Reads a client's frame.
pub fn decode(frame: &str) -> Result<Outgoing, Mistake> {
    // Other fields are ignored.
    let fields = fields_of(frame, ["recipient", "message"]);
    let [recipient, message] = fields.map_err(|error| Mistake::NotJson(error.to_string()))?;
    let recipient = string("recipient", recipient)?;
    if recipient.trim().is_empty() {
        return Err(Mistake::NoRecipient);
    }
    let recipient = Name::parse_nickname(recipient.trim()).map_err(Mistake::Recipient)?;
    let message = Text::clean(&string("message", message)?);
    if message.is_empty() {
        return Err(Mistake::NoMessage);
    }
    Ok(Outgoing { recipient, message })
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
            text: Text::clean("\"hi\"\nthere"),
        }
    }

    #[test]
    fn a_message_needs_a_recipient_and_words() {
        let outgoing = decode(r#" {"author":7,"recipient":"@Bob","message":"hi ","x":[{}]}"#);
        let bob = Name::parse("Bob").unwrap();
        let message = Text::clean("hi");
        let recipient = bob;
        assert_eq!(outgoing, Ok(Outgoing { recipient, message }));
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
