//! The hooks of channels: queries that are the same for every database, as those in
//! [`super::programs`].

use diesel::prelude::*;

use super::outgoing::OutRow;
use super::programs::ProgramRow;
use super::row::name;
use super::schema::hook;
use crate::model::Hook;
use crate::model::hook::SigningKey;

/// A hook, as it is stored beside its row among the programs.
#[derive(Queryable, Insertable)]
#[diesel(table_name = hook)]
pub struct HookRow {
    pub id: String,
    pub channel_key: String,
    pub channel: String,
    pub signing: Option<String>,
    pub made_by: Option<String>,
}

impl HookRow {
    /// The row of a hook.
    pub fn of(hook: &Hook) -> HookRow {
        HookRow {
            id: hook.program.id.clone(),
            channel_key: hook.channel.key().to_string(),
            channel: hook.channel.to_string(),
            signing: hook.signing.as_ref().map(|key| key.expose().to_owned()),
            made_by: hook.made_by.as_ref().map(ToString::to_string),
        }
    }

    /// The hook in a row, in that of its program, and in that which says where it sends.
    pub fn hook(self, program: ProgramRow, out: Option<&OutRow>) -> QueryResult<Hook> {
        Ok(Hook {
            program: program.token()?,
            channel: name(&self.channel)?,
            signing: self.signing.as_deref().map(SigningKey::restore),
            made_by: self.made_by.as_deref().map(name).transpose()?,
            outgoing: out.map(OutRow::outgoing),
        })
    }
}

/// Defines the queries for one type of connection. Each has to run inside a transaction.
macro_rules! queries {
    ($connection:ty) => {
        use diesel::prelude::*;

        use super::{outgoing, programs};
        use crate::model::hook::{Duty, MAX_IN_CHANNEL};
        use crate::model::key::{clamp, unpack};
        use crate::model::program::MAX_PROGRAMS;
        use crate::model::{Hook, MessageId, Name, ProgramToken};
        use crate::store::hooks::HookRow;
        use crate::store::outgoing::OutRow;
        use crate::store::programs::ProgramRow;
        use crate::store::schema::{call_seen, hook, hook_out, program_token};

        /// See [`crate::store::Store::add_hook`].
        pub fn add(
            connection: &mut $connection,
            new: &Hook,
            after: MessageId,
        ) -> QueryResult<bool> {
            let of_channel = hook::table
                .inner_join(program_token::table)
                .filter(hook::channel_key.eq(&**new.channel.key()))
                .filter(program_token::kind.eq(new.program.shown.number()))
                .count()
                .get_result::<i64>(connection)?;
            if of_channel >= MAX_IN_CHANNEL as i64 || !programs::add(connection, &new.program)? {
                return Ok(false);
            }
            diesel::insert_into(hook::table)
                .values(HookRow::of(new))
                .execute(connection)?;
            if let Some(out) = &new.outgoing {
                diesel::insert_into(hook_out::table)
                    .values(OutRow::of(new, out, clamp(after)))
                    .execute(connection)?;
            }
            Ok(true)
        }

        /// See [`crate::store::Store::hooks`].
        pub fn all(connection: &mut $connection, of: Option<&Name>) -> QueryResult<Vec<Hook>> {
            let mut query = hook::table
                .inner_join(program_token::table)
                .left_join(hook_out::table)
                .order((program_token::created_at, program_token::id))
                .limit(2 * MAX_PROGRAMS as i64)
                .select((
                    hook::all_columns,
                    program_token::all_columns,
                    hook_out::all_columns.nullable(),
                ))
                .into_boxed();
            if let Some(channel) = of {
                query = query.filter(hook::channel_key.eq(channel.key().to_string()));
            }
            let rows: Vec<(HookRow, ProgramRow, Option<OutRow>)> = query.load(connection)?;
            let rows = rows.into_iter();
            rows.map(|(row, program, out)| row.hook(program, out.as_ref()))
                .collect()
        }

        /// See [`crate::store::Store::hook`].
        pub fn find(connection: &mut $connection, id: &str) -> QueryResult<Option<Hook>> {
            let row: Option<(HookRow, ProgramRow, Option<OutRow>)> = hook::table
                .inner_join(program_token::table)
                .left_join(hook_out::table)
                .filter(hook::id.eq(id))
                .select((
                    hook::all_columns,
                    program_token::all_columns,
                    hook_out::all_columns.nullable(),
                ))
                .get_result(connection)
                .optional()?;
            row.map(|(row, program, out)| row.hook(program, out.as_ref()))
                .transpose()
        }

        /// See [`crate::store::Store::claim_hooks`].
        pub fn claim(
            connection: &mut $connection,
            holder: &str,
            times: (u64, u64),
            has_others: bool,
        ) -> QueryResult<Vec<Duty>> {
            let claimed = outgoing::claim(connection, holder, times, has_others)?;
            let mut duties = Vec::with_capacity(claimed.len());
            for (row, waiting) in claimed {
                if let Some(hook) = find(connection, &row.id)? {
                    duties.push(Duty {
                        hook,
                        fed_to: unpack(row.fed_to),
                        next_at: row.next_at.try_into().unwrap_or(0),
                        waiting,
                    });
                }
            }
            Ok(duties)
        }

        /// See [`crate::store::Store::remove_program`].
        pub fn remove(connection: &mut $connection, id: &str) -> QueryResult<Option<ProgramToken>> {
            outgoing::remove(connection, id)?;
            let seen = call_seen::table.filter(call_seen::program_id.eq(id));
            diesel::delete(seen).execute(connection)?;
            diesel::delete(hook::table.find(id)).execute(connection)?;
            programs::remove(connection, id)
        }
    };
}
pub(super) use queries;
