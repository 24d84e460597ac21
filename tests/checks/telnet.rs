//! Telnet: the result does not depend on how the bytes are split, and the
//! limits hold.

use chat_server::protocol::foreign::LOOKED_AT;
use chat_server::protocol::telnet::{Decoder, Input};

use super::cut;

const MAX_LINE: usize = 40;
/// Answers in one read, when the peer asks for more; more reads, more answers.
const MAX_ANSWERS: usize = 64;

#[derive(Debug, PartialEq)]
enum Seen {
    Line(Vec<u8>),
    TooLong,
    AreYouThere,
    Answer([u8; 3]),
    Unfinished(Vec<u8>),
}

pub fn check(data: &[u8]) {
    let (pieces, whole) = cut(data);
    let at_once = decode(&[whole]);
    let answers = at_once.iter().filter(|seen| is_answer(seen)).count();
    assert!(answers <= MAX_ANSWERS);
    if answers < MAX_ANSWERS {
        assert_eq!(decode(&pieces), at_once);
    }
    stops_when_told(whole);
}

fn decode(pieces: &[&[u8]]) -> Vec<Seen> {
    let mut decoder = Decoder::new(MAX_LINE);
    let mut seen = Vec::new();
    for piece in pieces {
        decoder.feed(piece, |input| {
            seen.push(match input {
                Input::Line(line) => Seen::Line(line.to_vec()),
                Input::TooLong(start) => {
                    assert!(start.len() <= LOOKED_AT);
                    Seen::TooLong
                }
                Input::AreYouThere => Seen::AreYouThere,
                Input::Answer(bytes) => Seen::Answer(bytes),
            });
            true
        });
    }
    seen.extend(decoder.finish().map(Seen::Unfinished));
    for seen in &seen {
        match seen {
            Seen::Line(line) | Seen::Unfinished(line) => {
                assert!(line.len() <= MAX_LINE, "{line:?}");
                assert!(!line.contains(&b'\n') && !line.contains(&b'\r'));
            }
            // Every option is refused: IAC and DONT or WONT.
            Seen::Answer([255, verb, _]) => assert!([252, 254].contains(verb)),
            Seen::Answer(other) => panic!("{other:?} is no answer"),
            Seen::TooLong | Seen::AreYouThere => {}
        }
    }
    seen
}

fn is_answer(seen: &Seen) -> bool {
    matches!(seen, Seen::Answer(_) | Seen::AreYouThere)
}

fn stops_when_told(whole: &[u8]) {
    let mut decoder = Decoder::new(MAX_LINE);
    let mut given = 0;
    decoder.feed(whole, |_| {
        given += 1;
        false
    });
    assert!(given <= 1);
}
