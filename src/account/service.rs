//! Everything about accounts that protocols and REST need, in one handle. Its calls block for as
//! long as a password takes: for connection threads and REST workers, never for the hub.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use parking_lot::Mutex;

use crate::fair::{Asker, Turnstile};
use crate::hub::{ConnectionId, Credential, Refusal, SignedOut};
use crate::model::subscriber::subscriber;
use crate::model::time::unix_ms;
use crate::model::{Account, AccountId, Name, Secret, Standing, Token, Who};
use crate::store::{Store, StoreError};
use crate::turn::HubHandle;

use super::desk::Desk;
use super::guesses::KNOWN_FOR;
use super::recipients::Recipients;
use super::registrations::register_invited;
use super::scram::Verifier;
use super::{
    Attempts, GuessLimits, Guesses, LoginError, PasswordLengths, PasswordWorkers, RegisterError,
    Registration, Registrations, RemoteRules, SharedGuesses, SignatureError, TooManyAttempts,
    Visitor, authenticate, change_password, log_in, new_token, register,
};

/// Passwords that may wait to be checked; beyond it, clients are asked to try again, so that a
/// storm of logins delays none of them for long.
const WAITING_PASSWORDS: usize = 64;

/// Long questions to the store at once, and how many may wait.
const QUESTIONS: usize = 2;
const WAITING_QUESTIONS: usize = 1024;
/// How long a caller waits before the store counts as busy.
const PATIENCE: Duration = Duration::from_secs(5);

/// When a server starts, on the clock of guesses: there is a time before it.
const STARTED_MS: u64 = KNOWN_FOR.as_millis() as u64;

/// The least time between two notes that someone was seen, or a sign-in used: after a restart
/// everyone comes back at once, and must not wait for that.
const BETWEEN_NOTES_MS: u64 = 50;

/// An id that no account has.
const NOBODY: AccountId = AccountId(0);

/// How many more passes guests may get than passwords may be tried: there is nothing to guess, and
/// many guests may share an address.
const GUESTS_PER_ATTEMPT: u32 = 6;

/// Accounts, as the rest of the server uses them.
pub struct Accounts {
    store: Arc<dyn Store>,
    desk: Desk,
    questions: Turnstile<Asker>,
    recipients: Recipients,
    passwords: PasswordWorkers,
    /// Locked only to count.
    guesses: Mutex<Guesses>,
    /// Counts guesses for all servers, if there are several.
    shared_guesses: Option<Arc<dyn SharedGuesses>>,
    /// The passes given to guests; locked only to count.
    guests: Mutex<Attempts>,
    /// The hooks that operators make; locked only to count.
    made: Mutex<Attempts>,
    /// When it was last noted that someone was seen, in milliseconds since 1970 UTC.
    noted_ms: AtomicU64,
    /// The same of the use of a sign-in.
    noted_use_ms: AtomicU64,
    hub: HubHandle,
    /// Wakes the thread that erases what accounts have written.
    wake: Sender<()>,
    orders: Receiver<()>,
    started: Instant,
    lengths: PasswordLengths,
    /// Locked only to read or replace it.
    registrations: Mutex<Registrations>,
    /// The same.
    pub(super) remote: Mutex<RemoteRules>,
}

/// The most hooks that operators make from one address in a minute.
pub const MADE_A_MINUTE: u32 = 10;

/// The client that registers a nickname.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Registrar {
    /// A client without a pass: the nickname must not be in use by a guest.
    Anyone,
    /// The connection that has the nickname.
    Guest,
    /// The holder of a guest's token.
    Holder(Arc<str>),
    /// An administrator, who makes accounts for others whoever else may.
    Administrator,
}

/// Why a client is not let in; `Display` is for the client.
#[derive(Clone, Debug, PartialEq)]
pub enum Rejected {
    /// There were too many attempts.
    TooMany(TooManyAttempts),
    /// The password is wrong, or could not be checked.
    Login(LoginError),
    /// The account cannot be made.
    Register(RegisterError),
    /// A guest who is online has the nickname.
    GuestHasName(Name),
    /// The nickname is banned.
    Banned(Name),
    /// Nobody registers accounts here.
    RegistrationClosed,
    /// The hub did not say whether one has.
    Busy,
    /// No token could be made.
    NoToken(String),
    /// A token was made, but not stored.
    TokenNotStored(StoreError),
}

