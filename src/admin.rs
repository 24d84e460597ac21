//! What administrators do, whichever interface they use. Every action is an entry of the chat log,
//! as is every attempt with a wrong token; looking is no action, and no secret is ever part of an
//! entry.
//!
//! Knows no protocol: texts are checked here; parsing requests and wording refusals is up to the
//! interface.

mod accounts;
pub mod channels;
mod doors;
mod hooks;
mod keeping;
mod messages;
mod programs;
mod token;

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ipnet::IpNet;
use parking_lot::Mutex;

use crate::account::Accounts;
use crate::chatlog::ChatLog;
use crate::fair::Asker;
use crate::hub::{Ban, BanError, BanTarget, Listed, NodeId, Place, Refusal};
use crate::model::time::rfc3339;
use crate::model::time::unix_ms;
use crate::model::{Entry, Name, Origin, Text};
use crate::turn::{HubHandle, HubUnavailable, Input, Wanted};

pub use accounts::AccountDeed;
pub use channels::ChannelFailed;
pub use doors::{Doors, Grant, Missing, NotGranted};
pub use hooks::{Keeper as HookKeeper, NewHook};
pub use keeping::KeepingChanges;
pub use programs::ProgramFailed;
pub use token::AdminToken;

/// Saves the bans in force, so that they survive a restart.
pub type SaveBans = Box<dyn Fn(&[Ban]) -> io::Result<()> + Send + Sync>;

/// Counts an entry that is written for a program from an address, unless too much was.
pub type Spend = Box<dyn Fn(IpAddr) -> Result<(), Refusal> + Send + Sync>;

/// What administrators can do.
pub struct Administration {
    hub: HubHandle,
    log: ChatLog,
    /// Called after every change of the bans, never twice at once.
    save_bans: Mutex<SaveBans>,
    /// The longest announcement or reason; may change at any time.
    max_text_bytes: Arc<AtomicUsize>,
    /// The other servers, if there are several.
    servers: Option<Box<dyn AllServers>>,
    /// The accounts, and what the store has beside them; some tests have none.
    accounts: Option<Arc<Accounts>>,
    /// Counts what is written for programs; some tests do not.
    spend: Option<Spend>,
}

/// The servers that form one chat.
pub trait AllServers: Send + Sync {
    /// Their names; does not wait.
    fn called(&self) -> Servers;

    /// A number for a ban, unique on all servers and above this one; `None` if the servers cannot
    /// agree at present. Waits for the answer.
    fn ban_number(&self, above: u64) -> Option<u64>;
}

/// The names of servers that form one chat: `host:port`.
#[derive(Clone, Debug, Default)]
pub struct Servers {
    /// This one.
    pub here: String,
    /// The others.
    pub others: HashMap<NodeId, String>,
}

/// The users who are online.
#[derive(Clone, Debug)]
pub struct People {
    /// Each with its server, if there are several.
    pub list: Vec<(Listed, Option<String>)>,
    /// Whether there are more.
    pub more: bool,
}

/// What stands where the end of a text was cut off.
const CUT_OFF: &str = "…";
/// The most entries of [`Administration::people`].
pub const MAX_LISTED: usize = 100_000;
/// The number of entries unless the call says otherwise.
pub const USUALLY_LISTED: usize = 10_000;

/// Why the bans could not be changed.
#[derive(Clone, Debug, PartialEq)]
pub enum BansFailed {
    /// The hub does not answer.
    Hub,
    /// The servers cannot agree at present.
    CannotAgree,
    /// There is no room for more.
    Refused(BanError),
    /// There is no ban of this number.
    NoSuchBan(u64),
    /// It is done, but will not survive a restart, for this reason.
    NotSaved(String),
}

impl BansFailed {
    /// The text for [`BansFailed::CannotAgree`].
    pub const CANNOT_AGREE: &str =
        "the servers cannot agree on bans while Redis is away; try again";
}

/// The administrator who acts. It goes to the hub together with the action, so that one never
/// happens without the other being recorded.
#[derive(Clone, Debug)]
pub struct Actor(Origin);

impl Actor {
    /// The program that the chat is part of.
    pub const PROGRAM: Actor = Actor(Origin {
        address: None,
        token: None,
        account: None,
        token_id: None,
    });

    /// An administrator who came from an address.
    pub fn at(address: SocketAddr) -> Actor {
        Actor(Origin {
            address: Some(address),
            ..Origin::default()
        })
    }

    /// From where a program calls; `None` for administrators themselves.
    fn program_address(&self) -> Option<IpAddr> {
        let address = self.0.address.filter(|_| self.0.token.is_some());
        address.map(|it| it.ip())
    }

