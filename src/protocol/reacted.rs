//! Reactions, as clients are told of them.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::model::{Counted, Located, Name, Place, Reaction, Reactions};

use super::json_frame::{put, system};
use super::words::doer;

/// The frame for JSON clients of one that was given or taken back.
pub fn frame(reaction: &Reaction) -> Value {
    let more = json!({
        "id": reaction.message,
        "sign": reaction.sign,
        "user": reaction.by,
        "on": reaction.on,
        "reacted": reaction.id,
    });
    let mut frame = system("reacted", &words(reaction), more);
    put_place(
        &mut frame,
        &reaction.place,
        &reaction.author,
        reaction.to.as_ref(),
    );
    frame
}

/// A reaction as a sentence.
pub fn words(reaction: &Reaction) -> String {
    let (by, author, sign) = (&reaction.by, doer(&reaction.author), &reaction.sign);
    match reaction.on {
        true => format!("{by} reacted {sign} to a message of {author}."),
        false => format!("{by} took {sign} back from a message of {author}."),
    }
}

/// The frame of all that a message has.
pub fn state(found: &Located) -> Value {
    let Located { message, to, .. } = found;
    let reactions = message.body.reactions().cloned().unwrap_or_default();
    let author = doer(&message.author);
    let words = match in_words(&reactions) {
        words if words.is_empty() => format!("A message of {author} has no reactions."),
        words => format!("A message of {author} has {words}."),
    };
    let mut frame = system("reactions", &words, json!({ "id": message.id }));
    put_reactions(&mut frame, &reactions);
    put_place(&mut frame, &message.place, &message.author, to.as_ref());
    frame
}

/// Adds the reactions of a message to its frame.
pub fn put_reactions(frame: &mut Value, reactions: &Reactions) {
    let counted = reactions.counted();
    let list: Vec<Value> = counted.iter().map(listed).collect();
    put(frame, "reactions", json!(list));
    if let Some(last) = reactions.last() {
        put(frame, "reacted", json!(last));
    }
}

fn listed(counted: &Counted<'_>) -> Value {
    json!({ "sign": counted.sign, "count": counted.count, "users": counted.users })
}

fn put_place(frame: &mut Value, place: &Place, author: &Name, to: Option<&Name>) {
    put(frame, "author", json!(author));
    match place {
        Place::Channel { channel, .. } => put(frame, "room", json!(channel)),
        Place::Direct { .. } => {
            if let Some(to) = to {
                put(frame, "to", json!(to));
            }
        }
    }
}

fn in_words(reactions: &Reactions) -> String {
    let counted = reactions.counted();
    let words: Vec<String> = counted
        .iter()
        .map(|counted| format!("{} {}", counted.sign, counted.count))
        .collect();
    words.join(", ")
}

/// Writes the line for the message's author and for the user who reacts.
pub fn write_line(reaction: &Reaction, out: &mut String) -> std::fmt::Result {
    let (by, author, sign) = (&reaction.by, doer(&reaction.author), &reaction.sign);
    match reaction.on {
        true => writeln!(out, "* @{by} reacted {sign} to {author}"),
        false => writeln!(out, "* @{by} took {sign} back from {author}"),
    }
}
