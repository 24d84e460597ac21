//! The thread of a plain TCP connection, for every protocol on it. A [`Session`]
//! knows what the bytes mean.

use std::io::{self, Read};
use std::net::SocketAddr;
use std::time::Duration;

use crate::hub::Farewell;
use crate::net::link::LinkReader;
use crate::net::transport::Transport;
use crate::protocol::Speech;
use crate::protocol::foreign::is_client_hello;

use super::attached::{Attached, Flow};
use super::context::SessionContext;
use super::rate::Paced;

/// Bytes taken from the socket at once; on the stack, so an idle connection
/// owns no buffer.
const READ_BYTES: usize = 1024;
/// How long a client that has stopped sending may go on reading.
const READ_ON: Duration = Duration::from_secs(30);

/// The protocol on a connection: takes its bytes as they arrive.
pub trait Session: Paced {
    /// Takes what the client has sent, unless the connection is closing.
    fn bytes(&mut self, bytes: &[u8]) -> Flow;

    /// Takes the unfinished rest: `printf hello | nc` ends without a newline.
    fn finish(&mut self);
}

/// Serves a connection until it ends. `begin` makes the session.
pub fn serve<S: Session>(
    transport: Transport,
    peer: SocketAddr,
    speech: &'static Speech,
    context: &SessionContext,
    begin: impl FnOnce(Attached) -> S,
) {
    let mut session = begin(Attached::open(context, speech, transport, peer));
    if read(&mut session) == End::Finished {
        hang_up(session.attached());
    }
    session.attached().end(Farewell::PeerLeft);
}

/// Why reading has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The client has stopped sending; it may still be reading.
    Finished,
    /// The connection is broken, or the hub is gone.
    Broken,
}

/// Gives the session what the client sends, until it stops.
fn read(session: &mut impl Session) -> End {
    let link = session.attached().link.clone();
    let mut buffer = [0; READ_BYTES];
    let mut reader = LinkReader::new(link.clone());
    let mut has_begun = false;
    // Bytes from a TLS client mean nothing here.
    let mut speaks_tls = false;
    loop {
        let bytes = match reader.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => buffer.get(..length).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => return End::Broken,
        };
        // After the farewell, the thread only waits for the peer to close.
        if link.is_closing() || speaks_tls {
            continue;
        }
        speaks_tls = !std::mem::replace(&mut has_begun, true) && is_client_hello(bytes);
        let flow = match speaks_tls {
            true => session.attached().refuse_tls(),
            false => session.bytes(bytes),
        };
        if flow == Flow::Stop {
            return End::Broken;
        }
    }
    if !link.is_closing() && !speaks_tls {
        session.finish();
    }
    End::Finished
}

/// The client has stopped sending. It gets every answer to what it has sent,
/// in order, before the connection ends.
fn hang_up(attached: &Attached) {
    if attached.close(Farewell::PeerLeft) == Flow::Continue {
        attached.link.wait_ended(READ_ON);
    }
}