    /// Who waits for the store, in turn with others: the program waits as this machine does.
    fn asker(&self) -> Asker {
        let address = self.0.address.map(|it| it.ip());
        Asker::at(address.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)))
    }

    /// The same, by means of a program's token, or of the role of an account.
    pub fn by(mut self, grant: Option<&Grant>) -> Actor {
        let program = grant.and_then(Grant::program);
        self.0.token = program.map(|program| program.name.shown());
        self.0.token_id = program.map(|program| program.id.as_str().into());
        let account = grant.and_then(Grant::account);
        self.0.account = account.map(Name::shown);
        self
    }

    /// The entry for an action, at `now_ms` (since 1970 UTC), and the user it concerned.
    fn did(&self, now_ms: u64, whom: Option<&Name>, what: String) -> Entry {
        Entry {
            address: self.0.address,
            token: self.0.token.clone(),
            nick: self.0.account.clone(),
            token_id: self.0.token_id.clone(),
            to: whom.map(Name::shown),
            ..Entry::admin(now_ms, what)
        }
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.address {
            Some(address) => address.fmt(f)?,
            None => f.write_str("the program")?,
        }
        match (&self.0.token, &self.0.token_id, &self.0.account) {
            (Some(token), Some(id), _) => write!(f, " with the token {token} ({id})"),
            (_, _, Some(account)) => write!(f, " as {account}"),
            _ => Ok(()),
        }
    }
}

impl Administration {
    /// Acts on the hub, and records it in the log.
    pub fn new(
        hub: HubHandle,
        log: ChatLog,
        save_bans: SaveBans,
        max_text_bytes: Arc<AtomicUsize>,
    ) -> Administration {
        Administration {
            hub,
            log,
            save_bans: Mutex::new(save_bans),
            max_text_bytes,
            servers: None,
            accounts: None,
            spend: None,
        }
    }

    /// Lets it look up accounts and messages.
    pub fn with_accounts(self, accounts: Arc<Accounts>) -> Administration {
        Administration {
            accounts: Some(accounts),
            ..self
        }
    }

    /// Counts what is written for programs.
    pub fn with_spending(self, spend: Spend) -> Administration {
        Administration {
            spend: Some(spend),
            ..self
        }
    }

    /// Makes it part of several servers.
    pub fn among(self, servers: Box<dyn AllServers>) -> Administration {
        Administration {
            servers: Some(servers),
            ..self
        }
    }

    /// The users online on all servers, by nickname.
    pub fn people(&self, wanted: Wanted) -> Result<People, HubUnavailable> {
        let (list, more) = self.hub.everybody(wanted)?;
        let servers = self.servers.as_ref().map(|servers| servers.called());
        let server = |one: &Listed| {
            let servers = servers.as_ref()?;
            Some(match one.place {
                Place::Here { .. } => servers.here.clone(),
                Place::Elsewhere(node) => match servers.others.get(&node) {
                    Some(address) => address.clone(),
                    // The server has just joined, or left.
                    None => format!("{:016x}", node.0),
                },
            })
        };
        let list = list.into_iter().map(|one| {
            let server = server(&one);
            (one, server)
        });
        Ok(People {
            list: list.collect(),
            more,
        })
    }

    /// A text that users will see, cleaned; or what is wrong with it.
    pub fn text(&self, raw: &str) -> Result<Text, String> {
        let limit = self.max_text_bytes.load(Ordering::Relaxed);
        if raw.len() > limit {
            return Err(format!("longer than {limit} bytes"));
        }
        let text = Text::clean(raw);
        match text.is_empty() {
            true => Err("has nothing in it".to_owned()),
            false => Ok(text),
        }
    }

    /// A text that a program has made, cleaned; the end of one that is too long is cut off.
    pub fn fitted(&self, raw: &str) -> Result<Text, String> {
        let limit = self.max_text_bytes.load(Ordering::Relaxed);
        let text = Text::clean(raw);
        if text.as_str().len() <= limit {
            return self.text(text.as_str());
        }
        let room = limit.saturating_sub(CUT_OFF.len());
        let kept = text.as_str();
        let kept = kept.get(..kept.floor_char_boundary(room));
        self.text(&format!("{}{CUT_OFF}", kept.unwrap_or_default()))
    }

    /// A reason, which is one line, if given.
    pub fn reason(&self, raw: Option<&str>) -> Result<Option<Text>, String> {
        let raw = raw.filter(|raw| !raw.trim().is_empty());
        raw.map(|raw| self.text(Text::one_line(raw).as_str()))
            .transpose()
    }

    /// Sends a text to every connected client of every protocol. Returns how many there were.
    pub fn announce(&self, actor: Actor, text: Text) -> Result<usize, HubUnavailable> {
        let by = actor.clone();
        let told = self.hub.ask(move |hub, now, fx| {
            let told = hub.announce(text.clone(), now, fx);
            let what = format!("announced to {told} connections: {text}");
            fx.log(by.did(now.unix_ms, None, what));
            told
        })?;
        ::log::info!("{actor}: announced to {told} connections");
        Ok(told)
    }

    /// Ends all connections of a user. Returns how many there were.
    pub fn kick(
        &self,
        actor: Actor,
        name: &Name,
        reason: Option<Text>,
    ) -> Result<usize, HubUnavailable> {
        let kicked = name.clone();
        let by = actor.clone();
        let count = self.hub.ask(move |hub, now, fx| {
            let count = hub.kick(&kicked, reason.clone(), now, fx);
            let why = reason.map_or_else(String::new, |reason| format!(": {reason}"));
            let what = format!("disconnected {kicked} ({count} connections){why}");
            if count > 0 {
                fx.log(by.did(now.unix_ms, Some(&kicked), what));
            }
            count
        })?;
        if count > 0 {
            ::log::info!("{actor}: disconnected {name}");
        }
        Ok(count)
    }

