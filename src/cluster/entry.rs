//! Messages as entries of the log: JSON with short names, and a version.
//!
//! What cannot be read is an error, never a guess: an entry of a later version is left to servers
//! that know it.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::hub::{ConnectionId, Draft, NodeId, Private};
use crate::model::governance::{By, Change, ChannelChange};
use crate::model::{
    AccountId, Amendment, Body, Conversation, Keyed, Mark, Message, MessageId, Name, Once, Place,
    Reaction, Record, ReplyTo, Sign, Text,
};

/// The version of entries that every server reads.
pub const VERSION: u32 = 1;
/// The version of changes of a channel's rules, which older servers skip.
pub const CHANGE_VERSION: u32 = 2;
/// The version of changes of messages, which older servers skip.
pub const AMENDMENT_VERSION: u32 = 3;
/// The version of reactions to messages, which older servers skip.
pub const REACTION_VERSION: u32 = 4;

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
    /// How it is meant, unless it is simply said: older servers show it as if it were.
    #[serde(default, skip_serializing_if = "is_said")]
    k: u8,
    /// The text with its styles, if it has any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    st: Option<Cow<'a, str>>,
    /// Why a message was deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    w: Option<Cow<'a, str>>,
    /// A change of the channel's rules, instead of a text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    g: Option<WireChange>,
    /// The message that this changes: it says `t` from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    m: Option<WireMessage<'a>>,
    /// The message that this one answers: older servers pass over it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    r: Option<WireMessage<'a>>,
    /// A reaction to the message `m`, instead of a text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    x: Option<WireReaction<'a>>,
    /// What the program's call is known by: older servers pass over it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    o: Option<WireOnce<'a>>,
}

/// What a program's call is known by.
#[derive(Serialize, Deserialize)]
struct WireOnce<'a> {
    /// The token or hook.
    p: Cow<'a, str>,
    /// The mark of the call.
    m: Cow<'a, str>,
    /// The mark of what it publishes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    c: Option<Cow<'a, str>>,
}

/// A reaction.
#[derive(Serialize, Deserialize)]
struct WireReaction<'a> {
    /// The sign.
    s: Cow<'a, str>,
    /// Whether it is given.
    on: bool,
    /// The account of the user who reacts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    a: Option<i64>,
}

/// Another message.
#[derive(Serialize, Deserialize)]
struct WireMessage<'a> {
    /// The message's id.
    of: (u64, u64),
    /// The message's author, as shown.
    by: Cow<'a, str>,
}

#[derive(Serialize, Deserialize)]
struct WireChange {
    by: By,
    changes: Vec<Change>,
}

fn is_said(kind: &u8) -> bool {
    *kind == 0
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
        Record::Keyed(keyed) => &keyed.message,
        Record::Change(change) => return encode_change(draft, change),
        Record::Amend(amendment) => return encode_amendment(draft, amendment),
        Record::React(reaction) => return encode_reaction(draft, reaction),
    };
    let (channel, from, to) = parts(&message.place);
    let once = draft.tag.as_ref().and_then(|shared| shared.tag.once());
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
        t: message.body.text.as_str().into(),
        k: message.body.kind.number(),
        st: message.body.styled.as_ref().map(|it| it.as_str().into()),
        g: None,
        m: None,
        r: reply(&message.body),
        w: None,
        x: None,
        o: once.map(|once| once_of(once)),
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
        k: 0,
        st: None,
        g: Some(WireChange {
            by: change.by.clone(),
            changes: change.changes.clone(),
        }),
        m: None,
        r: None,
        w: None,
        x: None,
        o: None,
    };
    serde_json::to_vec(&wire).unwrap_or_default()
}

