//! What protocols say in the same words: the time, numbers of people, and a
//! message's lines.

use std::borrow::Cow;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::text::Text;

/// Lines of one message that are shown as lines. Each gets its author's name,
/// so without a limit a message of line feeds alone would come out a hundred
/// times longer, and make slow readers of everybody it reaches.
const SHOWN_LINES: usize = 20;

/// The lines of a text; those beyond [`SHOWN_LINES`] share the last one.
pub fn shown_lines(text: &Text) -> impl Iterator<Item = Cow<'_, str>> {
    let lines = text.as_str().splitn(SHOWN_LINES, '\n');
    lines.map(|line| match line.contains('\n') {
        true => Cow::Owned(line.replace('\n', " ")),
        false => Cow::Borrowed(line),
    })
}

/// How many came and went.
pub fn changes(joined: usize, left: usize) -> String {
    match (joined, left) {
        (joined, 0) => format!("{} joined", people(joined)),
        (0, left) => format!("{} left", people(left)),
        (joined, left) => format!("{} joined, {left} left", people(joined)),
    }
}

/// So many people.
pub fn people(count: usize) -> String {
    match count {
        1 => "1 person".to_owned(),
        n => format!("{n} people"),
    }
}

/// A time as programs read it: RFC 3339, in UTC, always with milliseconds, so
/// that it sorts as text.
pub fn rfc3339(unix_ms: u64) -> String {
    let timestamp = i64::try_from(unix_ms).ok();
    let timestamp = timestamp.and_then(|ms| Timestamp::from_millisecond(ms).ok());
    format!("{:.3}", timestamp.unwrap_or(Timestamp::MAX))
}

/// Writes times as `HH:MM` in the server's time zone. Remembers the minute
/// written last, because most messages of a turn share it.
#[derive(Debug)]
pub struct LocalTime {
    zone: TimeZone,
    minute: u64,
    text: [u8; 5],
}

impl Default for LocalTime {
    fn default() -> LocalTime {
        LocalTime {
            zone: TimeZone::system(),
            minute: u64::MAX,
            text: *b"00:00",
        }
    }
}

impl LocalTime {
    /// Appends the local `HH:MM` of a time in milliseconds since 1970 UTC.
    pub fn write(&mut self, at_ms: u64, out: &mut String) {
        let minute = at_ms / 60_000;
        if minute != self.minute {
            self.minute = minute;
            self.text = self.render(at_ms);
        }
        out.extend(self.text.iter().map(|&byte| char::from(byte)));
    }

    fn render(&self, at_ms: u64) -> [u8; 5] {
        let timestamp = i64::try_from(at_ms)
            .ok()
            .and_then(|ms| Timestamp::from_millisecond(ms).ok())
            .unwrap_or(Timestamp::UNIX_EPOCH);
        let local = self.zone.to_datetime(timestamp);
        let [h1, h2] = two_digits(local.hour());
        let [m1, m2] = two_digits(local.minute());
        [h1, h2, b':', m1, m2]
    }
}

fn two_digits(value: i8) -> [u8; 2] {
    let value = value.unsigned_abs() % 100;
    [b'0' + value / 10, b'0' + value % 10]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_person_is_no_people() {
        assert_eq!(changes(37, 0), "37 people joined");
        assert_eq!(changes(0, 1), "1 person left");
        assert_eq!(changes(1, 2), "1 person joined, 2 left");
    }

    #[test]
    fn times_sort_as_text() {
        let times = [0, 999, 1000, 1001, 60_000].map(rfc3339);
        assert!(times.is_sorted());
        assert_eq!(times[0], "1970-01-01T00:00:00.000Z");
        assert_eq!(times[3], "1970-01-01T00:00:01.001Z");
    }

    #[test]
    fn lines_beyond_the_limit_share_the_last_one() {
        let text = Text::clean(&"a\n".repeat(SHOWN_LINES + 2));
        let lines: Vec<_> = shown_lines(&text).collect();
        assert_eq!(lines.len(), SHOWN_LINES);
        assert_eq!(lines.last().unwrap(), "a a a");
    }

    #[test]
    fn the_minute_changes_with_the_time() {
        let mut time = LocalTime {
            zone: TimeZone::UTC,
            ..LocalTime::default()
        };
        let mut out = String::new();
        for at_ms in [0, 59_999, 60_000, 86_399_999, u64::MAX] {
            time.write(at_ms, &mut out);
            out.push(' ');
        }
        assert_eq!(out, "00:00 00:00 00:01 23:59 00:00 ");
    }
}
