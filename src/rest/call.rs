//! One call as its handler sees it: parameters decoded, body parsed.

use serde_json::{Map, Value};

use crate::admin::Actor;
use crate::fair::Asker;
use crate::http::Relayed;
use crate::hub::{Farewell, Refusal};
use crate::json;
use crate::model::{Account, Name, Text, Token};
use crate::store::{Store, StoreError};

use super::RestContext;
use super::form::Form;
use super::problem::Problem;
use super::query::Query;

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
    /// Whose turn it is when the store is asked something for this call.
    pub fn asker(&self) -> Asker {
        let address = self.relayed.peer.ip();
        match &self.signer {
            Some((account, _)) => Asker::signed(account.id, address),
            None => Asker::at(address),
        }
    }

    /// Asks the store something that may take it a while, in turn.
    pub fn question<T>(
        &self,
        question: impl FnOnce(&dyn Store) -> Result<T, StoreError>,
    ) -> Result<T, Problem> {
        let answer = self.context.accounts.question(&self.asker(), question);
        answer.map_err(|error| Problem::store(&error))
    }

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
