//! Messages that were edited or deleted, as clients are told of them.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::model::time::rfc3339;
use crate::model::{Amendment, Body, MessageId, MessageKind, Name, Place};

use super::json_frame::{put, system};
use super::reacted::put_reactions;
use super::words::{doer, shown_lines};

/// The frame for JSON clients.
pub fn frame(amendment: &Amendment) -> Value {
    let mut frame = match amendment.deletes() {
        true => {
            let words = removed(amendment);
            let mut frame = system("deleted", &words, json!({ "id": amendment.message }));
            if let Some(by) = &amendment.by {
                put(&mut frame, "by", json!(by));
            }
            if let Some(reason) = &amendment.reason {
                put(&mut frame, "reason", json!(reason));
            }
            frame
        }
        false => json!({
            "from": amendment.author,
            "body": amendment.body.text,
            "type": "edited",
            "id": amendment.message,
        }),
    };
    put_more(&mut frame, &amendment.body);
    put(&mut frame, "at", json!(rfc3339(amendment.id.ms)));
    match &amendment.place {
        Place::Channel { channel, .. } => put(&mut frame, "room", json!(channel)),
        Place::Direct { .. } => {
            put(&mut frame, "author", json!(amendment.author));
            if let Some(to) = &amendment.to {
                put(&mut frame, "to", json!(to));
            }
        }
    }
    frame
}

/// That a message is gone, as a sentence.
pub fn removed(amendment: &Amendment) -> String {
    match &amendment.by {
        Some(by) => format!("{} removed a message.", doer(by)),
        None => "A message was removed.".to_owned(),
    }
}

/// Says how a message is meant, unless it is simply said, whether a program has said it, what it
/// answers, and what has become of it.
pub fn put_kind(frame: &mut Value, body: &Body) {
    match body.kind {
        MessageKind::Say => {}
        MessageKind::Action => put(frame, "action", json!(true)),
        MessageKind::Notice => put(frame, "notice", json!(true)),
        MessageKind::Deleted => put(frame, "deleted", json!(true)),
    }
    if body.is_by_bot() {
        put(frame, "bot", json!(true));
    }
    put_more(frame, body);
    if let Some(reactions) = body.reactions() {
        put_reactions(frame, reactions);
    }
}

fn put_more(frame: &mut Value, body: &Body) {
    if let Some(reply) = body.reply() {
        put(frame, "reply_to", json!(reply.id));
        put(frame, "reply_author", json!(reply.author));
    }
    if let Some(MessageId { ms, .. }) = body.changed() {
        put(frame, "changed", json!(body.changed()));
        if !body.is_deleted() {
            put(frame, "edited_at", json!(rfc3339(ms)));
        }
    }
}

/// Writes lines of text.
pub fn write_lines(amendment: &Amendment, out: &mut String) -> std::fmt::Result {
    let is_private = matches!(amendment.place, Place::Direct { .. });
    let what = if is_private {
        "private message"
    } else {
        "message"
    };
    if amendment.deletes() {
        return match &amendment.by {
            Some(by) => match &amendment.reason {
                Some(why) => writeln!(out, "* {} removed a {what}: {why}", doer(by)),
                None => writeln!(out, "* {} removed a {what}.", doer(by)),
            },
            None => writeln!(out, "* A {what} was removed."),
        };
    }
    let author = &amendment.author;
    let private = if is_private { " a private message" } else { "" };
    // Every line names its author, so that no line can pose as another's.
    for line in shown_lines(&amendment.body.text) {
        writeln!(out, "* @{author} corrected{private}: {line}")?;
    }
    Ok(())
}

/// Writes room lines: nothing, if the message is gone.
pub fn write_room_lines(amendment: &Amendment, out: &mut String) {
    if amendment.deletes() || matches!(amendment.place, Place::Direct { .. }) {
        return;
    }
    for line in shown_lines(&amendment.body.text) {
        let author: &Name = &amendment.author;
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{author}:(corrected) {line}");
    }
}
