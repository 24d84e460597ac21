//! The session of a telnet connection: decodes telnet, and gives the lines to a
//! [`LineSession`].

use std::net::SocketAddr;

use crate::hub::Farewell;
use crate::net::transport::Transport;
use crate::protocol::foreign::{is_blank, is_request_line};
use crate::protocol::speech::TELNET;
use crate::protocol::telnet::{Decoder, Input};

use super::attached::{Attached, Flow};
use super::context::SessionContext;
use super::line::LineSession;
use super::rate::{Notice, Paced, Sent};
use super::stream::{self, Session};

/// Serves a telnet connection until it ends.
pub fn serve(transport: Transport, peer: SocketAddr, context: SessionContext) {
    stream::serve(transport, peer, &TELNET, &context, |attached| {
        let longest = attached.context.limits.line_bytes;
        TelnetSession {
            lines: LineSession::new(attached),
            decoder: Decoder::new(longest),
            first: First(true),
        }
    });
}

struct TelnetSession {
    lines: LineSession,
    decoder: Decoder,
    first: First,
}

/// Whether the first line that is not blank has yet to arrive: it shows whether the
/// client speaks lines or HTTP.
struct First(bool);

impl First {
    fn begins_a_request(&mut self, line: &[u8]) -> bool {
        let is_first = self.0 && !is_blank(line);
        self.0 &= !is_first;
        is_first && is_request_line(line)
    }
}

impl Session for TelnetSession {
    fn bytes(&mut self, bytes: &[u8]) -> Flow {
        let TelnetSession {
            lines,
            decoder,
            first,
        } = self;
        let mut flow = Flow::Continue;
        decoder.feed(bytes, |input| {
            flow = match input {
                Input::Line(line) | Input::TooLong(line) if first.begins_a_request(line) => {
                    lines.ends(Farewell::SpokeHttp)
                }
                Input::Line(line) => lines.line(line),
                Input::TooLong(_) => lines.overlong_line(),
                Input::AreYouThere => lines.say("* Yes, the server is here.\n"),
                Input::Answer(bytes) => lines.attached().write(bytes.to_vec()),
            };
            flow == Flow::Continue && !lines.attached().link.is_closing()
        });
        flow
    }

    fn finish(&mut self) {
        if let Some(line) = self.decoder.finish() {
            match self.first.begins_a_request(&line) {
                true => self.lines.ends(Farewell::SpokeHttp),
                false => self.lines.line(&line),
            };
        }
    }
}

impl Paced for TelnetSession {
    fn attached(&mut self) -> &mut Attached {
        self.lines.attached()
    }

    fn say_pace(&self, notice: Notice, sent: &Sent<'_>) -> Flow {
        self.lines.say_pace(notice, sent)
    }
}
