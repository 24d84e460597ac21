//! Names: a valid one reads back as itself, and equals itself in every
//! spelling.

use chat_server::name::{MAX_NAME_CHARS, Name};

use super::assert_shown_safely;

pub fn check(data: &[u8]) {
    let raw = String::from_utf8_lossy(data);
    for parse in [Name::parse, Name::parse_channel, Name::parse_nickname] {
        match parse(&raw) {
            Ok(name) => valid(&name),
            // The user who chose the name reads this.
            Err(error) => assert_shown_safely(&error.to_string()),
        }
    }
}

fn valid(name: &Name) {
    let shown = name.as_str();
    assert!((1..=MAX_NAME_CHARS).contains(&shown.chars().count()));
    assert!(!shown.contains(|c: char| c.is_whitespace() || "#@/:,<>&\"'".contains(c)));
    assert_shown_safely(shown);
    let again = Name::parse(shown).expect("a name that was shown");
    assert_eq!(again.as_str(), shown);
    assert_eq!(again.key(), name.key());
    // No other user can have the same name in capitals.
    for spelling in [shown.to_uppercase(), shown.to_lowercase()] {
        if let Ok(other) = Name::parse(&spelling) {
            assert_eq!(other.key(), name.key(), "{shown} and {spelling}");
        }
    }
}
