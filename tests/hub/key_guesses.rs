//! Nobody finds the key of a channel by trying.

use std::time::Duration;

use chat_server::hub::{Command, ConnectionId, Deed, Event, Pass, Refusal};
use chat_server::model::governance::{Change, Key};

use super::hub_support::name;
use super::keeping_house::Kept;

fn try_key(kept: &mut Kept, id: ConnectionId, key: &str) -> Option<Refusal> {
    let command = Command::Opened {
        pass: Pass::Key(Key::parse(key).unwrap()),
        command: Box::new(Command::Join(name("den"))),
    };
    kept.house.apply(id, command);
    kept.tend();
    kept.events(id).into_iter().find_map(|event| match event {
        Event::Refused(refusal) => Some(refusal),
        _ => None,
    })
}

#[test]
fn an_address_may_give_ten_wrong_keys_a_minute() {
    let mut kept = Kept::new();
    let ann = kept.arrive(0, "ann");
    kept.come(ann, "den");
    let key = Key::parse("sesame").unwrap();
    kept.govern(ann, "den", Deed::Rules(vec![Change::Key(Some(key))]));
    let bob = kept.arrive(1, "bob");
    for n in 0..10 {
        let refused = try_key(&mut kept, bob, &format!("guess{n}"));
        assert!(matches!(refused, Some(Refusal::WrongKey(_))), "{refused:?}");
    }
    // Not even the right one is told from a wrong one now; nor on another connection.
    let too_many = Some(Refusal::TooManyWrongKeys(60));
    assert_eq!(try_key(&mut kept, bob, "sesame"), too_many);
    let again = kept.house.open_with(2, "192.0.2.2:9", false);
    kept.house.claim(again, "bobby").unwrap();
    assert_eq!(try_key(&mut kept, again, "sesame"), too_many);
    // Others are not concerned, and time heals.
    let cem = kept.arrive(3, "cem");
    assert_eq!(try_key(&mut kept, cem, "sesame"), None);
    kept.house.pass(Duration::from_secs(60).as_millis() as u64);
    assert_eq!(try_key(&mut kept, bob, "sesame"), None);
}
