//! Request heads: whether one is complete does not depend on how it arrives,
//! and no other program that it is relayed to can read it differently.

use chat_server::http::head::{Framing, Head};

const LIMIT: usize = 1024;

/// The fields that are kept.
const FIELDS: &[&str] = &[
    "accept",
    "access-control-request-headers",
    "access-control-request-method",
    "authorization",
    "connection",
    "content-length",
    "content-type",
    "expect",
    "host",
    "if-none-match",
    "origin",
    "sec-websocket-key",
    "sec-websocket-protocol",
    "sec-websocket-version",
    "transfer-encoding",
    "upgrade",
];

pub fn check(data: &[u8]) {
    match Head::parse(data, LIMIT) {
        Ok(Some((head, length))) => {
            assert!(length <= LIMIT);
            let alone = &data[..length];
            // Nothing is parsed before a line is complete.
            assert!(alone.ends_with(b"\r\n\r\n"));
            // Other HTTP programs find the same lines.
            assert!(
                !String::from_utf8_lossy(alone)
                    .replace("\r\n", "")
                    .contains('\n')
            );
            assert_eq!(Head::parse(alone, length), Ok(Some((head, length))));
            for end in prefixes(length) {
                let part = Head::parse(&data[..end], LIMIT);
                assert_eq!(part, Ok(None), "{:?}", &data[..end]);
            }
            let (head, _) = Head::parse(alone, LIMIT).unwrap().unwrap();
            valid(&head);
            reads_back(&head);
        }
        Ok(None) => {
            assert!(data.len() < LIMIT);
            for end in prefixes(data.len()) {
                assert_eq!(Head::parse(&data[..end], LIMIT), Ok(None));
            }
        }
        Err(rejection) => {
            assert!((400..600).contains(&rejection.status()));
            assert!(!rejection.to_string().is_empty());
        }
    }
}

/// Several places where the input may have been split.
fn prefixes(length: usize) -> impl Iterator<Item = usize> {
    (0..length).rev().step_by(length / 16 + 1)
}

fn valid(head: &Head) {
    let token = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    assert!(token(&head.method));
    assert!(token(&head.path) && head.path.starts_with('/') && !head.path.contains('?'));
    assert!(
        head.query
            .as_deref()
            .is_none_or(|query| query.is_empty() || token(query))
    );
    for value in FIELDS.iter().filter_map(|name| head.field(name)) {
        let plain = |byte: u8| byte == b'\t' || (b' '..0x7f).contains(&byte);
        assert!(value.bytes().all(plain), "{value:?}");
    }
    let length = head.field("content-length");
    match head.framing {
        Framing::Empty => assert!(length.is_none_or(|zeros| zeros.bytes().all(|b| b == b'0'))),
        Framing::Length(bytes) => {
            assert_eq!(length.and_then(|digits| digits.parse().ok()), Some(bytes));
        }
        Framing::Chunked => assert!(length.is_none() && head.http11),
    }
    assert!(head.http11 || !head.expects_continue);
    assert!(!(head.keep_alive && head.has_token("connection", "close")));
}

/// What was kept, written as a head, parses to the same.
fn reads_back(head: &Head) {
    let query = head.query.as_ref().map(|query| format!("?{query}"));
    let version = if head.http11 { "1.1" } else { "1.0" };
    let mut raw = format!(
        "{} {}{} HTTP/{version}\r\n",
        head.method,
        head.path,
        query.unwrap_or_default()
    );
    for name in FIELDS {
        if let Some(value) = head.field(name) {
            raw.push_str(&format!("{name}: {value}\r\n"));
        }
    }
    raw.push_str("\r\n");
    let (again, length) = Head::parse(raw.as_bytes(), raw.len()).unwrap().unwrap();
    assert_eq!(length, raw.len());
    assert_eq!((&again.method, &again.path), (&head.method, &head.path));
    assert_eq!((&again.query, again.framing), (&head.query, head.framing));
    assert_eq!(again.keep_alive, head.keep_alive);
    assert_eq!(again.expects_continue, head.expects_continue);
    let trimmed = |value: &str| value.trim().to_owned();
    for name in FIELDS {
        // An empty value at the end of a list leaves a space behind.
        let (value, other) = (head.field(name), again.field(name));
        assert_eq!(other.map(trimmed), value.map(trimmed), "{name}");
    }
}
