//! Background work, a slice at a time: indexes messages for search, removes those past retention,
//! forgets tokens that expired long ago.

use std::time::Duration;

use diesel::prelude::*;

use super::amended;
use super::append::Tails;
use super::channels;
use super::history::{self, Extent};
use super::keeping;
use super::schema::{conversation, message, participant};
use super::search;
use super::traces::{self, Traces};
use crate::model::key::clamp;
use crate::model::{MessageId, key};
use crate::store::Retention;
use crate::store::pause::Pause;
use crate::store::progress::Progress;
use crate::store::schema::{ended_pass, sign_in, token};

/// Conversations looked at in one slice.
const CONVERSATIONS: i64 = 50;
/// Messages removed in one slice.
const REMOVALS: i64 = 500;
const DAY_MS: u64 = Duration::from_hours(24).as_millis() as u64;

/// How far the background work has got.
#[derive(Default)]
pub struct Upkeep {
    /// The last conversation examined.
    conversation: i64,
    /// The pause between two rounds through all conversations.
    round: Pause,
    /// The pause between two looks at tokens.
    tokens: Pause,
    /// The pause between two looks at reactions.
    reactions: Pause,
    /// The last reaction to a message that was looked at.
    reacted: i64,
    /// The time of the last message indexed.
    indexing_ms: u64,
    progress: Progress,
    traces: Traces,
}

impl Upkeep {
    /// Does one slice and returns whether there is more to do.
    pub fn tend(
        &mut self,
        connection: &mut SqliteConnection,
        tails: &mut Tails,
        retention: Retention,
        now_ms: u64,
    ) -> QueryResult<bool> {
        let indexed_to = search::index_some(connection)?;
        let indexed = indexed_to.is_some();
        if let Some(id) = indexed_to {
            self.indexing_ms = key::unpack(id).ms;
        }
        self.progress.at(self.indexing_ms, indexed, now_ms);
        let indexed = self.traces.clean_some(connection, now_ms)? || indexed;
        let indexed = self.forget_taken_back(connection, now_ms)? || indexed;
        if self.tokens.is_over(now_ms) {
            forget_tokens(connection, now_ms)?;
            self.tokens.begin(now_ms);
        }
        if !self.round.is_over(now_ms) {
            return Ok(indexed);
        }
        if retention == Retention::default() && !keeping::is_any(connection)? {
            self.round.begin(now_ms);
            return Ok(indexed);
        }
        let more = self.remove_some(connection, tails, retention, now_ms)?;
        if !more {
            self.conversation = 0;
            self.round.begin(now_ms);
        }
        Ok(indexed || more)
    }

    /// Whether the write-ahead log is to be emptied now, outside a transaction.
    pub fn wants_empty_log(&self) -> bool {
        self.traces.wants_empty_log()
    }

    /// Notes that it is empty.
    pub fn log_is_empty(&mut self) {
        self.traces.log_is_empty();
    }

    /// Cleans up again from the beginning, because a transaction has failed.
    pub fn begin_cleaning_anew(&mut self) {
        self.traces = Traces::default();
        self.reacted = 0;
    }

    /// Removes what is left of reactions that were taken back.
    fn forget_taken_back(
        &mut self,
        connection: &mut SqliteConnection,
        now_ms: u64,
    ) -> QueryResult<bool> {
        if !self.reactions.is_over(now_ms) {
            return Ok(false);
        }
        let (last, has_more) = amended::forget_taken_back(connection, self.reacted, now_ms)?;
        self.reacted = last;
        if !has_more {
            self.reactions.begin(now_ms);
        }
        Ok(has_more)
    }

