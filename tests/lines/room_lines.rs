//! Room lines over TCP and WebSocket, with clients of the other protocols in
//! the same room.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};

use crate::support::{DEADLINE, JsonClient, LineClient, Server, User, WsClient};
use serde_json::{Value, json};
use tungstenite::Message;

fn start() -> Server {
    Server::start(|config| {
        config["listen"]["tcp"] = "127.0.0.1:0".into();
        config["listen"]["ws"] = "127.0.0.1:0".into();
    })
}

/// A minimal client.
struct RoomClient {
    stream: TcpStream,
    reader: BufReader<TcpStream>,
}

impl RoomClient {
    fn connect(server: &Server, hello: &str) -> RoomClient {
        let mut stream = TcpStream::connect(server.address("tcp")).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream.write_all(hello.as_bytes()).unwrap();
        let reader = BufReader::new(stream.try_clone().unwrap());
        RoomClient { stream, reader }
    }

    fn send(&mut self, line: &str) {
        self.stream
            .write_all(format!("{line}\n").as_bytes())
            .unwrap();
    }

    /// The next line with its end; empty at the end of the connection.
    fn next(&mut self) -> String {
        let mut line = String::new();
        self.reader.read_line(&mut line).unwrap();
        line
    }

    /// Enters a room and waits until the server has admitted it.
    fn enter(server: &Server, name: &str, room: &str) -> RoomClient {
        let hello = format!(r#"{{"name":"{name}","room":"{room}"}}"#);
        let mut client = RoomClient::connect(server, &hello);
        client.send("here I am");
        assert_eq!(client.next(), format!("{name}:here I am\n"));
        client
    }
}

#[test]
fn everyone_in_the_room_the_sender_too_gets_name_and_text() {
    let server = start();
    let mut mina = RoomClient::enter(&server, "Mina", "devroom");
    let mut jon = RoomClient::enter(&server, "Jon", "devroom");
    assert_eq!(mina.next(), "Jon:here I am\n");
    let mut other = RoomClient::enter(&server, "Eve", "elsewhere");
    mina.send("hi /all of you");
    assert_eq!(mina.next(), "Mina:hi /all of you\n");
    assert_eq!(jon.next(), "Mina:hi /all of you\n");
    other.send("alone?");
    assert_eq!(other.next(), "Eve:alone?\n");
    // Joins and leaves are not announced.
    drop(jon);
    mina.send("still");
    assert_eq!(mina.next(), "Mina:still\n");
}

#[test]
fn who_cannot_come_in_reads_why_and_is_closed() {
    let server = start();
    let _mina = RoomClient::enter(&server, "Mina", "devroom");
    for (hello, why) in [
        (r#"{"name":"MINA","room":"x"}"#, "taken"),
        (r#"{"name":"mi/na","room":"x"}"#, "That name"),
        (r#"{"name":" ","room":"x"}"#, "There is no name"),
        (r#"{"name":"a","room":null}"#, "There is no room"),
        (r#"{"name":"a","room":"x,y"}"#, "That room"),
        (r#"{"name":"a"}"#, "Say first"),
        ("hello}", "Say first"),
    ] {
        let mut client = RoomClient::connect(&server, hello);
        let line = client.next();
        assert!(
            line.contains(why) && line.ends_with('\n'),
            "{hello}: {line}"
        );
        let mut rest = String::new();
        client.reader.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "", "{hello}");
    }
}

#[test]
fn a_newline_after_the_object_is_its_end_and_a_half_closed_client_hears_all() {
    let server = start();
    let hello = "{\"name\":\"Mina\",\n\"room\":\"devroom\"}\r\none\r\ntwo";
    let mut mina = RoomClient::connect(&server, hello);
    mina.stream.shutdown(Shutdown::Write).unwrap();
    let mut heard = String::new();
    mina.reader.read_to_string(&mut heard).unwrap();
    assert_eq!(heard, "Mina:one\nMina:two\n");
}

#[test]
fn over_websocket_each_line_is_a_frame_that_ends_in_a_newline() {
    let server = start();
    for listener in ["ws", "web"] {
        let mut client = WsClient::open(server.address(listener), "/mychat", &[]).unwrap();
        client.send(&format!(r#"{{"name":"{listener}","room":"devroom"}}"#));
        client.send("one\r\ntwo\n");
        assert_eq!(client.next_frame().unwrap(), format!("{listener}:one\n"));
        assert_eq!(client.next_frame().unwrap(), format!("{listener}:two\n"));
        let mut late = WsClient::open(server.address("ws"), "/mychat", &[]).unwrap();
        late.send(&format!(r#"{{"name":"{listener}","room":"devroom"}}"#));
        assert!(late.next_frame().unwrap().contains("taken"));
        assert_eq!(late.next_frame(), None);
    }
}

#[test]
fn lines_arrive_as_they_were_sent_empty_or_with_spaces_at_the_end() {
    let server = start();
    let mut mina = RoomClient::enter(&server, "Mina", "devroom");
    let mut web = WsClient::open(server.address("ws"), "/mychat", &[]).unwrap();
    web.send(r#"{"name":"web","room":"devroom"}"#);
    web.send("here I am");
    assert_eq!(web.next_frame().unwrap(), "web:here I am\n");
    assert_eq!(mina.next(), "web:here I am\n");
    let mut telnet = LineClient::enter_channel(&server, "tel", "devroom");
    for line in ["", "  ", "two  ", " a\tb \t", "\r"] {
        mina.send(line);
        // A carriage return at the end belongs to the line's end.
        let line = line.strip_suffix('\r').unwrap_or(line);
        let expected = format!("Mina:{line}\n");
        assert_eq!(mina.next(), expected);
        assert_eq!(web.next_frame().unwrap(), expected);
    }
    for frame in ["", "\n", "x \n", "x "] {
        web.send(frame);
        let expected = format!("web:{}\n", frame.strip_suffix('\n').unwrap_or(frame));
        assert_eq!(web.next_frame().unwrap(), expected, "{frame:?}");
        assert_eq!(mina.next(), expected, "{frame:?}");
    }
    web.send("a\n\n b\r\n\n");
    for line in ["a", "", " b", ""] {
        assert_eq!(mina.next(), format!("web:{line}\n"));
    }
    // Clients of other protocols get them as well.
    telnet.expect_message("Mina", "two  ");
    telnet.expect_message("web", "a");
}

#[test]
fn what_was_sent_empty_is_kept_so() {
    let server = start();
    let mut mina = RoomClient::enter(&server, "Mina", "devroom");
    for line in ["", "two  "] {
        mina.send(line);
        assert_eq!(mina.next(), format!("Mina:{line}\n"));
    }
    let mut jay = JsonClient::enter(&server, "jay");
    jay.send("join", json!({"room": "devroom"}));
    let history = jay.expect("history");
    let bodies: Vec<&Value> = history["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|message| &message["body"])
        .collect();
    assert_eq!(bodies, ["here I am", "", "two  "]);
}

#[test]
fn names_and_rooms_of_several_words_are_one_word_to_everybody() {
    let server = start();
    let hello = r#"{"NAME":"Mina  Harker","Room":" the dev\troom"}"#;
    let mut mina = RoomClient::connect(&server, hello);
    mina.send("hi");
    assert_eq!(mina.next(), "Mina_Harker:hi\n");
    let mut telnet = LineClient::enter_channel(&server, "tel", "the_dev_room");
    telnet.send("/list");
    telnet.expect("@Mina_Harker");
    telnet.send("hello");
    assert_eq!(mina.next(), "tel:hello\n");
    // It is the same name in another spelling.
    let mut again = RoomClient::connect(&server, r#"{"name":"mina harker","room":"x"}"#);
    assert!(again.next().contains("taken"));
}

#[test]
fn lines_may_be_64_kib_long_if_the_limit_allows() {
    let most = 64 * 1024;
    let server = Server::start(|config| {
        config["listen"]["tcp"] = "127.0.0.1:0".into();
        config["listen"]["ws"] = "127.0.0.1:0".into();
        config["limits"] = json!({"line_bytes": most});
    });
    let mut mina = RoomClient::enter(&server, "Mina", "devroom");
    let mut web = WsClient::open(server.address("ws"), "/mychat", &[]).unwrap();
    web.send(r#"{"name":"web","room":"devroom"}"#);
    let long = "x".repeat(most);
    web.send(&format!("{long}\n"));
    assert_eq!(web.next_frame().unwrap(), format!("web:{long}\n"));
    assert_eq!(mina.next(), format!("web:{long}\n"));
    mina.send(&long);
    assert_eq!(mina.next(), format!("Mina:{long}\n"));
    assert_eq!(web.next_frame().unwrap(), format!("Mina:{long}\n"));
    // The limit applies to a line: a frame may have several.
    web.send(&format!("{long}\n{long}y\nz"));
    assert_eq!(mina.next(), format!("web:{long}\n"));
    assert_eq!(mina.next(), "web:z\n");
    assert_eq!(web.next_frame().unwrap(), format!("web:{long}\n"));
    let words = format!("That line was longer than {most} bytes and was not sent.\n");
    assert_eq!(web.next_frame().unwrap(), words);
    mina.send(&format!("{long}y"));
    assert_eq!(mina.next(), words);
}

#[test]
fn a_binary_frame_is_answered_in_words() {
    let server = start();
    let mut web = WsClient::open(server.address("ws"), "/mychat", &[]).unwrap();
    web.send_frame(Message::binary(b"x".to_vec()));
    let words = "That was a binary frame, and was not sent: lines come in text frames.\n";
    assert_eq!(web.next_frame().unwrap(), words);
    web.send(r#"{"name":"web","room":"devroom"}hi"#);
    assert_eq!(web.next_frame().unwrap(), "web:hi\n");
    web.send_frame(Message::binary(b"x\n".to_vec()));
    assert_eq!(web.next_frame().unwrap(), words);
}

#[test]
fn all_protocols_meet_in_one_room_each_in_its_own_form() {
    let server = start();
    let mut telnet = LineClient::enter_channel(&server, "tel", "devroom");
    let mut line = WsClient::enter(&server, "lina");
    line.send("/join #devroom");
    line.expect("in #devroom");
    let mut room = RoomClient::enter(&server, "Mina", "devroom");
    let token = server.post_form("/auth", &[("nickname", "jay")]).json();
    let path = format!("/ws?token={}", token["token"].as_str().unwrap());
    let mut jay = WsClient::open(server.web(), &path, &[]).unwrap();
    let join = json!({"type": "join", "args": {"room": "devroom"}});
    jay.send(&join.to_string());
    telnet.expect("@jay joined");
    let say = json!({"type": "message", "args": {"body": "from json"}});
    jay.send(&say.to_string());
    telnet.expect_message("jay", "from json");
    line.expect_message("jay", "from json");
    assert_eq!(room.next(), "jay:from json\n");
    room.send("from the room");
    telnet.expect_message("Mina", "from the room");
    line.expect_message("Mina", "from the room");
    assert_eq!(message_from(&mut jay, "Mina")["body"], "from the room");
    telnet.send("from telnet");
    assert_eq!(message_from(&mut jay, "tel")["room"], "devroom");
    assert_eq!(room.next(), "Mina:from the room\n");
    assert_eq!(room.next(), "tel:from telnet\n");
    server.post("/admin/announce", json!({"message": "soup"}));
    assert_eq!(room.next(), "Public Server Announcement: soup\n");
}

/// The next message from an author.
fn message_from(client: &mut WsClient, from: &str) -> Value {
    loop {
        let frame = client.next_json().unwrap();
        if frame["type"] == "message" && frame["from"] == from {
            return frame;
        }
    }
}

#[test]
fn the_websockets_own_listener_has_nothing_else() {
    let server = start();
    let status = |path: &str| {
        let agent: ureq::Agent = ureq::config::Config::builder()
            .http_status_as_error(false)
            .build()
            .into();
        let url = format!("http://{}{path}", server.address("ws"));
        agent.get(url).call().unwrap().status().as_u16()
    };
    assert_eq!(status("/healthz"), 200);
    for path in [
        "/admin/users",
        "/metrics",
        "/docs",
        "/api/status",
        "/auth",
        "/client",
        "/",
    ] {
        assert_eq!(status(path), 404, "{path}");
    }
    for path in ["/ws", "/api/ws"] {
        let refused = WsClient::open(server.address("ws"), path, &[]);
        assert_eq!(refused.err(), Some(404), "{path}");
    }
}
