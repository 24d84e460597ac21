//! PRIVMSG, NOTICE and TAGMSG.

use std::sync::Arc;

use crate::hub::{Audience, Command, Signal, SignalKind, Which, Wish, Within};
use crate::model::governance::Role;
use crate::model::{Body, MessageKind, Name, Sign, Text};
use crate::protocol::irc::Cap;
use crate::protocol::irc::UNKNOWN_MSGID;
use crate::protocol::irc::isupport::MAX_TARGETS;
use crate::protocol::irc::lines::MAX_LINE;
use crate::protocol::irc::message::Message;
use crate::protocol::irc::modes;
use crate::protocol::irc::numerics::*;
use crate::protocol::irc::prefix;
use crate::protocol::irc::requests::Request;
use crate::protocol::irc::tags::{for_clients, reaction_of, take_reply};

use super::services::Service;
use super::{IrcSession, reason_of};
use crate::session::attached::Flow;

/// What begins and ends a request between clients.
const CTCP: char = '\u{1}';

impl IrcSession {
    pub(super) fn talk(&mut self, command: &'static str, message: &Message<'_>) -> Flow {
        if message.param(0).is_empty() {
            let words = format!("No recipient given ({command})");
            return self.numeric(ERR_NORECIPIENT, &[&words]);
        }
        if message.param(1).is_empty() {
            return self.numeric(ERR_NOTEXTTOSEND, &["No text to send"]);
        }
        let extras = self.extras(message);
        let said = said(command, message.param(1));
        self.for_each_target(command, message, |session, target| match &said {
            Said::Body(body) => {
                if let Some(service) = Service::named(target) {
                    return match command {
                        // No program answers a notice.
                        "NOTICE" => Flow::Continue,
                        _ => session.serve_words(service, message.param(1)),
                    };
                }
                if let Some((least, channel)) = for_role(target) {
                    let kind = match command {
                        "NOTICE" => SignalKind::Notice,
                        _ => SignalKind::Text,
                    };
                    let signal = Signal {
                        least: Some(least),
                        ..signal(kind, body.text.clone(), extras.clone())
                    };
                    return session.signal(command, channel, signal);
                }
                let body = Body {
                    extras: extras.clone(),
                    ..body.clone()
                };
                session.say(command, target, (message.param(1), body))
            }
            Said::Asked(kind, words) => {
                let signal = signal(*kind, words.clone(), extras.clone());
                session.signal(command, target, signal)
            }
            Said::Refused => {
                let words = "Direct connections between clients (DCC) are not passed on";
                session.write(|reader, lines| lines.notice(reader, words))
            }
        })
    }

    pub(super) fn tagmsg(&mut self, message: &Message<'_>) -> Flow {
        if !self.reader.has(Cap::MessageTags) {
            return self.unknown("TAGMSG");
        }
        let Some(extras) = self.extras(message) else {
            return Flow::Continue;
        };
        // What guests write to a person is stored nowhere: only clients know what it is about.
        let is_stored = message.param(0).starts_with('#') || self.account.is_some();
        if is_stored && let Some((id, sign, on)) = reaction_of(&extras) {
            return self.for_each_target("TAGMSG", message, |session, target| {
                session.react(target, (id, &sign, on))
            });
        }
        let signal = Signal {
            is_typing: matches!(message.tag("+typing"), Some("active" | "paused")),
            ..signal(SignalKind::Extras, Text::clean(""), Some(extras))
        };
        self.for_each_target("TAGMSG", message, |session, target| {
            session.signal("TAGMSG", target, signal.clone())
        })
    }

    /// Gives a message of a channel or thread a sign, or takes it back.
    fn react(&mut self, target: &str, (id, sign, on): (&str, &str, bool)) -> Flow {
        let Ok(id) = id.parse() else {
            let about = [target, id];
            return self.fail("TAGMSG", UNKNOWN_MSGID, &about, "That is no message id");
        };
        let sign = match Sign::parse(sign) {
            Ok(sign) => sign,
            Err(error) => {
                let words = format!("A reaction is {error}");
                return self.fail("TAGMSG", "INVALID_REACTION", &[target], &words);
            }
        };
        let request = Request {
            command: "TAGMSG",
            target,
            ..Request::default()
        };
        let within = match target.starts_with('#') {
            true => self.channel(target).map(Within::Channel),
            false => self.nickname(target).map(Within::User),
        };
        let message = match within {
            Ok(within) => Which::In(within, id),
            Err(flow) => return flow,
        };
        let wish = Wish::React { sign, on: Some(on) };
        self.ask(&request, Command::Mend { message, wish })
    }

