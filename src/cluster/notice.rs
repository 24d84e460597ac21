//! What servers tell each other without keeping it, as entries of the news: JSON, with a version as
//! in the log.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::hub::{Ban, BanTarget, Nickname, Order, Private, RosterChange, SignedOut};
use crate::model::governance::{Cloak, Role};
use crate::model::{AccountId, Body, MessageId, Name, Notify, Text};

use super::entry::{CHANGE_VERSION, Unreadable, VERSION, parse};

/// Something told to all servers.
#[derive(Clone, Debug)]
pub enum Notice {
    /// A change of who is online on the sending server.
    Roster(RosterChange),
    /// An instruction to all servers.
    Order(Order),
    /// A private message that is not stored.
    Whisper {
        message: Private,
        from: Option<AccountId>,
    },
    /// The server is gone.
    Gone,
}

#[derive(Serialize, Deserialize)]
struct Envelope<T> {
    v: u32,
    d: T,
    /// What older servers do not know.
    #[serde(default, skip_serializing_if = "Extra::is_empty")]
    x: Extra,
}

/// What has been added to notices that older servers read, and that they pass over.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Extra {
    /// What stands for a member's address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cloak: Option<Cloak>,
    /// How a private message is meant, unless it is simply said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kind: Option<u8>,
    /// Its text with its styles, if it has any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    styled: Option<String>,
    /// Why a member left a channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// Whether an account whose connections end was deleted or disabled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    is_deleted: Option<bool>,
    /// What the account is called that a guest has logged in to, and how often that was changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nickname: Option<(String, u64)>,
    /// Whether its owner has ended all of its sign-ins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    is_everywhere: Option<bool>,
}

impl Extra {
    fn is_empty(&self) -> bool {
        let Extra {
            cloak,
            kind,
            styled,
            reason,
            is_deleted,
            nickname,
            is_everywhere,
        } = self;
        cloak.is_none()
            && kind.is_none()
            && styled.is_none()
            && reason.is_none()
            && is_deleted.is_none()
            && nickname.is_none()
            && is_everywhere.is_none()
    }
}

/// The written form. A name is written as it is shown.
#[derive(Serialize, Deserialize)]
enum Wire {
    Online(String, Option<i64>),
    Offline(String),
    Joined(String, String),
    Left(String, String),
    Away(String, Option<String>),
    Renamed(String, String, Option<i64>),
    Role(String, String, Option<Role>),
    Called(String, Option<(String, u64)>),
    Announce(String, u64),
    Kick(String, Option<String>),
    Ban(WireBan),
    Unban(WireTarget),
    Revoke(String),
    Replace(String),
    SignOut(String),
    EvictGuest(String),
    Typing {
        from: String,
        channel: Option<String>,
        to: Option<String>,
    },
    ChannelRead(String, String, (u64, u64)),
    ChannelMuted(String, String, bool),
    ChannelNotifies(String, String, String),
    Invite(String, String, String),
    Program(i64),
    Whisper {
        from: String,
        to: String,
        id: (u64, u64),
        at: u64,
        text: String,
        account: Option<i64>,
    },
    Gone,
}

#[derive(Serialize, Deserialize)]
struct WireBan {
    id: u64,
    target: WireTarget,
    reason: Option<String>,
    created: u64,
    expires: Option<u64>,
}

#[derive(Serialize, Deserialize)]
enum WireTarget {
    Nickname(String),
    Address(String),
}

/// A member of a server, as a newly started server reads it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Person {
    /// As shown.
    pub name: String,
    /// Guests have none.
    pub account: Option<i64>,
    /// What the account is called there, and how often that was changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nickname: Option<(String, u64)>,
    /// As shown.
    pub channels: Vec<String>,
    /// What stands for the member's address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloak: Option<Cloak>,
    /// What the member is in channels while in them, by the channels' names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub roles: BTreeMap<String, Role>,
}

