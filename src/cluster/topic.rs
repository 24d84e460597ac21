//! What a server hears of in a chat in which each server hears only what its own people need, and
//! what one publication of it is.

use std::sync::Arc;

use crate::hub::NodeId;
use crate::model::{AccountId, Conversation, MessageId, Name, Record};

use super::keys::{EntryId, node_text, parse_node, shard_of_text};
use super::settings::ClusterSettings;

/// Marks, for the script that appends, an entry that all servers have to know.
const ALL: &str = "!";

/// Something that a server follows for its people.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Topic {
    /// What is said in a channel, by [`Name::key`].
    Channel(Arc<str>),
    /// What is said to a person, and by them to others.
    Person(AccountId),
}

impl Topic {
    pub fn channel(name: &Name) -> Topic {
        Topic::Channel(name.key().clone())
    }

    /// Who hears of a record; nobody in particular of a change of a channel's rules, which all
    /// servers have to know.
    pub fn of(record: &Record) -> Vec<Topic> {
        match record.conversation() {
            _ if matches!(record, Record::Change(_)) => Vec::new(),
            Conversation::Channel(channel) => vec![Topic::channel(&channel)],
            Conversation::Thread(one, other) if one == other => vec![Topic::Person(one)],
            Conversation::Thread(one, other) => vec![Topic::Person(one), Topic::Person(other)],
        }
    }

    /// Its name in keys. What is in braces says where a cluster of Redis keeps it: a channel with
    /// its log.
    pub fn text(&self, shards: u32) -> String {
        match self {
            Topic::Channel(key) => format!("{{{}}}:#{key}", shard_of_text(key, shards)),
            Topic::Person(AccountId(account)) => {
                let name = format!("@{account}");
                format!("{{{}}}:{name}", shard_of_text(&name, shards))
            }
        }
    }

    /// What [`Topic::text`] has made.
    pub fn parse(text: &str) -> Option<Topic> {
        let (_, name) = text.split_once("}:")?;
        match name.strip_prefix('#') {
            Some(key) => Some(Topic::Channel(key.into())),
            None => Some(Topic::Person(AccountId(
                name.strip_prefix('@')?.parse().ok()?,
            ))),
        }
    }
}

/// Who hears of a record, for the script that appends it.
pub fn told_of(record: &Record, shards: u32) -> String {
    let topics = Topic::of(record);
    let texts: Vec<String> = topics.iter().map(|topic| topic.text(shards)).collect();
    match texts.is_empty() {
        true => ALL.to_owned(),
        false => texts.join(" "),
    }
}

/// What Redis publishes it under, in full.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heading {
    /// What all servers have to know.
    News,
    /// That this server's own thread has something to do; with the time, if it is a beat.
    Own,
    Of(Topic),
}

/// The names that Redis publishes under.
pub struct Headings {
    prefix: String,
    shards: u32,
    own: String,
}

impl Headings {
    pub fn new(settings: &ClusterSettings, node: NodeId) -> Headings {
        Headings {
            prefix: format!("{}:t:", settings.prefix),
            shards: settings.shards,
            own: format!("node:{}", node_text(node)),
        }
    }

    pub fn text(&self, heading: &Heading) -> String {
        let rest = match heading {
            Heading::News => "news".to_owned(),
            Heading::Own => self.own.clone(),
            Heading::Of(topic) => topic.text(self.shards),
        };
        format!("{}{rest}", self.prefix)
    }

    pub fn is_own(&self, text: &str) -> bool {
        text.strip_prefix(&self.prefix) == Some(&self.own)
    }

    pub fn parse(&self, text: &str) -> Option<Heading> {
        match text.strip_prefix(&self.prefix)? {
            "news" => Some(Heading::News),
            own if own == self.own => Some(Heading::Own),
            rest => Topic::parse(rest).map(Heading::Of),
        }
    }
}

/// One entry as it was published.
#[derive(Debug, PartialEq, Eq)]
pub struct Publication {
    /// Its place among those of its topic.
    pub position: EntryId,
    /// The place of the one before it, as far as that is known.
    pub before: EntryId,
    /// The message in a log; news have none.
    pub message: Option<MessageId>,
    /// The server that wrote it; `None` if that is not a valid one.
    pub node: Option<NodeId>,
    pub entry: Vec<u8>,
}

impl Publication {
    pub fn parse(bytes: &[u8]) -> Option<Publication> {
        let mut parts = bytes.splitn(5, |byte| *byte == b' ');
        let mut text = || std::str::from_utf8(parts.next()?).ok();
        let position = text()?.parse().ok()?;
        let before = text()?.parse().ok()?;
        let message = text()?.parse::<EntryId>().ok();
        let node = parse_node(text()?);
        Some(Publication {
            position,
            before,
            message: message.map(EntryId::as_message),
            node,
            entry: parts.next()?.to_vec(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_come_back_as_they_were_written() {
        let name = Name::parse("Größe}:#x").or_else(|_| Name::parse("Größe"));
        for topic in [
            Topic::channel(&name.unwrap()),
            Topic::Channel("a}:#b".into()),
            Topic::Person(AccountId(12)),
        ] {
            let text = topic.text(16);
            assert_eq!(Topic::parse(&text), Some(topic), "{text}");
        }
        for text in ["", "{1}", "{1}:", "{1}:@", "{1}:@x", "{1}:dev"] {
            assert_eq!(Topic::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_publication_is_read_or_refused_whole() {
        let read = Publication::parse(b"7-1 6-0 7-64 00000000000000ff {\"t\":\"a b\"}").unwrap();
        let id = |ms, sequence| EntryId { ms, sequence };
        assert_eq!((read.position, read.before), (id(7, 1), id(6, 0)));
        assert_eq!(
            read.message,
            Some(MessageId {
                ms: 7,
                sequence: 64
            })
        );
        assert_eq!(read.node, Some(NodeId(255)));
        assert_eq!(read.entry, b"{\"t\":\"a b\"}");
        let news = Publication::parse(b"7-1 0-0 - x {}").unwrap();
        assert_eq!((news.message, news.node), (None, None));
        for bytes in ["", "7-1", "7-1 0-0 - x", "7 0-0 - x {}", "7-1 x - x {}"] {
            assert_eq!(Publication::parse(bytes.as_bytes()), None, "{bytes}");
        }
    }
}
