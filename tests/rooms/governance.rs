//! Channels with rules as clients of room lines meet them: what opens a room, what they
//! are told, and how they are removed.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

use crate::support::{DEADLINE, JsonClient, LineClient, Server, User, WsClient};
use serde_json::{Value, json};

fn start() -> Server {
    Server::start(|config| {
        config["listen"]["tcp"] = "127.0.0.1:0".into();
        config["listen"]["ws"] = "127.0.0.1:0".into();
        config["limits"] = json!({ "message_rate": 0 });
    })
}

/// Room lines over TCP or over a WebSocket.
enum RoomClient {
    Tcp(BufReader<TcpStream>),
    WebSocket(Box<WsClient>),
}

impl RoomClient {
    /// Connects by both ways in turn and sends the object at the beginning.
    fn each(server: &Server, hello: &Value, mut check: impl FnMut(RoomClient)) {
        for way in ["tcp", "ws"] {
            let mut hello = hello.clone();
            let name = hello["name"].as_str().unwrap();
            hello["name"] = format!("{name}_{way}").into();
            check(RoomClient::connect(server, way, &hello.to_string()));
        }
    }

    fn connect(server: &Server, way: &str, hello: &str) -> RoomClient {
        let address = server.address(way);
        let mut client = match way {
            "tcp" => {
                let stream = TcpStream::connect(address).unwrap();
                stream.set_read_timeout(Some(DEADLINE)).unwrap();
                RoomClient::Tcp(BufReader::new(stream))
            }
            _ => RoomClient::WebSocket(Box::new(WsClient::open(address, "/mychat", &[]).unwrap())),
        };
        client.send(hello);
        client
    }

    fn send(&mut self, line: &str) {
        match self {
            RoomClient::Tcp(stream) => stream
                .get_mut()
                .write_all(format!("{line}\n").as_bytes())
                .unwrap(),
            RoomClient::WebSocket(client) => client.send(line),
        }
    }

    /// The next line without its end; `None` when the server has closed the connection.
    fn next(&mut self) -> Option<String> {
        let line = match self {
            RoomClient::Tcp(stream) => {
                let mut line = String::new();
                stream.read_line(&mut line).unwrap();
                Some(line).filter(|line| !line.is_empty())
            }
            RoomClient::WebSocket(client) => client.next_frame(),
        };
        line.map(|line| line.trim_end_matches('\n').to_owned())
    }

    #[track_caller]
    fn expect(&mut self, line: &str) {
        assert_eq!(self.next().as_deref(), Some(line));
    }

    /// The connection ends with this line.
    #[track_caller]
    fn expect_end(&mut self, last: &str) {
        self.expect(last);
        assert_eq!(self.next(), None);
    }
}

/// An operator in a room of their own.
fn operator(server: &Server, room: &str, rules: &str) -> LineClient {
    let mut ann = LineClient::enter_channel(server, "ann", room);
    if !rules.is_empty() {
        ann.send(&format!("/mode {rules}"));
        ann.expect("* @ann");
    }
    ann
}

#[test]
fn the_topic_is_shown_on_entry_and_nothing_else() {
    let server = start();
    let mut ann = operator(&server, "dev", "");
    RoomClient::each(
        &server,
        &json!({"name": "quiet", "room": "dev"}),
        |mut client| {
            client.send("first");
            let first = client.next().unwrap();
            assert!(first.ends_with(":first"), "{first}");
        },
    );
    ann.send("/topic the plan");
    ann.expect("set the topic");
    RoomClient::each(
        &server,
        &json!({"name": "mina", "room": "dev"}),
        |mut client| {
            client.expect("* topic: the plan");
            client.send("hello");
            assert!(client.next().unwrap().ends_with(":hello"));
            // What changes while it is there is not told.
            ann.send("/topic another plan");
            ann.expect("set the topic");
            ann.send("/topic the plan");
            ann.expect("set the topic");
            client.send("still here");
            assert!(client.next().unwrap().ends_with(":still here"));
        },
    );
}

#[test]
fn a_key_opens_a_room_and_without_it_a_line_says_how() {
    let server = start();
    let _ann = operator(&server, "dev", "key sesame");
    let why = r##"#dev has a key. Give it as "key" beside name and room."##;
    for key in [Value::Null, json!(""), json!("wrong")] {
        let hello = json!({"name": "mina", "room": "dev", "key": key});
        RoomClient::each(&server, &hello, |mut client| client.expect_end(why));
    }
    for field in ["key", "KEY"] {
        let hello = json!({"name": "mina", "room": "dev", field: "sesame"});
        RoomClient::each(&server, &hello, |mut client| {
            client.send("inside");
            assert!(client.next().unwrap().ends_with(":inside"));
        });
    }
    // A room without a key takes no notice of one.
    let hello = json!({"name": "jon", "room": "open", "key": "sesame"});
    RoomClient::each(&server, &hello, |mut client| {
        client.send("inside");
        assert!(client.next().unwrap().ends_with(":inside"));
    });
}

#[test]
fn an_invitation_opens_a_room_for_invited_people() {
    let server = start();
    let mut ann = operator(&server, "dev", "+invite-only");
    let hello = json!({"name": "mina", "room": "dev"});
    RoomClient::each(&server, &hello, |mut client| {
        client.expect_end(
            "Only invited people may join #dev. Ask one of its operators for an invitation.",
        );
    });
    ann.send("/link 2");
    let line = ann.expect("/join/dev/");
    let secret = line.split("/join/dev/").nth(1).unwrap();
    let secret: String = secret.chars().take_while(char::is_ascii_hexdigit).collect();
    let hello = json!({"name": "mina", "room": "dev", "invitation": secret});
    RoomClient::each(&server, &hello, |mut client| {
        client.send("inside");
        assert!(client.next().unwrap().ends_with(":inside"));
    });
    // Both uses are spent.
    RoomClient::each(&server, &hello, |mut client| {
        client.expect_end(
            "Only invited people may join #dev. Ask one of its operators for an invitation.",
        );
    });
}

