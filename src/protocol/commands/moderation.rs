//! The people in a channel: their roles, who is kept out, and who is invited.

use crate::hub::{Command, Deed};
use crate::model::Name;
use crate::model::governance::{List, Role};

use super::json_args::{Argument, Nick, Room, json};
use super::line_args::{Mistake, count, nickname, nickname_and_rest, nothing};
use super::moderation_args::{ListWord, MaskText, Minutes, RoleWord, Switch, Uses, Whom};
use super::who::{one_line, person, target};
use super::{Action, Cost, Line, Page, Spec};

/// Milliseconds of a minute.
const MINUTE_MS: u64 = 60_000;

pub(super) const TABLE: &[Spec] = &[
    Spec {
        word: Some("role"),
        cost: Cost::ONE,
        line: Some(Line {
            names: &["/op"],
            for_operators: true,
            takes: "@nick",
            help: "makes someone an operator of the current channel",
            example: "/op @bob",
            read: |args| raise(args, Role::Operator),
            ..Line::PLAIN
        }),
        json: json! {
            "role"; "gives someone the role `operator`, `voice` or `none`; in a registered room the account keeps it, unless `keep` is false";
            r#"{"room": "dev", "user": "bob", "role": "operator"}"#;
            |user: Nick, role: RoleWord, room: Option<Room>, keep: Option<Switch>| {
                let deed = Deed::Role {
                    who: person(user.0),
                    role: role.0,
                    keep: keep.is_none_or(|keep| keep.0),
                };
                Command::Govern(Room::name(room), deed)
            }
        },
        page: Some(Page {
            name: "op",
            takes: "@name",
            does: "Make someone an operator",
        }),
    },
    Spec {
        word: Some("role"),
        cost: Cost::ONE,
        line: Some(Line {
            names: &["/deop"],
            for_operators: true,
            takes: "@nick",
            help: "makes an operator an ordinary member",
            example: "/deop @bob",
            read: |args| lower(args, Role::Operator),
            ..Line::PLAIN
        }),
        json: None,
        page: None,
    },
    Spec {
        word: Some("role"),
        cost: Cost::ONE,
        line: Some(Line {
            names: &["/voice"],
            for_operators: true,
            takes: "@nick",
            help: "lets someone speak where only some may",
            example: "/voice @bob",
            read: |args| raise(args, Role::Voice),
            ..Line::PLAIN
        }),
        json: None,
        page: None,
    },
    Spec {
        word: Some("role"),
        cost: Cost::ONE,
        line: Some(Line {
            names: &["/devoice"],
            for_operators: true,
            takes: "@nick",
            help: "takes voice away again",
            example: "/devoice @bob",
            read: |args| lower(args, Role::Voice),
            ..Line::PLAIN
        }),
        json: None,
        page: None,
    },
    Spec {
        word: Some("kick"),
        cost: Cost::ONE,
        line: Some(Line {
            names: &["/kick"],
            for_operators: true,
            takes: "@nick [why]",
            help: "removes someone from the current channel",
            example: "/kick @bob spam",
            read: |args| {
                let (name, why) = nickname_and_rest(args)?;
                let deed = Deed::Kick {
                    who: person(name),
                    reason: why.and_then(one_line),
                };
                Ok(Action::Hub(Command::Govern(None, deed)))
            },
            ..Line::PLAIN
        }),
        json: json! {
            "kick"; "removes someone from a room"; r#"{"room": "dev", "user": "bob", "reason": "spam"}"#;
            |user: Nick, room: Option<Room>, reason: Option<String>| {
                let deed = Deed::Kick {
                    who: person(user.0),
                    reason: reason.and_then(|words| one_line(&words)),
                };
                Command::Govern(Room::name(room), deed)
            }
        },
        page: Some(Page {
            name: "kick",
            takes: "@name why",
            does: "Remove someone from this room",
        }),
    },
    Spec {
        word: Some("ban"),
        cost: Cost::ONE,
        line: Some(Line {
            names: &["/ban"],
            for_operators: true,
            takes: "@nick [minutes] [why]",
            help: "keeps someone out of the current channel: the account, else the address; or all \
                   whose nicknames have a form: /ban ev*l",
            example: "/ban @bob 60 spam",
            read: |args| add(List::Ban, args),
            ..Line::PLAIN
        }),
        json: json! {
            "ban"; "keeps someone out of a room, `user` or all of a `mask`, for `minutes` or for ever; with `mute` lets them only read; with `list` `mute`, `except` or `invite` puts them on that list instead";
            r#"{"room": "dev", "user": "bob", "minutes": 60, "reason": "spam"}"#;
            |user: Whom, mask: Option<MaskText>, room: Option<Room>, minutes: Option<Minutes>, reason: Option<String>, list: Option<ListWord>, mute: Option<Switch>| {
                // Read with `user`.
                drop(mask);
                let deed = Deed::Add {
                    list: which(list, mute),
                    who: user.0,
                    for_ms: minutes.map(|it| it.0 * MINUTE_MS),
                    reason: reason.and_then(|words| one_line(&words)),
                };
                Command::Govern(Room::name(room), deed)
            }
        },
        page: Some(Page {
            name: "ban",
            takes: "@name minutes why",
            does: "Keep someone out of this room",
        }),
    },
    Spec {
        word: Some("unban"),
        cost: Cost::ONE,
        line: Some(Line {
            names: &["/unban"],
            for_operators: true,
            takes: "@nick",
            help: "lifts a ban",
            example: "/unban @bob",
            read: |args| remove(List::Ban, args),
            ..Line::PLAIN
        }),
        json: json! {
            "unban"; "takes someone off the list of bans, with `mute` of mutes, or off another `list`";
            r#"{"room": "dev", "user": "bob"}"#;
            |user: Whom, mask: Option<MaskText>, room: Option<Room>, list: Option<ListWord>, mute: Option<Switch>| {
                // Read with `user`.
                drop(mask);
                let deed = Deed::Remove {
                    list: which(list, mute),
                    who: user.0,
                };
                Command::Govern(Room::name(room), deed)
            }
        },
        page: None,
    },
    Spec {
        word: Some("mute"),
        cost: Cost::ONE,
        line: Some(Line {
            names: &["/mute"],
            for_operators: true,
            takes: "@nick [minutes] [why]",
            help: "keeps someone from speaking in the current channel",
            example: "/mute @bob 10 calm down",
            read: |args| add(List::Mute, args),
            ..Line::PLAIN
        }),
        json: None,
        page: Some(Page {
            name: "mute",
            takes: "@name minutes why",
            does: "Keep someone from speaking here",
        }),
    },
    Spec {
        word: Some("unmute"),
        cost: Cost::ONE,
        line: Some(Line {
            names: &["/unmute"],
            for_operators: true,
            takes: "@nick",
            help: "lets someone speak again",
            example: "/unmute @bob",
            read: |args| remove(List::Mute, args),
            ..Line::PLAIN
        }),
        json: None,
        page: None,
    },
    Spec {
        word: Some("bans"),
        cost: Cost::LIST,
        line: Some(Line {
            names: &["/bans"],
            for_operators: true,
            help: "who is banned, muted, excepted or invited; /bans 20 goes on after the first 20",
            example: "/bans",
            read: |args| {
                let skipped = match args {
                    "" => 0,
                    args => count(args, 0)?,
                };
                Ok(Action::Hub(Command::AskLists(None, skipped)))
            },
            ..Line::PLAIN
        }),
        json: json! {
            "bans", waits; "the bans, mutes, exceptions and invitations of a room, for its operators";
            r#"{"room": "dev"}"#;
            |room: Option<Room>| Command::AskLists(Room::name(room), 0)
        },
        page: None,
    },
    Spec {
        word: Some("invite"),
        cost: Cost::LIST,
        line: Some(Line {
            names: &["/invite"],
            for_operators: true,
            takes: "@nick",
            help: "lets someone into the current channel within the next hour, and tells them",
            example: "/invite @bob",
            read: |args| {
                let deed = Deed::Invite(person(nickname(args)?));
                Ok(Action::Hub(Command::Govern(None, deed)))
            },
            ..Line::PLAIN
        }),
        json: json! {
            "invite"; "lets someone into a room within the next hour, and tells them";
            r#"{"room": "dev", "user": "bob"}"#;
            |user: Nick, room: Option<Room>|
                Command::Govern(Room::name(room), Deed::Invite(person(user.0)))
        },
        page: Some(Page {
            name: "invite",
            takes: "@name",
            does: "Invite someone to this room",
        }),
    },
    Spec {
        word: Some("link"),
        cost: Cost::LIST,
        line: Some(Line {
            names: &["/link"],
            for_operators: true,
            takes: "[uses] [minutes]",
            help: "makes a link with which people come into the current channel",
            example: "/link 10 1440",
            read: |args| link_of_line(args).map(Action::Hub),
            ..Line::PLAIN
        }),
        json: json! {
            "invitelink"; "makes a link with which people come into a room, so many times and for so many minutes; with `list` tells the rules, which show operators the links; with `withdraw`, an id from there, withdraws that link";
            r#"{"room": "dev", "uses": 10, "minutes": 1440}"#;
            |room: Option<Room>, uses: Option<Uses>, minutes: Option<Minutes>, list: Option<Switch>, withdraw: Option<String>| {
                let room = Room::name(room);
                match (withdraw, list) {
                    (Some(id), _) => Command::Govern(room, Deed::Unlink(Some(id.into()))),
                    (None, Some(Switch(true))) => Command::AskRules(room),
                    _ => link(room, uses.map(|it| it.0), minutes.map(|it| it.0)),
                }
            }
        },
        page: None,
    },
    Spec {
        word: Some("unlink"),
        cost: Cost::ONE,
        line: Some(Line {
            names: &["/unlink"],
            for_operators: true,
            help: "withdraws all links to the current channel",
            example: "/unlink",
            read: |args| {
                nothing(args).map(|()| Action::Hub(Command::Govern(None, Deed::Unlink(None))))
            },
            ..Line::PLAIN
        }),
        json: json! {
            "unlink"; "withdraws all links to a room"; r#"{"room": "dev"}"#;
            |room: Option<Room>| Command::Govern(Room::name(room), Deed::Unlink(None))
        },
        page: None,
    },
];

