//! The user's own nickname, account, notices and farewell.

use crate::hub::Command;

use super::json_args::{Argument, Nick, json};
use super::line_args::{nickname, nickname_and_rest, password};
use super::{Action, Cost, Line, Page, Spec};

pub(super) const TABLE: &[Spec] = &[
    Spec {
        word: Some("nick"),
        cost: Cost::NICKNAME,
        line: Some(Line {
            names: &["/nick"],
            takes: "name",
            help: "change your nickname",
            example: "/nick ada",
            read: |args| nickname(args).map(Command::Rename).map(Action::Hub),
            ..Line::PLAIN
        }),
        json: json! {
            "setnick"; "changes the nickname"; r#"{"nickname": "ada"}"#;
            |nickname: Nick| Command::Rename(nickname.0)
        },
        page: Some(Page {
            name: "nick",
            takes: "name",
            does: "Change your nickname",
        }),
    },
    Spec {
        word: Some("register"),
        cost: Cost::ONE,
        line: Some(Line {
            names: &["/register"],
            help: "keep your nickname: it gets a password",
            example: "/register",
            is_secret: true,
            read: |args| Ok(Action::Register(password(args))),
            ..Line::PLAIN
        }),
        json: None,
        page: None,
    },
    Spec {
        word: Some("login"),
        cost: Cost::ONE,
        line: Some(Line {
            names: &["/login"],
            takes: "nick",
            help: "log in to a nickname you have registered",
            example: "/login ada",
            is_secret: true,
            before_nickname: true,
            read: |args| {
                let (name, rest) = nickname_and_rest(args)?;
                Ok(Action::LogIn(name, password(rest.unwrap_or_default())))
            },
        }),
        json: None,
        page: None,
    },
    Spec {
        word: None,
        cost: Cost::ONE,
        line: None,
        json: json! {
            "listen"; "`[\"typing\"]`: wants frames of that type, which the simplest clients never get";
            r#"{"events": ["typing"]}"#;
            |events: Vec<String>| Command::Listen { typing: events.iter().any(|event| event == "typing") }
        },
        page: None,
    },
    Spec {
        word: Some("quit"),
        cost: Cost::ONE,
        line: Some(Line {
            names: &["/quit"],
            help: "say good-bye",
            example: "/quit",
            before_nickname: true,
            read: |_| Ok(Action::Hub(Command::Quit)),
            ..Line::PLAIN
        }),
        json: json! { "exit"; "the end"; ""; | | Command::Quit },
        page: Some(Page {
            name: "quit",
            takes: "",
            does: "Sign out",
        }),
    },
    Spec {
        word: None,
        cost: Cost::ONE,
        line: None,
        json: None,
        page: Some(Page {
            name: "theme",
            takes: "light, dark or system",
            does: "Change the colours",
        }),
    },
];
