//! Text with the colours and styles of IRC: whatever comes in, the text without them
//! can be shown anywhere, and the one with them holds no other control.

use chat_server::model::styled::is_code;
use chat_server::model::{Body, MessageKind, Styled};
use chat_server::text::Text;

use super::assert_shown_safely;

pub fn check(data: &[u8]) {
    let raw = String::from_utf8_lossy(data);
    let styled = Styled::clean(&raw);
    let without: String = styled.as_str().chars().filter(|&c| !is_code(c)).collect();
    assert_shown_safely(&without);
    assert_eq!(Styled::clean(styled.as_str()), styled, "cleaned twice");
    let text = styled.strip();
    assert_shown_safely(text.as_str());
    assert_eq!(Text::clean(text.as_str()), text, "cleaned twice");
    // Nothing is invented, and nothing changes places.
    let mut kept = styled.as_str().chars();
    for c in text.as_str().chars() {
        assert!(kept.any(|other| other == c), "{c:?} came from nowhere");
    }
    // Only digits and commas go with the codes.
    let is_part = |c: &char| c.is_ascii_hexdigit() || *c == ',';
    let rest = |text: &str| -> String {
        let shown = text.trim().chars();
        shown.filter(|c| !is_part(c) && *c != '\u{feff}').collect()
    };
    assert_eq!(rest(text.as_str()).trim(), rest(&without).trim());
    if !raw.contains(is_code) {
        assert_eq!(text, Text::clean(&raw), "it had no styles");
    }
    let body = Body::styled(MessageKind::Say, &raw);
    assert_eq!(body.text, text);
    assert_eq!(body.styled.is_some(), styled.as_str() != text.as_str());
    let restored = Body::restored(0, text.as_str(), Some(styled.as_str()));
    assert_eq!(restored.styled, Some(styled));
}
