//! When a token ends, as it is written on the command line.

use std::fmt;

use crate::model::time::{LAST_MS, from_rfc3339};

/// When a token ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Expiry {
    /// At this time, in milliseconds since 1970 UTC.
    At(u64),
    /// So many milliseconds from now.
    In(u64),
}

/// A text says no time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BadExpiry;

impl Expiry {
    /// Reads a time, or a number with a unit.
    pub fn parse(raw: &str) -> Result<Expiry, BadExpiry> {
        let raw = raw.trim();
        if let Some(at) = from_rfc3339(raw) {
            return Ok(Expiry::At(at));
        }
        let unit = raw.chars().last().ok_or(BadExpiry)?;
        let seconds: u64 = match unit {
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            'w' => 7 * 86_400,
            _ => return Err(BadExpiry),
        };
        let number = raw.strip_suffix(unit).unwrap_or_default();
        let number = number.trim_end().parse::<u64>().map_err(|_| BadExpiry)?;
        let ms = number.checked_mul(seconds * 1_000).ok_or(BadExpiry)?;
        match (1..=LAST_MS).contains(&ms) {
            true => Ok(Expiry::In(ms)),
            false => Err(BadExpiry),
        }
    }

    /// The time, in milliseconds since 1970 UTC.
    pub fn at(&self, now_ms: u64) -> u64 {
        match *self {
            Expiry::At(at) => at,
            Expiry::In(ms) => now_ms.saturating_add(ms).min(LAST_MS),
        }
    }
}

impl fmt::Display for BadExpiry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected 90m, 12h, 30d, 8w or a time such as 2030-01-31T12:00:00Z")
    }
}

impl std::error::Error for BadExpiry {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_or_a_number_with_a_unit() {
        for (raw, at) in [
            ("90m", 5_400_001),
            ("12h", 43_200_001),
            ("30d", 2_592_000_001),
            (" 2 w ", 1_209_600_001),
            ("2030-01-31T12:00:00Z", 1_896_091_200_000),
        ] {
            assert_eq!(
                Expiry::parse(raw).map(|expiry| expiry.at(1)),
                Ok(at),
                "{raw}"
            );
        }
        for raw in [
            "",
            "d",
            "30",
            "-1d",
            "0d",
            "1.5h",
            "30 days",
            "99999999999999999d",
            "né",
        ] {
            assert_eq!(Expiry::parse(raw), Err(BadExpiry), "{raw}");
        }
    }
}