impl Accounts {
    /// Accounts kept in `store`, with these limits on guesses at passwords.
    pub fn new(
        store: Arc<dyn Store>,
        hub: HubHandle,
        limits: GuessLimits,
        shared_guesses: Option<Arc<dyn SharedGuesses>>,
    ) -> io::Result<Accounts> {
        let mut guesses = Guesses::new(limits);
        let (wake, orders) = bounded(1);
        if shared_guesses.is_none() {
            remember_known(&*store, &mut guesses);
        }
        Ok(Accounts {
            desk: Desk::open(&store)?,
            questions: Turnstile::new(QUESTIONS, WAITING_QUESTIONS),
            recipients: Recipients::default(),
            store,
            passwords: PasswordWorkers::new(WAITING_PASSWORDS),
            guesses: Mutex::new(guesses),
            shared_guesses,
            guests: Mutex::new(guests(limits)),
            made: Mutex::new(Attempts::new(MADE_A_MINUTE)),
            noted_ms: AtomicU64::new(0),
            noted_use_ms: AtomicU64::new(0),
            hub,
            wake,
            orders,
            started: Instant::now(),
            lengths: PasswordLengths::default(),
            registrations: Mutex::default(),
            remote: Mutex::default(),
        })
    }

    /// The accounts with other limits on the length of a new password.
    pub fn with_lengths(self, lengths: PasswordLengths) -> Accounts {
        Accounts { lengths, ..self }
    }

    /// The accounts, with keys for SCRAM kept of each password or not.
    pub fn keeping_keys(self, keeps_keys: bool) -> Accounts {
        let passwords = self.passwords.keeping_keys(keeps_keys);
        Accounts { passwords, ..self }
    }

    /// How long a new password may be.
    pub fn lengths(&self) -> PasswordLengths {
        self.lengths
    }

    /// Who registers accounts.
    pub fn registrations(&self) -> Registrations {
        *self.registrations.lock()
    }

    /// Changes who registers accounts.
    pub fn set_registrations(&self, registrations: Registrations) {
        *self.registrations.lock() = registrations;
    }

    /// Changes the limits on guesses.
    pub fn set_guess_limits(&self, limits: GuessLimits) {
        self.guesses.lock().set_limits(limits);
        *self.guests.lock() = guests(limits);
    }

    /// Counts a pass for a guest, unless there were too many from the address. As with connections,
    /// the server's own machine is exempt.
    pub(super) fn count_guest(&self, peer: IpAddr) -> Result<(), TooManyAttempts> {
        if peer.to_canonical().is_loopback() {
            return Ok(());
        }
        self.guests.lock().allow(peer, self.now_ms())
    }

    /// Runs a long question to the store on this thread, in turn with those of others. Their number
    /// is limited, so that enough connections are left for logins and for the hub.
    pub fn question<T>(
        &self,
        asker: &Asker,
        question: impl FnOnce(&dyn Store) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let pass = self.questions.enter(asker, PATIENCE);
        let pass = pass.ok_or(StoreError::Busy)?;
        let answer = question(&*self.store);
        drop(pass);
        answer
    }

    /// The hub.
    pub(super) fn hub(&self) -> &HubHandle {
        &self.hub
    }

    /// Where the thread that erases what accounts have written is woken.
    pub(super) fn orders(&self) -> &Receiver<()> {
        &self.orders
    }

    /// Wakes it.
    pub(super) fn wake_eraser(&self) {
        // If it is full, the thread is about to look.
        let _ = self.wake.try_send(());
    }

    /// The store.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// Looks something up that takes the store little time, in turn with others.
    pub fn look_up<T: Send + 'static>(
        &self,
        asker: Asker,
        question: impl FnOnce(&dyn Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.desk.ask(asker, question)
    }

    /// The account of this name, in any spelling.
    pub fn find(&self, asker: Asker, username: &Name) -> Result<Option<Account>, StoreError> {
        let who = Who::Username(username.clone());
        self.look_up(asker, move |store| store.account(&who))
    }

    /// Whether a guest may use this name, which no account may have. If that cannot be found out,
    /// the answer is no.
    pub fn check_guest(&self, asker: Asker, name: &Name) -> Result<(), Refusal> {
        match self.find(asker, name) {
            Ok(None) => Ok(()),
            Ok(Some(_)) => Err(Refusal::NicknameRegistered(name.clone())),
            Err(error) => {
                error.log("a nickname could not be looked up");
                Err(Refusal::CannotLookUp)
            }
        }
    }

