//! One call as its handler sees it: parameters decoded, body parsed.

use serde_json::{Map, Value};

use crate::admin::Actor;
use crate::http::{Relayed, pairs};
use crate::hub::{Farewell, Refusal};
use crate::json;
use crate::model::{Account, Name, Text, Token};

use super::RestContext;
use super::form::Form;
use super::problem::Problem;

/// A call to carry out.
pub(super) struct Call<'a> {
    pub context: &'a RestContext,
    /// The path and what follows it, as the client wrote them.
    pub url: &'a str,
    /// What stands in the path's `{...}`, decoded.
    pub argument: Option<String>,
    pub query: Query,
    /// What the body says it is.
    pub content_type: Option<&'a str>,
    /// Which forms of an answer the client takes.
    pub accept: Option<&'a str>,
    pub body: &'a [u8],
    /// Whether only the head of the answer is wanted.
    pub is_head: bool,
    /// The credentials it came with, unchecked.
    pub authorization: Option<&'a str>,
    /// Who has signed the call, if that has been asked for.
    pub signer: Option<(Account, Token)>,
    pub relayed: Relayed,
}

impl Call<'_> {
    /// The body as a JSON object with no fields but these.
    pub fn object(&self, fields: &[&str]) -> Result<Object, Problem> {
        let value = json::read_bytes(self.body)
            .map_err(|error| Problem::BadRequest(format!("the body is not JSON: {error}")))?;
        let Value::Object(map) = value else {
            return Err(Problem::BadRequest("the body is not a JSON object".into()));
        };
        match map.keys().find(|key| !fields.contains(&key.as_str())) {
            Some(unknown) => Err(Problem::field(
                unknown,
                format!("unknown; there are {}", fields.join(", ")),
            )),
            None => Ok(Object(map)),
        }
    }

    /// The body as a form, however it is written.
    pub fn form(&self) -> Result<Form, Problem> {
        Form::parse(self.content_type, self.body)
    }

    /// Who calls, for the audit trail.
    pub fn actor(&self) -> Actor {
        Actor(self.relayed.peer)
    }

    /// Turns away whoever comes from a banned address: for calls that lead
    /// into the chat, where they could not stay.
    pub fn refuse_banned(&self) -> Result<(), Problem> {
        let address = self.relayed.peer.ip();
        let farewell = self.context.hub.ask(move |hub, now, _| {
            let ban = hub.banned(address, now);
            ban.map(|ban| Farewell::Banned(ban.reason.clone()))
        })?;
        match farewell {
            Some(farewell) => Err(Problem::Banned(farewell.to_string())),
            None => Ok(()),
        }
    }

    /// A banned nickname is not to be had by registering it, either.
    pub fn refuse_banned_name(&self, name: &Name) -> Result<(), Problem> {
        let asked = name.clone();
        let hub = &self.context.hub;
        match hub.ask(move |hub, now, _| hub.is_nickname_banned(&asked, now))? {
            true => Err(Problem::Banned(
                Refusal::NicknameBanned(name.clone()).to_string(),
            )),
            false => Ok(()),
        }
    }

    /// The account and the token that the call is signed with.
    pub fn signer(&self) -> Result<&(Account, Token), Problem> {
        let signer = self.signer.as_ref();
        signer.ok_or_else(|| Problem::unauthenticated("the call is not signed"))
    }

    /// A text that people will see, cleaned.
    pub fn text(&self, field: &str, raw: &str) -> Result<Text, Problem> {
        let text = self.context.admin.text(raw);
        text.map_err(|why| Problem::field(field, why))
    }

    /// A reason, which is one line.
    pub fn reason(&self, raw: Option<String>) -> Result<Option<Text>, Problem> {
        let reason = self.context.admin.reason(raw.as_deref());
        reason.map_err(|why| Problem::field("reason", why))
    }
}

/// A JSON object whose fields are taken by name and type.
pub(super) struct Object(Map<String, Value>);

impl Object {
    /// A field that is a string, if it is there.
    pub fn string(&mut self, name: &str) -> Result<Option<String>, Problem> {
        match self.0.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(value)) => Ok(Some(value)),
            Some(other) => Err(wrong_type(name, "a string", &other)),
        }
    }

    /// A field that is a whole number and not negative, if it is there.
    pub fn number(&mut self, name: &str) -> Result<Option<u64>, Problem> {
        match self.0.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Number(value)) if json::whole(&value).is_some() => Ok(json::whole(&value)),
            Some(other) => Err(wrong_type(name, "a whole number", &other)),
        }
    }
}

