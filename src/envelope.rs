//! The envelope: the common format of every answer about accounts and direct messages, good or bad,
//! from REST, the front or a WebSocket. This module knows only the format; others decide what goes
//! in.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

/// Rows of one page.
pub const PER_PAGE: usize = 10;

/// Answers below this path come in an envelope.
const COVERED: &str = "/api/";
/// Paths whose answers have formats of their own.
const UNCOVERED: &[&str] = &[
    "/api/message",
    "/api/status",
    "/api/docs.json",
    "/api/docs.json/api",
];

/// The name, beside those of the fields, for an error about the form as a whole.
const WHOLE: &str = "error";
/// Misspelt as clients of this format expect it.
const NOT_UNIQUE: &str = "Some fileds are not unique";
const UNKNOWN_USER: &str = "unknown username";
/// The content type of every answer in this format.
pub const CONTENT_TYPE: &str = "application/json; charset=utf-8";

/// The format of every answer.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Envelope<T> {
    /// `success` or `fail`.
    #[schema(example = "success")]
    status: &'static str,
    /// The content; a list even if it has one element.
    data: Vec<T>,
    error: ErrorPart,
    /// The page, from 1.
    page: u64,
    /// The most rows on a page.
    per_page: usize,
    /// Rows on this page.
    current_page: usize,
}

/// The error part; present in successes, too.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
struct ErrorPart {
    /// The HTTP status.
    #[schema(example = 200)]
    code: u16,
    /// `null` in a success. Otherwise what is wrong with each field, and as `error` what is wrong
    /// as a whole.
    errors: Option<BTreeMap<String, String>>,
    /// A short summary; empty in a success.
    message: String,
    /// Why the client is not signed in, if that is the error.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

/// An answer without content.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Nothing {}

/// Why something was not done.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// The HTTP status.
    pub code: u16,
    /// A short summary.
    pub message: String,
    /// What is wrong with each field; empty for an error about the whole.
    pub errors: BTreeMap<String, String>,
    /// Details, for people.
    pub detail: Option<String>,
    /// Seconds after which another attempt may succeed.
    pub retry_seconds: Option<u64>,
}

/// Where what programs call begins.
const PROGRAMS: &[&str] = &["/api/channels/", "/api/events"];

/// Whether answers at `path` come in an envelope.
pub fn covers(path: &str) -> bool {
    let of_programs = PROGRAMS.iter().any(|prefix| path.starts_with(prefix));
    path.starts_with(COVERED) && !of_programs && !UNCOVERED.contains(&path)
}

impl<T> Envelope<T> {
    /// All the content.
    pub fn of(data: Vec<T>) -> Envelope<T> {
        Envelope::page(1, data)
    }

    /// One page of the content.
    pub fn page(page: u64, data: Vec<T>) -> Envelope<T> {
        Envelope {
            status: "success",
            current_page: data.len(),
            data,
            error: ErrorPart {
                code: 200,
                errors: None,
                message: String::new(),
                detail: None,
            },
            page,
            per_page: PER_PAGE,
        }
    }
}

impl Failure {
    /// A failure that no field is to blame for.
    pub fn new(code: u16, message: impl Into<String>) -> Failure {
        Failure {
            code,
            message: message.into(),
            errors: BTreeMap::new(),
            detail: None,
            retry_seconds: None,
        }
    }

    /// Everything that is wrong, in one line.
    pub fn in_words(&self) -> String {
        let fields = self
            .errors
            .iter()
            .map(|(field, why)| format!("{field}: {why}"));
        let words = [self.message.clone()].into_iter().chain(fields);
        words.collect::<Vec<_>>().join("; ")
    }

    /// Fields are missing or wrong.
    pub fn form<F: Into<String>, W: Into<String>>(
        errors: impl IntoIterator<Item = (F, W)>,
    ) -> Failure {
        Failure::with_errors("Form error", errors)
    }

    /// Another user has the values of these fields.
    pub fn not_unique<F: Into<String>, W: Into<String>>(
        errors: impl IntoIterator<Item = (F, W)>,
    ) -> Failure {
        Failure::with_errors("User error", errors).with_error(NOT_UNIQUE)
    }

    /// There is no user with the value of this field.
    pub fn unknown_user(field: &str, why: impl Into<String>) -> Failure {
        Failure::with_errors("User error", [(field, why)]).with_error(UNKNOWN_USER)
    }

    fn with_errors<F: Into<String>, W: Into<String>>(
        message: &str,
        errors: impl IntoIterator<Item = (F, W)>,
    ) -> Failure {
        let errors = errors.into_iter();
        Failure {
            errors: errors.map(|(f, why)| (f.into(), why.into())).collect(),
            ..Failure::new(400, message)
        }
    }

    /// The client is not signed in, for this reason.
    pub fn unauthenticated(why: impl Into<String>) -> Failure {
        Failure {
            detail: Some(why.into()),
            ..Failure::new(401, "Authentication error").with_error("Unauthenticated")
        }
    }

    /// Adds an error about the whole, beside the fields.
    fn with_error(mut self, words: &str) -> Failure {
        self.errors.insert(WHOLE.to_owned(), words.to_owned());
        self
    }

    /// Says that another attempt after this many seconds may succeed.
    pub fn retry_after(self, seconds: u64) -> Failure {
        Failure {
            retry_seconds: Some(seconds),
            ..self
        }
    }

    /// The envelope of this failure. Its `errors` are never `null`: clients take the texts they
    /// show from there.
    pub fn envelope(&self) -> Envelope<Nothing> {
        let failure = match self.errors.is_empty() {
            true => self.clone().with_error(&self.message),
            false => self.clone(),
        };
        Envelope {
            status: "fail",
            error: ErrorPart {
                code: self.code,
                errors: Some(failure.errors),
                message: failure.message,
                detail: failure.detail,
            },
            ..Envelope::of(Vec::new())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_form_is_the_same_whatever_happens() {
        assert_eq!(
            serde_json::to_value(Envelope::page(3, vec![1, 2])).unwrap(),
            json!({
                "status": "success", "data": [1, 2],
                "error": {"code": 200, "errors": null, "message": ""},
                "page": 3, "per_page": 10, "current_page": 2,
            })
        );
        let failure = Failure::form([("page", "is not a number")]);
        assert_eq!(
            serde_json::to_value(failure.envelope()).unwrap(),
            json!({
                "status": "fail", "data": [],
                "error": {"code": 400, "errors": {"page": "is not a number"},
                          "message": "Form error"},
                "page": 1, "per_page": 10, "current_page": 0,
            })
        );
        let error = |failure: Failure| {
            let envelope = serde_json::to_value(failure.envelope()).unwrap();
            envelope["error"].clone()
        };
        assert_eq!(
            error(Failure::not_unique([("email", "is taken already")])),
            json!({
                "code": 400, "message": "User error",
                "errors": {"error": "Some fileds are not unique", "email": "is taken already"},
            })
        );
        assert_eq!(
            error(Failure::unauthenticated("no token was sent")),
            json!({
                "code": 401, "message": "Authentication error",
                "errors": {"error": "Unauthenticated"}, "detail": "no token was sent",
            })
        );
        assert_eq!(
            error(Failure::new(503, "try again")),
            json!({"code": 503, "message": "try again", "errors": {"error": "try again"}})
        );
    }

    #[test]
    fn older_answers_below_the_same_path_stay_as_they_are() {
        for path in ["/api/register", "/api/", "/api/what", "/api/status/x"] {
            assert!(covers(path), "{path}");
        }
        for path in ["/api/message", "/api/status", "/api", "/admin/users"] {
            assert!(!covers(path), "{path}");
        }
    }
}
