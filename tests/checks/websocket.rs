//! Our reading of WebSockets: the result does not depend on how the bytes are
//! split, the limit holds, and answers are complete control frames.

use chat_server::session::websocket::reading;
use tungstenite::protocol::Role;
use tungstenite::{Message, WebSocket};

use super::{Peer, cut};

const LINE_BYTES: usize = 20;
/// Longer messages are not read.
const LONGEST: usize = 16 * LINE_BYTES;

pub fn check(data: &[u8]) {
    let (pieces, whole) = cut(data);
    let (messages, written) = read(vec![whole]);
    assert_eq!(read(pieces.clone()), (messages, written.clone()));
    only_control_frames(&written);
    what_is_sent_in_fragments_is_read(&pieces);
}

/// The messages read, with how reading ended, and the bytes answered.
fn read(pieces: Vec<&[u8]>) -> (Vec<String>, Vec<u8>) {
    let mut peer = Peer::new(pieces);
    let config = reading(LINE_BYTES);
    let mut socket = WebSocket::from_raw_socket(&mut peer, Role::Server, Some(config));
    let mut messages = Vec::new();
    loop {
        match socket.read() {
            Ok(message) => {
                assert!(message.len() <= LONGEST);
                messages.push(format!("{message:?}"));
            }
            Err(error) => {
                messages.push(error.to_string());
                break;
            }
        }
    }
    let _ = socket.flush();
    drop(socket);
    (messages, peer.written)
}

fn only_control_frames(mut written: &[u8]) {
    while let [head, length, rest @ ..] = written {
        // Pong or close, unfragmented, unmasked.
        assert!([0x8a, 0x88].contains(head), "{head:x}");
        assert!(*length <= 125);
        written = rest.get(usize::from(*length)..).expect("a whole frame");
    }
    assert!(written.is_empty());
}

/// A client's message in several frames, with a ping in between.
fn what_is_sent_in_fragments_is_read(pieces: &[&[u8]]) {
    let mut bytes = Vec::new();
    let payload = pieces.concat();
    let last = pieces.len().saturating_sub(1);
    for (index, piece) in pieces.iter().enumerate() {
        let opcode = if index == 0 { 2 } else { 0 };
        let fin = if index == last { 0x80 } else { 0 };
        frame(fin | opcode, piece, &mut bytes);
        frame(0x89, b"ping", &mut bytes);
    }
    let mut peer = Peer::new(vec![&bytes]);
    let config = reading(LINE_BYTES);
    let mut socket = WebSocket::from_raw_socket(&mut peer, Role::Server, Some(config));
    loop {
        match socket.read() {
            Ok(Message::Ping(_)) => continue,
            Ok(message) => {
                assert_eq!(message, Message::binary(payload));
                return;
            }
            Err(tungstenite::Error::Capacity(_)) => {
                assert!(payload.len() > LONGEST);
                return;
            }
            Err(_) => {
                assert!(payload.is_empty());
                return;
            }
        }
    }
}

fn frame(head: u8, payload: &[u8], out: &mut Vec<u8>) {
    let mask = [0x5a, 0, 0xff, 0x81];
    out.push(head);
    out.push(0x80 | u8::try_from(payload.len()).unwrap());
    out.extend_from_slice(&mask);
    let masked = payload.iter().zip(mask.iter().cycle());
    out.extend(masked.map(|(byte, mask)| byte ^ mask));
}
