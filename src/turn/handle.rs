//! The way to the hub thread: its inputs, and the handle that sends them.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use crate::hub::{
    Command, ConnectionId, Credential, Deed, Effects, Event, Farewell, Hub, Message, News, Now,
    Profile, Refusal, Seen,
};
use crate::keeper::Kept;
use crate::model::governance::By;
use crate::model::{AccountId, Entry, MessageId, Name, Origin};
use crate::net::link::Link;
use crate::protocol::Speech;
use crate::protocol::events::Follower;
use crate::protocol::irc::Caps;
use crate::watch::Watcher;

use super::administering::Wish;

/// The most inputs that wait for the hub. Beyond it, connection threads wait, and
/// through TCP their clients do.
const QUEUE: usize = 4096;
/// How long to wait until a client's connection to another server is closed.
const REPLACING: Duration = Duration::from_secs(2);
/// How long a connection waits for its messages to be stored, and how often it
/// checks.
const SETTLING: Duration = Duration::from_secs(10);
const SETTLING_PAUSE: Duration = Duration::from_millis(5);
/// How long a request waits for the hub before it is given up.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// An input of the hub thread.
pub enum Input {
    /// A new chat connection.
    Open {
        /// Its id, from the registry.
        id: ConnectionId,
        /// Its socket.
        link: Arc<Link>,
        /// The protocol it speaks.
        speech: &'static Speech,
        /// What the hub knows about it from the start.
        profile: Profile,
    },
    /// A command of a connection.
    Command(ConnectionId, Command),
    /// Bytes below a connection's protocol, such as a pong; they do not wait for
    /// answers to earlier commands.
    Write(ConnectionId, Vec<u8>),
    /// An IRC client has other capabilities from now on.
    Adapt(ConnectionId, Caps),
    /// An event stream follows channels from now on.
    Follow(ConnectionId, Box<Follower>),
    /// An event stream is to be told the next page of what it has missed of a channel.
    CatchUp(ConnectionId, Name),
    /// An event stream was told all that it has missed of a channel.
    CaughtUp(ConnectionId, Name),
    /// A connection's thread has ended; the id is free.
    Done(ConnectionId, Farewell),
    /// Run this function on the hub thread.
    Request(Request),
    /// An answer from the store.
    Kept(Kept),
    /// Say when all that the hub has asked of the store is stored.
    Stored(Sender<()>),
    /// News from the log that several servers share.
    News(Vec<News>),
    /// Put new settings in force.
    Configure(Box<Settings>),
    /// Add a watcher of chat log entries.
    Watch(Watcher),
    /// Tell the watchers an entry that reaches the chat log another way.
    Tell(Box<Entry>),
    /// Where to send the outcome of commands of a connection without a socket.
    Attend(ConnectionId, Sender<Event>),
    /// A change of a channel that an administrator asks for.
    Govern(Box<Wish>),
    /// Say farewell to every connection, including those that still open.
    Stop,
    /// End the thread.
    End,
}

/// A function that runs on the hub thread.
pub type Request = Box<dyn FnOnce(&mut Hub, Now, &mut Effects) + Send>;

/// The settings of the hub thread; see [`crate::config::Limits`].
#[derive(Clone, Debug)]
pub struct Settings {
    /// The hub's limits.
    pub limits: crate::hub::Limits,
    /// First line a client sees.
    pub greeting: String,
    /// Unsent bytes at which a connection is a slow reader.
    pub backlog_bytes: usize,
    /// Seconds between pings; 0 is none.
    pub ping_seconds: u64,
}

/// The hub thread is gone or does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HubUnavailable;

impl std::fmt::Display for HubUnavailable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the server is too busy or shutting down")
    }
}

impl std::error::Error for HubUnavailable {}

/// Why a channel was not changed for an administrator.
#[derive(Clone, Debug, PartialEq)]
pub enum NotGoverned {
    /// The hub refuses it.
    Refused(Refusal),
    /// The hub does not take it.
    Hub,
    /// The store has not answered in time. The change may still come into force.
    Unanswered,
}

/// Gives out nicknames that several servers have in common.
pub trait Names: Send + Sync {
    /// Gets a nickname for a client of this server. Waits for the answer, for a
    /// bounded time.
    fn claim(&self, name: &Name, who: &Claimant) -> Result<Claimed, Refusal>;
}

/// The client that wants a nickname.
#[derive(Clone, Debug, PartialEq)]
pub enum Claimant {
    /// A guest without a token.
    Guest,
    /// The guest with this token: every client that shows it is the same guest.
    Pass(Arc<str>),
    /// The owner of an account.
    Account(AccountId),
}

/// How a client got a nickname.
#[derive(Clone, Debug, PartialEq)]
pub enum Claimed {
    /// It was free.
    Free,
    /// The same guest had this nickname on another server, dead or alive, and has
    /// moved here with it.
    Moved(Name),
}

