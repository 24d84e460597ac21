//! What has changed in a channel, as the line protocol tells its members.

use std::fmt::{Result, Write};

use crate::model::governance::Visibility;
use crate::model::governance::{Bound, By, Change, ChannelChange, List, Mask, Person, Role};
use crate::model::{Name, Text};

use super::governance::masked;
use super::words::{people, seconds, span};

/// Writes what has changed in a channel: a line for each.
pub fn write_change(change: &ChannelChange, out: &mut String) -> Result {
    let of_interest = |one: &&Change| {
        // They concern only the one who comes in.
        !matches!(
            one,
            Change::Member(_) | Change::UseLink(_) | Change::Created(_) | Change::Visited(_)
        )
    };
    let mut changes = change.changes.iter().filter(of_interest).peekable();
    while let Some(one) = changes.next() {
        match &change.by {
            By::User(person) => write!(out, "* @{} ", person.name)?,
            By::Administrator(_) => write!(out, "* An administrator ")?,
            By::Server(_) => write!(out, "* The server ")?,
        }
        // A ban of a person also removes them: that is one thing.
        match (one, changes.peek()) {
            (Change::Add(List::Ban, mask, bound), Some(Change::Kick { who, .. })) => {
                write_ban(who, mask, bound, change.at_ms, out)?;
                changes.next();
            }
            _ => write_one(one, change, out)?,
        }
    }
    Ok(())
}

fn write_one(one: &Change, change: &ChannelChange, out: &mut String) -> Result {
    match one {
        Change::Topic(Some(text)) => writeln!(out, "set the topic: {text}"),
        Change::Topic(None) => writeln!(out, "took the topic away."),
        Change::Flag(flag, true) => writeln!(out, "set {}: {}.", flag.word(), flag.meaning()),
        Change::Flag(flag, false) => writeln!(out, "took {} off: {}.", flag.word(), flag.without()),
        Change::Key(Some(_)) => writeln!(out, "set a new key: who joins must know it."),
        Change::Key(None) => writeln!(out, "took the key away."),
        Change::Limit(Some(most)) => {
            writeln!(out, "set the limit: at most {}.", people(*most as usize))
        }
        Change::Limit(None) => writeln!(out, "took the limit of people away."),
        Change::History(Visibility::All) => {
            writeln!(out, "set history all: members read all that was said.")
        }
        Change::History(Visibility::Since) => writeln!(
            out,
            "set history since: members read what was said since they joined."
        ),
        Change::Slow(0) => writeln!(out, "took slow mode off."),
        Change::Slow(every) => {
            writeln!(out, "set slow mode: one message every {}.", seconds(*every))
        }
        Change::Add(list, mask, bound) => {
            let mask = masked(mask);
            match list {
                List::Ban => write!(out, "banned {mask}")?,
                List::Mute => write!(out, "muted {mask}")?,
                List::Except => write!(out, "excepted {mask} from bans and mutes")?,
                List::Invite => write!(out, "invited {mask} for good")?,
            }
            write_bound(bound, change.at_ms, out)
        }
        Change::Remove(list, mask) => {
            let mask = masked(mask);
            match list {
                List::Ban => writeln!(out, "lifted the ban of {mask}."),
                List::Mute => writeln!(out, "unmuted {mask}."),
                List::Except => writeln!(out, "no longer excepts {mask} from bans and mutes."),
                List::Invite => writeln!(out, "withdrew the invitation of {mask}."),
            }
        }
        Change::Role { who, role, .. } => match role {
            Some(Role::Founder) => writeln!(out, "made @{} the founder.", who.name),
            Some(Role::Operator) => writeln!(out, "made @{} an operator.", who.name),
            Some(Role::Voice) => writeln!(out, "gave @{} voice.", who.name),
            None => writeln!(out, "made @{} an ordinary member.", who.name),
        },
        Change::Kick { who, reason } => {
            write!(out, "removed @{}", who.name)?;
            write_reason(reason.as_ref(), out)
        }
        Change::Register(who) => match change.by.account() == who.account {
            true => writeln!(out, "registered #{}: its rules stay.", change.channel),
            false => writeln!(out, "registered #{} for @{}.", change.channel, who.name),
        },
        Change::Transfer(who) => writeln!(out, "gave #{} to @{}.", change.channel, who.name),
        Change::Drop => write_drop(&change.channel, out),
        Change::Expired(_) => writeln!(
            out,
            "ended the registration of #{}: nobody who operates it came for a long time.",
            change.channel
        ),
        Change::Link(_) => writeln!(out, "made an invitation link."),
        Change::Unlink(_) => writeln!(out, "withdrew the invitation links."),
        Change::Floor(_) | Change::Reset(_) => {
            writeln!(
                out,
                "opened the channel again: nothing is left of its rules."
            )
        }
        // Not told.
        other => writeln!(out, "{other}."),
    }
}

fn write_drop(channel: &Name, out: &mut String) -> Result {
    writeln!(
        out,
        "gave the registration of #{channel} up: it is open, and nobody operates it."
    )
}

fn write_ban(who: &Person, mask: &Mask, bound: &Bound, at_ms: u64, out: &mut String) -> Result {
    write!(out, "banned @{}", who.name)?;
    match mask {
        Mask::Account(..) => {}
        Mask::Host(..) => write!(out, " by address")?,
        Mask::Nick(_) => write!(out, " by nickname")?,
        Mask::Like(like) => write!(out, " as {like}")?,
    }
    write_bound(bound, at_ms, out)
}

/// For how long, and why.
fn write_bound(bound: &Bound, at_ms: u64, out: &mut String) -> Result {
    if let Some(until) = bound.until_ms {
        write!(out, " for {}", span(until.saturating_sub(at_ms)))?;
    }
    write_reason(bound.reason.as_ref(), out)
}

fn write_reason(reason: Option<&Text>, out: &mut String) -> Result {
    match reason {
        Some(reason) => writeln!(out, ": {reason}"),
        None => writeln!(out, "."),
    }
}
