//! The frames that are lists. Each page is encoded once and the bytes are cached with
//! it. The frames are plain structs: a tree of JSON values would cost many times as
//! much.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::hub::{ChannelRow, Event, Member, Page};
use crate::model::{Name, Text};

use super::words::SYSTEM;
use super::{WireFormat, websocket};

/// A frame: fields that every client shows, and fields for clients that know them.
#[derive(Serialize)]
struct Frame<'a, Rows: Serialize> {
    #[serde(rename = "type")]
    kind: &'static str,
    from: &'static str,
    body: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    room: Option<&'a Name>,
    #[serde(flatten)]
    rows: Rows,
    /// Whether the list goes on.
    more: bool,
    /// The name after which this part of the list begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<&'a Name>,
    /// The beginning that all names in it share.
    #[serde(skip_serializing_if = "Option::is_none")]
    prefix: Option<&'a Name>,
}

#[derive(Serialize)]
struct Users<'a> {
    users: Vec<&'a Name>,
    /// What those with a role are.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    roles: BTreeMap<&'a str, &'static str>,
    /// Why those who are away are.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    away: BTreeMap<&'a str, &'a str>,
    /// Those that are programs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    bots: Vec<&'a Name>,
}

#[derive(Serialize)]
struct Rooms<'a> {
    rooms: Vec<Room<'a>>,
}

#[derive(Serialize)]
struct Room<'a> {
    name: &'a Name,
    members: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    topic: Option<&'a str>,
}

/// Appends the frame of an event that is a list. Returns whether it is one.
pub fn write_event(event: &Event, out: &mut Vec<u8>) -> bool {
    let json = WireFormat::Json.index();
    match event {
        Event::Members { channel, page, .. } => page.write_as(json, out, |out| {
            write_members(channel, page, out);
        }),
        Event::IgnoreList(page) => page.write_as(json, out, |out| {
            write_ignored(page, out);
        }),
        Event::Channels(page) => page.write_as(json, out, |out| write_rooms(page, out)),
        _ => return false,
    }
    true
}

fn write_members(room: &Name, page: &Page<Member>, out: &mut Vec<u8>) {
    let names = page.rows.iter().map(|member| &member.name);
    let roles = page.rows.iter();
    let roles = roles.filter_map(|it| Some((it.name.as_str(), it.role?.word())));
    let away = page.rows.iter();
    let away = away.filter_map(|it| Some((it.name.as_str(), it.away.as_ref()?.as_str())));
    let bots = page.rows.iter().filter(|it| it.face.is_bot);
    let rows = Users {
        users: names.clone().collect(),
        roles: roles.collect(),
        away: away.collect(),
        bots: bots.map(|it| &it.name).collect(),
    };
    write("users", Some(room), page, names, rows, out);
}

fn write_ignored(page: &Page<Name>, out: &mut Vec<u8>) {
    let rows = Users {
        users: page.rows.iter().collect(),
        roles: BTreeMap::new(),
        away: BTreeMap::new(),
        bots: Vec::new(),
    };
    write("ignores", None, page, page.rows.iter(), rows, out);
}

fn write_rooms(page: &Page<ChannelRow>, out: &mut Vec<u8>) {
    let rooms = page.rows.iter();
    let rooms = rooms.map(|row| Room {
        name: &row.name,
        members: row.people,
        topic: row.topic.as_ref().map(Text::as_str),
    });
    let rows = Rooms {
        rooms: rooms.collect(),
    };
    let names = page.rows.iter().map(|row| &row.name);
    write("rooms", None, page, names, rows, out);
}

fn write<'a, T>(
    kind: &'static str,
    room: Option<&Name>,
    page: &'a Page<T>,
    names: impl Iterator<Item = &'a Name>,
    rows: impl Serialize,
    out: &mut Vec<u8>,
) {
    let frame = Frame {
        kind,
        from: SYSTEM,
        body: body(names, page.more),
        room,
        rows,
        more: page.more,
        after: page.part.after.as_ref(),
        prefix: page.part.prefix.as_ref(),
    };
    let mut json = Vec::new();
    // Names and numbers are JSON, and a vector takes all of it.
    if serde_json::to_writer(&mut json, &frame).is_ok() {
        websocket::text_frame(&json, out);
    }
}

/// The names line by line. The body also tells the users of simple clients how to go
/// on.
fn body<'a>(names: impl Iterator<Item = &'a Name>, more: bool) -> String {
    let mut body = String::new();
    let mut last = None;
    for name in names {
        if last.is_some() {
            body.push('\n');
        }
        body.push_str(name.as_str());
        last = Some(name);
    }
    if let Some(last) = last.filter(|_| more) {
        body.push_str("\n(There are more: ask again with \"after\": \"");
        body.push_str(last.as_str());
        body.push_str("\".)");
    }
    body
}
