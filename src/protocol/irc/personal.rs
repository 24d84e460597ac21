//! What one client is told: mostly numeric replies, which name it.

use crate::hub::{Circumstances, Event, Refusal, RosterNews, RulesView, SignalKind};
use crate::model::governance::{List, Topic};
use crate::model::{Message, MessageId, Name, Text};
use crate::protocol::rfc3339;

use super::encode::{join, part};
use super::lines::Lines;
use super::numerics::*;
use super::requests::Request;
use super::roster::kick;
use super::terms::VERSION;
use super::{Cap, Reader, history, isupport, masks, modes, names, replies, user_modes};

/// Writes an event for one client.
pub fn write(
    event: &Event,
    told: &Circumstances,
    request: &Request<'_>,
    reader: &mut Reader,
    lines: &mut Lines<'_>,
) {
    let face = told.by.as_deref();
    let own = reader.nick.clone();
    match event {
        Event::Welcome { nickname } => welcome(nickname, reader, lines),
        Event::Joined { channel, topic, .. } => {
            if let Some(own) = own {
                join(channel, &own, face, lines);
            }
            if topic.is_some() {
                write_topic(channel, topic.as_deref(), reader, lines);
            }
        }
        Event::Left { channel, reason } => {
            if let Some(own) = own {
                part(channel, (&own, face), reason.as_ref(), lines);
            }
        }
        Event::Kicked {
            channel,
            by,
            reason,
        } => {
            if let Some(own) = own {
                kick(channel, &own, (by, face), reason.as_ref(), lines);
            }
        }
        Event::Renamed { to } => {
            if let Some(own) = own {
                lines.by(&own, face, "NICK", &[to.as_str()]);
            }
            reader.renamed(to);
        }
        Event::Members {
            channel,
            is_secret,
            page,
        } => names::first_page((channel, *is_secret), page, reader, lines),
        Event::Topic { channel, topic } => write_topic(channel, topic.as_deref(), reader, lines),
        Event::Rules(view) => rules(view, reader, lines),
        Event::Lists(view) => lists(view, request, reader, lines),
        Event::Invited { channel, by } => {
            let channel = format!("#{channel}");
            lines.by(by, face, "INVITE", &[reader.shown(), &channel]);
        }
        Event::InviteSent { channel, to } => {
            let channel = format!("#{channel}");
            lines.numeric(reader, RPL_INVITING, &[to.as_str(), &channel]);
        }
        Event::LinkMade { channel, secret } => {
            let words = format!("The invitation link of #{channel}: {}", secret.expose());
            lines.notice(reader, &words);
        }
        Event::Away { user, text, is_own } => away(user, text.as_ref(), *is_own, reader, lines),
        Event::Announcement { text, .. } => {
            for line in text.as_str().split('\n').filter(|line| !line.is_empty()) {
                lines.notice(reader, line);
            }
        }
        Event::Answered(reply) => replies::write(reply, request, reader, lines),
        Event::Refused(refusal) | Event::NotSent { refusal, .. } => {
            refused(refusal, request, reader, lines);
        }
        Event::Ignored(name) => {
            lines.notice(
                reader,
                &format!("No private messages from {name} any more."),
            );
        }
        Event::Unignored(name) => {
            lines.notice(
                reader,
                &format!("Private messages from {name} arrive again."),
            );
        }
        Event::History {
            messages,
            asked: false,
            ..
        } if reader.has(Cap::ServerTime) && !reader.has(Cap::Chathistory) => {
            replay(messages, reader, lines);
        }
        Event::ChannelRead { channel, up_to } => {
            read_mark(&format!("#{channel}"), *up_to, lines);
        }
        // What IRC has no words for, and what all are told alike.
        _ => {}
    }
}

