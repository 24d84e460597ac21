//! How the thread of a plain TCP connection reads, whatever is spoken on it.

use std::io::{self, Read};
use std::sync::Arc;
use std::time::Duration;

use crate::hub::Farewell;
use crate::net::link::{Link, LinkReader};

use super::attached::{Attached, Flow};

/// Bytes taken from the socket at once; on the stack, so an idle connection
/// owns no buffer.
const READ_BYTES: usize = 1024;
/// How long a client that has stopped sending may go on reading.
const READ_ON: Duration = Duration::from_secs(30);

/// How reading came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The client has stopped sending; it may still be reading.
    Finished,
    /// The connection is broken, or the hub is gone.
    Broken,
}

/// Gives `take` what the client sends, until it stops.
pub fn read(link: &Arc<Link>, mut take: impl FnMut(&[u8]) -> Flow) -> End {
    let mut buffer = [0; READ_BYTES];
    let mut reader = LinkReader::new(link.clone());
    loop {
        let bytes = match reader.read(&mut buffer) {
            Ok(0) => return End::Finished,
            Ok(length) => buffer.get(..length).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => return End::Broken,
        };
        // After the last words only the peer's close is waited for.
        if !link.is_closing() && take(bytes) == Flow::Stop {
            return End::Broken;
        }
    }
}

/// The client has stopped sending. It gets every answer to what it has sent,
/// in order, before the connection ends.
pub fn hang_up(attached: &Attached) {
    if attached.close(Farewell::PeerLeft) == Flow::Continue {
        attached.link.wait_ended(READ_ON);
    }
}