    /// The recipient of a private message that has to be stored: the account and its name as
    /// registered, if there is one. If that cannot be found out, the message is refused.
    pub fn recipient(
        &self,
        asker: Asker,
        name: Name,
    ) -> Result<(Name, Option<AccountId>), Refusal> {
        if let Some((name, id)) = self.recipients.get(&name) {
            return Ok((name, Some(id)));
        }
        let account = self.find(asker, &name).map_err(|error| {
            error.log("an account could not be looked up");
            Refusal::NotStored
        })?;
        let account = account.filter(|account| account.standing != Standing::Deleted);
        let Some(account) = account else {
            return Ok((name, None));
        };
        self.recipients.add(account.username.clone(), account.id);
        Ok((account.username, Some(account.id)))
    }

    /// Returns the account, if the password is right.
    pub fn log_in(
        &self,
        username: &Name,
        password: &Secret,
        peer: IpAddr,
    ) -> Result<Account, Rejected> {
        // However the name is spelt, it is a guess at that account's password.
        let meant = self.find(Asker::at(peer), username);
        let meant = meant.map_err(|error| logged(Rejected::Login(LoginError::Store(error))))?;
        let key = match &meant {
            Some(account) => account.username.key().clone(),
            None => username.key().clone(),
        };
        self.count_guess(peer, Some(&key))?;
        let account = log_in(&*self.store, &self.passwords, meant, password);
        let account = account.map_err(|error| logged(Rejected::Login(error)))?;
        self.logged_in(account, peer, &key)
    }

    /// Notes that the password of an account, which is counted under this key, was right.
    pub(super) fn logged_in(
        &self,
        account: Account,
        peer: IpAddr,
        key: &str,
    ) -> Result<Account, Rejected> {
        // Its password could be set before that was refused.
        let is_bot = self.store.is_bot(account.id);
        if is_bot.map_err(|error| logged(Rejected::Login(LoginError::Store(error))))? {
            return Err(Rejected::Login(LoginError::Program(account.username)));
        }
        self.refuse_banned(&account.username)?;
        let is_news = self.guesses.lock().succeeded(peer, key, self.now_ms());
        match &self.shared_guesses {
            Some(shared) => shared.succeeded(peer, key),
            None if is_news => self.keep_known(&account, peer),
            None => {}
        }
        self.note_seen(&account);
        Ok(account)
    }

    /// The account of this name and the keys of its password, if it has both.
    pub fn with_keys(
        &self,
        asker: Asker,
        username: &Name,
    ) -> Result<Option<(Account, Verifier)>, StoreError> {
        let account = self.find(asker, username)?;
        let account = account.filter(|account| account.standing != Standing::Deleted);
        Ok(account.and_then(|account| {
            let keys = self.passwords.keys(&account.password_hash)?;
            Some((account, keys))
        }))
    }

    /// Counts an attempt to prove the password of a name, before the proof is looked at.
    pub fn count_proof(
        &self,
        peer: IpAddr,
        account: Option<&Account>,
        named: &Name,
    ) -> Result<(), Rejected> {
        let name = account.map_or(named, |account| &account.username);
        self.count_guess(peer, Some(name.key()))
    }

    /// Counts an account that is made for a client, as one that it registers.
    pub fn count_made(&self, peer: IpAddr) -> Result<(), Rejected> {
        self.count_guess(peer, None)
    }

    /// Counts a hook that an operator makes from an address: its name is taken for good, as that of
    /// an account. It is no guess at a password, and has a limit of its own.
    pub fn count_hook(&self, peer: IpAddr) -> Result<(), TooManyAttempts> {
        self.made.lock().allow(peer, self.now_ms())
    }

    /// Returns the account of which a client has proved the password, if it can be used.
    pub fn has_proved(&self, account: Account, peer: IpAddr) -> Result<Account, Rejected> {
        match account.standing {
            Standing::Good => {
                let key = account.username.key().clone();
                self.logged_in(account, peer, &key)
            }
            Standing::Disabled | Standing::Deleted => Err(Rejected::Login(LoginError::Disabled)),
        }
    }

    /// Stores the address of a login to an account, so that it is known after a restart.
    fn keep_known(&self, account: &Account, peer: IpAddr) {
        let address = subscriber(peer).to_string();
        let kept = self
            .store
            .add_known_address(account.id, &address, unix_ms());
        if let Err(error) = kept {
            error.log("the address of a login could not be kept");
        }
    }

