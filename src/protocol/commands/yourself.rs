//! The user's own nickname, account, notices and farewell.

use crate::hub::Command;
use crate::model::Text;

use super::json_args::{Argument, Nick, json};
use super::line_args::{nickname, nickname_and_rest, nothing, password, reason};
use super::who::one_line;
use super::{Action, Cost, Line, Logged, Page, Spec};

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
            logged: Logged::Nothing,
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
            logged: Logged::Nothing,
            before_nickname: true,
            read: |args| {
                let (name, rest) = nickname_and_rest(args)?;
                Ok(Action::LogIn(name, password(rest.unwrap_or_default())))
            },
            ..Line::PLAIN
        }),
        json: None,
        page: None,
    },
    Spec {
        word: Some("password"),
        cost: Cost::ONE,
        line: Some(Line {
            names: &["/password"],
            help: "change the password of your account",
            example: "/password",
            logged: Logged::Nothing,
            read: |args| nothing(args).map(|()| Action::ChangePassword),
            ..Line::PLAIN
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
        word: Some("away"),
        cost: Cost::ONE,
        line: Some(Line {
            names: &["/away"],
            takes: "[text]",
            help: "tells who writes to you that you are away, and why; /back ends it",
            example: "/away at lunch",
            read: |args| {
                let away = reason(args).unwrap_or_else(|| Text::clean("away"));
                Ok(Action::Hub(Command::SetAway(Some(away))))
            },
            ..Line::PLAIN
        }),
        json: json! {
            "away"; "tells others that one is away, with a text; without one, that one is back";
            r#"{"text": "at lunch"}"#;
            |text: Option<String>| Command::SetAway(text.and_then(|words| one_line(&words)))
        },
        page: Some(Page {
            name: "away",
            takes: "text",
            does: "Say that you are away",
        }),
    },
    Spec {
        word: Some("back"),
        cost: Cost::ONE,
        line: Some(Line {
            names: &["/back"],
            help: "you are here again",
            example: "/back",
            is_explained: true,
            read: |args| nothing(args).map(|()| Action::Hub(Command::SetAway(None))),
            ..Line::PLAIN
        }),
        json: None,
        page: Some(Page {
            name: "back",
            takes: "",
            does: "Say that you are here again",
        }),
    },
    Spec {
        word: Some("quit"),
        cost: Cost::ONE,
        line: Some(Line {
            names: &["/quit"],
            takes: "[why]",
            help: "say good-bye",
            example: "/quit",
            before_nickname: true,
            read: |args| {
                let reason = reason(args);
                Ok(Action::Hub(Command::Quit { reason }))
            },
            ..Line::PLAIN
        }),
        json: json! {
            "exit"; "the end; the rooms are told the reason"; r#"{"reason": "lunch"}"#;
            |reason: Option<String>| Command::Quit { reason: reason.and_then(|words| one_line(&words)) }
        },
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