fn encode_amendment(draft: &Draft, amendment: &Amendment) -> Vec<u8> {
    let (channel, from, to) = parts(&amendment.place);
    let by = amendment.by.as_ref().unwrap_or(&amendment.author);
    let body = &amendment.body;
    let wire = Wire {
        v: AMENDMENT_VERSION,
        d: (amendment.id.ms, amendment.id.sequence),
        s: (draft.sender.index, draft.sender.generation),
        at: amendment.id.ms,
        by: by.as_str().into(),
        c: channel.map(|channel| channel.as_str().into()),
        a: from.map(|account| account.0),
        b: to.map(|account| account.0),
        to: amendment.to.as_ref().map(|name| name.as_str().into()),
        t: body.text.as_str().into(),
        k: body.kind.number(),
        st: body.styled.as_ref().map(|it| it.as_str().into()),
        g: None,
        m: Some(WireMessage {
            of: (amendment.message.ms, amendment.message.sequence),
            by: amendment.author.as_str().into(),
        }),
        r: reply(body),
        w: amendment.reason.as_ref().map(|it| it.as_str().into()),
        x: None,
        o: None,
    };
    serde_json::to_vec(&wire).unwrap_or_default()
}

fn encode_reaction(draft: &Draft, reaction: &Reaction) -> Vec<u8> {
    let (channel, from, to) = parts(&reaction.place);
    let wire = Wire {
        v: REACTION_VERSION,
        d: (reaction.id.ms, reaction.id.sequence),
        s: (draft.sender.index, draft.sender.generation),
        at: reaction.id.ms,
        by: reaction.by.as_str().into(),
        c: channel.map(|channel| channel.as_str().into()),
        a: from.map(|account| account.0),
        b: to.map(|account| account.0),
        to: reaction.to.as_ref().map(|name| name.as_str().into()),
        t: "".into(),
        k: 0,
        st: None,
        g: None,
        m: Some(WireMessage {
            of: (reaction.message.ms, reaction.message.sequence),
            by: reaction.author.as_str().into(),
        }),
        r: None,
        w: None,
        x: Some(WireReaction {
            s: reaction.sign.as_str().into(),
            on: reaction.on,
            a: reaction.account.map(|account| account.0),
        }),
        o: None,
    };
    serde_json::to_vec(&wire).unwrap_or_default()
}

/// The message that a body answers.
fn reply(body: &Body) -> Option<WireMessage<'_>> {
    body.reply().map(|reply| WireMessage {
        of: (reply.id.ms, reply.id.sequence),
        by: reply.author.as_str().into(),
    })
}

fn once_of(once: &Once) -> WireOnce<'_> {
    WireOnce {
        p: (&*once.program).into(),
        m: once.mark.as_str().into(),
        c: once.content.as_ref().map(|mark| mark.as_str().into()),
    }
}

fn id_of((ms, sequence): (u64, u64)) -> MessageId {
    MessageId { ms, sequence }
}

/// The channel, the author's account, and the recipient's.
fn parts(place: &Place) -> (Option<&Name>, Option<AccountId>, Option<AccountId>) {
    match place {
        Place::Channel { channel, account } => (Some(channel), *account, None),
        Place::Direct { from, to } => (None, Some(*from), Some(*to)),
    }
}

