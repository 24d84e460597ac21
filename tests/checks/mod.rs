//! What must hold for every codec, whatever its input.
//!
//! Each module has a `check` that divides its input as it likes, passes it to a
//! codec, and panics if a rule is broken. The fuzz targets in `fuzz/` and the
//! property tests in `tests/hub/codecs.rs` call the same functions, so a check
//! never depends on which of the two calls it.

pub mod bans;
pub mod chat_log;
pub mod chat_log_lines;
pub mod chunked;
pub mod config;
pub mod direct;
pub mod events;
pub mod form;
pub mod handshake;
pub mod head;
pub mod hooks;
pub mod ids;
pub mod irc;
pub mod json;
pub mod line;
pub mod name;
pub mod room;
pub mod search;
pub mod styled;
pub mod telnet;
pub mod text;
pub mod tokens;
pub mod websocket;

use std::io::{self, Read, Write};

use chat_server::name::Name;

/// The parts of an input that needs several, separated by NUL: it is easy to
/// see in a seed and has no meaning in any text.
pub fn parts(data: &[u8]) -> impl Iterator<Item = String> {
    data.split(|&byte| byte == 0)
        .map(|part| String::from_utf8_lossy(part).into_owned())
}

/// Splits the rest of an input: its first bytes are the lengths of the pieces,
/// used in turn.
pub fn cut(data: &[u8]) -> (Vec<&[u8]>, &[u8]) {
    let (lengths, whole) = data.split_at(data.len().min(3));
    let mut pieces = Vec::new();
    let mut rest = whole;
    for length in lengths.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let length = usize::from(length % 32 + 1).min(rest.len());
        let (piece, after) = rest.split_at(length);
        pieces.push(piece);
        rest = after;
    }
    (pieces, whole)
}

/// A name made of anything: `raw` if it is valid, else another.
pub fn name_of(raw: &str) -> Name {
    Name::parse(raw).unwrap_or_else(|_| Name::parse("somebody").unwrap())
}

/// The frame as JSON should read it: without a byte order mark, and with U+FFFD
/// for escapes of half a character.
pub fn as_meant(frame: &str) -> String {
    let mut meant = String::new();
    let mut rest = frame.strip_prefix('\u{feff}').unwrap_or(frame);
    while let Some((before, after)) = rest.split_once('\\') {
        meant.push_str(before);
        let is_escape = |text: &str| {
            text.strip_prefix('u')
                .and_then(|digits| digits.get(..4))
                .is_some_and(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
        };
        let length = match is_escape(after) {
            true if after.get(5..6) == Some("\\") && is_escape(&after[6..]) => 11,
            true => 5,
            false => after.chars().next().map_or(0, char::len_utf8),
        };
        let is_text =
            |escape: &str| serde_json::from_str::<String>(&format!("\"\\{escape}\"")).is_ok();
        let (escape, length) = match length {
            11 if !is_text(&after[..5]) && is_text(&after[..11]) => (&after[..11], 11),
            5 | 11 if !is_text(&after[..5]) => ("ufffd", 5),
            5 | 11 => (&after[..5], 5),
            other => (&after[..other], other),
        };
        meant.push('\\');
        meant.push_str(escape);
        rest = &after[length..];
    }
    meant + rest
}

/// Checks a text that may reach a user's screen: nothing in it controls a
/// terminal or reorders the text beside it.
pub fn assert_shown_safely(text: &str) {
    for c in text.chars() {
        let harmful = match c {
            '\n' | '\t' => false,
            '\u{2028}' | '\u{2029}' => true,
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
            c => c.is_control(),
        };
        assert!(!harmful, "{c:?} in {text:?}");
    }
}

/// Checks lines for one client: safe and complete.
pub fn assert_lines(lines: &str) {
    assert_shown_safely(lines);
    assert!(lines.is_empty() || lines.ends_with('\n'), "{lines:?}");
}

/// A peer that sends its bytes in pieces and then closes.
pub struct Peer<'a> {
    pieces: std::vec::IntoIter<&'a [u8]>,
    rest: &'a [u8],
    /// What was written to the peer.
    pub written: Vec<u8>,
}

impl<'a> Peer<'a> {
    pub fn new(pieces: Vec<&'a [u8]>) -> Peer<'a> {
        Peer {
            pieces: pieces.into_iter(),
            rest: &[],
            written: Vec::new(),
        }
    }
}

impl Read for Peer<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.rest.is_empty() {
            self.rest = self.pieces.next().unwrap_or_default();
        }
        self.rest.read(buffer)
    }
}

impl Write for Peer<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.written.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
