//! What a user of the line protocol does, whatever carries the lines.

use std::sync::atomic::{AtomicUsize, Ordering};

/// A client that sends and reads lines.
pub trait User {
    /// Sends one line.
    fn send(&mut self, line: &str);

    /// The next line; `None` when the server has closed the connection.
    /// Panics when none comes in time.
    fn next_line(&mut self) -> Option<String>;

    /// Everything sent and received, for failure messages.
    fn transcript(&self) -> String;

    /// Reads up to a line for which `wanted` holds and returns it.
    fn expect_line(&mut self, what: &str, wanted: &dyn Fn(&str) -> bool) -> String {
        loop {
            match self.next_line() {
                Some(line) if wanted(&line) => return line,
                Some(_) => {}
                None => panic!("closed before {what}\n{}", self.transcript()),
            }
        }
    }

    /// Reads up to a line that contains `needle` and returns it.
    fn expect(&mut self, needle: &str) -> String {
        self.expect_line(&format!("{needle:?}"), &|line| line.contains(needle))
    }

    /// Reads up to a channel message.
    fn expect_message(&mut self, from: &str, text: &str) -> String {
        self.expect_line(&format!("@{from}: {text}"), &|line| {
            is_message(line, from, text)
        })
    }

    /// Reads up to a private message.
    fn expect_private(&mut self, from: &str, text: &str) -> String {
        self.expect_line(&format!("-PM from @{from}: {text}"), &|line| {
            is_private(line, from, text)
        })
    }

    /// The next line must contain `needle`.
    fn expect_next(&mut self, needle: &str) -> String {
        match self.next_line() {
            Some(line) if line.contains(needle) => line,
            Some(line) => panic!(
                "expected {needle:?} next, got {line:?}\n{}",
                self.transcript()
            ),
            None => panic!("closed before {needle:?}\n{}", self.transcript()),
        }
    }

    /// Answers the greeting with a nickname and reads the welcome.
    fn login(&mut self, nickname: &str) {
        self.send(nickname);
        self.expect("/help");
        self.settle();
    }

    /// Sends the hub an unmistakable question and returns all lines before its
    /// answer. Lines caused by earlier events are among them, so a test can
    /// prove that nothing came.
    fn settle(&mut self) -> Vec<String> {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let marker = format!("settle-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        self.send(&format!("/unignore @{marker}"));
        let mut before = Vec::new();
        loop {
            match self.next_line() {
                Some(line) if line.contains(&marker) => return before,
                Some(line) => before.push(line),
                None => panic!("closed before the marker\n{}", self.transcript()),
            }
        }
    }

    /// Reads on until the server closes the connection; returns what came.
    fn expect_close(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.next_line()).collect()
    }
}

/// Whether a line is `HH:MM @from: text`.
pub fn is_message(line: &str, from: &str, text: &str) -> bool {
    after_clock(line) == Some(&format!("@{from}: {text}"))
}

/// Whether a line is `HH:MM -PM from @from: text`.
pub fn is_private(line: &str, from: &str, text: &str) -> bool {
    after_clock(line) == Some(&format!("-PM from @{from}: {text}"))
}

/// Whether a line is `HH:MM shown`.
pub fn is_shown(line: &str, shown: &str) -> bool {
    after_clock(line) == Some(shown)
}

/// What follows `HH:MM ` at the start of a line.
fn after_clock(line: &str) -> Option<&str> {
    let (clock, rest) = line.split_at_checked(6)?;
    let shape: Vec<bool> = clock.bytes().map(|byte| byte.is_ascii_digit()).collect();
    let is_clock = shape == [true, true, false, true, true, false];
    (is_clock && clock[2..3] == *":" && clock.ends_with(' ')).then_some(rest)
}
