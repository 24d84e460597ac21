//! The time at the start of every line: RFC 3339, UTC, milliseconds, always
//! as wide, so that stamps sort as bytes and sit where search looks for them.

use std::fmt;
use std::io::Write;

use jiff::Timestamp;

/// What stands before the stamp in a line.
const BEFORE: &[u8] = b"{\"at\":\"";
/// What stands between the stamp and the kind.
const AFTER: &[u8] = b"\",\"kind\":\"";

/// `2026-11-21T08:00:00.123Z`; ordered by time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp([u8; Stamp::LEN]);

impl Stamp {
    /// How many bytes a stamp has.
    pub const LEN: usize = 24;
    /// Where the kind begins in a line.
    pub const KIND_AT: usize = BEFORE.len() + Stamp::LEN + AFTER.len();

    /// The stamp of a time, of the last possible one if it is out of range.
    pub fn of(ms: u64) -> Stamp {
        let time = i64::try_from(ms)
            .ok()
            .and_then(|ms| Timestamp::from_millisecond(ms).ok())
            .unwrap_or(Timestamp::MAX);
        let mut bytes = [b'0'; Stamp::LEN];
        // Cannot fail: years 1970 to 9999 fill the 24 bytes exactly.
        let _ = write!(&mut bytes[..], "{time:.3}");
        Stamp(bytes)
    }

    /// The stamp of a line, if it starts as the log's lines do.
    pub fn of_line(line: &[u8]) -> Option<Stamp> {
        let rest = line.strip_prefix(BEFORE)?;
        let (bytes, rest) = rest.split_first_chunk::<{ Stamp::LEN }>()?;
        let whole = rest.starts_with(AFTER) && bytes.ends_with(b"Z");
        whole.then_some(Stamp(*bytes))
    }

    /// The time, in milliseconds since 1970 UTC.
    pub fn ms(&self) -> Option<u64> {
        let time: Timestamp = self.as_str().parse().ok()?;
        u64::try_from(time.as_millisecond()).ok()
    }

    /// The stamp as text; empty if a line held something else in its place.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// Only the digits and what a file name can hold: `20261121T080000.123Z`.
    pub fn compact(&self) -> String {
        self.as_str().replace(['-', ':'], "")
    }

    /// Undoes [`Stamp::compact`].
    pub fn from_compact(compact: &str) -> Option<Stamp> {
        // jiff reads the basic format; formatting again proves it was ours.
        let time: Timestamp = compact.parse().ok()?;
        let stamp = Stamp::of(u64::try_from(time.as_millisecond()).ok()?);
        (stamp.compact() == compact).then_some(stamp)
    }
}

impl fmt::Debug for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_are_all_as_wide_and_read_back() {
        let last = Stamp::of(u64::MAX);
        for ms in [
            0,
            999,
            1_795_248_000_000,
            1_795_248_000_120,
            last.ms().unwrap(),
        ] {
            let stamp = Stamp::of(ms);
            assert_eq!(stamp.ms(), Some(ms), "{stamp:?}");
            assert_eq!(Stamp::from_compact(&stamp.compact()), Some(stamp));
        }
        assert_eq!(Stamp::of(0).as_str(), "1970-01-01T00:00:00.000Z");
        assert!(last.as_str().starts_with("9999-12-3"));
        assert!(Stamp::of(999) < Stamp::of(1000));
    }

    #[test]
    fn only_our_own_lines_have_a_stamp() {
        let line = br#"{"at":"2026-11-21T08:00:00.123Z","kind":"open"}"#;
        let stamp = Stamp::of_line(line).unwrap();
        assert_eq!(stamp.as_str(), "2026-11-21T08:00:00.123Z");
        assert_eq!(line[Stamp::KIND_AT..], *b"open\"}");
        for end in 0..Stamp::KIND_AT {
            assert_eq!(Stamp::of_line(&line[..end]), None);
        }
        assert_eq!(Stamp::of_line(&[b'x'; 80]), None);
        assert_eq!(Stamp::from_compact("2026"), None);
        assert_eq!(Stamp::from_compact("2026-11-21T08:00:00.123Z"), None);
    }
}
