//! User text that is safe to show: the type every message body has.
//!
//! Whatever the client sent, a [`Text`] holds no character that could control
//! another user's terminal, so encoders need not check again.

use std::fmt;
use std::sync::Arc;

/// Text without control characters, terminal escapes or bidirectional
/// overrides. Line feeds are kept (protocols that carry one line at a time
/// split on them), and whatever else ends a line is one; tabs are kept, and
/// everything else of that kind is dropped.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Text(Arc<str>);

/// The replacement for a character of raw text.
enum Shown {
    AsIs,
    LineFeed,
    Space,
    Nothing,
}

impl Text {
    /// Cleans `raw`: every kind of line end becomes a line feed, other controls
    /// vanish, and so do byte order marks at the beginning and white space at
    /// the end.
    pub fn clean(raw: &str) -> Text {
        match Text::as_sent(raw.trim_end()) {
            Text(cleaned) if cleaned.ends_with(char::is_whitespace) => {
                Text(cleaned.trim_end().into())
            }
            clean => clean,
        }
    }

    /// Cleans `raw` and keeps the white space at its end: for lines that are
    /// passed on as they are, and for what was cleaned before it was stored.
    pub fn as_sent(raw: &str) -> Text {
        if is_printable(raw) {
            return Text(raw.into());
        }
        Text(clean_but(raw, |_| false).into())
    }

    /// Cleans text that has to fit on one line, such as a reason: line ends and
    /// tabs become spaces.
    pub fn one_line(raw: &str) -> Text {
        let text = Text::clean(raw);
        match text.0.contains(['\n', '\t']) {
            true => Text(text.0.replace(['\n', '\t'], " ").into()),
            false => text,
        }
    }

    /// The cleaned text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether nothing is left to show.
    pub fn is_empty(&self) -> bool {
        self.0.chars().all(|c| c.is_whitespace() || is_invisible(c))
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl From<Text> for Arc<str> {
    fn from(text: Text) -> Arc<str> {
        text.0
    }
}

impl serde::Serialize for Text {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for Text {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Text, D::Error> {
        let raw = <std::borrow::Cow<'_, str>>::deserialize(deserializer)?;
        Ok(Text::as_sent(&raw))
    }
}

/// Whether all is printable ASCII: then there is nothing to clean.
pub(super) fn is_printable(raw: &str) -> bool {
    raw.bytes().all(|byte| (b' '..0x7f).contains(&byte))
}

/// Cleans `raw`, but for the characters that are to be kept. No line feed is left at
/// its end.
pub(super) fn clean_but(raw: &str, is_kept: impl Fn(char) -> bool) -> String {
    let mut cleaned = String::with_capacity(raw.len());
    let mut characters = raw.chars().peekable();
    while let Some(c) = characters.next() {
        match shown(c) {
            _ if is_kept(c) => cleaned.push(c),
            // A carriage return and its line feed are one end of a line.
            Shown::LineFeed if c == '\r' && characters.peek() == Some(&'\n') => {}
            Shown::LineFeed => cleaned.push('\n'),
            Shown::AsIs if c == BYTE_ORDER_MARK && cleaned.is_empty() => {}
            Shown::AsIs => cleaned.push(c),
            Shown::Space => cleaned.push(' '),
            Shown::Nothing => {}
        }
    }
    cleaned.truncate(cleaned.trim_end_matches('\n').len());
    cleaned
}

/// What some programs put before the first character of a file.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// Text without the byte order marks that some programs put at the beginning.
/// There are two if a program that adds one sends a file that has one.
pub fn without_byte_order_mark(raw: &str) -> &str {
    raw.trim_start_matches(BYTE_ORDER_MARK)
}

/// Whether a character takes part in showing others, and shows nothing alone:
/// those that Unicode lets be ignored (`Default_Ignorable_Code_Point`), and
/// those that are drawn as a blank without being white space.
pub fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{70f}' | '\u{115f}' | '\u{1160}'
        | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
        | '\u{1107f}' | '\u{13430}'..='\u{13442}' | '\u{16fe4}' | '\u{1bc9d}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d159}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{1da9b}'..='\u{1da9f}' | '\u{1daa1}'..='\u{1daaf}' | '\u{e0000}'..='\u{e0fff}')
}

/// Whether a character ends a line, in any program that shows it: the line
/// ends of Unicode, and the separators of paragraphs of ASCII.
pub fn ends_line(c: char) -> bool {
    matches!(c,
        '\n'..='\r' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// What reaches another user's screen in place of a character.
fn shown(c: char) -> Shown {
    match c {
        '\t' => Shown::AsIs,
        c if ends_line(c) => Shown::LineFeed,
        // It separates words, and must still do so.
        '\u{1f}' => Shown::Space,
        // Bidirectional overrides and isolates reorder the text around them.
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => Shown::Nothing,
        c if c.is_control() => Shown::Nothing,
        _ => Shown::AsIs,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_and_overrides_vanish_and_letters_stay() {
        let text = Text::clean("a\x1b[2Jb\u{9b}c\u{202e}d\u{7f}\0é 😀 \n");
        assert_eq!(text.as_str(), "a[2Jbcdé 😀");
    }

    #[test]
    fn a_line_as_sent_keeps_its_end() {
        assert_eq!(Text::as_sent("a\x07 \t \r").as_str(), "a \t ");
        assert_eq!(Text::as_sent("").as_str(), "");
        assert_eq!(Text::clean("a \u{7f} ").as_str(), "a");
    }

    #[test]
    fn whatever_ends_a_line_is_a_line_feed() {
        for end in [
            "\n", "\r", "\r\n", "\u{b}", "\u{c}", "\u{1c}", "\u{1e}", "\u{85}", "\u{2028}",
            "\u{2029}",
        ] {
            let raw = format!("one{end}two{end}");
            assert_eq!(Text::clean(&raw).as_str(), "one\ntwo", "{end:?}");
            assert_eq!(Text::one_line(&raw).as_str(), "one two", "{end:?}");
        }
        assert_eq!(
            Text::clean("a\r\r\nb\n\rc\u{1f}d").as_str(),
            "a\n\nb\n\nc d"
        );
    }

    #[test]
    fn a_byte_order_mark_at_the_beginning_is_ignored() {
        assert_eq!(Text::clean("\u{feff}hi").as_str(), "hi");
        assert_eq!(Text::clean("h\u{feff}i").as_str(), "h\u{feff}i");
    }

    #[test]
    fn blank_text_counts_as_empty() {
        for blank in [
            " \t\x07 ",
            "\u{200b}\u{feff}\n\u{ad}",
            "\u{1d159}",
            "\u{1bca0} \u{115f}",
            "\u{3164}\u{2028}\u{3164}",
            "\u{2800}\u{2800}",
            "\u{13441}\u{16fe4}\u{fff9}",
            "\u{202e}\u{2066}",
            "\u{e0041}\u{a0}\u{3000}",
        ] {
            assert!(Text::clean(blank).is_empty(), "{blank:?}");
        }
        assert!(!Text::clean(" . ").is_empty());
        assert!(!Text::clean("\u{1d15a}").is_empty());
        assert!(!Text::clean("\u{200b}\u{1f469}\u{200d}\u{1f680}").is_empty());
    }
}
