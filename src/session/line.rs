//! A line connection's thread, whatever the framing: nickname first, then
//! commands, at the speed the limits allow.

mod login;

use std::net::SocketAddr;
use std::sync::Arc;

use crate::account::Accounts;
use crate::hub::{Command, ConnectionId, Farewell, Note, Profile, Refusal};
use crate::net::link::Link;
use crate::net::registry::Registry;
use crate::protocol::foreign::TLS_ALERT;
use crate::protocol::line::{self, Step};
use crate::protocol::{WireFormat, frame_lines};
use crate::store::AccountId;
use crate::turn::{HubHandle, Input};

use super::allowance::{Allowance, Allowances, Spent};
use super::cost;
use super::rate::{Notice, Pace, Paced};
use login::Asking;

/// What every session works with, whatever it speaks.
#[derive(Clone)]
pub struct SessionContext {
    /// The hub.
    pub hub: HubHandle,
    /// Who is connected.
    pub registry: Arc<Registry>,
    /// Who is registered.
    pub accounts: Arc<Accounts>,
    /// What the connections of an address may have written.
    pub allowances: Arc<Allowances>,
    /// What a connection may do.
    pub limits: LineLimits,
}

impl SessionContext {
    /// Adds to a command what only the store knows, for somebody who has an
    /// account or is a guest.
    pub fn look_up(&self, has_account: bool, command: Command) -> Result<Command, Refusal> {
        Ok(match command {
            // Between accounts a message is kept, also for who is not on.
            Command::Private {
                to,
                account: None,
                text,
            } if has_account => {
                let (to, account) = self.accounts.recipient(to)?;
                Command::Private { to, account, text }
            }
            Command::Rename(name) if !has_account => {
                self.accounts.check_guest(&name)?;
                Command::Rename(name)
            }
            other => other,
        })
    }
}

/// What one line connection may do.
#[derive(Clone, Copy, Debug)]
pub struct LineLimits {
    /// Longest line.
    pub line_bytes: usize,
    /// Messages a second; 0 is no limit.
    pub message_rate: f64,
    /// Messages at once.
    pub message_burst: u32,
}

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
    hub: HubHandle,
    allowance: Arc<Allowance>,
    farewell: Farewell,
}

/// What an entry of the chat log and a row of the database take besides the
/// text.
const ENTRY_BYTES: usize = 256;
/// What it takes that a connection comes, is somebody, and goes.
const VISIT_BYTES: usize = 1024;

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
        Command::Refuse { .. } | Command::Quit | Command::End(_) => 0,
        _ => ENTRY_BYTES,
    }
}

impl Attached {
    /// Makes a connection known to the hub.
    pub fn open(
        context: &SessionContext,
        link: &Arc<Link>,
        format: WireFormat,
        profile: Profile,
    ) -> Attached {
        let peer = profile.address;
        let (hub, registry) = (&context.hub, &context.registry);
        let id = registry.take_id();
        let open = Input::Open {
            id,
            link: link.clone(),
            format,
            profile,
        };
        if hub.send(open).is_err() {
            link.abort();
        }
        let allowance = context.allowances.of(peer.ip());
        // Nobody comes to an address that has spent everything.
        let _ = allowance.take(VISIT_BYTES);
        Attached {
            id,
            peer,
            hub: hub.clone(),
            allowance,
            // Holds unless the thread gets as far as saying otherwise.
            farewell: Farewell::InternalError,
        }
    }

    /// Ends the connection for the given reason.
    pub fn end(mut self, farewell: Farewell) {
        self.farewell = farewell;
    }

    /// Sends bytes below the protocol; they wait for nothing.
    pub fn write(&self, bytes: Vec<u8>) -> Flow {
        self.input(Input::Write(self.id, bytes))
    }

    /// Ends the connection of a client that speaks TLS to a plain port, in its
    /// own words: it would understand no others.
    pub fn refuse_tls(&self) -> Flow {
        match self.write(TLS_ALERT.to_vec()) {
            Flow::Continue => self.command(Command::End(Farewell::PeerLeft)),
            Flow::Stop => Flow::Stop,
        }
    }

    /// Has the hub carry out a command, unless its address has had too much
    /// written: then it is refused.
    pub fn command(&self, command: Command) -> Flow {
        let command = match self.allowance.take(cost(&command)) {
            Ok(()) => command,
            Err(spent) => over_allowance(command, spent),
        };
        self.input(Input::Command(self.id, command))
    }

