//! The course of a run: a hash of all of it, and text for its last steps.

use std::collections::BTreeSet;
use std::collections::hash_map::DefaultHasher;
use std::fmt::{Arguments, Write};
use std::hash::{Hash, Hasher};

use chat_server::hub::{Event, Farewell, Refusal};

use super::effect::Out;

/// Characters of a line; some messages are very long.
const LONGEST: usize = 600;

/// See the module documentation.
pub struct Trace {
    hash: DefaultHasher,
    /// The first step to describe in words, which takes far longer.
    words_from: u64,
    step: u64,
    lines: Vec<String>,
    /// The kinds of effects the hub emitted.
    said: BTreeSet<&'static str>,
}

impl Trace {
    pub fn new(words_from: u64) -> Trace {
        Trace {
            // With fixed keys: the same in every run.
            hash: DefaultHasher::new(),
            words_from,
            step: 0,
            lines: Vec::new(),
            said: BTreeSet::new(),
        }
    }

    pub fn begin_step(&mut self, step: u64) {
        self.step = step;
        step.hash(&mut self.hash);
    }

    /// Records an act of the world.
    pub fn act(&mut self, number: u64, words: Arguments<'_>) {
        number.hash(&mut self.hash);
        self.say(words);
    }

    /// Records an act of the world, if there was anything to do.
    pub fn did(&mut self, number: u64, done: bool, words: &str) {
        if done {
            self.act(number, format_args!("{words}"));
        }
    }

    /// Records an effect of the hub.
    pub fn effect(&mut self, out: &Out) {
        match out {
            Out::Tell(to, event) => {
                to.hash(&mut self.hash);
                std::mem::discriminant(&**event).hash(&mut self.hash);
                self.said.insert(kind_of_event(event));
                if let Event::Message(message) = &**event {
                    message.id.hash(&mut self.hash);
                }
                self.say(format_args!("  tell {to:?} {event:?}"));
            }
            Out::Write(to, bytes) => {
                (to, bytes).hash(&mut self.hash);
                self.say(format_args!("  write {to:?} {bytes:?}"));
            }
            Out::Close(id, farewell) => {
                (id, std::mem::discriminant(farewell)).hash(&mut self.hash);
                self.said.insert(kind_of_farewell(farewell));
                self.say(format_args!("  close {id:?} {farewell:?}"));
            }
            Out::Append(message) => {
                message.id.hash(&mut self.hash);
                self.say(format_args!("  append {message:?}"));
            }
            Out::Chore(chore) => {
                std::mem::discriminant(chore).hash(&mut self.hash);
                self.say(format_args!("  chore {chore:?}"));
            }
            Out::Log(entry) => entry.at_ms.hash(&mut self.hash),
            Out::Settled(..) => {}
        }
    }

    /// Records an effect of the hub in the world of channels with rules.
    pub fn fact(&mut self, fact: &super::governed::Fact) {
        use super::governed::Fact;
        match fact {
            Fact::Tell(to, event) => {
                to.hash(&mut self.hash);
                std::mem::discriminant(event).hash(&mut self.hash);
                self.said.insert(kind_of_event(event));
            }
            Fact::Close(id) => id.hash(&mut self.hash),
            Fact::Write(id, bytes) => (id, bytes).hash(&mut self.hash),
            Fact::Append(draft) => draft.record.id().hash(&mut self.hash),
            Fact::Settled(id, is_committed) => (id, is_committed).hash(&mut self.hash),
            Fact::Chore(chore) => std::mem::discriminant(chore).hash(&mut self.hash),
        }
        self.say(format_args!("  {fact:?}"));
    }

    fn say(&mut self, words: Arguments<'_>) {
        if self.step >= self.words_from {
            let mut line = format!("{:>8} ", self.step);
            // Writing to a string does not fail.
            let _ = line.write_fmt(words);
            if let Some((end, _)) = line.char_indices().nth(LONGEST) {
                line.truncate(end);
                line.push_str("...");
            }
            self.lines.push(line);
        }
    }

    /// A hash of everything that happened.
    pub fn hash(&self) -> u64 {
        self.hash.finish()
    }

