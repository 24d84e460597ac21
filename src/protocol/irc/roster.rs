//! News for clients that keep lists of members: all IRC clients do.

use crate::hub::{Face, RosterNews};
use crate::model::{Name, Text};

use super::lines::{From, Lines};
use super::metadata::{self, VISIBILITY};
use super::modes::Written;
use super::numerics::*;
use super::prefix;
use super::tags::Said;

/// The reader of a numeric that all readers get in the same words.
const ANYONE: &str = "*";

/// Writes them.
pub fn write(news: &RosterNews, face: Option<&Face>, lines: &mut Lines<'_>) {
    match news {
        RosterNews::Quit { nickname, reason } => {
            let reason = reason.as_ref().map_or("Quit", Text::as_str);
            lines.by(nickname, face, "QUIT", &[reason]);
        }
        // A guest who has become the user of an account may be called as before.
        RosterNews::Renamed { from, to } if from.as_str() == to.as_str() => {}
        RosterNews::Renamed { from, to } => lines.by(from, face, "NICK", &[to.as_str()]),
        RosterNews::Removed {
            channel,
            nickname,
            by,
            reason,
        } => kick(channel, nickname, (by, face), reason.as_ref(), lines),
        RosterNews::Role {
            channel,
            nickname,
            before,
            now,
            by,
        } => {
            let mut modes = Written::default();
            modes.add_role(nickname, *before, *now);
            let from = match by {
                Some(by) => From::Person(by, face),
                None => From::Server,
            };
            let said = Said {
                at_ms: Some(lines.now_ms()),
                by: face,
                ..Said::default()
            };
            modes.send(from, &said, &format!("#{channel}"), lines);
        }
        RosterNews::Away { nickname, text } => match text {
            Some(text) => lines.by(nickname, face, "AWAY", &[text.as_str()]),
            None => lines.by(nickname, face, "AWAY", &[]),
        },
        RosterNews::RealName { nickname, text } => {
            lines.by(nickname, face, "SETNAME", &[text.as_str()]);
        }
        RosterNews::Online { nickname } => {
            let shown = prefix::of(nickname, face);
            lines.numeric_to(ANYONE, RPL_MONONLINE, &[&shown]);
        }
        RosterNews::Offline { nickname } => {
            lines.numeric_to(ANYONE, RPL_MONOFFLINE, &[nickname.as_str()]);
        }
        RosterNews::Watched(news) => write(news, face, lines),
        RosterNews::Property {
            owner, key, value, ..
        } => property(
            ANYONE,
            &metadata::shown(owner, &lines.terms.nicknames),
            (key, value.as_ref()),
            lines,
        ),
        RosterNews::Untold { channel, .. } => {
            lines.numeric_to(ANYONE, RPL_METADATASYNCLATER, &[&format!("#{channel}")]);
        }
        RosterNews::Invited {
            channel,
            nickname,
            who,
        } => {
            let channel = format!("#{channel}");
            lines.by(nickname, face, "INVITE", &[who.as_str(), &channel]);
        }
        RosterNews::Wallops { nickname, text } => {
            lines.by(nickname, face, "WALLOPS", &[text.as_str()]);
        }
        RosterNews::Host { nickname, before } => {
            let params = [&prefix::shown_user(face), &prefix::host(face)];
            let from = From::Person(nickname, Some(before));
            let said = Said {
                at_ms: Some(lines.now_ms()),
                by: face,
                ..Said::default()
            };
            lines.send_words(from, &said, "CHGHOST", &params.map(String::as_str));
        }
        RosterNews::Account { nickname } => {
            let account = face.and_then(|face| face.account.as_ref());
            let account = account.map_or("*", Name::as_str);
            lines.by(nickname, face, "ACCOUNT", &[account]);
        }
    }
}

/// Writes that a member was taken out of a channel. Without a face it was no user who
/// did it.
pub fn kick(
    channel: &Name,
    nickname: &Name,
    (by, face): (&Name, Option<&Face>),
    reason: Option<&Text>,
    lines: &mut Lines<'_>,
) {
    let channel = format!("#{channel}");
    let reason = reason.map_or(by.as_str(), Text::as_str);
    let params = [channel.as_str(), nickname.as_str(), reason];
    match face {
        Some(_) => lines.by(by, face, "KICK", &params),
        None => lines.by_server("KICK", &params),
    }
}

/// Writes the value of a property, or that it has none.
pub fn property(
    reader: &str,
    owner: &str,
    (key, value): (&str, Option<&Text>),
    lines: &mut Lines<'_>,
) {
    match value {
        Some(value) => {
            let params = [owner, key, VISIBILITY, value.as_str()];
            lines.numeric_to(reader, RPL_KEYVALUE, &params);
        }
        None => lines.numeric_to(reader, RPL_KEYNOTSET, &[owner, key, "is not set"]),
    }
}
