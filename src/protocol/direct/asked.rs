//! What clients ask for: to send a message to an account, or to change one between the two.

use std::fmt;

use serde_json::Value;

use crate::envelope::Failure;
use crate::model::{BadSign, Body, MessageId, MessageKind, Name, NameError, Sign, Text};

use super::super::fields_of;

/// What a client asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Outgoing {
    /// The other account.
    pub recipient: Name,
    /// What it is.
    pub asked: Asked,
}

/// See [`Outgoing`].
#[derive(Clone, Debug, PartialEq)]
pub enum Asked {
    /// A message is to be sent, perhaps as the answer to another one.
    Say(Body, Option<MessageId>),
    /// One's own message says this from now on.
    Edit(MessageId, Text),
    /// One's own message is to be removed.
    Delete(MessageId),
    /// A message has this sign from now on, or no longer.
    React(MessageId, Sign, bool),
}

/// Why a frame is not understood; `Display` is for the author of the client.
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
    /// This field has no message's id.
    Id(&'static str),
    /// The sign is none.
    Sign(BadSign),
    /// The frame is longer than this.
    TooLong(usize),
    /// It is not a text frame.
    Binary,
}

/// Reads a client's frame.
pub fn decode(frame: &str) -> Result<Outgoing, Mistake> {
    // Other fields are ignored.
    let keys = [
        "recipient",
        "message",
        "action",
        "notice",
        "reply_to",
        "edit",
        "delete",
        "react",
        "sign",
        "on",
    ];
    let fields = fields_of(frame, keys);
    let fields = fields.map_err(|error| Mistake::NotJson(error.to_string()))?;
    let [
        recipient,
        message,
        action,
        notice,
        reply_to,
        edit,
        delete,
        react,
        sign,
        on,
    ] = fields;
    let recipient = string("recipient", recipient)?;
    if recipient.trim().is_empty() {
        return Err(Mistake::NoRecipient);
    }
    let recipient = Name::parse_nickname(recipient.trim()).map_err(Mistake::Recipient)?;
    let kind = kind(action, notice)?;
    let change = (
        id("edit", edit)?,
        id("delete", delete)?,
        id("react", react)?,
    );
    let asked = match change {
        (None, None, None) => {
            let message = Body::plain(kind, words(message)?);
            Asked::Say(message, id("reply_to", reply_to)?)
        }
        (Some(id), None, None) => Asked::Edit(id, words(message)?),
        (None, Some(id), None) => Asked::Delete(id),
        (None, None, Some(id)) => {
            let sign = Sign::parse(&string("sign", sign)?).map_err(Mistake::Sign)?;
            Asked::React(id, sign, truth("on", on)?.unwrap_or(true))
        }
        _ => {
            let why = "only one of edit, delete and react may be there";
            return Err(Mistake::NotJson(why.to_owned()));
        }
    };
    Ok(Outgoing { recipient, asked })
}

fn kind(action: Option<Value>, notice: Option<Value>) -> Result<MessageKind, Mistake> {
    let is_action = truth("action", action)?.unwrap_or(false);
    let is_notice = truth("notice", notice)?.unwrap_or(false);
    match (is_action, is_notice) {
        (false, false) => Ok(MessageKind::Say),
        (true, false) => Ok(MessageKind::Action),
        (false, true) => Ok(MessageKind::Notice),
        (true, true) => {
            let why = "action and notice must not both be true";
            Err(Mistake::NotJson(why.to_owned()))
        }
    }
}

fn words(message: Option<Value>) -> Result<Text, Mistake> {
    let words = Text::clean(&string("message", message)?);
    match words.is_empty() {
        true => Err(Mistake::NoMessage),
        false => Ok(words),
    }
}

fn id(field: &'static str, value: Option<Value>) -> Result<Option<MessageId>, Mistake> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(id)) => id.parse().map(Some).map_err(|_| Mistake::Id(field)),
        Some(_) => Err(Mistake::Id(field)),
    }
}

fn truth(field: &str, value: Option<Value>) -> Result<Option<bool>, Mistake> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Bool(value)) => Ok(Some(value)),
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

impl From<&Mistake> for Failure {
    fn from(mistake: &Mistake) -> Failure {
        let field = match mistake {
            Mistake::NotJson(_) | Mistake::TooLong(_) | Mistake::Binary => "frame",
            Mistake::NoRecipient | Mistake::Recipient(_) => "recipient",
            Mistake::NoMessage => "message",
            Mistake::Id(field) => field,
            Mistake::Sign(_) => "sign",
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
            Mistake::Id(_) => write!(f, "must be the id of a message"),
            Mistake::Sign(error) => write!(f, "must be {error}"),
            Mistake::TooLong(most) => write!(f, "is longer than {most} bytes"),
            Mistake::Binary => write!(f, "is not a text frame"),
        }
    }
}

impl std::error::Error for Mistake {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_message_needs_a_recipient_and_words() {
        let outgoing = decode(r#" {"author":7,"recipient":"@Bob","message":"hi ","x":[{}]}"#);
        let bob = Name::parse("Bob").unwrap();
        let asked = Asked::Say(Text::clean("hi").into(), None);
        let recipient = bob;
        assert_eq!(outgoing, Ok(Outgoing { recipient, asked }));
        let kind = |fields: &str| {
            let frame = format!(r#"{{"recipient":"bob","message":"hi",{fields}}}"#);
            decode(&frame).map(|outgoing| match outgoing.asked {
                Asked::Say(message, _) => message.kind,
                other => panic!("{other:?}"),
            })
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
    fn a_change_is_of_one_message() {
        let asked = |fields: &str| {
            let frame = format!(r#"{{"recipient":"bob",{fields}}}"#);
            decode(&frame).map(|outgoing| outgoing.asked)
        };
        let id = MessageId { ms: 5, sequence: 7 };
        let sign = Sign::parse("lol").unwrap();
        for (fields, expected) in [
            (
                r#""message":"hi","reply_to":"5-7""#,
                Ok(Asked::Say(Text::clean("hi").into(), Some(id))),
            ),
            (
                r#""message":"hi","edit":"5-7","react":null"#,
                Ok(Asked::Edit(id, Text::clean("hi"))),
            ),
            (r#""delete":"5-7""#, Ok(Asked::Delete(id))),
            (
                r#""react":"5-7","sign":"lol""#,
                Ok(Asked::React(id, sign.clone(), true)),
            ),
            (
                r#""react":"5-7","sign":"lol","on":false"#,
                Ok(Asked::React(id, sign, false)),
            ),
            (r#""edit":"5-7""#, Err(Mistake::NoMessage)),
            (r#""delete":"x""#, Err(Mistake::Id("delete"))),
            (
                r#""message":"hi","reply_to":5"#,
                Err(Mistake::Id("reply_to")),
            ),
            (r#""react":"5-7","sign":"a b""#, Err(Mistake::Sign(BadSign))),
        ] {
            assert_eq!(asked(fields), expected, "{fields}");
        }
        let both = asked(r#""edit":"5-7","delete":"5-7","message":"hi""#);
        assert!(matches!(both, Err(Mistake::NotJson(_))), "{both:?}");
    }

    proptest! {
        #[test]
        fn any_frame_is_survived(frame in "\\PC{0,80}", json in "[\\[\\]{}\":,a-z0-9 ]{0,60}") {
            let _ = decode(&frame);
            let _ = decode(&json);
        }
    }
}
