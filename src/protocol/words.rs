//! The time as people read it.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// A time as programs read it: RFC 3339, in UTC.
pub fn rfc3339(unix_ms: u64) -> String {
    let timestamp = i64::try_from(unix_ms).ok();
    let timestamp = timestamp.and_then(|ms| Timestamp::from_millisecond(ms).ok());
    timestamp.unwrap_or(Timestamp::MAX).to_string()
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
