//! MONITOR: the client is told when people come online and go. And WHOWAS.

use crate::hub::{MAX_WATCHED, PastUser, Watched};
use crate::model::Name;
use crate::model::time::rfc3339;
use crate::protocol::irc::message::Message;
use crate::protocol::irc::numerics::*;
use crate::protocol::irc::{prefix, split};

use super::IrcSession;
use crate::session::attached::Flow;

/// The longest list of names in a line, in bytes.
const MAX_LIST: usize = 380;
/// The most people of one WHOWAS.
const MOST_PAST: usize = 100;

impl IrcSession {
    pub(super) fn monitor(&mut self, message: &Message<'_>) -> Flow {
        let id = self.attached.id;
        let names = message.param(1).split(',').filter(|it| !it.is_empty());
        // What is no nickname is nobody's.
        let names = names.filter_map(|nick| Name::parse_nickname(nick).ok());
        let names: Vec<Name> = names.take(2 * MAX_WATCHED).collect();
        match message.param(0) {
            "+" => match self.next_page(move |hub, _, _| hub.watch(id, names)) {
                Ok(watched) => self.say_watched(&watched),
                Err(flow) => flow,
            },
            "-" => match self.next_page(move |hub, _, _| hub.unwatch(id, &names)) {
                Ok(()) => Flow::Continue,
                Err(flow) => flow,
            },
            "C" | "c" => match self.next_page(move |hub, _, _| hub.unwatch_all(id)) {
                Ok(()) => Flow::Continue,
                Err(flow) => flow,
            },
            "L" | "l" => match self.next_page(move |hub, _, _| hub.watched_by(id)) {
                Ok(watched) => self.list_watched(&watched),
                Err(flow) => flow,
            },
            "S" | "s" => match self.next_page(move |hub, _, _| hub.watched_by(id)) {
                Ok(watched) => self.say_watched(&watched),
                Err(flow) => flow,
            },
            _ => {
                let words = "MONITOR is followed by +, -, C, L or S";
                self.numeric(ERR_NEEDMOREPARAMS, &["MONITOR", words])
            }
        }
    }

    fn say_watched(&mut self, watched: &Watched) -> Flow {
        let online = watched.online.iter();
        let online = online.map(|(name, face)| prefix::of(name, Some(face)));
        let online = listed(online);
        let offline = listed(watched.offline.iter().map(Name::to_string));
        let too_many = listed(watched.too_many.iter().map(Name::to_string));
        let most = MAX_WATCHED.to_string();
        self.write(|reader, lines| {
            for names in &online {
                lines.numeric(reader, RPL_MONONLINE, &[names]);
            }
            for names in &offline {
                lines.numeric(reader, RPL_MONOFFLINE, &[names]);
            }
            for names in &too_many {
                let params = [most.as_str(), names, "Monitor list is full."];
                lines.numeric(reader, ERR_MONLISTFULL, &params);
            }
        })
    }

    fn list_watched(&mut self, watched: &Watched) -> Flow {
        let online = watched.online.iter().map(|(name, _)| name);
        let all = online.chain(&watched.offline).map(Name::to_string);
        let all = listed(all);
        self.write(|reader, lines| {
            for names in &all {
                lines.numeric(reader, RPL_MONLIST, &[names]);
            }
            lines.numeric(reader, RPL_ENDOFMONLIST, &["End of MONITOR list"]);
        })
    }

    pub(super) fn whowas(&mut self, message: &Message<'_>) -> Flow {
        let nick = message.param(0);
        let most = message.param(1).parse::<i64>().unwrap_or_default();
        let most = usize::try_from(most).ok().filter(|&most| most > 0);
        let most = most.unwrap_or(MOST_PAST);
        let past = match Name::parse(nick) {
            Ok(name) => self.next_page(move |hub, _, _| hub.who_was(&name, most)),
            Err(_) => Ok(Vec::new()),
        };
        match past {
            Ok(past) => self.say_past(nick, &past),
            Err(flow) => flow,
        }
    }

    fn say_past(&mut self, nick: &str, past: &[PastUser]) -> Flow {
        self.write(|reader, lines| {
            if past.is_empty() {
                let words = "There was no such nickname";
                lines.numeric(reader, ERR_WASNOSUCHNICK, &[nick, words]);
            }
            let server = lines.terms.name.clone();
            for one in past {
                let (name, face) = (one.name.as_str(), Some(&*one.face));
                let (user, host) = (prefix::shown_user(face), prefix::host(face));
                let real_name = prefix::real_name(&one.name, face);
                let params = [name, &user, &host, "*", real_name];
                lines.numeric(reader, RPL_WHOWASUSER, &params);
                let params = [name, server.as_str(), &rfc3339(one.at_ms)];
                lines.numeric(reader, RPL_WHOISSERVER, &params);
            }
            lines.numeric(reader, RPL_ENDOFWHOWAS, &[nick, "End of WHOWAS"]);
        })
    }
}

/// Names with commas between them, as many to a line as fit.
fn listed(names: impl Iterator<Item = String>) -> Vec<String> {
    let lines = split::filled(names, MAX_LIST).into_iter();
    lines.map(|line| line.replace(' ', ",")).collect()
}
