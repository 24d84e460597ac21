//! The line protocol: each line from the client is a command or a message, and the
//! answers are text for its user.
//!
//! Telnet and WebSocket clients share it; only the framing differs.

use std::fmt::Write;

use crate::hub::{Command, Event, Farewell, Note, Private};
use crate::model::governance::Flag;
use crate::model::text::without_byte_order_mark;
use crate::model::{Body, MAX_ROWS, Message, MessageKind, Name, Secret, Text};

use super::commands::{self, Action, Asked, Help, LineMistake as Mistake};
use super::line_lists::{write_channels, write_ignored, write_members};
use super::words::{LocalTime, changes, doer, shown_lines};
use super::{governance, mended, own_rooms, reacted, replies, told};

/// The rules that `/help rules` explains: those that matter to people on lines.
const FLAGS: [Flag; 6] = [
    Flag::InviteOnly,
    Flag::Moderated,
    Flag::TopicLocked,
    Flag::Secret,
    Flag::RegisteredOnly,
    Flag::RegisteredSpeak,
];
/// How much of an unknown command is logged.
const LOGGED_CHARS: usize = 100;

/// The meaning of one line from a client.
#[derive(Debug)]
pub enum Step {
    /// The client wants this nickname.
    Claim(Name),
    /// A command for the hub.
    Command(Command),
    /// Registers the current nickname.
    Register(Option<Secret>),
    /// Logs in to an account.
    LogIn(Name, Option<Secret>),
    /// Changes the password of one's own account.
    ChangePassword,
    /// Asks for the accounts to which the current channel belongs, after this one.
    Accounts(Option<Name>),
    /// An answer to this client only: lines, each ended by `\n`.
    Reply(String),
    /// The same, with an entry in the log.
    Noted(String, Note),
    /// An empty line.
    Nothing,
}

/// Decodes a line from a client without a nickname.
pub fn decode_nickname(line: &[u8]) -> Step {
    let line = String::from_utf8_lossy(line);
    let line = without_byte_order_mark(&line).trim();
    match line {
        "" => Step::Reply("A nickname, please:\n".to_owned()),
        _ if line.eq_ignore_ascii_case("/help") => {
            let words = format!("{}First of all, a nickname, please:\n", help());
            Step::Noted(words, Note::Done("help".to_owned()))
        }
        _ if line.starts_with('/') => match decode(line.as_bytes()).step {
            step @ (Step::Command(_) | Step::LogIn(..)) if is_understood_at_once(line) => step,
            _ => refuse(
                command_name(line),
                "! First of all, a nickname, please:\n".to_owned(),
            ),
        },
        _ => match Name::parse_nickname(line) {
            Ok(name) => Step::Claim(name),
            Err(error) => refuse(
                &format!("nick {line}"),
                format!("! That nickname will not do: {error}. Another one, please:\n"),
            ),
        },
    }
}

/// Decodes a line from a client with a nickname.
pub fn decode(line: &[u8]) -> Asked<Step> {
    let line = String::from_utf8_lossy(line);
    let line = without_byte_order_mark(&line);
    let Some(command) = line.strip_prefix('/') else {
        return as_message(say(line));
    };
    // A doubled slash is how a message starts with one.
    if command.starts_with('/') {
        return as_message(say(command));
    }
    let (name, args) = line
        .split_once(char::is_whitespace)
        .unwrap_or((line.trim_end(), ""));
    let Some((spec, declared)) = commands::of_line(name) else {
        let name = Text::clean(name);
        // The arguments of a mistyped command may be a password.
        let words = format!(
            "! There is no command {name}. /help lists those there are; a message that starts \
             with a slash is sent with two: /{name}\n"
        );
        return as_message(refuse(name.as_str(), words));
    };
    let action = match declared.read(args) {
        Ok(action) => action,
        Err(mistake) => {
            let words = in_words(mistake, &declared.syntax());
            // Passwords, keys and private messages are not logged.
            let args = declared.logged.of(args);
            let logged = format!("{} {args}", declared.name());
            return as_message(refuse(&logged, words));
        }
    };
    Asked {
        cost: spec.cost.of(action.rows()),
        step: match action {
            Action::Hub(command) => Step::Command(command),
            Action::Help(subject) => {
                let words = match subject {
                    Help::Everyday => help(),
                    Help::Operators => help_for_operators(),
                    Help::Rules => help_on_rules(),
                };
                Step::Noted(words, Note::Done("help".to_owned()))
            }
            Action::Register(password) => Step::Register(password),
            Action::LogIn(name, password) => Step::LogIn(name, password),
            Action::ChangePassword => Step::ChangePassword,
            Action::Accounts(after) => Step::Accounts(after),
        },
        word: spec.word.unwrap_or_default(),
    }
}

