//! Other users: ignoring them, and asking whether they are online.

use crate::hub::{Command, Part, Question};
use crate::model::Name;

use super::json_args::{Argument, Nick, Nicks, json, people};
use super::line_args::{after, nickname};
use super::{Action, Cost, Line, Page, Spec};

pub(super) const TABLE: &[Spec] = &[
    Spec {
        word: Some("ignore"),
        cost: Cost::OneOrList,
        line: Some(Line {
            names: &["/ignore"],
            takes: "[@nick]",
            help: "no private messages from nick any more; or the users you ignore",
            example: "/ignore @eve",
            read: |args| match args {
                "" => Ok(Action::Hub(Command::ListIgnored(Part::default()))),
                args => nickname(args).map(Command::Ignore).map(Action::Hub),
            },
            ..Line::PLAIN
        }),
        json: None,
        page: None,
    },
    // In the line protocol, the same command without a name is the list.
    Spec {
        word: Some("ignore"),
        cost: Cost::ONE,
        line: None,
        json: json! {
            "ignore"; "no private messages from this user any more"; r#"{"nickname": "eve"}"#;
            |nickname: Nick| Command::Ignore(nickname.0)
        },
        page: Some(Page {
            name: "ignore",
            takes: "@name",
            does: "Hide the messages of a user",
        }),
    },
    Spec {
        word: Some("ignore"),
        cost: Cost::LIST,
        line: Some(Line {
            names: &["/ignored"],
            help: "the users you ignore; /ignored @nick lists those after nick",
            example: "/ignored",
            read: |args| {
                after(args, nickname)
                    .map(Command::ListIgnored)
                    .map(Action::Hub)
            },
            ..Line::PLAIN
        }),
        json: json! {
            "ignores", waits; "the ignored users"; "";
            |after: Option<Nick>, prefix: Option<Nick>| Command::ListIgnored(people(after, prefix))
        },
        page: None,
    },
    Spec {
        word: Some("unignore"),
        cost: Cost::ONE,
        line: Some(Line {
            names: &["/unignore"],
            takes: "@nick",
            help: "private messages from nick again",
            example: "/unignore @eve",
            read: |args| nickname(args).map(Command::Unignore).map(Action::Hub),
            ..Line::PLAIN
        }),
        json: json! {
            "unignore"; "private messages from this user arrive again"; r#"{"nickname": "eve"}"#;
            |nickname: Nick| Command::Unignore(nickname.0)
        },
        page: Some(Page {
            name: "unignore",
            takes: "@name",
            does: "Show it again",
        }),
    },
    Spec {
        word: None,
        cost: Cost::Users,
        line: None,
        json: json! {
            "presence", waits; "which of at most 100 nicknames are on"; r#"{"users": ["bob", "eve"]}"#;
            |users: Nicks| Command::Ask { question: Question::Presence(users.0), logged: None }
        },
        page: None,
    },
    Spec {
        word: Some("whois"),
        cost: Cost::ONE,
        line: Some(Line {
            names: &["/whois"],
            takes: "@nick",
            help: "who someone is: account, channels, away",
            example: "/whois @bob",
            read: |args| nickname(args).map(whois).map(Action::Hub),
            ..Line::PLAIN
        }),
        json: json! {
            "whois", waits; "who someone is: account, rooms, since when, away"; r#"{"user": "bob"}"#;
            |user: Nick| whois(user.0)
        },
        page: Some(Page {
            name: "whois",
            takes: "@name",
            does: "Show who someone is",
        }),
    },
    Spec {
        word: Some("seen"),
        cost: Cost::ONE,
        line: Some(Line {
            names: &["/seen"],
            takes: "@nick",
            help: "when a user was last here",
            example: "/seen @bob",
            read: |args| nickname(args).map(seen).map(Action::Hub),
            ..Line::PLAIN
        }),
        json: json! {
            "seen", waits; "when a user was last here"; r#"{"user": "bob"}"#;
            |user: Nick| seen(user.0)
        },
        page: Some(Page {
            name: "seen",
            takes: "@name",
            does: "Show when a user was last here",
        }),
    },
];

fn seen(user: Name) -> Command {
    Command::Ask {
        logged: Some(format!("seen @{user}")),
        question: Question::Seen(user),
    }
}

fn whois(user: Name) -> Command {
    Command::Ask {
        logged: Some(format!("whois @{user}")),
        question: Question::User(user),
    }
}
