//! Thousands of clients connect and disconnect in every way there is and leave
//! nothing behind.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::bystander::Bystanders;
use crate::process::{Level, connections};
use crate::support::{
    Carrier, DEADLINE, Identity, JsonClient, LineClient, Server, User, WsClient, wait_until,
};
use crate::{LISTENERS, every_listener};

/// Rounds; each has one visit of each kind.
const ROUNDS: usize = 120;
/// Growth in KiB that the allocator may keep and that is no leak.
const GROWTH_KIB: u64 = 48 * 1024;

#[test]
fn thousands_who_come_and_go_leave_nothing_behind() {
    let identity = Identity::new();
    let server = Server::start(|config| {
        every_listener(config);
        identity.configure(config, &LISTENERS);
        config["limits"]["auth_attempts"] = 0.into();
    });
    // One round first, for what is allocated only once.
    visits(&server, &identity, 0);
    wait_until("no connection is left", || connections(&server) == 0);
    let level = Level::of(&server);
    let resident = server.resident_kib();
    let bystanders = Bystanders::start(&server);
    thread::scope(|scope| {
        for worker in 1..=2 {
            let (server, identity) = (&server, &identity);
            scope.spawn(move || {
                for round in 0..ROUNDS / 2 {
                    visits(server, identity, worker * ROUNDS + round);
                }
            });
        }
    });
    bystanders.finish("comings and goings");
    wait_until("no connection is left", || connections(&server) == 0);
    level.wait_back(&server);
    let growth = server.resident_kib().saturating_sub(resident);
    println!("{} visits, {growth} KiB more than before", ROUNDS * 19);
    assert!(growth < GROWTH_KIB, "{growth} KiB more than before");
}

/// One visit of each kind.
fn visits(server: &Server, identity: &Identity, number: usize) {
    for name in LISTENERS {
        // Connects and closes; resets; sends half a greeting.
        drop(connect(server, name));
        reset(connect(server, name));
        let mut half = connect(server, name);
        half.write_all(b"GET {\"na").unwrap();
        reset(half);
        let secure = format!("tls-{name}");
        let mut half = connect(server, &secure);
        half.write_all(&[0x16, 3, 1, 2, 0, 1]).unwrap();
        drop(half);
    }
    let mut line = LineClient::enter_channel(server, &format!("line{number}"), "churn");
    line.send("/quit");
    line.expect_close();
    let address = server.address("tls-telnet");
    let tls = Carrier::tls(address, &identity.certificate());
    LineClient::on(tls).login(&format!("tls{number}"));
    // Ends without a close frame, with frames unread.
    let mut json = JsonClient::enter(server, &format!("json{number}"));
    json.send("join", json!({ "room": "churn" }));
    json.send("message", json!({ "body": "and gone" }));
    drop(json);
    let mut room = connect(server, "tcp");
    let start = json!({ "name": format!("room{number}"), "room": "churn" });
    writeln!(room, "{start}\nhello").unwrap();
    room.read_exact(&mut [0; 1]).unwrap();
    reset(room);
    let mut framed = WsClient::open(server.address("ws"), "/mychat", &[]).unwrap();
    framed.send(&start.to_string());
    drop(framed);
    assert_eq!(server.get("/healthz").status, 200);
}

fn connect(server: &Server, name: &str) -> TcpStream {
    let stream = TcpStream::connect(server.address(name)).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream
}

/// Resets a connection.
fn reset(stream: TcpStream) {
    let at_once = Some(Duration::ZERO);
    rustix::net::sockopt::set_socket_linger(&stream, at_once).unwrap();
}
