//! What every store must do with the tokens of programs, whatever its database.

use chat_server::model::program::{MAX_PROGRAMS, ProgramToken, Shown};
use chat_server::model::{Scopes, UniqueField};
use chat_server::store::StoreError;

use crate::channels_suite::FOR_EVER;
use crate::store_suite::{Database, name, person};

/// One test for each thing a store must do.
#[macro_export]
macro_rules! programs_suite {
    ($database:ty) => {
        $crate::programs_suite!($database:
            a_token_is_kept_until_it_is_removed,
            there_is_a_limited_number_of_tokens,
            a_bot_is_an_account_that_is_known_as_one,
        );
    };
    ($database:ty: $($test:ident,)*) => {
        $(
            #[test]
            fn $test() {
                $crate::programs_suite::$test(
                    &<$database as $crate::store_suite::Database>::create(),
                );
            }
        )*
    };
}

fn token(number: usize, shown: Shown) -> ProgramToken {
    let secret_hash = format!("{number:016x}{:048}", 0);
    ProgramToken {
        id: ProgramToken::id_of(&secret_hash),
        name: name("ci"),
        shown,
        secret_hash,
        scopes: Scopes::parse(["post:#dev", "read:*", "log"]).unwrap(),
        bot: None,
        created_at: number as u64,
        expires_at: None,
        used_at: None,
        rate: 600,
    }
}

pub fn a_token_is_kept_until_it_is_removed(database: &impl Database) {
    let store = database.open(FOR_EVER);
    let bot = store.create_bot(&person("builds")).unwrap();
    let plain = token(1, Shown::Token);
    let full = ProgramToken {
        bot: Some((bot.id, bot.username.clone())),
        expires_at: Some(5000),
        ..token(2, Shown::Hook)
    };
    for token in [&full, &plain] {
        assert_eq!(store.add_program(token), Ok(true));
    }
    assert!(store.add_program(&plain).is_err(), "it is there already");
    store.close().unwrap();
    let store = database.open(FOR_EVER);
    assert_eq!(store.programs(), Ok(vec![plain.clone(), full.clone()]));
    assert_eq!(store.program(&full.secret_hash), Ok(Some(full.clone())));
    assert_eq!(store.program(&full.id), Ok(None));
    store.note_program_used(&full.id, 120_000).unwrap();
    let used = ProgramToken {
        used_at: Some(120_000),
        ..full
    };
    assert_eq!(store.program(&used.secret_hash), Ok(Some(used.clone())));
    assert_eq!(store.remove_program(&used.id), Ok(Some(used.clone())));
    assert_eq!(store.remove_program(&used.id), Ok(None));
    assert_eq!(store.programs(), Ok(vec![plain]));
}

pub fn there_is_a_limited_number_of_tokens(database: &impl Database) {
    let store = database.open(FOR_EVER);
    for number in 0..MAX_PROGRAMS {
        assert_eq!(store.add_program(&token(number, Shown::Token)), Ok(true));
    }
    assert_eq!(store.add_program(&token(5000, Shown::Token)), Ok(false));
    // Hooks have a limit of their own.
    assert_eq!(store.add_program(&token(5001, Shown::Hook)), Ok(true));
    let first = token(0, Shown::Token);
    assert_eq!(store.remove_program(&first.id), Ok(Some(first)));
    assert_eq!(store.add_program(&token(5000, Shown::Token)), Ok(true));
}

pub fn a_bot_is_an_account_that_is_known_as_one(database: &impl Database) {
    let store = database.open(FOR_EVER);
    let alice = store.create_account(&person("alice")).unwrap();
    let bot = store.create_bot(&person("builds")).unwrap();
    assert_eq!(store.is_bot(bot.id), Ok(true));
    assert_eq!(store.is_bot(alice.id), Ok(false));
    let taken = store.create_bot(&person("Alice")).map(|account| account.id);
    assert!(
        matches!(&taken, Err(StoreError::Taken(fields)) if fields.contains(&UniqueField::Username)),
        "{taken:?}"
    );
}