    fn remove_some(
        &mut self,
        connection: &mut SqliteConnection,
        tails: &mut Tails,
        retention: Retention,
        now_ms: u64,
    ) -> QueryResult<bool> {
        let cut = cut(retention.channel_days, now_ms);
        if cut > 0 && channels::forget_to(connection, cut)? {
            return Ok(true);
        }
        let extents = history::extents_after(connection, self.conversation, CONVERSATIONS)?;
        let more = extents.len() as i64 == CONVERSATIONS;
        let mut left = REMOVALS;
        for extent in &extents {
            let removed = shorten(connection, extent, retention, now_ms, left)?;
            if removed > 0 {
                tails.forget();
                traces::note(
                    connection,
                    now_ms.saturating_add(traces::AFTER_RETENTION_MS),
                )?;
            }
            left -= removed;
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
    connection: &mut SqliteConnection,
    of: &Extent,
    retention: Retention,
    now_ms: u64,
    most: i64,
) -> QueryResult<i64> {
    let Some(retention) = keeping::retention(connection, of.id, retention)? else {
        return Ok(0);
    };
    if of.low_account.is_none() && of.removed_id > 0 {
        channels::forget_of(connection, of.id, of.removed_id)?;
    }
    let last = of.last_number(connection)?;
    let end = removable_to(connection, of, last, retention, now_ms)?
        .min(of.removed_number + most)
        .min(last);
    if end <= of.removed_number {
        return Ok(0);
    }
    let victims: Vec<(i64, i64)> = message::table
        .filter(message::conversation_id.eq(of.id))
        .filter(message::number.le(end))
        .order(message::number)
        .select((message::id, message::from_low))
        .load(connection)?;
    let Some(&(id, from_low)) = victims.last() else {
        return Ok(0);
    };
    search::forget(connection, victims.iter().map(|&(id, _)| id))?;
    diesel::delete(message::table)
        .filter(message::conversation_id.eq(of.id))
        .filter(message::number.le(end))
        .execute(connection)?;
    diesel::update(conversation::table.find(of.id))
        .set((
            conversation::removed_number.eq(end),
            conversation::removed_from_low.eq(from_low),
            conversation::removed_id.eq(id),
        ))
        .execute(connection)?;
    if end == last {
        empty_inboxes(connection, of)?;
    }
    Ok(end - of.removed_number)
}

/// The highest number that retention allows to remove.
fn removable_to(
    connection: &mut SqliteConnection,
    of: &Extent,
    last: i64,
    retention: Retention,
    now_ms: u64,
) -> QueryResult<i64> {
    let (days, keep) = match of.low_account {
        None => (retention.channel_days, retention.channel_messages),
        Some(_) => (retention.direct_days, 0),
    };
    let by_count = match i64::try_from(keep) {
        Ok(keep @ 1..) => last - keep,
        _ => 0,
    };
    let by_age = match cut(days, now_ms) {
        0 => 0,
        cut => of.number_at(connection, cut)?,
    };
    Ok(by_count.max(by_age))
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

/// A thread without messages appears in no inbox.
fn empty_inboxes(connection: &mut SqliteConnection, of: &Extent) -> QueryResult<()> {
    let (Some(low), Some(high)) = (of.low_account, of.high_account) else {
        return Ok(());
    };
    for side in [(low, high), (high, low)] {
        diesel::update(participant::table.find(side))
            .set(participant::last_message_id.eq(0))
            .execute(connection)?;
    }
    Ok(())
}

fn forget_tokens(connection: &mut SqliteConnection, now_ms: u64) -> QueryResult<()> {
    let long_ago: i64 = now_ms.saturating_sub(DAY_MS).try_into().unwrap_or(i64::MAX);
    diesel::delete(token::table.filter(token::expires_at.lt(long_ago))).execute(connection)?;
    diesel::delete(sign_in::table.filter(sign_in::expires_at.lt(long_ago))).execute(connection)?;
    let passes = ended_pass::table.filter(ended_pass::expires_at.lt(long_ago));
    diesel::delete(passes).execute(connection)?;
    Ok(())
}

/// The highest id ever stored, even if retention has removed its message.
pub fn last_id(connection: &mut SqliteConnection) -> QueryResult<i64> {
    let stored: Option<i64> = message::table
        .select(diesel::dsl::max(message::id))
        .get_result(connection)?;
    let removed: Option<i64> = conversation::table
        .select(diesel::dsl::max(conversation::removed_id))
        .get_result(connection)?;
    let changed = channels::last_id(connection)?;
    let amended = amended::last_id(connection)?;
    Ok(stored.max(removed).max(changed).max(amended).unwrap_or(0))
}

/// Writes as much as one message may need, to see whether the database accepts it.
pub fn touch(connection: &mut SqliteConnection) -> QueryResult<()> {
    diesel::sql_query("INSERT INTO scratch (filler) VALUES (zeroblob(65536))")
        .execute(connection)?;
    diesel::sql_query("DELETE FROM scratch").execute(connection)?;
    Ok(())
}
