//! What is posted to hooks: whatever it is, it is refused or says something, and not much more than
//! was posted.

use chat_server::protocol::hooks::{Posted, read};

const EVENTS: [&str; 11] = [
    "push",
    "ping",
    "issues",
    "issue_comment",
    "pull_request",
    "pull_request_review",
    "release",
    "create",
    "delete",
    "workflow_run",
    "star",
];
const TYPES: [&str; 4] = [
    "application/json",
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
];

pub fn check(data: &[u8]) {
    let events = EVENTS.into_iter().map(Some).chain([None]);
    for event in events {
        holds(event, None, data);
    }
    for content_type in TYPES {
        holds(None, Some(content_type), data);
    }
}

fn holds(event: Option<&str>, content_type: Option<&str>, body: &[u8]) {
    let posted = Posted {
        content_type,
        event,
        body,
    };
    let Ok(said) = read(&posted) else {
        return;
    };
    assert!(!said.text.trim().is_empty(), "says nothing");
    // Words of ours, and those that stand in it more than once.
    let most = 4 * body.len() + 1000;
    assert!(said.text.len() <= most, "{} bytes", said.text.len());
    assert_eq!(read(&posted), Ok(said), "the same again");
}
