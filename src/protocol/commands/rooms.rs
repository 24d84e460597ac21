//! Channels, which JSON clients call rooms: joining, leaving, listing members.

use crate::hub::Command;
use crate::model::MessageId;

use super::json_args::{Argument, Nick, Room, json, people, rooms};
use super::line_args::{after, channel, channel_and_pass, nickname, nothing, reason};
use super::moderation_args::{Invitation, KeyWord, NotifyWord, Switch};
use super::who::one_line;
use super::{Action, Cost, Help, Line, Logged, Page, Query, Spec};

pub(super) const TABLE: &[Spec] = &[
    Spec {
        word: Some("help"),
        cost: Cost::ONE,
        line: Some(Line {
            names: &["/help"],
            help: "this list; /help operators is for those who run a channel. Anything else is a message; //text sends /text",
            example: "/help",
            before_nickname: true,
            read: |args| match args {
                "operators" => Ok(Action::Help(Help::Operators)),
                "rules" => Ok(Action::Help(Help::Rules)),
                args => nothing(args).map(|()| Action::Help(Help::Everyday)),
            },
            ..Line::PLAIN
        }),
        json: None,
        page: Some(Page {
            name: "help",
            takes: "",
            does: "Show keys and commands",
        }),
    },
    Spec {
        word: Some("join"),
        cost: Cost::ONE,
        line: Some(Line {
            names: &["/join"],
            takes: "#channel [key]",
            help: "join a channel, or create it; leaves the one before",
            example: "/join #dev",
            // The key is for this client alone.
            logged: Logged::First,
            read: |args| channel_and_pass(args).map(Action::Hub),
            ..Line::PLAIN
        }),
        json: json! {
            "join", waits; "joins another room besides; `key` or `invitation` (the end of a link) opens it, here and below"; r#"{"room": "dev"}"#;
            |room: Room, key: Option<KeyWord>, invitation: Option<Invitation>|
                opened(key, invitation, Command::Join(room.0))
        },
        page: Some(Page {
            name: "join",
            takes: "#room",
            does: "Join a room, or make it",
        }),
    },
    Spec {
        word: Some("switch"),
        cost: Cost::ONE,
        line: None,
        json: json! {
            "switchroom"; "leaves the current room for one that exists; or makes one that is joined the current one";
            r#"{"room": "dev"}"#;
            |room: Room, key: Option<KeyWord>, invitation: Option<Invitation>|
                opened(key, invitation, Command::Switch(room.0))
        },
        page: None,
    },
    Spec {
        word: Some("create"),
        cost: Cost::ONE,
        line: None,
        json: json! {
            "createroom"; "leaves the current room for one that does not exist yet"; r#"{"name": "dev"}"#;
            |name: Room| Command::Create(name.0)
        },
        page: None,
    },
    Spec {
        word: Some("leave"),
        cost: Cost::ONE,
        line: Some(Line {
            names: &["/leave"],
            takes: "[why]",
            help: "leave the current channel",
            example: "/leave",
            read: |args| {
                Ok(Action::Hub(Command::Leave {
                    channel: None,
                    reason: reason(args),
                }))
            },
            ..Line::PLAIN
        }),
        json: json! {
            "leave"; "leaves a room; the others are told the reason"; r#"{"room": "dev", "reason": "lunch"}"#;
            |room: Option<Room>, reason: Option<String>| Command::Leave {
                channel: Room::name(room),
                reason: reason.and_then(|words| one_line(&words)),
            }
        },
        page: Some(Page {
            name: "leave",
            takes: "",
            does: "Leave this room",
        }),
    },
    Spec {
        word: Some("list"),
        cost: Cost::LIST,
        line: Some(Line {
            names: &["/list"],
            help: "who is in the current channel; /list @nick lists those after nick",
            example: "/list",
            read: |args| {
                after(args, nickname).map(|part| Action::Hub(Command::ListMembers(None, part)))
            },
            ..Line::PLAIN
        }),
        json: json! {
            "listusers", waits; "who is there"; r#"{"room": "dev"}"#;
            |room: Option<Room>, after: Option<Nick>, prefix: Option<Nick>|
                Command::ListMembers(Room::name(room), people(after, prefix))
        },
        page: Some(Page {
            name: "list",
            takes: "",
            does: "Show who is here",
        }),
    },
    Spec {
        word: Some("rooms"),
        cost: Cost::LIST,
        line: Some(Line {
            names: &["/rooms"],
            help: "channels and how many people are in them; /rooms #channel lists those after it",
            example: "/rooms",
            read: |args| {
                after(args, channel)
                    .map(Command::ListChannels)
                    .map(Action::Hub)
            },
            ..Line::PLAIN
        }),
        json: json! {
            "listrooms", waits; "which rooms there are"; r#"{"after": "dev", "prefix": "d"}"#;
            |after: Option<Room>, prefix: Option<Room>| Command::ListChannels(rooms(after, prefix))
        },
        page: Some(Page {
            name: "rooms",
            takes: "",
            does: "Show all rooms",
        }),
    },
    Spec {
        word: Some("myrooms"),
        cost: Cost::SEARCH,
        line: None,
        json: json! {
            "myrooms", waits; "for accounts: the rooms that belong to the account, with what is unread in each"; "";
            | | Query::MyRooms
        },
        page: None,
    },
    Spec {
        word: Some("readroom"),
        cost: Cost::ONE,
        line: None,
        json: json! {
            "readroom"; "for accounts: a room has been read up to there, on all devices";
            r#"{"room": "dev", "id": "1763712000123-0"}"#;
            |room: Room, id: MessageId| Query::ReadRoom { room: room.0, up_to: id }
        },
        page: None,
    },
    Spec {
        word: Some("muteroom"),
        cost: Cost::ONE,
        line: None,
        json: json! {
            "muteroom"; "for accounts: only mentions in a room count, or all messages again";
            r#"{"room": "dev", "muted": true}"#;
            |room: Room, muted: Switch| Query::MuteRoom { room: room.0, muted: muted.0 }
        },
        page: None,
    },
    Spec {
        word: Some("notifyroom"),
        cost: Cost::ONE,
        line: None,
        json: json! {
            "notifyroom"; "for accounts: what of a room is to be notified, on all devices: `mentions`, `all` or `nothing`";
            r#"{"room": "dev", "notify": "all"}"#;
            |room: Room, notify: NotifyWord| Query::NotifyOfRoom { room: room.0, notify: notify.0 }
        },
        page: None,
    },
    Spec {
        word: Some("roommembers"),
        cost: Cost::LIST,
        line: Some(Line {
            names: &["/members"],
            takes: "[@nick]",
            help: "the accounts of the current channel, and who of them is on; /members @nick lists those after nick",
            example: "/members",
            read: |args| after(args, nickname).map(|part| Action::Accounts(part.after)),
            for_operators: true,
            ..Line::PLAIN
        }),
        json: json! {
            "roommembers", waits; "the accounts to which a room belongs that one is in, and who of them is online";
            r#"{"room": "dev", "after": "bob"}"#;
            |room: Option<Room>, after: Option<Nick>| Query::RoomMembers {
                room: Room::name(room),
                after: after.map(|name| name.0),
            }
        },
        page: None,
    },
    Spec {
        word: Some("resume"),
        cost: Cost::ONE,
        line: None,
        json: json! {
            "resume", waits; "joins the room if need be, and brings what was said since the message `after`";
            r#"{"room": "dev", "after": "1763712000123-0"}"#;
            |room: Room, after: MessageId, key: Option<KeyWord>, invitation: Option<Invitation>|
                opened(key, invitation, Command::Resume { channel: room.0, after })
        },
        page: None,
    },
];

/// A command that joins a room, with what opens it.
fn opened(key: Option<KeyWord>, invitation: Option<Invitation>, command: Command) -> Command {
    let invitation = invitation.map(|it| it.0);
    match invitation.or(key.map(|it| it.0)) {
        Some(pass) => Command::Opened {
            pass,
            command: Box::new(command),
        },
        None => command,
    }
}
