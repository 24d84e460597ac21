//! IRC: lines of at most 512 bytes, with tags before them if the client wants them.
//!
//! What everyone is told in the same words is encoded once for each [`Shape`], which says
//! what a client's capabilities change in the bytes of a line. What a client alone is
//! told depends on its [`Reader`].

pub mod caps;
pub mod commands;
pub mod elist;
mod encode;
pub mod history;
pub mod isupport;
pub mod labels;
pub mod lines;
pub mod masks;
pub mod message;
pub mod metadata;
pub mod modes;
pub mod multiline;
pub mod names;
pub mod nicknames;
pub mod numerics;
mod personal;
pub mod prefix;
pub mod reader;
pub mod replies;
pub mod requests;
pub mod roster;
pub mod split;
pub mod tags;
pub mod terms;
pub mod user_modes;

pub use caps::{Cap, Caps};
pub use encode::is_personal;
pub use personal::{UNKNOWN_MSGID, leaves_out, read_mark, write_isupport};
pub use reader::{Reader, Shape};
pub use terms::{Sts, Terms};

use crate::hub::{Circumstances, Event, Farewell, Mark};

use lines::Lines;

/// Appends what all clients of a shape are told of an event.
pub fn write_shared(
    event: &Event,
    told: &Circumstances,
    (terms, shape): (&Terms, Shape),
    now_ms: u64,
    out: &mut Vec<u8>,
) {
    let called = terms.nicknames.event(event);
    let event = called.as_ref().unwrap_or(event);
    let mut lines = Lines::new(terms, shape, now_ms, out);
    encode::write(event, told, &mut lines);
}

/// Appends what one client is told of an event.
pub fn write_personal(
    event: &Event,
    told: &Circumstances,
    (terms, reader): (&Terms, &mut Reader),
    now_ms: u64,
    out: &mut Vec<u8>,
) {
    let called = terms.nicknames.event(event);
    let event = called.as_ref().unwrap_or(event);
    reader.note(event);
    let mut lines = Lines::new(terms, reader.shape(), now_ms, out);
    let request = requests::Request::of(told.mark.as_ref().map(Mark::as_str));
    personal::write(event, told, &request, reader, &mut lines);
}

/// Whether an event answers a request to which the client has given a label. A message
/// that it has sent to itself has the label in its copy of what it has sent.
pub fn is_labelled(reader: &Reader, event: &Event, told: &Circumstances) -> bool {
    let label = requests::Request::of(told.mark.as_ref().map(Mark::as_str)).label;
    !label.is_empty()
        && reader.has(Cap::LabeledResponse)
        && !matches!(event, Event::Private(_) | Event::PrivateCopy(_))
        && (told.speaker.is_some() || !matches!(event, Event::Signal(_)))
}

/// Appends what one client is told of an event that answers its request with a label: it
/// may be held back until more is known.
pub fn write_labelled(
    event: &Event,
    told: &Circumstances,
    (terms, reader): (&Terms, &mut Reader),
    now_ms: u64,
    out: &mut Vec<u8>,
) {
    let mut lines = Vec::new();
    match is_personal(event) {
        true => write_personal(event, told, (terms, reader), now_ms, &mut lines),
        false => write_shared(event, told, (terms, reader.shape()), now_ms, &mut lines),
    }
    if !lines.is_empty() {
        write_answer(&lines, told.mark.as_ref(), (terms, reader), out);
    }
}

/// Appends lines that the connection's own thread has made; of those that answer a
/// request with a label, an empty one is the end.
pub fn write_answer(
    lines: &[u8],
    mark: Option<&Mark>,
    (terms, reader): (&Terms, &mut Reader),
    out: &mut Vec<u8>,
) {
    let label = requests::Request::of(mark.map(Mark::as_str)).label;
    let has_batches = reader.has(Cap::Batch);
    match (label, lines) {
        ("", lines) => out.extend_from_slice(lines),
        (label, []) => reader.answers.end(terms, label, out),
        (label, lines) => (reader.answers).add(terms, (label, has_batches), lines, out),
    }
}

/// Appends the last line of a connection.
pub fn write_farewell(terms: &Terms, farewell: &Farewell, out: &mut Vec<u8>) {
    let mut lines = Lines::new(terms, Shape::default(), 0, out);
    lines.error(&format!("Closing Link: ({})", farewell_words(farewell)));
}

fn farewell_words(farewell: &Farewell) -> String {
    match farewell {
        Farewell::Quit => "Quit".to_owned(),
        Farewell::Silent => "Ping timeout".to_owned(),
        Farewell::Flooding => "Excess Flood".to_owned(),
        other => other.to_string(),
    }
}

/// Appends a question whether the client is still there.
pub fn write_ping(terms: &Terms, out: &mut Vec<u8>) {
    let mut lines = Lines::new(terms, Shape::default(), 0, out);
    lines.ping();
}
