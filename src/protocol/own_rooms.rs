//! The rooms of an account with what is unread in them, as lines and as a frame; and the
//! accounts to which a room belongs.

use std::cmp::Reverse;
use std::fmt::Write;

use serde_json::{Value, json};

use super::json_frame::{put, system};
use super::websocket;
use crate::hub::OwnChannel;
use crate::model::{MessageId, Name, Notify, Text, Unread};

/// The most rooms that are named in lines.
const LINES: usize = 20;

/// An account to which a room belongs, and whether its owner is online.
pub type Belonging = (Name, bool);

/// The frame that lists an account's rooms.
pub fn frame(rooms: &[OwnChannel]) -> Value {
    let names = rooms.iter().map(|room| {
        let name = &room.saved.channel;
        match words(&room.unread) {
            Some(unread) => format!("{name}: {unread}"),
            None => name.to_string(),
        }
    });
    let body: Vec<String> = names.collect();
    let rows: Vec<Value> = rooms.iter().map(row).collect();
    system("myrooms", &body.join("\n"), json!({ "rooms": rows }))
}

fn row(room: &OwnChannel) -> Value {
    let saved = &room.saved;
    let mut row = json!({
        "name": saved.channel,
        "read": saved.read_up_to,
        "unread": room.unread.messages,
        "mentions": room.unread.mentions,
        "muted": saved.is_muted,
        "notify": saved.notify.as_str(),
        "members": room.people,
    });
    if let Some(topic) = &room.topic {
        put(&mut row, "topic", json!(topic));
    }
    row
}

/// Appends a page of the accounts to which a room belongs.
pub fn write_accounts(
    room: &Name,
    after: Option<&Name>,
    (rows, more): (&[Belonging], bool),
    out: &mut Vec<u8>,
) {
    let names: Vec<&str> = rows.iter().map(|(name, _)| name.as_str()).collect();
    let users = rows.iter();
    let users = users.map(|(name, online)| json!({ "name": name, "online": online }));
    let users: Vec<Value> = users.collect();
    let mut frame = system(
        "roommembers",
        &names.join("\n"),
        json!({ "room": room, "users": users, "more": more }),
    );
    if let Some(after) = after {
        put(&mut frame, "after", json!(after));
    }
    write(&frame, out);
}

/// The frame that tells an account's other connections how far a room has been read.
pub fn read(room: &Name, up_to: MessageId) -> Value {
    let more = json!({ "room": room, "id": up_to });
    system("roomread", "", more)
}

/// The frame that tells an account's connections whether a room is muted.
pub fn muted(room: &Name, muted: bool) -> Value {
    let body = match muted {
        true => format!("Only mentions in {room} count from now on."),
        false => format!("All messages in {room} count again."),
    };
    system("roommuted", &body, json!({ "room": room, "muted": muted }))
}

/// The frame that tells an account's connections what it wants to be notified of in a room.
pub fn notifies(room: &Name, notify: Notify) -> Value {
    let what = match notify {
        Notify::Mentions => "mentions",
        Notify::All => "all messages",
        Notify::Nothing => "nothing",
    };
    let body = format!("You are notified of {what} in {room} from now on.");
    let more = json!({ "room": room, "notify": notify.as_str() });
    system("roomnotify", &body, more)
}

fn write(frame: &Value, out: &mut Vec<u8>) {
    websocket::text_frame(frame.to_string().as_bytes(), out);
}

/// The rooms that a client is not in and that have something unread, in lines: those
/// where a message is addressed to the account first. Muted rooms count only then.
pub fn lines(rooms: &[OwnChannel]) -> String {
    let is_news = |room: &&OwnChannel| match room.saved.is_muted {
        _ if room.is_in => false,
        true => room.unread.mentions > 0,
        false => room.unread.messages > 0,
    };
    let mut news: Vec<&OwnChannel> = rooms.iter().filter(is_news).collect();
    news.sort_by_key(|room| Reverse((room.unread.mentions.min(1), room.unread.messages)));
    let mut out = String::new();
    if news.is_empty() {
        return out;
    }
    out.push_str("* Unread in your channels:\n");
    for room in news.iter().take(LINES) {
        let name = &room.saved.channel;
        // Writing to a String cannot fail.
        let _ = write!(out, "#{name}\t{}", words(&room.unread).unwrap_or_default());
        write_topic(room.topic.as_ref(), &mut out);
        out.push('\n');
    }
    match news.len().saturating_sub(LINES) {
        0 => {}
        more => {
            let _ = writeln!(out, "* There is something unread in {more} more.");
        }
    }
    out
}

/// Appends the topic of a channel to its line in a list.
pub fn write_topic(topic: Option<&Text>, out: &mut String) {
    if let Some(topic) = topic {
        out.push('\t');
        out.push_str(&topic.as_str().replace('\n', " "));
    }
}

/// What is unread, in words; `None` if nothing is.
fn words(unread: &Unread) -> Option<String> {
    match unread {
        Unread { messages: 0, .. } => None,
        Unread {
            messages,
            mentions: 0,
        } => Some(format!("{messages} unread")),
        Unread { messages, mentions } => Some(format!("{messages} unread, {mentions} for you")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::SavedChannel;

    fn room(name: &str, messages: u64, mentions: u64, is_muted: bool) -> OwnChannel {
        OwnChannel {
            saved: SavedChannel {
                channel: Name::parse(name).unwrap(),
                read_up_to: MessageId::default(),
                is_muted,
                notify: Notify::Mentions,
            },
            topic: (name == "ops").then(|| Text::clean("night\nshift")),
            people: 2,
            is_in: name == "here",
            readable_after: None,
            unread: Unread { messages, mentions },
        }
    }

    #[test]
    fn lines_begin_with_what_is_for_the_account_and_leave_out_what_is_muted() {
        let rooms = [
            room("dev", 70, 0, false),
            room("noise", 900, 0, true),
            room("here", 2, 2, false),
            room("old", 0, 0, false),
            room("ops", 3, 1, true),
        ];
        assert_eq!(
            lines(&rooms),
            "* Unread in your channels:\n#ops\t3 unread, 1 for you\tnight shift\n#dev\t70 unread\n"
        );
        assert_eq!(lines(&rooms[1..4]), "");
    }

    #[test]
    fn lines_are_few() {
        let rooms: Vec<OwnChannel> = (0..200)
            .map(|n| room(&format!("room{n}"), 1, 0, false))
            .collect();
        let lines = lines(&rooms);
        assert_eq!(lines.lines().count(), LINES + 2);
        assert!(lines.ends_with("* There is something unread in 180 more.\n"));
    }
}
