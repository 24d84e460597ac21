//! Room lines: the result does not depend on how the bytes are split, the
//! object at the beginning ends in the right place, and the limits hold.

use chat_server::protocol::room::{Decoder, Hello, Input, decode_hello};

use super::{assert_shown_safely, cut};

const MAX_LINE: usize = 80;

#[derive(Debug, PartialEq)]
enum Seen {
    Hello(Hello),
    Line(Vec<u8>),
    TooLong,
    Broken(String),
    Unfinished(Vec<u8>),
}

pub fn check(data: &[u8]) {
    let (pieces, whole) = cut(data);
    let at_once = decode(&[whole]);
    assert_eq!(decode(&pieces), at_once);
    if let Some(Seen::Hello(hello)) = at_once.first() {
        the_object_alone_says_the_same(whole, hello);
    }
    // The same as a WebSocket frame.
    if let Err(why) = decode_hello(&String::from_utf8_lossy(whole)) {
        assert_shown_safely(&why.to_string());
    }
}

fn decode(pieces: &[&[u8]]) -> Vec<Seen> {
    let mut decoder = Decoder::new(MAX_LINE);
    let mut seen = Vec::new();
    for piece in pieces {
        decoder.feed(piece, |input| {
            seen.push(match input {
                Input::Hello(hello) => Seen::Hello(hello),
                Input::Line(line) => Seen::Line(line.to_vec()),
                Input::TooLong => Seen::TooLong,
                Input::Broken(why) => Seen::Broken(why.to_string()),
            });
            true
        });
    }
    seen.extend(decoder.finish().map(Seen::Unfinished));
    for (index, seen) in seen.iter().enumerate() {
        match seen {
            Seen::Hello(_) => assert_eq!(index, 0),
            Seen::Broken(why) => {
                assert_eq!(index, 0);
                assert_shown_safely(why);
            }
            Seen::Line(line) | Seen::Unfinished(line) => {
                assert!(index > 0, "a line before the beginning");
                assert!(line.len() <= MAX_LINE && !line.contains(&b'\n'));
            }
            Seen::TooLong => assert!(index > 0),
        }
    }
    seen
}

fn the_object_alone_says_the_same(whole: &[u8], hello: &Hello) {
    let objects = (1..=whole.len().min(MAX_LINE)).filter_map(|end| {
        // Parts that the decoder skips may be invalid UTF-8.
        let text = String::from_utf8_lossy(&whole[..end]);
        decode_hello(&text).ok().map(|(hello, _)| hello)
    });
    let first = objects.into_iter().next().expect("an object");
    assert_eq!(first, *hello);
}
