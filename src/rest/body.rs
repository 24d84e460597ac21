//! The body of a call: named fields, as JSON or as an HTML form. [`read`] parses both; a call takes
//! the fields from a [`Form`] or an [`Object`].

use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

use crate::http::pairs;
use crate::json;

use super::problem::Problem;

/// U+FEFF in UTF-8, which some programs send first.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A telephone number, which stays digits whatever JSON makes of them.
const PHONE: &str = "phone";

/// The formats a body may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// A JSON object, whatever its Content-Type.
    Json,
    /// A JSON object or a form. A brace at the start makes it JSON, because a form never starts
    /// with one and `curl -d` calls everything a form.
    JsonOrForm,
}

/// Fields in the order in which they appear.
pub(super) type Fields = Vec<(String, Value)>;

/// The fields of a body; an error says what is wrong as the end of a sentence.
pub(super) fn read(
    written: Written,
    content_type: Option<&str>,
    body: &[u8],
) -> Result<Fields, String> {
    let content_type = content_type.unwrap_or_default().to_ascii_lowercase();
    let mut body = body;
    while let Some(rest) = body.strip_prefix(BYTE_ORDER_MARK) {
        body = rest;
    }
    let is_braced = || body.trim_ascii_start().starts_with(b"{");
    match written {
        Written::JsonOrForm if content_type.starts_with("multipart/") => Err(
            "it must be application/x-www-form-urlencoded or JSON (with curl: -d, not -F)".into(),
        ),
        Written::JsonOrForm if !content_type.contains("json") && !is_braced() => from_pairs(body),
        Written::Json | Written::JsonOrForm => from_json(body),
    }
}

fn from_json(body: &[u8]) -> Result<Fields, String> {
    if let Ok(Every(fields)) = json::read_bytes(body) {
        return Ok(fields);
    }
    match json::read_bytes::<Value>(body) {
        Ok(_) => Err("it is JSON, but not an object".into()),
        Err(error) => Err(format!("it is not JSON: {error}")),
    }
}

/// Every field of a JSON object, also if two have one name.
struct Every(Fields);

impl<'de> Deserialize<'de> for Every {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Every, D::Error> {
        deserializer.deserialize_map(EveryField)
    }
}

struct EveryField;

impl<'de> Visitor<'de> for EveryField {
    type Value = Every;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Every, A::Error> {
        let mut fields = Fields::new();
        while let Some(field) = map.next_entry()? {
            fields.push(field);
        }
        Ok(Every(fields))
    }
}

/// The name of a field that is there twice, so that it is not known which was meant.
fn given_twice(fields: &[(String, Value)]) -> Option<&str> {
    let mut seen = HashSet::with_capacity(fields.len());
    let mut names = fields.iter().map(|(name, _)| name.as_str());
    names.find(|name| !seen.insert(*name))
}

fn from_pairs(body: &[u8]) -> Result<Fields, String> {
    let body = str::from_utf8(body).map_err(|_| "it is not UTF-8")?;
    let field = |pair: Option<(String, String)>| pair.map(|(name, text)| (name, text.into()));
    let fields: Option<Fields> = pairs(body).map(field).collect();
    fields.ok_or_else(|| "it is not percent-encoded UTF-8".into())
}

/// Fields that are all text, each at most once. Fields that the call does not use are ignored.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    /// Parses a body of either format.
    pub fn parse(content_type: Option<&str>, body: &[u8]) -> Result<Form, Problem> {
        let fields = read(Written::JsonOrForm, content_type, body);
        let fields =
            fields.map_err(|why| Problem::field("body", format!("is not understood: {why}")))?;
        let mut form: Vec<(String, String)> = Vec::new();
        refuse_twice(&fields)?;
        for (name, value) in fields {
            let text = as_text(&name, value)?;
            form.push((name, text));
        }
        Ok(Form(form))
    }

    /// A field's text; empty if the field is missing.
    pub fn get(&self, name: &str) -> &str {
        let field = self.0.iter().find(|(other, _)| other == name);
        field.map_or("", |(_, value)| value)
    }

    /// A field's text, if the field is there.
    pub fn given(&self, name: &str) -> Option<&str> {
        let field = self.0.iter().find(|(other, _)| other == name);
        field.map(|(_, value)| value.as_str())
    }
}

fn refuse_twice(fields: &[(String, Value)]) -> Result<(), Problem> {
    match given_twice(fields) {
        Some(name) => Err(Problem::field(name, "given twice")),
        None => Ok(()),
    }
}

fn as_text(name: &str, value: Value) -> Result<String, Problem> {
    match value {
        Value::String(text) => Ok(text),
        // Its decimal point would be read as one that groups digits, and its sign as a dash.
        Value::Number(number) if name == PHONE && json::whole(&number).is_none() => {
            Err(Problem::field(name, "must be a string or a whole number"))
        }
        // A telephone number, for example.
        Value::Number(number) => Ok(json::in_digits(&number)),
        Value::Null => Ok(String::new()),
        _ => Err(Problem::field(name, "must be a string")),
    }
}

/// The fields of a body that is a form, in order; `None` if it is refused. For programs that only
/// want to know how a body is read.
pub fn fields_of(content_type: Option<&str>, body: &[u8]) -> Option<Vec<(String, String)>> {
    Form::parse(content_type, body)
        .ok()
        .map(|Form(fields)| fields)
}

