//! Room lines: one JSON object with a name and a room, then text lines.
//!
//! All members of the room get `name:text`. Besides messages, such clients are told
//! only the topic when they come in, announcements, and the reason why they are refused
//! or removed.

use std::fmt;

use serde_json::Value;

use crate::hub::{Event, Farewell, Pass, Refusal};
use crate::model::governance::{BadKey, Key, LinkSecret};
use crate::model::text::without_byte_order_mark;
use crate::model::{MessageKind, Name, NameError};

use super::mended;
use super::words::shown_lines;
use super::{WireFormat, frame_lines, last_fields_of};

/// The object at the beginning.
#[derive(Clone, Debug, PartialEq)]
pub struct Hello {
    /// The nickname.
    pub name: Name,
    /// The room.
    pub room: Name,
    /// What opens the room: its key, or an invitation.
    pub pass: Option<Pass>,
}

/// What a client sent.
#[derive(Debug, PartialEq)]
pub enum Input<'a> {
    /// The object at the beginning.
    Hello(Hello),
    /// A line, without its end.
    Line(&'a [u8]),
    /// A line over the limit; dropped.
    TooLong,
    /// The beginning is not a valid object; nothing else is decoded.
    Broken(BadHello),
}

/// What is wrong with the beginning.
#[derive(Clone, Debug, PartialEq)]
pub enum BadHello {
    /// Not an object with `name` and `room`.
    NotAnObject,
    /// This field is absent or empty.
    Missing(&'static str),
    /// The name is not a nickname.
    Name(NameError),
    /// The room is not a channel name.
    Room(NameError),
    /// The key is not one that a room can have.
    Key(BadKey),
    /// The invitation is not the end of an invitation link.
    Invitation,
    /// This field is something other than text.
    NotText(&'static str),
}

impl fmt::Display for BadHello {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BadHello::NotAnObject => write!(
                f,
                r#"Say first who you are and where to, as {{"name":"Mina","room":"devroom"}}."#
            ),
            BadHello::Missing(field) => write!(
                f,
                r#"There is no {field}. Say first who you are and where to, as {{"name":"Mina","room":"devroom"}}."#
            ),
            BadHello::Name(error) => write!(f, "That name will not do: {error}."),
            BadHello::Room(error) => write!(f, "That room will not do: {error}."),
            BadHello::Key(error) => write!(f, "That key will not do: {error}."),
            BadHello::Invitation => write!(
                f,
                "That invitation will not do: it is the last part of an invitation link."
            ),
            BadHello::NotText(field) => write!(
                f,
                "The {field} will not do: it is text between quotes, or left out."
            ),
        }
    }
}

impl std::error::Error for BadHello {}

/// Decodes the object at the beginning of a WebSocket's first frame, and the
/// lines that may stand behind it.
pub fn decode_hello(text: &str) -> Result<(Hello, &str), BadHello> {
    let text = without_byte_order_mark(text);
    let mut nesting = Nesting::default();
    let end = text.bytes().position(|byte| nesting.ends_with(byte));
    let (object, rest) = end
        .and_then(|end| text.split_at_checked(end + 1))
        .ok_or(BadHello::NotAnObject)?;
    Ok((check_hello(object)?, behind_hello(rest)))
}

/// The text after the object and its line end, if it has one.
fn behind_hello(rest: &str) -> &str {
    let rest = rest.trim_start_matches([' ', '\t', '\r']);
    rest.strip_prefix('\n').unwrap_or(rest)
}

fn check_hello(object: &str) -> Result<Hello, BadHello> {
    let fields = last_fields_of(object, ["name", "room", "key", "invitation"]);
    let [name, room, key, invitation] = fields.map_err(|_| BadHello::NotAnObject)?;
    let [name, room] = [name, room].map(words_of);
    let (name, room) = match (name?, room?) {
        (None, None) => return Err(BadHello::NotAnObject),
        (None, Some(_)) => return Err(BadHello::Missing("name")),
        (Some(_), None) => return Err(BadHello::Missing("room")),
        (Some(name), Some(room)) => (name, room),
    };
    Ok(Hello {
        name: Name::parse_nickname(&name).map_err(BadHello::Name)?,
        room: Name::parse_channel(&room).map_err(BadHello::Room)?,
        pass: pass_of(key, invitation)?,
    })
}

