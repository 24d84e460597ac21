//! An administrator is told of a change of a channel when it is in force, not when
//! it is asked for.

use chat_server::hub::{Deed, Refusal, Settled, Ticket};
use chat_server::model::governance::{By, Person};
use chat_server::store::AccountId;
use chat_server::text::Text;

use super::hub_support::{House, limits, name};

fn govern(house: &mut House, number: u64, channel: &str, deed: Deed) -> Result<(), Refusal> {
    let by = By::Administrator(name("administrator"));
    let ticket = Ticket { number, from: None };
    let channel = name(channel);
    house.run(|hub, now, fx| hub.govern_as(by, &channel, deed, ticket, now, fx))
}

fn topic(text: &str) -> Deed {
    Deed::Topic(Some(Text::clean(text)))
}

fn topic_of(house: &House, channel: &str) -> Option<String> {
    let view = house.hub.rules(&name(channel))?;
    Some(view.rules.topic?.text.to_string())
}

fn house_with_history() -> House {
    let mut house = House::new();
    house.hub.set_limits(chat_server::hub::Limits {
        history: true,
        ..limits()
    });
    house
}

#[test]
fn a_change_is_done_when_it_is_committed() {
    let mut house = house_with_history();
    govern(&mut house, 7, "global", topic("one")).unwrap();
    govern(&mut house, 8, "global", topic("two")).unwrap();
    assert_eq!((house.done.as_slice(), house.appended.len()), (&[][..], 2));
    assert_eq!(topic_of(&house, "global"), None);
    let (first, second) = (house.appended[0], house.appended[1]);
    house.run(|hub, now, fx| hub.settle(Settled::by_id(first, true), now, fx));
    assert_eq!(house.done, [(7, Ok(()))]);
    assert_eq!(topic_of(&house, "global").as_deref(), Some("one"));
    house.run(|hub, now, fx| hub.settle(Settled::by_id(second, false), now, fx));
    assert_eq!(house.done[1..], [(8, Err(Refusal::NotStored))]);
    assert_eq!(topic_of(&house, "global").as_deref(), Some("one"));
}

#[test]
fn without_a_store_it_is_done_at_once() {
    let mut house = House::new();
    govern(&mut house, 3, "global", topic("one")).unwrap();
    assert_eq!(house.done, [(3, Ok(()))]);
    assert_eq!(topic_of(&house, "global").as_deref(), Some("one"));
}

#[test]
fn a_refusal_is_the_only_answer() {
    let mut house = house_with_history();
    let nowhere = govern(&mut house, 1, "nowhere", topic("one"));
    assert_eq!(nowhere, Err(Refusal::NoSuchChannel(name("nowhere"))));
    let drop = govern(&mut house, 2, "global", Deed::Drop);
    assert!(drop.is_err(), "{drop:?}");
    assert_eq!((house.done.len(), house.appended.len()), (0, 0));
}

#[test]
fn a_channel_that_could_not_be_given_away_is_not_there() {
    let mut house = house_with_history();
    let channels = house.hub.counts().channels;
    let ann = Person {
        name: name("ann"),
        account: Some(AccountId(7)),
    };
    govern(&mut house, 1, "club", Deed::Transfer(ann)).unwrap();
    let draft = house.appended[0];
    house.run(|hub, now, fx| hub.settle(Settled::by_id(draft, false), now, fx));
    assert_eq!(house.done, [(1, Err(Refusal::NotStored))]);
    assert_eq!(house.hub.counts().channels, channels);
}
