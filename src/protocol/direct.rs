//! Direct messages between accounts: a WebSocket text frame a JSON object.
//!
//! Clients send `{"author","recipient","message"}`, or what is to become of such a message. The
//! author is ignored: the connection's token has told which account it belongs to.

mod asked;

use serde::Serialize;

use crate::envelope::Failure;
use crate::hub::{Event, Private, Refusal};
use crate::model::time::rfc3339;
use crate::model::{Amendment, Body, MessageKind, Reaction, Text};

use super::{mended, reacted, websocket};

pub use asked::{Asked, Mistake, Outgoing, decode};

/// The author of announcements. No user can have this name.
const SYSTEM: &str = "system";
/// The recipient of announcements. No name can be this.
const EVERYONE: &str = "*";
const MESSAGE: u8 = 0;
const ANNOUNCEMENT: u8 = 1;
const REACTION: u8 = 2;
const DELETION: u8 = 3;

/// A message as clients get it, live and from the history.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct DirectMessage<'a> {
    /// Who wrote it.
    pub author: &'a str,
    /// The recipient's nickname.
    pub recipient: &'a str,
    /// What it says.
    pub message: &'a str,
    /// 0; announcements are 1, and what only the WebSocket has: reactions 2, deletions 3.
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
    /// If this is a deletion: the id of the message that is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "1790000000000-0")]
    pub deleted: Option<String>,
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
            deleted: None,
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
            deleted: None,
        })
    }

    /// An edited message, or that one is gone, with `words` for clients that know no more.
    fn amended(amendment: &'a Amendment, words: &'a str) -> Option<DirectMessage<'a>> {
        let recipient = amendment.to.as_ref()?;
        let body = &amendment.body;
        let message = DirectMessage {
            author: amendment.author.as_str(),
            recipient: recipient.as_str(),
            message: body.text.as_str(),
            message_type: MESSAGE,
            action: body.kind == MessageKind::Action,
            notice: body.kind == MessageKind::Notice,
            created_at: rfc3339(amendment.message.ms),
            edited_at: Some(rfc3339(amendment.id.ms)),
            id: Some(amendment.message.to_string()),
            reply_to: body.reply().map(|reply| reply.id.to_string()),
            reactions: Vec::new(),
            reaction: None,
            deleted: None,
        };
        if !amendment.deletes() {
            return Some(message);
        }
        Some(DirectMessage {
            message: words,
            message_type: DELETION,
            created_at: rfc3339(amendment.id.ms),
            edited_at: None,
            id: None,
            deleted: message.id,
            ..message
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
            deleted: None,
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

/// Appends the frame of an event: nothing, if it is not about messages.
pub fn write_event(event: &Event, out: &mut Vec<u8>) {
    match event {
        Event::Private(message) | Event::PrivateCopy(message) => {
            write_json(&DirectMessage::of(message), out);
        }
        Event::Amended(amendment) => {
            let words = mended::removed(amendment);
            if let Some(message) = DirectMessage::amended(amendment, &words) {
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
        Refusal::NicknameBanned(_)
        | Refusal::NotAuthor
        | Refusal::NotYourReaction
        | Refusal::TooLateToEdit(_) => Failure::new(403, why),
        Refusal::NoSuchMessage => Failure::new(404, why),
        Refusal::TooManyWaiting(_) => Failure::new(429, why),
        Refusal::NotStored | Refusal::HistoryUnavailable => Failure::new(503, why),
        _ => Failure::new(400, why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{MessageId, Name};
    use serde_json::{Value, json};

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
}
