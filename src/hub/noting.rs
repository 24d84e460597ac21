//! Chat log entries about commands: `command` for one that was carried out,
//! `error` for one that was refused, with the reason.
//!
//! Messages have entries of their own when they are published. Questions that a
//! client program asks by itself, again and again, are not logged.

use std::sync::Arc;

use crate::model::{Entry, Kind, Name};

use super::{Command, ConnectionId, Effects, Event, Hub, Now, Refusal, Tag};

/// A log entry from a connection's own thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// The thread has carried out this command.
    Done(String),
    /// The thread has refused a command.
    Refused {
        /// The command.
        command: String,
        /// The reason, as a sentence.
        reason: String,
    },
}

/// A command as the log sees it.
#[derive(Debug)]
pub(super) enum Subject {
    /// Not to be logged.
    Nothing,
    /// A message to a channel.
    Say(Option<Name>),
    /// A private message.
    Private(Name),
    /// A command that changes something.
    Command(String),
    /// A question, which changes nothing.
    Question(String),
    /// A question that is logged when it is answered.
    Later(&'static str),
}

impl Subject {
    /// A command as the log sees it.
    pub fn of(command: &Command) -> Subject {
        let words = match command {
            Command::Say { channel, .. } => return Subject::Say(channel.clone()),
            Command::Line(_) => return Subject::Say(None),
            Command::Private { to, .. } => return Subject::Private(to.clone()),
            Command::Mend { wish, .. } => return Subject::Later(wish.word()),
            Command::Reply { replying, .. } => return Subject::of(&replying.message),
            Command::Tagged { message, .. } => return Subject::of(message),
            Command::Typing(_) | Command::Listen { .. } => return Subject::Nothing,
            Command::Signal(..) => return Subject::Nothing,
            Command::Answer(_) | Command::AnswerFromPast { .. } => return Subject::Nothing,
            Command::AnswerOwnChannels(_) => return Subject::Nothing,
            Command::Noted { .. } => return Subject::Nothing,
            Command::Refuse { .. } | Command::End(_) => return Subject::Nothing,
            Command::Ask { logged, .. } => {
                return logged.clone().map_or(Subject::Nothing, Subject::Question);
            }
            Command::History { .. } => return Subject::Later("history"),
            Command::ListIgnored(_) => return Subject::Question("ignore".to_owned()),
            Command::ListMembers(None, _) => return Subject::Question("list".to_owned()),
            Command::ListMembers(Some(name), _) => {
                return Subject::Question(format!("list #{name}"));
            }
            Command::ListChannels(_) => return Subject::Question("rooms".to_owned()),
            Command::Join(name) => format!("join #{name}"),
            Command::Resume { channel, .. } => format!("resume #{channel}"),
            Command::Switch(name) => format!("switch #{name}"),
            Command::Create(name) => format!("create #{name}"),
            Command::Opened { command, .. }
            | Command::Marked { command, .. }
            | Command::AsSeen {
                answer: command, ..
            } => {
                return Subject::of(command);
            }
            Command::Govern(channel, deed) => deed.words(channel.as_ref()),
            Command::AskTopic(channel) => return Subject::Question(about("topic", channel)),
            Command::AskLists(channel, _) | Command::AskBans(channel) => {
                return Subject::Question(about("bans", channel));
            }
            Command::AskRules(channel) => return Subject::Question(about("mode", channel)),
            Command::Leave { channel, .. } => about("leave", channel),
            Command::SetAway(Some(_)) => "away".to_owned(),
            Command::SetAway(None) => "back".to_owned(),
            Command::Rename(name) => format!("nick {name}"),
            Command::Ignore(name) => format!("ignore @{name}"),
            Command::Unignore(name) => format!("unignore @{name}"),
            Command::Quit { .. } => "quit".to_owned(),
        };
        Subject::Command(words)
    }

    fn words(&self) -> String {
        match self {
            Subject::Nothing => String::new(),
            Subject::Say(None) => "say".to_owned(),
            Subject::Say(Some(channel)) => format!("say #{channel}"),
            Subject::Private(to) => format!("msg @{to}"),
            Subject::Command(words) | Subject::Question(words) => words.clone(),
            Subject::Later(words) => (*words).to_owned(),
        }
    }
}

impl Command {
    /// The command in words, as in the log: without the text of a message.
    pub fn in_words(&self) -> String {
        Subject::of(self).words()
    }