fn wrong_type(name: &str, wanted: &str, got: &Value) -> Problem {
    let got = match got {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "another number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    };
    Problem::field(name, format!("must be {wanted}, not {got}"))
}

/// The parameter that says which page of a list is asked for.
const PAGE: &str = "page";

/// The parameters behind `?`.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    /// Decodes parameters, of which there are none but these.
    pub fn parse(raw: &str, known: &[&str]) -> Result<Query, Problem> {
        let mut parameters: Vec<(String, String)> = Vec::new();
        for pair in pairs(raw) {
            let bad = || Problem::BadRequest("the query is not percent-encoded UTF-8".into());
            let (name, value) = pair.ok_or_else(bad)?;
            if !known.contains(&name.as_str()) {
                let known = match known {
                    [] => "none".to_owned(),
                    known => known.join(", "),
                };
                let why = format!("unknown parameter; there are {known}");
                return Err(Problem::field(&name, why));
            }
            if parameters.iter().any(|(other, _)| *other == name) {
                return Err(Problem::field(&name, "given twice"));
            }
            parameters.push((name, value));
        }
        Ok(Query(parameters))
    }

    /// Decodes parameters, of which those that are not known are the client's
    /// own affair. Of several pages the first counts, and a page that cannot
    /// be decoded is none: so the older clients know it.
    pub fn parse_known(raw: &str, known: &[&str]) -> Result<Query, Problem> {
        let mut has_page = false;
        let is_kept = |pair: &&str| {
            let name = pair.split_once('=').map_or(*pair, |(name, _)| name);
            if name == PAGE && std::mem::replace(&mut has_page, true) {
                return false;
            }
            let is_good = || pairs(pair).all(|pair| pair.is_some());
            known.contains(&name) && (name != PAGE || is_good())
        };
        let kept: Vec<&str> = raw.split('&').filter(is_kept).collect();
        Query::parse(&kept.join("&"), known)
    }

    /// A parameter, if it is there.
    pub fn get(&self, name: &str) -> Option<&str> {
        let parameter = self.0.iter().find(|(other, _)| other == name);
        parameter.map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn parameters_are_decoded_and_checked() {
        let query = Query::parse("a=1+2&b=%C3%A9%26&c&", &["a", "b", "c", "d"]).unwrap();
        assert_eq!(query.get("a"), Some("1 2"));
        assert_eq!(query.get("b"), Some("é&"));
        assert_eq!((query.get("c"), query.get("d")), (Some(""), None));
        for bad in ["a=%", "a=%2", "a=%zz", "a=%+1", "a=%ff", "x=1", "a=1&a=2"] {
            assert!(Query::parse(bad, &["a"]).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_first_page_counts_and_one_that_cannot_be_decoded_is_none() {
        let page = |raw: &str| {
            let query = Query::parse_known(raw, &["page", "token"]).unwrap();
            query.get("page").map(str::to_owned)
        };
        assert_eq!(page("page=1&x&page=2").as_deref(), Some("1"));
        assert_eq!(page("page=%32").as_deref(), Some("2"));
        for none in ["page=%zz", "page=%ff&page=2", "page=%", "x=%zz"] {
            assert_eq!(page(none), None, "{none}");
        }
        for bad in ["token=a&token=b", "token=%zz", "page=1&token=%zz"] {
            assert!(
                Query::parse_known(bad, &["page", "token"]).is_err(),
                "{bad}"
            );
        }
        // Where there is no such parameter it is the client's own affair.
        assert!(Query::parse_known("page=%zz&page=2", &["token"]).is_ok());
    }

    proptest! {
        #[test]
        fn any_query_is_survived(raw in "\\PC{0,60}", coded in "[a%0-9=&+]{0,40}") {
            let _ = Query::parse_known(&coded.replace('a', "page"), &["page"]);
            let _ = Query::parse(&raw, &["a"]);
            let _ = Query::parse(&coded, &["a"]);
        }
    }
}
