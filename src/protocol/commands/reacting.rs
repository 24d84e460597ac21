//! Reacting to messages.

use crate::hub::{Command, Which, Wish};
use crate::model::{MessageId, Sign};

use super::json_args::{Argument, Room, json};
use super::line_args::{Mistake, nickname_and_rest};
use super::{Action, Cost, Line, Spec};

pub(super) const TABLE: &[Spec] = &[Spec {
    word: Some("react"),
    cost: Cost::ONE,
    line: Some(Line {
        names: &["/react"],
        takes: "@nick sign",
        help: "react to their last message here, or take it back",
        example: "/react @bob :+1:",
        read: |args| {
            let (name, rest) = args
                .split_once(char::is_whitespace)
                .ok_or(Mistake::Missing)?;
            let (of, _) = nickname_and_rest(name)?;
            let sign = Sign::parse(typed(rest.trim())).map_err(Mistake::Sign)?;
            Ok(Action::Hub(Command::Mend {
                message: Which::Last(Some(of)),
                wish: Wish::React { sign, on: None },
            }))
        },
        ..Line::PLAIN
    }),
    json: json! {
        "react"; "gives a message that one may read a sign, one emoji or a word of at most 16 characters; `\"on\": false` takes it back; `room` as for `edit`";
        r#"{"id": "1763712000123-0", "sign": "👍", "on": true}"#;
        |id: MessageId, sign: Sign, on: Option<bool>, room: Option<Room>| Command::Mend {
            message: Which::in_channel(Room::name(room), id),
            wish: Wish::React { sign, on: Some(on.unwrap_or(true)) },
        }
    },
    page: None,
}];

/// The emoji that the page knows, with their names.
const EMOJI: &str = include_str!("../../page/emoji.txt");

/// The sign that a user has typed: an emoji by its name, for keyboards without emoji, or itself.
fn typed(raw: &str) -> &str {
    let name = raw.strip_prefix(':').and_then(|raw| raw.strip_suffix(':'));
    let rows = EMOJI.lines().skip(1).filter_map(|row| row.split_once(' '));
    let named = name.and_then(|name| {
        let is_named = |(_, names): &(&str, &str)| names.split(' ').any(|it| it == name);
        let is_first = |(_, names): &(&str, &str)| names.split(' ').next() == Some(name);
        rows.clone()
            .find(is_first)
            .or_else(|| rows.clone().find(is_named))
    });
    named.map_or(raw, |(emoji, _)| emoji)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn emoji_can_be_typed_by_their_names() {
        for (raw, sign) in [
            (":+1:", "👍"),
            (":thumbsup:", "👍"),
            (":heart:", "❤️"),
            (":eyes:", "👀"),
        ] {
            assert_eq!(typed(raw), sign);
        }
        for raw in ["👍", "lol", ":nothing_such:", ":", "::", "#"] {
            assert_eq!(typed(raw), raw);
        }
        for (sign, _) in EMOJI.lines().skip(1).filter_map(|row| row.split_once(' ')) {
            assert!(Sign::parse(sign).is_ok(), "{sign}");
        }
    }
}
