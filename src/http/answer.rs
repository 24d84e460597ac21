//! An HTTP answer before it is serialised.

use std::borrow::Cow;
use std::fs::File;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;

use super::handed_over::Serve;

/// Status, headers and body. The front adds what belongs to the connection: length, date, and
/// whether it stays open.
pub(super) struct Answer {
    pub status: u16,
    headers: Vec<(Cow<'static, str>, Cow<'static, str>)>,
    pub body: Cow<'static, [u8]>,
    /// A file and the number of its bytes to send, instead of a body.
    pub file: Option<(File, u64)>,
    /// The length to announce when the body is not sent, as for HEAD.
    announced: Option<usize>,
    /// What writes the body, which ends with the connection.
    pub serve: Option<Serve>,
}

impl Answer {
    pub fn new(status: u16) -> Answer {
        Answer {
            status,
            headers: Vec::new(),
            body: Cow::Borrowed(&[]),
            file: None,
            announced: None,
            serve: None,
        }
    }

    /// Adds a header. The value must hold no line break.
    pub fn with(
        mut self,
        name: impl Into<Cow<'static, str>>,
        value: impl Into<Cow<'static, str>>,
    ) -> Answer {
        self.headers.push((name.into(), value.into()));
        self
    }

    pub fn with_body(mut self, body: impl Into<Cow<'static, [u8]>>) -> Answer {
        self.body = body.into();
        self
    }

    /// Sends this many bytes of a file.
    pub fn with_file(mut self, file: File, length: u64) -> Answer {
        self.announced = Some(usize::try_from(length).unwrap_or(usize::MAX));
        self.file = Some((file, length));
        self
    }

    /// Has the connection served so after the head, until it ends.
    pub fn then(mut self, serve: Serve) -> Answer {
        self.body = Cow::Borrowed(&[]);
        self.serve = Some(serve);
        self
    }

    /// Announces `length` bytes and sends none, as answers to HEAD do.
    pub fn without_body(mut self, length: usize) -> Answer {
        self.body = Cow::Borrowed(&[]);
        self.announced = Some(length);
        self
    }

    /// The bytes before a body that ends with the connection.
    pub fn head_of_stream(&self) -> Vec<u8> {
        self.head_with(None, false)
    }

    /// The bytes before the body.
    pub fn head(&self, keep_alive: bool) -> Vec<u8> {
        let length = self.announced.unwrap_or(self.body.len());
        self.head_with(Some(length), keep_alive)
    }

    fn head_with(&self, length: Option<usize>, keep_alive: bool) -> Vec<u8> {
        let reason = reason(self.status);
        let mut head = format!("HTTP/1.1 {} {reason}\r\n", self.status);
        for (name, value) in &self.headers {
            push_header(&mut head, name, value);
        }
        if let Ok(date) = DateTimePrinter::new().timestamp_to_rfc9110_string(&Timestamp::now()) {
            push_header(&mut head, "Date", &date);
        }
        push_header(&mut head, "X-Content-Type-Options", "nosniff");
        // 204 and 304 have no body by definition and must not announce one.
        if let Some(length) = length
            && !matches!(self.status, 204 | 304)
        {
            push_header(&mut head, "Content-Length", &length.to_string());
        }
        let connection = if keep_alive { "keep-alive" } else { "close" };
        push_header(&mut head, "Connection", connection);
        head.push_str("\r\n");
        head.into_bytes()
    }
}

fn push_header(head: &mut String, name: &str, value: &str) {
    debug_assert!(!name.contains(['\r', '\n']) && !value.contains(['\r', '\n']));
    head.push_str(name);
    head.push_str(": ");
    head.push_str(value);
    head.push_str("\r\n");
}

fn reason(status: u16) -> &'static str {
    let known = tungstenite::http::StatusCode::from_u16(status).ok();
    known
        .and_then(|status| status.canonical_reason())
        .unwrap_or("Unknown")
}
