//! What operators of the server do to the server and to channels: KLINE, UNKLINE, REHASH,
//! SAMODE, SAJOIN, SAPART. All of it is in the audit trail.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::hub::{BanTarget, Command, Deed};
use crate::model::governance::By;
use crate::model::{Name, Origin, Power};
use crate::protocol::irc::message::Message;
use crate::protocol::irc::modes::{self, Wish};
use crate::protocol::irc::numerics::*;

use super::{IrcSession, reason_of};
use crate::session::attached::Flow;
use crate::turn::NotGoverned;

/// What members are told of an operator who changes a channel without being in it.
const ADMINISTRATOR: &str = "administrator";
/// The longest KLINE, in minutes: a hundred years.
const MAX_MINUTES: u64 = 100 * 366 * 24 * 60;

impl IrcSession {
    /// Answers with words of the server.
    fn notice(&mut self, words: &str) -> Flow {
        self.write(|reader, lines| lines.notice(reader, words))
    }

    fn record(&mut self, whom: Option<&Name>, what: String) -> Flow {
        let entry = self.audited(whom, what);
        let hub = &self.attached.context.hub;
        let recorded = hub.ask(move |_, now, fx| fx.log(super::operator::at(entry, now.unix_ms)));
        match recorded {
            Ok(()) => Flow::Continue,
            Err(_) => Flow::Stop,
        }
    }

    /// `KLINE [minutes] target [:reason]`.
    pub(super) fn kline(&mut self, message: &Message<'_>) -> Flow {
        if !self.has_power(Power::Bans) {
            return self.refuse_other_than_operators();
        }
        let minutes = message.param(0).parse::<u64>().ok();
        let rest = message.params.get(usize::from(minutes.is_some())..);
        let rest = rest.unwrap_or_default();
        let written = rest.first().copied().unwrap_or_default();
        if written.is_empty() {
            return self.numeric(ERR_NEEDMOREPARAMS, &["KLINE", "Not enough parameters"]);
        }
        let Some(target) = target(written) else {
            return self.notice("KLINE takes an address, a network or a nickname");
        };
        let minutes = minutes.filter(|&minutes| minutes > 0);
        let minutes = minutes.map(|minutes| minutes.min(MAX_MINUTES));
        let reason = rest.get(1).map(|words| reason_of(words));
        let reason = reason.filter(|reason| !reason.is_empty());
        let what = format!("KLINE {written}");
        if self.record(None, what) == Flow::Stop {
            return Flow::Stop;
        }
        let by = self.attached.peer;
        let banned = match &self.attached.context.operating {
            Some(operating) => operating.ban(by, target, reason, minutes),
            None => Err("bans cannot be made here".to_owned()),
        };
        match banned {
            Ok(()) => self.notice(&format!("{written} is banned")),
            Err(words) => self.notice(&format!("{written} is not banned: {words}")),
        }
    }

    /// `UNKLINE target`.
    pub(super) fn unkline(&mut self, message: &Message<'_>) -> Flow {
        if !self.has_power(Power::Bans) {
            return self.refuse_other_than_operators();
        }
        let written = message.param(0);
        let Some(target) = target(written) else {
            return self.notice("UNKLINE takes an address, a network or a nickname");
        };
        if self.record(None, format!("UNKLINE {written}")) == Flow::Stop {
            return Flow::Stop;
        }
        let by = self.attached.peer;
        let lifted = match &self.attached.context.operating {
            Some(operating) => operating.unban(by, &target),
            None => Err("bans cannot be lifted here".to_owned()),
        };
        match lifted {
            Ok(0) => self.notice(&format!("There is no ban of {written}")),
            Ok(_) => self.notice(&format!("{written} is not banned any more")),
            Err(words) => self.notice(&format!("{written} is still banned: {words}")),
        }
    }

    /// Has the server read its configuration and certificates again.
    pub(super) fn rehash(&mut self) -> Flow {
        if !self.has_power(Power::All) {
            return self.refuse_other_than_operators();
        }
        if self.record(None, "REHASH".to_owned()) == Flow::Stop {
            return Flow::Stop;
        }
        let operating = self.attached.context.operating.as_ref();
        match operating.is_some_and(|operating| operating.reload()) {
            true => self.numeric(RPL_REHASHING, &["configuration", "Rehashing"]),
            false => self.notice("The configuration cannot be read again here"),
        }
    }

    /// `SAMODE #channel modes [parameter ...]`: changes a channel whatever its rules say.
    pub(super) fn samode(&mut self, message: &Message<'_>) -> Flow {
        if !self.has_power(Power::Moderate) {
            return self.refuse_other_than_operators();
        }
        let written = message.param(0);
        let channel = match self.channel(written) {
            Ok(channel) => channel,
            Err(flow) => return flow,
        };
        let params = message.params.get(2..).unwrap_or_default();
        for wish in modes::wishes(message.param(1), params) {
            let flow = match wish {
                Wish::Deed(deed) => self.samode_one(written, &channel, deed),
                Wish::Unknown(letter) => {
                    let words = "is unknown mode char to me";
                    self.numeric(ERR_UNKNOWNMODE, &[&letter.to_string(), words])
                }
                Wish::Bad(_, _, why) => self.notice(why),
                Wish::Show(_) | Wish::Incomplete => {
                    self.numeric(ERR_NEEDMOREPARAMS, &["SAMODE", "Not enough parameters"])
                }
            };
            if flow == Flow::Stop {
                return Flow::Stop;
            }
        }
        Flow::Continue
    }

