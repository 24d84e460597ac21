//! Erasing what an account has written: queries that are the same for every database.

use diesel::prelude::*;

/// An order, as it is stored.
#[derive(Queryable, Insertable)]
#[diesel(table_name = super::schema::erasing)]
pub struct ErasingRow {
    pub account_id: i64,
    since_id: i64,
    began_at: i64,
    touched_at: i64,
    done_at: Option<i64>,
    messages: i64,
    channels: i64,
    direct_messages: i64,
    held: i64,
    reactions: i64,
}

/// Defines the queries for one type of connection. Each has to run inside a transaction.
macro_rules! queries {
    ($connection:ty, $schema:path) => {
        use super::keeping;
        use diesel::prelude::*;
        use $schema::{MESSAGE, conversation, message};

        use crate::model::key::{clamp, unpack};
        use crate::model::{
            AccountId, Conversation, Erased, Erasing, Located, Message, MessageId, MessageKind,
            Name, Place, Written,
        };
        use crate::store::row::{self, MessageRow, PlaceRow, name, stored};
        use crate::store::schema::{account, erasing};

        /// The columns of an order: account, since, began, done, and what was erased.
        type OrderRow = (i64, i64, i64, Option<i64>, (i64, i64, i64, i64, i64));

        /// A message with the id of its conversation, and where that is.
        type Row = (i64, MessageRow, PlaceRow);

        /// Messages with reactions in one part: they may be large.
        const MOST_REACTED: usize = 100;

        /// Selects them.
        const ORDER: (
            erasing::account_id,
            erasing::since_id,
            erasing::began_at,
            erasing::done_at,
            (
                erasing::messages,
                erasing::channels,
                erasing::direct_messages,
                erasing::held,
                erasing::reactions,
            ),
        ) = (
            erasing::account_id,
            erasing::since_id,
            erasing::began_at,
            erasing::done_at,
            (
                erasing::messages,
                erasing::channels,
                erasing::direct_messages,
                erasing::held,
                erasing::reactions,
            ),
        );

        fn order((id, since, began, done, erased): OrderRow) -> Erasing {
            let number = |value: i64| u64::try_from(value).unwrap_or(0);
            Erasing {
                account: AccountId(id),
                since: unpack(since),
                began_ms: number(began),
                done_ms: done.map(number),
                erased: Erased {
                    messages: number(erased.0),
                    channels: number(erased.1),
                    direct_messages: number(erased.2),
                    held: number(erased.3),
                    reactions: number(erased.4),
                },
            }
        }

        fn column(value: u64) -> i64 {
            value.try_into().unwrap_or(i64::MAX)
        }

        /// See [`crate::store::Store::order_erasing`].
        pub fn begin(
            connection: &mut $connection,
            of: AccountId,
            since: MessageId,
            now_ms: u64,
        ) -> QueryResult<()> {
            diesel::delete(erasing::table.find(of.0)).execute(connection)?;
            diesel::insert_into(erasing::table)
                .values((
                    erasing::account_id.eq(of.0),
                    erasing::since_id.eq(clamp(since)),
                    erasing::began_at.eq(column(now_ms)),
                    erasing::touched_at.eq(0),
                ))
                .execute(connection)?;
            Ok(())
        }

        /// See [`crate::store::Store::claim_erasing`].
        pub fn claim(
            connection: &mut $connection,
            now_ms: u64,
            stale_ms: u64,
        ) -> QueryResult<Option<Erasing>> {
            let stale = column(now_ms.saturating_sub(stale_ms));
            let found: Option<i64> = erasing::table
                .filter(erasing::done_at.is_null())
                .filter(erasing::touched_at.lt(stale))
                .order(erasing::touched_at)
                .limit(1)
                .select(erasing::account_id)
                .get_result(connection)
                .optional()?;
            let Some(id) = found else { return Ok(None) };
            // Another server may have claimed it just now.
            let claimed = diesel::update(erasing::table.find(id))
                .filter(erasing::done_at.is_null())
                .filter(erasing::touched_at.lt(stale))
                .set(erasing::touched_at.eq(column(now_ms)))
                .execute(connection)?;
            match claimed {
                0 => Ok(None),
                _ => find(connection, AccountId(id)),
            }
        }

        /// See [`crate::store::Store::erasing`].
        pub fn find(connection: &mut $connection, of: AccountId) -> QueryResult<Option<Erasing>> {
            let row: Option<OrderRow> = erasing::table
                .find(of.0)
                .select(ORDER)
                .get_result(connection)
                .optional()?;
            Ok(row.map(order))
        }

        /// See [`crate::store::Store::note_erasing`].
        pub fn note(connection: &mut $connection, of: &Erasing, now_ms: u64) -> QueryResult<()> {
            let Erased {
                messages,
                channels,
                direct_messages,
                reactions,
                held,
            } = of.erased;
            diesel::update(erasing::table.find(of.account.0))
                // Not if the order was given again meanwhile.
                .filter(erasing::began_at.eq(column(of.began_ms)))
                .set((
                    erasing::touched_at.eq(column(now_ms)),
                    erasing::done_at.eq(of.done_ms.map(column)),
                    erasing::messages.eq(column(messages)),
                    erasing::channels.eq(column(channels)),
                    erasing::direct_messages.eq(column(direct_messages)),
                    erasing::held.eq(column(held)),
                    erasing::reactions.eq(column(reactions)),
                ))
                .execute(connection)?;
            Ok(())
        }

        /// See [`crate::store::Store::written_by`].
        pub fn written_by(
            connection: &mut $connection,
            of: AccountId,
            (after, since): (MessageId, MessageId),
            rows: i64,
        ) -> QueryResult<Written> {
            let after = clamp(after);
            let whole: Option<i64> = message::table
                .filter(message::id.gt(after))
                .order(message::id)
                .offset(rows.max(1) - 1)
                .limit(1)
                .select(message::id)
                .get_result(connection)
                .optional()?;
            let reacted = reacted_by(connection, of, (after, whole))?;
            let last = match reacted.len() < MOST_REACTED {
                true => whole,
                // There may be more: the part ends here.
                false => reacted.last().map(|(_, row, _)| row.0),
            };
            let found: Vec<Row> = message::table
                .inner_join(conversation::table)
                .filter(message::id.gt(after))
                .filter(message::id.le(last.unwrap_or(i64::MAX)))
                .filter(message::account_id.eq(of.0))
                .order(message::id)
                .select((
                    message::conversation_id,
                    MESSAGE,
                    (
                        conversation::channel,
                        conversation::low_account,
                        conversation::high_account,
                    ),
                ))
                .load(connection)?;
            let mut written = Written {
                next: last.map(unpack),
                ..Written::default()
            };
            for (conversation_id, row, place) in reacted {
                if keeping::is_held(connection, conversation_id)? {
                    continue;
                }
                let message = stored(row, &row::conversation(place)?)?;
                let given = message
                    .body
                    .reactions()
                    .into_iter()
                    .flat_map(|it| it.given());
                let mut is_given = false;
                for given in given.filter(|given| given.account == Some(of)) {
                    is_given |= given.on;
                    written.taken_back += u64::from(!given.on && given.id > since);
                }
                if is_given {
                    let located = located(connection, message)?;
                    written.reacted.push(located);
                }
            }
            for (conversation_id, row, place) in found {
                let of = row::conversation(place)?;
                let message = stored(row, &of)?;
                if keeping::is_held(connection, conversation_id)? {
                    written.held += u64::from(!message.body.is_deleted());
                    continue;
                }
                if message.body.kind == MessageKind::Deleted {
                    if message.body.changed() > Some(since) {
                        let is_channel = matches!(of, Conversation::Channel(_));
                        written.erased.push((conversation_id, is_channel));
                    }
                    continue;
                }
                let located = located(connection, message)?;
                written.messages.push(located);
            }
            Ok(written)
        }

        /// Messages from one id to another that an account has reacted to, at most so many.
        fn reacted_by(
            connection: &mut $connection,
            of: AccountId,
            (after, last): (i64, Option<i64>),
        ) -> QueryResult<Vec<Row>> {
            message::table
                .inner_join(conversation::table)
                .filter(message::id.gt(after))
                .filter(message::id.le(last.unwrap_or(i64::MAX)))
                .filter(message::reacted.is_not_null())
                .filter(message::reactions.like(format!("%\t{}\t%", of.0)))
                .order(message::id)
                .limit(MOST_REACTED as i64)
                .select((
                    message::conversation_id,
                    MESSAGE,
                    (
                        conversation::channel,
                        conversation::low_account,
                        conversation::high_account,
                    ),
                ))
                .load(connection)
        }

        fn located(connection: &mut $connection, message: Message) -> QueryResult<Located> {
            let to = match message.place {
                Place::Channel { .. } => None,
                Place::Direct { to, .. } => username(connection, to)?,
            };
            Ok(Located {
                message,
                to,
                is_held: false,
            })
        }

        fn username(connection: &mut $connection, of: AccountId) -> QueryResult<Option<Name>> {
            let username: Option<String> = account::table
                .find(of.0)
                .select(account::username)
                .get_result(connection)
                .optional()?;
            username.map(|username| name(&username)).transpose()
        }
    };
}
pub(super) use queries;