impl Claimant {
    fn new(account: Option<AccountId>) -> Claimant {
        account.map_or(Claimant::Guest, Claimant::Account)
    }

    /// The account, if the client owns one.
    pub fn account(&self) -> Option<AccountId> {
        match self {
            Claimant::Account(account) => Some(*account),
            Claimant::Guest | Claimant::Pass(_) => None,
        }
    }
}

/// Reaches the hub thread; clones reach the same one.
#[derive(Clone)]
pub struct HubHandle {
    inputs: Sender<Input>,
    names: Arc<OnceLock<Arc<dyn Names>>>,
}

impl HubHandle {
    /// A handle, and the receiver of its inputs.
    pub fn new() -> (HubHandle, Receiver<Input>) {
        let (inputs, receiver) = bounded(QUEUE);
        let names = Arc::default();
        (HubHandle { inputs, names }, receiver)
    }

    /// Has nicknames claimed from `names` first, from now on.
    pub fn share_names(&self, names: Arc<dyn Names>) {
        // A second call has no effect.
        let _ = self.names.set(names);
    }

    /// Claims a nickname from the shared [`Names`] before the hub is asked; unlike
    /// the hub, this waits. Does nothing on a server that stands alone.
    pub fn reserve(&self, name: &Name, account: Option<AccountId>) -> Result<(), Refusal> {
        let who = Claimant::new(account);
        self.reserve_for(name, &who).map(|_| ())
    }

    fn reserve_for(&self, name: &Name, who: &Claimant) -> Result<Claimed, Refusal> {
        match self.names.get() {
            Some(names) => names.claim(name, who),
            None => Ok(Claimed::Free),
        }
    }

    /// As [`Hub::claim`], on one server or several.
    pub fn claim(
        &self,
        id: ConnectionId,
        name: Name,
        credential: Option<Credential>,
    ) -> Result<Result<(), Refusal>, HubUnavailable> {
        let account = credential.as_ref().map(|credential| credential.account);
        let reserved = self.reserve(&name, account);
        self.ask(move |hub, now, fx| match reserved {
            Ok(()) => hub.claim(id, name, credential, now, fx),
            Err(refusal) => {
                hub.refuse_nickname(id, &name, &refusal, now, fx);
                Err(refusal)
            }
        })
    }

    /// As [`Hub::claim_with_token`], on one server or several: the token's earlier
    /// connection may be on any of them.
    pub fn claim_with_token(
        &self,
        id: ConnectionId,
        name: Name,
        token: Arc<str>,
    ) -> Result<Result<(), Refusal>, HubUnavailable> {
        let who = Claimant::Pass(token.clone());
        let mut reserved = if self.has_with_token(&token)? {
            // No new claim is needed: the earlier connection hands it over.
            Ok(Claimed::Free)
        } else {
            self.reserve_for(&name, &who)
        };
        let is_elsewhere = !matches!(reserved, Ok(Claimed::Free));
        if is_elsewhere && self.names.get().is_some() {
            let token = token.clone();
            self.ask(move |hub, _, fx| hub.replace_elsewhere(&token, fx))?;
            let deadline = Instant::now() + REPLACING;
            while reserved.is_err() && Instant::now() < deadline {
                std::thread::sleep(REPLACING / 20);
                reserved = self.reserve_for(&name, &who);
            }
        }
        self.ask(move |hub, now, fx| match reserved {
            Ok(Claimed::Free) => hub.claim_with_token(id, name, &token, now, fx),
            Ok(Claimed::Moved(name)) => hub.claim_with_token(id, name, &token, now, fx),
            Err(refusal) => {
                hub.refuse_nickname(id, &name, &refusal, now, fx);
                Err(refusal)
            }
        })
    }

    /// Waits, for a bounded time, until all messages of a connection are settled.
    /// Returns whether they are. Only the connection's own thread calls this, so
    /// it sends no new ones meanwhile.
    pub fn wait_until_settled(&self, id: ConnectionId) -> Result<bool, HubUnavailable> {
        let deadline = Instant::now() + SETTLING;
        while !self.ask(move |hub, _, _| hub.is_settled(id))? {
            if Instant::now() > deadline {
                return Ok(false);
            }
            std::thread::sleep(SETTLING_PAUSE);
        }
        Ok(true)
    }

    /// Waits, for a bounded time, for what becomes of a change of a message.
    pub fn outcome(&self, draft: MessageId) -> Result<(), NotGoverned> {
        let deadline = Instant::now() + SETTLING;
        let ask = || self.ask(move |hub, _, _| hub.take_outcome(draft));
        loop {
            if let Some(outcome) = ask().map_err(|_| NotGoverned::Hub)? {
                return outcome.map_err(NotGoverned::Refused);
            }
            if Instant::now() > deadline {
                // Should the hub be gone, so is what it has waited for.
                let _ = self.ask(move |hub, _, _| hub.give_up(draft));
                return Err(NotGoverned::Unanswered);
            }
            std::thread::sleep(SETTLING_PAUSE);
        }
    }

