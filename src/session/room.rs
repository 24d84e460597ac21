//! Connections that speak room lines, over TCP and over WebSocket.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::http::Upgraded;
use crate::hub::{Command, Farewell, Profile};
use crate::net::link::Link;
use crate::net::transport::Transport;
use crate::protocol::foreign::is_client_hello;
use crate::protocol::room::{BadHello, Decoder, Hello, Input, decode_hello};
use crate::protocol::{WireFormat, frame_lines, line};
use crate::text::Text;

use super::line::{Attached, Flow, SessionContext};
use super::rate::{Notice, Pace, Paced};
use super::stream::{self, End};
use super::websocket::{READ_BYTES, Session, Terms, serve};

/// Serves a TCP connection until it ends.
pub fn serve_tcp(transport: Transport, peer: SocketAddr, context: SessionContext) {
    let link = Arc::new(Link::new(transport));
    let line_bytes = context.limits.line_bytes;
    let profile = Profile {
        protocol: "room",
        address: peer,
        one_channel: true,
        shows_past: false,
    };
    let format = WireFormat::RoomTcp;
    let attached = Attached::open(&context, &link, format, profile);
    let mut session = RoomSession::new(attached, format, context);
    read_lines(&link, &mut session, line_bytes);
    session.attached.end(Farewell::PeerLeft);
}

/// Serves a WebSocket until it ends; `read_buffer` is how much is read at once
/// if that is not to be what it is for others.
pub fn serve_websocket(upgraded: Upgraded, context: &SessionContext, read_buffer: Option<usize>) {
    let terms = Terms {
        protocol: "room-websocket",
        format: WireFormat::RoomWebSocket,
        one_channel: true,
        shows_past: false,
        read_bytes: read_buffer.unwrap_or(READ_BYTES),
    };
    serve(upgraded, &terms, context, |attached| {
        RoomSession::new(attached, terms.format, context.clone())
    });
}

fn read_lines(link: &Arc<Link>, session: &mut RoomSession, line_bytes: usize) {
    let mut decoder = Decoder::new(line_bytes);
    let mut begun = false;
    let end = stream::read(link, |bytes| {
        if !std::mem::replace(&mut begun, true) && is_client_hello(bytes) {
            // Nothing of it is a beginning.
            decoder.feed(bytes, |_| false);
            return session.attached.refuse_tls();
        }
        let mut flow = Flow::Continue;
        decoder.feed(bytes, |input| {
            flow = match input {
                Input::Hello(hello) => session.come_in(Ok(hello)),
                Input::Broken(why) => session.come_in(Err(why)),
                Input::Line(line) => session.line(&String::from_utf8_lossy(line)),
                Input::TooLong => session.too_long(),
            };
            flow == Flow::Continue && !link.is_closing()
        });
        flow
    });
    if end == End::Broken {
        return;
    }
    if let Some(line) = decoder.finish()
        && !link.is_closing()
    {
        session.line(&String::from_utf8_lossy(&line));
    }
    stream::hang_up(link, &session.attached);
}

/// Takes the lines of one connection to the hub.
struct RoomSession {
    attached: Attached,
    format: WireFormat,
    context: SessionContext,
    pace: Pace,
    inside: bool,
}

impl Session for RoomSession {
    fn text(&mut self, text: &str) -> Flow {
        if self.inside {
            return self.lines(text);
        }
        match decode_hello(text) {
            Ok((hello, lines)) => match self.come_in(Ok(hello)) {
                Flow::Continue if self.inside && !lines.is_empty() => self.lines(lines),
                flow => flow,
            },
            Err(why) => self.come_in(Err(why)),
        }
    }

    fn overlong(&mut self, text: &str) -> Flow {
        match self.inside {
            // The limit is about lines, of which a frame may have several.
            true => self.lines(text),
            false => self.come_in(Err(BadHello::NotAnObject)),
        }
    }

    fn binary(&mut self) -> Flow {
        let words = "That was a binary frame, and was not sent: lines come in text frames.\n";
        self.held_back()
            .unwrap_or_else(|| self.refuse("a frame", words))
    }

    fn end(self, farewell: Farewell) {
        self.attached.end(farewell);
    }
}

impl RoomSession {
    fn new(attached: Attached, format: WireFormat, context: SessionContext) -> RoomSession {
        let limits = context.limits;
        RoomSession {
            attached,
            format,
            pace: Pace::new(&limits),
            inside: false,
            context,
        }
    }

    /// The beginning: takes the name and joins the room, or says why not and
    /// ends.
    fn come_in(&mut self, hello: Result<Hello, BadHello>) -> Flow {
        let hello = match hello {
            Ok(hello) => hello,
            Err(why) => {
                return match self.refuse("hello", &format!("{why}\n")) {
                    Flow::Continue => self.attached.command(Command::End(Farewell::Quit)),
                    Flow::Stop => Flow::Stop,
                };
            }
        };
        match self.claim(&hello) {
            Ok(()) => {
                self.inside = true;
                Flow::Continue
            }
            Err(farewell) => self.attached.command(Command::End(farewell)),
        }
    }

    fn claim(&self, hello: &Hello) -> Result<(), Farewell> {
        let name = hello.name.clone();
        let checked = self.context.accounts.check_guest(&name);
        checked.map_err(Farewell::NotAdmitted)?;
        let id = self.attached.id;
        let hub = &self.context.hub;
        let claimed = hub.claim(id, name, None);
        claimed
            .map_err(|_| Farewell::InternalError)?
            .map_err(Farewell::NotAdmitted)?;
        let room = hello.room.clone();
        let entered = hub.ask(move |hub, now, fx| hub.enter(id, room, now, fx));
        entered
            .map_err(|_| Farewell::InternalError)?
            .map_err(Farewell::NotAdmitted)
    }

    /// Takes the lines of a frame, of which the last need not be ended.
    fn lines(&mut self, text: &str) -> Flow {
        for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
            let line = line.strip_suffix('\r').unwrap_or(line);
            let flow = match line.len() > self.context.limits.line_bytes {
                true => self.too_long(),
                false => self.line(line),
            };
            if flow == Flow::Stop {
                return Flow::Stop;
            }
        }
        Flow::Continue
    }

    fn line(&mut self, line: &str) -> Flow {
        if let Some(flow) = self.held_back() {
            return flow;
        }
        self.attached.command(Command::Line(Text::as_sent(line)))
    }

    fn too_long(&mut self) -> Flow {
        let most = self.context.limits.line_bytes;
        let words = format!("That line was longer than {most} bytes and was not sent.\n");
        self.held_back()
            .unwrap_or_else(|| self.refuse("a line", &words))
    }

    /// Says why something is not done, in one line.
    fn refuse(&self, what: &str, line: &str) -> Flow {
        let mut bytes = Vec::new();
        frame_lines(self.format, line, &mut bytes);
        let note = line::refused(what, line);
        self.attached.command(Command::Noted { bytes, note })
    }

    /// What to do instead of taking the line, if it comes too fast.
    fn held_back(&mut self) -> Option<Flow> {
        self.pace.judge().held_back(self)
    }
}

impl Paced for RoomSession {
    fn say_pace(&self, notice: Notice) -> Flow {
        match notice {
            Notice::TooFast => self.refuse(
                "a line",
                "You are sending too fast. Nothing more is sent until you slow down.\n",
            ),
            Notice::Dropped(_) | Notice::StillTooFast => Flow::Continue,
        }
    }

    fn end_flood(&self) -> Flow {
        self.attached.command(Command::End(Farewell::Flooding))
    }
}