    /// Deletes a message of a channel or thread.
    pub(super) fn redact(&mut self, message: &Message<'_>) -> Flow {
        if !self.reader.has(Cap::MessageRedaction) {
            return self.unknown("REDACT");
        }
        let (target, written) = (message.param(0), message.param(1));
        let within = match target.strip_prefix('#') {
            Some(channel) => Name::parse(channel).map(Within::Channel),
            None => Name::parse(target).map(Within::User),
        };
        if let Ok(Within::Channel(channel)) = &within {
            let (id, channel) = (self.attached.id, channel.clone());
            let hub = &self.attached.context.hub;
            let is_in = hub.ask(move |hub, _, _| hub.channels_of(id).contains(&channel));
            match is_in {
                Ok(true) => {}
                Ok(false) => {
                    let words = "You are in no such channel";
                    return self.fail("REDACT", "INVALID_TARGET", &[target], words);
                }
                Err(_) => return Flow::Stop,
            }
        }
        let Ok(within) = within else {
            let words = "That is neither a channel nor a nickname";
            return self.fail("REDACT", "INVALID_TARGET", &[target], words);
        };
        let Ok(id) = written.parse() else {
            let about = [target, written];
            return self.fail("REDACT", UNKNOWN_MSGID, &about, "That is no message id");
        };
        let request = Request {
            command: "REDACT",
            target,
            detail: written,
            ..Request::default()
        };
        let reason = message.params.get(2).map(|words| reason_of(words));
        let reason = reason.filter(|reason| !reason.is_empty());
        let (message, wish) = (Which::In(within, id), Wish::Delete(reason));
        self.ask(&request, Command::Mend { message, wish })
    }

    /// The tags of a line that are for other clients.
    fn extras(&self, message: &Message<'_>) -> Option<Arc<str>> {
        let tags = self.reader.has(Cap::MessageTags).then_some(message.tags)?;
        for_clients(tags).map(Arc::from)
    }

    /// Does something for each target of a line.
    fn for_each_target(
        &mut self,
        command: &'static str,
        message: &Message<'_>,
        mut send: impl FnMut(&mut IrcSession, &str) -> Flow,
    ) -> Flow {
        let targets: Vec<&str> = message.param(0).split(',').collect();
        if targets.len() > MAX_TARGETS {
            let words = format!("Too many targets ({command})");
            return self.numeric(ERR_TOOMANYTARGETS, &[message.param(0), &words]);
        }
        for (place, target) in targets.into_iter().enumerate() {
            self.charge_next(place, 1);
            if send(self, target) == Flow::Stop {
                return Flow::Stop;
            }
        }
        Flow::Continue
    }

    /// Waits until a command may go on with its next target: each costs as much as if it
    /// were the only one. The first is paid for.
    pub(super) fn charge_next(&mut self, place: usize, cost: u32) {
        if place > 0 {
            self.attached.pace.wait_turn(cost);
        }
    }

    fn signal(&mut self, command: &'static str, target: &str, signal: Signal) -> Flow {
        let request = Request {
            command,
            target,
            ..Request::default()
        };
        let audience = match target.starts_with('#') {
            true => (self.channel(target)).map(|it| Audience::Channel(Some(it))),
            false => self.nickname(target).map(Audience::User),
        };
        match audience {
            Ok(audience) => self.ask(&request, Command::Signal(audience, signal)),
            Err(flow) => flow,
        }
    }

    /// The user that a client has written; told why not if it is none.
    fn nickname(&mut self, target: &str) -> Result<Name, Flow> {
        Name::parse(target).map_err(|_| self.numeric(ERR_NOSUCHNICK, &[target, "No such nick"]))
    }

