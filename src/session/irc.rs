//! The session of an IRC connection: first who the client is, then its commands, as
//! fast as the limits allow. A client that sends faster is read more slowly, and nothing
//! is dropped.

mod channels;
mod history;
mod lists;
mod marks;
mod metadata;
mod multiline;
mod new_account;
mod operating;
mod operator;
mod own_modes;
mod pages;
mod people;
mod register;
mod rejoin;
mod sasl;
mod server;
mod services;
mod talk;
mod watching;
mod webirc;

use std::collections::HashMap;
use std::net::SocketAddr;

use crate::account::Registrations;
use crate::http::Upgraded;
use crate::hub::{Command, Farewell, Pass, Traits};
use crate::model::governance::Key;
use crate::model::{Account, MessageId, Name, Secret};
use crate::net::transport::Transport;
use crate::protocol::foreign::is_request_line;
use crate::protocol::irc::commands::{self, Spec, Verb};
use crate::protocol::irc::lines::Lines;
use crate::protocol::irc::message::{Decoder, Input, Message, Mistake, command_of, label};
use crate::protocol::irc::multiline::Multiline;
use crate::protocol::irc::numerics::*;
use crate::protocol::irc::requests::Request;
use crate::protocol::irc::{Cap, Reader, Terms};
use crate::protocol::speech::{IRC, IRC_BINARY, IRC_TEXT};

use super::attached::{Attached, Flow};
use super::context::SessionContext;
use super::rate::{Notice, Paced, Sent};
use super::stream::{self, Session};
use super::websocket::{self, READ_BYTES};
use register::Registering;
use services::Service;

/// Serves an IRC connection until it ends.
pub fn serve(transport: Transport, peer: SocketAddr, context: SessionContext) {
    stream::serve(transport, peer, &IRC, &context, IrcSession::new);
}

/// Serves IRC over a WebSocket, of which each message is a line: text or binary.
pub fn serve_websocket(upgraded: Upgraded, context: &SessionContext, is_binary: bool) {
    let speech = if is_binary { &IRC_BINARY } else { &IRC_TEXT };
    websocket::serve(upgraded, speech, context, READ_BYTES, IrcSession::new);
}

/// As many bytes of a line cost as much as a message: the longest line without tags has fewer.
const LINE_BYTES: usize = 512;

/// Takes the lines of one connection to the hub.
pub(super) struct IrcSession {
    attached: Attached,
    decoder: Decoder,
    /// What the client's own answers depend on; the outbox has another one.
    reader: Reader,
    /// Whether everyone registers accounts, as far as the client knows.
    registers: bool,
    /// The nickname may have changed since it was last looked up.
    is_renamed: bool,
    /// How often nicknames of accounts had changed by then.
    seen_changes: u64,
    /// `None` once the client has its nickname.
    registering: Option<Box<Registering>>,
    /// The account that the client has logged in to.
    account: Option<Account>,
    sasl: sasl::Dialogue,
    /// What the client calls its user.
    user: String,
    /// What the user is and wants, as the hub knows it.
    traits: Traits,
    /// The name under which the user operates the server.
    operator: Option<String>,
    is_over: bool,
    /// The label of the request that is being carried out; mostly none.
    label: String,
    /// The message of several lines that the client is sending.
    multiline: Option<Box<Multiline>>,
    /// What a gateway has said of the client.
    via: Option<Box<webirc::Via>>,
    /// Until when the user has read direct conversations.
    read_threads: HashMap<Name, MessageId>,
}

impl Session for IrcSession {
    fn bytes(&mut self, bytes: &[u8]) -> Flow {
        self.attached.link.note_heard();
        let mut decoder = std::mem::take(&mut self.decoder);
        let mut flow = Flow::Continue;
        decoder.feed(bytes, |input| {
            flow = match input {
                Input::Line(line) => self.line(line),
                Input::TooLong => self.too_long(),
            };
            flow == Flow::Continue && !self.is_over && !self.attached.link.is_closing()
        });
        self.decoder = decoder;
        flow
    }

    /// A line without its end may be half a line.
    fn finish(&mut self) {}
}

impl websocket::Session for IrcSession {
    fn text(&mut self, text: &str) -> Flow {
        self.binary(text.as_bytes())
    }

    fn overlong(&mut self, _: &str) -> Flow {
        self.too_long()
    }

