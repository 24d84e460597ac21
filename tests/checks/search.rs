//! Searching messages: words are words, never query syntax, and a message is
//! found by its own words, before and after it is indexed.

use std::cell::RefCell;

use chat_server::hub::MessageId;
use chat_server::store::{
    Conversation, Durability, Message, Place, Search, SearchScope, SqliteSettings, SqliteStore,
    Store,
};
use chat_server::text::{Text, is_invisible};
use tempfile::TempDir;

use super::{name_of, parts};

/// Messages before the store is emptied, so that the check stays fast.
const MESSAGES: u64 = 500;

struct Messages {
    store: SqliteStore,
    _folder: TempDir,
    last_ms: u64,
}

thread_local! {
    static MESSAGES_SAID: RefCell<Messages> = RefCell::new(Messages::new());
}

/// The input has words to search for, a channel, and a text.
pub fn check(data: &[u8]) {
    let mut parts = parts(data);
    let words = parts.next().unwrap_or_default();
    let channel = parts.next().unwrap_or_default();
    let text = Text::clean(&parts.next().unwrap_or_default());
    MESSAGES_SAID.with_borrow_mut(|messages| {
        if messages.last_ms == MESSAGES {
            *messages = Messages::new();
        }
        messages.say_and_search(&words, &channel, &text);
    });
}

impl Messages {
    fn new() -> Messages {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(SqliteSettings {
            durability: Durability::Process,
            ..SqliteSettings::new(folder.path().join("chat.db"))
        });
        Messages {
            store: store.unwrap(),
            _folder: folder,
            last_ms: 0,
        }
    }

    fn say_and_search(&mut self, words: &str, channel: &str, text: &Text) {
        self.last_ms += 1;
        let id = MessageId {
            ms: self.last_ms,
            sequence: 0,
        };
        let channel = name_of(channel);
        let message = Message {
            id,
            at_ms: self.last_ms,
            author: channel.clone(),
            place: Place::Channel {
                channel: channel.clone(),
                account: None,
            },
            body: text.clone().into(),
        };
        let committed = self.store.append(&[message]).unwrap();
        assert!(committed.iter().all(Result::is_ok), "{committed:?}");
        let within = SearchScope::Within(Conversation::Channel(channel.clone()));
        for scope in [SearchScope::Everywhere, within] {
            let scanned = self.found(words, &scope);
            let own = self.found(text.as_str(), &scope);
            assert!(own.contains(&id) || !has_words(text.as_str()));
            while self.store.tend(0).unwrap() {}
            assert_eq!(self.found(words, &scope), scanned);
            assert_eq!(self.found(text.as_str(), &scope), own);
        }
    }

    fn found(&self, words: &str, scope: &SearchScope) -> Vec<MessageId> {
        let search = Search {
            words: words.to_owned(),
            scope: scope.clone(),
            before: None,
            after: MessageId::default(),
            limit: 50,
        };
        let found = self.store.search(&search).unwrap().found;
        assert!(found.is_empty() || has_words(words) || has_signs(words));
        let ids: Vec<MessageId> = found.iter().map(|found| found.id).collect();
        assert!(ids.is_sorted_by(|newer, older| newer > older));
        ids
    }
}

/// Whether at least one word is certain to be indexed.
fn has_words(text: &str) -> bool {
    text.contains(|c: char| c.is_alphanumeric() && !is_accent(c) && !is_invisible(c))
}

/// Whether the text may contain emoji, which are indexed as well.
fn has_signs(text: &str) -> bool {
    text.contains(|c: char| !c.is_ascii() && !c.is_alphanumeric() && !is_invisible(c))
}

/// Unicode calls these letters, the search index calls them marks: the iota
/// below Greek letters, medieval letters above others, the voicing of narrow
/// Katakana.
fn is_accent(c: char) -> bool {
    matches!(
        c,
        '\u{345}' | '\u{37a}' | '\u{363}'..='\u{36f}' | '\u{ff9e}' | '\u{ff9f}'
    )
}
