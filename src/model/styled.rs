//! Text with the colours and styles of IRC.
//!
//! Its codes are control characters, so it is a type of its own: nothing but the
//! encoder of IRC writes it, and everyone else gets the [`Text`] without the codes.

use std::iter::Peekable;
use std::str::Chars;
use std::sync::Arc;

use super::text::{Text, clean_but};

const COLOUR: char = '\u{3}';
const HEX_COLOUR: char = '\u{4}';

/// Text that may hold the codes of mIRC for colours and styles, and no other
/// control character but line feeds and tabs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Styled(Arc<str>);

impl Styled {
    /// Cleans `raw` as [`Text::clean`] does, and keeps the codes.
    pub fn clean(raw: &str) -> Styled {
        let cleaned = clean_but(raw, is_code);
        Styled(cleaned.trim_end().into())
    }

    /// The text with its codes.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text without the codes, and without the digits that belong to them.
    pub fn strip(&self) -> Text {
        let mut stripped = String::with_capacity(self.0.len());
        let mut rest = self.0.chars().peekable();
        while let Some(c) = rest.next() {
            match c {
                COLOUR => skip_colours(&mut rest, |c| c.is_ascii_digit(), 1..=2),
                HEX_COLOUR => skip_colours(&mut rest, |c| c.is_ascii_hexdigit(), 6..=6),
                c if is_code(c) => {}
                c => stripped.push(c),
            }
        }
        Text::clean(&stripped)
    }
}

/// Whether a character is one of the codes: bold, colour, colour in hexadecimal, end
/// of all, fixed width, reverse, italics, struck out, underlined.
pub fn is_code(c: char) -> bool {
    matches!(
        c,
        '\u{2}' | COLOUR | HEX_COLOUR | '\u{f}' | '\u{11}' | '\u{16}' | '\u{1d}'..='\u{1f}'
    )
}

/// Skips the colour that follows a code, if one does, and a second one behind a comma.
/// A comma without a colour belongs to the text.
fn skip_colours(
    rest: &mut Peekable<Chars<'_>>,
    is_digit: fn(char) -> bool,
    digits: std::ops::RangeInclusive<usize>,
) {
    if !skip_digits(rest, is_digit, &digits) {
        return;
    }
    let mut behind = rest.clone();
    if behind.next() == Some(',') && skip_digits(&mut behind, is_digit, &digits) {
        *rest = behind;
    }
}

/// Skips as many digits as a colour may have, or none if there are too few.
fn skip_digits(
    rest: &mut Peekable<Chars<'_>>,
    is_digit: fn(char) -> bool,
    digits: &std::ops::RangeInclusive<usize>,
) -> bool {
    let mut behind = rest.clone();
    let mut found = 0;
    while found < *digits.end() && behind.next_if(|&c| is_digit(c)).is_some() {
        found += 1;
    }
    let is_colour = digits.contains(&found);
    if is_colour {
        *rest = behind;
    }
    is_colour
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stripped(raw: &str) -> String {
        Styled::clean(raw).strip().as_str().to_owned()
    }

    #[test]
    fn codes_go_with_the_digits_that_belong_to_them() {
        for (raw, shown) in [
            (
                "\x02bold\x02 \x1ditalics\x1d \x1funder\x1f",
                "bold italics under",
            ),
            (
                "\x11fixed\x0f \x16reverse \x1estruck",
                "fixed reverse struck",
            ),
            (
                "\x034red \x0304,12red on blue\x03 end",
                "red red on blue end",
            ),
            ("\x031234", "34"),
            ("\x031,234", "4"),
            ("\x031,,2", ",,2"),
            ("\x03,5", ",5"),
            ("\x03,a", ",a"),
            ("\x03\x035", ""),
            ("\x04ff0000red\x04FF0000,00ff00both", "redboth"),
            ("\x04ff00 short", "ff00 short"),
            ("\x04ff0000,00ff short", ",00ff short"),
            // Once the bell is gone, these are the digits of a colour.
            ("1\x03\u{7}23", "1"),
            ("\x1b[31mno\x07\u{9b}", "[31mno"),
            ("a\x02\r\nb\n", "a\nb"),
            ("\x02\x03", ""),
        ] {
            assert_eq!(stripped(raw), shown, "{raw:?}");
        }
    }

    #[test]
    fn only_the_codes_are_kept_of_what_controls() {
        let styled = Styled::clean("\x01\x02a\x1b\x07\x7f\u{9b}\u{202e}\x1d\x1e\x1fb\tc\r\n");
        assert_eq!(styled.as_str(), "\x02a\x1d\x1e\x1fb\tc");
    }

    proptest! {
        #[test]
        fn nothing_that_controls_is_left(raw in "[\\x00-\\x20,0-9a-f\u{9b}\u{202e}é]{0,40}") {
            let styled = Styled::clean(&raw);
            let is_kept = |c: char| !c.is_control() || is_code(c) || c == '\n' || c == '\t';
            prop_assert!(styled.as_str().chars().all(is_kept));
            prop_assert_eq!(Styled::clean(styled.as_str()), styled.clone());
            let text = styled.strip();
            prop_assert!(text.as_str().chars().all(|c| !c.is_control() || c == '\n' || c == '\t'));
            prop_assert_eq!(Text::clean(text.as_str()), text);
        }

        #[test]
        fn text_without_codes_is_what_it_was(raw in "[\\x20-\\x7e\\n\\t\u{a0}-\u{2fff}]{0,40}") {
            prop_assert_eq!(Styled::clean(&raw).strip(), Text::clean(&raw));
        }
    }
}
