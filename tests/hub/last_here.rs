//! When people were last here: on this server or another, under which name, and
//! of how many the hub remembers it.

use chat_server::hub::{
    Command, Event, Farewell, Limits, News, NodeId, Question, Reply, RosterChange,
};

use super::hub_support::{House, credential, limits, name};

fn close(house: &mut House, id: chat_server::hub::ConnectionId) {
    house.run(|hub, now, fx| hub.close(id, Farewell::PeerLeft, now, fx));
}

fn last_here(house: &House, who: &str) -> Option<(String, u64)> {
    let (name, at_ms) = house.hub.last_here(&name(who))?;
    Some((name.to_string(), at_ms))
}

#[test]
fn somebody_was_last_here_when_the_last_connection_ended() {
    let mut house = House::new();
    let [one, two] = [(0, "Bob"), (1, "Bob")].map(|(index, nick)| {
        let id = house.open(index);
        let proof = Some(credential(7));
        let claimed = house.run(|hub, now, fx| hub.claim(id, name(nick), proof, now, fx));
        claimed.unwrap();
        id
    });
    close(&mut house, one);
    assert_eq!(last_here(&house, "bob"), None);
    house.pass(1_000);
    let left_at = house.now.unix_ms;
    close(&mut house, two);
    house.pass(1_000);
    assert_eq!(last_here(&house, "bob"), Some(("Bob".to_owned(), left_at)));
}

#[test]
fn a_name_given_up_for_another_was_last_here_then() {
    let mut house = House::new();
    let mina = house.enter(0, "mina");
    house.pass(1_000);
    let at = house.now.unix_ms;
    house.apply(mina, Command::Rename(name("nina")));
    assert_eq!(last_here(&house, "mina"), Some(("mina".to_owned(), at)));
    house.apply(mina, Command::Rename(name("NINA")));
    assert_eq!(last_here(&house, "nina"), None);
}

#[test]
fn of_too_many_the_one_who_has_been_gone_for_the_longest_is_forgotten() {
    let mut house = House::new();
    let departures = 2;
    house.hub.set_limits(Limits {
        departures,
        ..limits()
    });
    for (index, nick) in [(0, "ada"), (1, "bob"), (2, "ada"), (3, "eve")] {
        let id = house.enter(index, nick);
        close(&mut house, id);
        house.pass(1_000);
    }
    let known = ["ada", "bob", "eve"].map(|nick| last_here(&house, nick).is_some());
    assert_eq!(known, [true, false, true]);
}

#[test]
fn people_of_other_servers_are_remembered_as_well() {
    let mut house = House::new();
    house.hub.join_others();
    let (one, two) = (NodeId(1), NodeId(2));
    let hear = |house: &mut House, news| house.run(|hub, now, fx| hub.hear(news, now, fx));
    let online = |nick| RosterChange::Online {
        name: name(nick),
        account: None,
        cloak: None,
    };
    for (node, nick) in [(one, "ada"), (two, "ada"), (two, "bob")] {
        hear(&mut house, News::Roster(node, online(nick)));
    }
    let offline = |nick| RosterChange::Offline { name: name(nick) };
    hear(&mut house, News::Roster(one, offline("ada")));
    // Was nowhere: a claim that came to nothing.
    hear(&mut house, News::Roster(one, offline("eve")));
    let known = |house: &House| ["ada", "bob", "eve"].map(|who| last_here(house, who).is_some());
    assert_eq!(known(&house), [false, false, false]);
    hear(&mut house, News::Gone(two));
    assert_eq!(known(&house), [true, true, false]);
}

#[test]
fn a_user_is_idle_since_the_last_words() {
    let mut house = House::new();
    let ann = house.enter(0, "ann");
    let bob = house.enter(1, "bob");
    house.join(ann, "c");
    let idle_ms = |house: &mut House| {
        house.pass(5_000);
        house.forget();
        let question = Question::User(name("ann"));
        let logged = None;
        house.apply(bob, Command::Ask { question, logged });
        let card = house.told.iter().find_map(|(_, event)| match event {
            Event::Answered(Reply::User(card)) => card.idle_ms,
            _ => None,
        });
        card.expect("ann's card")
    };
    assert_eq!(idle_ms(&mut house), 5_000);
    assert_eq!(idle_ms(&mut house), 10_000);
    house.say(ann, "hi");
    assert_eq!(idle_ms(&mut house), 5_000);
    house.private(ann, "bob", "hi");
    assert_eq!(idle_ms(&mut house), 5_000);
    house.say(ann, "");
    assert_eq!(idle_ms(&mut house), 10_000);
}