    /// A line needs no end here.
    fn binary(&mut self, bytes: &[u8]) -> Flow {
        let line = bytes.trim_ascii_end();
        match (self.bytes(line), self.is_over) {
            (Flow::Continue, false) => self.bytes(b"\n"),
            (flow, _) => flow,
        }
    }
}

impl Paced for IrcSession {
    fn attached(&mut self) -> &mut Attached {
        &mut self.attached
    }

    fn say_pace(&self, _: Notice, _: &Sent<'_>) -> Flow {
        Flow::Continue
    }
}

impl IrcSession {
    fn new(attached: Attached) -> IrcSession {
        let registrations = attached.context.accounts.registrations();
        IrcSession {
            registers: registrations == Registrations::Open,
            attached,
            decoder: Decoder::default(),
            reader: Reader::default(),
            is_renamed: false,
            seen_changes: 0,
            registering: Some(Box::default()),
            account: None,
            sasl: sasl::Dialogue::default(),
            user: String::new(),
            traits: Traits::default(),
            operator: None,
            is_over: false,
            label: String::new(),
            multiline: None,
            via: None,
            read_threads: HashMap::new(),
        }
    }

    fn terms(&self) -> &Terms {
        &self.attached.context.irc.terms
    }

    /// Carries out a line. If it has a label, so do its answers.
    fn line(&mut self, line: &[u8]) -> Flow {
        if !self.reader.has(Cap::LabeledResponse) {
            return self.unlabelled(line);
        }
        self.label = label(line).unwrap_or_default().to_owned();
        let flow = self.unlabelled(line);
        match flow == Flow::Stop || self.is_over || self.label.is_empty() {
            true => flow,
            false => self.end_answers(),
        }
    }

    fn end_answers(&mut self) -> Flow {
        let flow = self.answer(Vec::new());
        self.label.clear();
        flow
    }

    /// Gives the client lines, which answer its request if that has a label.
    fn answer(&mut self, lines: Vec<u8>) -> Flow {
        self.answer_with(Command::Answer(lines))
    }

    /// The same by a command that does so.
    fn answer_with(&mut self, command: Command) -> Flow {
        if self.label.is_empty() {
            return self.attached.command(command);
        }
        let request = Request {
            label: &self.label,
            ..Request::default()
        };
        self.attached.command(Command::Marked {
            mark: request.mark(),
            command: Box::new(command),
        })
    }

    fn unlabelled(&mut self, line: &[u8]) -> Flow {
        if let Some(registering) = &mut self.registering
            && registering.begins_a_request(line)
            && is_request_line(line)
            && !begins_with_a_command(line)
        {
            return self.ends(Farewell::SpokeHttp);
        }
        let message = match Message::parse(line) {
            Ok(message) => message,
            // A label alone is answered, too.
            Err(Mistake::Empty) if self.label.is_empty() => return Flow::Continue,
            Err(Mistake::Empty) => return self.in_turn(1, |_| Flow::Continue),
            Err(Mistake::TooLong) => return self.too_long(),
            Err(Mistake::NotText) => return self.in_turn(1, |session| session.not_text(line)),
        };
        let Some(spec) = commands::find(message.command) else {
            return self.in_turn(1, |session| session.unknown(message.command));
        };
        // What is free is so because nothing answers it.
        let cost = spec.cost.max(u32::from(!self.label.is_empty()));
        let cost = cost.saturating_add(further_cost(line));
        self.in_turn(cost, |session| session.understood(spec, &message))
    }

    /// Does something when it is the client's turn, whatever the client has sent: nothing
    /// that is answered is free.
    fn in_turn(&mut self, cost: u32, act: impl FnOnce(&mut IrcSession) -> Flow) -> Flow {
        if self.registering.is_none() {
            self.attached.pace.wait_turn(cost);
        } else if !self.may_register_on() {
            return self.ends(Farewell::Flooding);
        }
        act(self)
    }

    fn understood(&mut self, spec: &Spec, message: &Message<'_>) -> Flow {
        if self.registering.is_some() && !spec.is_early {
            return self.numeric(ERR_NOTREGISTERED, &["You have not registered"]);
        }
        if message.params.len() < spec.least {
            return self.numeric(ERR_NEEDMOREPARAMS, &[spec.name, "Not enough parameters"]);
        }
        self.carry_out(spec, message)
    }

