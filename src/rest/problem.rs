//! Why a call failed, and the answer that says so.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use utoipa::ToSchema;

use crate::account::{FormErrors, NoBot};
use crate::admin::channels::Class;
use crate::admin::{BansFailed, ChannelFailed, Missing, NotGranted, ProgramFailed};
use crate::chatlog::SearchError;
use crate::envelope::{self, Failure};
use crate::hub::{BanError, Refusal};
use crate::session::bots::NotDone;
use crate::session::streams::NoPlace;
use crate::store::StoreError;
use crate::turn::HubUnavailable;

use super::reply::Reply;

/// When a client should try again after a failure of the store.
const STORE_RETRY_SECONDS: u64 = 5;
/// When a program should try again that finds no place for another event stream.
const STREAM_RETRY_SECONDS: u64 = 10;
/// When a program should try again whose address has spent its allowance of bytes.
const ALLOWANCE_RETRY_SECONDS: u64 = 60;

/// Why a call failed.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Problem {
    /// A field or parameter is wrong; names it.
    Field(String, String),
    /// Fields of a form are wrong; names each.
    Form(Vec<(String, String)>),
    /// The request is wrong as a whole.
    BadRequest(String),
    /// There is no token, or it is wrong.
    Unauthorised(&'static str),
    /// There is no token for a nickname, or it is not valid.
    BadPass(&'static str),
    /// The signature of a call to a hook is missing or wrong; says so.
    Signature(String),
    /// The token does not allow this; names the scope that is missing.
    Scope(String),
    /// The user whom a proxy names is not let in: a word for programs, and why.
    Remote(&'static str, String),
    /// The account has no role that allows this; says which one does.
    Role(String),
    /// The origin may not call this.
    Origin,
    /// The caller's address is banned; says so.
    Banned(String),
    /// The account is disabled; says so.
    Disabled(String),
    /// The hook does nothing at present; says why.
    HookRests(String),
    /// Nobody registers accounts here.
    RegistrationClosed(String),
    /// Registering needs an invitation that can be used.
    NotInvited(String),
    /// There is no such thing; names it.
    NotFound(String),
    /// The path knows only these methods.
    Method(String),
    /// No more bans fit.
    Bans(BanError),
    /// The bans changed, but could not be saved.
    BansNotSaved(String),
    /// The hub does not answer.
    Hub,
    /// As many searches of the chat log as may run at once are running.
    LogBusy,
    /// The chat log cannot be read; says why.
    LogUnreadable(String),
    /// The caller is no longer waiting for the answer.
    Cancelled,
    /// A call that answers in an envelope has failed.
    Failed(Box<Failure>),
    /// It belongs to another account or member.
    Conflict(String),
    /// The password is wrong.
    WrongPassword(String),
    /// There were too many attempts; with the seconds to wait.
    TooManyAttempts(String, u64),
    /// The calls of a token, or the messages of a bot, come too fast; with the seconds to wait.
    TooFast(String, u64),
    /// The token has as much of something at once as it may have.
    TooMany(String),
    /// The server is too busy; with the seconds to wait.
    Busy(String, u64),
    /// A channel was not changed, or cannot be shown.
    Channel(Box<ChannelFailed>),
    /// The hub refuses what a program asked for.
    Refused(Box<Refusal>),
    /// The call is for programs that have a nickname.
    Silent,
    /// It is not known whether a message was stored.
    Unanswered,
    /// A fault of the server itself.
    Internal,
}

/// The body of every failed call.
#[derive(Serialize, ToSchema)]
pub(super) struct ErrorBody {
    error: ErrorDetail,
}

/// What went wrong.
#[derive(Serialize, ToSchema)]
struct ErrorDetail {
    /// A stable word for programs.
    code: &'static str,
    /// A sentence for people.
    message: String,
    /// The field or parameter that is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    /// What is wrong with each field of a form.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    fields: BTreeMap<String, String>,
}

impl Problem {
    /// A field or parameter is wrong in this way.
    pub fn field(name: &str, why: impl fmt::Display) -> Problem {
        Problem::Field(name.to_owned(), why.to_string())
    }

    /// The mistakes in a form in which the username is called `nickname`.
    pub fn form(errors: FormErrors) -> Problem {
        let name = |field| match field {
            "username" => "nickname".to_owned(),
            other => str::to_owned(other),
        };
        let errors = errors.into_iter();
        let errors = errors.map(|(field, why)| (name(field), why.to_string()));
        Problem::Form(errors.collect())
    }

    /// The caller has not proved who it is.
    pub fn unauthenticated(why: impl Into<String>) -> Problem {
        Failure::unauthenticated(why).into()
    }

    /// Accounts or messages cannot be read at present; the cause is logged.
    pub fn store(error: &StoreError) -> Problem {
        error.log("the store failed a call");
        Failure::new(503, "the server cannot look that up at present; try again")
            .retry_after(STORE_RETRY_SECONDS)
            .into()
    }

    pub fn status_and_code(&self) -> (u16, &'static str) {
        match self {
            Problem::Field(..) | Problem::Form(_) => (400, "bad_field"),
            Problem::BadRequest(_) => (400, "bad_request"),
            Problem::Unauthorised(_) | Problem::BadPass(_) => (401, "unauthorised"),
            Problem::Signature(_) => (401, "bad_signature"),
            Problem::Scope(_) => (403, "missing_scope"),
            Problem::Role(_) => (403, "missing_role"),
            Problem::Remote(code, _) => (403, code),
            Problem::Origin => (403, "origin_not_allowed"),
            Problem::Banned(_) => (403, "banned"),
            Problem::Disabled(_) => (403, "account_disabled"),
            Problem::HookRests(_) => (403, "hook_rests"),
            Problem::RegistrationClosed(_) => (403, "registration_closed"),
            Problem::NotInvited(_) => (403, "not_invited"),
            Problem::NotFound(_) => (404, "not_found"),
            Problem::Method(_) => (405, "method_not_allowed"),
            Problem::Bans(BanError::TooMany) => (409, "too_many_bans"),
            Problem::BansNotSaved(_) => (500, "bans_not_saved"),
            Problem::Failed(failure) => (failure.code, "failed"),
            Problem::Conflict(_) => (409, "conflict"),
            Problem::WrongPassword(_) => (401, "wrong_password"),
            Problem::TooManyAttempts(..) => (429, "too_many_attempts"),
            Problem::TooFast(..) => (429, "too_fast"),
            Problem::TooMany(_) => (429, "too_many_streams"),
            Problem::Busy(..) => (503, "busy"),
            Problem::Refused(refusal) => (status_of(refusal), refusal.code()),
            Problem::Silent => (403, "no_nickname"),
            Problem::Unanswered => (503, "unanswered"),
            Problem::Internal => (500, "internal_error"),
            Problem::Hub => (503, "hub_unavailable"),
            Problem::LogBusy => (503, "log_busy"),
            Problem::LogUnreadable(_) => (503, "log_unavailable"),
            Problem::Cancelled => (503, "cancelled"),
            Problem::Channel(failed) => {
                let status = match failed.class() {
                    Class::Wrong => 400,
                    Class::Missing => 404,
                    Class::Conflict => 409,
                    Class::Later => 503,
                    Class::TooFast => 429,
                };
                (status, failed.code())
            }
        }
    }

    /// The answer, in the format used at `path`.
    pub fn reply_at(self, path: &str) -> Reply {
        match envelope::covers(path) {
            true => self.reply_in_envelope(),
            false => self.reply(),
        }
    }

    /// The answer in an envelope.
    pub fn reply_in_envelope(self) -> Reply {
        let failure = match &self {
            Problem::Failed(failure) => (**failure).clone(),
            Problem::Field(name, why) => Failure::form([(name.as_str(), why.as_str())]),
            other => Failure::new(other.status_and_code().0, other.to_string()),
        };
        let reply = self.reply_with(&failure.envelope());
        let reply = reply.with_type(envelope::CONTENT_TYPE);
        match failure {
            Failure { code: 401, .. } => reply.with("WWW-Authenticate", "Bearer realm=\"account\""),
            Failure {
                retry_seconds: Some(seconds),
                ..
            } => reply.with("Retry-After", seconds.to_string()),
            Failure { code: 503, .. } => reply.with("Retry-After", "1"),
            _ => reply,
        }
    }

    /// The answer.
    pub fn reply(self) -> Reply {
        let body = self.body();
        self.reply_with(&body)
    }

    /// The body of the answer.
    pub fn body(&self) -> ErrorBody {
        let code = self.status_and_code().1;
        let message = self.to_string();
        let field = match self {
            Problem::Field(name, _) => Some(name.clone()),
            Problem::Form(fields) => fields.first().map(|(name, _)| name.clone()),
            _ => None,
        };
        let fields = match &self {
            Problem::Form(fields) => fields.iter().cloned().collect(),
            _ => BTreeMap::new(),
        };
        let error = ErrorDetail {
            code,
            message,
            field,
            fields,
        };
        ErrorBody { error }
    }

    /// The answer with a body in another format.
    pub fn reply_with(self, body: &impl Serialize) -> Reply {
        let status = self.status_and_code().0;
        let reply = Reply::json(status, body);
        match self {
            Problem::Unauthorised(_) => reply.with("WWW-Authenticate", "Bearer realm=\"admin\""),
            Problem::BadPass(_) => reply.with("WWW-Authenticate", "Bearer realm=\"chat\""),
            Problem::Method(allowed) => reply.with("Allow", allowed),
            Problem::LogBusy => reply.with("Retry-After", "2"),
            Problem::Refused(refusal) => match (*refusal, status) {
                (Refusal::SlowMode(_, seconds), _) => {
                    reply.with("Retry-After", seconds.max(1).to_string())
                }
                (_, 429) => reply.with("Retry-After", ALLOWANCE_RETRY_SECONDS.to_string()),
                (_, 503) => reply.with("Retry-After", STORE_RETRY_SECONDS.to_string()),
                _ => reply,
            },
            Problem::Unanswered => reply.with("Retry-After", STORE_RETRY_SECONDS.to_string()),
            Problem::TooMany(_) => reply.with("Retry-After", STREAM_RETRY_SECONDS.to_string()),
            Problem::Channel(failed) if failed.class() == Class::Later => {
                reply.with("Retry-After", STORE_RETRY_SECONDS.to_string())
            }
            Problem::Channel(failed) if failed.class() == Class::TooFast => {
                reply.with("Retry-After", ALLOWANCE_RETRY_SECONDS.to_string())
            }
            Problem::TooManyAttempts(_, seconds)
            | Problem::TooFast(_, seconds)
            | Problem::Busy(_, seconds) => reply.with("Retry-After", seconds.to_string()),
            _ => reply,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::Field(name, why) => write!(f, "{name}: {why}"),
            Problem::Form(fields) => {
                for (n, (name, why)) in fields.iter().enumerate() {
                    let before = if n == 0 { "" } else { "; " };
                    write!(f, "{before}{name}: {why}")?;
                }
                Ok(())
            }
            Problem::BadRequest(why) | Problem::NotFound(why) => f.write_str(why),
            Problem::Unauthorised(why) | Problem::BadPass(why) => f.write_str(why),
            Problem::Conflict(why)
            | Problem::Signature(why)
            | Problem::Banned(why)
            | Problem::Disabled(why)
            | Problem::HookRests(why)
            | Problem::WrongPassword(why)
            | Problem::TooManyAttempts(why, _)
            | Problem::TooFast(why, _)
            | Problem::TooMany(why)
            | Problem::RegistrationClosed(why)
            | Problem::NotInvited(why)
            | Problem::Busy(why, _) => f.write_str(why),
            Problem::Scope(scope) => Missing::Scope(scope.clone()).fmt(f),
            Problem::Role(why) | Problem::Remote(_, why) => f.write_str(why),
            Problem::Origin => write!(
                f,
                "pages of this origin may not call this; the setting is web.allowed_origins"
            ),
            Problem::Method(allowed) => write!(f, "this path takes only {allowed}"),
            Problem::Bans(error) => error.fmt(f),
            Problem::BansNotSaved(why) => write!(
                f,
                "done, but it will not survive a restart: the bans could not be saved: {why}"
            ),
            Problem::Hub => write!(f, "the server is too busy or stopping; try again"),
            Problem::LogBusy => write!(
                f,
                "other searches of the chat log are still running; try again in a moment"
            ),
            Problem::LogUnreadable(why) => f.write_str(why),
            Problem::Cancelled => write!(
                f,
                "given up: the server is stopping, or the client has gone"
            ),
            Problem::Failed(failure) => f.write_str(&failure.message),
            Problem::Channel(failed) => failed.fmt(f),
            Problem::Refused(refusal) if **refusal == Refusal::TagUsed => write!(
                f,
                "this Idempotency-Key stands for another message; give this one a key of its own"
            ),
            Problem::Refused(refusal) => refusal.fmt(f),
            Problem::Silent => NotDone::Silent.fmt(f),
            Problem::Unanswered => NotDone::Unanswered.fmt(f),
            Problem::Internal => write!(f, "a fault inside the server; its log says more"),
        }
    }
}

impl std::error::Error for Problem {}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Problem {
        Problem::Failed(Box::new(failure))
    }
}

impl From<HubUnavailable> for Problem {
    fn from(_: HubUnavailable) -> Problem {
        Problem::Hub
    }
}

impl From<NotGranted> for Problem {
    fn from(refused: NotGranted) -> Problem {
        let words = refused.to_string();
        match refused {
            NotGranted::Wrong => Problem::Unauthorised("that is not a valid token"),
            NotGranted::TooMany(wait) => Problem::TooManyAttempts(words, wait.retry_seconds),
            NotGranted::TooFast(wait) => Problem::TooFast(words, wait.retry_seconds),
            NotGranted::Over(_) => {
                Problem::BadPass("the token is not valid any more: log in again")
            }
            NotGranted::NoRole(_) => Problem::Role(words),
            NotGranted::Unavailable => Problem::Busy(words, STORE_RETRY_SECONDS),
        }
    }
}

impl From<Missing> for Problem {
    fn from(missing: Missing) -> Problem {
        match missing {
            Missing::Scope(scope) => Problem::Scope(scope),
            Missing::Role(_) => Problem::Role(missing.to_string()),
        }
    }
}

impl From<NotDone> for Problem {
    fn from(not: NotDone) -> Problem {
        let words = not.to_string();
        match not {
            NotDone::Refused(refusal) => Problem::Refused(Box::new(refusal)),
            NotDone::NoBot(NoBot::Busy | NoBot::Store(_)) => {
                Problem::Busy(words, STORE_RETRY_SECONDS)
            }
            NotDone::NoBot(_) => Problem::Disabled(words),
            NotDone::Silent => Problem::Silent,
            NotDone::Unanswered => Problem::Unanswered,
            NotDone::Busy => Problem::Hub,
            NotDone::Store => Problem::Busy(words, STORE_RETRY_SECONDS),
            NotDone::NoPlace(NoPlace::OfToken(_)) => Problem::TooMany(words),
            NotDone::NoPlace(NoPlace::InAll) => Problem::Busy(words, STREAM_RETRY_SECONDS),
        }
    }
}

/// The status for what the hub refuses a program.
fn status_of(refusal: &Refusal) -> u16 {
    match refusal {
        Refusal::BadName(_) | Refusal::EmptyMessage => 400,
        Refusal::NicknameBanned(_)
        | Refusal::NotInChannel(_)
        | Refusal::ChannelNameTaken(_)
        | Refusal::InviteOnly(_)
        | Refusal::BannedFromChannel(_)
        | Refusal::WrongKey(_)
        | Refusal::NeedsAccount(_)
        | Refusal::NotOperator(_)
        | Refusal::CannotSpeak(..) => 403,
        Refusal::NoSuchChannel(_) | Refusal::NoSuchMessage => 404,
        Refusal::SlowMode(..) | Refusal::AllowanceSpent(_) | Refusal::MadeTooFast(_) => 429,
        Refusal::NotStored
        | Refusal::CannotAgree
        | Refusal::CannotLookUp
        | Refusal::HistoryUnavailable
        | Refusal::TooManyWaiting(_) => 503,
        _ => 409,
    }
}

impl From<ProgramFailed> for Problem {
    fn from(failed: ProgramFailed) -> Problem {
        let words = failed.to_string();
        match failed {
            ProgramFailed::Field(field, why) => Problem::field(field, why),
            ProgramFailed::Beyond(scope) => Problem::Scope(scope),
            ProgramFailed::NotOperator(refusal) => Problem::Refused(Box::new(refusal)),
            ProgramFailed::TooMany
            | ProgramFailed::TooManyHooks
            | ProgramFailed::NoHistory
            | ProgramFailed::Speaks(_)
            | ProgramFailed::Bot(_) => Problem::Conflict(words),
            ProgramFailed::NoSuch(_) => Problem::NotFound(words),
            ProgramFailed::NoRandom | ProgramFailed::Store => {
                Problem::Busy(words, STORE_RETRY_SECONDS)
            }
            ProgramFailed::Hub => Problem::Hub,
        }
    }
}

impl From<ChannelFailed> for Problem {
    fn from(failed: ChannelFailed) -> Problem {
        match failed {
            ChannelFailed::Hub => Problem::Hub,
            ChannelFailed::Field(name, why) => Problem::field(name, why),
            failed => Problem::Channel(Box::new(failed)),
        }
    }
}

impl From<BansFailed> for Problem {
    fn from(failed: BansFailed) -> Problem {
        match failed {
            BansFailed::Hub => Problem::Hub,
            BansFailed::CannotAgree => {
                let words = BansFailed::CANNOT_AGREE.to_owned();
                Problem::Busy(words, STORE_RETRY_SECONDS)
            }
            BansFailed::Refused(error) => Problem::Bans(error),
            BansFailed::NoSuchBan(id) => Problem::NotFound(format!("there is no ban {id}")),
            BansFailed::NotSaved(why) => Problem::BansNotSaved(why),
        }
    }
}

impl From<SearchError> for Problem {
    fn from(error: SearchError) -> Problem {
        match error {
            SearchError::Pattern(error) => Problem::field("pattern", error),
            SearchError::Nick(error) => Problem::field("nick", error),
            SearchError::Channel(error) => Problem::field("channel", error),
            SearchError::Busy => Problem::LogBusy,
            SearchError::Cancelled => Problem::Cancelled,
            SearchError::Io { .. } => Problem::LogUnreadable(error.to_string()),
        }
    }
}
