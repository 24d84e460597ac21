//! Across all servers a nickname belongs to one guest or one account.

use std::sync::Barrier;
use std::thread;

use chat_server::hub::{News, RosterChange, Shared};
use chat_server::store::AccountId;
use chat_server::turn::{Claimant, Claimed};

use crate::node::{Chat, Node, connection, name};
use crate::support::DEADLINE;

fn online(node: &Node, who: &str, account: Option<i64>) {
    node.share(Shared::Roster(RosterChange::Online {
        name: name(who),
        account: account.map(AccountId),
        cloak: None,
    }));
}

fn offline(node: &Node, who: &str) {
    node.share(Shared::Roster(RosterChange::Offline { name: name(who) }));
}

#[test]
fn of_two_servers_that_race_for_a_name_one_has_it() {
    const ROUNDS: usize = 1000;
    let chat = Chat::new();
    let nodes = [chat.node(), chat.node()];
    let barrier = Barrier::new(2);
    let won: Vec<Vec<bool>> = thread::scope(|scope| {
        let racing: Vec<_> = nodes
            .iter()
            .map(|node| {
                let barrier = &barrier;
                scope.spawn(move || {
                    (0..ROUNDS)
                        .map(|round| {
                            barrier.wait();
                            // The same name in two spellings.
                            let who = ["Racer", "racer"][round % 2].to_owned();
                            node.claim(&format!("{who}{round}"), None)
                        })
                        .collect()
                })
            })
            .collect();
        racing.into_iter().map(|it| it.join().unwrap()).collect()
    });
    for (round, (one, other)) in won[0].iter().zip(&won[1]).enumerate() {
        assert!(one != other, "round {round}");
    }
}

#[test]
fn an_account_is_on_as_many_servers_as_it_likes() {
    let chat = Chat::new();
    let [one, two] = [chat.node(), chat.node()];
    assert!(one.claim("amy", Some(1)));
    assert!(two.claim("AMY", Some(1)));
    assert!(!two.claim("amy", Some(2)));
    assert!(!one.claim("amy", None), "another server has it");
    online(&one, "amy", Some(1));
    online(&two, "amy", Some(1));
    offline(&one, "amy");
    assert!(!one.claim("amy", None), "the other server still has it");
    offline(&two, "amy");
    assert!(two.claim("other", None));
    assert!(one.claim("amy", None), "the name is free again");
}

#[test]
fn a_name_is_free_again_when_its_owner_has_gone() {
    let chat = Chat::new();
    let [one, two] = [chat.node(), chat.node()];
    assert!(one.claim("bob", None));
    online(&one, "bob", None);
    assert!(!two.claim("bob", None));
    assert!(!one.claim("bob", Some(7)), "a guest is on under it here");
    offline(&one, "bob");
    // A server's requests are carried out in turn: after this one, it is
    // offline.
    assert!(one.claim("somebody", None));
    assert!(two.claim("bob", None));
}

#[test]
fn a_guest_who_changes_names_keeps_one() {
    let chat = Chat::new();
    let [one, two] = [chat.node(), chat.node()];
    assert!(one.claim("bob", None));
    online(&one, "bob", None);
    assert!(two.claim("eve", None));
    let ask = |who: &str| Shared::Claim {
        connection: connection(3),
        name: name(who),
    };
    one.cluster.share(vec![ask("eve"), ask("rob")]);
    let answers = one.heard.wait("both are answered", || {
        let answers = one.heard.all(|news| match news {
            News::Claimed {
                connection,
                name,
                free,
            } => Some((*connection, name.as_str().to_owned(), *free)),
            _ => None,
        });
        (answers.len() == 2).then_some(answers)
    });
    let expected = [
        (connection(3), "eve".to_owned(), false),
        (connection(3), "rob".to_owned(), true),
    ];
    assert_eq!(answers, expected);
    one.share(Shared::Roster(RosterChange::Renamed {
        from: name("bob"),
        to: name("rob"),
        account: None,
        nickname: None,
    }));
    assert!(one.claim("somebody", None));
    assert!(!two.claim("rob", None));
    assert!(two.claim("bob", None));
}

#[test]
fn who_is_online_under_a_name_of_another_server_hears_of_it() {
    let chat = Chat::new();
    let [one, two] = [chat.node(), chat.node()];
    assert!(one.claim("bob", None));
    // A hub that did not claim the name.
    online(&two, "bob", None);
    let lost = |news: &News| matches!(news, News::Lost(who) if *who == name("bob"));
    two.heard.wait_count("it has lost the name", 1, lost);
    offline(&two, "bob");
    assert!(two.claim("somebody", None));
    assert!(!two.claim("bob", None), "it is still the first one's");
    assert_eq!(one.heard.count(lost), 0);
}