    fn carry_out(&mut self, spec: &Spec, message: &Message<'_>) -> Flow {
        if matches!(spec.verb, Verb::Cap | Verb::Ping | Verb::Pong)
            && self.tell_offers() == Flow::Stop
        {
            return Flow::Stop;
        }
        if let Some(batch) = message.tag("batch")
            && spec.verb != Verb::Batch
            && self.reader.has(Cap::Multiline)
        {
            return self.add_line(spec, batch, message);
        }
        match spec.verb {
            Verb::Authenticate => self.authenticate(message),
            Verb::Batch => self.batch(message),
            Verb::Cap => self.cap(message),
            Verb::Chathistory => self.chathistory(message),
            Verb::Markread => self.markread(message),
            Verb::Metadata => self.metadata(message),
            Verb::Register => self.register(message),
            Verb::Verify => self.verify(message),
            Verb::Nick => self.nick(message),
            Verb::Chanserv => self.service(Service::Channels, message),
            Verb::Nickserv => self.service(Service::Nicknames, message),
            Verb::Pass => self.pass(message),
            Verb::Ping => self.ping(message),
            Verb::Pong => Flow::Continue,
            Verb::Quit => self.quit(message),
            Verb::User => self.user(message),
            Verb::Webirc => self.webirc(message),
            Verb::Invite => self.invite(message),
            Verb::Join => self.join(message),
            Verb::Kick => self.kick(message),
            Verb::Kill => self.kill(message),
            Verb::Kline => self.kline(message),
            Verb::Unkline => self.unkline(message),
            Verb::Rehash => self.rehash(),
            Verb::Sajoin => self.sajoin(message),
            Verb::Samode => self.samode(message),
            Verb::Sapart => self.sapart(message),
            Verb::Mode => self.mode(message),
            Verb::Monitor => self.monitor(message),
            Verb::Oper => self.oper(message),
            Verb::Part => self.part(message),
            Verb::Topic => self.topic(message),
            Verb::List => self.list(message),
            Verb::Names => self.names(message),
            Verb::Away => self.away(message),
            Verb::Ison => self.ison(message),
            Verb::Isupport => self.isupport(),
            Verb::Setname => self.setname(message),
            Verb::Userhost => self.userhost(message),
            Verb::Who => self.who(message),
            Verb::Whois => self.whois(message),
            Verb::Whowas => self.whowas(message),
            Verb::Wallops => self.wallops(message),
            Verb::Stats => self.stats(message),
            Verb::Notice | Verb::Privmsg => self.talk(spec.name, message),
            Verb::Tagmsg => self.tagmsg(message),
            Verb::Redact => self.redact(message),
            Verb::Admin => self.admin(),
            Verb::Help => self.help(message),
            Verb::Info => self.info(),
            Verb::Links => self.links(),
            Verb::Lusers => self.lusers(),
            Verb::Motd => self.motd(),
            Verb::Summon => self.numeric(ERR_SUMMONDISABLED, &["SUMMON is not done here"]),
            Verb::Time => self.time(),
            Verb::Users => self.numeric(ERR_USERSDISABLED, &["USERS is not done here"]),
            Verb::Version => self.version(),
        }
    }

    /// Closes the connection for this reason. Later lines are dropped.
    fn ends(&mut self, why: Farewell) -> Flow {
        self.is_over = true;
        self.attached.close(why)
    }

    fn quit(&mut self, message: &Message<'_>) -> Flow {
        if self.registering.is_some() {
            return self.ends(Farewell::Quit);
        }
        let reason = message.params.first().map(|words| {
            let words = format!("Quit: {words}");
            reason_of(&words)
        });
        self.is_over = true;
        self.attached.command(Command::Quit { reason })
    }

    fn unknown(&mut self, command: &str) -> Flow {
        let command: String = command.chars().take(32).collect();
        self.numeric(ERR_UNKNOWNCOMMAND, &[&command, "Unknown command"])
    }

    fn too_long(&mut self) -> Flow {
        self.in_turn(1, |session| {
            session.numeric(ERR_INPUTTOOLONG, &["Input line was too long"])
        })
    }

    fn not_text(&mut self, line: &[u8]) -> Flow {
        let command = command_of(line).and_then(commands::find);
        let command = command.map_or("*", |spec| spec.name);
        let words = "Messages must be encoded in UTF-8";
        self.fail(command, "INVALID_UTF8", &[], words)
    }

    /// Answers the client, in order with the hub's answers.
    fn numeric(&mut self, code: &str, params: &[&str]) -> Flow {
        self.write(|reader, lines| lines.numeric(reader, code, params))
    }

