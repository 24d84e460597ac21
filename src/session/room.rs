//! Connections that speak room lines, over TCP and over WebSocket.

use std::net::SocketAddr;

use crate::http::Upgraded;
use crate::hub::{Command, Farewell};
use crate::model::Text;
use crate::net::transport::Transport;
use crate::protocol::frame_lines;
use crate::protocol::room::{BadHello, Decoder, Hello, Input, decode_hello};
use crate::protocol::speech::{ROOM_LINES, ROOM_WEBSOCKET};

use super::attached::{Attached, Flow};
use super::context::SessionContext;
use super::rate::{A_LINE, Notice, Paced, Sent};
use super::stream;
use super::websocket::{READ_BYTES, Session, serve};

/// Serves a TCP connection until it ends.
pub fn serve_tcp(transport: Transport, peer: SocketAddr, context: SessionContext) {
    stream::serve(transport, peer, &ROOM_LINES, &context, |attached| {
        let longest = attached.context.limits.line_bytes;
        TcpSession {
            room: RoomSession::new(attached),
            decoder: Decoder::new(longest),
        }
    });
}

/// Serves a WebSocket until it ends; `read_buffer` is how much is read at once, if
/// not the usual amount.
pub fn serve_websocket(upgraded: Upgraded, context: &SessionContext, read_buffer: Option<usize>) {
    let read_bytes = read_buffer.unwrap_or(READ_BYTES);
    serve(
        upgraded,
        &ROOM_WEBSOCKET,
        context,
        read_bytes,
        RoomSession::new,
    );
}

/// Room lines over TCP, where bytes do not arrive line by line.
struct TcpSession {
    room: RoomSession,
    decoder: Decoder,
}

impl stream::Session for TcpSession {
    fn bytes(&mut self, bytes: &[u8]) -> Flow {
        let TcpSession { room, decoder } = self;
        let mut flow = Flow::Continue;
        decoder.feed(bytes, |input| {
            flow = match input {
                Input::Hello(hello) => room.come_in(Ok(hello)),
                Input::Broken(why) => room.come_in(Err(why)),
                Input::Line(line) => room.line(&String::from_utf8_lossy(line)),
                Input::TooLong => room.too_long(),
            };
            flow == Flow::Continue && !room.attached.link.is_closing()
        });
        flow
    }

    fn finish(&mut self) {
        if let Some(line) = self.decoder.finish() {
            self.room.line(&String::from_utf8_lossy(&line));
        }
    }
}

impl Paced for TcpSession {
    fn attached(&mut self) -> &mut Attached {
        self.room.attached()
    }

    fn say_pace(&self, notice: Notice, sent: &Sent<'_>) -> Flow {
        self.room.say_pace(notice, sent)
    }
}

/// Takes the lines of one connection to the hub.
struct RoomSession {
    attached: Attached,
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
            // The limit applies to lines, and a frame may have several.
            true => self.lines(text),
            false => self.come_in(Err(BadHello::NotAnObject)),
        }
    }

    fn binary(&mut self, _: &[u8]) -> Flow {
        let words = "That was a binary frame, and was not sent: lines come in text frames.\n";
        self.held_back(A_LINE)
            .unwrap_or_else(|| self.refuse("a frame", words))
    }
}

impl RoomSession {
    fn new(attached: Attached) -> RoomSession {
        RoomSession {
            attached,
            inside: false,
        }
    }

    /// Takes the name and joins the room of the opening object, or tells the client
    /// why not and closes.
    fn come_in(&mut self, hello: Result<Hello, BadHello>) -> Flow {
        let hello = match hello {
            Ok(hello) => hello,
            Err(why) => {
                return match self.refuse("hello", &format!("{why}\n")) {
                    Flow::Continue => self.attached.close(Farewell::Quit),
                    Flow::Stop => Flow::Stop,
                };
            }
        };
        let admitted = self.attached.admit_guest(hello.name);
        match admitted.and_then(|()| self.attached.enter(hello.room, hello.pass)) {
            Ok(()) => {
                self.inside = true;
                Flow::Continue
            }
            Err(farewell) => self.attached.close(farewell),
        }
    }

    /// Takes the lines of a frame, of which the last need not be ended.
    fn lines(&mut self, text: &str) -> Flow {
        for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
            let line = line.strip_suffix('\r').unwrap_or(line);
            let flow = match line.len() > self.attached.context.limits.line_bytes {
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
        if let Some(flow) = self.held_back(A_LINE) {
            return flow;
        }
        self.attached.command(Command::Line(Text::as_sent(line)))
    }

    fn too_long(&mut self) -> Flow {
        let most = self.attached.context.limits.line_bytes;
        let words = format!("That line was longer than {most} bytes and was not sent.\n");
        self.held_back(A_LINE)
            .unwrap_or_else(|| self.refuse(A_LINE.what, &words))
    }

    /// Tells the client in one line why something is refused.
    fn refuse(&self, what: &str, line: &str) -> Flow {
        let mut bytes = Vec::new();
        frame_lines(self.attached.speech.format, line, &mut bytes);
        self.attached.refuse(what, line, bytes)
    }
}

impl Paced for RoomSession {
    fn attached(&mut self) -> &mut Attached {
        &mut self.attached
    }

    fn say_pace(&self, notice: Notice, sent: &Sent<'_>) -> Flow {
        match notice {
            Notice::TooFast => self.refuse(
                sent.what,
                "You are sending too fast. Nothing more is sent until you slow down.\n",
            ),
            Notice::Dropped(_) | Notice::StillTooFast => Flow::Continue,
        }
    }
}
