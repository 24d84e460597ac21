//! Commands about channels: JOIN, PART, TOPIC, MODE, KICK, INVITE.

use crate::hub::{Command, Deed, Target};
use crate::model::governance::{List, Mask, Person};
use crate::model::{Name, Text};
use crate::protocol::irc::isupport::{MAX_TARGETS, TOPIC_CHARS};
use crate::protocol::irc::masks;
use crate::protocol::irc::message::Message;
use crate::protocol::irc::modes::{self, Wish};
use crate::protocol::irc::numerics::*;
use crate::protocol::irc::requests::Request;

use super::{IrcSession, pass_of, reason_of};
use crate::session::attached::Flow;

/// The longest wrong value that an answer repeats, in bytes.
const MAX_SHOWN: usize = 64;

impl IrcSession {
    pub(super) fn join(&mut self, message: &Message<'_>) -> Flow {
        if message.param(0) == "0" {
            return self.leave_all();
        }
        let mut keys = message.param(1).split(',');
        for (place, written) in message.param(0).split(',').enumerate() {
            self.charge_next(place, 2);
            let key = keys.next().unwrap_or_default();
            let name = match self.channel(written) {
                Ok(name) => name,
                Err(Flow::Continue) => continue,
                Err(Flow::Stop) => return Flow::Stop,
            };
            self.learn_mark(&name);
            let join = Command::Join(name);
            let command = match pass_of(key) {
                Some(pass) => Command::Opened {
                    pass,
                    command: Box::new(join),
                },
                None => join,
            };
            let request = Request {
                command: "JOIN",
                target: written,
                ..Request::default()
            };
            if self.ask(&request, command) == Flow::Stop {
                return Flow::Stop;
            }
        }
        Flow::Continue
    }

    /// `JOIN 0` leaves all channels.
    fn leave_all(&mut self) -> Flow {
        let id = self.attached.id;
        let hub = &self.attached.context.hub;
        let Ok(own) = hub.ask(move |hub, _, _| hub.channels_of(id)) else {
            return Flow::Stop;
        };
        for channel in own {
            if self.leave(&format!("#{channel}"), None) == Flow::Stop {
                return Flow::Stop;
            }
        }
        Flow::Continue
    }

    pub(super) fn part(&mut self, message: &Message<'_>) -> Flow {
        let reason = message.params.get(1).map(|words| reason_of(words));
        let reason = reason.filter(|reason| !reason.is_empty());
        for (place, written) in message.param(0).split(',').enumerate() {
            self.charge_next(place, 1);
            if self.leave(written, reason.clone()) == Flow::Stop {
                return Flow::Stop;
            }
        }
        Flow::Continue
    }

    fn leave(&mut self, written: &str, reason: Option<Text>) -> Flow {
        let channel = match self.channel(written) {
            Ok(channel) => Some(channel),
            Err(flow) => return flow,
        };
        let request = Request {
            command: "PART",
            target: written,
            ..Request::default()
        };
        self.ask(&request, Command::Leave { channel, reason })
    }

    pub(super) fn topic(&mut self, message: &Message<'_>) -> Flow {
        let written = message.param(0);
        let channel = match self.channel(written) {
            Ok(channel) => Some(channel),
            Err(flow) => return flow,
        };
        let request = Request {
            command: "TOPIC",
            target: written,
            ..Request::default()
        };
        let Some(topic) = message.params.get(1) else {
            return self.ask(&request, Command::AskTopic(channel));
        };
        let topic: String = topic.chars().take(TOPIC_CHARS).collect();
        let topic = Some(Text::one_line(&topic)).filter(|topic| !topic.is_empty());
        self.ask(&request, Command::Govern(channel, Deed::Topic(topic)))
    }

    pub(super) fn kick(&mut self, message: &Message<'_>) -> Flow {
        let reason = message.params.get(2).map(|words| reason_of(words));
        let reason = reason.filter(|reason| !reason.is_empty());
        let channels: Vec<&str> = message.param(0).split(',').collect();
        let nicks = message.param(1).split(',').take(MAX_TARGETS);
        for (place, nick) in nicks.enumerate() {
            self.charge_next(place, 2);
            // Many are taken out of one channel, or each out of its own.
            let written = match channels.as_slice() {
                [one] => one,
                many => match many.get(place) {
                    Some(own) => own,
                    None => break,
                },
            };
            let kicked = match self.channel(written) {
                Ok(channel) => self.kick_one((written, channel), nick, reason.clone()),
                Err(flow) => flow,
            };
            if kicked == Flow::Stop {
                return Flow::Stop;
            }
        }
        Flow::Continue
    }

    fn kick_one(
        &mut self,
        (written, channel): (&str, Name),
        nick: &str,
        reason: Option<Text>,
    ) -> Flow {
        let Ok(name) = Name::parse(nick) else {
            let words = "They aren't on that channel";
            return self.numeric(ERR_USERNOTINCHANNEL, &[nick, written, words]);
        };
        let request = Request {
            command: "KICK",
            target: written,
            detail: nick,
            ..Request::default()
        };
        let who = person(name);
        let kick = Deed::Kick { who, reason };
        self.ask(&request, Command::Govern(Some(channel), kick))
    }

