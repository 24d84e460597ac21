//! Background work, a slice at a time: removes messages past retention, forgets tokens that expired
//! long ago. One server at a time does it.

use std::time::Duration;

use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Nullable};

use super::amendments;
use super::channels;
use super::conversations::{Extent, extents_after};
use super::keeping;
use super::renewal::Renewal;
use super::schema::{conversation, message};
use crate::model::MessageId;
use crate::model::key::clamp;
use crate::store::Retention;
use crate::store::pause::Pause;
use crate::store::schema::{ended_pass, sign_in, token};

/// Conversations looked at in one slice.
const CONVERSATIONS: i64 = 50;
/// Messages removed in one slice.
const REMOVALS: i64 = 500;
const DAY_MS: u64 = Duration::from_hours(24).as_millis() as u64;
/// The server that does this work holds this advisory lock: "Chat", then 2.
const UPKEEP_LOCK: i64 = 0x4368_6174_0002;

/// How far the background work has got.
#[derive(Default)]
pub struct Upkeep {
    /// The last conversation examined.
    conversation: i64,
    /// The pause between two rounds through all conversations.
    round: Pause,
    /// The pause between two looks at tokens.
    tokens: Pause,
    /// The pause between two looks at the rules of channels.
    rules: Pause,
    /// The pause between two looks at reactions.
    reactions: Pause,
    /// The last reaction to a message that was looked at.
    reacted: i64,
    /// The rebuilding of the search index.
    renewal: Renewal,
}

#[derive(QueryableByName)]
struct Lock {
    #[diesel(sql_type = Bool)]
    taken: bool,
}

#[derive(QueryableByName)]
struct Removed {
    #[diesel(sql_type = BigInt)]
    count: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    last: Option<i64>,
}

impl Upkeep {
    /// Whether [`Upkeep::tend`] has anything to do now.
    pub fn is_due(&self, now_ms: u64) -> bool {
        self.tokens.is_over(now_ms)
            || self.rules.is_over(now_ms)
            || self.reactions.is_over(now_ms)
            || self.renewal.is_due()
            || self.round.is_over(now_ms)
    }

    /// Does one slice and returns whether there is more to do. Call it inside a transaction.
    pub fn tend(
        &mut self,
        connection: &mut PgConnection,
        retention: Retention,
        now_ms: u64,
    ) -> QueryResult<bool> {
        let lock: Lock = diesel::sql_query("SELECT pg_try_advisory_xact_lock($1) AS taken")
            .bind::<BigInt, _>(UPKEEP_LOCK)
            .get_result(connection)?;
        if !lock.taken {
            return Ok(false);
        }
        if self.tokens.is_over(now_ms) {
            forget_tokens(connection, now_ms)?;
            self.tokens.begin(now_ms);
        }
        let mut busy = false;
        if self.rules.is_over(now_ms) {
            busy = channels::settle_some(connection, now_ms)?;
            if !busy {
                self.rules.begin(now_ms);
            }
        }
        busy |= self.renewal.tend(connection, now_ms)?;
        if self.reactions.is_over(now_ms) {
            let (last, has_more) = amendments::forget_taken_back(connection, self.reacted, now_ms)?;
            self.reacted = last;
            busy |= has_more;
            if !has_more {
                self.reactions.begin(now_ms);
            }
        }
        if !self.round.is_over(now_ms) {
            return Ok(busy);
        }
        if retention == Retention::default() && !keeping::is_any(connection)? {
            self.round.begin(now_ms);
            return Ok(busy);
        }
        let more = self.remove_some(connection, retention, now_ms)?;
        if !more {
            self.conversation = 0;
            self.round.begin(now_ms);
        }
        Ok(busy || more)
    }

