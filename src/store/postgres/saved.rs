//! The channels of accounts, and what is unread in them.

use super::conversations::extent;
use super::schema::message;
use crate::model::mention::mentions;
use crate::model::{Conversation, MAX_UNREAD, Unread};
use crate::store::amendments::DELETED;
use crate::store::saved::SCANNED;

crate::store::saved::queries!(diesel::pg::PgConnection);

/// See [`crate::store::Store::unread`].
pub fn unread(
    connection: &mut diesel::pg::PgConnection,
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
    connection: &mut diesel::pg::PgConnection,
    (account, username): (AccountId, &Name),
    (channel, after): (&Name, MessageId),
    left: &mut i64,
) -> QueryResult<Unread> {
    let conversation = Conversation::Channel(channel.clone());
    let Some(extent) = extent(connection, &conversation)? else {
        return Ok(Unread::default());
    };
    let most = MAX_UNREAD as i64;
    let newer = message::table
        .filter(message::conversation_id.eq(extent.id))
        .filter(message::id.gt(clamp(after)))
        .order(message::id.desc());
    if *left <= 0 {
        // The index alone says how many there are.
        let ids: Vec<i64> = newer.select(message::id).limit(most).load(connection)?;
        return Ok(Unread {
            messages: ids.len() as u64,
            mentions: 0,
        });
    }
    let rows: Vec<(Option<i64>, String, i16)> = newer
        .select((message::account_id, message::text, message::kind))
        .limit(most)
        .load(connection)?;
    *left -= rows.len() as i64;
    // Nothing is to be read of one that was deleted.
    let is_unread =
        |(by, _, kind): &&(Option<i64>, String, i16)| *by != Some(account.0) && *kind != DELETED;
    let others = rows.iter().filter(is_unread);
    let mentions = others
        .clone()
        .filter(|(_, text, _)| mentions(text, username));
    let messages = match rows.len() as u64 {
        // There may be more.
        MAX_UNREAD => MAX_UNREAD,
        _ => others.clone().count() as u64,
    };
    Ok(Unread {
        messages,
        mentions: mentions.count() as u64,
    })
}
