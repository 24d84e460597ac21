//! What programs post to hooks, as the text of a message: text as it is, and the JSON that monitoring
//! and forges send. Reads anything without failing on what it does not know, and keeps what it shows
//! short: the receiver of an alarm reads it on a telephone.

mod alerts;
mod forges;
mod plain;
mod slack;
mod value;

use std::fmt;

use serde_json::Value;

use crate::json;

/// What was posted to a hook.
#[derive(Clone, Copy, Debug, Default)]
pub struct Posted<'a> {
    /// The content type, if it was given.
    pub content_type: Option<&'a str>,
    /// The event of a forge, as GitHub and Gitea name it in a header.
    pub event: Option<&'a str>,
    /// The body.
    pub body: &'a [u8],
}

/// What it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// The text, not cleaned yet.
    pub text: String,
    /// Whether it is a notice, which no other program answers.
    pub is_notice: bool,
}

/// Why it says nothing; `Display` is for whoever set up the sender.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotSaid {
    /// There is nothing in it.
    Empty,
    /// The text is not UTF-8.
    NotText,
    /// It is meant as JSON and is none; says why.
    NotJson(String),
    /// It is meant as an event of a forge and lacks what that is about.
    NoEvent(String),
    /// It is a form in several parts.
    Parts,
}

/// Reads what was posted.
pub fn read(posted: &Posted<'_>) -> Result<Said, NotSaid> {
    let content_type = posted.content_type.unwrap_or_default();
    let content_type = content_type.to_ascii_lowercase();
    if content_type.starts_with("multipart/") {
        return Err(NotSaid::Parts);
    }
    let body = str::from_utf8(posted.body).map_err(|_| NotSaid::NotText)?;
    let start = body.trim_start_matches('\u{feff}').trim_start();
    // `curl -d` calls everything a form.
    let is_json = content_type.contains("json")
        || posted.event.is_some()
        || (start.starts_with('{') && !content_type.starts_with("text/"));
    let said = match is_json {
        true => of_json(posted.event, body)?,
        false => Said::plainly(body.trim_end_matches(['\r', '\n']).to_owned()),
    };
    match said.text.trim().is_empty() {
        true => Err(NotSaid::Empty),
        false => Ok(said),
    }
}

fn of_json(event: Option<&str>, body: &str) -> Result<Said, NotSaid> {
    let value: Value = json::read(body).map_err(|error| NotSaid::NotJson(error.to_string()))?;
    if let Value::String(text) = value {
        return Ok(Said::plainly(text));
    }
    let text = match event {
        Some(_) if !value::says_anything(&value) => return Err(NotSaid::Empty),
        Some(event) => {
            forges::words(event, &value).ok_or_else(|| NotSaid::NoEvent(event.into()))?
        }
        None => alerts::words(&value)
            .or_else(|| slack::words(&value))
            .unwrap_or_else(|| plain::words(&value)),
    };
    Ok(Said {
        text,
        is_notice: value.get("notice").and_then(Value::as_bool) == Some(true),
    })
}

impl Said {
    fn plainly(text: String) -> Said {
        Said {
            text,
            is_notice: false,
        }
    }
}

impl fmt::Display for NotSaid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotSaid::Empty => write!(f, "there is no text in it"),
            NotSaid::NotText => write!(f, "is not UTF-8"),
            NotSaid::NotJson(why) => write!(f, "is not JSON: {why}"),
            NotSaid::NoEvent(event) => write!(
                f,
                "does not say what the event {event:?} is about: the fields are missing that forges send"
            ),
            NotSaid::Parts => {
                write!(
                    f,
                    "must be the text itself, or JSON (with curl: -d, not -F)"
                )
            }
        }
    }
}

impl std::error::Error for NotSaid {}
