//! Regular expressions from outside, matched against many lines at once.
//!
//! Matching the pattern line by line, against the text decoded from each line's JSON, costs more
//! than reading the file. So a *wider* pattern is run over whole blocks of raw lines first: the
//! pattern without its assertions (`^`, `\b`), and without the characters that a text without
//! escapes cannot contain. Wherever the pattern matches such a text, the wider one matches the raw
//! line at the same place; lines with escapes are checked one by one. Never lets a pattern use
//! unlimited memory, nor more than linear time.

use std::fmt;
use std::ops::Range;

use memchr::{memchr, memrchr};
use regex::bytes::{Regex, RegexBuilder};
use regex_syntax::hir::{Class, ClassBytes, ClassBytesRange, ClassUnicode, ClassUnicodeRange};
use regex_syntax::hir::{Hir, HirKind, Repetition};

/// The longest pattern, in bytes.
pub const MAX_PATTERN_BYTES: usize = 4096;
/// How deep groups may nest.
const NEST_LIMIT: u32 = 64;
/// How large a compiled pattern may be, in bytes.
const SIZE_LIMIT: usize = 4 * 1024 * 1024;
/// How much its states may take while it runs, in bytes.
const DFA_SIZE_LIMIT: usize = 4 * 1024 * 1024;

/// A compiled pattern.
pub(super) struct Pattern {
    exact: Regex,
    /// `None` if it would match nearly everywhere, or be too large.
    wider: Option<Regex>,
}

/// Why a pattern cannot be used, as the end of a sentence that begins with "the pattern is".
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BadPattern {
    /// It has more than [`MAX_PATTERN_BYTES`].
    TooLong,
    /// It is not a regular expression.
    Syntax {
        /// What is wrong.
        mistake: String,
        /// The position of the mistake, in characters from 1.
        character: usize,
    },
    /// It would take too much memory.
    TooLarge,
}

impl fmt::Display for BadPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BadPattern::TooLong => {
                write!(f, "longer than {MAX_PATTERN_BYTES} bytes")
            }
            BadPattern::Syntax { mistake, character } => {
                write!(f, "wrong at character {character}: {mistake}")
            }
            BadPattern::TooLarge => write!(
                f,
                "too large once its repetitions are written out; use smaller counts"
            ),
        }
    }
}

impl std::error::Error for BadPattern {}

impl Pattern {
    /// Compiles `raw`.
    pub fn parse(raw: &str) -> Result<Pattern, BadPattern> {
        if raw.len() > MAX_PATTERN_BYTES {
            return Err(BadPattern::TooLong);
        }
        let hir = regex_syntax::ParserBuilder::new()
            .nest_limit(NEST_LIMIT)
            .utf8(false)
            .build()
            .parse(raw)
            .map_err(|error| syntax_error(raw, &error))?;
        let exact = compile(raw).ok_or(BadPattern::TooLarge)?;
        // A pattern that matches the empty text excludes no line. The minimum length would not show
        // that: it is unknown if one of several alternatives can never match.
        let wider = compile(&widen(&hir).to_string()).filter(|wider| !wider.is_match(b""));
        Ok(Pattern { exact, wider })
    }

    /// Whether it matches somewhere in a text.
    pub fn is_match(&self, text: &[u8]) -> bool {
        self.exact.is_match(text)
    }

    /// Whether [`Pattern::find_candidates`] can be used.
    pub fn rules_lines_out(&self) -> bool {
        self.wider.is_some()
    }

    /// Adds all lines of `lines` whose text may match.
    pub fn find_candidates(&self, lines: &[u8], found: &mut Vec<Range<usize>>) {
        let Some(wider) = &self.wider else {
            return;
        };
        // A match holds no newline and is not empty, so the byte before its end is in the line it
        // matches. Its end is the cheapest to find.
        let next_match = |at| wider.shortest_match_at(lines, at).map(|end| end.max(1) - 1);
        let next_escape = |at| memchr(b'\\', lines.get(at..)?).map(|offset| at + offset);
        let mut hit = next_match(0);
        let mut escape = next_escape(0);
        while let Some(place) = nearer(hit, escape) {
            let line = line_around(lines, place);
            let end = line.end;
            found.push(line);
            if end >= lines.len() {
                return;
            }
            if hit.is_some_and(|at| at < end) {
                hit = next_match(end);
            }
            if escape.is_some_and(|at| at < end) {
                escape = next_escape(end);
            }
        }
    }
}

fn nearer(one: Option<usize>, other: Option<usize>) -> Option<usize> {
    one.into_iter().chain(other).min()
}

/// The line that contains the byte at `place`, with its newline.
pub(super) fn line_around(lines: &[u8], place: usize) -> Range<usize> {
    let before = lines.get(..place).unwrap_or_default();
    let after = lines.get(place..).unwrap_or_default();
    let start = memrchr(b'\n', before).map_or(0, |at| at + 1);
    let end = memchr(b'\n', after).map_or(lines.len(), |at| place + at + 1);
    start..end
}

