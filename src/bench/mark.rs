//! The texts of messages, made to be counted and timed: a `|`, which appears in nothing else that
//! the servers send, a tag, and the time of sending.

use std::time::{Duration, Instant};

/// Starts a mark. Counting messages is counting these bytes.
const START: u8 = b'|';
/// `|`, a tag, sixteen hexadecimal digits.
const LENGTH: usize = 18;
/// With time, sender and line end, a telnet line has 64 bytes.
const TEXT_LENGTH: usize = 47;
/// How many tags there are.
pub(super) const TAGS: usize = 52;

/// The mark of one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    /// The sender, or the kind: one of [`TAGS`] letters.
    pub(super) tag: u8,
    /// Nanoseconds since the clock's start.
    pub(super) sent_ns: u64,
}

/// The letter with this number.
pub(super) fn tag(number: usize) -> u8 {
    let number = (number % TAGS) as u8;
    match number < 26 {
        true => b'A' + number,
        false => b'a' + number - 26,
    }
}

/// The clock that the time stamps count from.
#[derive(Clone, Copy)]
pub(super) struct Clock(Instant);

impl Clock {
    /// Starts the clock.
    pub(super) fn start() -> Clock {
        Clock(Instant::now())
    }

    /// Nanoseconds since the start.
    pub(super) fn now_ns(&self) -> u64 {
        self.0.elapsed().as_nanos() as u64
    }
}

/// The time between two stamps.
pub(super) fn between(earlier_ns: u64, later_ns: u64) -> Duration {
    Duration::from_nanos(later_ns.saturating_sub(earlier_ns))
}

impl Mark {
    /// The text of a message with this mark.
    pub(super) fn text(&self) -> String {
        let (start, tag) = (char::from(START), char::from(self.tag));
        let filling = TEXT_LENGTH - LENGTH;
        format!("{start}{tag}{:016x}{:.<filling$}", self.sent_ns, "")
    }
}

/// Whether a message begins in these bytes.
pub(super) fn is_any(bytes: &[u8]) -> bool {
    memchr::memchr(START, bytes).is_some()
}

/// How many messages begin in these bytes.
pub(super) fn count(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(START, bytes).count() as u64
}

/// Finds marks in a stream that arrives in pieces.
#[derive(Clone, Default)]
pub(super) struct Finder {
    /// The beginning of a mark that is not complete yet.
    begun: Vec<u8>,
}

impl Finder {
    /// Calls `each` with every mark that these bytes complete.
    pub(super) fn find(&mut self, mut bytes: &[u8], mut each: impl FnMut(Mark)) {
        if !self.begun.is_empty() {
            let missing = bytes.len().min(LENGTH - self.begun.len());
            let (more, rest) = bytes.split_at(missing);
            self.begun.extend_from_slice(more);
            bytes = rest;
            if self.begun.len() < LENGTH {
                return;
            }
            if let Some(mark) = parse(&self.begun) {
                each(mark);
            }
            self.begun.clear();
        }
        for at in memchr::memchr_iter(START, bytes) {
            match bytes.get(at..at + LENGTH) {
                Some(whole) => parse(whole).into_iter().for_each(&mut each),
                None => self
                    .begun
                    .extend_from_slice(bytes.get(at..).unwrap_or_default()),
            }
        }
    }
}

fn parse(mark: &[u8]) -> Option<Mark> {
    let (&[_, tag], digits) = mark.split_first_chunk()?;
    let digits = std::str::from_utf8(digits).ok()?;
    let sent_ns = u64::from_str_radix(digits, 16).ok()?;
    Some(Mark { tag, sent_ns })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_found_however_the_stream_is_cut() {
        let marks = [(tag(0), 1), (tag(51), u64::MAX)].map(|(tag, sent_ns)| Mark { tag, sent_ns });
        let stream: String = marks
            .iter()
            .map(|mark| format!("12:00 @a: {}\n", mark.text()))
            .collect();
        for cut in 0..stream.len() {
            let (mut finder, mut found) = (Finder::default(), Vec::new());
            let (one, two) = stream.as_bytes().split_at(cut);
            finder.find(one, |mark| found.push(mark));
            finder.find(two, |mark| found.push(mark));
            assert_eq!(found, marks, "cut at {cut}");
            assert_eq!(count(one) + count(two), 2);
        }
    }

    #[test]
    fn tags_differ() {
        let mut tags: Vec<u8> = (0..TAGS).map(tag).collect();
        tags.dedup();
        assert_eq!(tags.len(), TAGS);
        assert!(tags.iter().all(u8::is_ascii_alphabetic));
    }
}
