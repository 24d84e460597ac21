//! Operators of the server: OPER, KILL, WALLOPS. What they do is in the audit trail, with
//! the name under which they have given their password, or that of the account by the role of
//! which they do it.

use crate::account::NotChecked;
use crate::model::{Entry, Name, Power, Standing, Text, Who};
use crate::protocol::irc::message::Message;
use crate::protocol::irc::numerics::*;

use super::{IrcSession, reason_of, secret};
use crate::session::attached::Flow;

/// The longest name in the audit trail, in characters.
const MAX_NAME: usize = 32;

impl IrcSession {
    pub(super) fn oper(&mut self, message: &Message<'_>) -> Flow {
        let (name, password) = (message.param(0), message.param(1));
        if !self.is_private() {
            let words = "OPER is for connections from this machine or over TLS";
            return self.numeric(ERR_NOOPERHOST, &[words]);
        }
        let peer = self.attached.peer.ip();
        let operators = &self.attached.context.irc.operators;
        match operators.check(name, &secret(password), peer) {
            Ok(true) => self.becomes_operator(name),
            Ok(false) => {
                let name: String = name.chars().take(MAX_NAME).collect();
                let entry = Entry {
                    is_refusal: true,
                    ..self.entry(None, format!("OPER {name}: wrong name or password"))
                };
                let hub = &self.attached.context.hub;
                // If the hub has gone, the connection ends with the next line.
                let _ = hub.ask(move |_, now, fx| fx.log(at(entry, now.unix_ms)));
                self.numeric(ERR_PASSWDMISMATCH, &["Password incorrect"])
            }
            Err(NotChecked::TooMany(wait)) => {
                let words = format!("Too many wrong passwords: {wait}");
                self.numeric(ERR_NOOPERHOST, &[&words])
            }
            Err(NotChecked::Failed(error)) => self.numeric(ERR_NOOPERHOST, &[&error.to_string()]),
        }
    }

    /// Whether nobody else reads what the client sends.
    fn is_private(&self) -> bool {
        if let Some(via) = &self.via {
            return via.is_secure || self.attached.context.irc.allows_plain_oper;
        }
        let is_here = self.attached.peer.ip().to_canonical().is_loopback();
        is_here
            || self.attached.link.session().is_some()
            || self.attached.context.irc.allows_plain_oper
    }

    fn becomes_operator(&mut self, name: &str) -> Flow {
        self.operator = Some(name.to_owned());
        let entry = self.audited(None, "is an operator now".to_owned());
        let hub = &self.attached.context.hub;
        let logged = hub.ask(move |_, now, fx| fx.log(at(entry, now.unix_ms)));
        if logged.is_err() {
            return Flow::Stop;
        }
        let flow = self.numeric(RPL_YOUREOPER, &["You are now an IRC operator"]);
        match flow {
            Flow::Continue => self.change_modes("+o"),
            Flow::Stop => flow,
        }
    }

    /// Whether the user may do this as an operator of the server: after OPER, or by the role of its
    /// account. That is looked up each time, so a role that was taken is of no use at once.
    pub(super) fn has_power(&self, power: Power) -> bool {
        if self.operator.is_some() {
            return true;
        }
        let Some(id) = self.account.as_ref().map(|account| account.id) else {
            return false;
        };
        let accounts = &self.attached.context.accounts;
        let found = accounts.look_up(self.attached.asker(), move |store| {
            store.account(&Who::Id(id))
        });
        match found {
            Ok(account) => account
                .filter(|account| account.standing == Standing::Good)
                .and_then(|account| account.role)
                .is_some_and(|role| role.allows(power)),
            Err(error) => {
                error.log("the role of an account could not be looked up");
                false
            }
        }
    }

    /// An entry of the audit trail for something that an operator does.
    pub(super) fn audited(&self, whom: Option<&Name>, what: String) -> Entry {
        let account = self.account.as_ref().map(|it| it.username.as_str());
        let name = self.operator.as_deref().or(account);
        let name = name.unwrap_or_default();
        self.entry(whom, format!("IRC operator {name}: {what}"))
    }

    fn entry(&self, whom: Option<&Name>, words: String) -> Entry {
        Entry {
            address: Some(self.attached.peer),
            nick: self.reader.nick.as_ref().map(Name::shown),
            to: whom.map(Name::shown),
            ..Entry::admin(0, words)
        }
    }

    pub(super) fn refuse_other_than_operators(&mut self) -> Flow {
        let words = "Permission Denied - You're not an IRC operator";
        self.numeric(ERR_NOPRIVILEGES, &[words])
    }

    pub(super) fn kill(&mut self, message: &Message<'_>) -> Flow {
        if !self.has_power(Power::Users) {
            return self.refuse_other_than_operators();
        }
        let nick = message.param(0);
        let Ok(name) = Name::parse(nick) else {
            return self.numeric(ERR_NOSUCHNICK, &[nick, "No such nick"]);
        };
        let name = self.terms().nicknames.meant(name);
        let reason = message.params.get(1).map(|words| reason_of(words));
        let reason = reason.filter(|reason| !reason.is_empty());
        let why = reason.as_ref().map(|reason| format!(": {reason}"));
        let what = format!("disconnected {name}{}", why.unwrap_or_default());
        let entry = self.audited(Some(&name), what);
        let killed = self.attached.context.hub.ask(move |hub, now, fx| {
            let count = hub.kick(&name, reason, now, fx);
            if count > 0 {
                fx.log(at(entry, now.unix_ms));
            }
            count
        });
        match killed {
            Ok(0) => self.numeric(ERR_NOSUCHNICK, &[nick, "No such nick"]),
            Ok(_) => Flow::Continue,
            Err(_) => Flow::Stop,
        }
    }

    pub(super) fn wallops(&mut self, message: &Message<'_>) -> Flow {
        if !self.has_power(Power::Announce) {
            return self.refuse_other_than_operators();
        }
        let text = Text::one_line(message.param(0));
        if text.is_empty() {
            return self.numeric(ERR_NOTEXTTOSEND, &["No text to send"]);
        }
        let entry = self.audited(None, format!("WALLOPS {text}"));
        let id = self.attached.id;
        let told = self.attached.context.hub.ask(move |hub, now, fx| {
            if let Some(by) = hub.nickname_of(id) {
                fx.log(at(entry, now.unix_ms));
                hub.tell_hearers(&by, text, fx);
            }
        });
        match told {
            Ok(()) => Flow::Continue,
            Err(_) => Flow::Stop,
        }
    }
}

/// The entry with the time at which it happened.
pub(super) fn at(entry: Entry, now_ms: u64) -> Entry {
    Entry {
        at_ms: now_ms,
        ..entry
    }
}
