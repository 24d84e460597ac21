//! NickServ and ChanServ: what IRC clients and people know services by. They are no
//! users: what is written to them are commands, which the connection's thread carries out.

mod channels;
mod own_account;

use crate::account::RegistrationForm;
use crate::hub::Command;
use crate::model::Name;
use crate::protocol::irc::message::Message;
use crate::protocol::irc::requests::Request;

use super::{IrcSession, secret};
use crate::session::attached::Flow;

/// A service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Service {
    /// Nicknames and accounts.
    Nicknames,
    /// Channels.
    Channels,
}

/// A row of the help: the words of a command, and what it does.
type Help = &'static [(&'static str, &'static str)];

const HELP_NICKNAMES: Help = &[
    (
        "REGISTER password [email] [invitation]",
        "makes your nickname an account; * is no e-mail address",
    ),
    ("IDENTIFY [account] password", "logs in to an account"),
    (
        "PASSWD present new",
        "changes the password of your account, and ends your other connections",
    ),
    (
        "SET EMAIL password [email]",
        "changes the e-mail address of your account, or takes it away",
    ),
    ("INFO [nick]", "says whether a nickname is registered"),
    ("GHOST", "ends your other connections"),
];

impl Service {
    /// The service of this name, in any case.
    pub fn named(name: &str) -> Option<Service> {
        let all = [Service::Nicknames, Service::Channels];
        all.into_iter()
            .find(|it| it.name().eq_ignore_ascii_case(name))
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Service::Nicknames => "NickServ",
            Service::Channels => "ChanServ",
        }
    }

    fn help(self) -> Help {
        match self {
            Service::Nicknames => HELP_NICKNAMES,
            Service::Channels => channels::HELP,
        }
    }
}

impl IrcSession {
    /// Carries out `NS` and `CS`, whose parameters are what is written to the service.
    pub(super) fn service(&mut self, service: Service, message: &Message<'_>) -> Flow {
        let words = message.params.join(" ");
        self.serve_words(service, &words)
    }

    /// Carries out what is written to a service.
    pub(super) fn serve_words(&mut self, service: Service, words: &str) -> Flow {
        let words: Vec<&str> = words.split_ascii_whitespace().collect();
        let Some((command, args)) = words.split_first() else {
            return self.serve_help(service);
        };
        let command = command.to_ascii_uppercase();
        match (service, command.as_str()) {
            (_, "HELP") => self.serve_help(service),
            (Service::Nicknames, "REGISTER") => self.register_nick(args),
            (Service::Nicknames, "IDENTIFY" | "LOGIN") => self.identify(args),
            (Service::Nicknames, "PASSWD") => self.change_password(args),
            (Service::Nicknames, "SET") => self.set_own(args),
            (Service::Nicknames, "INFO") => self.nick_info(args),
            (Service::Nicknames, "GHOST") => self.ghost(),
            (Service::Nicknames, "LOGOUT") => self.says(service, "Reconnect without logging in."),
            (Service::Channels, command) => self.serve_channel(command, args),
            (Service::Nicknames, _) => self.not_known(service),
        }
    }

    fn serve_help(&mut self, service: Service) -> Flow {
        self.write(|reader, lines| {
            for (command, does) in service.help() {
                let words = format!("{command}: {does}");
                lines.service_notice(reader, service.name(), &words);
            }
        })
    }

    pub(super) fn not_known(&mut self, service: Service) -> Flow {
        let words = format!(
            "That is no command. /MSG {} HELP lists them.",
            service.name()
        );
        self.says(service, &words)
    }

    /// Answers as a service.
    pub(super) fn says(&mut self, service: Service, words: &str) -> Flow {
        self.write(|reader, lines| lines.service_notice(reader, service.name(), words))
    }

    /// Makes the client's nickname an account.
    fn register_nick(&mut self, args: &[&str]) -> Flow {
        let service = Service::Nicknames;
        let Some(password) = args.first() else {
            return self.says(service, "REGISTER needs a password.");
        };
        if let Some(account) = &self.account {
            let words = format!("You are logged in as {} already.", account.username);
            return self.says(service, &words);
        }
        let email = args.get(1).copied().unwrap_or_default();
        if matches!(email, "" | "*") && self.terms().email_required {
            return self.says(
                service,
                "REGISTER needs an e-mail address after the password.",
            );
        }
        self.refresh_nick();
        let own = self.reader.shown().to_owned();
        let form = RegistrationForm {
            username: &own,
            password,
            email: if email == "*" { "" } else { email },
            invitation: args.get(2).copied().unwrap_or_default(),
            ..RegistrationForm::default()
        };
        let lengths = self.attached.context.accounts.lengths();
        let words = match form.check_short(lengths) {
            Err(errors) => match errors.first() {
                Some((field, error)) => format!("The {field} {error}."),
                None => "That cannot be registered.".to_owned(),
            },
            Ok(registration) => match self.make_account(registration) {
                Ok(account) => {
                    let name = account.username;
                    format!("The nickname {name} is yours now. Log in by SASL, or with IDENTIFY.")
                }
                Err(rejected) => format!("{rejected}."),
            },
        };
        self.says(service, &words)
    }

    fn identify(&mut self, args: &[&str]) -> Flow {
        let service = Service::Nicknames;
        let own = match &self.account {
            Some(account) => account.username.to_string(),
            None => self.reader.shown().to_owned(),
        };
        let (account, password) = match args {
            [password] => (own.as_str(), *password),
            [account, password, ..] => (*account, *password),
            [] => return self.says(service, "IDENTIFY needs a password."),
        };
        let Ok(name) = Name::parse(account) else {
            return self.says(service, "That is no account.");
        };
        if let Some(account) = self.account.as_ref().map(|it| &it.username)
            && *account == name
        {
            let words = format!("You are logged in as {account} already.");
            return self.says(service, &words);
        }
        match self.log_in(&name, &secret(password)) {
            Ok(channels) => self.if_current(|session| {
                let words = format!("You are now logged in as {name}.");
                match session.says(service, &words) {
                    Flow::Continue => session.rejoin(channels),
                    Flow::Stop => Flow::Stop,
                }
            }),
            Err(words) => self.says(service, &format!("{words}.")),
        }
    }

    fn nick_info(&mut self, args: &[&str]) -> Flow {
        let service = Service::Nicknames;
        let own = self.reader.shown().to_owned();
        let nick = args.first().copied().unwrap_or(&own);
        let Ok(name) = Name::parse(nick) else {
            return self.says(service, "That is no nickname.");
        };
        let accounts = &self.attached.context.accounts;
        let found = accounts.find(self.attached.asker(), &name);
        let words = match found {
            Ok(Some(account)) => format!("{} is registered.", account.username),
            Ok(None) => format!("{name} is not registered."),
            Err(_) => "That cannot be looked up at present.".to_owned(),
        };
        self.says(service, &words)
    }

    /// Ends the other connections of the client's account here.
    fn ghost(&mut self) -> Flow {
        let service = Service::Nicknames;
        if self.account.is_none() {
            return self.says(service, "You are not logged in.");
        }
        let id = self.attached.id;
        let hub = &self.attached.context.hub;
        match hub.ask(move |hub, now, fx| hub.end_others_of(id, now, fx)) {
            Ok(count) => self.says(service, &format!("Ended {count} other connections.")),
            Err(_) => Flow::Stop,
        }
    }

    /// Has the hub carry out a command about a channel for ChanServ.
    fn ask_for_channel(&mut self, written: &str, command: Command) -> Flow {
        let request = Request {
            command: "CS",
            target: written,
            ..Request::default()
        };
        self.ask(&request, command)
    }
}
