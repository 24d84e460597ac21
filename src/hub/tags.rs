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

#[derive(Clone, Copy)]
struct Known {
    until_ms: u64,
    fate: Fate,
}

/// What has become of a tagged message.
#[derive(Clone, Copy)]
enum Fate {
    /// It waits to be committed. Somebody else than its sender may have
    /// asked: the same client on a newer connection.
    Awaited(Option<ConnectionId>),
    /// It has been published.
    Stored(MessageId),
}

impl Tags {
    fn remember(&mut self, key: TagKey, fate: Fate, now: Now) {
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
        self.known.insert(key, Known { until_ms, fate });
    }

    /// Tags remembered now.
    pub fn len(&self) -> usize {
        self.by_age.len()
    }
}

impl Hub {
    /// Sends a message unless it was sent before, and says what became of it.
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
                Fate::Stored(message) => {
                    let id_of_message = *message;
                    fx.tell(id, stored(tag, id_of_message));
                }
                Fate::Awaited(asked) => *asked = Some(id),
            }
            return Ok(());
        }
        let before = self.last_id;
        if let Err(refusal) = self.carry_out(id, message, now, fx) {
            fx.tell(id, Event::NotSent { tag, refusal });
            return Ok(());
        }
        // Every message takes the next id.
        let sent = self.last_id;
        if let Some(unsettled) = self.unsettled.get_mut(&sent) {
            unsettled.tag = Some(key.clone());
            self.tags.remember(key, Fate::Awaited(None), now);
        } else if sent > before {
            self.tags.remember(key, Fate::Stored(sent), now);
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
        let mut asked = None;
        if let Some(known) = self.tags.known.get_mut(&key) {
            if let Fate::Awaited(other) = known.fate {
                asked = other;
            }
            known.fate = Fate::Stored(message);
        }
        if !committed {
            self.tags.known.remove(&key);
        }
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

    /// Tags of messages that are remembered.
    pub fn remembered_tags(&self) -> usize {
        self.tags.len()
    }
}

fn stored(tag: Tag, id: MessageId) -> Event {
    Event::Stored { tag, id }
}
