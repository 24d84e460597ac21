//! Converts rows to the store's types, the same for every database.

use diesel::QueryResult;
use diesel::result::Error;

use crate::model::key::unpack;
use crate::model::{AccountId, Conversation, Name, StoredMessage, Text};

/// The columns of a [`StoredMessage`].
pub type MessageRow = (i64, i64, String, Option<i64>, String);
/// A conversation's channel, or the accounts of its thread.
pub type PlaceRow = (Option<String>, Option<i64>, Option<i64>);

/// A message from its row.
pub fn stored((id, at_ms, author, account, text): MessageRow) -> QueryResult<StoredMessage> {
    Ok(StoredMessage {
        id: unpack(id),
        at_ms: at_ms.try_into().unwrap_or(0),
        author: name(&author)?,
        account: account.map(AccountId),
        text: Text::as_sent(&text),
    })
}

/// A name that was valid when it was stored.
pub fn name(shown: &str) -> QueryResult<Name> {
    Name::restore(shown).map_err(|error| {
        let what = format!("a stored name is no longer valid: {error}");
        Error::DeserializationError(what.into())
    })
}

/// A conversation from its row.
pub fn conversation((channel, low, high): PlaceRow) -> QueryResult<Conversation> {
    match (channel, low, high) {
        (None, Some(low), Some(high)) => Ok(Conversation::Thread(AccountId(low), AccountId(high))),
        (channel, ..) => name(&channel.unwrap_or_default()).map(Conversation::Channel),
    }
}
