//! The line protocol at the level of bytes: line ends, telnet negotiation,
//! limits, invalid text, and input split anywhere.

use crate::support::{LineClient, Server, User};

const IAC: u8 = 255;
const DONT: u8 = 254;
const DO: u8 = 253;
const WONT: u8 = 252;
const WILL: u8 = 251;
const SB: u8 = 250;
const EL: u8 = 248;
const EC: u8 = 247;
const AYT: u8 = 246;
const IP: u8 = 244;
const SE: u8 = 240;
const WINDOW_SIZE: u8 = 31;
const TERMINAL_TYPE: u8 = 24;

#[test]
fn every_way_to_end_a_line_is_understood() {
    let server = Server::start(|_| {});
    let mut alice = LineClient::enter_channel(&server, "alice", "dev");
    alice.send_bytes(b"crlf\r\nlf\ncr nul\r\0and on\r\n");
    for text in ["crlf", "lf", "cr nul", "and on"] {
        let line = alice.next_line().unwrap();
        assert!(line.ends_with(&format!(": {text}")), "{line}");
    }
    assert_eq!(alice.settle(), [""; 0]);
}

#[test]
fn lines_to_a_telnet_client_end_in_cr_lf() {
    let server = Server::start(|_| {});
    let mut alice = LineClient::enter_channel(&server, "alice", "dev");
    alice.send("/help");
    alice.settle();
    let received = alice.received();
    let line_feeds = memchr::memchr_iter(b'\n', received).count();
    assert_eq!(
        memchr::memmem::find_iter(received, b"\r\n").count(),
        line_feeds
    );
    assert!(!received.contains(&IAC), "nothing is negotiated unasked");
}

#[test]
fn a_whole_conversation_in_one_packet_is_carried_out_in_order() {
    let server = Server::start(|_| {});
    let mut alice = LineClient::connect(server.telnet());
    alice.send_bytes(b"alice\r\n/join #dev\r\none\r\ntwo\r\n/nick bob\r\nthree\r\n/quit\r\n");
    let lines = alice.expect_close();
    let position = |needle: &str| {
        let found = lines.iter().position(|line| line.contains(needle));
        found.unwrap_or_else(|| panic!("no {needle} in {lines:#?}"))
    };
    let order = [
        position("Welcome, alice"),
        position("in #dev"),
        position("@alice: one"),
        position("@alice: two"),
        position("now @bob"),
        position("@bob: three"),
        position("Good-bye"),
    ];
    assert!(order.is_sorted(), "{lines:#?}");
}

#[test]
fn one_byte_at_a_time_is_the_same_as_all_at_once() {
    let server = Server::start(|_| {});
    let mut alice = LineClient::connect(server.telnet());
    let input = [
        b"ali\xff\xfd\x1fce\r\n/join #dev\r\n".as_slice(),
        "grüß\u{1f600}e\r\n".as_bytes(),
    ]
    .concat();
    for byte in input {
        alice.send_bytes(&[byte]);
    }
    alice.expect_bytes(&[IAC, WONT, WINDOW_SIZE]);
    alice.expect_message("alice", "grüß\u{1f600}e");
}

#[test]
fn negotiation_is_refused_once_and_leaves_no_trace() {
    let server = Server::start(|_| {});
    let mut alice = LineClient::enter_channel(&server, "alice", "dev");
    alice.send_bytes(&[IAC, DO, WINDOW_SIZE]);
    alice.expect_bytes(&[IAC, WONT, WINDOW_SIZE]);
    alice.send_bytes(&[b'a', IAC, WILL, TERMINAL_TYPE, b'b', b'\n']);
    alice.expect_bytes(&[IAC, DONT, TERMINAL_TYPE]);
    alice.expect_message("alice", "ab");
    // Agreement is not answered, or two compliant programs would never stop.
    alice.send_bytes(&[b'c', IAC, WONT, TERMINAL_TYPE, IAC, DONT, WINDOW_SIZE]);
    alice.send_bytes(&[IAC, SB, TERMINAL_TYPE, 0, b'\n', b'x', IAC, SE, b'd', b'\n']);
    alice.expect_message("alice", "cd");
    alice.settle();
    let answers = alice.received().iter().filter(|&&byte| byte == IAC);
    assert_eq!(answers.count(), 2);
}

#[test]
fn negotiation_may_be_split_anywhere() {
    let server = Server::start(|_| {});
    let mut alice = LineClient::enter_channel(&server, "alice", "dev");
    let pieces: [&[u8]; 6] = [
        &[b'a', IAC],
        &[DO],
        &[WINDOW_SIZE, b'b', IAC],
        &[SB, TERMINAL_TYPE, IAC],
        &[SE, b'c'],
        b"\r\n",
    ];
    for piece in pieces {
        alice.send_bytes(piece);
    }
    alice.expect_bytes(&[IAC, WONT, WINDOW_SIZE]);
    alice.expect_message("alice", "abc");
}

#[test]
fn are_you_there_is_answered_before_and_after_logging_in() {
    let server = Server::start(|_| {});
    let mut alice = LineClient::connect(server.telnet());
    alice.send_bytes(&[IAC, AYT]);
    alice.expect("Yes");
    alice.login("alice");
    alice.send_bytes(&[IAC, AYT]);
    alice.expect_next("Yes");
}

