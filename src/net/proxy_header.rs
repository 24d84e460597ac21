//! The PROXY header, versions 1 and 2 (HAProxy's `proxy-protocol.txt`), with which a
//! load balancer begins a TCP connection to tell the client's address.
//!
//! Whether there is one is never guessed: the configured addresses must send it, and
//! from all others it is not accepted. Not a byte after it is taken from the socket,
//! and it is bounded in size and time.

use std::fmt;
use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

use proxy_header::{ParseConfig, Protocol, ProxyHeader};

use super::deadline::{ReadEnd, receive};

/// How a header of version 1 begins.
const TEXT: &[u8] = b"PROXY ";
/// The shortest header there is, `PROXY UNKNOWN` and its line's end.
const SHORTEST: usize = 15;
/// The longest header of version 1, according to its specification.
const LONGEST_TEXT: usize = 107;
/// How a header of version 2 begins.
const BINARY: &[u8] = b"\r\n\r\n\x00\r\nQUIT\n";
/// The bytes of a version 2 header before those that its length field counts.
const BINARY_START: usize = 16;
/// The longest header of version 2 that is accepted: addresses, and room for what load
/// balancers add about TLS and about themselves.
const LONGEST_BINARY: usize = 2048;

/// Why no header could be read from a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadHeader {
    /// The connection ended before the end of the header.
    Gone,
    /// The header was not complete in time.
    TooSlow,
    /// The header is too long.
    TooLong,
    /// The connection begins with something else.
    Malformed,
}

/// Takes the header from the socket. Returns the client's address: `None` if the load
/// balancer connects for itself (a health check), or the client has no address.
pub fn read(stream: &TcpStream, deadline: Instant) -> Result<Option<SocketAddr>, BadHeader> {
    let mut header = Vec::new();
    fill(stream, &mut header, SHORTEST, deadline)?;
    if header.starts_with(TEXT) {
        while !header.ends_with(b"\n") {
            if header.len() >= LONGEST_TEXT {
                return Err(BadHeader::TooLong);
            }
            let longer = header.len() + 1;
            fill(stream, &mut header, longer, deadline)?;
        }
    } else if header.starts_with(BINARY) {
        fill(stream, &mut header, BINARY_START, deadline)?;
        let &[.., high, low] = header.as_slice() else {
            return Err(BadHeader::Malformed);
        };
        let whole = BINARY_START + usize::from(u16::from_be_bytes([high, low]));
        if whole > LONGEST_BINARY {
            return Err(BadHeader::TooLong);
        }
        fill(stream, &mut header, whole, deadline)?;
    } else {
        return Err(BadHeader::Malformed);
    }
    parse(&header)
}

/// The client's address in a complete header.
fn parse(header: &[u8]) -> Result<Option<SocketAddr>, BadHeader> {
    let config = ParseConfig {
        include_tlvs: false,
        ..ParseConfig::default()
    };
    match ProxyHeader::parse(header, config) {
        Ok((parsed, length)) if length == header.len() => {
            let address = parsed.proxied_address();
            let address = address.filter(|address| address.protocol == Protocol::Stream);
            let source = address.map(|address| address.source);
            Ok(source.map(|source| SocketAddr::new(source.ip().to_canonical(), source.port())))
        }
        _ => Err(BadHeader::Malformed),
    }
}

/// Reads until the header has exactly this many bytes.
fn fill(
    stream: &TcpStream,
    header: &mut Vec<u8>,
    length: usize,
    deadline: Instant,
) -> Result<(), BadHeader> {
    let mut read = header.len();
    header.resize(length.max(read), 0);
    while let Some(rest) = header.get_mut(read..).filter(|rest| !rest.is_empty()) {
        read += receive(stream, rest, deadline).map_err(|end| match end {
            ReadEnd::Gone => BadHeader::Gone,
            ReadEnd::TimedOut => BadHeader::TooSlow,
        })?;
    }
    Ok(())
}

impl fmt::Display for BadHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BadHeader::Gone => write!(f, "the connection ended before its PROXY header"),
            BadHeader::TooSlow => write!(f, "its PROXY header did not come in time"),
            BadHeader::TooLong => write!(f, "its PROXY header is too long"),
            BadHeader::Malformed => write!(
                f,
                "it does not begin with a PROXY header, as listen.proxy_protocol_from \
                 has it for this address"
            ),
        }
    }
}

impl std::error::Error for BadHeader {}

#[cfg(test)]
mod tests {
    use super::*;

    fn binary(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let length = (rest.len() as u16).to_be_bytes();
        [BINARY, &[command, family], &length, rest].concat()
    }

    #[test]
    fn the_source_is_the_client() {
        let v4 = [198, 51, 100, 7, 192, 0, 2, 1, 0x12, 0x67, 0x0f, 0xa0];
        let with_more = [&v4[..], b"\x04\x00\x02ab"].concat();
        for (header, client) in [
            (
                b"PROXY TCP4 198.51.100.7 192.0.2.1 4711 4000\r\n".to_vec(),
                Some("198.51.100.7:4711"),
            ),
            (
                b"PROXY TCP6 2001:db8::7 2001:db8::1 4711 4000\r\n".to_vec(),
                Some("[2001:db8::7]:4711"),
            ),
            (
                b"PROXY TCP6 ::ffff:198.51.100.7 ::1 4711 4000\r\n".to_vec(),
                Some("198.51.100.7:4711"),
            ),
            (b"PROXY UNKNOWN\r\n".to_vec(), None),
            (b"PROXY UNKNOWN ffff:: ffff:: 1 2\r\n".to_vec(), None),
            (binary(0x21, 0x11, &v4), Some("198.51.100.7:4711")),
            (binary(0x21, 0x11, &with_more), Some("198.51.100.7:4711")),
            (binary(0x20, 0x00, &[]), None),
            (binary(0x20, 0x11, &v4), None),
            (binary(0x21, 0x12, &v4), None),
            (binary(0x21, 0x31, &[7; 216]), None),
        ] {
            let client = client.map(|client| client.parse().unwrap());
            assert_eq!(parse(&header), Ok(client), "{}", header.escape_ascii());
        }
    }

    #[test]
    fn anything_else_is_none() {
        for header in [
            b"PROXY TCP4 198.51.100.7 192.0.2.1 4711\r\n".to_vec(),
            b"PROXY TCP4 198.51.100.7 192.0.2.1 4711 70000\r\n".to_vec(),
            b"PROXY TCP4 2001:db8::7 2001:db8::1 4711 4000\r\n".to_vec(),
            b"PROXY TCP4 198.51.100.7 192.0.2.1 4711 4000\n".to_vec(),
            b"PROXY TCP5 198.51.100.7 192.0.2.1 4711 4000\r\n".to_vec(),
            binary(0x31, 0x11, &[0; 12]),
            binary(0x22, 0x11, &[0; 12]),
            binary(0x21, 0x11, &[0; 11]),
            binary(0x21, 0x21, &[0; 35]),
            binary(0x21, 0x31, &[0; 215]),
            binary(0x21, 0x41, &[0; 12]),
        ] {
            let read = parse(&header);
            assert_eq!(read, Err(BadHeader::Malformed), "{}", header.escape_ascii());
        }
    }
}
