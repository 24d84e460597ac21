//! Decides whether a line matches a query.
//!
//! Works on raw lines as the log writes them (no white space between tokens, `at` and `kind` first,
//! `text` last), so that most lines are decided without being parsed. Never allocates for a line
//! without escapes.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

use memchr::{memchr_iter, memchr2, memmem};

use super::pattern::{Pattern, line_around};
use super::query::{Query, SearchError};
use super::shown::{SAID, shown};
use crate::model::{Kind, Name, Stamp};

/// How many spellings of names are remembered, equal or not.
const KNOWN_SPELLINGS: usize = 4096;

/// The conditions of a query.
pub(super) struct Filter {
    since: Option<Stamp>,
    until: Option<Stamp>,
    kind: Option<Kind>,
    said: bool,
    without_private: bool,
    nick: Option<NameFilter>,
    channel: Option<NameFilter>,
    pattern: Option<Pattern>,
    /// A text that every line of the wanted kind contains.
    kind_needle: Option<memmem::Finder<'static>>,
    fields: Fields,
}

/// Finds the beginnings of fields. Quotes inside strings are always escaped, so none of these is
/// found inside a string.
struct Fields {
    nick: memmem::Finder<'static>,
    channel: memmem::Finder<'static>,
    to: memmem::Finder<'static>,
    text: memmem::Finder<'static>,
}

/// A name, and the spellings known to be equal to it or not.
struct NameFilter {
    name: Name,
    known: HashMap<Box<[u8]>, bool>,
}

impl Filter {
    pub fn new(query: &Query) -> Result<Filter, SearchError> {
        let nick = query.nick.as_deref().map(Name::parse_nickname);
        let channel = query.channel.as_deref().map(Name::parse_channel);
        let pattern = query.pattern.as_deref().map(Pattern::parse);
        Ok(Filter {
            since: query.since.map(Stamp::of),
            until: query.until.map(Stamp::of),
            kind: query.kind,
            said: query.said,
            without_private: query.without_private,
            nick: nick
                .transpose()
                .map_err(SearchError::Nick)?
                .map(NameFilter::new),
            channel: channel
                .transpose()
                .map_err(SearchError::Channel)?
                .map(NameFilter::new),
            pattern: pattern.transpose().map_err(SearchError::Pattern)?,
            kind_needle: query.kind.map(|kind| {
                let needle = format!(",\"kind\":\"{}\"", kind.word());
                memmem::Finder::new(&needle).into_owned()
            }),
            fields: Fields {
                nick: memmem::Finder::new(b",\"nick\":\""),
                channel: memmem::Finder::new(b",\"channel\":\""),
                to: memmem::Finder::new(b",\"to\":\""),
                text: memmem::Finder::new(b",\"text\":\""),
            },
        })
    }

    /// Adds all of `lines` that [`Filter::accepts`] might accept, in order.
    pub fn find_candidates(&self, lines: &[u8], found: &mut Vec<Range<usize>>) {
        match (&self.pattern, &self.kind_needle) {
            (Some(pattern), _) if !self.said && pattern.rules_lines_out() => {
                pattern.find_candidates(lines, found);
            }
            (_, Some(needle)) => {
                let mut at = 0;
                while let Some(offset) = needle.find(lines.get(at..).unwrap_or_default()) {
                    let line = line_around(lines, at + offset);
                    at = line.end;
                    found.push(line);
                }
            }
            (_, None) => {
                let mut start = 0;
                found.extend(memchr_iter(b'\n', lines).map(|newline| {
                    let line = start..newline + 1;
                    start = line.end;
                    line
                }));
            }
        }
    }

    /// Whether a line, without its newline, matches.
    pub fn accepts(&mut self, line: &[u8]) -> bool {
        Stamp::of_line(line).is_some_and(|at| self.time_matches(at))
            && self.kind.is_none_or(|kind| kind_is(line, kind))
            && (!self.said || SAID.iter().any(|kind| kind_is(line, *kind)))
            && !(self.without_private && kind_is(line, Kind::Private))
            && self.pattern_matches(line)
            && self.channel_matches(line)
            && self.nick_matches(line)
    }

    fn time_matches(&self, at: Stamp) -> bool {
        self.since.is_none_or(|since| at >= since) && self.until.is_none_or(|until| at <= until)
    }

    fn pattern_matches(&self, line: &[u8]) -> bool {
        let Some(pattern) = &self.pattern else {
            return true;
        };
        if self.said {
            let shown = std::str::from_utf8(line).ok().and_then(shown);
            return shown.is_some_and(|shown| pattern.is_match(shown.as_bytes()));
        }
        match string(line, &self.fields.text) {
            Some(text) => pattern.is_match(&text),
            None => false,
        }
    }

    fn channel_matches(&mut self, line: &[u8]) -> bool {
        let Some(filter) = &mut self.channel else {
            return true;
        };
        string(line, &self.fields.channel).is_some_and(|name| filter.is_same(&name))
    }

    fn nick_matches(&mut self, line: &[u8]) -> bool {
        let Some(filter) = &mut self.nick else {
            return true;
        };
        let is_about_somebody = kind_is(line, Kind::Private) || kind_is(line, Kind::Admin);
        string(line, &self.fields.nick).is_some_and(|name| filter.is_same(&name))
            || (is_about_somebody
                && string(line, &self.fields.to).is_some_and(|name| filter.is_same(&name)))
    }
}

impl NameFilter {
    fn new(name: Name) -> NameFilter {
        NameFilter {
            name,
            known: HashMap::new(),
        }
    }

