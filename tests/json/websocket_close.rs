//! A WebSocket ends with a close frame from both sides.

use crate::support::{Server, User, WsClient};
use tungstenite::Message;
use tungstenite::protocol::CloseFrame;
use tungstenite::protocol::frame::coding::CloseCode;

#[test]
fn who_closes_a_web_socket_is_answered() {
    let server = Server::start(|_| {});
    let mut alice = WsClient::enter(&server, "alice");
    alice.send_frame(Message::Close(Some(CloseFrame {
        code: CloseCode::Library(3001),
        reason: "bye".into(),
    })));
    assert!(alice.expect_close().is_empty());
    assert_eq!(alice.close_code(), Some(3001));
}

#[test]
fn who_sends_far_too_much_at_once_reads_why_it_ends() {
    let server = Server::start(|_| {});
    let mut alice = WsClient::enter(&server, "alice");
    alice.send_frame(Message::text("x".repeat(1_000_000)));
    let words = alice.expect_close();
    assert!(words[0].contains("too large"), "{words:?}");
    assert_eq!(alice.close_code(), Some(1009));
}