fn welcome(nickname: &Name, reader: &Reader, lines: &mut Lines<'_>) {
    let terms = lines.terms;
    let name = &terms.name;
    let words = format!("Welcome to the {} network, {nickname}", terms.network);
    lines.numeric(reader, RPL_WELCOME, &[&words]);
    let words = format!("Your host is {name}, running version {VERSION}");
    lines.numeric(reader, RPL_YOURHOST, &[&words]);
    let words = format!("This server was started {}", terms.started);
    lines.numeric(reader, RPL_CREATED, &[&words]);
    let user_modes = user_modes::ALL;
    lines.numeric_words(
        reader,
        RPL_MYINFO,
        &[
            name,
            VERSION,
            user_modes,
            modes::ALL_CHANNEL,
            modes::WITH_PARAMETER,
        ],
    );
    write_isupport(reader, lines);
}

/// Writes what the server tells clients of itself.
pub fn write_isupport(reader: &Reader, lines: &mut Lines<'_>) {
    for tokens in isupport::lines(lines.terms) {
        let mut params: Vec<&str> = tokens.iter().map(String::as_str).collect();
        params.push("are supported by this server");
        lines.numeric(reader, RPL_ISUPPORT, &params);
    }
}

fn write_topic(channel: &Name, topic: Option<&Topic>, reader: &Reader, lines: &mut Lines<'_>) {
    let channel = format!("#{channel}");
    let Some(topic) = topic else {
        return lines.numeric(reader, RPL_NOTOPIC, &[&channel, "No topic is set"]);
    };
    let text = topic.text.as_str().replace('\n', " ");
    lines.numeric(reader, RPL_TOPIC, &[&channel, &text]);
    let at = (topic.at_ms / 1000).to_string();
    let params = [channel.as_str(), topic.by.as_str(), &at];
    lines.numeric_words(reader, RPL_TOPICWHOTIME, &params);
}

fn rules(view: &RulesView, reader: &Reader, lines: &mut Lines<'_>) {
    let channel = format!("#{}", view.channel);
    let modes = modes::of(&view.rules);
    let (letters, params) = modes.parts();
    let mut all = vec![channel.as_str(), letters];
    all.extend(params);
    lines.numeric_words(reader, RPL_CHANNELMODEIS, &all);
    if let Some(since_ms) = view.since_ms {
        let since = (since_ms / 1000).to_string();
        lines.numeric_words(reader, RPL_CREATIONTIME, &[&channel, &since]);
    }
}

fn lists(view: &RulesView, request: &Request<'_>, reader: &Reader, lines: &mut Lines<'_>) {
    let channel = format!("#{}", view.channel);
    let (kinds, row, end, name): (&[List], _, _, _) = match request.detail {
        "e" => (
            &[List::Except],
            RPL_EXCEPTLIST,
            RPL_ENDOFEXCEPTLIST,
            "exception",
        ),
        "I" => (
            &[List::Invite],
            RPL_INVITELIST,
            RPL_ENDOFINVITELIST,
            "invitation",
        ),
        _ => (
            &[List::Ban, List::Mute],
            RPL_BANLIST,
            RPL_ENDOFBANLIST,
            "ban",
        ),
    };
    for &list in kinds {
        for entry in view.rules.list(list) {
            let mask = masks::shown(&entry.mask, list == List::Mute);
            let at = (entry.at_ms / 1000).to_string();
            lines.numeric_words(reader, row, &[&channel, &mask, entry.by.as_str(), &at]);
        }
    }
    lines.numeric(
        reader,
        end,
        &[&channel, &format!("End of channel {name} list")],
    );
}

/// Writes the last messages of a channel for a client that has joined it.
fn replay(messages: &[Message], reader: &Reader, lines: &mut Lines<'_>) {
    let most = lines.terms.replay_lines;
    let shown = messages.len().saturating_sub(most);
    let shown = messages.get(shown..).unwrap_or_default();
    let channel = shown.first().and_then(|message| message.place.channel());
    let Some(channel) = channel else {
        return;
    };
    match reader.has(Cap::Batch) {
        true => {
            let told: Vec<_> = shown.iter().cloned().map(history::Told::Message).collect();
            history::write(&format!("#{channel}"), &told, (None, false), lines);
        }
        false => shown
            .iter()
            .for_each(|message| history::write_one(message, None, lines)),
    }
}