    fn samode_one(&mut self, written: &str, channel: &Name, deed: Deed) -> Flow {
        // The hub is told the accounts of people, which are looked up here.
        let command = Command::Govern(Some(channel.clone()), self.meant(as_administrator(deed)));
        let deed = match self.attached.look_up(true, command) {
            Ok(Command::Govern(_, deed)) => deed,
            Ok(_) => return Flow::Continue,
            Err(refusal) => return self.notice(&format!("{written}: {refusal}")),
        };
        let what = format!("SAMODE: {}", deed.words(Some(channel)));
        if self.record(None, what) == Flow::Stop {
            return Flow::Stop;
        }
        let Ok(by) = Name::restore(ADMINISTRATOR) else {
            return Flow::Continue;
        };
        let hub = &self.attached.context.hub;
        let from = Origin {
            address: Some(self.attached.peer),
            ..Origin::default()
        };
        match hub.govern(By::Administrator(by), from, channel.clone(), deed) {
            Ok(()) => Flow::Continue,
            Err(NotGoverned::Refused(refusal)) => self.notice(&format!("{written}: {refusal}")),
            Err(NotGoverned::Hub) => Flow::Stop,
            Err(NotGoverned::Unanswered) => {
                self.notice(&format!("{written}: the change is not stored yet"))
            }
        }
    }

    /// `SAJOIN nick #channel`: takes a user into a channel whatever its rules say.
    pub(super) fn sajoin(&mut self, message: &Message<'_>) -> Flow {
        self.move_user(message, "SAJOIN", true)
    }

    /// `SAPART nick #channel [:reason]`.
    pub(super) fn sapart(&mut self, message: &Message<'_>) -> Flow {
        self.move_user(message, "SAPART", false)
    }

    fn move_user(&mut self, message: &Message<'_>, command: &str, comes: bool) -> Flow {
        if !self.has_power(Power::Moderate) {
            return self.refuse_other_than_operators();
        }
        let (nick, written) = (message.param(0), message.param(1));
        let Ok(name) = Name::parse(nick) else {
            return self.numeric(ERR_NOSUCHNICK, &[nick, "No such nick"]);
        };
        let name = self.terms().nicknames.meant(name);
        let channel = match self.channel(written) {
            Ok(channel) => channel,
            Err(flow) => return flow,
        };
        if self.record(Some(&name), format!("{command} {name} #{channel}")) == Flow::Stop {
            return Flow::Stop;
        }
        let reason = message.params.get(2).map(|words| reason_of(words));
        let reason = reason.filter(|reason| !reason.is_empty());
        let hub = &self.attached.context.hub;
        let moved = hub.ask(move |hub, now, fx| match comes {
            true => hub.take_into(&name, channel, now, fx),
            false => hub.take_from(&name, &channel, reason, now, fx),
        });
        match moved {
            Ok(Ok(0)) => self.numeric(ERR_NOSUCHNICK, &[nick, "No such nick on this server"]),
            Ok(Ok(_)) => Flow::Continue,
            Ok(Err(refusal)) => self.notice(&format!("{command} {nick} {written}: {refusal}")),
            Err(_) => Flow::Stop,
        }
    }
}

/// A change as an administrator makes it: roles are given, not raised.
fn as_administrator(deed: Deed) -> Deed {
    let keep = false;
    match deed {
        Deed::Raise { who, role } => Deed::Role {
            who,
            role: Some(role),
            keep,
        },
        Deed::Lower { who, .. } => Deed::Role {
            who,
            role: None,
            keep,
        },
        other => other,
    }
}

/// What a KLINE keeps out: an address or a network, also as `*@network`, or a nickname, also
/// as `nick!*@*`.
fn target(written: &str) -> Option<BanTarget> {
    let host = written.rsplit_once('@').map_or(written, |(user, host)| {
        let is_anyone = user.chars().all(|c| matches!(c, '*' | '!'));
        if is_anyone { host } else { written }
    });
    let network = host.parse::<IpAddr>().map(IpNet::from);
    if let Ok(network) = network.or_else(|_| host.parse::<IpNet>()) {
        return Some(BanTarget::Address(network));
    }
    let nick = written.strip_suffix("!*@*").unwrap_or(written);
    Name::parse_nickname(nick).ok().map(BanTarget::Nickname)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kline_is_of_an_address_a_network_or_a_nickname() {
        for (written, address) in [
            ("192.0.2.7", true),
            ("*@192.0.2.0/24", true),
            ("*!*@2001:db8::/32", true),
            ("eve", false),
            ("eve!*@*", false),
        ] {
            let found = target(written);
            let is_address = matches!(found, Some(BanTarget::Address(_)));
            assert!(found.is_some(), "{written}");
            assert_eq!(is_address, address, "{written}");
        }
        for wrong in ["", "*", "*@*", "eve!*@192.0.2.7", "a b"] {
            assert_eq!(target(wrong), None, "{wrong}");
        }
    }
}
