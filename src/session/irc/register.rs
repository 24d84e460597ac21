//! How a client gets its nickname: CAP, PASS, NICK and USER in any order.

use crate::account::Registrations;
use crate::hub::{Command, Farewell, Introduction, Refusal};
use crate::model::{Account, Name, NameError, Text};
use crate::protocol::foreign::is_blank;
use crate::protocol::irc::isupport::REAL_NAME_CHARS;
use crate::protocol::irc::message::Message;
use crate::protocol::irc::numerics::*;
use crate::protocol::irc::requests::Request;
use crate::protocol::irc::{Cap, Caps, caps, prefix, split};
use crate::turn::Input;

use super::{IrcSession, secret};
use crate::session::attached::Flow;
use crate::session::entry::Right;

/// The most lines before a client has its nickname.
const MAX_LINES: u32 = 100;

/// The bytes of capabilities in a line: what is left beside the longest names of server and
/// client. Clients that do not know version 302 understand one line only.
const CAPS_BYTES: usize = 400;

/// What is known of a client that has no nickname yet.
#[derive(Debug, Default)]
pub(super) struct Registering {
    nick: Option<Name>,
    introduction: Option<(String, String)>,
    password: Option<String>,
    /// The client asks for capabilities, and has not ended that.
    negotiates: bool,
    lines: u32,
    has_begun: bool,
}

impl Registering {
    /// The nickname that the client wants.
    pub fn nick(&self) -> Option<&Name> {
        self.nick.as_ref()
    }

    /// Whether the line that is being carried out is the first one.
    pub fn is_at_first_line(&self) -> bool {
        self.lines == 1
    }

    /// Whether a line is the first one with something in it.
    pub fn begins_a_request(&mut self, line: &[u8]) -> bool {
        let is_first = !self.has_begun && !is_blank(line);
        self.has_begun |= is_first;
        is_first
    }
}

impl IrcSession {
    /// Counts a line of a client without a nickname.
    pub(super) fn may_register_on(&mut self) -> bool {
        self.registering.as_mut().is_none_or(|registering| {
            registering.lines += 1;
            registering.lines <= MAX_LINES
        })
    }

    /// That the client is to come by TLS, for those that read values; browsers know it
    /// from elsewhere.
    fn sts(&self) -> Option<String> {
        let sts = self
            .terms()
            .sts
            .filter(|_| !self.reader.shape().is_framed());
        let is_secure = self.attached.link.session().is_some();
        sts.map(|sts| sts.capability(is_secure))
    }

    pub(super) fn cap(&mut self, message: &Message<'_>) -> Flow {
        let subcommand = message.param(0).to_ascii_uppercase();
        match subcommand.as_str() {
            "LS" => {
                self.negotiates(true);
                let version = message.param(1).parse::<u32>().unwrap_or_default();
                if version >= 302 {
                    // It is told of changes without asking for it.
                    let caps = self.reader.caps().with(Cap::CapNotify, true);
                    self.set_caps(caps);
                }
                let mut offered = caps::offered(self.terms(), self.registers, version >= 302);
                match version >= 302 {
                    true => offered.extend(self.sts()),
                    false => caps::keep_to_a_line(&mut offered, CAPS_BYTES),
                }
                self.say_caps("LS", &offered)
            }
            "LIST" => {
                let own: Vec<String> = self.reader.caps().names().map(str::to_owned).collect();
                self.say_caps("LIST", &own)
            }
            "REQ" => self.request_caps(message.param(1)),
            "END" => {
                self.negotiates(false);
                if self.registering.is_some() && self.sasl.is_open() {
                    let flow = self.abort_sasl();
                    if flow == Flow::Stop {
                        return flow;
                    }
                }
                self.complete()
            }
            _ => {
                let words = "Invalid CAP command";
                self.numeric(ERR_INVALIDCAPCMD, &[message.param(0), words])
            }
        }
    }

    fn negotiates(&mut self, negotiates: bool) {
        if let Some(registering) = &mut self.registering {
            registering.negotiates = negotiates;
        }
    }

    fn say_caps(&mut self, subcommand: &str, names: &[String]) -> Flow {
        let mut texts = split::filled(names.iter().cloned(), CAPS_BYTES);
        let last = texts.pop().unwrap_or_default();
        self.write(|reader, lines| {
            for names in &texts {
                lines.by_server("CAP", &[reader.shown(), subcommand, "*", names]);
            }
            lines.by_server("CAP", &[reader.shown(), subcommand, &last]);
        })
    }

