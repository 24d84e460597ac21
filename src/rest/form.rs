//! A body that is a form: as browsers send one, or as a JSON object.

use serde_json::Value;

use crate::http::pairs;
use crate::json;

use super::problem::Problem;

/// U+FEFF in UTF-8, with which some programs begin.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A telephone number, which is digits whatever JSON makes of them.
const PHONE: &str = "phone";

/// Fields by name, each once. Those nobody asks for are the client's affair.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    /// Reads a body. Braces make it JSON whatever it says it is, because a
    /// form never starts with one and `curl -d` calls everything a form.
    pub fn parse(content_type: Option<&str>, body: &[u8]) -> Result<Form, Problem> {
        let content_type = content_type.unwrap_or_default().to_ascii_lowercase();
        if content_type.starts_with("multipart/") {
            return Err(not_understood(
                "it must be application/x-www-form-urlencoded or JSON (with curl: -d, not -F)",
            ));
        }
        let body = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body);
        let is_json = content_type.contains("json") || body.trim_ascii_start().starts_with(b"{");
        let fields = match is_json {
            true => from_json(body)?,
            false => from_pairs(body)?,
        };
        let mut seen = Vec::new();
        for (name, _) in &fields {
            if seen.contains(&name) {
                return Err(Problem::field(name, "given twice"));
            }
            seen.push(name);
        }
        Ok(Form(fields))
    }

    /// What a field says; nothing if it is not there.
    pub fn get(&self, name: &str) -> &str {
        let field = self.0.iter().find(|(other, _)| other == name);
        field.map_or("", |(_, value)| value)
    }
}

/// The fields of a body that is a form, in order; `None` if it is refused.
/// For those who carry out no call and only want to know how a body is read.
pub fn fields_of(content_type: Option<&str>, body: &[u8]) -> Option<Vec<(String, String)>> {
    Form::parse(content_type, body)
        .ok()
        .map(|Form(fields)| fields)
}

fn from_pairs(body: &[u8]) -> Result<Vec<(String, String)>, Problem> {
    let body = str::from_utf8(body).map_err(|_| not_understood("it is not UTF-8"))?;
    let fields: Option<Vec<_>> = pairs(body).collect();
    fields.ok_or_else(|| not_understood("it is not percent-encoded UTF-8"))
}

fn from_json(body: &[u8]) -> Result<Vec<(String, String)>, Problem> {
    let value = json::read_bytes(body).map_err(|error| not_understood(&error.to_string()))?;
    let Value::Object(fields) = value else {
        return Err(not_understood("it is JSON, but not an object"));
    };
    let field = |(name, value): (String, Value)| match value {
        Value::String(text) => Ok((name, text)),
        // Its point would be read as one that groups digits, and its sign as
        // a dash.
        Value::Number(number) if name == PHONE && json::whole(&number).is_none() => {
            Err(Problem::field(&name, "must be a string or a whole number"))
        }
        // Telephone numbers, for example.
        Value::Number(number) => Ok((name, json::in_digits(&number))),
        Value::Null => Ok((name, String::new())),
        _ => Err(Problem::field(&name, "must be a string")),
    };
    fields.into_iter().map(field).collect()
}

fn not_understood(why: &str) -> Problem {
    Problem::field("body", format!("is not understood: {why}"))
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
