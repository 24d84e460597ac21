//! A chat: starts the parts in order, connects them, stops them. Contains no chat rules.
//!
//! [`Chat`] is the library's main type, and the program uses it too: there is no other way to start
//! a hub and its listeners.

mod book;
mod builder;
mod conduit;
mod departure;
mod disk;
mod ending;
mod error;
mod governing;
#[cfg(feature = "grpc")]
mod grpc;
mod keeping;
mod listener;
#[cfg(feature = "grpc")]
mod name_server;
mod operating;
mod participant;
mod parts;
mod program;
mod rest;
mod room_lines_at;
mod running;
mod scheduling;
mod services;
mod settings;
mod shared;
mod signals;

use std::net::ToSocketAddrs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use parking_lot::Mutex;

use crate::admin::Actor;
pub use crate::config::Protocol;
use crate::config::{Config, ListenerKind, Secret};
use crate::hub::{ChannelInfo, Refusal};
use crate::model::{Name, Text};
use crate::turn::Input;
use crate::turn::UserInfo;
use crate::watch::{self, Watch};

pub use builder::Builder;
pub use conduit::{AttachError, Conduit, Connection};
use ending::Ending;
pub use ending::Overdue;
pub use error::{ChatError, ListenError, StartError};
use listener::BoundAs;
pub use listener::Listener;
#[cfg(feature = "grpc")]
pub use name_server::{NameServer, run_name_server};
pub use participant::Participant;
pub use program::run;
use rest::Rest;
pub use room_lines_at::RoomLinesAt;
pub use running::{RunError, Stopper};
use shared::Shared;

/// A running chat: a hub, and the listeners attached to it.
///
/// All users of one chat meet, whichever listener they come in by; several chats in one process
/// have nothing in common. All methods may be called from any thread. Dropping a chat shuts it down
/// as [`Chat::shut_down`] does, within the `shutdown_seconds` of its settings (10 unless changed).
pub struct Chat {
    shared: Arc<Shared>,
    rest: Arc<Rest>,
    listeners: Mutex<Vec<Listener>>,
    /// The registration with a name server, if one is configured.
    #[cfg(feature = "grpc")]
    registration: Option<crate::grpc::Registration>,
    /// Taken by the call that ends the chat, once.
    ending: Option<Ending>,
    stopper: Stopper,
}

impl Chat {
    /// Prepares a chat. Unless changed, it has no listeners and keeps nothing.
    pub fn builder() -> Builder {
        Builder::new()
    }

    /// Attaches a listener; port 0 lets the system choose. It serves until it is stopped or the
    /// chat ends, even if the handle is dropped.
    pub fn listen(
        &self,
        protocol: Protocol,
        address: impl ToSocketAddrs,
    ) -> Result<Listener, ListenError> {
        self.listen_as(protocol, false, address)
    }

    /// As [`Chat::listen`], with TLS; the chat needs a
    /// [`Builder::certificate`].
    pub fn listen_tls(
        &self,
        protocol: Protocol,
        address: impl ToSocketAddrs,
    ) -> Result<Listener, ListenError> {
        self.listen_as(protocol, true, address)
    }

    /// Attaches an HTTP listener that serves room lines on a WebSocket at a path of your choice,
    /// and nothing else but `/healthz`.
    ///
    /// ```
    /// use chat_server::{Chat, RoomLinesAt};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let chat = Chat::builder().start()?;
    /// let room_lines = RoomLinesAt::path("/talk").read_buffer(1024).write_buffer(65536);
    /// let listener = chat.listen_room_lines(room_lines, "127.0.0.1:0")?;
    /// println!("ws://{}/talk", listener.address());
    /// # Ok(())
    /// # }
    /// ```
    pub fn listen_room_lines(
        &self,
        at: RoomLinesAt,
        address: impl ToSocketAddrs,
    ) -> Result<Listener, ListenError> {
        let kind = ListenerKind {
            protocol: Protocol::RoomLinesWebSocket,
            secure: at.is_secure(),
        };
        at.check()
            .map_err(|error| ListenError::new(kind, None, error))?;
        self.serve(bind(kind, address)?.with(at))
    }

    fn listen_as(
        &self,
        protocol: Protocol,
        secure: bool,
        address: impl ToSocketAddrs,
    ) -> Result<Listener, ListenError> {
        self.serve(bind(ListenerKind { protocol, secure }, address)?)
    }

    fn serve(&self, bound: BoundAs) -> Result<Listener, ListenError> {
        let listener = bound.start(&self.shared, &self.rest)?;
        self.listeners.lock().push(listener.clone());
        Ok(listener)
    }

    /// The listeners that are serving.
    pub fn listeners(&self) -> Vec<Listener> {
        let mut listeners = self.listeners.lock();
        listeners.retain(|listener| !listener.is_stopped());
        listeners.clone()
    }

    /// Watches everything that happens from now on, as the chat log would record it.
    pub fn watch(&self) -> Result<Watch, ChatError> {
        let (watch, watcher) = watch::channel();
        self.shared.hub.send(Input::Watch(watcher))?;
        Ok(watch)
    }

    /// Lets the program itself take part, under a nickname that is free.
    pub fn enter(&self, nickname: &str) -> Result<Participant, ChatError> {
        let nickname = Name::parse_nickname(nickname).map_err(Refusal::BadName)?;
        Participant::enter(nickname, &self.shared)
    }

