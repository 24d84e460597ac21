//! The words of governance in the line protocol: topics, rules and their changes.

use std::fmt::{Result, Write};

use crate::hub::RulesView;
use crate::model::Name;
use crate::model::governance::{Change, ChannelChange, LinkSecret, List, Topic, Visibility};
use crate::model::time::rfc3339;

/// Writes the topic of a channel.
pub fn write_topic(channel: &Name, topic: Option<&Topic>, out: &mut String) -> Result {
    match topic {
        Some(topic) => writeln!(out, "* #{channel}: {} (set by @{})", topic.text, topic.by),
        None => writeln!(out, "* #{channel} has no topic."),
    }
}

/// Writes what has changed in a channel: a line for each.
pub fn write_change(change: &ChannelChange, out: &mut String) -> Result {
    let by = change.by.shown();
    for one in &change.changes {
        match one {
            Change::Topic(Some(text)) => writeln!(out, "* @{by} set the topic: {text}")?,
            Change::Topic(None) => writeln!(out, "* @{by} took the topic away.")?,
            // Told by the line about who came, or of no interest.
            Change::Member(_) | Change::UseLink(_) | Change::Created(_) => {}
            other => writeln!(out, "* @{by}: {other}.")?,
        }
    }
    Ok(())
}

/// Writes the rules of a channel.
pub fn write_rules(view: &RulesView, out: &mut String) -> Result {
    let RulesView {
        channel,
        rules,
        founder,
        role,
    } = view;
    match founder {
        Some(founder) => writeln!(out, "* #{channel} is registered by @{founder}.")?,
        None => writeln!(out, "* #{channel} is not registered.")?,
    }
    if let Some(role) = role {
        writeln!(out, "* You are {} here.", role.word())?;
    }
    for flag in rules.flags.iter() {
        writeln!(out, "* {}: {}.", flag.word(), flag.meaning())?;
    }
    if let Some(key) = &rules.key {
        writeln!(out, "* key: {}", key.as_str())?;
    }
    if let Some(limit) = rules.limit {
        writeln!(out, "* limit: at most {limit} people.")?;
    }
    if rules.slow_seconds > 0 {
        writeln!(out, "* slow: one message in {} s.", rules.slow_seconds)?;
    }
    if rules.history == Visibility::Since {
        writeln!(
            out,
            "* history: members read what was said since they joined."
        )?;
    }
    Ok(())
}

/// Writes the lists of a channel.
pub fn write_lists(view: &RulesView, out: &mut String) -> Result {
    let channel = &view.channel;
    let mut are_empty = true;
    for list in List::ALL {
        for entry in view.rules.list(list) {
            are_empty = false;
            write!(out, "* {}: {} by @{}", list.word(), entry.mask, entry.by)?;
            if let Some(until) = entry.until_ms {
                write!(out, ", until {}", rfc3339(until))?;
            }
            match &entry.reason {
                Some(reason) => writeln!(out, ": {reason}")?,
                None => writeln!(out, ".")?,
            }
        }
    }
    match are_empty {
        true => writeln!(
            out,
            "* Nobody is banned, muted, excepted or invited in #{channel}."
        ),
        false => Ok(()),
    }
}

/// Writes an invitation link: its path, because the server does not know by which name
/// people reach it.
pub fn write_link(channel: &Name, secret: &LinkSecret, out: &mut String) -> Result {
    let secret = secret.expose();
    writeln!(
        out,
        "* Who opens /join/{channel}/{secret} in a browser comes into #{channel}."
    )?;
    writeln!(out, "* On lines: /join #{channel} {secret}")
}
