//! Messages as entries of the log: JSON with short names, and a version.
//!
//! What cannot be read is an error, never a guess: an entry of a later version is left to servers
//! that know it.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::hub::{ConnectionId, Draft, NodeId, Private};
use crate::model::governance::{By, Change, ChannelChange};
use crate::model::{AccountId, Conversation, Message, MessageId, Name, Place, Record, Text};

/// The version of entries that every server reads.
pub const VERSION: u32 = 1;
/// The version of changes of a channel's rules, which older servers skip.
pub const CHANGE_VERSION: u32 = 2;

/// Why an entry is skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// It was written by a newer server.
    Newer,
    /// It is malformed.
    Bad,
}

/// A message in the log.
#[derive(Clone, Debug)]
pub struct LogEntry {
    /// The server that received it.
    pub node: NodeId,
    /// The id that server gave its draft.
    pub draft: MessageId,
    /// The sender's connection on that server.
    pub sender: ConnectionId,
    /// The message or the change, with its final id.
    pub record: Record,
    /// The recipient of a private message, as shown.
    pub to: Option<Name>,
}

#[derive(Serialize, Deserialize)]
struct Wire<'a> {
    v: u32,
    /// The draft's id.
    d: (u64, u64),
    /// The sender's connection.
    s: (u32, u32),
    at: u64,
    /// The author, as shown.
    by: Cow<'a, str>,
    /// The channel; private messages have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    c: Option<Cow<'a, str>>,
    /// The author's account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    a: Option<i64>,
    /// The recipient's account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    b: Option<i64>,
    /// The recipient, as shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    to: Option<Cow<'a, str>>,
    t: Cow<'a, str>,
    /// A change of the channel's rules, instead of a text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    g: Option<WireChange>,
}

#[derive(Serialize, Deserialize)]
struct WireChange {
    by: By,
    changes: Vec<Change>,
}

/// The part that every version has.
#[derive(Deserialize)]
struct AnyVersion {
    v: u32,
}

/// The entry of a draft.
pub fn encode(draft: &Draft) -> Vec<u8> {
    let message = match &draft.record {
        Record::Message(message) => message,
        Record::Change(change) => return encode_change(draft, change),
    };
    let (channel, from, to) = match &message.place {
        Place::Channel { channel, account } => (Some(channel), *account, None),
        Place::Direct { from, to } => (None, Some(*from), Some(*to)),
    };
    let wire = Wire {
        v: VERSION,
        d: (message.id.ms, message.id.sequence),
        s: (draft.sender.index, draft.sender.generation),
        at: message.at_ms,
        by: message.author.as_str().into(),
        c: channel.map(|channel| channel.as_str().into()),
        a: from.map(|account| account.0),
        b: to.map(|account| account.0),
        to: draft.to.as_ref().map(|name| name.as_str().into()),
        t: message.text.as_str().into(),
        g: None,
    };
    // It contains nothing that JSON cannot hold.
    serde_json::to_vec(&wire).unwrap_or_default()
}

fn encode_change(draft: &Draft, change: &ChannelChange) -> Vec<u8> {
    let by = change.by.shown();
    let wire = Wire {
        v: CHANGE_VERSION,
        d: (change.id.ms, change.id.sequence),
        s: (draft.sender.index, draft.sender.generation),
        at: change.at_ms,
        by: by.as_str().into(),
        c: Some(change.channel.as_str().into()),
        a: change.by.account().map(|account| account.0),
        b: None,
        to: None,
        t: "".into(),
        g: Some(WireChange {
            by: change.by.clone(),
            changes: change.changes.clone(),
        }),
    };
    serde_json::to_vec(&wire).unwrap_or_default()
}

/// The message in an entry.
pub fn decode(node: NodeId, id: MessageId, bytes: &[u8]) -> Result<LogEntry, Unreadable> {
    let wire: Wire<'_> = parse(bytes)?;
    if wire.v != VERSION && wire.v != CHANGE_VERSION {
        return Err(Unreadable::Newer);
    }
    let name = |text: &str| Name::parse(text).map_err(|_| Unreadable::Bad);
    let common = |record, to| LogEntry {
        node,
        draft: MessageId {
            ms: wire.d.0,
            sequence: wire.d.1,
        },
        sender: ConnectionId {
            index: wire.s.0,
            generation: wire.s.1,
        },
        record,
        to,
    };
    if let Some(WireChange { by, changes }) = wire.g {
        let channel = wire.c.as_deref().ok_or(Unreadable::Bad)?;
        let change = ChannelChange {
            id,
            at_ms: wire.at,
            channel: name(channel)?,
            by,
            changes,
        };
        return Ok(common(Record::Change(Box::new(change)), None));
    }
    let place = match (&wire.c, wire.a, wire.b) {
        (Some(channel), account, None) => Place::Channel {
            channel: name(channel)?,
            account: account.map(AccountId),
        },
        (None, Some(from), Some(to)) => Place::Direct {
            from: AccountId(from),
            to: AccountId(to),
        },
        _ => return Err(Unreadable::Bad),
    };
    let message = Message {
        id,
        at_ms: wire.at,
        author: name(&wire.by)?,
        place,
        text: Text::as_sent(&wire.t),
    };
    let to = wire.to.as_deref().map(name).transpose()?;
    Ok(common(Record::Message(message), to))
}

