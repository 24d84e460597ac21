//! What programs are told of messages and of what becomes of them: by streams, and by the calls
//! that read a channel's past.

use std::sync::Arc;

use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::hub::Event;
use crate::model::governance::{Change, ChannelChange};
use crate::model::time::rfc3339;
use crate::model::{
    Amendment, Counted, Message, MessageId, MessageKind, Name, Place, Reaction, Reactions, Text,
};

use super::super::WireFormat;
use super::write;

/// A message of a channel.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChannelMessage)]
pub struct MessageTold {
    /// Left out where all are of one channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    channel: Option<Arc<str>>,
    #[schema(value_type = String, example = "1896091200000-1")]
    id: MessageId,
    #[schema(format = DateTime)]
    at: String,
    #[schema(value_type = String)]
    author: Arc<str>,
    /// Whether a program has said it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    bot: bool,
    /// Empty if it was deleted.
    #[schema(value_type = String)]
    text: Arc<str>,
    /// Whether it is what its author does: `* ann waves`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    action: bool,
    /// Whether it is a notice.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    notice: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    deleted: bool,
    /// When it was last edited or deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    changed_at: Option<String>,
    /// The id of the message that it answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    reply_to: Option<MessageId>,
    /// What users have reacted with.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reactions: Vec<SignTold>,
}

/// A sign that users have given to a message.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SignGiven)]
pub struct SignTold {
    #[schema(example = "👍")]
    sign: String,
    /// How many users gave it.
    count: usize,
    /// The first of them.
    users: Vec<String>,
}

/// What has become of a message.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MessageChange)]
pub struct ChangeTold {
    /// `edited`, `deleted`, `reacted` (one user has given a sign or taken it back) or `reactions`
    /// (all that the message has by now).
    #[schema(value_type = String)]
    event: &'static str,
    #[serde(flatten)]
    is: Changed,
}

#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = MessageChangeFields)]
struct Changed {
    /// Left out where all are of one channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    channel: Option<Arc<str>>,
    /// The message's.
    #[schema(value_type = String)]
    id: MessageId,
    /// The change's own.
    #[schema(value_type = String)]
    change: MessageId,
    /// When it was changed.
    #[schema(format = DateTime)]
    at: String,
    /// The message's author.
    #[schema(value_type = String)]
    author: Arc<str>,
    /// Who has changed it, or reacts, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    by: Option<Arc<str>>,
    /// What an edited message says now.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    text: Option<Arc<str>>,
    /// Why it was deleted, if that was said.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    reason: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sign: Option<String>,
    /// Whether the sign was given; otherwise it was taken back.
    #[serde(skip_serializing_if = "Option::is_none")]
    on: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reactions: Option<Vec<SignTold>>,
}

impl MessageTold {
    /// A message that is listed with others of its channel.
    pub fn listed(message: &Message) -> MessageTold {
        let body = &message.body;
        MessageTold {
            channel: None,
            id: message.id,
            at: rfc3339(message.at_ms),
            author: message.author.shown(),
            bot: body.is_by_bot(),
            text: body.text.clone().into(),
            action: body.kind == MessageKind::Action,
            notice: body.kind == MessageKind::Notice,
            deleted: body.is_deleted(),
            changed_at: body.changed().map(|id| rfc3339(id.ms)),
            reply_to: body.reply().map(|reply| reply.id),
            reactions: body.reactions().map(signs).unwrap_or_default(),
        }
    }
}

impl ChangeTold {
    /// That a message was edited or deleted.
    pub fn amended(amendment: &Amendment) -> ChangeTold {
        let deletes = amendment.deletes();
        let text = &amendment.body.text;
        let is = Changed {
            id: amendment.message,
            by: amendment.by.as_ref().map(Name::shown),
            text: (!deletes).then(|| text.clone().into()),
            reason: amendment.reason.clone().map(Text::into),
            ..Changed::by(amendment.id, &amendment.author)
        };
        let event = if deletes { "deleted" } else { "edited" };
        ChangeTold { event, is }
    }

    /// That a user has reacted to a message.
    pub fn reacted(reaction: &Reaction) -> ChangeTold {
        let is = Changed {
            id: reaction.message,
            by: Some(reaction.by.shown()),
            sign: Some(reaction.sign.as_str().to_owned()),
            on: Some(reaction.on),
            ..Changed::by(reaction.id, &reaction.author)
        };
        let event = "reacted";
        ChangeTold { event, is }
    }

