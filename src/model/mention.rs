//! Mentions: `@` and a name in a text.

use unicode_normalization::char::is_combining_mark;

use super::name::Name;

/// Whether a text speaks to the user of this name: it has `@` and the name in it, in any spelling
/// that is the same name, or begins with the name and a colon or comma.
pub fn mentions(text: &str, name: &Name) -> bool {
    let is_name = |word: &str| Name::parse(word).is_ok_and(|it| it.key() == name.key());
    let addressed = text.split_once([':', ',']);
    if addressed.is_some_and(|(word, _)| is_name(word)) {
        return true;
    }
    let mut parts = text.split('@');
    let mut before = parts.next().unwrap_or_default();
    for after in parts {
        let begins = !before.ends_with(is_part);
        let word = after.split(|c| !is_part(c)).next().unwrap_or_default();
        if begins && is_name(word) {
            return true;
        }
        before = after;
    }
    false
}

/// Whether a character may be part of a name.
fn is_part(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '-' || is_combining_mark(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mention_is_the_whole_name_in_any_spelling() {
        let ann = Name::parse("Ann").unwrap();
        for text in [
            "@ann",
            "hi @Ann!",
            "@ANN: look",
            "(@ann)",
            "@@ann",
            "@bob,@ann",
            "é @ann…",
            "ann: hi",
            "Ann, look",
        ] {
            assert!(mentions(text, &ann), "{text}");
        }
        for text in [
            "",
            "ann",
            "@anna",
            "@ann-b",
            "me@ann",
            "@ ann",
            "@",
            "@ännchen",
            "@a nn",
            "hi ann: no",
        ] {
            assert!(!mentions(text, &ann), "{text}");
        }
    }
}