    /// Replaces the password of an account, whatever it was. Returns the account, or `None` if no
    /// account has that name. Revokes the account's tokens and passes and ends its connections, on
    /// all servers, and forgets the addresses known to it.
    pub fn change_password(
        &self,
        asker: Asker,
        username: &Name,
        password: &Secret,
    ) -> Result<Option<Account>, LoginError> {
        let account = self.find(asker, username).map_err(LoginError::Store)?;
        let account = account.filter(|account| account.standing != Standing::Deleted);
        if let Some(account) = &account {
            let (store, now) = (&*self.store, unix_ms());
            if store.is_bot(account.id).map_err(LoginError::Store)? {
                return Err(LoginError::Program(account.username.clone()));
            }
            change_password(store, &self.passwords, account.id, password, now)?;
            self.forget_guesses(account.username.key());
            self.sign_out(&account.username, SignedOut::PasswordChanged);
        }
        Ok(account)
    }

    /// Forgets the guesses at an account's password and the addresses known to it.
    pub(super) fn forget_guesses(&self, account: &str) {
        self.guesses.lock().forget_account(account);
        if let Some(shared) = &self.shared_guesses {
            shared.forget_account(account);
        }
    }

    /// Ends the connections of an account, on all servers.
    pub(super) fn sign_out(&self, username: &Name, why: SignedOut) {
        self.sign_out_others(username, why, None);
    }

    /// As [`Accounts::sign_out`], except for a connection of this server that `stays`.
    pub(super) fn sign_out_others(
        &self,
        username: &Name,
        why: SignedOut,
        stays: Option<ConnectionId>,
    ) {
        let name = username.clone();
        // A hub that does not answer is going down, and its connections with it.
        let _ = (self.hub).ask(move |hub, now, fx| hub.sign_out(&name, (why, stays), now, fx));
    }

    /// Forgets that direct messages can be sent to this name.
    pub(super) fn forget_recipient(&self, username: &Name) {
        self.recipients.remove(username);
    }

    /// The threads that hash passwords.
    pub(super) fn passwords(&self) -> &PasswordWorkers {
        &self.passwords
    }

    /// Whether it may be noted now that the owner of an account was seen.
    pub(super) fn may_note(&self, now_ms: u64) -> bool {
        is_due(&self.noted_ms, now_ms)
    }

    /// Whether it may be noted now that a sign-in was used.
    pub(super) fn may_note_use(&self, now_ms: u64) -> bool {
        is_due(&self.noted_use_ms, now_ms)
    }

    /// Refuses a banned nickname, even with the right password.
    pub fn refuse_banned(&self, name: &Name) -> Result<(), Rejected> {
        let asked = name.clone();
        let banned = self
            .hub
            .ask(move |hub, now, _| hub.is_nickname_banned(&asked, now));
        match banned.map_err(|_| Rejected::Busy)? {
            true => Err(Rejected::Banned(name.clone())),
            false => Ok(()),
        }
    }

    /// Creates an account. A nickname that a guest is using can be registered only by that guest,
    /// whose token is then revoked, and the connections opened with it end.
    pub fn register(
        &self,
        registration: Registration,
        peer: IpAddr,
        by: &Registrar,
    ) -> Result<Account, Rejected> {
        if *by != Registrar::Administrator {
            self.may_register(&registration)?;
        }
        self.count_guess(peer, None)?;
        let username = registration.username.clone();
        self.refuse_banned(&username)?;
        let is_free = match by {
            Registrar::Guest => Ok(true),
            Registrar::Anyone | Registrar::Administrator => self.hub.is_free_of_guests(&username),
            Registrar::Holder(token) => self.hub.is_held_by(&username, token),
        };
        if !is_free.map_err(|_| Rejected::Busy)? {
            return Err(Rejected::GuestHasName(username));
        }
        let register = match self.registrations() {
            Registrations::Invited if *by != Registrar::Administrator => register_invited,
            _ => register,
        };
        let account = register(&*self.store, &self.passwords, registration, unix_ms())
            .map_err(|error| logged(Rejected::Register(error)))?;
        if let Registrar::Holder(token) = by {
            let (name, token) = (account.username.clone(), token.clone());
            let _ = self.hub.ask(move |hub, now, fx| {
                hub.let_go(&name, &token);
                hub.revoke(&token, now, fx)
            });
        }
        if *by != Registrar::Guest {
            // A guest may have taken the nickname while the account was being created.
            let name = account.username.clone();
            let _ = self
                .hub
                .ask(move |hub, now, fx| hub.evict_guest(&name, now, fx));
        }
        Ok(account)
    }