    pub(super) fn invite(&mut self, message: &Message<'_>) -> Flow {
        let (nick, written) = (message.param(0), message.param(1));
        if nick.is_empty() {
            return self.list_invitations();
        }
        if written.is_empty() {
            return self.numeric(ERR_NEEDMOREPARAMS, &["INVITE", "Not enough parameters"]);
        }
        let channel = match self.channel(written) {
            Ok(channel) => Some(channel),
            Err(flow) => return flow,
        };
        let Ok(name) = Name::parse(nick) else {
            return self.numeric(ERR_NOSUCHNICK, &[nick, "No such nick"]);
        };
        let request = Request {
            command: "INVITE",
            target: written,
            detail: nick,
            ..Request::default()
        };
        let invite = Deed::Invite(person(name));
        self.ask(&request, Command::Govern(channel, invite))
    }

    /// Shows the channels to which the client's user is invited.
    fn list_invitations(&mut self) -> Flow {
        let id = self.attached.id;
        let channels = match self.next_page(move |hub, _, _| hub.invitations_of(id)) {
            Ok(channels) => channels,
            Err(flow) => return flow,
        };
        self.write(|reader, lines| {
            for channel in &channels {
                let channel = format!("#{channel}");
                lines.numeric(reader, RPL_INVITELIST_OWN, &[&channel]);
            }
            let words = "End of /INVITE list";
            lines.numeric(reader, RPL_ENDOFINVITELIST_OWN, &[words]);
        })
    }

    pub(super) fn mode(&mut self, message: &Message<'_>) -> Flow {
        let written = message.param(0);
        if !written.starts_with('#') {
            return self.user_mode(message);
        }
        let channel = match self.channel(written) {
            Ok(channel) => channel,
            Err(flow) => return flow,
        };
        let modes = message.param(1);
        if modes.is_empty() {
            let request = Request {
                command: "MODE",
                target: written,
                ..Request::default()
            };
            return self.ask(&request, Command::AskRules(Some(channel)));
        }
        let params = message.params.get(2..).unwrap_or_default();
        for wish in modes::wishes(modes, params) {
            if self.wish(written, &channel, wish) == Flow::Stop {
                return Flow::Stop;
            }
        }
        Flow::Continue
    }

    fn wish(&mut self, written: &str, channel: &Name, wish: Wish) -> Flow {
        let mut detail = String::new();
        let command = match wish {
            Wish::Deed(deed) => {
                if let Deed::Add { list, .. } = &deed {
                    detail.push(modes::list_letter(*list));
                }
                Command::Govern(Some(channel.clone()), self.meant(deed))
            }
            Wish::Show(list) => {
                detail.push(list_letter(list));
                match list {
                    List::Ban | List::Mute => Command::AskBans(Some(channel.clone())),
                    List::Except | List::Invite => Command::AskLists(Some(channel.clone()), 0),
                }
            }
            Wish::Unknown(letter) => {
                let words = "is unknown mode char to me";
                return self.numeric(ERR_UNKNOWNMODE, &[&letter.to_string(), words]);
            }
            Wish::Bad(letter, value, why) => {
                let is_word = (1..=MAX_SHOWN).contains(&value.len())
                    && !value.contains(' ')
                    && !value.starts_with(':');
                let value = if is_word { value.as_str() } else { "*" };
                let params = [written, &letter.to_string(), value, why];
                return self.numeric(ERR_INVALIDMODEPARAM, &params);
            }
            Wish::Incomplete => {
                return self.numeric(ERR_NEEDMOREPARAMS, &["MODE", "Not enough parameters"]);
            }
        };
        let request = Request {
            command: "MODE",
            target: written,
            detail: &detail,
            ..Request::default()
        };
        self.ask(&request, command)
    }

    /// A change of a list. Masks name accounts: where there is none of the name, no guest
    /// of that nickname is meant.
    pub(super) fn meant(&self, deed: Deed) -> Deed {
        let deed = self.terms().nicknames.deed(deed);
        let (Deed::Add { who, .. } | Deed::Remove { who, .. }) = &deed else {
            return deed;
        };
        let Target::Person(person) = who else {
            return deed;
        };
        let asker = self.attached.asker();
        let accounts = &self.attached.context.accounts;
        match accounts.recipient(asker, person.name.clone()) {
            Ok((name, None)) => match masks::of_unregistered(&name) {
                Some(mask) => with_mask(deed, mask),
                None => deed,
            },
            // The hub is told the account, and the client why it cannot be looked up.
            Ok((_, Some(_))) | Err(_) => deed,
        }
    }
}

/// The person of a name on a list becomes this mask.
fn with_mask(deed: Deed, mask: Mask) -> Deed {
    let who = Target::Mask(mask);
    match deed {
        Deed::Add {
            list,
            for_ms,
            reason,
            ..
        } => Deed::Add {
            list,
            who,
            for_ms,
            reason,
        },
        Deed::Remove { list, .. } => Deed::Remove { list, who },
        other => other,
    }
}

fn list_letter(list: List) -> char {
    modes::list_letter(list)
}

fn person(name: Name) -> Person {
    Person {
        name,
        account: None,
    }
}
