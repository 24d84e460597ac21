//! What every store must do with the tokens of programs, whatever its database.

use chat_server::model::hook::{Hook, MAX_IN_CHANNEL, Mark, REMEMBERED_MS, SigningKey};
use chat_server::model::program::{MAX_PROGRAMS, ProgramToken, Shown};
use chat_server::model::{MessageId, Scopes, UniqueField};
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
            a_channel_has_a_limited_number_of_hooks,
            what_was_posted_to_a_hook_is_remembered_for_a_day,
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

fn hook(number: usize, channel: &str) -> Hook {
    Hook {
        program: token(number, Shown::Hook),
        channel: name(channel),
        signing: None,
        made_by: None,
    }
}

pub fn a_channel_has_a_limited_number_of_hooks(database: &impl Database) {
    let store = database.open(FOR_EVER);
    let full = Hook {
        signing: Some(SigningKey::of([7; 32])),
        made_by: Some(name("alice")),
        ..hook(0, "dev")
    };
    assert_eq!(store.add_hook(&full), Ok(true));
    let others: Vec<Hook> = (1..MAX_IN_CHANNEL).map(|n| hook(n, "Dev")).collect();
    for other in &others {
        assert_eq!(store.add_hook(other), Ok(true));
    }
    assert_eq!(store.add_hook(&hook(100, "dev")), Ok(false));
    assert_eq!(
        store.program(&hook(100, "dev").program.secret_hash),
        Ok(None)
    );
    let elsewhere = hook(101, "ops");
    assert_eq!(store.add_hook(&elsewhere), Ok(true));
    store.close().unwrap();
    let store = database.open(FOR_EVER);
    assert_eq!(store.hook(&full.program.id), Ok(Some(full.clone())));
    let of_channel = [vec![full.clone()], others].concat();
    assert_eq!(store.hooks(Some(&name("dev"))), Ok(of_channel.clone()));
    let all = [of_channel, vec![elsewhere]].concat();
    assert_eq!(store.hooks(None), Ok(all));
    let removed = store.remove_program(&full.program.id);
    assert_eq!(removed, Ok(Some(full.program.clone())));
    assert_eq!(store.hook(&full.program.id), Ok(None));
    assert_eq!(store.add_hook(&hook(100, "dev")), Ok(true));
}

pub fn what_was_posted_to_a_hook_is_remembered_for_a_day(database: &impl Database) {
    let store = database.open(FOR_EVER);
    let (one, other) = (hook(1, "dev"), hook(2, "dev"));
    for hook in [&one, &other] {
        assert_eq!(store.add_hook(hook), Ok(true));
    }
    let id = MessageId {
        ms: 1_700_000_000_000,
        sequence: 3,
    };
    let mark = Mark::of("delivery", "72d3162e");
    let (hook, then) = (one.program.id.as_str(), 1_700_000_000_000);
    store.note_hook_seen(hook, &mark, id, then).unwrap();
    store.note_hook_seen(hook, &mark, id, then + 1).unwrap();
    assert_eq!(store.hook_seen(hook, &mark, then + 5), Ok(Some(id)));
    assert_eq!(store.hook_seen(&other.program.id, &mark, then), Ok(None));
    let another = Mark::of("key", "72d3162e");
    assert_eq!(store.hook_seen(hook, &another, then), Ok(None));
    let late = then + REMEMBERED_MS;
    assert_eq!(store.hook_seen(hook, &mark, late), Ok(None));
    store.note_hook_seen(hook, &another, id, late).unwrap();
    assert_eq!(store.hook_seen(hook, &mark, then), Ok(None), "forgotten");
    // It may be removed while it is called.
    assert!(store.remove_program(hook).unwrap().is_some());
    store.note_hook_seen(hook, &mark, id, late).unwrap();
    assert_eq!(store.hook_seen(hook, &mark, late), Ok(None));
}
