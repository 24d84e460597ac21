//! Carrying out commands: at once, or after an answer that is still awaited.

use super::away::check_reason;
use super::lists::Question;
use super::noting::{Subject, refused};
use super::{Command, ConnectionId, Effects, Event, Farewell, Hub, Now, Refusal, Tag};

/// The most commands of one connection that may wait.
const MAX_WAITING: usize = 1024;
/// The most waiting commands of one connection carried out in one go.
const APPLIED_AT_ONCE: usize = 8;

impl Hub {
    /// Carries out a command of a connection. While the connection waits for an
    /// answer, its later commands wait too, so that it sees their results in
    /// order; messages that are committed need not wait for each other.
    pub fn apply(&mut self, id: ConnectionId, command: Command, now: Now, fx: &mut Effects) {
        if self.has_no_say(id, now, fx) {
            // The connection's thread does not know yet that the hub closes it.
            return;
        }
        let passes = self.passes_pending(id, &command);
        let Some(connection) = self.connection_mut(id) else {
            return;
        };
        if !connection.waiting.is_empty() || (connection.pending > 0 && !passes) {
            let is_full = connection.waiting.len() >= MAX_WAITING;
            if is_full && is_the_end(&command) {
                // There is always room for one.
                if !connection.waiting.back().is_some_and(is_the_end) {
                    connection.waiting.push_back(command);
                }
            } else if is_full {
                let refusal = Refusal::TooManyWaiting(MAX_WAITING);
                self.note_refusal(id, &Subject::of(&command), &refusal, now, fx);
                fx.tell(id, refused(tag_of(&command), refusal));
            } else {
                connection.waiting.push_back(command);
            }
            return;
        }
        self.apply_now(id, command, now, fx);
    }

    /// Whether a command need not wait, because it is a message that will itself
    /// be committed. A channel message does wait for a page of missed messages:
    /// it is delivered after that page, and its sender must not be told that it
    /// is stored before it is delivered.
    fn passes_pending(&self, id: ConnectionId, command: &Command) -> bool {
        match command {
            Command::Say { .. } | Command::Line(_) => {
                let resumes = |it: &super::Connection| it.resuming > 0;
                self.limits.history && !self.connection(id).is_some_and(resumes)
            }
            Command::Private { .. } => self.account_of(id).is_some(),
            Command::Tagged { message, .. } => self.passes_pending(id, message),
            _ => false,
        }
    }

    /// Carries out some of a connection's waiting commands. The rest is deferred:
    /// neither a connection with many waiting commands nor many connections with
    /// a few may hold up the others.
    pub(super) fn apply_waiting(&mut self, id: ConnectionId, now: Now, fx: &mut Effects) {
        for _ in 0..APPLIED_AT_ONCE {
            if !self.may_go_on(id) || self.has_no_say(id, now, fx) {
                return;
            }
            let next = self.connection_mut(id).and_then(|c| c.waiting.pop_front());
            if let Some(command) = next {
                self.apply_now(id, command, now, fx);
            }
        }
        self.go_on_later(id);
    }

    /// Whether the connection's first waiting command need not wait any longer.
    fn may_go_on(&self, id: ConnectionId) -> bool {
        let connection = self.connection(id);
        let connection = connection.filter(|connection| !connection.is_ending);
        connection.is_some_and(|connection| {
            let next = connection.waiting.front();
            let passes = |next| connection.pending == 0 || self.passes_pending(id, next);
            next.is_some_and(passes)
        })
    }

    /// Queues a connection whose waiting commands can be carried out.
    pub(super) fn go_on_later(&mut self, id: ConnectionId) {
        if self.may_go_on(id)
            && let Some(connection) = self.connection_mut(id)
            && !std::mem::replace(&mut connection.is_ready, true)
        {
            self.ready.push_back(id);
        }
    }

    /// Carries out some waiting commands of the next such connection. Returns
    /// whether there was one.
    pub(super) fn go_on_some(&mut self, now: Now, fx: &mut Effects) -> bool {
        let Some(id) = self.ready.pop_front() else {
            return false;
        };
        if let Some(connection) = self.connection_mut(id) {
            connection.is_ready = false;
            self.apply_waiting(id, now, fx);
        }
        true
    }

    fn apply_now(&mut self, id: ConnectionId, command: Command, now: Now, fx: &mut Effects) {
        self.leave_expelled(id, now, fx);
        if self.puts_off_joining(id, &command, fx) {
            return;
        }
        let tag = tag_of(&command);
        if let Err(refusal) = self.carry_out_noted(id, command, now, fx) {
            fx.tell(id, refused(tag, refusal));
        }
        self.forget_looked_up(id);
    }

