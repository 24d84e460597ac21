//! Writes lines of at most 512 bytes, with the tags of a shape before them.

use crate::hub::Face;
use crate::model::Name;

use super::labels::tagged;
use super::tags::{self, Said};
use super::{Reader, Shape, Terms, prefix};

/// The longest line without tags, in bytes, with the line end.
pub const MAX_LINE: usize = 512;

/// Appends lines for the clients of one shape.
pub struct Lines<'a> {
    /// What the server says of itself.
    pub terms: &'a Terms,
    shape: Shape,
    now_ms: u64,
    out: &'a mut Vec<u8>,
    /// The line without tags, as far as it is written.
    line: String,
    /// The batches that have begun, the innermost last.
    batches: Vec<String>,
}

/// The author of a line.
#[derive(Clone, Copy, Debug)]
pub enum From<'a> {
    /// The server.
    Server,
    /// A person.
    Person(&'a Name, Option<&'a Face>),
    /// A service, by its name.
    Service(&'a str),
}

impl<'a> Lines<'a> {
    /// Lines appended to `out`.
    pub fn new(terms: &'a Terms, shape: Shape, now_ms: u64, out: &'a mut Vec<u8>) -> Lines<'a> {
        Lines {
            terms,
            shape,
            now_ms,
            out,
            line: String::new(),
            batches: Vec::new(),
        }
    }

    /// What the clients' capabilities change.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Appends a line: a command with parameters, of which the last may have spaces.
    pub fn send(&mut self, from: From<'_>, said: &Said<'_>, command: &str, params: &[&str]) {
        self.begin(from, command);
        if let Some((last, others)) = params.split_last() {
            for param in others {
                self.line.push(' ');
                push_word(&mut self.line, param);
            }
            self.line.push_str(" :");
            push_clean(&mut self.line, last);
        }
        self.end(said);
    }

    /// As [`Lines::send`], with parameters of which none has spaces.
    pub fn send_words(&mut self, from: From<'_>, said: &Said<'_>, command: &str, params: &[&str]) {
        self.begin(from, command);
        for param in params {
            self.line.push(' ');
            push_word(&mut self.line, param);
        }
        self.end(said);
    }

    /// When this is written, in milliseconds since 1970 UTC.
    pub fn now_ms(&self) -> u64 {
        self.now_ms
    }

    fn begin(&mut self, from: From<'_>, command: &str) {
        self.line.clear();
        self.line.push(':');
        match from {
            From::Server => self.line.push_str(&self.terms.name),
            From::Person(nickname, face) => prefix::write(nickname, face, &mut self.line),
            From::Service(name) => {
                let host = &self.terms.name;
                self.line
                    .push_str(&format!("{name}!{name}@services.{host}"));
            }
        }
        self.line.push(' ');
        self.line.push_str(command);
    }

    /// Appends a line of a person that is said now.
    pub fn by(&mut self, nickname: &Name, face: Option<&Face>, command: &str, params: &[&str]) {
        let said = Said {
            at_ms: Some(self.now_ms),
            by: face,
            ..Said::default()
        };
        self.send(From::Person(nickname, face), &said, command, params);
    }

    /// Appends a line of the server that is said now.
    pub fn by_server(&mut self, command: &str, params: &[&str]) {
        let said = Said {
            at_ms: Some(self.now_ms),
            ..Said::default()
        };
        self.send(From::Server, &said, command, params);
    }

    /// Appends that a command has failed: its name, a word for the reason, what it is
    /// about, and the reason in words.
    pub fn fail(&mut self, command: &str, code: &str, about: &[&str], words: &str) {
        let mut params = vec![command, code];
        params.extend(about.iter().copied().filter(|word| !word.is_empty()));
        params.push(words);
        self.by_server("FAIL", &params);
    }

    /// Appends a numeric reply; the last parameter may have spaces.
    pub fn numeric(&mut self, reader: &Reader, code: &str, params: &[&str]) {
        self.numeric_to(reader.shown(), code, params);
    }

    /// As [`Lines::numeric`], with parameters of which none has spaces.
    pub fn numeric_words(&mut self, reader: &Reader, code: &str, params: &[&str]) {
        let mut all = Vec::with_capacity(params.len() + 1);
        all.push(reader.shown());
        all.extend_from_slice(params);
        self.send_words(From::Server, &Said::default(), code, &all);
    }

    /// Appends a numeric reply to the client of this nickname.
    pub fn numeric_to(&mut self, nick: &str, code: &str, params: &[&str]) {
        let mut all = Vec::with_capacity(params.len() + 1);
        all.push(nick);
        all.extend_from_slice(params);
        self.send(From::Server, &Said::default(), code, &all);
    }

    /// Appends a notice of the server to a client.
    pub fn notice(&mut self, reader: &Reader, words: &str) {
        let said = Said {
            at_ms: Some(self.now_ms),
            ..Said::default()
        };
        self.send(From::Server, &said, "NOTICE", &[reader.shown(), words]);
    }

    /// Appends a notice of a service to a client.
    pub fn service_notice(&mut self, reader: &Reader, service: &str, words: &str) {
        let said = Said {
            at_ms: Some(self.now_ms),
            ..Said::default()
        };
        self.send(
            From::Service(service),
            &said,
            "NOTICE",
            &[reader.shown(), words],
        );
    }

    /// Appends a line without a prefix, as it is.
    pub fn bare(&mut self, words: &str) {
        self.line.clear();
        push_clean(&mut self.line, words);
        self.end(&Said::default());
    }

    /// Appends the last line.
    pub fn error(&mut self, words: &str) {
        self.line.clear();
        self.line.push_str("ERROR :");
        push_clean(&mut self.line, words);
        self.end(&Said::default());
    }

    /// Appends a question whether the client is there.
    pub fn ping(&mut self) {
        self.line.clear();
        self.line.push_str("PING :");
        self.line.push_str(&self.terms.name);
        self.end(&Said::default());
    }

    /// Begins a batch: what is written from now on belongs to it.
    pub fn begin_batch(&mut self, name: &str, params: &[&str]) {
        self.begin_batch_by(From::Server, &Said::default(), name, params);
    }

    /// Begins a batch that somebody has said.
    pub fn begin_batch_by(&mut self, from: From<'_>, said: &Said<'_>, name: &str, params: &[&str]) {
        let begin = format!("+{name}");
        let mut all = vec![begin.as_str()];
        all.extend(params);
        self.send_words(from, said, "BATCH", &all);
        self.batches.push(name.to_owned());
    }

    /// Ends the innermost batch.
    pub fn end_batch(&mut self) {
        if let Some(name) = self.batches.pop() {
            let name = format!("-{name}");
            self.send_words(From::Server, &Said::default(), "BATCH", &[&name]);
        }
    }

    /// As [`Lines::by_server`], with parameters of which none has spaces.
    pub fn by_server_words(&mut self, command: &str, params: &[&str]) {
        self.send_words(From::Server, &Said::default(), command, params);
    }

    /// Ends the line, which is cut if it is too long: callers have split texts
    /// before.
    fn end(&mut self, said: &Said<'_>) {
        let most = self.line.floor_char_boundary(MAX_LINE - 2);
        self.line.truncate(most);
        let Some(batch) = self.batches.last() else {
            tags::write(self.shape, said, self.out);
            self.out.extend_from_slice(self.line.as_bytes());
            self.out.extend_from_slice(b"\r\n");
            return;
        };
        let mut line = Vec::new();
        tags::write(self.shape, said, &mut line);
        line.extend_from_slice(self.line.as_bytes());
        line.extend_from_slice(b"\r\n");
        tagged(&line, &format!("batch={batch}"), self.out);
    }
}

/// Appends a parameter that is not the last: without what would end it.
fn push_word(line: &mut String, word: &str) {
    match word {
        "" => line.push('*'),
        word => line.extend(word.chars().map(|c| match c {
            '\r' | '\n' | '\0' | ' ' => '_',
            c => c,
        })),
    }
}

/// Appends the last parameter: without what would end the line.
fn push_clean(line: &mut String, text: &str) {
    line.extend(text.chars().map(|c| match c {
        '\r' | '\n' | '\0' => ' ',
        c => c,
    }));
}
