//! A connection's way to the hub: how it is opened, what it sends there, and
//! how it ends. The same for every protocol.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::fair::Asker;
use crate::hub::{Command, ConnectionId, Farewell, Note, Refusal};
use crate::net::link::Link;
use crate::net::transport::Transport;
use crate::protocol::foreign::TLS_ALERT;
use crate::protocol::{Speech, line};
use crate::turn::Input;

use super::allowance::{Allowance, Spent};
use super::context::SessionContext;
use super::pace::Pace;

/// What an entry of the chat log and a row of the database take besides the
/// text.
const ENTRY_BYTES: usize = 256;
/// What it takes that a client comes, has a nickname, and goes.
const VISIT_BYTES: usize = 1024;

/// Whether a connection's thread goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Read on.
    Continue,
    /// The hub is gone.
    Stop,
}

/// A connection the hub knows. Dropping it, even in a panic, tells the hub
/// that the thread is done.
pub struct Attached {
    /// The connection's id.
    pub id: ConnectionId,
    /// The peer's address.
    pub peer: SocketAddr,
    /// What is spoken.
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
        let open = Input::Open {
            id,
            link: link.clone(),
            speech,
            peer,
        };
        if context.hub.send(open).is_err() {
            link.abort();
        }
        let allowance = context.allowances.of(peer.ip());
        // Nobody comes to an address that has spent everything.
        let _ = allowance.take(VISIT_BYTES);
        Attached {
            id,
            peer,
            speech,
            link,
            pace: Pace::new(&context.limits),
            context: context.clone(),
            allowance,
            // Holds unless the thread gets as far as saying otherwise.
            farewell: Farewell::InternalError,
        }
    }

    /// Whose turn it is when the store is asked something for this client.
    pub fn asker(&self) -> Asker {
        Asker::of(self.id, self.peer.ip())
    }

    /// As [`SessionContext::look_up`], when it is this client's turn.
    pub fn look_up(&self, has_account: bool, command: Command) -> Result<Command, Refusal> {
        self.context.look_up(self.asker(), has_account, command)
    }

    /// The connection's thread is done for the given reason.
    pub fn end(&mut self, farewell: Farewell) {
        self.farewell = farewell;
    }

    /// Sends bytes below the protocol; they wait for nothing.
    pub fn write(&self, bytes: Vec<u8>) -> Flow {
        self.input(Input::Write(self.id, bytes))
    }

    /// Says something to this client only, in order with the rest.
    pub fn answer(&self, bytes: Vec<u8>) -> Flow {
        self.command(Command::Answer(bytes))
    }

    /// As [`Attached::answer`]; the log has a word of it, too.
    pub fn answer_noted(&self, bytes: Vec<u8>, note: Note) -> Flow {
        self.command(Command::Noted { bytes, note })
    }

    /// Tells the client in `bytes` that `what` it has sent is not carried out;
    /// the log has it in words.
    pub fn refuse(&self, what: &str, words: &str, bytes: Vec<u8>) -> Flow {
        self.answer_noted(bytes, line::refused(what, words))
    }

    /// Has the hub end the connection. The thread reads on until the client
    /// has seen why.
    pub fn close(&self, farewell: Farewell) -> Flow {
        self.command(Command::End(farewell))
    }

    /// Ends the connection of a client that speaks TLS to a plain port, in its
    /// own words: it would understand no others.
    pub fn refuse_tls(&self) -> Flow {
        match self.write(TLS_ALERT.to_vec()) {
            Flow::Continue => self.close(Farewell::PeerLeft),
            Flow::Stop => Flow::Stop,
        }
    }

    /// Has the hub carry out a command, unless its address has had too much
    /// written: then it is refused.
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
        // Without a hub there is nobody to tell.
        let _ = self.context.hub.send(Input::Done(self.id, farewell));
    }
}

/// What a command may have written.
fn cost(command: &Command) -> usize {
    match command {
        Command::Say { text, .. } | Command::Line(text) | Command::Private { text, .. } => {
            text.as_str().len() + ENTRY_BYTES
        }
        Command::Tagged { message, .. } => cost(message),
        Command::Noted { note, .. } => match note {
            Note::Done(words) => words.len() + ENTRY_BYTES,
            Note::Refused { command, reason } => command.len() + reason.len() + ENTRY_BYTES,
        },
        // Nothing of them is written, or they are the end.
        Command::Typing(_) | Command::Listen { .. } | Command::Answer(_) => 0,
        Command::Ask { logged: None, .. } => 0,
        Command::Refuse { .. } | Command::Quit | Command::End(_) => 0,
        _ => ENTRY_BYTES,
    }
}

/// What comes of a command that is not to be carried out. Nothing is written but
/// a word now and then.
fn over_allowance(command: Command, spent: Spent) -> Command {
    match command {
        // It is told; only the log does without.
        Command::Noted { bytes, .. } => Command::Answer(bytes),
        other => Command::Refuse {
            refusal: Refusal::AllowanceSpent(spent.bytes),
            logged: spent.is_news.then(|| other.in_words()),
            tag: other.into_tag(),
        },
    }
}
