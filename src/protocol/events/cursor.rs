//! Where a stream is in each of its channels: `dev:1896091200000-1,ops:1896091200007-0`. A client
//! gives it back as it is to go on from there.

use std::fmt;
use std::str::FromStr;

use crate::model::{MessageId, Name};

/// The most channels that a stream follows.
pub const MOST_CHANNELS: usize = 50;

/// A place in each of some channels: the client has everything up to these ids.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cursor(Vec<(Name, MessageId)>);

/// A text is no cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadCursor;

impl Cursor {
    /// These places.
    pub fn of(places: impl IntoIterator<Item = (Name, MessageId)>) -> Cursor {
        Cursor(places.into_iter().collect())
    }

    /// Its place in a channel, if it has one.
    pub fn place(&self, channel: &Name) -> Option<MessageId> {
        let place = self.0.iter().find(|(name, _)| name == channel);
        place.map(|&(_, id)| id)
    }

    /// The channels.
    pub fn channels(&self) -> impl Iterator<Item = &Name> {
        self.0.iter().map(|(name, _)| name)
    }
}

impl FromStr for Cursor {
    type Err = BadCursor;

    fn from_str(raw: &str) -> Result<Cursor, BadCursor> {
        let mut places: Vec<(Name, MessageId)> = Vec::new();
        for place in raw.split(',').filter(|place| !place.is_empty()) {
            let (name, id) = place.rsplit_once(':').ok_or(BadCursor)?;
            let name = decoded(name.trim()).ok_or(BadCursor)?;
            let name = Name::parse_channel(&name).map_err(|_| BadCursor)?;
            let id = id.trim().parse().map_err(|_| BadCursor)?;
            if places.len() >= MOST_CHANNELS || places.iter().any(|(other, _)| *other == name) {
                return Err(BadCursor);
            }
            places.push((name, id));
        }
        Ok(Cursor(places))
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, (name, id)) in self.0.iter().enumerate() {
            if n > 0 {
                f.write_str(",")?;
            }
            write_place(name, *id, f)?;
        }
        Ok(())
    }
}

/// Writes the place in one channel, in characters that every header takes.
pub(super) fn write_place(name: &Name, id: MessageId, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for c in name.as_str().chars() {
        match c.is_ascii() {
            true => write!(f, "{c}")?,
            false => {
                for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                    write!(f, "%{byte:02X}")?;
                }
            }
        }
    }
    write!(f, ":{id}")
}

/// The place in one channel, as it is written.
pub(super) struct PlaceIn<'a>(pub &'a Name, pub MessageId);

impl fmt::Display for PlaceIn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_place(self.0, self.1, f)
    }
}

/// A name without its percent signs; `None` if that is no UTF-8.
fn decoded(raw: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw.as_bytes();
    while let [first, after @ ..] = rest {
        rest = match first {
            b'%' => {
                let (digits, after) = after.split_at_checked(2)?;
                let digits = std::str::from_utf8(digits).ok()?;
                if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                    return None;
                }
                bytes.push(u8::from_str_radix(digits, 16).ok()?);
                after
            }
            other => {
                bytes.push(*other);
                after
            }
        };
    }
    String::from_utf8(bytes).ok()
}

impl fmt::Display for BadCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a cursor looks like dev:1700000000000-0,ops:1700000000000-0; give back the last one \
             of the stream as it is"
        )
    }
}

impl std::error::Error for BadCursor {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_cursor_reads_back_as_itself() {
        for raw in ["", "dev:7-1", "dev:7-1,ops:0-0,a-b_c:9-9", "caf%C3%A9:7-1"] {
            let cursor: Cursor = raw.parse().unwrap();
            assert_eq!(cursor.to_string(), raw);
        }
        let cursor: Cursor = "#dev:7-1, ops:8-0".parse().unwrap();
        let name = |raw| Name::parse_channel(raw).unwrap();
        assert_eq!(cursor.place(&name("Dev")).map(|id| id.ms), Some(7));
        assert_eq!(cursor.place(&name("other")), None);
        let many: Vec<String> = (0..=MOST_CHANNELS).map(|n| format!("c{n}:1-1")).collect();
        for bad in [
            "dev",
            "dev:",
            "dev:7",
            ":7-1",
            "dev:7-1,dev:8-1",
            "%C3:7-1",
            "%zz:7-1",
            "%+1:7-1",
            &many.join(","),
        ] {
            assert_eq!(bad.parse::<Cursor>(), Err(BadCursor), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_survived(raw in "\\PC{0,60}", close in "[ad%:,0-9-]{0,40}") {
            for raw in [raw, close] {
                if let Ok(cursor) = raw.parse::<Cursor>() {
                    prop_assert_eq!(cursor.to_string().parse::<Cursor>(), Ok(cursor));
                }
            }
        }
    }
}
