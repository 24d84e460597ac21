//! The way to the hub thread: what may be handed to it, and the handle for it.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::hub::{
    Command, ConnectionId, Credential, Effects, Event, Farewell, Hub, News, Now, Refusal,
};
use crate::keeper::Kept;
use crate::model::{AccountId, Entry, Name};
use crate::net::link::Link;
use crate::protocol::Speech;
use crate::watch::Watcher;

/// Inputs waiting for the hub at most; beyond, connection threads wait, and
/// through TCP their clients.
const QUEUE: usize = 4096;
/// How long somebody's connection to another server may take to make way.
const REPLACING: Duration = Duration::from_secs(2);
/// How long a connection waits until what it has said is stored, and how long
/// between two looks.
const SETTLING: Duration = Duration::from_secs(10);
const SETTLING_PAUSE: Duration = Duration::from_millis(5);
/// How long a request waits for the hub before it is given up.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// Something for the hub thread.
pub enum Input {
    /// A new chat connection.
    Open {
        /// Its id, from the registry.
        id: ConnectionId,
        /// Its socket.
        link: Arc<Link>,
        /// What is spoken.
        speech: &'static Speech,
        /// The peer, as seen through trusted proxies.
        peer: SocketAddr,
    },
    /// A command of a connection.
    Command(ConnectionId, Command),
    /// Bytes below a connection's protocol, such as a pong; they wait for
    /// nothing.
    Write(ConnectionId, Vec<u8>),
    /// A connection's thread is done; the id is free.
    Done(ConnectionId, Farewell),
    /// Run this on the hub.
    Request(Request),
    /// What came back from the store.
    Kept(Kept),
    /// What came from the log that several servers share.
    News(Vec<News>),
    /// Other settings.
    Configure(Box<Settings>),
    /// Somebody who wants to know what happens.
    Watch(Watcher),
    /// For them: what the chat log has by another way.
    Tell(Box<Entry>),
    /// Who is told what becomes of the commands of a connection without socket.
    Attend(ConnectionId, Sender<Event>),
    /// Say farewell to everyone, and to whoever still comes.
    Stop,
    /// End the thread.
    End,
}

/// A function that runs on the hub thread.
pub type Request = Box<dyn FnOnce(&mut Hub, Now, &mut Effects) + Send>;

/// What the hub thread needs to know; see [`crate::config::Limits`].
#[derive(Clone, Debug)]
pub struct Settings {
    /// For the hub.
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

/// Who gives out nicknames where several servers have them in common.
pub trait Names: Send + Sync {
    /// Gets a nickname for somebody who comes here. Waits for the answer, for a
    /// bounded time.
    fn claim(&self, name: &Name, who: &Claimant) -> Result<Claimed, Refusal>;
}

/// Who wants a nickname.
#[derive(Clone, Debug, PartialEq)]
pub enum Claimant {
    /// A guest, who may be anybody.
    Guest,
    /// The guest with this token: whoever shows it again is the same guest.
    Pass(Arc<str>),
    /// The owner of an account.
    Account(AccountId),
}

/// How somebody got a nickname.
#[derive(Clone, Debug, PartialEq)]
pub enum Claimed {
    /// Nobody else had it.
    Free,
    /// The same guest had this one on another server, dead or alive, and has it
    /// here now.
    Moved(Name),
}

impl Claimant {
    fn new(account: Option<AccountId>) -> Claimant {
        account.map_or(Claimant::Guest, Claimant::Account)
    }

    /// The account, if it is the owner of one.
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
    /// A handle, and where its inputs arrive.
    pub fn new() -> (HubHandle, Receiver<Input>) {
        let (inputs, receiver) = bounded(QUEUE);
        let names = Arc::default();
        (HubHandle { inputs, names }, receiver)
    }

    /// From now on nicknames have to be claimed there first.
    pub fn share_names(&self, names: Arc<dyn Names>) {
        // Whoever was first stays.
        let _ = self.names.set(names);
    }

    /// Gets a nickname from whoever gives them out, before the hub is asked:
    /// unlike the hub, this waits. On a server that stands alone the hub does.
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

    /// As [`Hub::claim`], wherever the nickname is to be had.
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

    /// As [`Hub::claim_with_token`], wherever the nickname is to be had and
    /// the token's earlier connection is.
    pub fn claim_with_token(
        &self,
        id: ConnectionId,
        name: Name,
        token: Arc<str>,
    ) -> Result<Result<(), Refusal>, HubUnavailable> {
        let who = Claimant::Pass(token.clone());
        let mut reserved = match self.has_with_token(&token)? {
            // It is not given out again: the earlier connection hands it over.
            true => Ok(Claimed::Free),
            false => self.reserve_for(&name, &who),
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

    /// Waits until what a connection has said is told, for a bounded time;
    /// whether it is. Only its own thread asks, so nothing new comes meanwhile.
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

    /// Whether no guest has a nickname, on any server.
    pub fn is_free_of_guests(&self, name: &Name) -> Result<bool, HubUnavailable> {
        let name = name.clone();
        self.ask(move |hub, _, _| !hub.is_guest(&name))
    }

    /// As [`HubHandle::is_free_of_guests`], but for the holder of a guest's
    /// token. If that one is on another server it is not known here whose the
    /// nickname is there: the token's connections end, and if then no guest
    /// has it any more it was theirs.
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

    /// Whether a token's earlier connection is here, if that matters.
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
            // Nobody may be waiting any more.
            let _ = reply.send(request(hub, now, fx));
        });
        self.inputs
            .send_timeout(Input::Request(run), REQUEST_TIMEOUT)
            .map_err(|_| HubUnavailable)?;
        answer
            .recv_timeout(REQUEST_TIMEOUT)
            .map_err(|_| HubUnavailable)
    }

    /// Inputs waiting now.
    pub fn queue_length(&self) -> usize {
        self.inputs.len()
    }
}
