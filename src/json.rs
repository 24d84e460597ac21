//! Reads JSON as clients and people write it, the same everywhere.
//!
//! Some programs begin with a byte order mark, split a character and escape the halves
//! (`"\ud83d"`), or write 20 as `20.0`. The meaning is clear in each case, but the parser alone
//! would refuse it.

use std::borrow::Cow;
use std::ops::Range;

use serde::de::{Deserialize, DeserializeOwned, Deserializer, Error};
use serde_json::Number;

use crate::model::text::without_byte_order_mark;

/// The largest number up to which JSON's usual floating point numbers tell every whole number from
/// its neighbours.
const MAX_EXACT: f64 = 9_007_199_254_740_992.0;

/// Parses a document.
pub fn read<T: DeserializeOwned>(json: &str) -> serde_json::Result<T> {
    let json = as_meant(json);
    serde_json::from_str(&json).or_else(|error| match with_finite_numbers(&json) {
        Some(json) => serde_json::from_str(&json),
        None => Err(error),
    })
}

/// The document with every number that is too large, such as `1e999`, replaced by the largest one;
/// `None` if it has none. JSON has no largest number, and one in a field that is not used is no
/// reason to refuse the document.
pub fn with_finite_numbers(json: &str) -> Option<String> {
    let mut mended: Option<String> = None;
    let (mut copied, mut from) = (0, 0);
    while let Some(token) = next_number(json, from) {
        from = token.end;
        let Some(number) = json.get(token.clone()) else {
            break;
        };
        if number.parse::<f64>().is_ok_and(f64::is_infinite) {
            let mended = mended.get_or_insert_with(String::new);
            mended.push_str(json.get(copied..token.start).unwrap_or_default());
            mended.push_str(match number.starts_with('-') {
                true => "-1e308",
                false => "1e308",
            });
            copied = token.end;
        }
    }
    let mut mended = mended?;
    mended.push_str(json.get(copied..).unwrap_or_default());
    Some(mended)
}

/// The next run of what numbers are made of that is in no string, from a place
/// on that is in none.
fn next_number(json: &str, from: usize) -> Option<Range<usize>> {
    let is_part = |byte: &u8| byte.is_ascii_digit() || b"+-.eE".contains(byte);
    let mut in_string = false;
    let mut bytes = json.bytes().enumerate().skip(from);
    while let Some((at, byte)) = bytes.next() {
        match (in_string, byte) {
            (true, b'\\') => drop(bytes.next()),
            (_, b'"') => in_string = !in_string,
            (false, b'-' | b'0'..=b'9') => {
                let rest = json.as_bytes().get(at..)?;
                let length = rest.iter().take_while(|byte| is_part(byte)).count();
                return Some(at..at + length);
            }
            _ => {}
        }
    }
    None
}

/// The document to parse: without byte order mark, with whole characters.
pub fn as_meant(json: &str) -> Cow<'_, str> {
    whole_characters(without_byte_order_mark(json))
}

/// Parses a document that may not be UTF-8.
pub fn read_bytes<T: DeserializeOwned>(json: &[u8]) -> serde_json::Result<T> {
    match str::from_utf8(json) {
        Ok(json) => read(json),
        Err(_) => Err(serde_json::Error::custom("it is not UTF-8")),
    }
}

/// A whole number that is not negative, even if written as `20.0` or `2e1`.
pub fn whole(number: &Number) -> Option<u64> {
    number.as_u64().or_else(|| {
        let number = number.as_f64()?;
        let is_whole = number.fract() == 0.0 && (0.0..=MAX_EXACT).contains(&number);
        is_whole.then_some(number as u64)
    })
}

/// For fields: as [`whole`].
pub fn whole_field<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let number = Number::deserialize(deserializer)?;
    whole(&number).ok_or_else(|| D::Error::custom(format!("{number} is no whole number")))
}

/// As [`whole_field`], for a field that may be missing.
pub fn optional_whole_field<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<u64>, D::Error> {
    let number = Option::<Number>::deserialize(deserializer)?;
    let wrong = |number| D::Error::custom(format!("{number} is no whole number"));
    number
        .map(|number| whole(&number).ok_or_else(|| wrong(number)))
        .transpose()
}

/// A number in its usual notation: 1705 for `1705.0`, too.
pub fn in_digits(number: &Number) -> String {
    whole(number).map_or_else(|| number.to_string(), |whole| whole.to_string())
}

/// Replaces every escape of half a character by U+FFFD: JavaScript may cut a text between the
/// halves, and Rust's text cannot hold one.
fn whole_characters(json: &str) -> Cow<'_, str> {
    let mut mended: Option<String> = None;
    let mut from = 0;
    while let Some(at) = find(json.as_bytes(), from) {
        let Some(unit) = code_unit(json, at) else {
            // Another escape; the character it escapes does not begin one.
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

/// The code unit at this place, if it is written as `\uXXXX`.
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
        assert_eq!(read::<u8>("\u{feff}\u{feff}7").unwrap(), 7);
        assert!(read::<u8>("7\u{feff}").is_err());
    }

    #[test]
    fn no_number_is_too_large_to_read_the_rest() {
        let huge = "9".repeat(400);
        for (json, expected) in [
            (
                r#"{"a": 1e999, "b": "1e999 \" 2e999"}"#.to_owned(),
                r#"{"a": 1e308, "b": "1e999 \" 2e999"}"#,
            ),
            ("[-1E+999,1e308]".to_owned(), "[-1e308,1e308]"),
            (format!("[{huge}]"), "[1e308]"),
        ] {
            assert_eq!(with_finite_numbers(&json).as_deref(), Some(expected));
            assert!(read::<serde_json::Value>(&json).is_ok(), "{json}");
        }
        for json in ["1e30", "\"1e999\"", "1e", "1e999"] {
            let is_huge = json == "1e999";
            assert_eq!(with_finite_numbers(json).is_some(), is_huge, "{json}");
        }
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
