//! Accounts, their ignore lists and their tokens: queries that are the same for every database.
//!
//! The type of a Diesel query depends on that of the connection, and a trait bound that covers both
//! databases would be longer than the queries. So they are written once, as a macro, and each
//! database instantiates them with `queries!(ItsConnection);`.

use diesel::prelude::*;

use super::schema::token;
use crate::model::{AccountId, Secret, Standing, Token};

/// Addresses remembered of accounts in all, and of each.
pub const KNOWN_ADDRESSES: i64 = 50_000;
pub const KNOWN_PER_ACCOUNT: i64 = 32;

#[derive(Queryable)]
pub struct AccountRow {
    pub id: i64,
    pub username: String,
    pub first_name: String,
    pub last_name: String,
    pub email: Option<String>,
    pub phone: Option<String>,
    pub password_hash: String,
    pub created_at: i64,
    pub password_changes: i64,
    pub disabled_at: Option<i64>,
    pub deleted_at: Option<i64>,
    pub seen_at: Option<i64>,
    pub role: Option<i16>,
}

#[derive(Queryable, Insertable)]
#[diesel(table_name = token)]
pub struct TokenRow {
    pub access_key_id: String,
    pub secret_access_key: String,
    pub refresh_token: String,
    pub account_id: i64,
    pub created_at: i64,
    pub expires_at: i64,
    pub modified_at: i64,
    pub is_refreshable: bool,
    pub is_active: bool,
}

/// An account with all its columns, for copying to another database.
#[cfg(feature = "cluster")]
#[derive(Queryable, Insertable)]
#[diesel(table_name = super::schema::account)]
pub struct AccountCopy {
    pub id: i64,
    username: String,
    username_key: String,
    first_name: String,
    last_name: String,
    email: Option<String>,
    email_key: Option<String>,
    phone: Option<String>,
    phone_key: Option<String>,
    password_hash: String,
    created_at: i64,
    password_changes: i64,
    disabled_at: Option<i64>,
    deleted_at: Option<i64>,
    seen_at: Option<i64>,
    role: Option<i16>,
}

/// An ignored nickname, for copying to another database.
#[cfg(feature = "cluster")]
#[derive(Queryable, Insertable)]
#[diesel(table_name = super::schema::ignored)]
pub struct IgnoredCopy {
    pub account_id: i64,
    pub nickname_key: String,
    nickname: String,
}

