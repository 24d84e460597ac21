//! Messages that were edited or deleted, or that users have reacted to: queries that are the same
//! for every database.

/// The most changes of older messages that one page of a history names. With more, the page says
/// that something is missing.
pub const MAX_AMENDED: usize = 500;
/// Messages with reactions that are looked at in one slice of background work.
pub const REACTED: i64 = 100;
/// The kind of a deleted message.
pub const DELETED: i16 = 3;

/// Defines the queries for one type of connection. Each has to run inside a transaction.
macro_rules! queries {
    ($connection:ty, $schema:path) => {
        use super::keeping;
        use diesel::prelude::*;
        use $schema::{MESSAGE, conversation, message};

        use crate::model::key::{clamp, pack};
        use crate::model::{
            Amendment, Conversation, History, Located, Message, MessageId, Name, Place,
            REMEMBERED_MS, Reactions,
        };
        use crate::store::amendments::{DELETED, MAX_AMENDED, REACTED};
        use crate::store::row::{self, MessageRow, PlaceRow, name, stored};
        use crate::store::schema::account;

        /// The highest id of a change.
        pub fn last_id(connection: &mut $connection) -> QueryResult<Option<i64>> {
            let changed: Option<i64> = message::table
                .filter(message::changed.is_not_null())
                .select(diesel::dsl::max(message::changed))
                .get_result(connection)?;
            let reacted: Option<i64> = message::table
                .filter(message::reacted.is_not_null())
                .select(diesel::dsl::max(message::reacted))
                .get_result(connection)?;
            Ok(changed.max(reacted))
        }

        /// Adds to a part of a conversation what was changed since in the messages before it.
        pub fn since(
            connection: &mut $connection,
            conversation_id: i64,
            of: &Conversation,
            after: MessageId,
            mut history: History,
        ) -> QueryResult<History> {
            let mut rows: Vec<MessageRow> = message::table
                .filter(message::conversation_id.eq(conversation_id))
                .filter(message::changed.gt(clamp(after)))
                .filter(message::id.le(clamp(after)))
                .order(message::changed)
                .limit(MAX_AMENDED as i64 + 1)
                .select(MESSAGE)
                .load(connection)?;
            history.gap |= rows.len() > MAX_AMENDED;
            rows.truncate(MAX_AMENDED);
            let rows = rows.into_iter().map(|row| stored(row, of));
            let amended = rows.collect::<QueryResult<Vec<Message>>>()?;
            history.amended = amended.iter().filter_map(Amendment::of).collect();
            let mut rows: Vec<MessageRow> = message::table
                .filter(message::conversation_id.eq(conversation_id))
                .filter(message::reacted.gt(clamp(after)))
                .filter(message::id.le(clamp(after)))
                .order(message::reacted)
                .limit(MAX_AMENDED as i64 + 1)
                .select(MESSAGE)
                .load(connection)?;
            history.gap |= rows.len() > MAX_AMENDED;
            rows.truncate(MAX_AMENDED);
            let rows = rows.into_iter().map(|row| stored(row, of));
            history.reacted = rows.collect::<QueryResult<Vec<Message>>>()?;
            Ok(history)
        }

        /// See [`crate::store::Store::find_message`].
        pub fn find(connection: &mut $connection, id: MessageId) -> QueryResult<Option<Located>> {
            let Some(id) = pack(id) else { return Ok(None) };
            let found: Option<(i64, MessageRow)> = message::table
                .find(id)
                .select((message::conversation_id, MESSAGE))
                .get_result(connection)
                .optional()?;
            let Some((conversation_id, row)) = found else {
                return Ok(None);
            };
            let place: PlaceRow = conversation::table
                .find(conversation_id)
                .select((
                    conversation::channel,
                    conversation::low_account,
                    conversation::high_account,
                ))
                .get_result(connection)?;
            let message = stored(row, &row::conversation(place)?)?;
            let to = match message.place {
                Place::Channel { .. } => None,
                Place::Direct { to, .. } => username(connection, to.0)?,
            };
            let is_held = keeping::is_held(connection, conversation_id)?;
            Ok(Some(Located {
                message,
                to,
                is_held,
            }))
        }

        fn username(connection: &mut $connection, account: i64) -> QueryResult<Option<Name>> {
            let username: Option<String> = account::table
                .find(account)
                .select(account::username)
                .get_result(connection)
                .optional()?;
            username.map(|username| name(&username)).transpose()
        }

        /// Whether a message has been changed as late as by the change with this packed id.
        pub fn is_stored(
            connection: &mut $connection,
            of: MessageId,
            id: i64,
        ) -> QueryResult<bool> {
            let changed: Option<Option<i64>> = message::table
                .find(clamp(of))
                .select(message::changed)
                .get_result(connection)
                .optional()?;
            // Retention may have removed the message meanwhile.
            Ok(changed.is_none_or(|changed| changed.is_some_and(|changed| changed >= id)))
        }

        /// The same of reactions to a message.
        pub fn is_reaction_stored(
            connection: &mut $connection,
            of: MessageId,
            id: i64,
        ) -> QueryResult<bool> {
            let reacted: Option<(i16, Option<i64>)> = message::table
                .find(clamp(of))
                .select((message::kind, message::reacted))
                .get_result(connection)
                .optional()?;
            // A deleted message has none any more.
            Ok(reacted.is_none_or(|(kind, reacted)| {
                kind == DELETED || reacted.is_some_and(|reacted| reacted >= id)
            }))
        }

        /// Removes what is left of reactions that were taken back a day ago or longer, in the
        /// messages whose last reaction comes after `after` and is as old: a slice of them.
        /// Returns where to go on, and whether there may be more. A channel on hold keeps all.
        pub fn forget_taken_back(
            connection: &mut $connection,
            after: i64,
            now_ms: u64,
        ) -> QueryResult<(i64, bool)> {
            let before_ms = now_ms.saturating_sub(REMEMBERED_MS);
            let before = clamp(MessageId {
                ms: before_ms,
                sequence: 0,
            });
            let rows: Vec<(i64, i64, Option<i64>, Option<String>)> = message::table
                .filter(message::reacted.gt(after))
                .filter(message::reacted.lt(before))
                .order(message::reacted)
                .limit(REACTED)
                .select((
                    message::id,
                    message::conversation_id,
                    message::reacted,
                    message::reactions,
                ))
                .load(connection)?;
            let has_more = rows.len() as i64 == REACTED;
            let last = rows.last().and_then(|(_, _, reacted, _)| *reacted);
            for (id, conversation_id, _, stored) in rows {
                let Some(stored) = stored else { continue };
                let mut reactions = Reactions::restored(&stored);
                if !reactions.forget_taken_back(before_ms)
                    || keeping::is_held(connection, conversation_id)?
                {
                    continue;
                }
                // Another server may have added one meanwhile: then it is for the next time.
                diesel::update(message::table.find(id))
                    .filter(message::reactions.eq(&stored))
                    .set(message::reactions.eq(reactions.to_text()))
                    .execute(connection)?;
            }
            Ok((last.unwrap_or(after), has_more))
        }

        /// Writes the reactions of a message, as they were read and then changed.
        pub(super) fn write_reactions(
            connection: &mut $connection,
            of: MessageId,
            reactions: &Reactions,
        ) -> QueryResult<()> {
            let last = reactions.last().map(clamp);
            diesel::update(message::table.find(clamp(of)))
                .set((
                    message::reactions.eq(reactions.to_text()),
                    message::reacted.eq(last),
                ))
                .execute(connection)?;
            Ok(())
        }
    };
}
pub(super) use queries;
