//! Lines from clients: `@tags :source COMMAND param param :last param`.

use super::labels::MAX_LABEL;
use super::lines::MAX_LINE;
use super::tags::{MAX_CLIENT_TAGS, MAX_TAGS};

/// The most parameters of a line; further words belong to the last.
pub const MAX_PARAMS: usize = 15;

/// The longest REGISTER, in bytes without its end: unlike what is said to others it may be
/// longer than a line, since the longest password has 1,024 bytes.
const MAX_REGISTER: usize = MAX_LINE + 1024;

/// A line from a client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message<'a> {
    /// The tags as they are written, without the sign.
    pub tags: &'a str,
    /// The command, as it is written.
    pub command: &'a str,
    /// The parameters.
    pub params: Vec<&'a str>,
}

/// What is wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mistake {
    /// There is nothing in it.
    Empty,
    /// It, or its tags, are longer than they may be.
    TooLong,
    /// It is not UTF-8.
    NotText,
}

impl<'a> Message<'a> {
    /// Reads a line without its end.
    pub fn parse(line: &'a [u8]) -> Result<Message<'a>, Mistake> {
        let (tags, rest) = split_tags(line);
        let most = match command_of(line) {
            Some(command) if command.eq_ignore_ascii_case("REGISTER") => MAX_REGISTER,
            _ => MAX_LINE - 2,
        };
        if tags.len() > MAX_CLIENT_TAGS || rest.len() > most {
            return Err(Mistake::TooLong);
        }
        let tags = std::str::from_utf8(tags).map_err(|_| Mistake::NotText)?;
        let rest = std::str::from_utf8(rest).map_err(|_| Mistake::NotText)?;
        let mut rest = rest.trim_start_matches(' ');
        if let Some(sourced) = rest.strip_prefix(':') {
            // A client's own name for itself says nothing.
            let (_, after) = sourced.split_once(' ').ok_or(Mistake::Empty)?;
            rest = after.trim_start_matches(' ');
        }
        let (command, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        if command.is_empty() {
            return Err(Mistake::Empty);
        }
        Ok(Message {
            tags,
            command,
            params: params(rest),
        })
    }

    /// The parameter at a place; empty if there is none.
    pub fn param(&self, place: usize) -> &'a str {
        self.params.get(place).copied().unwrap_or_default()
    }

    /// The value of a tag, as it is written.
    pub fn tag(&self, key: &str) -> Option<&'a str> {
        tag(self.tags, key)
    }
}

/// The command of a line in which something else is no text.
pub fn command_of(line: &[u8]) -> Option<&str> {
    let words = split_tags(line).1.split(|&byte| byte == b' ');
    let mut words = words.filter(|word| !word.is_empty() && !word.starts_with(b":"));
    std::str::from_utf8(words.next()?).ok()
}

/// The label of a request, also of a line in which something else is wrong.
pub fn label(line: &[u8]) -> Option<&str> {
    let tags = std::str::from_utf8(split_tags(line).0).ok()?;
    let label = tag(tags, "label")?;
    (!label.is_empty() && label.len() <= MAX_LABEL).then_some(label)
}

/// The value of a tag, as it is written; the last of the same key counts.
fn tag<'a>(tags: &'a str, key: &str) -> Option<&'a str> {
    let tags = tags.split(';');
    let mut pairs = tags.map(|tag| tag.split_once('=').unwrap_or((tag, "")));
    pairs.rfind(|(own, _)| *own == key).map(|it| it.1)
}

/// The tags of a line, without sign and space, and the rest.
fn split_tags(line: &[u8]) -> (&[u8], &[u8]) {
    let Some(tagged) = line.strip_prefix(b"@") else {
        return (&[], line);
    };
    match memchr::memchr(b' ', tagged) {
        Some(end) => (
            tagged.get(..end).unwrap_or_default(),
            tagged.get(end + 1..).unwrap_or_default(),
        ),
        None => (tagged, &[]),
    }
}

fn params(rest: &str) -> Vec<&str> {
    let mut params = Vec::new();
    let mut rest = rest.trim_start_matches(' ');
    while !rest.is_empty() {
        if let Some(last) = rest.strip_prefix(':') {
            params.push(last);
            break;
        }
        if params.len() + 1 == MAX_PARAMS {
            params.push(rest);
            break;
        }
        let (word, after) = rest.split_once(' ').unwrap_or((rest, ""));
        params.push(word);
        rest = after.trim_start_matches(' ');
    }
    params
}

