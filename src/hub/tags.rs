//! Tags: what a client calls a message until it has an id.
//!
//! A client that is cut off cannot know whether its last messages arrived. It
//! sends them again with the same tags, and those that did arrive are not
//! published a second time.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::Arc;

use super::{Command, ConnectionId, Effects, Event, Hub, MessageId, Now, Refusal};

/// How long a tag is remembered.
const REMEMBERED_MS: u64 = 10 * 60 * 1000;
/// Tags remembered at once; beyond, the oldest are forgotten earlier.
const MAX_TAGS: usize = 65_536;
/// Longest tag, in bytes.
const MAX_TAG_BYTES: usize = 64;

/// A client's own name for a message.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Tag(Arc<str>);

/// The string is not 1 to 64 printable ASCII characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadTag;

impl Tag {
    /// Takes 1 to 64 printable ASCII characters.
    pub fn parse(raw: &str) -> Result<Tag, BadTag> {
        let fits = (1..=MAX_TAG_BYTES).contains(&raw.len());
        match fits && raw.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
            true => Ok(Tag(raw.into())),
            false => Err(BadTag),
        }
    }

    /// The tag as the client wrote it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BadTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "1 to {MAX_TAG_BYTES} printable ASCII characters")
    }
}

impl std::error::Error for BadTag {}

/// Whose tag it is, by [`crate::name::Name::key`], and the tag.
pub(super) type TagKey = (Arc<str>, Tag);

/// The tags of messages sent lately.
#[derive(Default)]
pub(super) struct Tags {
    known: HashMap<TagKey, Known>,
    /// In the order in which they are to be forgotten.
    by_age: VecDeque<(u64, TagKey)>,
}

struct Known {
    until_ms: u64,
    message: MessageId,
    fate: Fate,
}

/// What has become of a tagged message.
enum Fate {
    /// It waits to be committed. Others than its sender may have asked: the
    /// same client on newer connections.
    Awaited(Vec<ConnectionId>),
    /// It has been published.
    Stored,
}

impl Tags {
    fn remember(&mut self, key: TagKey, message: MessageId, fate: Fate, now: Now) {
        while let Some((until_ms, _)) = self.by_age.front()
            && (*until_ms <= now.ticks_ms || self.by_age.len() >= MAX_TAGS)
        {
            let Some((until_ms, old)) = self.by_age.pop_front() else {
                break;
            };
            // It may have been used again since.
            if self.known.get(&old).is_some_and(|k| k.until_ms == until_ms) {
                self.known.remove(&old);
            }
        }
        let until_ms = now.ticks_ms + REMEMBERED_MS;
        self.by_age.push_back((until_ms, key.clone()));
        let known = Known {
            until_ms,
            message,
            fate,
        };
        self.known.insert(key, known);
    }

    /// A message is committed, or not: those who asked besides its sender.
    fn settle(&mut self, key: &TagKey, message: MessageId, committed: bool) -> Vec<ConnectionId> {
        // The tag may be another message's by now, if this took so long.
        let known = self.known.get_mut(key);
        let Some(known) = known.filter(|known| known.message == message) else {
            return Vec::new();
        };
        let before = std::mem::replace(&mut known.fate, Fate::Stored);
        if !committed {
            self.known.remove(key);
        }
        match before {
            Fate::Awaited(asked) => asked,
            Fate::Stored => Vec::new(),
        }
    }

    /// Tags remembered now.
    pub fn len(&self) -> usize {
        self.by_age.len()
    }
}

impl Hub {
    /// Sends a message unless it was sent before, and says what became of it.
    /// What is refused is refused with the tag.
    pub(super) fn send_tagged(
        &mut self,
        id: ConnectionId,
        tag: Tag,
        message: Command,
        now: Now,
        fx: &mut Effects,
    ) -> Result<(), Refusal> {
        let (nickname, _) = self.user_of(id)?;
        let key = (nickname.key().clone(), tag.clone());
        let known = self.tags.known.get_mut(&key);
        if let Some(known) = known.filter(|known| known.until_ms > now.ticks_ms) {
            match &mut known.fate {
                Fate::Stored => fx.tell(id, stored(tag, known.message)),
                // Each once, or the list would grow with every question.
                Fate::Awaited(asked) if !asked.contains(&id) => asked.push(id),
                Fate::Awaited(_) => {}
            }
            return Ok(());
        }
        let before = self.last_id;
        self.carry_out(id, message, now, fx)?;
        // Every message takes the next id.
        let sent = self.last_id;
        if let Some(unsettled) = self.unsettled.get_mut(&sent) {
            unsettled.tag = Some(key.clone());
            self.tags
                .remember(key, sent, Fate::Awaited(Vec::new()), now);
        } else if sent > before {
            self.tags.remember(key, sent, Fate::Stored, now);
            fx.tell(id, stored(tag, sent));
        }
        Ok(())
    }

    /// Says what became of a tagged message that had to be committed.
    pub(super) fn settle_tag(
        &mut self,
        sender: ConnectionId,
        key: TagKey,
        message: MessageId,
        committed: bool,
        fx: &mut Effects,
    ) {
        let asked = self.tags.settle(&key, message, committed);
        let (_, tag) = key;
        for id in std::iter::once(sender).chain(asked) {
            let event = match committed {
                true => stored(tag.clone(), message),
                false => Event::NotSent {
                    tag: tag.clone(),
                    refusal: Refusal::NotStored,
                },
            };
            if self.connection(id).is_some() {
                fx.tell(id, event);
            }
        }
    }
}

fn stored(tag: Tag, id: MessageId) -> Event {
    Event::Stored { tag, id }
}