#[test]
fn erasing_a_character_or_the_line_works() {
    let server = Server::start(|_| {});
    let mut alice = LineClient::enter_channel(&server, "alice", "dev");
    alice.send_bytes(&[b"helloo".as_slice(), &[IAC, EC], b"\r\n"].concat());
    alice.expect_message("alice", "hello");
    alice.send_bytes(&["caf\u{e9}".as_bytes(), &[IAC, EC], b"e\r\n"].concat());
    alice.expect_message("alice", "cafe");
    alice.send_bytes(&[b"never mind".as_slice(), &[IAC, EL], b"better\r\n"].concat());
    alice.expect_message("alice", "better");
    alice.send_bytes(&[b"never mind".as_slice(), &[IAC, IP], b"best\r\n"].concat());
    alice.expect_message("alice", "best");
}

#[test]
fn a_line_of_exactly_the_limit_passes_and_one_more_byte_does_not() {
    let server = Server::start(|_| {});
    let mut alice = LineClient::enter_channel(&server, "alice", "dev");
    let longest = "x".repeat(4096);
    alice.send(&longest);
    alice.expect_message("alice", &longest);
    alice.send(&format!("{longest}y"));
    alice.expect_next("4096 bytes");
    alice.send("still here");
    let next = alice.next_line().unwrap();
    assert!(next.ends_with("@alice: still here"), "{next}");
}

#[test]
fn the_limit_is_configurable_and_a_huge_line_costs_one_error() {
    let server = Server::start(|config| config["limits"]["line_bytes"] = 256.into());
    let mut alice = LineClient::enter_channel(&server, "alice", "dev");
    let longest = "é".repeat(128);
    alice.send(&longest);
    alice.expect_message("alice", &longest);
    for _ in 0..64 {
        alice.send_bytes(&[b'z'; 64 * 1024]);
    }
    alice.send("");
    alice.expect_next("256 bytes");
    assert_eq!(alice.settle(), [""; 0]);
}

#[test]
fn bytes_that_are_no_utf_8_are_replaced() {
    let server = Server::start(|_| {});
    let mut alice = LineClient::enter_channel(&server, "alice", "dev");
    alice.send_bytes(b"caf\xe9 cr\xe8me\r\n");
    alice.expect_message("alice", "caf\u{fffd} cr\u{fffd}me");
    alice.send_bytes(b"\xf0\x9f\x98 cut\r\n");
    alice.expect_message("alice", "\u{fffd} cut");
}

#[test]
fn no_escape_sequence_ever_reaches_somebody_else() {
    let server = Server::start(|_| {});
    let mut alice = LineClient::enter_channel(&server, "alice", "dev");
    let mut mallory = LineClient::enter(&server, "mallory");
    let evil = "\x1b[2J\x1b]0;owned\x07\u{9b}31m\u{202e}\u{7f}\x08\x0b\x0c\x0e";
    mallory.send(&format!("/nick {evil}"));
    mallory.send(&format!("/join #{evil}"));
    mallory.send("/join #dev");
    mallory.send(&format!("a{evil}z"));
    mallory.send(&format!("/msg @alice b{evil}z"));
    mallory.send(&format!("{evil}/msg"));
    mallory.send(&format!("/{evil}"));
    // A bare carriage return would let the rest overwrite the beginning of the
    // line.
    mallory.send("c\r12:00 @alice: I never said that");
    mallory.expect("I never said that");
    mallory.settle();
    alice.expect("@mallory: c");
    alice.expect_message("mallory", "12:00 @alice: I never said that");
    alice.settle();

    for client in [&alice, &mallory] {
        let seen = String::from_utf8(client.received().to_vec()).unwrap();
        let harmful = |c: &char| match c {
            '\t' | '\n' | '\r' => false,
            '\u{202a}'..='\u{202e}' => true,
            c => c.is_control(),
        };
        assert_eq!(seen.chars().find(harmful), None, "{seen:?}");
        assert!(!seen.replace("\r\n", "").contains('\r'), "{seen:?}");
    }
}

#[test]
fn who_has_finished_talking_still_gets_every_answer() {
    let server = Server::start(|_| {});
    let mut alice = LineClient::connect(server.telnet());
    alice.send_bytes(b"alice\n/join #dev\nlast words\n/help\nwithout a newline");
    alice.half_close();
    let lines = alice.expect_close().join("\n");
    for needle in [
        "Welcome, alice",
        "in #dev",
        "@alice: last words",
        "/unignore @nick",
        "@alice: without a newline",
    ] {
        assert!(lines.contains(needle), "no {needle} in\n{lines}");
    }
}

#[test]
fn who_vanishes_while_logging_in_disturbs_nobody() {
    let server = Server::start(|_| {});
    for input in [b"".as_slice(), b"ali", b"ali\r\n/join", &[IAC], &[IAC, SB]] {
        let mut client = LineClient::connect(server.telnet());
        client.send_bytes(input);
        drop(client);
    }
    let mut alice = LineClient::enter_channel(&server, "alice", "dev");
    alice.send("hello");
    alice.expect_message("alice", "hello");
}
