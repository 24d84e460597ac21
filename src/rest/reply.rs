//! The answer to a call, before it is handed to tiny_http.

use std::borrow::Cow;
use std::io::Cursor;

use serde::Serialize;
use tiny_http::{Header, Response, StatusCode};

use crate::envelope;
use crate::http;

pub(super) use crate::model::time::rfc3339;

/// Status, headers and body.
#[derive(Debug)]
pub(super) struct Reply {
    pub status: u16,
    headers: Vec<(&'static str, Cow<'static, str>)>,
    body: Vec<u8>,
}

impl Reply {
    pub fn empty(status: u16) -> Reply {
        Reply {
            status,
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    pub fn json(status: u16, body: &impl Serialize) -> Reply {
        match serde_json::to_vec(body) {
            Ok(mut body) => {
                // A final line break, for people who call from a terminal.
                body.push(b'\n');
                Reply::of("application/json", body).with_status(status)
            }
            // Only maps with unusual keys fail, and there are none here.
            Err(_) => Reply::empty(500),
        }
    }

    /// A success in the format of `/api/`.
    pub fn enveloped(body: &impl Serialize) -> Reply {
        Reply::json(200, body).with_type(envelope::CONTENT_TYPE)
    }

    pub fn with_type(mut self, content_type: &'static str) -> Reply {
        self.headers.retain(|(name, _)| *name != "Content-Type");
        self.with("Content-Type", content_type)
    }

    pub fn of(content_type: &'static str, body: Vec<u8>) -> Reply {
        Reply {
            status: 200,
            headers: vec![("Content-Type", content_type.into())],
            body,
        }
    }

    pub fn with(mut self, name: &'static str, value: impl Into<Cow<'static, str>>) -> Reply {
        self.headers.push((name, value.into()));
        self
    }

    /// Says by which headers of the request it might have been another answer,
    /// beside those that it says already.
    pub fn varies_by(mut self, headers: &'static str) -> Reply {
        match self.headers.iter_mut().find(|(name, _)| *name == "Vary") {
            Some((_, said)) => *said = format!("{said}, {headers}").into(),
            None => self.headers.push(("Vary", headers.into())),
        }
        self
    }

    /// The same with a page as its body.
    pub fn with_page(mut self, html: String) -> Reply {
        self.body = html.into_bytes();
        self.with_type(http::HTML)
            .with("Content-Security-Policy", http::RefusalPage::policy())
            .with("Referrer-Policy", "no-referrer")
    }

    pub fn with_status(mut self, status: u16) -> Reply {
        self.status = status;
        self
    }

    pub fn into_response(self) -> Response<Cursor<Vec<u8>>> {
        let header = |name: &str, value: &str| Header::from_bytes(name, value).ok();
        let length = self.body.len();
        let mut headers: Vec<Header> = self
            .headers
            .iter()
            .filter_map(|(name, value)| header(name, value))
            .collect();
        // Answers are of the moment, and some are secret.
        headers.extend(header("Cache-Control", "no-store"));
        let status = StatusCode(self.status);
        Response::new(status, headers, Cursor::new(self.body), Some(length), None)
            // The front needs to know the length in advance.
            .with_chunked_threshold(usize::MAX)
    }
}
