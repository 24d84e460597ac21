//! What a client has asked for, as the hub gives it back with the answers.

use crate::hub::Mark;

/// What stands between the parts of a mark; no line has it.
const BETWEEN: char = '\n';

/// A request: its command, what it is about, and further details.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Request<'a> {
    /// The label that the client has given it, as it is written; mostly none.
    pub label: &'a str,
    /// The command.
    pub command: &'a str,
    /// What it is about, as the client has written it.
    pub target: &'a str,
    /// What else decides about the form of the answer.
    pub detail: &'a str,
}

impl<'a> Request<'a> {
    /// Reads a mark.
    pub fn of(mark: Option<&'a str>) -> Request<'a> {
        let mut parts = mark.unwrap_or_default().splitn(4, BETWEEN);
        let mut next = || parts.next().unwrap_or_default();
        Request {
            label: next(),
            command: next(),
            target: next(),
            detail: next(),
        }
    }

    /// The mark of it.
    pub fn mark(&self) -> Mark {
        let Request {
            label,
            command,
            target,
            detail,
        } = self;
        Mark::new(format!(
            "{label}{BETWEEN}{command}{BETWEEN}{target}{BETWEEN}{detail}"
        ))
    }

    /// Whether it is a message.
    pub fn is_message(&self) -> bool {
        matches!(self.command, "PRIVMSG" | "NOTICE" | "TAGMSG")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_read_as_it_is_made() {
        let request = Request {
            label: "a1",
            command: "WHO",
            target: "#c",
            detail: "%tn,1",
        };
        assert_eq!(Request::of(Some(request.mark().as_str())), request);
        assert_eq!(Request::of(None), Request::default());
    }
}
