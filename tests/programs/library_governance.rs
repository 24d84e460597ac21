//! Channels with rules, for the program around the chat.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

use chat_server::hub::Refusal;
use chat_server::name::Name;
use chat_server::{Chat, ChatError, Protocol};

use crate::support::DEADLINE;

fn dev() -> Name {
    Name::parse("dev").unwrap()
}

#[test]
fn the_program_sets_topic_and_rules_and_removes_people() {
    let chat = Chat::builder().start().unwrap();
    let listener = chat.listen(Protocol::RoomLines, "127.0.0.1:0").unwrap();
    let robot = chat.enter("robot").unwrap();
    robot.join("dev").unwrap();
    chat.set_topic("dev", Some("the plan")).unwrap();
    let mut stream = TcpStream::connect(listener.address()).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream
        .write_all(b"{\"name\":\"mina\",\"room\":\"dev\"}\n")
        .unwrap();
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
    let mut next = || lines.next().map(Result::unwrap);
    assert_eq!(next().unwrap(), "* topic: the plan");

    chat.set_rules("#dev", "+moderated limit 5").unwrap();
    stream.write_all(b"may I?\n").unwrap();
    let refused = next().unwrap();
    assert!(refused.starts_with("Only people with voice"), "{refused}");
    chat.set_rules("dev", "-moderated").unwrap();
    stream.write_all(b"and now?\n").unwrap();
    assert_eq!(next().unwrap(), "mina:and now?");

    chat.kick_from("dev", "mina", Some("late")).unwrap();
    assert_eq!(next().unwrap(), "You were removed: late");
    assert_eq!(next(), None);
    robot.say("dev", "still here").unwrap();
    chat.shut_down(DEADLINE).unwrap();
}

#[test]
fn what_is_wrong_is_an_error() {
    let chat = Chat::builder().start().unwrap();
    let nowhere = Err(ChatError::Refused(Refusal::NoSuchChannel(dev())));
    assert_eq!(chat.set_topic("dev", Some("x")), nowhere);
    assert_eq!(chat.set_rules("dev", "+secret"), nowhere);
    let robot = chat.enter("robot").unwrap();
    robot.join("dev").unwrap();
    for rules in ["", "+nonsense", "limit", "limit no", "key a,b"] {
        assert_eq!(chat.set_rules("dev", rules), Err(ChatError::BadRules));
    }
    let gone = Refusal::NotOnChannel(Name::parse("mina").unwrap(), dev());
    assert_eq!(
        chat.kick_from("dev", "mina", None),
        Err(ChatError::Refused(gone))
    );
    assert!(chat.set_topic("a/b", None).is_err());
    chat.set_topic("dev", None).unwrap();
    chat.shut_down(DEADLINE).unwrap();
}
