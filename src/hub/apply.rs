//! Carrying out commands: at once, or after an answer that is still awaited.

use super::away::check_reason;
use super::lists::Question;
use super::noting::{Subject, refused};
use super::{Command, ConnectionId, Effects, Event, Farewell, Hub, Mark, Now, Pass, Refusal};

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
                if !command.wants_no_answer() {
                    fx.tell(id, refused(command.tag(), refusal));
                }
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
    /// is stored before it is delivered. Nor does a message overtake an answer for which
    /// the store is asked.
    fn passes_pending(&self, id: ConnectionId, command: &Command) -> bool {
        match command {
            Command::Say { .. } | Command::Line(_) => {
                let waits = |it: &super::Connection| it.resuming > 0 || it.replying.is_some();
                self.limits.history && !self.connection(id).is_some_and(waits)
            }
            Command::Private { .. } => {
                let waits = |it: &super::Connection| it.replying.is_some();
                self.account_of(id).is_some() && !self.connection(id).is_some_and(waits)
            }
            Command::Tagged { message, .. } => self.passes_pending(id, message),
            Command::Marked { command, .. } => self.passes_pending(id, command),
            _ => false,
        }
    }

    /// Carries out some of a connection's waiting commands. The rest is deferred:
    /// neither a connection with many waiting commands nor many connections with
    /// a few may hold up the others.
    pub(super) fn apply_waiting(&mut self, id: ConnectionId, now: Now, fx: &mut Effects) {
        // They may follow from the end of a request that has a mark; theirs are others.
        let before = fx.answer(None);
        self.apply_some_waiting(id, now, fx);
        fx.answer(before);
    }

    fn apply_some_waiting(&mut self, id: ConnectionId, now: Now, fx: &mut Effects) {
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

    /// Carries out a command with the mark of its protocol on every answer.
    fn apply_marked(
        &mut self,
        id: ConnectionId,
        mark: Mark,
        command: Command,
        now: Now,
        fx: &mut Effects,
    ) {
        let set = |hub: &mut Hub, mark| {
            if let Some(connection) = hub.connection_mut(id) {
                connection.mark = mark;
            }
        };
        set(self, Some(mark.clone()));
        let before = fx.answer(Some((id, mark)));
        self.apply_now(id, command, now, fx);
        fx.answer(before);
        set(self, None);
    }

    fn apply_now(&mut self, id: ConnectionId, command: Command, now: Now, fx: &mut Effects) {
        if let Command::Marked { mark, command } = command {
            return self.apply_marked(id, mark, *command, now, fx);
        }
        self.leave_expelled(id, now, fx);
        if self.puts_off_joining(id, &command, fx) {
            return;
        }
        let tag = command.tag();
        let wants_no_answer = command.wants_no_answer();
        if let Err(refusal) = self.carry_out_noted(id, command, now, fx)
            && !wants_no_answer
        {
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
        let gives_key = gives_key(&command);
        let result = self.carry_out(id, command, now, fx);
        if let Err(refusal) = &result {
            self.count_guess(id, gives_key, refusal, now);
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
            Command::Say { channel, body } => self.say(id, channel, body, now, fx),
            Command::Line(text) => self.speak(id, None, text.into(), now, fx),
            Command::Private { to, account, body } => self.private(id, &to, account, body, now, fx),
            Command::Mend { message, wish } => self.mend(id, message, wish, now, fx),
            Command::Reply { to, replying } => self.reply_to(id, to, replying, now, fx),
            Command::Tagged { tag, message } => self.send_tagged(id, tag, *message, now, fx),
            // The mark was taken off before.
            Command::Marked { command, .. } => self.carry_out(id, *command, now, fx),
            Command::Join(name) => self.join_together(id, name, now, fx),
            Command::Resume { channel, after } => self.resume(id, channel, after, now, fx),
            Command::Switch(name) => self.switch(id, name, now, fx),
            Command::Create(name) => self.create(id, name, now, fx),
            Command::Opened { pass, command } => self.open_with(id, pass, *command, now, fx),
            Command::Govern(channel, deed) => self.govern(id, channel, deed, now, fx),
            Command::AskTopic(channel) => self.tell_topic(id, channel, now, fx),
            Command::AskLists(channel, skipped) => self.tell_lists(id, (channel, skipped), now, fx),
            Command::AskBans(channel) => self.tell_bans(id, channel, now, fx),
            Command::AskRules(channel) => self.tell_rules(id, channel, now, fx),
            Command::Leave { channel, reason } => self.leave_together(id, channel, reason, now, fx),
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
            Command::Signal(audience, signal) => self.signal(id, audience, signal, now, fx),
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
            Command::AsSeen { seen, answer } => self.answer_as_seen(id, &seen, *answer, now, fx),
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
    match command {
        Command::End(_) | Command::Quit { .. } => true,
        Command::Marked { command, .. } => is_the_end(command),
        _ => false,
    }
}

/// Whether a command gives the key of a channel.
fn gives_key(command: &Command) -> bool {
    match command {
        Command::Opened { pass, .. } => matches!(pass, Pass::Key(_)),
        Command::Marked { command, .. } => gives_key(command),
        _ => false,
    }
}
