//! Words that the protocols share: times, numbers of users, and a message's lines.

use std::borrow::Cow;
use std::fmt::Write;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::model::{Name, Text};

/// The name under which the server itself speaks.
pub(super) const SYSTEM: &str = "system";

/// The most lines of one message shown as separate lines. Each line gets its author's
/// name, so without a limit a message of line feeds alone would become a hundred times
/// longer, and make slow readers of all its recipients.
const SHOWN_LINES: usize = 20;

/// Lists of names are broken into lines of about this many characters.
pub(super) const LIST_WIDTH: usize = 72;

/// The name under which administrators change channels; no user has it.
const ADMINISTRATOR: &str = "administrator";

/// Whether a name is that of a user: not that of administrators or of the server itself.
pub fn is_user(name: &Name) -> bool {
    !matches!(name.as_str(), ADMINISTRATOR | SYSTEM)
}

/// The one who did something, in words: a user is named.
pub fn doer(name: &Name) -> Cow<'_, str> {
    match name.as_str() {
        ADMINISTRATOR => Cow::Borrowed("an administrator"),
        SYSTEM => Cow::Borrowed("the server"),
        user => Cow::Owned(format!("@{user}")),
    }
}

/// The lines of a text; those beyond [`SHOWN_LINES`] share the last one.
pub fn shown_lines(text: &Text) -> impl Iterator<Item = Cow<'_, str>> {
    let lines = text.as_str().splitn(SHOWN_LINES, '\n');
    lines.map(|line| match line.contains('\n') {
        true => Cow::Owned(line.replace('\n', " ")),
        false => Cow::Borrowed(line),
    })
}

/// The numbers of members that joined and left, in words.
pub fn changes(joined: usize, left: usize) -> String {
    match (joined, left) {
        (joined, 0) => format!("{} joined", people(joined)),
        (0, left) => format!("{} left", people(left)),
        (joined, left) => format!("{} joined, {left} left", people(joined)),
    }
}

/// A duration in the largest unit of which it has at least one.
pub fn duration(ms: u64) -> String {
    let seconds = ms / 1_000;
    let (count, unit) = match seconds {
        ..60 => (seconds, "second"),
        60..3_600 => (seconds / 60, "minute"),
        3_600..86_400 => (seconds / 3_600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    counted(count, unit)
}

/// A duration in the largest unit of which it is a whole number: minutes at least.
pub fn span(ms: u64) -> String {
    let minutes = ms.div_ceil(60_000);
    match minutes {
        _ if minutes.is_multiple_of(1_440) => counted(minutes / 1_440, "day"),
        _ if minutes.is_multiple_of(60) => counted(minutes / 60, "hour"),
        _ => counted(minutes, "minute"),
    }
}

/// So many seconds, after "every".
pub fn seconds(count: u32) -> String {
    match count {
        1 => "second".to_owned(),
        count => format!("{count} seconds"),
    }
}

fn counted(count: u64, unit: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{plural}")
}

/// A number of people, in words.
pub fn people(count: usize) -> String {
    match count {
        1 => "1 person".to_owned(),
        n => format!("{n} people"),
    }
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

    /// As [`LocalTime::write`], with the date if it is not the same local day as
    /// `now_ms`.
    pub fn write_dated(&mut self, at_ms: u64, now_ms: u64, out: &mut String) {
        let day = self.local(at_ms).date();
        if day != self.local(now_ms).date() {
            // Writing to a String cannot fail.
            let _ = write!(out, "{day} ");
        }
        self.write(at_ms, out);
    }

    fn local(&self, at_ms: u64) -> DateTime {
        let timestamp = i64::try_from(at_ms)
            .ok()
            .and_then(|ms| Timestamp::from_millisecond(ms).ok())
            .unwrap_or(Timestamp::UNIX_EPOCH);
        self.zone.to_datetime(timestamp)
    }

    fn render(&self, at_ms: u64) -> [u8; 5] {
        let local = self.local(at_ms);
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

    #[test]
    fn only_times_of_another_day_have_a_date() {
        let mut time = LocalTime {
            zone: TimeZone::UTC,
            ..LocalTime::default()
        };
        let mut out = String::new();
        for at_ms in [0, 86_399_999, 86_400_000, 172_800_000] {
            time.write_dated(at_ms, 100_000_000, &mut out);
            out.push(',');
        }
        assert_eq!(
            out,
            "1970-01-01 00:00,1970-01-01 23:59,00:00,1970-01-03 00:00,"
        );
    }
}
