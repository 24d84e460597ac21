//! Message ids: `<milliseconds>-<sequence>`, strictly increasing.

use std::fmt;
use std::str::FromStr;

/// Bits of a packed id that hold the sequence.
pub const SEQUENCE_BITS: u32 = 20;
/// The highest sequence that can be stored.
pub const MAX_SEQUENCE: u64 = (1 << SEQUENCE_BITS) - 1;
/// The highest millisecond that can be stored: in the year 2248.
pub const MAX_MS: u64 = (1 << (63 - SEQUENCE_BITS)) - 1;

/// Identifies a message, and orders it among all messages of the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId {
    /// Milliseconds since 1970 UTC; never steps back, even if the clock does.
    pub ms: u64,
    /// Counts within the millisecond.
    pub sequence: u64,
}

impl MessageId {
    /// An id after all others.
    pub const LAST: MessageId = MessageId {
        ms: MAX_MS,
        sequence: MAX_SEQUENCE,
    };

    /// The last id before `self`.
    pub fn previous(self) -> MessageId {
        match self.sequence.checked_sub(1) {
            Some(sequence) => MessageId { sequence, ..self },
            None => MessageId {
                ms: self.ms.saturating_sub(1),
                sequence: MAX_SEQUENCE,
            },
        }
    }

    /// The id after `self` for something that happens at `now_ms`.
    pub fn next(self, now_ms: u64) -> MessageId {
        if now_ms > self.ms {
            MessageId {
                ms: now_ms,
                sequence: 0,
            }
        } else if self.sequence >= MAX_SEQUENCE {
            // A million ids in a millisecond: the clock has jumped far back.
            MessageId {
                ms: self.ms + 1,
                sequence: 0,
            }
        } else {
            MessageId {
                ms: self.ms,
                sequence: self.sequence + 1,
            }
        }
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.ms, self.sequence)
    }
}

impl serde::Serialize for MessageId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for MessageId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<MessageId, D::Error> {
        let raw = <std::borrow::Cow<'_, str>>::deserialize(deserializer)?;
        raw.parse().map_err(serde::de::Error::custom)
    }
}

/// The string is not `<milliseconds>-<sequence>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadMessageId;

impl fmt::Display for BadMessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a message id looks like 1700000000000-0")
    }
}

impl std::error::Error for BadMessageId {}

impl FromStr for MessageId {
    type Err = BadMessageId;

    fn from_str(raw: &str) -> Result<MessageId, BadMessageId> {
        let (ms, sequence) = raw.split_once('-').ok_or(BadMessageId)?;
        Ok(MessageId {
            ms: ms.parse().map_err(|_| BadMessageId)?,
            sequence: sequence.parse().map_err(|_| BadMessageId)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_increase_whatever_the_clock_does() {
        let mut last = MessageId::default();
        for now in [5, 5, 9, 3, 9, 10] {
            let next = last.next(now);
            assert!(next > last);
            assert_eq!(next.to_string().parse(), Ok(next));
            assert!(next.previous() >= last && next.previous() < next);
            last = next;
        }
        assert_eq!(
            last,
            MessageId {
                ms: 10,
                sequence: 0
            }
        );
        let full = MessageId {
            ms: 10,
            sequence: MAX_SEQUENCE,
        };
        assert_eq!(
            full.next(3),
            MessageId {
                ms: 11,
                sequence: 0
            }
        );
        assert_eq!("12".parse::<MessageId>(), Err(BadMessageId));
        assert_eq!("12-x".parse::<MessageId>(), Err(BadMessageId));
    }
}