/// What opens the room. An invitation is used rather than a key.
fn pass_of(key: Option<Value>, invitation: Option<Value>) -> Result<Option<Pass>, BadHello> {
    let key = text_of("key", key)?;
    let invitation = text_of("invitation", invitation)?;
    if let Some(secret) = invitation {
        let secret = LinkSecret::parse(&secret).ok_or(BadHello::Invitation)?;
        return Ok(Some(Pass::Link(secret.hash())));
    }
    let key = key.map(|key| Key::parse(&key).map_err(BadHello::Key));
    Ok(key.transpose()?.map(Pass::Key))
}

/// The text of an optional field; `None` if it is empty.
fn text_of(field: &'static str, value: Option<Value>) -> Result<Option<String>, BadHello> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.trim().to_owned()).filter(|it| !it.is_empty())),
        Some(_) => Err(BadHello::NotText(field)),
    }
}

/// The value of a field as one word; `None` if it is empty.
fn words_of(field: Option<Value>) -> Result<Option<String>, BadHello> {
    match field {
        None => Ok(None),
        Some(Value::String(words)) => Ok(Some(in_one_word(&words)).filter(|word| !word.is_empty())),
        Some(_) => Err(BadHello::NotAnObject),
    }
}

/// A name as one word: users of such clients are used to names of several words, which
/// no other protocol could write.
fn in_one_word(name: &str) -> String {
    let words: Vec<&str> = name.split_whitespace().collect();
    words.join("_")
}

/// U+FEFF in UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Splits a byte stream into lines. Holds at most one line, or the beginning.
#[derive(Debug)]
pub struct Decoder {
    state: State,
    nesting: Nesting,
    buffer: Vec<u8>,
    max_line: usize,
}

/// The position inside the object at the beginning: parsing all of it again at every
/// brace would take the square of its length.
#[derive(Debug, Default)]
struct Nesting {
    depth: usize,
    in_string: bool,
    escaped: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Beginning,
    /// The object may have a newline of its own.
    AfterBeginning,
    Lines,
    Overlong,
    Broken,
}

impl Decoder {
    /// A decoder for lines, and a beginning, of at most `max_line` bytes.
    pub fn new(max_line: usize) -> Decoder {
        Decoder {
            state: State::Beginning,
            nesting: Nesting::default(),
            buffer: Vec::new(),
            max_line,
        }
    }

