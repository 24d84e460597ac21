//! Event streams: what happens in channels, for programs that read HTTP.
//!
//! There are two forms: server-sent events, as browsers and libraries read them, and lines of
//! JSON. An event is written in two parts. Its body is the same for every stream of a form. Its end
//! has the cursor, by which a client that was cut off goes on; that is the stream's own if it
//! follows several channels ([`Follower`]).

mod cursor;
mod follower;
mod told;

use std::fmt::Display;
use std::io::Write;

use serde::Serialize;
use serde_json::json;

use crate::hub::{Event, Farewell};
use crate::model::Name;

use super::WireFormat;

pub use cursor::{BadCursor, Cursor, MOST_CHANNELS};
pub use follower::{Begin, Follower, Taken};
pub use told::{ChangeTold, MessageTold, SignTold};

/// Milliseconds after which a browser whose stream has ended tries again.
const RETRY_MS: u32 = 2_000;

/// Appends the first event of a stream: the channels it follows, and where it begins.
pub fn write_opening(format: WireFormat, cursor: &Cursor, out: &mut Vec<u8>) {
    if format == WireFormat::EventStream {
        put(out, format_args!("retry: {RETRY_MS}\n"));
    }
    let channels: Vec<&str> = cursor.channels().map(Name::as_str).collect();
    write(format, "open", &json!({ "channels": channels }), out);
    write_end(format, Some(&cursor), out);
}

/// Appends the body of an event; nothing, if streams are not told of it.
pub fn write_body(format: WireFormat, event: &Event, out: &mut Vec<u8>) {
    told::write_body(format, event, out);
}

/// Appends the end of an event, with the cursor if the event has moved it.
pub fn write_end(format: WireFormat, cursor: Option<&dyn Display>, out: &mut Vec<u8>) {
    match (format, cursor) {
        (WireFormat::EventStream, Some(cursor)) => put(out, format_args!("id: {cursor}\n\n")),
        (WireFormat::EventStream, None) => out.push(b'\n'),
        (_, Some(cursor)) => put(out, format_args!(",\"cursor\":\"{cursor}\"}}\n")),
        (_, None) => out.extend_from_slice(b"}\n"),
    }
}

/// Appends the end of an event that has a place, for a stream that follows its channel alone.
pub fn write_only_end(format: WireFormat, event: &Event, out: &mut Vec<u8>) {
    let place = follower::place_after(event);
    write_end(
        format,
        place.as_ref().map(|place| place as &dyn Display),
        out,
    );
}

/// Appends that a stream has told all that was missed of a channel.
pub fn write_caught_up(format: WireFormat, channel: &Name, complete: bool, out: &mut Vec<u8>) {
    let more = json!({ "channel": channel, "complete": complete });
    write(format, "caught_up", &more, out);
    write_end(format, None, out);
}

/// Appends why a stream ends.
pub fn write_farewell(format: WireFormat, farewell: &Farewell, out: &mut Vec<u8>) {
    let why = json!({ "code": farewell.code(), "message": farewell.to_string() });
    write(format, "end", &why, out);
    write_end(format, None, out);
}

/// What tells a client, and all between it and the server, that the stream is there.
pub fn sign_of_life(format: WireFormat) -> &'static [u8] {
    match format {
        WireFormat::EventStream => b": alive\n\n",
        _ => b"{\"event\":\"alive\"}\n",
    }
}

/// Appends the body of an event with these fields.
fn write(format: WireFormat, name: &str, fields: &impl Serialize, out: &mut Vec<u8>) {
    match format {
        WireFormat::EventStream => {
            put(out, format_args!("event: {name}\ndata: "));
            put_json(out, fields);
            out.push(b'\n');
        }
        _ => {
            put(out, format_args!("{{\"event\":\"{name}\","));
            let start = out.len();
            put_json(out, fields);
            // Its braces are those of the line.
            out.pop();
            out.remove(start);
        }
    }
}

fn put(out: &mut Vec<u8>, words: std::fmt::Arguments<'_>) {
    // Writing to a Vec cannot fail.
    let _ = out.write_fmt(words);
}

fn put_json(out: &mut Vec<u8>, fields: &impl Serialize) {
    // Line breaks are escaped, so it is one line. Only maps with unusual keys fail, and there are
    // none here.
    let _ = serde_json::to_writer(out, fields);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl Fn(WireFormat, &mut Vec<u8>)) -> [String; 2] {
        [WireFormat::EventStream, WireFormat::JsonLines].map(|format| {
            let mut out = Vec::new();
            write(format, &mut out);
            String::from_utf8(out).unwrap()
        })
    }

    #[test]
    fn a_stream_begins_with_its_cursor_and_ends_with_a_reason() {
        let cursor: Cursor = "dev:7-1,ops:0-0".parse().unwrap();
        assert_eq!(
            written(|format, out| write_opening(format, &cursor, out)),
            [
                "retry: 2000\nevent: open\ndata: {\"channels\":[\"dev\",\"ops\"]}\n\
                 id: dev:7-1,ops:0-0\n\n",
                "{\"event\":\"open\",\"channels\":[\"dev\",\"ops\"],\
                 \"cursor\":\"dev:7-1,ops:0-0\"}\n",
            ]
        );
        assert_eq!(
            written(|format, out| write_farewell(format, &Farewell::Shutdown, out)),
            [
                "event: end\ndata: {\"code\":\"shutdown\",\
                 \"message\":\"The server is shutting down.\"}\n\n",
                "{\"event\":\"end\",\"code\":\"shutdown\",\
                 \"message\":\"The server is shutting down.\"}\n",
            ]
        );
    }
}