#[test]
fn a_guest_looks_like_nobody_on_another_server() {
    let chat = Chat::new();
    let [one, two] = [chat.node(), chat.node()];
    assert!(one.claim("Bob", None));
    online(&one, "Bob", None);
    // In Cyrillic and in Greek, whichever was there first.
    assert!(!two.claim("\u{412}ob", None));
    assert!(!two.claim("\u{392}OB", None));
    assert!(two.claim("\u{41a}evin", None));
    online(&two, "\u{41a}evin", None);
    assert!(!one.claim("kevin", None));
    assert!(!one.claim("\u{39a}evin", None));
    // An account has its name, whatever looks like it.
    assert!(one.claim("KEVIN", Some(1)));
    online(&one, "KEVIN", Some(1));
    offline(&one, "KEVIN");
    // Everything that was taken is free again.
    offline(&one, "Bob");
    offline(&two, "\u{41a}evin");
    assert!(one.claim("somebody", None));
    assert!(two.claim("other", None));
    assert!(one.claim("\u{41a}evin", None));
    assert!(two.claim("\u{392}ob", None));
    assert!(!one.claim("bob", None));
}

fn pass(node: &Node, who: &str, token: &str) -> Option<Claimed> {
    let claimant = Claimant::Pass(token.into());
    let claimed = node.cluster.claim_for(&name(who), &claimant, DEADLINE);
    claimed.unwrap()
}

fn renamed(node: &Node, from: &str, to: &str) {
    node.share(Shared::Roster(RosterChange::Renamed {
        from: name(from),
        to: name(to),
        account: None,
        nickname: None,
    }));
    // A server's requests are carried out in turn.
    assert!(node.claim("somebody", None));
}

#[test]
fn a_pass_gets_its_name_at_once_from_whichever_server_has_it() {
    let chat = Chat::new();
    // It takes hours to give a server up.
    let [one, two] = [(); 2].map(|()| chat.node_with(|settings| settings.patience = 1_000_000));
    assert_eq!(pass(&one, "bob", "T1"), Some(Claimed::Free));
    online(&one, "bob", None);
    for other in ["T2", "g", "T"] {
        assert_eq!(pass(&two, "bob", other), None, "another pass");
    }
    assert!(!two.claim("bob", None), "no pass");
    // The first server dies silently.
    drop(one);
    assert_eq!(pass(&two, "BOB", "T1"), Some(Claimed::Moved(name("bob"))));
    online(&two, "bob", None);
    assert_eq!(pass(&two, "bob", "T1"), Some(Claimed::Free));
    assert_eq!(two.heard.count(|news| matches!(news, News::Lost(_))), 0);
}

#[test]
fn another_pass_for_a_name_in_use_is_never_good_for_it() {
    let chat = Chat::new();
    let [one, two] = [chat.node(), chat.node()];
    // One user without a pass, and one with. A client with an old pass comes to
    // the same server, is refused by its hub, and goes to the other one.
    assert!(one.claim("bob", None));
    online(&one, "bob", None);
    assert_eq!(pass(&one, "eve", "T1"), Some(Claimed::Free));
    online(&one, "eve", None);
    for who in ["bob", "eve"] {
        assert_eq!(pass(&one, who, "OLD"), Some(Claimed::Free));
        assert_eq!(pass(&two, who, "OLD"), None, "{who}");
    }
    assert_eq!(pass(&two, "eve", "T1"), Some(Claimed::Moved(name("eve"))));
    online(&two, "eve", None);
    // A server that still has the name loses it when it announces it again.
    let lost = |news: &News| matches!(news, News::Lost(who) if *who == name("eve"));
    online(&one, "eve", None);
    one.heard.wait_count("it has lost the name", 1, lost);
    offline(&one, "eve");
    assert!(one.claim("somebody", None));
    assert!(!one.claim("eve", None), "it is the other one's");
}

#[test]
fn who_was_renamed_keeps_the_new_name_on_another_server() {
    let chat = Chat::new();
    let [one, two] = [chat.node(), chat.node()];
    assert_eq!(pass(&one, "bob", "T1"), Some(Claimed::Free));
    online(&one, "bob", None);
    renamed(&one, "bob", "Rob");
    assert_eq!(pass(&two, "bob", "T1"), Some(Claimed::Moved(name("Rob"))));
    online(&two, "Rob", None);
    assert!(one.claim("bob", None), "the old name is free");
    // After the user left, the name in the roster is gone, and the pass gives
    // its own name.
    offline(&two, "Rob");
    assert!(two.claim("another", None));
    offline(&one, "bob");
    assert!(one.claim("somebody", None));
    assert_eq!(pass(&two, "bob", "T1"), Some(Claimed::Free));
}
