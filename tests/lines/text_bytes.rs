//! Troublesome characters: line ends of every kind, halves of characters, byte
//! order marks, and invisible characters.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

use crate::support::{DEADLINE, JsonClient, LineClient, Server, User, WsClient};
use chat_server::hub::MessageId;
use chat_server::name::Name;
use chat_server::store::{Message, Place, SqliteSettings, SqliteStore, Store};
use chat_server::text::Text;
use serde_json::json;

fn start() -> Server {
    Server::start(|config| {
        config["listen"]["tcp"] = "127.0.0.1:0".into();
    })
}

/// Opens a room-lines connection with these first bytes.
fn room(server: &Server, hello: &str) -> BufReader<TcpStream> {
    let mut stream = TcpStream::connect(server.address("tcp")).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream.write_all(hello.as_bytes()).unwrap();
    BufReader::new(stream)
}

fn next_line(room: &mut BufReader<TcpStream>) -> String {
    let mut line = String::new();
    room.read_line(&mut line).unwrap();
    line
}

const ENDS: &[&str] = &[
    "\r", "\u{b}", "\u{c}", "\u{85}", "\u{2028}", "\u{2029}", "\u{1c}", "\u{1f}",
];

#[test]
fn what_ends_a_line_separates_words_from_every_protocol() {
    let server = start();
    let mut alice = LineClient::enter_channel(&server, "alice", "global");
    let mut json = JsonClient::enter(&server, "json");
    let mut lines = WsClient::enter(&server, "lines");
    lines.send("/join #global");
    lines.settle();
    let mut room = room(&server, r#"{"name":"room","room":"global"}"#);
    room.get_mut().write_all(b"here\n").unwrap();
    alice.expect_message("room", "here");
    for end in ENDS {
        let text = format!("one{end}two");
        let heard = |alice: &mut LineClient, from: &str| {
            let first = alice.expect_line(from, &|line| line.contains(&format!("@{from}: ")));
            if first.ends_with("one") {
                assert!(alice.expect_next(from).ends_with(": two"), "{end:?} {from}")
            } else {
                assert!(first.ends_with("one two"), "{end:?} {from}: {first}")
            }
        };
        json.send("message", json!({ "room": "global", "body": text }));
        heard(&mut alice, "json");
        lines.send(&text);
        heard(&mut alice, "lines");
        room.get_mut()
            .write_all(format!("{text}\n").as_bytes())
            .unwrap();
        heard(&mut alice, "room");
        alice.send_bytes(format!("{text}\r\n").as_bytes());
        heard(&mut alice, "alice");
        json.send("private", json!({ "to": "alice", "body": text }));
        let first = alice.expect("-PM from @json: one");
        if !first.ends_with("one two") {
            alice.expect_next("-PM from @json: two");
        }
        assert_eq!(
            server
                .post("/admin/announce", json!({ "message": text }))
                .status,
            200
        );
        let first = alice.expect("Public Server Announcement: one");
        if !first.ends_with("one two") {
            alice.expect_next("Public Server Announcement: two");
        }
    }
}

#[test]
fn a_reason_is_one_line_whatever_ends_lines_in_it() {
    let server = start();
    for (at, end) in ENDS.iter().enumerate() {
        let mut bob = LineClient::enter(&server, "bob");
        let end: String = end.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let path = format!("/admin/users/bob?reason=too{end}loud");
        assert_eq!(server.delete(&path).status, 200, "{path}");
        bob.expect("an administrator: too loud");
        let name = format!("mallory{at}");
        let ban = json!({ "nickname": name, "reason": format!("too{}loud", ENDS[at]) });
        let ban = server.post("/admin/bans", ban).json();
        assert_eq!(ban["reason"], "too loud");
    }
}

#[test]
fn half_a_character_is_replaced_and_the_sender_hears_of_it() {
    let server = start();
    let mut ada = JsonClient::enter(&server, "ada");
    ada.0
        .send(r#"{"type":"message","args":{"body":"x\ud83d","tag":"t-1"}}"#);
    let message = ada.expect("message");
    assert_eq!(message["body"], "x\u{fffd}");
    assert_eq!(ada.expect("stored")["tag"], "t-1");
    // Anywhere else it is an error that the client is told.
    for args in [
        r#"{"type":"message","args":{"body":"x","room":"\udc00x","tag":"t-2"}}"#,
        r#"{"type":"private","args":{"body":"x","to":"\ud83d","tag":"t-2"}}"#,
    ] {
        ada.0.send(args);
        let error = ada.expect("error");
        assert_eq!(error["tag"], "t-2", "{error}");
    }
    for frame in [
        r#"{"type":"message","args":{"body":"x","tag":"\ud83d"}}"#,
        r#"{"type":"\ud83d"}"#,
        r#"{"type":"setnick","args":{"nickname":"a\udfff"}}"#,
    ] {
        ada.0.send(frame);
        ada.expect("error");
    }
    // Whole characters stay whole, and what only looks like an escape is text.
    ada.0
        .send(r#"{"type":"message","args":{"body":"\ud83d\ude00 \\ud83d"}}"#);
    assert_eq!(ada.expect("message")["body"], "\u{1f600} \\ud83d");
    let announced = raw_post(&server, "/admin/announce", r#"{"message":"soup \ud83c"}"#);
    assert_eq!(announced, 200);
    assert_eq!(
        ada.expect("announcement")["body"],
        "Public Server Announcement: soup \u{fffd}"
    );
    let mut jon = room(
        &server,
        "{\"name\":\"jon\",\"room\":\"dev\",\"x\":\"\\ud83d\"}hi\n",
    );
    assert_eq!(next_line(&mut jon), "jon:hi\n");
}

/// POSTs these bytes unchanged; returns the status.
fn raw_post(server: &Server, path: &str, body: &str) -> u16 {
    let token = server.admin_token();
    let length = body.len();
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n{body}"
    );
    let mut stream = TcpStream::connect(server.address("rest")).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut first = String::new();
    BufReader::new(stream).read_line(&mut first).unwrap();
    first.split(' ').nth(1).unwrap().parse().unwrap()
}

#[test]
fn whole_numbers_are_whole_however_they_are_written() {
    let server = Server::start(|config| {
        config["limits"] =
            serde_json::from_str(r#"{"line_bytes": 2048.0, "message_burst": 1e2}"#).unwrap();
    });
    let mut ada = JsonClient::enter(&server, "ada");
    for text in ["one", "two", "three"] {
        ada.send("message", json!({ "body": text }));
        ada.expect("message");
    }
    for limit in ["2.0", "2", "0.2e1", "20E-1"] {
        let frame = r#"{"type":"history","args":{"limit":LIMIT}}"#.replace("LIMIT", limit);
        ada.0.send(&frame);
        let history = ada.expect("history");
        assert_eq!(history["messages"].as_array().unwrap().len(), 2, "{limit}");
    }
    for limit in ["2.5", "-2.0", "1e300", "\"2\""] {
        let frame = r#"{"type":"history","args":{"limit":LIMIT}}"#.replace("LIMIT", limit);
        ada.0.send(&frame);
        assert_eq!(ada.expect("error")["code"], "bad_argument", "{limit}");
    }
    let ban = r#"{"nickname":"eve","expires_in_seconds":6e1}"#;
    assert_eq!(raw_post(&server, "/admin/bans", ban), 201);
    let ban = r#"{"nickname":"eve","expires_in_seconds":0.5}"#;
    assert_eq!(raw_post(&server, "/admin/bans", ban), 400);
}

#[test]
fn a_byte_order_mark_at_the_beginning_is_ignored_everywhere() {
    let mut server = start();
    let mut alice = LineClient::connect(server.telnet());
    alice.send_bytes("\u{feff}\u{feff}alice\r\n".as_bytes());
    alice.expect("Welcome, alice!");
    alice.send_bytes("\u{feff}\u{feff}/join #dev\r\n\u{feff}\u{feff}hello\r\n".as_bytes());
    alice.expect_message("alice", "hello");
    let mut bob = WsClient::open(server.web(), "/ws", &[]).unwrap();
    bob.send("\u{feff}\u{feff}bob");
    bob.expect("Welcome, bob!");
    let mut ada = JsonClient::enter(&server, "ada");
    ada.0
        .send("\u{feff}\u{feff}{\"type\":\"message\",\"args\":{\"body\":\"\u{feff}\u{feff}hi\"}}");
    assert_eq!(ada.expect("message")["body"], "hi");
    let mut jon = room(
        &server,
        "\u{feff}\u{feff}{\"name\":\"jon\",\"room\":\"dev\"}\nhi\n",
    );
    assert_eq!(next_line(&mut jon), "jon:hi\n");
    // Bodies: JSON, a form, and JSON in a form.
    let body = "\u{feff}\u{feff}{\"message\":\"soup\"}";
    assert_eq!(raw_post(&server, "/admin/announce", body), 200);
    assert_eq!(
        raw_post(&server, "/auth", "\u{feff}\u{feff}{\"nickname\":\"eve\"}"),
        201
    );
    let form = server.post_form("/auth", &[("nickname", "eva")]);
    assert_eq!(form.status, 201, "{}", form.body);
    // Files: the configuration and the bans.
    assert_eq!(
        raw_post(&server, "/admin/bans", r#"{"nickname":"mallory"}"#),
        201
    );
    for file in ["config.json", "data/bans.json"] {
        let path = server.dir().join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, format!("\u{feff}\u{feff}{text}")).unwrap();
    }
    server.restart();
    let mut mallory = LineClient::connect(server.telnet());
    mallory.send("mallory");
    mallory.expect("banned");
}

#[test]
fn a_form_with_a_byte_order_mark_is_read() {
    let server = start();
    let body = "\u{feff}nickname=ada";
    let length = body.len();
    let mut stream = TcpStream::connect(server.web()).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let request = format!(
        "POST /auth HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut first = String::new();
    BufReader::new(stream).read_line(&mut first).unwrap();
    assert!(first.starts_with("HTTP/1.1 201"), "{first}");
}

#[test]
fn a_message_of_nothing_to_see_is_empty() {
    let server = start();
    let mut alice = LineClient::enter_channel(&server, "alice", "global");
    let mut ada = JsonClient::enter(&server, "ada");
    alice.expect("ada joined");
    for blank in [
        "\u{1d159}",
        "\u{1bca0}",
        "\u{115f}",
        "\u{3164}",
        "\u{2800}",
        "\u{ad}\u{200b}",
        " \u{3164}\u{2028} \u{fe0f}",
        "\u{e0041}",
        "\u{13441}",
        "\u{fff9}",
        "\u{202e}",
        "\u{180e}",
    ] {
        ada.send("message", json!({ "body": blank, "tag": "t" }));
        let error = ada.expect("error");
        assert_eq!(
            (&error["code"], &error["tag"]),
            (&json!("empty_message"), &json!("t")),
            "{blank:?}"
        );
        ada.send("private", json!({ "to": "alice", "body": blank }));
        assert_eq!(ada.expect("error")["code"], "empty_message", "{blank:?}");
        alice.send(blank);
        assert_eq!(
            server
                .post("/admin/announce", json!({ "message": blank }))
                .status,
            400
        );
        // Nor is a nickname of this kind accepted.
        assert_eq!(
            server
                .post_form("/auth", &[("nickname", &format!("eve{blank}"))])
                .status,
            400
        );
        assert_eq!(
            server.post_form("/auth", &[("nickname", blank)]).status,
            400
        );
    }
    assert_eq!(alice.settle(), [""; 0]);
    ada.send("message", json!({ "body": "\u{2764}\u{fe0f}" }));
    alice.expect_message("ada", "\u{2764}\u{fe0f}");
}

#[test]
fn a_path_that_is_taken_for_a_command_says_how_to_send_it() {
    let server = start();
    let mut alice = LineClient::enter_channel(&server, "alice", "dev");
    alice.send("/etc/hosts is wrong");
    alice.expect("There is no command /etc/hosts.");
    assert!(alice.transcript().contains("//etc/hosts"));
    alice.send("//etc/hosts is wrong");
    alice.expect_message("alice", "/etc/hosts is wrong");
}

/// 2001-02-03T12:00:00Z, on that day or the next in every time zone.
const LONG_AGO: u64 = 981_201_600_000;

#[test]
fn history_of_another_day_has_its_date_on_every_line() {
    let server = Server::start(|config| {
        config["store"] = json!({});
        let data = config["data_dir"].as_str().unwrap().to_owned();
        std::fs::create_dir(&data).unwrap();
        let settings = SqliteSettings::new(std::path::Path::new(&data).join("chat.db"));
        let store = SqliteStore::open(settings).unwrap();
        let name = |name| Name::parse(name).unwrap();
        let message = Message {
            id: MessageId {
                ms: LONG_AGO,
                sequence: 0,
            },
            at_ms: LONG_AGO,
            author: name("ada"),
            place: Place::Channel {
                channel: name("dev"),
                account: None,
            },
            body: Text::clean("one\ntwo").into(),
        };
        assert!(store.append(&[message]).unwrap().iter().all(Result::is_ok));
    });
    let mut lines = WsClient::enter(&server, "lines");
    lines.send("/join #dev");
    let mut alice = LineClient::enter_channel(&server, "alice", "dev");
    alice.send("today");
    alice.expect_message("alice", "today");
    alice.send("/history");
    let is_dated = |line: &str, text: &str| {
        line.starts_with("2001-02-0") && line.get(10..11) == Some(" ") && line.ends_with(text)
    };
    for reader in [&mut alice as &mut dyn User, &mut lines] {
        reader.expect_line("the first line", &|line| is_dated(line, " @ada: one"));
        reader.expect_line("the second line", &|line| is_dated(line, " @ada: two"));
        // Both live and in a history of the same day.
        reader.expect_message("alice", "today");
    }
}
