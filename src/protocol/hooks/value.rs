//! Reading JSON whose shape is not certain.

use serde_json::Value;

/// The most characters of one value that are shown.
const MOST: usize = 300;

/// A text or number below these names, on one line and not too long; empty if there is none.
pub fn text(value: &Value, path: &[&str]) -> String {
    let mut at = value;
    for name in path {
        match at.get(*name) {
            Some(next) => at = next,
            None => return String::new(),
        }
    }
    scalar(at).unwrap_or_default()
}

/// The first of these that is not empty.
pub fn first(value: &Value, paths: &[&[&str]]) -> String {
    let mut texts = paths.iter().map(|path| text(value, path));
    texts.find(|text| !text.is_empty()).unwrap_or_default()
}

/// A list below a name; empty if there is none.
pub fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value
        .get(name)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// Whether there is any text, number or truth value in it.
pub fn says_anything(value: &Value) -> bool {
    match value {
        Value::Array(list) => list.iter().any(says_anything),
        Value::Object(fields) => fields.values().any(says_anything),
        other => scalar(other).is_some_and(|text| !text.is_empty()),
    }
}

/// What is shown of a value that is no list and no object.
pub fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(short(text)),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(is) => Some(is.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The first line of a text, and not too much of it.
pub fn short(text: &str) -> String {
    let line = text.trim().lines().next().unwrap_or_default().trim_end();
    match line.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line.to_owned(),
    }
}

/// Words with spaces between them, without those that are empty.
pub fn join(words: &[&str]) -> String {
    let words: Vec<&str> = words.iter().copied().filter(|it| !it.is_empty()).collect();
    words.join(" ")
}

/// `before: after`, or only the one that is not empty.
pub fn pair(before: &str, after: &str) -> String {
    match (before.is_empty(), after.is_empty()) {
        (false, false) => format!("{before}: {after}"),
        (false, true) => before.to_owned(),
        (true, _) => after.to_owned(),
    }
}
