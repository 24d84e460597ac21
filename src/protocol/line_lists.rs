//! Lists in the line protocol: members, channels, ignored users.

use std::fmt::Write;

use crate::hub::{ChannelRow, Member, Page};
use crate::model::Name;
use crate::model::governance::Role;

use super::own_rooms::{Belonging, write_topic};
use super::words::{LIST_WIDTH, people};

/// Writes the members of a channel.
pub fn write_members(channel: &Name, page: &Page<Member>, out: &mut String) -> std::fmt::Result {
    let count = people(page.rows.len());
    match (&page.part.after, page.more) {
        (None, false) => writeln!(out, "* {count} in #{channel}:")?,
        (None, true) => writeln!(out, "* The first {count} in #{channel}:")?,
        (Some(after), _) => writeln!(out, "* {count} in #{channel} after @{after}:")?,
    }
    write_names(page.rows.iter().map(shown), out)?;
    write_legend(&page.rows, out)?;
    match page.rows.last().filter(|_| page.more) {
        Some(Member { name: last, .. }) => writeln!(
            out,
            "* There are more: /list @{last} lists those after that."
        ),
        None => Ok(()),
    }
}

/// Writes the channels.
pub fn write_channels(page: &Page<ChannelRow>, out: &mut String) -> std::fmt::Result {
    for row in &page.rows {
        write!(out, "#{}\t{}", row.name, people(row.people))?;
        write_topic(row.topic.as_ref(), out);
        out.push('\n');
    }
    match (page.rows.last(), &page.part.after) {
        (Some(ChannelRow { name: last, .. }), _) if page.more => {
            writeln!(
                out,
                "* There are more: /rooms #{last} lists those after that."
            )
        }
        (None, Some(after)) => writeln!(out, "* There is no channel after #{after}."),
        _ => Ok(()),
    }
}

/// Writes the ignored users.
pub fn write_ignored(page: &Page<Name>, out: &mut String) -> std::fmt::Result {
    let count = people(page.rows.len());
    match (&page.part.after, page.more) {
        (None, false) if page.rows.is_empty() => {
            return writeln!(out, "* You are ignoring nobody.");
        }
        (None, false) => writeln!(out, "* You are ignoring {count}:")?,
        (None, true) => writeln!(out, "* The first {count} you are ignoring:")?,
        (Some(after), _) => writeln!(out, "* You are ignoring {count} after @{after}:")?,
    }
    write_names(page.rows.iter().map(|name| format!("@{name}")), out)?;
    match page.rows.last().filter(|_| page.more) {
        Some(last) => writeln!(
            out,
            "* There are more: /ignored @{last} lists those after that."
        ),
        None => Ok(()),
    }
}

/// A member with the mark of the role.
fn shown(member: &Member) -> String {
    let mark = member.role.map(|role| role.mark().to_string());
    let away = if member.away.is_some() { " (away)" } else { "" };
    format!("{}@{}{away}", mark.unwrap_or_default(), member.name)
}

/// Writes what the marks of these members mean.
fn write_legend(members: &[Member], out: &mut String) -> std::fmt::Result {
    let mut words = Vec::new();
    for role in Role::ALL.into_iter().rev() {
        if members.iter().any(|member| member.role == Some(role)) {
            words.push(format!("{}@ is {}", role.mark(), title(role)));
        }
    }
    match words.is_empty() {
        true => Ok(()),
        false => writeln!(out, "* {}.", words.join(", ")),
    }
}

/// What someone with a role is.
fn title(role: Role) -> &'static str {
    match role {
        Role::Founder => "the founder",
        Role::Operator => "an operator",
        Role::Voice => "someone with voice",
    }
}

/// The accounts to which a channel belongs, in lines.
pub fn accounts(channel: &Name, (rows, more): (&[Belonging], bool)) -> String {
    let mut out = format!("* {} with an account in #{channel}:\n", people(rows.len()));
    let shown = rows.iter().map(|(name, is_on)| match is_on {
        true => format!("@{name}"),
        false => format!("@{name} (offline)"),
    });
    // Writing to a String cannot fail.
    let _ = write_names(shown, &mut out);
    if let Some((last, _)) = rows.last().filter(|_| more) {
        let _ = writeln!(
            out,
            "* There are more: /members @{last} lists those after that."
        );
    }
    out
}

/// Writes names into lines of at most [`LIST_WIDTH`].
fn write_names(names: impl Iterator<Item = String>, out: &mut String) -> std::fmt::Result {
    let mut width = 0;
    for name in names {
        let length = name.chars().count() + 1;
        if width > 0 {
            let broken = width + length > LIST_WIDTH;
            out.push(if broken { '\n' } else { ' ' });
            width = if broken { 0 } else { width };
        }
        out.push_str(&name);
        width += length;
    }
    writeln!(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Text;

    #[test]
    fn long_lists_are_broken_into_lines() {
        let nicknames: Vec<Name> = (0..40)
            .map(|n| Name::parse(&format!("somebody{n}")).unwrap())
            .collect();
        let mut out = String::new();
        let rows = nicknames.iter().cloned().map(Member::plain).collect();
        let page = Page::new(Default::default(), rows, false);
        write_members(&nicknames[0], &page, &mut out).unwrap();
        assert!(out.lines().all(|line| line.chars().count() <= LIST_WIDTH));
        assert_eq!(out.matches('@').count(), 40);
    }

    #[test]
    fn roles_have_marks_which_are_explained() {
        let member = |name: &str, role, away: bool| Member {
            name: Name::parse(name).unwrap(),
            role,
            away: away.then(|| Text::clean("at lunch")),
            face: std::sync::Arc::default(),
        };
        let rows = vec![
            member("ann", Some(Role::Founder), true),
            member("bob", Some(Role::Voice), false),
            member("cem", None, true),
        ];
        let page = Page::new(Default::default(), rows, false);
        let mut out = String::new();
        write_members(&Name::parse("dev").unwrap(), &page, &mut out).unwrap();
        assert_eq!(
            out,
            "* 3 people in #dev:\n~@ann (away) +@bob @cem (away)\n\
             * ~@ is the founder, +@ is someone with voice.\n"
        );
    }
}