/// The list that a command in JSON is about.
fn which(list: Option<ListWord>, mute: Option<Switch>) -> List {
    match (list, mute) {
        (Some(list), _) => list.0,
        (None, Some(Switch(true))) => List::Mute,
        _ => List::Ban,
    }
}

fn raise(args: &str, role: Role) -> Result<Action, Mistake> {
    let who = person(nickname(args)?);
    Ok(Action::Hub(Command::Govern(
        None,
        Deed::Raise { who, role },
    )))
}

fn lower(args: &str, role: Role) -> Result<Action, Mistake> {
    let who = person(nickname(args)?);
    Ok(Action::Hub(Command::Govern(
        None,
        Deed::Lower { who, role },
    )))
}

/// `@nick [minutes] [why]`.
fn add(list: List, args: &str) -> Result<Action, Mistake> {
    let (who, rest) = args.split_once(char::is_whitespace).unwrap_or((args, ""));
    if who.is_empty() {
        return Err(Mistake::Missing);
    }
    let rest = rest.trim_start();
    let (first, others) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let minutes = first.parse::<u64>().ok();
    let reason = match minutes {
        Some(_) => others,
        None => rest,
    };
    if minutes.is_some_and(|minutes| !Minutes::RANGE.contains(&minutes)) {
        return Err(Mistake::Range(
            *Minutes::RANGE.start(),
            *Minutes::RANGE.end(),
        ));
    }
    let deed = Deed::Add {
        list,
        who: target(who)?,
        for_ms: minutes.map(|minutes| minutes * MINUTE_MS),
        reason: one_line(reason),
    };
    Ok(Action::Hub(Command::Govern(None, deed)))
}