    fn request_caps(&mut self, wanted: &str) -> Flow {
        self.negotiates(true);
        let after = self.reader.caps().after(wanted, self.registers);
        let answer = match after {
            Some(caps) => {
                self.set_caps(caps);
                "ACK"
            }
            None => "NAK",
        };
        self.write(|reader, lines| {
            lines.by_server("CAP", &[reader.shown(), answer, wanted]);
        })
    }

    /// Whether everyone registers accounts, as the client is told, may have changed: it is told
    /// with what keeps a connection up, since it matters to nobody at once.
    pub(super) fn tell_offers(&mut self) -> Flow {
        let registers = self.attached.context.accounts.registrations() == Registrations::Open;
        if std::mem::replace(&mut self.registers, registers) == registers {
            return Flow::Continue;
        }
        let is_told = self.reader.has(Cap::CapNotify);
        if !registers && self.reader.has(Cap::AccountRegistration) {
            let caps = self.reader.caps().with(Cap::AccountRegistration, false);
            self.set_caps(caps);
        }
        if !is_told {
            return Flow::Continue;
        }
        let (subcommand, with_values) = if registers {
            ("NEW", true)
        } else {
            ("DEL", false)
        };
        let shown = caps::registration(self.terms(), with_values);
        // It answers nothing.
        let label = std::mem::take(&mut self.label);
        let flow = self.write(|reader, lines| {
            lines.by_server("CAP", &[reader.shown(), subcommand, &shown]);
        });
        self.label = label;
        flow
    }

    fn set_caps(&mut self, caps: Caps) {
        let typing = caps.has(Cap::MessageTags);
        if typing != self.reader.has(Cap::MessageTags) {
            // If the hub thread has ended, nothing is told any more.
            let _ = self.attached.command(Command::Listen { typing });
        }
        self.reader.set_caps(caps);
        // If the hub thread has ended, nothing is encoded any more.
        let _ = (self.attached.context.hub).send(Input::Adapt(self.attached.id, caps));
    }

    pub(super) fn pass(&mut self, message: &Message<'_>) -> Flow {
        let Some(registering) = &mut self.registering else {
            return self.already_registered();
        };
        registering.password = Some(message.param(0).to_owned());
        Flow::Continue
    }

    pub(super) fn user(&mut self, message: &Message<'_>) -> Flow {
        let Some(registering) = &mut self.registering else {
            return self.already_registered();
        };
        let real_name: String = message.param(3).chars().take(REAL_NAME_CHARS).collect();
        if message.param(0).is_empty() || real_name.is_empty() {
            return self.numeric(ERR_NEEDMOREPARAMS, &["USER", "Not enough parameters"]);
        }
        let user = prefix::user(message.param(0));
        self.user.clone_from(&user);
        registering.introduction = Some((user, real_name));
        self.complete()
    }

    pub(super) fn already_registered(&mut self) -> Flow {
        self.numeric(ERR_ALREADYREGISTERED, &["You may not reregister"])
    }

    pub(super) fn nick(&mut self, message: &Message<'_>) -> Flow {
        let written = message.param(0);
        if written.is_empty() {
            return self.numeric(ERR_NONICKNAMEGIVEN, &["No nickname given"]);
        }
        let name = match nickname(written) {
            Ok(name) => name,
            Err(error) => {
                let words = format!("Erroneous nickname: {error}");
                let shown: String = written.chars().take(64).collect();
                return self.numeric(ERR_ERRONEUSNICKNAME, &[&shown, &words]);
            }
        };
        if let Some(registering) = &mut self.registering {
            registering.nick = Some(name);
            return self.complete();
        }
        self.refresh_nick();
        if (self.reader.nick.as_ref()).is_some_and(|nick| nick.as_str() == name.as_str()) {
            return Flow::Continue;
        }
        self.is_renamed = true;
        let request = Request {
            command: "NICK",
            target: written,
            ..Request::default()
        };
        if let Some(account) = self.account.clone()
            && let Err(refusal) = self.wish_nickname(&account, &name)
        {
            let refuse = Command::Refuse {
                tag: None,
                refusal,
                logged: None,
            };
            return self.ask(&request, refuse);
        }
        self.ask(&request, Command::Rename(name))
    }