    /// Whether no guest on any server has a nickname.
    pub fn is_free_of_guests(&self, name: &Name) -> Result<bool, HubUnavailable> {
        let name = name.clone();
        self.ask(move |hub, _, _| !hub.is_guest(&name))
    }

    /// As [`HubHandle::is_free_of_guests`], but the guest with `token` may have the
    /// nickname. This server does not know the tokens of other servers' guests:
    /// it has the token's connections closed everywhere, and if no guest has the
    /// nickname after that, it was this guest's.
    pub fn is_held_by(&self, name: &Name, token: &Arc<str>) -> Result<bool, HubUnavailable> {
        let (asked, key) = (name.clone(), token.clone());
        if self.ask(move |hub, _, _| hub.is_guest_with(&asked, &key))? {
            return Ok(true);
        }
        if self.names.get().is_some() && !self.is_free_of_guests(name)? {
            let key = token.clone();
            self.ask(move |hub, now, fx| hub.revoke(&key, now, fx))?;
            let deadline = Instant::now() + REPLACING;
            while !self.is_free_of_guests(name)? && Instant::now() < deadline {
                std::thread::sleep(REPLACING / 20);
            }
        }
        self.is_free_of_guests(name)
    }

    /// Whether a token's earlier connection is on this server; false on a server
    /// that stands alone, where it does not matter.
    fn has_with_token(&self, token: &Arc<str>) -> Result<bool, HubUnavailable> {
        if self.names.get().is_none() {
            return Ok(false);
        }
        let token = token.clone();
        self.ask(move |hub, _, _| hub.is_on_with_token(&token))
    }

    /// Hands something to the hub thread, waiting while its queue is full.
    pub fn send(&self, input: Input) -> Result<(), HubUnavailable> {
        self.inputs.send(input).map_err(|_| HubUnavailable)
    }

    /// Runs `request` on the hub thread and returns what it returned.
    pub fn ask<T: Send + 'static>(
        &self,
        request: impl FnOnce(&mut Hub, Now, &mut Effects) -> T + Send + 'static,
    ) -> Result<T, HubUnavailable> {
        let (reply, answer) = bounded(1);
        let run = Box::new(move |hub: &mut Hub, now: Now, fx: &mut Effects| {
            // The caller may have stopped waiting.
            let _ = reply.send(request(hub, now, fx));
        });
        self.inputs
            .send_timeout(Input::Request(run), REQUEST_TIMEOUT)
            .map_err(|_| HubUnavailable)?;
        answer
            .recv_timeout(REQUEST_TIMEOUT)
            .map_err(|_| HubUnavailable)
    }

    /// Waits until the store has what the hub has had it keep: what it is asked afterwards is
    /// asked in the order in which the client did things.
    pub fn wait_stored(&self) -> Result<(), HubUnavailable> {
        let (told, stored) = bounded(1);
        self.inputs
            .send_timeout(Input::Stored(told), REQUEST_TIMEOUT)
            .map_err(|_| HubUnavailable)?;
        stored
            .recv_timeout(REQUEST_TIMEOUT)
            .map_err(|_| HubUnavailable)
    }

    /// How many changes of messages there were. See [`Hub::mend_read`].
    pub fn changes(&self) -> Result<u64, HubUnavailable> {
        self.ask(|hub, _, _| hub.changes())
    }

    /// Applies to messages that were read from the store, after so many changes, what has become of
    /// them meanwhile, and drops those that were deleted. See [`Hub::mend_read`].
    pub fn mend(
        &self,
        after: u64,
        mut messages: Vec<Message>,
    ) -> Result<(Vec<Message>, Seen), HubUnavailable> {
        self.ask(move |hub, _, _| {
            let seen = hub.mend_read(after, &mut messages);
            messages.retain(|message| !message.body.is_deleted());
            (messages, seen)
        })
    }

    /// Changes a channel for an administrator from `from`, and waits until the change is
    /// committed and in force.
    pub fn govern(
        &self,
        by: By,
        from: Origin,
        channel: Name,
        deed: Deed,
    ) -> Result<(), NotGoverned> {
        let (told, outcome) = bounded(1);
        let wish = Wish {
            by,
            from,
            channel,
            deed,
            told,
        };
        self.inputs
            .send_timeout(Input::Govern(Box::new(wish)), REQUEST_TIMEOUT)
            .map_err(|_| NotGoverned::Hub)?;
        match outcome.recv_timeout(SETTLING) {
            Ok(outcome) => outcome.map_err(NotGoverned::Refused),
            Err(RecvTimeoutError::Timeout) => Err(NotGoverned::Unanswered),
            Err(RecvTimeoutError::Disconnected) => Err(NotGoverned::Hub),
        }
    }

    /// How many inputs are waiting.
    pub fn queue_length(&self) -> usize {
        self.inputs.len()
    }
}
