//! Telnet and room lines behind balancers that name the client in a PROXY
//! header: lists, limits and bans use that address, and headers from other
//! peers are not accepted.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

use crate::support::{Carrier, DEADLINE, Identity, LineClient, Server, User, wait_until};
use serde_json::{Value, json};

const TEXT: &[u8] = b"PROXY TCP4 198.51.100.7 192.0.2.1 4711 4000\r\n";

/// A header of version 2 for a client over TCP with IPv4 or IPv6.
fn binary(client: &str, more: &[u8]) -> Vec<u8> {
    let client: SocketAddr = client.parse().unwrap();
    let (family, mut rest) = match client {
        SocketAddr::V4(v4) => (0x11, [v4.ip().octets(), [192, 0, 2, 1]].concat()),
        SocketAddr::V6(v6) => (0x21, [v6.ip().octets(), [1; 16]].concat()),
    };
    rest.extend(client.port().to_be_bytes());
    rest.extend(4000u16.to_be_bytes());
    rest.extend(more);
    start_of_binary(0x21, family, &rest)
}

fn start_of_binary(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let mut header = b"\r\n\r\n\x00\r\nQUIT\n".to_vec();
    header.extend([command, family]);
    header.extend((rest.len() as u16).to_be_bytes());
    header.extend(rest);
    header
}

fn start(trusted: &[&str]) -> Server {
    start_with(trusted, |_| {})
}

fn start_with(trusted: &[&str], change: impl FnOnce(&mut Value)) -> Server {
    Server::start(|config| {
        config["listen"]["tcp"] = "127.0.0.1:0".into();
        config["listen"]["proxy_protocol_from"] = json!(trusted);
        change(config);
    })
}

/// Connects to telnet through a balancer.
fn come(server: &Server, header: &[u8]) -> LineClient {
    let mut client = LineClient::connect(server.telnet());
    client.send_bytes(header);
    client
}

/// The address that administrators see.
fn address_of(server: &Server, nickname: &str) -> String {
    let users = server.get("/admin/users").json();
    let users = users["users"].as_array().unwrap();
    let user = users.iter().find(|user| user["nickname"] == nickname);
    let user = user.unwrap_or_else(|| panic!("{nickname} is not in {users:?}"));
    user["address"].as_str().unwrap().to_owned()
}

#[test]
fn both_versions_say_who_comes() {
    let server = start(&["127.0.0.0/8"]);
    let v2 = |client| binary(client, &[]);
    // Further fields that balancers send are skipped.
    let with_more = binary("192.0.2.9:1", b"\x05\x00\x04aaaa\x03\x00\x04bbbb");
    for (nickname, header, address) in [
        ("ada", TEXT.to_vec(), "198.51.100.7:4711"),
        (
            "eve",
            b"PROXY TCP6 2001:db8::7 2001:db8::1 4711 4000\r\n".to_vec(),
            "[2001:db8::7]:4711",
        ),
        ("ben", v2("198.51.100.8:99"), "198.51.100.8:99"),
        ("cy", v2("[2001:db8::8]:99"), "[2001:db8::8]:99"),
        ("dora", with_more, "192.0.2.9:1"),
    ] {
        let mut client = come(&server, &header);
        client.login(nickname);
        assert_eq!(address_of(&server, nickname), address);
    }
    wait_until("the log has the client's address", || {
        let log = server.get("/admin/log?kind=open").body;
        log.contains("198.51.100.7:4711")
    });
    // Room lines as well; what follows the header belongs to them.
    let mut stream = TcpStream::connect(server.address("tcp")).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let hello = br#"{"name":"mina","room":"dev"}"#;
    stream.write_all(&[TEXT, hello].concat()).unwrap();
    wait_until("mina is logged in", || {
        let users = server.get("/admin/users").body;
        users.contains("mina")
    });
    assert_eq!(address_of(&server, "mina"), "198.51.100.7:4711");
}

#[test]
fn a_header_in_pieces_is_waited_for_and_comes_before_tls() {
    let identity = Identity::new();
    let server = start_with(&["127.0.0.1"], |config| {
        identity.configure(config, &["telnet"]);
    });
    let mut client = LineClient::connect(server.telnet());
    for byte in binary("198.51.100.7:4711", &[]) {
        client.send_bytes(&[byte]);
    }
    client.login("ada");
    assert_eq!(address_of(&server, "ada"), "198.51.100.7:4711");
    let address = server.address("tls-telnet");
    let carrier = Carrier::try_tls_after(address, TEXT, &identity.certificate());
    let mut client = LineClient::on(carrier.unwrap());
    client.login("ben");
    assert_eq!(address_of(&server, "ben"), "198.51.100.7:4711");
}

