//! Outgoing hooks and their deliveries: queries that are the same for every database, as those in
//! [`super::hooks`].

use diesel::prelude::*;

use super::schema::{delivery, hook_out};
use crate::model::key::unpack;
use crate::model::outgoing::{Attempt, Condition, Delivery, Outgoing};
use crate::model::{Hook, MessageId, Secret};

/// Where a hook sends, as it is stored beside its row among the hooks.
#[derive(Queryable, Insertable)]
#[diesel(table_name = hook_out)]
pub struct OutRow {
    pub id: String,
    pub url: String,
    pub triggers: String,
    pub fed_to: i64,
    pub next_at: i64,
    pub paused_at: Option<i64>,
    pub paused_why: Option<String>,
    pub last_at: Option<i64>,
    pub last_status: Option<i16>,
    pub last_error: Option<String>,
    pub held_by: Option<String>,
    pub held_until: i64,
}

/// A delivery, as it is stored.
#[derive(Queryable, Insertable)]
#[diesel(table_name = delivery)]
pub struct DeliveryRow {
    pub hook_id: String,
    pub message_id: i64,
    pub attempts: i64,
    pub first_at: Option<i64>,
    pub tried_at: Option<i64>,
    pub status: Option<i16>,
    pub error: Option<String>,
    pub is_failed: bool,
}

fn ms(column: i64) -> u64 {
    column.try_into().unwrap_or(0)
}

fn attempt(at: Option<i64>, status: Option<i16>, error: Option<String>) -> Option<Attempt> {
    Some(Attempt {
        at_ms: ms(at?),
        status: status.and_then(|status| status.try_into().ok()),
        error,
    })
}

impl OutRow {
    /// The row of a hook that sends what is said after a message.
    pub fn of(hook: &Hook, outgoing: &Outgoing, after: i64) -> OutRow {
        OutRow {
            id: hook.program.id.clone(),
            url: outgoing.url.expose().to_owned(),
            triggers: outgoing.triggers.join("\n"),
            fed_to: after,
            next_at: 0,
            paused_at: None,
            paused_why: None,
            last_at: None,
            last_status: None,
            last_error: None,
            held_by: None,
            held_until: 0,
        }
    }

    /// Where it sends.
    pub fn outgoing(&self) -> Outgoing {
        Outgoing {
            url: Secret::new(self.url.as_str()),
            triggers: self.triggers.lines().map(str::to_owned).collect(),
        }
    }

    /// How it does, with these numbers of deliveries that wait and that have failed.
    pub fn condition(self, waiting: i64, failed: i64) -> Condition {
        Condition {
            waiting: ms(waiting),
            failed: ms(failed),
            paused: self.paused_at.map(ms).zip(self.paused_why),
            last: attempt(self.last_at, self.last_status, self.last_error),
        }
    }
}

impl DeliveryRow {
    /// A delivery that waits.
    pub fn waiting(hook: &str, message: i64) -> DeliveryRow {
        DeliveryRow {
            hook_id: hook.to_owned(),
            message_id: message,
            attempts: 0,
            first_at: None,
            tried_at: None,
            status: None,
            error: None,
            is_failed: false,
        }
    }

    /// The delivery in a row.
    pub fn delivery(self) -> Delivery {
        Delivery {
            message: unpack(self.message_id),
            attempts: ms(self.attempts),
            first_tried_at: self.first_at.map(ms),
            last: attempt(self.tried_at, self.status, self.error),
            is_failed: self.is_failed,
        }
    }
}

/// The messages that are put into the queue of a hook.
pub struct Feed<'a> {
    /// The hook.
    pub hook: &'a str,
    /// The messages that are for it, oldest first.
    pub messages: &'a [MessageId],
    /// The last one that was looked at.
    pub fed_to: MessageId,
}

