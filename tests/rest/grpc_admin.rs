//! Administration over gRPC, as programs in other languages see it, and the
//! fate of connections that are slow, silent, dead or not gRPC at all.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::Stdio;

use crate::support::{
    DEADLINE, Identity, JsonClient, Server, python, run_python, wait_for, wait_until,
};
use serde_json::{Value, json};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// An empty SETTINGS frame, and the acknowledgement of the server's.
const SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];
const SETTINGS_ACK: &[u8] = &[0, 0, 0, 4, 1, 0, 0, 0, 0];
/// Types of frames.
const GOAWAY: u8 = 7;
const PING: u8 = 6;

fn start(limits: Value) -> Server {
    Server::start(|config| {
        config["listen"]["grpc"] = "127.0.0.1:0".into();
        config["limits"] = limits;
    })
}

fn arguments(server: &Server, more: &[&str]) -> Vec<String> {
    let first = [server.address("grpc").to_string(), server.admin_token()];
    let more = more.iter().map(|&word| word.to_owned());
    first.into_iter().chain(more).collect()
}

/// The number of threads of gRPC connections: they have the name of the thread
/// that started them, which does not count.
fn threads(server: &Server) -> usize {
    let folder = format!("/proc/{}/task", server.pid());
    let threads = std::fs::read_dir(folder).unwrap();
    // A thread may end before its name is read.
    let name = |thread: std::fs::DirEntry| std::fs::read_to_string(thread.path().join("comm"));
    let names = threads.filter_map(|thread| name(thread.unwrap()).ok());
    names.filter(|name| name.trim() == "accept grpc").count() - 1
}

/// A connection on which the test itself speaks HTTP/2.
fn connect(server: &Server) -> TcpStream {
    let client = TcpStream::connect(server.address("grpc")).unwrap();
    client.set_read_timeout(Some(DEADLINE)).unwrap();
    client
}

/// The same, after the beginning of HTTP/2 and these bytes: in one piece, so that nothing of it
/// is late.
fn begun(server: &Server, bytes: &[u8]) -> TcpStream {
    let mut client = connect(server);
    let all = [PREFACE, SETTINGS, bytes].concat();
    client.write_all(&all).unwrap();
    client
}

/// The types of all frames until the server closes.
fn frames_until_closed(mut client: TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    client.read_to_end(&mut bytes).unwrap();
    let mut rest = &bytes[..];
    let mut types = Vec::new();
    while rest.len() >= 9 {
        let length = u32::from_be_bytes([0, rest[0], rest[1], rest[2]]) as usize;
        types.push(rest[3]);
        rest = &rest[9 + length..];
    }
    types
}

#[test]
fn every_call_and_every_refusal() {
    let server = start(json!({"message_rate": 0}));
    let telnet = server.telnet().to_string();
    run_python("grpc_admin.py", &arguments(&server, &[&telnet]));
    // Successful calls are in the audit trail.
    let done = [
        "announced to 1 connections: back at noon",
        "disconnected ALICE",
        "made ban 1 of nickname mallory",
        "lifted ban 1 of nickname mallory",
    ];
    wait_for("all of it is in the audit trail", || {
        let trail = server.get("/admin/log?kind=admin&limit=100").body;
        match done.iter().all(|done| trail.contains(done)) {
            true => Ok(()),
            false => Err(trail),
        }
    });
}

#[test]
fn channels_are_seen_and_changed() {
    let server = start(json!({"message_rate": 0}));
    JsonClient::registered(&server, "mina");
    let telnet = server.telnet().to_string();
    run_python("grpc_channels.py", &arguments(&server, &[&telnet]));
    let query = "kind=admin&nick=administrator&channel=dev&limit=100";
    let done = [
        "@mina has registered the channel",
        "the topic is now: the plan",
        "now only people with voice may speak",
        "@bob is now operator",
        "@bob is now an ordinary member",
        "removed @bob: be kind",
        "banned the nickname b?b: spam",
        "unmuted the nickname bob",
        "made an invitation link",
        "withdrew an invitation link",
        "the channel is not registered any more",
    ];
    let entries = server.log_with(query, &done);
    assert_eq!(entries.len(), 29, "{entries:?}");
    for entry in &entries {
        assert_eq!(entry["nick"], "administrator", "{entry}");
        let address = entry["address"].as_str().unwrap_or_default();
        assert!(address.starts_with("127.0.0.1:"), "{entry}");
        assert!(!entry.to_string().contains("s3cret"), "{entry}");
    }
    server.wait_output("wrong admin token for gRPC /chat.admin.v1.Channels/UpdateChannel");
}

#[test]
fn guessers_wait() {
    let server = start(json!({"auth_attempts": 3}));
    run_python("grpc_token.py", &arguments(&server, &[]));
    server.wait_output("wrong admin token for gRPC /chat.admin.v1.Admin/ListUsers");
}

