//! User text: whatever comes in, what is kept can be shown to other users.

use chat_server::text::{Text, ends_line};

use super::assert_shown_safely;

pub fn check(data: &[u8]) {
    let raw = String::from_utf8_lossy(data);
    let text = Text::clean(&raw);
    assert_shown_safely(text.as_str());
    assert_eq!(Text::clean(text.as_str()), text, "cleaned twice");
    assert_eq!(text.as_str(), text.as_str().trim_end());
    // Nothing is invented, and nothing changes places; a line end stays a line
    // end, and a word separator stays one.
    let mut kept = raw.chars();
    for c in text.as_str().chars() {
        let from =
            |other| other == c || (c == '\n' && ends_line(other)) || (c, other) == (' ', '\u{1f}');
        assert!(kept.any(from), "{c:?} came from nowhere");
    }
    let ends = |text: &str| {
        text.trim()
            .replace("\r\n", "\n")
            .chars()
            .filter(|&c| ends_line(c))
            .count()
    };
    let inner = raw.trim_matches(|c: char| c.is_whitespace() || c.is_control());
    if !inner.contains(is_dropped) {
        assert_eq!(ends(text.as_str()), ends(inner), "a line end was lost");
    }
    let line = Text::one_line(&raw);
    assert_eq!(Text::one_line(line.as_str()), line);
    assert!(!line.as_str().contains(['\n', '\t']));
    assert_eq!(line.is_empty(), text.is_empty());
    // Cleaning in pieces hides nothing that cleaning at once would find.
    for (at, _) in raw.char_indices().step_by(7) {
        let joined = format!("{}{}", Text::clean(&raw[..at]), Text::clean(&raw[at..]));
        assert_shown_safely(&joined);
    }
}

/// Whether a character may be dropped, so that its neighbour becomes the
/// beginning or the end.
fn is_dropped(c: char) -> bool {
    (c.is_control() && !ends_line(c))
        || matches!(c, '\u{feff}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