/// Defines the queries for one type of connection. Each has to run inside a transaction.
macro_rules! queries {
    ($connection:ty) => {
        use diesel::dsl::count_star;
        use diesel::prelude::*;

        use crate::model::MessageId;
        use crate::model::key::{clamp, unpack};
        use crate::model::outgoing::{Attempt, Condition, Delivery, Held, MAX_FAILED, Settled};
        use crate::store::accounts::time;
        use crate::store::outgoing::{DeliveryRow, Feed, OutRow};
        use crate::store::schema::{delivery, hook_out};

        /// Takes the hooks that no other server has; returns those that are not paused, with how
        /// many deliveries of each wait.
        pub fn claim(
            connection: &mut $connection,
            holder: &str,
            (now_ms, until_ms): (u64, u64),
            others: bool,
        ) -> QueryResult<Vec<(OutRow, u64)>> {
            let set = (
                hook_out::held_by.eq(holder),
                hook_out::held_until.eq(time(until_ms)),
            );
            match others {
                true => {
                    let free = hook_out::held_until.lt(time(now_ms));
                    let own = hook_out::held_by.eq(holder);
                    let none = hook_out::held_by.is_null();
                    diesel::update(hook_out::table)
                        .filter(free.nullable().or(own).or(none.nullable()))
                        .set(set)
                        .execute(connection)?
                }
                false => diesel::update(hook_out::table)
                    .set(set)
                    .execute(connection)?,
            };
            let rows: Vec<OutRow> = hook_out::table
                .filter(hook_out::held_by.eq(holder))
                .filter(hook_out::paused_at.is_null())
                .order(hook_out::id)
                .load(connection)?;
            let mut claimed = Vec::with_capacity(rows.len());
            for row in rows {
                let waiting = count(connection, &row.id, false)?.try_into().unwrap_or(0);
                claimed.push((row, waiting));
            }
            Ok(claimed)
        }

        /// See [`crate::store::Store::hooks_held`].
        pub fn held(connection: &mut $connection, holder: &str) -> QueryResult<Held> {
            let own = hook_out::table.filter(hook_out::held_by.eq(holder));
            let paused: i64 = own
                .filter(hook_out::paused_at.is_not_null())
                .select(count_star())
                .get_result(connection)?;
            let hooks: Vec<String> = own
                .filter(hook_out::paused_at.is_null())
                .select(hook_out::id)
                .load(connection)?;
            let mut oldest = None;
            // One look at the index for each, instead of one at all that waits.
            for hook in hooks {
                let first: Option<i64> = delivery::table
                    .filter(delivery::hook_id.eq(hook))
                    .filter(delivery::is_failed.eq(false))
                    .order(delivery::message_id)
                    .select(delivery::message_id)
                    .first(connection)
                    .optional()?;
                oldest = oldest.into_iter().chain(first).min();
            }
            Ok(Held {
                paused: paused.try_into().unwrap_or(0),
                oldest: oldest.map(unpack),
            })
        }

        /// See [`crate::store::Store::release_hooks`].
        pub fn release(connection: &mut $connection, holder: &str) -> QueryResult<()> {
            diesel::update(hook_out::table.filter(hook_out::held_by.eq(holder)))
                .set((
                    hook_out::held_by.eq(None::<String>),
                    hook_out::held_until.eq(0),
                ))
                .execute(connection)?;
            Ok(())
        }

        fn count(connection: &mut $connection, id: &str, failed: bool) -> QueryResult<i64> {
            delivery::table
                .filter(delivery::hook_id.eq(id))
                .filter(delivery::is_failed.eq(failed))
                .select(count_star())
                .get_result(connection)
        }

        /// See [`crate::store::Store::feed_hook`].
        pub fn feed(connection: &mut $connection, feed: &Feed<'_>) -> QueryResult<u64> {
            let moved = diesel::update(hook_out::table.find(feed.hook))
                .filter(hook_out::fed_to.lt(clamp(feed.fed_to)))
                .set(hook_out::fed_to.eq(clamp(feed.fed_to)))
                .execute(connection)?;
            // It was removed, or another server has fed it.
            if moved > 0 {
                let rows = feed.messages.iter();
                let rows = rows.map(|id| DeliveryRow::waiting(feed.hook, clamp(*id)));
                diesel::insert_into(delivery::table)
                    .values(rows.collect::<Vec<_>>())
                    .execute(connection)?;
            }
            let waiting = count(connection, feed.hook, false)?;
            Ok(waiting.try_into().unwrap_or(0))
        }

        /// See [`crate::store::Store::deliveries`].
        pub fn list(
            connection: &mut $connection,
            id: &str,
            failed: bool,
            limit: i64,
        ) -> QueryResult<Vec<Delivery>> {
            let rows: Vec<DeliveryRow> = delivery::table
                .filter(delivery::hook_id.eq(id))
                .filter(delivery::is_failed.eq(failed))
                .order(delivery::message_id)
                .limit(limit)
                .load(connection)?;
            Ok(rows.into_iter().map(DeliveryRow::delivery).collect())
        }

        /// See [`crate::store::Store::settle_delivery`].
        pub fn settle(
            connection: &mut $connection,
            id: &str,
            message: MessageId,
            settled: &Settled,
        ) -> QueryResult<()> {
            let waiting = delivery::table.find((id, false, clamp(message)));
            match settled {
                Settled::Delivered(_) | Settled::Dropped => {
                    diesel::delete(waiting).execute(connection)?;
                }
                Settled::Again(attempt, next_at) => {
                    note(connection, id, message, attempt)?;
                    diesel::update(hook_out::table.find(id))
                        .set(hook_out::next_at.eq(time(*next_at)))
                        .execute(connection)?;
                }
                Settled::Failed(attempt) => {
                    note(connection, id, message, attempt)?;
                    diesel::update(waiting)
                        .set(delivery::is_failed.eq(true))
                        .execute(connection)?;
                    forget_oldest(connection, id)?;
                }
            }
            match settled {
                Settled::Dropped => Ok(()),
                Settled::Delivered(attempt)
                | Settled::Again(attempt, _)
                | Settled::Failed(attempt) => note_last(connection, id, attempt),
            }
        }

        fn note(
            connection: &mut $connection,
            id: &str,
            message: MessageId,
            attempt: &Attempt,
        ) -> QueryResult<()> {
            let row = delivery::table.find((id, false, clamp(message)));
            let first = row.filter(delivery::first_at.is_null());
            diesel::update(first)
                .set(delivery::first_at.eq(time(attempt.at_ms)))
                .execute(connection)?;
            diesel::update(row)
                .set((
                    delivery::attempts.eq(delivery::attempts + 1),
                    delivery::tried_at.eq(time(attempt.at_ms)),
                    delivery::status.eq(attempt.status.and_then(|it| i16::try_from(it).ok())),
                    delivery::error.eq(&attempt.error),
                ))
                .execute(connection)?;
            Ok(())
        }

        /// Of what has failed for good, a limited number is kept.
        fn forget_oldest(connection: &mut $connection, id: &str) -> QueryResult<()> {
            let kept: Option<i64> = delivery::table
                .filter(delivery::hook_id.eq(id))
                .filter(delivery::is_failed.eq(true))
                .order(delivery::message_id.desc())
                .offset(MAX_FAILED - 1)
                .select(delivery::message_id)
                .first(connection)
                .optional()?;
            if let Some(kept) = kept {
                let older = delivery::table
                    .filter(delivery::hook_id.eq(id))
                    .filter(delivery::is_failed.eq(true))
                    .filter(delivery::message_id.lt(kept));
                diesel::delete(older).execute(connection)?;
            }
            Ok(())
        }

        /// See [`crate::store::Store::note_attempt`].
        pub fn note_last(
            connection: &mut $connection,
            id: &str,
            attempt: &Attempt,
        ) -> QueryResult<()> {
            diesel::update(hook_out::table.find(id))
                .set((
                    hook_out::last_at.eq(time(attempt.at_ms)),
                    hook_out::last_status.eq(attempt.status.and_then(|it| i16::try_from(it).ok())),
                    hook_out::last_error.eq(&attempt.error),
                ))
                .execute(connection)?;
            Ok(())
        }

        /// See [`crate::store::Store::pause_hook`].
        pub fn pause(
            connection: &mut $connection,
            id: &str,
            why: &str,
            now_ms: u64,
        ) -> QueryResult<bool> {
            let paused = diesel::update(hook_out::table.find(id))
                .filter(hook_out::paused_at.is_null())
                .set((
                    hook_out::paused_at.eq(time(now_ms)),
                    hook_out::paused_why.eq(why),
                ))
                .execute(connection)?;
            Ok(paused > 0)
        }

        /// See [`crate::store::Store::resend`].
        pub fn resend(connection: &mut $connection, id: &str) -> QueryResult<bool> {
            let failed = delivery::table
                .filter(delivery::hook_id.eq(id))
                .filter(delivery::is_failed.eq(true));
            diesel::update(failed)
                .set((
                    delivery::is_failed.eq(false),
                    delivery::attempts.eq(0),
                    delivery::first_at.eq(None::<i64>),
                ))
                .execute(connection)?;
            let begun = diesel::update(hook_out::table.find(id))
                .set((
                    hook_out::paused_at.eq(None::<i64>),
                    hook_out::paused_why.eq(None::<String>),
                    hook_out::next_at.eq(0),
                ))
                .execute(connection)?;
            // They get as much time again as new ones.
            let waiting = delivery::table.filter(delivery::hook_id.eq(id));
            diesel::update(waiting)
                .set((delivery::attempts.eq(0), delivery::first_at.eq(None::<i64>)))
                .execute(connection)?;
            Ok(begun > 0)
        }

        /// See [`crate::store::Store::hook_condition`].
        pub fn condition(connection: &mut $connection, id: &str) -> QueryResult<Option<Condition>> {
            let row: Option<OutRow> = hook_out::table.find(id).get_result(connection).optional()?;
            let Some(row) = row else {
                return Ok(None);
            };
            let waiting = count(connection, id, false)?;
            let failed = count(connection, id, true)?;
            Ok(Some(row.condition(waiting, failed)))
        }

        /// Removes what belongs to an outgoing hook, if it is one.
        pub fn remove(connection: &mut $connection, id: &str) -> QueryResult<()> {
            let deliveries = delivery::table.filter(delivery::hook_id.eq(id));
            diesel::delete(deliveries).execute(connection)?;
            diesel::delete(hook_out::table.find(id)).execute(connection)?;
            Ok(())
        }
    };
}
pub(super) use queries;
