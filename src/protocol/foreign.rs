//! Connections that arrive at a port of lines but speak another protocol.
//!
//! Any web page can have a browser send requests to any port, and the lines of a
//! request's body would become chat lines. Every request begins with a request line,
//! which no page can prevent, so a connection that begins with one is closed before
//! any of its lines count.

use crate::model::Text;
use crate::model::text::without_byte_order_mark;

/// The answer to a TLS client on a plain port: the fatal alert "protocol version".
pub const TLS_ALERT: &[u8] = &[0x15, 3, 1, 0, 2, 2, 70];

/// Whether a connection begins with a TLS handshake record. No line begins with the
/// first byte of one.
pub fn is_client_hello(beginning: &[u8]) -> bool {
    beginning.first() == Some(&0x16)
}

/// Whether a line has nothing visible in it.
pub fn is_blank(line: &[u8]) -> bool {
    Text::clean(&String::from_utf8_lossy(line)).is_empty()
}

/// How many bytes of a first line are examined; more than any method takes.
pub const LOOKED_AT: usize = 256;

/// Whether the first line that is not blank, or its first [`LOOKED_AT`] bytes, begins
/// an HTTP request: any method, and a target. No nickname has a space, so the first
/// line of a chat client is never one.
pub fn is_request_line(line: &[u8]) -> bool {
    let line = String::from_utf8_lossy(line);
    let line = without_byte_order_mark(&line).trim();
    let Some((method, rest)) = line.split_once([' ', '\t']) else {
        return false;
    };
    let rest = rest.trim_start();
    let target = rest.split([' ', '\t']).next().unwrap_or_default();
    let is_method = !method.is_empty() && method.bytes().all(is_token);
    is_method && (is_target(method, target) || ends_with_version(rest))
}

/// `/path`, `*`, `scheme://host` and, of CONNECT, `host:port`.
fn is_target(method: &str, target: &str) -> bool {
    target.starts_with('/')
        || target == "*"
        || target.contains("://")
        || (method.eq_ignore_ascii_case("connect") && target.contains(':'))
}

/// Whether the last word is an HTTP version, so that some server would take the words
/// before it as a target.
fn ends_with_version(rest: &str) -> bool {
    let last = rest.rsplit([' ', '\t']).next().unwrap_or_default();
    let name = last.get(..5).unwrap_or_default();
    name.eq_ignore_ascii_case("http/")
}

/// What a method is made of (RFC 9110, section 5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_known_by_their_first_line() {
        for line in [
            "POST / HTTP/1.1",
            "GET /chat?x HTTP/1.0\r",
            "get /",
            "OPTIONS * HTTP/1.1",
            "GET http://127.0.0.1:4000/ HTTP/1.1",
            "CONNECT 127.0.0.1:4000 HTTP/1.1",
            "connect irc.example:6667",
            "PRI * HTTP/2.0",
            "M-SEARCH * HTTP/1.1",
            "BREW pot HTCPCP http/1.1",
            "PUT  \t/x",
            "\u{feff}POST / HTTP/1.1",
            "  POST / HTTP/1.1",
        ] {
            assert!(is_request_line(line.as_bytes()), "{line}");
        }
        let long = format!("GET /{}", "x".repeat(LOOKED_AT));
        assert!(is_request_line(&long.as_bytes()[..LOOKED_AT]));
    }

    #[test]
    fn what_people_begin_with_is_no_request() {
        for line in [
            "",
            "mina",
            "GET",
            "@mina",
            "/login mina secret",
            "/help",
            "mina from the office",
            r#"{"name":"Mina","room":"/ HTTP/1.1"}"#,
        ] {
            assert!(!is_request_line(line.as_bytes()), "{line}");
        }
    }
}