/// A step that costs as much as a message.
fn as_message(step: Step) -> Asked<Step> {
    Asked {
        step,
        cost: 1,
        word: "say",
    }
}

fn in_words(mistake: Mistake, syntax: &str) -> String {
    match mistake {
        Mistake::Missing => format!("! Something is missing: {syntax}\n"),
        Mistake::TooMuch => format!("! That is too much: {syntax}\n"),
        Mistake::Count => format!("! {syntax}: n is a number from 1 to {MAX_ROWS}.\n"),
        Mistake::Name(error) => format!("! {syntax}: {error}.\n"),
        Mistake::Word => format!("! That is none of the words this command knows: {syntax}\n"),
        Mistake::Rule => format!("! {syntax}: there is no such rule. /help rules lists them.\n"),
        Mistake::Key(error) => format!("! {syntax}: {error}.\n"),
        Mistake::Range(least, most) => {
            format!("! {syntax}: that must be a number from {least} to {most}.\n")
        }
        Mistake::Sign(error) => format!("! {syntax}: a sign is {error}.\n"),
        Mistake::Mask => {
            format!("! {syntax}: a nickname, a form of nicknames such as ev*l, or host:...\n")
        }
    }
}

/// Whether a line is a command that is understood before the client has a nickname.
fn is_understood_at_once(line: &str) -> bool {
    commands::of_line(command_name(line)).is_some_and(|(_, declared)| declared.before_nickname)
}

/// The name of the command in a line that begins with a slash.
fn command_name(line: &str) -> &str {
    line.split_whitespace().next().unwrap_or_default()
}

/// A refusal in one line, which is also logged.
fn refuse(command: &str, line: String) -> Step {
    let note = refused(command, &line);
    Step::Noted(line, note)
}

/// The log entry for a command that was refused in one line.
pub fn refused(command: &str, line: &str) -> Note {
    let command: String = command.chars().take(LOGGED_CHARS).collect();
    let command = Text::clean(command.trim_start_matches('/').trim_end());
    Note::Refused {
        command: command.as_str().to_owned(),
        reason: line.trim_start_matches("! ").trim_end().to_owned(),
    }
}

fn say(text: &str) -> Step {
    let text = Text::clean(text);
    if text.is_empty() {
        return Step::Nothing;
    }
    Step::Command(Command::Say {
        channel: None,
        body: text.into(),
    })
}

/// The answer to `/help`.
pub fn help() -> String {
    commands_for(false)
}

/// The answer to `/help operators`.
fn help_for_operators() -> String {
    let mut out = commands_for(true);
    out.push_str("The first one in a new channel is its operator; /list shows who else is.\n");
    out.push_str("/help rules lists what /mode can set.\n");
    out
}

/// The answer to `/help rules`.
fn help_on_rules() -> String {
    let mut out = String::new();
    for flag in FLAGS {
        let _ = writeln!(out, "{}\t{}", flag.word(), flag.meaning());
    }
    out.push_str(
        "key word\twho joins must know the word\n\
         limit n\tat most n people may be here\n\
         slow n\teveryone may say something every n seconds\n\
         history since\tmembers read only what was said since they joined; history all ends it\n\
         /mode +moderated sets one, /mode -moderated takes it off, and so on for all of them.\n",
    );
    out
}

fn commands_for(operators: bool) -> String {
    let mut out = String::new();
    let lines = commands::all().filter_map(|spec| spec.line.as_ref());
    let shown = lines.filter(|line| line.for_operators == operators && !line.is_explained);
    for line in shown {
        let _ = writeln!(out, "{}\t{}", line.syntax(), line.help);
    }
    out
}

/// The answer to a line over the limit.
pub fn too_long(max_line: usize) -> String {
    format!("! That line was longer than {max_line} bytes and was not sent.\n")
}

/// Writes an event as lines, each ended by `\n`.
pub fn write_event(event: &Event, greeting: &str, time: &mut LocalTime, out: &mut String) {
    // Writing to a String cannot fail.
    let _ = try_write_event(event, greeting, time, out);
}