    /// Sends a text to everyone, on every listener. Returns the number of connections, including
    /// those of participants. The chat log records it as an administrator's action, without an
    /// address.
    pub fn announce(&self, text: &str) -> Result<usize, ChatError> {
        let text = sayable(text, &self.shared)?;
        Ok(self.shared.admin.announce(Actor::PROGRAM, text)?)
    }

    /// Ends all connections of a user. Returns how many there were. The chat log records it as for
    /// [`Chat::announce`].
    pub fn kick(&self, nickname: &str, reason: Option<&str>) -> Result<usize, ChatError> {
        let name = Name::parse_nickname(nickname).map_err(Refusal::BadName)?;
        let reason = reason
            .map(Text::one_line)
            .filter(|reason| !reason.is_empty());
        Ok(self.shared.admin.kick(Actor::PROGRAM, &name, reason)?)
    }

    /// The users online, by nickname.
    pub fn users(&self) -> Result<Vec<UserInfo>, ChatError> {
        Ok(self.shared.hub.users()?)
    }

    /// The channels and their members, by name.
    pub fn channels(&self) -> Result<Vec<ChannelInfo>, ChatError> {
        Ok(self.shared.hub.channels()?)
    }

    /// The token that administrators present to the REST interface.
    pub fn admin_token(&self) -> Secret {
        self.shared.admin_token.secret()
    }

    /// The folder with accounts, messages and the chat log. Without a data folder of its own, a
    /// chat has a temporary one that is removed with it.
    pub fn data_dir(&self) -> &Path {
        self.shared.data.path()
    }

    /// The settings in force.
    pub fn config(&self) -> Config {
        self.shared.config()
    }

    /// Applies those settings of `config` that may change while the chat runs.
    pub fn reload(&self, config: &Config) {
        self.shared.reload(config);
    }

    /// Reports, on `/readyz` and to other servers, that clients should be sent elsewhere.
    /// Everything else goes on. Call it before [`Chat::shut_down`], early enough for balancers to
    /// notice.
    pub fn drain(&mut self) {
        self.rest
            .readiness()
            .hinder("stopping", "the server is being stopped");
        self.shared.drain();
        #[cfg(feature = "grpc")]
        drop(self.registration.take());
    }

    /// Stops accepting, says farewell to all clients and waits until everything is sent and stored,
    /// but not much longer than `allowed`.
    pub fn shut_down(mut self, allowed: Duration) -> Result<(), Overdue> {
        self.end(allowed)
    }

    fn end(&mut self, allowed: Duration) -> Result<(), Overdue> {
        let Some(ending) = self.ending.take() else {
            return Ok(());
        };
        // No more clients should be sent here.
        #[cfg(feature = "grpc")]
        drop(self.registration.take());
        for listener in std::mem::take(&mut *self.listeners.lock()) {
            listener.stop();
        }
        ending.run(&self.shared, &self.rest, allowed)
    }
}

impl Drop for Chat {
    fn drop(&mut self) {
        let allowed = Duration::from_secs(self.shared.config().shutdown_seconds);
        if let Err(overdue) = self.end(allowed) {
            log::error!("{overdue}");
        }
    }
}

impl std::fmt::Debug for Chat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let listeners = self.listeners();
        f.debug_struct("Chat")
            .field("listeners", &listeners)
            .finish_non_exhaustive()
    }
}

/// A text from the program, if the rules allow it.
fn sayable(text: &str, shared: &Shared) -> Result<Text, ChatError> {
    let most = shared.admin_text_bytes.load(Ordering::Relaxed);
    if text.len() > most {
        return Err(ChatError::TooLong(most));
    }
    match Text::clean(text) {
        text if text.is_empty() => Err(Refusal::EmptyMessage.into()),
        text => Ok(text),
    }
}

fn bind(kind: ListenerKind, address: impl ToSocketAddrs) -> Result<BoundAs, ListenError> {
    let addresses = address.to_socket_addrs();
    let addresses = addresses.map_err(|error| ListenError::resolving(kind, error))?;
    BoundAs::bind(kind, addresses)
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn a_hub_that_fails_takes_nothing_with_it_but_its_chat() {
        let (failed, has_failed) = channel();
        let chat = Chat::builder()
            .listen(Protocol::RoomLines, "127.0.0.1:0")
            .on_failure(move || failed.send(()).unwrap())
            .start()
            .unwrap();
        let client = TcpStream::connect(chat.listeners()[0].address()).unwrap();
        let watch = chat.watch().unwrap();
        let robot = chat.enter("robot").unwrap();
        let asked = chat.shared.hub.ask(|_, _, _| panic!("on purpose"));
        assert_eq!(asked, Err::<(), _>(crate::turn::HubUnavailable));
        has_failed.recv_timeout(Duration::from_secs(30)).unwrap();
        assert!(watch.count() > 0);
        assert_eq!(chat.users().unwrap_err(), ChatError::Unavailable);
        assert_eq!(robot.join("lobby"), Err(ChatError::Unavailable));
        // With no thread left to say farewell, shutting down must not wait for the client: half an
        // hour would be noticed.
        chat.shut_down(Duration::from_secs(1800)).unwrap();
        drop(client);
    }

    #[test]
    fn a_run_ends_with_the_hub_that_fails() {
        let chat = Chat::builder().start().unwrap();
        let hub = chat.shared.hub.clone();
        let failing = std::thread::spawn(move || hub.ask(|_, _, _| panic!("on purpose")));
        assert!(matches!(chat.run(), Err(RunError::Failed)));
        let asked = failing.join().unwrap();
        assert_eq!(asked, Err::<(), _>(crate::turn::HubUnavailable));
    }
}
