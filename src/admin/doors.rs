//! Who may do what by REST and gRPC: administrators have their token, programs have tokens with
//! scopes, and accounts may have a role.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;

use crate::account::{Accounts, Gate, NotLetIn, PassError, Rates, TooManyAttempts};
use crate::fair::Asker;
use crate::model::program::Shown;
use crate::model::time::unix_ms;
use crate::model::{Name, Power, ProgramSecret, ProgramToken, ServerRole};

use super::AdminToken;

/// Milliseconds of a minute, to which the last use of a token is noted.
const MINUTE_MS: u64 = 60_000;

/// Lets callers in by the secret that they show.
pub struct Doors {
    admin: Arc<AdminToken>,
    accounts: Arc<Accounts>,
    gate: Arc<Gate>,
    /// The calls of each token; locked only to count.
    rates: Mutex<Rates<String>>,
    started: Instant,
}

/// What a caller may do.
#[derive(Clone, Debug)]
pub struct Grant(Holder);

#[derive(Clone, Debug)]
enum Holder {
    /// Who has the administrators' token.
    Administrator,
    /// Who has the token for the metrics.
    Metrics,
    /// A program.
    Program(Arc<ProgramToken>),
    /// An account with a role.
    Account(Arc<Official>),
}

/// An account with a role, which has shown its pass.
#[derive(Debug)]
struct Official {
    username: Name,
    role: ServerRole,
    /// As it was shown.
    pass: String,
    /// Identifies the pass.
    token: Arc<str>,
    expires_at_ms: u64,
}

/// What a caller lacks for what it wants; `Display` is for the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Missing {
    /// A scope of its token.
    Scope(String),
    /// A role of its account.
    Role(ServerRole),
}

/// Why a caller is not let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotGranted {
    /// The secret is not one of this server, or its time is over.
    Wrong,
    /// There were too many wrong ones from this address, so it is not said whether this one is.
    TooMany(TooManyAttempts),
    /// The token's calls come too fast.
    TooFast(TooManyAttempts),
    /// The pass of an account is not valid any more.
    Over(PassError),
    /// The account has no role on this server.
    NoRole(Name),
    /// It cannot be looked up at present.
    Unavailable,
}

impl Doors {
    /// Doors for administrators with this token, and for the programs and accounts that the store
    /// has.
    pub fn new(admin: Arc<AdminToken>, accounts: Arc<Accounts>, gate: Arc<Gate>) -> Doors {
        Doors {
            admin,
            accounts,
            gate,
            rates: Mutex::default(),
            started: Instant::now(),
        }
    }

    /// What the caller who shows this token may do. `wanted` is what the call needs at least: the
    /// token for the metrics is good for nothing else.
    pub fn admit(&self, token: &str, wanted: Power, peer: IpAddr) -> Result<Grant, NotGranted> {
        if let Some(secret) = ProgramSecret::parse(token)
            && !self.admin.is(token)
        {
            let program = self.program(&secret, Shown::Token, peer)?;
            return Ok(Grant(Holder::Program(program)));
        }
        if is_like_pass(token)
            && !self.admin.is(token)
            && let Some(official) = self.official(token, peer)?
        {
            return Ok(Grant(Holder::Account(Arc::new(official))));
        }
        let (checked, holder) = match wanted {
            Power::Metrics => (self.admin.check_for_metrics(token, peer), Holder::Metrics),
            _ => (self.admin.check(token, peer), Holder::Administrator),
        };
        match checked {
            Ok(true) => Ok(Grant(holder)),
            Ok(false) => Err(NotGranted::Wrong),
            Err(wait) => Err(NotGranted::TooMany(wait)),
        }
    }

    /// The account with a role that shows its pass; `None` if it is not a pass of this server.
    fn official(&self, pass: &str, peer: IpAddr) -> Result<Option<Official>, NotGranted> {
        self.admin.check_peer(peer).map_err(NotGranted::TooMany)?;
        let shown = match self.gate.check(Asker::at(peer), pass) {
            Ok(shown) => shown,
            Err(NotLetIn::Pass(PassError::Invalid)) => return Ok(None),
            Err(NotLetIn::Pass(over)) => return Err(NotGranted::Over(over)),
            Err(NotLetIn::Rejected(_)) => return Err(NotGranted::Unavailable),
            Err(NotLetIn::Store(error)) => {
                error.log("the account of a pass could not be looked up");
                return Err(NotGranted::Unavailable);
            }
        };
        let Some(account) = shown.account else {
            return Err(NotGranted::NoRole(shown.nickname));
        };
        match account.role {
            Some(role) => Ok(Some(Official {
                username: account.username,
                role,
                pass: pass.to_owned(),
                token: shown.token,
                expires_at_ms: shown.expires_at_ms,
            })),
            None => Err(NotGranted::NoRole(account.username)),
        }
    }

    /// Whether what a caller may do still holds: a token may have been removed or have expired
    /// since, and a role taken.
    pub fn is_still_good(&self, grant: &Grant, peer: IpAddr) -> Result<bool, NotGranted> {
        let program = match &grant.0 {
            Holder::Program(program) => program,
            Holder::Account(official) => {
                return match self.official(&official.pass, peer) {
                    Ok(now) => Ok(now.is_some_and(|now| now.role == official.role)),
                    Err(NotGranted::Over(_) | NotGranted::NoRole(_)) => Ok(false),
                    Err(refused) => Err(refused),
                };
            }
            Holder::Administrator | Holder::Metrics => return Ok(true),
        };
        let stored = (self.accounts).is_program_stored(Asker::at(peer), program);
        stored.map_err(|error| {
            error.log("the token of a program could not be looked up");
            NotGranted::Unavailable
        })
    }