    /// Lets the hub know what the client wants its account to be called, if it may be called
    /// otherwise than by its name.
    fn wish_nickname(&self, account: &Account, name: &Name) -> Result<(), Refusal> {
        if !self.terms().frees_nicknames {
            return Err(Refusal::NicknameIsAccount);
        }
        let hub = &self.attached.context.hub;
        if *name != account.username {
            self.guest(name)?;
            hub.reserve(name, Some(account.id))?;
        }
        let (id, name) = (self.attached.id, name.clone());
        let wished = hub.ask(move |hub, _, _| hub.wish_nickname(id, name));
        wished.map_err(|_| Refusal::CannotLookUp)
    }

    /// Takes the nickname once everything that it needs is known.
    fn complete(&mut self) -> Flow {
        let Some(registering) = &self.registering else {
            return Flow::Continue;
        };
        if registering.negotiates || registering.nick.is_none() {
            return Flow::Continue;
        }
        let Some((user, real_name)) = registering.introduction.clone() else {
            return Flow::Continue;
        };
        let given = registering.password.clone();
        if let Some(farewell) = self.check_password(given) {
            return farewell;
        }
        let introduction = Introduction {
            user: user.into(),
            real_name: Text::one_line(&real_name),
        };
        let id = self.attached.id;
        let introduced = self
            .attached
            .context
            .hub
            .ask(move |hub, _, _| hub.introduce(id, introduction));
        if introduced.is_err() {
            return self.ends(Farewell::InternalError);
        }
        self.claim()
    }

    /// Checks the password of the server, or logs in to the account that the client has
    /// given instead. Returns whether the thread goes on, if nothing comes of it.
    fn check_password(&mut self, given: Option<String>) -> Option<Flow> {
        if let Some(needed) = &self.attached.context.irc.password {
            if given.is_some_and(|given| secret(&given) == *needed) {
                return None;
            }
            let flow = self.numeric(ERR_PASSWDMISMATCH, &["Password incorrect"]);
            return Some(match flow {
                Flow::Continue => self.ends(Farewell::Quit),
                Flow::Stop => flow,
            });
        }
        let given = given.filter(|_| self.account.is_none());
        let (account, password) = given.as_deref()?.split_once(':')?;
        let account = Name::parse(account).ok()?;
        match self.log_in(&account, &secret(password)) {
            // It has no nickname yet, and is in no channel.
            Ok(_) => None,
            Err(words) => Some(match self.numeric(ERR_PASSWDMISMATCH, &[&words]) {
                Flow::Continue => self.ends(Farewell::Quit),
                Flow::Stop => Flow::Stop,
            }),
        }
    }

    fn claim(&mut self) -> Flow {
        let wanted = self.registering.as_ref().and_then(|it| it.nick.clone());
        let Some(wanted) = wanted else {
            return Flow::Continue;
        };
        let answer = match &self.account {
            Some(account) => {
                if self.terms().frees_nicknames
                    && let Err(refusal) = self.wish_nickname(account, &wanted)
                {
                    return self.refuse_nick(&wanted, &refusal);
                }
                let right = Right::Account(account, None);
                self.attached.claim(account.username.clone(), right)
            }
            None => match self.guest(&wanted) {
                Ok(()) => self.attached.claim(wanted, Right::Guest),
                Err(refusal) => return self.refuse_nick(&wanted, &refusal),
            },
        };
        match answer {
            Ok(Ok(())) => self.if_current(IrcSession::welcome),
            // The hub has told the client.
            Ok(Err(_)) => {
                self.forget_nick();
                Flow::Continue
            }
            Err(_) => self.ends(Farewell::InternalError),
        }
    }

    fn forget_nick(&mut self) {
        if let Some(registering) = &mut self.registering {
            registering.nick = None;
        }
    }

    /// Whether a guest may have this nickname.
    fn guest(&self, name: &Name) -> Result<(), Refusal> {
        let accounts = &self.attached.context.accounts;
        accounts.check_guest(self.attached.asker(), name)
    }

    fn refuse_nick(&mut self, name: &Name, refusal: &Refusal) -> Flow {
        self.forget_nick();
        let words = refusal.to_string();
        self.numeric(ERR_NICKNAMEINUSE, &[name.as_str(), &words])
    }

    /// The client has its nickname, and the hub has greeted it.
    fn welcome(&mut self) -> Flow {
        self.registering = None;
        self.is_renamed = true;
        for say in [IrcSession::lusers, IrcSession::motd] {
            if say(self) == Flow::Stop {
                return Flow::Stop;
            }
        }
        self.rejoin(Vec::new())
    }
}

/// A nickname as IRC clients write it.
pub(super) fn nickname(written: &str) -> Result<Name, NameError> {
    match written.starts_with(['@', '#']) {
        true => Name::parse(written),
        false => Name::parse_nickname(written),
    }
}
