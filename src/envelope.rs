//! The envelope: the one form of every answer about accounts and direct
//! messages, good or bad, from REST, the front or a WebSocket. It only knows
//! its own form; what goes in, and who gets it, others decide.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

/// Rows of one page.
pub const PER_PAGE: usize = 10;

/// Where answers come in an envelope.
const COVERED: &str = "/api/";
/// What is below it and answers in forms of its own.
const UNCOVERED: &[&str] = &[
    "/api/message",
    "/api/status",
    "/api/docs.json",
    "/api/docs.json/api",
];

/// What is wrong with the whole stands beside the fields under this name.
const WHOLE: &str = "error";
/// Spelled as clients of this form know it.
const NOT_UNIQUE: &str = "Some fileds are not unique";
const UNKNOWN_USER: &str = "unknown username";
/// The type of every answer in this form.
pub const CONTENT_TYPE: &str = "application/json; charset=utf-8";

/// What every answer looks like.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Envelope<T> {
    /// `success` or `fail`.
    #[schema(example = "success")]
    status: &'static str,
    /// What was asked for; a list even if it is one.
    data: Vec<T>,
    error: ErrorPart,
    /// Which page this is, from 1.
    page: u64,
    /// Rows a page has at most.
    per_page: usize,
    /// Rows this page has.
    current_page: usize,
}

/// What went wrong, if anything did.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
struct ErrorPart {
    /// As the HTTP status.
    #[schema(example = 200)]
    code: u16,
    /// `null` if nothing is wrong. What is wrong with which field, and as
    /// `error` what is wrong with the whole.
    errors: Option<BTreeMap<String, String>>,
    /// In a few words; empty if nothing is wrong.
    message: String,
    /// Why nobody is signed in, if that is what is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

/// An answer that has nothing in it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Nothing {}

/// Why something was not done.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// The HTTP status.
    pub code: u16,
    /// In a few words.
    pub message: String,
    /// What is wrong with which field; with the whole if this is empty.
    pub errors: BTreeMap<String, String>,
    /// More about it, for people.
    pub detail: Option<String>,
    /// When it may be worth another try, in seconds.
    pub retry_seconds: Option<u64>,
}

/// Whether answers at `path` come in an envelope.
pub fn covers(path: &str) -> bool {
    path.starts_with(COVERED) && !UNCOVERED.contains(&path)
}

impl<T> Envelope<T> {
    /// All there is.
    pub fn of(data: Vec<T>) -> Envelope<T> {
        Envelope::page(1, data)
    }

    /// A page of it.
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
    /// A failure with no field to blame.
    pub fn new(code: u16, message: impl Into<String>) -> Failure {
        Failure {
            code,
            message: message.into(),
            errors: BTreeMap::new(),
            detail: None,
            retry_seconds: None,
        }
    }

    /// All that is wrong, in one line.
    pub fn in_words(&self) -> String {
        let fields = self
            .errors
            .iter()
            .map(|(field, why)| format!("{field}: {why}"));
        let words = [self.message.clone()].into_iter().chain(fields);
        words.collect::<Vec<_>>().join("; ")
    }

    /// Fields are not as they have to be.
    pub fn form<F: Into<String>, W: Into<String>>(
        errors: impl IntoIterator<Item = (F, W)>,
    ) -> Failure {
        Failure::with_errors("Form error", errors)
    }

    /// There is such a user already: these fields say so.
    pub fn not_unique<F: Into<String>, W: Into<String>>(
        errors: impl IntoIterator<Item = (F, W)>,
    ) -> Failure {
        Failure::with_errors("User error", errors).with_error(NOT_UNIQUE)
    }

    /// There is no such user, as this field says.
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

    /// Nobody knows who this is, and why.
    pub fn unauthenticated(why: impl Into<String>) -> Failure {
        Failure {
            detail: Some(why.into()),
            ..Failure::new(401, "Authentication error").with_error("Unauthenticated")
        }
    }

    /// Says what is wrong with the whole, beside the fields.
    fn with_error(mut self, words: &str) -> Failure {
        self.errors.insert(WHOLE.to_owned(), words.to_owned());
        self
    }

    /// Another try in so many seconds may succeed.
    pub fn retry_after(self, seconds: u64) -> Failure {
        Failure {
            retry_seconds: Some(seconds),
            ..self
        }
    }

    /// The envelope that says so. Its `errors` are never `null`: clients take
    /// words for people from there.
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
