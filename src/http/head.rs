//! The head of a request: bytes in, a [`Head`] or a [`Rejection`] out.
//!
//! Nothing here reads or waits. Whatever two parsers could read differently is rejected, so that no
//! request can hide inside another.

use super::rejection::Rejection;

/// The most header fields of a request.
const MAX_FIELDS: usize = 64;

/// The header fields that are used, and how often each may appear. Every other field is checked for
/// form and dropped: what is not kept can be neither forged nor passed on.
const FIELDS: &[(&str, Times)] = &[
    ("accept", Times::Many),
    ("accept-encoding", Times::Many),
    ("access-control-request-headers", Times::Many),
    ("access-control-request-method", Times::Once),
    ("authorization", Times::Same),
    ("connection", Times::Many),
    ("content-length", Times::Same),
    ("content-type", Times::Once),
    ("expect", Times::Once),
    ("host", Times::Once),
    ("idempotency-key", Times::Same),
    ("if-none-match", Times::Many),
    ("last-event-id", Times::Same),
    ("origin", Times::Same),
    ("remote-email", Times::Claimed),
    ("remote-groups", Times::Claimed),
    ("remote-user", Times::Claimed),
    ("sec-websocket-key", Times::Same),
    ("sec-websocket-protocol", Times::Many),
    ("sec-websocket-version", Times::Many),
    ("transfer-encoding", Times::Many),
    ("upgrade", Times::Many),
    ("user-agent", Times::Lax),
    ("webhook-id", Times::Same),
    ("webhook-signature", Times::Same),
    ("webhook-timestamp", Times::Same),
    ("x-auth-request-email", Times::Claimed),
    ("x-auth-request-groups", Times::Claimed),
    ("x-auth-request-user", Times::Claimed),
    ("x-forwarded-email", Times::Claimed),
    ("x-forwarded-for", Times::Many),
    ("x-forwarded-groups", Times::Claimed),
    ("x-forwarded-user", Times::Claimed),
    ("x-gitea-delivery", Times::Same),
    ("x-gitea-event", Times::Same),
    ("x-gitea-signature", Times::Same),
    ("x-github-delivery", Times::Same),
    ("x-github-event", Times::Same),
    ("x-hub-signature-256", Times::Same),
];

#[derive(Clone, Copy, PartialEq)]
enum Times {
    Once,
    /// May be repeated only with the same value.
    Same,
    /// Repetition is the same as a comma.
    Many,
    /// As `Many`, and in any script. Never passed on as it is.
    Claimed,
    /// Nothing depends on it: the first counts, and one that is not ASCII is left out.
    Lax,
}

/// The head of a request.
#[derive(Debug, PartialEq)]
pub struct Head {
    /// As written: methods are case-sensitive.
    pub method: String,
    /// Starts with `/`; not decoded.
    pub path: String,
    /// The part after `?`; not decoded.
    pub query: Option<String>,
    /// HTTP/1.1, as opposed to HTTP/1.0.
    pub http11: bool,
    /// How the body is delimited.
    pub framing: Framing,
    /// Whether another request may follow.
    pub keep_alive: bool,
    /// Whether the client waits for permission to send the body.
    pub expects_continue: bool,
    /// The fields that were kept, by name in lower case.
    fields: Vec<(&'static str, String)>,
}

/// How the body is delimited.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Framing {
    /// There is no body.
    Empty,
    /// This many bytes.
    Length(usize),
    /// In chunks, each with its length.
    Chunked,
}