/// Writes how far a user has read.
pub fn read_mark(target: &str, up_to: MessageId, lines: &mut Lines<'_>) {
    let mark = match up_to == MessageId::default() {
        true => "*".to_owned(),
        false => format!("timestamp={}", rfc3339(up_to.ms)),
    };
    lines.by_server_words("MARKREAD", &[target, &mark]);
}

fn away(user: &Name, text: Option<&Text>, is_own: bool, reader: &Reader, lines: &mut Lines<'_>) {
    match (text, is_own) {
        (Some(text), false) => {
            lines.numeric(reader, RPL_AWAY, &[user.as_str(), text.as_str()]);
        }
        (Some(_), true) => {
            lines.numeric(reader, RPL_NOWAWAY, &["You have been marked as being away"]);
        }
        (None, true) => {
            let words = "You are no longer marked as being away";
            lines.numeric(reader, RPL_UNAWAY, &[words]);
        }
        (None, false) => {}
    }
}

/// Says to REDACT that there is no such message.
pub const UNKNOWN_MSGID: &str = "UNKNOWN_MSGID";

/// Writes why something is refused.
pub fn refused(refusal: &Refusal, request: &Request<'_>, reader: &Reader, lines: &mut Lines<'_>) {
    let words = refusal.to_string();
    let channel = refusal.channel().map(|channel| format!("#{channel}"));
    let place = channel.as_deref().unwrap_or(request.target);
    if request.command == "CHATHISTORY" {
        let about = [request.detail, request.target];
        return lines.fail(request.command, "INVALID_TARGET", &about, &words);
    }
    if request.command == "REDACT" {
        let code = match refusal {
            Refusal::NoSuchMessage => UNKNOWN_MSGID,
            _ => "REDACT_FORBIDDEN",
        };
        let about = [request.target, request.detail];
        return lines.fail(request.command, code, &about, &words);
    }
    let mut about = |code, what: &str| lines.numeric(reader, code, &[what, &words]);
    let is_join = request.command == "JOIN";
    match refusal {
        Refusal::NicknameInUse(name) | Refusal::NicknameRegistered(name) => {
            about(ERR_NICKNAMEINUSE, name.as_str());
        }
        Refusal::NicknameBanned(name) => about(ERR_ERRONEUSNICKNAME, name.as_str()),
        Refusal::BadName(_) => about(ERR_ERRONEUSNICKNAME, request.target),
        Refusal::NicknameIsAccount => lines.numeric(reader, ERR_NONICKCHANGE, &[&words]),
        Refusal::EmptyMessage => lines.numeric(reader, ERR_NOTEXTTOSEND, &["No text to send"]),
        Refusal::AccountsOnly(name) => about(ERR_NEEDREGGEDNICK, name.as_str()),
        Refusal::NoSuchUser(name) => {
            about(ERR_NOSUCHNICK, name.as_str());
            if request.command == "WHOIS" {
                let params = [request.target, "End of /WHOIS list"];
                lines.numeric(reader, RPL_ENDOFWHOIS, &params);
            }
        }
        Refusal::NoChannel | Refusal::NotInChannel(_) if request.is_message() => {
            about(ERR_CANNOTSENDTOCHAN, place);
        }
        Refusal::NoChannel | Refusal::NotInChannel(_) => about(ERR_NOTONCHANNEL, place),
        Refusal::NoSuchChannel(_) => about(ERR_NOSUCHCHANNEL, place),
        Refusal::ChannelLooksLike(name, _) | Refusal::ChannelNameTaken(name) => {
            about(ERR_NOSUCHCHANNEL, &format!("#{name}"));
        }
        Refusal::TooManyChannels(_)
        | Refusal::NoMoreChannels(_)
        | Refusal::TooManyMade(_)
        | Refusal::MadeTooFast(_) => about(ERR_TOOMANYCHANNELS, request.target),
        Refusal::NotOperator(_) | Refusal::NotFounder(_) | Refusal::ChannelIsGlobal => {
            about(ERR_CHANOPRIVSNEEDED, place);
        }
        Refusal::InviteOnly(_) => about(ERR_INVITEONLYCHAN, place),
        Refusal::BannedFromChannel(_) if is_join => about(ERR_BANNEDFROMCHAN, place),
        Refusal::WrongKey(_) | Refusal::TooManyWrongKeys(_) => about(ERR_BADCHANNELKEY, place),
        Refusal::ChannelFull(_) => about(ERR_CHANNELISFULL, place),
        Refusal::NeedsAccount(_) if !request.is_message() => about(ERR_NEEDREGGEDNICK, place),
        Refusal::BannedFromChannel(_)
        | Refusal::NeedsAccount(_)
        | Refusal::CannotSpeak(_, _)
        | Refusal::SlowMode(..) => about(ERR_CANNOTSENDTOCHAN, place),
        Refusal::ListFull(..) => {
            let params = [place, request.detail, &words];
            lines.numeric(reader, ERR_BANLISTFULL, &params);
        }
        Refusal::NotOnChannel(name, _) => {
            lines.numeric(
                reader,
                ERR_USERNOTINCHANNEL,
                &[name.as_str(), place, &words],
            );
        }
        Refusal::AlreadyOnChannel(name, _) => {
            lines.numeric(reader, ERR_USERONCHANNEL, &[name.as_str(), place, &words]);
        }
        Refusal::NotSupported(flag) => {
            lines.numeric(
                reader,
                ERR_UNKNOWNMODE,
                &[&flag.letter().to_string(), &words],
            );
        }
        // What is so already needs no answer.
        Refusal::AlreadyInChannel(_)
        | Refusal::HasRole(..)
        | Refusal::LacksRole(..)
        | Refusal::NotListed(..) => {}
        _ if request.is_message() && request.target.starts_with('#') => {
            about(ERR_CANNOTSENDTOCHAN, place);
        }
        _ => lines.notice(reader, &words),
    }
}

