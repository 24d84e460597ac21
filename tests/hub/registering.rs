//! Registered channels: who may have how many, and for how long.

use chat_server::hub::{ChannelTerms, Command, ConnectionId, Deed, Limits, Registrars};
use chat_server::model::governance::{Change, Flag, Flags, Person, Role};
use chat_server::store::AccountId;

use super::hub_support::{credential, name};
use super::keeping_house::{Kept, with_history};

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

fn on_terms(terms: ChannelTerms) -> Kept {
    let mut kept = Kept::new();
    kept.house.hub.set_limits(Limits {
        channel_terms: terms,
        channels_per_connection: 0,
        ..with_history()
    });
    kept
}

fn expiring(expire_days: u64) -> Kept {
    on_terms(ChannelTerms {
        expire_days,
        ..ChannelTerms::default()
    })
}

/// A user with an account.
fn user(kept: &mut Kept, index: u32, nickname: &str, account: i64) -> ConnectionId {
    let address = format!("192.0.2.{}:1", index + 1);
    let id = kept.house.open_with(index, &address, false);
    let nickname = name(nickname);
    let credential = Some(credential(account));
    kept.house
        .run(|hub, now, fx| hub.claim(id, nickname, credential, now, fx))
        .unwrap();
    id
}

fn account(nickname: &str, account: i64) -> Person {
    Person {
        name: name(nickname),
        account: Some(AccountId(account)),
    }
}

/// A founder, who has registered this channel.
fn founder(kept: &mut Kept, channel: &str) -> ConnectionId {
    let ann = user(kept, 0, "ann", 7);
    kept.come(ann, channel);
    kept.govern(ann, channel, Deed::Register);
    ann
}

fn is_registered(kept: &Kept, channel: &str) -> bool {
    let here = kept.hub.rules(&name(channel));
    let here = here.is_some_and(|view| view.rules.registered.is_some());
    assert_eq!(here, kept.stored(channel).registered.is_some());
    here
}

/// Lets hours pass, one after the other.
fn hours(kept: &mut Kept, hours: u64) {
    for _ in 0..hours {
        kept.pass(DAY_MS / 24);
        kept.tend();
    }
}

#[test]
fn an_account_registers_so_many_channels() {
    let mut kept = on_terms(ChannelTerms {
        per_account: 2,
        ..ChannelTerms::default()
    });
    let ann = founder(&mut kept, "one");
    let bob = user(&mut kept, 1, "bob", 8);
    for (channel, is_allowed) in [("two", true), ("three", false)] {
        kept.come(ann, channel);
        kept.govern(ann, channel, Deed::Register);
        assert_eq!(is_registered(&kept, channel), is_allowed);
        assert_eq!(kept.heard(ann, "too_many_registered"), !is_allowed);
    }
    // Nor is one given to an account with as many.
    kept.come(bob, "four");
    kept.govern(bob, "four", Deed::Register);
    kept.govern(bob, "four", Deed::Transfer(account("ann", 7)));
    assert!(kept.heard(bob, "too_many_registered"));
    // An administrator may give more; one that is given up makes room.
    kept.administer("three", Deed::Transfer(account("ann", 7)))
        .unwrap();
    assert!(is_registered(&kept, "three"));
    for channel in ["one", "two", "three"] {
        kept.govern(ann, channel, Deed::Drop);
    }
    kept.govern(bob, "four", Deed::Transfer(account("ann", 7)));
    assert!(!kept.heard(bob, "too_many_registered"));
    kept.come(ann, "five");
    kept.govern(ann, "five", Deed::Register);
    assert!(is_registered(&kept, "five"));
}

#[test]
fn the_server_says_who_registers() {
    for (register, by_account, by_administrator) in [
        (Registrars::Accounts, true, true),
        (Registrars::Administrators, false, true),
        (Registrars::Nobody, false, false),
    ] {
        let mut kept = on_terms(ChannelTerms {
            register,
            ..ChannelTerms::default()
        });
        let ann = founder(&mut kept, "club");
        assert_eq!(is_registered(&kept, "club"), by_account);
        assert_eq!(kept.heard(ann, "may_not_register"), !by_account);
        let given = kept.administer("other", Deed::Transfer(account("ann", 7)));
        assert_eq!(given.is_ok(), by_administrator);
        assert_eq!(is_registered(&kept, "other"), by_administrator);
    }
}

#[test]
fn a_new_channel_begins_with_the_servers_rules() {
    let rules = Flags::default().with(Flag::Moderated, true);
    let rules = rules.with(Flag::TopicLocked, false);
    let mut kept = on_terms(ChannelTerms {
        default_rules: rules,
        ..ChannelTerms::default()
    });
    let ann = kept.arrive(0, "ann");
    let bob = kept.arrive(1, "bob");
    kept.come(ann, "club");
    kept.come(bob, "club");
    assert_eq!(kept.stored("club").flags, rules);
    kept.speak(bob, "club", "may I?");
    assert!(kept.heard(bob, "cannot_speak"));
    kept.speak(ann, "club", "I may.");
    // One with a past, which nobody operates, has none.
    kept.leave(ann, "club");
    kept.leave(bob, "club");
    kept.tend();
    kept.come(bob, "club");
    assert_eq!(kept.stored("club").flags, Flags::default());
}

