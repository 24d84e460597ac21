//! User text: whatever came in, what is kept can be shown to others.

use chat_server::text::Text;

use super::assert_shown_safely;

pub fn check(data: &[u8]) {
    let raw = String::from_utf8_lossy(data);
    let text = Text::clean(&raw);
    assert_shown_safely(text.as_str());
    assert_eq!(Text::clean(text.as_str()), text, "cleaned twice");
    assert_eq!(text.as_str(), text.as_str().trim_end());
    // Nothing is invented, and nothing changes places.
    let mut kept = raw.chars();
    for c in text.as_str().chars() {
        assert!(kept.any(|other| other == c), "{c:?} came from nowhere");
    }
    // Cleaning in pieces hides nothing that cleaning at once would find.
    for (at, _) in raw.char_indices().step_by(7) {
        let joined = format!("{}{}", Text::clean(&raw[..at]), Text::clean(&raw[at..]));
        assert_shown_safely(&joined);
    }
}
