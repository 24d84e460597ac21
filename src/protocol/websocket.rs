//! WebSocket frames a server sends (RFC 6455): never masked, never split.

use crate::hub::{Farewell, FrameFault, Refusal};

const FIN_TEXT: u8 = 0x81;
const FIN_BINARY: u8 = 0x82;
const FIN_CLOSE: u8 = 0x88;
const FIN_PING: u8 = 0x89;

/// Appends a text frame.
pub fn text_frame(payload: &[u8], out: &mut Vec<u8>) {
    frame(FIN_TEXT, payload, out);
}

/// Appends a binary frame.
pub fn binary_frame(payload: &[u8], out: &mut Vec<u8>) {
    frame(FIN_BINARY, payload, out);
}

/// Appends an empty ping.
pub fn ping_frame(out: &mut Vec<u8>) {
    frame(FIN_PING, b"", out);
}

/// Appends the close frame that goes with a farewell.
pub fn close_frame(farewell: &Farewell, out: &mut Vec<u8>) {
    // A control frame holds at most 125 bytes, two of them the code.
    let mut payload = close_code(farewell).to_be_bytes().to_vec();
    let words = farewell.to_string();
    let mut end = words.len().min(123);
    while !words.is_char_boundary(end) {
        end -= 1;
    }
    payload.extend_from_slice(words.get(..end).unwrap_or_default().as_bytes());
    frame(FIN_CLOSE, &payload, out);
}

/// The status code of RFC 6455 section 7.4.1 for a farewell.
fn close_code(farewell: &Farewell) -> u16 {
    match farewell {
        Farewell::PeerLeft | Farewell::Quit => 1000,
        Farewell::Shutdown => 1001,
        // "Service restart": the client may reconnect at once.
        Farewell::CutOff => 1012,
        Farewell::BadFrame(FrameFault::Malformed) => 1002,
        Farewell::BadFrame(FrameFault::NotText) => 1007,
        Farewell::BadFrame(FrameFault::TooLarge) => 1009,
        Farewell::LoginTimeout
        | Farewell::SlowReader
        | Farewell::Flooding
        | Farewell::SpokeHttp
        | Farewell::Silent
        | Farewell::Replaced
        | Farewell::TokenRevoked
        | Farewell::PasswordChanged
        | Farewell::AccountDisabled
        | Farewell::AccountDeleted
        | Farewell::Kicked(_)
        | Farewell::Removed { .. }
        | Farewell::Banned(_) => 1008,
        // HTTP's conflict, in the range for private use.
        Farewell::NotAdmitted(Refusal::NicknameInUse(_)) => 4409,
        Farewell::NotAdmitted(_) => 1008,
        Farewell::InternalError => 1011,
        Farewell::Full => 1013,
    }
}

fn frame(head: u8, payload: &[u8], out: &mut Vec<u8>) {
    out.push(head);
    let length = payload.len();
    if length < 126 {
        out.push(length as u8);
    } else if let Ok(length) = u16::try_from(length) {
        out.push(126);
        out.extend_from_slice(&length.to_be_bytes());
    } else {
        out.push(127);
        out.extend_from_slice(&(length as u64).to_be_bytes());
    }
    out.extend_from_slice(payload);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Name, Text};
    use tungstenite::protocol::{Role, WebSocket};
    use tungstenite::{Message, protocol::WebSocketConfig};

    fn read_back(bytes: Vec<u8>) -> Message {
        let config = WebSocketConfig::default();
        let stream = std::io::Cursor::new(bytes);
        WebSocket::from_raw_socket(stream, Role::Client, Some(config))
            .read()
            .unwrap()
    }

    #[test]
    fn a_client_library_reads_every_length() {
        for length in [0, 1, 125, 126, 127, 65_535, 65_536] {
            let text = "x".repeat(length);
            let mut out = Vec::new();
            text_frame(text.as_bytes(), &mut out);
            assert_eq!(read_back(out), Message::text(text));
        }
    }

    #[test]
    fn whoever_cannot_have_the_nickname_learns_why() {
        let name = Name::parse("mina").unwrap();
        let in_use = Refusal::NicknameInUse(name.clone());
        assert_eq!(close_code(&Farewell::NotAdmitted(in_use)), 4409);
        let banned = Farewell::NotAdmitted(Refusal::NicknameBanned(name));
        assert_eq!(close_code(&banned), 1008);
        let mut out = Vec::new();
        close_frame(&banned, &mut out);
        let Message::Close(Some(close)) = read_back(out) else {
            panic!("not a close frame");
        };
        assert_eq!(close.reason.as_str(), "The nickname mina is banned.");
    }

    #[test]
    fn a_long_reason_is_cut_between_characters() {
        let mut out = Vec::new();
        let reason = Text::clean(&"é".repeat(200));
        close_frame(&Farewell::Kicked(Some(reason)), &mut out);
        let Message::Close(Some(close)) = read_back(out) else {
            panic!("not a close frame");
        };
        assert_eq!(u16::from(close.code), 1008);
        assert!(close.reason.as_str().ends_with('é'));
    }
}