#[test]
fn what_would_have_no_effect_is_refused() {
    let mut kept = Kept::new();
    let ann = kept.arrive(0, "ann");
    kept.come(ann, "club");
    for flag in [Flag::OpModerated, Flag::Auditorium] {
        kept.set(ann, "club", flag);
        assert!(kept.heard(ann, "not_supported"));
        let rules = Deed::Rules(vec![Change::Flag(flag, true)]);
        assert!(kept.administer("club", rules).is_err());
        let off = Deed::Rules(vec![Change::Flag(flag, false)]);
        kept.govern(ann, "club", off);
        assert!(!kept.heard(ann, "not_supported"));
    }
}

#[test]
fn a_change_that_is_not_stored_is_refused_in_words_of_its_own() {
    let mut kept = Kept::new();
    let ann = kept.arrive(0, "ann");
    kept.come(ann, "club");
    kept.forget();
    kept.is_broken = true;
    kept.set(ann, "club", Flag::Moderated);
    let told = kept.events(ann);
    let words: Vec<String> = told
        .iter()
        .filter_map(|event| match event {
            chat_server::hub::Event::Refused(refusal) => Some(refusal.to_string()),
            _ => None,
        })
        .collect();
    assert!(words[0].contains("change"), "{words:?}");
}

#[test]
fn a_channel_that_nobody_who_operates_it_visits_expires() {
    let mut kept = expiring(3);
    let ann = founder(&mut kept, "club");
    let bob = kept.arrive(1, "bob");
    kept.come(bob, "club");
    kept.leave(ann, "club");
    hours(&mut kept, 2 * 24);
    assert!(is_registered(&kept, "club"));
    kept.forget();
    hours(&mut kept, 25);
    assert!(!is_registered(&kept, "club"));
    assert!(kept.heard(bob, "Expired"), "who is there is told");
    // It is bob's as little as before.
    kept.govern(bob, "club", Deed::Rules(vec![Change::Slow(5)]));
    assert!(kept.heard(bob, "not_operator"));
}

#[test]
fn a_visit_of_an_operator_keeps_a_channel() {
    let mut kept = expiring(3);
    let ann = founder(&mut kept, "club");
    let bob = user(&mut kept, 1, "bob", 8);
    kept.come(bob, "club");
    let role = Some(Role::Operator);
    let who = account("bob", 8);
    kept.govern(
        ann,
        "club",
        Deed::Role {
            who,
            role,
            keep: true,
        },
    );
    kept.leave(ann, "club");
    // Bob is there all the time, and then comes every other day.
    hours(&mut kept, 5 * 24);
    assert!(is_registered(&kept, "club"));
    let before = kept.records.len();
    hours(&mut kept, 24);
    let noted = kept.records.len() - before;
    assert!(
        (1..=2).contains(&noted),
        "{noted} visits were noted in a day"
    );
    for _ in 0..3 {
        kept.leave(bob, "club");
        hours(&mut kept, 2 * 24);
        kept.come(bob, "club");
    }
    assert!(is_registered(&kept, "club"));
    // A server that starts again remembers the visit, and a wrong clock that is set
    // right within the hour harms nothing.
    let terms = ChannelTerms {
        expire_days: 3,
        ..ChannelTerms::default()
    };
    kept.restart();
    kept.house.hub.set_limits(Limits {
        channel_terms: terms,
        ..with_history()
    });
    let right = kept.now.unix_ms;
    kept.house.now.unix_ms += 1000 * DAY_MS;
    kept.pass(1000);
    kept.house.now.unix_ms = right;
    hours(&mut kept, 2 * 24);
    assert!(is_registered(&kept, "club"));
    hours(&mut kept, 2 * 24);
    assert!(!is_registered(&kept, "club"));
}

#[test]
fn without_that_setting_nothing_expires() {
    let mut kept = expiring(0);
    let ann = founder(&mut kept, "club");
    kept.leave(ann, "club");
    kept.house.now.unix_ms += 10_000 * DAY_MS;
    hours(&mut kept, 5);
    assert!(is_registered(&kept, "club"));
    assert_eq!(kept.hub.next_deadline(), None);
}

#[test]
fn channels_are_looked_at_in_pieces() {
    let mut kept = expiring(1);
    kept.house.hub.set_limits(Limits {
        piece: 3,
        channels_per_connection: 0,
        channel_terms: ChannelTerms {
            expire_days: 1,
            ..ChannelTerms::default()
        },
        ..with_history()
    });
    let channels: Vec<String> = (0..20).map(|it| format!("club{it}")).collect();
    let ann = founder(&mut kept, "club");
    for channel in &channels {
        kept.come(ann, channel);
        kept.govern(ann, channel, Deed::Register);
    }
    let quit = Command::Quit { reason: None };
    kept.apply(ann, quit);
    kept.pass(0);
    kept.house.now.ticks_ms += DAY_MS;
    kept.house.now.unix_ms += DAY_MS;
    kept.house.call(|hub, now, fx| hub.tick(now, fx));
    while kept.hub.has_work() {
        let before = kept.appended.len();
        kept.house.call(|hub, now, fx| hub.work(now, fx));
        assert!(kept.appended.len() <= before + 3);
    }
    kept.tend();
    assert!(
        channels
            .iter()
            .all(|channel| !is_registered(&kept, channel))
    );
    assert_eq!(kept.hub.counts().channels, 1, "global alone is left");
}