    /// Answers the client with lines, in order with the hub's answers.
    fn write(&mut self, write: impl FnOnce(&Reader, &mut Lines<'_>)) -> Flow {
        self.refresh_nick();
        let bytes = self.lines(write);
        match bytes.is_empty() {
            // Nothing at all would be the end of the answers.
            true => Flow::Continue,
            false => self.answer(bytes),
        }
    }

    /// Lines for the client.
    fn lines(&self, write: impl FnOnce(&Reader, &mut Lines<'_>)) -> Vec<u8> {
        let mut bytes = Vec::new();
        let terms = &self.attached.context.irc.terms;
        let now_ms = crate::model::time::unix_ms();
        let mut lines = Lines::new(terms, self.reader.shape(), now_ms, &mut bytes);
        write(&self.reader, &mut lines);
        bytes
    }

    /// Tells the client that a command has failed, in the form of standard replies.
    fn fail(&mut self, command: &str, code: &str, about: &[&str], words: &str) -> Flow {
        self.write(|_, lines| lines.fail(command, code, about, words))
    }

    /// Looks up the nickname if it may have changed. The hub is asked only after what this
    /// client has done itself, and until that is done.
    fn refresh_nick(&mut self) {
        self.see_nickname();
        if !self.is_renamed {
            return;
        }
        let id = self.attached.id;
        let hub = &self.attached.context.hub;
        if let Ok(Some((nick, is_settled))) = hub.ask(move |hub, _, _| hub.called(id)) {
            self.reader.nick = Some(nick);
            self.is_renamed = !is_settled;
        }
    }

    /// Takes note of what another connection has the account called.
    fn see_nickname(&mut self) {
        let nicknames = &self.attached.context.irc.terms.nicknames;
        let changes = nicknames.changes();
        if std::mem::replace(&mut self.seen_changes, changes) == changes {
            return;
        }
        let account = self.account.as_ref().filter(|_| self.registering.is_none());
        let Some(account) = account.map(|account| &account.username) else {
            return;
        };
        let called = nicknames.shown(account);
        // A guest who has become its user may spell its name otherwise.
        let is_spelled = self.reader.nick.as_ref() == Some(account) && called == *account;
        if !is_spelled {
            self.reader.nick = Some(called);
        }
    }

    /// Has the hub carry out a command, whose answers belong to this request.
    fn ask(&mut self, request: &Request<'_>, command: Command) -> Flow {
        let has_account = self.account.is_some();
        let command = self.terms().nicknames.command(command);
        let command = match self.attached.look_up(has_account, command) {
            Ok(command) => command,
            Err(refusal) => Command::Refuse {
                tag: None,
                refusal,
                logged: None,
            },
        };
        let request = Request {
            label: &self.label,
            ..*request
        };
        self.attached.command(Command::Marked {
            mark: request.mark(),
            command: Box::new(command),
        })
    }

    /// The channel that a client has written; told why not if it is none.
    fn channel(&mut self, written: &str) -> Result<Name, Flow> {
        let name = written.strip_prefix('#').ok_or("that is no channel");
        let name = name.map(Name::parse);
        let words = match name {
            Ok(Ok(name)) => return Ok(name),
            Ok(Err(error)) => format!("No such channel: {error}"),
            Err(words) => format!("No such channel: {words}"),
        };
        Err(self.numeric(ERR_NOSUCHCHANNEL, &[written, &words]))
    }
}

/// What a line counts beyond its command: long tags go to as many as the message.
fn further_cost(line: &[u8]) -> u32 {
    u32::try_from(line.len() / LINE_BYTES).unwrap_or(u32::MAX)
}

/// Whether a line begins with a command: `NICK *` would be an HTTP request otherwise.
fn begins_with_a_command(line: &[u8]) -> bool {
    Message::parse(line).is_ok_and(|message| commands::find(message.command).is_some())
}

/// A reason of at most so many characters as one may have.
fn reason_of(words: &str) -> crate::model::Text {
    let words: String = words.chars().take(crate::hub::MAX_REASON_CHARS).collect();
    crate::model::Text::one_line(&words)
}

/// What opens a channel, if a client has given a key.
fn pass_of(key: &str) -> Option<Pass> {
    Key::parse(key).ok().map(Pass::Key)
}

/// A secret that a client has sent.
fn secret(words: &str) -> Secret {
    Secret::new(words)
}
