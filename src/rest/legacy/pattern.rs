//! Translates patterns in the syntax of Go's `regexp`, which the older server took, to the syntax
//! of the chat log's search.
//!
//! Only what is written differently is translated; whether the result is a valid regular expression
//! is for the search to say.

use std::borrow::Cow;

/// Characters without a special meaning inside brackets there, but with one here.
const PLAIN_IN_CLASS: &str = "[&~";
/// Escapes after which braces belong to the escape.
const BRACED: &str = "pPxuUb";

/// `raw`, rewritten to mean here what it means in Go.
pub(super) fn from_go(raw: &str) -> Cow<'_, str> {
    let mut translated = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(next) = rest.chars().next() {
        rest = match next {
            '\\' => escape(rest, &mut translated),
            '[' => class(rest, &mut translated),
            '{' => brace(rest, &mut translated),
            _ => keep(rest, next.len_utf8(), &mut translated),
        };
    }
    match translated == raw {
        true => Cow::Borrowed(raw),
        false => Cow::Owned(translated),
    }
}

/// Copies the first `length` bytes and returns the rest.
fn keep<'a>(text: &'a str, length: usize, into: &mut String) -> &'a str {
    let (kept, rest) = text.split_at_checked(length).unwrap_or((text, ""));
    into.push_str(kept);
    rest
}

/// Copies a backslash and what belongs to it.
fn escape<'a>(text: &'a str, into: &mut String) -> &'a str {
    if let Some(quoted) = text.strip_prefix(r"\Q") {
        let (quoted, rest) = quoted.split_once(r"\E").unwrap_or((quoted, ""));
        into.push_str(&regex_syntax::escape(quoted));
        return rest;
    }
    // These match word boundaries here, but only themselves there.
    if let Some(angle) = text.strip_prefix('\\')
        && angle.starts_with(['<', '>'])
    {
        return keep(angle, 1, into);
    }
    let escaped = text.chars().nth(1);
    let rest = keep(text, 1 + escaped.map_or(0, char::len_utf8), into);
    match escaped.is_some_and(|escaped| BRACED.contains(escaped)) && rest.starts_with('{') {
        true => keep(rest, 1, into),
        false => rest,
    }
}

/// Copies a brace, escaped where it begins no repetition.
fn brace<'a>(text: &'a str, into: &mut String) -> &'a str {
    if !begins_repetition(text) {
        into.push('\\');
    }
    keep(text, 1, into)
}

/// Whether this is `{2}`, `{2,}` or `{2,3}`, and so on.
fn begins_repetition(text: &str) -> bool {
    let inside = text.strip_prefix('{').and_then(|text| text.split_once('}'));
    let Some((inside, _)) = inside else {
        return false;
    };
    let (least, most) = inside.split_once(',').unwrap_or((inside, inside));
    is_count(least) && (most.is_empty() || is_count(most))
}

fn is_count(digits: &str) -> bool {
    let is_digits = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_digits && (digits == "0" || !digits.starts_with('0'))
}

/// Copies brackets and their content; in Go, brackets do not nest.
fn class<'a>(text: &'a str, into: &mut String) -> &'a str {
    let mut rest = keep(text, 1, into);
    for first in ['^', ']'] {
        if rest.starts_with(first) {
            rest = keep(rest, 1, into);
        }
    }
    while let Some(next) = rest.chars().next() {
        rest = match next {
            ']' => return keep(rest, 1, into),
            '\\' => {
                let escaped = rest.chars().nth(1).map_or(0, char::len_utf8);
                keep(rest, 1 + escaped, into)
            }
            _ => match named(rest) {
                Some(length) => keep(rest, length, into),
                None => {
                    if PLAIN_IN_CLASS.contains(next) {
                        into.push('\\');
                    }
                    keep(rest, next.len_utf8(), into)
                }
            },
        };
    }
    rest
}

