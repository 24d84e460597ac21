//! The position of an entry in the log. A time says when something happened, but clocks may be set;
//! the order of entries is their position.
//!
//! Every line has a number, one higher than that of the line before it, even across files, and a
//! *run*. Within a run times rise, except for [`SLACK_MS`]; when the clock steps back a new run
//! begins, as at every start of the server. So a search can find a time by bisection without
//! knowing about clocks.

use std::fmt::Write;

use crate::model::{Entry, Stamp};

/// How much older than the line before it a line may be within a run: a message that is committed
/// late has the time at which it was sent.
pub(super) const SLACK_MS: u64 = 10_000;
/// The text before the number in a line, after the kind.
const BEFORE: &[u8] = b",\"seq\":\"";
/// Higher runs or numbers are not ours.
pub(super) const MOST: u64 = 1 << 48;

/// The number of a line, unique in the whole log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Seq {
    /// Times rise within a run.
    pub run: u64,
    /// Never used twice.
    pub number: u64,
}

impl Seq {
    /// How much of a line has to be read to find its number.
    pub const HEAD_BYTES: usize = 128;

    /// The number of a line. Lines of earlier versions have none.
    pub fn of_line(line: &[u8]) -> Option<Seq> {
        Seq::find(line).map(|(seq, ..)| seq)
    }

    /// The number of a line, and its range in the line.
    pub fn find(line: &[u8]) -> Option<(Seq, usize, usize)> {
        Stamp::of_line(line)?;
        let kind = line.get(Stamp::KIND_AT..)?;
        let start = Stamp::KIND_AT + memchr::memchr(b'"', kind)? + 1;
        let rest = line.get(start..)?.strip_prefix(BEFORE)?;
        let digits = rest.get(..memchr::memchr(b'"', rest)?)?;
        let (run, number) = std::str::from_utf8(digits).ok()?.split_once('-')?;
        let part = |text: &str| {
            let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
            let part = is_plain.then(|| text.parse().ok()).flatten();
            part.filter(|part: &u64| (1..MOST).contains(part))
        };
        let seq = Seq {
            run: part(run)?,
            number: part(number)?,
        };
        Some((seq, start, start + BEFORE.len() + digits.len() + 1))
    }

    /// Appends the line of an entry with this number, where [`Seq::of_line`] finds it.
    pub fn write_line(self, entry: &Entry, line: &mut String) -> serde_json::Result<()> {
        let plain = serde_json::to_string(entry)?;
        // After `at` and `kind`, with which all lines begin.
        let (head, rest) = plain.split_at(Stamp::KIND_AT + entry.kind.word().len() + 1);
        line.push_str(head);
        line.push_str(",\"seq\":\"");
        // Writing to a String cannot fail.
        let _ = write!(line, "{}-{}", self.run, self.number);
        line.push('"');
        line.push_str(rest);
        line.push('\n');
        Ok(())
    }
}

/// A position in the whole log: at a line or between two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// For a line without a number: run 0, and a number for its file.
    pub seq: Seq,
    /// For such a line: its offset in the file.
    pub offset: u64,
}

impl Place {
    /// After everything.
    pub const END: Place = Place {
        seq: Seq {
            run: u64::MAX,
            number: u64::MAX,
        },
        offset: u64::MAX,
    };

    pub fn of(seq: Seq) -> Place {
        Place { seq, offset: 0 }
    }

    /// Directly after this one.
    pub fn after(self) -> Place {
        Place {
            offset: self.offset.saturating_add(1),
            ..self
        }
    }

    /// A line of an earlier version, in the `rank`th of its files.
    pub fn unnumbered(rank: u64, offset: u64) -> Place {
        let seq = Seq {
            run: 0,
            number: rank,
        };
        Place { seq, offset }
    }
}

/// Assigns numbers.
#[derive(Debug)]
pub(super) struct Sequence {
    last: Seq,
    /// The latest time in this run.
    newest_ms: u64,
}

impl Sequence {
    /// Continues after a number already used, with a new run.
    pub fn after(last: Seq) -> Sequence {
        Sequence {
            last: Seq {
                run: last.run + 1,
                number: last.number,
            },
            newest_ms: 0,
        }
    }

    /// The number of the next line, which has this time.
    pub fn next(&mut self, at_ms: u64) -> Seq {
        if at_ms.saturating_add(SLACK_MS) < self.newest_ms {
            self.last.run += 1;
            self.newest_ms = at_ms;
        }
        self.newest_ms = self.newest_ms.max(at_ms);
        self.last.number += 1;
        self.last
    }

    /// Skips all numbers up to `taken`: another file has come into use.
    pub fn pass(&mut self, taken: Seq) {
        if taken > self.last {
            *self = Sequence::after(taken);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Kind;

    #[test]
    fn a_line_has_a_number_behind_its_kind() {
        let seq = Seq { run: 2, number: 31 };
        for kind in Kind::ALL {
            let mut line = String::new();
            let entry = Entry {
                nick: Some("alice".into()),
                ..Entry::new(1_795_248_000_123, kind)
            };
            seq.write_line(&entry, &mut line).unwrap();
            assert_eq!(Seq::of_line(line.as_bytes()), Some(seq), "{line}");
            let plain = line.replace(r#","seq":"2-31""#, "");
            assert_eq!(plain, serde_json::to_string(&entry).unwrap() + "\n");
        }
    }

    #[test]
    fn a_run_ends_where_the_clock_steps_back() {
        let mut sequence = Sequence::after(Seq { run: 3, number: 7 });
        let mut next = |at_ms| {
            let Seq { run, number } = sequence.next(at_ms);
            (run, number)
        };
        assert_eq!(next(1_000_000), (4, 8));
        assert_eq!(next(1_000_000 - SLACK_MS), (4, 9));
        assert_eq!(next(1_000_000 - SLACK_MS - 1), (5, 10));
        assert_eq!(next(1_000_000), (5, 11));
        assert_eq!(next(0), (6, 12));
    }

    #[test]
    fn only_our_own_lines_have_a_number() {
        let line = br#"{"at":"2026-11-21T08:00:00.123Z","kind":"open","seq":"2-31","text":"x"}"#;
        let (seq, start, end) = Seq::find(line).unwrap();
        assert_eq!(seq, Seq { run: 2, number: 31 });
        assert_eq!(line[start..end], *br#","seq":"2-31""#);
        for end in 0..end {
            assert_eq!(Seq::of_line(&line[..end]), None);
        }
        for wrong in [
            "0-1",
            "1-0",
            "-1-1",
            "1-+1",
            "1",
            "1-1-1",
            "a-b",
            "999999999999999-1",
        ] {
            let line =
                format!(r#"{{"at":"2026-11-21T08:00:00.123Z","kind":"open","seq":"{wrong}"}}"#);
            assert_eq!(Seq::of_line(line.as_bytes()), None, "{wrong}");
        }
    }
}
