//! Why the front refuses a request, and the answer that says so.

use std::fmt;
use std::time::Duration;

use serde_json::json;

use crate::envelope::{self, Failure};
use crate::net::registry::Refused;

use super::answer::Answer;
use super::refusal_page::{self, Asked, RefusalPage};

/// Why a request is refused by the front.
#[derive(Clone, Debug, PartialEq)]
pub enum Rejection {
    /// The request is not valid HTTP; says what is wrong.
    Malformed(&'static str),
    /// Neither HTTP/1.0 nor HTTP/1.1.
    Version,
    /// The head is longer than this many bytes.
    HeadTooLarge(usize),
    /// The body is longer than this many bytes.
    BodyTooLarge(usize),
    /// The request did not arrive completely within this time.
    TooSlow(Duration),
    /// An `Expect` that is not `100-continue`.
    Expectation,
    /// A `Transfer-Encoding` that is not `chunked`.
    TransferEncoding,
    /// The resource can only be read.
    ReadOnly,
    /// Nothing is there.
    NotFound,
    /// The book of the documentation is not there.
    NoBook,
    /// A page of this origin may not open WebSockets here.
    Origin,
    /// There is a WebSocket at this path, and the request is no handshake.
    NotUpgraded,
    /// Not version 13 of the WebSocket protocol.
    WebSocketVersion,
    /// The client could not be authenticated; says why.
    Unauthorised(String),
    /// The client has as many connections as it may.
    Refused(Refused),
    /// The server is processing as many requests as it may.
    Busy,
    /// The REST server cannot be reached.
    Unavailable,
    /// The REST server broke off or gave an invalid answer.
    BadAnswer,
    /// The REST server did not answer in time.
    NoAnswer,
}

impl Rejection {
    /// The HTTP status.
    pub fn status(&self) -> u16 {
        match self {
            Rejection::Malformed(_) => 400,
            Rejection::Unauthorised(_) => 401,
            Rejection::Origin => 403,
            Rejection::NotFound | Rejection::NoBook => 404,
            Rejection::ReadOnly => 405,
            Rejection::TooSlow(_) => 408,
            Rejection::BodyTooLarge(_) => 413,
            Rejection::Expectation => 417,
            Rejection::NotUpgraded | Rejection::WebSocketVersion => 426,
            Rejection::HeadTooLarge(_) => 431,
            Rejection::TransferEncoding => 501,
            Rejection::BadAnswer => 502,
            Rejection::Refused(_) | Rejection::Busy | Rejection::Unavailable => 503,
            Rejection::NoAnswer => 504,
            Rejection::Version => 505,
        }
    }

    /// A stable word for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Rejection::Malformed(_) => "malformed_request",
            Rejection::Unauthorised(_) => "unauthorised",
            Rejection::Origin => "origin_not_allowed",
            Rejection::NotFound => "not_found",
            Rejection::NoBook => "no_book",
            Rejection::ReadOnly => "method_not_allowed",
            Rejection::TooSlow(_) => "request_timeout",
            Rejection::BodyTooLarge(_) => "body_too_large",
            Rejection::Expectation => "expectation_failed",
            Rejection::NotUpgraded => "websocket_only",
            Rejection::WebSocketVersion => "websocket_version",
            Rejection::HeadTooLarge(_) => "head_too_large",
            Rejection::TransferEncoding => "transfer_encoding",
            Rejection::BadAnswer => "bad_gateway",
            Rejection::Refused(why) => why.code(),
            Rejection::Busy => "busy",
            Rejection::Unavailable => "unavailable",
            Rejection::NoAnswer => "timeout",
            Rejection::Version => "http_version",
        }
    }

    fn failure(&self) -> Failure {
        match self {
            Rejection::Unauthorised(why) => Failure::unauthenticated(why.as_str()),
            other => Failure::new(other.status(), other.to_string()),
        }
    }

    /// The answer, in the format that the client asks for, or that is used at the path.
    pub(super) fn answer(&self, asked: Option<Asked<'_>>) -> Answer {
        let answer = match asked {
            Some(asked) if asked.wants_page() && !envelope::covers(asked.path) => {
                self.page(asked.path)
            }
            _ => self.in_json(asked.map(|asked| asked.path)),
        };
        let answer = answer
            .with("Cache-Control", "no-store")
            .with("Vary", "Accept");
        match self {
            Rejection::ReadOnly => answer.with("Allow", "GET, HEAD"),
            Rejection::Unauthorised(_) => answer.with("WWW-Authenticate", "Bearer"),
            Rejection::NotUpgraded | Rejection::WebSocketVersion => answer
                .with("Upgrade", "websocket")
                .with("Sec-WebSocket-Version", "13"),
            Rejection::Refused(_) => answer.with("Retry-After", "5"),
            Rejection::Busy | Rejection::Unavailable => answer.with("Retry-After", "1"),
            _ => answer,
        }
    }

    fn page(&self, path: &str) -> Answer {
        let words = self.to_string();
        let page = RefusalPage {
            status: self.status(),
            words: &words,
            path,
        };
        Answer::new(self.status())
            .with("Content-Type", refusal_page::HTML)
            .with("Content-Security-Policy", RefusalPage::policy())
            .with("Referrer-Policy", "no-referrer")
            .with_body(page.html().into_bytes())
    }

    fn in_json(&self, path: Option<&str>) -> Answer {
        let (content_type, body) = match path.is_some_and(envelope::covers) {
            true => {
                let envelope = serde_json::to_string(&self.failure().envelope());
                (envelope::CONTENT_TYPE, envelope.unwrap_or_default())
            }
            false => {
                let error = json!({"code": self.code(), "message": self.to_string()});
                ("application/json", json!({ "error": error }).to_string())
            }
        };
        let body = format!("{body}\n");
        Answer::new(self.status())
            .with("Content-Type", content_type)
            .with_body(body.into_bytes())
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rejection::Malformed(what) => f.write_str(what),
            Rejection::Version => write!(f, "this server speaks HTTP/1.0 and HTTP/1.1"),
            Rejection::HeadTooLarge(most) => {
                write!(f, "the request head is longer than {most} bytes")
            }
            Rejection::BodyTooLarge(most) => {
                write!(f, "the request body is longer than {most} bytes")
            }
            Rejection::TooSlow(limit) => {
                write!(f, "the request did not arrive whole within {limit:?}")
            }
            Rejection::Expectation => write!(f, "the only expectation met is 100-continue"),
            Rejection::TransferEncoding => {
                write!(f, "the only transfer encoding understood is chunked")
            }
            Rejection::ReadOnly => write!(f, "this can only be read, with GET or HEAD"),
            Rejection::NotFound => write!(f, "there is nothing at this path"),
            Rejection::NoBook => write!(
                f,
                "the documentation is not installed on this server; make docs builds it, and the setting \
                 web.book names its folder"
            ),
            Rejection::Origin => write!(
                f,
                "pages of this origin may not connect; the setting is web.allowed_origins"
            ),
            Rejection::NotUpgraded => {
                write!(f, "this is a WebSocket, and needs its handshake")
            }
            Rejection::WebSocketVersion => write!(f, "this server speaks WebSocket version 13"),
            Rejection::Unauthorised(why) => f.write_str(why),
            Rejection::Refused(why) => f.write_str(why.words()),
            Rejection::Busy => write!(f, "too many requests at once; try again"),
            Rejection::Unavailable => write!(f, "requests cannot be carried out at the moment"),
            Rejection::BadAnswer => write!(f, "the request failed inside the server"),
            Rejection::NoAnswer => write!(f, "carrying out the request took too long"),
        }
    }
}

impl std::error::Error for Rejection {}
