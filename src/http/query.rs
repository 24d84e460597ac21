//! The query of a path, and forms, which have the same format.

use std::fmt::Write;

/// Decodes `name=value` pairs. `None`: a pair is not percent-encoded UTF-8.
pub fn pairs(raw: &str) -> impl Iterator<Item = Option<(String, String)>> {
    let pairs = raw.split('&').filter(|pair| !pair.is_empty());
    pairs.map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let plain = |coded: &str| decode(&coded.replace('+', " "));
        Some((plain(name)?, plain(value)?))
    })
}

/// Encodes what is not an ASCII letter, digit, `-` or `_`.
pub fn encode(raw: &str) -> String {
    let mut coded = String::with_capacity(raw.len());
    for byte in raw.bytes() {
        match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'_' => coded.push(char::from(byte)),
            // Writing to a String cannot fail.
            other => drop(write!(coded, "%{other:02X}")),
        }
    }
    coded
}

/// Decodes percent-encoding. `None` if it is malformed or not UTF-8.
pub fn decode(raw: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw.bytes();
    while let Some(byte) = rest.next() {
        let decoded = match byte {
            b'%' => {
                let digits =
                    [rest.next()?, rest.next()?].map(|digit| char::from(digit).to_digit(16));
                let [Some(high), Some(low)] = digits else {
                    return None;
                };
                u8::try_from(high * 16 + low).ok()?
            }
            byte => byte,
        };
        bytes.push(decoded);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_coded_is_decoded() {
        assert_eq!(decode("a+b%20%C3%A9"), Some("a+b é".to_owned()));
        let read: Vec<_> = pairs("a=1+2&&b&c=%zz").collect();
        let pair = |name: &str, value: &str| Some((name.to_owned(), value.to_owned()));
        assert_eq!(read, [pair("a", "1 2"), pair("b", ""), None]);
        for bad in ["%", "%2", "%zz", "%+1", "%ff"] {
            assert_eq!(decode(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_survived(raw in "\\PC{0,60}", coded in "[a%0-9=&+]{0,40}") {
            let _ = pairs(&raw).count() + pairs(&coded).count();
        }
    }
}