#[test]
fn a_balancer_that_speaks_for_itself_is_who_it_is() {
    let server = start(&["127.0.0.1"]);
    for (nickname, header) in [
        ("ada", b"PROXY UNKNOWN\r\n".to_vec()),
        ("ben", start_of_binary(0x20, 0x00, &[])),
    ] {
        let mut client = come(&server, &header);
        client.login(nickname);
        let address = address_of(&server, nickname);
        assert!(address.starts_with("127.0.0.1:"), "{address}");
    }
}

#[test]
fn nobody_else_is_believed() {
    let server = start(&["10.0.0.0/8"]);
    // To the server these are ordinary lines; one line of the second header
    // becomes a nickname.
    let _clients = [TEXT, &binary("1.2.3.4:5", &[])].map(|header| {
        let mut client = come(&server, header);
        client.send("");
        client.send("ada");
        client.expect("Welcome, ");
        client
    });
    let users = server.get("/admin/users").json();
    let users = users["users"].as_array().unwrap();
    assert_eq!(users.len(), 2, "{users:?}");
    for user in users {
        let address = user["address"].as_str().unwrap();
        assert!(address.starts_with("127.0.0.1:"), "{address}");
    }
}

#[test]
fn what_is_no_header_ends_the_connection() {
    let server = start(&["127.0.0.1"]);
    let time = |seconds: u64| {
        server.reload(|config| config["limits"]["http_seconds"] = seconds.into());
    };
    let long = [b"PROXY TCP4 ", [b'1'; 200].as_slice()].concat();
    for (bad, why) in [
        (b"alice and some more words\r\n".to_vec(), "does not begin"),
        (long, "too long"),
        (binary("1.2.3.4:5", &[0; 4096]), "too long"),
        (
            b"PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n".to_vec(),
            "does not begin",
        ),
        (start_of_binary(0x2f, 0x11, &[0; 12]), "does not begin"),
        (start_of_binary(0x21, 0x11, &[0; 5]), "does not begin"),
        // A header that is never completed.
        (TEXT[..20].to_vec(), "in time"),
        (binary("1.2.3.4:5", &[])[..17].to_vec(), "in time"),
        (Vec::new(), "in time"),
    ] {
        // Only what is to be late has little time.
        time(if why == "in time" { 1 } else { 60 });
        let before = server.output().matches(why).count();
        let mut stream = TcpStream::connect(server.telnet()).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream.write_all(&bad).unwrap();
        let mut said = Vec::new();
        // With bytes left unread the connection ends with a reset.
        let _ = stream.read_to_end(&mut said);
        assert_eq!(said, b"", "{}", bad.escape_ascii());
        let shown = format!("{} is refused: {why}", bad.escape_ascii());
        wait_until(&shown, || server.output().matches(why).count() > before);
    }
    time(60);
    // A port probe is no reason for a warning.
    let warnings = server.output().matches("PROXY").count();
    drop(TcpStream::connect(server.telnet()).unwrap());
    come(&server, TEXT).login("ada");
    assert_eq!(server.output().matches("PROXY").count(), warnings);
}

#[test]
fn limits_and_bans_are_the_clients() {
    let server = start_with(&["127.0.0.1"], |config| {
        config["limits"]["connections_per_address"] = 2.into();
    });
    let one = |port: u16| binary(&format!("198.51.100.7:{port}"), &[]);
    let mut kept: Vec<LineClient> = (1..=2)
        .map(|port| {
            let mut client = come(&server, &one(port));
            client.expect("Welcome");
            client
        })
        .collect();
    let mut third = come(&server, &one(3));
    third.expect("Too many connections from your address.");
    assert!(third.expect_close().is_empty());
    let mut other = come(&server, &binary("198.51.100.8:1", &[]));
    other.login("other");
    // A closed connection frees its place.
    drop(kept.pop());
    let begun = Instant::now();
    loop {
        let mut again = come(&server, &one(4));
        if again.hears("Welcome") {
            break;
        }
        assert!(begun.elapsed() < DEADLINE, "no place came back");
    }
    let ban = json!({"address": "198.51.100.7"});
    assert_eq!(server.post("/admin/bans", ban).status, 201);
    kept[0].expect("banned");
    let mut banned = come(&server, &one(5));
    banned.expect("banned");
    other.settle();
}

#[test]
fn who_is_trusted_can_be_changed_while_it_runs() {
    let server = start(&[]);
    LineClient::enter(&server, "ada");
    server.reload(|config| {
        config["listen"]["proxy_protocol_from"] = json!(["127.0.0.1"]);
    });
    let mut client = come(&server, TEXT);
    client.login("ben");
    assert_eq!(address_of(&server, "ben"), "198.51.100.7:4711");
}