fn compile(pattern: &str) -> Option<Regex> {
    RegexBuilder::new(pattern)
        .size_limit(SIZE_LIMIT)
        .dfa_size_limit(DFA_SIZE_LIMIT)
        // Printing a parsed pattern may nest it a little deeper.
        .nest_limit(4 * NEST_LIMIT)
        .build()
        .ok()
}

fn syntax_error(raw: &str, error: &regex_syntax::Error) -> BadPattern {
    let (mistake, offset) = match error {
        regex_syntax::Error::Parse(error) => (error.kind().to_string(), error.span().start.offset),
        regex_syntax::Error::Translate(error) => {
            (error.kind().to_string(), error.span().start.offset)
        }
        error => (error.to_string(), 0),
    };
    let before = raw.get(..offset).unwrap_or_default();
    BadPattern::Syntax {
        mistake,
        character: before.chars().count() + 1,
    }
}

/// The pattern without assertions and without characters that JSON escapes. It matches wherever
/// `hir` matches text that needs no escape, and perhaps elsewhere.
fn widen(hir: &Hir) -> Hir {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => Hir::empty(),
        HirKind::Literal(literal) if literal.0.iter().any(|&byte| is_escaped(byte)) => Hir::fail(),
        HirKind::Literal(literal) => Hir::literal(literal.0.clone()),
        HirKind::Class(class) => Hir::class(without_escaped(class)),
        HirKind::Repetition(repetition) => Hir::repetition(Repetition {
            sub: Box::new(widen(&repetition.sub)),
            ..repetition.clone()
        }),
        HirKind::Capture(capture) => widen(&capture.sub),
        HirKind::Concat(parts) => Hir::concat(parts.iter().map(widen).collect()),
        HirKind::Alternation(parts) => Hir::alternation(parts.iter().map(widen).collect()),
    }
}

/// Whether JSON escapes it, so that it never appears raw in a string.
fn is_escaped(byte: u8) -> bool {
    byte < b' ' || byte == b'"' || byte == b'\\'
}

fn without_escaped(class: &Class) -> Class {
    match class {
        Class::Unicode(class) => {
            let mut class = class.clone();
            class.difference(&ClassUnicode::new([
                ClassUnicodeRange::new('\0', '\u{1f}'),
                ClassUnicodeRange::new('"', '"'),
                ClassUnicodeRange::new('\\', '\\'),
            ]));
            Class::Unicode(class)
        }
        Class::Bytes(class) => {
            let mut class = class.clone();
            class.difference(&ClassBytes::new([
                ClassBytesRange::new(0, 0x1f),
                ClassBytesRange::new(b'"', b'"'),
                ClassBytesRange::new(b'\\', b'\\'),
            ]));
            Class::Bytes(class)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidates<'a>(pattern: &str, lines: &'a str) -> Option<Vec<&'a str>> {
        let pattern = Pattern::parse(pattern).unwrap();
        let mut found = Vec::new();
        pattern.find_candidates(lines.as_bytes(), &mut found);
        pattern
            .rules_lines_out()
            .then(|| found.into_iter().map(|line| &lines[line]).collect())
    }

    #[test]
    fn assertions_and_newlines_only_widen() {
        let lines = "\"text\":\"one\"\n\"text\":\"two\"\n\"text\":\"a\\nb\"\n\"text\":\"three\"\n";
        let second = "\"text\":\"two\"\n";
        let third = "\"text\":\"a\\nb\"\n";
        let fourth = "\"text\":\"three\"\n";
        for (pattern, wanted) in [
            ("^two$", vec![second, third]),
            (r"\btwo\b", vec![second, third]),
            ("tw[^x]", vec![second, third]),
            ("(?s)th.*", vec![third, fourth]),
            ("^\"", vec![third]),
            ("zebra", vec![third]),
            ("one(?s:.*)three", vec![third]),
            ("(two|(?-u:\\xff)|\n)", vec![second, third]),
        ] {
            assert_eq!(candidates(pattern, lines), Some(wanted), "{pattern}");
        }
        for pattern in ["", "^", "x*", "^$", "a|", r"\b", "\t|$"] {
            assert_eq!(candidates(pattern, lines), None, "{pattern}");
        }
    }

    #[test]
    fn mistakes_are_named() {
        let mistake = |raw: &str| Pattern::parse(raw).err().unwrap();
        assert_eq!(
            mistake("ä(b").to_string(),
            "wrong at character 2: unclosed group"
        );
        assert_eq!(mistake("(a{1000}){1000}"), BadPattern::TooLarge);
        assert_eq!(mistake(r"\w{5000}"), BadPattern::TooLarge);
        assert_eq!(mistake(&"a".repeat(5000)), BadPattern::TooLong);
        assert!(matches!(
            mistake(&"(".repeat(4000)),
            BadPattern::Syntax { .. }
        ));
        assert!(matches!(mistake(r"(a)\1"), BadPattern::Syntax { .. }));
        assert!(matches!(mistake("(?=a)"), BadPattern::Syntax { .. }));
        assert!(matches!(
            mistake(r"\p{Nonsense}"),
            BadPattern::Syntax { .. }
        ));
    }
}
