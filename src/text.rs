//! User text that is safe to show: the type every message body has.
//!
//! Whatever a client sent, a [`Text`] holds no character that could steer
//! another person's terminal, so encoders never need to look again.

use std::fmt;
use std::sync::Arc;

/// Text without control characters, terminal escapes or bidirectional
/// overrides. Line feeds are kept (protocols that carry one line at a time
/// split on them), tabs are kept, everything else of that kind is dropped.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Text(Arc<str>);

impl Text {
    /// Cleans `raw`: carriage returns and other controls vanish, and so does
    /// white space at the end.
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
        if raw.bytes().all(|byte| (b' '..0x7f).contains(&byte)) {
            return Text(raw.into());
        }
        let cleaned: String = raw.chars().filter(|&c| is_shown(c)).collect();
        Text(cleaned.into())
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

/// Whether a character takes part in showing others, and shows nothing alone.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{206f}'
        | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
        | '\u{e0000}'..='\u{e0fff}')
}

/// Whether a character may reach somebody else's screen.
fn is_shown(c: char) -> bool {
    match c {
        '\n' | '\t' => true,
        // Line and paragraph separators break lines where nobody expects it.
        '\u{2028}' | '\u{2029}' => false,
        // Bidirectional overrides and isolates reorder text that is not theirs.
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => false,
        c => !c.is_control(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_and_overrides_vanish_and_letters_stay() {
        let text = Text::clean("a\x1b[2Jb\u{9b}c\u{202e}d\r\u{7f}\0é 😀 \n");
        assert_eq!(text.as_str(), "a[2Jbcdé 😀");
    }

    #[test]
    fn a_line_as_sent_keeps_its_end() {
        assert_eq!(Text::as_sent("a\x07 \t \r").as_str(), "a \t ");
        assert_eq!(Text::as_sent("").as_str(), "");
        assert_eq!(Text::clean("a \u{7f} ").as_str(), "a");
    }

    #[test]
    fn blank_text_counts_as_empty() {
        assert!(Text::clean(" \t\x07 ").is_empty());
        assert!(Text::clean("\u{200b}\u{feff}\n\u{ad}").is_empty());
        assert!(!Text::clean(" . ").is_empty());
        assert!(!Text::clean("\u{200b}\u{1f469}\u{200d}\u{1f680}").is_empty());
    }
}
