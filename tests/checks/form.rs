//! Forms: each field once, and the same in every encoding.

use chat_server::rest::fields_of;
use serde_json::{Map, Value};

const URLENCODED: Option<&str> = Some("application/x-www-form-urlencoded");
const JSON: Option<&str> = Some("application/json");

type Fields = Vec<(String, String)>;

pub fn check(data: &[u8]) {
    for content_type in [None, URLENCODED, JSON] {
        if let Some(fields) = fields_of(content_type, data) {
            valid(fields);
        }
    }
}

fn valid(mut fields: Fields) {
    let pairs = fields
        .iter()
        .map(|(name, value)| format!("{}={}", coded(name), coded(value)));
    let pairs: Vec<String> = pairs.collect();
    fields.sort();
    assert!(
        fields.windows(2).all(|pair| pair[0].0 != pair[1].0),
        "twice"
    );
    let again = |content_type, body: &str| {
        let mut again = fields_of(content_type, body.as_bytes()).expect(body);
        again.sort();
        again
    };
    assert_eq!(again(URLENCODED, &pairs.join("&")), fields);
    let object: Map<String, Value> = fields
        .iter()
        .map(|(name, value)| (name.clone(), Value::from(value.as_str())))
        .collect();
    assert_eq!(again(JSON, &Value::Object(object).to_string()), fields);
}

/// Percent-encodes every byte.
fn coded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}
