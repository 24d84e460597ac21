//! Messages: sending them, and reading earlier ones.

use crate::hub::{Audience, Command, Replying, Tag, Which};
use crate::model::{Body, MessageId, MessageKind, Text, Window};

use super::json_args::{
    Argument, Limit, Mistake as JsonMistake, Nick, PageNumber, Room, RoomWithoutTo, json,
};
use super::line_args::{Mistake, count, nickname_and_rest};
use super::{Action, Cost, Line, Logged, Page, Query, Spec};

/// Messages that a history, a thread or a search returns by default.
const USUAL: usize = 20;

pub(super) const TABLE: &[Spec] = &[
    Spec {
        word: Some("history"),
        cost: Cost::Messages,
        line: Some(Line {
            names: &["/history"],
            takes: "[n]",
            help: "the last n messages of the current channel",
            example: "/history 5",
            read: |args| {
                let limit = count(args, USUAL)?;
                Ok(Action::Hub(Command::History {
                    channel: None,
                    window: Window::Latest,
                    limit,
                }))
            },
            ..Line::PLAIN
        }),
        json: json! {
            "history", waits; "messages, oldest first; `before` is a message's id";
            r#"{"room": "dev", "before": "1763712000123-0", "limit": 20}"#;
            |room: Option<Room>, before: Option<MessageId>, limit: Limit<USUAL>| Command::History {
                channel: Room::name(room),
                window: before.map_or(Window::Latest, Window::Before),
                limit: limit.0,
            }
        },
        page: None,
    },
    Spec {
        word: Some("msg"),
        cost: Cost::ONE,
        line: Some(Line {
            names: &["/msg"],
            takes: "@nick text",
            help: "a private message",
            example: "/msg @bob hello",
            logged: Logged::Nothing,
            read: |args| {
                let (name, rest) = args
                    .split_once(char::is_whitespace)
                    .ok_or(Mistake::Missing)?;
                let (to, _) = nickname_and_rest(name)?;
                let text = Text::clean(rest.trim_start());
                Ok(Action::Hub(Command::Private {
                    to,
                    account: None,
                    body: text.into(),
                }))
            },
            ..Line::PLAIN
        }),
        json: json! {
            "private"; "a private message; `action`, `notice` and `reply_to` as for `message`";
            r#"{"to": "bob", "body": "hi", "tag": "7f3b"}"#;
            |
                to: Nick,
                body: Text,
                action: Option<bool>,
                notice: Option<bool>,
                reply_to: Option<MessageId>,
                tag: Option<Tag>
            | {
                let body = Body::plain(kind(action, notice)?, body);
                let private = Command::Private { to: to.0, account: None, body };
                tagged(tag, private).replying_to(reply_to, false)
            }
        },
        page: Some(Page {
            name: "msg",
            takes: "@name text",
            does: "Send a direct message",
        }),
    },
    Spec {
        word: Some("say"),
        cost: Cost::ONE,
        line: None,
        json: json! {
            "message"; "says something; with `action` it is what the user does, with `notice` something for nothing to answer; `reply_to` is the id of a message here that it answers";
            r#"{"body": "hi", "room": "dev", "tag": "7f3a"}"#;
            |
                room: Option<Room>,
                body: Text,
                action: Option<bool>,
                notice: Option<bool>,
                reply_to: Option<MessageId>,
                tag: Option<Tag>
            | {
                let body = Body::plain(kind(action, notice)?, body);
                let say = Command::Say { channel: Room::name(room), body };
                tagged(tag, say).replying_to(reply_to, false)
            }
        },
        page: None,
    },
    Spec {
        word: Some("say"),
        cost: Cost::ONE,
        line: Some(Line {
            names: &["/me"],
            takes: "text",
            help: "say what you do: /me waves shows * @you waves",
            example: "/me waves",
            logged: Logged::Nothing,
            read: |args| {
                let text = Text::clean(args);
                if text.is_empty() {
                    return Err(Mistake::Missing);
                }
                Ok(Action::Hub(Command::Say {
                    channel: None,
                    body: Body::plain(MessageKind::Action, text),
                }))
            },
            ..Line::PLAIN
        }),
        json: None,
        page: Some(Page {
            name: "me",
            takes: "text",
            does: "Say what you do",
        }),
    },
    Spec {
        word: Some("say"),
        cost: Cost::ONE,
        line: Some(Line {
            names: &["/reply"],
            takes: "@nick text",
            help: "answer their last message here",
            example: "/reply @bob so do I",
            logged: Logged::Nothing,
            read: |args| {
                let (name, rest) = args
                    .split_once(char::is_whitespace)
                    .ok_or(Mistake::Missing)?;
                let (to, _) = nickname_and_rest(name)?;
                let text = Text::clean(rest.trim_start());
                let say = Command::Say {
                    channel: None,
                    body: text.into(),
                };
                Ok(Action::Hub(Command::Reply {
                    to: Which::Last(Some(to)),
                    replying: Replying {
                        message: Box::new(say),
                        or_plain: false,
                    },
                }))
            },
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
            "typing"; "shows the room, or with `to` one user, that one is typing; at most once a second";
            r#"{"room": "dev"}"#;
            |to: Option<Nick>, room: RoomWithoutTo| Command::Typing(match to {
                Some(to) => Audience::User(to.0),
                None => Audience::Channel(room.0),
            })
        },
        page: None,
    },
    Spec {
        word: Some("search"),
        cost: Cost::SEARCH,
        line: None,
        json: json! {
            "search", waits;
            "messages of a room one is in that have all the words, newest first; beginnings of words will do, and any part of Chinese, Japanese, Korean or Thai";
            r#"{"query": "green tea", "room": "dev", "limit": 20}"#;
            |room: Option<Room>, query: String, before: Option<MessageId>, limit: Limit<USUAL>|
                Query::Search { room: Room::name(room), words: query, before, limit: limit.0 }
        },
        page: Some(Page {
            name: "search",
            takes: "words",
            does: "Search this room",
        }),
    },
    Spec {
        word: Some("inbox"),
        cost: Cost::INBOX,
        line: None,
        json: json! {
            "inbox", waits; "for accounts: the threads, newest first, 10 a page"; r#"{"page": 1}"#;
            |page: PageNumber| Query::Inbox { page: page.0 }
        },
        page: None,
    },
    Spec {
        word: Some("thread"),
        cost: Cost::Messages,
        line: None,
        json: json! {
            "thread", waits; "for accounts: messages with another account, oldest first; `after` or `before`, not both";
            r#"{"user": "bob", "before": "1763712000123-0", "limit": 20}"#;
            |user: Nick, after: Option<MessageId>, before: Option<MessageId>, limit: Limit<USUAL>| Query::Thread {
                user: user.0,
                window: match (after, before) {
                    (Some(id), _) => Window::After(id),
                    (None, Some(id)) => Window::Before(id),
                    (None, None) => Window::Latest,
                },
                limit: limit.0,
            }
        },
        page: None,
    },
    Spec {
        word: Some("read"),
        cost: Cost::ONE,
        line: None,
        json: json! {
            "read"; "for accounts: what they wrote has been read up to there";
            r#"{"user": "bob", "id": "1763712000123-0"}"#;
            |user: Nick, id: MessageId| Query::Read { user: user.0, up_to: id }
        },
        page: None,
    },
];

/// A message, with its tag if the client has given it one.
fn tagged(tag: Option<Tag>, message: Command) -> Command {
    match tag {
        None => message,
        Some(tag) => Command::Tagged {
            tag,
            message: Box::new(message),
        },
    }
}

/// How a message is meant.
fn kind(action: Option<bool>, notice: Option<bool>) -> Result<MessageKind, JsonMistake> {
    match (action == Some(true), notice == Some(true)) {
        (false, false) => Ok(MessageKind::Say),
        (true, false) => Ok(MessageKind::Action),
        (false, true) => Ok(MessageKind::Notice),
        (true, true) => Err(JsonMistake::Wrong("notice", "left out of an action")),
    }
}