    /// The hook with this key, for a caller who posts to its address.
    pub fn hook(&self, key: &str, peer: IpAddr) -> Result<Arc<ProgramToken>, NotGranted> {
        match ProgramSecret::parse(key) {
            Some(secret) => self.program(&secret, Shown::Hook, peer),
            None => {
                self.admin.check_peer(peer).map_err(NotGranted::TooMany)?;
                self.admin.count_wrong(peer);
                Err(NotGranted::Wrong)
            }
        }
    }

    /// Finds a program by its secret, counts the call and notes when it was.
    fn program(
        &self,
        secret: &ProgramSecret,
        shown: Shown,
        peer: IpAddr,
    ) -> Result<Arc<ProgramToken>, NotGranted> {
        self.admin.check_peer(peer).map_err(NotGranted::TooMany)?;
        let hash = secret.hash();
        let now = unix_ms();
        let found = self.accounts.program(Asker::at(peer), hash.clone());
        let found = found.map_err(|error| {
            error.log("the token of a program could not be looked up");
            NotGranted::Unavailable
        })?;
        let good = found
            .filter(|it| it.has_hash(&hash) && it.shown == shown)
            .filter(|it| it.is_valid_at(now));
        let Some(program) = good else {
            self.admin.count_wrong(peer);
            return Err(NotGranted::Wrong);
        };
        let ticks = self.started.elapsed().as_millis() as u64;
        let counted = self.rates.lock().take(&program.id, program.rate, ticks);
        counted.map_err(NotGranted::TooFast)?;
        if program
            .used_at
            .is_none_or(|at| at / MINUTE_MS != now / MINUTE_MS)
        {
            self.accounts
                .note_program_used(&program.id, now / MINUTE_MS * MINUTE_MS);
        }
        Ok(Arc::new(program))
    }
}

impl Grant {
    /// Whether it allows this; without a channel, anywhere.
    pub fn allows(&self, power: Power, channel: Option<&Name>) -> bool {
        match &self.0 {
            Holder::Administrator => true,
            Holder::Metrics => power == Power::Metrics,
            Holder::Program(program) => program.scopes.allow(power, channel),
            Holder::Account(official) => official.role.allows(power),
        }
    }

    /// Says what is missing, unless it allows this; without a channel, anywhere.
    pub fn check(&self, power: Power, channel: Option<&Name>) -> Result<(), Missing> {
        match (self.allows(power, channel), &self.0) {
            (true, _) => Ok(()),
            (false, Holder::Account(_)) => Err(Missing::Role(ServerRole::needed_for(power))),
            (false, _) => Err(Missing::Scope(power.scope(channel))),
        }
    }

    /// The account that acts with its role, if it is one.
    pub fn account(&self) -> Option<&Name> {
        match &self.0 {
            Holder::Account(official) => Some(&official.username),
            Holder::Administrator | Holder::Metrics | Holder::Program(_) => None,
        }
    }

    /// The tokens that it ends with, as the hub knows them, and when each expires.
    pub fn ends_with(&self) -> Vec<(String, Option<u64>)> {
        match &self.0 {
            Holder::Program(own) => vec![(own.connection_token(), own.expires_at)],
            Holder::Account(own) => vec![
                (own.token.to_string(), Some(own.expires_at_ms)),
                (ServerRole::token_of(&own.username), None),
            ],
            Holder::Administrator | Holder::Metrics => Vec::new(),
        }
    }

    /// The token of the program, if it is one.
    pub fn program(&self) -> Option<&Arc<ProgramToken>> {
        match &self.0 {
            Holder::Program(program) => Some(program),
            Holder::Administrator | Holder::Metrics | Holder::Account(_) => None,
        }
    }
}

/// Whether a token has the form of a pass: three parts.
fn is_like_pass(token: &str) -> bool {
    token.bytes().filter(|&byte| byte == b'.').count() == 2
}

impl NotGranted {
    /// How long to wait before the next call, if that helps.
    pub fn retry_seconds(&self) -> Option<u64> {
        match self {
            NotGranted::TooMany(wait) | NotGranted::TooFast(wait) => Some(wait.retry_seconds),
            NotGranted::Wrong
            | NotGranted::Over(_)
            | NotGranted::NoRole(_)
            | NotGranted::Unavailable => None,
        }
    }
}

impl fmt::Display for NotGranted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotGranted::Wrong => write!(
                f,
                "that is not the admin token, nor one of a program or of an account with a role"
            ),
            NotGranted::TooMany(wait) => wait.fmt(f),
            NotGranted::TooFast(wait) => write!(
                f,
                "this token makes too many calls; wait {} seconds",
                wait.retry_seconds
            ),
            NotGranted::Over(over) => over.fmt(f),
            NotGranted::NoRole(name) => write!(
                f,
                "{name} has no role on this server; an administrator gives accounts one"
            ),
            NotGranted::Unavailable => write!(f, "the token cannot be looked up now; try again"),
        }
    }
}

impl std::error::Error for NotGranted {}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Missing::Scope(scope) => write!(f, "this token lacks the scope {scope}"),
            Missing::Role(role) => write!(f, "this needs an account with the role {}", role.word()),
        }
    }
}

impl std::error::Error for Missing {}
