//! ChanServ: registration and roles of channels.

use crate::hub::{Command, Deed};
use crate::model::Name;
use crate::model::governance::{Person, Role};

use super::{Help, Service};
use crate::session::attached::Flow;
use crate::session::irc::{IrcSession, reason_of};

pub(super) const HELP: Help = &[
    (
        "REGISTER #channel",
        "makes a channel that you operate yours",
    ),
    ("DROP #channel", "gives the registration up"),
    (
        "TRANSFER #channel nick",
        "gives the channel to another account",
    ),
    (
        "OP|DEOP|VOICE|DEVOICE #channel [nick]",
        "gives a role, or takes it",
    ),
    (
        "AMODE #channel nick OP|VOICE|NONE",
        "the role that an account has whenever it is there",
    ),
    ("KICK #channel nick [why]", "takes someone out"),
    ("INFO #channel", "shows the rules of a channel"),
];

impl IrcSession {
    pub(super) fn serve_channel(&mut self, command: &str, args: &[&str]) -> Flow {
        let service = Service::Channels;
        let Some((written, args)) = args.split_first() else {
            return match HELP.iter().any(|(words, _)| words.contains(command)) {
                true => self.says(service, &format!("{command} needs a channel.")),
                false => self.not_known(service),
            };
        };
        let channel = match self.channel(written) {
            Ok(channel) => channel,
            Err(flow) => return flow,
        };
        let own = self.reader.shown().to_owned();
        let nick = args.first().copied();
        let deed = match (command, nick) {
            ("REGISTER", _) => Ok(Deed::Register),
            ("DROP", _) => Ok(Deed::Drop),
            ("TRANSFER", Some(nick)) => person(nick).map(Deed::Transfer),
            ("KICK", Some(nick)) => person(nick).map(|who| Deed::Kick {
                who,
                reason: (args.len() > 1)
                    .then(|| reason_of(&args.get(1..).unwrap_or_default().join(" "))),
            }),
            ("AMODE", Some(nick)) => kept(nick, args.get(1).copied()),
            ("OP" | "VOICE", nick) => person(nick.unwrap_or(&own)).map(|who| Deed::Raise {
                who,
                role: role_of(command),
            }),
            ("DEOP" | "DEVOICE", nick) => person(nick.unwrap_or(&own)).map(|who| Deed::Lower {
                who,
                role: role_of(command),
            }),
            ("INFO", _) => {
                let ask = Command::AskRules(Some(channel));
                return self.ask_for_channel(written, ask);
            }
            ("TRANSFER" | "KICK" | "AMODE", None) => Err("That needs a nickname, too."),
            _ => return self.not_known(service),
        };
        match deed {
            Ok(deed) => self.ask_for_channel(written, Command::Govern(Some(channel), deed)),
            Err(words) => self.says(service, words),
        }
    }
}

fn role_of(command: &str) -> Role {
    match command {
        "OP" | "DEOP" => Role::Operator,
        _ => Role::Voice,
    }
}

fn person(nick: &str) -> Result<Person, &'static str> {
    let name = Name::parse(nick).map_err(|_| "That is no nickname.")?;
    Ok(Person {
        name,
        account: None,
    })
}

/// The deed that gives an account a role for good.
fn kept(nick: &str, role: Option<&str>) -> Result<Deed, &'static str> {
    let role = match role.map(str::to_ascii_uppercase).as_deref() {
        Some("OP") => Some(Role::Operator),
        Some("VOICE") => Some(Role::Voice),
        Some("NONE") => None,
        _ => return Err("The role is OP, VOICE or NONE."),
    };
    Ok(Deed::Role {
        who: person(nick)?,
        role,
        keep: true,
    })
}
