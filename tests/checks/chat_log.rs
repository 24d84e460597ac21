//! Searching the chat log gives the same result as looking at every entry in
//! turn, page by page or at once, whatever the texts and the query.

use std::fs;
use std::num::NonZeroUsize;

use chat_server::cancel::Cancel;
use chat_server::chatlog::{
    ChatLog, ChatLogOptions, Cursor, Entry, Kind, Page, Query, SearchError,
};
use chat_server::config;
use chat_server::name::Name;
use tempfile::TempDir;

use super::{assert_shown_safely, parts};

/// A chat log used only for reading.
pub struct Log {
    folder: TempDir,
    log: ChatLog,
}

impl Log {
    pub fn new() -> Log {
        let folder = tempfile::tempdir().unwrap();
        let settings = config::ChatLog {
            enabled: false,
            ..config::Config::default().chat_log
        };
        let log = ChatLog::open(ChatLogOptions::new(folder.path(), settings)).unwrap();
        Log { folder, log }
    }

    /// Replaces the log's lines.
    pub fn write(&self, lines: &[u8]) {
        fs::write(self.folder.path().join("chat.log"), lines).unwrap();
    }

    pub fn search(&self, query: &Query) -> Result<Page, SearchError> {
        self.log.search(query, &Cancel::default())
    }

    /// Everything that a query finds, with `limit` lines a page.
    pub fn search_by_page(&self, query: &Query, limit: usize) -> Vec<String> {
        let mut found = Vec::new();
        let mut cursor: Option<Cursor> = None;
        loop {
            let query = Query {
                limit: NonZeroUsize::new(limit),
                cursor,
                ..query.clone()
            };
            let page = self.search(&query).unwrap();
            assert!(page.lines.len() <= limit);
            found.extend(page.lines.iter().map(|line| line.get().to_owned()));
            match page.next {
                None => return found,
                // A cursor that was returned can be used.
                Some(next) => cursor = Some(next.to_string().parse().unwrap()),
            }
            assert!(!page.lines.is_empty(), "a page with nothing on it");
        }
    }
}

thread_local! {
    static LOG: Log = Log::new();
}

/// The input has a pattern, nick, channel, kind, times and page size; then
/// entries with nick, channel, recipient and text.
pub fn check(data: &[u8]) {
    let parts: Vec<String> = parts(data).collect();
    let part = |index: usize| parts.get(index).filter(|part| !part.is_empty()).cloned();
    let number = |index| part(index).and_then(|part| part.parse::<u64>().ok());
    let query = Query {
        without_private: false,
        said: false,
        pattern: part(0),
        nick: part(1),
        channel: part(2),
        kind: part(3).and_then(|word| Kind::from_word(&word)),
        since: number(4),
        until: number(5),
        limit: None,
        cursor: None,
    };
    let entries = entries(parts.get(7..).unwrap_or_default());
    LOG.with(|log| {
        log.write(&lines(&entries));
        let page = match log.search(&query) {
            Ok(page) => page,
            Err(error) => return assert!(is_mistake(&error, &query), "{error}"),
        };
        let found: Vec<String> = page
            .lines
            .iter()
            .map(|line| line.get().to_owned())
            .collect();
        assert_eq!(found, wanted(&query, &entries));
        let limit = number(6).unwrap_or_default() % 5 + 1;
        assert_eq!(log.search_by_page(&query, limit as usize), found);
    });
}

/// At most as many as fit on one page.
fn entries(parts: &[String]) -> Vec<Entry> {
    let entry = |(index, parts): (usize, &[String])| {
        let part = |index: usize| {
            let part = parts.get(index).filter(|part| !part.is_empty());
            part.map(|part| part.as_str().into())
        };
        Entry {
            nick: part(0),
            channel: part(1),
            to: part(2),
            text: part(3),
            ..Entry::new(index as u64 / 2, Kind::ALL[index % Kind::ALL.len()])
        }
    };
    parts.chunks(4).take(50).enumerate().map(entry).collect()
}

fn lines(entries: &[Entry]) -> Vec<u8> {
    let lines = entries.iter().map(|entry| line(entry) + "\n");
    lines.collect::<String>().into_bytes()
}

fn line(entry: &Entry) -> String {
    let line = serde_json::to_string(entry).unwrap();
    assert!(!line.contains(|c: char| c < ' '), "{line:?}");
    line
}

/// Finds the entries by looking at each in turn.
fn wanted(query: &Query, entries: &[Entry]) -> Vec<String> {
    let pattern = query.pattern.as_deref().map(regex::Regex::new);
    let pattern = pattern.map(|pattern| pattern.expect("a pattern that was accepted"));
    let nick = query
        .nick
        .as_deref()
        .map(|nick| Name::parse_nickname(nick).unwrap());
    let channel = query
        .channel
        .as_deref()
        .map(|name| Name::parse_channel(name).unwrap());
    let is = |name: &Name, field: &Option<std::sync::Arc<str>>| {
        let other = field.as_deref().map(Name::parse);
        matches!(other, Some(Ok(other)) if other == *name)
    };
    let is_wanted = |entry: &&Entry| {
        let text = entry.text.as_deref();
        query.kind.is_none_or(|kind| kind == entry.kind)
            && query.since.is_none_or(|since| since <= entry.at_ms)
            && query.until.is_none_or(|until| entry.at_ms <= until)
            && pattern
                .as_ref()
                .is_none_or(|pattern| text.is_some_and(|text| pattern.is_match(text)))
            && channel.as_ref().is_none_or(|name| is(name, &entry.channel))
            && nick.as_ref().is_none_or(|name| {
                is(name, &entry.nick)
                    || (matches!(entry.kind, Kind::Private | Kind::Admin) && is(name, &entry.to))
            })
    };
    entries.iter().rev().filter(is_wanted).map(line).collect()
}

fn is_mistake(error: &SearchError, query: &Query) -> bool {
    match error {
        SearchError::Pattern(mistake) => {
            assert_shown_safely(&mistake.to_string());
            query.pattern.is_some()
        }
        SearchError::Nick(_) => Name::parse_nickname(query.nick.as_deref().unwrap()).is_err(),
        SearchError::Channel(_) => Name::parse_channel(query.channel.as_deref().unwrap()).is_err(),
        _ => false,
    }
}
