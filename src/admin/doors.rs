//! Who may do what by REST and gRPC: administrators have their token, programs have tokens with
//! scopes.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;

use crate::account::{Accounts, Rates, TooManyAttempts};
use crate::fair::Asker;
use crate::model::program::Shown;
use crate::model::time::unix_ms;
use crate::model::{Name, Power, ProgramSecret, ProgramToken};

use super::AdminToken;

/// Milliseconds of a minute, to which the last use of a token is noted.
const MINUTE_MS: u64 = 60_000;

/// Lets callers in by the secret that they show.
pub struct Doors {
    admin: Arc<AdminToken>,
    accounts: Arc<Accounts>,
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
    /// It cannot be looked up at present.
    Unavailable,
}

impl Doors {
    /// Doors for administrators with this token, and for the programs that the store has.
    pub fn new(admin: Arc<AdminToken>, accounts: Arc<Accounts>) -> Doors {
        Doors {
            admin,
            accounts,
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

    /// Whether what a caller may do still holds: a token may have been removed or have expired since.
    pub fn is_still_good(&self, grant: &Grant, peer: IpAddr) -> Result<bool, NotGranted> {
        let Some(program) = grant.program() else {
            return Ok(true);
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
        }
    }

    /// The token of the program, if it is one.
    pub fn program(&self) -> Option<&Arc<ProgramToken>> {
        match &self.0 {
            Holder::Program(program) => Some(program),
            Holder::Administrator | Holder::Metrics => None,
        }
    }
}

impl NotGranted {
    /// How long to wait before the next call, if that helps.
    pub fn retry_seconds(&self) -> Option<u64> {
        match self {
            NotGranted::TooMany(wait) | NotGranted::TooFast(wait) => Some(wait.retry_seconds),
            NotGranted::Wrong | NotGranted::Unavailable => None,
        }
    }
}

impl fmt::Display for NotGranted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotGranted::Wrong => write!(f, "that is not the admin token, nor one of a program"),
            NotGranted::TooMany(wait) => wait.fmt(f),
            NotGranted::TooFast(wait) => write!(
                f,
                "this token makes too many calls; wait {} seconds",
                wait.retry_seconds
            ),
            NotGranted::Unavailable => write!(f, "the token cannot be looked up now; try again"),
        }
    }
}

impl std::error::Error for NotGranted {}
