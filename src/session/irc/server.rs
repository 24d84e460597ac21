//! Commands about the server: PING, LUSERS, STATS, MOTD, VERSION, TIME, INFO, ADMIN, LINKS,
//! HELP.

use crate::model::time::unix_ms;
use crate::protocol::irc::message::Message;
use crate::protocol::irc::numerics::*;
use crate::protocol::irc::terms::VERSION;
use crate::protocol::irc::{Cap, commands, write_isupport};
use crate::protocol::rfc3339;

use super::IrcSession;
use crate::session::attached::Flow;

impl IrcSession {
    pub(super) fn ping(&mut self, message: &Message<'_>) -> Flow {
        let Some(&token) = message.params.first().filter(|token| !token.is_empty()) else {
            return self.numeric(ERR_NEEDMOREPARAMS, &["PING", "Not enough parameters"]);
        };
        self.write(|_, lines| {
            let name = lines.terms.name.clone();
            lines.by_server("PONG", &[&name, token]);
        })
    }

    pub(super) fn lusers(&mut self) -> Flow {
        let hub = &self.attached.context.hub;
        let Ok(counts) = hub.ask(|hub, _, _| hub.counts()) else {
            return Flow::Stop;
        };
        let unknown = counts.connections.saturating_sub(counts.users_here);
        let here = counts.users_here;
        let (most_here, most) = counts.most_users;
        let [users, here, most, most_here] =
            [counts.users, here, most, most_here].map(|count| count.to_string());
        let shown = counts.users.saturating_sub(counts.invisible);
        self.write(|reader, lines| {
            let invisible = counts.invisible;
            let words = format!("There are {shown} users and {invisible} invisible on 1 servers");
            lines.numeric(reader, RPL_LUSERCLIENT, &[&words]);
            for (code, count, words) in [
                (RPL_LUSEROP, counts.operators, "operator(s) online"),
                (RPL_LUSERUNKNOWN, unknown, "unregistered connections"),
                (RPL_LUSERCHANNELS, counts.channels, "channels formed"),
            ] {
                lines.numeric(reader, code, &[&count.to_string(), words]);
            }
            let words = format!("I have {here} clients and 0 servers");
            lines.numeric(reader, RPL_LUSERME, &[&words]);
            let words = format!("Current local users {here}, max {most_here}");
            lines.numeric(reader, RPL_LOCALUSERS, &[&here, &most_here, &words]);
            let words = format!("Current global users {users}, max {most}");
            lines.numeric(reader, RPL_GLOBALUSERS, &[&users, &most, &words]);
        })
    }

    pub(super) fn stats(&mut self, message: &Message<'_>) -> Flow {
        let letter: String = message.param(0).chars().take(1).collect();
        let up_ms = unix_ms().saturating_sub(self.terms().started_ms);
        self.write(|reader, lines| {
            if letter == "u" {
                let seconds = up_ms / 1000;
                let (days, rest) = (seconds / 86_400, seconds % 86_400);
                let (hours, minutes) = (rest / 3600, rest / 60 % 60);
                let words = format!(
                    "Server Up {days} days {hours}:{minutes:02}:{:02}",
                    rest % 60
                );
                lines.numeric(reader, RPL_STATSUPTIME, &[&words]);
            }
            lines.numeric(reader, RPL_ENDOFSTATS, &[&letter, "End of /STATS report"]);
        })
    }

    pub(super) fn motd(&mut self) -> Flow {
        if self.terms().motd.is_empty() {
            return self.numeric(ERR_NOMOTD, &["MOTD File is missing"]);
        }
        self.write(|reader, lines| {
            let terms = lines.terms;
            let words = format!("- {} Message of the day - ", terms.name);
            lines.numeric(reader, RPL_MOTDSTART, &[&words]);
            for line in &terms.motd {
                lines.numeric(reader, RPL_MOTD, &[&format!("- {line}")]);
            }
            lines.numeric(reader, RPL_ENDOFMOTD, &["End of /MOTD command."]);
        })
    }

    pub(super) fn version(&mut self) -> Flow {
        self.write(|reader, lines| {
            let name = lines.terms.name.clone();
            lines.numeric(reader, RPL_VERSION, &[VERSION, &name, "chat-server"]);
        })
    }

    pub(super) fn time(&mut self) -> Flow {
        self.write(|reader, lines| {
            let name = lines.terms.name.clone();
            lines.numeric(reader, RPL_TIME, &[&name, &rfc3339(unix_ms())]);
        })
    }

    pub(super) fn info(&mut self) -> Flow {
        self.write(|reader, lines| {
            lines.numeric(reader, RPL_INFO, &[VERSION]);
            let words = format!("This server was started {}", lines.terms.started);
            lines.numeric(reader, RPL_INFO, &[&words]);
            lines.numeric(reader, RPL_ENDOFINFO, &["End of INFO list"]);
        })
    }

    pub(super) fn isupport(&mut self) -> Flow {
        if !self.reader.has(Cap::ExtendedIsupport) {
            return self.unknown("ISUPPORT");
        }
        self.write(|reader, lines| {
            if reader.has(Cap::Batch) {
                lines.begin_batch("i", &["draft/isupport"]);
            }
            write_isupport(reader, lines);
            lines.end_batch();
        })
    }

    pub(super) fn admin(&mut self) -> Flow {
        self.write(|reader, lines| {
            let (name, network) = (lines.terms.name.clone(), lines.terms.network.clone());
            lines.numeric(reader, RPL_ADMINME, &[&name, "Administrative info"]);
            lines.numeric(reader, RPL_ADMINLOC1, &[&network]);
            lines.numeric(reader, RPL_ADMINLOC2, &[VERSION]);
            let words = "Nobody is named here";
            lines.numeric(reader, RPL_ADMINEMAIL, &[words]);
        })
    }

    pub(super) fn links(&mut self) -> Flow {
        self.numeric(RPL_ENDOFLINKS, &["*", "End of /LINKS list"])
    }

    pub(super) fn help(&mut self, message: &Message<'_>) -> Flow {
        let subject = message.param(0);
        if subject.is_empty() {
            return self.write(|reader, lines| {
                lines.numeric(reader, RPL_HELPSTART, &["*", "The commands of this server"]);
                for spec in commands::TABLE {
                    lines.numeric(reader, RPL_HELPTXT, &["*", spec.help]);
                }
                lines.numeric(reader, RPL_ENDOFHELP, &["*", "End of /HELP"]);
            });
        }
        match commands::find(subject) {
            Some(spec) => self.write(|reader, lines| {
                lines.numeric(reader, RPL_HELPSTART, &[subject, spec.help]);
                lines.numeric(reader, RPL_ENDOFHELP, &[subject, "End of /HELP"]);
            }),
            None => self.numeric(ERR_HELPNOTFOUND, &[subject, "No help for that"]),
        }
    }
}
