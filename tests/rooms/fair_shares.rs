//! How much one client may take of what all clients share: lists come in pages,
//! expensive commands count as several, channels and those of one address are
//! limited, and a server under a flood of list requests still shuts down when
//! told to.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::support::{DEADLINE, JsonClient, LineClient, Server, User, wait_until};
use rustix::process::Signal;
use serde_json::{Value, json};

/// Rows of a page.
const PAGE: usize = 500;
/// Rooms made besides `global`: more than one page of them.
const ROOMS: usize = 600;

/// A server without rate limits, with occupied rooms.
fn with_rooms() -> (Server, JsonClient) {
    let server = Server::start(|config| {
        config["limits"] = json!({"message_rate": 0, "channels_per_connection": 0});
    });
    let mut holder = JsonClient::enter(&server, "holder");
    for room in 0..ROOMS {
        holder.send("join", json!({"room": format!("r{room:03}")}));
    }
    for _ in 0..ROOMS {
        holder.expect("joined");
    }
    (server, holder)
}

#[test]
fn rooms_are_listed_page_by_page_on_lines() {
    let (server, _holder) = with_rooms();
    let mut alice = LineClient::enter(&server, "alice");
    let mut rooms = Vec::new();
    let mut ask = "/rooms".to_owned();
    let mut pages = 0;
    loop {
        pages += 1;
        alice.send(&ask);
        let page = alice.settle();
        let listed = page.iter().filter(|line| line.starts_with('#'));
        let listed: Vec<String> = listed
            .map(|line| line.split('\t').next().unwrap().to_owned())
            .collect();
        assert!(listed.len() <= PAGE, "{}", listed.len());
        rooms.extend(listed);
        let more = page.iter().find_map(|line| {
            let rest = line.strip_prefix("* There are more: ")?;
            rest.strip_suffix(" lists those after that.")
        });
        match more {
            Some(next) => ask = next.to_owned(),
            None => break,
        }
    }
    let mut expected: Vec<String> = (0..ROOMS).map(|room| format!("#r{room:03}")).collect();
    expected.insert(0, "#global".to_owned());
    assert_eq!((pages, rooms), (2, expected));
    alice.send("/rooms #zzz");
    assert_eq!(alice.settle(), ["* There is no channel after #zzz."]);
}

#[test]
fn rooms_are_listed_page_by_page_in_json_and_begin_as_asked() {
    let (server, _holder) = with_rooms();
    let mut bob = JsonClient::enter(&server, "bob");
    bob.send("listrooms", Value::Null);
    let first = bob.expect("rooms");
    assert_eq!(first["more"], true);
    let rooms = first["rooms"].as_array().unwrap();
    assert_eq!(rooms.len(), PAGE);
    assert_eq!(rooms[0], json!({"name": "global", "members": 2}));
    let last = rooms[PAGE - 1]["name"].as_str().unwrap();
    // The plain text tells the simplest client how to continue.
    let body = first["body"].as_str().unwrap();
    assert_eq!(body.lines().count(), PAGE + 1);
    assert!(body.ends_with(&format!("ask again with \"after\": \"{last}\".)")));
    bob.send("listrooms", json!({"after": last}));
    let second = bob.expect("rooms");
    assert_eq!(
        (&second["more"], &second["after"]),
        (&json!(false), &json!(last))
    );
    let rooms = second["rooms"].as_array().unwrap();
    assert_eq!(rooms.len(), ROOMS + 1 - PAGE);
    bob.send("listrooms", json!({"prefix": "R59"}));
    let found = bob.expect("rooms");
    assert_eq!(found["rooms"].as_array().unwrap().len(), 10);
    assert_eq!(
        (&found["more"], &found["prefix"]),
        (&json!(false), &json!("R59"))
    );
    bob.send("listrooms", json!({"after": "a b"}));
    assert_eq!(bob.expect("error")["code"], "bad_argument");
    // An administrator still gets all of them at once.
    let token = server.admin_token();
    let all = server.get_as(&token, "/admin/channels").json();
    let all = all["channels"].as_array().unwrap();
    assert_eq!(all.len(), ROOMS + 1);
    assert_eq!(all[ROOMS]["members"], json!(["holder"]));
}

