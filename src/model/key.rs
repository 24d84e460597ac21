//! Message ids as one integer each, so that databases can index and sort them.

use super::id::{MAX_MS, MAX_SEQUENCE, MessageId, SEQUENCE_BITS};

/// The id as an integer that sorts as the id does; `None` if it does not fit.
pub fn pack(id: MessageId) -> Option<i64> {
    (id.ms <= MAX_MS && id.sequence <= MAX_SEQUENCE).then(|| clamp(id))
}

/// The highest packed id that is not above `id`, which a client may have invented.
/// Comparing with it has the same result as comparing with `id`.
pub fn clamp(id: MessageId) -> i64 {
    if id.ms > MAX_MS {
        return i64::MAX;
    }
    let packed = id.ms << SEQUENCE_BITS | id.sequence.min(MAX_SEQUENCE);
    packed.cast_signed()
}

/// The id that was packed.
pub fn unpack(packed: i64) -> MessageId {
    let packed = packed.max(0).cast_unsigned();
    MessageId {
        ms: packed >> SEQUENCE_BITS,
        sequence: packed & MAX_SEQUENCE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn id(ms: u64, sequence: u64) -> MessageId {
        MessageId { ms, sequence }
    }

    #[test]
    fn what_does_not_fit_is_refused_and_compares_rightly() {
        assert_eq!(pack(id(1, MAX_SEQUENCE + 1)), None);
        assert_eq!(pack(id(MAX_MS + 1, 0)), None);
        assert_eq!(pack(id(MAX_MS, MAX_SEQUENCE)), Some(i64::MAX));
        assert_eq!(clamp(id(u64::MAX, u64::MAX)), i64::MAX);
        assert!(clamp(id(1, u64::MAX)) < clamp(id(2, 0)));
    }

    proptest! {
        #[test]
        fn packing_keeps_value_and_order(
            a in (0..=MAX_MS, 0..=MAX_SEQUENCE),
            b in (0..=MAX_MS, 0..=MAX_SEQUENCE),
        ) {
            let (a, b) = (id(a.0, a.1), id(b.0, b.1));
            let (x, y) = (pack(a).unwrap(), pack(b).unwrap());
            prop_assert_eq!(unpack(x), a);
            prop_assert_eq!(a.cmp(&b), x.cmp(&y));
        }
    }
}