    /// The client's tag, if this is a tagged message.
    pub fn tag(&self) -> Option<Tag> {
        match self {
            Command::Tagged { tag, .. } => Some(tag.clone()),
            Command::Marked { command, .. } => command.tag(),
            Command::Reply { replying, .. } => replying.message.tag(),
            _ => None,
        }
    }

    /// The same, without the command.
    pub fn into_tag(self) -> Option<Tag> {
        match self {
            Command::Tagged { tag, .. } => Some(tag),
            Command::Marked { command, .. } => command.into_tag(),
            Command::Reply { replying, .. } => replying.message.into_tag(),
            _ => None,
        }
    }
}

impl Hub {
    /// Logs a command that is about to be carried out. Returns the index of the
    /// entry, so that it can be withdrawn if the command is refused.
    pub(super) fn note_command(
        &self,
        id: ConnectionId,
        subject: &Subject,
        now: Now,
        fx: &mut Effects,
    ) -> Option<usize> {
        let connection = self.connection(id)?;
        connection.nickname.as_ref()?;
        let words = match subject {
            Subject::Command(words) => words,
            // A connection with several channels is a program that asks by itself.
            Subject::Question(words) if connection.profile.one_channel => words,
            _ => return None,
        };
        self.note_done(id, words, now, fx);
        Some(fx.list().len() - 1)
    }

    /// Logs a command that was carried out. A connection without a nickname is
    /// identified by its address.
    pub(super) fn note_done(&self, id: ConnectionId, words: &str, now: Now, fx: &mut Effects) {
        let Some(connection) = self.connection(id) else {
            return;
        };
        let entry = Entry {
            nick: connection.nickname.as_ref().map(Name::shown),
            text: Some(words.into()),
            ..Entry::new(now.unix_ms, Kind::Command)
        };
        fx.log(match connection.nickname {
            Some(_) => entry,
            None => Entry {
                address: Some(connection.profile.address),
                protocol: Some(connection.profile.protocol),
                ..entry
            },
        });
    }

    /// Logs a command that was refused, with the reason.
    pub(super) fn note_refused(
        &self,
        id: ConnectionId,
        words: &str,
        reason: &str,
        now: Now,
        fx: &mut Effects,
    ) {
        let Some(connection) = self.connection(id) else {
            return;
        };
        let text: Arc<str> = format!("{words}: {reason}").into();
        fx.log(Entry {
            nick: connection.nickname.as_ref().map(Name::shown),
            address: Some(connection.profile.address),
            protocol: Some(connection.profile.protocol),
            text: Some(text),
            ..Entry::new(now.unix_ms, Kind::Error)
        });
    }

    /// As [`Hub::note_refused`], unless the command is not to be logged.
    pub(super) fn note_refusal(
        &self,
        id: ConnectionId,
        subject: &Subject,
        refusal: &Refusal,
        now: Now,
        fx: &mut Effects,
    ) {
        if !matches!(subject, Subject::Nothing) {
            self.note_refused(id, &subject.words(), &refusal.to_string(), now, fx);
        }
    }

    /// Logs an entry from the connection's own thread.
    pub(super) fn note(&self, id: ConnectionId, note: &Note, now: Now, fx: &mut Effects) {
        match note {
            Note::Done(words) => self.note_done(id, words, now, fx),
            Note::Refused { command, reason } => self.note_refused(id, command, reason, now, fx),
        }
    }

    /// Tells a connection that it does not get a nickname, and logs it.
    pub fn refuse_nickname(
        &self,
        id: ConnectionId,
        name: &Name,
        refusal: &Refusal,
        now: Now,
        fx: &mut Effects,
    ) {
        self.note_refused(id, &format!("nick {name}"), &refusal.to_string(), now, fx);
        fx.tell(id, Event::Refused(refusal.clone()));
    }
}

fn about(word: &str, channel: &Option<Name>) -> String {
    match channel {
        Some(name) => format!("{word} #{name}"),
        None => word.to_owned(),
    }
}

/// The event that tells a connection that its command was refused.
pub(super) fn refused(tag: Option<Tag>, refusal: Refusal) -> Event {
    match tag {
        Some(tag) => Event::NotSent { tag, refusal },
        None => Event::Refused(refusal),
    }
}