#[test]
fn members_of_a_large_room_are_listed_page_by_page() {
    let server = Server::start(|config| config["limits"] = json!({"message_rate": 0}));
    let mut crowd: Vec<LineClient> = (0..PAGE + 20)
        .map(|n| LineClient::enter(&server, &format!("guest{n:03}")))
        .collect();
    for guest in &mut crowd {
        guest.send("/join #hall");
    }
    let alice = &mut crowd[0];
    wait_until("all have joined", || {
        alice.send("/rooms");
        let all = format!("#hall\t{} people", PAGE + 20);
        alice.settle().contains(&all)
    });
    // So many joins are told as a number, a little later.
    let mut ask = |line: &str| -> Vec<String> {
        alice.send(line);
        let said = alice.settle().into_iter();
        said.filter(|line| !line.ends_with(" joined.")).collect()
    };
    let first = ask("/list");
    assert!(
        first.contains(&format!("* The first {PAGE} people in #hall:")),
        "{first:?}"
    );
    assert_eq!(
        first.last().unwrap(),
        "* There are more: /list @guest499 lists those after that."
    );
    let second = ask("/list @guest499");
    assert_eq!(second[0], "* 20 people in #hall after @guest499:");
    assert_eq!(second.join(" ").matches("@guest5").count(), 20);
}

#[test]
fn what_takes_longer_counts_as_more_than_a_message() {
    let server = Server::start(|config| {
        config["limits"] = json!({"message_rate": 0.1, "message_burst": 20});
    });
    // Logging in costs each the same: spends the rest of the allowance until
    // the server refuses.
    let taken = |client: &mut LineClient, line: &str, answer: &str| {
        for _ in 0..30 {
            client.send(line);
        }
        let mut taken = 0;
        loop {
            let came = client.next_line().expect("the connection stays");
            if came.contains("too fast") {
                return taken;
            }
            taken += usize::from(came.contains(answer));
        }
    };
    let mut alice = LineClient::enter_channel(&server, "alice", "dev");
    let messages = taken(&mut alice, "hi", "@alice: hi");
    let mut bob = LineClient::enter_channel(&server, "bob", "dev");
    let lists = taken(&mut bob, "/rooms", "#global\t");
    assert!(messages >= 15, "{messages} messages were taken");
    assert!((3..=4).contains(&lists), "{lists} lists were taken");
}

#[test]
fn a_channel_too_many_is_refused_in_every_protocol() {
    let server = Server::start(|config| {
        config["listen"]["tcp"] = "127.0.0.1:0".into();
        config["limits"] = json!({"channels_per_address": 2});
    });
    let mut alice = LineClient::enter_channel(&server, "alice", "one");
    let mut bob = JsonClient::enter(&server, "bob");
    bob.send("join", json!({"room": "two"}));
    bob.expect("joined");
    bob.send("join", json!({"room": "three"}));
    assert_eq!(bob.expect("error")["code"], "too_many_made");
    let words = "Your address has created as many channels as it may, 2. Join one that exists.";
    let mut carol = LineClient::enter(&server, "carol");
    carol.send("/join #three");
    carol.expect(&format!("! {words}"));
    // Alice's own channel goes when she leaves it for another.
    alice.send("/join #four");
    alice.expect("* You are now in #four.");
    // A room-lines client that would need a new room is told and disconnected.
    let mut dora = TcpStream::connect(server.address("tcp")).unwrap();
    dora.set_read_timeout(Some(DEADLINE)).unwrap();
    dora.write_all(b"{\"name\":\"dora\",\"room\":\"five\"}\n")
        .unwrap();
    let mut told = String::new();
    dora.read_to_string(&mut told).unwrap();
    assert_eq!(told, format!("{words}\n"));
    server.reload(|config| config["limits"] = json!({"channels": 3}));
    carol.send("/join #three");
    carol.expect("! There are 3 channels already.");
}

#[test]
fn a_server_that_is_asked_for_lists_all_the_time_ends_when_it_is_told_to() {
    let (mut server, _holder) = with_rooms();
    let stop = AtomicBool::new(false);
    let ready: Vec<JsonClient> = (0..20)
        .map(|guest| JsonClient::enter(&server, &format!("guest{guest}")))
        .collect();
    let status = std::thread::scope(|scope| {
        for mut guest in ready {
            let stop = &stop;
            scope.spawn(move || {
                // Some requests are in flight all the time, until the end.
                for _ in 0..20 {
                    guest.send("listrooms", Value::Null);
                }
                while !stop.load(Ordering::Relaxed) {
                    match guest.next() {
                        Some(frame) if frame["type"] == "bye" => return,
                        Some(frame) if frame["type"] == "rooms" => {
                            guest.send("listrooms", Value::Null);
                        }
                        Some(_) => {}
                        None => return,
                    }
                }
            });
        }
        server.signal(Signal::TERM);
        let status = server.wait_exit();
        stop.store(true, Ordering::Relaxed);
        status
    });
    // If it took longer than it may, the output would say so.
    assert!(status.success(), "{status}\n{}", server.output());
}
