//! One channel with a client of every protocol, each seeing the others in its
//! own form; with common client programs where they exist.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use std::sync::mpsc::{Receiver, channel};

use crate::support::{DEADLINE, JsonClient, LineClient, Server, User, WsClient, missing};
use serde_json::json;

/// A running `nc`.
struct Netcat {
    program: Child,
    keyboard: ChildStdin,
    screen: Receiver<String>,
}

impl Netcat {
    fn run(server: &Server, listener: &str) -> Netcat {
        let address = server.address(listener);
        let mut program = Command::new("nc")
            .args([address.ip().to_string(), address.port().to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| missing("nc", &error));
        Netcat {
            keyboard: program.stdin.take().unwrap(),
            screen: watch(program.stdout.take().unwrap()),
            program,
        }
    }

    fn send(&mut self, line: &str) {
        self.keyboard.write_all(line.as_bytes()).unwrap();
        self.keyboard.write_all(b"\n").unwrap();
    }

    fn next(&mut self) -> String {
        let line = self.screen.recv_timeout(DEADLINE);
        line.expect("a line in time")
    }

    /// Reads up to a line with this end.
    fn expect(&mut self, end: &str) {
        loop {
            let line = self.next();
            if line.trim_end().ends_with(end) {
                return;
            }
        }
    }
}

/// The lines a program prints, on a channel, so that a read can time out.
fn watch(screen: ChildStdout) -> Receiver<String> {
    let (lines, watched) = channel();
    std::thread::spawn(move || {
        let mut screen = BufReader::new(screen);
        let mut line = String::new();
        while screen.read_line(&mut line).is_ok_and(|length| length > 0) {
            if lines.send(std::mem::take(&mut line)).is_err() {
                return;
            }
        }
    });
    watched
}

impl Drop for Netcat {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

#[test]
fn all_protocols_meet_in_one_channel() {
    let server = Server::start(|config| {
        config["listen"]["tcp"] = "127.0.0.1:0".into();
        config["listen"]["ws"] = "127.0.0.1:0".into();
    });
    let mut telnet = LineClient::enter_channel(&server, "telnet", "plaza");
    let mut netcat = Netcat::run(&server, "telnet");
    netcat.send("netcat");
    netcat.send("/join #plaza");
    netcat.expect("You are now in #plaza, with 1 other person.");
    let mut web = WsClient::enter(&server, "web");
    web.send("/join #plaza");
    web.expect("with 2 other people");
    let mut json = JsonClient::enter(&server, "json");
    json.send("join", json!({"room": "plaza"}));
    json.expect("joined");
    let mut room = Netcat::run(&server, "tcp");
    room.send(r#"{"name":"room","room":"plaza"}"#);
    telnet.expect("@room joined");
    let mut frames = WsClient::open(server.address("ws"), "/mychat", &[]).unwrap();
    frames.send(r#"{"name":"frames","room":"plaza"}"#);
    telnet.expect("@frames joined");

    let senders = ["telnet", "netcat", "web", "json", "room", "frames"];
    for from in senders {
        let text = format!("said by {from}");
        match from {
            "telnet" => telnet.send(&text),
            "netcat" => netcat.send(&text),
            "web" => web.send(&text),
            "json" => json.send("message", json!({"room": "plaza", "body": text})),
            "room" => room.send(&text),
            _ => frames.send(&text),
        }
        telnet.expect_message(from, &text);
        netcat.expect(&format!(" @{from}: {text}"));
        web.expect_message(from, &text);
        let frame = json.expect("message");
        assert_eq!(
            (&frame["from"], &frame["body"], &frame["room"]),
            (&json!(from), &json!(text), &json!("plaza"))
        );
        assert_eq!(room.next(), format!("{from}:{text}\n"), "nothing else");
        assert_eq!(frames.next_frame(), Some(format!("{from}:{text}\n")));
    }

    // The list of members, from any protocol.
    json.send("listusers", json!({"room": "plaza"}));
    let users = json.expect("users");
    let mut all = senders;
    all.sort_unstable();
    assert_eq!(users["users"], json!(all));
    // A private message from telnet to JSON, and back.
    telnet.send("/msg @json psst");
    assert_eq!(json.expect("private")["body"], "psst");
    json.send("private", json!({"to": "telnet", "body": "yes?"}));
    telnet.expect_private("json", "yes?");
    let answer = server.post("/admin/announce", json!({"message": "closing soon"}));
    assert!(answer.status < 300, "{}", answer.body);
    let words = "Public Server Announcement: closing soon";
    telnet.expect(words);
    netcat.expect(words);
    web.expect(words);
    assert_eq!(json.expect("announcement")["body"], words);
    assert!(room.next().contains(words));
    assert!(frames.next_frame().unwrap().contains(words));
}
