//! The tokens of programs: queries that are the same for every database, as those in
//! [`super::accounts`].

use diesel::prelude::*;
use diesel::result::Error;

use super::row::name;
use super::schema::program_token;
use crate::model::program::Shown;
use crate::model::{AccountId, ProgramToken, Scopes};

/// The token of a program, as it is stored.
#[derive(Queryable, Insertable)]
#[diesel(table_name = program_token)]
pub struct ProgramRow {
    pub id: String,
    pub name: String,
    pub kind: i16,
    pub secret_hash: String,
    pub scopes: String,
    pub account_id: Option<i64>,
    pub bot: Option<String>,
    pub created_at: i64,
    pub expires_at: Option<i64>,
    pub used_at: Option<i64>,
    pub rate: i64,
}

impl ProgramRow {
    /// The row of a token.
    pub fn of(token: &ProgramToken) -> ProgramRow {
        let time = |ms: u64| i64::try_from(ms).unwrap_or(i64::MAX);
        let (account, bot) = token.bot.clone().unzip();
        ProgramRow {
            id: token.id.clone(),
            name: token.name.to_string(),
            kind: token.shown.number(),
            secret_hash: token.secret_hash.clone(),
            scopes: token.scopes.to_string(),
            account_id: account.map(|account| account.0),
            bot: bot.map(|bot| bot.to_string()),
            created_at: time(token.created_at),
            expires_at: token.expires_at.map(time),
            used_at: token.used_at.map(time),
            rate: token.rate.into(),
        }
    }

    /// The token in a row. A later version may have stored scopes that this one does not know; a
    /// token must not be read as one that allows something else.
    pub fn token(self) -> QueryResult<ProgramToken> {
        let time = |ms: i64| u64::try_from(ms).unwrap_or(0);
        let wrong = |why: String| Error::DeserializationError(why.into());
        let bot = match (self.account_id, self.bot) {
            (Some(account), Some(bot)) => Some((AccountId(account), name(&bot)?)),
            _ => None,
        };
        Ok(ProgramToken {
            name: name(&self.name)?,
            shown: Shown::of_number(self.kind)
                .ok_or_else(|| wrong(format!("a program of the kind {}", self.kind)))?,
            scopes: Scopes::parse(self.scopes.split(' '))
                .map_err(|why| wrong(format!("the scopes of {}: {why}", self.id)))?,
            id: self.id,
            secret_hash: self.secret_hash,
            bot,
            created_at: time(self.created_at),
            expires_at: self.expires_at.map(time),
            used_at: self.used_at.map(time),
            rate: self.rate.try_into().unwrap_or(0),
        })
    }
}

/// Defines the queries for one type of connection. Each has to run inside a transaction.
macro_rules! queries {
    ($connection:ty) => {
        use diesel::prelude::*;

        use super::accounts;
        use crate::model::program::MAX_PROGRAMS;
        use crate::model::{Account, AccountId, NewAccount, ProgramToken, UniqueField};
        use crate::store::accounts::time;
        use crate::store::programs::ProgramRow;
        use crate::store::schema::{bot, program_token};

        /// See [`crate::store::Store::create_bot`].
        pub fn create_bot(
            connection: &mut $connection,
            new: &NewAccount,
        ) -> QueryResult<Result<Account, Vec<UniqueField>>> {
            let made = accounts::create(connection, new)?;
            if let Ok(account) = &made {
                diesel::insert_into(bot::table)
                    .values(bot::account_id.eq(account.id.0))
                    .execute(connection)?;
            }
            Ok(made)
        }

        /// See [`crate::store::Store::bots`].
        pub fn bots(connection: &mut $connection, most: usize) -> QueryResult<Vec<AccountId>> {
            let ids: Vec<i64> = bot::table
                .order(bot::account_id.desc())
                .limit(most as i64)
                .select(bot::account_id)
                .load(connection)?;
            Ok(ids.into_iter().map(AccountId).collect())
        }

        /// See [`crate::store::Store::is_bot`].
        pub fn is_bot(connection: &mut $connection, account: AccountId) -> QueryResult<bool> {
            diesel::select(diesel::dsl::exists(bot::table.find(account.0))).get_result(connection)
        }

        /// See [`crate::store::Store::add_program`].
        pub fn add(connection: &mut $connection, token: &ProgramToken) -> QueryResult<bool> {
            let of_kind = program_token::table
                .filter(program_token::kind.eq(token.shown.number()))
                .count()
                .get_result::<i64>(connection)?;
            if of_kind >= MAX_PROGRAMS as i64 {
                return Ok(false);
            }
            diesel::insert_into(program_token::table)
                .values(ProgramRow::of(token))
                .execute(connection)?;
            Ok(true)
        }

        /// See [`crate::store::Store::programs`].
        pub fn all(connection: &mut $connection) -> QueryResult<Vec<ProgramToken>> {
            let rows: Vec<ProgramRow> = program_token::table
                .order((program_token::created_at, program_token::id))
                .limit(3 * MAX_PROGRAMS as i64)
                .load(connection)?;
            rows.into_iter().map(ProgramRow::token).collect()
        }

        /// See [`crate::store::Store::program`].
        pub fn find(
            connection: &mut $connection,
            secret_hash: &str,
        ) -> QueryResult<Option<ProgramToken>> {
            let row: Option<ProgramRow> = program_token::table
                .filter(program_token::secret_hash.eq(secret_hash))
                .get_result(connection)
                .optional()?;
            row.map(ProgramRow::token).transpose()
        }

        /// See [`crate::store::Store::remove_program`].
        pub fn remove(connection: &mut $connection, id: &str) -> QueryResult<Option<ProgramToken>> {
            let row: Option<ProgramRow> = program_token::table
                .find(id)
                .get_result(connection)
                .optional()?;
            diesel::delete(program_token::table.find(id)).execute(connection)?;
            row.map(ProgramRow::token).transpose()
        }

        /// See [`crate::store::Store::note_program_used`].
        pub fn note_used(connection: &mut $connection, id: &str, at_ms: u64) -> QueryResult<()> {
            diesel::update(program_token::table.find(id))
                .set(program_token::used_at.eq(time(at_ms)))
                .execute(connection)?;
            Ok(())
        }
    };
}
pub(super) use queries;