fn try_write_event(
    event: &Event,
    greeting: &str,
    time: &mut LocalTime,
    out: &mut String,
) -> std::fmt::Result {
    match event {
        Event::Greeting { others } => {
            writeln!(out, "{greeting}")?;
            match others {
                0 => writeln!(out, "Nobody else is here yet.")?,
                1 => writeln!(out, "1 other person is here.")?,
                n => writeln!(out, "{n} other people are here.")?,
            }
            writeln!(out, "Your nickname, please:")
        }
        Event::Welcome { nickname } => writeln!(
            out,
            "Welcome, {nickname}! /join #channel takes you into a channel, /help lists all commands."
        ),
        Event::Amended(amendment) => mended::write_lines(amendment, out),
        Event::Reacted(reaction) => reacted::write_line(reaction, out),
        Event::Reactions(_) => Ok(()),
        Event::Message(message) => write_message(message, message.at_ms, time, out),
        Event::Private(private) => write_private("from", &private.from, private, time, out),
        Event::PrivateSent(private) | Event::PrivateCopy(private) => {
            write_private("to", &private.to, private, time, out)
        }
        Event::History {
            messages, now_ms, ..
        } => write_history(messages, *now_ms, time, out),
        Event::Joined {
            channel,
            others,
            topic,
        } => {
            match others {
                0 => writeln!(
                    out,
                    "* You are now in #{channel}. You are the first one here."
                )?,
                1 => writeln!(out, "* You are now in #{channel}, with 1 other person.")?,
                n => writeln!(out, "* You are now in #{channel}, with {n} other people.")?,
            }
            match topic {
                Some(topic) => governance::write_topic(channel, Some(topic), out),
                None => Ok(()),
            }
        }
        Event::Topic { channel, topic } => governance::write_topic(channel, topic.as_deref(), out),
        Event::Changed(change) => told::write_change(change, out),
        Event::Kicked {
            channel,
            by,
            reason,
        } => {
            let by = doer(by);
            write!(out, "* You were removed from #{channel} by {by}")?;
            match reason {
                Some(reason) => writeln!(out, ": {reason}"),
                None => writeln!(out, "."),
            }
        }
        Event::Lists(view) => governance::write_lists(view, out),
        Event::LinkMade { channel, secret } => governance::write_link(channel, secret, out),
        Event::Rules(view) => governance::write_rules(view, out),
        Event::Invited { channel, by } => writeln!(
            out,
            "* @{by} invites you to #{channel}. /join #{channel} takes you there."
        ),
        Event::InviteSent { channel, to } => {
            writeln!(out, "* You have invited @{to} to #{channel}.")
        }
        // A role at joining shows in /list: clients of older servers expect one line.
        Event::Role { .. } => Ok(()),
        Event::Left { channel, .. } => writeln!(out, "* You have left #{channel}."),
        Event::MemberJoined { nickname, .. } => writeln!(out, "* @{nickname} joined."),
        Event::MemberLeft {
            nickname, reason, ..
        } => match reason {
            Some(reason) => writeln!(out, "* @{nickname} left: {reason}"),
            None => writeln!(out, "* @{nickname} left."),
        },
        Event::Away { user, text, is_own } => {
            write_away(user, text.as_ref().map(Text::as_str), *is_own, out)
        }
        Event::MembersChanged { joined, left, .. } => {
            writeln!(out, "* {}.", changes(*joined, *left))
        }
        Event::MemberRenamed { from, to, .. } => writeln!(out, "* @{from} is now @{to}."),
        Event::Renamed { to } => writeln!(out, "* You are now @{to}."),
        Event::Members { channel, page, .. } => write_members(channel, page, out),
        Event::Channels(page) => write_channels(page, out),
        Event::Ignored(name) => {
            writeln!(
                out,
                "* No private messages from @{name} any more. /unignore @{name} undoes it."
            )
        }
        Event::Unignored(name) => writeln!(out, "* Private messages from @{name} arrive again."),
        Event::IgnoreList(page) => write_ignored(page, out),
        Event::Announcement { text, .. } => {
            for line in shown_lines(text) {
                writeln!(out, "Public Server Announcement: {line}")?;
            }
            Ok(())
        }
        Event::Answered(reply) => {
            for line in replies::shown(reply).words.lines() {
                writeln!(out, "* {line}")?;
            }
            Ok(())
        }
        Event::Refused(refusal) | Event::NotSent { refusal, .. } => {
            governance::write_refusal(refusal, out)
        }
        Event::OwnChannels(channels) => {
            out.push_str(&own_rooms::lines(channels));
            Ok(())
        }
        // Answers to commands that the line protocol does not have.
        Event::Roster(_)
        | Event::ChannelRead { .. }
        | Event::ChannelMuted { .. }
        | Event::ChannelNotifies { .. }
        | Event::Resumed { .. }
        | Event::Stored { .. }
        | Event::Typing { .. }
        | Event::Signal(_)
        | Event::Listening { .. } => Ok(()),
    }
}

fn write_away(user: &Name, text: Option<&str>, is_own: bool, out: &mut String) -> std::fmt::Result {
    match is_own {
        true => write!(out, "* You are ")?,
        false => write!(out, "* @{user} is ")?,
    }
    match text {
        None => return writeln!(out, "back."),
        // As of who gives no reason.
        Some("away") => write!(out, "away")?,
        Some(text) => write!(out, "away: {text}")?,
    }
    match is_own {
        true => writeln!(out, " (/back ends it)"),
        false => writeln!(out),
    }
}