impl Head {
    /// Parses the head at the start of `bytes`. Returns it with its length, or `None` if it is
    /// incomplete.
    pub fn parse(bytes: &[u8], limit: usize) -> Result<Option<(Head, usize)>, Rejection> {
        let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
        let mut request = httparse::Request::new(&mut fields);
        let parsed = request.parse(bytes);
        // The parser accepts a bare line feed as the end of a line; other parsers do not.
        let looked_at = match parsed {
            Ok(httparse::Status::Complete(length)) => bytes.get(..length).unwrap_or_default(),
            _ => bytes,
        };
        if has_bare_line_feed(looked_at) {
            return Err(Rejection::Malformed("a line of the head ends wrongly"));
        }
        let length = match parsed {
            Ok(httparse::Status::Complete(length)) if length <= limit => length,
            Ok(httparse::Status::Partial) if bytes.len() < limit => return Ok(None),
            Ok(_) => return Err(Rejection::HeadTooLarge(limit)),
            Err(error) => return Err(rejection(error, limit)),
        };
        let fields = kept_fields(request.headers)?;
        let field = |name| find(&fields, name);
        let http11 = request.version == Some(1);
        if http11 && field("host").is_none() {
            return Err(Rejection::Malformed("HTTP/1.1 needs a Host header"));
        }
        let (path, query) = split_target(request.path.unwrap_or_default())?;
        let head = Head {
            method: request.method.unwrap_or_default().to_owned(),
            path,
            query,
            http11,
            framing: framing(http11, field("content-length"), field("transfer-encoding"))?,
            keep_alive: match field("connection") {
                Some(value) if has_token(value, "close") => false,
                Some(value) if has_token(value, "keep-alive") => true,
                _ => http11,
            },
            expects_continue: match field("expect") {
                // HTTP/1.0 does not have it, and ignores it.
                Some(value) if value.eq_ignore_ascii_case("100-continue") => http11,
                Some(_) => return Err(Rejection::Expectation),
                None => false,
            },
            fields,
        };
        Ok(Some((head, length)))
    }

    /// The value of a kept field, by its name in lower case.
    pub fn field(&self, name: &str) -> Option<&str> {
        find(&self.fields, name)
    }

    /// Whether a list field contains `token`, in any case.
    pub fn has_token(&self, name: &str, token: &str) -> bool {
        self.field(name)
            .is_some_and(|value| has_token(value, token))
    }

    /// Whether the request is HEAD.
    pub fn is_head(&self) -> bool {
        self.method == "HEAD"
    }
}

fn has_bare_line_feed(head: &[u8]) -> bool {
    let mut ends = memchr::memchr_iter(b'\n', head);
    ends.any(|end| end.checked_sub(1).and_then(|before| head.get(before)) != Some(&b'\r'))
}

fn rejection(error: httparse::Error, limit: usize) -> Rejection {
    match error {
        httparse::Error::Version => Rejection::Version,
        httparse::Error::TooManyHeaders => Rejection::HeadTooLarge(limit),
        httparse::Error::HeaderName => {
            Rejection::Malformed("a header name has a character it cannot have")
        }
        httparse::Error::HeaderValue => {
            Rejection::Malformed("a header value has a character it cannot have")
        }
        httparse::Error::NewLine => Rejection::Malformed("a line of the head ends wrongly"),
        _ => Rejection::Malformed("this is not an HTTP request"),
    }
}

fn kept_fields(raw: &[httparse::Header<'_>]) -> Result<Vec<(&'static str, String)>, Rejection> {
    let mut kept: Vec<(&'static str, String)> = Vec::new();
    for header in raw {
        let known = FIELDS
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(header.name));
        let Some(&(name, times)) = known else {
            continue;
        };
        let value = match std::str::from_utf8(header.value) {
            Ok(value) if value.is_ascii() => value.trim_matches([' ', '\t']),
            Ok(value) if times == Times::Claimed => value.trim_matches([' ', '\t']),
            _ if matches!(times, Times::Lax | Times::Claimed) => continue,
            _ => return Err(Rejection::Malformed("a header value is not ASCII")),
        };
        let before = kept.iter_mut().find(|(other, _)| *other == name);
        match (before, times) {
            (None, _) => kept.push((name, value.to_owned())),
            (Some((_, before)), Times::Many | Times::Claimed) => {
                before.push_str(", ");
                before.push_str(value);
            }
            (Some((_, before)), Times::Same) if before == value => {}
            (Some(_), Times::Lax) => {}
            (Some(_), _) => {
                return Err(Rejection::Malformed(
                    "a header that must be there once is there twice",
                ));
            }
        }
    }
    Ok(kept)
}

fn find<'a>(fields: &'a [(&'static str, String)], name: &str) -> Option<&'a str> {
    debug_assert!(FIELDS.iter().any(|(known, _)| *known == name), "{name}");
    let field = fields.iter().find(|(other, _)| *other == name);
    field.map(|(_, value)| value.as_str())
}

fn has_token(value: &str, token: &str) -> bool {
    value
        .split(',')
        .any(|part| part.trim().eq_ignore_ascii_case(token))
}

/// Path and query of `/path?query` or of `http://host/path?query`.
fn split_target(target: &str) -> Result<(String, Option<String>), Rejection> {
    if !target.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Rejection::Malformed(
            "the path is not ASCII; other characters are written as %XX",
        ));
    }
    let scheme = ["http://", "https://"].iter().find(|scheme| {
        let start = target.get(..scheme.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    });
    let target = match scheme.and_then(|scheme| target.get(scheme.len()..)) {
        Some(rest) => rest
            .find(['/', '?'])
            .and_then(|start| rest.get(start..))
            .unwrap_or("/"),
        None => target,
    };
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query.to_owned())),
        None => (target, None),
    };
    match path {
        "" if scheme.is_some() => Ok(("/".to_owned(), query)),
        path if path.starts_with('/') => Ok((path.to_owned(), query)),
        _ => Err(Rejection::Malformed("the path does not start with /")),
    }
}