    pub fn into_said(self) -> BTreeSet<&'static str> {
        self.said
    }

    pub fn into_lines(self) -> Vec<String> {
        self.lines
    }
}

fn kind_of_event(event: &Event) -> &'static str {
    match event {
        Event::Greeting { .. } => "Greeting",
        Event::Roster(_) => "Roster",
        Event::Welcome { .. } => "Welcome",
        Event::Message(_) => "Message",
        Event::Amended(_) => "Amended",
        Event::Reacted(_) => "Reacted",
        Event::Reactions(_) => "Reactions",
        Event::Private(_) => "Private",
        Event::PrivateSent(_) => "PrivateSent",
        Event::PrivateCopy(_) => "PrivateCopy",
        Event::History { .. } => "History",
        Event::Joined { .. } => "Joined",
        Event::Kicked { .. } => "Kicked",
        Event::Changed(_) => "Changed",
        Event::Role { .. } => "Role",
        Event::Topic { .. } => "Topic",
        Event::Rules(_) => "Rules",
        Event::Lists(_) => "Lists",
        Event::LinkMade { .. } => "LinkMade",
        Event::Invited { .. } => "Invited",
        Event::InviteSent { .. } => "InviteSent",
        Event::Away { .. } => "Away",
        Event::Left { .. } => "Left",
        Event::MemberJoined { .. } => "MemberJoined",
        Event::MemberLeft { .. } => "MemberLeft",
        Event::MembersChanged { .. } => "MembersChanged",
        Event::MemberRenamed { .. } => "MemberRenamed",
        Event::Renamed { .. } => "Renamed",
        Event::Members { .. } => "Members",
        Event::Channels(_) => "Channels",
        Event::OwnChannels(_) => "OwnChannels",
        Event::ChannelRead { .. } => "ChannelRead",
        Event::ChannelMuted { .. } => "ChannelMuted",
        Event::ChannelNotifies { .. } => "ChannelNotifies",
        Event::Ignored(_) => "Ignored",
        Event::Unignored(_) => "Unignored",
        Event::IgnoreList(_) => "IgnoreList",
        Event::Announcement { .. } => "Announcement",
        Event::Answered(_) => "Answered",
        Event::Refused(refusal) => refusal.code(),
        Event::Resumed { more: true, .. } => "ResumedPart",
        Event::Resumed {
            complete: false, ..
        } => "ResumedWithGap",
        Event::Resumed { .. } => "Resumed",
        Event::Stored { .. } => "Stored",
        Event::NotSent {
            refusal: Refusal::NotStored,
            ..
        } => "NotSentNotStored",
        Event::NotSent { .. } => "NotSent",
        Event::Typing { to: Some(_), .. } => "TypingInPrivate",
        Event::Typing { .. } => "Typing",
        Event::Signal(_) => "Signal",
        Event::Listening { .. } => "Listening",
    }
}

fn kind_of_farewell(farewell: &Farewell) -> &'static str {
    match farewell {
        Farewell::PeerLeft => "PeerLeft",
        Farewell::Quit => "Quit",
        Farewell::LoginTimeout => "LoginTimeout",
        Farewell::Full => "Full",
        Farewell::SlowReader => "SlowReader",
        Farewell::Flooding => "Flooding",
        Farewell::SpokeHttp => "SpokeHttp",
        Farewell::Silent => "Silent",
        Farewell::BadFrame(_) => "BadFrame",
        Farewell::Kicked(_) => "Kicked",
        Farewell::Removed { .. } => "Removed",
        Farewell::Banned(_) => "Banned",
        Farewell::Replaced => "Replaced",
        Farewell::TokenRevoked => "TokenRevoked",
        Farewell::PasswordChanged => "PasswordChanged",
        Farewell::AccountDisabled => "AccountDisabled",
        Farewell::AccountDeleted => "AccountDeleted",
        Farewell::NotAdmitted(_) => "NotAdmitted",
        Farewell::CutOff => "CutOff",
        Farewell::Shutdown => "Shutdown",
        Farewell::InternalError => "InternalError",
    }
}
