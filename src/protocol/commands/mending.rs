//! Editing and deleting messages.

use crate::hub::{Command, Which, Wish};
use crate::model::{MessageId, Text};

use super::json_args::{Argument, Room, json};
use super::line_args::{Mistake, nickname};
use super::who::one_line;
use super::{Action, Cost, Line, Logged, Spec};

pub(super) const TABLE: &[Spec] = &[
    Spec {
        word: Some("edit"),
        cost: Cost::ONE,
        line: Some(Line {
            names: &["/edit"],
            takes: "text",
            help: "your last message here says this from now on",
            example: "/edit I meant three",
            logged: Logged::Nothing,
            read: |args| {
                let text = Text::clean(args);
                if text.is_empty() {
                    return Err(Mistake::Missing);
                }
                let (message, wish) = (Which::Last(None), Wish::Edit(text.into()));
                Ok(Action::Hub(Command::Mend { message, wish }))
            },
            ..Line::PLAIN
        }),
        json: json! {
            "edit"; "one's own message says this from now on: `id` is the message's, in a room or to another account; with `room` only if it is in that one";
            r#"{"id": "1763712000123-0", "body": "I meant three"}"#;
            |id: MessageId, body: Text, room: Option<Room>| Command::Mend {
                message: Which::in_channel(Room::name(room), id),
                wish: Wish::Edit(body.into()),
            }
        },
        page: None,
    },
    Spec {
        word: Some("delete"),
        cost: Cost::ONE,
        line: Some(Line {
            names: &["/delete"],
            takes: "[@nick]",
            help: "remove your last message here; operators remove the last one of others",
            example: "/delete",
            read: |args| {
                let of = match args.trim() {
                    "" => None,
                    args => Some(nickname(args)?),
                };
                let (message, wish) = (Which::Last(of), Wish::Delete(None));
                Ok(Action::Hub(Command::Mend { message, wish }))
            },
            ..Line::PLAIN
        }),
        json: json! {
            "delete"; "removes a message of one's own, or as an operator of the room one of others; `room` as for `edit`";
            r#"{"id": "1763712000123-0"}"#;
            |id: MessageId, reason: Option<String>, room: Option<Room>| Command::Mend {
                message: Which::in_channel(Room::name(room), id),
                wish: Wish::Delete(reason.and_then(|words| one_line(&words))),
            }
        },
        page: None,
    },
];