#[test]
fn a_key_or_invitation_of_another_form_is_named() {
    let server = start();
    for (field, value, why) in [
        (
            "key",
            json!(5),
            "The key will not do: it is text between quotes, or left out.",
        ),
        (
            "invitation",
            json!(["x"]),
            "The invitation will not do: it is text between quotes, or left out.",
        ),
        (
            "invitation",
            json!("x"),
            "That invitation will not do: it is the last part of an invitation link.",
        ),
        (
            "key",
            json!("two words"),
            "That key will not do: a key is 1 to 23 printable ASCII characters without space and comma, and does not begin with a colon.",
        ),
    ] {
        let hello = json!({"name": "mina", "room": "dev", field: value});
        RoomClient::each(&server, &hello, |mut client| client.expect_end(why));
    }
}

#[test]
fn who_may_not_come_in_reads_why_and_is_closed() {
    let server = start();
    let mut ann = operator(&server, "dev", "limit 1");
    let hello = json!({"name": "mina", "room": "dev"});
    RoomClient::each(&server, &hello, |mut client| {
        client.expect_end("#dev is full. Please try again later.");
    });
    ann.send("/mode -limit +registered-only");
    ann.expect("registered-only");
    RoomClient::each(&server, &hello, |mut client| {
        client.expect_end(
            "You need an account for that in #dev. Register your nickname, or log in, first.",
        );
    });
    ann.send("/mode -registered-only");
    ann.expect("registered-only");
    ann.send("/ban mi*");
    ann.expect("banned");
    RoomClient::each(&server, &hello, |mut client| {
        client.expect_end("You are banned from #dev. Its operators can lift the ban.");
    });
    ann.send("/unban mi*");
    ann.expect("ban");
    RoomClient::each(&server, &hello, |mut client| {
        client.send("inside");
        assert!(client.next().unwrap().ends_with(":inside"));
    });
}

#[test]
fn who_may_not_speak_reads_why_and_stays() {
    let server = start();
    let mut ann = operator(&server, "dev", "+moderated");
    let hello = json!({"name": "mina", "room": "dev"});
    RoomClient::each(&server, &hello, |mut client| {
        client.send("hello");
        let why = "Only people with voice may speak in #dev. Its operators can give you voice.";
        client.expect(why);
        ann.send("/mode -moderated");
        ann.expect("took moderated off");
        client.send("and now?");
        assert!(client.next().unwrap().ends_with(":and now?"));
        ann.send("/mute mi*");
        ann.expect("muted");
        client.send("hello?");
        client.expect("You are muted in #dev. Its operators can lift that.");
        ann.send("/unmute mi*");
        ann.expect("unmuted");
        ann.send("/mode slow 3600");
        ann.expect("slow");
        client.send("once");
        assert!(client.next().unwrap().ends_with(":once"));
        client.send("twice");
        let line = client.next().unwrap();
        assert!(
            line.starts_with("#dev is in slow mode: you may speak again in "),
            "{line}"
        );
        ann.send("/mode -slow +moderated");
        ann.expect("set moderated");
        // What the operator says still arrives.
        ann.send("class is over");
        client.expect("ann:class is over");
    });
}

#[test]
fn who_is_removed_reads_why_and_is_closed_and_may_come_again() {
    let server = start();
    let mut ann = operator(&server, "dev", "");
    let enter = |way: &str| {
        let hello = r#"{"name": "mina", "room": "dev"}"#;
        let mut client = RoomClient::connect(&server, way, hello);
        client.send("here");
        client.expect("mina:here");
        client
    };
    for (deed, last) in [
        ("/kick @mina spam", "You were removed by @ann: spam"),
        ("/kick @mina", "You were removed by @ann."),
    ] {
        for way in ["tcp", "ws"] {
            let mut client = enter(way);
            ann.send(deed);
            client.expect_end(last);
            // The others are told once.
            ann.expect("removed @mina");
            let after = ann.settle();
            assert!(!after.iter().any(|line| line.contains("mina")), "{after:?}");
        }
    }
    let mut client = enter("ws");
    let answer = server.delete("/admin/channels/dev/members/mina?reason=late");
    assert!((200..300).contains(&answer.status), "{}", answer.body);
    client.expect_end("You were removed: late");
    if let RoomClient::WebSocket(client) = &client {
        assert_eq!(client.close_code(), Some(1008));
    }
    let mut client = enter("tcp");
    ann.send("/ban @mina 5 more spam");
    client.expect_end("You were removed by @ann: more spam");
    let hello = r#"{"name": "mina", "room": "dev"}"#;
    let mut client = RoomClient::connect(&server, "ws", hello);
    client.expect_end("You are banned from #dev. Its operators can lift the ban.");
}

/// Those of other protocols lose the room, and keep the connection.
#[test]
fn of_other_protocols_only_the_room_is_lost() {
    let server = start();
    let mut ann = operator(&server, "dev", "");
    let mut tel = LineClient::enter_channel(&server, "tel", "dev");
    let mut jay = JsonClient::enter(&server, "jay");
    jay.send("join", json!({"room": "dev"}));
    jay.expect("joined");
    for name in ["tel", "jay"] {
        ann.send(&format!("/kick @{name} pause"));
    }
    tel.expect("* You were removed from #dev by @ann: pause");
    tel.send("/rooms");
    tel.expect("#dev");
    jay.expect("left");
    jay.send("message", json!({"room": "global", "body": "still here"}));
    assert_eq!(jay.expect("message")["body"], "still here");
}