    /// The bytes of the prefix that others are shown, `nick!~user@host`.
    fn prefix_bytes(&self) -> usize {
        let host = match &self.account {
            Some(account) => account.username.as_str().len() + prefix::ACCOUNT_SUFFIX.len(),
            None => self.attached.cloak.as_str().len(),
        };
        self.reader.shown().len() + "!~@".len() + self.user.len() + host
    }

    fn say(&mut self, command: &'static str, target: &str, said: (&str, Body)) -> Flow {
        let (written, body) = said;
        let around = ":   :".len() + self.prefix_bytes() + command.len() + target.len();
        if around + written.len() > MAX_LINE - 2 {
            return self.numeric(
                ERR_INPUTTOOLONG,
                &["That line would be too long for others"],
            );
        }
        self.say_to(command, target, body)
    }

    /// Sends a message that is known to fit.
    pub(super) fn say_to(&mut self, command: &'static str, target: &str, mut body: Body) -> Flow {
        let tags = body.extras.clone();
        let reply = take_reply(&mut body);
        let request = Request {
            command,
            target,
            ..Request::default()
        };
        if target.starts_with('#') {
            return match self.channel(target) {
                Ok(channel) => {
                    let channel = Some(channel);
                    let say = Command::Say { channel, body };
                    self.ask(&request, say.replying_to(reply, true))
                }
                Err(flow) => flow,
            };
        }
        let Ok(to) = Name::parse(target) else {
            return self.numeric(ERR_NOSUCHNICK, &[target, "No such nick"]);
        };
        // What guests write to a person is stored nowhere: only clients know what is answered.
        body.extras = tags;
        let account = None;
        let private = Command::Private { to, account, body };
        self.ask(&request, private.replying_to(reply, true))
    }
}

/// The role and the channel of a target such as `@#channel`: only people with at least
/// that role are meant.
fn for_role(target: &str) -> Option<(Role, &str)> {
    let sign = target.chars().next()?;
    let channel = target.strip_prefix(sign)?;
    let role = modes::signed_role(sign)?;
    channel.starts_with('#').then_some((role, channel))
}

/// What a line says.
enum Said {
    /// Something for people.
    Body(Body),
    /// Something for other clients.
    Asked(SignalKind, Text),
    /// What would make clients connect to each other, and show their addresses.
    Refused,
}

/// What is said. What clients ask each other is not for people, except what people do
/// (`/me`).
fn said(command: &str, raw: &str) -> Said {
    let (kind, signal) = match command {
        "NOTICE" => (MessageKind::Notice, SignalKind::Answer),
        _ => (MessageKind::Say, SignalKind::Request),
    };
    let Some(asked) = raw.strip_prefix(CTCP) else {
        return Said::Body(Body::styled(kind, raw));
    };
    let asked = asked.strip_suffix(CTCP).unwrap_or(asked);
    if let Some(done) = asked.strip_prefix("ACTION ") {
        return Said::Body(Body::styled(MessageKind::Action, done));
    }
    let word = asked.split(' ').next().unwrap_or_default();
    match word.eq_ignore_ascii_case("DCC") {
        true => Said::Refused,
        false => Said::Asked(signal, Text::one_line(asked)),
    }
}

fn signal(kind: SignalKind, words: Text, extras: Option<Arc<str>>) -> Signal {
    Signal {
        kind,
        words,
        extras,
        is_typing: false,
        least: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_clients_ask_each_other_is_no_text() {
        let shown = |raw| match said("PRIVMSG", raw) {
            Said::Body(body) => Some((body.kind, body.text.to_string())),
            Said::Asked(..) | Said::Refused => None,
        };
        let (say, action) = (MessageKind::Say, MessageKind::Action);
        assert_eq!(shown("\u{2}hi\u{2}"), Some((say, "hi".to_owned())));
        let waves = shown("\u{1}ACTION waves\u{1}");
        assert_eq!(waves, Some((action, "waves".to_owned())));
        assert_eq!(shown("\u{1}VERSION\u{1}"), None);
        assert!(matches!(
            said("NOTICE", "\u{1}PING 1\u{1}"),
            Said::Asked(SignalKind::Answer, words) if words.as_str() == "PING 1"
        ));
        assert!(matches!(said("PRIVMSG", "\u{1}DCC SEND"), Said::Refused));
    }
}
