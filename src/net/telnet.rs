//! The thread of a telnet connection.

use std::io::{self, Read};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use crate::hub::{Command, Farewell, Profile};
use crate::protocol::WireFormat;
use crate::protocol::telnet::{Decoder, Input};

use super::line::{Attached, Flow, LineSession, SessionContext};
use super::link::Link;

/// How long a client that has stopped sending may go on reading.
const READ_ON: Duration = Duration::from_secs(30);
/// Bytes taken from the socket at once; on the stack, so an idle connection
/// owns no buffer.
const READ_BYTES: usize = 4096;

/// Serves a telnet connection until it ends.
pub fn serve(stream: TcpStream, peer: SocketAddr, context: SessionContext) {
    let link = Arc::new(Link::new(stream));
    let line_bytes = context.limits.line_bytes;
    let profile = Profile {
        protocol: "telnet",
        address: peer,
        one_channel: true,
    };
    let format = WireFormat::Telnet;
    let attached = Attached::open(&context, &link, format, profile);
    let mut session = LineSession::new(attached, format, context);
    read_lines(&link, &mut session, line_bytes);
    session.end(Farewell::PeerLeft);
}

fn read_lines(link: &Link, session: &mut LineSession, line_bytes: usize) {
    let mut decoder = Decoder::new(line_bytes);
    let mut buffer = [0; READ_BYTES];
    loop {
        let bytes = match link.stream().read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => buffer.get(..length).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => return,
        };
        // After the last words only the peer's close is waited for.
        if link.is_closing() {
            continue;
        }
        let mut flow = Flow::Continue;
        decoder.feed(bytes, |input| {
            flow = match input {
                Input::Line(line) => session.line(line),
                Input::TooLong => session.overlong_line(),
                Input::AreYouThere => session.say("* Yes, the server is here.\n"),
                Input::Answer(bytes) => session.attached().write(bytes.to_vec()),
            };
            flow == Flow::Continue && !link.is_closing()
        });
        if flow == Flow::Stop {
            return;
        }
    }
    // `printf hello | nc` ends without a newline.
    if let Some(line) = decoder.finish()
        && !link.is_closing()
    {
        session.line(&line);
    }
    hang_up(link, session);
}

/// The client has stopped sending. It gets every answer to what it has sent,
/// in order, before the connection ends.
fn hang_up(link: &Link, session: &LineSession) {
    let end = Command::End(Farewell::PeerLeft);
    if session.attached().command(end) == Flow::Continue {
        link.wait_ended(READ_ON);
    }
}
