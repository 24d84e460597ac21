//! Telnet (RFC 854): raw bytes in, text lines and answers out.
//!
//! Refuses every option, strips negotiation from the text, and works with a peer that
//! does not know telnet.

use super::foreign::LOOKED_AT;

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
const BRK: u8 = 243;
const SE: u8 = 240;

/// The byte of the erase key. Most terminals send whole lines and erase locally, but
/// some send each key for as long as typed input is hidden.
const BACKSPACE: u8 = 8;
const DELETE: u8 = 127;

/// Echoing by the server; see [`HIDE_INPUT`].
const ECHO: u8 = 1;

/// The most answers kept for one read: a peer cannot make the server send more than a
/// few times what it sent.
const MAX_ANSWERS: usize = 64;

/// A line or request from the peer.
#[derive(Debug, PartialEq, Eq)]
pub enum Input<'a> {
    /// A line, without its end.
    Line(&'a [u8]),
    /// A line over the limit, of which only the beginning is kept.
    TooLong(&'a [u8]),
    /// The user asks whether the server is alive.
    AreYouThere,
    /// These bytes go back to the peer as they are.
    Answer([u8; 3]),
}

/// Splits a byte stream into lines and requests. Holds at most one line.
#[derive(Debug)]
pub struct Decoder {
    state: State,
    line: Vec<u8>,
    max_line: usize,
    overlong: bool,
    after_cr: bool,
    answers: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Text,
    Command,
    Option(u8),
    Subnegotiation,
    SubnegotiationCommand,
}

impl Decoder {
    /// A decoder for lines of at most `max_line` bytes.
    pub fn new(max_line: usize) -> Decoder {
        Decoder {
            state: State::Text,
            line: Vec::new(),
            max_line,
            overlong: false,
            after_cr: false,
            answers: 0,
        }
    }

    /// Decodes what was read. Stops when `give` returns false.
    pub fn feed(&mut self, mut bytes: &[u8], mut give: impl FnMut(Input<'_>) -> bool) {
        self.answers = 0;
        while !bytes.is_empty() {
            // The common case, plain text up to the end of the line, is one copy.
            if self.state == State::Text && !self.after_cr {
                let plain = bytes
                    .iter()
                    .position(|&byte| matches!(byte, b'\n' | b'\r' | BACKSPACE | DELETE | IAC))
                    .unwrap_or(bytes.len());
                let (text, rest) = bytes.split_at(plain);
                self.append(text);
                bytes = rest;
            }
            let Some((&byte, rest)) = bytes.split_first() else {
                return;
            };
            bytes = rest;
            if !self.step(byte, &mut give) {
                return;
            }
        }
    }

    /// The unfinished line, when the peer has closed.
    pub fn finish(&mut self) -> Option<Vec<u8>> {
        let line = std::mem::take(&mut self.line);
        (!self.overlong && !line.is_empty()).then_some(line)
    }

    fn step(&mut self, byte: u8, give: &mut impl FnMut(Input<'_>) -> bool) -> bool {
        match self.state {
            State::Text => return self.text(byte, give),
            State::Command => return self.command(byte, give),
            State::Option(verb) => {
                self.state = State::Text;
                if let Some(answer) = refusal(verb, byte)
                    && self.answers < MAX_ANSWERS
                {
                    self.answers += 1;
                    return give(Input::Answer(answer));
                }
            }
            State::Subnegotiation => {
                if byte == IAC {
                    self.state = State::SubnegotiationCommand;
                }
            }
            State::SubnegotiationCommand => {
                self.state = match byte {
                    SE => State::Text,
                    _ => State::Subnegotiation,
                }
            }
        }
        true
    }

    fn text(&mut self, byte: u8, give: &mut impl FnMut(Input<'_>) -> bool) -> bool {
        let after_cr = std::mem::take(&mut self.after_cr);
        match byte {
            IAC => self.state = State::Command,
            // CR LF and CR NUL have ended their line at the CR.
            b'\n' | 0 if after_cr => {}
            b'\n' => return self.end_line(give),
            b'\r' => {
                self.after_cr = true;
                return self.end_line(give);
            }
            BACKSPACE | DELETE => self.erase_character(),
            byte => self.append(&[byte]),
        }
        true
    }

    fn command(&mut self, byte: u8, give: &mut impl FnMut(Input<'_>) -> bool) -> bool {
        self.state = State::Text;
        match byte {
            IAC => self.append(&[IAC]),
            WILL | WONT | DO | DONT => self.state = State::Option(byte),
            SB => self.state = State::Subnegotiation,
            EC => self.erase_character(),
            // In a chat, an interrupt can only mean: drop this line.
            EL | IP | BRK => {
                self.line.clear();
                self.overlong = false;
            }
            AYT if self.answers < MAX_ANSWERS => {
                self.answers += 1;
                return give(Input::AreYouThere);
            }
            _ => {}
        }
        true
    }

    fn append(&mut self, text: &[u8]) {
        if self.overlong {
            return;
        }
        if self.line.len() + text.len() <= self.max_line {
            self.line.extend_from_slice(text);
        } else if !text.is_empty() {
            self.overlong = true;
            // Keep no memory for a line that will not be delivered.
            let rest = LOOKED_AT.saturating_sub(self.line.len()).min(text.len());
            self.line
                .extend_from_slice(text.get(..rest).unwrap_or_default());
            self.line.truncate(LOOKED_AT);
            self.line.shrink_to_fit();
        }
    }

    fn erase_character(&mut self) {
        // The end of a line that is too long was not kept, and cannot be erased.
        if self.overlong {
            return;
        }
        // One character is up to four bytes: the last one that starts one.
        while let Some(byte) = self.line.pop() {
            if byte & 0b1100_0000 != 0b1000_0000 {
                break;
            }
        }
    }

    fn end_line(&mut self, give: &mut impl FnMut(Input<'_>) -> bool) -> bool {
        let go_on = match std::mem::take(&mut self.overlong) {
            true => give(Input::TooLong(&self.line)),
            false => give(Input::Line(&self.line)),
        };
        self.line.clear();
        go_on
    }
}

/// The answer to an offer or a request: one refusal. A peer that accepts the refusal
/// needs no answer, or the two sides would never stop.
fn refusal(verb: u8, option: u8) -> Option<[u8; 3]> {
    match verb {
        WILL => Some([IAC, DONT, option]),
        // After a password prompt, the peer confirms that the server echoes.
        DO if option == ECHO => None,
        DO => Some([IAC, WONT, option]),
        _ => None,
    }
}

/// Asks the peer's terminal to hide typed input: the server claims to echo, and does
/// not.
pub const HIDE_INPUT: &[u8] = &[IAC, WILL, ECHO];

/// Asks the peer's terminal to show typed input again.
pub const SHOW_INPUT: &[u8] = &[IAC, WONT, ECHO];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decode_in(pieces: &[&[u8]], max_line: usize) -> Vec<String> {
        let mut decoder = Decoder::new(max_line);
        let mut seen = Vec::new();
        for piece in pieces {
            decoder.feed(piece, |input| {
                seen.push(match input {
                    Input::Line(line) => String::from_utf8_lossy(line).into_owned(),
                    Input::TooLong(_) => "<too long>".to_owned(),
                    Input::AreYouThere => "<there?>".to_owned(),
                    Input::Answer(bytes) => format!("{bytes:?}"),
                });
                true
            });
        }
        seen
    }

    fn decode(bytes: &[u8]) -> Vec<String> {
        decode_in(&[bytes], 10)
    }

    #[test]
    fn every_line_end_counts_once() {
        assert_eq!(decode(b"a\r\nb\nc\r\0d\r\n\r\n"), ["a", "b", "c", "d", ""]);
        assert_eq!(decode(b"a\n\nb\r\r"), ["a", "", "b", ""]);
    }

    #[test]
    fn negotiation_is_refused_and_leaves_no_trace() {
        assert_eq!(
            decode(&[b'a', IAC, DO, 31, b'b', IAC, WILL, 24, IAC, WONT, 1, b'\n']),
            ["[255, 252, 31]", "[255, 254, 24]", "ab"]
        );
        assert_eq!(
            decode(&[b'a', IAC, SB, 24, b'\n', IAC, IAC, IAC, SE, b'b', b'\n']),
            ["ab"]
        );
    }

    #[test]
    fn editing_commands_edit() {
        assert_eq!(decode(b"ab\xff\xf7c\n"), ["ac"]);
        assert_eq!(
            decode(&[b"a\xc3\xa9", &[IAC, EC][..], b"\n"].concat()),
            ["a"]
        );
        assert_eq!(decode(b"\x08ab\x7f\xc3\xa9\x08c\n"), ["ac"]);
        assert_eq!(decode(b"oops\xff\xf8fine\n"), ["fine"]);
        assert_eq!(decode(b"oops\xff\xf4fine\n"), ["fine"]);
        assert_eq!(decode(b"a\xff\xf6b\n"), ["<there?>", "ab"]);
    }

    #[test]
    fn a_line_may_be_as_long_as_the_limit_and_no_longer() {
        assert_eq!(decode(b"0123456789\nx\n"), ["0123456789", "x"]);
        assert_eq!(decode(b"0123456789A\nx\n"), ["<too long>", "x"]);
        assert_eq!(decode(b"0123456789ABCDEF\r\nx\n"), ["<too long>", "x"]);
    }

    #[test]
    fn answers_are_bounded() {
        let flood = [IAC, DO, 31].repeat(1000);
        assert_eq!(decode(&flood).len(), MAX_ANSWERS);
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter(bytes in proptest::collection::vec(
            prop_oneof![any::<u8>(), Just(IAC), Just(b'\r'), Just(b'\n'), Just(SB), Just(SE)], 0..80),
            cut in 0usize..80)
        {
            let (one, two) = bytes.split_at(cut.min(bytes.len()));
            prop_assert_eq!(decode_in(&[one, two], 10), decode_in(&[&bytes], 10));
        }
    }
}