/// RFC 9112, section 6: request smuggling has happened here.
fn framing(
    http11: bool,
    length: Option<&str>,
    encoding: Option<&str>,
) -> Result<Framing, Rejection> {
    match (length, encoding) {
        (None, None) => Ok(Framing::Empty),
        (Some(_), Some(_)) => Err(Rejection::Malformed(
            "Content-Length and Transfer-Encoding exclude each other",
        )),
        (Some(length), None) => match content_length(length) {
            Some(0) => Ok(Framing::Empty),
            Some(length) => Ok(Framing::Length(length)),
            None => Err(Rejection::Malformed("Content-Length is not a number")),
        },
        (None, Some(_)) if !http11 => {
            Err(Rejection::Malformed("HTTP/1.0 has no Transfer-Encoding"))
        }
        (None, Some(encoding)) if encoding.eq_ignore_ascii_case("chunked") => Ok(Framing::Chunked),
        (None, Some(_)) => Err(Rejection::TransferEncoding),
    }
}

/// Digits only: `parse` alone would accept a `+`.
pub(super) fn content_length(value: &str) -> Option<usize> {
    let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| value.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(raw: &str) -> Result<Head, Rejection> {
        let parsed = Head::parse(raw.as_bytes(), 4096)?;
        let (head, length) = parsed.expect("a whole head");
        assert_eq!(length, raw.len());
        Ok(head)
    }

    fn status(raw: &str) -> u16 {
        parse(raw).unwrap_err().status()
    }

    #[test]
    fn whatever_a_client_calls_itself_it_is_served() {
        let head = parse("GET / HTTP/1.1\r\nHost: x\r\nUser-Agent: a\r\nUser-Agent: b\r\n\r\n");
        assert_eq!(head.unwrap().field("user-agent"), Some("a"));
        let head = parse("GET / HTTP/1.1\r\nHost: x\r\nUser-Agent: \u{e9}\r\n\r\n");
        assert_eq!(head.unwrap().field("user-agent"), None);
    }

    #[test]
    fn a_request_is_read() {
        let head = parse("GET /a/b?c=d&e HTTP/1.1\r\nHost: x\r\nACCEPT: a\r\naccept: b\r\n\r\n");
        let head = head.unwrap();
        assert_eq!((head.method.as_str(), head.path.as_str()), ("GET", "/a/b"));
        assert_eq!(head.query.as_deref(), Some("c=d&e"));
        assert_eq!(head.field("accept"), Some("a, b"));
        assert!(head.keep_alive && head.http11);
        assert_eq!(head.framing, Framing::Empty);
    }

    #[test]
    fn connections_stay_open_as_their_version_has_it() {
        let keep = |raw: &str| parse(raw).unwrap().keep_alive;
        assert!(!keep(
            "GET / HTTP/1.1\r\nHost: x\r\nConnection: foo, Close\r\n\r\n"
        ));
        assert!(!keep("GET / HTTP/1.0\r\n\r\n"));
        assert!(keep("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
    }

    #[test]
    fn targets_come_in_two_forms() {
        let path = |target: &str| {
            let head = parse(&format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n"));
            head.map(|head| (head.path, head.query))
        };
        assert_eq!(path("http://x/y?z"), Ok(("/y".into(), Some("z".into()))));
        assert_eq!(path("HTTP://x"), Ok(("/".into(), None)));
        assert_eq!(path("http://x?z"), Ok(("/".into(), Some("z".into()))));
        for bad in ["*", "x:80", "ftp://x/", "?q"] {
            assert_eq!(path(bad).unwrap_err().status(), 400, "{bad}");
        }
    }

    #[test]
    fn what_could_smuggle_is_rejected() {
        for fields in [
            "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
            "Content-Length: 1\r\nContent-Length: 2\r\n",
            "Content-Length: 1, 1\r\n",
            "Content-Length: +1\r\n",
            "Content-Length: -1\r\n",
            "Content-Length: 0x1\r\n",
            "Content-Length:\r\n",
            "Content-Length: 99999999999999999999999999\r\n",
            "Content-Length : 1\r\n",
            "Host: y\r\n",
            "X: a\r\n b\r\n",
            "X: a\0b\r\n",
            "X: a\rb\r\n",
            "X: a\nb\r\n",
            "X: a\nContent-Length: 1\r\n",
            "X y: b\r\n",
            ": b\r\n",
        ] {
            let raw = format!("POST / HTTP/1.1\r\nHost: x\r\n{fields}\r\n");
            assert_eq!(status(&raw), 400, "{fields:?}");
        }
        let twice = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n";
        assert_eq!(parse(twice).unwrap().framing, Framing::Length(1));
        for encoding in ["gzip", "gzip, chunked", "chunked, chunked", "xchunked", ""] {
            let raw =
                format!("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: {encoding}\r\n\r\n");
            assert_eq!(status(&raw), 501, "{encoding}");
        }
        assert_eq!(
            status("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"),
            400
        );
    }

    #[test]
    fn versions_and_hosts() {
        for bare in [
            "GET / HTTP/1.1\nHost: x\n\n",
            "GET / HTTP/1.1\r\nHost: x\r\n\n",
            "\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
            "GET / HTTP/1.1\nHost: x\r\n\r\n",
        ] {
            assert_eq!(status(bare), 400, "{bare:?}");
        }
        assert_eq!(status("PRI * HTTP/2.0\r\n\r\n"), 505);
        assert_eq!(status("GET / HTTP/3.0\r\nHost: x\r\n\r\n"), 505);
        assert_eq!(status("GET / HTTP/1.1\r\n\r\n"), 400);
        assert_eq!(
            status("GET / HTTP/1.1\r\nHost: x\r\nExpect: miracles\r\n\r\n"),
            417
        );
        assert!(parse("GET / HTTP/1.0\r\n\r\n").is_ok());
    }

    #[test]
    fn the_limit_is_exact() {
        let raw = "GET / HTTP/1.1\r\nHost: x\r\n\r\n".as_bytes();
        assert!(Head::parse(raw, raw.len()).is_ok());
        let over = Err(Rejection::HeadTooLarge(raw.len() - 1));
        assert_eq!(Head::parse(raw, raw.len() - 1), over);
        assert_eq!(Head::parse(&raw[..raw.len() - 1], raw.len()), Ok(None));
        assert_eq!(Head::parse(&raw[..raw.len() - 1], raw.len() - 1), over);
        let many = format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", "A: b\r\n".repeat(64));
        assert_eq!(status(&many), 431);
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
            let _ = Head::parse(&bytes, 256);
        }

        #[test]
        fn nearly_requests_are_survived(tail in "[ -~\r\n\t\0é]{0,200}") {
            let _ = Head::parse(format!("GET {tail}").as_bytes(), 256);
            let _ = Head::parse(format!("GET / HTTP/1.1\r\nHost: x\r\n{tail}").as_bytes(), 256);
        }
    }
}