/// The message in an entry.
pub fn decode(node: NodeId, id: MessageId, bytes: &[u8]) -> Result<LogEntry, Unreadable> {
    let wire: Wire<'_> = parse(bytes)?;
    if !(VERSION..=REACTION_VERSION).contains(&wire.v) {
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
    let author = name(&wire.by)?;
    let reply = match &wire.r {
        Some(WireMessage { of, by }) => Some(ReplyTo {
            id: id_of(*of),
            author: name(by)?,
        }),
        None => None,
    };
    let body = Body::restored(wire.k, &wire.t, wire.st.as_deref()).replying_to(reply);
    let to = wire.to.as_deref().map(name).transpose()?;
    if let Some(WireReaction { s, on, a }) = &wire.x {
        let WireMessage { of, by } = wire.m.as_ref().ok_or(Unreadable::Bad)?;
        let reaction = Reaction {
            id,
            message: id_of(*of),
            place,
            author: name(by)?,
            to,
            by: author,
            account: a.map(AccountId),
            sign: Sign::parse(s).map_err(|_| Unreadable::Bad)?,
            on: *on,
        };
        return Ok(common(Record::React(Box::new(reaction)), None));
    }
    if let Some(WireMessage { of, by }) = &wire.m {
        let amendment = Amendment {
            id,
            message: id_of(*of),
            place,
            author: name(by)?,
            to,
            by: Some(author),
            body: body.changed_by(id),
            reason: wire.w.as_deref().map(Text::one_line),
        };
        return Ok(common(Record::Amend(Box::new(amendment)), None));
    }
    let message = Message {
        id,
        at_ms: wire.at,
        author,
        place,
        body,
    };
    let record = match wire.o {
        None => Record::Message(message),
        Some(WireOnce { p, m, c }) => {
            let once = Arc::new(Once {
                program: p.into(),
                mark: Mark::restore(&m),
                content: c.as_deref().map(Mark::restore),
            });
            Record::Keyed(Box::new(Keyed { message, once }))
        }
    };
    Ok(common(record, to))
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
                    body: message.body.clone(),
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
    use crate::model::{MessageKind, Text};
    use proptest::prelude::*;

    fn draft(place: Place, to: Option<Name>, text: &str) -> Draft {
        Draft {
            record: Record::Message(Message {
                id: MessageId { ms: 7, sequence: 8 },
                at_ms: 9,
                author: Name::parse("Zoë").unwrap(),
                place,
                body: Text::clean(text).into(),
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

    fn direct() -> Place {
        Place::Direct {
            from: AccountId(3),
            to: AccountId(4),
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

    /// A server of the release before passes over the two fields that it does not know.
    #[test]
    fn an_action_is_said_to_older_servers() {
        let mut draft = draft(channel(), None, "waves");
        if let Record::Message(message) = &mut draft.record {
            message.body = Body::styled(MessageKind::Action, "\x02waves");
        }
        let bytes = encode(&draft);
        assert_eq!(
            String::from_utf8(bytes.clone()).unwrap(),
            r#"{"v":1,"d":[7,8],"s":[1,2],"at":9,"by":"Zoë","c":"dev","t":"waves","k":1,"st":"\u0002waves"}"#
        );
        let read = read(&bytes).unwrap();
        let (there, here) = (read.record.message(), draft.record.message());
        assert_eq!(there.unwrap().body, here.unwrap().body);
    }

    /// Servers that know no answers show it as what was said.
    #[test]
    fn an_answer_comes_with_what_it_answers() {
        let mut draft = draft(channel(), None, "yes");
        let reply = ReplyTo {
            id: id_of((5, 6)),
            author: Name::parse("ann").unwrap(),
        };
        if let Record::Message(message) = &mut draft.record {
            message.body = message.body.clone().replying_to(Some(reply.clone()));
        }
        let bytes = encode(&draft);
        assert!(String::from_utf8_lossy(&bytes).ends_with(r#""r":{"of":[5,6],"by":"ann"}}"#));
        let read = read(&bytes).unwrap();
        assert_eq!(read.record.message().unwrap().body.reply(), Some(&reply));
    }

    #[test]
    fn a_reaction_comes_back_as_it_went() {
        for (place, to) in [(channel(), None), (direct(), Name::parse("bob").ok())] {
            let reaction = Reaction {
                id: id_of((1, 2)),
                message: id_of((0, 6)),
                place,
                author: Name::parse("ann").unwrap(),
                to,
                by: Name::parse("Zoë").unwrap(),
                account: Some(AccountId(4)),
                sign: Sign::parse("👍").unwrap(),
                on: true,
            };
            let draft = Draft {
                record: Record::React(Box::new(reaction.clone())),
                ..draft(channel(), None, "")
            };
            let bytes = encode(&draft);
            assert!(bytes.starts_with(br#"{"v":4,"#));
            match read(&bytes).unwrap().record {
                Record::React(read) => assert_eq!(*read, reaction),
                record => panic!("{record:?}"),
            }
        }
    }

    #[test]
    fn what_is_new_is_told_from_what_is_broken() {
        let bytes = encode(&draft(channel(), None, "x"));
        let text = String::from_utf8(bytes).unwrap();
        let newer = text.replace(r#""v":1"#, r#""v":5"#);
        assert_eq!(read(newer.as_bytes()).unwrap_err(), Unreadable::Newer);
        assert_eq!(read(br#"{"v":5,"x":[]}"#).unwrap_err(), Unreadable::Newer);
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
            prop_assert_eq!(&entry.record.message().unwrap().body, &draft.record.message().unwrap().body);
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