fn pack<T: Serialize>(d: T) -> Vec<u8> {
    envelope(VERSION, d, Extra::default())
}

/// Packs what older servers pass over.
fn pack_newer<T: Serialize>(d: T) -> Vec<u8> {
    envelope(CHANGE_VERSION, d, Extra::default())
}

fn envelope<T: Serialize>(v: u32, d: T, x: Extra) -> Vec<u8> {
    // It contains nothing that JSON cannot hold.
    serde_json::to_vec(&Envelope { v, d, x }).unwrap_or_default()
}

fn unpack<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<(T, Extra), Unreadable> {
    let envelope: Envelope<T> = parse(bytes)?;
    match envelope.v {
        VERSION | CHANGE_VERSION => Ok((envelope.d, envelope.x)),
        _ => Err(Unreadable::Newer),
    }
}

impl Notice {
    /// Reads the notice in an entry.
    pub fn decode(bytes: &[u8]) -> Result<Notice, Unreadable> {
        let (wire, extra) = unpack::<Wire>(bytes)?;
        let mut notice = wire.read()?;
        match &mut notice {
            Notice::Roster(RosterChange::Online { cloak, .. }) => *cloak = extra.cloak,
            Notice::Order(Order::SignOut { why, .. }) => {
                *why = match extra.is_deleted {
                    None if extra.is_everywhere == Some(true) => SignedOut::Everywhere,
                    None => SignedOut::PasswordChanged,
                    Some(false) => SignedOut::Disabled,
                    Some(true) => SignedOut::Deleted,
                };
            }
            Notice::Roster(RosterChange::Renamed { nickname, .. }) => {
                *nickname = read_nickname(extra.nickname)?;
            }
            Notice::Roster(RosterChange::Left { reason, .. }) => {
                *reason = extra.reason.as_deref().map(Text::one_line);
            }
            Notice::Whisper { message, .. } => {
                let text = message.body.text.as_str();
                let kind = extra.kind.unwrap_or_default();
                message.body = Body::restored(kind, text, extra.styled.as_deref());
            }
            _ => {}
        }
        Ok(notice)
    }
}

/// The entry for a change of who is online.
pub fn roster(change: &RosterChange) -> Vec<u8> {
    let text = |name: &Name| name.as_str().to_owned();
    pack(match change {
        RosterChange::Online {
            name,
            account,
            cloak,
        } => {
            let cloak = cloak.clone();
            let wire = Wire::Online(text(name), account.map(|a| a.0));
            let extra = Extra {
                cloak,
                ..Extra::default()
            };
            return envelope(VERSION, wire, extra);
        }
        RosterChange::Role {
            name,
            channel,
            role,
        } => return pack_newer(Wire::Role(text(name), text(channel), *role)),
        RosterChange::Called { name, nickname } => {
            let nickname = nickname.as_ref().map(|it| (text(&it.name), it.version));
            return pack_newer(Wire::Called(text(name), nickname));
        }
        RosterChange::Offline { name } => Wire::Offline(text(name)),
        RosterChange::Joined { name, channel } => Wire::Joined(text(name), text(channel)),
        RosterChange::Left {
            name,
            channel,
            reason,
        } => {
            let extra = Extra {
                reason: reason.as_ref().map(owned),
                ..Extra::default()
            };
            return envelope(VERSION, Wire::Left(text(name), text(channel)), extra);
        }
        RosterChange::Away { name, text: why } => Wire::Away(text(name), why.as_ref().map(owned)),
        RosterChange::Renamed {
            from,
            to,
            account,
            nickname,
        } => {
            let wire = Wire::Renamed(text(from), text(to), account.map(|a| a.0));
            let nickname = nickname.as_ref().map(|it| (text(&it.name), it.version));
            let extra = Extra {
                nickname,
                ..Extra::default()
            };
            return envelope(VERSION, wire, extra);
        }
    })
}

