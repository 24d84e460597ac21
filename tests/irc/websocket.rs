//! IRC over WebSockets, on the port of the page.

use tungstenite::Message;

use crate::start;
use crate::support::{IrcClient, Server, WsClient};

fn open(server: &Server, path: &str, subprotocol: &str) -> Result<WsClient, u16> {
    let fields: &[(&'static str, &str)] = match subprotocol {
        "" => &[],
        subprotocol => &[("Sec-WebSocket-Protocol", subprotocol)],
    };
    WsClient::open(server.web(), path, fields)
}

fn expect(client: &mut WsClient, needle: &str) -> String {
    loop {
        let line = client.next_frame().expect("the connection has ended");
        assert!(!line.ends_with(['\r', '\n']), "{line:?}");
        if line.contains(needle) {
            return line;
        }
    }
}

#[test]
fn each_frame_is_a_line() {
    let server = start();
    let mut bob = IrcClient::enter_channel(&server, "bob", "c");
    let mut ann = open(&server, "/irc", "").unwrap();
    for line in ["NICK ann", "USER ann 0 * :Ann\r\n", "JOIN #c"] {
        ann.send_frame(Message::text(line));
    }
    expect(&mut ann, " 001 ann ");
    expect(&mut ann, " 366 ann #c ");
    bob.expect(" JOIN ");
    bob.send("PRIVMSG #c :hello");
    assert!(expect(&mut ann, " PRIVMSG ").ends_with(" PRIVMSG #c :hello"));
    ann.send_frame(Message::text("PRIVMSG #c :hi"));
    assert!(bob.next().ends_with(" PRIVMSG #c :hi"));
    ann.send_frame(Message::text("QUIT :bye"));
    assert!(bob.next().ends_with(" QUIT :Quit: bye"));
}

#[test]
fn the_client_chooses_text_or_binary_frames() {
    let server = start();
    for (path, subprotocol, is_binary) in [
        ("/", "binary.ircv3.net", true),
        ("/", "text.ircv3.net, binary.ircv3.net", false),
        ("/irc", "binary.ircv3.net, text.ircv3.net", true),
    ] {
        let mut client = open(&server, path, subprotocol).unwrap();
        client.send_frame(Message::text("PING x"));
        let frame = client.next_message();
        let (line, came_binary) = match frame {
            Some(Message::Text(text)) => (text.to_string(), false),
            Some(Message::Binary(bytes)) => (String::from_utf8(bytes.to_vec()).unwrap(), true),
            other => panic!("{other:?}"),
        };
        assert_eq!(came_binary, is_binary, "{subprotocol}");
        assert!(line.ends_with(" PONG irc.example.org :x"), "{line}");
    }
    assert!(open(&server, "/", "").is_err());
    let mut client = open(&server, "/irc", "binary.ircv3.net").unwrap();
    client.send_frame(Message::binary(b"PRIVMSG #c :caf\xe9".to_vec()));
    assert!(matches!(
        client.next_message(),
        Some(Message::Binary(bytes)) if bytes.windows(12).any(|part| part == b"INVALID_UTF8")
    ));
}

#[test]
fn the_port_of_the_page_has_irc_also_without_a_port_of_its_own() {
    let server = crate::start_with(|config| config["listen"]["irc"] = "off".into());
    let mut ann = open(&server, "/irc", "").unwrap();
    for line in ["NICK ann", "USER ann 0 * :Ann"] {
        ann.send_frame(Message::text(line));
    }
    expect(&mut ann, " 001 ann ");
}