/// Parses JSON, and tells malformed data from that of a newer version.
pub fn parse<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Unreadable> {
    serde_json::from_slice(bytes).map_err(|_| match serde_json::from_slice(bytes) {
        Ok(AnyVersion { v }) if v > VERSION => Unreadable::Newer,
        _ => Unreadable::Bad,
    })
}

impl LogEntry {
    /// The conversation it belongs to.
    pub fn conversation(&self) -> Conversation {
        self.record.conversation()
    }

    /// The message as its two parties receive it.
    pub fn private_message(&self) -> Option<(Private, AccountId)> {
        let message = self.record.message()?;
        match (&message.place, &self.to) {
            (Place::Direct { from, .. }, Some(to)) => Some((
                Private {
                    id: message.id,
                    at_ms: message.at_ms,
                    from: message.author.clone(),
                    to: to.clone(),
                    text: message.text.clone(),
                },
                *from,
            )),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn draft(place: Place, to: Option<Name>, text: &str) -> Draft {
        Draft {
            record: Record::Message(Message {
                id: MessageId { ms: 7, sequence: 8 },
                at_ms: 9,
                author: Name::parse("Zoë").unwrap(),
                place,
                text: Text::clean(text),
            }),
            to,
            tag: None,
            sender: ConnectionId {
                index: 1,
                generation: 2,
            },
        }
    }

    fn channel() -> Place {
        Place::Channel {
            channel: Name::parse("dev").unwrap(),
            account: None,
        }
    }

    fn read(bytes: &[u8]) -> Result<LogEntry, Unreadable> {
        decode(NodeId(5), MessageId { ms: 1, sequence: 2 }, bytes)
    }

    #[test]
    fn an_entry_is_small() {
        let bytes = encode(&draft(channel(), None, "hello"));
        assert_eq!(
            String::from_utf8(bytes).unwrap(),
            r#"{"v":1,"d":[7,8],"s":[1,2],"at":9,"by":"Zoë","c":"dev","t":"hello"}"#
        );
    }

    #[test]
    fn what_is_new_is_told_from_what_is_broken() {
        let bytes = encode(&draft(channel(), None, "x"));
        let text = String::from_utf8(bytes).unwrap();
        let newer = text.replace(r#""v":1"#, r#""v":3"#);
        assert_eq!(read(newer.as_bytes()).unwrap_err(), Unreadable::Newer);
        assert_eq!(read(br#"{"v":4,"x":[]}"#).unwrap_err(), Unreadable::Newer);
        for bad in [
            "",
            "{}",
            r#"{"v":1}"#,
            &text.replace("dev", "d v"),
            &text.replace(r#""c":"dev","#, ""),
        ] {
            assert_eq!(read(bad.as_bytes()).unwrap_err(), Unreadable::Bad, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn entries_come_back_as_they_went(text in "\\PC{0,80}", direct: bool, account: Option<i64>) {
            let (place, to) = match direct {
                true => {
                    let place = Place::Direct { from: AccountId(3), to: AccountId(4) };
                    (place, Some(Name::parse("bob").unwrap()))
                }
                false => {
                    let account = account.map(AccountId);
                    let channel = Name::parse("dev").unwrap();
                    (Place::Channel { channel, account }, None)
                }
            };
            let draft = draft(place, to, &text);
            let entry = read(&encode(&draft)).unwrap();
            prop_assert_eq!(entry.draft, draft.record.id());
            prop_assert_eq!(entry.sender, draft.sender);
            prop_assert_eq!(entry.record.message().unwrap().text.as_str(), draft.record.message().unwrap().text.as_str());
            prop_assert_eq!(entry.record.message().unwrap().author.as_str(), "Zoë");
            prop_assert_eq!(entry.conversation(), draft.record.conversation());
            prop_assert_eq!(entry.private_message().is_some(), direct);
            prop_assert_eq!(entry.record.message().unwrap().place.channel().is_some(), !direct);
        }

        #[test]
        fn nothing_makes_the_decoder_fall(bytes: Vec<u8>) {
            let _ = read(&bytes);
        }
    }
}