    /// What reactions a message has by now; `None` if it never had any.
    pub fn reactions(message: &Message) -> Option<ChangeTold> {
        let reactions = message.body.reactions()?;
        let is = Changed {
            id: message.id,
            reactions: Some(signs(reactions)),
            ..Changed::by(reactions.last()?, &message.author)
        };
        let event = "reactions";
        Some(ChangeTold { event, is })
    }

    /// The id of the change.
    pub fn change(&self) -> MessageId {
        self.is.change
    }
}

impl Changed {
    fn by(change: MessageId, author: &Name) -> Changed {
        Changed {
            change,
            at: rfc3339(change.ms),
            author: author.shown(),
            ..Changed::default()
        }
    }
}

fn signs(reactions: &Reactions) -> Vec<SignTold> {
    let counted = reactions.counted().into_iter();
    let told = counted.map(|Counted { sign, count, users }| SignTold {
        sign: sign.to_owned(),
        count,
        users: users.into_iter().map(str::to_owned).collect(),
    });
    told.collect()
}

/// See [`super::write_body`].
pub(super) fn write_body(format: WireFormat, event: &Event, out: &mut Vec<u8>) {
    match event {
        Event::Message(message) => {
            // One that was deleted before the stream came to it is nothing to a program.
            if let Some(channel) = message.place.channel()
                && !message.body.is_deleted()
            {
                let mut told = MessageTold::listed(message);
                told.channel = Some(channel.shown());
                write(format, "message", &told, out);
            }
        }
        Event::Amended(it) => write_change(format, &it.place, ChangeTold::amended(it), out),
        Event::Reacted(it) => write_change(format, &it.place, ChangeTold::reacted(it), out),
        Event::Reactions(found) => {
            if let Some(told) = ChangeTold::reactions(&found.message) {
                write_change(format, &found.message.place, told, out);
            }
        }
        other => write_company(format, other, out),
    }
}

fn write_change(format: WireFormat, place: &Place, mut told: ChangeTold, out: &mut Vec<u8>) {
    if let Some(channel) = place.channel() {
        told.is.channel = Some(channel.shown());
        write(format, told.event, &told.is, out);
    }
}

/// Writes who comes and goes, and what the channel is about.
fn write_company(format: WireFormat, event: &Event, out: &mut Vec<u8>) {
    match event {
        Event::MemberJoined {
            channel,
            nickname,
            is_bot,
        } => {
            let mut told = json!({ "channel": channel, "user": nickname });
            if *is_bot {
                told["bot"] = json!(true);
            }
            write(format, "joined", &told, out);
        }
        Event::MemberLeft {
            channel,
            nickname,
            reason,
        } => {
            let mut told = json!({ "channel": channel, "user": nickname });
            if let Some(reason) = reason {
                told["reason"] = json!(reason);
            }
            write(format, "left", &told, out);
        }
        Event::MembersChanged {
            channel,
            joined,
            left,
        } => {
            let told = json!({ "channel": channel, "joined": joined, "left": left });
            write(format, "members", &told, out);
        }
        Event::MemberRenamed { channel, from, to } => {
            let told = json!({ "channel": channel, "user": from, "to": to });
            write(format, "renamed", &told, out);
        }
        Event::Changed(change) => {
            if let Some(topic) = topic(change) {
                let told = json!({
                    "channel": change.channel,
                    "topic": topic.map_or("", Text::as_str),
                    "by": change.by.shown(),
                    "at": rfc3339(change.at_ms),
                });
                write(format, "topic", &told, out);
            }
        }
        Event::Kicked {
            channel,
            by,
            reason,
        } => {
            let told = json!({ "channel": channel, "by": by, "reason": reason });
            write(format, "removed", &told, out);
        }
        _ => {}
    }
}

/// What a channel is about from now on, if that is changed.
fn topic(change: &ChannelChange) -> Option<Option<&Text>> {
    let mut topics = change.changes.iter().filter_map(|one| match one {
        Change::Topic(topic) => Some(topic.as_ref()),
        _ => None,
    });
    topics.next_back()
}
