//! Requests of other protocols at a port for lines: a web page must not be able
//! to chat there, and no client is left waiting.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

use crate::support::{Carrier, DEADLINE, Identity, LineClient, Server, User, wait_until};

/// The body a page sends with `fetch(url, {method: "POST", mode: "no-cors",
/// body})`.
const BODY: &str = "mina\r\n/join #dev\r\nbought cheaply\r\n";

fn start() -> Server {
    Server::start(|config| {
        config["listen"]["tcp"] = "127.0.0.1:0".into();
    })
}

/// The server's whole answer to these pieces, sent one by one.
fn said_to(address: SocketAddr, pieces: &[&[u8]]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream.set_nodelay(true).unwrap();
    for piece in pieces {
        // The server may have closed the connection already.
        let _ = stream.write_all(piece);
    }
    let mut said = Vec::new();
    if let Err(error) = stream.read_to_end(&mut said) {
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{error}");
    }
    said
}

fn request(first_line: &str) -> String {
    let length = BODY.len();
    format!("{first_line}\r\nHost: 127.0.0.1\r\nContent-Length: {length}\r\n\r\n{BODY}")
}

#[test]
fn an_http_request_is_the_end_and_its_body_is_not_said() {
    let server = start();
    let mut alice = LineClient::enter_channel(&server, "alice", "dev");
    let long = format!("POST /{} HTTP/1.1", "x".repeat(100_000));
    for first_line in [
        "POST / HTTP/1.1",
        "GET /chat?a=b HTTP/1.0",
        "get /",
        "OPTIONS * HTTP/1.1",
        "PROPFIND / HTTP/1.1",
        "x-y!z / HTTP/9.9",
        "PUT http://127.0.0.1:4000/ HTTP/1.1",
        "CONNECT 127.0.0.1:4000 HTTP/1.1",
        "PRI * HTTP/2.0",
        "\r\n\n  \r\nPOST / HTTP/1.1",
        "\u{feff}POST / HTTP/1.1",
        "\u{feff}\r\nPOST / HTTP/1.1",
        &long,
    ] {
        let whole = request(first_line);
        let whole = whole.as_bytes();
        let said = said_to(server.telnet(), &[whole]);
        let said = String::from_utf8(said).unwrap();
        assert!(
            said.contains("lines of text, not HTTP"),
            "{first_line:.60}: {said}"
        );
        assert!(!said.contains("Welcome, "), "{first_line:.60}: {said}");
        // In two parts, with the body sent separately.
        let (head, body) = whole.split_at(whole.len() - BODY.len());
        let (one, two) = head.split_at(3);
        said_to(server.telnet(), &[one, two, body]);
        let said = said_to(server.address("tcp"), &[whole]);
        let said = String::from_utf8(said).unwrap();
        assert!(said.is_empty() || said.starts_with("Say first"), "{said}");
    }
    // Nor if the request line comes alone, without its end.
    let mut stream = TcpStream::connect(server.telnet()).unwrap();
    stream.write_all(b"GET / HTTP/1.1").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut said = String::new();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream.read_to_string(&mut said).unwrap();
    assert!(said.contains("not HTTP"), "{said}");
    assert_eq!(alice.settle(), [""; 0], "alice hears nothing of all that");
    wait_until("alice is the only user", || {
        let users = server.get("/admin/users").json();
        users["users"].as_array().unwrap().len() == 1
    });
}

#[test]
fn a_request_that_comes_later_is_text() {
    let server = start();
    let mut alice = LineClient::enter_channel(&server, "alice", "dev");
    alice.send("GET / HTTP/1.1");
    alice.expect_message("alice", "GET / HTTP/1.1");
    // A first line with a space that is no request is an invalid nickname.
    let mut bob = LineClient::connect(server.telnet());
    bob.send("bob from the office");
    bob.expect("That nickname will not do");
    bob.send("GET");
    bob.expect("Welcome, GET");
}

#[test]
fn a_request_within_tls_is_the_end_as_well() {
    let identity = Identity::new();
    let server = Server::start(|config| {
        identity.configure(config, &["telnet", "tcp"]);
    });
    for (listener, words) in [("tls-telnet", "not HTTP"), ("tls-tcp", "Say first")] {
        let address = server.address(listener);
        let mut client = LineClient::on(Carrier::tls(address, &identity.certificate()));
        client.send_bytes(request("POST / HTTP/1.1").as_bytes());
        let said = client.expect_close();
        assert!(said.iter().any(|line| line.contains(words)), "{said:?}");
        assert!(
            !said.iter().any(|line| line.contains("Welcome, ")),
            "{said:?}"
        );
    }
}

#[test]
fn a_client_that_speaks_tls_to_a_plain_port_gets_an_alert() {
    let server = start();
    let hello = [&[0x16, 3, 1, 2, 0, 1, 0][..], &[0; 512]].concat();
    let (one, two) = hello.split_at(1);
    for pieces in [&[&hello[..]][..], &[one, two]] {
        for listener in ["telnet", "tcp"] {
            let said = said_to(server.address(listener), pieces);
            assert!(
                said.ends_with(&[0x15, 3, 1, 0, 2, 2, 70]),
                "{listener}: {said:?}"
            );
        }
    }
}