    /// Decodes what was read. Stops when `give` returns false.
    pub fn feed(&mut self, bytes: &[u8], mut give: impl FnMut(Input<'_>) -> bool) {
        for &byte in bytes {
            let go_on = match self.state {
                State::Beginning => self.beginning(byte, &mut give),
                State::AfterBeginning if matches!(byte, b' ' | b'\t' | b'\r') => true,
                State::AfterBeginning => {
                    self.state = State::Lines;
                    byte == b'\n' || self.line(byte, &mut give)
                }
                State::Lines | State::Overlong => self.line(byte, &mut give),
                State::Broken => false,
            };
            if !go_on {
                return;
            }
        }
    }

    /// The unfinished line, when the peer has closed.
    pub fn finish(&mut self) -> Option<Vec<u8>> {
        let mut line = std::mem::take(&mut self.buffer);
        line.pop_if(|byte| *byte == b'\r');
        (self.state == State::Lines && !line.is_empty()).then_some(line)
    }

    fn beginning(&mut self, byte: u8, give: &mut impl FnMut(Input<'_>) -> bool) -> bool {
        self.buffer.push(byte);
        // Some programs begin with a byte order mark.
        if BYTE_ORDER_MARK.starts_with(&self.buffer) {
            if self.buffer == BYTE_ORDER_MARK {
                self.buffer.clear();
            }
            return true;
        }
        // A client that begins with something else is told at once, instead of
        // waiting for the end of an object that is not there.
        let outside = self.nesting.depth == 0 && byte != b'{' && !byte.is_ascii_whitespace();
        let ended = self.nesting.ends_with(byte);
        let hopeless = outside || self.buffer.len() > self.max_line;
        if !ended && !hopeless {
            return true;
        }
        let buffer = std::mem::take(&mut self.buffer);
        // Unused fields may be something other than UTF-8.
        let object = String::from_utf8_lossy(&buffer);
        let result = match hopeless {
            false => check_hello(&object),
            true => Err(BadHello::NotAnObject),
        };
        match result {
            Ok(hello) => {
                self.state = State::AfterBeginning;
                give(Input::Hello(hello))
            }
            Err(why) => {
                self.state = State::Broken;
                give(Input::Broken(why));
                false
            }
        }
    }

    fn line(&mut self, byte: u8, give: &mut impl FnMut(Input<'_>) -> bool) -> bool {
        if byte != b'\n' {
            if self.state == State::Overlong {
                return true;
            }
            // The carriage return at the end is not the line's.
            let most = self.max_line + usize::from(byte == b'\r');
            if self.buffer.len() >= most {
                self.buffer = Vec::new();
                self.state = State::Overlong;
                return true;
            }
            self.buffer.push(byte);
            return true;
        }
        if self.state == State::Overlong {
            self.state = State::Lines;
            return give(Input::TooLong);
        }
        let line = self.buffer.strip_suffix(b"\r").unwrap_or(&self.buffer);
        let go_on = give(Input::Line(line));
        self.buffer.clear();
        go_on
    }
}

impl Nesting {
    /// Takes the next byte. Returns whether the object ends with it.
    fn ends_with(&mut self, byte: u8) -> bool {
        match byte {
            _ if self.escaped => self.escaped = false,
            b'\\' if self.in_string => self.escaped = true,
            b'"' => self.in_string = !self.in_string,
            _ if self.in_string => {}
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                return self.depth == 0;
            }
            _ => {}
        }
        false
    }
}

/// Appends what such a client is told about an event, perhaps nothing.
pub fn write_event(format: WireFormat, event: &Event, out: &mut Vec<u8>) {
    let mut lines = String::new();
    match event {
        Event::Message(message) if !message.body.is_deleted() => {
            // Every line names its author, so that none can pose as another user's.
            for line in shown_lines(&message.body.text) {
                lines.push_str(message.author.as_str());
                lines.push(':');
                if message.body.kind == MessageKind::Action {
                    lines.push_str("* ");
                }
                lines.push_str(&line);
                lines.push('\n');
            }
        }
        Event::Amended(amendment) => mended::write_room_lines(amendment, &mut lines),
        Event::Announcement { text, .. } => {
            for line in shown_lines(text) {
                lines.push_str("Public Server Announcement: ");
                lines.push_str(&line);
                lines.push('\n');
            }
        }
        Event::Joined {
            topic: Some(topic), ..
        } => lines = format!("* topic: {}\n", topic.text),
        // A client without a nickname is told by the farewell.
        Event::Refused(refusal) if !refusal.is_about_nickname() => {
            lines = format!("{refusal}\n");
        }
        _ => {}
    }
    frame_lines(format, &lines, out);
}

/// Appends the reason why a client is refused.
pub fn write_farewell(format: WireFormat, farewell: &Farewell, out: &mut Vec<u8>) {
    let words = match farewell {
        Farewell::Quit => return,
        // What opens a room is in the object at the beginning.
        Farewell::NotAdmitted(Refusal::WrongKey(room)) => {
            format!("#{room} has a key. Give it as \"key\" beside name and room.\n")
        }
        farewell => format!("{farewell}\n"),
    };
    frame_lines(format, &words, out);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decode(pieces: &[&[u8]]) -> Vec<String> {
        let mut decoder = Decoder::new(60);
        let mut seen = Vec::new();
        for piece in pieces {
            decoder.feed(piece, |input| {
                seen.push(match input {
                    Input::Hello(hello) => format!("{} in {}", hello.name, hello.room),
                    Input::Line(line) => String::from_utf8_lossy(line).into_owned(),
                    Input::TooLong => "<too long>".to_owned(),
                    Input::Broken(why) => format!("<{why}>"),
                });
                true
            });
        }
        seen
    }

    const HELLO: &[u8] = br#"{"name":"Mina","room":"devroom"}"#;

    #[test]
    fn the_end_of_the_object_ends_it() {
        for (after, lines) in [
            (&b"hi\n"[..], vec!["hi"]),
            (b"\nhi\r\nthere\n", vec!["hi", "there"]),
            (b"\r\n\nhi\n", vec!["", "hi"]),
        ] {
            let seen = decode(&[HELLO, after]);
            assert_eq!(seen[0], "Mina in devroom");
            assert_eq!(seen[1..], lines[..]);
        }
        let braces = br#"{"room":"a","x":"}{","name":"b"}c
"#;
        assert_eq!(decode(&[braces]), ["b in a", "c"]);
        let quotes = br#"{"room":"a","x":["\\\"}",{}],"name":"b"}c
"#;
        assert_eq!(decode(&[quotes]), ["b in a", "c"]);
    }

    #[test]
    fn names_of_several_words_become_one_and_keys_have_any_case() {
        for (object, expected) in [
            (r#"{"Name":"Mina","ROOM":"devroom"}"#, "Mina in devroom"),
            (r##"{"nAmE":"Mina","rooM":"#dev"}"##, "Mina in dev"),
            (
                r#"{"name":" Mina \t\n  Harker","room":"the  dev\u00a0room "}"#,
                "Mina_Harker in the_dev_room",
            ),
        ] {
            assert_eq!(decode(&[object.as_bytes()]), [expected]);
            let (hello, rest) = decode_hello(object).unwrap();
            let shown = format!("{} in {}", hello.name, hello.room);
            assert_eq!((shown.as_str(), rest), (expected, ""));
        }
    }

    #[test]
    fn a_key_or_an_invitation_may_stand_beside_name_and_room() {
        let pass = |fields: &str| {
            let object = format!(r#"{{"name":"Mina","room":"devroom"{fields}}}"#);
            decode_hello(&object).map(|(hello, _)| hello.pass)
        };
        let key = Pass::Key(Key::parse("sesame").unwrap());
        let secret = LinkSecret::of([7; 16]);
        let link = Pass::Link(secret.hash());
        assert_eq!(pass(r#","Key":" sesame ""#), Ok(Some(key)));
        let invitation = format!(r#","key":"sesame","invitation":"{}""#, secret.expose());
        assert_eq!(pass(&invitation), Ok(Some(link)));
        for none in ["", r#","key":null"#, r#","key":"","invitation":" ""#] {
            assert_eq!(pass(none), Ok(None), "{none}");
        }
        assert_eq!(pass(r#","key":5"#), Err(BadHello::NotText("key")));
        assert!(matches!(pass(r#","key":"a,b""#), Err(BadHello::Key(_))));
        let wrong = r#","invitation":{}"#;
        assert_eq!(pass(wrong), Err(BadHello::NotText("invitation")));
        assert_eq!(pass(r#","invitation":"x""#), Err(BadHello::Invitation));
    }

    #[test]
    fn a_first_frame_may_have_lines_behind_the_object() {
        let hello = std::str::from_utf8(HELLO).unwrap();
        for (after, lines) in [("\r\n", ""), ("hi", "hi"), (" \n\n hi\n", "\n hi\n")] {
            let frame = format!("{hello}{after}");
            assert_eq!(decode_hello(&frame).unwrap().1, lines, "{after:?}");
        }
        assert_eq!(decode_hello(&hello[1..]), Err(BadHello::NotAnObject));
        assert_eq!(decode_hello(&hello[..10]), Err(BadHello::NotAnObject));
    }

    #[test]
    fn of_a_key_twice_the_last_counts() {
        for twice in [
            r#"{"name":"a","NAME":"Mina","room":"c","room":"devroom"}"#,
            r#"{"name":"Mina","room":"devroom","name":null}"#,
        ] {
            assert_eq!(decode(&[twice.as_bytes()]), ["Mina in devroom"], "{twice}");
        }
    }

    #[test]
    fn mistakes_at_the_beginning_are_named_and_end_it() {
        assert!(decode(&[b"\r\nhello\nmore\n"])[0].contains("Say first"));
        assert!(decode(&[br#"["Mina","devroom"]"#])[0].contains("Say first"));
        assert!(decode_hello(r#"["Mina","devroom"]"#).is_err());
        assert!(decode(&[br#"{"name":"a/b","room":"c"}"#])[0].contains("That name"));
        assert!(decode(&[br#"{"name":"a","room":"b/c"}"#])[0].contains("That room"));
        for (incomplete, missing) in [
            (r#"{"name":"a","room":null}"#, "room"),
            (r#"{"name":"a","room":""}"#, "room"),
            (r#"{"name":"a","room":" "}"#, "room"),
            (r#"{"name":"a"}"#, "room"),
            (r#"{"name":"","room":"a"}"#, "name"),
            (r#"{"room":"a"}"#, "name"),
        ] {
            let words = &decode(&[incomplete.as_bytes()])[0];
            let expected = format!("There is no {missing}. Say first");
            assert!(words.contains(&expected), "{incomplete}: {words}");
            assert_eq!(decode_hello(incomplete), Err(BadHello::Missing(missing)));
        }
        for no_object in [
            "{}",
            r#"{"name":"","room":null}"#,
            r#"{"name":1,"room":"b"}"#,
            r#"{"name":"a","room":"b","room":["c"]}"#,
        ] {
            assert!(decode(&[no_object.as_bytes()])[0].contains("Say first"));
            assert_eq!(decode_hello(no_object), Err(BadHello::NotAnObject));
        }
        assert!(decode(&[&b"{".repeat(1000)])[0].contains("Say first"));
        assert_eq!(decode(&[b"[}", b"more\n"]).len(), 1);
    }

    #[test]
    fn the_object_may_be_as_long_as_the_limit_and_no_longer() {
        for (spaces, seen) in [(28, "Mina in devroom"), (29, "<Say first")] {
            let hello = [&b" ".repeat(spaces), HELLO].concat();
            assert!(decode(&[&hello])[0].starts_with(seen), "{spaces}");
        }
    }

    #[test]
    fn a_line_may_be_as_long_as_the_limit_and_no_longer() {
        let line = "x".repeat(60);
        let input = format!("\n{line}\n{line}y\nz\n");
        assert_eq!(
            decode(&[HELLO, input.as_bytes()])[1..],
            [&line, "<too long>", "z"]
        );
        // As of telnet, where it ends in CR LF.
        let input = input.replace('\n', "\r\n");
        assert_eq!(
            decode(&[HELLO, input.as_bytes()])[1..],
            [&line, "<too long>", "z"]
        );
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter(after in "[a-z\r\n]{0,80}", cut in 0usize..100) {
            let whole = [HELLO, after.as_bytes()].concat();
            let (one, two) = whole.split_at(cut.min(whole.len()));
            prop_assert_eq!(decode(&[one, two]), decode(&[&whole]));
        }

        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            decode(&[&bytes]);
        }
    }
}
