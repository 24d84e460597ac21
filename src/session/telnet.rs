//! The thread of a telnet connection.

use std::net::SocketAddr;

use crate::hub::Farewell;
use crate::net::transport::Transport;
use crate::protocol::foreign::{is_blank, is_client_hello, is_request_line};
use crate::protocol::speech::TELNET;
use crate::protocol::telnet::{Decoder, Input};

use super::attached::{Attached, Flow};
use super::context::SessionContext;
use super::line::LineSession;
use super::rate::Paced;
use super::stream::{self, End};

/// Serves a telnet connection until it ends.
pub fn serve(transport: Transport, peer: SocketAddr, context: SessionContext) {
    let attached = Attached::open(&context, &TELNET, transport, peer);
    let mut session = LineSession::new(attached);
    read_lines(&mut session);
    session.attached().end(Farewell::PeerLeft);
}

fn read_lines(session: &mut LineSession) {
    let attached = session.attached();
    let link = attached.link.clone();
    let mut decoder = Decoder::new(attached.context.limits.line_bytes);
    let mut connected = false;
    let mut begun = false;
    // The first line that is not blank decides what is spoken.
    let mut begins_a_request = |line: &[u8]| {
        let is_first = !begun && !is_blank(line);
        begun |= is_first;
        is_first && is_request_line(line)
    };
    let end = stream::read(&link, |bytes| {
        if !std::mem::replace(&mut connected, true) && is_client_hello(bytes) {
            return session.ends_for_tls();
        }
        let mut flow = Flow::Continue;
        decoder.feed(bytes, |input| {
            flow = match input {
                Input::Line(line) | Input::TooLong(line) if begins_a_request(line) => {
                    session.ends(Farewell::SpokeHttp)
                }
                Input::Line(line) => session.line(line),
                Input::TooLong(_) => session.overlong_line(),
                Input::AreYouThere => session.say("* Yes, the server is here.\n"),
                Input::Answer(bytes) => session.attached().write(bytes.to_vec()),
            };
            flow == Flow::Continue && !link.is_closing()
        });
        flow
    });
    if end == End::Broken {
        return;
    }
    // `printf hello | nc` ends without a newline.
    if let Some(line) = decoder.finish()
        && !link.is_closing()
    {
        match begins_a_request(&line) {
            true => session.ends(Farewell::SpokeHttp),
            false => session.line(&line),
        };
    }
    stream::hang_up(session.attached());
}