/// The entry for an instruction.
pub fn order(order: &Order) -> Vec<u8> {
    let text = |name: &Name| name.as_str().to_owned();
    pack(match order {
        Order::Announce { text, at_ms } => Wire::Announce(text.as_str().to_owned(), *at_ms),
        Order::Kick { name, reason } => Wire::Kick(text(name), reason.as_ref().map(owned)),
        Order::Ban(ban) => Wire::Ban(ban.into()),
        Order::Unban(target) => Wire::Unban(target.into()),
        Order::Revoke { token } => Wire::Revoke(token.as_ref().to_owned()),
        Order::Replace { token } => Wire::Replace(token.as_ref().to_owned()),
        Order::SignOut { name, why } => match why {
            SignedOut::PasswordChanged => Wire::SignOut(text(name)),
            // Older servers end its connections as well.
            SignedOut::Everywhere => {
                let extra = Extra {
                    is_everywhere: Some(true),
                    ..Extra::default()
                };
                return envelope(VERSION, Wire::SignOut(text(name)), extra);
            }
            SignedOut::Disabled | SignedOut::Deleted => {
                let extra = Extra {
                    is_deleted: Some(*why == SignedOut::Deleted),
                    ..Extra::default()
                };
                return envelope(VERSION, Wire::SignOut(text(name)), extra);
            }
        },
        Order::EvictGuest { name } => Wire::EvictGuest(text(name)),
        Order::Typing { from, channel, to } => Wire::Typing {
            from: text(from),
            channel: channel.as_ref().map(text),
            to: to.as_ref().map(text),
        },
        Order::ChannelRead {
            name,
            channel,
            up_to,
        } => {
            let up_to = (up_to.ms, up_to.sequence);
            return pack_newer(Wire::ChannelRead(text(name), text(channel), up_to));
        }
        Order::ChannelMuted {
            name,
            channel,
            muted,
        } => return pack_newer(Wire::ChannelMuted(text(name), text(channel), *muted)),
        Order::ChannelNotifies {
            name,
            channel,
            notify,
        } => {
            let level = notify.as_str().to_owned();
            return pack_newer(Wire::ChannelNotifies(text(name), text(channel), level));
        }
        Order::Program { account } => return pack_newer(Wire::Program(account.0)),
        Order::Invite { name, channel, by } => {
            return pack_newer(Wire::Invite(text(name), text(channel), text(by)));
        }
    })
}

/// The entry for a private message that is not stored.
pub fn whisper(message: &Private, from: Option<AccountId>) -> Vec<u8> {
    let body = &message.body;
    let wire = Wire::Whisper {
        from: message.from.as_str().to_owned(),
        to: message.to.as_str().to_owned(),
        id: (message.id.ms, message.id.sequence),
        at: message.at_ms,
        text: body.text.as_str().to_owned(),
        account: from.map(|account| account.0),
    };
    let extra = Extra {
        kind: Some(body.kind.number()).filter(|&kind| kind != 0),
        styled: body.styled.as_ref().map(|it| it.as_str().to_owned()),
        ..Extra::default()
    };
    envelope(VERSION, wire, extra)
}

/// A ban, as kept for servers that start later.
pub fn ban(ban: &Ban) -> Vec<u8> {
    pack(WireBan::from(ban))
}

/// Reads a ban that was kept.
pub fn read_ban(bytes: &[u8]) -> Result<Ban, Unreadable> {
    unpack::<WireBan>(bytes)?.0.read()
}

/// Identifies a target among all targets.
pub fn target_key(target: &BanTarget) -> String {
    match target {
        BanTarget::Nickname(name) => format!("@{}", name.key()),
        BanTarget::Address(net) => net.to_string(),
    }
}

/// A member, as kept for servers that start later.
pub fn person(person: &Person) -> Vec<u8> {
    pack(person)
}