    fn input(&self, input: Input) -> Flow {
        match self.hub.send(input) {
            Ok(()) => Flow::Continue,
            Err(_) => Flow::Stop,
        }
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

impl Drop for Attached {
    fn drop(&mut self) {
        let farewell = std::mem::replace(&mut self.farewell, Farewell::PeerLeft);
        // Without a hub there is nobody to tell.
        let _ = self.hub.send(Input::Done(self.id, farewell));
    }
}

/// Takes lines of one connection to the hub.
pub struct LineSession {
    attached: Attached,
    format: WireFormat,
    context: SessionContext,
    pace: Pace,
    named: bool,
    account: Option<AccountId>,
    asking: Asking,
    is_over: bool,
}

impl LineSession {
    /// A session for a connection just opened.
    pub fn new(attached: Attached, format: WireFormat, context: SessionContext) -> LineSession {
        let limits = context.limits;
        LineSession {
            attached,
            format,
            context,
            pace: Pace::new(&limits),
            named: false,
            account: None,
            asking: Asking::Nothing,
            is_over: false,
        }
    }

    /// The connection, for bytes below the line protocol.
    pub fn attached(&self) -> &Attached {
        &self.attached
    }

    /// Ends the session.
    pub fn end(self, farewell: Farewell) {
        self.attached.end(farewell);
    }

    /// Says why the connection is over. Nothing that comes after is taken.
    pub fn ends(&mut self, why: Farewell) -> Flow {
        self.is_over = true;
        self.attached.command(Command::End(why))
    }

    /// Ends the connection of a client that speaks TLS.
    pub fn ends_for_tls(&mut self) -> Flow {
        self.is_over = true;
        self.attached.refuse_tls()
    }

    /// Takes one line.
    pub fn line(&mut self, line: &[u8]) -> Flow {
        if self.is_over {
            return Flow::Continue;
        }
        if let Some(flow) = self.held_back() {
            return flow;
        }
        if self.asking != Asking::Nothing {
            return self.password_given(line);
        }
        let step = match self.named {
            true => line::decode(line),
            false => line::decode_nickname(line),
        };
        match step {
            Step::Nothing => Flow::Continue,
            Step::Reply(text) => self.say(&text),
            Step::Noted(text, note) => self.say_noted(&text, note),
            Step::Command(command) => self.command(command),
            Step::Claim(name) => self.wants(name),
            Step::Register(password) => self.register(password),
            Step::LogIn(name, password) => self.log_in(name, password),
        }
    }

    /// Takes a line that was over the limit.
    pub fn overlong_line(&mut self) -> Flow {
        if self.is_over {
            return Flow::Continue;
        }
        match self.held_back() {
            Some(flow) => flow,
            None => {
                let words = line::too_long(self.context.limits.line_bytes);
                self.refuse("a line", &words)
            }
        }
    }

    /// Says something to this connection only, in order with the rest.
    pub fn say(&self, lines: &str) -> Flow {
        let mut bytes = Vec::new();
        frame_lines(self.format, lines, &mut bytes);
        self.attached.command(Command::Answer(bytes))
    }

    /// As [`LineSession::say`]; the log has a word of it, too.
    fn say_noted(&self, lines: &str, note: Note) -> Flow {
        let mut bytes = Vec::new();
        frame_lines(self.format, lines, &mut bytes);
        self.attached.command(Command::Noted { bytes, note })
    }

    /// Says why a command is not carried out, in one line.
    fn refuse(&self, command: &str, line: &str) -> Flow {
        self.say_noted(line, line::refused(command, line))
    }

    fn command(&mut self, command: Command) -> Flow {
        self.pace.charge(cost::of_command(&command));
        let words = command.in_words();
        match self.context.look_up(self.account.is_some(), command) {
            Ok(command) => self.attached.command(command),
            Err(refusal) => self.refuse(&words, &format!("! {refusal}\n")),
        }
    }

    /// What to do instead of taking the line, if it comes too fast.
    fn held_back(&mut self) -> Option<Flow> {
        self.pace.judge().held_back(self)
    }
}

impl Paced for LineSession {
    fn say_pace(&self, notice: Notice) -> Flow {
        match notice {
            Notice::Dropped(1) => self.say("! 1 line was not sent: too fast.\n"),
            Notice::Dropped(n) => self.say(&format!("! {n} lines were not sent: too fast.\n")),
            Notice::TooFast => self.refuse(
                "a line",
                "! You are sending too fast. Nothing more is sent until you slow down.\n",
            ),
            Notice::StillTooFast => Flow::Continue,
        }
    }

    fn end_flood(&self) -> Flow {
        self.attached.command(Command::End(Farewell::Flooding))
    }
}