/// Whether a client that has not been given a capability leaves an event out.
pub fn leaves_out(reader: &Reader, event: &Event, is_speaker: bool) -> bool {
    if let Event::Roster(RosterNews::Watched(news)) = event {
        let news = Event::Roster(RosterNews::clone(news));
        return !reader.has(Cap::ExtendedMonitor) || leaves_out(reader, &news, is_speaker);
    }
    let needed = match event {
        Event::Signal(told) if told.signal.kind == SignalKind::Extras => {
            let echoes = !is_speaker || reader.has(Cap::EchoMessage);
            return !echoes || !reader.has(Cap::MessageTags);
        }
        Event::Signal(_) if is_speaker => Cap::EchoMessage,
        Event::Typing { .. } => Cap::MessageTags,
        Event::Reacted(_) => {
            let echoes = !is_speaker || reader.has(Cap::EchoMessage);
            return !echoes || !reader.has(Cap::MessageTags);
        }
        Event::Amended(amendment) if amendment.deletes() => Cap::MessageRedaction,
        Event::Message(_) | Event::Amended(_) if is_speaker => Cap::EchoMessage,
        Event::PrivateSent(_) | Event::PrivateCopy(_) => Cap::EchoMessage,
        Event::ChannelRead { .. } => Cap::ReadMarker,
        Event::Roster(RosterNews::Invited { .. }) => Cap::InviteNotify,
        Event::Roster(RosterNews::Away { .. }) => Cap::AwayNotify,
        Event::Roster(RosterNews::RealName { .. }) => Cap::Setname,
        Event::Roster(RosterNews::Account { .. }) => Cap::AccountNotify,
        Event::Roster(RosterNews::Host { .. }) => Cap::Chghost,
        Event::Roster(RosterNews::Property { .. } | RosterNews::Untold { .. }) => Cap::Metadata,
        _ => return false,
    };
    !reader.has(needed)
}