/// Defines the queries for one type of connection. Each has to run inside a transaction.
macro_rules! queries {
    ($connection:ty) => {
        use diesel::prelude::*;
        use diesel::upsert::excluded;

        use super::lookalikes;
        use crate::model::{
            Account, AccountId, KnownAddress, Name, NewAccount, Profile, Secret, ServerRole,
            Standing, Token, UniqueField, Who,
        };
        use crate::store::accounts::{
            AccountRow, KNOWN_ADDRESSES, KNOWN_PER_ACCOUNT, TokenRow, email_key, phone_key,
            standing, time,
        };
        use crate::store::row::name;
        use crate::store::schema::{
            account, ended_pass, ignored, known_address, password_reset, remote_user, sign_in,
            token,
        };

        /// Creates an account, or says which fields are taken.
        pub fn create(
            connection: &mut $connection,
            new: &NewAccount,
        ) -> QueryResult<Result<Account, Vec<UniqueField>>> {
            let unique = |contact: &Option<String>, key: fn(&str) -> String| {
                contact.as_deref().filter(|_| new.unique_contacts).map(key)
            };
            let email_key = unique(&new.email, email_key);
            let phone_key = unique(&new.phone, phone_key);
            let keys = (email_key.as_deref(), phone_key.as_deref());
            let taken = taken(connection, &new.username, keys)?;
            if !taken.is_empty() {
                return Ok(Err(taken));
            }
            let id: Option<i64> = diesel::insert_into(account::table)
                .values((
                    account::username.eq(new.username.as_str()),
                    account::username_key.eq(&**new.username.key()),
                    account::first_name.eq(&new.first_name),
                    account::last_name.eq(&new.last_name),
                    account::email.eq(&new.email),
                    account::email_key.eq(&email_key),
                    account::phone.eq(&new.phone),
                    account::phone_key.eq(&phone_key),
                    account::password_hash.eq(new.password_hash.expose()),
                    account::created_at.eq(time(new.created_at)),
                ))
                // The first insert wins, also among concurrent ones.
                .on_conflict_do_nothing()
                .returning(account::id)
                .get_result(connection)
                .optional()?;
            let is_done = match id {
                Some(id) => lookalikes::take(connection, id, &new.username)?,
                None => false,
            };
            let (true, Some(id)) = (is_done, id) else {
                // Another client registered at the same moment.
                let keys = (email_key.as_deref(), phone_key.as_deref());
                return self::taken(connection, &new.username, keys).map(Err);
            };
            Ok(Ok(Account {
                id: AccountId(id),
                username: new.username.clone(),
                first_name: new.first_name.clone(),
                last_name: new.last_name.clone(),
                email: new.email.clone(),
                phone: new.phone.clone(),
                password_hash: new.password_hash.clone(),
                created_at: new.created_at,
                password_changes: 0,
                ignored: Vec::new(),
                standing: Standing::Good,
                seen_at: None,
                role: None,
            }))
        }

        /// See [`crate::store::Store::create_remote`].
        pub fn create_remote(
            connection: &mut $connection,
            new: &NewAccount,
            user: &str,
        ) -> QueryResult<Result<Account, Vec<UniqueField>>> {
            let made = create(connection, new)?;
            if let Ok(account) = &made {
                diesel::insert_into(remote_user::table)
                    .values((
                        remote_user::account_id.eq(account.id.0),
                        remote_user::name.eq(user),
                    ))
                    .execute(connection)?;
            }
            Ok(made)
        }

        /// See [`crate::store::Store::link_remote`]. `None` if there is no such account.
        pub fn link_remote(
            connection: &mut $connection,
            of: AccountId,
            user: Option<&str>,
        ) -> QueryResult<Option<bool>> {
            let undeleted = account::table
                .find(of.0)
                .filter(account::deleted_at.is_null());
            if !diesel::select(diesel::dsl::exists(undeleted)).get_result::<bool>(connection)? {
                return Ok(None);
            }
            if let Some(user) = user {
                let others = remote_user::table
                    .filter(remote_user::name.eq(user))
                    .filter(remote_user::account_id.ne(of.0));
                if diesel::select(diesel::dsl::exists(others)).get_result(connection)? {
                    return Ok(Some(false));
                }
            }
            diesel::delete(remote_user::table.find(of.0)).execute(connection)?;
            if let Some(user) = user {
                // Of two at the same moment, the second fails, and nothing of it is done.
                diesel::insert_into(remote_user::table)
                    .values((remote_user::account_id.eq(of.0), remote_user::name.eq(user)))
                    .execute(connection)?;
            }
            Ok(Some(true))
        }

        /// The fields that another account has already.
        fn taken(
            connection: &mut $connection,
            username: &Name,
            (email_key, phone_key): (Option<&str>, Option<&str>),
        ) -> QueryResult<Vec<UniqueField>> {
            let name = lookalikes::is_taken(connection, username)?;
            // A comparison with NULL is never true, so accounts without an address do not collide.
            let email = account::table.filter(account::email_key.eq(email_key));
            let phone = account::table.filter(account::phone_key.eq(phone_key));
            let (email, phone) = (diesel::dsl::exists(email), diesel::dsl::exists(phone));
            let (email, phone): (bool, bool) =
                diesel::select((email, phone)).get_result(connection)?;
            let taken = [
                (name, UniqueField::Username),
                (email, UniqueField::Email),
                (phone, UniqueField::Phone),
            ];
            let taken = taken.into_iter().filter(|(is_taken, _)| *is_taken);
            Ok(taken.map(|(_, field)| field).collect())
        }

        /// See [`crate::store::Store::account`].
        pub fn find(connection: &mut $connection, who: &Who) -> QueryResult<Option<Account>> {
            let columns = (
                account::id,
                account::username,
                account::first_name,
                account::last_name,
                account::email,
                account::phone,
                account::password_hash,
                account::created_at,
                account::password_changes,
                account::disabled_at,
                account::deleted_at,
                account::seen_at,
                account::role,
            );
            let row: Option<AccountRow> = match who {
                Who::Id(id) => account::table
                    .find(id.0)
                    .select(columns)
                    .get_result(connection)
                    .optional()?,
                Who::Remote(user) => account::table
                    .inner_join(remote_user::table)
                    .filter(remote_user::name.eq(user))
                    .select(columns)
                    .get_result(connection)
                    .optional()?,
                Who::Username(name) => account::table
                    .filter(account::username_key.eq(&**name.key()))
                    .select(columns)
                    .get_result(connection)
                    .optional()?,
            };
            let row = match (row, who) {
                // No account has this name: which account has one that looks like it?
                (None, Who::Username(name)) => match lookalikes::find(connection, name)? {
                    Some(id) => account::table
                        .find(id)
                        .select(columns)
                        .get_result(connection)
                        .optional()?,
                    None => None,
                },
                (row, _) => row,
            };
            let Some(row) = row else {
                return Ok(None);
            };
            let ignored: Vec<String> = ignored::table
                .filter(ignored::account_id.eq(row.id))
                .order(ignored::nickname)
                .select(ignored::nickname)
                .load(connection)?;
            Ok(Some(Account {
                id: AccountId(row.id),
                username: name(&row.username)?,
                first_name: row.first_name,
                last_name: row.last_name,
                email: row.email,
                phone: row.phone,
                password_hash: Secret::new(row.password_hash),
                created_at: row.created_at.try_into().unwrap_or(0),
                password_changes: row.password_changes.try_into().unwrap_or(0),
                ignored: ignored
                    .iter()
                    .map(|nickname| name(nickname))
                    .collect::<QueryResult<_>>()?,
                standing: standing(row.disabled_at, row.deleted_at),
                seen_at: row.seen_at.and_then(|at| at.try_into().ok()),
                role: row.role.and_then(ServerRole::of_number),
            }))
        }

        /// See [`crate::store::Store::rehash_password`].
        pub fn rehash_password(
            connection: &mut $connection,
            account: AccountId,
            (from, to): (&Secret, &Secret),
        ) -> QueryResult<()> {
            diesel::update(account::table.find(account.0))
                .filter(account::password_hash.eq(from.expose()))
                .set(account::password_hash.eq(to.expose()))
                .execute(connection)?;
            Ok(())
        }

        /// `None` if there is no such account.
        pub fn change_password(
            connection: &mut $connection,
            account: AccountId,
            hash: &Secret,
            now_ms: u64,
        ) -> QueryResult<Option<()>> {
            let changed = diesel::update(account::table.find(account.0))
                .set((
                    account::password_hash.eq(hash.expose()),
                    account::password_changes.eq(account::password_changes + 1),
                ))
                .execute(connection)?;
            revoke_tokens(connection, account, now_ms)?;
            // A client that knew the old password may have used any of them.
            let known = known_address::table.filter(known_address::account_id.eq(account.0));
            diesel::delete(known).execute(connection)?;
            diesel::delete(password_reset::table.find(account.0)).execute(connection)?;
            Ok((changed > 0).then_some(()))
        }

        /// See [`crate::store::Store::change_own_password`].
        pub fn change_own_password(
            connection: &mut $connection,
            (account, changes): (AccountId, u64),
            hash: &Secret,
            now_ms: u64,
        ) -> QueryResult<bool> {
            // Also locks the row: of two changes at once the second finds another number.
            let is_same = diesel::update(account::table.find(account.0))
                .filter(account::password_changes.eq(time(changes)))
                .set(account::password_changes.eq(account::password_changes))
                .execute(connection)?;
            if is_same == 0 {
                return Ok(false);
            }
            let changed = change_password(connection, account, hash, now_ms)?;
            Ok(changed.is_some())
        }

        /// See [`crate::store::Store::set_profile`]. `None` if there is no such account.
        pub fn set_profile(
            connection: &mut $connection,
            account: AccountId,
            profile: &Profile,
        ) -> QueryResult<Option<()>> {
            let row = account::table.find(account.0);
            let before: Option<(Option<String>, Option<String>)> = row
                .filter(account::deleted_at.is_null())
                .select((account::email, account::phone))
                .get_result(connection)
                .optional()?;
            let Some((email, phone)) = before else {
                return Ok(None);
            };
            diesel::update(row)
                .set((
                    account::first_name.eq(&profile.first_name),
                    account::last_name.eq(&profile.last_name),
                    account::email.eq(&profile.email),
                    account::phone.eq(&profile.phone),
                ))
                .execute(connection)?;
            // An address or number that was registered as nobody else's is free again.
            if email != profile.email {
                diesel::update(row)
                    .set(account::email_key.eq(None::<String>))
                    .execute(connection)?;
            }
            if phone != profile.phone {
                diesel::update(row)
                    .set(account::phone_key.eq(None::<String>))
                    .execute(connection)?;
            }
            Ok(Some(()))
        }

        /// Revokes all tokens of an account, and forgets where it is signed in: its passes end, too.
        pub fn revoke_tokens(
            connection: &mut $connection,
            account: AccountId,
            now_ms: u64,
        ) -> QueryResult<()> {
            diesel::update(token::table)
                .filter(token::account_id.eq(account.0))
                .filter(token::is_active)
                .set((
                    token::is_active.eq(false),
                    token::is_refreshable.eq(false),
                    token::modified_at.eq(time(now_ms)),
                ))
                .execute(connection)?;
            let sign_ins = sign_in::table.filter(sign_in::account_id.eq(account.0));
            diesel::delete(sign_ins).execute(connection)?;
            Ok(())
        }

        /// Locks an account until the end of the transaction: a token is created before or after
        /// [`change_password`], never during it. Returns whether there is such an account.
        fn lock(connection: &mut $connection, id: i64) -> QueryResult<bool> {
            let same = account::password_changes.eq(account::password_changes);
            let found = diesel::update(account::table.find(id)).set(same);
            Ok(found.execute(connection)? > 0)
        }

        /// See [`crate::store::Store::add_known_address`].
        pub fn add_known_address(
            connection: &mut $connection,
            account: AccountId,
            address: &str,
            at_ms: u64,
        ) -> QueryResult<()> {
            if !exists(connection, account)? {
                return Ok(());
            }
            diesel::insert_into(known_address::table)
                .values((
                    known_address::account_id.eq(account.0),
                    known_address::address.eq(address),
                    known_address::at_ms.eq(time(at_ms)),
                ))
                .on_conflict((known_address::account_id, known_address::address))
                .do_update()
                .set(known_address::at_ms.eq(excluded(known_address::at_ms)))
                .execute(connection)?;
            let own = known_address::table.filter(known_address::account_id.eq(account.0));
            let one_too_many: Option<i64> = own
                .order(known_address::at_ms.desc())
                .offset(KNOWN_PER_ACCOUNT)
                .select(known_address::at_ms)
                .first(connection)
                .optional()?;
            if let Some(at) = one_too_many {
                diesel::delete(own.filter(known_address::at_ms.le(at))).execute(connection)?;
            }
            forget_known_addresses(connection)
        }

        /// Keeps no more of them than there may be in all: the newest.
        fn forget_known_addresses(connection: &mut $connection) -> QueryResult<()> {
            let one_too_many: Option<i64> = known_address::table
                .order(known_address::at_ms.desc())
                .offset(KNOWN_ADDRESSES)
                .select(known_address::at_ms)
                .first(connection)
                .optional()?;
            if let Some(at) = one_too_many {
                let old = known_address::table.filter(known_address::at_ms.le(at));
                diesel::delete(old).execute(connection)?;
            }
            Ok(())
        }

        /// See [`crate::store::Store::known_addresses`].
        pub fn known_addresses(
            connection: &mut $connection,
            since_ms: u64,
        ) -> QueryResult<Vec<KnownAddress>> {
            let old = known_address::table.filter(known_address::at_ms.lt(time(since_ms)));
            diesel::delete(old).execute(connection)?;
            let rows: Vec<(String, String, i64)> = known_address::table
                .inner_join(account::table)
                .order(known_address::at_ms.desc())
                .limit(KNOWN_ADDRESSES)
                .select((
                    account::username_key,
                    known_address::address,
                    known_address::at_ms,
                ))
                .load(connection)?;
            let known = rows.into_iter().map(|(account, address, at)| KnownAddress {
                account,
                address,
                at_ms: at.try_into().unwrap_or(0),
            });
            Ok(known.collect())
        }

        /// See [`crate::store::Store::end_pass`].
        pub fn end_pass(
            connection: &mut $connection,
            pass: &str,
            expires_at: u64,
        ) -> QueryResult<()> {
            diesel::insert_into(ended_pass::table)
                .values((
                    ended_pass::pass.eq(pass),
                    ended_pass::expires_at.eq(time(expires_at)),
                ))
                .on_conflict(ended_pass::pass)
                .do_update()
                .set(ended_pass::expires_at.eq(excluded(ended_pass::expires_at)))
                .execute(connection)?;
            diesel::delete(sign_in::table.find(pass)).execute(connection)?;
            Ok(())
        }

        /// See [`crate::store::Store::is_pass_ended`].
        pub fn is_pass_ended(connection: &mut $connection, pass: &str) -> QueryResult<bool> {
            diesel::select(diesel::dsl::exists(ended_pass::table.find(pass))).get_result(connection)
        }

        /// `None` if there is no such account.
        pub fn set_ignored(
            connection: &mut $connection,
            account: AccountId,
            nickname: &Name,
            ignore: bool,
        ) -> QueryResult<Option<()>> {
            if !exists(connection, account)? {
                return Ok(None);
            }
            if ignore {
                diesel::insert_into(ignored::table)
                    .values((
                        ignored::account_id.eq(account.0),
                        ignored::nickname_key.eq(&**nickname.key()),
                        ignored::nickname.eq(nickname.as_str()),
                    ))
                    .on_conflict((ignored::account_id, ignored::nickname_key))
                    .do_update()
                    .set(ignored::nickname.eq(excluded(ignored::nickname)))
                    .execute(connection)?;
            } else {
                diesel::delete(ignored::table.find((account.0, &**nickname.key())))
                    .execute(connection)?;
            }
            Ok(Some(()))
        }

        fn exists(connection: &mut $connection, id: AccountId) -> QueryResult<bool> {
            diesel::select(diesel::dsl::exists(account::table.find(id.0))).get_result(connection)
        }

        /// `None` if there is no such account.
        pub fn add_token(connection: &mut $connection, new: &Token) -> QueryResult<Option<()>> {
            if !lock(connection, new.account.0)? {
                return Ok(None);
            }
            diesel::insert_into(token::table)
                .values(TokenRow::from(new))
                .execute(connection)?;
            Ok(Some(()))
        }

        /// See [`crate::store::Store::token`].
        pub fn token(
            connection: &mut $connection,
            access_key_id: &str,
        ) -> QueryResult<Option<Token>> {
            let row: Option<TokenRow> = token::table
                .find(access_key_id)
                .get_result(connection)
                .optional()?;
            Ok(row.map(Token::from))
        }

        /// See [`crate::store::Store::exchange_token`].
        pub fn exchange_token(
            connection: &mut $connection,
            refresh_token: &Secret,
            new: &Token,
            now_ms: u64,
        ) -> QueryResult<Option<Token>> {
            let owner: Option<i64> = token::table
                .filter(token::refresh_token.eq(refresh_token.expose()))
                .select(token::account_id)
                .first(connection)
                .optional()?;
            if let Some(owner) = owner {
                lock(connection, owner)?;
            }
            let old: Option<TokenRow> = diesel::update(token::table)
                .filter(token::refresh_token.eq(refresh_token.expose()))
                .filter(token::is_refreshable)
                .filter(token::is_active)
                .filter(token::expires_at.gt(time(now_ms)))
                .set((
                    token::is_refreshable.eq(false),
                    token::is_active.eq(false),
                    token::modified_at.eq(time(now_ms)),
                ))
                .returning(token::all_columns)
                .get_result(connection)
                .optional()?;
            let Some(old) = old else {
                return Ok(None);
            };
            let new = Token {
                account: AccountId(old.account_id),
                ..new.clone()
            };
            diesel::insert_into(token::table)
                .values(TokenRow::from(&new))
                .execute(connection)?;
            diesel::update(sign_in::table.find(&old.access_key_id))
                .set((
                    sign_in::id.eq(&new.access_key_id),
                    sign_in::used_at.eq(time(now_ms)),
                    sign_in::expires_at.eq(time(new.expires_at)),
                ))
                .execute(connection)?;
            Ok(Some(new))
        }

        /// See [`crate::store::Store::deactivate_token`].
        pub fn deactivate_token(
            connection: &mut $connection,
            access_key_id: &str,
            now_ms: u64,
        ) -> QueryResult<bool> {
            let changed = diesel::update(token::table.find(access_key_id))
                .filter(token::is_active)
                .set((
                    token::is_active.eq(false),
                    token::is_refreshable.eq(false),
                    token::modified_at.eq(time(now_ms)),
                ))
                .execute(connection)?;
            diesel::delete(sign_in::table.find(access_key_id)).execute(connection)?;
            Ok(changed > 0)
        }
    };
}
pub(super) use queries;

