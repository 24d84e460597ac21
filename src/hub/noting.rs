//! What the chat log says about commands: a `command` is one that was carried
//! out, an `error` one that was refused, with the reason.
//!
//! Messages have entries of their own when they are published. What the program
//! of a client asks by itself, again and again, is no command of anybody's.

use std::sync::Arc;

use crate::model::{Entry, Kind, Name};

use super::{Command, ConnectionId, Effects, Event, Hub, Now, Refusal, Tag};

/// What a connection's own thread has to say to the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// It has carried this out.
    Done(String),
    /// It has not carried this out.
    Refused {
        /// What.
        command: String,
        /// Why not; a sentence.
        reason: String,
    },
}

/// What a command is to the log.
#[derive(Debug)]
pub(super) enum Subject {
    /// Nothing.
    Nothing,
    /// A message to a channel.
    Say(Option<Name>),
    /// A private message.
    Private(Name),
    /// A command.
    Command(String),
    /// A question, which changes nothing.
    Question(String),
    /// The same, that is answered later.
    Later(&'static str),
}

impl Subject {
    /// What a command is to the log.
    pub fn of(command: &Command) -> Subject {
        let words = match command {
            Command::Say { channel, .. } => return Subject::Say(channel.clone()),
            Command::Line(_) => return Subject::Say(None),
            Command::Private { to, .. } => return Subject::Private(to.clone()),
            Command::Tagged { message, .. } => return Subject::of(message),
            Command::Typing(_) | Command::Listen { .. } => return Subject::Nothing,
            Command::Answer(_) | Command::Noted { .. } => return Subject::Nothing,
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
            Command::Leave(None) => "leave".to_owned(),
            Command::Leave(Some(name)) => format!("leave #{name}"),
            Command::Rename(name) => format!("nick {name}"),
            Command::Ignore(name) => format!("ignore @{name}"),
            Command::Unignore(name) => format!("unignore @{name}"),
            Command::Quit => "quit".to_owned(),
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
    /// The command in words, as the log has it; without what is said.
    pub fn in_words(&self) -> String {
        Subject::of(self).words()
    }

    /// What the client calls the message, if it is one and has a name.
    pub fn into_tag(self) -> Option<Tag> {
        match self {
            Command::Tagged { tag, .. } => Some(tag),
            _ => None,
        }
    }
}

impl Hub {
    /// Logs a command that is about to be carried out; tells where, in case it
    /// is not.
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
            // Who is in several channels is a program: it asks by itself.
            Subject::Question(words) if connection.profile.one_channel => words,
            _ => return None,
        };
        self.note_done(id, words, now, fx);
        Some(fx.list().len() - 1)
    }

    /// Logs what was carried out. Who has no nickname yet has an address.
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

    /// Logs what was refused, and why.
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

    /// As [`Hub::note_refused`], of a command.
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

    /// Logs what the connection's own thread says.
    pub(super) fn note(&self, id: ConnectionId, note: &Note, now: Now, fx: &mut Effects) {
        match note {
            Note::Done(words) => self.note_done(id, words, now, fx),
            Note::Refused { command, reason } => self.note_refused(id, command, reason, now, fx),
        }
    }

    /// Tells a connection that it does not get a nickname.
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

/// What tells a connection that a command of it is refused.
pub(super) fn refused(tag: Option<Tag>, refusal: Refusal) -> Event {
    match tag {
        Some(tag) => Event::NotSent { tag, refusal },
        None => Event::Refused(refusal),
    }
}
