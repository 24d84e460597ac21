//! A line connection's thread, whatever the framing: nickname first, then
//! commands, at the speed the limits allow.

use std::sync::Arc;
use std::time::Instant;

use crate::hub::{Command, ConnectionId, Farewell, Profile};
use crate::protocol::line::{self, Step};
use crate::protocol::{WireFormat, frame_lines};
use crate::turn::{HubHandle, Input};

use super::link::Link;
use super::rate::{RateLimit, Verdict};
use super::registry::Registry;

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
    hub: HubHandle,
    farewell: Farewell,
}

impl Attached {
    /// Makes a connection known to the hub.
    pub fn open(
        hub: &HubHandle,
        registry: &Registry,
        link: &Arc<Link>,
        format: WireFormat,
        profile: Profile,
    ) -> Attached {
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
        Attached {
            id,
            hub: hub.clone(),
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

    /// Hands something to the hub.
    pub fn input(&self, input: Input) -> Flow {
        match self.hub.send(input) {
            Ok(()) => Flow::Continue,
            Err(_) => Flow::Stop,
        }
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
    limits: LineLimits,
    rate: RateLimit,
    started: Instant,
    named: bool,
}

impl LineSession {
    /// A session for a connection just opened.
    pub fn new(attached: Attached, format: WireFormat, limits: LineLimits) -> LineSession {
        LineSession {
            attached,
            format,
            limits,
            rate: RateLimit::new(limits.message_rate, limits.message_burst),
            started: Instant::now(),
            named: false,
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

    /// Takes one line.
    pub fn line(&mut self, line: &[u8]) -> Flow {
        if let Some(flow) = self.held_back() {
            return flow;
        }
        let step = match self.named {
            true => line::decode(line),
            false => line::decode_nickname(line),
        };
        match step {
            Step::Nothing => Flow::Continue,
            Step::Reply(text) => self.say(&text),
            Step::Command(command) => {
                let id = self.attached.id;
                self.attached.input(Input::Command(id, command))
            }
            Step::Claim(name) => self.claim(name),
        }
    }

    /// Takes a line that was over the limit.
    pub fn overlong_line(&mut self) -> Flow {
        match self.held_back() {
            Some(flow) => flow,
            None => self.say(&line::too_long(self.limits.line_bytes)),
        }
    }

    /// Says something to this connection only.
    pub fn say(&self, lines: &str) -> Flow {
        let mut bytes = Vec::new();
        frame_lines(self.format, lines, &mut bytes);
        let id = self.attached.id;
        self.attached
            .input(Input::Command(id, Command::Answer(bytes)))
    }

    /// What to do instead of taking the line, if it comes too fast.
    fn held_back(&mut self) -> Option<Flow> {
        match self.rate.check(self.started.elapsed()) {
            Verdict::Pass => None,
            Verdict::PassAfter { refused } => {
                let word = if refused == 1 {
                    "line was"
                } else {
                    "lines were"
                };
                match self.say(&format!("! {refused} {word} not sent: too fast.\n")) {
                    Flow::Continue => None,
                    Flow::Stop => Some(Flow::Stop),
                }
            }
            Verdict::Warn => Some(
                self.say("! You are sending too fast. Nothing more is sent until you slow down.\n"),
            ),
            Verdict::Refuse => Some(Flow::Continue),
            Verdict::Close => {
                let id = self.attached.id;
                let end = Command::End(Farewell::Flooding);
                Some(self.attached.input(Input::Command(id, end)))
            }
        }
    }

    /// Asks for a nickname and waits for the answer, because the next line
    /// means something else if it is yes.
    fn claim(&mut self, name: crate::name::Name) -> Flow {
        let id = self.attached.id;
        let answer = self
            .attached
            .hub
            .ask(move |hub, now, fx| hub.claim(id, name, None, now, fx));
        match answer {
            Ok(Ok(())) => {
                self.named = true;
                Flow::Continue
            }
            Ok(Err(_)) => self.say("Another nickname, please:\n"),
            Err(_) => self.say("! The server is too busy. Your nickname again, please:\n"),
        }
    }
}
