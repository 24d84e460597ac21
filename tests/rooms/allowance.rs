//! How much the connections of one address may write to the chat log and the
//! database, in any protocol and any number.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

use crate::support::{DEADLINE, JsonClient, LineClient, Server, User, wait_until};
use serde_json::json;

const LIMIT: u64 = 64 << 10;

fn start() -> Server {
    Server::start(|config| {
        config["limits"]["message_rate"] = 0.into();
        config["limits"]["bytes_per_address"] = LIMIT.into();
        config["listen"]["proxy_protocol_from"] = json!(["127.0.0.1"]);
    })
}

/// A client with an address that a balancer names.
struct Far {
    stream: TcpStream,
    lines: BufReader<TcpStream>,
}

impl Far {
    fn connect(server: &Server, address: &str) -> Far {
        let mut stream = TcpStream::connect(server.telnet()).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        let header = format!("PROXY TCP4 {address} 192.0.2.250 4000 4000\r\n");
        stream.write_all(header.as_bytes()).unwrap();
        let lines = BufReader::new(stream.try_clone().unwrap());
        Far { stream, lines }
    }

    fn enter(server: &Server, address: &str, nickname: &str) -> Far {
        let mut far = Far::connect(server, address);
        far.send(nickname);
        far.send("/join dev");
        far.expect("You are now in #dev");
        far
    }

    fn send(&mut self, line: &str) {
        self.stream
            .write_all(format!("{line}\r\n").as_bytes())
            .unwrap();
    }

    /// Says this in the channel; whether it is not refused.
    fn say(&mut self, text: &str) -> bool {
        self.send(text);
        self.expect_one(&[SPENT, text]) == 1
    }

    /// Reads up to a line that contains one of these; returns its index.
    fn expect_one(&mut self, needles: &[&str]) -> usize {
        loop {
            let mut line = String::new();
            let count = self.lines.read_line(&mut line).unwrap();
            assert!(count > 0, "closed before any of {needles:?}");
            if let Some(found) = needles.iter().position(|needle| line.contains(needle)) {
                return found;
            }
        }
    }

    fn expect(&mut self, needle: &str) {
        self.expect_one(&[needle]);
    }
}

const SPENT: &str = "Your address has sent as much as it may in a minute";

fn log_bytes(server: &Server) -> u64 {
    let files = fs::read_dir(server.dir().join("data/chatlog")).unwrap();
    files
        .map(|file| file.unwrap().metadata().unwrap().len())
        .sum()
}

#[test]
fn many_guests_of_one_address_cannot_fill_the_log_and_others_do_not_notice() {
    let server = start();
    let mut guests: Vec<Far> = (0..10)
        .map(|n| Far::enter(&server, "192.0.2.1", &format!("guest{n}")))
        .collect();
    let text = "x".repeat(1000);
    for _ in 0..20 {
        for guest in &mut guests {
            guest.send(&text);
        }
    }
    // No client is disconnected, and commands that write nothing still work.
    let mut refused = 0;
    for guest in &mut guests {
        guest.send("/nonsense");
        while guest.expect_one(&[SPENT, "There is no command /nonsense"]) == 0 {
            refused += 1;
        }
    }
    assert!((120..200).contains(&refused), "{refused} of 200 refused");
    // Another address has an allowance of its own.
    let mut other = Far::enter(&server, "192.0.2.2", "other");
    other.send("undisturbed");
    other.expect("undisturbed");
    server.log("kind=message&pattern=undisturbed", 1);
    let bytes = log_bytes(&server);
    assert!(bytes < 2 * LIMIT, "{bytes} bytes of log");
    // The log has one entry for it.
    let errors = server.log_texts("kind=error&pattern=as%20much%20as%20it%20may", 1);
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(
        errors[0].starts_with("say: ") || errors[0].starts_with("say #dev: "),
        "{errors:?}"
    );
    // A new client from there is refused with the reason, unless the address has become good for
    // something again in the meantime: that takes less than a second.
    let refused = (0..50).any(|_| {
        while guests[0].say("once-more") {}
        let mut late = Far::connect(&server, "192.0.2.1");
        late.expect_one(&["nickname, please", "as much as it may in a minute"]) == 1
    });
    assert!(refused, "a new client was admitted every time");
    // A reload changes the limit for connected clients.
    server.reload(|config| config["limits"]["bytes_per_address"] = 0.into());
    guests[0].send("again");
    guests[0].expect("again");
}

