//! Calls over gRPC without a token, as plain HTTP/2; all that comes back is kept.

use std::io::{Read, Write};
use std::net::SocketAddr;

use crate::support::Carrier;
use crate::wire::Own;

/// What anyone may call: the administrators' calls answer nothing without a token.
pub const CALLS: &[&str] = &[
    "/chat.admin.v1.Admin/ListChannels",
    "/chat.admin.v1.Admin/ListUsers",
    "/chat.admin.v1.Admin/SearchLog",
    "/chat.admin.v1.Admin/TailLog",
    "/chat.admin.v1.Channels/GetChannel",
    "/chat.admin.v1.Channels/ListChannelEntries",
    "/chat.admin.v1.Channels/CreateInvitation",
    "/grpc.health.v1.Health/Check",
];
/// The name server's call.
pub const CREATE_ROOM: &str = "/proto.NameService/CreateRoom";

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Types of frames.
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RESET: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
/// Flags of frames.
const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;

/// Calls a method with a message that has this text as its first field, and reads the
/// answer to its end.
pub fn call(at: SocketAddr, own: Own<'_>, path: &str, text: &str) {
    let mut carrier = Carrier::plain_from(own.address, at).taped(own.tape);
    // :method POST, :scheme http.
    let mut head = vec![0x83, 0x86];
    for (name, value) in [(&[0x04][..], path), (&[0x01], "localhost")] {
        head.extend_from_slice(name);
        put(value, &mut head);
    }
    // content-type, by its number in the static table.
    head.extend_from_slice(&[0x0f, 0x10]);
    put("application/grpc", &mut head);
    head.push(0);
    put("te", &mut head);
    put("trailers", &mut head);
    let mut message = vec![0, 0, 0, 0, text.len() as u8 + 2, 0x0a];
    put(text, &mut message);
    let mut bytes = PREFACE.to_vec();
    frame(SETTINGS, 0, 0, &[], &mut bytes);
    frame(SETTINGS, ACK, 0, &[], &mut bytes);
    frame(HEADERS, END_HEADERS, 1, &head, &mut bytes);
    frame(DATA, END_STREAM, 1, &message, &mut bytes);
    carrier.write_all(&bytes).unwrap();
    while let Some((kind, flags)) = next(&mut carrier) {
        let is_last = kind == HEADERS && flags & END_STREAM != 0;
        if is_last || kind == RESET || kind == GOAWAY {
            return;
        }
    }
}

/// A string with its length.
fn put(text: &str, out: &mut Vec<u8>) {
    out.push(u8::try_from(text.len()).expect("a short text"));
    out.extend_from_slice(text.as_bytes());
}

fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8], out: &mut Vec<u8>) {
    let length = u8::try_from(payload.len()).expect("a short frame");
    out.extend_from_slice(&[0, 0, length, kind, flags, 0, 0, 0, stream]);
    out.extend_from_slice(payload);
}

/// Reads a frame: its type and flags.
fn next(carrier: &mut Carrier) -> Option<(u8, u8)> {
    let mut head = [0; 9];
    carrier.read_exact(&mut head).ok()?;
    let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
    let mut payload = vec![0; length as usize];
    carrier.read_exact(&mut payload).ok()?;
    Some((head[3], head[4]))
}