/// Splits a byte stream into lines. Holds at most one line.
#[derive(Debug, Default)]
pub struct Decoder {
    line: Vec<u8>,
    is_overlong: bool,
}

/// What a client has sent.
#[derive(Debug, PartialEq, Eq)]
pub enum Input<'a> {
    /// A line, without its end.
    Line(&'a [u8]),
    /// A line over every limit, which was dropped.
    TooLong,
}

impl Decoder {
    /// Decodes what was read. Stops when `give` returns false.
    pub fn feed(&mut self, mut bytes: &[u8], mut give: impl FnMut(Input<'_>) -> bool) {
        while !bytes.is_empty() {
            let end = memchr::memchr(b'\n', bytes);
            let (part, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
            self.append(part);
            if end.is_none() {
                return;
            }
            bytes = rest.get(1..).unwrap_or_default();
            let line = std::mem::take(&mut self.line);
            let goes_on = match std::mem::take(&mut self.is_overlong) {
                true => give(Input::TooLong),
                false => give(Input::Line(&line)),
            };
            self.line = line;
            self.line.clear();
            if !goes_on {
                return;
            }
        }
    }

    /// Appends a part of a line, without what no line has.
    fn append(&mut self, part: &[u8]) {
        let kept = part.iter().copied().filter(|b| !matches!(b, b'\r' | 0));
        let room = (MAX_TAGS + MAX_LINE).saturating_sub(self.line.len());
        let before = self.line.len();
        self.line.extend(kept.take(room + 1));
        if self.line.len() - before > room {
            self.is_overlong = true;
            self.line.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Message<'_> {
        Message::parse(line.as_bytes()).unwrap()
    }

    #[test]
    fn a_line_has_tags_a_source_a_command_and_parameters() {
        let line = parse("@a=1;+b :me PRIVMSG  #c   :two words ");
        assert_eq!((line.tags, line.command), ("a=1;+b", "PRIVMSG"));
        assert_eq!(line.params, ["#c", "two words "]);
        assert_eq!((line.tag("a"), line.tag("+b")), (Some("1"), Some("")));
        assert_eq!(line.tag("c"), None);
        assert_eq!(parse("QUIT").params, Vec::<&str>::new());
        assert_eq!(parse("JOIN #a :").params, ["#a", ""]);
        assert_eq!(parse(" NICK ann").params, ["ann"]);
    }

    #[test]
    fn what_is_no_line_is_said() {
        for empty in ["", " ", ":source", "@tags", "@tags ", ":source "] {
            assert_eq!(Message::parse(empty.as_bytes()), Err(Mistake::Empty));
        }
        assert_eq!(Message::parse(b"NICK \xff"), Err(Mistake::NotText));
        let long = format!("PRIVMSG #c :{}", "x".repeat(MAX_LINE));
        assert_eq!(Message::parse(long.as_bytes()), Err(Mistake::TooLong));
        let long = format!("@{} PING a", "x".repeat(MAX_CLIENT_TAGS + 1));
        assert_eq!(Message::parse(long.as_bytes()), Err(Mistake::TooLong));
        let word = "x".repeat(1024);
        assert!(Message::parse(format!("register * * :{word}").as_bytes()).is_ok());
        let long = format!("REGISTER * * :{word}{word}");
        assert_eq!(Message::parse(long.as_bytes()), Err(Mistake::TooLong));
        let many = "a ".repeat(40);
        assert_eq!(parse(&format!("X {many}")).params.len(), MAX_PARAMS);
    }

    #[test]
    fn lines_end_with_a_line_feed_however_they_arrive() {
        let mut decoder = Decoder::default();
        let mut lines = Vec::new();
        let long = "x".repeat(MAX_TAGS + MAX_LINE + 1);
        let sent = format!("NICK ann\r\nUSER\0 a\n{long}\nPING\n");
        for byte in sent.as_bytes() {
            decoder.feed(&[*byte], |input| {
                lines.push(match input {
                    Input::Line(line) => String::from_utf8(line.to_vec()).unwrap(),
                    Input::TooLong => "too long".to_owned(),
                });
                true
            });
        }
        assert_eq!(lines, ["NICK ann", "USER a", "too long", "PING"]);
    }
}
