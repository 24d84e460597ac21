//! JSON of which nothing is known: its text, or what there is in it.

use serde_json::{Map, Value};

use super::value::{pair, scalar, text};

/// Names below which programs put what they have to say.
const TEXTS: [&str; 4] = ["text", "message", "content", "body"];
/// Fields that are shown of an object without a text.
const FIELDS: usize = 8;

/// What it says.
pub fn words(value: &Value) -> String {
    let said = TEXTS.iter().find_map(|name| value.get(name)?.as_str());
    if let Some(said) = said.filter(|said| !said.trim().is_empty()) {
        return match text(value, &["title"]) {
            title if title.is_empty() => said.to_owned(),
            title => format!("{title}\n{said}"),
        };
    }
    match value {
        Value::Object(fields) => {
            let own = shown(fields, "");
            let inner = |(name, value): (&String, &Value)| {
                let fields = value.as_object()?;
                Some(shown(fields, &format!("{name}.")))
            };
            let fields = match own.is_empty() {
                true => fields.iter().filter_map(inner).flatten().collect(),
                false => own,
            };
            match fields.is_empty() {
                true => "JSON without a text".to_owned(),
                false => fields.get(..FIELDS).unwrap_or(&fields).join(", "),
            }
        }
        Value::Array(list) => {
            let words = list.iter().filter_map(scalar);
            let words: Vec<String> = words.take(FIELDS).collect();
            match words.is_empty() {
                true => "JSON without a text".to_owned(),
                false => words.join(", "),
            }
        }
        other => scalar(other).unwrap_or_default(),
    }
}

/// The fields of an object that are no lists and no objects, with what stands before their names.
fn shown(fields: &Map<String, Value>, before: &str) -> Vec<String> {
    let fields = fields.iter().filter_map(|(name, value)| {
        let shown = scalar(value).filter(|shown| !shown.is_empty())?;
        Some(pair(&format!("{before}{name}"), &shown))
    });
    fields.take(FIELDS).collect()
}
