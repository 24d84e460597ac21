//! Signs: what users react with.

use std::fmt;
use std::sync::Arc;

use unicode_normalization::is_nfc;

use super::text::Text;

/// The longest sign, in characters: of many emoji one that is shown as one has several.
pub const MAX_SIGN_CHARS: usize = 16;

/// An emoji, or a word.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sign(Arc<str>);

/// The string is not a sign; `Display` says what one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadSign;

impl Sign {
    /// Takes one emoji or one word: 1 to [`MAX_SIGN_CHARS`] characters without white space,
    /// which can all be shown.
    pub fn parse(raw: &str) -> Result<Sign, BadSign> {
        let text = Text::clean(raw);
        let fits = text.as_str().chars().nth(MAX_SIGN_CHARS).is_none();
        let is_word = !text.is_empty() && !raw.contains(char::is_whitespace);
        match fits && is_word && text.as_str() == raw && is_nfc(raw) {
            true => Ok(Sign(text.into())),
            false => Err(BadSign),
        }
    }

    /// The sign as it is shown.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Sign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Sign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl serde::Serialize for Sign {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl fmt::Display for BadSign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "one emoji, or one word of at most {MAX_SIGN_CHARS} characters"
        )
    }
}

impl std::error::Error for BadSign {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_is_one_emoji_or_one_word() {
        for good in [
            "👍",
            "👩\u{200d}👩\u{200d}👧\u{200d}👦",
            "❤\u{fe0f}",
            "🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}",
            "lol",
            "+1",
            ":)",
            "sixteen_letters_",
        ] {
            assert_eq!(Sign::parse(good).unwrap().as_str(), good);
        }
        for bad in [
            "",
            " ",
            "two words",
            "seventeen_letters",
            "\u{200b}",
            "a\nb",
            "a\u{1b}[2J",
            "\u{202e}abc",
            // Two ways to write one letter would be two signs that look alike.
            "e\u{301}",
        ] {
            assert_eq!(Sign::parse(bad), Err(BadSign), "{bad:?}");
        }
    }
}
