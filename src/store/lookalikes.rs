//! Usernames that look alike: a client cannot register one, and accounts older than that rule are
//! found and reported.
//!
//! Queries are a macro for the same reason as in `accounts.rs`.

use std::collections::HashMap;

use crate::model::Name;

/// Accounts looked at in one transaction.
pub const BATCH: i64 = 500;
/// Collisions to list by name; the others are only counted.
pub const NAMED: i64 = 20;

/// The rows to write for some accounts.
#[derive(Default)]
pub struct Additions {
    /// Keys that look like a username, with their accounts.
    pub looks: Vec<(String, i64)>,
    /// Keys of usernames, with their accounts. They take precedence.
    pub own: Vec<(String, i64)>,
    /// Pairs of accounts, the lower id first.
    pub collisions: Vec<(i64, i64)>,
}

/// An account that has no rows yet: its id, its username and the username's key.
pub type Unknown = (i64, String, String);

/// All keys that concern an account.
pub fn keys(account: &Unknown) -> Vec<String> {
    let mut keys = vec![account.2.clone()];
    if let Ok(name) = Name::restore(&account.1) {
        keys.extend(name.looks().iter().map(|look| look.to_string()));
    }
    keys
}

impl Additions {
    /// The rows to write for these accounts, given the present owners of the keys.
    pub fn of(unknown: &[Unknown], mut owners: HashMap<String, i64>) -> Additions {
        let mut all = Additions::default();
        for account in unknown {
            let id = account.0;
            for key in keys(account) {
                let is_own = key == account.2;
                let owner = owners.get(&key).copied().filter(|owner| *owner != id);
                if let Some(owner) = owner {
                    all.collisions.push((owner.min(id), owner.max(id)));
                }
                if is_own || owner.is_none() {
                    owners.insert(key.clone(), id);
                    match is_own {
                        true => all.own.push((key, id)),
                        false => all.looks.push((key, id)),
                    }
                }
            }
        }
        all.collisions.sort_unstable();
        all.collisions.dedup();
        all
    }
}