    fn remove_some(
        &mut self,
        connection: &mut PgConnection,
        retention: Retention,
        now_ms: u64,
    ) -> QueryResult<bool> {
        let cut = cut(retention.channel_days, now_ms);
        if cut > 0 && channels::forget_to(connection, cut)? {
            return Ok(true);
        }
        let extents = extents_after(connection, self.conversation, CONVERSATIONS)?;
        let more = extents.len() as i64 == CONVERSATIONS;
        let mut left = REMOVALS;
        for extent in &extents {
            left -= shorten(connection, extent, retention, now_ms, left)?;
            if left <= 0 {
                // This one may have more to remove: begin with it next time.
                return Ok(true);
            }
            self.conversation = extent.id;
        }
        Ok(more)
    }
}

/// Removes up to `most` messages of a conversation and returns how many it removed.
fn shorten(
    connection: &mut PgConnection,
    of: &Extent,
    retention: Retention,
    now_ms: u64,
    most: i64,
) -> QueryResult<i64> {
    let Some(retention) = keeping::retention(connection, of.id, retention)? else {
        return Ok(0);
    };
    let end = removable_to(connection, of, retention, now_ms)?;
    if of.low_account.is_none() && of.removed_id > 0 {
        channels::forget_of(connection, of.id, of.removed_id)?;
    }
    if end == 0 {
        return Ok(0);
    }
    let removed: Removed = diesel::sql_query(
        "WITH removed AS (
             DELETE FROM message WHERE id IN (
                 SELECT id FROM message WHERE conversation_id = $1 AND id <= $2
                 ORDER BY id LIMIT $3)
             RETURNING id)
         SELECT count(*) AS count, max(id) AS last FROM removed",
    )
    .bind::<BigInt, _>(of.id)
    .bind::<BigInt, _>(end)
    .bind::<BigInt, _>(most)
    .get_result(connection)?;
    if let Some(last) = removed.last.filter(|&last| last > of.removed_id) {
        diesel::update(conversation::table.find(of.id))
            .set(conversation::removed_id.eq(last))
            .execute(connection)?;
    }
    Ok(removed.count)
}

/// The highest id that retention allows to remove.
fn removable_to(
    connection: &mut PgConnection,
    of: &Extent,
    retention: Retention,
    now_ms: u64,
) -> QueryResult<i64> {
    let (days, keep) = match of.low_account {
        None => (retention.channel_days, retention.channel_messages),
        Some(_) => (retention.direct_days, 0),
    };
    let by_count: Option<i64> = match i64::try_from(keep) {
        Ok(keep @ 1..) => message::table
            .filter(message::conversation_id.eq(of.id))
            .order(message::id.desc())
            .offset(keep)
            .select(message::id)
            .first(connection)
            .optional()?,
        _ => None,
    };
    Ok(by_count.unwrap_or(0).max(cut(days, now_ms)))
}

/// The highest id that is too old; 0 if nothing is.
fn cut(days: u64, now_ms: u64) -> i64 {
    match days {
        0 => 0,
        days => {
            let ms = now_ms.saturating_sub(days.saturating_mul(DAY_MS));
            (clamp(MessageId { ms, sequence: 0 }) - 1).max(0)
        }
    }
}

fn forget_tokens(connection: &mut PgConnection, now_ms: u64) -> QueryResult<()> {
    let long_ago: i64 = now_ms.saturating_sub(DAY_MS).try_into().unwrap_or(i64::MAX);
    diesel::delete(token::table.filter(token::expires_at.lt(long_ago))).execute(connection)?;
    diesel::delete(sign_in::table.filter(sign_in::expires_at.lt(long_ago))).execute(connection)?;
    let passes = ended_pass::table.filter(ended_pass::expires_at.lt(long_ago));
    diesel::delete(passes).execute(connection)?;
    Ok(())
}

/// Writes as much as one message may need, to see whether the database accepts it.
pub fn touch(connection: &mut PgConnection) -> QueryResult<()> {
    diesel::sql_query("INSERT INTO scratch (filler) VALUES (decode(repeat('00', 65536), 'hex'))")
        .execute(connection)?;
    diesel::sql_query("DELETE FROM scratch").execute(connection)?;
    Ok(())
}