    /// Whether a spelling in the log is this name. Computing that takes a microsecond, and a log
    /// repeats the same few names.
    fn is_same(&mut self, spelling: &[u8]) -> bool {
        if let Some(&same) = self.known.get(spelling) {
            return same;
        }
        let parsed = std::str::from_utf8(spelling).ok().map(Name::parse);
        let same = matches!(parsed, Some(Ok(name)) if name == self.name);
        if self.known.len() < KNOWN_SPELLINGS {
            self.known.insert(spelling.into(), same);
        }
        same
    }
}

fn kind_is(line: &[u8], kind: Kind) -> bool {
    let word = kind.word().as_bytes();
    line.get(Stamp::KIND_AT..)
        .and_then(|rest| rest.strip_prefix(word))
        .is_some_and(|rest| rest.starts_with(b"\""))
}

/// The string value of a field.
fn string<'a>(line: &'a [u8], field: &memmem::Finder<'_>) -> Option<Cow<'a, [u8]>> {
    let start = field.find(line)? + field.needle().len();
    let rest = line.get(start..)?;
    let first = memchr2(b'"', b'\\', rest)?;
    if rest.get(first) == Some(&b'"') {
        return rest.get(..first).map(Cow::Borrowed);
    }
    let end = string_end(rest)?;
    let quoted = line.get(start - 1..start + end + 1)?;
    let decoded: String = serde_json::from_slice(quoted).ok()?;
    Some(Cow::Owned(decoded.into_bytes()))
}

/// The position of the closing quote.
fn string_end(rest: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        let special = at + memchr2(b'"', b'\\', rest.get(at..)?)?;
        if rest.get(special) == Some(&b'"') {
            return Some(special);
        }
        at = special + 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Entry;

    fn accepts(query: Query, entry: &Entry) -> bool {
        let line = serde_json::to_vec(entry).unwrap();
        Filter::new(&query).unwrap().accepts(&line)
    }

    fn pattern(raw: &str) -> Query {
        Query {
            pattern: Some(raw.to_owned()),
            ..Query::default()
        }
    }

    fn said(text: &str) -> Entry {
        Entry {
            nick: Some("alice".into()),
            channel: Some("lobby".into()),
            text: Some(text.into()),
            ..Entry::new(1, Kind::Message)
        }
    }

    #[test]
    fn a_pattern_sees_the_text_and_nothing_else() {
        for (raw, text) in [
            ("^say \"hi\"$", "say \"hi\""),
            (r"^C:\\dir$", r"C:\dir"),
            ("^one\ntwo$", "one\ntwo"),
            ("(?m)^two$", "one\ntwo"),
            ("\u{1}", "a\u{1}b"),
            ("^.$", "\u{1f600}"),
            ("^$", ""),
            (r"\t", "a\tb"),
        ] {
            assert!(accepts(pattern(raw), &said(text)), "{raw} in {text:?}");
        }
        for raw in ["message", "alice", "text", "\"", "at", r"\\"] {
            assert!(!accepts(pattern(raw), &said("x")), "{raw}");
        }
        // A string cannot fake a field.
        let fake = Entry {
            nick: Some("x\",\"text\":\"fake".into()),
            ..said("true")
        };
        assert!(accepts(pattern("^true$"), &fake));
        assert!(!accepts(pattern(""), &Entry::new(1, Kind::Open)));
    }

    #[test]
    fn of_what_was_said_a_pattern_sees_the_line_shown() {
        let said_with = |raw: &str| Query {
            said: true,
            ..pattern(raw)
        };
        for raw in [
            "^1970-01-01T",
            "@alice to #lobby",
            "message=x$",
            "message \t ",
        ] {
            assert!(accepts(said_with(raw), &said("x")), "{raw}");
        }
        assert!(!accepts(said_with("kind"), &said("x")));
        let command = Entry {
            kind: Kind::Command,
            ..said("x")
        };
        assert!(!accepts(said_with("x"), &command));
        let all = Query {
            said: true,
            ..Query::default()
        };
        assert!(accepts(all.clone(), &said("x")) && !accepts(all, &command));
    }

    #[test]
    fn names_are_compared_as_names() {
        let nick = |nick: &str| Query {
            nick: Some(nick.to_owned()),
            ..Query::default()
        };
        let channel = |channel: &str| Query {
            channel: Some(channel.to_owned()),
            ..Query::default()
        };
        for same in ["alice", "@Alice", "\u{430}lice"] {
            assert!(accepts(nick(same), &said("x")), "{same}");
        }
        assert!(!accepts(nick("alic"), &said("x")));
        assert!(accepts(channel("#LOBBY"), &said("x")));
        assert!(!accepts(channel("lobb"), &said("x")));
        let private = Entry {
            to: Some("bob".into()),
            channel: None,
            kind: Kind::Private,
            ..said("x")
        };
        assert!(accepts(nick("bob"), &private));
        assert!(accepts(nick("alice"), &private));
        assert!(!accepts(nick("carol"), &private));
        assert!(!accepts(channel("lobby"), &private));
        assert!(matches!(Filter::new(&nick("9")), Err(SearchError::Nick(_))));
    }

    #[test]
    fn what_the_log_did_not_write_is_no_line() {
        let mut filter = Filter::new(&Query::default()).unwrap();
        for line in ["", "{}", "rubbish", "{\"at\":\"2026-11-21T08:00:00.123Z\"}"] {
            assert!(!filter.accepts(line.as_bytes()), "{line}");
        }
    }
}
