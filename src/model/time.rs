//! The wall clock as a number, and times as programs read and write them: RFC 3339.

use std::time::{SystemTime, UNIX_EPOCH};

use jiff::civil::{self, DateTime};
use jiff::fmt::temporal::Pieces;
use jiff::{SignedDuration, Timestamp};

/// The beginning of Unix time, in UTC.
const EPOCH: DateTime = civil::date(1970, 1, 1).at(0, 0, 0, 0);

/// The last millisecond of the year 9999, after which no time can be written.
pub const LAST_MS: u64 = 253_402_300_799_999;

/// Fractional digits that are read: down to nanoseconds.
const MAX_FRACTION: usize = 9;

/// The wall clock, in milliseconds since 1970 UTC.
pub fn unix_ms() -> u64 {
    unix_ms_of(SystemTime::now())
}

/// A time of the system's clock in milliseconds since 1970 UTC; 0 if it is before that.
pub fn unix_ms_of(time: SystemTime) -> u64 {
    let since_epoch = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX)
}

/// A time in milliseconds since 1970 UTC as programs read it: in UTC, always
/// with milliseconds, so that it sorts as text.
pub fn rfc3339(unix_ms: u64) -> String {
    let ms = i64::try_from(unix_ms).unwrap_or(i64::MAX);
    if let Ok(timestamp) = Timestamp::from_millisecond(ms) {
        return format!("{timestamp:.3}");
    }
    // Instants end a day before the calendar does, for the sake of time zones.
    let time = EPOCH.saturating_add(SignedDuration::from_millis(ms));
    format!("{time:.3}Z")
}

/// The milliseconds since 1970 UTC of a time as RFC 3339 has it, to the end of
/// the year 9999 and whatever its offset; 0 if it is before 1970.
pub fn from_rfc3339(raw: &str) -> Option<u64> {
    let raw = shortened(raw.trim())?;
    let pieces = Pieces::parse(&raw).ok()?;
    let offset = pieces.to_numeric_offset()?;
    let local = pieces.date().to_datetime(pieces.time()?);
    let since_epoch = local.duration_since(EPOCH).as_millis();
    let ms = since_epoch - i128::from(offset.seconds()) * 1000;
    Some(u64::try_from(ms.max(0)).map_or(LAST_MS, |ms| ms.min(LAST_MS)))
}

/// Cuts off fractional digits beyond [`MAX_FRACTION`]. `None` for a string far
/// longer than any time.
fn shortened(raw: &str) -> Option<String> {
    if raw.len() > 256 {
        return None;
    }
    let mut fraction = None;
    let mut kept = String::with_capacity(raw.len());
    for c in raw.chars() {
        fraction = match (c, fraction) {
            ('.' | ',', None) => Some(0),
            (c, Some(digits)) if c.is_ascii_digit() => Some(digits + 1),
            (_, Some(0)) => return None,
            _ => None,
        };
        if fraction.is_none_or(|digits| digits <= MAX_FRACTION) {
            kept.push(c);
        }
    }
    Some(kept)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    use proptest::prelude::*;

    /// 9999-12-31T23:59:59Z.
    const LAST_SECOND: u64 = LAST_MS - 999;

    #[test]
    fn times_of_the_system_are_numbers() {
        let after = |ms| UNIX_EPOCH + Duration::from_millis(ms);
        assert_eq!(unix_ms_of(after(LAST_MS)), LAST_MS);
        assert_eq!(unix_ms_of(UNIX_EPOCH - Duration::from_secs(1)), 0);
    }

    #[test]
    fn times_sort_as_text() {
        let times = [
            0,
            999,
            1000,
            1001,
            60_000,
            LAST_SECOND - 100_000_000,
            LAST_SECOND,
        ];
        let times = times.map(rfc3339);
        assert!(times.is_sorted());
        assert_eq!(times[0], "1970-01-01T00:00:00.000Z");
        assert_eq!(times[3], "1970-01-01T00:00:01.001Z");
        assert_eq!(times[6], "9999-12-31T23:59:59.000Z");
        assert_eq!(rfc3339(u64::MAX), "9999-12-31T23:59:59.999Z");
    }

    #[test]
    fn every_time_of_the_standard_is_read() {
        for (raw, ms) in [
            ("9999-12-31T23:59:59Z", LAST_SECOND),
            ("9999-12-31T23:59:59.999999Z", LAST_SECOND + 999),
            ("9999-12-31t23:59:59z", LAST_SECOND),
            ("9999-12-31T23:59:59-23:59", LAST_MS),
            ("9999-12-31T23:59:59+00:00", LAST_SECOND),
            ("2030-01-31 12:00:00Z", 1_896_091_200_000),
            ("2030-01-31T14:00:00.5+02:00", 1_896_091_200_500),
            ("2030-01-31T12:00:00.1234567890123Z", 1_896_091_200_123),
            ("2030-01-31T12:00:00-00:00", 1_896_091_200_000),
            ("0000-01-01T00:00:00Z", 0),
            ("1969-12-31T23:59:59Z", 0),
            // A leap second is the last one of its minute.
            ("2016-12-31T23:59:60Z", 1_483_228_799_000),
        ] {
            assert_eq!(from_rfc3339(raw), Some(ms), "{raw}");
        }
    }

    #[test]
    fn what_is_no_time_is_none() {
        for raw in [
            "",
            "tomorrow",
            "2030-01-31",
            "2030-01-31T12:00:00",
            "2030-02-30T12:00:00Z",
            "2030-01-31T25:00:00Z",
            "2030-01-31T12:00:61Z",
            "2030-01-31T12:00:00.Z",
            "10000-01-01T00:00:00Z",
            "12:00:00Z",
        ] {
            assert_eq!(from_rfc3339(raw), None, "{raw}");
        }
        assert_eq!(from_rfc3339(&"9".repeat(10_000)), None);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(ms in 0..=LAST_SECOND) {
            prop_assert_eq!(from_rfc3339(&rfc3339(ms)), Some(ms));
        }

        #[test]
        fn any_text_is_survived(raw in "\\PC{0,40}", near in "[0-9TZ:.,+-]{0,40}") {
            let _ = from_rfc3339(&raw);
            let _ = from_rfc3339(&near);
        }
    }
}
