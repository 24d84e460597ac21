//! Messages of several lines: a client sends them as a batch, and they become one.

/// The longest such message, in bytes.
pub const MAX_BYTES: usize = 4096;
/// The most lines of one.
pub const MAX_LINES: usize = 64;
/// The tag of a line that goes on the line before.
pub const CONCAT: &str = "draft/multiline-concat";

/// A message of several lines, as far as it has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Multiline {
    /// The name of the batch.
    pub batch: String,
    /// The channel or nickname it is sent to.
    pub target: String,
    /// The label of the batch.
    pub label: String,
    /// The tags for other clients.
    pub extras: Option<String>,
    /// PRIVMSG or NOTICE.
    pub command: &'static str,
    /// The text; a line that goes on the one before has no line feed before it.
    pub text: String,
    /// Where lines go on, in bytes of the text.
    pub joints: Vec<usize>,
    lines: usize,
}

/// Why a line does not belong to a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The message would be longer than [`MAX_BYTES`].
    Bytes,
    /// It would have more than [`MAX_LINES`].
    Lines,
    /// The line is for someone else.
    Target,
    /// The line is no message, of another kind, or goes on with nothing.
    Invalid,
}

impl Fault {
    /// The word for it, what it is about, and how it reads.
    pub fn words(self) -> (&'static str, String, &'static str) {
        let none = String::new();
        match self {
            Fault::Bytes => (
                "MULTILINE_MAX_BYTES",
                MAX_BYTES.to_string(),
                "The message is too long",
            ),
            Fault::Lines => (
                "MULTILINE_MAX_LINES",
                MAX_LINES.to_string(),
                "The message has too many lines",
            ),
            Fault::Target => (
                "MULTILINE_INVALID_TARGET",
                none,
                "All lines of a message have the target of the batch",
            ),
            Fault::Invalid => (
                "MULTILINE_INVALID",
                none,
                "A batch has lines of one kind, PRIVMSG or NOTICE, and is ended by its name",
            ),
        }
    }
}

impl Multiline {
    /// Begins a message.
    pub fn begin(batch: &str, target: &str, extras: Option<String>) -> Multiline {
        Multiline {
            batch: batch.to_owned(),
            target: target.to_owned(),
            extras,
            ..Multiline::default()
        }
    }

    /// Adds a line.
    pub fn add(
        &mut self,
        command: &'static str,
        (target, line): (&str, &str),
        goes_on: bool,
    ) -> Result<(), Fault> {
        if target != self.target {
            return Err(Fault::Target);
        }
        let is_first = self.lines == 0;
        if !is_first && command != self.command || goes_on && (is_first || line.is_empty()) {
            return Err(Fault::Invalid);
        }
        if self.lines == MAX_LINES {
            return Err(Fault::Lines);
        }
        if self.text.len() + 1 + line.len() > MAX_BYTES {
            return Err(Fault::Bytes);
        }
        match goes_on {
            true => self.joints.push(self.text.len()),
            false if is_first => {}
            false => self.text.push('\n'),
        }
        self.text.push_str(line);
        self.command = command;
        self.lines += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_become_a_text_with_joints() {
        let mut message = Multiline::begin("1", "#c", None);
        message.add("PRIVMSG", ("#c", "one "), false).unwrap();
        message.add("PRIVMSG", ("#c", "two"), true).unwrap();
        message.add("PRIVMSG", ("#c", ""), false).unwrap();
        assert_eq!((&*message.text, &*message.joints), ("one two\n", &[4][..]));
        let add = |command, target, line: &str, goes_on| {
            message.clone().add(command, (target, line), goes_on)
        };
        assert_eq!(add("NOTICE", "#c", "x", false), Err(Fault::Invalid));
        assert_eq!(add("PRIVMSG", "#c", "", true), Err(Fault::Invalid));
        assert_eq!(add("PRIVMSG", "#d", "x", false), Err(Fault::Target));
        let long = "x".repeat(MAX_BYTES);
        assert_eq!(add("PRIVMSG", "#c", &long, false), Err(Fault::Bytes));
        for _ in 3..MAX_LINES {
            message.add("PRIVMSG", ("#c", ""), false).unwrap();
        }
        let more = message.add("PRIVMSG", ("#c", ""), false);
        assert_eq!(more, Err(Fault::Lines));
    }
}
