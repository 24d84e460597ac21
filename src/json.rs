//! JSON as clients and people write it, read the same everywhere.
//!
//! Some programs begin with a byte order mark, cut a character in two and
//! escape the halves (`"\ud83d"`), or write 20 as `20.0`. All of that says
//! clearly enough what is meant; the parser alone would refuse it.

use std::borrow::Cow;

use serde::de::{Deserialize, DeserializeOwned, Deserializer, Error};
use serde_json::Number;

use crate::model::text::without_byte_order_mark;

/// The largest number up to which every whole number is one that JSON's usual
/// floating point numbers can tell from its neighbours.
const MAX_EXACT: f64 = 9_007_199_254_740_992.0;

/// Reads a document.
pub fn read<T: DeserializeOwned>(json: &str) -> serde_json::Result<T> {
    serde_json::from_str(&as_meant(json))
}

/// A document as it is meant: without byte order mark, with whole characters.
pub fn as_meant(json: &str) -> Cow<'_, str> {
    whole_characters(without_byte_order_mark(json))
}

/// Reads a document that has yet to be seen to be text.
pub fn read_bytes<T: DeserializeOwned>(json: &[u8]) -> serde_json::Result<T> {
    match str::from_utf8(json) {
        Ok(json) => read(json),
        Err(_) => Err(serde_json::Error::custom("it is not UTF-8")),
    }
}

/// A whole number that is not negative, also one written `20.0` or `2e1`.
pub fn whole(number: &Number) -> Option<u64> {
    number.as_u64().or_else(|| {
        let number = number.as_f64()?;
        let is_whole = number.fract() == 0.0 && (0.0..=MAX_EXACT).contains(&number);
        is_whole.then_some(number as u64)
    })
}

/// For fields of documents: as [`whole`].
pub fn whole_field<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let number = Number::deserialize(deserializer)?;
    whole(&number).ok_or_else(|| D::Error::custom(format!("{number} is no whole number")))
}

/// As [`whole_field`], of one that may be missing.
pub fn optional_whole_field<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<u64>, D::Error> {
    let number = Option::<Number>::deserialize(deserializer)?;
    let wrong = |number| D::Error::custom(format!("{number} is no whole number"));
    number
        .map(|number| whole(&number).ok_or_else(|| wrong(number)))
        .transpose()
}

/// A number as people write it: 1705 for `1705.0`, too.
pub fn in_digits(number: &Number) -> String {
    whole(number).map_or_else(|| number.to_string(), |whole| whole.to_string())
}

/// With U+FFFD in place of every escape that is half a character: JavaScript
/// may cut text between the halves, and no text can hold one.
fn whole_characters(json: &str) -> Cow<'_, str> {
    let mut mended: Option<String> = None;
    let mut from = 0;
    while let Some(at) = find(json.as_bytes(), from) {
        let Some(unit) = code_unit(json, at) else {
            // Some other escape; what it escapes is not another one's start.
            from = at + 2;
            continue;
        };
        let next = code_unit(json, at + ESCAPE);
        let pairs = next.is_some_and(|next| (0xdc00..0xe000).contains(&next));
        let length = match unit {
            0xd800..0xdc00 if pairs => 2 * ESCAPE,
            0xd800..0xe000 => {
                let mended = mended.get_or_insert_with(|| json.to_owned());
                mended.replace_range(at..at + ESCAPE, "\\ufffd");
                ESCAPE
            }
            _ => ESCAPE,
        };
        from = at + length;
    }
    mended.map_or(Cow::Borrowed(json), Cow::Owned)
}

/// The length of `\uXXXX`.
const ESCAPE: usize = 6;

fn find(json: &[u8], from: usize) -> Option<usize> {
    let rest = json.get(from..)?;
    memchr::memchr(b'\\', rest).map(|at| from + at)
}

/// The code unit that is escaped here, if it is written `\uXXXX`.
fn code_unit(json: &str, at: usize) -> Option<u16> {
    let digits = json.get(at..at + ESCAPE)?.strip_prefix("\\u")?;
    let is_hexadecimal = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    is_hexadecimal.then(|| u16::from_str_radix(digits, 16).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn half_a_character_is_a_replacement_character() {
        for (json, text) in [
            (r#""x\ud83d""#, "x\u{fffd}"),
            (r#""\uDE00x""#, "\u{fffd}x"),
            (r#""\ud83d\ude00""#, "\u{1f600}"),
            (r#""\ud83d\ud83d\ude00""#, "\u{fffd}\u{1f600}"),
            (r#""\ud83d\n\ude00""#, "\u{fffd}\n\u{fffd}"),
            (r#""\ud83d\u0041""#, "\u{fffd}A"),
            (r#""\\ud83d""#, "\\ud83d"),
            (r#""\\\ud83d""#, "\\\u{fffd}"),
            (r#""\ud83dé""#, "\u{fffd}é"),
        ] {
            assert_eq!(read::<String>(json).unwrap(), text, "{json}");
        }
        for broken in [r#""\ud8""#, r#""\u+123""#, r#""\"#, r#""\u"#, r#""\ud83"#] {
            assert!(read::<String>(broken).is_err(), "{broken}");
        }
    }

    #[test]
    fn whole_numbers_are_whole_however_they_are_written() {
        let number = |json: &str| whole(&read(json).unwrap());
        for json in ["100", "100.0", "1e2", "1.0E+2", "10000e-2"] {
            assert_eq!(number(json), Some(100), "{json}");
        }
        assert_eq!((number("-0"), number("-0.0")), (Some(0), Some(0)));
        assert_eq!(number("18446744073709551615"), Some(u64::MAX));
        for json in ["1.5", "-1", "-1.0", "1e300", "18446744073709551616"] {
            assert_eq!(number(json), None, "{json}");
        }
        assert_eq!(in_digits(&read("1705.0").unwrap()), "1705");
    }

    #[test]
    fn a_byte_order_mark_is_ignored_once_and_at_the_beginning() {
        assert_eq!(read::<u8>("\u{feff} 7").unwrap(), 7);
        assert!(read::<u8>("\u{feff}\u{feff}7").is_err());
        assert!(read_bytes::<u8>(b"\xff").is_err());
    }

    proptest! {
        #[test]
        fn what_the_parser_takes_stays_as_it_is(text in "[\\\\u\"d83eé\u{1f600}]{0,30}") {
            let json = serde_json::to_string(&text).unwrap();
            prop_assert_eq!(read::<String>(&json).unwrap(), text);
        }

        #[test]
        fn any_text_is_survived(json in "[\\\\u\"d83eé]{0,40}") {
            let _ = read::<String>(&json);
        }
    }
}