/// What a program that calls gRPC with tokens needs to know: the addresses, and the administrators'
/// token.
fn with_rest(server: &Server) -> Vec<String> {
    arguments(server, &[&server.rest().unwrap().to_string()])
}

#[test]
fn every_call_needs_its_scope_and_no_other() {
    let server = start(json!({"auth_attempts": 0}));
    run_python("grpc_scopes.py", &with_rest(&server));
}

#[test]
fn programs_delete_no_faster_than_their_address_may_write() {
    let server = start(json!({"auth_attempts": 0, "bytes_per_address": 65536}));
    run_python("grpc_delete_pace.py", &with_rest(&server));
}

#[test]
fn a_tail_ends_with_the_token_that_it_was_asked_for_with() {
    let server = start(json!({"auth_attempts": 0}));
    run_python("grpc_tail_ends.py", &with_rest(&server));
}

#[test]
fn a_slow_reader_is_told_what_it_missed() {
    let server = start(json!({"message_rate": 0, "http_seconds": 600}));
    let telnet = server.telnet().to_string();
    run_python(
        "grpc_slow_tail.py",
        &arguments(&server, &[&telnet, "reads"]),
    );
}

#[test]
fn a_reader_that_has_stopped_is_disconnected() {
    // The client must read in time what it does read.
    let server = start(json!({"message_rate": 0, "http_seconds": 6}));
    let telnet = server.telnet().to_string();
    run_python(
        "grpc_slow_tail.py",
        &arguments(&server, &[&telnet, "stalls"]),
    );
    server.wait_output("does not read what it asked for");
}

#[test]
fn killed_clients_leave_no_thread_behind() {
    let server = start(json!({}));
    let mut client = python("grpc_tails.py", &arguments(&server, &["20"]))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    let mut output = BufReader::new(client.stdout.take().unwrap());
    output.read_line(&mut said).unwrap();
    assert_eq!(said, "open\n");
    wait_until("each has a thread", || threads(&server) == 20);
    client.kill().unwrap();
    client.wait().unwrap();
    wait_until("their threads are gone", || threads(&server) == 0);
}

#[test]
fn what_is_not_grpc_is_turned_away() {
    let answer_to = |server: &Server, bytes: &[u8]| {
        let mut client = connect(server);
        client.write_all(bytes).unwrap();
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    };
    let server = start(json!({}));
    let http = answer_to(&server, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(http.starts_with("HTTP/1.1 426 ") && http.ends_with("This port speaks gRPC.\r\n"));
    assert!(answer_to(&server, b"\x00\x01garbage").starts_with("HTTP/1.1 426 "));
    // A valid beginning, and then nonsense.
    let client = begun(&server, &[0xff; 64]);
    assert!(frames_until_closed(client).contains(&GOAWAY));
    // What does not come the server gives up after a second.
    let server = start(json!({"http_seconds": 1}));
    assert_eq!(answer_to(&server, b""), "");
    assert_eq!(answer_to(&server, &PREFACE[..10]), "");
}

#[test]
fn a_half_open_connection_is_noticed() {
    let server = start(json!({"ping_seconds": 1}));
    let client = begun(&server, SETTINGS_ACK);
    // The client does not answer the ping.
    assert!(frames_until_closed(client).contains(&PING));
    wait_until("its thread is gone", || threads(&server) == 0);
}

#[test]
fn who_has_nothing_to_ask_makes_room() {
    let server = start(json!({"grpc_idle_seconds": 1, "ping_seconds": 0}));
    let client = begun(&server, SETTINGS_ACK);
    assert!(frames_until_closed(client).contains(&GOAWAY));
}

#[test]
fn there_are_only_so_many_connections() {
    let server = start(json!({"connections": 2}));
    // On top of these are the places reserved for administrators.
    let mut held: Vec<TcpStream> = (0..18).map(|_| connect(&server)).collect();
    for client in &mut held {
        client.write_all(PREFACE).unwrap();
        client.write_all(SETTINGS).unwrap();
        // The server's SETTINGS: the client is admitted.
        let mut settings = [0; 9];
        client.read_exact(&mut settings).unwrap();
    }
    let another = connect(&server);
    assert_eq!(frames_until_closed(another), [0; 0]);
    server.wait_output("grpc: refused");
}

#[test]
fn a_shutdown_ends_tails_in_time() {
    let mut server = start(json!({}));
    let mut client = python("grpc_tails.py", &arguments(&server, &["3"]))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    let mut output = BufReader::new(client.stdout.take().unwrap());
    output.read_line(&mut said).unwrap();
    assert_eq!(said, "open\n");
    server.signal(rustix::process::Signal::TERM);
    assert!(server.wait_exit().success());
    client.kill().unwrap();
    client.wait().unwrap();
}

#[test]
fn over_tls() {
    let identity = Identity::new();
    let server = Server::start(|config| identity.configure(config, &["grpc"]));
    let at = server.address("tls-grpc").port().to_string();
    let certificate = identity.certificate().display().to_string();
    run_python("grpc_tls.py", &[at, server.admin_token(), certificate]);
}