/// The changes that bring a member online who was not.
pub fn read_person(bytes: &[u8]) -> Result<Vec<RosterChange>, Unreadable> {
    let (person, _): (Person, Extra) = unpack(bytes)?;
    let name = read_name(&person.name)?;
    let mut changes = vec![RosterChange::Online {
        name: name.clone(),
        account: person.account.map(AccountId),
        cloak: person.cloak,
    }];
    if person.nickname.is_some() {
        changes.push(RosterChange::Called {
            name: name.clone(),
            nickname: read_nickname(person.nickname)?,
        });
    }
    for channel in &person.channels {
        changes.push(RosterChange::Joined {
            name: name.clone(),
            channel: read_name(channel)?,
        });
    }
    for (channel, role) in &person.roles {
        changes.push(RosterChange::Role {
            name: name.clone(),
            channel: read_name(channel)?,
            role: Some(*role),
        });
    }
    Ok(changes)
}

fn owned(text: &Text) -> String {
    text.as_str().to_owned()
}

fn read_name(text: &str) -> Result<Name, Unreadable> {
    Name::parse(text).map_err(|_| Unreadable::Bad)
}

fn read_optional(text: Option<String>) -> Result<Option<Name>, Unreadable> {
    text.as_deref().map(read_name).transpose()
}

fn read_nickname(nickname: Option<(String, u64)>) -> Result<Option<Nickname>, Unreadable> {
    let read = |(name, version): (String, u64)| {
        let name = read_name(&name)?;
        Ok(Nickname { name, version })
    };
    nickname.map(read).transpose()
}

fn signed_out(name: Name, why: SignedOut) -> Notice {
    Notice::Order(Order::SignOut { name, why })
}

impl Wire {
    fn read(self) -> Result<Notice, Unreadable> {
        let name = |text: String| read_name(&text);
        Ok(match self {
            Wire::Online(who, account) => Notice::Roster(RosterChange::Online {
                name: name(who)?,
                account: account.map(AccountId),
                cloak: None,
            }),
            Wire::Role(who, channel, role) => Notice::Roster(RosterChange::Role {
                name: name(who)?,
                channel: name(channel)?,
                role,
            }),
            Wire::Called(who, nickname) => Notice::Roster(RosterChange::Called {
                name: name(who)?,
                nickname: read_nickname(nickname)?,
            }),
            Wire::Offline(who) => Notice::Roster(RosterChange::Offline { name: name(who)? }),
            Wire::Joined(who, channel) => Notice::Roster(RosterChange::Joined {
                name: name(who)?,
                channel: name(channel)?,
            }),
            Wire::Left(who, channel) => Notice::Roster(RosterChange::Left {
                name: name(who)?,
                channel: name(channel)?,
                reason: None,
            }),
            Wire::Away(who, why) => Notice::Roster(RosterChange::Away {
                name: name(who)?,
                text: why.as_deref().map(Text::one_line),
            }),
            Wire::Renamed(from, to, account) => Notice::Roster(RosterChange::Renamed {
                from: name(from)?,
                to: name(to)?,
                account: account.map(AccountId),
                nickname: None,
            }),
            Wire::Announce(text, at_ms) => Notice::Order(Order::Announce {
                text: Text::clean(&text),
                at_ms,
            }),
            Wire::Kick(who, reason) => Notice::Order(Order::Kick {
                name: name(who)?,
                reason: reason.as_deref().map(Text::one_line),
            }),
            Wire::Ban(ban) => Notice::Order(Order::Ban(ban.read()?)),
            Wire::Unban(target) => Notice::Order(Order::Unban(target.read()?)),
            Wire::Revoke(token) => Notice::Order(Order::Revoke {
                token: Arc::from(token),
            }),
            Wire::Replace(token) => Notice::Order(Order::Replace {
                token: Arc::from(token),
            }),
            Wire::SignOut(who) => signed_out(name(who)?, SignedOut::PasswordChanged),
            Wire::EvictGuest(who) => Notice::Order(Order::EvictGuest { name: name(who)? }),
            Wire::Typing { from, channel, to } => Notice::Order(Order::Typing {
                from: name(from)?,
                channel: read_optional(channel)?,
                to: read_optional(to)?,
            }),
            Wire::ChannelRead(who, channel, (ms, sequence)) => Notice::Order(Order::ChannelRead {
                name: name(who)?,
                channel: name(channel)?,
                up_to: MessageId { ms, sequence },
            }),
            Wire::ChannelNotifies(who, channel, level) => Notice::Order(Order::ChannelNotifies {
                name: name(who)?,
                channel: name(channel)?,
                notify: Notify::from_word(&level).ok_or(Unreadable::Bad)?,
            }),
            Wire::ChannelMuted(who, channel, muted) => Notice::Order(Order::ChannelMuted {
                name: name(who)?,
                channel: name(channel)?,
                muted,
            }),
            Wire::Program(account) => Notice::Order(Order::Program {
                account: AccountId(account),
            }),
            Wire::Invite(who, channel, by) => Notice::Order(Order::Invite {
                name: name(who)?,
                channel: name(channel)?,
                by: name(by)?,
            }),
            Wire::Whisper {
                from,
                to,
                id: (ms, sequence),
                at,
                text,
                account,
            } => Notice::Whisper {
                message: Private {
                    id: MessageId { ms, sequence },
                    at_ms: at,
                    from: name(from)?,
                    to: name(to)?,
                    body: Text::clean(&text).into(),
                },
                from: account.map(AccountId),
            },
            Wire::Gone => Notice::Gone,
        })
    }
}

