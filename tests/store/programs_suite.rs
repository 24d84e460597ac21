//! What every store must do with the tokens of programs, whatever its database.

use std::sync::Arc;

use chat_server::model::hook::{Hook, MAX_IN_CHANNEL, SigningKey};
use chat_server::model::once::REMEMBERED_MS;
use chat_server::model::outgoing::{Attempt, Held, Outgoing, Settled};
use chat_server::model::program::{MAX_PROGRAMS, ProgramToken, Shown};
use chat_server::model::{Keyed, Mark, MessageId, Once, Record, Scopes, Secret, Seen, UniqueField};
use chat_server::store::{Feed, StoreError};

use crate::channels_suite::FOR_EVER;
use crate::store_suite::{Database, id, name, person, said};

/// One test for each thing a store must do.
#[macro_export]
macro_rules! programs_suite {
    ($database:ty) => {
        $crate::programs_suite!($database:
            a_token_is_kept_until_it_is_removed,
            there_is_a_limited_number_of_tokens,
            a_bot_is_an_account_that_is_known_as_one,
            a_channel_has_a_limited_number_of_hooks,
            what_a_program_has_posted_is_remembered_for_a_day,
            an_outgoing_hook_is_held_by_one_server,
            the_queue_of_a_hook_is_in_order_and_kept,
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
    assert_eq!(store.bots(10), Ok(vec![bot.id]));
    assert_eq!(store.bots(0), Ok(Vec::new()));
    let taken = store.create_bot(&person("Alice")).map(|account| account.id);
    assert!(
        matches!(&taken, Err(StoreError::Taken(fields)) if fields.contains(&UniqueField::Username)),
        "{taken:?}"
    );
}

const FIRST: MessageId = MessageId { ms: 0, sequence: 0 };

fn hook(number: usize, channel: &str) -> Hook {
    Hook {
        program: token(number, Shown::Hook),
        channel: name(channel),
        signing: None,
        made_by: None,
        outgoing: None,
    }
}

pub fn a_channel_has_a_limited_number_of_hooks(database: &impl Database) {
    let store = database.open(FOR_EVER);
    let full = Hook {
        signing: Some(SigningKey::of([7; 32])),
        made_by: Some(name("alice")),
        ..hook(0, "dev")
    };
    assert_eq!(store.add_hook(&full, FIRST), Ok(true));
    let others: Vec<Hook> = (1..MAX_IN_CHANNEL).map(|n| hook(n, "Dev")).collect();
    for other in &others {
        assert_eq!(store.add_hook(other, FIRST), Ok(true));
    }
    assert_eq!(store.add_hook(&hook(100, "dev"), FIRST), Ok(false));
    assert_eq!(
        store.program(&hook(100, "dev").program.secret_hash),
        Ok(None)
    );
    let elsewhere = hook(101, "ops");
    assert_eq!(store.add_hook(&elsewhere, FIRST), Ok(true));
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
    assert_eq!(store.add_hook(&hook(100, "dev"), FIRST), Ok(true));
}

/// A message of a program, with what its call is known by.
fn keyed(ms: u64, program: &str, mark: &Mark, content: Option<&Mark>) -> Record {
    let once = Arc::new(Once {
        program: program.into(),
        mark: mark.clone(),
        content: content.cloned(),
    });
    let message = said(ms, "dev", "built");
    Record::Keyed(Box::new(Keyed { message, once }))
}

pub fn what_a_program_has_posted_is_remembered_for_a_day(database: &impl Database) {
    let store = database.open(FOR_EVER);
    let (one, other) = (hook(1, "dev"), token(2, Shown::Token));
    assert_eq!(store.add_hook(&one, FIRST), Ok(true));
    assert_eq!(store.add_program(&other), Ok(true));
    let (mark, content) = (Mark::of("key", "72d3162e"), Mark::of("key", "built"));
    let first = 1_700_000_000_000;
    let records = [
        keyed(first, &one.program.id, &mark, None),
        said(first + 1, "dev", "by people").into(),
        keyed(first + 2, &other.id, &mark, Some(&content)),
        // A mark that is known keeps its message.
        keyed(first + 3, &other.id, &mark, None),
    ];
    assert_eq!(store.commit(&records), Ok(vec![Ok(()); 4]));
    // The same group may be sent again.
    assert_eq!(store.commit(&records), Ok(vec![Ok(()); 4]));
    store.close().unwrap();
    let store = database.open(FOR_EVER);
    let seen = |program: &str, mark: &Mark, now| {
        let once = Once {
            program: program.into(),
            mark: mark.clone(),
            content: None,
        };
        store.call_seen(&once, now).unwrap()
    };
    let of = |ms, content: Option<&Mark>| {
        Some(Seen {
            message: id(ms),
            content: content.cloned(),
        })
    };
    let then = first + 5;
    assert_eq!(seen(&one.program.id, &mark, then), of(first, None));
    assert_eq!(seen(&other.id, &mark, then), of(first + 2, Some(&content)));
    assert_eq!(seen(&other.id, &Mark::of("id", "72d3162e"), then), None);
    let late = first + 2 + REMEMBERED_MS;
    assert_eq!(seen(&other.id, &mark, late), None);
    // One that publishes what is not stored, which forgets those before.
    let once = Once {
        program: other.id.as_str().into(),
        mark: Mark::of("key", "other"),
        content: None,
    };
    store.note_call(&once, id(late), late).unwrap();
    assert_eq!(store.call_seen(&once, late), Ok(of(late, None)));
    assert_eq!(seen(&other.id, &mark, then), None, "forgotten");
    assert!(store.remove_program(&other.id).unwrap().is_some());
    assert_eq!(store.call_seen(&once, late), Ok(None));
}

fn outgoing(number: usize) -> Hook {
    Hook {
        program: token(number, Shown::Nothing),
        outgoing: Some(Outgoing {
            url: Secret::new("https://example.org/x"),
            triggers: vec!["!deploy".into(), "!ask".into()],
        }),
        ..hook(number, "dev")
    }
}

fn message(ms: u64) -> MessageId {
    MessageId { ms, sequence: 0 }
}

pub fn an_outgoing_hook_is_held_by_one_server(database: &impl Database) {
    let store = database.open(FOR_EVER);
    let (first, second) = (outgoing(1), outgoing(2));
    assert_eq!(store.add_hook(&first, message(5)), Ok(true));
    let claimed = |holder: &str, times, others| {
        let duties = store.claim_hooks(holder, times, others).unwrap();
        let ids = duties.into_iter().map(|duty| duty.hook.program.id);
        ids.collect::<Vec<_>>()
    };
    let duties = store.claim_hooks("a", (1000, 2000), true).unwrap();
    assert_eq!(duties[0].hook, first);
    assert_eq!((duties[0].fed_to, duties[0].waiting), (message(5), 0));
    assert!(claimed("b", (1500, 2500), true).is_empty());
    assert_eq!(
        claimed("a", (1500, 2500), true),
        [first.program.id.as_str()]
    );
    assert_eq!(store.add_hook(&second, message(5)), Ok(true));
    assert_eq!(
        claimed("b", (1600, 2600), true),
        [second.program.id.as_str()]
    );
    // Its time is over; a server that stands alone takes all.
    assert_eq!(claimed("b", (2501, 3500), true).len(), 2);
    assert_eq!(claimed("c", (2600, 3600), false).len(), 2);
    store.release_hooks("c").unwrap();
    assert_eq!(claimed("a", (2700, 3700), true).len(), 2);
    assert_eq!(store.pause_hook(&first.program.id, "why", 3000), Ok(true));
    assert_eq!(
        store.pause_hook(&first.program.id, "again", 3001),
        Ok(false)
    );
    assert_eq!(
        claimed("a", (2700, 3700), true),
        [second.program.id.as_str()]
    );
    let condition = store.hook_condition(&first.program.id).unwrap().unwrap();
    assert_eq!(condition.paused, Some((3000, "why".to_owned())));
    assert_eq!(store.resend(&first.program.id), Ok(true));
    assert_eq!(claimed("a", (2700, 3700), true).len(), 2);
    assert_eq!(store.resend("0123"), Ok(false));
}

pub fn the_queue_of_a_hook_is_in_order_and_kept(database: &impl Database) {
    let store = database.open(FOR_EVER);
    let hook = outgoing(1);
    let id = hook.program.id.as_str();
    assert_eq!(store.add_hook(&hook, message(5)), Ok(true));
    let feed = |messages: &[u64], fed_to| {
        let messages: Vec<MessageId> = messages.iter().map(|ms| message(*ms)).collect();
        let feed = Feed {
            hook: id,
            messages: &messages,
            fed_to: message(fed_to),
        };
        store.feed_hook(&feed)
    };
    assert_eq!(feed(&[6, 8], 9), Ok(2));
    // By another server, a moment later.
    assert_eq!(feed(&[6, 8], 9), Ok(2));
    assert_eq!(feed(&[10, 11], 11), Ok(4));
    store.close().unwrap();
    let store = database.open(FOR_EVER);
    let waiting = |limit| {
        let waiting = store.deliveries(id, false, limit).unwrap();
        let ids = waiting.into_iter().map(|delivery| delivery.message.ms);
        ids.collect::<Vec<_>>()
    };
    assert_eq!(waiting(3), [6, 8, 10]);
    let attempt = |at_ms, status| Attempt {
        at_ms,
        status: Some(status),
        error: (status != 200).then(|| "no".to_owned()),
    };
    let settle = |ms, settled| store.settle_delivery(id, message(ms), &settled).unwrap();
    settle(6, Settled::Again(attempt(100, 500), 200));
    settle(6, Settled::Again(attempt(200, 502), 400));
    let tried = store.deliveries(id, false, 1).unwrap().remove(0);
    assert_eq!((tried.attempts, tried.first_tried_at), (2, Some(100)));
    assert_eq!(tried.last, Some(attempt(200, 502)));
    let duty = store.claim_hooks("a", (1, 2), false).unwrap().remove(0);
    assert_eq!(
        (duty.next_at, duty.fed_to, duty.waiting),
        (400, message(11), 4)
    );
    settle(6, Settled::Failed(attempt(400, 500)));
    settle(8, Settled::Delivered(attempt(500, 200)));
    settle(10, Settled::Dropped);
    assert_eq!(waiting(10), [11]);
    let condition = store.hook_condition(id).unwrap().unwrap();
    assert_eq!((condition.waiting, condition.failed), (1, 1));
    let held = |oldest, paused| Held {
        paused,
        oldest: Some(oldest).filter(|ms| *ms > 0).map(message),
    };
    assert_eq!(store.hooks_held("a"), Ok(held(11, 0)));
    assert_eq!(store.hooks_held("b"), Ok(held(0, 0)));
    assert_eq!(condition.last, Some(attempt(500, 200)));
    assert_eq!(
        store.deliveries(id, true, 10).unwrap()[0].message,
        message(6)
    );
    assert_eq!(store.resend(id), Ok(true));
    assert_eq!(waiting(10), [6, 11]);
    assert_eq!(store.hooks_held("a"), Ok(held(6, 0)));
    assert_eq!(store.pause_hook(id, "why", 3000), Ok(true));
    assert_eq!(store.hooks_held("a"), Ok(held(0, 1)));
    assert!(store.remove_program(id).unwrap().is_some());
    assert!(waiting(10).is_empty());
    assert_eq!(store.hook_condition(id), Ok(None));
}