    /// Carries out a command, and logs the outcome.
    pub(super) fn carry_out_noted(
        &mut self,
        id: ConnectionId,
        command: Command,
        now: Now,
        fx: &mut Effects,
    ) -> Result<(), Refusal> {
        let subject = Subject::of(&command);
        let noted = self.note_command(id, &subject, now, fx);
        let result = self.carry_out(id, command, now, fx);
        if let Err(refusal) = &result {
            if let Some(noted) = noted {
                fx.withdraw_entry(noted);
            }
            self.note_refusal(id, &subject, refusal, now, fx);
        }
        result
    }

    pub(super) fn carry_out(
        &mut self,
        id: ConnectionId,
        command: Command,
        now: Now,
        fx: &mut Effects,
    ) -> Result<(), Refusal> {
        match command {
            Command::Say { channel, text } => self.say(id, channel, text, now, fx),
            Command::Line(text) => self.speak(id, None, text, now, fx),
            Command::Private { to, account, text } => self.private(id, &to, account, text, now, fx),
            Command::Tagged { tag, message } => self.send_tagged(id, tag, *message, now, fx),
            Command::Join(name) => self.join(id, name, now, fx),
            Command::Resume { channel, after } => self.resume(id, channel, after, now, fx),
            Command::Switch(name) => self.switch(id, name, now, fx),
            Command::Create(name) => self.create(id, name, now, fx),
            Command::Opened { pass, command } => self.open_with(id, pass, *command, now, fx),
            Command::Govern(channel, deed) => self.govern(id, channel, deed, now, fx),
            Command::AskTopic(channel) => self.tell_topic(id, channel, now, fx),
            Command::AskLists(channel, skipped) => self.tell_lists(id, (channel, skipped), now, fx),
            Command::AskRules(channel) => self.tell_rules(id, channel, now, fx),
            Command::Leave { channel, reason } => self.leave(id, channel, reason, now, fx),
            Command::SetAway(text) => self.set_away(id, text, fx),
            Command::Rename(name) => self.rename(id, name, now, fx),
            Command::Ignore(name) => self.ignore(id, name, fx),
            Command::Unignore(name) => self.unignore(id, name, fx),
            Command::ListIgnored(part) => self.ask_for(id, Question::Ignored(part)),
            Command::ListMembers(name, part) => {
                let channel = self.channel_of(id, name)?;
                self.ask_for(id, Question::Members(channel, part))
            }
            Command::ListChannels(part) => self.ask_for(id, Question::Channels(part)),
            Command::History {
                channel,
                window,
                limit,
            } => self.read_history(id, channel, (window, limit), now, fx),
            Command::Ask { question, .. } => {
                let reply = self.reply(id, question, now)?;
                fx.tell(id, Event::Answered(reply));
                Ok(())
            }
            Command::Typing(audience) => self.typing(id, audience, now, fx),
            Command::Listen { typing } => {
                self.listen(id, typing, fx);
                Ok(())
            }
            Command::Answer(bytes) => {
                fx.write(id, bytes);
                Ok(())
            }
            Command::AnswerOwnChannels(channels) => {
                self.tell_own_channels(id, channels, now, fx);
                Ok(())
            }
            Command::AnswerFromPast {
                channel,
                after,
                bytes,
            } => self.answer_from_past(id, channel, after, bytes, now, fx),
            Command::Noted { bytes, note } => {
                self.note(id, &note, now, fx);
                fx.write(id, bytes);
                Ok(())
            }
            Command::Refuse {
                tag,
                refusal,
                logged,
            } => {
                if let Some(words) = logged {
                    self.note_refused(id, &words, &refusal.to_string(), now, fx);
                }
                fx.tell(id, refused(tag, refusal));
                Ok(())
            }
            Command::End(farewell) => {
                self.close(id, farewell, now, fx);
                Ok(())
            }
            Command::Quit { reason } => {
                check_reason(reason.as_ref())?;
                if let Some(connection) = self.connection_mut(id) {
                    connection.parting = reason;
                }
                self.close(id, Farewell::Quit, now, fx);
                Ok(())
            }
        }
    }
}

/// Whether a command ends its connection.
fn is_the_end(command: &Command) -> bool {
    matches!(command, Command::End(_) | Command::Quit { .. })
}

/// The client's tag for a message.
pub(super) fn tag_of(command: &Command) -> Option<Tag> {
    match command {
        Command::Tagged { tag, .. } => Some(tag.clone()),
        _ => None,
    }
}
