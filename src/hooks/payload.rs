//! What receivers of outgoing hooks get, and what they answer.

use serde::{Deserialize, Serialize};

use crate::model::time::rfc3339;
use crate::model::{Hook, Message, MessageId, MessageKind};

/// The body of a call.
#[derive(Serialize)]
struct Payload<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    /// When it happened.
    timestamp: String,
    data: Data<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    hook: &'a str,
    channel: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    author: Option<&'a str>,
    /// Whether a program has said it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    bot: bool,
    text: &'a str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    action: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    notice: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply_to: Option<String>,
}

/// What a receiver may answer.
#[derive(Deserialize)]
struct Reply {
    text: Option<String>,
}

/// The body for a message.
pub fn of_message(hook: &Hook, message: &Message, is_bot: bool) -> Vec<u8> {
    let body = &message.body;
    let payload = Payload {
        kind: "message",
        timestamp: rfc3339(message.at_ms),
        data: Data {
            hook: &hook.program.id,
            channel: hook.channel.as_str(),
            id: Some(message.id.to_string()),
            author: Some(message.author.as_str()),
            bot: is_bot,
            text: body.text.as_str(),
            action: body.kind == MessageKind::Action,
            notice: body.kind == MessageKind::Notice,
            reply_to: body.reply().map(|reply| reply.id.to_string()),
        },
    };
    serde_json::to_vec(&payload).unwrap_or_default()
}

/// The body for a test.
pub fn of_test(hook: &Hook, now_ms: u64) -> Vec<u8> {
    let payload = Payload {
        kind: "test",
        timestamp: rfc3339(now_ms),
        data: Data {
            hook: &hook.program.id,
            channel: hook.channel.as_str(),
            id: None,
            author: None,
            bot: false,
            text: "This is a test.",
            action: false,
            notice: false,
            reply_to: None,
        },
    };
    serde_json::to_vec(&payload).unwrap_or_default()
}

/// The id by which a receiver tells a call from others, the same each time it is made.
pub fn id(hook: &Hook, message: MessageId) -> String {
    format!("{}_{message}", hook.program.id)
}

/// What a receiver has to say to the channel, if anything.
pub fn reply(body: &[u8]) -> Option<String> {
    let reply: Reply = serde_json::from_slice(body).ok()?;
    reply.text.filter(|text| !text.trim().is_empty())
}
