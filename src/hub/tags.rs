//! Tags: what a client calls a message until it has an id.
//!
//! A client that is cut off cannot know whether its last messages arrived. It
//! sends them again with the same tags, and those that did arrive are not
//! published a second time.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::Arc;

use super::{Command, ConnectionId, Effects, Event, Hub, MessageId, Now, Refusal};

/// How long a tag is remembered once its message is published.
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
    known: HashMap<TagKey, Fate>,
    /// Those of messages that were published, in the order in which they are
    /// to be forgotten.
    by_age: VecDeque<(u64, TagKey)>,
}

/// What has become of a tagged message.
enum Fate {
    /// It waits to be committed, and is known for as long as that takes.
    /// Others than its sender may have asked: the same client on newer
    /// connections.
    Awaited(Vec<ConnectionId>),
    /// It has been published, and is known for a while.
    Stored { message: MessageId, until_ms: u64 },
}

impl Tags {
    /// What has become of the message, if it is known still.
    fn get_mut(&mut self, key: &TagKey, now: Now) -> Option<&mut Fate> {
        let fate = self.known.get_mut(key)?;
        match fate {
            Fate::Stored { until_ms, .. } if *until_ms <= now.ticks_ms => None,
            fate => Some(fate),
        }
    }

    /// A message waits to be committed.
    fn await_commit(&mut self, key: TagKey) {
        self.known.insert(key, Fate::Awaited(Vec::new()));
    }

    /// A message is published.
    fn store(&mut self, key: TagKey, message: MessageId, now: Now) {
        while let Some((until_ms, _)) = self.by_age.front()
            && (*until_ms <= now.ticks_ms || self.by_age.len() >= MAX_TAGS)
        {
            self.forget_oldest();
        }
        let until_ms = now.ticks_ms + REMEMBERED_MS;
        self.by_age.push_back((until_ms, key.clone()));
        self.known.insert(key, Fate::Stored { message, until_ms });
    }

    fn forget_oldest(&mut self) {
        let Some((oldest, key)) = self.by_age.pop_front() else {
            return;
        };
        // It may be another message's by now.
        let fate = self.known.get(&key);
        if matches!(fate, Some(Fate::Stored { until_ms, .. }) if *until_ms == oldest) {
            self.known.remove(&key);
        }
    }

    /// A message is committed, or not: those who asked besides its sender.
    fn settle(&mut self, key: &TagKey, message: Option<MessageId>, now: Now) -> Vec<ConnectionId> {
        let before = self.known.remove(key);
        if let Some(message) = message {
            self.store(key.clone(), message, now);
        }
        match before {
            Some(Fate::Awaited(asked)) => asked,
            Some(Fate::Stored { .. }) | None => Vec::new(),
        }
    }

    /// Tags that are known.
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Tags to be forgotten by and by.
    pub fn aging(&self) -> usize {
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
        match self.tags.get_mut(&key, now) {
            Some(Fate::Stored { message, .. }) => {
                fx.tell(id, stored(tag, *message));
                return Ok(());
            }
            Some(Fate::Awaited(asked)) => {
                // Each once, or the list would grow with every question.
                if !asked.contains(&id) {
                    asked.push(id);
                }
                return Ok(());
            }
            None => {}
        }
        let before = self.last_id;
        self.carry_out(id, message, now, fx)?;
        // Every message takes the next id.
        let sent = self.last_id;
        if let Some(unsettled) = self.unsettled.get_mut(&sent) {
            unsettled.tag = Some(key.clone());
            fx.tag(sent, key.clone());
            self.tags.await_commit(key);
        } else if sent > before {
            self.tags.store(key, sent, now);
            fx.tell(id, stored(tag, sent));
        }
        Ok(())
    }

    /// Says what became of a tagged message that had to be committed.
    pub(super) fn settle_tag(
        &mut self,
        sender: ConnectionId,
        key: TagKey,
        committed: Option<MessageId>,
        now: Now,
        fx: &mut Effects,
    ) {
        let asked = self.tags.settle(&key, committed, now);
        let (_, tag) = key;
        for id in std::iter::once(sender).chain(asked) {
            let event = match committed {
                Some(message) => stored(tag.clone(), message),
                None => Event::NotSent {
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
