//! Checks the header of a JWS (RFC 7515) before anything in it is trusted.
//!
//! Only what this server issues itself is accepted: HS256 over a whole JWT. A header with `crit` is
//! refused whatever it lists, because no extension is supported here. Keys and key addresses in a
//! header are never looked at.

use data_encoding::BASE64URL_NOPAD;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::{Map, Value};

/// The longest header, as it is sent.
pub const MAX_HEADER_BYTES: usize = 1024;

/// Fields that change what is signed or how it is read.
const REFUSED: &[&str] = &["crit", "b64", "enc", "zip", "cty"];

/// Why a header is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderError {
    /// It is not a header, or too long.
    Malformed,
    /// It requires a feature that is not supported here.
    NotUnderstood,
    /// It is signed with something other than HS256.
    WrongAlgorithm,
}

/// The header of a token, if everything it requires is supported.
pub fn header(token: &str) -> Result<Map<String, Value>, HeaderError> {
    let (header, _) = token.split_once('.').ok_or(HeaderError::Malformed)?;
    if header.len() > MAX_HEADER_BYTES {
        return Err(HeaderError::Malformed);
    }
    let json = BASE64URL_NOPAD.decode(header.as_bytes());
    let json = json.map_err(|_| HeaderError::Malformed)?;
    let fields: Fields = serde_json::from_slice(&json).map_err(|_| HeaderError::Malformed)?;
    let fields = fields.0;
    if REFUSED.iter().any(|field| fields.contains_key(*field)) {
        return Err(HeaderError::NotUnderstood);
    }
    match fields.get("typ") {
        None => {}
        Some(Value::String(kind)) if kind.eq_ignore_ascii_case("JWT") => {}
        Some(_) => return Err(HeaderError::NotUnderstood),
    }
    match fields.get("alg").and_then(Value::as_str) {
        Some("HS256") => Ok(fields),
        _ => Err(HeaderError::WrongAlgorithm),
    }
}

/// An object without duplicate fields: of two, the signer may have meant the other one.
struct Fields(Map<String, Value>);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Fields, D::Error> {
        struct Once;
        impl<'de> Visitor<'de> for Once {
            type Value = Fields;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut fields = Map::new();
                while let Some((name, value)) = map.next_entry::<String, Value>()? {
                    if fields.insert(name, value).is_some() {
                        return Err(serde::de::Error::custom("a field is there twice"));
                    }
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(Once)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(json: &str) -> Result<Map<String, Value>, HeaderError> {
        header(&format!(
            "{}.e30.x",
            BASE64URL_NOPAD.encode(json.as_bytes())
        ))
    }

    #[test]
    fn only_what_is_understood_is_taken() {
        for good in [
            r#"{"alg":"HS256"}"#,
            r#"{"typ":"JWT","alg":"HS256"}"#,
            r#"{"typ":"jwt","alg":"HS256","kid":"1","jwk":{},"x5u":"https://example.org"}"#,
        ] {
            assert!(of(good).is_ok(), "{good}");
        }
        for (bad, why) in [
            (
                r#"{"alg":"HS256","crit":["exp"]}"#,
                HeaderError::NotUnderstood,
            ),
            (r#"{"alg":"HS256","crit":[]}"#, HeaderError::NotUnderstood),
            (r#"{"alg":"HS256","crit":null}"#, HeaderError::NotUnderstood),
            (r#"{"alg":"HS256","b64":false}"#, HeaderError::NotUnderstood),
            (r#"{"alg":"HS256","b64":true}"#, HeaderError::NotUnderstood),
            (r#"{"alg":"HS256","zip":"DEF"}"#, HeaderError::NotUnderstood),
            (r#"{"alg":"HS256","cty":"JWT"}"#, HeaderError::NotUnderstood),
            (
                r#"{"alg":"HS256","typ":"at+jwt"}"#,
                HeaderError::NotUnderstood,
            ),
            (r#"{"alg":"HS256","typ":1}"#, HeaderError::NotUnderstood),
            (r#"{"alg":"none"}"#, HeaderError::WrongAlgorithm),
            (r#"{"alg":"None"}"#, HeaderError::WrongAlgorithm),
            (r#"{"alg":"hs256"}"#, HeaderError::WrongAlgorithm),
            (r#"{"alg":["HS256"]}"#, HeaderError::WrongAlgorithm),
            (r#"{}"#, HeaderError::WrongAlgorithm),
            (r#"{"alg":"none","alg":"HS256"}"#, HeaderError::Malformed),
            (r#"["alg","HS256"]"#, HeaderError::Malformed),
            ("", HeaderError::Malformed),
        ] {
            assert_eq!(of(bad), Err(why), "{bad}");
        }
        let long = format!(
            r#"{{"alg":"HS256","kid":"{}"}}"#,
            "x".repeat(MAX_HEADER_BYTES)
        );
        assert_eq!(of(&long), Err(HeaderError::Malformed));
        assert_eq!(header("eyJhbGciOiJIUzI1NiJ9"), Err(HeaderError::Malformed));
    }

    proptest! {
        #[test]
        fn any_header_is_survived(raw in "\\PC{0,80}", json in "[a-z{}\":,\\[\\]]{0,60}") {
            let _ = header(&raw);
            let _ = of(&json);
        }
    }
}
