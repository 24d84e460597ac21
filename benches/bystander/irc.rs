//! Guests on IRC: they are in one channel with a crowd that says nothing.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};

use super::{connect, read_until};

/// The channel.
pub const CHANNEL: &str = "#crowd";

/// The longest tags that a client may send, and a message. The bystanders are not in the channel.
pub fn tagged(_: u64) -> String {
    let tags = "x".repeat(4_080);
    format!("@+t={tags} TAGMSG {CHANNEL}")
}

/// Tags that are too long.
pub fn overlong(_: u64) -> String {
    let tags = "x".repeat(8_300);
    format!("@+t={tags} TAGMSG {CHANNEL}")
}

/// A client that has joined the channel. It has `message-tags`.
pub fn enter(irc: SocketAddr, nickname: &str) -> TcpStream {
    let mut stream = connect(irc);
    let words = format!(
        "CAP REQ :message-tags no-implicit-names\r\nNICK {nickname}\r\nUSER x 0 * :x\r\nCAP END\r\n\
         JOIN {CHANNEL}\r\n"
    );
    stream.write_all(words.as_bytes()).unwrap();
    read_until(&mut stream, format!(" JOIN :{CHANNEL}").as_bytes());
    stream
}
