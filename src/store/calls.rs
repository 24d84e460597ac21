//! What calls of programs have published lately: queries that are the same for every database, as
//! those in [`super::programs`].

/// Defines the queries for one type of connection. Each has to run inside a transaction.
macro_rules! queries {
    ($connection:ty) => {
        use diesel::prelude::*;

        use crate::model::key::{clamp, unpack};
        use crate::model::once::REMEMBERED_MS;
        use crate::model::{Keyed, Mark, MessageId, Once, Seen};
        use crate::store::accounts::time;
        use crate::store::schema::call_seen;

        /// See [`crate::store::Store::call_seen`].
        pub fn seen(
            connection: &mut $connection,
            once: &Once,
            now_ms: u64,
        ) -> QueryResult<Option<Seen>> {
            let seen: Option<(i64, Option<String>)> = call_seen::table
                .find((&*once.program, once.mark.as_str()))
                .filter(call_seen::at_ms.gt(time(now_ms.saturating_sub(REMEMBERED_MS))))
                .select((call_seen::message_id, call_seen::content))
                .get_result(connection)
                .optional()?;
            Ok(seen.map(|(message, content)| Seen {
                message: unpack(message),
                content: content.as_deref().map(Mark::restore),
            }))
        }

        /// Remembers the calls that have published these messages, and forgets old ones.
        pub fn remember<'a>(
            connection: &mut $connection,
            keyed: impl IntoIterator<Item = &'a Keyed>,
        ) -> QueryResult<()> {
            for Keyed { message, once } in keyed {
                note(connection, once, message.id, message.at_ms)?;
            }
            Ok(())
        }

        /// See [`crate::store::Store::note_call`].
        pub fn note(
            connection: &mut $connection,
            once: &Once,
            message: MessageId,
            now_ms: u64,
        ) -> QueryResult<()> {
            let old = call_seen::at_ms.le(time(now_ms.saturating_sub(REMEMBERED_MS)));
            diesel::delete(call_seen::table.filter(old)).execute(connection)?;
            diesel::insert_into(call_seen::table)
                .values((
                    call_seen::program_id.eq(&*once.program),
                    call_seen::mark.eq(once.mark.as_str()),
                    call_seen::message_id.eq(clamp(message)),
                    call_seen::at_ms.eq(time(now_ms)),
                    call_seen::content.eq(once.content.as_ref().map(Mark::as_str)),
                ))
                .on_conflict_do_nothing()
                .execute(connection)?;
            Ok(())
        }
    };
}
pub(super) use queries;