/// Writes the farewell of a connection.
pub fn write_farewell(farewell: &Farewell, out: &mut String) {
    let _ = writeln!(out, "* {farewell}");
}

fn write_message(
    message: &Message,
    now_ms: u64,
    time: &mut LocalTime,
    out: &mut String,
) -> std::fmt::Result {
    // Every line names its author, so that no line can pose as another's.
    let Body { kind, text, .. } = &message.body;
    if message.body.is_deleted() {
        return Ok(());
    }
    for line in shown_lines(text) {
        time.write_dated(message.at_ms, now_ms, out);
        out.push(' ');
        match kind {
            MessageKind::Say => {
                out.push('@');
                out.push_str(message.author.as_str());
                if let Some(reply) = message.body.reply() {
                    write!(out, " (to @{})", reply.author)?;
                }
                out.push_str(": ");
                out.push_str(&line);
            }
            kind => write_unsaid(*kind, &message.author, &line, out)?,
        }
        out.push('\n');
    }
    Ok(())
}

/// Writes a line of what is more than said: `* @ann waves`, `-@ann- done`.
fn write_unsaid(
    kind: MessageKind,
    author: &Name,
    line: &str,
    out: &mut String,
) -> std::fmt::Result {
    match kind {
        MessageKind::Say | MessageKind::Deleted => out.write_str(line),
        MessageKind::Action => write!(out, "* @{author} {line}"),
        MessageKind::Notice => write!(out, "-@{author}- {line}"),
    }
}

fn write_history(
    messages: &[Message],
    now_ms: u64,
    time: &mut LocalTime,
    out: &mut String,
) -> std::fmt::Result {
    let left = messages.iter().filter(|it| !it.body.is_deleted());
    match left.clone().count() {
        0 => writeln!(out, "* Nothing has been said here yet.")?,
        1 => writeln!(out, "* The last message here:")?,
        n => writeln!(out, "* The last {n} messages here:")?,
    }
    for message in left {
        write_message(message, now_ms, time, out)?;
    }
    Ok(())
}

fn write_private(
    direction: &str,
    who: &Name,
    private: &Private,
    time: &mut LocalTime,
    out: &mut String,
) -> std::fmt::Result {
    let Body { kind, text, .. } = &private.body;
    for line in shown_lines(text) {
        time.write(private.at_ms, out);
        write!(out, " -PM {direction} @{who}: ")?;
        write_unsaid(*kind, &private.from, &line, out)?;
        out.push('\n');
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(line: &str) -> String {
        match decode(line.as_bytes()).step {
            Step::Reply(reply) | Step::Noted(reply, _) => reply,
            other => panic!("{line:?} gave {other:?}"),
        }
    }

    #[test]
    fn every_command_is_in_help() {
        let help = help() + &help_for_operators();
        for line in commands::all().filter_map(|spec| spec.line.as_ref()) {
            let syntax = line.syntax();
            match line.is_explained {
                true => assert!(help.contains(&format!("; {syntax} ")), "{syntax}"),
                false => assert!(help.contains(&format!("{syntax}\t{}\n", line.help))),
            }
        }
    }

    #[test]
    fn what_takes_longer_costs_more_than_a_message() {
        let cost = |line: &str| decode(line.as_bytes()).cost;
        assert_eq!(cost("hello"), 1);
        assert_eq!(cost("/leave"), 1);
        assert_eq!(cost("/history"), 1);
        assert_eq!(cost("/history 1000"), 11);
        assert_eq!(cost("/rooms"), 5);
        assert_eq!(cost("/ignore @eve"), 1);
        assert_eq!(cost("/ignore"), 5);
    }

    #[test]
    fn mistakes_name_what_is_wrong() {
        assert!(reply("/dance").contains("no command /dance"));
        assert!(reply("/dance").contains("/help"));
        assert!(reply("/etc/hosts is wrong").contains("with two: //etc/hosts"));
        assert!(reply("/join").contains("/join #channel"));
        assert!(reply("/join #a #b").contains("too much"));
        assert!(reply("/join #a/b").contains("'/'"));
        assert!(reply("/msg @bob").contains("/msg @nick text"));
        assert!(!reply("/\x1b[2J").contains('\x1b'));
    }

    #[test]
    fn a_doubled_slash_sends_one() {
        let Step::Command(Command::Say { body, .. }) = decode(b"//etc/hosts").step else {
            panic!("not a message");
        };
        assert_eq!(body.text.as_str(), "/etc/hosts");
    }
}
