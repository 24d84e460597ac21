//! Prepares passwords for comparison: RFC 8265, OpaqueString. The same password compares equal
//! whichever way a keyboard composes its characters.

use unicode_normalization::UnicodeNormalization;

use crate::model::Secret;

/// Stands for bytes that were not UTF-8. Different bytes all become this character, so a password
/// that contains it is not the one that was typed.
const REPLACEMENT: char = '\u{fffd}';

/// What is wrong with such a password, as the end of a sentence.
pub const NOT_TEXT: &str = "is not UTF-8 text, or has U+FFFD in it, which stands for what is not: \
                            set your terminal to UTF-8";

/// The form of a password that is hashed: composed (NFC), with one kind of space. `None` if it was
/// not valid UTF-8.
pub fn opaque(password: &str) -> Option<Secret> {
    if password.contains(REPLACEMENT) {
        return None;
    }
    let spaced = password.chars().map(|c| match is_space(c) {
        true => ' ',
        false => c,
    });
    Some(Secret::new(spaced.nfc().collect::<String>()))
}

/// Spaces that are not ASCII: Unicode's category Zs.
fn is_space(c: char) -> bool {
    matches!(c, '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}')
        || matches!(c, '\u{202f}' | '\u{205f}' | '\u{3000}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_password_is_the_same_however_it_is_typed() {
        let same = |one: &str, other: &str| assert_eq!(opaque(one), opaque(other));
        same("p\u{e4}ssword", "pa\u{308}ssword");
        same(
            "\u{d55c}\u{ae00}",
            "\u{1112}\u{1161}\u{11ab}\u{1100}\u{1173}\u{11af}",
        );
        same("two words", "two\u{a0}words");
        same("two words", "two\u{3000}words");
        // Case, width and look-alikes make a password harder to guess.
        assert_ne!(opaque("password"), opaque("Password"));
        assert_ne!(opaque("password"), opaque("\u{ff50}assword"));
        assert_ne!(opaque("password"), opaque("p\u{430}ssword"));
    }

    #[test]
    fn what_was_not_text_is_no_password() {
        assert_eq!(opaque(&"\u{fffd}".repeat(8)), None);
        assert_eq!(opaque("passw\u{fffd}rd"), None);
        assert_eq!(
            opaque(&String::from_utf8_lossy(b"\xd0\xc1\xd2\xcf\xcc\xd8")),
            None
        );
    }

    proptest! {
        #[test]
        fn once_is_enough(raw in "\\PC{0,40}") {
            if let Some(once) = opaque(&raw) {
                prop_assert_eq!(opaque(once.expose()), Some(once));
            }
        }
    }
}