#[test]
fn a_json_client_is_refused_by_the_name_of_its_message() {
    let server = start();
    let mut alice = JsonClient::enter(&server, "alice");
    let refusal = say_until_refused(&mut alice, 4000);
    assert_eq!(refusal["code"], "allowance_spent", "{refusal}");
    // The client can still ask.
    alice.send("presence", json!({ "users": ["alice"] }));
    alice.expect("presence");
    // Other clients of the address are refused, too, unless it has become good for something
    // again in the meantime.
    let token = JsonClient::token(&server, "bob");
    let path = format!("/ws?token={token}");
    let refused = (0..50).any(|_| {
        say_until_refused(&mut alice, 1);
        let opened = crate::support::WsClient::open(server.web(), &path, &[]);
        opened.err() == Some(503)
    });
    assert!(refused, "bob came in every time");
    assert_eq!(server.get("/readyz").status, 200);
}

/// Sends messages of this many bytes until one is refused; the refusal.
fn say_until_refused(client: &mut JsonClient, bytes: usize) -> serde_json::Value {
    for number in 0..1000 {
        let tag = format!("{bytes}-{number}");
        let body = "x".repeat(bytes);
        client.send(
            "message",
            json!({ "room": "global", "body": body, "tag": tag }),
        );
        let answer = loop {
            let frame = client.next().expect("never closed");
            if frame["type"] == "stored" || frame["type"] == "error" {
                break frame;
            }
        };
        assert_eq!(answer["tag"], tag.as_str(), "{answer}");
        if answer["type"] == "error" {
            return answer;
        }
    }
    panic!("no end of messages of {bytes} bytes");
}

#[test]
fn who_has_said_more_than_a_minutes_worth_at_once_can_still_leave() {
    let server = Server::start(|config| {
        config["limits"]["bytes_per_address"] = LIMIT.into();
        config["limits"]["message_rate"] = 0.into();
        config["limits"]["line_bytes"] = (2 * LIMIT).into();
        config["listen"]["proxy_protocol_from"] = json!(["127.0.0.1"]);
    });
    let mut guest = Far::enter(&server, "192.0.2.1", "guest");
    let text = "x".repeat(LIMIT as usize + 1);
    // Accepted once the cost of the login has come back.
    wait_until("the long message is taken", || {
        guest.send(&text);
        guest.expect_one(&[SPENT, "xxx"]) == 1
    });
    guest.send("/quit");
    assert_eq!(guest.expect_one(&[SPENT, "Good-bye."]), 1);
}

#[test]
fn coming_and_going_is_bounded_too() {
    let server = start();
    let mut turned_away = 0;
    for n in 0..200 {
        let mut far = Far::connect(&server, "192.0.2.1");
        turned_away += far.expect_one(&["nickname, please", "as much as it may"]);
        if turned_away == 0 {
            far.send(&format!("guest{n}"));
            far.expect("Welcome");
        }
    }
    assert!(turned_away > 100, "{turned_away}");
    let mut other = Far::enter(&server, "192.0.2.2", "other");
    other.send("undisturbed");
    other.expect("undisturbed");
    server.log("kind=message&pattern=undisturbed", 1);
    let bytes = log_bytes(&server);
    assert!(bytes < LIMIT, "{bytes} bytes of log");
}

#[test]
fn refusals_do_not_fill_the_log_either() {
    let server = start();
    let mut guest = Far::enter(&server, "192.0.2.1", "guest");
    for n in 0..1000 {
        guest.send(&format!("/nonsense{n}"));
        guest.expect("There is no command");
    }
    let mut other = Far::enter(&server, "192.0.2.2", "other");
    other.send("undisturbed");
    other.expect("undisturbed");
    server.log("kind=message&pattern=undisturbed", 1);
    let errors = server.log("kind=error&limit=1000", 1).len();
    assert!((50..400).contains(&errors), "{errors}");
    assert!(log_bytes(&server) < 2 * LIMIT);
}

#[test]
fn the_default_is_no_hindrance_to_a_busy_address() {
    let server = Server::start(|config| {
        config["limits"]["message_rate"] = 0.into();
        // As in config.json.
        config["limits"]["bytes_per_address"] = (16 << 20).into();
    });
    let mut alice = LineClient::enter_channel(&server, "alice", "dev");
    let text = "y".repeat(100);
    for _ in 0..1000 {
        alice.send(&text);
    }
    for _ in 0..1000 {
        alice.expect_message("alice", &text);
    }
    wait_until("all of it is logged", || {
        server.log("kind=message&limit=1000", 1).len() == 1000
    });
}
