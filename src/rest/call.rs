//! One call as its handler sees it: parameters decoded, body not yet parsed.

use crate::account::Visitor;
use crate::admin::{Actor, Grant};
use crate::fair::Asker;
use crate::http::Relayed;
use crate::hub::{Farewell, Refusal};
use crate::model::{Account, Name, Power, Text, Token};
use crate::store::{Store, StoreError};

use super::RestContext;
use super::body::{Form, Object};
use super::problem::Problem;
use super::query::Query;

/// A call to be answered.
pub(super) struct Call<'a> {
    pub context: &'a RestContext,
    /// The path and query, as the client wrote them.
    pub url: &'a str,
    /// The parts of the path that matched `{...}`, decoded.
    pub arguments: Vec<String>,
    pub query: Query,
    /// The Content-Type of the body.
    pub content_type: Option<&'a str>,
    /// The headers that calls to hooks come with.
    pub of_hook: &'a [(&'static str, String)],
    /// The Accept header.
    pub accept: Option<&'a str>,
    /// The User-Agent header.
    pub user_agent: Option<&'a str>,
    pub body: &'a [u8],
    /// Whether only the head of the answer is wanted.
    pub is_head: bool,
    /// The credentials it came with, unchecked.
    pub authorization: Option<&'a str>,
    /// The `Origin` header.
    pub origin: Option<&'a str>,
    /// The `Last-Event-ID` header.
    pub last_event_id: Option<&'a str>,
    /// The `Idempotency-Key` header.
    pub idempotency_key: Option<&'a str>,
    /// What the caller may do, if the route needs a token.
    pub grant: Option<Grant>,
    /// The account and token that signed the call, if the route requires it.
    pub signer: Option<(Account, Token)>,
    pub relayed: Relayed,
}

impl Call<'_> {
    /// The asker whose turn a question to the store takes.
    pub fn asker(&self) -> Asker {
        let address = self.relayed.peer.ip();
        match &self.signer {
            Some((account, _)) => Asker::signed(account.id, address),
            None => Asker::at(address),
        }
    }

    /// Asks the store a question that may take long, in turn with others.
    pub fn question<T>(
        &self,
        question: impl FnOnce(&dyn Store) -> Result<T, StoreError>,
    ) -> Result<T, Problem> {
        let answer = self.context.accounts.question(&self.asker(), question);
        answer.map_err(|error| Problem::store(&error))
    }

    /// The client, as it is noted when it signs in.
    pub fn visitor(&self) -> Visitor<'_> {
        Visitor {
            address: self.relayed.peer.ip(),
            name: self.user_agent.unwrap_or_default(),
        }
    }

    /// The part of the path that matched the first `{...}`.
    pub fn argument(&self) -> &str {
        self.arguments.first().map_or("", String::as_str)
    }

    /// The part of the path that matched the second `{...}`.
    pub fn second_argument(&self) -> &str {
        self.arguments.get(1).map_or("", String::as_str)
    }

    /// The body as a JSON object with only these fields.
    pub fn object(&self, fields: &[&str]) -> Result<Object, Problem> {
        Object::parse(self.body)?.with_only(fields)
    }

    /// The body as a form, in either format.
    pub fn form(&self) -> Result<Form, Problem> {
        Form::parse(self.content_type, self.body)
    }

    /// The caller, for the audit trail.
    pub fn actor(&self) -> Actor {
        Actor::at(self.relayed.peer).by(self.grant.as_ref())
    }

    /// Whether the caller may do this, too.
    pub fn may(&self, power: Power) -> bool {
        let grant = self.grant.as_ref();
        grant.is_some_and(|grant| grant.allows(power, None))
    }

    /// What the caller may do.
    pub fn grant(&self) -> Result<&Grant, Problem> {
        self.grant.as_ref().ok_or(Problem::Internal)
    }

    /// Refuses callers from a banned address: for calls that lead into the chat, where they could
    /// not stay.
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

    /// Refuses to register a banned nickname.
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

    /// A text that users will see, cleaned.
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
