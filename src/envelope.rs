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
const UNCOVERED: &[&str] = &["/api/message", "/api/status"];

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
    /// What is wrong with which field.
    errors: Option<BTreeMap<String, String>>,
    /// In a few words; empty if nothing is wrong.
    message: String,
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
    /// What is wrong with which field.
    pub errors: BTreeMap<String, String>,
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
            retry_seconds: None,
        }
    }

    /// Fields are not as they have to be.
    pub fn form<F: Into<String>, W: Into<String>>(
        errors: impl IntoIterator<Item = (F, W)>,
    ) -> Failure {
        Failure::with_errors("Form error", errors)
    }

    /// The form is in order, but there is such a user already, or none.
    pub fn user<F: Into<String>, W: Into<String>>(
        errors: impl IntoIterator<Item = (F, W)>,
    ) -> Failure {
        Failure::with_errors("User error", errors)
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

    /// Nobody knows who this is.
    pub fn unauthenticated(message: impl Into<String>) -> Failure {
        let error = ("error".to_owned(), "Unauthenticated".to_owned());
        Failure {
            errors: BTreeMap::from([error]),
            ..Failure::new(401, message)
        }
    }

    /// Another try in so many seconds may succeed.
    pub fn retry_after(self, seconds: u64) -> Failure {
        Failure {
            retry_seconds: Some(seconds),
            ..self
        }
    }

    /// The envelope that says so.
    pub fn envelope(&self) -> Envelope<Nothing> {
        Envelope {
            status: "fail",
            error: ErrorPart {
                code: self.code,
                errors: (!self.errors.is_empty()).then(|| self.errors.clone()),
                message: self.message.clone(),
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