/// The form of an address that all its spellings share.
pub fn email_key(email: &str) -> String {
    email.trim().to_lowercase()
}

/// The form of a phone number that all its spellings share.
pub fn phone_key(phone: &str) -> String {
    let counts = |c: &char| c.is_ascii_digit() || *c == '+';
    phone.chars().filter(counts).collect()
}

/// Whether an account can be used, from its columns.
pub fn standing(disabled_at: Option<i64>, deleted_at: Option<i64>) -> Standing {
    match (deleted_at, disabled_at) {
        (Some(_), _) => Standing::Deleted,
        (None, Some(_)) => Standing::Disabled,
        (None, None) => Standing::Good,
    }
}

/// A time as it is stored.
pub fn time(ms: u64) -> i64 {
    ms.try_into().unwrap_or(i64::MAX)
}

impl From<&Token> for TokenRow {
    fn from(token: &Token) -> TokenRow {
        TokenRow {
            access_key_id: token.access_key_id.clone(),
            secret_access_key: token.secret_access_key.expose().to_owned(),
            refresh_token: token.refresh_token.expose().to_owned(),
            account_id: token.account.0,
            created_at: time(token.created_at),
            expires_at: time(token.expires_at),
            modified_at: time(token.modified_at),
            is_refreshable: token.is_refreshable,
            is_active: token.is_active,
        }
    }
}

impl From<TokenRow> for Token {
    fn from(row: TokenRow) -> Token {
        Token {
            access_key_id: row.access_key_id,
            secret_access_key: Secret::new(row.secret_access_key),
            refresh_token: Secret::new(row.refresh_token),
            account: AccountId(row.account_id),
            created_at: row.created_at.try_into().unwrap_or(0),
            expires_at: row.expires_at.try_into().unwrap_or(0),
            modified_at: row.modified_at.try_into().unwrap_or(0),
            is_refreshable: row.is_refreshable,
            is_active: row.is_active,
        }
    }
}
