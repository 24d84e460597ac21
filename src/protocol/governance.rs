//! The words of governance in the line protocol: topics, rules, lists and links.
//!
//! What has changed is in [`told`](super::told).

use std::fmt::{Result, Write};

use crate::hub::{Refusal, RulesView};
use crate::model::Name;
use crate::model::governance::{
    Flag, Grant, LinkSecret, List, ListEntry, Mask, Role, Topic, Visibility,
};
use crate::model::time::rfc3339;

use super::words::{LIST_WIDTH, doer, people, seconds};

/// The most entries of a channel's lists in one answer.
const MAX_SHOWN: usize = 20;

/// Writes the topic of a channel.
pub fn write_topic(channel: &Name, topic: Option<&Topic>, out: &mut String) -> Result {
    match topic {
        Some(topic) => writeln!(
            out,
            "* The topic of #{channel} is: {} (set by {})",
            topic.text,
            doer(&topic.by)
        ),
        None => writeln!(out, "* #{channel} has no topic."),
    }
}

/// Writes the rules of a channel.
pub fn write_rules(view: &RulesView, out: &mut String) -> Result {
    let channel = &view.channel;
    match &view.founder {
        Some(founder) => writeln!(out, "* #{channel} is registered by @{founder}.")?,
        None => writeln!(
            out,
            "* #{channel} is not registered: its rules end when the last one leaves."
        )?,
    }
    match view.role {
        Some(Role::Founder) => writeln!(out, "* You are its founder.")?,
        Some(Role::Operator) => writeln!(out, "* You are an operator of it.")?,
        Some(Role::Voice) => writeln!(out, "* You have voice in it.")?,
        None => {}
    }
    write_staff(view, out)?;
    let rules = &view.rules;
    for flag in rules.flags.iter().filter(|flag| *flag != Flag::MembersOnly) {
        writeln!(out, "* {}: {}.", flag.word(), flag.meaning())?;
    }
    if !rules.has(Flag::MembersOnly) {
        let flag = Flag::MembersOnly;
        writeln!(out, "* no {}: {}.", flag.word(), flag.without())?;
    }
    if let Some(key) = &rules.key {
        writeln!(out, "* key: {}", key.as_str())?;
    }
    if let Some(limit) = rules.limit {
        writeln!(out, "* limit: at most {}.", people(limit as usize))?;
    }
    if rules.slow_seconds > 0 {
        let every = seconds(rules.slow_seconds);
        writeln!(out, "* slow: one message every {every}.")?;
    }
    if rules.history == Visibility::Since {
        writeln!(
            out,
            "* history since: members read what was said since they joined."
        )?;
    }
    Ok(())
}

/// Writes which accounts have a role in a channel, as many as fit into a line each.
fn write_staff(view: &RulesView, out: &mut String) -> Result {
    for (role, title) in [(Role::Operator, "Operators"), (Role::Voice, "Voices")] {
        let grants = view.rules.grants.values();
        let names = grants.filter(|grant| grant.role == Some(role));
        write_grants(title, names, out)?;
    }
    Ok(())
}

fn write_grants<'a>(
    title: &str,
    grants: impl Iterator<Item = &'a Grant>,
    out: &mut String,
) -> Result {
    let mut line = format!("* {title} who are registered:");
    let title_length = line.len();
    let mut more = 0;
    for grant in grants {
        let name = format!(" @{}", grant.name);
        match line.chars().count() + name.chars().count() <= LIST_WIDTH {
            true if more == 0 => line.push_str(&name),
            _ => more += 1,
        }
    }
    match more {
        0 if line.len() == title_length => Ok(()),
        0 => writeln!(out, "{line}."),
        more => writeln!(out, "{line} and {more} more."),
    }
}

/// Writes the lists of a channel, as many entries as one answer may have.
pub fn write_lists(view: &RulesView, out: &mut String) -> Result {
    let channel = &view.channel;
    let skipped = view.skipped;
    let entries: Vec<(List, &ListEntry)> = List::ALL
        .into_iter()
        .flat_map(|list| view.rules.list(list).iter().map(move |it| (list, it)))
        .collect();
    match (entries.is_empty(), skipped) {
        (true, 0) => {
            return writeln!(
                out,
                "* Nobody is banned, muted, excepted or invited in #{channel}."
            );
        }
        (true, skipped) => {
            return writeln!(
                out,
                "* The lists of #{channel} have no more than {skipped} entries."
            );
        }
        (false, 0) => writeln!(out, "* The lists of #{channel}:")?,
        (false, skipped) => writeln!(out, "* The lists of #{channel} after {skipped} entries:")?,
    }
    for (list, entry) in entries.iter().take(MAX_SHOWN) {
        write_entry(*list, entry, out)?;
    }
    match entries.len().saturating_sub(MAX_SHOWN) {
        0 => Ok(()),
        more => writeln!(
            out,
            "* … and {more} more: /bans {} lists those after these.",
            skipped + MAX_SHOWN
        ),
    }
}

fn write_entry(list: List, entry: &ListEntry, out: &mut String) -> Result {
    let what = match list {
        List::Ban => "banned",
        List::Mute => "muted",
        List::Except => "excepted from bans and mutes",
        List::Invite => "always invited",
    };
    let who = masked(&entry.mask);
    write!(out, "* {what}: {who}, by {}", doer(&entry.by))?;
    if let Some(until) = entry.until_ms {
        write!(out, ", until {}", rfc3339(until))?;
    }
    match &entry.reason {
        Some(reason) => writeln!(out, ": {reason}"),
        None => writeln!(out, "."),
    }
}

/// A mask in words, with what has to be written in a command.
pub fn masked(mask: &Mask) -> String {
    match mask {
        Mask::Host(_, Some(_)) => format!("{} ({mask})", mask.shown()),
        mask => mask.shown(),
    }
}

/// Writes an invitation link: its path, because the server does not know by which name
/// people reach it.
pub fn write_link(channel: &Name, secret: &LinkSecret, out: &mut String) -> Result {
    let secret = secret.expose();
    writeln!(
        out,
        "* In a browser, /join/{channel}/{secret} at the address of this server leads into #{channel}."
    )?;
    writeln!(out, "* On lines it is: /join #{channel} {secret}")
}

/// A refusal in the words of this protocol, which name the command that helps.
pub fn write_refusal(refusal: &Refusal, out: &mut String) -> Result {
    write!(out, "! ")?;
    match refusal {
        Refusal::NoChannel => {
            writeln!(
                out,
                "You are not in a channel. Join one with /join #channel."
            )
        }
        Refusal::WrongKey(channel) => writeln!(
            out,
            "#{channel} has a key. Join it with /join #{channel} and the key."
        ),
        Refusal::ChannelNameTaken(channel) => writeln!(
            out,
            "You cannot join #{channel}. If you know people there, ask them for an invitation or \
             the key, /join #{channel} key; otherwise choose another name."
        ),
        Refusal::NotOperator(_) => writeln!(out, "{refusal} /list shows who they are."),
        Refusal::NeedsAccount(channel) => writeln!(
            out,
            "You need an account for that in #{channel}. /register makes one of your nickname, \
             /login nick takes you to one."
        ),
        Refusal::ChannelRegistered(_) => writeln!(out, "{refusal} /channel info tells by whom."),
        Refusal::ListFull(..) => writeln!(out, "{refusal} /bans shows them."),
        refusal => writeln!(out, "{refusal}"),
    }
}