impl From<&Ban> for WireBan {
    fn from(ban: &Ban) -> WireBan {
        WireBan {
            id: ban.id,
            target: (&ban.target).into(),
            reason: ban.reason.as_ref().map(owned),
            created: ban.created_ms,
            expires: ban.expires_ms,
        }
    }
}

impl WireBan {
    fn read(self) -> Result<Ban, Unreadable> {
        Ok(Ban {
            id: self.id,
            target: self.target.read()?,
            reason: self.reason.as_deref().map(Text::one_line),
            created_ms: self.created,
            expires_ms: self.expires,
        })
    }
}

impl From<&BanTarget> for WireTarget {
    fn from(target: &BanTarget) -> WireTarget {
        match target {
            BanTarget::Nickname(name) => WireTarget::Nickname(name.as_str().to_owned()),
            BanTarget::Address(net) => WireTarget::Address(net.to_string()),
        }
    }
}

impl WireTarget {
    fn read(self) -> Result<BanTarget, Unreadable> {
        match self {
            WireTarget::Nickname(name) => read_name(&name).map(BanTarget::Nickname),
            WireTarget::Address(net) => net
                .parse()
                .map(BanTarget::network)
                .map_err(|_| Unreadable::Bad),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::MessageKind;

    fn name(text: &str) -> Name {
        Name::parse(text).unwrap()
    }

    #[test]
    fn changes_come_back_as_they_went() {
        let (who, channel) = (name("Zoë"), name("dev"));
        for change in [
            RosterChange::Online {
                name: who.clone(),
                account: Some(AccountId(7)),
                cloak: Cloak::parse("abc.guest"),
            },
            RosterChange::Role {
                name: who.clone(),
                channel: channel.clone(),
                role: Some(Role::Voice),
            },
            RosterChange::Offline { name: who.clone() },
            RosterChange::Joined {
                name: who.clone(),
                channel: channel.clone(),
            },
            RosterChange::Left {
                name: who.clone(),
                channel: channel.clone(),
                reason: None,
            },
            RosterChange::Left {
                name: who.clone(),
                channel,
                reason: Some(Text::clean("good night")),
            },
            RosterChange::Away {
                name: who.clone(),
                text: Some(Text::clean("lunch")),
            },
            RosterChange::Called {
                name: who.clone(),
                nickname: Some(Nickname {
                    name: name("zoe"),
                    version: 3,
                }),
            },
            RosterChange::Called {
                name: who.clone(),
                nickname: None,
            },
            RosterChange::Renamed {
                from: who.clone(),
                to: name("zoe"),
                account: None,
                nickname: None,
            },
            RosterChange::Renamed {
                from: who,
                to: name("zoe"),
                account: Some(AccountId(7)),
                nickname: Some(Nickname {
                    name: name("ann"),
                    version: 1,
                }),
            },
        ] {
            let Ok(Notice::Roster(read)) = Notice::decode(&roster(&change)) else {
                panic!("{change:?}");
            };
            assert_eq!(read, change);
        }
    }

    #[test]
    fn orders_come_back_as_they_went() {
        let text = Text::clean("because");
        let ban = Ban {
            id: 3,
            target: BanTarget::network("192.0.2.7/24".parse().unwrap()),
            reason: Some(text.clone()),
            created_ms: 5,
            expires_ms: None,
        };
        assert_eq!(read_ban(&super::ban(&ban)), Ok(ban.clone()));
        for what in [
            Order::Announce {
                text: text.clone(),
                at_ms: 9,
            },
            Order::Kick {
                name: name("bob"),
                reason: Some(text),
            },
            Order::Unban(ban.target.clone()),
            Order::Unban(BanTarget::Nickname(name("bob"))),
            Order::Ban(ban),
            Order::Revoke {
                token: "ABC".into(),
            },
            Order::Replace {
                token: "DEF".into(),
            },
            Order::SignOut {
                name: name("bob"),
                why: SignedOut::PasswordChanged,
            },
            Order::SignOut {
                name: name("bob"),
                why: SignedOut::Everywhere,
            },
            Order::SignOut {
                name: name("bob"),
                why: SignedOut::Disabled,
            },
            Order::SignOut {
                name: name("bob"),
                why: SignedOut::Deleted,
            },
            Order::EvictGuest { name: name("bob") },
            Order::Typing {
                from: name("bob"),
                channel: None,
                to: Some(name("eve")),
            },
            Order::ChannelRead {
                name: name("bob"),
                channel: name("dev"),
                up_to: MessageId { ms: 7, sequence: 2 },
            },
            Order::ChannelNotifies {
                name: name("bob"),
                channel: name("dev"),
                notify: Notify::All,
            },
            Order::ChannelMuted {
                name: name("bob"),
                channel: name("dev"),
                muted: true,
            },
            Order::Program {
                account: AccountId(7),
            },
            Order::Invite {
                name: name("bob"),
                channel: name("dev"),
                by: name("ann"),
            },
        ] {
            let Ok(Notice::Order(read)) = Notice::decode(&order(&what)) else {
                panic!("{what:?}");
            };
            assert_eq!(read, what);
        }
    }

    #[test]
    fn a_whisper_comes_back_as_it_went() {
        for body in [
            Text::clean("psst").into(),
            Body::plain(MessageKind::Notice, Text::clean("done")),
            Body::styled(MessageKind::Action, "\x0304waves"),
        ] {
            let sent = Private {
                id: MessageId { ms: 7, sequence: 2 },
                at_ms: 9,
                from: name("bob"),
                to: name("ann"),
                body,
            };
            let bytes = whisper(&sent, Some(AccountId(4)));
            let Ok(Notice::Whisper { message, from }) = Notice::decode(&bytes) else {
                panic!("{sent:?}");
            };
            assert_eq!((message.body, from), (sent.body, Some(AccountId(4))));
        }
    }

    #[test]
    fn the_end_of_a_server_is_written_by_scripts_too() {
        let written = include_str!("lua/beat.lua");
        let gone = String::from_utf8(pack(Wire::Gone)).unwrap();
        assert!(written.contains(&gone), "{gone}");
        assert!(include_str!("lua/leave.lua").contains(&gone));
        assert!(matches!(Notice::decode(gone.as_bytes()), Ok(Notice::Gone)));
        let newer = gone.replace(":1", ":3");
        assert!(matches!(
            Notice::decode(newer.as_bytes()),
            Err(Unreadable::Newer)
        ));
    }
}
