//! A connection's way to the hub, the same for every protocol: how it is opened,
//! what it sends to the hub, and how it ends.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::fair::Asker;
use crate::hub::{Command, ConnectionId, Farewell, Note, Refusal};
use crate::model::governance::Cloak;
use crate::model::{AccountId, SavedChannel};
use crate::net::link::Link;
use crate::net::registry::Refused;
use crate::net::transport::Transport;
use crate::protocol::foreign::TLS_ALERT;
use crate::protocol::{Speech, line};
use crate::turn::Input;

use super::allowance::{Allowance, ENTRY_BYTES, Spent};
use super::context::SessionContext;
use super::own_rooms;
use super::pace::Pace;

/// Bytes written because a client connects, takes a nickname and leaves.
const VISIT_BYTES: usize = 1024;

/// Whether a connection's thread goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// The thread reads on.
    Continue,
    /// The hub is gone.
    Stop,
}

/// A connection that the hub knows. Dropping it, even in a panic, tells the hub
/// that the connection's thread has ended.
pub struct Attached {
    /// The connection's id.
    pub id: ConnectionId,
    /// The peer's address.
    pub peer: SocketAddr,
    /// What stands for that address where other users see it.
    pub cloak: Cloak,
    /// The protocol.
    pub speech: &'static Speech,
    /// The socket.
    pub link: Arc<Link>,
    /// What its session works with.
    pub context: SessionContext,
    pub(super) pace: Pace,
    allowance: Arc<Allowance>,
    farewell: Farewell,
}

impl Attached {
    /// Makes a connection known to the hub.
    pub fn open(
        context: &SessionContext,
        speech: &'static Speech,
        transport: Transport,
        peer: SocketAddr,
    ) -> Attached {
        let link = Arc::new(Link::new(transport));
        let id = context.registry.take_id();
        let cloak = context.cloaks.cloak(peer.ip());
        let open = Input::Open {
            id,
            link: link.clone(),
            speech,
            profile: speech.manners.profile(peer, Some(cloak.clone())),
        };
        if context.hub.send(open).is_err() {
            link.abort();
        }
        let allowance = context.allowances.of(peer.ip());
        // A connection from an address that has spent everything was refused before.
        let _ = allowance.take(VISIT_BYTES);
        Attached {
            id,
            peer,
            cloak,
            speech,
            link,
            pace: Pace::new(&context.limits),
            context: context.clone(),
            allowance,
            // Stands unless the thread gets as far as giving another reason.
            farewell: Farewell::InternalError,
        }
    }

    /// Counts the connection for the address from which its client really comes.
    pub fn comes_from(&mut self, client: SocketAddr) -> Result<(), Refused> {
        let allowance = self.context.allowances.of(client.ip());
        if allowance.is_spent() {
            return Err(Refused::AllowanceSpent);
        }
        let _ = allowance.take(VISIT_BYTES);
        self.cloak = self.context.cloaks.cloak(client.ip());
        let (id, cloak) = (self.id, self.cloak.clone());
        // If the hub has gone, the connection ends with the next line.
        let _ =
            (self.context.hub).ask(move |hub, now, fx| hub.comes_from(id, client, cloak, now, fx));
        self.allowance = allowance;
        self.peer = client;
        Ok(())
    }

    /// The asker that takes turns when this client needs the store.
    pub fn asker(&self) -> Asker {
        Asker::of(self.id, self.peer.ip())
    }

    /// The rooms of the client's account as they are stored, with all that was done before; none if
    /// the store cannot say.
    pub fn saved_rooms(&self, account: AccountId) -> Vec<SavedChannel> {
        let SessionContext { hub, accounts, .. } = &self.context;
        own_rooms::saved(hub, accounts, &self.asker(), account).unwrap_or_default()
    }

    /// As [`SessionContext::look_up`], when it is this client's turn.
    pub fn look_up(&self, has_account: bool, command: Command) -> Result<Command, Refusal> {
        self.context.look_up(self.asker(), has_account, command)
    }

    /// Notes the reason why the connection's thread ends.
    pub fn end(&mut self, farewell: Farewell) {
        self.farewell = farewell;
    }