    /// A new token for an account.
    pub fn issue_token(
        &self,
        asker: Asker,
        account: &Account,
        visitor: Visitor<'_>,
    ) -> Result<Token, Rejected> {
        let token = new_token(account.id, unix_ms());
        let token = token.map_err(|error| Rejected::NoToken(error.to_string()))?;
        let kept = self.store.add_token(&token);
        kept.map_err(|error| logged(Rejected::TokenNotStored(error)))?;
        match self.is_current(asker, account) {
            Ok(true) => {
                self.note_token(&token, visitor);
                Ok(token)
            }
            Ok(false) => {
                let _ = self.give_up(&token.access_key_id);
                Err(Rejected::Login(LoginError::Wrong))
            }
            Err(error) => Err(logged(Rejected::TokenNotStored(error))),
        }
    }

    /// Whether an account can be used as when it was looked up.
    pub fn is_current(&self, asker: Asker, account: &Account) -> Result<bool, StoreError> {
        Ok(self.what_ended(asker, account)?.is_none())
    }

    /// Why an account cannot be used as when it was looked up, if so: a client that logs in while
    /// the password is being changed used the old one.
    pub fn what_ended(
        &self,
        asker: Asker,
        account: &Account,
    ) -> Result<Option<SignedOut>, StoreError> {
        let who = Who::Id(account.id);
        let now = self.look_up(asker, move |store| store.account(&who))?;
        Ok(match now {
            None => Some(SignedOut::Deleted),
            Some(now) => match now.standing {
                Standing::Deleted => Some(SignedOut::Deleted),
                Standing::Disabled => Some(SignedOut::Disabled),
                Standing::Good if now.password_changes != account.password_changes => {
                    Some(SignedOut::PasswordChanged)
                }
                Standing::Good => None,
            },
        })
    }

    /// Replaces the token that `refresh_token` belongs to; `None` if that is not valid, or not any
    /// more. Ends the connections that were opened with the old token.
    pub fn refresh(&self, asker: Asker, refresh_token: &Secret) -> Result<Option<Token>, Rejected> {
        let now = unix_ms();
        // The store assigns it to the account of the old one.
        let fresh = new_token(NOBODY, now);
        let fresh = fresh.map_err(|error| Rejected::NoToken(error.to_string()))?;
        let exchanged = self.store.exchange_token(refresh_token, &fresh, now);
        let exchanged = exchanged.map_err(|error| logged(Rejected::TokenNotStored(error)))?;
        if let Some(token) = &exchanged {
            self.end_stale_connections(asker, token.account);
            let who = Who::Id(token.account);
            let account = self.look_up(asker, move |store| store.account(&who));
            let account =
                account.map_err(|error| logged(Rejected::Login(LoginError::Store(error))))?;
            if let Some(account) = account
                && let Err(banned) = self.refuse_banned(&account.username)
            {
                let _ = self.give_up(&token.access_key_id);
                return Err(banned);
            }
        }
        Ok(exchanged)
    }

    /// The account and token that a JWT is signed with.
    pub fn authenticate(
        &self,
        asker: Asker,
        jwt: &str,
    ) -> Result<(Account, Token), SignatureError> {
        let jwt = jwt.to_owned();
        let looked_up = self.look_up(asker, move |store| Ok(signer(store, &jwt)));
        looked_up.map_err(SignatureError::Store)?
    }

    /// Revokes a token, and ends the connections that were opened with it.
    pub fn give_up(&self, access_key_id: &str) -> Result<bool, StoreError> {
        let was_active = self.store.deactivate_token(access_key_id, unix_ms())?;
        let key = access_key_id.to_owned();
        // A hub that does not answer is shutting down, and its connections with it.
        let _ = self.hub.ask(move |hub, now, fx| hub.revoke(&key, now, fx));
        Ok(was_active)
    }

    /// Whether a token is still valid, for a connection that was just opened with it: the token may
    /// have been revoked in the meantime.
    pub fn is_active(&self, asker: Asker, access_key_id: &str) -> Result<bool, StoreError> {
        let key = access_key_id.to_owned();
        let token = self.look_up(asker, move |store| store.token(&key))?;
        Ok(token.is_some_and(|token| token.is_active && unix_ms() < token.expires_at))
    }

    /// Whether a pass was revoked.
    pub fn is_pass_ended(&self, asker: Asker, pass: &Arc<str>) -> Result<bool, StoreError> {
        let pass = pass.clone();
        self.look_up(asker, move |store| store.is_pass_ended(&pass))
    }

