//! Many clients at once: none misses a message, and all get the same.

use std::collections::HashMap;
use std::thread;

use crate::support::{LineClient, Server, User, WsClient};

const CHANNELS: usize = 20;
const MEMBERS: usize = 10;
const MESSAGES: usize = 25;

type Person = Box<dyn User + Send>;

#[test]
fn two_hundred_on_telnet_hear_the_same_in_each_of_twenty_channels() {
    let server = Server::start(unlimited);
    let crowd = (0..CHANNELS * MEMBERS).map(|n| telnet(&server, n));
    talk(crowd.collect());
}

#[test]
fn two_hundred_on_telnet_and_websocket_hear_the_same() {
    let server = Server::start(unlimited);
    let crowd = (0..CHANNELS * MEMBERS).map(|n| match n % 2 {
        0 => telnet(&server, n),
        _ => Box::new(WsClient::enter(&server, &format!("p{n}"))),
    });
    talk(crowd.collect());
}

fn unlimited(config: &mut serde_json::Value) {
    config["limits"]["message_rate"] = 0.into();
}

fn telnet(server: &Server, n: usize) -> Person {
    Box::new(LineClient::enter(server, &format!("p{n}")))
}

/// All clients join a channel and send their messages at the same time; then
/// what they received is compared.
fn talk(mut crowd: Vec<Person>) {
    for (n, person) in crowd.iter_mut().enumerate() {
        person.send(&format!("/join #c{}", n / MEMBERS));
        person.settle();
    }
    let threads: Vec<_> = crowd
        .into_iter()
        .map(|mut person| {
            thread::spawn(move || {
                for message in 0..MESSAGES {
                    person.send(&format!("message {message}"));
                }
                let heard = (0..MEMBERS * MESSAGES).map(|_| next_message(&mut person));
                let heard: Vec<(String, usize)> = heard.collect();
                let more = person.settle();
                assert!(
                    !more.iter().any(|line| line.contains("message")),
                    "{more:?}"
                );
                heard
            })
        })
        .collect();
    let heard: Vec<_> = threads.into_iter().map(|t| t.join().unwrap()).collect();

    for (channel, members) in heard.chunks(MEMBERS).enumerate() {
        for (member, heard) in members.iter().enumerate() {
            assert!(
                *heard == members[0],
                "member {member} of #c{channel} heard another order"
            );
        }
        let mut next: HashMap<&str, usize> = HashMap::new();
        for (from, message) in &members[0] {
            let expected = next.entry(from).or_default();
            assert_eq!(message, expected, "of {from} in #c{channel}");
            *expected += 1;
        }
        let mut speakers: Vec<&str> = next.into_keys().collect();
        speakers.sort_unstable();
        let mut expected: Vec<String> = (0..MEMBERS)
            .map(|member| format!("p{}", channel * MEMBERS + member))
            .collect();
        expected.sort_unstable();
        assert_eq!(speakers, expected);
    }
}

/// Author and number of a message: `HH:MM @p7: message 3` is (`p7`, 3).
fn next_message(person: &mut Person) -> (String, usize) {
    let line = person.expect_line("a message", &|line| line.contains(": message "));
    let (from, number) = line.split_once(": message ").unwrap();
    let (_, from) = from.split_once('@').unwrap();
    (from.to_owned(), number.parse().unwrap())
}
