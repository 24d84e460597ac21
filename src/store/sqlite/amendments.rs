//! Editing and deleting messages.

use diesel::prelude::*;
use diesel::sql_types::BigInt;

use super::schema::message;
use super::{search, traces};
use crate::model::key::clamp;
use crate::model::{Amendment, Place, Styled};
use crate::store::amendments::DELETED;

/// Changes a message, in the index for search, too; nothing is left of its former text. Call it
/// inside a transaction, in the order of the log.
pub fn commit(
    connection: &mut SqliteConnection,
    amendment: &Amendment,
    id: i64,
) -> QueryResult<()> {
    let target = clamp(amendment.message);
    let body = &amendment.body;
    let kind: i16 = body.kind.number().into();
    let changed = diesel::update(message::table.find(target))
        .filter(message::kind.ne(DELETED))
        .set((
            message::text.eq(body.text.as_str()),
            message::kind.eq(kind),
            message::styled.eq(body.styled.as_ref().map(Styled::as_str)),
            message::changed.eq(id),
        ))
        .execute(connection)?;
    if amendment.deletes() {
        diesel::update(message::table.find(target))
            .set((
                message::reply_to.eq(None::<i64>),
                message::reply_author.eq(None::<&str>),
                message::reactions.eq(None::<&str>),
                message::reacted.eq(None::<i64>),
            ))
            .execute(connection)?;
    }
    // Retention may have removed the message, and a deleted one stays so.
    if changed == 0 {
        return Ok(());
    }
    search::index_again(connection, target)?;
    traces::note(
        connection,
        amendment.id.ms.saturating_add(traces::AFTER_DELETION_MS),
    )?;
    match amendment.place {
        Place::Direct { from, to } if amendment.deletes() => {
            leave_inbox(connection, target, (from.0, to.0))?;
            leave_inbox(connection, target, (to.0, from.0))
        }
        _ => Ok(()),
    }
}

/// Shows the message before a deleted one in one side's inbox.
fn leave_inbox(
    connection: &mut SqliteConnection,
    deleted: i64,
    (account, peer): (i64, i64),
) -> QueryResult<()> {
    diesel::sql_query(
        "UPDATE participant SET last_message_id = coalesce(
             (SELECT id FROM message
              WHERE conversation_id = participant.conversation_id AND kind <> 3
              ORDER BY number DESC LIMIT 1), 0)
         WHERE account_id = ? AND peer_id = ? AND last_message_id = ?",
    )
    .bind::<BigInt, _>(account)
    .bind::<BigInt, _>(peer)
    .bind::<BigInt, _>(deleted)
    .execute(connection)?;
    Ok(())
}