/// A JSON object whose fields are taken by name and type.
pub(super) struct Object(Fields);

impl Object {
    /// Parses a body that must be JSON.
    pub fn parse(body: &[u8]) -> Result<Object, Problem> {
        let fields = read(Written::Json, None, body);
        let wrong = |why| Problem::BadRequest(format!("the body is not understood: {why}"));
        let fields = fields.map_err(wrong)?;
        refuse_twice(&fields)?;
        Ok(Object(fields))
    }

    /// Refuses any fields but these.
    pub fn with_only(self, known: &[&str]) -> Result<Object, Problem> {
        match self
            .0
            .iter()
            .find(|(name, _)| !known.contains(&name.as_str()))
        {
            Some((unknown, _)) => Err(Problem::field(
                unknown,
                format!("unknown; there are {}", known.join(", ")),
            )),
            None => Ok(self),
        }
    }

    /// Lowers the case of the field names.
    pub fn in_any_case(mut self) -> Object {
        for (name, _) in &mut self.0 {
            name.make_ascii_lowercase();
        }
        self
    }

    /// A field that is a string, if it is there.
    pub fn string(&mut self, name: &str) -> Result<Option<String>, Problem> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(value)) => Ok(Some(value)),
            Some(other) => Err(wrong_type(name, "a string", &other)),
        }
    }

    /// A field that is a whole number and not negative, if it is there.
    pub fn number(&mut self, name: &str) -> Result<Option<u64>, Problem> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Number(value)) if json::whole(&value).is_some() => Ok(json::whole(&value)),
            Some(other) => Err(wrong_type(name, "a whole number", &other)),
        }
    }

    /// A field that is `true` or `false`, if it is there.
    pub fn boolean(&mut self, name: &str) -> Result<Option<bool>, Problem> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Bool(value)) => Ok(Some(value)),
            Some(other) => Err(wrong_type(name, "true or false", &other)),
        }
    }

    /// A field that is a list of strings, if it is there.
    pub fn strings(&mut self, name: &str) -> Result<Option<Vec<String>>, Problem> {
        let list = match self.take(name) {
            None => return Ok(None),
            Some(Value::Array(list)) => list,
            Some(other) => return Err(wrong_type(name, "a list of strings", &other)),
        };
        let strings = list.into_iter().map(|value| match value {
            Value::String(value) => Ok(value),
            _ => Err(Problem::field(name, "must be a list of strings")),
        });
        strings.collect::<Result<_, _>>().map(Some)
    }

    /// A field that is an object, if it is there; with its fields.
    pub fn nested(&mut self, name: &str) -> Result<Option<Object>, Problem> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Object(fields)) => Ok(Some(Object(fields.into_iter().collect()))),
            Some(other) => Err(wrong_type(name, "an object", &other)),
        }
    }

    /// Whether a field is there, be it `null`.
    pub fn names(&self, name: &str) -> bool {
        self.0.iter().any(|(other, _)| other == name)
    }

    /// A field, unless it is `null`.
    fn take(&mut self, name: &str) -> Option<Value> {
        let place = self.0.iter().position(|(other, _)| other == name)?;
        let (_, value) = self.0.swap_remove(place);
        (!value.is_null()).then_some(value)
    }
}

fn wrong_type(name: &str, wanted: &str, got: &Value) -> Problem {
    let got = match got {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) if wanted.ends_with("number") => "another number",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    };
    Problem::field(name, format!("must be {wanted}, not {got}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const URLENCODED: Option<&str> = Some("application/x-www-form-urlencoded");
    const JSON: Option<&str> = Some("application/JSON; charset=utf-8");

    #[test]
    fn both_ways_of_writing_a_form_say_the_same() {
        let expected = Form(vec![
            ("phone".into(), "1705".into()),
            ("username".into(), "a b&é".into()),
        ]);
        for (content_type, body) in [
            (URLENCODED, "phone=1705&username=a+b%26%C3%A9"),
            (None, "phone=1705&username=a+b%26%C3%A9"),
            (JSON, r#"{"phone": 1705, "username": "a b&é"}"#),
            (URLENCODED, r#" {"phone": 1705, "username": "a b&é"}"#),
        ] {
            let form = Form::parse(content_type, body.as_bytes());
            assert_eq!(form, Ok(expected.clone()), "{body}");
        }
        let form = Form::parse(None, b"").unwrap();
        assert_eq!(form.get("username"), "");
    }

    #[test]
    fn what_is_no_form_is_refused() {
        for (content_type, body) in [
            (JSON, "[]"),
            (JSON, "username=x"),
            (JSON, r#"{"username": ["x"]}"#),
            (JSON, r#"{"phone": 7777778.5}"#),
            (JSON, r#"{"phone": -7777778}"#),
            (JSON, r#"{"phone": true}"#),
            (None, "{"),
            (URLENCODED, "a=%zz"),
            (URLENCODED, "a=1&a=2"),
            (JSON, r#"{"a": 1, "a": 1}"#),
            (Some("multipart/form-data; boundary=x"), "--x--"),
        ] {
            assert!(
                Form::parse(content_type, body.as_bytes()).is_err(),
                "{body}"
            );
        }
        assert!(Form::parse(URLENCODED, b"a=\xff").is_err());
    }

    proptest! {
        #[test]
        fn any_body_is_survived(body in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = Form::parse(None, &body);
            let _ = Form::parse(JSON, &body);
        }
    }
}