    /// Ends an account's connections whose token is no longer valid.
    fn end_stale_connections(&self, asker: Asker, account: AccountId) {
        // A hub that does not answer is shutting down, and its connections with it.
        let tokens = self.hub.ask(move |hub, _, _| hub.tokens_of(account));
        for key in tokens.unwrap_or_default() {
            // Passes are not among the account's tokens.
            let looked_up = key.clone();
            let token = self.look_up(asker, move |store| store.token(&looked_up));
            let is_stale = |token: &Token| !token.is_active || unix_ms() >= token.expires_at;
            if matches!(token, Ok(Some(token)) if is_stale(&token)) {
                let _ = self.hub.ask(move |hub, now, fx| hub.revoke(&key, now, fx));
            }
        }
    }

    /// Counts a guess at an account's password, or a registration.
    pub(super) fn count_guess(&self, peer: IpAddr, account: Option<&str>) -> Result<(), Rejected> {
        let limits = self.guesses.lock().limits();
        let shared = self.shared_guesses.as_ref();
        let allowed = shared.and_then(|shared| shared.allow(limits, peer, account));
        // The other servers cannot be asked, so this one counts alone.
        let allowed = allowed.unwrap_or_else(|| {
            let mut guesses = self.guesses.lock();
            guesses.allow(peer, account, self.now_ms())
        });
        allowed.map_err(Rejected::TooMany)
    }

    fn now_ms(&self) -> u64 {
        STARTED_MS + self.started.elapsed().as_millis() as u64
    }
}

/// Whether [`BETWEEN_NOTES_MS`] have passed since this last said yes.
fn is_due(noted_ms: &AtomicU64, now_ms: u64) -> bool {
    let noted = noted_ms.load(Ordering::Relaxed);
    let is_due = now_ms.abs_diff(noted) >= BETWEEN_NOTES_MS;
    is_due
        && noted_ms
            .compare_exchange(noted, now_ms, Ordering::Relaxed, Ordering::Relaxed)
            .is_ok()
}

/// The account and token that a JWT is signed with.
fn signer(store: &dyn Store, jwt: &str) -> Result<(Account, Token), SignatureError> {
    let token = authenticate(store, jwt, unix_ms())?;
    let account = store.account(&Who::Id(token.account));
    let account = account.map_err(SignatureError::Store)?;
    Ok((account.ok_or(SignatureError::UnknownToken)?, token))
}

/// Logs a failure of the store; the client is told only that it failed.
pub(super) fn logged(rejected: Rejected) -> Rejected {
    if let Rejected::Login(LoginError::Store(error))
    | Rejected::Register(RegisterError::Store(error))
    | Rejected::TokenNotStored(error) = &rejected
    {
        error.log("an account or a token could not be looked up or made");
    }
    rejected
}

/// Loads the addresses that became known before this server was started.
fn remember_known(store: &dyn Store, guesses: &mut Guesses) {
    let now = unix_ms();
    let since = now.saturating_sub(KNOWN_FOR.as_millis() as u64);
    match store.known_addresses(since) {
        Ok(known) => {
            for known in known.into_iter().rev() {
                if let Ok(address) = known.address.parse() {
                    let age_ms = now.saturating_sub(known.at_ms);
                    let at_ms = STARTED_MS.saturating_sub(age_ms);
                    guesses.succeeded(address, &known.account, at_ms);
                }
            }
        }
        Err(error) => error.log("the addresses of earlier logins could not be read"),
    }
}

fn guests(limits: GuessLimits) -> Attempts {
    Attempts::new(limits.per_address.saturating_mul(GUESTS_PER_ATTEMPT))
}

/// The credential by which the hub binds a connection to an account, with the token or pass that
/// the connection was opened with.
pub fn credential(account: &Account, token: Option<&str>) -> Credential {
    Credential {
        account: account.id,
        ignored: account.ignored.clone(),
        token: token.map(Arc::from),
    }
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rejected::TooMany(error) => error.fmt(f),
            Rejected::Login(error) => error.fmt(f),
            Rejected::Register(error) => error.fmt(f),
            Rejected::GuestHasName(name) => {
                write!(f, "a guest is using the nickname {name} at present")
            }
            Rejected::Banned(name) => write!(f, "the nickname {name} is banned"),
            Rejected::RegistrationClosed => {
                write!(f, "no accounts are registered here; ask an administrator")
            }
            Rejected::Busy => write!(f, "the server is too busy; try again"),
            Rejected::NoToken(why) => write!(f, "no token could be made: {why}"),
            Rejected::TokenNotStored(error) => f.write_str(error.for_people()),
        }
    }
}

impl std::error::Error for Rejected {}
