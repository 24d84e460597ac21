//! A chat log that was edited, or a file that is no chat log: whatever is found
//! is a line of it and JSON, page by page or at once.

use chat_server::chatlog::{Kind, Query};
use serde::de::IgnoredAny;

use super::chat_log::Log;

thread_local! {
    static LOG: Log = Log::new();
}

/// The first byte chooses the query; the rest is the file.
pub fn check(data: &[u8]) {
    let Some((choice, file)) = data.split_first() else {
        return;
    };
    let kind = Kind::ALL.get(usize::from(choice >> 4)).copied();
    let chosen = |bit: u8, word: &str| (choice & bit != 0).then(|| word.to_owned());
    let query = Query {
        pattern: chosen(1, "a|[^b]$"),
        nick: chosen(2, "alice"),
        channel: chosen(4, "dev"),
        kind: kind.filter(|_| choice & 8 != 0),
        ..Query::default()
    };
    LOG.with(|log| {
        log.write(file);
        let page = log.search(&query).unwrap();
        for line in &page.lines {
            let line = line.get();
            // Valid by JSON's grammar, which permits escapes of half a
            // character; the log itself never writes any.
            serde_json::from_str::<IgnoredAny>(line).expect(line);
            let mut lines = file.split(|&byte| byte == b'\n');
            assert!(lines.any(|other| other == line.as_bytes()), "{line}");
        }
        if page.next.is_none() {
            let all: Vec<&str> = page.lines.iter().map(|line| line.get()).collect();
            assert_eq!(log.search_by_page(&query, 3), all);
        }
    });
}
