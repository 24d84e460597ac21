//! Converts rows to the store's types, the same for every database.

use diesel::QueryResult;
use diesel::result::Error;

use crate::model::key::unpack;
use crate::model::{AccountId, Body, Conversation, Message, Name, Place, Reactions, ReplyTo};

/// The columns of a [`Message`].
pub type MessageRow = (i64, i64, String, Option<i64>, BodyRow);
/// The columns of its [`Body`]: kind, text, the text with its styles, the last change, the
/// message that it answers, and the reactions.
pub type BodyRow = (
    i16,
    String,
    Option<String>,
    Option<i64>,
    ReplyRow,
    Option<String>,
);
/// The id and the author of a message that is answered.
pub type ReplyRow = (Option<i64>, Option<String>);
/// A conversation's channel, or the accounts of its thread.
pub type PlaceRow = (Option<String>, Option<i64>, Option<i64>);

/// A message of a conversation, from its row.
pub fn stored(row: MessageRow, of: &Conversation) -> QueryResult<Message> {
    let (id, at_ms, author, account, body) = row;
    Ok(Message {
        id: unpack(id),
        at_ms: at_ms.try_into().unwrap_or(0),
        author: name(&author)?,
        place: place(account.map(AccountId), of)?,
        body: restored(body)?,
    })
}

fn restored((kind, text, styled, changed, reply, reactions): BodyRow) -> QueryResult<Body> {
    let body = Body::restored(kind.try_into().unwrap_or(0), &text, styled.as_deref());
    let body = match changed {
        Some(changed) => body.changed_by(unpack(changed)),
        None => body,
    };
    let body = match reactions {
        Some(reactions) if !body.is_deleted() => {
            body.with_reactions(Some(Reactions::restored(&reactions)))
        }
        _ => body,
    };
    Ok(match reply {
        // Nothing is left of a deleted message.
        (Some(id), Some(author)) if !body.is_deleted() => {
            let (id, author) = (unpack(id), name(&author)?);
            body.replying_to(Some(ReplyTo { id, author }))
        }
        _ => body,
    })
}

fn place(account: Option<AccountId>, of: &Conversation) -> QueryResult<Place> {
    Ok(match of {
        Conversation::Channel(channel) => Place::Channel {
            channel: channel.clone(),
            account,
        },
        &Conversation::Thread(one, other) => {
            let from = account.ok_or_else(|| broken("a message of a thread has no account"))?;
            let to = if from == one { other } else { one };
            Place::Direct { from, to }
        }
    })
}

/// A name that was valid when it was stored.
pub fn name(shown: &str) -> QueryResult<Name> {
    Name::restore(shown)
        .map_err(|error| broken(format!("a stored name is no longer valid: {error}")))
}

fn broken(what: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::DeserializationError(what.into())
}

/// A conversation from its row.
pub fn conversation((channel, low, high): PlaceRow) -> QueryResult<Conversation> {
    match (channel, low, high) {
        (None, Some(low), Some(high)) => Ok(Conversation::Thread(AccountId(low), AccountId(high))),
        (channel, ..) => name(&channel.unwrap_or_default()).map(Conversation::Channel),
    }
}
