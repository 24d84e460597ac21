//! What the messages say, so that they can be counted and timed: a `~`, which
//! nothing else the server sends contains, a tag, and when it was sent.

use std::time::{Duration, Instant};

/// Starts a mark. Counting messages is counting these bytes.
const START: u8 = b'~';
/// `~`, a tag, sixteen hexadecimal digits.
const LENGTH: usize = 18;
/// With time, sender and line end a delivered message is 64 bytes.
const TEXT_LENGTH: usize = 47;

/// The mark of one message.
#[derive(Clone, Copy)]
pub struct Mark {
    /// Who or what sent it.
    pub tag: u8,
    /// Nanoseconds since the clock's start.
    pub sent_ns: u64,
}

/// What the time stamps count from.
#[derive(Clone, Copy)]
pub struct Clock(Instant);

impl Clock {
    /// Starts now.
    pub fn start() -> Clock {
        Clock(Instant::now())
    }

    /// Nanoseconds since the start.
    pub fn now_ns(&self) -> u64 {
        self.0.elapsed().as_nanos() as u64
    }
}

/// The time between two stamps.
pub fn between(earlier_ns: u64, later_ns: u64) -> Duration {
    Duration::from_nanos(later_ns.saturating_sub(earlier_ns))
}

/// Appends a message with a mark, ready to send.
pub fn write_message(to: &mut Vec<u8>, mark: Mark) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    to.push(START);
    to.push(mark.tag);
    for digit in (0..16).rev() {
        to.push(DIGITS[(mark.sent_ns >> (digit * 4)) as usize & 15]);
    }
    to.resize(to.len() + TEXT_LENGTH - LENGTH, b'.');
    to.push(b'\n');
}

/// How many messages begin in these bytes.
pub fn count(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(START, bytes).count() as u64
}

/// Finds marks in a stream that arrives in pieces.
#[derive(Clone, Default)]
pub struct Finder {
    /// The beginning of a mark that is not complete yet.
    begun: Vec<u8>,
}

impl Finder {
    /// Gives each mark that these bytes complete to `each`.
    pub fn find(&mut self, mut bytes: &[u8], mut each: impl FnMut(Mark)) {
        if !self.begun.is_empty() {
            let missing = bytes.len().min(LENGTH - self.begun.len());
            let (more, rest) = bytes.split_at(missing);
            self.begun.extend_from_slice(more);
            bytes = rest;
            if self.begun.len() < LENGTH {
                return;
            }
            each(parse(&self.begun));
            self.begun.clear();
        }
        for at in memchr::memchr_iter(START, bytes) {
            match bytes.get(at..at + LENGTH) {
                Some(whole) => each(parse(whole)),
                None => self.begun.extend_from_slice(&bytes[at..]),
            }
        }
    }
}

fn parse(mark: &[u8]) -> Mark {
    let digit = |byte: u8| char::from(byte).to_digit(16).unwrap_or(0);
    let sent_ns = mark[2..LENGTH]
        .iter()
        .fold(0, |value, &byte| value << 4 | u64::from(digit(byte)));
    Mark {
        tag: mark[1],
        sent_ns,
    }
}
