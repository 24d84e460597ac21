//! The members of a channel, as many to a line as fit.

use crate::hub::{Member, Page};
use crate::model::Name;

use super::lines::{Lines, MAX_LINE};
use super::numerics::*;
use super::{Cap, Reader, modes, prefix, split};

/// Writes members of a channel, of which it is said whether it is secret.
pub fn rows(
    (channel, is_secret): (&Name, bool),
    rows: &[Member],
    reader: &Reader,
    lines: &mut Lines<'_>,
) {
    let kind = if is_secret { "@" } else { "=" };
    let place = format!("#{channel}");
    let nicknames = &lines.terms.nicknames;
    let shown = rows.iter().map(|member| {
        let name = nicknames.shown(&member.name);
        let sign = modes::role_sign(member.role);
        match reader.has(Cap::UserhostInNames) {
            true => format!("{sign}{}", prefix::of(&name, Some(&member.face))),
            false => format!("{sign}{name}"),
        }
    });
    let around = lines.terms.name.len() + reader.shown().len() + place.len() + 16;
    let room = MAX_LINE.saturating_sub(around);
    for names in split::filled(shown, room) {
        lines.numeric(reader, RPL_NAMREPLY, &[kind, &place, &names]);
    }
}

/// Writes the first page of the members of a channel that the client has just joined.
pub fn first_page(
    (channel, is_secret): (&Name, bool),
    page: &Page<Member>,
    reader: &Reader,
    lines: &mut Lines<'_>,
) {
    if reader.has(Cap::NoImplicitNames) {
        return;
    }
    rows((channel, is_secret), &page.rows, reader, lines);
    let place = format!("#{channel}");
    let end = match page.more {
        false => "End of /NAMES list".to_owned(),
        true => {
            let count = page.rows.len();
            format!("End of /NAMES list (the first {count}; NAMES {place} shows all)")
        }
    };
    lines.numeric(reader, RPL_ENDOFNAMES, &[&place, &end]);
}