    /// Sends bytes below the protocol, which do not wait for earlier answers.
    pub fn write(&self, bytes: Vec<u8>) -> Flow {
        self.input(Input::Write(self.id, bytes))
    }

    /// Sends an answer to this client only, in order with the rest.
    pub fn answer(&self, bytes: Vec<u8>) -> Flow {
        self.command(Command::Answer(bytes))
    }

    /// As [`Attached::answer`], with an entry in the log.
    pub fn answer_noted(&self, bytes: Vec<u8>, note: Note) -> Flow {
        self.command(Command::Noted { bytes, note })
    }

    /// Tells the client in `bytes` that its command is refused; the log gets the
    /// command `what` and the reason `words`.
    pub fn refuse(&self, what: &str, words: &str, bytes: Vec<u8>) -> Flow {
        self.answer_noted(bytes, line::refused(what, words))
    }

    /// Has the hub close the connection. The thread reads on until the client has
    /// been told why.
    pub fn close(&self, farewell: Farewell) -> Flow {
        self.command(Command::End(farewell))
    }

    /// Ends the connection of a client that speaks TLS to a plain port, with a TLS
    /// alert: it would understand nothing else.
    pub fn refuse_tls(&self) -> Flow {
        match self.write(TLS_ALERT.to_vec()) {
            Flow::Continue => self.close(Farewell::PeerLeft),
            Flow::Stop => Flow::Stop,
        }
    }

    /// Has the hub carry out a command; refuses it if the allowance of its address
    /// is spent.
    pub fn command(&self, command: Command) -> Flow {
        let command = match cost(&command) {
            0 => command,
            bytes => match self.allowance.take(bytes) {
                Ok(()) => command,
                Err(spent) => over_allowance(command, spent),
            },
        };
        self.input(Input::Command(self.id, command))
    }

    fn input(&self, input: Input) -> Flow {
        match self.context.hub.send(input) {
            Ok(()) => Flow::Continue,
            Err(_) => Flow::Stop,
        }
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        let farewell = std::mem::replace(&mut self.farewell, Farewell::PeerLeft);
        // If the hub thread has ended, it need not be told.
        let _ = self.context.hub.send(Input::Done(self.id, farewell));
    }
}

/// The bytes that a command may cause to be written.
fn cost(command: &Command) -> usize {
    match command {
        Command::Say { body, .. } | Command::Private { body, .. } => body.bytes() + ENTRY_BYTES,
        Command::Signal(_, signal) if signal.is_logged() => {
            signal.words.as_str().len() + ENTRY_BYTES
        }
        Command::Line(text) => text.as_str().len() + ENTRY_BYTES,
        Command::Reply { replying, .. } => cost(&replying.message),
        Command::Tagged { message, .. } => cost(message),
        Command::Marked { command, .. }
        | Command::AsSeen {
            answer: command, ..
        } => cost(command),
        Command::Noted { note, .. } => match note {
            Note::Done(words) => words.len() + ENTRY_BYTES,
            Note::Refused { command, reason } => command.len() + reason.len() + ENTRY_BYTES,
        },
        // They cause nothing to be written, or end the connection.
        Command::Typing(_) | Command::Listen { .. } | Command::Signal(..) => 0,
        Command::Answer(_) | Command::AnswerFromPast { .. } => 0,
        Command::AnswerOwnChannels(_) => 0,
        Command::Ask { logged: None, .. } => 0,
        Command::Refuse { .. } | Command::Quit { .. } | Command::End(_) => 0,
        _ => ENTRY_BYTES,
    }
}

/// The command in place of one that is over the allowance. Nothing is written except
/// a log entry now and then.
fn over_allowance(command: Command, spent: Spent) -> Command {
    match command {
        // The client is told; only the log entry is left out.
        Command::Noted { bytes, .. } => Command::Answer(bytes),
        Command::Marked { mark, command } => Command::Marked {
            mark,
            command: Box::new(over_allowance(*command, spent)),
        },
        other => Command::Refuse {
            refusal: Refusal::AllowanceSpent(spent.bytes),
            logged: spent.is_news.then(|| other.in_words()),
            tag: other.into_tag(),
        },
    }
}