/// The length of `[:alpha:]` or another named class.
fn named(text: &str) -> Option<usize> {
    let (name, _) = text.strip_prefix("[:")?.split_once(":]")?;
    let letters = name.strip_prefix('^').unwrap_or(name);
    let is_named = !letters.is_empty() && letters.bytes().all(|byte| byte.is_ascii_alphabetic());
    is_named.then_some("[:".len() + name.len() + ":]".len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use regex::Regex;

    #[test]
    fn what_is_a_pattern_in_go_is_one_here_and_finds_the_same() {
        for (pattern, found, passed_over) in [
            ("{", "a{b", "ab"),
            ("}", "a}b", "ab"),
            (r#"{"a""#, r#"{"a": 1}"#, r#""a""#),
            ("x{", "x{", "x"),
            ("x{a}", "x{a}", "xa"),
            ("^a{,5}$", "a{,5}", "aaa"),
            ("^a{02}$", "a{02}", "aa"),
            ("^a{2}$", "aa", "a{2}"),
            ("^a{2,}$", "aaa", "a"),
            ("^a{0,1}$", "a", "aa"),
            ("^a{1,b}$", "a{1,b}", "a"),
            (r"^\Qmsg\E", "msg!", "Qmsg"),
            (r"^\Qa.b\E+$", "a.bb", "axb"),
            (r"\Q[{(", "a[{(b", "[("),
            (r"^\Q\\E$", r"\", r"\\"),
            (r"\\Q", r"\Q", "Q"),
            ("[[]", "a[b", "ab"),
            ("^[[:alpha:][]+$", "a[b", "a:"),
            ("^[[:^digit:]]$", "a", "1"),
            ("^[[:1]+$", "[:1", "a"),
            ("^[]a]+$", "]a", "b"),
            ("^[^]a]+$", "bc", "]"),
            ("^[a&&b]+$", "a&b", "c"),
            ("^[a~~b]+$", "a~b", "c"),
            (r"^[\]{]+$", "]{", "a"),
            ("^[{]{2}$", "{{", "{"),
            (r"\p{Greek}", "λ", "l"),
            (r"^\pL{2}$", "ab", "a"),
            (r"^\x{41}{2}$", "AA", "A"),
            (r"\{", "{", "a"),
            (r"^\<b\>$", "<b>", "b"),
            ("é{ü", "é{ü", "éü"),
        ] {
            let translated = from_go(pattern);
            let regex = Regex::new(&translated);
            let regex = regex.unwrap_or_else(|error| panic!("{pattern}: {error}"));
            assert!(regex.is_match(found), "{pattern} in {found}");
            assert!(!regex.is_match(passed_over), "{pattern} in {passed_over}");
        }
    }

    #[test]
    fn what_is_said_in_the_same_way_stays_as_it_is() {
        for pattern in [
            "",
            ".*",
            "^a(b|c){2,3}$",
            r"\d+ [^a-z] \[x\]",
            r"(?i)[[:alpha:]_]\p{Lu}\x{1F600}",
            "(",
            "[",
            "\\",
            r"[\",
            "a{2",
        ] {
            let expected = pattern.replace("a{2", r"a\{2");
            assert_eq!(from_go(pattern), expected, "{pattern}");
        }
        for none in ["(", "[", "\\", "[[", "*", "{2}", r"[\", "[a"] {
            assert!(Regex::new(&from_go(none)).is_err(), "{none}");
        }
    }

    proptest! {
        #[test]
        fn any_pattern_is_survived(raw in "\\PC{0,40}", coded in r"[\\\[\]{}:&Qa2,E^-]{0,40}") {
            for raw in [raw, coded] {
                let translated = from_go(&raw);
                prop_assert!(translated.len() <= 2 * raw.len());
            }
        }

        #[test]
        fn quoted_text_is_found_as_it_is(text in "[a-z.*+?(){}|^$ \\[\\]]{0,20}") {
            let regex = Regex::new(&from_go(&format!(r"^\Q{text}\E$"))).unwrap();
            prop_assert!(regex.is_match(&text));
        }
    }
}
