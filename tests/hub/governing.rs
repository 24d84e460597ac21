//! Whether the channels of a cluster can be changed through a hub.

use chat_server::hub::{
    Command, Deed, Governing, Limits, News, Order, Refusal, RosterChange, Shared, Target,
};
use chat_server::model::Record;
use chat_server::model::governance::{Change, Flag, List, Mask, Person, Role};
use chat_server::text::Text;

use super::hub_support::name;
use super::keeping_house::{Kept, with_history};

/// A hub that is one of several.
fn one_of_several(governing: Governing) -> Kept {
    let mut kept = Kept::new();
    kept.house.hub.join_others();
    set(&mut kept, governing);
    kept
}

fn set(kept: &mut Kept, governing: Governing) {
    kept.house.hub.set_limits(Limits {
        governing,
        ..with_history()
    });
}

fn every_deed() -> Vec<Deed> {
    let bob = Person {
        name: name("bob"),
        account: None,
    };
    let mask = Mask::parse("mallory").unwrap();
    vec![
        Deed::Topic(Some(Text::clean("cats"))),
        Deed::Rules(vec![Change::Flag(Flag::Secret, true)]),
        Deed::Role {
            who: bob.clone(),
            role: Some(Role::Voice),
            keep: false,
        },
        Deed::Kick {
            who: bob.clone(),
            reason: None,
        },
        Deed::Add {
            list: List::Ban,
            who: Target::Mask(mask),
            for_ms: None,
            reason: None,
        },
        Deed::Invite(bob.clone()),
        Deed::Register,
        Deed::Transfer(bob),
        Deed::Drop,
    ]
}

/// What servers of older versions pass over.
fn newer(kept: &Kept) -> usize {
    let changes = kept.records.values();
    let changes = changes.filter(|record| matches!(record, Record::Change(_)));
    let notices = kept.shared.iter().filter(|shared| {
        matches!(
            shared,
            Shared::Roster(RosterChange::Role { .. }) | Shared::Order(Order::Invite { .. })
        )
    });
    changes.count() + notices.count()
}

#[test]
fn where_older_servers_may_be_nothing_leaves_that_they_do_not_know() {
    for governing in [Governing::Never, Governing::OnceAllCan] {
        let mut kept = one_of_several(governing);
        let ann = kept.arrive(0, "ann");
        let bob = kept.arrive(1, "bob");
        for id in [ann, bob] {
            kept.come(id, "dev");
        }
        assert!(!kept.heard(ann, "Operator"), "nobody operates it");
        for deed in every_deed() {
            let words = deed.words(None);
            kept.govern(ann, "dev", deed.clone());
            assert!(kept.heard(ann, "governance_off"), "{words}");
            let refused = kept.administer("dev", deed);
            assert_eq!(refused, Err(Refusal::GovernanceOff), "{words}");
        }
        kept.speak(ann, "dev", "hello");
        assert!(kept.heard(bob, "hello"), "they talk all the same");
        assert_eq!(newer(&kept), 0);
        let why = Refusal::GovernanceOff.to_string();
        assert!(why.contains("cluster.governance"), "{why}");
    }
}

#[test]
fn once_all_can_everything_is_as_it_should_be_and_remains_so() {
    let mut kept = one_of_several(Governing::OnceAllCan);
    let ann = kept.arrive(0, "ann");
    kept.run(|hub, now, fx| hub.hear(News::AllCanGovern, now, fx));
    // What an older server has to do with it is over: also after the others had given
    // this one up.
    kept.come(ann, "dev");
    assert!(kept.heard(ann, "Some(Operator) of dev"));
    kept.set(ann, "dev", Flag::Secret);
    set(&mut kept, Governing::Never);
    kept.set(ann, "dev", Flag::Moderated);
    assert!(kept.heard(ann, "governance_off"));
    set(&mut kept, Governing::OnceAllCan);
    kept.set(ann, "dev", Flag::Moderated);
    let rules = kept.stored("dev");
    assert!(rules.has(Flag::Secret) && rules.has(Flag::Moderated));
}

#[test]
fn rules_in_force_stay_in_force_and_end_with_the_last_member() {
    let mut kept = one_of_several(Governing::Always);
    let ann = kept.arrive(0, "ann");
    let bob = kept.arrive(1, "bob");
    kept.come(ann, "dev");
    kept.set(ann, "dev", Flag::InviteOnly);
    kept.speak(ann, "dev", "the secret");
    set(&mut kept, Governing::Never);
    kept.run(|hub, now, fx| hub.hear(News::Met, now, fx));
    kept.come(bob, "dev");
    assert!(kept.heard(bob, "invite_only"));
    kept.leave(ann, "dev");
    kept.tend();
    let rules = kept.stored("dev");
    assert!(rules.is_open() && rules.floor > kept.messages[0].id);
    kept.come(bob, "dev");
    assert!(!kept.heard(bob, "the secret"));
}

#[test]
fn a_hub_that_stands_alone_has_no_older_servers_beside_it() {
    let mut kept = Kept::new();
    set(&mut kept, Governing::Never);
    let ann = kept.arrive(0, "ann");
    kept.come(ann, "dev");
    kept.set(ann, "dev", Flag::Secret);
    let topic = Command::Govern(Some(name("dev")), Deed::Topic(Some(Text::clean("cats"))));
    kept.apply(ann, topic);
    kept.tend();
    assert!(kept.stored("dev").has(Flag::Secret) && kept.stored("dev").topic.is_some());
}
