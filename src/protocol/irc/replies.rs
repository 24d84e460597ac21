//! The answers to questions: WHOIS, USERHOST, ISON; and the rows of WHO.

use crate::hub::{Reply, Sighting, UserCard};
use crate::model::Name;

use super::lines::Lines;
use super::numerics::*;
use super::requests::Request;
use super::{Cap, Reader, metadata, modes, prefix, split};

/// Writes an answer.
pub fn write(reply: &Reply, request: &Request<'_>, reader: &Reader, lines: &mut Lines<'_>) {
    match reply {
        Reply::User(card) => whois(card, request, reader, lines),
        Reply::Presence(users) => {
            let online = users.iter().filter(|(_, is_on)| *is_on);
            let names: Vec<&str> = online.map(|(name, _)| Name::as_str(name)).collect();
            lines.numeric(reader, RPL_ISON, &[&names.join(" ")]);
        }
        Reply::Who(seen) => {
            let seen = seen.iter().map(userhost);
            let words: Vec<String> = seen.collect();
            lines.numeric(reader, RPL_USERHOST, &[&words.join(" ")]);
        }
        Reply::Seen { .. } => {}
    }
}

fn whois(card: &UserCard, request: &Request<'_>, reader: &Reader, lines: &mut Lines<'_>) {
    let nick = card.name.as_str();
    let face = Some(&*card.face);
    let real_name = prefix::real_name(&card.name, face);
    let (user, host) = (prefix::shown_user(face), prefix::host(face));
    lines.numeric(reader, RPL_WHOISUSER, &[nick, &user, &host, "*", real_name]);
    let channels = card.channels.iter().map(|channel| {
        let sign = modes::role_sign(channel.role);
        format!("{sign}#{}", channel.name)
    });
    for channels in split::filled(channels, 350) {
        lines.numeric(reader, RPL_WHOISCHANNELS, &[nick, &channels]);
    }
    let (server, network) = (&lines.terms.name, &lines.terms.network);
    lines.numeric(reader, RPL_WHOISSERVER, &[nick, server, network]);
    if card.face.is_operator {
        lines.numeric(reader, RPL_WHOISOPERATOR, &[nick, "operates this server"]);
    }
    if card.face.is_bot {
        lines.numeric(reader, RPL_WHOISBOT, &[nick, "is a bot"]);
    }
    if let Some(away) = &card.away {
        lines.numeric(reader, RPL_AWAY, &[nick, away.as_str()]);
    }
    if let Some(account) = &card.face.account {
        let params = [nick, account.as_str(), "is logged in as"];
        lines.numeric(reader, RPL_WHOISACCOUNT, &params);
    }
    if reader.has(Cap::Metadata) {
        for (key, value) in card.properties.iter() {
            let params = [nick, &**key, metadata::VISIBILITY, value.as_str()];
            lines.numeric(reader, RPL_WHOISKEYVALUE, &params);
        }
    }
    if let (Some(idle_ms), Some(since_ms)) = (card.idle_ms, card.since_ms) {
        let (idle, since) = ((idle_ms / 1000).to_string(), (since_ms / 1000).to_string());
        let params = [nick, &idle, &since, "seconds idle, signon time"];
        lines.numeric(reader, RPL_WHOISIDLE, &params);
    }
    let asked = match request.target {
        "" => nick,
        target => target,
    };
    lines.numeric(reader, RPL_ENDOFWHOIS, &[asked, "End of /WHOIS list"]);
}

/// Writes a row of WHO, in the form that the request asks for.
pub fn sighting(one: &Sighting, request: &Request<'_>, reader: &Reader, lines: &mut Lines<'_>) {
    match request.detail.strip_prefix('%') {
        Some(fields) => whox(one, fields, reader, lines),
        None => who(one, reader, lines),
    }
}

fn userhost(one: &Sighting) -> String {
    let face = Some(&*one.face);
    let sign = if one.is_away { '-' } else { '+' };
    let operates = if face.is_some_and(|face| face.is_operator) {
        "*"
    } else {
        ""
    };
    let (user, host) = (prefix::shown_user(face), prefix::host(face));
    format!("{}{operates}={sign}{user}@{host}", one.name)
}

/// Whether a person is there, and the marks of the role in a channel.
fn flags(one: &Sighting, reader: &Reader) -> String {
    let here = if one.is_away { "G" } else { "H" };
    let role = one.channel.as_ref().and_then(|(_, role)| *role);
    // There is one role at most, so all marks are the highest.
    let _ = reader.has(Cap::MultiPrefix);
    let operates = if one.face.is_operator { "*" } else { "" };
    let bot = if one.face.is_bot { "B" } else { "" };
    format!("{here}{operates}{}{bot}", modes::role_sign(role))
}

fn who(one: &Sighting, reader: &Reader, lines: &mut Lines<'_>) {
    let face = Some(&*one.face);
    let channel = one.channel.as_ref();
    let channel = channel.map_or("*".to_owned(), |(name, _)| format!("#{name}"));
    let (user, host) = (prefix::shown_user(face), prefix::host(face));
    let server = lines.terms.name.clone();
    let flags = flags(one, reader);
    let real_name = format!("0 {}", prefix::real_name(&one.name, face));
    let params = [
        channel.as_str(),
        &user,
        &host,
        &server,
        one.name.as_str(),
        &flags,
        &real_name,
    ];
    lines.numeric(reader, RPL_WHOREPLY, &params);
}

/// Writes the fields that a client has asked for, in the order that all have agreed on.
fn whox(one: &Sighting, fields: &str, reader: &Reader, lines: &mut Lines<'_>) {
    let (fields, token) = fields.split_once(',').unwrap_or((fields, ""));
    let face = Some(&*one.face);
    let channel = one.channel.as_ref();
    let mut params: Vec<String> = Vec::new();
    for field in "tcuihsnfdlaor"
        .chars()
        .filter(|&field| fields.contains(field))
    {
        params.push(match field {
            't' => token.chars().take(3).collect(),
            'c' => channel.map_or("*".to_owned(), |(name, _)| format!("#{name}")),
            'u' => prefix::shown_user(face),
            'i' => "255.255.255.255".to_owned(),
            'h' => prefix::host(face),
            's' => lines.terms.name.clone(),
            'n' => one.name.to_string(),
            'f' => flags(one, reader),
            'd' => "0".to_owned(),
            'l' => one.idle_ms.map_or(0, |ms| ms / 1000).to_string(),
            'a' => one
                .face
                .account
                .as_ref()
                .map_or("0".to_owned(), Name::to_string),
            'o' => "n/a".to_owned(),
            _ => prefix::real_name(&one.name, face).to_owned(),
        });
    }
    let params: Vec<&str> = params.iter().map(String::as_str).collect();
    match fields.contains('r') {
        true => lines.numeric(reader, RPL_WHOSPCRPL, &params),
        false => lines.numeric_words(reader, RPL_WHOSPCRPL, &params),
    }
}
