//! Commands about people: WHOIS, USERHOST, ISON, AWAY, SETNAME.

use crate::hub::{Command, Question};
use crate::model::{Name, Text};
use crate::protocol::irc::isupport::REAL_NAME_CHARS;
use crate::protocol::irc::message::Message;
use crate::protocol::irc::numerics::*;
use crate::protocol::irc::requests::Request;

use super::{IrcSession, reason_of};
use crate::session::attached::Flow;

/// The most nicknames of one question.
const MAX_NICKS: usize = 100;
/// The most of USERHOST.
const MAX_USERHOST: usize = 5;

impl IrcSession {
    pub(super) fn away(&mut self, message: &Message<'_>) -> Flow {
        let text = message.params.first().map(|words| reason_of(words));
        let text = text.filter(|text| !text.is_empty());
        let request = Request {
            command: "AWAY",
            ..Request::default()
        };
        self.ask(&request, Command::SetAway(text))
    }

    pub(super) fn ison(&mut self, message: &Message<'_>) -> Flow {
        let words = message.params.iter().flat_map(|param| param.split(' '));
        let names = words.filter_map(|word| Name::parse(word).ok());
        let names: Vec<Name> = names.take(MAX_NICKS).collect();
        let request = Request {
            command: "ISON",
            ..Request::default()
        };
        self.question(&request, Question::Presence(names))
    }

    pub(super) fn userhost(&mut self, message: &Message<'_>) -> Flow {
        let names = message
            .params
            .iter()
            .filter_map(|nick| Name::parse(nick).ok());
        let names: Vec<Name> = names.take(MAX_USERHOST).collect();
        let request = Request {
            command: "USERHOST",
            ..Request::default()
        };
        self.question(&request, Question::Who(names))
    }

    pub(super) fn whois(&mut self, message: &Message<'_>) -> Flow {
        // With two parameters the first is a server.
        let nick = match message.param(1) {
            "" => message.param(0),
            nick => nick,
        };
        let nick = nick.split(',').next().unwrap_or_default();
        let Ok(name) = Name::parse(nick) else {
            return self.write(|reader, lines| {
                lines.numeric(reader, ERR_NOSUCHNICK, &[nick, "No such nick"]);
                lines.numeric(reader, RPL_ENDOFWHOIS, &[nick, "End of /WHOIS list"]);
            });
        };
        let request = Request {
            command: "WHOIS",
            target: nick,
            ..Request::default()
        };
        self.question(&request, Question::User(name))
    }

    pub(super) fn setname(&mut self, message: &Message<'_>) -> Flow {
        let name = message.param(0);
        if name.chars().count() > REAL_NAME_CHARS || name.trim().is_empty() {
            return self.write(|_, lines| {
                let words = "That real name cannot be had";
                lines.by_server("FAIL", &["SETNAME", "INVALID_REALNAME", words]);
            });
        }
        let id = self.attached.id;
        let name = Text::one_line(name);
        let request = Request {
            label: &self.label,
            ..Request::default()
        };
        let mark = (!self.label.is_empty()).then(|| request.mark());
        let hub = &self.attached.context.hub;
        match hub.ask(move |hub, _, fx| hub.set_real_name(id, name, mark, fx)) {
            Ok(_) => Flow::Continue,
            Err(_) => Flow::Stop,
        }
    }

    fn question(&mut self, request: &Request<'_>, question: Question) -> Flow {
        let logged = None;
        self.ask(request, Command::Ask { question, logged })
    }
}
