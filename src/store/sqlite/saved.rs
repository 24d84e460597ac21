//! The channels of accounts, and what is unread in them.

use super::history::extent;
use super::schema::message;
use crate::model::mention::mentions;
use crate::model::{Conversation, MAX_UNREAD, Unread};
use crate::store::amendments::DELETED;
use crate::store::saved::SCANNED;

crate::store::saved::queries!(diesel::sqlite::SqliteConnection);

/// See [`crate::store::Store::unread`]. Messages are counted by their numbers.
pub fn unread(
    connection: &mut SqliteConnection,
    of: (AccountId, &Name),
    channels: &[(Name, MessageId)],
) -> QueryResult<Vec<Unread>> {
    let mut left = SCANNED;
    let mut found = Vec::with_capacity(channels.len());
    for (channel, after) in channels {
        found.push(unread_in(connection, of, (channel, *after), &mut left)?);
    }
    Ok(found)
}

fn unread_in(
    connection: &mut SqliteConnection,
    (account, username): (AccountId, &Name),
    (channel, after): (&Name, MessageId),
    left: &mut i64,
) -> QueryResult<Unread> {
    let conversation = Conversation::Channel(channel.clone());
    let Some(extent) = extent(connection, &conversation)? else {
        return Ok(Unread::default());
    };
    let last = extent.last_number(connection)?;
    let read = extent.number_at(connection, clamp(after))?;
    let most = MAX_UNREAD as i64;
    let scanned = (last - read).min(most).min(*left);
    if scanned <= 0 {
        return Ok(Unread {
            messages: (last - read).clamp(0, most).cast_unsigned(),
            mentions: 0,
        });
    }
    *left -= scanned;
    let rows: Vec<(Option<i64>, String, i16)> = message::table
        .filter(message::conversation_id.eq(extent.id))
        .filter(message::number.between(last - scanned + 1, last))
        .select((message::account_id, message::text, message::kind))
        .load(connection)?;
    // Nothing is to be read of one that was deleted.
    let is_unread =
        |(by, _, kind): &&(Option<i64>, String, i16)| *by != Some(account.0) && *kind != DELETED;
    let others = rows.iter().filter(is_unread);
    let mentions = others
        .clone()
        .filter(|(_, text, _)| mentions(text, username));
    let messages = match last - read > scanned {
        // There are more.
        true => (last - read).min(most).cast_unsigned(),
        false if scanned == most => MAX_UNREAD,
        false => others.clone().count() as u64,
    };
    Ok(Unread {
        messages,
        mentions: mentions.count() as u64,
    })
}
