//! The format of the older answers: links, metadata and a list of errors around the content.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::call::Call;
use super::super::problem::{ErrorBody, Problem};
use super::super::reply::Reply;

/// The paths whose answers have this format, good or bad.
const COVERED: &[&str] = &[
    "/api/message",
    "/v1/api/message",
    "/api/status",
    "/status",
    "/docs.json",
    "/docs.json/api",
    "/api/docs.json",
    "/api/docs.json/api",
];

/// The part that every answer here has.
#[derive(Serialize, ToSchema)]
pub(in crate::rest) struct Frame {
    links: Links,
    metadata: Metadata,
    /// Errors and warnings; `null` if there are none.
    errors: Option<Vec<ResponseError>>,
}

#[derive(Serialize, ToSchema)]
struct Links {
    /// The address of the call, without the scheme.
    #[serde(rename = "self")]
    #[schema(example = "//localhost:4001/api/status")]
    own: String,
}

#[derive(Serialize, ToSchema)]
struct Metadata {
    /// When the answer was made, in nanoseconds since 1970 UTC.
    #[schema(example = "1795248000123000000")]
    generated: String,
    /// Connections that received the announcement, or lines found.
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<usize>,
}

/// An error or a warning.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(in crate::rest) struct ResponseError {
    severity: Severity,
    /// A sentence for people.
    human_friendly_message: String,
    /// A stable word for programs.
    #[schema(example = "no-connected-users")]
    short_message: String,
    /// Details, or an empty string.
    details: String,
}

/// The severities of syslog.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::rest) enum Severity {
    Crit,
    Err,
    Warn,
    Notice,
    Info,
}

impl Frame {
    /// The frame for the answer to `call`.
    pub fn of(call: &Call<'_>) -> Frame {
        Frame::at(&call.relayed.host, call.url)
    }

    fn at(host: &str, url: &str) -> Frame {
        Frame {
            links: Links {
                own: format!("//{host}{url}"),
            },
            metadata: Metadata {
                generated: Timestamp::now().as_nanosecond().to_string(),
                count: None,
            },
            errors: None,
        }
    }

    pub fn with_count(mut self, count: usize) -> Frame {
        self.metadata.count = Some(count);
        self
    }

    pub fn with_error(mut self, error: ResponseError) -> Frame {
        self.errors.get_or_insert_default().push(error);
        self
    }
}

impl ResponseError {
    pub fn new(severity: Severity, short: &str, words: impl Into<String>) -> ResponseError {
        ResponseError {
            severity,
            human_friendly_message: words.into(),
            short_message: short.to_owned(),
            details: String::new(),
        }
    }

    fn of(problem: &Problem) -> ResponseError {
        let words = problem.to_string();
        let (status, code) = problem.status_and_code();
        let severity = match problem {
            Problem::LogBusy | Problem::Busy(..) | Problem::TooManyAttempts(..) => Severity::Warn,
            _ if status >= 500 => Severity::Crit,
            _ => Severity::Err,
        };
        match problem {
            Problem::Field(name, why) if name == "pattern" => ResponseError {
                details: why.clone(),
                ..ResponseError::new(
                    severity,
                    "invalid-regex-pattern",
                    "The pattern is not a regular expression that this server can search with",
                )
            },
            Problem::LogUnreadable(_) => ResponseError {
                details: words,
                ..ResponseError::new(severity, "could-not-read-log", "The log cannot be read")
            },
            _ => ResponseError::new(severity, &code.replace('_', "-"), words),
        }
    }
}

/// The answer to a call that was refused: the older format, with the present one beside it.
#[derive(Serialize, ToSchema)]
pub(in crate::rest) struct Refused {
    #[serde(flatten)]
    frame: Frame,
    /// After POST.
    #[serde(skip_serializing_if = "Option::is_none")]
    success: Option<bool>,
    /// After GET of messages: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    occurrences: Option<[String; 0]>,
    #[serde(flatten)]
    body: ErrorBody,
}

/// Whether answers at `path` have this format.
pub(in crate::rest) fn covers(path: &str) -> bool {
    COVERED.contains(&path)
}

/// The answer to a call that was refused.
pub(in crate::rest) fn refuse(problem: Problem, host: &str, url: &str, posted: bool) -> Reply {
    let path = url.split_once('?').map_or(url, |(path, _)| path);
    let is_about_messages = path.ends_with("/message");
    let refused = Refused {
        frame: Frame::at(host, url).with_error(ResponseError::of(&problem)),
        success: (is_about_messages && posted).then_some(false),
        occurrences: (is_about_messages && !posted).then_some([]),
        body: problem.body(),
    };
    problem.reply_with(&refused)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn problems_have_short_names_of_old() {
        let error = |problem: Problem| serde_json::to_value(ResponseError::of(&problem)).unwrap();
        let pattern = error(Problem::field("pattern", "unclosed group"));
        assert_eq!(pattern["short_message"], "invalid-regex-pattern");
        assert_eq!(pattern["severity"], "err");
        assert_eq!(pattern["details"], "unclosed group");
        let log = error(Problem::LogUnreadable("no such folder".into()));
        assert_eq!(log["short_message"], "could-not-read-log");
        assert_eq!(log["severity"], "crit");
        assert_eq!(
            error(Problem::Unauthorised("this needs a token")),
            json!({
                "severity": "err", "human_friendly_message": "this needs a token",
                "short_message": "unauthorised", "details": "",
            })
        );
    }

    #[test]
    fn a_frame_says_where_and_when() {
        let frame = Frame::at("localhost:4001", "/api/message?pattern=a%20b");
        let frame = serde_json::to_value(frame).unwrap();
        let own = "//localhost:4001/api/message?pattern=a%20b";
        assert_eq!(frame["links"]["self"], own);
        assert_eq!(frame["errors"], Value::Null);
        let generated = frame["metadata"]["generated"].as_str().unwrap();
        assert!(
            generated
                .parse::<u64>()
                .is_ok_and(|ns| ns > 1_700_000_000_000_000_000)
        );
    }
}
