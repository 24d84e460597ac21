//! The topic of a channel, its rules, and its owner.

use crate::hub::{Command, Deed};
use crate::model::Text;

use super::json_args::{Argument, Nick, Room, json};
use super::line_args::{Mistake, nickname, nothing};
use super::rule_args::{Changes, rules_of_line};
use super::who::{one_line, person};
use super::{Action, Cost, Line, Logged, Page, Spec};

pub(super) const TABLE: &[Spec] = &[
    Spec {
        word: Some("topic"),
        cost: Cost::ONE,
        line: Some(Line {
            names: &["/topic"],
            takes: "[text]",
            help: "the topic of the current channel, or a new one; a single - takes it away",
            example: "/topic the plan",
            read: |args| {
                Ok(Action::Hub(match args {
                    "" => Command::AskTopic(None),
                    args => Command::Govern(None, Deed::Topic(topic(args))),
                }))
            },
            ..Line::PLAIN
        }),
        json: json! {
            "topic"; "the topic of a room; with `topic` sets it, and `\"\"` takes it away";
            r#"{"room": "dev", "topic": "the plan"}"#;
            |room: Option<Room>, topic: Option<String>| {
                let room = Room::name(room);
                match topic {
                    None => Command::AskTopic(room),
                    Some(text) => Command::Govern(room, Deed::Topic(one_line(&text))),
                }
            }
        },
        page: Some(Page {
            name: "topic",
            takes: "text",
            does: "Set the topic of this room",
        }),
    },
    Spec {
        word: Some("mode"),
        cost: Cost::ONE,
        line: Some(Line {
            names: &["/mode"],
            for_operators: true,
            takes: "[rules]",
            help: "the rules of the current channel, or a change: /mode +invite-only, /mode -key, \
                   /mode limit 50; /help rules lists them",
            example: "/mode +moderated slow 10",
            // It may contain a key.
            logged: Logged::Nothing,
            read: |args| {
                Ok(Action::Hub(match args {
                    "" => Command::AskRules(None),
                    args => Command::Govern(None, Deed::Rules(rules_of_line(args)?)),
                }))
            },
            ..Line::PLAIN
        }),
        json: json! {
            "setrules"; "changes rules of a room: names and values as the frame `rules` shows them";
            r#"{"room": "dev", "changes": [{"rule": "moderated", "value": true}, {"rule": "slow", "value": 10}]}"#;
            |changes: Changes, room: Option<Room>|
                Command::Govern(Room::name(room), Deed::Rules(changes.0))
        },
        page: None,
    },
    Spec {
        word: Some("mode"),
        cost: Cost::ONE,
        line: None,
        json: json! {
            "rules", waits; "the rules of a room"; r#"{"room": "dev"}"#;
            |room: Option<Room>| Command::AskRules(Room::name(room))
        },
        page: None,
    },
    Spec {
        word: Some("channel"),
        cost: Cost::ONE,
        line: Some(Line {
            names: &["/channel"],
            for_operators: true,
            takes: "register | drop | transfer @nick | info",
            help: "keeps the current channel and its rules for your account, gives them up, gives \
                   them to someone else, or tells whose it is",
            example: "/channel register",
            read: |args| channel(args).map(Action::Hub),
            ..Line::PLAIN
        }),
        json: json! {
            "register_room"; "registers a room for the account: it stays, with its rules, when the last one leaves";
            r#"{"room": "dev"}"#;
            |room: Option<Room>| Command::Govern(Room::name(room), Deed::Register)
        },
        page: None,
    },
    Spec {
        word: Some("channel"),
        cost: Cost::ONE,
        line: None,
        json: json! {
            "transfer_room"; "gives a registered room to another account";
            r#"{"room": "dev", "user": "bob"}"#;
            |user: Nick, room: Option<Room>|
                Command::Govern(Room::name(room), Deed::Transfer(person(user.0)))
        },
        page: None,
    },
    Spec {
        word: Some("channel"),
        cost: Cost::ONE,
        line: None,
        json: json! {
            "drop_room"; "gives the registration of a room up"; r#"{"room": "dev"}"#;
            |room: Option<Room>| Command::Govern(Room::name(room), Deed::Drop)
        },
        page: None,
    },
];

/// A topic from a line; `-` alone is none.
fn topic(args: &str) -> Option<Text> {
    match args.trim() {
        "-" => None,
        text => one_line(text),
    }
}

fn channel(args: &str) -> Result<Command, Mistake> {
    let (word, rest) = args.split_once(char::is_whitespace).unwrap_or((args, ""));
    let deed = match word.to_ascii_lowercase().as_str() {
        "" => return Err(Mistake::Missing),
        // The syntax, as `/help` shows it.
        "register" if rest.trim_start().starts_with('|') => Deed::Register,
        "register" => nothing(rest.trim()).map(|()| Deed::Register)?,
        "drop" => nothing(rest.trim()).map(|()| Deed::Drop)?,
        "transfer" => Deed::Transfer(person(nickname(rest)?)),
        "info" => return nothing(rest.trim()).map(|()| Command::AskRules(None)),
        _ => return Err(Mistake::Word),
    };
    Ok(Command::Govern(None, deed))
}