/// Defines the queries for one type of connection. Each has to run inside a transaction, except for
/// those that work on a whole database.
macro_rules! queries {
    ($connection:ty) => {
        use std::collections::HashMap;

        use diesel::prelude::*;
        use diesel::sql_types::{BigInt, Text};
        use diesel::upsert::excluded;

        use crate::model::Name;
        use crate::store::lookalikes::{Additions, BATCH, NAMED, Unknown, keys};
        use crate::store::schema::{account, account_key, name_collision};

        /// Whether an account has this username, or one that it could be taken for.
        pub fn is_taken(connection: &mut $connection, name: &Name) -> QueryResult<bool> {
            let claims = name.claims();
            let claims: Vec<&str> = claims.iter().map(|key| &**key).collect();
            let by_look = account_key::table.filter(account_key::key.eq_any(&claims));
            let has: bool = diesel::select(diesel::dsl::exists(by_look)).get_result(connection)?;
            if has {
                return Ok(true);
            }
            // An older server may have registered it without a row in this table.
            let by_name = account::table.filter(account::username_key.eq_any(&claims));
            diesel::select(diesel::dsl::exists(by_name)).get_result(connection)
        }

        /// Takes the keys of a new account's username. Returns `false`, with nothing changed, if
        /// another registration has just taken one.
        pub fn take(connection: &mut $connection, id: i64, name: &Name) -> QueryResult<bool> {
            let mut claims = name.claims();
            // Sorted, so that two servers never deadlock.
            claims.sort_unstable();
            let rows: Vec<_> = claims
                .iter()
                .map(|key| (account_key::key.eq(&**key), account_key::account_id.eq(id)))
                .collect();
            let taken = diesel::insert_into(account_key::table)
                .values(rows)
                .on_conflict_do_nothing()
                .execute(connection)?;
            if taken == claims.len() {
                return Ok(true);
            }
            let keys = account_key::table.filter(account_key::account_id.eq(id));
            diesel::delete(keys).execute(connection)?;
            diesel::delete(account::table.find(id)).execute(connection)?;
            Ok(false)
        }

        /// The account that a name could be taken for.
        pub fn find(connection: &mut $connection, name: &Name) -> QueryResult<Option<i64>> {
            let claims = name.claims();
            let claims: Vec<&str> = claims.iter().map(|key| &**key).collect();
            let owners: Vec<i64> = account_key::table
                .filter(account_key::key.eq_any(&claims))
                .select(account_key::account_id)
                .load(connection)?;
            Ok(owners.into_iter().min())
        }

        /// Adds the missing rows for accounts that are older than the table, or that an older
        /// server created. Works in batches, so it may be interrupted at any moment. Returns the
        /// number of accounts.
        pub fn complete(connection: &mut $connection) -> QueryResult<u64> {
            let (mut after, mut done) = (0, 0);
            loop {
                let last = connection.transaction(|connection| add_batch(connection, after))?;
                let Some((last, number)) = last else {
                    return Ok(done);
                };
                after = last;
                done += number;
                if done % (20 * BATCH as u64) == 0 {
                    log::info!("looking for usernames that look alike: {done} accounts so far");
                }
            }
        }

        fn add_batch(connection: &mut $connection, after: i64) -> QueryResult<Option<(i64, u64)>> {
            let known = account_key::table
                .filter(account_key::key.eq(account::username_key))
                .filter(account_key::account_id.eq(account::id));
            let unknown: Vec<Unknown> = account::table
                .filter(account::id.gt(after))
                .filter(diesel::dsl::not(diesel::dsl::exists(known)))
                .order(account::id)
                .limit(BATCH)
                .select((account::id, account::username, account::username_key))
                .load(connection)?;
            let Some((last, ..)) = unknown.last() else {
                return Ok(None);
            };
            let wanted: Vec<String> = unknown.iter().flat_map(keys).collect();
            let owners: Vec<(String, i64)> = account_key::table
                .filter(account_key::key.eq_any(&wanted))
                .load(connection)?;
            let owners: HashMap<String, i64> = owners.into_iter().collect();
            write(connection, &Additions::of(&unknown, owners))?;
            Ok(Some((*last, unknown.len() as u64)))
        }

        fn write(connection: &mut $connection, additions: &Additions) -> QueryResult<()> {
            let row = |(key, id): &(String, i64)| {
                (
                    account_key::key.eq(key.clone()),
                    account_key::account_id.eq(*id),
                )
            };
            let looks: Vec<_> = additions.looks.iter().map(row).collect();
            diesel::insert_into(account_key::table)
                .values(looks)
                .on_conflict_do_nothing()
                .execute(connection)?;
            let own: Vec<_> = additions.own.iter().map(row).collect();
            for row in own {
                diesel::insert_into(account_key::table)
                    .values(row)
                    .on_conflict(account_key::key)
                    .do_update()
                    .set(account_key::account_id.eq(excluded(account_key::account_id)))
                    .execute(connection)?;
            }
            let pairs = additions.collisions.iter().map(|(one, other)| {
                (
                    name_collision::account_id.eq(*one),
                    name_collision::other_id.eq(*other),
                )
            });
            diesel::insert_into(name_collision::table)
                .values(pairs.collect::<Vec<_>>())
                .on_conflict_do_nothing()
                .execute(connection)?;
            Ok(())
        }

        #[derive(QueryableByName)]
        struct Collision {
            #[diesel(sql_type = Text)]
            one: String,
            #[diesel(sql_type = Text)]
            other: String,
        }

        #[derive(QueryableByName)]
        struct Number {
            #[diesel(sql_type = BigInt)]
            number: i64,
        }

        /// Logs which usernames look alike, if any do.
        pub fn report(connection: &mut $connection) -> QueryResult<()> {
            let all: Number = diesel::sql_query("SELECT count(*) AS number FROM name_collision")
                .get_result(connection)?;
            let some: Vec<Collision> = diesel::sql_query(
                "SELECT a.username AS one, b.username AS other FROM name_collision
                 JOIN account a ON a.id = account_id JOIN account b ON b.id = other_id
                 ORDER BY account_id, other_id LIMIT $1",
            )
            .bind::<BigInt, _>(NAMED)
            .load(connection)?;
            for Collision { one, other } in &some {
                log::warn!(
                    "the usernames {one} and {other} look alike and are two accounts; each goes \
                     on under its own spelling, but tell their owners"
                );
            }
            let more = all.number - some.len() as i64;
            if more > 0 {
                log::warn!("{more} more pairs of usernames look alike (table name_collision)");
            }
            Ok(())
        }
    };
}
pub(super) use queries;

#[cfg(test)]
mod tests {
    use super::*;

    fn account(id: i64, name: &str) -> Unknown {
        let key = Name::parse(name).unwrap().key().to_string();
        (id, name.to_owned(), key)
    }

    #[test]
    fn each_account_keeps_its_own_key_and_collisions_are_noted_once() {
        let accounts = [account(1, "Ian"), account(2, "Mina"), account(5, "lan")];
        let all = Additions::of(&accounts, HashMap::new());
        let keyed = |key: &str, id| (key.to_owned(), id);
        assert_eq!(
            all.own,
            [keyed("ian", 1), keyed("rnina", 2), keyed("lan", 5)]
        );
        assert_eq!(all.looks, [keyed("lan", 1)]);
        assert_eq!(all.collisions, [(1, 5)]);
        // The order of the batches makes no difference.
        let owners = HashMap::from([keyed("lan", 5), keyed("ian", 9)]);
        let later = Additions::of(&accounts[..1], owners);
        assert_eq!(later.own, [keyed("ian", 1)]);
        assert!(later.looks.is_empty());
        assert_eq!(later.collisions, [(1, 5), (1, 9)]);
    }
}