    /// The bans in force.
    pub fn bans(&self) -> Result<Vec<Ban>, HubUnavailable> {
        self.hub.bans()
    }

    /// Bans until `expires_ms` (since 1970 UTC), and disconnects the users it applies to.
    pub fn ban(
        &self,
        actor: Actor,
        target: BanTarget,
        reason: Option<Text>,
        expires_ms: Option<u64>,
    ) -> Result<Ban, BansFailed> {
        let number = match &self.servers {
            None => None,
            Some(servers) => {
                let above = self.hub.ask(|hub, _, _| hub.last_ban_id())?;
                let number = servers.ban_number(above);
                Some(number.ok_or(BansFailed::CannotAgree)?)
            }
        };
        // Held until saved, so that an older list never overwrites a newer one.
        let save = self.save_bans.lock();
        let by = actor.clone();
        let ban = self.hub.ask(move |hub, now, fx| {
            let ban = match number {
                Some(number) => hub.ban_as(number, target, reason, expires_ms, now, fx),
                None => hub.ban(target, reason, expires_ms, now, fx),
            };
            if let Ok(ban) = &ban {
                let what = format!("made {}", in_words(ban));
                fx.log(by.did(now.unix_ms, nickname(ban), what));
            }
            ban
        })?;
        let ban = ban.map_err(BansFailed::Refused)?;
        ::log::info!("{actor}: ban {} made", ban.id);
        self.save_by(&save)?;
        Ok(ban)
    }

    /// Lifts a ban.
    pub fn unban(&self, actor: Actor, id: u64) -> Result<(), BansFailed> {
        let save = self.save_bans.lock();
        let by = actor.clone();
        let lifted = self.hub.ask(move |hub, now, fx| {
            let lifted = hub.unban(id, fx);
            if let Some(ban) = &lifted {
                let what = format!("lifted {}", in_words(ban));
                fx.log(by.did(now.unix_ms, nickname(ban), what));
            }
            lifted.is_some()
        })?;
        if !lifted {
            return Err(BansFailed::NoSuchBan(id));
        }
        ::log::info!("{actor}: ban {id} lifted");
        self.save_by(&save)
    }

    /// Saves the bans. The change is already in force, saved or not.
    fn save_by(&self, save: &SaveBans) -> Result<(), BansFailed> {
        let not_saved = |why: String| BansFailed::NotSaved(why);
        let all = self.hub.bans().map_err(|why| not_saved(why.to_string()))?;
        save(&all).map_err(|why| not_saved(why.to_string()))
    }

    /// Records an attempt with a wrong token.
    pub fn refused(&self, actor: Actor, wanted: &str) {
        ::log::warn!("{actor}: wrong admin token for {wanted}");
        let what = format!("refused: wrong admin token for {wanted}");
        let entry = Entry {
            is_refusal: true,
            ..actor.did(unix_ms(), None, what)
        };
        // For watches only: the chat log has the entry even without a hub.
        let _ = self.hub.send(Input::Tell(Box::new(entry.clone())));
        self.log.record(entry);
    }
}

impl From<HubUnavailable> for BansFailed {
    fn from(_: HubUnavailable) -> BansFailed {
        BansFailed::Hub
    }
}

/// An address or a network, as people write them and as lists of users show them: possibly with a
/// port or in brackets, which are ignored.
pub fn network(raw: &str) -> Option<IpNet> {
    let raw = raw.trim();
    let bare = raw.strip_prefix('[').and_then(|raw| raw.strip_suffix(']'));
    let address = bare.unwrap_or(raw).parse::<IpAddr>();
    let address = address.or_else(|_| raw.parse().map(|with_port: SocketAddr| with_port.ip()));
    match address {
        Ok(address) => Some(IpNet::from(address)),
        Err(_) => raw.parse().ok(),
    }
}

/// A network as people read it: one with a single address is shown as that address.
pub fn shown(net: IpNet) -> String {
    match net.prefix_len() == net.max_prefix_len() {
        true => net.addr().to_string(),
        false => net.to_string(),
    }
}

/// A ban as the audit trail names it.
fn in_words(ban: &Ban) -> String {
    let target = match &ban.target {
        BanTarget::Nickname(name) => format!("nickname {name}"),
        BanTarget::Address(net) => format!("address {}", shown(*net)),
    };
    let end = ban.expires_ms.map(rfc3339);
    let end = end.map_or_else(|| "for ever".to_owned(), |end| format!("until {end}"));
    let reason = ban.reason.as_ref();
    let reason = reason.map_or_else(String::new, |reason| format!(": {reason}"));
    format!("ban {} of {target} {end}{reason}", ban.id)
}

/// The nickname that a ban is for, if it has one.
fn nickname(ban: &Ban) -> Option<&Name> {
    match &ban.target {
        BanTarget::Nickname(name) => Some(name),
        BanTarget::Address(_) => None,
    }
}