fn remove(list: List, args: &str) -> Result<Action, Mistake> {
    let mut words = args.split_whitespace();
    let who = words.next().ok_or(Mistake::Missing)?;
    if words.next().is_some() {
        return Err(Mistake::TooMuch);
    }
    let who = target(who)?;
    Ok(Action::Hub(Command::Govern(
        None,
        Deed::Remove { list, who },
    )))
}

fn link_of_line(args: &str) -> Result<Command, Mistake> {
    let mut words = args.split_whitespace();
    let mut number = |range: std::ops::RangeInclusive<u64>| {
        let Some(word) = words.next() else {
            return Ok(None);
        };
        let number = word.parse().ok().filter(|it| range.contains(it));
        let mistake = Mistake::Range(*range.start(), *range.end());
        number.map(Some).ok_or(mistake)
    };
    let (uses, minutes) = (number(Uses::RANGE)?, number(Minutes::RANGE)?);
    match words.next() {
        None => Ok(link(None, uses, minutes)),
        Some(_) => Err(Mistake::TooMuch),
    }
}

/// A wish for a link; the connection's thread draws its secret.
fn link(channel: Option<Name>, uses: Option<u64>, minutes: Option<u64>) -> Command {
    let deed = Deed::NewLink {
        uses: uses.and_then(|uses| u32::try_from(uses).ok()),
        for_ms: minutes.map(|minutes| minutes * MINUTE_MS),
        secret: None,
    };
    Command::Govern(channel, deed)
}
